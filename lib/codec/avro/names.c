/* Names: what is legal, and how a plain name is completed with a namespace (schema-registry-api.md 15.1). */
#include "codec/avro/names.h"
#include <stdlib.h>

void *avro_take(avro_parser_t *p, size_t n, size_t size, schloss_rc *rc) {
    arena_t *a = &p->s->arena;
    void *m = arena_alloc_n(a, n == 0 ? 1 : n, size);
    if (m == NULL) {
        size_t left = a->max > a->used ? a->max - a->used : 0;
        bool limit = n != 0 && size != 0 && n >= left / size;
        *rc = limit ? FAIL(p->err, LIMIT_EXCEEDED, "the schema takes more memory than the limit of %zu bytes",
                           LIMIT_SCHEMA_MEMORY)
                    : NO_MEMORY(p->err);
    }
    return m;
}

schloss_rc avro_copy(avro_parser_t *p, const json_t *v, const char **out) {
    size_t n = json_string_length(v);
    schloss_rc rc = SCHLOSS_OK;
    char *s = avro_take(p, n + 1, 1, &rc);
    if (s == NULL) {
        return rc;
    }
    memcpy(s, json_string_value(v), n);
    ENSURE(memchr(s, 0, n) == NULL, p->err, SCHEMA_PARSE, "a name or doc of the schema holds U+0000");
    *out = s;
    return SCHLOSS_OK;
}

schloss_rc avro_name_make(avro_parser_t *p, const char *name, const char *name_space, avro_name_t *out) {
    const char *dot = strrchr(name, '.');
    size_t n_space = dot != NULL ? (size_t)(dot - name) : strlen(name_space);
    const char *space = dot != NULL ? name : name_space;
    const char *plain = dot != NULL ? dot + 1 : name;
    size_t n_plain = strlen(plain);
    schloss_rc rc = SCHLOSS_OK;
    char *text = avro_take(p, 2 * n_space + n_plain + 3, 1, &rc);
    if (text == NULL) {
        return rc;
    }
    /* One piece of memory: namespace NUL namespace "." short-name NUL. */
    memcpy(text, space, n_space);
    char *full = text + n_space + 1;
    char *tail = full;
    if (n_space > 0) {
        memcpy(full, space, n_space);
        full[n_space] = '.';
        tail = full + n_space + 1;
    }
    memcpy(tail, plain, n_plain);
    out->name_space = text;
    out->full = full;
    out->short_name = tail;
    return SCHLOSS_OK;
}

static bool letter(unsigned char c, bool strict) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!strict && c >= 0x80);
}

static bool part_ok(const char *s, size_t n, bool strict) {
    if (n == 0 || !letter((unsigned char)s[0], strict)) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (!letter(c, strict) && !(c >= '0' && c <= '9')) {
            return false;
        }
    }
    return true;
}

bool avro_name_ok(const avro_parser_t *p, const char *text) {
    return p->in_ref ? text[0] != '\0' : part_ok(text, strlen(text), p->strict);
}

schloss_rc avro_name_check(const avro_parser_t *p, const avro_name_t *n, const char *what) {
    ENSURE(avro_name_ok(p, n->short_name), p->err, SCHEMA_PARSE,
           "illegal %s \"%s\": letters, digits and _ only, no digit first", what, n->full);
    if (!p->strict || p->in_ref || n->name_space[0] == '\0') {
        return SCHLOSS_OK;
    }
    for (const char *s = n->name_space;;) {
        const char *dot = strchr(s, '.');
        size_t len = dot != NULL ? (size_t)(dot - s) : strlen(s);
        ENSURE(part_ok(s, len, true), p->err, SCHEMA_PARSE, "illegal namespace \"%s\" of \"%s\"", n->name_space,
               n->full);
        if (dot == NULL) {
            return SCHLOSS_OK;
        }
        s = dot + 1;
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

schloss_rc avro_find_double(avro_parser_t *p, const char *const *list, size_t n, const char **twice) {
    *twice = NULL;
    if (n < 2) {
        return SCHLOSS_OK;
    }
    const char **sorted = mem_alloc(n * sizeof(*sorted));
    ENSURE(sorted != NULL, p->err, NO_MEMORY, "out of memory");
    memcpy(sorted, list, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_text);
    for (size_t i = 1; i < n && *twice == NULL; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            *twice = sorted[i];
        }
    }
    mem_free(sorted);
    return SCHLOSS_OK;
}
