/* The scanner: one loop over the text with a stack of bits (array or object), so that hostile nesting costs no C stack.
 * After json_scan() said yes, iterators may trust the text: they only look for where a value ends. */
#include "codec/json/scan.h"
#include "base/limits.h"
#include "base/text.h"

static const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Each of these takes the first byte of a token and returns its end, or NULL with *bad at the offending byte. */

static const char *check_string(const char *p, const char *end, const char **bad) {
    for (p++; p < end && *p != '"';) {
        if ((unsigned char)*p < 0x20) {
            break;
        }
        if (*p++ != '\\') {
            continue;
        }
        if (p < end && *p == 'u') {
            for (unsigned i = 1; i <= 4; i++) {
                if (p + i >= end || !is_hex(p[i])) {
                    *bad = p + i < end ? p + i : end;
                    return NULL;
                }
            }
            p += 5;
        } else if (p < end && *p != '\0' && strchr("\"\\/bfnrt", *p) != NULL) {
            p++;
        } else {
            break;
        }
    }
    if (p < end && *p == '"') {
        return p + 1;
    }
    *bad = p;
    return NULL;
}

static const char *digits(const char *p, const char *end) {
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

static const char *check_number(const char *p, const char *end, const char **bad) {
    p += p < end && *p == '-';
    const char *q = p < end && *p == '0' ? p + 1 : digits(p, end);
    bool ok = q > p;
    if (ok && q < end && *q == '.') {
        p = q + 1;
        q = digits(p, end);
        ok = q > p;
    }
    if (ok && q < end && (*q == 'e' || *q == 'E')) {
        p = q + 1;
        p += p < end && (*p == '+' || *p == '-');
        q = digits(p, end);
        ok = q > p;
    }
    *bad = q;
    return ok ? q : NULL;
}

static const char *check_word(const char *p, const char *end, const char *word, const char **bad) {
    size_t n = strlen(word);
    if ((size_t)(end - p) >= n && memcmp(p, word, n) == 0) {
        return p + n;
    }
    *bad = p;
    return NULL;
}

/* A value that is no container. */
static const char *check_scalar(const char *p, const char *end, const char **bad) {
    switch (*p) {
    case '"':
        return check_string(p, end, bad);
    case 't':
        return check_word(p, end, "true", bad);
    case 'f':
        return check_word(p, end, "false", bad);
    case 'n':
        return check_word(p, end, "null", bad);
    default:
        return check_number(p, end, bad);
    }
}

static json_kind_t kind_of(char c) {
    switch (c) {
    case '{':
        return JSON_T_OBJECT;
    case '[':
        return JSON_T_ARRAY;
    case '"':
        return JSON_T_STRING;
    case 't':
    case 'f':
        return JSON_T_BOOL;
    case 'n':
        return JSON_T_NULL;
    default:
        return JSON_T_NUMBER;
    }
}

static schloss_rc fail_at(const char *text, const char *at, const char *what, schloss_error_t *err) {
    size_t line = 1;
    const char *start = text;
    for (const char *p = text; p < at; p++) {
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    }
    return FAIL(err, BAD_JSON, "%s at line %zu, column %zu", what, line, (size_t)(at - start) + 1);
}

typedef struct scanner {
    const char *text, *end;
    unsigned depth, max_depth;
    schloss_error_t *err;
    uint8_t is_object[LIMIT_JSON_DEPTH];
} scanner_t;

/* The name of a member and its colon; returns the first byte of the value. */
static const char *check_key(const scanner_t *s, const char *p, const char **bad) {
    *bad = p;
    if (p == s->end || *p != '"') {
        return NULL;
    }
    p = check_string(p, s->end, bad);
    if (p == NULL) {
        return NULL;
    }
    p = skip_space(p, s->end);
    *bad = p;
    return p < s->end && *p == ':' ? skip_space(p + 1, s->end) : NULL;
}

static schloss_rc push(scanner_t *s, const char *p) {
    if (s->depth == s->max_depth) {
        schloss_rc rc = fail_at(s->text, p, "nested too deeply", s->err);
        err_hint(s->err, "the limit is %u levels", s->max_depth);
        return rc;
    }
    s->is_object[s->depth++] = *p == '{';
    return SCHLOSS_OK;
}

static const char *const unexpected = "unexpected character or end";

/* Checks one value that begins at *pp; *pp becomes its end. */
static schloss_rc check_value(scanner_t *s, const char **pp) {
    const char *p = *pp, *bad = NULL;
    for (;;) {
        /* A value begins at p. */
        if (p == s->end) {
            return fail_at(s->text, p, unexpected, s->err);
        }
        if (*p == '{' || *p == '[') {
            TRY(push(s, p));
            char close = *p == '{' ? '}' : ']';
            p = skip_space(p + 1, s->end);
            if (p == s->end || *p != close) {
                if (s->is_object[s->depth - 1] && (p = check_key(s, p, &bad)) == NULL) {
                    return fail_at(s->text, bad, unexpected, s->err);
                }
                continue;
            }
            s->depth--;
            p++;
        } else if ((p = check_scalar(p, s->end, &bad)) == NULL) {
            return fail_at(s->text, bad, unexpected, s->err);
        }
        /* A value ended at p: close containers, or go on to the next value. */
        for (;;) {
            if (s->depth == 0) {
                *pp = p;
                return SCHLOSS_OK;
            }
            bool object = s->is_object[s->depth - 1];
            p = skip_space(p, s->end);
            if (p < s->end && *p == (object ? '}' : ']')) {
                s->depth--;
                p++;
                continue;
            }
            if (p == s->end || *p != ',') {
                return fail_at(s->text, p, unexpected, s->err);
            }
            p = skip_space(p + 1, s->end);
            if (object && (p = check_key(s, p, &bad)) == NULL) {
                return fail_at(s->text, bad, unexpected, s->err);
            }
            break;
        }
    }
}

schloss_rc json_scan_depth(json_span_t *out, const char *text, size_t len, unsigned max_depth, schloss_error_t *err) {
    ENSURE(len <= LIMIT_JSON_BYTES, err, BAD_JSON, "JSON of %zu bytes; the limit is %zu", len, LIMIT_JSON_BYTES);
    ENSURE(len > 0, err, BAD_JSON, "empty text");
    ENSURE(utf8_valid((const uint8_t *)text, len), err, BAD_JSON, "the text is not valid UTF-8");
    scanner_t s;
    s.text = text;
    s.end = text + len;
    s.depth = 0;
    s.max_depth = max_depth < LIMIT_JSON_DEPTH ? max_depth : LIMIT_JSON_DEPTH;
    s.err = err;
    const char *first = skip_space(text, s.end), *p = first;
    TRY(check_value(&s, &p));
    const char *rest = skip_space(p, s.end);
    if (rest != s.end) {
        return fail_at(text, rest, "unexpected text after the value", err);
    }
    out->ptr = first;
    out->len = (size_t)(p - first);
    out->kind = kind_of(*first);
    return SCHLOSS_OK;
}

schloss_rc json_scan(json_span_t *out, const char *text, size_t len, schloss_error_t *err) {
    return json_scan_depth(out, text, len, LIMIT_JSON_DEPTH, err);
}

/* ---- iterating over checked text ---- */

static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++) {
        p += *p == '\\';
    }
    return p < end ? p + 1 : end;
}

/* End of the value that begins at p. */
static const char *value_end(const char *p, const char *end) {
    if (*p == '"') {
        return string_end(p, end);
    }
    if (*p != '{' && *p != '[') {
        while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ') {
            p++;
        }
        return p;
    }
    for (size_t depth = 0; p < end;) {
        if (*p == '"') {
            p = string_end(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
        p++;
    }
    return end;
}

json_iter_t json_iter(json_span_t c) {
    json_iter_t it = {c.ptr + c.len, c.ptr + c.len, c.kind};
    if ((c.kind == JSON_T_ARRAY || c.kind == JSON_T_OBJECT) && c.len >= 2) {
        it.end = c.ptr + c.len - 1; /* the closing bracket */
        it.p = skip_space(c.ptr + 1, it.end);
    }
    return it;
}

static json_span_t span_at(const char *p, const char *end) {
    json_span_t s = {p, (size_t)(value_end(p, end) - p), kind_of(*p)};
    return s;
}

bool json_next(json_iter_t *it, json_span_t *key, json_span_t *value) {
    if (it->p >= it->end) {
        return false;
    }
    if (it->kind == JSON_T_OBJECT) {
        json_span_t k = span_at(it->p, it->end);
        if (key != NULL) {
            *key = k;
        }
        it->p = skip_space(k.ptr + k.len, it->end);
        it->p = skip_space(it->p + 1, it->end); /* the colon */
        if (it->p >= it->end) {
            return false;
        }
    }
    *value = span_at(it->p, it->end);
    it->p = skip_space(value->ptr + value->len, it->end);
    if (it->p < it->end) {
        it->p = skip_space(it->p + 1, it->end); /* the comma */
    }
    return true;
}
