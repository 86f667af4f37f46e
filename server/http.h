/* HTTP/1.1 server over libmicrohttpd: sockets, TLS, guards, and the thread that runs writes.
 *
 * Threads: a pool runs the event loops; requests that only read are answered there. Requests that write are suspended
 * and run by one writer thread, which takes all that wait at once, so that one disk flush serves them together.
 * What the library leaves to us is refused before a handler sees it: Content-Length together with Transfer-Encoding,
 * doubled Content-Length or Host, malformed header names, bodies over the limit. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server/request.h"

typedef struct http_server http_server_t;

typedef struct http_app {
    void *user;
    /* Routes and authenticates rq (its body not yet there). Non-zero: rq is answered already. */
    rest_rc (*start)(void *user, request_t *rq);
    bool (*is_write)(void *user, const request_t *rq);
    /* Answers one request, or n writing requests as one group. Called from several threads (write: from one). */
    void (*read)(void *user, request_t *rq);
    void (*write)(void *user, request_t **rqs, size_t n);
    /* After the answer was sent. us: from the first byte of the header to the answer's queueing. */
    void (*done)(void *user, const request_t *rq, uint64_t us);
} http_app_t;

typedef struct http_conf {
    const char *listen; /* "HOST:PORT", "[::1]:PORT" */
    const char *tls_cert_file, *tls_key_file;
    unsigned threads;
    unsigned connection_timeout_s; /* slow and idle clients */
    unsigned max_connections;
} http_conf_t;

/* @return CONF_VALUE, CONNECT, TLS, NO_MEMORY, IO */
SCHLOSS_NODISCARD schloss_rc http_start(http_server_t **out, const http_conf_t *conf, const http_app_t *app,
                                        schloss_error_t *err);
const char *http_url(const http_server_t *s);
/* Stops accepting, finishes what runs, joins its threads. */
void http_stop(http_server_t *s);

#endif
