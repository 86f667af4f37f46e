/* What differs between Avro, JSON Schema and Protobuf: one row of functions each. Texts that come in were parsed before
 * they were stored; texts of a request come in through canon. */
#ifndef REGISTRY_SCHEMA_TYPE_H
#define REGISTRY_SCHEMA_TYPE_H

#include "base/err.h"
#include "server/request.h"

/* A referenced schema under the name by which the referring one knows it. */
typedef struct schema_ref {
    const char *name, *text;
    size_t len;
} schema_ref_t;

/* A schema with all that it refers to, transitively, children before parents, each name once. */
typedef struct schema_source {
    const char *text;
    const schema_ref_t *refs;
    size_t n_refs;
} schema_source_t;

enum {
    CANON_NEW = 1, /* as a new schema: strict names and defaults, deleted references count as missing */
    CANON_NORMALIZE = 2,
};

typedef struct schema_type {
    const char *name;
    /* Canonical text in the arena. 42201. */
    rest_rc (*canon)(request_t *rq, const schema_source_t *s, unsigned flags, const char **out);
    bool (*has_format)(const char *format, bool has_refs); /* is there another form of that name? NULL: none at all */
    /* The stored text in that form, in the arena. */
    rest_rc (*print)(request_t *rq, const schema_source_t *s, const char *format, const char **out);
    /* Do two canonical texts, with the same references, mean the same? NULL: only if they are equal. */
    rest_rc (*same)(request_t *rq, const schema_source_t *a, const char *b, bool *same);
    /* Entities that carry any of the tags ("*": any tag), as JSON objects with commas between them. */
    rest_rc (*find_tags)(request_t *rq, const schema_source_t *s, const char *const *tags, size_t n_tags, buf_t *out);
} schema_type_t;

extern const schema_type_t schema_avro, schema_json, schema_protobuf;
/* By exact upper-case name; NULL: unknown. */
const schema_type_t *schema_type(const char *name);

/* 42201 "Invalid schema of type T, details: ...", or out of memory. */
rest_rc schema_invalid(request_t *rq, const schema_type_t *type, schloss_rc rc, const schloss_error_t *err);
/* Contents of b as a string in the arena; clears b. */
SCHLOSS_NODISCARD rest_rc schema_take(request_t *rq, const schema_type_t *type, buf_t *b, const char **out);
/* Puts one entity of find_tags when any of its tags is wanted. */
void schema_put_tagged(buf_t *out, const char *path, const char *entity, const char *const *have, size_t n_have,
                       const char *const *tags, size_t n_tags);

#endif
