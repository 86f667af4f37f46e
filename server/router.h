/* One table of routes: router, documentation and tests come from it. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "server/request.h"
#include "server/store.h"

enum {
    ROUTE_READ = 1,  /* runs in a read transaction */
    ROUTE_WRITE = 2, /* runs in a write transaction, on the writer's thread */
    ROUTE_OPEN = 4,  /* needs no authentication */
    ROUTE_PLAIN = 8, /* answers one type, whatever Accept says: probes and scrapers ask for anything */
    ROUTE_KEYS = 16, /* its answer may hold key material (for the documentation) */
};

/* Answers rq. Non-zero: rq was answered with an error and a write transaction is rolled back. */
typedef rest_rc (*route_handler_t)(void *service, request_t *rq, db_t *db);

struct route {
    const char *method;
    const char *path; /* "/subjects/{subject}/versions" */
    unsigned flags;
    route_handler_t handler;
    const char *text; /* one line of documentation */
};

/* Finds the route of rq and fills rq->route and rq->arg. HEAD is served as GET. */
SCHLOSS_NODISCARD rest_rc router_find(const route_t *routes, size_t n, request_t *rq);

#endif
