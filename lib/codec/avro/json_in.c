/* Avro JSON -> Avro binary, over spans of the scanned text. Members that come in the schema's order are encoded as they
 * are met; only when they do not, the record's remaining values are noted first and encoded in order then.
 *
 * Error texts name fields, kinds and offending member names, never values. */
#include "codec/avro/json_impl.h"
#include "codec/avro/walk.h"
#include "codec/json/few.h"
#include <float.h>
#include <math.h>

static const char *found(json_span_t v) {
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "a list", "an object"};
    return names[v.kind];
}

static schloss_rc expected(const avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    return FAIL(e->err, DATA_MISMATCH, "expected %s, found %s", avro_type_label(t), found(v));
}

schloss_rc avro_encoder_enter(avro_encoder_t *e) {
    ENSURE(e->depth < LIMIT_RECORD_DEPTH, e->err, LIMIT_EXCEEDED, "the record is nested deeper than %u levels",
           LIMIT_RECORD_DEPTH);
    e->depth++;
    return SCHLOSS_OK;
}

/* ---- numbers ---- */

void avro_put_real(avro_encoder_t *e, const avro_type_t *t, double v) {
    uint64_t bits = 0;
    size_t n = 8;
    if (t->kind == AVRO_FLOAT) {
        float f = (float)v;
        uint32_t small;
        memcpy(&small, &f, 4);
        bits = small;
        n = 4;
    } else {
        memcpy(&bits, &v, 8);
    }
    uint8_t raw[8];
    for (size_t i = 0; i < n; i++) {
        raw[i] = (uint8_t)(bits >> (8 * i));
    }
    buf_put_few(e->out, raw, n);
}

bool avro_non_finite(json_span_t v, double *out) {
    if (json_str_equal(v, "NaN")) {
        *out = (double)NAN;
    } else if (json_str_equal(v, "Infinity")) {
        *out = (double)INFINITY;
    } else if (json_str_equal(v, "-Infinity")) {
        *out = -(double)INFINITY;
    } else {
        return false;
    }
    return true;
}

static schloss_rc encode_real(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    double d = 0;
    if (v.kind == JSON_T_NUMBER) {
        bool ok = json_get_double(v, &d) && (t->kind == AVRO_DOUBLE || !isinf((float)d));
        ENSURE(ok, e->err, DATA_MISMATCH, "the number is out of range of %s", avro_type_label(t));
    } else if (!avro_non_finite(v, &d)) {
        return expected(e, t, v);
    }
    avro_put_real(e, t, d);
    return SCHLOSS_OK;
}

static schloss_rc encode_integer(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    int64_t n;
    if (v.kind != JSON_T_NUMBER) {
        return expected(e, t, v);
    }
    bool ok = json_get_int64(v, &n) && (t->kind == AVRO_LONG || (n >= INT32_MIN && n <= INT32_MAX));
    ENSURE(ok, e->err, DATA_MISMATCH, "the number is no integer in the range of %s", avro_type_label(t));
    buf_put_varlong(e->out, n);
    return SCHLOSS_OK;
}

/* ---- texts ---- */

void avro_put_length_before(buf_t *out, size_t from) {
    if (out->failed) {
        return;
    }
    size_t n = out->len - from, k = varlong_size((int64_t)n);
    if (buf_reserve(out, k)) {
        memmove(out->ptr + from + k, out->ptr + from, n);
        (void)varlong_write(out->ptr + from, (int64_t)n);
        out->len += k;
    }
}

bool avro_latin1(buf_t *out, size_t from) {
    if (out->failed) {
        return true; /* reported by buf_check() */
    }
    uint8_t *base = out->ptr == NULL ? NULL : out->ptr + from, *w = base;
    size_t n = out->len - from;
    for (size_t i = 0; i < n; i++) {
        if (base[i] < 0x80) {
            *w++ = base[i];
        } else if ((base[i] & 0xfe) == 0xc2 && i + 1 < n) {
            *w++ = (uint8_t)(base[i] << 6 | (base[i + 1] & 0x3f));
            i++;
        } else {
            return false;
        }
    }
    size_t kept = w == NULL ? 0 : (size_t)(w - base);
    if (kept < n) {
        out->high = out->len > out->high ? out->len : out->high; /* the tail is wiped later */
        out->len = from + kept;
    }
    return true;
}

static schloss_rc encode_text(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (v.kind != JSON_T_STRING) {
        return expected(e, t, v);
    }
    size_t from = e->out->len;
    if (t->kind == AVRO_STRING && memchr(v.ptr, '\\', v.len) == NULL) {
        buf_put_varlong(e->out, (int64_t)(v.len - 2));
        buf_put(e->out, v.ptr + 1, v.len - 2);
        return SCHLOSS_OK;
    }
    TRY(json_str_decode(v, e->out, e->err));
    if (t->kind != AVRO_STRING) {
        ENSURE(avro_latin1(e->out, from), e->err, DATA_MISMATCH, "%s may only hold characters U+0000 to U+00FF",
               avro_type_label(t));
    }
    if (t->kind == AVRO_FIXED) {
        ENSURE(e->out->len - from == t->size, e->err, DATA_MISMATCH, "fixed \"%s\" takes %zu bytes, found %zu", t->name,
               t->size, e->out->len - from);
    } else {
        avro_put_length_before(e->out, from);
    }
    return SCHLOSS_OK;
}

static schloss_rc encode_enum(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (v.kind != JSON_T_STRING) {
        return expected(e, t, v);
    }
    for (size_t i = 0; i < t->n_symbols; i++) {
        if (json_str_equal(v, t->symbols[i])) {
            buf_put_varlong(e->out, (int64_t)i);
            return SCHLOSS_OK;
        }
    }
    return FAIL(e->err, DATA_MISMATCH, "the text is no symbol of enum \"%s\"", t->name);
}

/* ---- arrays, maps, unions ---- */

static schloss_rc encode_items(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    bool is_map = t->kind == AVRO_MAP;
    if (v.kind != (is_map ? JSON_T_OBJECT : JSON_T_ARRAY)) {
        return expected(e, t, v);
    }
    static const avro_type_t key_type = {.kind = AVRO_STRING};
    json_span_t key = v, item;
    int64_t n = 0;
    for (json_iter_t it = json_iter(v); json_next(&it, NULL, &item);) {
        n++;
    }
    if (n > 0) {
        TRY(avro_encoder_enter(e));
        buf_put_varlong(e->out, n);
        for (json_iter_t it = json_iter(v); json_next(&it, &key, &item);) {
            if (is_map) {
                TRY(encode_text(e, &key_type, key));
            }
            TRY(avro_encode(e, t->items, item));
        }
        e->depth--;
    }
    buf_put_varlong(e->out, 0);
    return SCHLOSS_OK;
}

/* Branch that the wrapper {"name": value} means. */
static bool wrapped(const avro_type_t *t, json_span_t v, size_t *branch, json_span_t *inner) {
    json_span_t key, more;
    if (v.kind != JSON_T_OBJECT) {
        return false;
    }
    json_iter_t it = json_iter(v);
    if (!json_next(&it, &key, inner) || json_next(&it, NULL, &more)) {
        return false;
    }
    for (size_t i = 0; i < t->n_branches; i++) {
        if (t->branches[i]->kind != AVRO_NULL && json_str_equal(key, avro_type_label(t->branches[i]))) {
            *branch = i;
            return true;
        }
    }
    return false;
}

static schloss_rc encode_union(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    size_t branch = t->n_branches;
    json_span_t inner = v;
    if (v.kind == JSON_T_NULL) {
        for (branch = 0; branch < t->n_branches && t->branches[branch]->kind != AVRO_NULL; branch++) {
        }
        ENSURE(branch < t->n_branches, e->err, DATA_MISMATCH, "found null, and the union has no branch null");
    } else if (!wrapped(t, v, &branch, &inner)) {
        inner = v;
        if (!e->plain) {
            schloss_rc rc =
                FAIL(e->err, DATA_MISMATCH, "expected a union value as {\"branch\": value}, found %s", found(v));
            err_hint(e->err, "name the branch (a named type by its full name), or use plain JSON mode");
            return rc;
        }
        TRY(avro_plain_branch(e, t, v, &branch));
    }
    buf_put_varlong(e->out, (int64_t)branch);
    return avro_encode(e, t->branches[branch], inner);
}

/* ---- records ---- */

static schloss_rc encode_field(avro_encoder_t *e, const avro_field_t *f, const json_span_t *v) {
    schloss_rc rc = v != NULL ? avro_encode(e, f->type, *v) : avro_encode_missing(e, f);
    if (rc != SCHLOSS_OK) {
        err_field(e->err, f->full_name);
    }
    return rc;
}

static schloss_rc no_such_field(const avro_encoder_t *e, const avro_type_t *t, json_span_t key, const char *what) {
    int n = key.len - 2 < 64 ? (int)key.len - 2 : 64;
    return FAIL(e->err, DATA_MISMATCH, "record \"%s\" %s \"%.*s\"", t->name, what, n, key.ptr + 1);
}

static bool find_field(const avro_type_t *t, json_span_t key, size_t *i) {
    for (size_t k = 0; k < t->n_fields; k++) {
        size_t at = *i + k < t->n_fields ? *i + k : *i + k - t->n_fields;
        if (json_str_equal(key, t->fields[at].name)) {
            *i = at;
            return true;
        }
    }
    return false;
}

/* The fields from next on, whose members stand in any order from it on. */
static schloss_rc encode_unordered(avro_encoder_t *e, const avro_type_t *t, size_t next, json_iter_t it) {
    json_span_t key = {0}, v = {0}, *values = mem_calloc(t->n_fields, sizeof(*values));
    ENSURE(values != NULL, e->err, NO_MEMORY, "out of memory");
    schloss_rc rc = SCHLOSS_OK;
    size_t i = next;
    while (rc == SCHLOSS_OK && json_next(&it, &key, &v)) {
        if (!find_field(t, key, &i)) {
            rc = no_such_field(e, t, key, "has no field");
        } else if (i < next || values[i].ptr != NULL) {
            rc = no_such_field(e, t, key, "is given twice field");
        } else {
            values[i] = v;
        }
    }
    for (i = next; rc == SCHLOSS_OK && i < t->n_fields; i++) {
        rc = encode_field(e, &t->fields[i], values[i].ptr != NULL ? &values[i] : NULL);
    }
    mem_free(values);
    return rc;
}

static schloss_rc encode_record(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (v.kind != JSON_T_OBJECT) {
        return expected(e, t, v);
    }
    TRY(avro_encoder_enter(e));
    json_iter_t it = json_iter(v);
    size_t next = 0;
    for (;;) {
        json_iter_t before = it;
        json_span_t key, value;
        bool more = json_next(&it, &key, &value);
        if (!more && next == t->n_fields) {
            break;
        }
        if (!more || next == t->n_fields || !json_str_equal(key, t->fields[next].name)) {
            TRY(encode_unordered(e, t, next, before));
            break;
        }
        TRY(encode_field(e, &t->fields[next++], &value));
    }
    e->depth--;
    return SCHLOSS_OK;
}

schloss_rc avro_encode(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (e->out->failed) {
        return buf_check(e->out, e->err);
    }
    switch (t->kind) {
    case AVRO_NULL:
        return v.kind == JSON_T_NULL ? SCHLOSS_OK : expected(e, t, v);
    case AVRO_BOOLEAN:
        if (v.kind != JSON_T_BOOL) {
            return expected(e, t, v);
        }
        buf_put_u8(e->out, json_get_bool(v) ? 1 : 0);
        return SCHLOSS_OK;
    case AVRO_INT:
    case AVRO_LONG:
        return encode_integer(e, t, v);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return encode_real(e, t, v);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_FIXED:
        return encode_text(e, t, v);
    case AVRO_ENUM:
        return encode_enum(e, t, v);
    case AVRO_RECORD:
        return encode_record(e, t, v);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return encode_items(e, t, v);
    case AVRO_UNION:
        return encode_union(e, t, v);
    }
    return expected(e, t, v);
}

schloss_rc avro_from_json(const avro_type_t *type, const char *json, size_t len, unsigned flags, buf_t *out,
                          schloss_error_t *err) {
    json_span_t v;
    TRY(json_scan(&v, json, len, err));
    avro_encoder_t e = {
        .out = out, .plain = (flags & SCHLOSS_AVRO_JSON_PLAIN) != 0, .steps = AVRO_PLAIN_STEPS(len), .err = err};
    TRY(avro_encode(&e, type, v));
    return buf_check(out, err);
}
