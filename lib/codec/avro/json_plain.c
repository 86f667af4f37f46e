/* Lenient input: union values without their wrapper, and fields that are left out.
 *
 * Finding the branch means trying them, and branches hold unions again: every try costs a step of a fixed budget, so
 * that no schema makes it exponential. Defaults that contain records with defaults are paid from the same budget. */
#include "codec/avro/json_impl.h"

static bool fits(avro_encoder_t *e, const avro_type_t *t, json_span_t v);

static schloss_rc out_of_steps(avro_encoder_t *e) {
    schloss_rc rc = FAIL(e->err, LIMIT_EXCEEDED, "finding union branches and defaults takes too many steps");
    err_hint(e->err, "write union values as {\"branch\": value}");
    return rc;
}

/* ---- does a value fit a type? ---- */

/* Characters of a string when all are U+0000..U+00FF; false otherwise. */
static bool latin1_length(json_span_t v, size_t *n) {
    *n = 0;
    for (const char *p = v.ptr + 1, *end = v.ptr + v.len - 1; p < end; ++*n) {
        unsigned char c = (unsigned char)*p;
        if (c == '\\' && p[1] == 'u') {
            if (p[2] != '0' || p[3] != '0') {
                return false;
            }
            p += 6;
        } else if (c == '\\' || (c & 0xfe) == 0xc2) {
            p += 2;
        } else if (c < 0x80) {
            p++;
        } else {
            return false;
        }
    }
    return true;
}

static bool text_fits(const avro_type_t *t, json_span_t v) {
    size_t n;
    if (v.kind != JSON_T_STRING) {
        return false;
    }
    if (t->kind == AVRO_ENUM) {
        for (size_t i = 0; i < t->n_symbols; i++) {
            if (json_str_equal(v, t->symbols[i])) {
                return true;
            }
        }
        return false;
    }
    return t->kind == AVRO_STRING || (latin1_length(v, &n) && (t->kind == AVRO_BYTES || n == t->size));
}

static bool number_fits(const avro_type_t *t, json_span_t v) {
    int64_t n;
    double d;
    if (t->kind == AVRO_FLOAT || t->kind == AVRO_DOUBLE) {
        return v.kind == JSON_T_NUMBER || avro_non_finite(v, &d);
    }
    return json_get_int64(v, &n) && (t->kind == AVRO_LONG || (n >= INT32_MIN && n <= INT32_MAX));
}

static bool nullable(const avro_type_t *t, size_t *branch) {
    for (size_t i = 0; t->kind == AVRO_UNION && i < t->n_branches; i++) {
        if (t->branches[i]->kind == AVRO_NULL) {
            *branch = i;
            return true;
        }
    }
    return false;
}

static bool record_fits(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (v.kind != JSON_T_OBJECT) {
        return false;
    }
    size_t known = 0, unused;
    for (size_t i = 0; i < t->n_fields; i++) {
        json_span_t m;
        const avro_field_t *f = &t->fields[i];
        if (json_member(v, f->name, &m)) {
            known++;
            if (!fits(e, f->type, m)) {
                return false;
            }
        } else if (f->dflt == NULL && !nullable(f->type, &unused)) {
            return false;
        }
    }
    json_span_t m;
    for (json_iter_t it = json_iter(v); json_next(&it, NULL, &m);) {
        if (known-- == 0) {
            return false; /* a member that is no field */
        }
    }
    return true;
}

static bool items_fit(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    if (v.kind != (t->kind == AVRO_MAP ? JSON_T_OBJECT : JSON_T_ARRAY)) {
        return false;
    }
    json_span_t m;
    for (json_iter_t it = json_iter(v); json_next(&it, NULL, &m);) {
        if (!fits(e, t->items, m)) {
            return false;
        }
    }
    return true;
}

static bool union_fits(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    json_span_t key, inner, more;
    bool single = false;
    if (v.kind == JSON_T_OBJECT) {
        json_iter_t it = json_iter(v);
        single = json_next(&it, &key, &inner) && !json_next(&it, NULL, &more);
    }
    for (size_t i = 0; i < t->n_branches; i++) {
        const avro_type_t *b = t->branches[i];
        if ((single && b->kind != AVRO_NULL && json_str_equal(key, avro_type_label(b)) && fits(e, b, inner)) ||
            fits(e, b, v)) {
            return true;
        }
    }
    return false;
}

static bool fits(avro_encoder_t *e, const avro_type_t *t, json_span_t v) {
    uint64_t price = 1 + (t->kind == AVRO_RECORD ? t->n_fields : 0) + v.len / 16;
    if (e->steps < price) {
        e->steps = 0;
        return false;
    }
    e->steps -= price;
    switch (t->kind) {
    case AVRO_NULL:
        return v.kind == JSON_T_NULL;
    case AVRO_BOOLEAN:
        return v.kind == JSON_T_BOOL;
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return number_fits(t, v);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED:
        return text_fits(t, v);
    case AVRO_RECORD:
        return record_fits(e, t, v);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return items_fit(e, t, v);
    case AVRO_UNION:
        return union_fits(e, t, v);
    }
    return false;
}

schloss_rc avro_plain_branch(avro_encoder_t *e, const avro_type_t *t, json_span_t v, size_t *branch) {
    size_t hits = 0, candidates = 0, hit = 0;
    for (size_t i = 0; i < t->n_branches; i++) {
        if (t->branches[i]->kind == AVRO_NULL) {
            continue;
        }
        candidates++;
        *branch = i;
        if (fits(e, t->branches[i], v)) {
            hits++;
            hit = i;
        }
    }
    if (e->steps == 0) {
        return out_of_steps(e);
    }
    if (hits == 1) {
        *branch = hit;
        return SCHLOSS_OK;
    }
    if (candidates == 1) {
        return SCHLOSS_OK; /* [null, T]: encoding T says better what is wrong */
    }
    schloss_rc rc =
        FAIL(e->err, DATA_MISMATCH,
             hits == 0 ? "the value fits no branch of its union" : "the value fits several branches of its union");
    err_hint(e->err, "write it as {\"branch\": value}");
    return rc;
}

/* ---- fields that are left out ---- */

static schloss_rc put_default(avro_encoder_t *e, const avro_type_t *t, const json_t *v);

static schloss_rc bad_default(avro_encoder_t *e, const avro_type_t *t) {
    return FAIL(e->err, DATA_MISMATCH, "the default of the schema does not fit type %s", avro_type_label(t));
}

static schloss_rc default_text(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    if (!json_is_string(v)) {
        return bad_default(e, t);
    }
    const char *s = json_string_value(v);
    size_t n = json_string_length(v), from = e->out->len;
    if (t->kind == AVRO_ENUM) {
        for (size_t i = 0; i < t->n_symbols; i++) {
            if (strlen(t->symbols[i]) == n && memcmp(t->symbols[i], s, n) == 0) {
                buf_put_varlong(e->out, (int64_t)i);
                return SCHLOSS_OK;
            }
        }
        return bad_default(e, t);
    }
    buf_put(e->out, s, n);
    if (t->kind != AVRO_STRING && !avro_latin1(e->out, from)) {
        return bad_default(e, t);
    }
    if (t->kind == AVRO_FIXED) {
        return e->out->failed || e->out->len - from == t->size ? SCHLOSS_OK : bad_default(e, t);
    }
    avro_put_length_before(e->out, from);
    return SCHLOSS_OK;
}

static schloss_rc default_number(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    if (t->kind == AVRO_FLOAT || t->kind == AVRO_DOUBLE) {
        double d = json_number_value(v);
        json_span_t text = {"", 0, JSON_T_STRING};
        char quoted[16];
        if (json_is_string(v) && json_string_length(v) + 2 < sizeof quoted) {
            text.len = json_string_length(v) + 2;
            memcpy(quoted + 1, json_string_value(v), json_string_length(v));
            quoted[0] = quoted[text.len - 1] = '"';
            text.ptr = quoted;
        }
        if (!json_is_number(v) && !avro_non_finite(text, &d)) {
            return bad_default(e, t);
        }
        avro_put_real(e, t, d);
        return SCHLOSS_OK;
    }
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || (t->kind == AVRO_INT && (n < INT32_MIN || n > INT32_MAX))) {
        return bad_default(e, t);
    }
    buf_put_varlong(e->out, n);
    return SCHLOSS_OK;
}

static schloss_rc default_record(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    if (!json_is_object(v)) {
        return bad_default(e, t);
    }
    TRY(avro_encoder_enter(e));
    for (size_t i = 0; i < t->n_fields; i++) {
        const json_t *m = json_object_get(v, t->fields[i].name);
        TRY(m != NULL ? put_default(e, t->fields[i].type, m) : avro_encode_missing(e, &t->fields[i]));
    }
    e->depth--;
    return SCHLOSS_OK;
}

static schloss_rc default_items(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    bool is_map = t->kind == AVRO_MAP;
    if (is_map ? !json_is_object(v) : !json_is_array(v)) {
        return bad_default(e, t);
    }
    TRY(avro_encoder_enter(e));
    size_t n = is_map ? json_object_size(v) : json_array_size(v);
    if (n > 0) {
        buf_put_varlong(e->out, (int64_t)n);
    }
    for (size_t i = 0; !is_map && i < n; i++) {
        TRY(put_default(e, t->items, json_array_get(v, i)));
    }
    json_t *o = (json_t *)(uintptr_t)v;
    for (void *it = is_map ? json_object_iter(o) : NULL; it != NULL; it = json_object_iter_next(o, it)) {
        const char *key = json_object_iter_key(it);
        buf_put_varlong(e->out, (int64_t)strlen(key));
        buf_put_str(e->out, key);
        TRY(put_default(e, t->items, json_object_iter_value(it)));
    }
    buf_put_varlong(e->out, 0);
    e->depth--;
    return SCHLOSS_OK;
}

static schloss_rc default_union(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    for (size_t i = 0; i < t->n_branches; i++) {
        unsigned budget = e->steps < AVRO_DEFAULT_STEPS ? (unsigned)e->steps : AVRO_DEFAULT_STEPS, left = budget;
        bool valid = avro_default_valid(t->branches[i], v, &left);
        e->steps -= budget - left;
        if (valid) {
            buf_put_varlong(e->out, (int64_t)i);
            return put_default(e, t->branches[i], v);
        }
    }
    return bad_default(e, t);
}

static schloss_rc put_default(avro_encoder_t *e, const avro_type_t *t, const json_t *v) {
    if (e->steps == 0) {
        return out_of_steps(e);
    }
    e->steps--;
    if (e->out->failed) {
        return buf_check(e->out, e->err);
    }
    switch (t->kind) {
    case AVRO_NULL:
        return json_is_null(v) ? SCHLOSS_OK : bad_default(e, t);
    case AVRO_BOOLEAN:
        if (!json_is_boolean(v)) {
            return bad_default(e, t);
        }
        buf_put_u8(e->out, json_is_true(v) ? 1 : 0);
        return SCHLOSS_OK;
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return default_number(e, t, v);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED:
        return default_text(e, t, v);
    case AVRO_RECORD:
        return default_record(e, t, v);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return default_items(e, t, v);
    case AVRO_UNION:
        return default_union(e, t, v);
    }
    return bad_default(e, t);
}

schloss_rc avro_encode_missing(avro_encoder_t *e, const avro_field_t *f) {
    size_t branch;
    if (e->plain && f->dflt != NULL) {
        return put_default(e, f->type, f->dflt);
    }
    if (e->plain && nullable(f->type, &branch)) {
        buf_put_varlong(e->out, (int64_t)branch);
        return SCHLOSS_OK;
    }
    return FAIL(e->err, DATA_MISMATCH, "field \"%s\" is missing", f->full_name);
}
