/* Interned services: a list that only grows, read without a lock. A service is pushed by compare-and-swap; when two
 * threads push equal ones at once, both stay, and each finds its own or the other's: that costs a repeated request at
 * worst. So a fork cannot find a lock taken. */
#include "kms/service.h"

#include <stdatomic.h>

#define SERVICES_MAX 64u
#define RETRY_WAIT_MS 200u
#define RETRY_MAX_WAIT_MS 5000u

typedef struct node {
    kms_service_conf_t conf; /* owns its strings */
    http_service_t service;
    struct node *next;
} node_t;

static node_t *_Atomic services;
static _Atomic unsigned n_services;

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same(const kms_service_conf_t *a, const kms_service_conf_t *b) {
    return same_text(a->tls.ca_file, b->tls.ca_file) && same_text(a->tls.cert_file, b->tls.cert_file) &&
           same_text(a->tls.key_file, b->tls.key_file) && same_text(a->tls.key_password, b->tls.key_password) &&
           a->tls.skip_verify_host == b->tls.skip_verify_host && a->protocol == b->protocol && a->direct == b->direct &&
           a->connect_timeout_ms == b->connect_timeout_ms && a->timeout_ms == b->timeout_ms &&
           a->max_retries == b->max_retries && a->no_retries == b->no_retries;
}

static void node_free(node_t *n) {
    if (n != NULL) {
        mem_free((void *)(uintptr_t)n->conf.tls.ca_file);
        mem_free((void *)(uintptr_t)n->conf.tls.cert_file);
        mem_free((void *)(uintptr_t)n->conf.tls.key_file);
        mem_wipe_str((char *)(uintptr_t)n->conf.tls.key_password);
        mem_free(n);
    }
}

static bool copy(const char **to, const char *from) {
    *to = from == NULL ? NULL : mem_strdup(from);
    return from == NULL || *to != NULL;
}

static node_t *node_new(const kms_service_conf_t *conf) {
    node_t *n = MEM_NEW(node_t);
    if (n == NULL) {
        return NULL;
    }
    n->conf = *conf;
    n->conf.tls = (schloss_tls_t){.skip_verify_host = conf->tls.skip_verify_host};
    if (!copy(&n->conf.tls.ca_file, conf->tls.ca_file) || !copy(&n->conf.tls.cert_file, conf->tls.cert_file) ||
        !copy(&n->conf.tls.key_file, conf->tls.key_file) || !copy(&n->conf.tls.key_password, conf->tls.key_password)) {
        node_free(n);
        return NULL;
    }
    n->service = (http_service_t){
        .max_retries = conf->no_retries         ? 0
                       : conf->max_retries != 0 ? conf->max_retries
                                                : KMS_RETRIES,
        .retries_wait_ms = RETRY_WAIT_MS,
        .retries_max_wait_ms = RETRY_MAX_WAIT_MS,
        .connect_timeout_ms = conf->connect_timeout_ms != 0 ? conf->connect_timeout_ms : KMS_TIMEOUT_MS,
        .timeout_ms = conf->timeout_ms != 0 ? conf->timeout_ms : KMS_TIMEOUT_MS,
        .is_foreign = true,
        .tls = &n->conf.tls,
        .protocol = conf->protocol,
        .direct = conf->direct,
    };
    return n;
}

schloss_rc kms_service(const http_service_t **out, const kms_service_conf_t *conf, schloss_error_t *err) {
    node_t *head = atomic_load(&services);
    for (const node_t *n = head; n != NULL; n = n->next) {
        if (same(&n->conf, conf)) {
            *out = &n->service;
            return SCHLOSS_OK;
        }
    }
    if (atomic_fetch_add(&n_services, 1) >= SERVICES_MAX) {
        atomic_fetch_sub(&n_services, 1);
        FAIL(err, LIMIT_EXCEEDED, "more than %u different TLS settings of KMS drivers in one process", SERVICES_MAX);
        err_hint(err, "use the same CA and client certificate files for several keys");
        return SCHLOSS_E_LIMIT_EXCEEDED;
    }
    node_t *n = node_new(conf);
    if (n == NULL) {
        atomic_fetch_sub(&n_services, 1);
        return NO_MEMORY(err);
    }
    n->next = head;
    while (!atomic_compare_exchange_weak(&services, &n->next, n)) {
    }
    *out = &n->service;
    return SCHLOSS_OK;
}
