/* Configuration: a map of what was set over the table of defaults (conf_table.h). */
#include "serde/conf.h"
#include "base/text.h"
#include "serde/conf_row.h"
#include "serde/conf_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define NAME_MAX_BYTES CONF_NAME_MAX

struct schloss_conf {
    map_t *values; /* name -> char* */
};

static void free_value(void *v) {
    mem_wipe_str(v);
}

static bool is_secret_key(const char *name) {
    const conf_row_t *row = conf_row(name);
    return row != NULL
               ? row->kind == CONF_K_SECRET
               : strstr(name, ".param.") != NULL || strncmp(name, CONF_HEADER_PREFIX, strlen(CONF_HEADER_PREFIX)) == 0;
}

schloss_conf_t *schloss_conf_new(void) {
    schloss_conf_t *c = MEM_NEW(schloss_conf_t);
    if (c != NULL && (c->values = map_new(free_value)) == NULL) {
        mem_free(c);
        c = NULL;
    }
    return c;
}

void schloss_conf_free(schloss_conf_t *c) {
    if (c != NULL) {
        map_free(c->values);
        mem_free(c);
    }
}

static bool put(schloss_conf_t *c, const char *name, const char *value) {
    char *copy = mem_strdup(value);
    if (copy == NULL || !map_put(c->values, bytes_str(name), copy)) {
        mem_wipe_str(copy);
        return false;
    }
    return true;
}

typedef struct merge {
    schloss_conf_t *c;
    bool core_changed, oom;
} merge_t;

static bool merge_one(void *user, bytes_t key, void *value) {
    merge_t *m = user;
    char name[NAME_MAX_BYTES];
    if (key.len >= sizeof(name)) {
        return false; /* cannot be: schloss_conf_set refuses such names */
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    const conf_row_t *row = conf_row(name);
    const char *old = conf_str(m->c, name);
    if ((row == NULL || row->scope != CONF_SERDE) && (old == NULL || strcmp(old, value) != 0)) {
        m->core_changed = true;
    }
    m->oom = m->oom || !put(m->c, name, value);
    return false;
}

schloss_rc conf_merge(schloss_conf_t *c, const schloss_conf_t *over, bool *core_changed, schloss_error_t *err) {
    merge_t m = {.c = c};
    map_sweep(over->values, merge_one, &m);
    *core_changed = m.core_changed;
    return m.oom ? NO_MEMORY(err) : SCHLOSS_OK;
}

schloss_conf_t *schloss_conf_dup(const schloss_conf_t *conf) {
    schloss_conf_t *c = schloss_conf_new();
    bool changed = false;
    if (c != NULL && conf_merge(c, conf, &changed, NULL) != SCHLOSS_OK) {
        schloss_conf_free(c);
        c = NULL;
    }
    return c;
}

const char *conf_class(const char *value) {
    const char *dot = strrchr(value, '.');
    return dot == NULL ? value : dot + 1;
}

schloss_rc schloss_conf_set(schloss_conf_t *c, const char *name, const char *value, schloss_error_t *err) {
    ENSURE(c != NULL && name != NULL && value != NULL, err, INVALID_ARGUMENT, "conf, name and value must not be NULL");
    const conf_row_t *row = conf_row(name);
    TRY(conf_check(row, name, value, err));
    return put(c, row != NULL ? row->name : name, value) ? SCHLOSS_OK : NO_MEMORY(err);
}

const char *schloss_conf_get(const schloss_conf_t *c, const char *name) {
    const conf_row_t *row = conf_row(name);
    return is_secret_key(name) ? NULL : conf_str(c, row != NULL ? row->name : name);
}

bool conf_is_set(const schloss_conf_t *c, const char *name) {
    return map_get(c->values, bytes_str(name)) != NULL;
}

const char *conf_str(const schloss_conf_t *c, const char *name) {
    const char *v = map_get(c->values, bytes_str(name));
    if (v == NULL) {
        const conf_row_t *row = conf_row(name);
        v = row == NULL ? NULL : row->dflt;
    }
    return v;
}

bool conf_bool(const schloss_conf_t *c, const char *name) {
    const char *v = conf_str(c, name);
    return v != NULL && strcasecmp(v, "true") == 0;
}

int64_t conf_int(const schloss_conf_t *c, const char *name) {
    const char *v = conf_str(c, name);
    return v == NULL ? 0 : strtoll(v, NULL, 10);
}

int64_t conf_ttl_ms(const schloss_conf_t *c, const char *name) {
    int64_t secs = conf_int(c, name);
    return secs < 0 ? CONF_FOR_EVER_MS : secs * 1000;
}

/* ---- families ---- */

static const char *most_specific(const schloss_conf_t *c, const char *prefix, const char *own, const char *type,
                                 const char *suffix) {
    char name[1024];
    for (int i = 0; i < 3; i++) {
        const char *who = i == 0 ? own : i == 1 ? type : "_default_";
        int n = who == NULL ? 0
                : i == 1    ? snprintf(name, sizeof(name), "%s_%s_.%s", prefix, who, suffix)
                            : snprintf(name, sizeof(name), "%s%s.%s", prefix, who, suffix);
        const char *v = n > 0 && (size_t)n < sizeof(name) ? map_get(c->values, bytes_str(name)) : NULL;
        if (v != NULL) {
            return v;
        }
    }
    return NULL;
}

const char *conf_rule(const schloss_conf_t *c, const char *rule, const char *type, const char *suffix) {
    return most_specific(c, CONF_EXECUTOR_PREFIX, rule, type, suffix);
}

static const char *param(const schloss_conf_t *c, const char *prefix, const char *own, const char *type,
                         const char *key) {
    char suffix[256];
    int n = snprintf(suffix, sizeof(suffix), "param.%s", key);
    return n > 0 && (size_t)n < sizeof(suffix) ? most_specific(c, prefix, own, type, suffix) : NULL;
}

const char *conf_action(const schloss_conf_t *c, const char *name, const char *type, const char *key) {
    return param(c, CONF_ACTION_PREFIX, name, type, key);
}

const char *conf_driver(const schloss_conf_t *c, const char *rule, const char *type, const char *key) {
    const char *v = param(c, CONF_EXECUTOR_PREFIX, rule, type, key);
    if (v == NULL) { /* at top level only what drivers own: a Kafka client.id is no identity at a KMS */
        const conf_row_t *row = conf_row(key);
        v = row != NULL && row->scope == CONF_DRIVER && row->status == CONF_DONE ? map_get(c->values, bytes_str(key))
                                                                                 : NULL;
    }
    return v;
}

typedef struct walk {
    const char *prefix;
    size_t len;
    bool found;
    bool (*each)(void *user, const char *rest, const char *value);
    void *user;
} walk_t;

static bool visit(void *user, bytes_t key, void *value) {
    walk_t *w = user;
    char rest[NAME_MAX_BYTES];
    if (key.len > w->len && key.len < sizeof(rest) && memcmp(key.ptr, w->prefix, w->len) == 0) {
        w->found = true;
        if (w->each != NULL) {
            memcpy(rest, key.ptr + w->len, key.len - w->len);
            rest[key.len - w->len] = '\0';
            w->found = w->each(w->user, rest, value);
        }
    }
    return false;
}

bool conf_each(const schloss_conf_t *c, const char *prefix,
               bool (*each)(void *user, const char *rest, const char *value), void *user) {
    walk_t w = {.prefix = prefix, .len = strlen(prefix), .found = false, .each = each, .user = user};
    map_sweep(c->values, visit, &w);
    return w.found;
}

bool conf_rule_has_params(const schloss_conf_t *c, const char *rule) {
    char prefix[NAME_MAX_BYTES];
    int n = snprintf(prefix, sizeof(prefix), CONF_EXECUTOR_PREFIX "%s.param.", rule);
    return n > 0 && (size_t)n < sizeof(prefix) && conf_each(c, prefix, NULL, NULL);
}

/* ---- built-in executors and actions ---- */

typedef struct named {
    const schloss_conf_t *c;
    const char *prefix, *type;
    bool missing, serves;
    char who[128];
    char first[NAME_MAX_BYTES]; /* that serves the type */
} named_t;

/* Goes through the comma list of names: has each its class, and does one serve the type? */
static void look_at_names(named_t *n, const char *list) {
    for (const char *p = list == NULL ? "" : list; *p != '\0';) {
        size_t len = strcspn(p, ",");
        size_t from = strspn(p, " ");
        size_t to = len;
        while (to > from && p[to - 1] == ' ') {
            to--;
        }
        if (to > from) {
            char key[NAME_MAX_BYTES];
            int k = snprintf(key, sizeof(key), "%s%.*s.class", n->prefix, (int)(to - from), p + from);
            const char *class = k > 0 && (size_t)k < sizeof(key) ? map_get(n->c->values, bytes_str(key)) : NULL;
            if (class == NULL) {
                n->missing = true;
                snprintf(n->who, sizeof(n->who), "%.*s", (int)(to - from), p + from);
            } else if (n->type != NULL && conf_builtin_type(class) != NULL &&
                       strcmp(conf_builtin_type(class), n->type) == 0 && !n->serves) {
                n->serves = true;
                snprintf(n->first, sizeof(n->first), "%.*s", (int)(to - from), p + from);
            }
        }
        p += len + (p[len] == ',');
    }
}

bool conf_has_executor(const schloss_conf_t *c, const char *type) {
    if (!conf_bool(c, "schloss.rule.executors.builtin")) {
        return false;
    }
    named_t n = {.c = c, .prefix = CONF_EXECUTOR_PREFIX, .type = type};
    look_at_names(&n, conf_str(c, "rule.executors"));
    return n.serves || conf_bool(c, "rule.service.loader.enable");
}

void conf_executor_scope(const schloss_conf_t *c, const char *subject, const char *rule, const char *type,
                         char out[CONF_NAME_MAX]) {
    int n = snprintf(out, CONF_NAME_MAX, "%s:%s", subject, rule);
    if (n > 0 && n < (int)CONF_NAME_MAX && conf_rule_has_params(c, out)) {
        return;
    }
    n = snprintf(out, CONF_NAME_MAX, "%s", rule);
    if (n > 0 && n < (int)CONF_NAME_MAX && conf_rule_has_params(c, out)) {
        return;
    }
    named_t listed = {.c = c, .prefix = CONF_EXECUTOR_PREFIX, .type = type};
    look_at_names(&listed, conf_str(c, "rule.executors"));
    memcpy(out, listed.first, sizeof(listed.first));
}

schloss_rc conf_check_whole(const schloss_conf_t *c, schloss_error_t *err) {
    static const struct {
        const char *key, *prefix;
    } lists[] = {{"rule.executors", CONF_EXECUTOR_PREFIX}, {"rule.actions", CONF_ACTION_PREFIX}};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        named_t n = {.c = c, .prefix = lists[i].prefix};
        look_at_names(&n, conf_str(c, lists[i].key));
        if (n.missing) {
            schloss_rc rc = FAIL(err, CONF_MISSING, "%s names '%s', but %s%s.class is not set", lists[i].key, n.who,
                                 lists[i].prefix, n.who);
            err_hint(err, "the classes of the Java client for ENCRYPT, ENCRYPT_PAYLOAD, ERROR, NONE and DLQ are built "
                          "in and need not be named");
            return rc;
        }
    }
    return SCHLOSS_OK;
}
