/* local.c: known answers of an official client, and every way in which a secret or a wrapped key can be wrong.
 * Secrets here are for tests only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secret.h"
#include "base/text.h"
#include "crypto/nonce.h"
#include "kms/kms.h"
#include <jansson.h>

static const char *conf_get(void *user, const char *name) {
    return strcmp(name, "secret") == 0 ? user : NULL;
}

static kms_key_t key_with(const char *secret) {
    return (kms_key_t){"local-kms", "mykey", {conf_get, (void *)(uintptr_t)secret}, {0}};
}

static int no_environment(void **state) {
    (void)state;
    return unsetenv("LOCAL_SECRET");
}

static size_t from_b64(uint8_t *out, size_t cap, const json_t *v) {
    size_t n = 0;
    const char *s = json_string_value(v);
    assert_non_null(s);
    assert_true(strlen(s) / 4 * 3 + 3 <= cap);
    assert_true(b64_decode(out, &n, (const uint8_t *)s, strlen(s)));
    return n;
}

static schloss_rc given_nonce(void *user, uint8_t out[12], schloss_error_t *err) {
    (void)err;
    memcpy(out, user, 12);
    return SCHLOSS_OK;
}

/* spec 8: 4 */
static void test_vectors(void **state) {
    (void)state;
    json_t *file = json_load_file(SOURCE_DIR "/tests/vectors/data/kms-local.json", 0, NULL);
    assert_non_null(file);
    const json_t *vectors = json_object_get(file, "vectors");
    assert_true(json_array_size(vectors) >= 27);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *v = json_array_get(vectors, i);
        kms_key_t key = key_with(json_string_value(json_object_get(v, "secret")));
        uint8_t plain[256];
        uint8_t wrapped[256];
        uint8_t iv[32];
        size_t n_plain = from_b64(plain, sizeof plain, json_object_get(v, "keyMaterial"));
        size_t n_wrapped = from_b64(wrapped, sizeof wrapped, json_object_get(v, "encryptedKeyMaterial"));
        assert_int_equal(from_b64(iv, sizeof iv, json_object_get(v, "iv")), 12);

        uint8_t opened[128];
        size_t n = 0;
        schloss_error_t err = {0};
        assert_int_equal(kms_local.unwrap(&key, NULL, bytes(wrapped, n_wrapped), opened, sizeof opened, &n, &err), 0);
        assert_int_equal(n, n_plain);
        assert_memory_equal(opened, plain, n);

        buf_t out;
        buf_init(&out, 1000, "wrapped", false);
        nonce_set_source(given_nonce, iv);
        assert_int_equal(kms_local.wrap(&key, NULL, bytes(plain, n_plain), &out, &err), 0);
        nonce_set_source(NULL, NULL);
        assert_int_equal(out.len, n_wrapped);
        assert_memory_equal(out.ptr, wrapped, n_wrapped);
        buf_clear(&out);
    }
    json_decref(file);
}

static void wrap_ok(const char *secret, buf_t *out) {
    kms_key_t key = key_with(secret);
    buf_init(out, 1000, "wrapped", false);
    assert_int_equal(kms_local.wrap(&key, NULL, bytes("key message", 11), out, NULL), 0);
    assert_int_equal(out->len, 11 + 28);
}

static void test_damage_is_found(void **state) {
    (void)state;
    buf_t w;
    wrap_ok("s", &w);
    kms_key_t key = key_with("s");
    kms_key_t other = key_with("t");
    uint8_t plain[64];
    size_t n = 99;
    schloss_error_t err = {0};
    for (size_t i = 0; i < w.len; i++) {
        w.ptr[i] ^= 1;
        assert_int_equal(kms_local.unwrap(&key, NULL, buf_view(&w), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
        w.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < w.len; len++) {
        assert_int_equal(kms_local.unwrap(&key, NULL, bytes(w.ptr, len), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    }
    assert_int_equal(kms_local.unwrap(&other, NULL, buf_view(&w), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    assert_non_null(strstr(err.hint, "LOCAL_SECRET"));
    assert_null(strstr(err.message, "key message"));
    assert_int_equal(kms_local.unwrap(&key, NULL, buf_view(&w), plain, 10, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(n, 99);
    assert_int_equal(kms_local.unwrap(&key, NULL, buf_view(&w), plain, 11, &n, &err), 0);
    assert_int_equal(n, 11);
    buf_clear(&w);
}

/* spec 8: 52 */
static void test_secret_sources(void **state) {
    (void)state;
    buf_t conf;
    buf_t env;
    kms_key_t none = {"local-kms", "mykey", {NULL, NULL}, {0}};
    kms_key_t unset = key_with(NULL);
    uint8_t plain[64];
    size_t n = 0;
    schloss_error_t err = {0};
    wrap_ok("of the configuration", &conf);
    assert_int_equal(setenv("LOCAL_SECRET", "of the environment", 1), 0);
    wrap_ok(NULL, &env);
    assert_int_equal(kms_local.unwrap(&none, NULL, buf_view(&env), plain, 64, &n, &err), 0);
    assert_int_equal(kms_local.unwrap(&unset, NULL, buf_view(&env), plain, 64, &n, &err), 0);
    assert_int_equal(kms_local.unwrap(&unset, NULL, buf_view(&conf), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    kms_key_t set = key_with("of the configuration");
    assert_int_equal(kms_local.unwrap(&set, NULL, buf_view(&conf), plain, 64, &n, &err), 0);
    kms_key_t empty = key_with(""); /* a secret like any other */
    assert_int_equal(kms_local.unwrap(&empty, NULL, buf_view(&env), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(unsetenv("LOCAL_SECRET"), 0);
    assert_int_equal(kms_local.unwrap(&none, NULL, buf_view(&env), plain, 64, &n, &err), SCHLOSS_E_UNWRAP_FAILED);
    assert_non_null(strstr(err.message, "cannot load the secret of local-kms://mykey"));
    assert_non_null(strstr(err.hint, "rule.executors._ENCRYPT_.param.secret"));
    assert_non_null(strstr(err.hint, "LOCAL_SECRET"));
    buf_t out;
    buf_init(&out, 100, "wrapped", false);
    assert_int_equal(kms_local.wrap(&unset, NULL, bytes("x", 1), &out, &err), SCHLOSS_E_WRAP_FAILED);
    buf_clear(&out);
    buf_clear(&env);
    buf_clear(&conf);
}

static void test_nothing_stays_in_secret_memory(void **state) {
    (void)state;
    size_t before = secret_in_use();
    buf_t w;
    wrap_ok("s", &w);
    assert_int_equal(secret_in_use(), before);
    buf_clear(&w);
}

#define T(name) cmocka_unit_test_setup(name, no_environment)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_vectors),
        T(test_damage_is_found),
        T(test_secret_sources),
        T(test_nothing_stays_in_secret_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
