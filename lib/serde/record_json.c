/* Records from and to JSON by the format of their schema. */
#include "base/limits.h"
#include "codec/avro/json.h"
#include "codec/json/scan.h"
#include "serde/view.h"
#include <schloss/record.h>

struct schloss_buffer {
    buf_t buf;
};

schloss_buffer_t *schloss_buffer_new(size_t max_len) {
    schloss_buffer_t *b = MEM_NEW(schloss_buffer_t);
    if (b != NULL) {
        buf_init(&b->buf, max_len == 0 ? LIMIT_RECORD_BYTES : max_len, "schloss_buffer_new(max_len)", true);
    }
    return b;
}

void schloss_buffer_free(schloss_buffer_t *b) {
    if (b != NULL) {
        buf_clear(&b->buf);
        mem_free(b);
    }
}

static schloss_rc copy_json(const char *json, size_t len, buf_t *out, schloss_error_t *err) {
    json_span_t span;
    TRY(json_scan_depth(&span, json, len, LIMIT_RECORD_DEPTH, err));
    buf_put(out, span.ptr, span.len);
    return buf_check(out, err);
}

/* Without white space between tokens, so that it fits one line. */
static schloss_rc compact_json(const char *json, size_t len, buf_t *out, schloss_error_t *err) {
    json_span_t span;
    TRY(json_scan_depth(&span, json, len, LIMIT_RECORD_DEPTH, err));
    const char *end = span.ptr + span.len, *from = span.ptr;
    bool in_string = false;
    for (const char *p = span.ptr; p < end; p++) {
        if (in_string && *p == '\\') {
            p++;
        } else if (*p == '"') {
            in_string = !in_string;
        } else if (!in_string && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) {
            buf_put(out, from, (size_t)(p - from));
            from = p + 1;
        }
    }
    buf_put(out, from, (size_t)(end - from));
    return buf_check(out, err);
}

static schloss_rc give(schloss_buffer_t *b, schloss_bytes_t *out, schloss_error_t *err) {
    TRY(buf_check(&b->buf, err));
    *out = b->buf.len == 0 ? bytes("", 0) : buf_view(&b->buf);
    return SCHLOSS_OK;
}

schloss_rc schloss_record_from_json(const schloss_schema_t *schema, const char *json, size_t len, unsigned flags,
                                    schloss_buffer_t *b, schloss_bytes_t *out, schloss_error_t *err) {
    ENSURE(schema != NULL && json != NULL && b != NULL && out != NULL, err, INVALID_ARGUMENT,
           "no argument but err may be NULL");
    buf_reset(&b->buf);
    TRY(schema->avro != NULL      ? avro_from_json(avro_schema_root(schema->avro), json, len, flags, &b->buf, err)
        : schema->message != NULL ? pb_from_json(schema->message, json, len, &b->buf, err)
                                  : copy_json(json, len, &b->buf, err));
    return give(b, out, err);
}

schloss_rc schloss_record_to_json(const schloss_schema_t *schema, schloss_bytes_t record, unsigned flags,
                                  schloss_buffer_t *b, schloss_bytes_t *out, schloss_error_t *err) {
    ENSURE(schema != NULL && b != NULL && out != NULL, err, INVALID_ARGUMENT, "no argument but err may be NULL");
    buf_reset(&b->buf);
    TRY(schema->avro != NULL      ? avro_to_json(avro_schema_root(schema->avro), record, flags, &b->buf, err)
        : schema->message != NULL ? pb_to_json(schema->message, record, &b->buf, err)
                                  : compact_json((const char *)record.ptr, record.len, &b->buf, err));
    return give(b, out, err);
}
