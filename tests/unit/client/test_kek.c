/* kek.c */
#include "unit/client/canned.h"

#define KEK_PATH "GET /dek-registry/v1/keks/kek1?deleted=false"

static void test_members(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {KEK_PATH, 200,
         "{\"name\":\"kek1\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"mykey\",\"kmsProps\":{\"a\":\"1\",\"b\":null},"
         "\"doc\":\"payments\",\"shared\":true,\"ts\":1754300000123,\"deleted\":true,\"news\":[1]}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_kek_t k = {0};
    assert_int_equal(DRIVE(&c, sr_get_kek(c.io, &c.svc, "kek1", NULL, false, &k, &c.err)), 0);
    assert_string_equal(k.name, "kek1");
    assert_string_equal(k.kms_type, "local-kms");
    assert_string_equal(k.kms_key_id, "mykey");
    assert_string_equal(k.doc, "payments");
    assert_true(k.shared);
    assert_true(k.deleted);
    assert_true(k.ts == 1754300000123);
    assert_int_equal(json_object_size(k.kms_props), 1);
    assert_string_equal(json_string_value(json_object_get(k.kms_props, "a")), "1");
    sr_kek_clear(&k);
    assert_null(k.name);
    sr_kek_clear(&k);
    canned_close(&c);
}

static void test_defaults(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"POST /dek-registry/v1/keks?context=.eu", 200, "{\"kmsType\":\"\",\"kmsKeyId\":\"x\"}"}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_kek_t k = {0};
    assert_int_equal(DRIVE(&c, sr_create_kek(c.io, &c.svc, "kek1", ".eu", "t", "i", &k, &c.err)), 0);
    assert_string_equal(k.name, "kek1");
    assert_string_equal(k.kms_type, "");
    assert_null(k.doc);
    assert_null(k.kms_props);
    assert_false(k.shared || k.deleted);
    sr_kek_clear(&k);
    canned_close(&c);
}

static void test_race(void **state) {
    (void)state;
    canned_answer_t answers[] = {{"POST /dek-registry/v1/keks", 409, "{}"}, {KEK_PATH, 404, "{}"}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_kek_t k = {0};
    assert_int_equal(DRIVE(&c, sr_get_kek(c.io, &c.svc, "kek1", NULL, false, &k, &c.err)), SCHLOSS_ABSENT);
    assert_int_equal(DRIVE(&c, sr_create_kek(c.io, &c.svc, "kek1", NULL, "t", "i", &k, &c.err)), SCHLOSS_E_CONFLICT);
    answers[1].status = 200;
    answers[1].body = "{\"kmsType\":\"t\",\"kmsKeyId\":\"winner\"}";
    assert_int_equal(sr_forget_kek(c.io, "kek1", NULL, true, NULL), 0); /* another call */
    assert_int_equal(DRIVE(&c, sr_get_kek(c.io, &c.svc, "kek1", NULL, false, &k, &c.err)), SCHLOSS_ABSENT);
    assert_int_equal(sr_forget_kek(c.io, "kek1", NULL, false, NULL), 0);
    assert_int_equal(DRIVE(&c, sr_get_kek(c.io, &c.svc, "kek1", NULL, false, &k, &c.err)), 0);
    assert_string_equal(k.kms_key_id, "winner");
    assert_int_equal(c.n_requests, 3);
    sr_kek_clear(&k);
    canned_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
