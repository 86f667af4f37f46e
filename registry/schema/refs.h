/* References of a schema: read from requests, numbered, ordered, resolved (schema-registry-api 13). */
#ifndef REGISTRY_SCHEMA_REFS_H
#define REGISTRY_SCHEMA_REFS_H

#include "registry/schema/name.h"
#include "registry/schema/type.h"
#include "server/store.h"

/* "references" of a body as a list of {name, subject, version}, owned by the request; NULL when empty. */
SCHLOSS_NODISCARD rest_rc refs_read(request_t *rq, const json_t *body, json_t **out);
/* Version -1 becomes the latest. 42201 */
SCHLOSS_NODISCARD rest_rc refs_number(request_t *rq, db_t *db, const schema_type_t *type, const char *ctx,
                                      json_t *refs);
/* Sorted by subject and version, equal ones once. */
SCHLOSS_NODISCARD rest_rc refs_normalize(request_t *rq, json_t **refs);
/* All that refs lead to, transitively. flags: CANON_NEW. 42201 */
SCHLOSS_NODISCARD rest_rc registry_refs_resolve(request_t *rq, db_t *db, const schema_type_t *type, const char *ctx,
                                                const json_t *refs, unsigned flags, schema_source_t *out);

#endif
