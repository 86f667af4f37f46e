/* The registry as a server that cli/ starts: Schema Registry and DEK Registry over one store. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "base/err.h"

typedef struct registry registry_t;

typedef struct registry_conf {
    const char *listen;        /* "HOST:PORT"; port 0 = any free one. "[::1]:8081" for IPv6 */
    const char *store;         /* "sqlite:FILE"; "sqlite::memory:" for tests and schloss dev */
    const char *tls_cert_file; /* PEM chain; NULL = plain HTTP */
    const char *tls_key_file;
    const char *users_file; /* Basic authentication: lines "user:hash" (docs/registry.md); NULL = open */
    const char *kms_secret; /* local KMS secret of shared KEKs; NULL = KEK kmsProps "secret", else LOCAL_SECRET */
    unsigned threads;       /* 0 = default */
    bool log_requests;      /* one line per request to standard error */
} registry_conf_t;

/* Opens (or makes) the store and starts serving on own threads. conf's strings are copied.
 * @return 0, CONF_VALUE, CONNECT (address in use), TLS, STORE, STORE_NEWER, STORE_CORRUPT, STORE_FULL */
SCHLOSS_NODISCARD schloss_rc registry_start(registry_t **out, const registry_conf_t *conf, schloss_error_t *err);
/* "http://127.0.0.1:8081": the address that was bound. */
const char *registry_url(const registry_t *r);
/* Stops accepting, finishes what runs, closes the store. */
void registry_stop(registry_t *r);

/* Routes in one table, for docs and tests: i-th route's method, path pattern, one line of text; false past the end. */
bool registry_route(unsigned i, const char **method, const char **path, const char **text);

#endif
