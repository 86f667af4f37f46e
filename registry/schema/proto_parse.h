/* The one door to libprotobuf: .proto text to descriptors, and descriptors linked with what they import. Plain C, no
 * exception comes out, no file is ever opened: imports are what the caller gives, and the google/protobuf/ files that
 * are compiled into libprotobuf. Input is bounded by the caller (registry/schema/proto.c). */
#ifndef REGISTRY_SCHEMA_PROTO_PARSE_H
#define REGISTRY_SCHEMA_PROTO_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PROTO_OK, PROTO_INVALID, PROTO_NO_MEMORY } proto_rc;

/* Takes the result, in one call; false: it has no room. */
typedef bool (*proto_sink)(void *user, const void *bytes, size_t len);

/* .proto source under the name by which it is imported. */
typedef struct proto_file {
    const char *name, *text;
    size_t len;
} proto_file_t;

/* Source of a file that every registry and client knows without a reference (confluent/, google/type/); NULL: none.
 * Those of google/protobuf/ are compiled into libprotobuf. */
const char *proto_builtin(const char *name);

enum {
    PROTO_SETTLED = 1, /* for comparing: every json_name, fields by number, options in one order */
    PROTO_REBUILD = 2, /* only check that it links: nothing goes to the sink */
};

/* .proto source -> FileDescriptorProto as written: names not resolved, options not interpreted (but map_entry).
 * why: what is wrong, with line and column. */
proto_rc proto_parse_text(const char *text, size_t len, proto_sink sink, void *user, char *why, size_t why_size);
/* Serialized FileDescriptorProto -> the same without source positions and unknown fields. */
proto_rc proto_parse_wire(const void *wire, size_t len, proto_sink sink, void *user, char *why, size_t why_size);
/* Resolves names and interprets options of a serialized file, which is called "default" in the result. files: what it
 * may import, and they each other; a name given twice counts once, built-in files need not be given. */
proto_rc proto_link(const void *wire, size_t len, const proto_file_t *files, size_t n_files, unsigned flags,
                    proto_sink sink, void *user, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
