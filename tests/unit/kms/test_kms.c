/* kms.c: finding a driver, alternates, which error is raised. Drivers here are the local one; the rest is told by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/metrics.h"
#include "kms/kms.h"

typedef struct conf {
    const char *secret, *alternates;
} conf_t;

static const char *conf_get(void *user, const char *name) {
    const conf_t *c = user;
    return strcmp(name, "secret") == 0                          ? c->secret
           : strcmp(name, "encrypt.alternate.kms.key.ids") == 0 ? c->alternates
                                                                : NULL;
}

static kms_key_t key_of(const char *type, const char *id, conf_t *c) {
    return (kms_key_t){type, id, {conf_get, c}, {0}};
}

static int no_environment(void **state) {
    (void)state;
    return unsetenv("LOCAL_SECRET");
}

static schloss_rc wrap(const kms_key_t *key, buf_t *out, schloss_error_t *err) {
    return kms_wrap(key, NULL, bytes("0123456789abcdef", 16), out, err);
}

static void test_drivers(void **state) {
    (void)state;
    assert_ptr_equal(kms_driver_find("local-kms"), &kms_local);
    assert_ptr_equal(kms_driver_find("LOCAL-KMS"), &kms_local);
    assert_null(kms_driver_find("local-kms2"));
    assert_null(kms_driver_find(""));
    size_t n = 0;
    for (const char *const *t = kms_driver_types(); *t != NULL; t++, n++) {
        assert_non_null(kms_driver_find(*t));
    }
    assert_true(n >= 1);
}

/* spec 8: 83 */
static void test_unknown_type(void **state) {
    (void)state;
    conf_t c = {"s", NULL};
    kms_key_t key = key_of("foo-kms", "bar", &c);
    buf_t out;
    buf_init(&out, 1000, "wrapped", false);
    schloss_error_t err = {0};
    assert_int_equal(wrap(&key, &out, &err), SCHLOSS_E_WRAP_FAILED);
    assert_string_equal(err.message, "No KMS driver supports: foo-kms://bar");
    uint8_t plain[64];
    size_t n = 7;
    assert_int_equal(kms_unwrap(&key, NULL, bytes("x", 1), plain, sizeof plain, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    assert_string_equal(err.message, "No KMS driver supports: foo-kms://bar");
    assert_int_equal(n, 7);
    buf_clear(&out);
}

static void test_wrap_and_unwrap_count(void **state) {
    (void)state;
    conf_t c = {"s", NULL};
    kms_key_t key = key_of("local-kms", "k", &c);
    buf_t out;
    buf_init(&out, 1000, "wrapped", false);
    buf_put_str(&out, "before");
    schloss_error_t err = {0};
    uint64_t calls = metrics_get("kms_calls");
    assert_int_equal(wrap(&key, &out, &err), 0);
    assert_int_equal(out.len, 6 + 16 + 28);
    uint8_t plain[64];
    size_t n = 0;
    assert_int_equal(kms_unwrap(&key, NULL, bytes(out.ptr + 6, out.len - 6), plain, sizeof plain, &n, &err), 0);
    assert_int_equal(n, 16);
    assert_memory_equal(plain, "0123456789abcdef", 16);
    assert_int_equal(metrics_get("kms_calls") - calls, 2);
    buf_clear(&out);
}

/* spec 8: 51 */
static void test_all_alternates_are_tried(void **state) {
    (void)state;
    conf_t c = {NULL, " a ,, b,\tc , "};
    kms_key_t key = key_of("local-kms", "first", &c);
    buf_t out;
    buf_init(&out, 1000, "wrapped", false);
    schloss_error_t err = {0};
    uint64_t calls = metrics_get("kms_calls");
    assert_int_equal(wrap(&key, &out, &err), SCHLOSS_E_WRAP_FAILED);
    assert_int_equal(metrics_get("kms_calls") - calls, 4);
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(err.message, "Failed to encrypt with all KEKs"));
    assert_non_null(strstr(err.message, "local-kms://c")); /* the last one, without blanks around it */
    assert_non_null(strstr(err.hint, "rule.executors._ENCRYPT_.param.secret"));
    uint8_t plain[64];
    uint8_t wrapped[40] = {0};
    size_t n = 0;
    assert_int_equal(kms_unwrap(&key, NULL, bytes(wrapped, 40), plain, sizeof plain, &n, &err),
                     SCHLOSS_E_UNWRAP_FAILED);
    assert_non_null(strstr(err.message, "Failed to decrypt with all KEKs"));
    /* alone, the error speaks for itself */
    c.alternates = " , ";
    assert_int_equal(wrap(&key, &out, &err), SCHLOSS_E_WRAP_FAILED);
    assert_null(strstr(err.message, "all KEKs"));
    buf_clear(&out);
}

static void test_too_many_alternates(void **state) {
    (void)state;
    char list[512];
    for (size_t i = 0; i + 2 < sizeof list; i += 2) {
        memcpy(list + i, "a,", 2);
    }
    list[sizeof list - 2] = '\0';
    conf_t c = {"s", list};
    kms_key_t key = key_of("local-kms", "first", &c);
    buf_t out;
    buf_init(&out, 1000, "wrapped", false);
    assert_int_equal(wrap(&key, &out, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
}

static void test_full_buffer(void **state) {
    (void)state;
    conf_t c = {"s", "alternate"};
    kms_key_t key = key_of("local-kms", "k", &c);
    buf_t out;
    buf_init(&out, 20, "wrapped", false);
    schloss_error_t err = {0};
    uint64_t calls = metrics_get("kms_calls");
    assert_int_equal(wrap(&key, &out, &err), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(metrics_get("kms_calls") - calls, 1); /* another key id does not cure it */
    buf_clear(&out);
}

static void test_no_configuration(void **state) {
    (void)state;
    kms_key_t key = {"local-kms", "k", {NULL, NULL}, {0}};
    buf_t out;
    buf_init(&out, 1000, "wrapped", false);
    assert_int_equal(wrap(&key, &out, NULL), SCHLOSS_E_WRAP_FAILED);
    assert_int_equal(setenv("LOCAL_SECRET", "from the environment", 1), 0);
    assert_int_equal(wrap(&key, &out, NULL), 0);
    buf_clear(&out);
}

#define T(name) cmocka_unit_test_setup(name, no_environment)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_drivers),
        T(test_unknown_type),
        T(test_wrap_and_unwrap_count),
        T(test_all_alternates_are_tried),
        T(test_too_many_alternates),
        T(test_full_buffer),
        T(test_no_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
