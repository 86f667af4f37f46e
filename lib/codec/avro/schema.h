/* Avro schemas: parsed model, canonical text. Specification: Avro 1.12; schema-registry-api.md section 15.
 *
 * A schema is immutable and may be used by any number of threads. Types form a graph (named types may recurse). */
#ifndef CODEC_AVRO_SCHEMA_H
#define CODEC_AVRO_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"
#include <jansson.h>

typedef enum {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_FIXED,
} avro_kind_t;

typedef struct avro_type avro_type_t;

typedef struct avro_field {
    const char *name;
    const char *full_name; /* full name of the record + "." + name */
    const avro_type_t *type;
    const char *const *tags; /* confluent:tags, NULL when none */
    size_t n_tags;
    const char *doc;   /* NULL when absent */
    json_t *dflt;      /* NULL when absent (JSON null is json_null()) */
    const char *order; /* "descending", "ignore", NULL */
    const char *const *aliases;
    size_t n_aliases;
    json_t *props; /* object of properties in order, NULL when none */
} avro_field_t;

struct avro_type {
    avro_kind_t kind;
    uint32_t index;         /* dense number within the schema: plans keep side tables */
    const char *name;       /* full name of record, enum, fixed; NULL otherwise */
    const char *name_space; /* "" when none; named types only */
    const char *short_name;
    const char *doc;
    const char *const *aliases; /* full names */
    size_t n_aliases;
    json_t *props; /* properties in order (confluent:tags, logicalType, ...), NULL when none */
    /* record */
    const avro_field_t *fields;
    size_t n_fields;
    bool is_error; /* "type":"error" */
    /* array, map */
    const avro_type_t *items;
    /* union */
    const avro_type_t *const *branches;
    size_t n_branches;
    /* enum */
    const char *const *symbols;
    size_t n_symbols;
    const char *enum_default;
    /* fixed */
    size_t size;
    bool from_reference; /* defined in a referenced schema */
};

typedef struct avro_schema avro_schema_t;

/* One referenced schema, children before parents. */
typedef struct avro_ref {
    const char *name; /* full name of its top-level type */
    const char *text;
    size_t len;
} avro_ref_t;

enum {
    AVRO_PARSE_STRICT = 1, /* new schema: names [A-Za-z_][A-Za-z0-9_]*, defaults validated (section 15.1) */
};

/* Parses text with its references. Limits: LIMIT_SCHEMA_*. err's message is the parser text of a 42201 answer.
 * @return SCHEMA_PARSE, LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc avro_schema_parse(avro_schema_t **out, const char *text, size_t len,
                                               const avro_ref_t *refs, size_t n_refs, unsigned flags,
                                               schloss_error_t *err);
void avro_schema_free(avro_schema_t *s);
const avro_type_t *avro_schema_root(const avro_schema_t *s);
size_t avro_schema_n_types(const avro_schema_t *s);
/* i-th type, 0 <= i < n_types; types[t->index] == t. */
const avro_type_t *avro_schema_type(const avro_schema_t *s, size_t i);
const char *avro_kind_name(avro_kind_t kind); /* "string" */
/* Bytes of memory the model takes (for caches). */
size_t avro_schema_memory(const avro_schema_t *s);

/* Canonical text (15.3) appended to out; with normalize the text of 15.4. */
SCHLOSS_NODISCARD schloss_rc avro_schema_print(const avro_schema_t *s, bool normalize, buf_t *out,
                                               schloss_error_t *err);
/* Text with all references inlined at first use (15.5 "resolved"). */
SCHLOSS_NODISCARD schloss_rc avro_schema_print_resolved(const avro_schema_t *s, buf_t *out, schloss_error_t *err);

#endif
