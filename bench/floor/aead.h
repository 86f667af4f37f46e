/* AES-256-GCM for the floor: the key set up once, nonces cut from a pool that one getrandom() call fills. */
#ifndef BENCH_FLOOR_AEAD_H
#define BENCH_FLOOR_AEAD_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
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
    struct gcm_key_data mb_key;
    struct gcm_context_data mb_ctx;
    IMB_MGR *mb;
#endif
    EVP_CIPHER_CTX *enc;
    EVP_CIPHER_CTX *dec;
    nonce_pool_t nonces;
} floor_key_t;

/* Both work on nonce || text || tag in one buffer: box_seal turns plaintext into it, box_open checks and takes it out.
 */
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

#ifdef SCHLOSS_HAVE_IPSECMB
static inline bool ipsecmb_seal(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n) {
    const uint8_t *nonce = nonce_take(&k->nonces);
    if (!nonce) {
        return false;
    }
    memcpy(box, nonce, NONCE_LEN);
    IMB_AES256_GCM_ENC(k->mb, &k->mb_key, &k->mb_ctx, box + NONCE_LEN, text, n, box, NULL, 0, box + NONCE_LEN + n,
                       TAG_LEN);
    return true;
}

static inline bool ipsecmb_open(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n) {
    uint8_t tag[TAG_LEN];
    IMB_AES256_GCM_DEC(k->mb, &k->mb_key, &k->mb_ctx, text, box + NONCE_LEN, n, box, NULL, 0, tag, TAG_LEN);
    return CRYPTO_memcmp(tag, box + NONCE_LEN + n, TAG_LEN) == 0;
}
#endif

static inline bool floor_key_init(floor_key_t *k, const uint8_t raw[32]) {
    memset(k, 0, sizeof *k);
    k->nonces.used = NONCES;
    k->enc = EVP_CIPHER_CTX_new();
    k->dec = EVP_CIPHER_CTX_new();
    bool ok = k->enc && k->dec && EVP_EncryptInit_ex(k->enc, EVP_aes_256_gcm(), NULL, raw, NULL) == 1 &&
              EVP_DecryptInit_ex(k->dec, EVP_aes_256_gcm(), NULL, raw, NULL) == 1;
#ifdef SCHLOSS_HAVE_IPSECMB
    k->mb = alloc_mb_mgr(0);
    if (!ok || !k->mb) {
        return false;
    }
    init_mb_mgr_auto(k->mb, NULL);
    IMB_AES256_GCM_PRE(k->mb, raw, &k->mb_key);
#endif
    return ok;
}

#endif
