/* azure.c, token.c, refused.c: what goes over the wire, and what each refusal becomes, with its retry decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/azure/azure.h"
#include "unit/kms/rest_script.h"

#define V1 "0123456789abcdef0123456789abcdef"
#define V2 "ffffffffffffffffffffffffffffffff"
#define VAULT "https://v.vault.azure.net/keys/k"
#define TOKEN                                                                                                          \
    { 200, "{\"access_token\":\"SECRET-token\",\"expires_in\":3600}" }
#define ERROR(text) "{\"error\":{\"code\":\"X\",\"message\":\"" text "\"}}"
#define KEY(kty, enabled)                                                                                              \
    "{\"key\":{\"kid\":\"https://other.example/keys/K/" V1 "\",\"kty\":\"" kty                                         \
    "\"},\"attributes\":{\"enabled\":" enabled "}}"

/* 256 bytes of zeros in base64url without padding, and the answer that carries them. */
static char wrapped_answer[512], other_name[512], other_version[512];

static void answers(void) {
    char value[343];
    memset(value, 'A', 342);
    value[342] = '\0';
    static const char form[] = "{\"kid\":\"https://other.example/keys/%s/%s\",\"value\":\"%s\"}";
    (void)snprintf(wrapped_answer, sizeof wrapped_answer, form, "k", V1, value);
    (void)snprintf(other_name, sizeof other_name, form, "k2", V1, value);
    (void)snprintf(other_version, sizeof other_version, form, "k", V2, value);
}

#define UNWRAPPED "{\"kid\":\"https://v/keys/k/" V1 "\",\"value\":\"a2V5IG1lc3NhZ2U\"}"

static int set_up(void **state) {
    answers();
    script_t *s = script_new(&kms_azure, VAULT "/" V1);
    s->to_unwrap = bytes("wrapped>?", 9);
    SETTINGS(s, "tenant.id", "t 1", "client.id", "app", "client.secret", "SECRET&x");
    *state = s;
    return 0;
}

/* Spec 8.79: RSA-OAEP-256, base64url without padding, versioned URL. */
/* spec 8: 79 */
static void test_requests(void **state) {
    script_t *s = *state;
    STEPS(s, TOKEN, {200, wrapped_answer});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->wrapped.len, 256);
    assert_int_equal(s->n_asked, 2);
    assert_string_equal(s->asked[0].url, "https://login.microsoftonline.com/t%201/oauth2/v2.0/token");
    assert_string_equal(s->asked[0].body, "grant_type=client_credentials&client_id=app&scope="
                                          "https%3A%2F%2Fvault.azure.net%2F.default&client_secret=SECRET%26x");
    assert_string_equal(s->asked[1].url, VAULT "/" V1 "/encrypt?api-version=7.4");
    assert_string_equal(s->asked[1].method, "POST");
    assert_string_equal(s->asked[1].body, "{\"alg\":\"RSA-OAEP-256\",\"value\":\"a2V5IG1lc3NhZ2U\"}");
    assert_non_null(strstr(s->asked[1].headers, "Authorization: Bearer SECRET-token\n"));
    assert_non_null(strstr(s->asked[1].headers, "Content-Type: application/json\n"));
    /* the token is remembered */
    STEPS(s, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(s->asked[0].url, VAULT "/" V1 "/decrypt?api-version=7.4");
    assert_string_equal(s->asked[0].body, "{\"alg\":\"RSA-OAEP-256\",\"value\":\"d3JhcHBlZD4_\"}");
    assert_int_equal(s->plain_len, 11);
    assert_memory_equal(s->plain, PLAIN, 11);
    /* until shortly before it expires */
    s->now_ms += 3590 * 1000;
    STEPS(s, TOKEN, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 2);
}

/* spec 8: 79 */
static void test_version_prefix(void **state) {
    script_t *s = *state;
    s->key.key_id = VAULT;
    STEPS(s, TOKEN, {200, KEY("RSA", "true")}, {200, wrapped_answer});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->wrapped.len, 256);
    assert_string_equal(s->asked[1].url, VAULT "?api-version=7.4");
    assert_string_equal(s->asked[1].method, "GET");
    assert_string_equal(s->asked[2].url, VAULT "/" V1 "/encrypt?api-version=7.4");
    SETTINGS(s, "tenant.id", "t 1", "client.id", "app", "client.secret", "SECRET&x", "encrypt.azure.key.version.save",
             "TRUE");
    STEPS(s, {200, KEY("RSA-HSM", "true")}, {200, wrapped_answer});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->wrapped.len, 42 + 256);
    assert_memory_equal(s->wrapped.ptr, "azure:v1:" V1 ":", 42);
    /* read with the toggle off: the prefix's version, not the id's */
    SETTINGS(s, "tenant.id", "t 1", "client.id", "app", "client.secret", "SECRET&x");
    s->to_unwrap = bytes("azure:v1:" V1 ":wrapped", 49);
    STEPS(s, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, VAULT "/" V1 "/decrypt?api-version=7.4");
    assert_string_equal(s->asked[0].body, "{\"alg\":\"RSA-OAEP-256\",\"value\":\"d3JhcHBlZA\"}");
    STEPS(s, {404, ERROR("not found")});
    script_fails(s, false, SCHLOSS_E_KMS_KEY_VERSION);
    s->to_unwrap = bytes("azure:v1:"
                         "0123456789abcdef0123456789abcde/"
                         ":wrapped",
                         49);
    script_fails(s, false, SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(s->n_asked, 0);
    /* a version that is no hex cannot be saved */
    s->key.key_id = VAULT "/latest";
    SETTINGS(s, "client.id", "app", "encrypt.azure.key.version.save", "true");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    assert_non_null(strstr(s->err.message, "kms key version 'latest' must be a 32-character hex string"));
}

static void test_wrong_keys(void **state) {
    script_t *s = *state;
    STEPS(s, TOKEN, {200, other_name});
    script_fails(s, true, SCHLOSS_E_KMS_WRONG_KEY);
    STEPS(s, {200, other_version});
    script_fails(s, true, SCHLOSS_E_KMS_WRONG_KEY);
    script_fails(s, false, SCHLOSS_E_KMS_WRONG_KEY);
    s->key.key_id = VAULT;
    STEPS(s, {200, "{\"key\":{\"kid\":\"https://v/keys/other/" V1 "\",\"kty\":\"RSA\"}}"});
    script_fails(s, true, SCHLOSS_E_KMS_WRONG_KEY);
    STEPS(s, {200, KEY("EC", "true")});
    script_fails(s, true, SCHLOSS_E_KMS_KEY_TYPE);
    STEPS(s, {200, KEY("RSA", "false")});
    script_fails(s, true, SCHLOSS_E_KMS_KEY_DISABLED);
}

static void test_bad_answers(void **state) {
    script_t *s = *state;
    static const char *const bad[] = {"",
                                      "<html>",
                                      "[]",
                                      "{}",
                                      "{\"kid\":\"" VAULT "/" V1 "\"",
                                      "{\"value\":\"AA\"}",
                                      "{\"kid\":\"nothing\",\"value\":\"AA\"}",
                                      "{\"kid\":7,\"value\":\"AA\"}",
                                      "{\"kid\":\"" VAULT "/" V1 "\",\"value\":\"A+==\"}",
                                      "{\"kid\":\"" VAULT "/" V1 "\",\"value\":\"\"}",
                                      "{\"kid\":\"" VAULT "/" V1 "\",\"value\":\"AAAA\"}"};
    STEPS(s, TOKEN, {200, ""});
    script_fails(s, true, SCHLOSS_E_KMS_ANSWER);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        STEPS(s, {200, bad[i]});
        script_fails(s, true, SCHLOSS_E_KMS_ANSWER);
        assert_int_equal(s->n_asked, 1);
    }
}

static void test_refusals(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *body;
        schloss_rc wrap, unwrap;
    } cases[] = {
        {400, ERROR("The parameter is incorrect."), SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_UNWRAP_FAILED},
        {400, ERROR("not supported for key type EC"), SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE},
        {403, ERROR("Operation is not allowed on a disabled key."), SCHLOSS_E_KMS_KEY_DISABLED,
         SCHLOSS_E_KMS_KEY_DISABLED},
        {403, ERROR("not allowed on an expired key"), SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED},
        {403, ERROR("Operation encrypt is not permitted on this key."), SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE},
        {403, "{\"error\":{\"code\":\"Forbidden\",\"innererror\":{\"code\":\"KeyDisabled\"}}}",
         SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED},
        {403, ERROR("Caller is not authorized"), SCHLOSS_E_KMS_DENIED, SCHLOSS_E_KMS_DENIED},
        {403, "<html>a firewall</html>", SCHLOSS_E_KMS_DENIED, SCHLOSS_E_KMS_DENIED},
        {404, ERROR("A key was not found"), SCHLOSS_E_KMS_KEY_UNKNOWN, SCHLOSS_E_KMS_KEY_UNKNOWN},
        {409, ERROR("being deleted"), SCHLOSS_E_KMS_KEY_PENDING, SCHLOSS_E_KMS_KEY_PENDING},
        {301, "", SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER},
    };
    STEPS(s, TOKEN, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        STEPS(s, {cases[i].status, cases[i].body});
        script_fails(s, true, cases[i].wrap);
        assert_int_equal(s->err.http_status, cases[i].status);
        script_fails(s, false, cases[i].unwrap);
    }
    /* throttled: tried again here, then left to the caller */
    STEPS(s, {429, ERROR("too many requests")}, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    STEPS(s, {429, ERROR("too many requests")});
    script_fails(s, false, SCHLOSS_E_KMS_BUSY);
    assert_int_equal(s->n_asked, 4);
    STEPS(s, {SCHLOSS_E_TIMEOUT, NULL});
    script_fails(s, false, SCHLOSS_E_TIMEOUT);
    STEPS(s, {SCHLOSS_E_TLS, NULL});
    script_fails(s, false, SCHLOSS_E_TLS);
    assert_int_equal(s->n_asked, 1);
}

/* A remembered token that is refused is replaced once. */
static void test_unauthorized(void **state) {
    script_t *s = *state;
    static const struct {
        const char *text;
        schloss_rc rc;
    } cases[] = {{ERROR("IDX10223: The token is expired."), SCHLOSS_E_KMS_EXPIRED},
                 {ERROR("IDX10222: The token is not yet valid."), SCHLOSS_E_KMS_CLOCK},
                 {ERROR("AKV10022: Invalid audience."), SCHLOSS_E_KMS_REGION},
                 {ERROR("AKV10032: Invalid issuer."), SCHLOSS_E_KMS_CREDENTIALS},
                 {"", SCHLOSS_E_KMS_CREDENTIALS}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        STEPS(s, TOKEN, {200, UNWRAPPED});
        assert_int_equal(script_run(s, false), 0);
        STEPS(s, {401, cases[i].text}, TOKEN, {401, cases[i].text});
        script_fails(s, false, cases[i].rc);
        assert_int_equal(s->n_asked, 3);
    }
    STEPS(s, TOKEN, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    STEPS(s, {401, ""}, {200, "{\"access_token\":\"second\",\"expires_in\":\"3600\"}"}, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_non_null(strstr(s->asked[2].headers, "Authorization: Bearer second\n"));
}

static void test_log_in(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *text;
        schloss_rc rc;
    } cases[] = {{401, "AADSTS7000215: Invalid client secret provided.", SCHLOSS_E_KMS_CREDENTIALS},
                 {401, "AADSTS7000222: expired.", SCHLOSS_E_KMS_EXPIRED},
                 {401, "AADSTS700024: not within its valid time range.", SCHLOSS_E_KMS_EXPIRED},
                 {401, "AADSTS500133: not within its valid time range.", SCHLOSS_E_KMS_CLOCK},
                 {400, "AADSTS90002: Tenant not found.", SCHLOSS_E_KMS_CREDENTIALS},
                 {400, "AADSTS500011: resource principal not found.", SCHLOSS_E_KMS_REGION}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        (void)snprintf(body, sizeof body, "{\"error\":\"e\",\"error_description\":\"%s\"}", cases[i].text);
        STEPS(s, {cases[i].status, body});
        script_fails(s, true, cases[i].rc);
    }
    STEPS(s, {503, ""});
    script_fails(s, true, SCHLOSS_E_KMS_BUSY);
    STEPS(s, {200, "{}"});
    script_fails(s, true, SCHLOSS_E_KMS_ANSWER);
    STEPS(s, {200, "{\"access_token\":\"a\\nX-Evil: 1\",\"expires_in\":1}"}, {200, UNWRAPPED});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 1);
    SETTINGS(s, "client.secret", "SECRET");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
}

static void test_managed_identity(void **state) {
    script_t *s = *state;
    SETTINGS(s, "client.id", "user-assigned");
    STEPS(s, {200, "{\"access_token\":\"SECRET-token\",\"expires_in\":\"3599\"}"}, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
                                         "&resource=https%3A%2F%2Fvault.azure.net&client_id=user-assigned");
    assert_non_null(strstr(s->asked[0].headers, "Metadata: true\n"));
    assert_true(s->asked[0].direct);
    assert_false(s->asked[1].direct);
    assert_int_equal(setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi", 1), 0);
    assert_int_equal(setenv("IDENTITY_HEADER", "SECRET-header", 1), 0);
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, "http://127.0.0.1:9/msi?api-version=2019-08-01&resource="
                                         "https%3A%2F%2Fvault.azure.net&client_id=user-assigned");
    assert_non_null(strstr(s->asked[0].headers, "X-IDENTITY-HEADER: SECRET-header\n"));
    assert_int_equal(unsetenv("IDENTITY_HEADER"), 0);
    SETTINGS(s, "client.id", "another");
    STEPS(s, {SCHLOSS_E_CONNECT, NULL});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
}

/* A token goes to domains of Azure only, unless the operator names the resource. */
static void test_foreign_hosts(void **state) {
    script_t *s = *state;
    static const char *const bad[] = {"https://evil.test/keys/k", "http://v.vault.azure.net/keys/k",
                                      "https://v.vault.azure.net.evil.test/keys/k", "nothing"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        s->key.key_id = bad[i];
        script_fails(s, true, SCHLOSS_E_KMS_CONF);
        assert_int_equal(s->n_asked, 0);
    }
    s->key.key_id = "https://own.test/keys/k/" V1;
    SETTINGS(s, "tenant.id", "t", "client.id", "a", "client.secret", "SECRET", "azure.resource.url",
             "https://vault.own.test/", "azure.authority.url", "login.own.test");
    STEPS(s, TOKEN, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, "https://login.own.test/t/oauth2/v2.0/token");
    assert_non_null(strstr(s->asked[0].body, "scope=https%3A%2F%2Fvault.own.test%2F.default"));
    SETTINGS(s, "azure.resource.url", "http://evil.test");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "azure.resource.url", "https://x", "ssl.key.location", "k.pem");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "azure.resource.url", "https://x", "endpoint.timeout.ms", "12x");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
}

/* Who has wrapKey and not encrypt. */
static void test_wrapkey(void **state) {
    script_t *s = *state;
    STEPS(s, TOKEN, {403, ERROR("Caller is not authorized")}, {200, wrapped_answer});
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[2].url, VAULT "/" V1 "/wrapkey?api-version=7.4");
    STEPS(s, {403, ERROR("Caller is not authorized")}, {200, UNWRAPPED});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[1].url, VAULT "/" V1 "/unwrapkey?api-version=7.4");
}

static void test_no_memory(void **state) {
    script_t *s = *state;
    s->key.key_id = VAULT;
    SETTINGS(s, "tenant.id", "t", "client.id", "app", "client.secret", "SECRET", "encrypt.azure.key.version.save",
             "true");
    STEPS(s, TOKEN, {200, KEY("RSA", "true")}, {200, wrapped_answer});
    script_sweep(s, true);
    STEPS(s, TOKEN, {200, KEY("RSA", "true")}, {200, UNWRAPPED});
    script_sweep(s, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, script_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_requests), TEST(test_version_prefix), TEST(test_wrong_keys), TEST(test_bad_answers),
        TEST(test_refusals), TEST(test_unauthorized),   TEST(test_log_in),     TEST(test_managed_identity),
        TEST(test_wrapkey),  TEST(test_foreign_hosts),  TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
