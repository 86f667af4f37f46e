/* sigv4.c: known answers of the specification (vector V18) and of AWS's own example, and what curl signs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/text.h"
#include "crypto/ossl.h"
#include "kms/aws/sigv4.h"

/* Of AWS's documentation; opens nothing. */
static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"; /* test-only */
static const char body[] = "{\"KeyId\":\"arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\","
                           "\"Plaintext\":\"GiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==\"}";
static const schloss_http_header_t headers[] = {
    {"content-type", "application/x-amz-json-1.1"},
    {"host", "kms.us-west-2.amazonaws.com"},
    {"x-amz-date", "20260101T000000Z"},
    {"x-amz-target", "TrentService.Encrypt"},
};

static sigv4_t request(void) {
    return (sigv4_t){.method = "POST",
                     .path = "/",
                     .query = "",
                     .headers = headers,
                     .n_headers = COUNT_OF(headers),
                     .body = bytes(body, strlen(body)),
                     .date = "20260101T000000Z",
                     .region = "us-west-2",
                     .service = "kms",
                     .access_key_id = "AKIDEXAMPLE",
                     .secret_access_key = secret};
}

static void assert_hex(const uint8_t hash[32], const char *text) {
    char hex[65] = {0};
    hex_encode(hex, hash, 32);
    assert_string_equal(hex, text);
}

static void sha256(uint8_t out[32], bytes_t in) {
    unsigned n = 0;
    assert_int_equal(EVP_Digest(in.ptr, in.len, out, &n, EVP_sha256(), NULL), 1);
}

/* spec 8: 77 */
static void test_signing_keys(void **state) {
    (void)state;
    uint8_t key[32];
    assert_int_equal(sigv4_key(key, secret, "20150830T123600Z", "us-east-1", "iam", NULL), 0);
    assert_hex(key, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    assert_int_equal(sigv4_key(key, secret, "20260101T000000Z", "us-west-2", "kms", NULL), 0);
    assert_hex(key, "ed74c335e22b9cc1e2c343ce1d381c506be0308b09118a2766ea0c2066fe2b8e");
}

/* spec 8: 77 */
static void test_vector(void **state) {
    (void)state;
    sigv4_t s = request();
    uint8_t hash[32];
    assert_int_equal(strlen(body), 150);
    sha256(hash, s.body);
    assert_hex(hash, "15d391999b80380a27f612a105fa30a42144c0e3c4b3f563bed44a5a908d7725");
    buf_t out;
    buf_init(&out, 8192, "signature", true);
    assert_int_equal(sigv4_canonical(&s, &out, NULL), 0);
    sha256(hash, buf_view(&out));
    assert_hex(hash, "42397c79903e74750cc362b96e2ef70a2f15938b1bd767abeec83d0e938ef5b9");
    buf_reset(&out);
    assert_int_equal(sigv4_authorize(&s, &out, NULL), 0);
    assert_string_equal(buf_cstr(&out), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-west-2/kms/aws4_request, "
                                        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                                        "Signature=2a22b861efa0b889d50c742ea3b4e2bbfbd2dd96fdd9be9e3ea26882cfe4ffb5");
    buf_clear(&out);
}

/* AWS's suite, case get-vanilla-query-order-key-case and post-vanilla: other methods, a query, an empty body. */
static void test_published_suite(void **state) {
    (void)state;
    const schloss_http_header_t h[] = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}};
    sigv4_t s = {.method = "GET",
                 .path = "/",
                 .query = "Param1=value1&Param2=value2",
                 .headers = h,
                 .n_headers = 2,
                 .date = "20150830T123600Z",
                 .region = "us-east-1",
                 .service = "service",
                 .access_key_id = "AKIDEXAMPLE",
                 .secret_access_key = secret};
    buf_t out;
    buf_init(&out, 8192, "signature", true);
    assert_int_equal(sigv4_authorize(&s, &out, NULL), 0);
    assert_non_null(
        strstr(buf_cstr(&out), "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
    s.method = "POST";
    s.query = "";
    buf_reset(&out);
    assert_int_equal(sigv4_authorize(&s, &out, NULL), 0);
    assert_non_null(
        strstr(buf_cstr(&out), "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
    buf_clear(&out);
}

static void test_session_token_is_signed(void **state) {
    (void)state;
    sigv4_t s = request();
    schloss_http_header_t h[5];
    memcpy(h, headers, 3 * sizeof *h);
    h[3] = (schloss_http_header_t){"x-amz-security-token", "AQoDYXdzEXAMPLE=="};
    h[4] = headers[3];
    s.headers = h;
    s.n_headers = 5;
    buf_t out;
    buf_init(&out, 8192, "signature", true);
    assert_int_equal(sigv4_authorize(&s, &out, NULL), 0);
    assert_non_null(strstr(buf_cstr(&out), "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
                                           "x-amz-target, "));
    /* computed by botocore 1.44 for the same request */
    assert_non_null(
        strstr(buf_cstr(&out), "Signature=6db8be5819a284718139f12115951906e354ab784d78474319d81dc7a2ef475a"));
    buf_clear(&out);
}

static void test_limits(void **state) {
    (void)state;
    static char long_secret[2000];
    memset(long_secret, 'k', sizeof long_secret - 1);
    uint8_t key[32];
    schloss_error_t err = {0};
    assert_int_equal(sigv4_key(key, long_secret, "20260101T000000Z", "r", "s", &err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_null(strstr(err.message, "kkk"));
    sigv4_t s = request();
    s.date = "2026";
    buf_t out;
    buf_init(&out, 8192, "signature", true);
    assert_int_equal(sigv4_authorize(&s, &out, &err), SCHLOSS_E_INVALID_ARGUMENT);
    buf_clear(&out);
}

static void test_dates(void **state) {
    (void)state;
    char date[SIGV4_DATE_LEN + 1];
    sigv4_date(date, 1767225600000);
    assert_string_equal(date, "20260101T000000Z");
    sigv4_date(date, 1767225600999);
    assert_string_equal(date, "20260101T000000Z");
    sigv4_date(date, INT64_MAX);
    assert_int_equal(strlen(date), SIGV4_DATE_LEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signing_keys),    cmocka_unit_test(test_vector),
        cmocka_unit_test(test_published_suite), cmocka_unit_test(test_session_token_is_signed),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
