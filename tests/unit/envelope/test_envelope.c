/* Slots and their use: one slot per meaning, held sets survive what is published, times decide, an invalidation drops
 * everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "envelope/set.h"
#include <string.h>

static int64_t wall;
static int64_t test_clock(void *user) {
    (void)user;
    return wall;
}

static const env_conf_t conf = {.ttl_ms = 1000, .clock = {test_clock, NULL}};
static const dek_spec_t basis = {.kek = "k", .subject = "s", .writing = true, .conf_scope = "", .conf_type = "ENCRYPT"};

static void one_slot_per_meaning(void **state) {
    (void)state;
    env_t env = {.slots = NULL};
    dek_slot_t *a = NULL, *b = NULL;
    assert_int_equal(env_init(&env, &conf, NULL), 0);
    assert_int_equal(env_slot(&env, &basis, &a, NULL), 0);
    assert_int_equal(env_slot(&env, &basis, &b, NULL), 0);
    assert_ptr_equal(a, b);
    dek_spec_t other[7] = {basis, basis, basis, basis, basis, basis, basis};
    other[0].kek = "k:1";
    other[1].subject = "s|1";
    other[2].kms_type = "local-kms";
    other[3].kms_key_id = "local-kms";
    other[4].expiry_days = 1;
    other[5].writing = false;
    other[6].conf_scope = "r";
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        assert_int_equal(env_slot(&env, &other[i], &b, NULL), 0);
        assert_ptr_not_equal(a, b);
    }
    assert_int_equal(map_len(env.slots), 1 + COUNT_OF(other));
    env_clear(&env);
}

static void publish(env_t *env, dek_slot_t *slot, dek_entry_t e) {
    static const uint8_t raw[32] = "test-only, 32 bytes of a key ...";
    aead_key_t *aead = NULL;
    dek_set_t *set = NULL;
    if (e.error == NULL) {
        assert_int_equal(aead_key_new(&aead, DEK_AES256_GCM, bytes(raw, 32), AEAD_AUTO, NULL), 0);
        assert_int_equal(dek_key_new(&e.key, aead, 1, 0, NULL), 0);
    }
    assert_int_equal(dek_set_with(&set, NULL, &e, true, NULL), 0);
    pthread_mutex_lock(&env->lock);
    dek_slot_publish(slot, set);
    pthread_mutex_unlock(&env->lock);
}

static void times_decide(void **state) {
    (void)state;
    env_t env = {.slots = NULL};
    dek_slot_t *slot = NULL;
    const dek_key_t *key = NULL, *held = NULL;
    size_t before = secret_in_use();
    assert_int_equal(env_init(&env, &conf, NULL), 0);
    assert_int_equal(env_slot(&env, &basis, &slot, NULL), 0);
    dek_use_t use = {.env = &env, .slot = slot};
    assert_int_equal(dek_use_get(&use, 0, 0, &key, NULL), SCHLOSS_NEED_KEY);
    publish(&env, slot, (dek_entry_t){.until_ms = 100, .refresh_ms = 80, .rotate_at_ms = 5000});
    wall = 4999;
    assert_int_equal(dek_use_get(&use, 0, 79, &held, NULL), 0);
    assert_false(slot->used);
    assert_int_equal(dek_use_get(&use, 0, 100, &held, NULL), 0);
    assert_true(slot->used); /* near its end: the refresh thread may fetch it */
    assert_int_equal(dek_use_get(&use, 0, 101, &key, NULL), SCHLOSS_NEED_KEY);
    wall = 5000;
    assert_int_equal(dek_use_get(&use, 0, 79, &key, NULL), SCHLOSS_NEED_KEY); /* rotation is due */
    wall = 0;
    /* another set comes: what is held stays valid until the next use */
    dek_entry_t bad = {.until_ms = 100, .rotate_at_ms = INT64_MAX, .error = schloss_error_new()};
    (void)err_set(bad.error, SCHLOSS_E_KMS_DENIED, "test");
    publish(&env, slot, bad);
    assert_int_equal(held->version, 1);
    schloss_error_t *err = schloss_error_new();
    assert_int_equal(dek_use_get(&use, 0, 50, &key, err), SCHLOSS_E_KMS_DENIED);
    assert_string_equal(schloss_error_message(err), "test");
    assert_true(env_slot_is_fresh(slot, &env, 0, 50)); /* a remembered failure is an answer */
    assert_false(env_slot_is_fresh(slot, &env, 0, 101));
    publish(&env, slot, (dek_entry_t){.until_ms = 100, .rotate_at_ms = INT64_MAX});
    uint32_t generation = env.generation;
    env_invalidate(&env);
    assert_int_equal(env.generation, generation + 1);
    assert_int_equal(dek_use_get(&use, 0, 50, &key, NULL), SCHLOSS_NEED_KEY);
    dek_use_drop(&use);
    env_clear(&env);
    assert_int_equal(secret_in_use(), before);
    schloss_error_free(err);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_slot_per_meaning), cmocka_unit_test(times_decide)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
