/* blob.c: framing, check value, and that the local ciphers open what a server would have made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kms/kmip/blob.h"
#include <openssl/evp.h>

static const uint8_t key32[32] = "0123456789abcdef0123456789abcde";

static void test_framing(void **state) {
    (void)state;
    uint8_t raw[64] = {KMIP_MODE_GCM, 2, 'i', 'd'};
    kmip_blob_t b;
    assert_null(kmip_blob_read(&b, bytes(raw, 4 + 12 + 18 + 16)));
    assert_int_equal(b.mode, KMIP_MODE_GCM);
    assert_int_equal(b.uid.len, 2);
    assert_int_equal(b.iv.len, 12);
    assert_int_equal(b.data.len, 18);
    assert_int_equal(b.tag.len, 16);
    assert_ptr_equal(b.tag.ptr, raw + 4 + 12 + 18);
    buf_t out;
    buf_init(&out, 100, "test", false);
    kmip_blob_write(&out, &b);
    assert_int_equal(out.len, 50);
    assert_memory_equal(out.ptr, raw, 50);
    buf_clear(&out);
    for (size_t n = 0; n <= 4 + 12 + 16; n++) { /* nothing, or no ciphertext */
        assert_non_null(kmip_blob_read(&b, bytes(raw, n)));
    }
    raw[0] = KMIP_MODE_CBC;
    assert_null(kmip_blob_read(&b, bytes(raw, 4 + 16 + 32)));
    assert_int_equal(b.iv.len, 16);
    assert_int_equal(b.data.len, 32);
    assert_int_equal(b.tag.len, 0);
    assert_non_null(kmip_blob_read(&b, bytes(raw, 4 + 16 + 31)));
    for (unsigned mode = 0; mode < 256; mode++) {
        raw[0] = (uint8_t)mode;
        const char *wrong = kmip_blob_read(&b, bytes(raw, 4 + 16 + 32));
        assert_int_equal(wrong == NULL, mode >= 1 && mode <= 3);
    }
    raw[0] = KMIP_MODE_LOCAL;
    raw[1] = 0;
    assert_non_null(kmip_blob_read(&b, bytes(raw, 60)));
    raw[1] = 255;
    assert_non_null(kmip_blob_read(&b, bytes(raw, 60)));
    static uint8_t big[1024] = {KMIP_MODE_LOCAL, 1, 'x'};
    assert_non_null(kmip_blob_read(&b, bytes(big, sizeof big)));
}

static void test_check_value(void **state) {
    (void)state;
    /* python: hashlib.sha256(b"schloss-kcv" + b"key").hexdigest()[:32] */
    static const uint8_t expected[] = {0x71, 0x0c, 0xd0, 0xc6, 0x37, 0x65, 0x40, 0xda,
                                       0x0c, 0xad, 0xd6, 0x13, 0x11, 0x97, 0xc0, 0x1f};
    uint8_t check[KMIP_CHECK_LEN];
    assert_int_equal(kmip_check_value(check, bytes("key", 3), NULL), 0);
    assert_memory_equal(check, expected, sizeof expected);
    uint8_t data[3 + KMIP_CHECK_LEN] = "key";
    memcpy(data + 3, check, sizeof check);
    size_t n = sizeof data;
    assert_int_equal(kmip_check_strip(data, &n, NULL), 0);
    assert_int_equal(n, 3);
    n = sizeof data;
    data[0] ^= 1;
    assert_int_equal(kmip_check_strip(data, &n, NULL), SCHLOSS_E_AUTH_FAILED);
    n = KMIP_CHECK_LEN;
    assert_int_equal(kmip_check_strip(data, &n, NULL), SCHLOSS_E_AUTH_FAILED);
}

static void test_local_gcm(void **state) {
    (void)state;
    uint8_t sealed[3 + 28];
    uint8_t out[64];
    size_t n = 0;
    for (size_t len = 16; len <= 32; len += 16) {
        assert_int_equal(
            kmip_local_seal(sealed, bytes(key32, len), bytes("key", 3), (const uint8_t *)"nonce-nonce-", NULL), 0);
        uint8_t raw[64] = {KMIP_MODE_LOCAL, 1, 'u'};
        memcpy(raw + 3, sealed, sizeof sealed);
        kmip_blob_t b;
        assert_null(kmip_blob_read(&b, bytes(raw, 3 + sizeof sealed)));
        assert_int_equal(kmip_local_open(out, &n, bytes(key32, len), &b, NULL), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(out, "key", 3);
        raw[20] ^= 1;
        assert_int_equal(kmip_local_open(out, &n, bytes(key32, len), &b, NULL), SCHLOSS_E_AUTH_FAILED);
    }
    assert_int_equal(kmip_local_seal(sealed, bytes(key32, 24), bytes("key", 3), key32, NULL), SCHLOSS_E_BAD_KEY);
}

static void test_local_cbc(void **state) {
    (void)state;
    static const size_t lens[] = {16, 24, 32};
    static const char *const ciphers[] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t raw[3 + 16 + 64] = {KMIP_MODE_CBC, 1, 'u'};
        uint8_t plain[18 + KMIP_CHECK_LEN] = "a key of 18 bytes";
        int n = 0, last = 0;
        assert_int_equal(kmip_check_value(plain + 18, bytes(plain, 18), NULL), 0);
        EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, ciphers[i], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex2(ctx, c, key32, raw + 3, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, raw + 19, &n, plain, sizeof plain), 1);
        assert_int_equal(EVP_EncryptFinal_ex(ctx, raw + 19 + n, &last), 1);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(c);
        kmip_blob_t b;
        uint8_t out[64];
        size_t len = 0;
        assert_null(kmip_blob_read(&b, bytes(raw, 19 + (size_t)(n + last))));
        assert_int_equal(kmip_local_open(out, &len, bytes(key32, lens[i]), &b, NULL), 0);
        assert_int_equal(len, 18);
        assert_memory_equal(out, plain, 18);
        for (size_t at = 3; at < 19 + (size_t)(n + last); at++) { /* IV, each block, padding */
            raw[at] ^= 0x10;
            assert_int_equal(kmip_local_open(out, &len, bytes(key32, lens[i]), &b, NULL), SCHLOSS_E_AUTH_FAILED);
            raw[at] ^= 0x10;
        }
        assert_int_equal(kmip_local_open(out, &len, bytes(key32, 17), &b, NULL), SCHLOSS_E_BAD_KEY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_check_value),
        cmocka_unit_test(test_local_gcm),
        cmocka_unit_test(test_local_cbc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
