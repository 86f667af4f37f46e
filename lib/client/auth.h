/* Bearer tokens that expire: fetched from an OAuth token endpoint (client credentials) or a cloud's metadata service,
 * by calls of the io that needs one, so that the transport hook carries them. */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include "http/io.h"

typedef struct sr_auth sr_auth_t;

typedef struct sr_auth_conf {
    const char *url;                /* token endpoint, absolute */
    const char *client_id, *secret; /* client credentials; NULL: a metadata service, asked with GET and url's query */
    const char *scope;              /* NULL: none */
    int64_t margin_ms;              /* how long before its end a token is replaced */
    int64_t fresh_ms;               /* a token younger than this that is refused is refused for good */
    const schloss_tls_t *tls;       /* outlives the object */
    uint32_t max_retries, retries_wait_ms, retries_max_wait_ms, connect_timeout_ms, timeout_ms;
} sr_auth_conf_t;

/* Copies the strings. @return NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc sr_auth_new(sr_auth_t **out, const sr_auth_conf_t *conf, schloss_error_t *err);
void sr_auth_free(sr_auth_t *a); /* wipes */
/* Appends "Bearer <token>" to out (sensitive). @return 0, NEED_IO, NEED_WAIT, UNAUTHENTICATED (the endpoint refused, or
 * answered with something else than a token), I/O codes */
SCHLOSS_NODISCARD schloss_rc sr_auth_header(sr_auth_t *a, io_t *io, buf_t *out, schloss_error_t *err);
/* The service refused the token in this Authorization header. true: ask again, it was an old one, which is forgotten,
 * or another call has replaced it meanwhile; false: it was just fetched. */
bool sr_auth_refused(sr_auth_t *a, io_t *io, const char *header);
/* Around a fork. */
void sr_auth_lock(sr_auth_t *a);
void sr_auth_unlock(sr_auth_t *a);

#endif
