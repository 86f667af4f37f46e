/* Single values: lengths, prefix, base64, empty ones, and that damage never yields plaintext (checklist 7-20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/text.h"
#include "keyed.h"
#include "rules/value.h"

static const dek_alg_t algs[] = {DEK_AES128_GCM, DEK_AES256_GCM, DEK_AES256_SIV};

/* spec 8: 8, 9, 10, 13 */
static void payloads_go_both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(algs) * 2; i++) {
        dek_alg_t alg = algs[i / 2];
        bool versioned = i % 2;
        keyed_t w, r;
        keyed_open(&w, alg, true, versioned);
        keyed_open(&r, alg, false, versioned);
        keyed_put(&w, 7, alg);
        keyed_put(&r, versioned ? 7 : 1, alg);
        for (size_t n = 0; n < 40; n += 13) {
            buf_reset(&w.out);
            buf_reset(&r.out);
            assert_int_equal(
                payload_encrypt(&w.crypt, bytes("0123456789012345678901234567890123456789", n), &w.out, NULL), 0);
            assert_int_equal(w.out.len, n + aead_overhead(alg) + (versioned ? 5 : 0));
            if (versioned) {
                assert_memory_equal(w.out.ptr, "\0\0\0\0\7", 5);
            }
            assert_int_equal(payload_decrypt(&r.crypt, buf_view(&w.out), &r.out, NULL), 0);
            assert_int_equal(r.out.len, n);
            for (size_t k = versioned ? 5 : 0; k < w.out.len; k++) { /* any flipped bit, and nothing comes out */
                w.out.ptr[k] ^= 0x10;
                buf_reset(&r.out);
                assert_int_equal(payload_decrypt(&r.crypt, buf_view(&w.out), &r.out, NULL), SCHLOSS_E_AUTH_FAILED);
                assert_int_equal(r.out.len, 0);
                w.out.ptr[k] ^= 0x10;
            }
            for (size_t cut = 0; cut < aead_overhead(alg) + (versioned ? 5 : 0); cut++) {
                assert_int_equal(payload_decrypt(&r.crypt, bytes(w.out.ptr, cut), &r.out, NULL),
                                 SCHLOSS_E_CIPHERTEXT_TOO_SHORT);
            }
        }
        keyed_close(&w);
        keyed_close(&r);
    }
}

/* spec 8: 18, 19, 20 */
static void strings_are_padded_base64_behind_a_length(void **state) {
    (void)state;
    keyed_t w, r;
    keyed_open(&w, DEK_AES256_SIV, true, false);
    keyed_open(&r, DEK_AES256_SIV, false, false);
    keyed_put(&w, 1, DEK_AES256_SIV);
    keyed_put(&r, 1, DEK_AES256_SIV);
    assert_int_equal(value_transform(&w.crypt, "f", bytes("", 0), true, HEAD_ZIGZAG, &w.out, NULL), 0);
    assert_int_equal(w.out.len, 1 + 24); /* checklist 18 */
    assert_int_equal(w.out.ptr[0], 48);
    assert_int_equal(w.out.ptr[w.out.len - 1], '=');
    assert_int_equal(value_transform(&r.crypt, "f", bytes(w.out.ptr + 1, 24), true, HEAD_ZIGZAG, &r.out, NULL), 0);
    assert_memory_equal(r.out.ptr, "\0", 1);
    buf_reset(&r.out);
    assert_int_equal(value_transform(&r.crypt, "f", bytes(w.out.ptr + 1, 22), true, HEAD_ZIGZAG, &r.out, NULL),
                     0); /* unpadded: 20 */
    assert_int_equal(r.out.len, 1);
    w.out.ptr[5] = '-';
    assert_int_equal(value_transform(&r.crypt, "f", bytes(w.out.ptr + 1, 24), true, HEAD_ZIGZAG, &r.out, NULL),
                     SCHLOSS_E_BAD_BASE64);
    assert_int_equal(value_transform(&r.crypt, "f", bytes("", 0), true, HEAD_ZIGZAG, &r.out, NULL),
                     SCHLOSS_E_CIPHERTEXT_TOO_SHORT);
    /* 19: bytes that are no text are refused where a text must come out, and leave nothing */
    buf_reset(&w.out);
    buf_reset(&r.out);
    uint8_t text[32];
    assert_int_equal(payload_encrypt(&w.crypt, bytes("\xff\xfe", 2), &w.out, NULL), 0);
    size_t n = b64_encode(text, w.out.ptr, w.out.len);
    assert_int_equal(value_transform(&r.crypt, "f", bytes(text, n), true, HEAD_ZIGZAG, &r.out, NULL),
                     SCHLOSS_E_BAD_UTF8);
    assert_int_equal(r.out.len, 0);
    assert_null(memmem(r.out.ptr, 8, "\xff\xfe", 2));
    keyed_close(&w);
    keyed_close(&r);
}

/* spec 8: 13 */
static void the_prefix_names_the_key(void **state) {
    (void)state;
    keyed_t r;
    keyed_open(&r, DEK_AES128_GCM, false, true);
    keyed_put(&r, 1, DEK_AES128_GCM);
    uint8_t c[64] = {0};
    be32_write(c + 1, 0x80000003u);
    assert_int_equal(payload_decrypt(&r.crypt, bytes(c, 40), &r.out, NULL), SCHLOSS_NEED_KEY);
    assert_int_equal(r.crypt.missing, INT32_MIN + 3);
    be32_write(c + 1, 3);
    assert_int_equal(payload_decrypt(&r.crypt, bytes(c, 40), &r.out, NULL), SCHLOSS_NEED_KEY);
    assert_int_equal(r.crypt.missing, 3);
    keyed_put(&r, 3, DEK_AES128_GCM); /* a held set is exchanged when the slot's has changed */
    assert_int_equal(payload_decrypt(&r.crypt, bytes(c, 40), &r.out, NULL), SCHLOSS_E_AUTH_FAILED);
    c[0] = 1;
    assert_int_equal(payload_decrypt(&r.crypt, bytes(c, 40), &r.out, NULL), SCHLOSS_E_BAD_VERSION_MAGIC);
    assert_int_equal(payload_decrypt(&r.crypt, bytes(c, 1), &r.out, NULL), SCHLOSS_E_BAD_VERSION_MAGIC);
    keyed_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_go_both_ways),
        cmocka_unit_test(strings_are_padded_base64_behind_a_length),
        cmocka_unit_test(the_prefix_names_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
