/* The AEADs by hand: the key set up once, nonces cut from a pool that one getrandom() call fills. AES-GCM over OpenSSL
 * and over ipsec-mb, AES-SIV with one empty associated-data item as CMAC plus CTR over OpenSSL. */
#ifndef BENCH_HAND_AEAD_H
#define BENCH_HAND_AEAD_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#ifdef SCHLOSS_HAVE_IPSECMB
#include <intel-ipsec-mb.h>
#endif

enum { NONCE_LEN = 12, TAG_LEN = 16, NONCES = 256 };

typedef struct nonce_pool {
    uint8_t bytes[NONCES * NONCE_LEN];
    unsigned used;
} nonce_pool_t;

static inline const uint8_t *nonce_take(nonce_pool_t *pool) {
    if (pool->used == NONCES) {
        if (getrandom(pool->bytes, sizeof pool->bytes, 0) != (ssize_t)sizeof pool->bytes) {
            return NULL;
        }
        pool->used = 0;
    }
    return pool->bytes + (size_t)NONCE_LEN * pool->used++;
}

typedef struct floor_key {
#ifdef SCHLOSS_HAVE_IPSECMB
    _Alignas(64) struct gcm_key_data mb_key;
    struct gcm_context_data mb_ctx;
    IMB_MGR *mb;
#endif
    EVP_CIPHER_CTX *enc; /* GCM, or CTR */
    EVP_CIPHER_CTX *dec;
    EVP_MAC_CTX *mac;
    uint8_t d1[16], d1_doubled[16]; /* S2V so far: a constant of the key */
    nonce_pool_t nonces;
} floor_key_t;

/* Both work on box_len = n + overhead bytes in one buffer: seal turns plaintext into it, open checks and takes it out.
 */
typedef struct cipher {
    bool (*seal)(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n);
    bool (*open)(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n);
    size_t overhead;
} cipher_t;

/* ---- AES-GCM: nonce || text || tag ---- */

static inline bool openssl_seal(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n) {
    const uint8_t *nonce = nonce_take(&k->nonces);
    int len;
    if (!nonce) {
        return false;
    }
    memcpy(box, nonce, NONCE_LEN);
    return EVP_EncryptInit_ex(k->enc, NULL, NULL, NULL, box) == 1 &&
           EVP_EncryptUpdate(k->enc, box + NONCE_LEN, &len, text, (int)n) == 1 &&
           EVP_EncryptFinal_ex(k->enc, box + NONCE_LEN + n, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(k->enc, EVP_CTRL_GCM_GET_TAG, TAG_LEN, box + NONCE_LEN + n) == 1;
}

static inline bool openssl_open(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n) {
    int len;
    uint8_t tag[TAG_LEN];
    memcpy(tag, box + NONCE_LEN + n, TAG_LEN);
    return EVP_DecryptInit_ex(k->dec, NULL, NULL, NULL, box) == 1 &&
           EVP_DecryptUpdate(k->dec, text, &len, box + NONCE_LEN, (int)n) == 1 &&
           EVP_CIPHER_CTX_ctrl(k->dec, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(k->dec, text + n, &len) == 1;
}

static const cipher_t openssl_gcm = {openssl_seal, openssl_open, NONCE_LEN + TAG_LEN};

#ifdef SCHLOSS_HAVE_IPSECMB
#define IPSECMB_GCM(bits)                                                                                              \
    static inline bool ipsecmb_seal##bits(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n) {               \
        const uint8_t *nonce = nonce_take(&k->nonces);                                                                 \
        if (!nonce) {                                                                                                  \
            return false;                                                                                              \
        }                                                                                                              \
        memcpy(box, nonce, NONCE_LEN);                                                                                 \
        IMB_AES##bits##_GCM_ENC(k->mb, &k->mb_key, &k->mb_ctx, box + NONCE_LEN, text, n, box, NULL, 0,                 \
                                box + NONCE_LEN + n, TAG_LEN);                                                         \
        return true;                                                                                                   \
    }                                                                                                                  \
    static inline bool ipsecmb_open##bits(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n) {               \
        uint8_t tag[TAG_LEN];                                                                                          \
        IMB_AES##bits##_GCM_DEC(k->mb, &k->mb_key, &k->mb_ctx, text, box + NONCE_LEN, n, box, NULL, 0, tag, TAG_LEN);  \
        return CRYPTO_memcmp(tag, box + NONCE_LEN + n, TAG_LEN) == 0;                                                  \
    }                                                                                                                  \
    static const cipher_t ipsecmb_gcm##bits = {ipsecmb_seal##bits, ipsecmb_open##bits, NONCE_LEN + TAG_LEN}
IPSECMB_GCM(128);
IPSECMB_GCM(256);
#endif

/* ---- AES-SIV: synthetic IV || text ---- */

static inline void xor16(uint8_t *a, const uint8_t *b) {
    for (unsigned i = 0; i < 16; i++) {
        a[i] ^= b[i];
    }
}

static inline void double16(uint8_t *out, const uint8_t *in) {
    for (unsigned i = 0; i < 16; i++) {
        out[i] = (uint8_t)(in[i] << 1 | (i < 15 ? in[i + 1] >> 7 : 0));
    }
    out[15] ^= (uint8_t)(0x87 & (0u - (in[0] >> 7)));
}

/* CMAC of a || b. */
static inline bool cmac(floor_key_t *k, uint8_t out[16], const uint8_t *a, size_t na, const uint8_t *b, size_t nb) {
    size_t len;
    return EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 && (na == 0 || EVP_MAC_update(k->mac, a, na) == 1) &&
           (nb == 0 || EVP_MAC_update(k->mac, b, nb) == 1) && EVP_MAC_final(k->mac, out, &len, 16) == 1;
}

static inline bool s2v(floor_key_t *k, uint8_t v[16], const uint8_t *text, size_t n) {
    uint8_t last[16] = {0};
    if (n >= 16) {
        memcpy(last, text + n - 16, 16);
        xor16(last, k->d1);
        return cmac(k, v, text, n - 16, last, 16);
    }
    memcpy(last, text, n);
    last[n] = 0x80;
    xor16(last, k->d1_doubled);
    return cmac(k, v, last, 16, NULL, 0);
}

static inline bool siv_ctr(floor_key_t *k, const uint8_t v[16], uint8_t *out, const uint8_t *in, size_t n) {
    int len;
    uint8_t q[16];
    memcpy(q, v, 16);
    q[8] &= 0x7f;
    q[12] &= 0x7f;
    return EVP_EncryptInit_ex(k->enc, NULL, NULL, NULL, q) == 1 &&
           EVP_EncryptUpdate(k->enc, out, &len, in, (int)n) == 1;
}

static inline bool siv_seal(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n) {
    return s2v(k, box, text, n) && siv_ctr(k, box, box + 16, text, n);
}

static inline bool siv_open(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n) {
    uint8_t v[16];
    return siv_ctr(k, box, text, box + 16, n) && s2v(k, v, text, n) && CRYPTO_memcmp(v, box, 16) == 0;
}
static const cipher_t openssl_siv = {siv_seal, siv_open, 16};

/* For the plain codecs of an application. */
static const cipher_t no_cipher = {NULL, NULL, 0};

/* ---- keys ---- */

typedef enum { AES256_GCM, AES128_GCM, AES256_SIV } algorithm_t;

static inline bool siv_key_init(floor_key_t *k, const uint8_t raw[64]) {
    char cbc[] = "AES-256-CBC";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("cipher", cbc, 0), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    k->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    uint8_t zero[16] = {0}, d0[16], empty[16];
    if (!k->mac || EVP_MAC_init(k->mac, raw, 32, params) != 1 ||
        EVP_EncryptInit_ex(k->enc, EVP_aes_256_ctr(), NULL, raw + 32, NULL) != 1 || !cmac(k, d0, zero, 16, NULL, 0) ||
        !cmac(k, empty, NULL, 0, NULL, 0)) {
        return false;
    }
    double16(k->d1, d0);
    xor16(k->d1, empty);
    double16(k->d1_doubled, k->d1);
    return true;
}

static inline bool floor_key_init(floor_key_t *k, algorithm_t algorithm, const uint8_t raw[64]) {
    memset(k, 0, sizeof *k);
    k->nonces.used = NONCES;
    k->enc = EVP_CIPHER_CTX_new();
    k->dec = EVP_CIPHER_CTX_new();
    if (!k->enc || !k->dec || algorithm == AES256_SIV) {
        return k->enc && k->dec && siv_key_init(k, raw);
    }
    const EVP_CIPHER *gcm = algorithm == AES128_GCM ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    bool ok =
        EVP_EncryptInit_ex(k->enc, gcm, NULL, raw, NULL) == 1 && EVP_DecryptInit_ex(k->dec, gcm, NULL, raw, NULL) == 1;
#ifdef SCHLOSS_HAVE_IPSECMB
    k->mb = alloc_mb_mgr(0);
    if (!ok || !k->mb) {
        return false;
    }
    init_mb_mgr_auto(k->mb, NULL);
    if (algorithm == AES128_GCM) {
        IMB_AES128_GCM_PRE(k->mb, raw, &k->mb_key);
    } else {
        IMB_AES256_GCM_PRE(k->mb, raw, &k->mb_key);
    }
#endif
    return ok;
}

static inline void floor_key_free(floor_key_t *k) {
    EVP_CIPHER_CTX_free(k->enc);
    EVP_CIPHER_CTX_free(k->dec);
    EVP_MAC_CTX_free(k->mac);
#ifdef SCHLOSS_HAVE_IPSECMB
    if (k->mb) {
        free_mb_mgr(k->mb);
    }
#endif
}

#endif
