/* A key in a slot, without registry or KMS: what values and plans need to run. */
#ifndef TESTS_RULES_KEYED_H
#define TESTS_RULES_KEYED_H

#include "base/time.h"
#include "envelope/set.h"
#include "rules/plan.h"
#include <string.h>

typedef struct keyed {
    env_t env;
    dek_use_t use;
    buf_t scratch, out;
    plan_crypt_t crypt;
} keyed_t;

static inline void keyed_put(keyed_t *k, int32_t version, dek_alg_t alg) {
    static const uint8_t raw[64] = "test-only key bytes, enough for all of the algorithms there are";
    aead_key_t *aead = NULL;
    dek_set_t *set = NULL;
    dek_entry_t e = {.version = version, .until_ms = INT64_MAX, .refresh_ms = INT64_MAX, .rotate_at_ms = INT64_MAX};
    assert_int_equal(aead_key_new(&aead, alg, bytes(raw, dek_alg_key_len(alg)), AEAD_AUTO, NULL), 0);
    assert_int_equal(dek_key_new(&e.key, aead, version, 0, NULL), 0);
    assert_int_equal(dek_set_with(&set, k->use.slot->set, &e, k->use.slot->spec.writing, NULL), 0);
    pthread_mutex_lock(&k->env.lock);
    dek_slot_publish(k->use.slot, set);
    pthread_mutex_unlock(&k->env.lock);
}

static inline void keyed_open(keyed_t *k, dek_alg_t alg, bool writing, bool versioned) {
    static const env_conf_t conf = {.ttl_ms = 1000};
    dek_spec_t spec = {.kek = "k", .subject = "s", .alg = alg, .writing = writing, .conf_scope = "", .conf_type = ""};
    memset(k, 0, sizeof(*k));
    assert_int_equal(env_init(&k->env, &conf, NULL), 0);
    k->use.env = &k->env;
    assert_int_equal(env_slot(&k->env, &spec, &k->use.slot, NULL), 0);
    buf_init(&k->scratch, 1 << 20, "test", false);
    buf_init(&k->out, 1 << 20, "test", true);
    k->crypt =
        (plan_crypt_t){.writing = writing, .versioned = versioned, .alg = alg, .use = &k->use, .scratch = &k->scratch};
}

static inline void keyed_close(keyed_t *k) {
    dek_use_drop(&k->use);
    buf_clear(&k->scratch);
    buf_clear(&k->out);
    env_clear(&k->env);
}

#endif
