/* Media types of the registry APIs: what a body may call itself and which answer an Accept header chooses. */
#ifndef SERVER_MEDIA_H
#define SERVER_MEDIA_H

#include <stdbool.h>

#define MEDIA_V1 "application/vnd.schemaregistry.v1+json"
#define MEDIA_SR "application/vnd.schemaregistry+json"
#define MEDIA_JSON "application/json"
#define MEDIA_METRICS "text/plain; version=0.0.4; charset=utf-8"

/* Best of (client's q x ours: 1, 0.9, 0.5); NULL when none is acceptable; accept may be NULL. */
const char *media_choose(const char *accept);
/* NULL (no Content-Type) is fine, parameters are ignored. */
bool media_is_json(const char *content_type);

#endif
