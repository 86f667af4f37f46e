/* Executors, sink and counters of a client. Executors are only ever added, so readers take no lock. */
#include "serde/rule_ext.h"
#include <stdatomic.h>
#include <strings.h>

static void stats_free(void *value) {
    rule_stats_t *s = value;
    if (s != NULL) {
        mem_free((char *)(uintptr_t)s->rule);
        mem_free((char *)(uintptr_t)s->type);
        mem_free((char *)(uintptr_t)s->subject);
        mem_free(s);
    }
}

schloss_rc rule_ext_new(rule_ext_t **out, schloss_error_t *err) {
    rule_ext_t *x = MEM_NEW(rule_ext_t);
    if (x == NULL || (x->stats = map_new(stats_free)) == NULL) {
        mem_free(x);
        return NO_MEMORY(err);
    }
    pthread_mutex_init(&x->lock, NULL);
    *out = x;
    return SCHLOSS_OK;
}

static void executor_free(const schloss_rule_executor_t *e) {
    mem_free((char *)(uintptr_t)e->type);
    mem_free((void *)(uintptr_t)e);
}

void rule_ext_free(rule_ext_t *x) {
    if (x == NULL) {
        return;
    }
    for (size_t i = atomic_load(&x->n_executors); i-- > 0;) {
        const schloss_rule_executor_t *e = atomic_load(&x->executors[i]);
        if (e->destroy != NULL) {
            e->destroy(e->user);
        }
        executor_free(e);
    }
    if (atomic_load(&x->has_sink) && x->sink.destroy != NULL) {
        x->sink.destroy(x->sink.user);
    }
    map_free(x->stats);
    pthread_mutex_destroy(&x->lock);
    mem_free(x);
}

/* Of the client, also from a private core. */
static rule_ext_t *ext_of(const core_t *c) {
    while (c->parent != NULL) {
        c = c->parent;
    }
    return c->ext;
}

static const schloss_rule_executor_t *find(rule_ext_t *x, const char *type) {
    size_t n = atomic_load_explicit(&x->n_executors, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        const schloss_rule_executor_t *e = atomic_load_explicit(&x->executors[i], memory_order_relaxed);
        if (strcasecmp(e->type, type) == 0) {
            return e;
        }
    }
    return NULL;
}

const schloss_rule_executor_t *rule_ext_executor(core_t *c, const char *type) {
    return find(ext_of(c), type);
}

const schloss_dead_letter_sink_t *rule_ext_sink(core_t *c) {
    rule_ext_t *x = ext_of(c);
    return atomic_load_explicit(&x->has_sink, memory_order_acquire) ? &x->sink : NULL;
}

static schloss_rc add(rule_ext_t *x, const schloss_rule_executor_t *copy, schloss_error_t *err) {
    ENSURE(find(x, copy->type) == NULL, err, INVALID_ARGUMENT, "an executor for %s is there already", copy->type);
    size_t n = atomic_load(&x->n_executors);
    ENSURE(n < COUNT_OF(x->executors), err, LIMIT_EXCEEDED, "more than %zu executors", COUNT_OF(x->executors));
    atomic_store(&x->executors[n], copy);
    atomic_store_explicit(&x->n_executors, n + 1, memory_order_release);
    return SCHLOSS_OK;
}

schloss_rc schloss_client_add_executor(schloss_client_t *client, const schloss_rule_executor_t *executor,
                                       schloss_error_t *err) {
    ENSURE(client != NULL && executor != NULL && executor->size == sizeof(*executor) && executor->type != NULL, err,
           INVALID_ARGUMENT, "client and executor with size and type must be given");
    ENSURE((executor->transform == NULL) != (executor->transform_field == NULL), err, INVALID_ARGUMENT,
           "an executor has either transform or transform_field");
    ENSURE(strcasecmp(executor->type, "ENCRYPT") != 0 && strcasecmp(executor->type, "ENCRYPT_PAYLOAD") != 0, err,
           INVALID_ARGUMENT, "%s cannot be replaced", executor->type);
    schloss_rule_executor_t *copy = MEM_NEW(schloss_rule_executor_t);
    ENSURE(copy != NULL, err, NO_MEMORY, "out of memory");
    *copy = *executor;
    copy->type = mem_strdup(executor->type);
    rule_ext_t *x = ext_of(client);
    pthread_mutex_lock(&x->lock);
    schloss_rc rc = copy->type == NULL ? NO_MEMORY(err) : add(x, copy, err);
    pthread_mutex_unlock(&x->lock);
    if (rc != SCHLOSS_OK) {
        executor_free(copy);
    }
    return rc;
}

schloss_rc schloss_client_set_dead_letter_sink(schloss_client_t *client, const schloss_dead_letter_sink_t *sink,
                                               schloss_error_t *err) {
    ENSURE(client != NULL && sink != NULL && sink->size == sizeof(*sink) && sink->send != NULL, err, INVALID_ARGUMENT,
           "client and sink with size and send must be given");
    rule_ext_t *x = ext_of(client);
    pthread_mutex_lock(&x->lock);
    bool had = atomic_load(&x->has_sink);
    if (!had) {
        x->sink = *sink;
        atomic_store_explicit(&x->has_sink, true, memory_order_release);
    }
    pthread_mutex_unlock(&x->lock);
    ENSURE(!had, err, INVALID_STATE, "the client has a dead letter sink already");
    return SCHLOSS_OK;
}

/* ---- counters ---- */

static rule_stats_t *stats_new(const char *subject, const char *rule, const char *type, bool writing) {
    rule_stats_t *s = MEM_NEW(rule_stats_t);
    if (s == NULL) {
        return NULL;
    }
    s->subject = mem_strdup(subject);
    s->rule = mem_strdup(rule);
    s->type = mem_strdup(type);
    s->writing = writing;
    if (s->subject == NULL || s->rule == NULL || s->type == NULL) {
        stats_free(s);
        return NULL;
    }
    return s;
}

rule_stats_t *rule_ext_stats(core_t *c, const char *subject, const char *rule, const char *type, bool writing) {
    rule_ext_t *x = ext_of(c);
    pthread_mutex_lock(&x->lock);
    if (map_len(x->stats) >= RULE_STATS_MAX) {
        subject = rule = type = "(others)";
    }
    char *key = mem_printf("%c|%s|%zu:%s|%s", writing ? 'w' : 'r', type, strlen(subject), subject, rule);
    rule_stats_t *s = key == NULL ? NULL : map_get(x->stats, bytes_str(key));
    if (key != NULL && s == NULL) {
        s = stats_new(subject, rule, type, writing);
        if (s != NULL && !map_put(x->stats, bytes_str(key), s)) {
            stats_free(s);
            s = NULL;
        }
    }
    pthread_mutex_unlock(&x->lock);
    mem_free(key);
    return s;
}

typedef struct report {
    bool (*each)(void *user, const schloss_rule_counts_t *counts);
    void *user;
    bool stopped;
} report_t;

static bool report_one(void *user, bytes_t key, void *value) {
    (void)key;
    report_t *r = user;
    const rule_stats_t *s = value;
    if (!r->stopped) {
        schloss_rule_counts_t c = {
            .size = sizeof(c),
            .rule = s->rule,
            .type = s->type,
            .mode = s->writing ? "WRITE" : "READ",
            .subject = s->subject,
            .success = atomic_load_explicit(&s->success, memory_order_relaxed),
            .failure = atomic_load_explicit(&s->failure, memory_order_relaxed),
            .skipped = atomic_load_explicit(&s->skipped, memory_order_relaxed),
            .actions_error = atomic_load_explicit(&s->actions[0], memory_order_relaxed),
            .actions_none = atomic_load_explicit(&s->actions[1], memory_order_relaxed),
            .actions_dlq = atomic_load_explicit(&s->actions[2], memory_order_relaxed),
            .last_success_ms = atomic_load_explicit(&s->last_success_ms, memory_order_relaxed),
        };
        r->stopped = !r->each(r->user, &c);
    }
    return false;
}

void schloss_client_rule_counts(schloss_client_t *client, bool (*each)(void *user, const schloss_rule_counts_t *counts),
                                void *user) {
    report_t r = {each, user, false};
    rule_ext_t *x = ext_of(client);
    pthread_mutex_lock(&x->lock);
    map_sweep(x->stats, report_one, &r);
    pthread_mutex_unlock(&x->lock);
}
