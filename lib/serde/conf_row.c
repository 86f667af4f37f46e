/* The table of keys, and what a value must look like. */
#include "serde/conf_row.h"
#include "base/text.h"
#include "serde/conf.h"
#include "serde/conf_table.h"
#include <stdlib.h>
#include <strings.h>

#define CLIENT_PREFIX "schema.registry."
#define NAME_MAX_BYTES 512u

#define STR CONF_K_STR, NULL
#define SECRET CONF_K_SECRET, NULL
#define BOOL CONF_K_BOOL, NULL
#define INT CONF_K_INT, NULL
#define INT1 CONF_K_INT1, NULL
#define ENUM(words) CONF_K_ENUM, words
#define CORE CONF_CORE
#define SERDE CONF_SERDE
#define DRIVER CONF_DRIVER
#define DONE CONF_DONE
#define ACCEPTED CONF_ACCEPTED
#define REFUSED CONF_REFUSED_KEY
#define ROW_(name, dflt, kind, words, scope, status, text) {name, dflt, kind, words, scope, status, text},
#define ROW(name, dflt, ...) ROW_(name, dflt, __VA_ARGS__)
static const conf_row_t table[] = {CONF_TABLE(ROW)};
#undef STR
#undef SECRET
#undef BOOL
#undef INT
#undef INT1
#undef ENUM
#undef CORE
#undef SERDE
#undef DRIVER
#undef DONE
#undef ACCEPTED
#undef REFUSED

typedef struct refused {
    const char *name, *word, *reason;
} refused_t;
#define ROW_REFUSED(name, word, reason) {name, word, reason},
static const refused_t refused[] = {CONF_REFUSED(ROW_REFUSED)};

typedef struct family {
    const char *prefix, *suffix;
} family_t;
#define ROW_FAMILY(prefix, suffix, status, text) {prefix, suffix},
static const family_t families[] = {CONF_FAMILIES(ROW_FAMILY)};

typedef struct builtin {
    const char *class, *type;
} builtin_t;
#define ROW_BUILTIN(class, type) {class, type},
static const builtin_t executors[] = {CONF_EXECUTORS(ROW_BUILTIN)};
static const builtin_t actions[] = {CONF_ACTIONS(ROW_BUILTIN)};

const conf_row_t *conf_rows(size_t *n) {
    *n = COUNT_OF(table);
    return table;
}

static const conf_row_t *exact(const char *name) {
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

const conf_row_t *conf_row(const char *name) {
    const conf_row_t *row = exact(name);
    size_t n = strlen(CLIENT_PREFIX);
    if (row == NULL && strncmp(name, CLIENT_PREFIX, n) == 0) {
        row = exact(name + n);
        if (row != NULL && (row->scope != CONF_CORE || strncmp(row->name, "schloss.", 8) == 0)) {
            row = NULL;
        }
    }
    return row;
}

/* ---- families ---- */

static bool in_family(const family_t *f, const char *name) {
    size_t head = strlen(f->prefix);
    if (strncmp(name, f->prefix, head) != 0) {
        return false;
    }
    const char *rest = name + head;
    size_t n = strlen(rest), tail = strlen(f->suffix);
    if (f->suffix[0] != '.') { /* any word */
        return n > 0;
    }
    if (f->suffix[tail - 1] != 'X' || f->suffix[tail - 2] != '.') {
        return n > tail && strcmp(rest + n - tail, f->suffix) == 0;
    }
    char middle[32];
    memcpy(middle, f->suffix, tail - 1); /* ".param." */
    middle[tail - 1] = '\0';
    const char *at = strstr(rest, middle);
    return at != NULL && at > rest && at[tail - 1] != '\0';
}

bool conf_is_family(const char *name) {
    if (strlen(name) >= NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        if (in_family(&families[i], name)) {
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *s, const char *tail) {
    size_t n = strlen(s), m = strlen(tail);
    return n > m && strcmp(s + n - m, tail) == 0;
}

const char *conf_builtin_type(const char *class) {
    for (size_t i = 0; i < COUNT_OF(executors); i++) {
        if (strcmp(executors[i].class, class) == 0) {
            return executors[i].type;
        }
    }
    return NULL;
}

static bool is_token(const char *s) {
    return s[0] != '\0' &&
           strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(s);
}

static schloss_rc check_family(const char *name, const char *value, schloss_error_t *err) {
    if (strncmp(name, CONF_HEADER_PREFIX, strlen(CONF_HEADER_PREFIX)) == 0) {
        bool clean = is_token(name + strlen(CONF_HEADER_PREFIX));
        for (const char *p = value; clean && *p != '\0'; p++) {
            clean = (unsigned char)*p >= 0x20 && *p != 0x7f;
        }
        ENSURE(clean, err, CONF_VALUE, "%s: name or value is none of an HTTP header", name);
        return SCHLOSS_OK;
    }
    if (!ends_with(name, ".class") || strstr(name, ".param.") != NULL) {
        return SCHLOSS_OK;
    }
    bool is_action = strncmp(name, CONF_ACTION_PREFIX, strlen(CONF_ACTION_PREFIX)) == 0;
    const builtin_t *known = is_action ? actions : executors;
    for (size_t i = 0; i < (is_action ? COUNT_OF(actions) : COUNT_OF(executors)); i++) {
        if (strcmp(known[i].class, value) == 0) {
            return SCHLOSS_OK;
        }
    }
    schloss_rc rc =
        FAIL(err, UNSUPPORTED, "%s: class '%s' is not built in, and Java classes cannot be loaded", name, value);
    err_hint(err, "%s",
             is_action ? "ERROR, NONE and DLQ are built in"
                       : "give the client an executor: schloss_client_add_executor()");
    return rc;
}

/* ---- values ---- */

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

static bool is_number(const char *s) {
    return s[0] != '\0' && strlen(s) <= 10 && strspn(s, "0123456789") == strlen(s) && strtoll(s, NULL, 10) <= INT32_MAX;
}

static schloss_rc unsupported(schloss_error_t *err, const char *name, const char *value, const char *reason) {
    schloss_rc rc = FAIL(err, UNSUPPORTED, "%s=%s is not supported: %s", name, value, reason);
    err_hint(err, "docs/configuration.md lists what is");
    return rc;
}

static schloss_rc check_word(const conf_row_t *row, const char *value, schloss_error_t *err) {
    if (is_word(row->words, value) || is_word(row->words, conf_class(value))) {
        return SCHLOSS_OK;
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (strcmp(refused[i].name, row->name) == 0 && strcmp(refused[i].word, value) == 0) {
            return unsupported(err, row->name, value, refused[i].reason);
        }
    }
    schloss_rc rc = FAIL(err, CONF_VALUE, "%s: '%s' is not supported", row->name, value);
    err_hint(err, "one of %s", row->words);
    return rc;
}

static schloss_rc check_kind(const conf_row_t *row, const char *value, schloss_error_t *err) {
    switch (row->kind) {
    case CONF_K_STR:
    case CONF_K_SECRET:
        return SCHLOSS_OK;
    case CONF_K_BOOL:
        if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0) {
            return FAIL(err, CONF_VALUE, "%s: '%s' is neither true nor false", row->name, value);
        }
        return SCHLOSS_OK;
    case CONF_K_INT1:
    case CONF_K_INT:
        if (!is_number(value) && (row->kind == CONF_K_INT || strcmp(value, "-1") != 0)) {
            return FAIL(err, CONF_VALUE, "%s: '%s' is no whole number from %d to %d", row->name, value,
                        row->kind == CONF_K_INT ? 0 : -1, INT32_MAX);
        }
        return SCHLOSS_OK;
    case CONF_K_ENUM:
        return check_word(row, value, err);
    }
    return SCHLOSS_OK;
}

static schloss_rc check_special(const conf_row_t *row, const char *value, schloss_error_t *err) {
    uint8_t guid[16];
    if (strcmp(row->name, "use.schema.guid") == 0 && value[0] != '\0') {
        ENSURE(uuid_parse(guid, value), err, CONF_VALUE, "use.schema.guid: '%s' is no GUID", value);
    }
    if (strcmp(row->name, "schloss.context") == 0) {
        ENSURE(strpbrk(value, ":/ \t") == NULL, err, CONF_VALUE, "schloss.context: '%s' has a colon, slash or blank",
               value);
    }
    if (strcmp(row->name, "use.latest.with.metadata") == 0) {
        for (const char *p = value; *p != '\0';) { /* k1=v1,k2=v2 */
            size_t n = strcspn(p, ",");
            const char *eq = memchr(p, '=', n);
            ENSURE(eq != NULL && eq > p, err, CONF_VALUE,
                   "use.latest.with.metadata: '%s' is not of the form k1=v1,k2=v2", value);
            p += n + (p[n] == ',');
        }
    }
    return SCHLOSS_OK;
}

schloss_rc conf_check(const conf_row_t *row, const char *name, const char *value, schloss_error_t *err) {
    if (row == NULL) {
        if (conf_is_family(name)) {
            return check_family(name, value, err);
        }
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
    TRY(check_kind(row, value, err));
    if (row->status == CONF_REFUSED_KEY && strcasecmp(value, row->dflt == NULL ? "" : row->dflt) != 0) {
        return unsupported(err, row->name, row->kind == CONF_K_BOOL ? value : "...", row->text);
    }
    return check_special(row, value, err);
}
