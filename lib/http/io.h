/* Requests without I/O: the base of every prepare (docs/adr/0001).
 *
 * The logic of a prepare is a plain function that is run again from its top after each answer. Whatever it has asked
 * before is remembered in the io: io_call() returns the remembered answer at once, or SCHLOSS_NEED_IO after noting the
 * request. The driver performs the request, feeds the answer, and runs the logic again. So logic reads like blocking
 * code, and nothing here opens a socket or sleeps.
 *
 * Retries (408, 429, 500, 502, 503, 504 and failures without an answer), back-off with full jitter and the move to the
 * next base URL happen here: the logic sees only final outcomes. */
#ifndef HTTP_IO_H
#define HTTP_IO_H

#include "base/buf.h"
#include "base/time.h"
#include <schloss/ext/transport.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* How to reach one service (registry; later each KMS): base URLs, headers, retry policy. Immutable; outlives its ios.
 */
typedef struct http_service {
    char **urls; /* absolute, without trailing slash, without userinfo */
    size_t n_urls;
    char *authorization;            /* "Basic ..." / "Bearer ..." or NULL; secret */
    schloss_http_header_t *headers; /* sent with every request */
    size_t n_headers;
    uint32_t max_retries;         /* 3 */
    uint32_t retries_wait_ms;     /* 1000 */
    uint32_t retries_max_wait_ms; /* 20000 */
    uint32_t connect_timeout_ms, timeout_ms;
    struct sr_auth *auth;        /* bearer tokens that expire (client/auth.h), in place of authorization; NULL: none */
    bool is_foreign;             /* a KMS: none of the registry's fixed headers (Content-Type, Accept, Confluent-*) */
    const schloss_tls_t *tls;    /* see schloss_http_request_t; a foreign service must set it */
    schloss_protocol_t protocol; /* of all its calls */
    bool direct;
} http_service_t;

void http_service_clear(http_service_t *s); /* frees and wipes the members */

typedef struct io io_t;

typedef struct io_call {
    const char *method;
    const char *path; /* "/subjects/x/versions/latest?..." appended to the base URL; or absolute for a KMS */
    bytes_t body;     /* JSON */
    bool sensitive;   /* body or answer may carry key material */
    /* Of this call only (copied), behind those of the service; no part of the memo's key, so a signature may change
     * when logic runs again. */
    const schloss_http_header_t *headers;
    size_t n_headers;
    /* Is this final-looking answer to be retried (AWS throttles with 400)? NULL: by status alone. */
    bool (*is_retriable)(int status, bytes_t body);
} io_call_t;

typedef struct io_memo io_memo_t;

typedef struct io_answer {
    int status;
    bytes_t body;    /* owned by the io */
    const char *url; /* that answered; owned by the io */
    io_memo_t *memo; /* where the io remembers the answer, for io_parsed() */
} io_answer_t;

SCHLOSS_NODISCARD schloss_rc io_new(io_t **out, schloss_error_t *err);
void io_free(io_t *io); /* wipes */

/* @return 0 with *out: a final answer (any status that is not retriable, or the last retriable one);
 *         SCHLOSS_NEED_IO / SCHLOSS_NEED_WAIT: return it to the driver;
 *         CONNECT, TLS, TIMEOUT, IO (all URLs and retries failed), LIMIT_EXCEEDED (LIMIT_PREPARE_REQUESTS)
 * Same method + path + body = same remembered call. */
SCHLOSS_NODISCARD schloss_rc io_call(io_t *io, const http_service_t *svc, const io_call_t *call, io_answer_t *out,
                                     schloss_error_t *err);
/* Forgets a remembered call, so that the next io_call with the same key asks again (re-read after a lost race). */
void io_forget(io_t *io, const char *method, const char *path);
/* The same for one call only, body and service included. */
void io_forget_call(io_t *io, const http_service_t *svc, const io_call_t *call);

/* The parsed form of a remembered answer, kept beside it so that logic which runs again does not parse again. The io
 * owns it from io_keep_parsed() on. io_parsed() is NULL when there is none. */
void *io_parsed(const io_answer_t *answer);
void io_keep_parsed(const io_answer_t *answer, void *parsed, void (*free_parsed)(void *parsed));

/* Value of a header of the call (not of its service) as it was sent for this answer; NULL: none. Logic that runs again
 * may want another one by now. */
const char *io_sent_header(const io_answer_t *answer, const char *name);

/* Driver side. */
const schloss_http_request_t *io_request(const io_t *io); /* NULL when none is to be sent now */
/* Milliseconds until the pending call may be tried again, 0 when none waits. mono_now_ms is time_mono_ms(). */
uint32_t io_wait_ms(const io_t *io, int64_t mono_now_ms);
/* Both copy what they are given. @return INVALID_STATE when no request is wanted, NO_MEMORY. */
SCHLOSS_NODISCARD schloss_rc io_feed(io_t *io, int status, bytes_t body, uint32_t retry_after_ms, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc io_feed_failure(io_t *io, schloss_rc failure, const char *detail, schloss_error_t *err);

/* Blocking driver: runs logic(arg, io) until it returns 0 or an error, performing requests with transport. */
SCHLOSS_NODISCARD schloss_rc io_run(io_t *io, const schloss_transport_t *transport,
                                    schloss_rc (*logic)(void *arg, io_t *io, schloss_error_t *err), void *arg,
                                    schloss_error_t *err);

#pragma GCC visibility pop

#endif
