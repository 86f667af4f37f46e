/* JSON Schema as far as it decides which values are covered by a rule: parsed, references resolved, immutable. */
#ifndef CODEC_JSON_SCHEMA_H
#define CODEC_JSON_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"

typedef struct json_schema json_schema_t;

/* A referenced schema as the registry gave it: name is what $ref says. */
typedef struct json_schema_ref {
    const char *name, *text;
    size_t len;
} json_schema_ref_t;

/* Drafts 4 to 2020-12 as one superset. @return SCHEMA_PARSE (where and why; a $ref that leads nowhere), LIMIT_EXCEEDED,
 * NO_MEMORY. Never follows a $ref over the network. */
SCHLOSS_NODISCARD schloss_rc json_schema_parse(json_schema_t **out, const char *text, size_t len,
                                               const json_schema_ref_t *refs, size_t n_refs, schloss_error_t *err);
void json_schema_free(json_schema_t *s);
/* "title" of the root: the record's name for RecordNameStrategy. NULL when absent. */
const char *json_schema_title(const json_schema_t *s);

/* Calls each for every scalar of a record: both forms of its full name ("$.items[0].ssn", "$.items.ssn"), type, inline
 * tags along the schema and content (strings unescaped, others as written). false stops.
 * @return BAD_JSON, DATA_MISMATCH, LIMIT_EXCEEDED, NO_MEMORY */
typedef struct json_leaf {
    const char *indexed_name, *plain_name;
    const char *type; /* "string", "number", "boolean", "null" */
    const char *const *tags;
    size_t n_tags;
    bytes_t value;
} json_leaf_t;
SCHLOSS_NODISCARD schloss_rc json_each_leaf(const json_schema_t *s, bytes_t record,
                                            bool (*each)(void *user, const json_leaf_t *leaf), void *user,
                                            schloss_error_t *err);

#endif
