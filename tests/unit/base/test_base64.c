/* Base64: known values, strictness, the vector forms against the plain ones, no byte out of place. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/random.h"
#include <stdlib.h>

static void known(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        uint8_t out[16];
        size_t n = b64_encode(out, (const uint8_t *)rows[i][0], strlen(rows[i][0]));
        assert_int_equal(n, strlen(rows[i][1]));
        assert_memory_equal(out, rows[i][1], n);
        assert_true(b64_decode(out, &n, (const uint8_t *)rows[i][1], n));
        assert_int_equal(n, strlen(rows[i][0]));
        assert_memory_equal(out, rows[i][0], n);
    }
}

/* Every length; exact allocations, so that a sanitizer sees a byte too far. */
static void every_length(void **state) {
    (void)state;
    for (size_t n = 0; n < 700; n++) {
        size_t text = B64_LEN(n), len = 0;
        uint8_t *in = malloc(n + 1), *out = malloc(text + 1), *plain = malloc(text + 1),
                *back = malloc(text / 4 * 3 + 3);
        assert_true(in != NULL && out != NULL && plain != NULL && back != NULL);
        assert_int_equal(random_bytes(in, n, NULL), 0);
        out[text] = 0xee;
        in = realloc(in, n == 0 ? 1 : n);
        assert_int_equal(b64_encode(out, in, n), text);
        assert_int_equal(out[text], 0xee);
        assert_int_equal(b64_encode_plain(plain, in, n), text);
        assert_memory_equal(out, plain, text);
        uint8_t *exact = malloc(text + 1);
        assert_non_null(exact);
        memcpy(exact + 1, out, text); /* unaligned */
        assert_true(b64_decode(back, &len, exact + 1, text));
        assert_int_equal(len, n);
        assert_memory_equal(back, in, n);
        /* Without padding. */
        size_t bare = text - (n % 3 == 0 ? 0 : 3 - n % 3);
        assert_true(b64_decode(back, &len, exact + 1, bare));
        assert_int_equal(len, n);
        assert_memory_equal(back, in, n);
        free(in);
        free(out);
        free(plain);
        free(back);
        free(exact);
    }
}

/* Each byte value at each place of a long text: accepted exactly when it is of the alphabet. */
static void every_character(void **state) {
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t text[48], out[40], plain[40];
    for (unsigned at = 0; at < sizeof text; at++) {
        for (unsigned c = 0; c < 256; c++) {
            memset(text, 'Q', sizeof text);
            text[at] = (uint8_t)c;
            const char *found = c == 0 ? NULL : strchr(alphabet, (int)c);
            size_t n = 0, m = 0;
            bool want = found != NULL || (c == '=' && at == sizeof text - 1);
            assert_int_equal(b64_decode(out, &n, text, sizeof text), want);
            assert_int_equal(b64_decode_plain(plain, &m, text, sizeof text), want);
            if (want) {
                assert_int_equal(n, m);
                assert_memory_equal(out, plain, n);
            }
            if (found != NULL) {
                unsigned shift = 18 - 6 * (at % 4), group = at / 4 * 3;
                uint32_t v = (uint32_t)out[group] << 16 | (uint32_t)out[group + 1] << 8 | out[group + 2];
                assert_int_equal(v >> shift & 63, found - alphabet);
            }
        }
    }
}

/* spec 8: 20 */
static void refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "A",    "=",        "==",    "===",    "====",    "A=",       "A==",  "A===",     "QQ=",    "QQQ==",  "QQQ=Q",
        "Q=QQ", "QQ==QQ==", "QQQQ=", "QQQQ==", "QQQQ===", "QQQQ====", "QQ-_", "QQQQ QQQ", "QQQQ\n", "QQQ\xc3"};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        uint8_t out[32];
        size_t n = 0;
        assert_false(b64_decode(out, &n, (const uint8_t *)rows[i], strlen(rows[i])));
    }
    uint8_t out[8];
    size_t n = 0;
    assert_true(b64_decode(out, &n, (const uint8_t *)"QR==", 4)); /* unused bits that are not zero */
    assert_int_equal(n, 1);
    assert_int_equal(out[0], 'A');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(every_length),
        cmocka_unit_test(every_character),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
