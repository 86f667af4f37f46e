/* Nodes of a parsed JSON schema: what the walk of the rules, the validator and the listing of leaves share. Immutable
 * after json_schema_parse(). Nodes form a graph: a $ref is an edge, so recursive schemas have cycles. */
#ifndef CODEC_JSON_MODEL_H
#define CODEC_JSON_MODEL_H

#include "codec/json/regex.h"
#include "codec/json/schema.h"
#include <jansson.h>

typedef struct json_node json_node_t;

/* Types of JSON Schema as bits. */
enum {
    JSON_TYPE_NULL = 1,
    JSON_TYPE_BOOLEAN = 2,
    JSON_TYPE_INTEGER = 4,
    JSON_TYPE_NUMBER = 8,
    JSON_TYPE_STRING = 16,
    JSON_TYPE_ARRAY = 32,
    JSON_TYPE_OBJECT = 64,
};

typedef struct json_prop {
    const char *name;
    size_t len;
    json_node_t *node;
} json_prop_t;

typedef struct json_nodes {
    json_node_t **ptr;
    size_t n;
} json_nodes_t;

typedef struct json_pattern_prop {
    json_regex_t *regex;
    json_node_t *node;
} json_pattern_prop_t;

/* "when this property is there": other names, or a schema for the object. */
typedef struct json_dependency {
    const char *name;
    const char **required;
    size_t n_required;
    json_node_t *node; /* or NULL */
} json_dependency_t;

typedef struct json_bound {
    const char *text; /* number as JSON text; NULL: no bound */
    bool exclusive;
} json_bound_t;

/* Keywords that only the validator needs. */
typedef struct json_checks {
    const char **values; /* enum, or const: JSON texts */
    size_t n_values;
    bool has_values;
    const char *constant; /* const: JSON text */
    const char **required;
    size_t n_required;
    json_node_t *additional; /* additionalProperties */
    json_node_t *rest_items; /* of arrays with a prefix */
    json_node_t *contains, *names, *no, *cond, *then, *other;
    json_node_t *other_props, *other_items; /* unevaluated*: not checked, but a tag may stand there */
    json_nodes_t prefix;
    json_pattern_prop_t *patterns;
    size_t n_patterns;
    json_dependency_t *deps;
    size_t n_deps;
    json_regex_t *pattern;
    json_bound_t min, max, min_draft6, max_draft6;
    const char *multiple_of;
    uint64_t min_len, max_len, min_items, max_items, min_props, max_props, min_contains, max_contains;
    bool unique;
} json_checks_t;

struct json_node {
    const json_t *json;
    const json_node_t *parent; /* NULL: root of a document */
    const char *key;           /* within the parent, a JSON pointer without its first slash */
    const struct json_resource *base;
    uint32_t index;
    bool is_true, is_false;                                 /* boolean schemas; {} is no boolean schema */
    uint8_t types;                                          /* of "type"; 0: absent */
    bool string_like, number_like, object_like, array_like; /* keywords of that type are present */
    bool has_enum;                                          /* enum or const */
    bool has_properties;
    json_node_t *ref;
    json_prop_t *props;
    size_t n_props;
    json_node_t *items; /* single schema only */
    json_nodes_t all_of, any_of, one_of;
    const char **tags;
    size_t n_tags;
    json_checks_t *checks; /* NULL: none */
    const char *unknown;   /* a keyword that the validator cannot check; NULL: none */
};

struct json_schema {
    arena_t arena;
    json_node_t **nodes;
    size_t n_nodes, cap_nodes;
    json_node_t *root;
    json_t **docs;
    size_t n_docs;
    json_regex_t *regexes; /* chained, to be freed */
    const char *title;
};

/* Where the node stands, as a JSON pointer after '#', cut to cap. */
void json_node_where(const json_node_t *n, char *out, size_t cap);
/* Property by decoded name; NULL when absent. */
const json_prop_t *json_node_prop(const json_node_t *n, const char *name, size_t len);

#endif
