/* The local KMS's key from its secret, with the wrapped DEKs of the vectors; MD5. */
#include "unit/crypto/data.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/tink.h"

/* spec 8: 3 */
static void secrets(void **state) {
    (void)state;
    static const struct {
        const char *secret, *key;
    } rows[] = {
        {"mysecret", "1ae4d97ac1e81594bfd1993c1a75ee36"},
        {"mysecret2", "c9d3f11efd90f0effc460136d5285827"},
        {"0123456789abcdef0123456789abcdef", "bd0ea8e91331410fa20002fb40f32490"},
        {"p\xc3\xa4ssw\xc3\xb6rt", "259219492c0bb8a83005ee8c08ffc9d0"},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t want = from_hex(rows[i].key);
        uint8_t got[16];
        assert_int_equal(kdf_local_secret(got, bytes(rows[i].secret, strlen(rows[i].secret)), NULL), 0);
        assert_memory_equal(got, want.p, 16);
    }
}

/* Secret to key; key message out of the wrapped DEK; the same wrapped DEK again. */
static void check(bytes_t secret, dek_alg_t alg, bytes_t raw, const data_t *iv, const data_t *wrapped,
                  const data_t *kek_key) {
    uint8_t kek[16], msg[TINK_MAX_LEN], out[TINK_MAX_LEN + AEAD_MAX_OVERHEAD];
    assert_int_equal(kdf_local_secret(kek, secret, NULL), 0);
    if (kek_key != NULL) {
        assert_memory_equal(kek, kek_key->p, 16);
    }
    aead_key_t *key = NULL;
    assert_int_equal(aead_key_new(&key, DEK_AES128_GCM, bytes(kek, 16), AEAD_AUTO, NULL), 0);
    size_t n = tink_key_write(msg, alg, raw.ptr);
    assert_int_equal(n + 28, wrapped->n);
    assert_int_equal(aead_seal(key, msg, n, iv->p, out, NULL), 0);
    assert_memory_equal(out, wrapped->p, wrapped->n);
    assert_int_equal(aead_open(key, wrapped->p, wrapped->n, out, NULL), 0);
    bytes_t back = {NULL, 0};
    assert_int_equal(tink_key_parse(&back, alg, bytes(out, n), NULL), 0);
    assert_int_equal(back.len, raw.len);
    assert_memory_equal(back.ptr, raw.ptr, raw.len);
    aead_key_free(key);
}

static void vectors(void **state) {
    (void)state;
    json_t *list = vectors_of(SOURCE_DIR "/tests/vectors/data/kms-local.json"), *v;
    size_t i, done = 0;
    json_array_foreach(list, i, v) {
        dek_alg_t alg;
        assert_true(dek_alg_parse(member(v, "algorithm"), &alg));
        data_t secret = member_b64(v, "secretUtf8"), kek = member_b64(v, "kekKey"), raw = member_b64(v, "rawKey");
        data_t iv = member_b64(v, "iv"), wrapped = member_b64(v, "encryptedKeyMaterial");
        data_t msg = member_b64(v, "keyMaterial");
        bytes_t inner = {NULL, 0};
        assert_int_equal(tink_key_parse(&inner, alg, view(&msg), NULL), 0);
        assert_int_equal(inner.len, raw.n);
        check(view(&secret), alg, view(&raw), &iv, &wrapped, &kek);
        done++;
    }
    json_decref(list);
    assert_int_equal(done, 27);
}

/* client-encryption 7.3. */
/* spec 8: 4 */
static void wrapping(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *b64;
    } rows[] = {
        {DEK_AES128_GCM, "AAECAwQFBgcICQoLuBpaky6/bc6Y/3g0j960f06PSPu8HDw7LOJNucnYzPEWZA=="},
        {DEK_AES256_GCM, "AAECAwQFBgcICQoLuCpaky6/bc6Y/3g0j960f06P22tGgng0Vpi43C5AzkzUeCgJB1J0UHsuyEKIsGlL7QU="},
        {DEK_AES256_SIV, "AAECAwQFBgcICQoLsEpaky6/bc6Y/3g0j960f06P22tGgng0Vpi43C5AzkzUeDGXf1DuKDducbB63amSe3Zg5Guvj24W"
                         "ODv1aRFHez/5FRRaMe6ucECMz/YeNPPCvQ=="},
    };
    data_t iv = counting(12);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t raw = counting(dek_alg_key_len(rows[i].alg)), wrapped = from_b64(rows[i].b64);
        check(bytes("mysecret", 8), rows[i].alg, view(&raw), &iv, &wrapped, NULL);
    }
}

static void md5(void **state) {
    (void)state;
    static const struct {
        const char *text, *hex;
    } rows[] = {{"", "d41d8cd98f00b204e9800998ecf8427e"},
                {"abc", "900150983cd24fb0d6963f7d28e17f72"},
                {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t want = from_hex(rows[i].hex);
        size_t n = strlen(rows[i].text);
        uint8_t got[16];
        md5_t *m = md5_new();
        assert_non_null(m);
        md5_update(m, rows[i].text, n / 2);
        md5_update(m, rows[i].text + n / 2, n - n / 2);
        assert_true(md5_finish(m, got));
        assert_memory_equal(got, want.p, 16);
    }
    uint8_t out[16];
    md5_update(NULL, "x", 1);
    assert_false(md5_finish(NULL, out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets),
        cmocka_unit_test(vectors),
        cmocka_unit_test(wrapping),
        cmocka_unit_test(md5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
