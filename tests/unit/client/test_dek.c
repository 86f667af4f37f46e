/* dek.c: DEKs, plaintext keys of shared KEKs in secret memory, older servers, lost races. */
#include "unit/client/canned.h"

#include "base/secret.h"

#define DEK_PATH "GET /dek-registry/v1/keks/k/deks/s/versions/1?algorithm=AES256_GCM&deleted=false"

static schloss_rc with(canned_t *c, const char *body, sr_dek_t *d) {
    canned_answer_t answers[] = {{DEK_PATH, 200, body}, {NULL, 0, NULL}};
    canned_open(c, answers);
    schloss_rc rc = DRIVE(c, sr_get_dek(c->io, &c->svc, "k", "s", "AES256_GCM", 1, false, d, &c->err));
    canned_close(c);
    return rc;
}

static void test_members(void **state) {
    (void)state;
    canned_t c;
    sr_dek_t d = {0};
    assert_int_equal(with(&c,
                          " {\"kekName\":\"k\",\"subject\":\"an-alias\",\"version\":7,\"algorithm\":\"AES256_GCM\","
                          "\"encryptedKeyMaterial\":\"AAEC\\/w==\",\"ts\":1754300000456,\"deleted\":true,\"x\":{}} ",
                          &d),
                     0);
    assert_int_equal(d.version, 7);
    assert_true(d.ts == 1754300000456);
    assert_true(d.deleted);
    assert_int_equal(d.wrapped_len, 4);
    assert_memory_equal(d.wrapped, "\x00\x01\x02\xff", 4);
    assert_null(d.material);
    sr_dek_clear(&d);
    assert_null(d.wrapped);
    sr_dek_clear(&d);
}

static void test_plain_key_lies_in_secret_memory(void **state) {
    (void)state;
    static const char *const spellings[] = {"Pz8/QUI=", "Pz8\\/QUI=", "\\u0050z8\\u002FQUI\\u003d", "Pz8/QUI"};
    size_t before = secret_in_use();
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"version\":1,\"ts\":0,\"encryptedKeyMaterial\":\"AA==\",\"keyMaterial\":\"%s\"}",
                       spellings[i]);
        canned_t c;
        sr_dek_t d = {0};
        assert_int_equal(with(&c, body, &d), 0);
        assert_int_equal(d.material_len, 5);
        assert_memory_equal(d.material, "???AB", 5);
        assert_true(secret_contains(d.material));
        assert_int_equal(d.wrapped_len, 1);
        sr_dek_clear(&d);
        assert_int_equal(secret_in_use(), before);
    }
}

static void test_without_material_is_absent(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"version\":1,\"ts\":1}",
        "{\"version\":1,\"ts\":1,\"encryptedKeyMaterial\":null,\"keyMaterial\":null}",
        "{\"version\":1,\"ts\":1,\"encryptedKeyMaterial\":\"\"}",
        "{}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        canned_t c;
        sr_dek_t d = {0};
        assert_int_equal(with(&c, bodies[i], &d), SCHLOSS_ABSENT);
    }
    canned_t c;
    sr_dek_t d = {0};
    assert_int_equal(with(&c, "{\"version\":1,\"ts\":1,\"keyMaterial\":\"AAAA\"}", &d), 0); /* a key all the same */
    assert_null(d.wrapped);
    sr_dek_clear(&d);
}

static void test_bad_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"encryptedKeyMaterial\":1}", "'encryptedKeyMaterial' is no string"},
        {"{\"encryptedKeyMaterial\":\"\\ud800\"}", "'encryptedKeyMaterial' is no valid JSON string"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"ts\":1}", "'version' is missing"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":1}", "'ts' is missing"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":0,\"ts\":1}", "'version' is no integer from 1"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":2147483648,\"ts\":1}", "'version' is no integer from 1"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":\"1\",\"ts\":1}", "'version' is no integer from 1"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":1,\"ts\":-5}", "'ts' is no integer"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":1,\"ts\":1e3}", "'ts' is no integer"},
        {"{\"encryptedKeyMaterial\":\"AA==\",\"version\":1,\"ts\":1,\"deleted\":\"no\"}", "'deleted' is no boolean"},
        {"{\"version\":1,\"ts\":1,\"keyMaterial\":7}", "'keyMaterial' is no string"},
        {"{\"version\":1,\"ts\":1,\"keyMaterial\":\"!!!!\"}", "'keyMaterial' is no base64"},
        {"{\"version\":1,\"ts\":1,\"keyMaterial\":\"AA\\n==\"}", "'keyMaterial' is no base64"},
        {"{\"version\":1,\"ts\":1,\"keyMaterial\":\"AA\\u2028\"}", "'keyMaterial' is no base64"},
    };
    size_t before = secret_in_use();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        canned_t c;
        sr_dek_t d = {0};
        assert_int_equal(with(&c, rows[i].body, &d), SCHLOSS_E_REGISTRY_ANSWER);
        assert_contains(c.err.message, rows[i].says);
        assert_contains(c.err.message, "GET http://r.test/dek-registry/v1/keks/k/deks/s/versions/1");
        assert_string_equal(c.err.kek, "k");
        assert_string_equal(c.err.subject, "s");
        assert_null(d.wrapped);
        assert_int_equal(secret_in_use(), before);
    }
}

static void test_damaged_wrapped_key(void **state) {
    (void)state;
    canned_t c;
    sr_dek_t d = {0};
    assert_int_equal(with(&c, "{\"version\":1,\"ts\":1,\"encryptedKeyMaterial\":\"*\"}", &d), SCHLOSS_E_UNWRAP_FAILED);
    assert_contains(c.err.message, "encryptedKeyMaterial");
}

static void test_oversized_keys(void **state) {
    (void)state;
    size_t n = 200000;
    char *body = test_malloc(n + 200);
    static const char *const members[] = {"encryptedKeyMaterial", "keyMaterial"};
    for (size_t i = 0; i < 2; i++) {
        int at = snprintf(body, 100, "{\"version\":1,\"ts\":1,\"%s\":\"", members[i]);
        memset(body + at, 'A', n);
        memcpy(body + (size_t)at + n, "\"}", 3);
        canned_t c;
        sr_dek_t d = {0};
        assert_int_equal(with(&c, body, &d), SCHLOSS_E_LIMIT_EXCEEDED);
        assert_null(d.wrapped);
    }
    test_free(body);
}

/* spec 8: 30 */
static void test_older_servers(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"POST /dek-registry/v1/keks/k/deks/s", 405, "{\"error_code\":405,\"message\":\"HTTP 405\"}"},
        {"POST /dek-registry/v1/keks/k/deks", 200, "{\"version\":2,\"ts\":5,\"encryptedKeyMaterial\":\"AAEC\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_dek_t d = {0};
    assert_int_equal(DRIVE(&c, sr_create_dek(c.io, &c.svc, "k", "s", "AES256_GCM", 2, bytes("\0\1\2", 3), &d, &c.err)),
                     0);
    assert_int_equal(d.version, 2);
    assert_string_equal(c.log, "POST /dek-registry/v1/keks/k/deks/s\nPOST /dek-registry/v1/keks/k/deks\n");
    sr_dek_clear(&d);
    canned_close(&c);
}

static void test_race(void **state) {
    (void)state;
    canned_answer_t answers[] = {
        {"POST /dek-registry/v1/keks/k/deks/s", 409, "{}"}, {DEK_PATH, 404, "{}"}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_dek_t d = {0};
    assert_int_equal(DRIVE(&c, sr_get_dek(c.io, &c.svc, "k", "s", "AES256_GCM", 1, false, &d, &c.err)), SCHLOSS_ABSENT);
    assert_int_equal(DRIVE(&c, sr_create_dek(c.io, &c.svc, "k", "s", "AES256_GCM", 1, bytes("x", 1), &d, &c.err)),
                     SCHLOSS_E_CONFLICT);
    assert_int_equal(c.err.http_status, 409);
    answers[1].status = 200;
    answers[1].body = "{\"version\":1,\"ts\":5,\"encryptedKeyMaterial\":\"AAEC\"}";
    assert_int_equal(sr_forget_dek(c.io, "k", "s", "AES256_GCM", 1, false, NULL), 0);
    assert_int_equal(DRIVE(&c, sr_get_dek(c.io, &c.svc, "k", "s", "AES256_GCM", 1, false, &d, &c.err)), 0);
    sr_dek_clear(&d);
    canned_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_plain_key_lies_in_secret_memory),
        cmocka_unit_test(test_without_material_is_absent),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_damaged_wrapped_key),
        cmocka_unit_test(test_oversized_keys),
        cmocka_unit_test(test_older_servers),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
