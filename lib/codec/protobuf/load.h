/* Between the files that make a model: load.c reads descriptors, builtin.c brings the files that need no reference,
 * link.c resolves type names and finishes messages. */
#ifndef CODEC_PROTOBUF_LOAD_H
#define CODEC_PROTOBUF_LOAD_H

#include "base/limits.h"
#include "codec/protobuf/model.h"

/* Resolved features of editions; of proto2 and proto3 their equivalents. */
typedef struct pb_features {
    uint8_t presence; /* 1 explicit, 2 implicit, 3 legacy required */
    uint8_t repeated; /* 1 packed, 2 expanded */
    uint8_t encoding; /* 1 length-prefixed, 2 delimited */
} pb_features_t;

typedef struct pb_extension {
    pb_field_t field;
    const char *extendee, *scope;
    struct pb_extension *next;
} pb_extension_t;

typedef struct pb_loader {
    pb_schema_t *s;
    const pb_ref_t *refs;
    size_t n_refs;
    map_t *files; /* name -> &loading or &loaded */
    pb_extension_t *extensions;
    const char *file; /* being read, for error texts */
    size_t n_enums;
    unsigned depth; /* of imports */
    schloss_error_t *err;
} pb_loader_t;

/* Out of memory, or over LIMIT_SCHEMA_MEMORY. */
schloss_rc pb_no_room(pb_loader_t *l);
/* Reads the FileDescriptorProto b with what it imports. roots: keep its messages as those of the main file. */
schloss_rc pb_load_file(pb_loader_t *l, bytes_t b, bool roots);
schloss_rc pb_load_import(pb_loader_t *l, const char *name);
/* A new, empty message; registered under its full name. */
schloss_rc pb_add_message(pb_loader_t *l, const char *full_name, pb_message_t **out);
schloss_rc pb_add_enum(pb_loader_t *l, const char *full_name, pb_enum_t **out);
/* lowerCamelCase of a field's name; NULL: no room. */
const char *pb_json_name(arena_t *a, const char *name);
/* Is name a file that needs no reference? Then loads it. */
schloss_rc pb_load_builtin(pb_loader_t *l, const char *name, bool *known);
schloss_rc pb_link(pb_loader_t *l);

#endif
