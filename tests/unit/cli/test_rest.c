/* REST calls: paths, bodies, what becomes of each kind of answer. Over a scripted transport. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/rest.c"
#include "cli/settings.c"

void stop_deadline(unsigned seconds) {
    (void)seconds;
}

static struct {
    int status;
    const char *answer;
    char url[256], method[8], body[256], authorization[64];
    unsigned calls;
} script;
static rest_t r;
static schloss_error_t err;

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *e) {
    (void)user;
    (void)e;
    script.calls++;
    if (strcmp(req->url, "http://issuer.test/token") == 0) {
        static const char token[] = "{\"access_token\":\"tok\",\"expires_in\":3600}";
        memset(out, 0, sizeof(*out));
        out->status = 200;
        out->body = (uint8_t *)(uintptr_t)token;
        out->body_len = strlen(token);
        return SCHLOSS_OK;
    }
    script.authorization[0] = '\0';
    for (size_t i = 0; i < req->n_headers; i++) {
        if (strcmp(req->headers[i].name, "Authorization") == 0) {
            (void)snprintf(script.authorization, sizeof(script.authorization), "%s", req->headers[i].value);
        }
    }
    (void)snprintf(script.url, sizeof(script.url), "%s", req->url);
    (void)snprintf(script.method, sizeof(script.method), "%s", req->method);
    (void)snprintf(script.body, sizeof(script.body), "%.*s", (int)req->body.len, (const char *)req->body.ptr);
    assert_true(req->sensitive);
    memset(out, 0, sizeof(*out));
    out->status = script.status;
    out->body = (uint8_t *)(uintptr_t)script.answer;
    out->body_len = strlen(script.answer);
    return SCHLOSS_OK;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    (void)out;
}

static int set_up(void **state) {
    (void)state;
    memset(&script, 0, sizeof(script));
    memset(&err, 0, sizeof(err));
    schloss_transport_t t = {sizeof(t), NULL, perform, release, NULL};
    schloss_conf_t *conf = schloss_conf_new();
    assert_non_null(conf);
    assert_int_equal(schloss_conf_set(conf, "schema.registry.url", "http://r.test/base", NULL), 0);
    assert_int_equal(schloss_conf_set(conf, "max.retries", "0", NULL), 0);
    r.timeout_s = 5;
    assert_int_equal(schloss_client_new(conf, &t, &r.client, NULL), 0);
    schloss_conf_free(conf);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rest_close(&r);
    return 0;
}

static schloss_rc call(int status, const char *answer, json_t **out) {
    script.status = status;
    script.answer = answer;
    return rest_ask(&r, "GET", "/x", NULL, out, &err);
}

/* A token that is fetched goes with these calls, too. */
static void test_bearer_tokens(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"schema.registry.url", "http://r.test/base"},
                                           {"bearer.auth.credentials.source", "OAUTHBEARER"},
                                           {"bearer.auth.issuer.endpoint.url", "http://issuer.test/token"},
                                           {"bearer.auth.client.id", "me"},
                                           {"bearer.auth.client.secret", "s"}};
    schloss_transport_t t = {sizeof(t), NULL, perform, release, NULL};
    schloss_conf_t *conf = schloss_conf_new();
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        assert_int_equal(schloss_conf_set(conf, pairs[i][0], pairs[i][1], NULL), 0);
    }
    rest_close(&r);
    assert_int_equal(schloss_client_new(conf, &t, &r.client, &err), 0);
    schloss_conf_free(conf);
    json_t *out = NULL;
    assert_int_equal(call(200, "[]", &out), 0);
    json_decref(out);
    assert_string_equal(script.authorization, "Bearer tok");
    assert_int_equal(script.calls, 2);
}

static void test_values_are_escaped(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 1000, "path", false);
    const char *values[] = {"a/b %?&\xc3\xbc", "latest"};
    rest_path(&b, "/subjects/%/versions/%?deleted=true", values);
    assert_string_equal(buf_cstr(&b), "/subjects/a%2Fb%20%25%3F%26%C3%BC/versions/latest?deleted=true");
    buf_clear(&b);
}

static void test_a_body_is_sent_and_an_answer_read(void **state) {
    (void)state;
    json_t *body = json_pack("{s:s}", "name", "k");
    json_t *out = NULL;
    script.status = 200;
    script.answer = "{\"id\":7}";
    assert_int_equal(rest_ask(&r, "POST", "/subjects/s/versions", body, &out, &err), 0);
    assert_string_equal(script.url, "http://r.test/base/subjects/s/versions");
    assert_string_equal(script.method, "POST");
    assert_string_equal(script.body, "{\"name\":\"k\"}");
    assert_int_equal(json_integer_value(json_object_get(out, "id")), 7);
    json_decref(out);
    json_decref(body);
}

static void test_no_content(void **state) {
    (void)state;
    json_t *out = (json_t *)1;
    assert_int_equal(call(204, "", &out), 0);
    assert_null(out);
    assert_int_equal(call(200, "[1]", NULL), 0);
}

static void test_key_material_disappears(void **state) {
    (void)state;
    json_t *out = NULL;
    assert_int_equal(call(200, "{\"a\":1,\"keyMaterial\":\"c2VjcmV0\",\"encryptedKeyMaterial\":\"eA==\"}", &out), 0);
    assert_null(json_object_get(out, "keyMaterial"));
    assert_non_null(json_object_get(out, "encryptedKeyMaterial"));
    json_decref(out);
    buf_t b;
    buf_init(&b, 1000, "body", true);
    buf_put_str(&b, "{\"keyMaterial\":\"c2VjcmV0\"}");
    blank_key_material(&b);
    assert_string_equal(buf_cstr(&b), "{\"keyMaterial\":\"********\"}");
    buf_clear(&b);
}

static void test_statuses(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *answer;
        schloss_rc rc;
        const char *hint;
    } cases[] = {
        {404, "{\"error_code\":40470,\"message\":\"Key 'k' not found\"}", SCHLOSS_E_SCHEMA_NOT_FOUND, "kek list"},
        {404, "nothing here", SCHLOSS_E_REGISTRY_STATUS, "Schema Registry"},
        {409, "{\"error_code\":40971,\"message\":\"exists\"}", SCHLOSS_E_CONFLICT, "another name"},
        {401, "{\"error_code\":401,\"message\":\"Unauthorized\"}", SCHLOSS_E_UNAUTHENTICATED, "SCHLOSS_BASIC_AUTH"},
        {403, "{\"error_code\":40301,\"message\":\"denied\"}", SCHLOSS_E_FORBIDDEN, "right"},
        {403, "{\"error_code\":40370,\"message\":\"denied\"}", SCHLOSS_E_KMS_DENIED, "KMS"},
        {422, "{\"error_code\":42272,\"message\":\"references\"}", SCHLOSS_E_REGISTRY_STATUS, "DEKs"},
        {500, "{\"error_code\":50070,\"message\":\"kms\"}", SCHLOSS_E_REGISTRY_BUSY, "KMS"},
        {503, "", SCHLOSS_E_REGISTRY_BUSY, "log"},
        {302, "", SCHLOSS_E_REGISTRY_STATUS, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *out = NULL;
        assert_int_equal(call(cases[i].status, cases[i].answer, &out), cases[i].rc);
        assert_null(out);
        assert_int_equal(err.http_status, cases[i].status);
        assert_non_null(strstr(err.hint, cases[i].hint));
        assert_string_not_equal(err.message, "");
        assert_non_null(strstr(err.url, "http://r.test/base/x"));
    }
}

static void test_hostile_answers(void **state) {
    (void)state;
    json_t *out = NULL;
    assert_int_equal(call(200, "{\"a\":", &out), SCHLOSS_E_REGISTRY_ANSWER);
    assert_null(out);
    assert_int_equal(call(422, "{\"error_code\":1e99,\"message\":7}", &out), SCHLOSS_E_REGISTRY_STATUS);
    assert_int_equal(err.rest_code, 0);
    assert_int_equal(call(422, "{\"error_code\":-5,\"message\":\"a\\u001b[0m\\nb\"}", &out), SCHLOSS_E_REGISTRY_STATUS);
    assert_int_equal(err.rest_code, 0);
    assert_null(strchr(err.message, '\x1b'));
    assert_null(strchr(err.message, '\n'));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_values_are_escaped), T(test_a_body_is_sent_and_an_answer_read),
        T(test_no_content),         T(test_key_material_disappears),
        T(test_bearer_tokens),      T(test_statuses),
        T(test_hostile_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
