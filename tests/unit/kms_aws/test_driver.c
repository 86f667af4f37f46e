/* driver.c, post.c, fail.c: what goes over the wire, and what each refusal becomes, with its retry decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"
#include "kms/aws/aws.h"
#include "unit/kms_aws/script.h"

#define ARN "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define ENCRYPTED                                                                                                      \
    "{\"CiphertextBlob\":\"d3JhcHBlZA==\",\"KeyId\":\"" ARN "\",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}"
#define DECRYPTED "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"a2V5IG1lc3NhZ2U=\"}"

/* Spec 8.77: target, body without context, signature. */
/* spec 8: 77 */
static void test_requests(void **state) {
    script_t *s = *state;
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->wrapped.len, 7);
    assert_memory_equal(s->wrapped.ptr, "wrapped", 7);
    const asked_t *a = &s->asked[0];
    assert_string_equal(a->method, "POST");
    assert_string_equal(a->url, "https://kms.us-west-2.amazonaws.com/");
    assert_string_equal(a->body, "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"a2V5IG1lc3NhZ2U=\"}");
    assert_non_null(strstr(a->headers, "Content-Type: application/x-amz-json-1.1\n"));
    assert_non_null(strstr(a->headers, "X-Amz-Target: TrentService.Encrypt\n"));
    assert_non_null(strstr(a->headers, "X-Amz-Date: 20260101T000000Z\n"));
    assert_non_null(strstr(a->headers, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-west-2/kms/"
                                       "aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "));
    assert_null(strstr(a->headers, "Security-Token"));
    assert_null(strstr(a->headers, "schemaregistry")); /* nothing of the registry's */
    assert_null(strstr(a->headers, "Confluent"));
    assert_true(a->sensitive && a->has_tls && !a->direct);

    STEPS(s, {200, DECRYPTED});
    assert_int_equal(script_run(s, false), 0);
    assert_int_equal(s->plain_len, 11);
    assert_memory_equal(s->plain, "key message", 11);
    assert_string_equal(s->asked[0].body, "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"d3JhcHBlZA==\"}");
    assert_non_null(strstr(s->asked[0].headers, "X-Amz-Target: TrentService.Decrypt\n"));
}

static void test_hosts(void **state) {
    script_t *s = *state;
    static const struct {
        const char *id, *url;
    } cases[] = {
        {"arn:aws:kms:eu-central-1:1:alias/a", "https://kms.eu-central-1.amazonaws.com/"},
        {"arn:aws-cn:kms:cn-north-1:1:alias/a", "https://kms.cn-north-1.amazonaws.com.cn/"},
        {"arn:aws-us-gov:kms:us-gov-west-1:1:alias/a", "https://kms.us-gov-west-1.amazonaws.com/"},
        {"arn:aws-iso:kms:us-iso-east-1:1:alias/a", "https://kms.us-iso-east-1.c2s.ic.gov/"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        s->key.key_id = cases[i].id;
        STEPS(s, {200, ENCRYPTED}); /* an alias: the KeyId of the answer is not compared */
        assert_int_equal(script_run(s, true), 0);
        assert_string_equal(s->asked[0].url, cases[i].url);
    }
    static const char *const bad[] = {"",
                                      "alias/a",
                                      "1234abcd-12ab-34cd-56ef-1234567890ab",
                                      "arn:aws:kms",
                                      "arn:aws:kms::1:key/k",
                                      "arn:aws:s3:us-west-2:1:key/k",
                                      "arn:other:kms:us-west-2:1:key/k",
                                      "arn:aws:kms:evil.test/:1:key/k",
                                      "arn:aws:kms:US:1:key/k",
                                      "arn:aws:kms:a@b:1:key/k"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        s->key.key_id = bad[i];
        assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CONF);
        assert_int_equal(s->n_asked, 0);
    }
}

static void test_endpoints(void **state) {
    script_t *s = *state;
    STEPS(s, {200, ENCRYPTED});
    SETTINGS(s, "access.key.id", "A", "secret.access.key", "SECRET", "aws.endpoint.url", "http://127.0.0.1:4566//");
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[0].url, "http://127.0.0.1:4566/");
    SETTINGS(s, "access.key.id", "A", "secret.access.key", "SECRET");
    assert_int_equal(setenv("AWS_ENDPOINT_URL", "https://all.test", 1), 0);
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[0].url, "https://all.test/");
    assert_int_equal(setenv("AWS_ENDPOINT_URL_KMS", "https://kms.test:8443/sub", 1), 0);
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[0].url, "https://kms.test:8443/sub/");
    /* Keys never travel in clear text to another machine, nor to something strange. */
    static const char *const bad[] = {"http://kms.test", "ftp://x", "https://user@x", "https://x?y",
                                      "http://127.0.0.1@evil.test/"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(setenv("AWS_ENDPOINT_URL_KMS", bad[i], 1), 0);
        assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CONF);
        assert_int_equal(s->n_asked, 0);
    }
}

#define TYPE(type, message) "{\"__type\":\"" type "\",\"message\":\"" message "\"}"

typedef struct refusal {
    int status;
    const char *body;
    schloss_rc rc;
    bool retriable;
} refusal_t;

static const refusal_t refusals[] = {
    {400, TYPE("AccessDeniedException", "User: x is not authorized to perform: kms:Encrypt"), SCHLOSS_E_KMS_DENIED,
     false},
    {400, TYPE("UnauthorizedOperation", "no"), SCHLOSS_E_KMS_DENIED, false},
    {403, "<html>Forbidden</html>", SCHLOSS_E_KMS_DENIED, false},
    {401, "", SCHLOSS_E_KMS_DENIED, false},
    {400, TYPE("com.amazonaws.kms#DisabledException", "is disabled"), SCHLOSS_E_KMS_KEY_DISABLED, false},
    {400, TYPE("KMSInvalidStateException", ARN " is pending deletion."), SCHLOSS_E_KMS_KEY_PENDING, false},
    {400, TYPE("KMSInvalidStateException", ARN " is pending import."), SCHLOSS_E_KMS_KEY_PENDING, false},
    {400, "{\"__type\":\"NotFoundException\",\"Message\":\"Key does not exist\"}", SCHLOSS_E_KMS_KEY_UNKNOWN, false},
    {400, TYPE("NotFoundException:http://internal/", "Invalid keyId"), SCHLOSS_E_KMS_KEY_UNKNOWN, false},
    {400, TYPE("NotFoundException", "Invalid arn us-west-2"), SCHLOSS_E_KMS_REGION, false},
    {400, TYPE("InvalidArnException", "x"), SCHLOSS_E_KMS_REGION, false},
    {400, TYPE("IncorrectKeyException", "x"), SCHLOSS_E_KMS_WRONG_KEY, false},
    {400, TYPE("InvalidKeyUsageException", "x"), SCHLOSS_E_KMS_KEY_TYPE, false},
    {400, TYPE("InvalidCiphertextException", ""), SCHLOSS_E_UNWRAP_FAILED, false},
    {400, TYPE("ValidationException", "x"), SCHLOSS_E_KMS_CONF, false},
    {400, TYPE("RequestExpired", "x"), SCHLOSS_E_KMS_CLOCK, false},
    {400, TYPE("InvalidSignatureException", "Signature expired: 2020 is now earlier than 2026"), SCHLOSS_E_KMS_CLOCK,
     false},
    {403, TYPE("SignatureDoesNotMatch", "Signature not yet current: 2030"), SCHLOSS_E_KMS_CLOCK, false},
    {400, TYPE("InvalidSignatureException", "Credential should be scoped to a valid region, not 'x'."),
     SCHLOSS_E_KMS_REGION, false},
    {400, TYPE("InvalidSignatureException", "The request signature we calculated does not match"),
     SCHLOSS_E_KMS_CREDENTIALS, false},
    {403, "<Error><Code>SignatureDoesNotMatch</Code><Message>x &amp; y</Message></Error>", SCHLOSS_E_KMS_CREDENTIALS,
     false},
    {403, "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Mess", SCHLOSS_E_KMS_CREDENTIALS, false},
    {400, TYPE("UnrecognizedClientException", "x"), SCHLOSS_E_KMS_CREDENTIALS, false},
    {400, TYPE("MissingAuthenticationTokenException", "x"), SCHLOSS_E_KMS_CREDENTIALS, false},
    {400, TYPE("ExpiredTokenException", "x"), SCHLOSS_E_KMS_EXPIRED, false},
    {400, TYPE("SomethingNewException", "x"), SCHLOSS_E_UNWRAP_FAILED, false},
    {400, "no JSON", SCHLOSS_E_KMS_ANSWER, true},
    {404, "", SCHLOSS_E_KMS_ANSWER, true},
    {200, "", SCHLOSS_E_KMS_ANSWER, true},
    {200, "<html>", SCHLOSS_E_KMS_ANSWER, true},
    {200, "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"a2V5", SCHLOSS_E_KMS_ANSWER, true},
    {200, "{\"KeyId\":\"" ARN "\"}", SCHLOSS_E_KMS_ANSWER, true},
    {200, "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"***\"}", SCHLOSS_E_KMS_ANSWER, true},
    {200, "{\"KeyId\":\"" ARN "\",\"Plaintext\":7}", SCHLOSS_E_KMS_ANSWER, true},
    {200, "{\"KeyId\":\"arn:aws:kms:us-west-2:1:key/other\",\"Plaintext\":\"a2V5\"}", SCHLOSS_E_KMS_WRONG_KEY, false},
    {200, "{\"Plaintext\":\"a2V5\"}", SCHLOSS_E_KMS_ANSWER, true},
};

/* spec 8: 46, 77 */
static void test_refusals(void **state) {
    script_t *s = *state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const refusal_t *r = &refusals[i];
        STEPS(s, {r->status, r->body});
        schloss_rc rc = script_run(s, false);
        if (rc != r->rc || s->n_asked != 1 || schloss_error_is_retriable(&s->err) != r->retriable) {
            print_error("case %zu: %d %s\n  -> %s, %zu tries: %s | %s\n", i, r->status, r->body, schloss_rc_name(rc),
                        s->n_asked, s->err.message, s->err.hint);
        }
        assert_int_equal(rc, r->rc);
        assert_int_equal(s->n_asked, 1);
        assert_int_equal(schloss_error_is_retriable(&s->err), r->retriable);
        assert_non_null(strstr(s->err.message, "aws-kms://" ARN));
        assert_false(aws_is_busy(r->status, bytes(r->body, strlen(r->body))));
    }
}

/* Asked again with back-off, though the status is 400; then it is the caller's turn. */
static void test_busy(void **state) {
    script_t *s = *state;
    static const refusal_t busy[] = {
        {400, TYPE("ThrottlingException", "Rate exceeded"), SCHLOSS_E_KMS_BUSY, true},
        {400, TYPE("LimitExceededException", ""), SCHLOSS_E_KMS_BUSY, true},
        {400, TYPE("DependencyTimeoutException", ""), SCHLOSS_E_KMS_BUSY, true},
        {400, TYPE("KMSInternalException", ""), SCHLOSS_E_KMS_BUSY, true},
        {400, TYPE("KeyUnavailableException", ""), SCHLOSS_E_KMS_BUSY, true},
        {500, "", SCHLOSS_E_KMS_BUSY, true},
        {503, "<html>", SCHLOSS_E_KMS_BUSY, true},
        {429, "", SCHLOSS_E_KMS_BUSY, true},
    };
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        const char *b = busy[i].body;
        assert_true(aws_is_busy(busy[i].status, bytes(b, strlen(b))));
    }
    STEPS(s, {400, busy[0].body}, {500, "x"}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 3);
    STEPS(s, {400, busy[0].body}, {400, busy[1].body}, {503, ""}, {400, busy[0].body});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_BUSY);
    assert_int_equal(s->n_asked, 4);
    assert_true(schloss_error_is_retriable(&s->err));
}

/* A retry is signed with the time at which it is sent. */
static int64_t later(void *user) {
    script_t *s = user;
    return s->now_ms + 1000 * (int64_t)s->n_asked;
}

static void test_retries_are_signed_anew(void **state) {
    script_t *s = *state;
    s->key.clock = (clk_t){later, s};
    STEPS(s, {500, ""}, {500, ""}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_non_null(strstr(s->asked[0].headers, "X-Amz-Date: 20260101T000000Z\n"));
    assert_non_null(strstr(s->asked[2].headers, "X-Amz-Date: 20260101T000002Z\n"));
}

static void test_network(void **state) {
    script_t *s = *state;
    STEPS(s, {SCHLOSS_E_TIMEOUT, NULL}, {SCHLOSS_E_TIMEOUT, NULL}, {SCHLOSS_E_TIMEOUT, NULL},
          {SCHLOSS_E_TIMEOUT, NULL});
    assert_int_equal(script_run(s, true), SCHLOSS_E_TIMEOUT);
    assert_int_equal(s->n_asked, 4); /* of 7.5 seconds each */
    assert_true(schloss_error_is_retriable(&s->err));
    STEPS(s, {SCHLOSS_E_TLS, NULL});
    assert_int_equal(script_run(s, true), SCHLOSS_E_TLS);
    assert_int_equal(s->n_asked, 1);
    assert_false(schloss_error_is_retriable(&s->err));
}

static void test_too_large(void **state) {
    script_t *s = *state;
    char body[1024];
    char b64[300];
    memset(b64, 'A', sizeof b64);
    (void)snprintf(body, sizeof body, "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"%.300s\"}", b64);
    STEPS(s, {200, body});
    assert_int_equal(script_run(s, false), SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(s->plain_len, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, script_set_up, script_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_requests), T(test_hosts),   T(test_endpoints), T(test_refusals),
        T(test_busy),     T(test_network), T(test_too_large), T(test_retries_are_signed_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
