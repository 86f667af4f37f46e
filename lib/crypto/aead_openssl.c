/* AES-GCM over OpenSSL's EVP: contexts keep the key, each message sets its nonce only. The raw key stays in secret
 * memory, from where further contexts are keyed when more threads come. */
#include "base/secret.h"
#include "crypto/aead_impl.h"
#include "crypto/ossl.h"
#include <openssl/err.h>
#include <string.h>

typedef struct state {
    ctx_pool_t seal, open;
    uint8_t *raw;
} state_t;

static const char *cipher_of(const aead_key_t *key) {
    return key->alg == DEK_AES128_GCM ? "AES-128-GCM" : "AES-256-GCM";
}

static void drain(ctx_pool_t *pool) {
    for (void *ctx; (ctx = ctx_pool_take(pool)) != NULL;) {
        EVP_CIPHER_CTX_free(ctx);
    }
}

static void clear(aead_key_t *key) {
    state_t *s = key->state;
    if (s != NULL) {
        drain(&s->seal);
        drain(&s->open);
        secret_free(s->raw);
        mem_free(s);
    }
}

static EVP_CIPHER_CTX *take(const aead_key_t *key, bool encrypt, schloss_error_t *err) {
    state_t *s = key->state;
    EVP_CIPHER_CTX *ctx = ctx_pool_take(encrypt ? &s->seal : &s->open);
    if (ctx == NULL) {
        ctx = ossl_cipher_new(cipher_of(key), s->raw, encrypt);
        if (ctx == NULL) {
            (void)ossl_fail(cipher_of(key), err);
        }
    }
    return ctx;
}

static void give(ctx_pool_t *pool, EVP_CIPHER_CTX *ctx) {
    if (!ctx_pool_give(pool, ctx)) {
        EVP_CIPHER_CTX_free(ctx);
    }
}

static schloss_rc setup(aead_key_t *key, const uint8_t *raw, schloss_error_t *err) {
    state_t *s = MEM_NEW(state_t);
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    key->state = s;
    void *copy = NULL;
    TRY(secret_alloc(dek_alg_key_len(key->alg), &copy, err));
    s->raw = copy;
    memcpy(s->raw, raw, dek_alg_key_len(key->alg));
    /* One context now: a cipher that is missing shows here, and not at the first message. */
    EVP_CIPHER_CTX *ctx = take(key, true, err);
    if (ctx == NULL) {
        return SCHLOSS_E_CRYPTO;
    }
    give(&s->seal, ctx);
    return SCHLOSS_OK;
}

static schloss_rc seal(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce, uint8_t *out,
                       schloss_error_t *err) {
    EVP_CIPHER_CTX *ctx = take(key, true, err);
    if (ctx == NULL) {
        return SCHLOSS_E_CRYPTO;
    }
    memcpy(out, nonce, GCM_NONCE_LEN);
    uint8_t *body = out + GCM_NONCE_LEN;
    int len = 0;
    if (EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) != 1 || !ossl_update(ctx, body, in, n) ||
        EVP_EncryptFinal_ex(ctx, body + n, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, body + n) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        mem_wipe(out, n + GCM_NONCE_LEN + GCM_TAG_LEN);
        return ossl_fail("AES-GCM encryption", err);
    }
    give(&((state_t *)key->state)->seal, ctx);
    return SCHLOSS_OK;
}

static schloss_rc open_(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out, schloss_error_t *err) {
    EVP_CIPHER_CTX *ctx = take(key, false, err);
    if (ctx == NULL) {
        return SCHLOSS_E_CRYPTO;
    }
    size_t plain = n - GCM_NONCE_LEN - GCM_TAG_LEN;
    const uint8_t *body = in + GCM_NONCE_LEN;
    uint8_t tag[GCM_TAG_LEN], none[1];
    int len = 0;
    memcpy(tag, body + plain, sizeof tag);
    if (EVP_DecryptInit_ex2(ctx, NULL, NULL, in, NULL) != 1 || !ossl_update(ctx, out, body, plain) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        mem_wipe(out, plain);
        return ossl_fail("AES-GCM decryption", err);
    }
    bool good = EVP_DecryptFinal_ex(ctx, none, &len) == 1;
    give(&((state_t *)key->state)->open, ctx);
    if (!good) {
        ERR_clear_error();
        return aead_refuse(key, out, plain, err);
    }
    return SCHLOSS_OK;
}

const aead_impl_t aead_openssl = {"openssl", setup, clear, seal, open_};
