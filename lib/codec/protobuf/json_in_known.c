/* ProtoJSON of the well-known types -> wire bytes. */
#include "base/limits.h"
#include "codec/protobuf/json.h"
#include "codec/protobuf/json_in.h"

/* seconds = 1, nanos = 2, zeros left out */
static void put_seconds(buf_t *out, int64_t seconds, int32_t nanos) {
    if (seconds != 0) {
        wire_put_tag(out, 1, WIRE_VARINT);
        wire_put_varint(out, (uint64_t)seconds);
    }
    if (nanos != 0) {
        wire_put_tag(out, 2, WIRE_VARINT);
        wire_put_varint(out, (uint64_t)(int64_t)nanos);
    }
}

static schloss_rc put_time(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    int64_t seconds = 0;
    int32_t nanos = 0;
    const char *s = NULL;
    TRY(pb_json_text(j, f, v, &s));
    if (m->wkt == PB_WKT_TIMESTAMP && !pb_time_parse(s, &seconds, &nanos)) {
        return pb_json_misfit(j, f, "not a time like 2020-01-31T12:00:00Z");
    }
    if (m->wkt == PB_WKT_DURATION && !pb_duration_parse(s, &seconds, &nanos)) {
        return pb_json_misfit(j, f, "not a duration like 1.5s");
    }
    put_seconds(j->out, seconds, nanos);
    return SCHLOSS_OK;
}

static schloss_rc put_mask(pb_json_in_t *j, const pb_field_t *f, json_span_t v) {
    const char *s = NULL;
    TRY(pb_json_text(j, f, v, &s));
    while (*s != 0) {
        size_t n = strcspn(s, ","), snake = n;
        for (size_t i = 0; i < n; i++) {
            snake += s[i] >= 'A' && s[i] <= 'Z';
        }
        wire_put_tag(j->out, 1, WIRE_LEN);
        wire_put_varint(j->out, snake);
        if (n == 0 || !pb_path_to_snake(j->out, s, n)) {
            return pb_json_misfit(j, f, "not a field mask like a.bC,d");
        }
        s += n + (s[n] == ',' && s[n + 1] != 0);
        if (*s == ',') {
            return pb_json_misfit(j, f, "not a field mask like a.bC,d");
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc put_any_value(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    static const uint32_t numbers[] = {[JSON_T_NULL] = 1, [JSON_T_NUMBER] = 2, [JSON_T_STRING] = 3,
                                       [JSON_T_BOOL] = 4, [JSON_T_OBJECT] = 5, [JSON_T_ARRAY] = 6};
    const pb_field_t *kind = pb_field_by_number(m, numbers[v.kind]);
    return kind == NULL ? pb_json_misfit(j, f, "google.protobuf.Value lacks a field")
                        : pb_json_put_value(j, kind, v, true);
}

static schloss_rc put_list_value(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    json_iter_t it = json_iter(v);
    json_span_t item;
    const pb_field_t *values = pb_field_by_number(m, 1);
    if (v.kind != JSON_T_ARRAY || values == NULL) {
        return pb_json_misfit(j, f, "an array is expected");
    }
    while (json_next(&it, NULL, &item)) {
        TRY(pb_json_put_value(j, values, item, true));
    }
    return SCHLOSS_OK;
}

static schloss_rc put_any(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    json_span_t url, content;
    const char *s = NULL;
    if (v.kind != JSON_T_OBJECT) {
        return pb_json_misfit(j, f, "an object is expected");
    }
    if (!json_member(v, "@type", &url)) {
        json_span_t key, value;
        json_iter_t it = json_iter(v);
        return json_next(&it, &key, &value) ? pb_json_misfit(j, f, "google.protobuf.Any without \"@type\"")
                                            : SCHLOSS_OK;
    }
    TRY(pb_json_text(j, f, url, &s));
    const char *slash = strrchr(s, '/');
    const pb_message_t *inner = pb_message_by_name(m->schema, slash == NULL ? s : slash + 1);
    ENSURE(inner != NULL && slash != NULL, j->err, DATA_MISMATCH, "\"%.150s\" is no type that this schema knows", s);
    wire_put_tag(j->out, 1, WIRE_LEN);
    wire_put_varint(j->out, j->text.len);
    buf_put(j->out, j->text.ptr, j->text.len);
    wire_put_tag(j->out, 2, WIRE_LEN);
    size_t before = j->out->len;
    buf_t *out = j->out, nested;
    buf_init(&nested, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    j->out = &nested;
    schloss_rc rc;
    if (inner->wkt == PB_WKT_NONE) {
        rc = pb_json_put_fields(j, inner, f, v, "@type");
    } else {
        rc = json_member(v, "value", &content) ? pb_json_put_message(j, inner, f, content)
                                               : pb_json_misfit(j, f, "google.protobuf.Any without \"value\"");
    }
    j->out = out;
    rc = rc == SCHLOSS_OK ? buf_check(&nested, j->err) : rc;
    wire_put_varint(out, nested.len);
    buf_put(out, nested.ptr, nested.len);
    if (rc == SCHLOSS_OK && nested.len == 0) {
        out->len = before - 1; /* an empty value is left out, its tag of one byte with it */
    }
    buf_clear(&nested);
    return rc;
}

static schloss_rc put_known(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    const pb_field_t *first = m->n_fields == 0 ? NULL : &m->fields[0];
    switch (m->wkt) {
    case PB_WKT_TIMESTAMP:
    case PB_WKT_DURATION:
        return put_time(j, m, f, v);
    case PB_WKT_FIELD_MASK:
        return put_mask(j, f, v);
    case PB_WKT_VALUE:
        return put_any_value(j, m, f, v);
    case PB_WKT_LIST_VALUE:
        return put_list_value(j, m, f, v);
    case PB_WKT_ANY:
        return put_any(j, m, f, v);
    case PB_WKT_STRUCT:
        return first != NULL && first->is_map ? pb_json_put_map(j, first, v) : pb_json_put_fields(j, m, f, v, NULL);
    case PB_WKT_WRAPPER:
        return first != NULL && first->message == NULL && !first->repeated ? pb_json_put_value(j, first, v, false)
                                                                           : pb_json_put_fields(j, m, f, v, NULL);
    case PB_WKT_NONE:
        break;
    }
    return pb_json_put_fields(j, m, f, v, NULL);
}

schloss_rc pb_json_put_message(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v) {
    ENSURE(++j->depth <= LIMIT_RECORD_DEPTH, j->err, LIMIT_EXCEEDED,
           "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)", LIMIT_RECORD_DEPTH);
    schloss_rc rc = put_known(j, m, f, v);
    j->depth--;
    return rc;
}
