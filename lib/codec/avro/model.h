/* Inside of the Avro room: the schema object and helpers that parser, printer and JSON codec share. */
#ifndef CODEC_AVRO_MODEL_H
#define CODEC_AVRO_MODEL_H

#include "base/limits.h"
#include "base/map.h"
#include "codec/avro/schema.h"

struct avro_schema {
    arena_t arena;
    avro_type_t **types; /* types[t->index] == t; heap */
    size_t n_types, cap_types;
    const avro_type_t *root;
    const avro_type_t **known; /* named as a reference: printed by name only (arena) */
    size_t n_known;
    size_t json_bytes; /* estimate of what props and defaults take */
};

/* Types that a name can mean without being defined. */
#define AVRO_N_PRIMITIVES 8
/* Kind of a primitive type's name; false when it is none. */
bool avro_primitive_kind(const char *name, avro_kind_t *kind);
static inline bool avro_is_named(const avro_type_t *t) {
    return t->kind == AVRO_RECORD || t->kind == AVRO_ENUM || t->kind == AVRO_FIXED;
}
/* What a union branch is called in Avro JSON and in messages: full name or kind. */
static inline const char *avro_type_label(const avro_type_t *t) {
    return t->name != NULL ? t->name : avro_kind_name(t->kind);
}

/* Is v a valid default of type (section 15.1)? Each look at a value costs one of *steps, so that unions of records
 * cannot make the check exponential; at 0 the answer is false. A record's missing members count as valid when their
 * field has a default, which is checked on its own. */
bool avro_default_valid(const avro_type_t *type, const json_t *v, unsigned *steps);
#define AVRO_DEFAULT_STEPS 1000000u

/* A type used before its definition: where the pointer goes once the name is known. */
typedef struct avro_unresolved {
    struct avro_unresolved *next;
    const avro_type_t **slot;
    const char *name, *name_space;
} avro_unresolved_t;

/* Parses one JSON schema text (comments allowed) into s; see parse.c. */
typedef struct avro_parser {
    avro_schema_t *s;
    map_t *names; /* full name -> avro_type_t */
    avro_type_t *primitives[AVRO_N_PRIMITIVES];
    avro_unresolved_t *unresolved;
    bool strict; /* names and defaults of a new schema */
    bool in_ref; /* now parsing a reference: names unchecked */
    schloss_error_t *err;
} avro_parser_t;
schloss_rc avro_parse_text(avro_parser_t *p, const char *text, size_t len, const avro_type_t **root);

#endif
