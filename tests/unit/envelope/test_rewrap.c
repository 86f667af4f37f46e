/* Wrapping stored DEKs anew: the same key under another wrapping, proven before it is stored; the requests it takes;
 * and that nothing is stored when anything fails (spec 1.13). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "base/text.h"
#include "crypto/tink.h"
#include "envelope/kek.h"
#include "envelope/scope.h"
#include "testlib/fake_registry.h"
#include <string.h>

#define DEK "/dek-registry/v1/keks/kek1/deks/s"

static const char *secret = "mysecret";
static const char *conf_of(void *user, const char *scope, const char *type, const char *name) {
    (void)user;
    (void)scope;
    (void)type;
    return strcmp(name, "secret") == 0 ? secret : NULL;
}

typedef struct bench {
    fake_registry_t *fr;
    char *url;
    http_service_t service;
    env_t env;
    dek_spec_t spec;
    int32_t version;
    bool deleted;
    dek_fill_t fill;
    schloss_error_t err;
} bench_t;

static void open_bench(bench_t *b, bool shared) {
    static char url[] = FAKE_REGISTRY_URL;
    memset(b, 0, sizeof(*b));
    secret = "mysecret";
    b->fr = fake_registry_new();
    b->url = url;
    b->service = (http_service_t){.urls = &b->url, .n_urls = 1};
    b->spec =
        (dek_spec_t){.kek = "kek1", .subject = "s", .alg = DEK_AES256_SIV, .conf_scope = "", .conf_type = "ENCRYPT"};
    b->version = 1;
    env_conf_t conf = {.service = &b->service, .conf = conf_of};
    assert_int_equal(env_init(&b->env, &conf, NULL), 0);
    fake_registry_put_local_kek(b->fr, "kek1", "mykey", shared);
    fake_registry_make_dek(b->fr, "kek1", "s", 1, "AES256_SIV", NULL);
    /* the fake registry knows no rewrap */
    fake_registry_fault(b->fr, FAKE_BODY, "?rewrap=true", 1, 0, 200, "{}");
}

static void close_bench(bench_t *b) {
    env_clear(&b->env);
    fake_registry_free(b->fr);
}

static schloss_rc logic(void *arg, io_t *io, schloss_error_t *err) {
    bench_t *b = arg;
    return env_rewrap(&b->env, &b->spec, b->version, b->deleted, &b->fill, io, err);
}

static schloss_rc rewrap(bench_t *b) {
    schloss_transport_t t = fake_registry_transport(b->fr);
    io_t *io = NULL;
    dek_fill_init(&b->fill);
    assert_int_equal(io_new(&io, NULL), 0);
    schloss_rc rc = io_run(io, &t, logic, b, &b->err);
    io_free(io);
    dek_fill_clear(&b->fill);
    return rc;
}

static size_t open_text(const char *text, uint8_t out[128]) {
    uint8_t wrapped[512];
    size_t n = 0, len = 0;
    sr_kek_t kek = {.kms_type = (char *)(uintptr_t) "local-kms", .kms_key_id = (char *)(uintptr_t) "mykey"};
    env_t env = {.conf = {.conf = conf_of}};
    dek_spec_t spec = {.conf_scope = "", .conf_type = "ENCRYPT"};
    kms_scope_t scope = {.env = &env, .spec = &spec, .kek = &kek};
    kms_key_t key = kms_key_of(&scope);
    assert_true(b64_decode(wrapped, &n, (const uint8_t *)text, strlen(text)));
    assert_int_equal(kms_unwrap(&key, NULL, bytes(wrapped, n), out, 128, &len, NULL), 0);
    return len;
}

static void the_same_key_under_another_wrapping(void **state) {
    (void)state;
    size_t before = secret_in_use();
    bench_t b;
    open_bench(&b, false);
    json_t *old = fake_registry_get_dek(b.fr, "kek1", "s", 1, "AES256_SIV");
    const char *old_text = json_string_value(json_object_get(old, "encryptedKeyMaterial"));
    assert_int_equal(rewrap(&b), 0);
    assert_int_equal(fake_registry_n_requests(b.fr), 3);
    assert_string_equal(fake_registry_request(b.fr, 0), "GET /dek-registry/v1/keks/kek1?deleted=false");
    assert_string_equal(fake_registry_request(b.fr, 1), "GET " DEK "/versions/1?algorithm=AES256_SIV&deleted=false");
    assert_string_equal(fake_registry_request(b.fr, 2), "POST " DEK "?rewrap=true");
    json_t *body = json_loads(fake_registry_request_body(b.fr, 2), 0, NULL);
    const char *text = json_string_value(json_object_get(body, "encryptedKeyMaterial"));
    assert_string_equal(json_string_value(json_object_get(body, "subject")), "s");
    assert_string_equal(json_string_value(json_object_get(body, "algorithm")), "AES256_SIV");
    assert_int_equal(json_integer_value(json_object_get(body, "version")), 1);
    assert_true(json_is_false(json_object_get(body, "deleted")));
    assert_string_not_equal(text, old_text);
    uint8_t x[128], y[128];
    size_t n = open_text(old_text, x);
    assert_int_equal(n, TINK_MAX_LEN);
    assert_int_equal(open_text(text, y), n);
    assert_memory_equal(x, y, n);
    json_decref(body);
    json_decref(old);
    close_bench(&b);
    assert_int_equal(secret_in_use(), before);
}

static void soft_deleted_ones_stay_so(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, false);
    fake_registry_delete_dek(b.fr, "kek1", "s", 1, true);
    assert_int_equal(rewrap(&b), SCHLOSS_E_DEK_NOT_FOUND);
    b.deleted = true;
    assert_int_equal(rewrap(&b), 0);
    size_t last = fake_registry_n_requests(b.fr) - 1;
    assert_non_null(strstr(fake_registry_request_body(b.fr, last), "\"deleted\":true"));
    close_bench(&b);
}

static void a_shared_kek_is_the_registrys_work(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, true);
    secret = NULL; /* and no KMS is needed */
    assert_int_equal(rewrap(&b), 0);
    assert_null(strstr(fake_registry_request_body(b.fr, 2), "encryptedKeyMaterial"));
    close_bench(&b);
}

static void nothing_is_stored_when_something_fails(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, false);
    secret = "another";
    assert_int_equal(rewrap(&b), SCHLOSS_E_UNWRAP_FAILED);
    assert_string_equal(b.err.kek, "kek1");
    assert_string_equal(b.err.subject, "s");
    secret = "mysecret";
    b.version = 2;
    assert_int_equal(rewrap(&b), SCHLOSS_E_DEK_NOT_FOUND);
    b.version = 1;
    b.spec.alg = DEK_AES256_GCM;
    assert_int_equal(rewrap(&b), SCHLOSS_E_DEK_NOT_FOUND);
    b.spec.kek = "nokek";
    assert_int_equal(rewrap(&b), SCHLOSS_E_KEK_NOT_FOUND);
    assert_int_equal(fake_registry_count(b.fr, "POST"), 0);
    /* a key of the wrong kind is not carried on */
    b.spec.kek = "kek1";
    json_t *dek = fake_registry_get_dek(b.fr, "kek1", "s", 1, "AES256_SIV");
    json_object_set_new(dek, "algorithm", json_string("AES256_GCM"));
    fake_registry_put_dek(b.fr, dek);
    json_decref(dek);
    assert_int_equal(rewrap(&b), SCHLOSS_E_BAD_KEY);
    assert_int_equal(fake_registry_count(b.fr, "POST"), 0);
    close_bench(&b);

    open_bench(&b, false);
    fake_registry_clear_faults(b.fr);
    fake_registry_fault(b.fr, FAKE_STATUS, "?rewrap=true", 1, 0, 403, NULL);
    assert_int_equal(rewrap(&b), SCHLOSS_E_FORBIDDEN);
    fake_registry_clear_faults(b.fr);
    fake_registry_fault(b.fr, FAKE_STATUS, "?rewrap=true", 1, 0, 404, NULL);
    assert_int_equal(rewrap(&b), SCHLOSS_E_DEK_NOT_FOUND);
    close_bench(&b);
}

/* A KMS that wraps to something that it does not open: the proof finds it. */
static void a_wrapping_that_lies_is_not_stored(void **state) {
    (void)state;
    uint8_t *material = NULL;
    dek_fill_t f;
    dek_fill_init(&f);
    sr_kek_t kek = {.kms_type = (char *)(uintptr_t) "local-kms", .kms_key_id = (char *)(uintptr_t) "mykey"};
    env_t env = {.conf = {.conf = conf_of}};
    dek_spec_t spec = {.subject = "s", .conf_scope = "", .conf_type = "ENCRYPT"};
    kms_scope_t scope = {.env = &env, .spec = &spec, .kek = &kek};
    kms_key_t key = kms_key_of(&scope);
    secret = "mysecret";
    assert_int_equal(secret_alloc(34, (void **)&material, NULL), 0);
    memset(material, 7, 34);
    f.material = material;
    f.material_len = 34;
    assert_int_equal(kms_wrap(&key, NULL, bytes(material, 34), &f.wrapped, NULL), 0);
    material[33] ^= 1;
    schloss_error_t err = {0};
    assert_int_equal(kms_prove(&key, &f, "s", NULL, &err), SCHLOSS_E_WRAP_FAILED);
    assert_false(f.proven);
    assert_true(err.hint[0] != '\0');
    f.material_len = 33;
    assert_int_equal(kms_prove(&key, &f, "s", NULL, &err), SCHLOSS_E_WRAP_FAILED);
    f.material_len = 34;
    material[33] ^= 1;
    assert_int_equal(kms_prove(&key, &f, "s", NULL, &err), 0);
    secret = "gone"; /* proven once: not asked again */
    assert_int_equal(kms_prove(&key, &f, "s", NULL, &err), 0);
    dek_fill_clear(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_under_another_wrapping), cmocka_unit_test(soft_deleted_ones_stay_so),
        cmocka_unit_test(a_shared_kek_is_the_registrys_work),  cmocka_unit_test(nothing_is_stored_when_something_fails),
        cmocka_unit_test(a_wrapping_that_lies_is_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
