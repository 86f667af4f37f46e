/* Counters of an HTTP server by route and status class, printed in the Prometheus text format. Lock-free. */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include "server/router.h"

typedef struct stats stats_t;

SCHLOSS_NODISCARD schloss_rc stats_new(stats_t **out, const route_t *routes, size_t n_routes, schloss_error_t *err);
void stats_free(stats_t *s);
void stats_add(stats_t *s, const request_t *rq, uint64_t us);
void stats_print(const stats_t *s, buf_t *out);

#endif
