/* A registry in memory, for tests: one call in, status and JSON out. */
#ifndef TESTS_UNIT_REGISTRY_SERVICE_TEST_H
#define TESTS_UNIT_REGISTRY_SERVICE_TEST_H

#include "registry/service.h"
#include <stdio.h>
#include <string.h>

typedef struct reply {
    int status, code;
    char text[8192];
} reply_t;

static inline service_t *service_in_memory(void) {
    service_t *s = NULL;
    service_conf_t conf = {.store = "sqlite::memory:", .kms_secret = "test-only-secret", .readers = 1};
    return service_open(&s, &conf, NULL) == 0 ? s : NULL;
}

static inline reply_t call(service_t *s, const char *method, const char *target, const char *body) {
    reply_t r;
    request_t rq;
    request_init(&rq, method, target);
    rq.body = bytes(body, body == NULL ? 0 : strlen(body));
    service_handle(s, &rq);
    r.status = rq.status;
    r.code = rq.error_code;
    (void)snprintf(r.text, sizeof r.text, "%s", buf_cstr(&rq.out));
    request_clear(&rq);
    return r;
}

#endif
