/* DEK sets: newest first, bounded, shared by reference, what is replaced is let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "envelope/set.h"
#include <string.h>

static dek_key_t *key_of(int32_t version) {
    static const uint8_t raw[32] = "test-only, 32 bytes of a key ...";
    aead_key_t *aead = NULL;
    dek_key_t *key = NULL;
    assert_int_equal(aead_key_new(&aead, DEK_AES256_GCM, bytes(raw, 32), AEAD_AUTO, NULL), 0);
    assert_int_equal(dek_key_new(&key, aead, version, 5, NULL), 0);
    return key;
}

static dek_set_t *with(dek_set_t *old, int32_t version, bool writing) {
    dek_entry_t e = {.version = version, .key = key_of(version)};
    dek_set_t *s = NULL;
    assert_int_equal(dek_set_with(&s, old, &e, writing, NULL), 0);
    dek_set_unref(old);
    return s;
}

static void newest_first_and_bounded(void **state) {
    (void)state;
    size_t before = secret_in_use();
    dek_set_t *s = NULL;
    for (int32_t v = 1; v <= (int32_t)DEK_SET_MAX + 3; v++) {
        s = with(s, v, false);
        assert_int_equal(s->e[0].version, v);
    }
    assert_int_equal(s->n, DEK_SET_MAX);
    assert_null(dek_set_find(s, 3, false)); /* fetched longest ago */
    assert_int_equal(dek_set_find(s, 4, false)->key->version, 4);
    s = with(s, 4, false); /* replaced, not doubled */
    assert_int_equal(s->n, DEK_SET_MAX);
    assert_int_equal(s->e[0].version, 4);
    dek_set_unref(s);
    assert_int_equal(secret_in_use(), before); /* every key is wiped and gone */
}

static void a_write_set_has_one_entry(void **state) {
    (void)state;
    dek_set_t *s = with(with(NULL, 1, true), 2, true);
    assert_int_equal(s->n, 1);
    assert_int_equal(dek_set_find(s, 77, true)->key->version, 2);
    assert_null(dek_set_find(NULL, 1, true));
    dek_set_unref(s);
    dek_set_unref(NULL);
    dek_key_unref(NULL);
}

static void errors_are_copied_and_old_sets_stay_whole(void **state) {
    (void)state;
    dek_set_t *a = NULL, *b = NULL;
    dek_entry_t bad = {.version = 1, .error = schloss_error_new()}, good = {.version = 2, .key = key_of(2)};
    (void)err_set(bad.error, SCHLOSS_E_KMS_DENIED, "test");
    assert_int_equal(dek_set_with(&a, NULL, &bad, false, NULL), 0);
    assert_int_equal(dek_set_with(&b, a, &good, false, NULL), 0);
    dek_set_unref(a);
    assert_int_equal(schloss_error_code(dek_set_find(b, 1, false)->error), SCHLOSS_E_KMS_DENIED);
    dek_set_unref(b);
}

static void publishing_lets_the_old_set_go(void **state) {
    (void)state;
    size_t before = secret_in_use();
    dek_slot_t slot;
    memset(&slot, 0, sizeof(slot));
    dek_slot_publish(&slot, with(NULL, 1, true));
    dek_slot_publish(&slot, with(NULL, 2, true));
    assert_int_equal(dek_set_find(slot.set, 0, true)->key->version, 2);
    dek_slot_publish(&slot, NULL);
    assert_int_equal(secret_in_use(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_first_and_bounded),
        cmocka_unit_test(a_write_set_has_one_entry),
        cmocka_unit_test(errors_are_copied_and_old_sets_stay_whole),
        cmocka_unit_test(publishing_lets_the_old_set_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
