/* Configuration: a map of what was set over the table of defaults. Unknown keys are errors that name the nearest one.
 */
#include "serde/conf.h"
#include "base/text.h"
#include "serde/conf_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

typedef enum { K_STR, K_SECRET, K_BOOL, K_INT, K_ENUM } conf_kind_t;
typedef enum { CONF_CORE, CONF_SERDE } conf_scope_t;

typedef struct conf_row {
    const char *name, *dflt;
    conf_kind_t kind;
    const char *words; /* K_ENUM */
    conf_scope_t scope;
} conf_row_t;

#define STR K_STR, NULL
#define SECRET K_SECRET, NULL
#define BOOL K_BOOL, NULL
#define INT K_INT, NULL
#define ENUM(words) K_ENUM, words
#define CORE CONF_CORE
#define SERDE CONF_SERDE
#define ROW(name, ...) ROW_(name, __VA_ARGS__)
#define ROW_(name, dflt, kind, words, scope, text) {name, dflt, kind, words, scope},
#define ROW1(name, dflt, kind, scope, text) ROW(name, dflt, kind, scope, text)
static const conf_row_t table[] = {CONF_TABLE(ROW1)};
#undef STR
#undef SECRET
#undef BOOL
#undef INT
#undef ENUM
#undef CORE
#undef SERDE

struct schloss_conf {
    map_t *values; /* name -> char* */
};

static void free_value(void *v) {
    mem_wipe_str(v);
}

static const conf_row_t *find_row(const char *name) {
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static bool is_rule_key(const char *name) {
    static const char *const suffixes[] = {".onSuccess", ".onFailure", ".disabled"};
    size_t n = strlen(name), head = strlen(CONF_RULE_PREFIX);
    if (strncmp(name, CONF_RULE_PREFIX, head) != 0) {
        return false;
    }
    const char *param = strstr(name + head, ".param.");
    if (param != NULL && param > name + head && param[7] != '\0') {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        size_t m = strlen(suffixes[i]);
        if (n > head + m && strcmp(name + n - m, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_secret_key(const char *name) {
    const conf_row_t *row = find_row(name);
    return row != NULL ? row->kind == K_SECRET : strstr(name, ".param.") != NULL;
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
    char name[512];
    if (key.len >= sizeof(name)) {
        return false; /* cannot be: schloss_conf_set refuses such names */
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    const conf_row_t *row = find_row(name);
    const char *old = conf_str(m->c, name);
    if ((row == NULL || row->scope == CONF_CORE) && (old == NULL || strcmp(old, value) != 0)) {
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

static bool is_word(const char *words, const char *value) {
    size_t n = strlen(value);
    for (const char *p = words;;) {
        const char *bar = strchr(p, '|');
        size_t len = bar == NULL ? strlen(p) : (size_t)(bar - p);
        if (len == n && memcmp(p, value, n) == 0) {
            return true;
        }
        if (bar == NULL) {
            return false;
        }
        p = bar + 1;
    }
}

static schloss_rc check_value(const conf_row_t *row, const char *value, schloss_error_t *err) {
    switch (row->kind) {
    case K_STR:
    case K_SECRET:
        return SCHLOSS_OK;
    case K_BOOL:
        if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0) {
            return FAIL(err, CONF_VALUE, "%s: '%s' is neither true nor false", row->name, value);
        }
        return SCHLOSS_OK;
    case K_INT:
        if (value[0] == '\0' || strlen(value) > 10 || strspn(value, "0123456789") != strlen(value) ||
            strtoll(value, NULL, 10) > INT32_MAX) {
            return FAIL(err, CONF_VALUE, "%s: '%s' is no whole number from 0 to %d", row->name, value, INT32_MAX);
        }
        return SCHLOSS_OK;
    case K_ENUM:
        if (!is_word(row->words, value) && !is_word(row->words, conf_class(value))) {
            schloss_rc rc = FAIL(err, CONF_VALUE, "%s: '%s' is not supported", row->name, value);
            err_hint(err, "one of %s", row->words);
            return rc;
        }
        return SCHLOSS_OK;
    }
    return SCHLOSS_OK;
}

schloss_rc schloss_conf_set(schloss_conf_t *c, const char *name, const char *value, schloss_error_t *err) {
    ENSURE(c != NULL && name != NULL && value != NULL, err, INVALID_ARGUMENT, "conf, name and value must not be NULL");
    const conf_row_t *row = find_row(name);
    if (row == NULL && (!is_rule_key(name) || strlen(name) >= 512)) {
        const char *names[COUNT_OF(table)];
        for (size_t i = 0; i < COUNT_OF(table); i++) {
            names[i] = table[i].name;
        }
        const char *near = text_nearest(name, names, COUNT_OF(table));
        schloss_rc rc = FAIL(err, CONF_UNKNOWN, "no configuration key '%s'", name);
        if (near != NULL) {
            err_hint(err, "did you mean %s?", near);
        } else {
            err_hint(err, "docs/configuration.md lists all keys");
        }
        return rc;
    }
    if (row != NULL) {
        TRY(check_value(row, value, err));
        if (strcmp(name, "auto.register.schemas") == 0 && strcasecmp(value, "true") == 0) {
            schloss_rc rc = FAIL(err, UNSUPPORTED, "auto.register.schemas=true is not supported");
            err_hint(err, "register the schema with its rules: schloss schema create");
            return rc;
        }
    }
    return put(c, name, value) ? SCHLOSS_OK : NO_MEMORY(err);
}

const char *schloss_conf_get(const schloss_conf_t *c, const char *name) {
    return is_secret_key(name) ? NULL : conf_str(c, name);
}

bool conf_is_set(const schloss_conf_t *c, const char *name) {
    return map_get(c->values, bytes_str(name)) != NULL;
}

const char *conf_str(const schloss_conf_t *c, const char *name) {
    const char *v = map_get(c->values, bytes_str(name));
    if (v == NULL) {
        const conf_row_t *row = find_row(name);
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

const char *conf_rule(const schloss_conf_t *c, const char *rule, const char *type, const char *suffix) {
    char name[1024];
    for (int i = 0; i < 3; i++) {
        const char *who = i == 0 ? rule : i == 1 ? type : "_default_";
        int n = i == 1 ? snprintf(name, sizeof(name), CONF_RULE_PREFIX "_%s_.%s", who, suffix)
                       : snprintf(name, sizeof(name), CONF_RULE_PREFIX "%s.%s", who, suffix);
        const char *v = n > 0 && (size_t)n < sizeof(name) ? map_get(c->values, bytes_str(name)) : NULL;
        if (v != NULL) {
            return v;
        }
    }
    return NULL;
}

const char *conf_driver(const schloss_conf_t *c, const char *rule, const char *type, const char *key) {
    char suffix[256];
    int n = snprintf(suffix, sizeof(suffix), "param.%s", key);
    const char *v = n > 0 && (size_t)n < sizeof(suffix) ? conf_rule(c, rule, type, suffix) : NULL;
    if (v == NULL) {
        v = map_get(c->values, bytes_str(key));
    }
    return v;
}

typedef struct find_params {
    char prefix[512];
    size_t len;
    bool found;
} find_params_t;

static bool has_prefix(void *user, bytes_t key, void *value) {
    find_params_t *f = user;
    (void)value;
    f->found = f->found || (key.len > f->len && memcmp(key.ptr, f->prefix, f->len) == 0);
    return false;
}

bool conf_rule_has_params(const schloss_conf_t *c, const char *rule) {
    find_params_t f = {.found = false};
    int n = snprintf(f.prefix, sizeof(f.prefix), CONF_RULE_PREFIX "%s.param.", rule);
    if (n <= 0 || (size_t)n >= sizeof(f.prefix)) {
        return false;
    }
    f.len = (size_t)n;
    map_sweep(c->values, has_prefix, &f);
    return f.found;
}
