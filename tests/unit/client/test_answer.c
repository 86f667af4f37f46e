/* answer.c: statuses, error bodies, bodies that are not what they must be. */
#include "unit/client/canned.h"

static schloss_rc kek_with(canned_t *c, int status, const char *body) {
    canned_answer_t answers[] = {{NULL, status, body}, {NULL, 0, NULL}};
    canned_open(c, answers);
    sr_kek_t kek = {0};
    schloss_rc rc = DRIVE(c, sr_get_kek(c->io, &c->svc, "k", NULL, false, &kek, &c->err));
    assert_null(kek.name);
    canned_close(c);
    return rc;
}

/* spec 8: 46 */
static void test_statuses(void **state) {
    (void)state;
    static const struct {
        int status;
        schloss_rc rc;
    } rows[] = {
        {400, SCHLOSS_E_REGISTRY_STATUS}, {401, SCHLOSS_E_UNAUTHENTICATED}, {403, SCHLOSS_E_FORBIDDEN},
        {405, SCHLOSS_E_REGISTRY_STATUS}, {408, SCHLOSS_E_REGISTRY_BUSY},   {409, SCHLOSS_E_CONFLICT},
        {422, SCHLOSS_E_REGISTRY_STATUS}, {429, SCHLOSS_E_REGISTRY_BUSY},   {500, SCHLOSS_E_REGISTRY_BUSY},
        {501, SCHLOSS_E_REGISTRY_BUSY},   {503, SCHLOSS_E_REGISTRY_BUSY},   {599, SCHLOSS_E_REGISTRY_BUSY},
        {301, SCHLOSS_E_REGISTRY_STATUS}, {100, SCHLOSS_E_REGISTRY_STATUS}, {600, SCHLOSS_E_REGISTRY_STATUS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        canned_t c;
        char said[64];
        (void)snprintf(said, sizeof said, "HTTP %d, error_code 42271, registry says: no", rows[i].status);
        assert_int_equal(kek_with(&c, rows[i].status, "{\"error_code\":42271,\"message\":\"no\"}"), rows[i].rc);
        assert_contains(c.err.message, said);
        assert_contains(c.err.message, "GET http://r.test/dek-registry/v1/keks/k");
        assert_string_equal(c.err.url, "http://r.test/dek-registry/v1/keks/k");
        assert_string_equal(c.err.kek, "k");
        assert_int_equal(c.err.http_status, rows[i].status);
        assert_int_equal(c.err.rest_code, 42271);
    }
    canned_t c;
    assert_int_equal(kek_with(&c, 404, "<html>"), SCHLOSS_ABSENT);
    assert_int_equal(c.err.code, 0);
}

static void test_hints(void **state) {
    (void)state;
    canned_t c;
    (void)kek_with(&c, 401, "");
    assert_contains(c.err.hint, "basic.auth.user.info");
    (void)kek_with(&c, 302, "");
    assert_contains(c.err.hint, "redirects");
    (void)kek_with(&c, 503, "");
    assert_contains(c.err.hint, "max.retries");
}

static void test_error_bodies_that_are_none(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "<html>no</html>",
        "[]",
        "{",
        "{}",
        "null",
        "{\"error_code\":\"x\",\"message\":7}",
        "{\"error_code\":1e3,\"message\":null}",
        "{\"error_code\":99999999999999999999}",
        "{\"error_code\":-1}",
        "{\"message\":\"\\ud800\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        canned_t c;
        assert_int_equal(kek_with(&c, 422, bodies[i]), SCHLOSS_E_REGISTRY_STATUS);
        assert_int_equal(c.err.rest_code, 0);
        assert_contains(c.err.message, "HTTP 422");
    }
}

static void test_remote_text_is_tamed(void **state) {
    (void)state;
    char body[4000] = "{\"message\":\"\\u001b[31m\\nline\\u0000";
    size_t n = strlen(body);
    memset(body + n, 'A', 3000);
    memcpy(body + n + 3000, "\"}", 3);
    canned_t c;
    assert_int_equal(kek_with(&c, 422, body), SCHLOSS_E_REGISTRY_STATUS);
    assert_null(strchr(c.err.message, '\x1b'));
    assert_null(strchr(c.err.message, '\n'));
    assert_contains(c.err.message, "line");
    assert_true(strlen(c.err.message) < 400);
}

static void test_bodies_that_are_not_kek(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"", "answer of GET http://r.test/dek-registry/v1/keks/k"},
        {"garbage", "body"},
        {"[]", "not a JSON object"},
        {"\"x\"", "not a JSON object"},
        {"{\"kmsType\":\"t\"}", "'kmsKeyId' is missing"},
        {"{\"kmsKeyId\":\"i\"}", "'kmsType' is missing"},
        {"{\"kmsType\":null,\"kmsKeyId\":\"i\"}", "'kmsType' is missing"},
        {"{\"kmsType\":1,\"kmsKeyId\":\"i\"}", "'kmsType' is no string"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":{}}", "'kmsKeyId' is no string"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"name\":[]}", "'name' is no string"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"doc\":true}", "'doc' is no string"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"shared\":\"true\"}", "'shared' is no boolean"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"deleted\":0}", "'deleted' is no boolean"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"ts\":-1}", "'ts' is no integer"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"ts\":1.5}", "'ts' is no integer"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"kmsProps\":[]}", "'kmsProps' is no object"},
        {"{\"kmsType\":\"t\",\"kmsKeyId\":\"i\",\"kmsProps\":{\"a\":1}}", "'kmsProps' is no string"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        canned_t c;
        assert_int_equal(kek_with(&c, 200, rows[i].body), SCHLOSS_E_REGISTRY_ANSWER);
        assert_contains(c.err.message, rows[i].says);
        assert_string_equal(c.err.url, "http://r.test/dek-registry/v1/keks/k");
        assert_int_equal(c.err.http_status, 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_error_bodies_that_are_none),
        cmocka_unit_test(test_remote_text_is_tamed),
        cmocka_unit_test(test_bodies_that_are_not_kek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
