/* Inside of the fake registry: its state, shared by the store (fake_registry.c), the answers (fake_routes.c) and the
 * keys (fake_keys.c). Everything here runs under fr->lock and with faults paused. */
#ifndef TESTLIB_FAKE_REGISTRY_INT_H
#define TESTLIB_FAKE_REGISTRY_INT_H

#include "testlib/fake_registry.h"
#include "testlib/fault.h"

#include <pthread.h>

typedef struct fake_request {
    char *line, *body, *headers;
    int status;
} fake_request_t;

typedef struct fake_rule {
    fake_fault_t kind;
    char *match, *body;
    unsigned nth, times;
    int arg;
} fake_rule_t;

struct fake_registry {
    pthread_mutex_t lock;
    json_t *schemas, *keks, *deks, *associations; /* arrays */
    char *secret;
    int64_t now_ms;
    fake_request_t *requests;
    size_t n_requests;
    fake_rule_t faults[16];
    size_t n_faults;
};

/* Never NULL: aborts instead. */
void *fake_own(void *p);
int64_t fake_now(const fake_registry_t *fr);

/* Answers one request: a new reference to the JSON body, *status set. path is still percent-encoded. */
json_t *fake_answer(fake_registry_t *fr, const char *method, const char *path, const char *body, int *status);
/* Before a POST that is to lose: creates what it would have created, with another key. */
void fake_rival(fake_registry_t *fr, const char *path, const char *body);

json_t *fake_find_kek(fake_registry_t *fr, const char *name);
/* version -1: newest that is visible. */
json_t *fake_find_dek(fake_registry_t *fr, const char *kek, const char *subject, json_int_t version,
                      const char *algorithm, bool deleted);
bool fake_deleted(const json_t *o);
/* New key of the algorithm, wrapped; false when algorithm or KEK do not allow it. */
bool fake_key_make(fake_registry_t *fr, const json_t *kek, const char *algorithm, const uint8_t *raw, json_t *dek);
/* Base64 of the key message inside the DEK, freed by the caller; NULL when it cannot be unwrapped. */
char *fake_key_open(fake_registry_t *fr, const json_t *kek, const json_t *dek);

#endif
