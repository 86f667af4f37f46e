/* Metadata and rule sets in one normal form: sets sorted, defaults written out, unknown members dropped. Equal things
 * have equal text, and the text is what is stored and returned (schema-registry-api 12). */
#ifndef REGISTRY_SCHEMA_META_H
#define REGISTRY_SCHEMA_META_H

#include "server/request.h"

#define VERSION_PROPERTY "confluent:version"

/* Normal form of in (NULL stays NULL), owned by the request. 400 on wrong shapes and unknown enum texts. */
SCHLOSS_NODISCARD rest_rc metadata_normalize(request_t *rq, const json_t *in, json_t **out);
SCHLOSS_NODISCARD rest_rc ruleset_normalize(request_t *rq, const json_t *in, json_t **out);
/* 42210, first hit. */
SCHLOSS_NODISCARD rest_rc ruleset_validate(request_t *rq, const json_t *ruleset);

/* Merge (newer wins); NULL sides are fine. Results are in normal form and owned by the request. */
SCHLOSS_NODISCARD rest_rc metadata_merge(request_t *rq, json_t *older, json_t *newer, json_t **out);
SCHLOSS_NODISCARD rest_rc ruleset_merge(request_t *rq, json_t *older, json_t *newer, json_t **out);

/* metadata.properties[name], or NULL. */
const char *metadata_property(const json_t *metadata, const char *name);
/* Copy with the property set (value) or removed (NULL). metadata may be NULL: it counts as empty. */
SCHLOSS_NODISCARD rest_rc metadata_with_property(request_t *rq, const json_t *metadata, const char *name,
                                                 const char *value, json_t **out);
/* Side effect of registration (dek-registry-api 13): KEK name and KMS type derived from encrypt.kms.key.id. */
SCHLOSS_NODISCARD rest_rc ruleset_complete_kek(request_t *rq, json_t *ruleset);

/* Compact text in the arena; NULL for NULL. */
SCHLOSS_NODISCARD rest_rc json_text(request_t *rq, const json_t *v, const char **out);
/* The reverse, of text that this server stored; NULL for NULL. */
SCHLOSS_NODISCARD rest_rc json_stored(request_t *rq, const char *text, json_t **out);

#endif
