/* ProtoJSON -> wire bytes. The members of an object are gathered, put in order by number and written; what equals the
 * default of a field without presence is left out, as official encoders do. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include "codec/protobuf/json.h"
#include "codec/protobuf/json_in.h"
#include <stdlib.h>

typedef struct member {
    const pb_field_t *field;
    json_span_t value;
} member_t;

schloss_rc pb_json_misfit(pb_json_in_t *j, const pb_field_t *f, const char *what) {
    schloss_rc rc = FAIL(j->err, DATA_MISMATCH, "%s: %s", f == NULL ? "the message" : f->full_name, what);
    err_field(j->err, f == NULL ? NULL : f->full_name);
    return rc;
}

schloss_rc pb_json_text(pb_json_in_t *j, const pb_field_t *f, json_span_t v, const char **out) {
    if (v.kind != JSON_T_STRING) {
        return pb_json_misfit(j, f, "a text is expected");
    }
    buf_reset(&j->text);
    TRY(json_str_decode(v, &j->text, j->err));
    if (memchr(j->text.ptr == NULL ? (const uint8_t *)"" : j->text.ptr, 0, j->text.len) != NULL) {
        return pb_json_misfit(j, f, "a name or number holds U+0000");
    }
    *out = buf_cstr(&j->text);
    return buf_check(&j->text, j->err);
}

/* Content was appended behind mark: puts its length in front. */
static void put_len(buf_t *out, size_t mark) {
    if (out->failed || !buf_reserve(out, 10)) {
        return;
    }
    size_t n = out->len - mark, head = wire_varint_size(n);
    memmove(out->ptr + mark + head, out->ptr + mark, n);
    (void)uvarlong_write(out->ptr + mark, n);
    out->len += head;
}

/* ---- scalars ---- */

/* An integer as number or text, with fraction or exponent as long as it is whole. */
static bool parse_whole(const char *s, bool is_signed, int64_t min, uint64_t max, uint64_t *out) {
    const char *p = s + (*s == '-');
    uint64_t v = 0;
    bool plain = *p != 0;
    for (; plain && *p != 0; p++) {
        plain = *p >= '0' && *p <= '9' && !__builtin_mul_overflow(v, 10, &v) &&
                !__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
    }
    if (!plain) {
        double d = 0;
        json_span_t span = {s, strlen(s), JSON_T_NUMBER};
        if (!json_get_double(span, &d) || d != (double)(int64_t)(d >= 9.2e18 || d <= -9.2e18 ? 0 : d)) {
            return false;
        }
        v = d < 0 ? (uint64_t)-d : (uint64_t)d;
    }
    if (*s == '-') {
        if (v != 0 && (!is_signed || v > (uint64_t)INT64_MAX + 1 || (int64_t)(0 - v) < min)) {
            return false;
        }
        *out = 0 - v;
        return true;
    }
    *out = v;
    return v <= max;
}

static schloss_rc number_text(pb_json_in_t *j, const pb_field_t *f, json_span_t v, const char **out) {
    if (v.kind == JSON_T_STRING) {
        return pb_json_text(j, f, v, out);
    }
    if (v.kind != JSON_T_NUMBER) {
        return pb_json_misfit(j, f, "a number is expected");
    }
    buf_reset(&j->text);
    buf_put(&j->text, v.ptr, v.len);
    *out = buf_cstr(&j->text);
    return buf_check(&j->text, j->err);
}

static schloss_rc whole(pb_json_in_t *j, const pb_field_t *f, json_span_t v, uint64_t *out) {
    static const struct {
        bool is_signed;
        int64_t min;
        uint64_t max;
    } ranges[] = {
        {true, INT32_MIN, INT32_MAX}, {false, 0, UINT32_MAX}, {true, INT64_MIN, INT64_MAX}, {false, 0, UINT64_MAX}};
    bool wide = f->type == PB_INT64 || f->type == PB_SINT64 || f->type == PB_SFIXED64 || f->type == PB_UINT64 ||
                f->type == PB_FIXED64;
    bool natural = f->type == PB_UINT32 || f->type == PB_FIXED32 || f->type == PB_UINT64 || f->type == PB_FIXED64;
    size_t i = 2u * wide + natural;
    const char *s = NULL;
    TRY(number_text(j, f, v, &s));
    if (!parse_whole(s, ranges[i].is_signed, ranges[i].min, ranges[i].max, out)) {
        return pb_json_misfit(j, f, "not a whole number of its type");
    }
    return SCHLOSS_OK;
}

static schloss_rc real(pb_json_in_t *j, const pb_field_t *f, json_span_t v, double *out) {
    const char *s = NULL;
    TRY(number_text(j, f, v, &s));
    if (v.kind == JSON_T_STRING && strcmp(s, "NaN") == 0) {
        *out = __builtin_nan("");
        return SCHLOSS_OK;
    }
    if (v.kind == JSON_T_STRING && (strcmp(s, "Infinity") == 0 || strcmp(s, "-Infinity") == 0)) {
        *out = *s == '-' ? -__builtin_inf() : __builtin_inf();
        return SCHLOSS_OK;
    }
    json_span_t span = {s, strlen(s), JSON_T_NUMBER};
    if (!json_get_double(span, out)) {
        return pb_json_misfit(j, f, "not a number");
    }
    double size = *out < 0 ? -*out : *out;
    if (f->type == PB_FLOAT && size > (double)__FLT_MAX__ && (float)*out - (float)*out != 0.0f) {
        return pb_json_misfit(j, f, "out of the range of float");
    }
    return SCHLOSS_OK;
}

static void put_fix(buf_t *out, uint64_t v, unsigned n) {
    uint8_t at[8];
    for (unsigned i = 0; i < n; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
    buf_put(out, at, n);
}

static schloss_rc put_bytes(pb_json_in_t *j, const pb_field_t *f, const char *s) {
    size_t n = strlen(s), len = 0;
    char *text = (char *)j->text.ptr; /* ours to change */
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)(s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]);
    }
    if (!buf_reserve(j->out, n / 4 * 3 + 14)) {
        return buf_check(j->out, j->err);
    }
    size_t mark = j->out->len;
    if (!b64_decode(j->out->ptr + mark, &len, (const uint8_t *)text, n)) {
        return pb_json_misfit(j, f, "not base64");
    }
    j->out->len += len;
    put_len(j->out, mark);
    return SCHLOSS_OK;
}

static schloss_rc enum_number(pb_json_in_t *j, const pb_field_t *f, json_span_t v, uint64_t *out) {
    const pb_enum_t *e = f->enumeration;
    if (v.kind == JSON_T_NULL && strcmp(e->name, "google.protobuf.NullValue") == 0) {
        *out = 0;
        return SCHLOSS_OK;
    }
    const char *s = NULL;
    TRY(number_text(j, f, v, &s));
    for (size_t i = 0; v.kind == JSON_T_STRING && i < e->n_values; i++) {
        if (strcmp(e->values[i].name, s) == 0) {
            *out = (uint64_t)(int64_t)e->values[i].number;
            return SCHLOSS_OK;
        }
    }
    if (v.kind == JSON_T_STRING || !parse_whole(s, true, INT32_MIN, INT32_MAX, out)) {
        return pb_json_misfit(j, f, "no value of the enum");
    }
    return SCHLOSS_OK;
}

/* One value without tag; *is_default: it equals the default of its type. */
static schloss_rc put_scalar(pb_json_in_t *j, const pb_field_t *f, json_span_t v, bool *is_default) {
    uint64_t n = 0;
    double d = 0;
    const char *s = NULL;
    size_t mark = j->out->len;
    switch (f->type) {
    case PB_STRING:
        if (v.kind != JSON_T_STRING) {
            return pb_json_misfit(j, f, "a text is expected");
        }
        TRY(json_str_decode(v, j->out, j->err));
        *is_default = j->out->len == mark;
        if (!*is_default && !utf8_valid(j->out->ptr + mark, j->out->len - mark)) {
            return pb_json_misfit(j, f, "not valid UTF-8");
        }
        put_len(j->out, mark);
        return SCHLOSS_OK;
    case PB_BYTES:
        TRY(pb_json_text(j, f, v, &s));
        TRY(put_bytes(j, f, s));
        *is_default = j->out->len == mark + 1;
        return SCHLOSS_OK;
    case PB_BOOL:
        if (v.kind == JSON_T_BOOL) {
            n = json_get_bool(v);
        } else { /* keys of maps */
            TRY(pb_json_text(j, f, v, &s));
            n = strcmp(s, "true") == 0;
            if (!j->is_key || (n == 0 && strcmp(s, "false") != 0)) {
                return pb_json_misfit(j, f, "true or false is expected");
            }
        }
        wire_put_varint(j->out, n);
        break;
    case PB_ENUM:
        TRY(enum_number(j, f, v, &n));
        wire_put_varint(j->out, n);
        break;
    case PB_DOUBLE:
        TRY(real(j, f, v, &d));
        memcpy(&n, &d, 8);
        put_fix(j->out, n, 8);
        break;
    case PB_FLOAT: {
        uint32_t bits = 0;
        TRY(real(j, f, v, &d));
        float x = (float)d;
        memcpy(&bits, &x, 4);
        n = bits;
        put_fix(j->out, n, 4);
        break;
    }
    case PB_INT64:
    case PB_UINT64:
    case PB_INT32:
    case PB_UINT32:
    case PB_SINT32:
    case PB_SINT64:
        TRY(whole(j, f, v, &n));
        if (f->type == PB_SINT32 || f->type == PB_SINT64) {
            n = (n << 1) ^ (0 - (n >> 63));
        }
        wire_put_varint(j->out, n);
        break;
    case PB_FIXED64:
    case PB_SFIXED64:
        TRY(whole(j, f, v, &n));
        put_fix(j->out, n, 8);
        break;
    case PB_FIXED32:
    case PB_SFIXED32:
        TRY(whole(j, f, v, &n));
        put_fix(j->out, n & UINT32_MAX, 4);
        break;
    case PB_GROUP:
    case PB_MESSAGE:
        break;
    }
    *is_default = n == 0;
    return SCHLOSS_OK;
}

/* ---- fields ---- */

/* Tag and value. */
schloss_rc pb_json_put_value(pb_json_in_t *j, const pb_field_t *f, json_span_t v, bool keep_default) {
    size_t before = j->out->len;
    bool is_default = false;
    wire_put_tag(j->out, f->number, pb_type_wire(f->type));
    if (f->type == PB_GROUP) {
        TRY(pb_json_put_message(j, f->message, f, v));
        wire_put_tag(j->out, f->number, WIRE_END);
    } else if (f->type == PB_MESSAGE) {
        size_t mark = j->out->len;
        TRY(pb_json_put_message(j, f->message, f, v));
        put_len(j->out, mark);
    } else {
        TRY(put_scalar(j, f, v, &is_default));
        if (is_default && !keep_default) {
            j->out->len = before;
        }
    }
    return buf_check(j->out, j->err);
}

static bool null_means_something(const pb_field_t *f) {
    return (f->message != NULL && f->message->wkt == PB_WKT_VALUE) ||
           (f->enumeration != NULL && strcmp(f->enumeration->name, "google.protobuf.NullValue") == 0);
}

static schloss_rc put_list(pb_json_in_t *j, const pb_field_t *f, json_span_t v) {
    json_iter_t it = json_iter(v);
    json_span_t item;
    size_t mark = 0, before = j->out->len;
    bool ignored = false;
    if (v.kind != JSON_T_ARRAY) {
        return pb_json_misfit(j, f, "an array is expected");
    }
    if (f->packed) {
        wire_put_tag(j->out, f->number, WIRE_LEN);
        mark = j->out->len;
    }
    while (json_next(&it, NULL, &item)) {
        if (item.kind == JSON_T_NULL && !null_means_something(f)) {
            return pb_json_misfit(j, f, "an element is null");
        }
        TRY(f->packed ? put_scalar(j, f, item, &ignored) : pb_json_put_value(j, f, item, true));
    }
    if (f->packed && j->out->len == mark) {
        j->out->len = before;
    } else if (f->packed) {
        put_len(j->out, mark);
    }
    return buf_check(j->out, j->err);
}

schloss_rc pb_json_put_map(pb_json_in_t *j, const pb_field_t *f, json_span_t v) {
    json_iter_t it = json_iter(v);
    json_span_t key, item;
    const pb_field_t *k = &f->message->fields[0], *value = &f->message->fields[1];
    if (v.kind != JSON_T_OBJECT) {
        return pb_json_misfit(j, f, "an object is expected");
    }
    while (json_next(&it, &key, &item)) {
        if (item.kind == JSON_T_NULL && !null_means_something(value)) {
            return pb_json_misfit(j, f, "a value is null");
        }
        wire_put_tag(j->out, f->number, WIRE_LEN);
        size_t mark = j->out->len;
        j->is_key = true;
        schloss_rc rc = pb_json_put_value(j, k, key, true);
        j->is_key = false;
        TRY(rc);
        TRY(pb_json_put_value(j, value, item, true));
        put_len(j->out, mark);
    }
    return buf_check(j->out, j->err);
}

static int by_number(const void *a, const void *b) {
    const member_t *x = a, *y = b;
    return x->field->number < y->field->number ? -1 : x->field->number > y->field->number;
}

static schloss_rc gather(pb_json_in_t *j, const pb_message_t *m, json_span_t v, const char *skip, member_t *members,
                         size_t *n) {
    json_iter_t it = json_iter(v);
    json_span_t key, value;
    *n = 0;
    while (json_next(&it, &key, &value)) {
        const char *name = NULL;
        TRY(pb_json_text(j, NULL, key, &name));
        if (skip != NULL && strcmp(name, skip) == 0) {
            continue;
        }
        const pb_field_t *f = pb_field_by_name(m, name);
        ENSURE(f != NULL, j->err, DATA_MISMATCH, "%s has no field \"%.100s\"", m->name, name);
        if (value.kind != JSON_T_NULL || (!f->repeated && null_means_something(f))) {
            members[(*n)++] = (member_t){f, value};
        }
    }
    qsort(members, *n, sizeof(*members), by_number);
    return SCHLOSS_OK;
}

static schloss_rc check_members(pb_json_in_t *j, const pb_message_t *m, const member_t *members, size_t n) {
    uint8_t *oneofs = mem_calloc(m->n_oneofs + 1, 1);
    ENSURE(oneofs != NULL, j->err, NO_MEMORY, "out of memory");
    schloss_rc rc = SCHLOSS_OK;
    for (size_t i = 0; i < n && rc == SCHLOSS_OK; i++) {
        const pb_field_t *f = members[i].field;
        if (i > 0 && f == members[i - 1].field) {
            rc = pb_json_misfit(j, f, "given twice");
        } else if (f->oneof >= 0 && oneofs[f->oneof]++ != 0) {
            rc = pb_json_misfit(j, f, "another member of its oneof is given as well");
        }
    }
    mem_free(oneofs);
    return rc;
}

schloss_rc pb_json_put_fields(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v,
                              const char *skip) {
    size_t n = 0;
    json_span_t key, value;
    if (v.kind != JSON_T_OBJECT) {
        return pb_json_misfit(j, f, "an object is expected");
    }
    for (json_iter_t it = json_iter(v); json_next(&it, &key, &value); n++) {
    }
    member_t *members = mem_calloc(n + 1, sizeof(*members));
    ENSURE(members != NULL, j->err, NO_MEMORY, "out of memory");
    schloss_rc rc = gather(j, m, v, skip, members, &n);
    if (rc == SCHLOSS_OK) {
        rc = check_members(j, m, members, n);
    }
    for (size_t i = 0; i < n && rc == SCHLOSS_OK; i++) {
        const pb_field_t *g = members[i].field;
        rc = g->is_map     ? pb_json_put_map(j, g, members[i].value)
             : g->repeated ? put_list(j, g, members[i].value)
                           : pb_json_put_value(j, g, members[i].value, g->presence);
    }
    mem_free(members);
    return rc;
}

schloss_rc pb_from_json(const pb_message_t *m, const char *json, size_t len, buf_t *out, schloss_error_t *err) {
    json_span_t span;
    pb_json_in_t j = {.out = out, .err = err};
    ENSURE(len <= LIMIT_JSON_BYTES, err, LIMIT_EXCEEDED, "the JSON has %zu bytes; the limit LIMIT_JSON_BYTES is %zu",
           len, LIMIT_JSON_BYTES);
    TRY(json_scan(&span, json, len, err));
    buf_init(&j.text, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    schloss_rc rc = pb_json_put_message(&j, m, NULL, span);
    buf_clear(&j.text);
    return rc == SCHLOSS_OK ? buf_check(out, err) : rc;
}
