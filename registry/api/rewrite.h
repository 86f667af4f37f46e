/* What happens to a request before it is routed or handled: context prefixes and subject aliases
 * (schema-registry-api 4.2, 4.4). Authentication comes after the first and before the second, so neither bypasses it.
 */
#ifndef REGISTRY_API_REWRITE_H
#define REGISTRY_API_REWRITE_H

#include "server/router.h"

/* /contexts/{c}/... : drops the prefix and qualifies the subjects behind it. */
SCHLOSS_NODISCARD rest_rc rewrite_context(request_t *rq);
/* Replaces a subject whose config names an alias. */
SCHLOSS_NODISCARD rest_rc rewrite_alias(request_t *rq, db_t *db);

#endif
