/* Protobuf descriptors: what of a FileDescriptorProto decides about walking a message. Parsed from its wire form,
 * imports resolved, immutable. No libprotobuf. */
#ifndef CODEC_PROTOBUF_SCHEMA_H
#define CODEC_PROTOBUF_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"

#define PB_INDEX_MAX 16u /* deepest nesting of a message declaration that message indexes can name */

typedef struct pb_schema pb_schema_t;
typedef struct pb_message pb_message_t;

/* An imported file as the registry gave it (format=serialized): name is what `import` says. */
typedef struct pb_ref {
    const char *name, *text;
    size_t len;
} pb_ref_t;

/* text: base64 of a serialized FileDescriptorProto (what format=serialized answers). google/protobuf/ (well-known types
 * and descriptor.proto), google/type/ and confluent/ files need no reference.
 * @return SCHEMA_PARSE (what and where; an import or type that is missing), LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc pb_schema_parse(pb_schema_t **out, const char *text, size_t len, const pb_ref_t *refs,
                                             size_t n_refs, schloss_error_t *err);
void pb_schema_free(pb_schema_t *s);
/* Is text base64 of a FileDescriptorProto, or .proto source? A quick look. */
bool pb_is_serialized(const char *text, size_t len);
/* Message at a path of indexes (spec 5.2), of the main file. NULL: out of range. */
const pb_message_t *pb_schema_message(const pb_schema_t *s, const int32_t *path, size_t n);
/* Message of the main file by full name (or NULL: the first one), with its path. NULL: none. */
const pb_message_t *pb_schema_find(const pb_schema_t *s, const char *full_name, int32_t path[PB_INDEX_MAX], size_t *n);
const char *pb_message_name(const pb_message_t *m); /* full name */

/* ProtoJSON (protobuf.dev/programming-guides/json): names in lowerCamelCase, input takes proto names too; bytes base64,
 * 64-bit numbers as strings, enums by name, well-known types in their own forms. Output fields go by number; unset
 * fields are left out. Input may hold fields in any order; output bytes go by number.
 * @return BAD_JSON, DATA_MISMATCH (names the field), LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc pb_from_json(const pb_message_t *m, const char *json, size_t len, buf_t *out,
                                          schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc pb_to_json(const pb_message_t *m, bytes_t record, buf_t *out, schloss_error_t *err);

/* Calls each for every string and bytes value, and every other scalar, of a record: full name of the field, its type
 * ("string", "int32", ...), its inline tags and content (numbers: the wire bytes). false stops. @return DATA_MISMATCH,
 * LIMIT_EXCEEDED */
typedef struct pb_leaf {
    const char *full_name, *type;
    bool is_string, is_bytes;
    const char *const *tags;
    size_t n_tags;
    bytes_t value;
} pb_leaf_t;
SCHLOSS_NODISCARD schloss_rc pb_each_leaf(const pb_message_t *m, bytes_t record,
                                          bool (*each)(void *user, const pb_leaf_t *leaf), void *user,
                                          schloss_error_t *err);

#endif
