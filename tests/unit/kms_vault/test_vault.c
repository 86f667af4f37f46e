/* id.c, vault.c, login.c, refused.c: what goes over the wire, and what each answer becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/vault/vault.h"
#include "unit/kms/rest_script.h"

#define BASE "https://vault.test:8200"
#define CIPHERTEXT "vault:v1:d3JhcHBlZA=="
#define ENCRYPTED                                                                                                      \
    { 200, "{\"data\":{\"ciphertext\":\"" CIPHERTEXT "\",\"key_version\":1}}" }
#define DECRYPTED                                                                                                      \
    { 200, "{\"data\":{\"plaintext\":\"" PLAIN_B64 "\"}}" }
#define KEY                                                                                                            \
    { 200, "{\"data\":{\"type\":\"aes256-gcm96\",\"derived\":false,\"supports_encryption\":true}}" }
#define NOT_RENEWABLE                                                                                                  \
    { 400, "{\"errors\":[\"lease is not renewable\"]}" }
#define AUTH(token, seconds)                                                                                           \
    { 200, "{\"auth\":{\"client_token\":\"" token "\",\"lease_duration\":" seconds ",\"renewable\":true}}" }
#define ERRORS(text) "{\"errors\":[\"" text "\"]}"

static int set_up(void **state) {
    script_t *s = script_new(&kms_vault, BASE "/transit/keys/k");
    s->to_unwrap = bytes(CIPHERTEXT, strlen(CIPHERTEXT));
    SETTINGS(s, "token.id", "SECRET-token");
    *state = s;
    return 0;
}

/* spec 8: 81 */
static void test_key_ids(void **state) {
    (void)state;
    vault_id_t id;
    assert_true(vault_id_parse("http://127.0.0.1:8200/transit/keys/my-key", &id));
    assert_string_equal(id.base, "http://127.0.0.1:8200");
    assert_string_equal(id.mount, "transit");
    assert_string_equal(id.name, "my-key");
    assert_true(vault_id_parse("h/mount/a/b/keys/k/", &id));
    assert_string_equal(id.base, "https://h");
    assert_string_equal(id.mount, "mount/a/b");
    assert_string_equal(id.name, "k");
    assert_true(vault_id_parse("https://h/keys/keys/keys", &id));
    assert_string_equal(id.mount, "keys");
    static const char *const bad[] = {"",
                                      "https://h",
                                      "https://h/keys/k",
                                      "https://h/transit/k",
                                      "https://h/transit/keys/",
                                      "https://h/transit/key/k",
                                      "https://u:p@h/transit/keys/k",
                                      "https://h//keys/k",
                                      "https://h/a/../keys/k",
                                      "https://h/t/keys/k?x=1",
                                      "https://h/t/%2e%2E/sys/keys/k",
                                      "https://h/t/.%2e/keys/k",
                                      "https://h/t%2fkeys/keys/k",
                                      "https://h/t%00/keys/k",
                                      "https://h/t%0d%0a/keys/k",
                                      "https://h/t/keys/k%2",
                                      "https://h/t/keys/%zz",
                                      "https://h/t/keys/k#x",
                                      "https://h/t/keys/a b",
                                      "https:///t/keys/k",
                                      "https://h/./keys/k"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(vault_id_parse(bad[i], &id));
    }
    assert_true(vault_is_ciphertext(bytes("vault:v12:AA==", 14)));
    static const char *const none[] = {"",
                                       "vault:v",
                                       "vault:v1",
                                       "vault:v1:",
                                       "vault:vx:AA",
                                       "Vault:v1:AA",
                                       "vault:v1:A A",
                                       "vault:v1:A\"A",
                                       "xvault:v1:AA"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_false(vault_is_ciphertext(bytes(none[i], strlen(none[i]))));
    }
}

/* Spec 8.81. */
/* spec 8: 81 */
static void test_requests(void **state) {
    script_t *s = *state;
    s->key.key_id = BASE "/mount/a/b/keys/k";
    SETTINGS(s, "token.id", "SECRET-token", "namespace", "team/a");
    STEPS(s, NOT_RENEWABLE, KEY, ENCRYPTED);
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 3);
    assert_memory_equal(s->wrapped.ptr, CIPHERTEXT, s->wrapped.len);
    assert_int_equal(s->wrapped.len, strlen(CIPHERTEXT));
    assert_string_equal(s->asked[0].url, BASE "/v1/auth/token/renew-self");
    assert_string_equal(s->asked[1].method, "GET");
    assert_string_equal(s->asked[1].url, BASE "/v1/mount/a/b/keys/k");
    assert_string_equal(s->asked[2].method, "POST");
    assert_string_equal(s->asked[2].url, BASE "/v1/mount/a/b/encrypt/k");
    assert_string_equal(s->asked[2].body, "{\"plaintext\":\"" PLAIN_B64 "\"}");
    assert_non_null(strstr(s->asked[2].headers, "X-Vault-Token: SECRET-token\n"));
    assert_non_null(strstr(s->asked[2].headers, "X-Vault-Namespace: team/a\n"));
    assert_non_null(strstr(s->asked[2].headers, "X-Vault-Request: true\n"));
    STEPS(s, DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(s->asked[0].url, BASE "/v1/mount/a/b/decrypt/k");
    assert_string_equal(s->asked[0].body, "{\"ciphertext\":\"" CIPHERTEXT "\"}");
    assert_int_equal(s->plain_len, 11);
    assert_memory_equal(s->plain, PLAIN, 11);
    SETTINGS(s, "token.id", "SECRET-token", "namespace", "a\r\nX-Evil: 1");
    script_fails(s, false, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "token.id", "SECRET\r\nX-Evil: 1");
    STEPS(s, NOT_RENEWABLE);
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 0);
}

/* The operator's own token is renewed at two thirds of its lease. */
static void test_renewal(void **state) {
    script_t *s = *state;
    STEPS(s, AUTH("SECRET-token", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 2);
    s->now_ms += 199 * 1000;
    STEPS(s, DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 1);
    s->now_ms += 2 * 1000;
    STEPS(s, AUTH("SECRET-token", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->n_asked, 2);
    /* it has worked, so a refusal means that it has expired */
    s->now_ms += 400 * 1000;
    STEPS(s, {403, ERRORS("invalid token")});
    script_fails(s, false, SCHLOSS_E_KMS_EXPIRED);
}

/* spec 8: 81 */
static void test_approle(void **state) {
    script_t *s = *state;
    SETTINGS(s, "approle.role.id", "role", "approle.secret.id", "SECRET \"id\"", "token.id", "other");
    STEPS(s, AUTH("hvs.1", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, BASE "/v1/auth/approle/login");
    assert_string_equal(s->asked[0].body, "{\"role_id\":\"role\",\"secret_id\":\"SECRET \\\"id\\\"\"}");
    assert_null(strstr(s->asked[0].headers, "X-Vault-Token"));
    assert_non_null(strstr(s->asked[1].headers, "X-Vault-Token: hvs.1\n"));
    /* renewed before it ends */
    s->now_ms += 250 * 1000;
    STEPS(s, AUTH("hvs.1", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, BASE "/v1/auth/token/renew-self");
    assert_non_null(strstr(s->asked[0].headers, "X-Vault-Token: hvs.1\n"));
    /* not renewed: a new log-in */
    s->now_ms += 250 * 1000;
    STEPS(s, NOT_RENEWABLE, AUTH("hvs.2", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_non_null(strstr(s->asked[2].headers, "X-Vault-Token: hvs.2\n"));
    /* refused: one new log-in, then the refusal counts */
    STEPS(s, {403, ERRORS("permission denied")}, AUTH("hvs.3", "300"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_non_null(strstr(s->asked[2].headers, "X-Vault-Token: hvs.3\n"));
    STEPS(s, {403, ERRORS("permission denied")}, AUTH("hvs.4", "300"), {403, ERRORS("permission denied")});
    script_fails(s, false, SCHLOSS_E_KMS_DENIED);
    assert_int_equal(s->n_asked, 3);
    STEPS(s, {400, ERRORS("invalid role or secret ID")});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {200, "{\"data\":{}}"});
    script_fails(s, false, SCHLOSS_E_KMS_ANSWER);
    STEPS(s, {503, ERRORS("Vault is sealed")});
    script_fails(s, false, SCHLOSS_E_KMS_BUSY);
    SETTINGS(s, "approle.role.id", "role", "approle.secret.id", "x", "approle.auth.path", "../sys");
    script_fails(s, false, SCHLOSS_E_KMS_CONF);
}

static void test_kubernetes(void **state) {
    script_t *s = *state;
    char path[] = "/tmp/schloss-vault-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    (void)fputs("SECRET.jwt\n", f);
    (void)fclose(f);
    SETTINGS(s, "kubernetes.role", "app", "kubernetes.jwt.file", path, "jwt.auth.path", "k8s/eu");
    STEPS(s, AUTH("hvs.k", "60"), DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, BASE "/v1/auth/k8s/eu/login");
    assert_string_equal(s->asked[0].body, "{\"role\":\"app\",\"jwt\":\"SECRET.jwt\"}");
    /* a KEK alone cannot make the pod's token go somewhere */
    SETTINGS(s, "kubernetes.role", "app");
    script_fails(s, false, SCHLOSS_E_KMS_CONF);
    assert_int_equal(s->n_asked, 0);
    SETTINGS(s, "kubernetes.role", "app", "vault.allowed.urls", BASE);
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS); /* no such file in a test */
    assert_non_null(strstr(s->err.message, "/var/run/secrets/kubernetes.io/serviceaccount/token"));
    SETTINGS(s, "kubernetes.role", "app", "kubernetes.jwt.file", path, "jwt.auth.path", "k8s/eu");
    s->now_ms += 100 * 1000;
    STEPS(s, {400, ERRORS("invalid expiration time (exp) claim: token is expired")});
    script_fails(s, false, SCHLOSS_E_KMS_EXPIRED);
    STEPS(s, {400, ERRORS("invalid issued at (iat) claim: token is issued in the future")});
    script_fails(s, false, SCHLOSS_E_KMS_CLOCK);
    STEPS(s, {404, ERRORS("no handler")});
    script_fails(s, false, SCHLOSS_E_KMS_CONF);
    (void)remove(path);
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
}

/* spec 8: 81 */
static void test_keys(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *body;
        schloss_rc rc;
    } cases[] = {
        {200, "{\"data\":{\"derived\":true}}", SCHLOSS_E_KMS_KEY_TYPE},
        {200, "{\"data\":{\"type\":\"ed25519\",\"supports_encryption\":false}}", SCHLOSS_E_KMS_KEY_TYPE},
        {200, "{\"data\":{\"soft_deleted\":true}}", SCHLOSS_E_KMS_KEY_PENDING},
        {200, "{\"data\":[]}", SCHLOSS_E_KMS_ANSWER},
        {404, "{\"errors\":[]}", SCHLOSS_E_KMS_KEY_UNKNOWN},
        {404, ERRORS("no handler for route"), SCHLOSS_E_KMS_KEY_UNKNOWN},
    };
    STEPS(s, NOT_RENEWABLE, DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        STEPS(s, {cases[i].status, cases[i].body});
        script_fails(s, true, cases[i].rc);
        assert_int_equal(s->n_asked, 1); /* nothing was encrypted, so nothing was made */
    }
    /* the policy denies reading: the operation decides */
    STEPS(s, {403, ERRORS("permission denied")}, ENCRYPTED);
    assert_int_equal(script_run(s, true), 0);
}

/* spec 8: 81 */
static void test_refusals(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *body;
        schloss_rc rc;
    } cases[] = {
        {400, ERRORS("missing 'context' for key derivation"), SCHLOSS_E_KMS_KEY_TYPE},
        {400, ERRORS("encryption key not found"), SCHLOSS_E_KMS_KEY_UNKNOWN},
        {400, ERRORS("ciphertext or signature version is disallowed by policy (too old)"), SCHLOSS_E_KMS_KEY_VERSION},
        {400, ERRORS("key type ed25519 does not support decryption"), SCHLOSS_E_KMS_KEY_TYPE},
        {400, ERRORS("cipher: message authentication failed"), SCHLOSS_E_UNWRAP_FAILED},
        {400, "Client sent an HTTP request to an HTTPS server.", SCHLOSS_E_KMS_CONF},
        {400, ERRORS("key is soft-deleted"), SCHLOSS_E_KMS_KEY_PENDING},
        {403, ERRORS("permission denied"), SCHLOSS_E_KMS_DENIED},
        {404, ERRORS("no handler for route"), SCHLOSS_E_KMS_KEY_UNKNOWN},
        {412, "", SCHLOSS_E_KMS_BUSY},
        {473, "", SCHLOSS_E_KMS_BUSY},
        {302, "", SCHLOSS_E_KMS_ANSWER},
    };
    SETTINGS(s, "token.id", "SECRET-refused");
    STEPS(s, NOT_RENEWABLE, {403, ERRORS("invalid token")});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        STEPS(s, {cases[i].status, cases[i].body});
        script_fails(s, false, cases[i].rc);
        assert_int_equal(s->err.http_status, cases[i].status);
    }
    STEPS(s, {503, ERRORS("Vault is sealed")}, DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    STEPS(s, {503, ERRORS("Vault is sealed")});
    script_fails(s, false, SCHLOSS_E_KMS_BUSY);
    assert_int_equal(s->n_asked, 4);
    STEPS(s, {SCHLOSS_E_TIMEOUT, NULL});
    script_fails(s, false, SCHLOSS_E_TIMEOUT);
    STEPS(s, {SCHLOSS_E_TLS, NULL});
    script_fails(s, false, SCHLOSS_E_TLS);
    static const char *const bad[] = {"",
                                      "<html>",
                                      "{}",
                                      "{\"data\":{}}",
                                      "{\"data\":{\"plaintext\":\"%\"}}",
                                      "{\"data\":{\"plaintext\":\"" PLAIN_B64 "\"}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        STEPS(s, {200, bad[i]});
        script_fails(s, false, SCHLOSS_E_KMS_ANSWER);
    }
    static const char *const bad_wrap[] = {"{\"data\":{}}", "{\"data\":{\"ciphertext\":\"\"}}",
                                           "{\"data\":{\"ciphertext\":\"AAAA\"}}"};
    for (size_t i = 0; i < COUNT_OF(bad_wrap); i++) {
        STEPS(s, KEY, {200, bad_wrap[i]});
        script_fails(s, true, SCHLOSS_E_KMS_ANSWER);
    }
    s->to_unwrap = bytes("nothing of Vault's", 18);
    script_fails(s, false, SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(s->n_asked, 0);
}

static void test_settings(void **state) {
    script_t *s = *state;
    SETTINGS(s, "client.id", "1");
    script_fails(s, true, SCHLOSS_E_KMS_CREDENTIALS);
    SETTINGS(s, "token.id", "t", "ssl.truststore.location", "x.jks");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "token.id", "t", "ssl.key.location", "x.pem");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "token.id", "t", "vault.allowed.urls", BASE "0,https://vault.test");
    script_fails(s, true, SCHLOSS_E_KMS_REGION);
    assert_int_equal(s->n_asked, 0);
    assert_int_equal(setenv("VAULT_ADDR", "https://elsewhere.test:8200", 1), 0); /* whose VAULT_TOKEN is that? */
    SETTINGS(s, "token.id", "t");
    script_fails(s, true, SCHLOSS_E_KMS_REGION);
    assert_int_equal(s->n_asked, 0);
    assert_int_equal(unsetenv("VAULT_ADDR"), 0);
    SETTINGS(s, "token.id", "t", "vault.allowed.urls", "https://a, " BASE "/");
    STEPS(s, NOT_RENEWABLE, DECRYPTED);
    assert_int_equal(script_run(s, false), 0);
    s->key.key_id = "nothing";
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
}

static void test_no_memory(void **state) {
    script_t *s = *state;
    SETTINGS(s, "approle.role.id", "role", "approle.secret.id", "SECRET");
    STEPS(s, AUTH("hvs.1", "300"), KEY, ENCRYPTED);
    script_sweep(s, true);
    STEPS(s, AUTH("hvs.1", "300"), DECRYPTED);
    script_sweep(s, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, script_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_ids), TEST(test_requests), TEST(test_renewal),  TEST(test_approle),
        TEST(test_kubernetes),          TEST(test_keys),     TEST(test_refusals), TEST(test_settings),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
