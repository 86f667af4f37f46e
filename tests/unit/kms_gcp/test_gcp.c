/* gcp.c, token.c, jwt.c, creds.c, crc32c.c, refused.c: what goes over the wire, and what each answer becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/text.h"
#include "kms/gcp/gcp.h"
#include "unit/kms/rest_script.h"
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define KEY "projects/p/locations/l/keyRings/r/cryptoKeys/k"
#define URL "https://cloudkms.googleapis.com/v1/" KEY
/* Answers with the checksums that fit, and with ones that do not: filled in by group_up. */
static char encrypted[512], decrypted[256], other_key[512], other_crc[512], not_verified[512], bad_plain[256];
static char pem[4096], pem_escaped[8192];
static EVP_PKEY *signer;

static void make_key(void) {
    signer = EVP_RSA_gen(2048);
    assert_non_null(signer);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, signer, NULL, NULL, 0, NULL, NULL), 1);
    int n = BIO_read(bio, pem, sizeof pem - 1);
    assert_true(n > 0);
    pem[n] = '\0';
    BIO_free(bio);
    char *to = pem_escaped;
    for (const char *p = pem; *p != '\0'; p++) {
        if (*p == '\n') {
            *to++ = '\\';
        }
        *to++ = (char)(*p == '\n' ? 'n' : *p);
    }
    *to = '\0';
}

static int group_up(void **state) {
    (void)state;
    unsigned long w = gcp_crc32c(bytes("wrapped", 7));
    unsigned long p = gcp_crc32c(bytes(PLAIN, 11));
    static const char form[] = "{\"name\":\"%s/cryptoKeyVersions/3\",\"ciphertext\":\"d3JhcHBlZA==\","
                               "\"ciphertextCrc32c\":\"%lu\",\"verifiedPlaintextCrc32c\":%s}";
    (void)snprintf(encrypted, sizeof encrypted, form, KEY, w, "true");
    (void)snprintf(other_key, sizeof other_key, form, KEY "2", w, "true");
    (void)snprintf(other_crc, sizeof other_crc, form, KEY, w + 1, "true");
    (void)snprintf(not_verified, sizeof not_verified, form, KEY, w, "false");
    static const char plain[] = "{\"plaintext\":\"" PLAIN_B64 "\",\"plaintextCrc32c\":\"%lu\"}";
    (void)snprintf(decrypted, sizeof decrypted, plain, p);
    (void)snprintf(bad_plain, sizeof bad_plain, plain, p ^ 1);
    make_key();
    return 0;
}

static int group_down(void **state) {
    (void)state;
    EVP_PKEY_free(signer);
    return 0;
}

static int set_up(void **state) {
    script_t *s = script_new(&kms_gcp, KEY);
    s->to_unwrap = bytes("wrapped", 7);
    SETTINGS(s, "client.email", "me@p", "private.key.id", "kid1", "private.key", pem, "client.id", "1");
    *state = s;
    return 0;
}

/* spec 8: 80 */
static void test_crc32c_v19(void **state) {
    (void)state;
    static const uint8_t dek[34] = {0x1a, 0x20, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                    15,   16,   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    assert_int_equal(gcp_crc32c(bytes("123456789", 9)), 3808858755u);
    assert_int_equal(gcp_crc32c(bytes(dek, sizeof dek)), 2175832278u);
    assert_int_equal(gcp_crc32c(bytes(NULL, 0)), 0);
}

/* Spec 8.80: URL, checksums, no associated data. */
/* spec 8: 80 */
static void test_requests(void **state) {
    script_t *s = *state;
    char body[512];
    STEPS(s, {200, encrypted});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 1);
    assert_int_equal(s->wrapped.len, 7);
    assert_memory_equal(s->wrapped.ptr, "wrapped", 7);
    assert_string_equal(s->asked[0].method, "POST");
    assert_string_equal(s->asked[0].url, URL ":encrypt");
    (void)snprintf(body, sizeof body,
                   "{\"plaintext\":\"" PLAIN_B64 "\",\"plaintextCrc32c\":\"%lu\",\"additionalAuthenticatedData\":\"\","
                   "\"additionalAuthenticatedDataCrc32c\":\"0\"}",
                   (unsigned long)gcp_crc32c(bytes(PLAIN, 11)));
    assert_string_equal(s->asked[0].body, body);
    STEPS(s, {200, decrypted});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, URL ":decrypt");
    assert_int_equal(s->plain_len, 11);
    assert_memory_equal(s->plain, PLAIN, 11);
    SETTINGS(s, "client.email", "me@p", "private.key.id", "kid1", "private.key", pem, "gcp.endpoint.url",
             "https://restricted.googleapis.test/");
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url, "https://restricted.googleapis.test/v1/" KEY ":decrypt");
}

static void part(const char *jwt, unsigned n, buf_t *out) {
    for (; n > 0; n--) {
        jwt = strchr(jwt, '.') + 1;
    }
    size_t len = strcspn(jwt, ".\n");
    char text[4096];
    assert_true(len < sizeof text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)(jwt[i] == '-' ? '+' : jwt[i] == '_' ? '/' : jwt[i]);
    }
    size_t got = 0;
    buf_reset(out);
    assert_true(buf_reserve(out, len + 3));
    assert_true(b64_decode(out->ptr, &got, (const uint8_t *)text, len));
    out->len = got;
}

static void check_signature(const char *jwt, bytes_t signature) {
    size_t n = (size_t)(strrchr(jwt, '.') - jwt);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, signer), 1);
    assert_int_equal(EVP_DigestVerify(ctx, signature.ptr, signature.len, (const uint8_t *)jwt, n), 1);
    EVP_MD_CTX_free(ctx);
}

/* Both ways of writing a private key; claims; the signature is right. */
/* spec 8: 80 */
static void test_self_signed(void **state) {
    script_t *s = *state;
    for (int i = 0; i < 2; i++) {
        SETTINGS(s, "client.email", "me@p", "private.key.id", "kid1", "private.key", i == 0 ? pem : pem_escaped);
        STEPS(s, {200, decrypted});
        assert_int_equal(script_run(s, false), 0);
        char *jwt = strstr(s->asked[0].headers, "Authorization: Bearer ");
        assert_non_null(jwt);
        jwt += strlen("Authorization: Bearer ");
        jwt[strcspn(jwt, "\n")] = '\0';
        buf_t b;
        buf_init(&b, 8192, "JWT", false);
        part(jwt, 0, &b);
        assert_string_equal(buf_cstr(&b), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid1\"}");
        part(jwt, 1, &b);
        char claims[512];
        long long iat = (long long)(s->now_ms / 60000 * 60);
        (void)snprintf(claims, sizeof claims,
                       "{\"iss\":\"me@p\",\"sub\":\"me@p\",\"scope\":\"https://www.googleapis.com/auth/cloudkms\","
                       "\"iat\":%lld,\"exp\":%lld}",
                       iat, iat + 3600);
        assert_string_equal(buf_cstr(&b), claims);
        part(jwt, 2, &b);
        check_signature(jwt, buf_view(&b));
        buf_clear(&b);
    }
    SETTINGS(s, "client.email", "me@p", "private.key.id", "kid1", "private.key", "SECRET no PEM");
    script_fails(s, true, SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 0);
    SETTINGS(s, "private.key.id", "kid1", "private.key", pem);
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
    SETTINGS(s, "account.type", "external_account");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
}

/* spec 8: 80 */
static void test_answers(void **state) {
    script_t *s = *state;
    STEPS(s, {200, other_key});
    script_fails(s, true, SCHLOSS_E_KMS_WRONG_KEY);
    const char *const bad_wrap[] = {other_crc,
                                    not_verified,
                                    "",
                                    "<html>",
                                    "{}",
                                    "[1]",
                                    "{\"name\":\"" KEY "\"}",
                                    "{\"name\":\"" KEY "\",\"verifiedPlaintextCrc32c\":true,\"ciphertext\":\"AAAA\"}",
                                    "{\"name\":\"" KEY "\",\"verifiedPlaintextCrc32c\":true,\"ciphertext\":\"-_\"}"};
    for (size_t i = 0; i < COUNT_OF(bad_wrap); i++) {
        STEPS(s, {200, bad_wrap[i]});
        script_fails(s, true, SCHLOSS_E_KMS_ANSWER);
        assert_int_equal(s->wrapped.len, 0);
    }
    const char *const bad_unwrap[] = {bad_plain, "{\"plaintext\":\"" PLAIN_B64 "\"}", "{\"plaintext\":\"\"}",
                                      "{\"plaintext\":\"AAAA\",\"plaintextCrc32c\":\"-1\"}"};
    for (size_t i = 0; i < COUNT_OF(bad_unwrap); i++) {
        STEPS(s, {200, bad_unwrap[i]});
        script_fails(s, false, SCHLOSS_E_KMS_ANSWER);
        assert_int_equal(s->plain_len, 0);
    }
}

#define ERROR(status, text) "{\"error\":{\"code\":1,\"status\":\"" status "\",\"message\":\"" text "\"}}"
#define STATE(state) ERROR("FAILED_PRECONDITION", "it is not enabled, current state is: " state ".")

static void test_refusals(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *body;
        schloss_rc rc;
    } cases[] = {
        {400, STATE("DISABLED"), SCHLOSS_E_KMS_KEY_DISABLED},
        {400, STATE("DESTROYED"), SCHLOSS_E_KMS_KEY_DELETED},
        {400, STATE("DESTROY_SCHEDULED"), SCHLOSS_E_KMS_KEY_PENDING},
        {400, STATE("PENDING_IMPORT"), SCHLOSS_E_KMS_KEY_PENDING},
        {400, STATE("?"), SCHLOSS_E_KMS_KEY_VERSION},
        {400,
         "{\"error\":{\"status\":\"FAILED_PRECONDITION\",\"details\":[1,{\"violations\":[{\"type\":\"KEY_DISABLED\"}]}]"
         "}}",
         SCHLOSS_E_KMS_KEY_DISABLED},
        {400, ERROR("FAILED_PRECONDITION", "wrong purpose"), SCHLOSS_E_KMS_KEY_TYPE},
        {400, ERROR("INVALID_ARGUMENT", "The request concerns location 'a'"), SCHLOSS_E_KMS_REGION},
        {400, ERROR("INVALID_ARGUMENT", "purpose"), SCHLOSS_E_KMS_KEY_TYPE},
        {400, ERROR("INVALID_ARGUMENT", "Decryption failed: verify"), SCHLOSS_E_UNWRAP_FAILED},
        {400, "", SCHLOSS_E_KMS_CONF},
        {401, ERROR("UNAUTHENTICATED", "invalid credentials"), SCHLOSS_E_KMS_CREDENTIALS},
        {401, ERROR("UNAUTHENTICATED", "Check your iat and exp values"), SCHLOSS_E_KMS_CLOCK},
        {401, "{\"error\":{\"details\":[{\"reason\":\"ACCESS_TOKEN_EXPIRED\"}]}}", SCHLOSS_E_KMS_EXPIRED},
        {403, ERROR("PERMISSION_DENIED", "denied"), SCHLOSS_E_KMS_DENIED},
        {403, "{\"error\":{\"details\":[{\"reason\":\"SERVICE_DISABLED\"}]}}", SCHLOSS_E_KMS_DENIED},
        {404, ERROR("NOT_FOUND", "not found"), SCHLOSS_E_KMS_KEY_UNKNOWN},
        {418, "", SCHLOSS_E_KMS_ANSWER},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        STEPS(s, {cases[i].status, cases[i].body});
        script_fails(s, false, cases[i].rc);
        assert_int_equal(s->err.http_status, cases[i].status);
    }
    STEPS(s, {429, ERROR("RESOURCE_EXHAUSTED", "quota")}, {200, decrypted});
    assert_int_equal(script_run(s, false), 0);
    STEPS(s, {503, "unavailable"});
    script_fails(s, false, SCHLOSS_E_KMS_BUSY);
    assert_int_equal(s->n_asked, 4);
    STEPS(s, {SCHLOSS_E_TIMEOUT, NULL});
    script_fails(s, false, SCHLOSS_E_TIMEOUT);
    STEPS(s, {SCHLOSS_E_TLS, NULL});
    script_fails(s, false, SCHLOSS_E_TLS);
}

static void test_key_ids(void **state) {
    script_t *s = *state;
    static const char *const bad[] = {"",
                                      "projects/p",
                                      KEY "/cryptoKeyVersions/1",
                                      KEY "/",
                                      "/" KEY,
                                      "projects/p/locations/l/keyRings/r/cryptoKeys/",
                                      "projects/p/locations/l/keyRings/../cryptoKeys/k?x",
                                      "projects/p/locations/l/keyRings/../cryptoKeys/k",
                                      "projects/./locations/l/keyRings/r/cryptoKeys/k",
                                      KEY "#",
                                      "projects//locations/l"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        s->key.key_id = bad[i];
        script_fails(s, true, SCHLOSS_E_KMS_CONF);
        assert_int_equal(s->n_asked, 0);
    }
    s->key.key_id = KEY;
    SETTINGS(s, "gcp.endpoint.url", "http://evil.test");
    script_fails(s, true, SCHLOSS_E_KMS_CONF);
}

/* The metadata server, and a token that it gave and Google refuses. */
static void test_machine(void **state) {
    script_t *s = *state;
    SETTINGS(s, "client.id", "1");
    STEPS(s, {200, "{\"access_token\":\"SECRET-token\",\"expires_in\":3599}"}, {200, decrypted});
    assert_int_equal(script_run(s, false), 0);
    assert_string_equal(s->asked[0].url,
                        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token");
    assert_non_null(strstr(s->asked[0].headers, "Metadata-Flavor: Google\n"));
    assert_true(s->asked[0].direct);
    STEPS(s, {401, ""}, {200, "{\"access_token\":\"second\",\"expires_in\":3599}"}, {200, decrypted});
    assert_int_equal(script_run(s, false), 0);
    assert_non_null(strstr(s->asked[2].headers, "Authorization: Bearer second\n"));
    STEPS(s, {401, ""}, {200, "{\"access_token\":\"third\",\"expires_in\":3599}"}, {401, ""});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 3);
    STEPS(s, {SCHLOSS_E_CONNECT, NULL});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {404, "no account"});
    script_fails(s, false, SCHLOSS_E_KMS_CREDENTIALS);
}

static schloss_rc read_creds(const script_t *s, const char *text, gcp_creds_t *c) {
    schloss_error_t err = {0};
    return gcp_creds_read(&s->key, bytes(text, strlen(text)), c, &err);
}

static void test_credentials(void **state) {
    script_t *s = *state;
    gcp_creds_t c;
    assert_int_equal(read_creds(s,
                                "{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key_id\":\"i\","
                                "\"private_key\":\"a\\nb\"}",
                                &c),
                     0);
    assert_int_equal(c.kind, GCP_ACCOUNT);
    assert_string_equal(c.client_email, "e");
    assert_string_equal(c.private_key, "a\nb");
    gcp_creds_clear(&c);
    assert_int_equal(read_creds(s,
                                "{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":\"t\","
                                "\"token_url\":\"https://sts.test\",\"credential_source\":{\"file\":\"f\",\"format\":{"
                                "\"type\":\"json\",\"subject_token_field_name\":\"n\"}}}",
                                &c),
                     0);
    assert_int_equal(c.kind, GCP_EXTERNAL);
    assert_string_equal(c.file, "f");
    assert_string_equal(c.field, "n");
    assert_null(c.impersonation_url);
    gcp_creds_clear(&c);
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"other\"}",
        "{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key_id\":\"i\"}",
        "{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key_id\":\"i\",\"private_key\":\"a\\u0000b\"}",
        "{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"s\",\"refresh_token\":\"r\","
        "\"token_uri\":\"http://evil.test\"}",
        "{\"type\":\"external_account\",\"credential_source\":{\"url\":\"http://x\"}}",
        "{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":\"t\",\"token_url\":\"https://"
        "sts.test\","
        "\"credential_source\":{\"file\":\"f\",\"format\":{\"type\":\"json\"}}}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(read_creds(s, bad[i], &c), SCHLOSS_E_KMS_CREDENTIALS);
        gcp_creds_clear(&c);
    }
}

static void test_no_memory(void **state) {
    script_t *s = *state;
    STEPS(s, {200, encrypted});
    script_sweep(s, true);
    STEPS(s, {200, decrypted});
    script_sweep(s, false);
    SETTINGS(s, "client.id", "1");
    STEPS(s, {200, "{\"access_token\":\"SECRET-token\",\"expires_in\":3599}"}, {200, decrypted});
    script_sweep(s, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, script_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_crc32c_v19), TEST(test_requests), TEST(test_self_signed), TEST(test_answers),   TEST(test_refusals),
        TEST(test_key_ids),    TEST(test_machine),  TEST(test_credentials), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
