/* Key messages of Tink: exact bytes written, every legal spelling read, everything else refused. */
#include "unit/crypto/data.h"
#include "crypto/tink.h"
#include <stdio.h>
#include <stdlib.h>

#define K16 "000102030405060708090a0b0c0d0e0f"
#define K32 K16 "101112131415161718191a1b1c1d1e1f"
#define K64 K32 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

/* spec 8: 1 */
static void written(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *hex;
    } rows[] = {{DEK_AES128_GCM, "1a10" K16}, {DEK_AES256_GCM, "1a20" K32}, {DEK_AES256_SIV, "1240" K64}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t want = from_hex(rows[i].hex), raw = counting(dek_alg_key_len(rows[i].alg));
        uint8_t got[TINK_MAX_LEN];
        assert_int_equal(tink_key_write(got, rows[i].alg, raw.p), want.n);
        assert_memory_equal(got, want.p, want.n);
        bytes_t back = {NULL, 0};
        assert_int_equal(tink_key_parse(&back, rows[i].alg, view(&want), NULL), 0);
        assert_ptr_equal(back.ptr, want.p + 2);
        assert_int_equal(back.len, raw.n);
    }
}

/* spec 8: 2 */
static void accepted(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *hex;
    } rows[] = {
        {DEK_AES128_GCM, "08001a10" K16},    /* version written out */
        {DEK_AES128_GCM, "1a10" K16 "0800"}, /* after the key */
        {DEK_AES128_GCM, "088080808010"
                         "1a10" K16},   /* version 2^32: a uint32 of 0 */
        {DEK_AES128_GCM, "1a9000" K16}, /* length varint longer than needed */
        {DEK_AES128_GCM, "1a0101"
                         "1a10" K16}, /* twice: the last counts */
        {DEK_AES128_GCM, "1202ffff"
                         "1a10" K16}, /* field 2 is unknown to AesGcmKey */
        {DEK_AES128_GCM, "0a01ff"
                         "1a10" K16}, /* field 1 of another wire type is unknown */
        {DEK_AES128_GCM, "1805"
                         "1a10" K16}, /* so is field 3 */
        {DEK_AES256_GCM, "2005"
                         "290102030405060708"
                         "3501020304"
                         "1a20" K32 "fa7f03aabbcc"}, /* unknown fields */
        {DEK_AES256_GCM, "f8ffffff0f01"
                         "1a20" K32}, /* the largest field number */
        {DEK_AES256_SIV, "1a0400000000"
                         "1240" K64},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t msg = from_hex(rows[i].hex), want = counting(dek_alg_key_len(rows[i].alg));
        bytes_t raw = {NULL, 0};
        assert_int_equal(tink_key_parse(&raw, rows[i].alg, view(&msg), NULL), 0);
        assert_int_equal(raw.len, want.n);
        assert_memory_equal(raw.ptr, want.p, want.n);
    }
}

/* spec 8: 2 */
static void refused(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *hex;
    } rows[] = {
        {DEK_AES128_GCM, ""},
        {DEK_AES128_GCM, "0800"},
        {DEK_AES128_GCM, "1a00"},
        {DEK_AES128_GCM, "08011a10" K16},    /* version 1 */
        {DEK_AES128_GCM, "1a10" K16 "0801"}, /* also after the key */
        {DEK_AES256_GCM, "1a10" K16},        /* key of another algorithm */
        {DEK_AES128_GCM, "1a20" K32},
        {DEK_AES256_GCM, "1a18" K16 "1011121314151617"}, /* 24 bytes */
        {DEK_AES256_GCM, "1240" K64},                    /* message of another type */
        {DEK_AES256_SIV, "1a40" K64},
        {DEK_AES256_SIV, "1220" K32},
        {DEK_AES256_GCM, K32},             /* a bare key: field number 0 */
        {DEK_AES128_GCM, "1a11" K16},      /* longer than the message */
        {DEK_AES128_GCM, "1a10" K16 "1a"}, /* cut */
        {DEK_AES128_GCM, "1a10" K16 "08"},
        {DEK_AES128_GCM, "1a10" K16 "0880"},
        {DEK_AES128_GCM, "1a10" K16 "29010203"},
        {DEK_AES128_GCM, "1a10" K16 "350102"},
        {DEK_AES128_GCM, "1a10" K16 "0b"}, /* groups */
        {DEK_AES128_GCM, "1a10" K16 "0c"},
        {DEK_AES128_GCM, "1a10" K16 "0f"},                       /* wire type 7 */
        {DEK_AES128_GCM, "1a10" K16 "20ffffffffffffffffffff01"}, /* varint of 11 bytes */
        {DEK_AES128_GCM, "1a10" K16 "80808080100000"},           /* field number over 2^29 */
        {DEK_AES128_GCM, "1affffffffffffffffff01" K16},          /* length 2^64 - 1 */
    };
    schloss_error_t *err = schloss_error_new();
    assert_non_null(err);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t msg = from_hex(rows[i].hex);
        bytes_t raw = {NULL, 7};
        assert_int_equal(tink_key_parse(&raw, rows[i].alg, view(&msg), err), SCHLOSS_E_BAD_KEY);
        assert_null(raw.ptr);
        assert_int_equal(raw.len, 7); /* untouched */
        assert_true(schloss_error_message(err)[0] != 0);
    }
    schloss_error_free(err);
}

/* Cut anywhere, with exact allocation so that a sanitizer sees a byte too far. */
static void cut(void **state) {
    (void)state;
    data_t msg = from_hex("20053501020304"
                          "0800"
                          "1a10" K16);
    for (size_t n = 0; n < msg.n; n++) {
        uint8_t *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy + 1, msg.p, n);
        bytes_t raw = {NULL, 0};
        assert_int_equal(tink_key_parse(&raw, DEK_AES128_GCM, bytes(copy + 1, n), NULL), SCHLOSS_E_BAD_KEY);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written),
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
