/* request.c: every path and body, exactly as an official client sends them (requests of the vectors). */
#include "unit/client/canned.h"

/* spec 8: 35, 36 */
static void test_paths(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    sr_schema_t *s = NULL;
    sr_kek_t kek = {0};
    sr_dek_t dek = {0};
    char *subject = NULL;
    io_t *io = c.io;
    const http_service_t *svc = &c.svc;
    schloss_error_t *e = &c.err;
    const schloss_rc absent = SCHLOSS_ABSENT;
    assert_int_equal(DRIVE(&c, sr_get_association(io, svc, NULL, "customers", false, &subject, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_association(io, svc, "lkc-1", "a.b_c-\xc3\xbc d", true, &subject, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_latest(io, svc, "customers-value", &s, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_latest(io, svc, ":.eu:orders/x-value", &s, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_by_id(io, svc, 7, "customers-value", &s, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_by_id(io, svc, INT32_MAX, NULL, &s, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_by_guid(io, svc, "79d6e0f7-7b0b-4ed4-8d5c-2f8a8d2b7f59", &s, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_kek(io, svc, "kek1", NULL, false, &kek, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_kek(io, svc, "kek1", ".eu", true, &kek, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_dek(io, svc, "kek1", "customers-value", "AES256_GCM", 1, false, &dek, e)),
                     absent);
    assert_int_equal(DRIVE(&c, sr_get_dek(io, svc, "kek_1-x", "a b%&?#", "AES256_SIV", -1, true, &dek, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_kek(io, svc, "a/ %:\xc3\xbc", NULL, false, &kek, e)), absent);
    assert_int_equal(DRIVE(&c, sr_get_dek(io, svc, "a/ %:\xc3\xbc", "s", "AES256_GCM", 2, true, &dek, e)), absent);
    assert_string_equal(
        c.log,
        "GET /associations/resources/-/customers?resourceType=topic&associationType=value\n"
        "GET /associations/resources/lkc-1/a.b_c-%C3%BC%20d?resourceType=topic&associationType=key\n"
        "GET /subjects/customers-value/versions/latest\n"
        "GET /subjects/%3A.eu%3Aorders%2Fx-value/versions/latest\n"
        "GET /schemas/ids/7?subject=customers-value\n"
        "GET /schemas/ids/2147483647\n"
        "GET /schemas/guids/79d6e0f7-7b0b-4ed4-8d5c-2f8a8d2b7f59\n"
        "GET /dek-registry/v1/keks/kek1?deleted=false\n"
        "GET /dek-registry/v1/keks/kek1?deleted=true&context=.eu\n"
        "GET /dek-registry/v1/keks/kek1/deks/customers-value/versions/1?algorithm=AES256_GCM&deleted=false\n"
        "GET /dek-registry/v1/keks/kek_1-x/deks/a%20b%25%26%3F%23/versions/-1?algorithm=AES256_SIV&deleted=true\n"
        "GET /dek-registry/v1/keks/a%2F%20%25%3A%C3%BC?deleted=false\n"
        "GET /dek-registry/v1/keks/a%2F%20%25%3A%C3%BC/deks/s/versions/2?algorithm=AES256_GCM&deleted=true\n");
    canned_close(&c);
}

static void test_kek_body(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    sr_kek_t kek = {0};
    assert_int_equal(DRIVE(&c, sr_create_kek(c.io, &c.svc, "kek1", NULL, "local-kms", "mykey", &kek, &c.err)),
                     SCHLOSS_ABSENT);
    assert_string_equal(c.body,
                        "{\"name\":\"kek1\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"mykey\",\"shared\":false}");
    assert_int_equal(DRIVE(&c, sr_create_kek(c.io, &c.svc, "kek1", ".eu", "t", "a\"\\\n", &kek, &c.err)),
                     SCHLOSS_ABSENT);
    assert_string_equal(c.body, "{\"name\":\"kek1\",\"kmsType\":\"t\",\"kmsKeyId\":\"a\\\"\\\\\\n\",\"shared\":false}");
    assert_string_equal(c.log, "POST /dek-registry/v1/keks\nPOST /dek-registry/v1/keks?context=.eu\n");
    canned_close(&c);
}

static void test_dek_body(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    sr_dek_t dek = {0};
    assert_int_equal(DRIVE(&c, sr_create_dek(c.io, &c.svc, "kek1", "orders-value", "AES256_GCM", 1,
                                             bytes("\xff\xee\x01\x02", 4), &dek, &c.err)),
                     SCHLOSS_ABSENT);
    assert_string_equal(c.body, "{\"subject\":\"orders-value\",\"version\":1,\"algorithm\":\"AES256_GCM\","
                                "\"encryptedKeyMaterial\":\"/+4BAg==\"}");
    assert_int_equal(DRIVE(&c, sr_create_dek(c.io, &c.svc, "kek1", ":.eu:orders-value", "AES256_SIV", 12,
                                             bytes(NULL, 0), &dek, &c.err)),
                     SCHLOSS_ABSENT);
    assert_string_equal(c.body, "{\"subject\":\":.eu:orders-value\",\"version\":12,\"algorithm\":\"AES256_SIV\"}");
    assert_string_equal(c.log, "POST /dek-registry/v1/keks/kek1/deks/orders-value\n"
                               "POST /dek-registry/v1/keks/kek1/deks/%3A.eu%3Aorders-value\n");
    canned_close(&c);
}

static void test_lookup_body(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    sr_schema_t *s = NULL;
    sr_given_t one = {.text = "\"string\""};
    assert_int_equal(DRIVE(&c, sr_lookup(c.io, &c.svc, "s", &one, &s, &c.err)), SCHLOSS_ABSENT);
    assert_string_equal(c.body, "{\"schema\":\"\\\"string\\\"\",\"schemaType\":\"AVRO\"}");
    schloss_schema_ref_t refs[] = {{"a.B", "sub", 2}, {"a.C", "other", 1}};
    sr_given_t two = {.text = "1", .refs = refs, .n_refs = 2, .normalize = true};
    assert_int_equal(DRIVE(&c, sr_lookup(c.io, &c.svc, "s", &two, &s, &c.err)), SCHLOSS_ABSENT);
    assert_string_equal(c.body, "{\"schema\":\"1\",\"schemaType\":\"AVRO\",\"references\":["
                                "{\"name\":\"a.B\",\"subject\":\"sub\",\"version\":2},"
                                "{\"name\":\"a.C\",\"subject\":\"other\",\"version\":1}]}");
    assert_string_equal(c.log, "POST /subjects/s?normalize=false&deleted=false\n"
                               "POST /subjects/s?normalize=true&deleted=false\n");
    canned_close(&c);
}

static void test_path_is_limited(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    size_t n = (size_t)100 * 1024;
    char *subject = test_malloc(n + 1);
    memset(subject, 'x', n);
    subject[n] = '\0';
    sr_schema_t *s = NULL;
    assert_int_equal(sr_get_latest(c.io, &c.svc, subject, &s, &c.err), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_contains(c.err.message, "request path");
    test_free(subject);
    canned_close(&c);
}

/* spec 8: 35 */
static void test_context_of(void **state) {
    (void)state;
    static const struct {
        const char *subject, *context;
    } rows[] = {{":.eu:orders", ".eu"}, {":.eu", ".eu"},  {":.eu:", ".eu"}, {":.eu:a:b", ".eu"}, {":.:orders", NULL},
                {":.", NULL},           {"orders", NULL}, {"", NULL},       {":x:orders", NULL}, {":*:orders", NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *c = sr_context_of(rows[i].subject);
        if (rows[i].context == NULL) {
            assert_null(c);
        } else {
            assert_non_null(c);
            assert_string_equal(c, rows[i].context);
        }
        mem_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),       cmocka_unit_test(test_kek_body),        cmocka_unit_test(test_dek_body),
        cmocka_unit_test(test_lookup_body), cmocka_unit_test(test_path_is_limited), cmocka_unit_test(test_context_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
