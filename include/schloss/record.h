/* Records from and to JSON text, whatever the format of their schema: Avro JSON, JSON as it is, ProtoJSON.
 *
 * Threads: a buffer is used by one thread at a time; a schema may be shared. Since 0.2. */
#ifndef SCHLOSS_RECORD_H
#define SCHLOSS_RECORD_H

#include <schloss/serde.h>

SCHLOSS_BEGIN_DECLS

/** Memory for results, used again by each call and wiped before. */
typedef struct schloss_buffer schloss_buffer_t;
/** New buffer, owned by the caller; NULL when memory is out.
 * @param max_len caps one result in bytes (0 = library default) */
SCHLOSS_API schloss_buffer_t *schloss_buffer_new(size_t max_len);
/** Wipes and frees b; NULL is fine. */
SCHLOSS_API void schloss_buffer_free(schloss_buffer_t *b);

enum {
    /** Avro only, see SCHLOSS_AVRO_JSON_PLAIN: unions without {"branch": ...}, missing fields take their default. */
    SCHLOSS_RECORD_PLAIN = 1,
};

/** Encodes one JSON text, json of len bytes, as a record of schema. flags: 0 or SCHLOSS_RECORD_PLAIN.
 * @param out borrowed from b until its next use
 * @return 0, BAD_JSON, DATA_MISMATCH (names the field), LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_record_from_json(const schloss_schema_t *schema, const char *json,
                                                                  size_t len, unsigned flags, schloss_buffer_t *b,
                                                                  schloss_bytes_t *out, schloss_error_t *err);
/** Prints a record of schema as one compact JSON text (a JSON record: as it is). flags: 0 or SCHLOSS_RECORD_PLAIN.
 * @param out borrowed from b until its next use
 * @return 0, DATA_MISMATCH, LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_record_to_json(const schloss_schema_t *schema, schloss_bytes_t record,
                                                                unsigned flags, schloss_buffer_t *b,
                                                                schloss_bytes_t *out, schloss_error_t *err);

SCHLOSS_END_DECLS

#endif
