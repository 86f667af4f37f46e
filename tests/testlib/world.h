/* One client with a serializer and a deserializer over a fake registry: what most tests of whole calls start from.
 * Setting up never counts as a fault; a failure to set up prints why and aborts. */
#ifndef TESTLIB_WORLD_H
#define TESTLIB_WORLD_H

#include "testlib/fake_registry.h"
#include <schloss/schloss.h>

#define WORLD_SUBJECT "orders-value"

typedef struct world {
    fake_registry_t *fr;
    schloss_client_t *client;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_error_t *err;
    schloss_target_t target; /* topic orders, value */
} world_t;

/* Schema and rule set (JSON text or NULL) under WORLD_SUBJECT with id 1; secret "mysecret"; conf: pairs of key and
 * value, ended by NULL, or NULL. No request is sent yet. */
void world_open(world_t *w, const char *schema, const char *rule_set, const char *const *conf);
void world_close(world_t *w);
/* Only what a client needs, for tests that make client and handles themselves. Free it with schloss_conf_free. */
schloss_conf_t *world_conf(const char *const *conf);

/* Avro binary of one FAKE_SCHEMA_PERSON: name, n, note, blob of blob_len bytes 0xB7, alias (NULL: null). Returns the
 * length, at most cap. */
size_t world_person(uint8_t *out, size_t cap, const char *name, int32_t n, const char *note, size_t blob_len,
                    const char *alias);

#endif
