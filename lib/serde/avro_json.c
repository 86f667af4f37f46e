/* Avro JSON for the schemas that serdes hand out. */
#include "codec/avro/json.h"
#include "codec/avro/writer.h"
#include "serde/view.h"
#include <schloss/avro.h>

/* The buffer has a little more room than the caller's limit. */
static schloss_rc check_len(const schloss_avro_writer_t *w, schloss_error_t *err) {
    TRY(buf_check(&w->buf, err));
    ENSURE(w->buf.len <= w->max_len, err, LIMIT_EXCEEDED, "the result has %zu bytes, the writer's limit is %zu",
           w->buf.len, w->max_len);
    return SCHLOSS_OK;
}

schloss_rc schloss_avro_from_json(const schloss_schema_t *schema, const char *json, size_t len, unsigned flags,
                                  schloss_avro_writer_t *w, schloss_bytes_t *out, schloss_error_t *err) {
    ENSURE(schema != NULL && json != NULL && w != NULL && out != NULL, err, INVALID_ARGUMENT,
           "no argument but err may be NULL");
    ENSURE(schema->avro != NULL, err, SCHEMA_TYPE, "the schema is of type %s; see schloss_record_from_json()",
           schema->sr->type);
    schloss_avro_writer_reset(w);
    TRY(avro_from_json(avro_schema_root(schema->avro), json, len, flags, &w->buf, err));
    TRY(check_len(w, err));
    *out = w->buf.ptr == NULL ? bytes("", 0) : buf_view(&w->buf);
    return SCHLOSS_OK;
}

schloss_rc schloss_avro_to_json(const schloss_schema_t *schema, schloss_bytes_t record, unsigned flags,
                                schloss_avro_writer_t *w, schloss_bytes_t *out, schloss_error_t *err) {
    ENSURE(schema != NULL && w != NULL && out != NULL, err, INVALID_ARGUMENT, "no argument but err may be NULL");
    ENSURE(schema->avro != NULL, err, SCHEMA_TYPE, "the schema is of type %s; see schloss_record_to_json()",
           schema->sr->type);
    schloss_avro_writer_reset(w);
    TRY(avro_to_json(avro_schema_root(schema->avro), record, flags, &w->buf, err));
    TRY(check_len(w, err));
    *out = buf_view(&w->buf);
    return SCHLOSS_OK;
}
