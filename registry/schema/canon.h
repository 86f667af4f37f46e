/* From a request's schema to what is stored: references resolved, canonical text, hash. */
#ifndef REGISTRY_SCHEMA_CANON_H
#define REGISTRY_SCHEMA_CANON_H

#include "registry/schema/name.h"
#include "server/store.h"

/* A schema on its way into the store, or compared with what is there. JSON parts in normal form, texts beside them. */
typedef struct candidate {
    const char *text; /* as given, then canonical; NULL or blank: none given */
    json_t *refs;     /* array of {name, subject, version}; NULL when empty */
    json_t *metadata, *ruleset;
    const char *refs_text, *metadata_text, *ruleset_text;
    int64_t version, id; /* as requested: 0 and -1 mean none */
    uint8_t guid[16];
} candidate_t;

enum {
    CANON_NEW = 1, /* as a new schema: strict names and defaults, deleted references count as missing */
    CANON_NORMALIZE = 2,
};

/* Reads schema, references, metadata, ruleSet, version, id of a request body; checks the schema type. */
SCHLOSS_NODISCARD rest_rc candidate_read(request_t *rq, const json_t *body, candidate_t *out);
bool candidate_is_blank(const candidate_t *c);
/* Replaces version -1 of references by the latest, parses, prints, hashes. 42201. */
SCHLOSS_NODISCARD rest_rc candidate_canon(request_t *rq, db_t *db, const qname_t *subject, candidate_t *c,
                                          unsigned flags);
/* Texts of metadata and rule set, and the guid, after they changed. */
SCHLOSS_NODISCARD rest_rc candidate_hash(request_t *rq, candidate_t *c);
/* Text with references inlined ("format=resolved"). */
SCHLOSS_NODISCARD rest_rc canon_resolved(request_t *rq, db_t *db, const char *ctx, const char *text,
                                         const char *refs_text, const char **out);
/* Entities of the schema that carry any of the tags ("*": any tag), as a JSON list appended to out. */
SCHLOSS_NODISCARD rest_rc canon_find_tags(request_t *rq, db_t *db, const char *ctx, const char *text,
                                          const char *refs_text, const char *const *tags, size_t n_tags, buf_t *out);

#endif
