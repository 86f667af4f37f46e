/* From a request's schema to what is stored: references resolved, canonical text, hash. */
#ifndef REGISTRY_SCHEMA_CANON_H
#define REGISTRY_SCHEMA_CANON_H

#include "registry/schema/name.h"
#include "registry/schema/type.h"
#include "server/store.h"

/* A schema on its way into the store, or compared with what is there. JSON parts in normal form, texts beside them. */
typedef struct candidate {
    const schema_type_t *type;
    const char *text; /* as given, then canonical; NULL or blank: none given */
    json_t *refs;     /* array of {name, subject, version}; NULL when empty */
    json_t *metadata, *ruleset;
    const char *refs_text, *metadata_text, *ruleset_text;
    int64_t version, id; /* as requested: 0 and -1 mean none */
    uint8_t guid[16];
} candidate_t;

/* Reads schema, references, metadata, ruleSet, version, id of a request body; checks the schema type. */
SCHLOSS_NODISCARD rest_rc candidate_read(request_t *rq, const json_t *body, candidate_t *out);
bool candidate_is_blank(const candidate_t *c);
/* Replaces version -1 of references by the latest, parses, prints, hashes. 42201. */
SCHLOSS_NODISCARD rest_rc candidate_canon(request_t *rq, db_t *db, const qname_t *subject, candidate_t *c,
                                          unsigned flags);
/* Texts of metadata and rule set, and the guid, after they changed. */
SCHLOSS_NODISCARD rest_rc candidate_hash(request_t *rq, candidate_t *c);
/* A schema as it is stored. */
typedef struct stored_schema {
    const schema_type_t *type;
    const char *ctx, *text, *refs; /* refs: JSON text or NULL */
} stored_schema_t;

/* Its text in a format ("resolved", "serialized"; NULL and unknown ones: as stored). */
SCHLOSS_NODISCARD rest_rc stored_text(request_t *rq, db_t *db, const stored_schema_t *s, const char *format,
                                      const char **out);
/* Does the canonical text, with the same references, mean the same? */
SCHLOSS_NODISCARD rest_rc stored_same(request_t *rq, db_t *db, const stored_schema_t *s, const char *text, bool *same);
/* Entities of the schema that carry any of the tags ("*": any tag), as a JSON list appended to out. */
SCHLOSS_NODISCARD rest_rc stored_tags(request_t *rq, db_t *db, const stored_schema_t *s, const char *const *tags,
                                      size_t n_tags, buf_t *out);

#endif
