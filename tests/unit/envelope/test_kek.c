/* KEK look-up: contexts, names that must be escaped, the cache and its end, properties that are odd (checklist 35, 36,
 * 45, 50). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <string.h>

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

static schloss_rc write_as(world_t *w, const char *subject) {
    schloss_target_t t = {.topic = "orders", .subject = subject};
    schloss_encoded_t enc;
    return schloss_serialize(w->ser, &t, schloss_bytes(rec, rec_len), &enc, w->err);
}

/* spec 8: 35 */
static void a_context_goes_with_every_kek_call(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    fake_registry_put_avro(w.fr, ":.eu:orders-value", 5, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""));
    assert_int_equal(write_as(&w, ":.eu:orders-value"), 0);
    assert_int_equal(fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1?"), 1);
    assert_int_equal(fake_registry_count(w.fr, "context=.eu"), 2); /* asked for, then registered */
    assert_true(fake_registry_count(w.fr, "/deks/%3A.eu%3Aorders-value") >= 2);
    world_close(&w);
}

/* spec 8: 36 */
static void odd_subjects_are_one_segment(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    fake_registry_put_avro(w.fr, "a/b %:\xc3\xa9-value", 5, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""));
    assert_int_equal(write_as(&w, "a/b %:\xc3\xa9-value"), 0);
    assert_true(fake_registry_count(w.fr, "/deks/a%2Fb%20%25%3A%C3%A9-value") >= 2);
    world_close(&w);
}

static void one_kek_serves_many_subjects_from_the_cache(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    fake_registry_put_avro(w.fr, "b-value", 5, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""));
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    assert_int_equal(write_as(&w, NULL), 0);
    assert_int_equal(write_as(&w, "b-value"), 0);
    assert_int_equal(fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1?"), 1);
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    schloss_client_invalidate(w.client);
    assert_int_equal(write_as(&w, NULL), 0);
    assert_int_equal(fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1?"), 2);
    world_close(&w);
}

/* The secret of a KEK's own properties counts before that of the client. */
/* spec 8: 50 */
static void properties_count_before_the_configuration(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    json_t *kek = json_pack("{s:s,s:s,s:s,s:{s:s},s:b}", "name", "kek1", "kmsType", "local-kms", "kmsKeyId", "mykey",
                            "kmsProps", "secret", "of the KEK, test-only", "shared", 0);
    fake_registry_put_kek(w.fr, kek);
    json_decref(kek);
    fake_registry_make_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_GCM", NULL); /* wrapped with "mysecret" */
    assert_int_equal(write_as(&w, NULL), SCHLOSS_E_UNWRAP_FAILED);
    assert_string_equal(schloss_error_kek(w.err), "kek1");
    assert_null(strstr(schloss_error_message(w.err), "test-only"));
    world_close(&w);
}

/* The registry's time of a DEK is its word: the largest there is must not overflow. */
static void a_dek_of_the_far_future_is_used(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ",\"encrypt.dek.expiry.days\":\"2147483647\""),
               NULL);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    fake_registry_make_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_GCM", NULL);
    fake_registry_age_deks(w.fr, WORLD_SUBJECT, INT64_MAX);
    assert_int_equal(write_as(&w, NULL), 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_context_goes_with_every_kek_call, setup),
        cmocka_unit_test_setup(odd_subjects_are_one_segment, setup),
        cmocka_unit_test_setup(one_kek_serves_many_subjects_from_the_cache, setup),
        cmocka_unit_test_setup(properties_count_before_the_configuration, setup),
        cmocka_unit_test_setup(a_dek_of_the_far_future_is_used, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
