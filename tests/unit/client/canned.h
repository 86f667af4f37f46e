/* Drives one call of the client by hand: answers come from a table, requests are noted. For tests of this room. */
#ifndef UNIT_CLIENT_CANNED_H
#define UNIT_CLIENT_CANNED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "client/registry.h"

#define CANNED_BASE "http://r.test"

/* An answer for the request "METHOD path", or with request NULL for any. */
typedef struct canned_answer {
    const char *request;
    int status;
    const char *body;
} canned_answer_t;

typedef struct canned {
    io_t *io;
    http_service_t svc;
    schloss_error_t err;
    const canned_answer_t *answers; /* ended by status 0; what is not in it is 404 */
    char log[4096];                 /* requests, one a line */
    char body[4096];                /* of the last request that had one */
    int n_requests;
} canned_t;

static char canned_url[] = CANNED_BASE;
static char *canned_urls[] = {canned_url};

static inline void canned_open(canned_t *c, const canned_answer_t *answers) {
    memset(c, 0, sizeof *c);
    c->svc = (http_service_t){.urls = canned_urls, .n_urls = 1, .timeout_ms = 1000};
    c->answers = answers;
    assert_int_equal(io_new(&c->io, &c->err), 0);
}

static inline void canned_close(canned_t *c) {
    io_free(c->io);
}

static inline void canned_step(canned_t *c) {
    static const char missing[] = "{\"error_code\":40401,\"message\":\"Subject not found.\"}";
    const schloss_http_request_t *r = io_request(c->io);
    assert_non_null(r);
    assert_memory_equal(r->url, CANNED_BASE, strlen(CANNED_BASE));
    char line[1024];
    (void)snprintf(line, sizeof line, "%s %s", r->method, r->url + strlen(CANNED_BASE));
    size_t used = strlen(c->log);
    (void)snprintf(c->log + used, sizeof c->log - used, "%s\n", line);
    if (r->body.len != 0) {
        (void)snprintf(c->body, sizeof c->body, "%.*s", (int)r->body.len, (const char *)r->body.ptr);
    }
    c->n_requests++;
    int status = 404;
    const char *body = missing;
    for (const canned_answer_t *a = c->answers; a != NULL && a->status != 0; a++) {
        if (a->request == NULL || strcmp(a->request, line) == 0) {
            status = a->status;
            body = a->body;
            break;
        }
    }
    assert_int_equal(io_feed(c->io, status, bytes(body, strlen(body)), 0, &c->err), 0);
}

/* Runs the expression to its end, feeding what it asks for. */
#define DRIVE(c, expr)                                                                                                 \
    __extension__({                                                                                                    \
        schloss_rc drive_rc_;                                                                                          \
        while ((drive_rc_ = (expr)) == SCHLOSS_NEED_IO) {                                                              \
            canned_step(c);                                                                                            \
        }                                                                                                              \
        drive_rc_;                                                                                                     \
    })

#define assert_contains(text, part) assert_non_null(strstr((text), (part)))

#endif
