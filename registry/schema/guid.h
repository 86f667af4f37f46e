/* The hash that identifies a schema with its references, metadata and rule set (schema-registry-api 6). */
#ifndef REGISTRY_SCHEMA_GUID_H
#define REGISTRY_SCHEMA_GUID_H

#include "server/request.h"

/* refs: array of {name, subject, version} or NULL; metadata, ruleset: normal forms or NULL. */
SCHLOSS_NODISCARD rest_rc schema_guid(request_t *rq, uint8_t out[16], const char *text, const json_t *refs,
                                      const json_t *metadata, const json_t *ruleset);

#endif
