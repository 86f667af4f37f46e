/* The KEK and DEK protocol as a client speaks it (spec client-encryption 1.8, checklist 23-47): which requests, in
 * which order, and what becomes of refusals and races. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "testlib/world.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_KMS_RULES                                                                                                   \
    "{\"domainRules\":[{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":"      \
    "\"kek1\"}}]}"
#define ONLY_TYPE_RULES                                                                                                \
    "{\"domainRules\":[{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":"      \
    "\"kek1\",\"encrypt.kms.type\":\"local-kms\"}}]}"
#define DAILY ",\"encrypt.dek.expiry.days\":\"1\""

static int64_t now_ms;
static int64_t test_clock(void *user) {
    (void)user;
    return now_ms;
}

static void open_world(world_t *w, const char *rules) {
    static const char *const conf[] = {"schloss.negative.cache.ms",   "0", "max.retries", "0",
                                       "schloss.dek.rotate.grace.ms", "0", NULL};
    world_open(w, FAKE_SCHEMA_PERSON, rules, conf);
    now_ms = 1700000000000;
    fake_registry_set_now(w->fr, now_ms);
    schloss_client_set_clock(w->client, test_clock, NULL);
}

/* Writes one person; *out: a copy of the record, free it. */
static schloss_rc write_person(world_t *w, const char *name, schloss_bytes_t *out) {
    uint8_t rec[256];
    size_t n = world_person(rec, sizeof(rec), name, 1, "note", 4, NULL);
    schloss_encoded_t enc;
    schloss_rc rc = schloss_serialize(w->ser, &w->target, schloss_bytes(rec, n), &enc, w->err);
    if (rc == 0 && out != NULL) {
        uint8_t *copy = malloc(enc.value.len);
        memcpy(copy, enc.value.ptr, enc.value.len);
        *out = schloss_bytes(copy, enc.value.len);
    }
    return rc;
}

static schloss_rc read_person(world_t *w, schloss_bytes_t value, const char *expected) {
    schloss_decoded_t dec;
    schloss_rc rc = schloss_deserialize(w->de, &w->target, value, NULL, 0, &dec, w->err);
    if (rc == 0) {
        assert_int_equal(dec.value.ptr[0], 2 * strlen(expected));
        assert_memory_equal(dec.value.ptr + 1, expected, strlen(expected));
    }
    return rc;
}

/* The requests that touch the DEK Registry, in order. */
static void expect_dek_requests(world_t *w, const char *const *expected) {
    size_t k = 0;
    for (size_t i = 0; i < fake_registry_n_requests(w->fr); i++) {
        const char *r = fake_registry_request(w->fr, i);
        if (strstr(r, "/dek-registry/") != NULL) {
            assert_non_null(expected[k]);
            assert_string_equal(r, expected[k]);
            k++;
        }
    }
    assert_null(expected[k]);
}

#define KEK_W "GET /dek-registry/v1/keks/kek1?deleted=false"
#define KEK_R "GET /dek-registry/v1/keks/kek1?deleted=true"
#define KEK_POST "POST /dek-registry/v1/keks"
#define DEK_W "GET /dek-registry/v1/keks/kek1/deks/orders-value/versions/1?algorithm=AES256_GCM&deleted=false"
#define DEK_R "GET /dek-registry/v1/keks/kek1/deks/orders-value/versions/1?algorithm=AES256_GCM&deleted=true"
#define DEK_LATEST "GET /dek-registry/v1/keks/kek1/deks/orders-value/versions/-1?algorithm=AES256_GCM&deleted=false"
#define DEK_POST "POST /dek-registry/v1/keks/kek1/deks/orders-value"

/* spec 8: 34 */
static void first_write_creates_and_second_asks_nothing(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    expect_dek_requests(&w, (const char *[]){KEK_W, DEK_W, DEK_POST, NULL});
    fake_registry_clear_requests(w.fr);
    assert_int_equal(write_person(&w, "bob", NULL), 0);
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    assert_int_equal(read_person(&w, value, "ann"), 0);
    expect_dek_requests(&w, (const char *[]){KEK_R, DEK_R, NULL});
    free((void *)value.ptr);
    world_close(&w);
}

/* spec 8: 17 */
static void nulls_need_no_key(void **state) {
    (void)state;
    world_t w;
    const char *schema =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"string\"],"
        "\"confluent:tags\":[\"PII\"]}]}";
    world_open(&w, schema, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    schloss_encoded_t enc;
    uint8_t null_record[] = {0};
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(null_record, 1), &enc, w.err), 0);
    assert_int_equal(fake_registry_count(w.fr, "/dek-registry/"), 0);
    world_close(&w);
}

static void missing_kek_is_registered_when_the_rule_says_how(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    expect_dek_requests(&w, (const char *[]){KEK_W, KEK_POST, DEK_W, DEK_POST, NULL});
    world_close(&w);

    open_world(&w, NO_KMS_RULES);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_BAD_RULE_PARAM);
    assert_non_null(strstr(schloss_error_message(w.err), "No kms type found for kek1 during produce"));
    assert_string_equal(schloss_error_rule(w.err), "r");
    world_close(&w);

    open_world(&w, ONLY_TYPE_RULES);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_BAD_RULE_PARAM);
    assert_non_null(strstr(schloss_error_message(w.err), "No kms key id found"));
    world_close(&w);
}

static void lost_races_take_the_winners_key(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    fake_registry_fault(w.fr, FAKE_LOSE_RACE, KEK_POST, 1, 1, 0, NULL);
    fake_registry_fault(w.fr, FAKE_LOSE_RACE, DEK_POST, 1, 1, 0, NULL);
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    expect_dek_requests(&w, (const char *[]){KEK_W, KEK_POST, KEK_W, DEK_W, DEK_POST, DEK_W, NULL});
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    assert_int_equal(read_person(&w, value, "ann"), 0);
    free((void *)value.ptr);
    world_close(&w);
}

static void reading_never_creates(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    fake_registry_delete_dek(w.fr, "kek1", "orders-value", 0, false);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(read_person(&w, value, "ann"), SCHLOSS_E_DEK_NOT_FOUND);
    fake_registry_delete_kek(w.fr, "kek1", false);
    schloss_client_invalidate(w.client);
    assert_int_equal(read_person(&w, value, "ann"), SCHLOSS_E_KEK_NOT_FOUND);
    assert_string_equal(schloss_error_kek(w.err), "kek1");
    assert_int_equal(fake_registry_count(w.fr, "POST"), 0);
    free((void *)value.ptr);
    world_close(&w);
}

static void soft_deleted_keys_read_but_do_not_write(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    fake_registry_delete_dek(w.fr, "kek1", "orders-value", 0, true);
    schloss_client_invalidate(w.client);
    assert_int_equal(read_person(&w, value, "ann"), 0);
    assert_int_equal(write_person(&w, "bob", NULL), SCHLOSS_E_DEK_NOT_FOUND);
    assert_non_null(strstr(schloss_error_message(w.err), "during produce"));
    free((void *)value.ptr);
    world_close(&w);
}

static void kek_must_fit_the_rule(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", ""));
    fake_registry_put_local_kek(w.fr, "kek1", "otherkey", false);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_KEK_MISMATCH);
    assert_non_null(strstr(schloss_error_message(w.err), "'otherkey' which differs from rule kms key id 'mykey'"));
    world_close(&w);
}

/* spec 8: 40 */
static void rotation_follows_the_clock(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY));
    schloss_bytes_t v[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write_person(&w, "ann", &v[i]), 0);
        assert_int_equal(fake_registry_n_deks(w.fr), i + 1);
        now_ms += 86400000 - 1; /* one millisecond before: the same key */
        fake_registry_set_now(w.fr, now_ms);
        assert_int_equal(write_person(&w, "ann", NULL), 0);
        assert_int_equal(fake_registry_n_deks(w.fr), i + 1);
        now_ms += 1;
        fake_registry_set_now(w.fr, now_ms);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read_person(&w, v[i], "ann"), 0); /* all versions stay readable */
        free((void *)v[i].ptr);
    }
    assert_int_equal(fake_registry_count(w.fr, DEK_LATEST) > 0, 1);
    world_close(&w);
}

/* spec 8: 31 */
static void refused_rotation_goes_on_with_the_old_key(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY));
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    now_ms += 2 * 86400000ll;
    fake_registry_set_now(w.fr, now_ms);
    fake_registry_fault(w.fr, FAKE_STATUS, DEK_POST, 1, 0, 500, NULL);
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    assert_int_equal(read_person(&w, value, "ann"), 0);
    free((void *)value.ptr);
    fake_registry_clear_faults(w.fr);
    usleep(20000); /* past schloss.negative.cache.ms */
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    world_close(&w);

    open_world(&w, FAKE_RULES_PII("AES256_GCM", "")); /* the first key ever: nothing to go on with */
    fake_registry_fault(w.fr, FAKE_STATUS, DEK_POST, 1, 0, 500, NULL);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_REGISTRY_BUSY);
    assert_int_equal(fake_registry_n_deks(w.fr), 0);
    world_close(&w);
}

/* spec 8: 32 */
static void lost_rotation_reads_the_new_latest(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY));
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    now_ms += 2 * 86400000ll;
    fake_registry_set_now(w.fr, now_ms);
    fake_registry_fault(w.fr, FAKE_LOSE_RACE, DEK_POST, 1, 1, 0, NULL);
    fake_registry_clear_requests(w.fr);
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    assert_int_equal(fake_registry_count(w.fr, DEK_LATEST), 2);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    assert_int_equal(read_person(&w, value, "ann"), 0);
    free((void *)value.ptr);
    world_close(&w);
}

static void shared_kek_needs_no_kms(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_SIV", ""));
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", true);
    fake_registry_set_secret(w.fr, "the registry's own secret, test-only");
    schloss_bytes_t value;
    assert_int_equal(write_person(&w, "ann", &value), 0);
    for (size_t i = 0; i < fake_registry_n_requests(w.fr); i++) {
        assert_null(strstr(fake_registry_request_body(w.fr, i), "encryptedKeyMaterial"));
    }
    assert_int_equal(read_person(&w, value, "ann"), 0);
    free((void *)value.ptr);
    world_close(&w);
}

static void failures_are_remembered_for_a_while(void **state) {
    (void)state;
    world_t w;
    static const char *const conf[] = {"schloss.negative.cache.ms", "60000", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NO_KMS_RULES, conf);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_BAD_RULE_PARAM);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(write_person(&w, "ann", NULL), SCHLOSS_E_BAD_RULE_PARAM);
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    world_close(&w);
}

static void expired_cache_asks_again_and_an_absent_registry_is_bridged(void **state) {
    (void)state;
    world_t w;
    static const char *const conf[] = {"cache.expiry.secs",         "0", "max.retries", "0",
                                       "schloss.negative.cache.ms", "0", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    assert_int_equal(write_person(&w, "ann", NULL), 0); /* what was just fetched is good for its own record */
    usleep(20000);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    assert_int_equal(fake_registry_count(w.fr, DEK_W), 1);
    usleep(20000);
    fake_registry_fault(w.fr, FAKE_FAILURE, NULL, 1, 0, SCHLOSS_E_CONNECT, NULL);
    assert_int_equal(write_person(&w, "ann", NULL), 0); /* schloss.cache.stale.secs */
    world_close(&w);

    static const char *const daily[] = {"cache.expiry.secs", "0", "max.retries", "0", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", DAILY), daily);
    now_ms = 1700000000000;
    fake_registry_set_now(w.fr, now_ms);
    schloss_client_set_clock(w.client, test_clock, NULL);
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    now_ms += 2 * 86400000ll; /* due for rotation while the registry is away */
    usleep(20000);
    fake_registry_fault(w.fr, FAKE_FAILURE, NULL, 1, 0, SCHLOSS_E_CONNECT, NULL);
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    fake_registry_clear_faults(w.fr);
    world_close(&w);
}

/* A clock that is ahead of the registry's by more than the expiry: what was just made counts from now, else each look
 * would make another version. */
static void a_clock_ahead_of_the_registry_makes_one_key(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY));
    now_ms += 100 * 86400000ll;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write_person(&w, "ann", NULL), 0);
        usleep(3000);
    }
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    world_close(&w);
    static const char *const soon[] = {"cache.expiry.secs", "0", NULL}; /* the key is looked up again for each record */
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", DAILY), soon);
    fake_registry_set_now(w.fr, now_ms - 100 * 86400000ll);
    schloss_client_set_clock(w.client, test_clock, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write_person(&w, "ann", NULL), 0);
        usleep(3000);
    }
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    now_ms += 86400001; /* a day later by the same clock */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write_person(&w, "ann", NULL), 0);
        usleep(3000);
    }
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    world_close(&w);
}

/* spec 8: 47 */
static void keys_are_wiped_with_the_client(void **state) {
    (void)state;
    size_t before = secret_in_use();
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY));
    assert_int_equal(write_person(&w, "ann", NULL), 0);
    world_close(&w);
    assert_int_equal(secret_in_use(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_write_creates_and_second_asks_nothing),
        cmocka_unit_test(nulls_need_no_key),
        cmocka_unit_test(missing_kek_is_registered_when_the_rule_says_how),
        cmocka_unit_test(lost_races_take_the_winners_key),
        cmocka_unit_test(reading_never_creates),
        cmocka_unit_test(soft_deleted_keys_read_but_do_not_write),
        cmocka_unit_test(kek_must_fit_the_rule),
        cmocka_unit_test(rotation_follows_the_clock),
        cmocka_unit_test(a_clock_ahead_of_the_registry_makes_one_key),
        cmocka_unit_test(refused_rotation_goes_on_with_the_old_key),
        cmocka_unit_test(lost_rotation_reads_the_new_latest),
        cmocka_unit_test(shared_kek_needs_no_kms),
        cmocka_unit_test(failures_are_remembered_for_a_while),
        cmocka_unit_test(expired_cache_asks_again_and_an_absent_registry_is_bridged),
        cmocka_unit_test(keys_are_wiped_with_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
