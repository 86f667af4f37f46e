/* The client's cache of views, and of what the registry does not have. Both are bounded. */
#ifndef SERDE_VIEWS_H
#define SERDE_VIEWS_H

#include "serde/view.h"

/* Live view of a key, one reference; NULL: none. Keys begin with w (writing) or r (reading): each kind has its bound.
 */
view_t *views_get(core_t *c, const char *key);
/* Caches v, taking a reference of its own. Best effort: without memory, when every view of the kind is in use, or when
 * the client was invalidated since generation, it is not kept. A full cache gives up the oldest that no handle uses. */
void views_put(core_t *c, view_t *v, uint32_t generation);

typedef enum { MISSING_ID, MISSING_VERSION, MISSING_SCHEMA } missing_t;
/* Has the registry said within missing.*.cache.ttl.sec that it has nothing under this key? */
bool views_is_missing(core_t *c, const char *key);
void views_set_missing(core_t *c, missing_t kind, const char *key, uint32_t generation);

#endif
