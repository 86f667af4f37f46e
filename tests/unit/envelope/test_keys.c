/* The keys themselves: what does not fit its algorithm is refused, all threads of a process need one KMS call, and what
 * is dropped is wiped (checklist 47). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/metrics.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/tink.h"
#include "envelope/set.h"
#include "serde/core.h"
#include "testlib/world.h"
#include <string.h>
#include <unistd.h>

#define DAILY ",\"encrypt.dek.expiry.days\":\"1\""

static const char *secret(void *user, const char *name) {
    (void)user;
    return strcmp(name, "secret") == 0 ? "mysecret" : NULL;
}

/* Stores message, wrapped, as the DEK of the subject. */
static void put_dek(world_t *w, const char *algorithm, bytes_t message) {
    kms_key_t key = {"local-kms", "mykey", {secret, NULL}, {0}};
    buf_t wrapped;
    char text[1024];
    buf_init(&wrapped, 700, "test", false);
    assert_int_equal(kms_wrap(&key, NULL, message, &wrapped, NULL), 0);
    text[b64_encode((uint8_t *)text, wrapped.ptr, wrapped.len)] = '\0';
    json_t *dek = json_pack("{s:s, s:s, s:i, s:s, s:s, s:I}", "kekName", "kek1", "subject", WORLD_SUBJECT, "version", 1,
                            "algorithm", algorithm, "encryptedKeyMaterial", text, "ts", (json_int_t)1700000000000);
    fake_registry_put_dek(w->fr, dek);
    json_decref(dek);
    buf_clear(&wrapped);
}

static schloss_rc write_one(world_t *w) {
    uint8_t rec[256];
    size_t n = world_person(rec, sizeof(rec), "ann", 1, "note", 4, NULL);
    schloss_encoded_t enc;
    return schloss_serialize(w->ser, &w->target, schloss_bytes(rec, n), &enc, w->err);
}

static const char *const rules[] = {FAKE_RULES_PII("AES128_GCM", ""), FAKE_RULES_PII("AES256_GCM", ""),
                                    FAKE_RULES_PII("AES256_SIV", "")};
static const dek_alg_t algs[] = {DEK_AES128_GCM, DEK_AES256_GCM, DEK_AES256_SIV};

static void expect(size_t rule, bytes_t message, schloss_rc expected) {
    static const char *const conf[] = {"schloss.negative.cache.ms", "0", NULL};
    size_t before = secret_in_use();
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, rules[rule], conf);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    put_dek(&w, dek_alg_name(algs[rule]), message);
    assert_int_equal(write_one(&w), expected);
    if (expected != 0) {
        assert_string_equal(schloss_error_kek(w.err), "kek1");
        assert_string_equal(schloss_error_subject(w.err), WORLD_SUBJECT);
    }
    assert_int_equal(fake_registry_count(w.fr, "POST"), 0);
    world_close(&w);
    assert_int_equal(secret_in_use(), before);
}

static void a_key_must_fit_its_algorithm(void **state) {
    (void)state;
    uint8_t raw[64], m[128];
    memset(raw, 7, sizeof(raw));
    for (size_t rule = 0; rule < 3; rule++) {
        for (size_t k = 0; k < 3; k++) { /* keys of all algorithms under the name of each */
            size_t n = tink_key_write(m, algs[k], raw);
            expect(rule, bytes(m, n), rule == k ? 0 : SCHLOSS_E_BAD_KEY);
        }
        static const uint8_t lengths[] = {0, 1, 15, 17, 24, 31, 33, 48, 63, 65};
        for (size_t k = 0; k < COUNT_OF(lengths); k++) { /* right message, wrong length */
            memset(m, 7, sizeof(m));
            m[0] = algs[rule] == DEK_AES256_SIV ? 0x12 : 0x1a;
            m[1] = lengths[k];
            expect(rule, bytes(m, lengths[k] + 2u), SCHLOSS_E_BAD_KEY);
        }
        size_t n = tink_key_write(m, algs[rule], raw);
        expect(rule, bytes(m, n - 1), SCHLOSS_E_BAD_KEY);                         /* cut */
        expect(rule, bytes(m, 0), SCHLOSS_E_BAD_KEY);                             /* empty */
        expect(rule, bytes(raw, dek_alg_key_len(algs[rule])), SCHLOSS_E_BAD_KEY); /* bare, no message around it */
        memmove(m + 2, m, n);
        m[0] = 0x08;
        m[1] = 1;
        expect(rule, bytes(m, n + 2), SCHLOSS_E_BAD_KEY); /* version 1 */
        m[1] = 0;
        expect(rule, bytes(m, n + 2), 0); /* version 0, spelled out */
    }
}

/* ---- threads ---- */

#define THREADS 16

typedef struct party {
    world_t *w;
    schloss_bytes_t record; /* reading */
    schloss_rc rc;
} party_t;

static pthread_barrier_t start;

static void *write_party(void *arg) {
    party_t *p = arg;
    schloss_serializer_t *ser = NULL;
    schloss_encoded_t enc;
    uint8_t rec[256];
    size_t n = world_person(rec, sizeof(rec), "ann", 1, "note", 4, NULL);
    p->rc = schloss_serializer_new(p->w->client, NULL, &ser, NULL);
    pthread_barrier_wait(&start);
    if (p->rc == 0) {
        p->rc = schloss_serialize(ser, &p->w->target, schloss_bytes(rec, n), &enc, NULL);
    }
    schloss_serializer_free(ser);
    return NULL;
}

static void *read_party(void *arg) {
    party_t *p = arg;
    schloss_deserializer_t *de = NULL;
    schloss_decoded_t dec;
    p->rc = schloss_deserializer_new(p->w->client, NULL, &de, NULL);
    pthread_barrier_wait(&start);
    if (p->rc == 0) {
        p->rc = schloss_deserialize(de, &p->w->target, p->record, NULL, 0, &dec, NULL);
    }
    schloss_deserializer_free(de);
    return NULL;
}

static void all_together(world_t *w, void *(*what)(void *), schloss_bytes_t record) {
    pthread_t threads[THREADS];
    party_t parties[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        parties[i] = (party_t){w, record, 1};
        assert_int_equal(pthread_create(&threads[i], NULL, what, &parties[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parties[i].rc, 0);
    }
    pthread_barrier_destroy(&start);
}

static void sixteen_threads_need_one_kms_call(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", DAILY), NULL);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    fake_registry_fault(w.fr, FAKE_DELAY, "GET /dek-registry", 1, 0, 30, NULL); /* so that they all meet */
    uint64_t before = metrics_get("kms_calls");
    all_together(&w, write_party, schloss_bytes(NULL, 0));
    assert_int_equal(metrics_get("kms_calls") - before, 2); /* a wrap and its proof */
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    assert_int_equal(fake_registry_count(w.fr, "POST /dek-registry"), 1);
    assert_int_equal(fake_registry_count(w.fr, "GET /dek-registry"), 2);

    schloss_client_invalidate(w.client); /* a key that is there: one unwrap */
    before = metrics_get("kms_calls");
    all_together(&w, write_party, schloss_bytes(NULL, 0));
    assert_int_equal(metrics_get("kms_calls") - before, 1);

    uint8_t rec[256], copy[512];
    size_t n = world_person(rec, sizeof(rec), "ann", 1, "note", 4, NULL);
    schloss_encoded_t enc;
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err), 0);
    memcpy(copy, enc.value.ptr, enc.value.len);
    before = metrics_get("kms_calls");
    all_together(&w, read_party, schloss_bytes(copy, enc.value.len));
    assert_int_equal(metrics_get("kms_calls") - before, 1);
    world_close(&w);
}

/* ---- wiping ---- */

static aead_key_t *new_aead(void) {
    static const uint8_t raw[32] = "test-only, 32 bytes of a key ...";
    aead_key_t *aead = NULL;
    assert_int_equal(aead_key_new(&aead, DEK_AES256_GCM, bytes(raw, 32), AEAD_AUTO, NULL), 0);
    return aead;
}

/* A reader meets versions without end: the oldest go, and their memory with them. */
/* spec 8: 47 */
static void what_is_evicted_is_wiped(void **state) {
    (void)state;
    size_t before = secret_in_use();
    aead_key_t *one = new_aead();
    size_t each = secret_in_use() - before;
    aead_key_free(one);
    assert_int_equal(secret_in_use(), before);
    dek_set_t *set = NULL;
    for (int32_t v = 1; v <= 1000; v++) {
        dek_entry_t e = {.version = v};
        dek_set_t *next = NULL;
        assert_int_equal(dek_key_new(&e.key, new_aead(), v, 0, NULL), 0);
        assert_int_equal(dek_set_with(&next, set, &e, false, NULL), 0);
        dek_set_unref(set);
        set = next;
        assert_true(secret_in_use() - before <= DEK_SET_MAX * each);
    }
    assert_int_equal(set->n, DEK_SET_MAX);
    assert_non_null(dek_set_find(set, 1000, false));
    assert_null(dek_set_find(set, 1000 - DEK_SET_MAX, false));
    dek_set_unref(set);
    assert_int_equal(secret_in_use(), before);
}

/* spec 8: 47 */
static void invalidation_and_close_wipe(void **state) {
    (void)state;
    size_t before = secret_in_use();
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    size_t idle = secret_in_use();
    assert_int_equal(write_one(&w), 0);
    size_t one = secret_in_use();
    for (int i = 0; i < 20; i++) { /* the handle's next call lets go of what was invalidated */
        schloss_client_invalidate(w.client);
        assert_int_equal(write_one(&w), 0);
        assert_int_equal(secret_in_use(), one);
    }
    schloss_client_invalidate(w.client);
    schloss_serializer_free(w.ser); /* as does its end, while the client lives */
    w.ser = NULL;
    assert_true(secret_in_use() <= idle);
    world_close(&w);
    assert_int_equal(secret_in_use(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_must_fit_its_algorithm),
        cmocka_unit_test(sixteen_threads_need_one_kms_call),
        cmocka_unit_test(what_is_evicted_is_wiped),
        cmocka_unit_test(invalidation_and_close_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
