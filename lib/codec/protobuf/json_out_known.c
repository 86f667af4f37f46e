/* Wire bytes of the well-known types -> their ProtoJSON forms. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include "codec/protobuf/json.h"
#include "codec/protobuf/json_out.h"

/* Last occurrences of fields 1 and 2. */
typedef struct pair {
    wire_field_t f[2];
    bool has[2];
} pair_t;

static schloss_rc read_pair(pb_json_out_t *j, const pb_field_t *f, bytes_t record, pair_t *p) {
    cur_t c = cur_of(record);
    wire_field_t w;
    memset(p, 0, sizeof(*p));
    while (wire_next(&c, &w)) {
        if (w.number <= 2) {
            p->f[w.number - 1] = w;
            p->has[w.number - 1] = true;
        }
    }
    return c.failed ? pb_json_unfit(j, f, "malformed") : SCHLOSS_OK;
}

static schloss_rc put_time(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record) {
    pair_t p;
    TRY(read_pair(j, f, record, &p));
    int64_t seconds = (int64_t)p.f[0].value;
    int32_t nanos = (int32_t)(uint32_t)p.f[1].value;
    bool ok =
        m->wkt == PB_WKT_TIMESTAMP ? pb_time_print(j->out, seconds, nanos) : pb_duration_print(j->out, seconds, nanos);
    return ok ? SCHLOSS_OK : pb_json_unfit(j, f, "out of the range of its type");
}

static schloss_rc put_mask(pb_json_out_t *j, const pb_field_t *f, bytes_t record) {
    cur_t c = cur_of(record);
    wire_field_t w;
    buf_t paths;
    bool ok = true;
    buf_init(&paths, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    while (ok && wire_next(&c, &w)) {
        if (w.number == 1 && w.type == WIRE_LEN) {
            if (paths.len > 0) {
                buf_put_u8(&paths, ',');
            }
            ok = pb_path_to_camel(&paths, (const char *)w.data.ptr, w.data.len) && utf8_valid(w.data.ptr, w.data.len);
        }
    }
    schloss_rc rc =
        !ok || c.failed ? pb_json_unfit(j, f, "a path cannot be written as JSON") : buf_check(&paths, j->err);
    if (rc == SCHLOSS_OK) {
        json_put_string(j->out, paths.len == 0 ? "" : (const char *)paths.ptr, paths.len);
    }
    buf_clear(&paths);
    return rc;
}

/* google.protobuf.Value: the last member of its oneof; content gets its bytes, several pieces of a message as one. */
static schloss_rc read_value(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record,
                             const pb_field_t **kind, buf_t *content) {
    cur_t c = cur_of(record);
    wire_field_t w;
    *kind = NULL;
    while (wire_next(&c, &w)) {
        const pb_field_t *g = w.number <= 6 ? pb_field_by_number(m, w.number) : NULL;
        if (g == NULL) {
            continue;
        }
        if (pb_type_wire(g->type) != w.type) {
            return pb_json_unfit(j, f, "malformed");
        }
        if (g != *kind || g->message == NULL) {
            buf_reset(content);
        }
        *kind = g;
        buf_put(content, w.data.ptr, w.data.len);
    }
    return c.failed ? pb_json_unfit(j, f, "malformed") : buf_check(content, j->err);
}

static schloss_rc put_value(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record) {
    const pb_field_t *kind = NULL;
    buf_t content;
    double d = 0;
    buf_init(&content, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    schloss_rc rc = read_value(j, m, f, record, &kind, &content);
    if (rc == SCHLOSS_OK && kind != NULL && kind->type == PB_DOUBLE) {
        memcpy(&d, content.ptr, 8);
    }
    if (rc != SCHLOSS_OK) {
    } else if (kind == NULL || kind->number == 1) {
        buf_put_str(j->out, "null");
    } else if (__builtin_isnan(d) || __builtin_isinf(d)) {
        rc = pb_json_unfit(j, f, "a google.protobuf.Value cannot hold NaN or Infinity");
    } else {
        rc = pb_json_put(j, kind, buf_view(&content));
    }
    buf_clear(&content);
    return rc;
}

static schloss_rc put_list_value(pb_json_out_t *j, const pb_field_t *values, const pb_field_t *f, bytes_t record) {
    cur_t c = cur_of(record);
    wire_field_t w;
    bool first = true;
    buf_put_u8(j->out, '[');
    while (wire_next(&c, &w)) {
        if (w.number != 1 || w.type != pb_type_wire(values->type)) {
            continue;
        }
        if (!first) {
            buf_put_u8(j->out, ',');
        }
        first = false;
        TRY(pb_json_put(j, values, w.data));
    }
    buf_put_u8(j->out, ']');
    return c.failed ? pb_json_unfit(j, f, "malformed") : SCHLOSS_OK;
}

/* {"fields": {...}} without its outer half. */
static schloss_rc put_struct(pb_json_out_t *j, const pb_message_t *m, bytes_t record) {
    buf_t *out = j->out, inner;
    buf_init(&inner, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    j->out = &inner;
    schloss_rc rc = pb_json_fields(j, m, record, true);
    j->out = out;
    rc = rc == SCHLOSS_OK ? buf_check(&inner, j->err) : rc;
    const uint8_t *colon = inner.len == 0 ? NULL : memchr(inner.ptr, ':', inner.len);
    if (rc == SCHLOSS_OK && colon != NULL) {
        buf_put(out, colon + 1, inner.len - (size_t)(colon + 1 - inner.ptr));
    } else if (rc == SCHLOSS_OK) {
        buf_put_str(out, "{}");
    }
    buf_clear(&inner);
    return rc;
}

static schloss_rc put_any(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record) {
    pair_t p;
    char name[PB_NAME_MAX + 1];
    TRY(read_pair(j, f, record, &p));
    if (!p.has[0] && !p.has[1]) {
        buf_put_str(j->out, "{}");
        return SCHLOSS_OK;
    }
    if (p.f[0].type != WIRE_LEN || (p.has[1] && p.f[1].type != WIRE_LEN) ||
        !utf8_valid(p.f[0].data.ptr, p.f[0].data.len)) {
        return pb_json_unfit(j, f, "malformed");
    }
    bytes_t url = p.f[0].data;
    const uint8_t *slash = url.len == 0 ? NULL : memrchr(url.ptr, '/', url.len);
    size_t n = slash == NULL ? SIZE_MAX : url.len - (size_t)(slash + 1 - url.ptr);
    if (n >= sizeof(name)) {
        return pb_json_unfit(j, f, "a google.protobuf.Any has no type");
    }
    memcpy(name, url.ptr + url.len - n, n);
    name[n] = 0;
    const pb_message_t *inner = pb_message_by_name(m->schema, name);
    ENSURE(inner != NULL, j->err, DATA_MISMATCH, "\"%.150s\" is no type that this schema knows", name);
    buf_put_str(j->out, "{\"@type\":");
    json_put_string(j->out, (const char *)url.ptr, url.len);
    if (inner->wkt == PB_WKT_NONE) {
        TRY(pb_json_fields(j, inner, p.f[1].data, false));
    } else {
        buf_put_str(j->out, ",\"value\":");
        TRY(pb_json_message(j, inner, f, p.f[1].data));
    }
    buf_put_u8(j->out, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_wrapper(pb_json_out_t *j, const pb_field_t *value, bytes_t record) {
    cur_t c = cur_of(record);
    wire_field_t w;
    bytes_t data = bytes(NULL, 0);
    while (wire_next(&c, &w)) {
        if (w.number == value->number && w.type == pb_type_wire(value->type)) {
            data = w.data;
        }
    }
    return c.failed ? pb_json_unfit(j, value, "malformed") : pb_json_put(j, value, data);
}

static schloss_rc put_known(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record) {
    const pb_field_t *first = m->n_fields == 0 ? NULL : &m->fields[0];
    switch (m->wkt) {
    case PB_WKT_TIMESTAMP:
    case PB_WKT_DURATION:
        return put_time(j, m, f, record);
    case PB_WKT_FIELD_MASK:
        return put_mask(j, f, record);
    case PB_WKT_VALUE:
        return put_value(j, m, f, record);
    case PB_WKT_ANY:
        return put_any(j, m, f, record);
    case PB_WKT_LIST_VALUE:
        if (first != NULL && first->message != NULL) {
            return put_list_value(j, first, f, record);
        }
        break;
    case PB_WKT_STRUCT:
        if (m->n_fields == 1 && first->is_map) {
            return put_struct(j, m, record);
        }
        break;
    case PB_WKT_WRAPPER:
        if (first != NULL && first->message == NULL && !first->repeated) {
            return put_wrapper(j, first, record);
        }
        break;
    case PB_WKT_NONE:
        break;
    }
    buf_put_u8(j->out, '{');
    TRY(pb_json_fields(j, m, record, true));
    buf_put_u8(j->out, '}');
    return SCHLOSS_OK;
}

schloss_rc pb_json_message(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record) {
    ENSURE(++j->depth <= LIMIT_RECORD_DEPTH, j->err, LIMIT_EXCEEDED,
           "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)", LIMIT_RECORD_DEPTH);
    schloss_rc rc = put_known(j, m, f, record);
    j->depth--;
    return rc;
}
