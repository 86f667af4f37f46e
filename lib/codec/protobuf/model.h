/* What a parsed set of Protobuf files is made of. Everything lives in the schema's arena and is immutable once
 * pb_schema_parse() has returned. */
#ifndef CODEC_PROTOBUF_MODEL_H
#define CODEC_PROTOBUF_MODEL_H

#include "base/map.h"
#include "codec/protobuf/schema.h"
#include "codec/protobuf/wire.h"

#define PB_NAME_MAX 1024u /* characters of a full name */
#define PB_SCOPE_MAX 64u  /* and its parts */

/* Numbers of FieldDescriptorProto.Type. */
typedef enum {
    PB_DOUBLE = 1,
    PB_FLOAT,
    PB_INT64,
    PB_UINT64,
    PB_INT32,
    PB_FIXED64,
    PB_FIXED32,
    PB_BOOL,
    PB_STRING,
    PB_GROUP,
    PB_MESSAGE,
    PB_BYTES,
    PB_UINT32,
    PB_ENUM,
    PB_SFIXED32,
    PB_SFIXED64,
    PB_SINT32,
    PB_SINT64,
} pb_type_t;

typedef struct pb_enum_value {
    const char *name;
    int32_t number;
    uint32_t order; /* of declaration */
} pb_enum_value_t;

typedef struct pb_enum {
    const char *name;        /* full */
    pb_enum_value_t *values; /* by number; of aliases the first declared comes first */
    size_t n_values;
} pb_enum_t;

typedef struct pb_field {
    const char *name, *full_name, *json_name;
    const pb_message_t *message; /* of MESSAGE and GROUP */
    const pb_enum_t *enumeration;
    const char *const *tags; /* confluent.field_meta */
    size_t n_tags;
    uint32_t number;
    int32_t oneof;  /* index of the oneof that holds it, synthetic ones (proto3 optional) left out; -1: none */
    pb_type_t type; /* GROUP: delimited by tags */
    bool repeated;  /* maps as well */
    bool is_map;
    bool presence; /* singular, and unset differs from empty */
    bool packed;   /* how an encoder writes a repeated number */
    bool extension;
    /* until linking */
    const char *type_name;
    uint8_t feature_presence;
    bool required;
} pb_field_t;

/* Messages whose JSON form is their own (json.h). */
typedef enum {
    PB_WKT_NONE,
    PB_WKT_TIMESTAMP,
    PB_WKT_DURATION,
    PB_WKT_FIELD_MASK,
    PB_WKT_STRUCT,
    PB_WKT_VALUE,
    PB_WKT_LIST_VALUE,
    PB_WKT_ANY,
    PB_WKT_WRAPPER
} pb_wkt_t;

typedef struct pb_name {
    const char *name;
    const pb_field_t *field;
} pb_name_t;

struct pb_message {
    const char *name;   /* full */
    pb_field_t *fields; /* by number */
    size_t n_fields;
    pb_name_t *names; /* proto and JSON names, sorted */
    size_t n_names;
    pb_message_t **nested; /* in order of declaration */
    size_t n_nested;
    size_t n_oneofs;
    const pb_schema_t *schema;
    uint32_t index; /* in schema->messages */
    pb_wkt_t wkt;
    bool map_entry;
    size_t n_extensions; /* until linking */
};

struct pb_schema {
    arena_t arena;
    map_t *types;            /* full name -> pb_symbol_t */
    pb_message_t **messages; /* all, of all files; heap */
    size_t n_messages, cap_messages;
    pb_message_t **roots; /* of the main file */
    size_t n_roots;
};

typedef struct pb_symbol {
    pb_message_t *message; /* one of the two */
    pb_enum_t *enumeration;
} pb_symbol_t;

const pb_field_t *pb_field_by_number(const pb_message_t *m, uint32_t number);
const pb_field_t *pb_field_by_name(const pb_message_t *m, const char *name); /* proto or JSON name */
const pb_message_t *pb_message_by_name(const pb_schema_t *s, const char *full_name);
const char *pb_type_name(pb_type_t t); /* as .proto spells it */
/* Wire type of one value of a type. */
wire_type_t pb_type_wire(pb_type_t t);
static inline bool pb_type_packs(pb_type_t t) {
    return t != PB_STRING && t != PB_BYTES && t != PB_MESSAGE && t != PB_GROUP;
}

#endif
