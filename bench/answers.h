/* A registry in the process: the transport hook answers from the table of cases. After the first record of a topic no
 * request is made, which the programs check. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "cases.h"
#include "measure.h"
#include <schloss/schloss.h>
#include <stdatomic.h>

typedef struct answers {
    _Atomic unsigned requests;
} answers_t;

static inline const bench_case_t *case_of_url(const char *url, const char *before) {
    const char *at = strstr(url, before);
    for (size_t i = 0; at != NULL && i < N_CASES; i++) {
        const char *topic = bench_cases[i].topic;
        if (strncmp(at + strlen(before), topic, strlen(topic)) == 0 &&
            strncmp(at + strlen(before) + strlen(topic), "-value", 6) == 0) {
            return &bench_cases[i];
        }
    }
    return NULL;
}

static inline bool answer_get(const char *url, char *out, size_t cap) {
    const char *by_id = strstr(url, "/schemas/ids/");
    const bench_case_t *dek = case_of_url(url, "/deks/"), *schema = case_of_url(url, "/subjects/");
    int id = by_id == NULL ? 0 : atoi(by_id + strlen("/schemas/ids/"));
    int n = -1;
    if (dek != NULL) {
        n = snprintf(out, cap,
                     "{\"kekName\":\"bench-kek\",\"subject\":\"%s-value\",\"version\":1,\"algorithm\":\"%s\","
                     "\"encryptedKeyMaterial\":\"%s\",\"ts\":1764000000000}",
                     dek->topic, algorithm_names[dek->algorithm], dek->wrapped_key);
    } else if (id > 0 && id <= N_CASES) {
        n = snprintf(out, cap, "%s", bench_cases[id - 1].answer);
    } else if (schema != NULL && strstr(url, "/versions/latest") != NULL) {
        n = snprintf(out, cap, "%s", schema->answer);
    } else if (strstr(url, "/keks/bench-kek") != NULL) {
        n = snprintf(out, cap,
                     "{\"name\":\"bench-kek\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"bench-key\",\"kmsProps\":{},"
                     "\"shared\":false,\"ts\":1764000000000}");
    }
    return n > 0 && (size_t)n < cap;
}

static inline schloss_rc answers_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                                         schloss_error_t *err) {
    (void)err;
    enum { CAP = 16384 };
    answers_t *a = user;
    char *body = malloc(CAP);
    a->requests++;
    memset(out, 0, sizeof *out);
    if (body == NULL) {
        return SCHLOSS_E_NO_MEMORY;
    }
    out->status = 200;
    if (strcmp(req->method, "GET") != 0 || !answer_get(req->url, body, CAP)) {
        out->status = 404;
        snprintf(body, CAP, "{\"error_code\":40401,\"message\":\"not found\"}");
    }
    out->body = (uint8_t *)body;
    out->body_len = strlen(body);
    return SCHLOSS_OK;
}

static inline void answers_release(void *user, schloss_http_response_t *out) {
    (void)user;
    free(out->body);
    out->body = NULL;
}

/* Ends the program with what went wrong. */
static inline void must(schloss_rc rc, const schloss_error_t *err, const char *what) {
    if (rc != SCHLOSS_OK) {
        fprintf(stderr, "bench: %s: %s: %s. %s\n", what, schloss_rc_name(rc), schloss_error_message(err),
                schloss_error_hint(err));
        exit(1);
    }
}

static inline schloss_client_t *bench_client(const schloss_transport_t *transport, schloss_error_t *err) {
    schloss_conf_t *conf = schloss_conf_new();
    schloss_client_t *client = NULL;
    bench_check(conf != NULL, "memory");
    must(schloss_conf_set(conf, "schema.registry.url", "http://127.0.0.1:1", err), err, "url");
    must(schloss_conf_set(conf, "secret", BENCH_SECRET, err), err, "secret");
    must(schloss_conf_set(conf, "schloss.refresh.thread", "true", err), err, "thread"); /* as without a hook */
    must(schloss_client_new(conf, transport, &client, err), err, "client");
    schloss_conf_free(conf);
    return client;
}

#endif
