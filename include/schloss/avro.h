/* Avro for programs without an encoder: a small typed writer and reader of Avro binary, and Avro JSON.
 * The writer knows no schema: fields go in the schema's order, and the serializer refuses bytes that do not walk
 * exactly to their end under it. Specification: Avro 1.12, "Binary encoding" and "JSON encoding".
 *
 * Threads: a writer or reader is used by one thread at a time. Since 0.1. */
#ifndef SCHLOSS_AVRO_H
#define SCHLOSS_AVRO_H

#include <schloss/serde.h>

SCHLOSS_BEGIN_DECLS

typedef struct schloss_avro_writer schloss_avro_writer_t;
typedef struct schloss_avro_reader schloss_avro_reader_t;

/* ---- writer: errors are sticky and reported by finish ---- */

/** New writer, owned by the caller; max_len caps one record in bytes (0 = library default). NULL when memory is out. */
SCHLOSS_API schloss_avro_writer_t *schloss_avro_writer_new(size_t max_len);
/** Wipes and frees w; NULL is fine. */
SCHLOSS_API void schloss_avro_writer_free(schloss_avro_writer_t *w);
/** Begins a new record: forgets and wipes the last one, keeps the memory. */
SCHLOSS_API void schloss_avro_writer_reset(schloss_avro_writer_t *w);
/** Appends the value v, or len bytes at ptr (copied), as the Avro type in the function's name. */
SCHLOSS_API void schloss_avro_put_null(schloss_avro_writer_t *w);
SCHLOSS_API void schloss_avro_put_boolean(schloss_avro_writer_t *w, bool v);
SCHLOSS_API void schloss_avro_put_int(schloss_avro_writer_t *w, int32_t v);
SCHLOSS_API void schloss_avro_put_long(schloss_avro_writer_t *w, int64_t v);
SCHLOSS_API void schloss_avro_put_float(schloss_avro_writer_t *w, float v);
SCHLOSS_API void schloss_avro_put_double(schloss_avro_writer_t *w, double v);
SCHLOSS_API void schloss_avro_put_bytes(schloss_avro_writer_t *w, const void *ptr, size_t len);
/** Appends a string: UTF-8, len bytes at ptr (copied), not NUL-terminated. */
SCHLOSS_API void schloss_avro_put_string(schloss_avro_writer_t *w, const char *ptr, size_t len);
/** Appends a fixed: len bytes at ptr (copied), as many as its schema says. */
SCHLOSS_API void schloss_avro_put_fixed(schloss_avro_writer_t *w, const void *ptr, size_t len);
/** Appends an enum: symbol_index counts from 0 in the schema's order. */
SCHLOSS_API void schloss_avro_put_enum(schloss_avro_writer_t *w, int32_t symbol_index);
/** Chooses the branch of a union, branch_index from 0; its value follows. */
SCHLOSS_API void schloss_avro_put_union(schloss_avro_writer_t *w, int32_t branch_index);
/** Begins an array or map of n items in one block (n may be 0); the items follow (map: put_string key, value), then
 * put_end. */
SCHLOSS_API void schloss_avro_put_array(schloss_avro_writer_t *w, size_t n);
SCHLOSS_API void schloss_avro_put_map(schloss_avro_writer_t *w, size_t n);
SCHLOSS_API void schloss_avro_put_end(schloss_avro_writer_t *w);
/** The record written so far.
 * @param out borrowed from w until the next put or reset
 * @return 0, LIMIT_EXCEEDED, NO_MEMORY, INVALID_STATE (an array or map is still open) */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_avro_writer_finish(schloss_avro_writer_t *w, schloss_bytes_t *out,
                                                                    schloss_error_t *err);

/* ---- reader: over bytes that a deserializer returned; errors are sticky ---- */

/** New reader, owned by the caller; NULL when memory is out. */
SCHLOSS_API schloss_avro_reader_t *schloss_avro_reader_new(void);
/** Frees r; NULL is fine. */
SCHLOSS_API void schloss_avro_reader_free(schloss_avro_reader_t *r);
/** Begins reading record (borrowed; must stay valid while reading). */
SCHLOSS_API void schloss_avro_reader_reset(schloss_avro_reader_t *r, schloss_bytes_t record);
/** Reads the next value, which is of the Avro type in the function's name; 0 or false after an error. */
SCHLOSS_API bool schloss_avro_get_boolean(schloss_avro_reader_t *r);
SCHLOSS_API int32_t schloss_avro_get_int(schloss_avro_reader_t *r);
SCHLOSS_API int64_t schloss_avro_get_long(schloss_avro_reader_t *r);
SCHLOSS_API float schloss_avro_get_float(schloss_avro_reader_t *r);
SCHLOSS_API double schloss_avro_get_double(schloss_avro_reader_t *r);
/** Reads the next bytes, string, or fixed of len bytes. Borrowed from the record; empty after an error. */
SCHLOSS_API schloss_bytes_t schloss_avro_get_bytes(schloss_avro_reader_t *r);
SCHLOSS_API schloss_bytes_t schloss_avro_get_string(schloss_avro_reader_t *r);
SCHLOSS_API schloss_bytes_t schloss_avro_get_fixed(schloss_avro_reader_t *r, size_t len);
/** Reads the index of an enum's symbol or of a union's branch, from 0; the value of the branch follows. */
SCHLOSS_API int32_t schloss_avro_get_enum(schloss_avro_reader_t *r);
SCHLOSS_API int32_t schloss_avro_get_union(schloss_avro_reader_t *r);
/** Items in the next block of an array or map; 0 at its end. Read that many items (map: string key, value), ask
 * again. */
SCHLOSS_API size_t schloss_avro_get_block(schloss_avro_reader_t *r);
/** Says whether everything was read.
 * @return 0 when the record is used up exactly, DATA_MISMATCH otherwise */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_avro_reader_finish(schloss_avro_reader_t *r, schloss_error_t *err);

/* ---- Avro JSON ---- */

enum {
    /** Lenient input: a union value may be given without its {"branch": ...} wrapper when exactly one branch fits,
     * bytes as any text of U+0000..U+00FF, missing fields take the schema's default. */
    SCHLOSS_AVRO_JSON_PLAIN = 1,
};

/** Encodes one JSON text, json of len bytes (Avro JSON encoding), as Avro binary under schema. flags: 0 or
 * SCHLOSS_AVRO_JSON_PLAIN.
 * @param out borrowed from w, which is reset first
 * @return 0, BAD_JSON, DATA_MISMATCH (names the field), LIMIT_EXCEEDED */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_avro_from_json(const schloss_schema_t *schema, const char *json,
                                                                size_t len, unsigned flags, schloss_avro_writer_t *w,
                                                                schloss_bytes_t *out, schloss_error_t *err);
/** Prints record, Avro binary under schema, as compact Avro JSON (UTF-8). flags: 0, or SCHLOSS_AVRO_JSON_PLAIN: unions
 * lose their wrapper.
 * @param out borrowed from w, which is reset first
 * @return 0, DATA_MISMATCH, LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_avro_to_json(const schloss_schema_t *schema, schloss_bytes_t record,
                                                              unsigned flags, schloss_avro_writer_t *w,
                                                              schloss_bytes_t *out, schloss_error_t *err);

#include <schloss/avro_inline.h>

SCHLOSS_END_DECLS

#endif
