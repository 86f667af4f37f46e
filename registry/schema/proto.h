/* Protobuf schemas in the registry: what clients send (source, or a base64 FileDescriptorProto), the canonical text
 * that is stored, and what clients ask for (a linked FileDescriptorProto). schema-registry-api 16. */
#ifndef REGISTRY_SCHEMA_PROTO_H
#define REGISTRY_SCHEMA_PROTO_H

#include "base/buf.h"
#include "registry/schema/proto_parse.h"

#define LIMIT_PROTO_BYTES ((size_t)1024 * 1024) /* source or descriptor: libprotobuf needs up to 200 times as much */
#define LIMIT_PROTO_DEPTH 64u                   /* brackets within brackets */
#define LIMIT_PROTO_IMPORTS 1000u
#define LIMIT_PROTO_WORK 3000000u /* comparisons of fields with oneofs and entries of maps: quadratic in a message */
#define LIMIT_PROTO_ITEMS 8192u   /* fields, oneofs and messages directly in one message */

/* Descriptor of a schema as a client sent it. @return SCHEMA_PARSE, LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc proto_read(const char *text, size_t len, buf_t *wire, schloss_error_t *err);
/* Canonical text of a descriptor that is not linked; it parses to the same again, or this fails (names that are none).
 */
SCHLOSS_NODISCARD schloss_rc proto_text(bytes_t wire, buf_t *text, schloss_error_t *err);
/* The linked descriptor; flags: PROTO_SETTLED. */
SCHLOSS_NODISCARD schloss_rc proto_linked(bytes_t wire, const proto_file_t *files, size_t n_files, unsigned flags,
                                          buf_t *out, schloss_error_t *err);
/* Prints without looking whether the text parses (proto_print.c). plain: no custom options but confluent's, no
 * extensions. */
SCHLOSS_NODISCARD schloss_rc proto_print(bytes_t wire, bool plain, buf_t *text, schloss_error_t *err);

/* Calls each for messages and fields that carry tags in confluent's options, of a linked descriptor: path without
 * package, "sr_record" or "sr_field". */
typedef void (*proto_tagged_fn)(void *user, const char *path, const char *type, const char *const *tags, size_t n);
SCHLOSS_NODISCARD schloss_rc proto_each_tagged(bytes_t linked, proto_tagged_fn each, void *user, schloss_error_t *err);

/* ---- descriptors on the wire ---- */
typedef struct proto_field {
    uint32_t number;
    uint64_t value; /* varints */
    bytes_t data;   /* length-delimited */
} proto_field_t;
/* Next field of a serialized message; false at the end (cur->failed: it was not well formed). */
bool proto_next(cur_t *cur, proto_field_t *out);
/* First field of that number: its content, or empty. */
bytes_t proto_bytes(bytes_t message, uint32_t number);
uint64_t proto_int(bytes_t message, uint32_t number, uint64_t dflt);
bool proto_has(bytes_t message, uint32_t number);
bool proto_find(bytes_t message, uint32_t number, proto_field_t *out); /* the first one itself */
/* for every field of that number */
#define PROTO_EACH(f, message, n)                                                                                      \
    for (cur_t c_##f = cur_of(message); proto_next(&c_##f, &(f));)                                                     \
        if ((f).number == (n))

/* Numbers of descriptor.proto that more than one file needs. */
enum {
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    MESSAGE_NAME = 1,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_OPTIONS = 7,
    FIELD_NAME = 1,
    FIELD_OPTIONS = 8,
    OPTIONS_META = 1088,
    META_TAGS = 3,
};

#endif
