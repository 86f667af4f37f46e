/* Checked text -> jansson values, in one pass.
 *
 * Jansson's own lexer is not used: when memory runs out while a token grows it drops the byte and goes on, and a schema
 * whose "confluent:tags" lost a letter would let plaintext through. Here every allocation is checked. */
#include "codec/json/load.h"
#include "base/limits.h"

typedef struct builder {
    const char *p, *end;
    buf_t text; /* the string being decoded */
    bool allow_nul;
    schloss_error_t *err;
} builder_t;

static schloss_rc build(builder_t *b, json_t **out);

static void skip_space(builder_t *b) {
    while (b->p < b->end && (*b->p == ' ' || *b->p == '\n' || *b->p == '\r' || *b->p == '\t')) {
        b->p++;
    }
}

/* The next byte after white space, which stays; the text was checked, so there is one. */
static char peek(builder_t *b) {
    skip_space(b);
    return b->p < b->end ? *b->p : '\0';
}

/* Decodes the string at p into b->text. */
static schloss_rc take_string(builder_t *b, bool allow_nul) {
    json_span_t s = {b->p, 0, JSON_T_STRING};
    for (b->p++; b->p < b->end && *b->p != '"'; b->p++) {
        b->p += *b->p == '\\';
    }
    b->p++;
    s.len = (size_t)(b->p - s.ptr);
    buf_reset(&b->text);
    TRY(json_str_decode(s, &b->text, b->err));
    if (!buf_reserve(&b->text, 1)) {
        return buf_check(&b->text, b->err);
    }
    ENSURE(allow_nul || memchr(b->text.ptr, 0, b->text.len) == NULL, b->err, BAD_JSON, "a string holds U+0000");
    return SCHLOSS_OK;
}

static schloss_rc build_number(builder_t *b, json_t **out) {
    json_span_t s = {b->p, 0, JSON_T_NUMBER};
    while (b->p < b->end && (unsigned char)*b->p > ' ' && *b->p != ',' && *b->p != ']' && *b->p != '}') {
        b->p++;
    }
    s.len = (size_t)(b->p - s.ptr);
    int64_t i;
    double d;
    if (json_get_int64(s, &i)) {
        *out = json_integer(i);
    } else {
        ENSURE(json_get_double(s, &d), b->err, BAD_JSON, "a number is too large or too long");
        *out = json_real(d);
    }
    return *out != NULL ? SCHLOSS_OK : NO_MEMORY(b->err);
}

static schloss_rc build_array(builder_t *b, json_t **out) {
    *out = json_array();
    ENSURE(*out != NULL, b->err, NO_MEMORY, "out of memory");
    for (b->p++; peek(b) != ']'; b->p += peek(b) == ',') {
        json_t *item = NULL;
        TRY(build(b, &item));
        ENSURE(json_array_append_new(*out, item) == 0, b->err, NO_MEMORY, "out of memory");
    }
    b->p++;
    return SCHLOSS_OK;
}

static schloss_rc build_object(builder_t *b, json_t **out) {
    *out = json_object();
    ENSURE(*out != NULL, b->err, NO_MEMORY, "out of memory");
    for (b->p++; peek(b) != '}'; b->p += peek(b) == ',') {
        TRY(take_string(b, false));
        char *key = mem_strndup(buf_cstr(&b->text), b->text.len);
        ENSURE(key != NULL, b->err, NO_MEMORY, "out of memory");
        b->p += peek(b) == ':';
        json_t *value = NULL;
        schloss_rc rc = build(b, &value);
        if (rc == SCHLOSS_OK && json_object_set_new_nocheck(*out, key, value) != 0) {
            rc = NO_MEMORY(b->err);
        }
        mem_free(key);
        TRY(rc);
    }
    b->p++;
    return SCHLOSS_OK;
}

static schloss_rc build_any(builder_t *b, json_t **out) {
    switch (peek(b)) {
    case '{':
        return build_object(b, out);
    case '[':
        return build_array(b, out);
    case '"':
        TRY(take_string(b, b->allow_nul));
        *out = json_stringn_nocheck(buf_cstr(&b->text), b->text.len);
        return *out != NULL ? SCHLOSS_OK : NO_MEMORY(b->err);
    case 't':
        b->p += 4;
        *out = json_true();
        return SCHLOSS_OK;
    case 'f':
        b->p += 5;
        *out = json_false();
        return SCHLOSS_OK;
    case 'n':
        b->p += 4;
        *out = json_null();
        return SCHLOSS_OK;
    default:
        return build_number(b, out);
    }
}

/* On failure nothing is left in *out. */
static schloss_rc build(builder_t *b, json_t **out) {
    json_t *v = NULL;
    schloss_rc rc = build_any(b, &v);
    if (rc != SCHLOSS_OK) {
        json_decref(v);
        return rc;
    }
    *out = v;
    return SCHLOSS_OK;
}

schloss_rc json_build(json_t **out, json_span_t checked, bool allow_nul, schloss_error_t *err) {
    builder_t b = {.p = checked.ptr, .end = checked.ptr + checked.len, .allow_nul = allow_nul, .err = err};
    buf_init(&b.text, LIMIT_JSON_BYTES, "JSON text", true);
    schloss_rc rc = build(&b, out);
    buf_clear(&b.text);
    return rc;
}
