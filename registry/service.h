/* The registry without sockets: a request goes in, an answer comes out. The server, the tests and the fuzzer use it.
 *
 * Layers below: api/ (Schema Registry), keys/ (DEK Registry), schema/ (names, hashes, canonical forms). */
#ifndef REGISTRY_SERVICE_H
#define REGISTRY_SERVICE_H

#include "base/time.h"
#include "server/auth.h"
#include "server/router.h"
#include "server/stats.h"
#include "server/store.h"

#define SERVICE_MAX_KEYS 10000

typedef struct service {
    store_t *store;
    auth_t *auth; /* NULL: open */
    stats_t *stats;
    char *kms_secret; /* secret of the local KMS; NULL: KEK kmsProps, else the environment */
    int64_t max_keys; /* KEKs, and DEKs, deleted ones included */
    char cluster_id[64];
    bool log_requests;
} service_t;

typedef struct service_conf {
    const char *store; /* "sqlite:FILE" */
    const char *users_file;
    const char *kms_secret;
    unsigned readers;
    int64_t max_keys; /* 0: 10,000 */
    bool log_requests;
} service_conf_t;

SCHLOSS_NODISCARD schloss_rc service_open(service_t **out, const service_conf_t *conf, schloss_error_t *err);
void service_close(service_t *s);

/* The steps of one request, as http_app_t wants them (user is the service_t). */
rest_rc service_start(void *user, request_t *rq);
bool service_is_write(void *user, const request_t *rq);
void service_read(void *user, request_t *rq);
void service_write(void *user, request_t **rqs, size_t n);
void service_done(void *user, const request_t *rq, uint64_t us);
/* All of them, in the calling thread. */
void service_handle(service_t *s, request_t *rq);

extern const route_t registry_routes[];
extern const size_t registry_n_routes;

/* Time stamps of records: milliseconds since 1970. */
int64_t service_now_ms(void);

#endif
