/* Subject names. Associations are cached like schemas; a registry that has none (404) means the fallback. */
#include "serde/subject.h"
#include "client/registry.h"
#include "serde/conf.h"
#include <stdatomic.h>
#include <string.h>

typedef struct subject_cached {
    char *subject; /* NULL: no association */
    int64_t until_ms;
} subject_cached_t;

void subject_cached_free(void *value) {
    subject_cached_t *s = value;
    mem_free(s->subject);
    mem_free(s);
}

static const char *strategy(const schloss_conf_t *conf, bool is_key) {
    return conf_class(conf_str(conf, is_key ? "key.subject.name.strategy" : "value.subject.name.strategy"));
}

static const char *fallback_of(const schloss_conf_t *conf) {
    return conf_str(conf, "subject.name.strategy.fallback.type");
}

bool subject_needs_record(const schloss_conf_t *conf, bool is_key) {
    return strstr(subject_strategy(conf, is_key), "ecord") != NULL ||
           strstr(subject_strategy(conf, is_key), "RECORD") != NULL;
}

const char *subject_strategy(const schloss_conf_t *conf, bool is_key) {
    const char *kind = strategy(conf, is_key);
    return strcmp(kind, "AssociatedNameStrategy") == 0 ? fallback_of(conf) : kind;
}

static schloss_rc by_name(const char *kind, const char *topic, bool is_key, const char *record, char **out,
                          schloss_error_t *err) {
    bool wants_record = strstr(kind, "ecord") != NULL || strstr(kind, "RECORD") != NULL;
    if (wants_record && record == NULL) {
        schloss_rc rc = FAIL(err, SUBJECT_NAME,
                             "the subject of topic '%s' is named after the record, whose name is "
                             "not known",
                             topic);
        err_hint(err, "give the serializer its schema, or use TopicNameStrategy");
        return rc;
    }
    bool with_topic = strncmp(kind, "T", 1) == 0;
    *out = !wants_record ? mem_printf("%s-%s", topic, is_key ? "key" : "value")
           : with_topic  ? mem_printf("%s-%s", topic, record)
                         : mem_strdup(record);
    return *out == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

static bool is_over(void *user, bytes_t key, void *value) {
    (void)key;
    return ((const subject_cached_t *)value)->until_ms <= *(const int64_t *)user;
}

/* The association of a topic, from the cache or the registry; *subject NULL: none. */
static schloss_rc association(core_t *c, const schloss_conf_t *conf, const char *topic, bool is_key,
                              uint32_t generation, io_t *io, char **subject, schloss_error_t *err) {
    const char *cluster = conf_str(conf, "subject.name.strategy.kafka.cluster.id");
    char *key = mem_printf("%d|%s|%s", is_key, cluster, topic);
    ENSURE(key != NULL, err, NO_MEMORY, "out of memory");
    bool hit = false, oom = false;
    pthread_mutex_lock(&c->lock);
    subject_cached_t *s = map_get(c->subjects, bytes_str(key));
    if (s != NULL && time_mono_ms() < s->until_ms) {
        hit = true;
        *subject = s->subject == NULL ? NULL : mem_strdup(s->subject);
        oom = s->subject != NULL && *subject == NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (hit) {
        mem_free(key);
        return oom ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    char *found = NULL;
    schloss_rc rc = sr_get_association(io, &c->service, cluster, topic, is_key, &found, err);
    if (rc != SCHLOSS_OK && rc != SCHLOSS_ABSENT) {
        mem_free(key);
        return rc;
    }
    s = MEM_NEW(subject_cached_t);
    if (s != NULL) { /* caching is best effort */
        s->subject = found == NULL ? NULL : mem_strdup(found);
        s->until_ms = time_mono_ms() + c->subject_ttl_ms;
        pthread_mutex_lock(&c->lock);
        if (map_len(c->subjects) >= c->max_subjects) {
            int64_t now = time_mono_ms();
            map_sweep(c->subjects, is_over, &now);
        }
        if (map_len(c->subjects) >= c->max_subjects) {
            map_clear(c->subjects); /* all live: begin anew rather than search for the oldest at every new topic */
        }
        bool current = atomic_load_explicit(&c->generation, memory_order_relaxed) == generation;
        if (!current || (found != NULL && s->subject == NULL) || !map_put(c->subjects, bytes_str(key), s)) {
            subject_cached_free(s);
        }
        pthread_mutex_unlock(&c->lock);
    }
    mem_free(key);
    *subject = found;
    return SCHLOSS_OK;
}

static schloss_rc resolve(core_t *c, const schloss_conf_t *conf, const char *topic, bool is_key, const char *record,
                          uint32_t generation, io_t *io, char **out, schloss_error_t *err) {
    const char *kind = strategy(conf, is_key);
    if (strcmp(kind, "AssociatedNameStrategy") != 0) {
        return by_name(kind, topic, is_key, record, out, err);
    }
    char *subject = NULL;
    TRY(association(c, conf, topic, is_key, generation, io, &subject, err));
    if (subject != NULL) {
        *out = subject;
        return SCHLOSS_OK;
    }
    const char *fallback = fallback_of(conf);
    if (strcmp(fallback, "NONE") == 0) {
        schloss_rc rc = FAIL(err, SUBJECT_NAME, "No associated subject found for topic %s", topic);
        err_hint(err, "associate a subject with the topic, or set subject.name.strategy.fallback.type");
        return rc;
    }
    return by_name(fallback, topic, is_key, record, out, err);
}

schloss_rc subject_resolve(core_t *c, const schloss_conf_t *conf, const char *topic, bool is_key, const char *record,
                           uint32_t generation, io_t *io, char **out, schloss_error_t *err) {
    TRY(resolve(c, conf, topic, is_key, record, generation, io, out, err));
    const char *context = conf_str(conf, "schloss.context");
    if (context == NULL || context[0] == '\0' || strncmp(*out, ":.", 2) == 0) {
        return SCHLOSS_OK;
    }
    char *qualified = mem_printf(":.%s:%s", context[0] == '.' ? context + 1 : context, *out);
    mem_free(*out);
    *out = qualified;
    return qualified == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}
