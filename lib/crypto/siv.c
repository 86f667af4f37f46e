/* AES-256-SIV (RFC 5297) with exactly one associated-data item, which is empty: S2V over OpenSSL's CMAC, then CTR.
 *
 * The empty item makes the first two steps of S2V constants of the key: D1 = dbl(CMAC(zero)) xor CMAC(""). D1 is all
 * that a message needs. The first half of the key is CMAC's, the second CTR's. */
#include "base/secret.h"
#include "crypto/aead_impl.h"
#include "crypto/ossl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#define BLOCK 16u
#define HALF 32u

/* In secret memory. */
typedef struct secrets {
    uint8_t raw[2 * HALF];
    uint8_t d1[BLOCK];
    uint8_t d1_doubled[BLOCK];
} secrets_t;

typedef struct state {
    ctx_pool_t pool;
    secrets_t *secrets;
} state_t;

/* What one message uses. */
typedef struct ctx {
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *ctr;
} ctx_t;

static void ctx_free(ctx_t *c) {
    EVP_MAC_CTX_free(c->mac);
    EVP_CIPHER_CTX_free(c->ctr);
    mem_free(c);
}

static EVP_MAC_CTX *mac_new(const uint8_t *raw) {
    ossl_lock();
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    char cipher[] = "AES-256-CBC";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                                 OSSL_PARAM_construct_end()};
    if (ctx != NULL && EVP_MAC_init(ctx, raw, HALF, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    ossl_unlock();
    return ctx;
}

static schloss_rc ctx_new(ctx_t **out, const secrets_t *s, schloss_error_t *err) {
    ctx_t *c = MEM_NEW(ctx_t);
    if (c == NULL) {
        return NO_MEMORY(err);
    }
    c->mac = mac_new(s->raw);
    c->ctr = ossl_cipher_new("AES-256-CTR", s->raw + HALF, true);
    if (c->mac == NULL || c->ctr == NULL) {
        ctx_free(c);
        (void)ossl_fail("AES-256-SIV", err);
        return SCHLOSS_E_CRYPTO; /* so that compilers see that *out is set on success */
    }
    *out = c;
    return SCHLOSS_OK;
}

static schloss_rc take(const aead_key_t *key, ctx_t **out, schloss_error_t *err) {
    state_t *s = key->state;
    *out = ctx_pool_take(&s->pool);
    return *out != NULL ? SCHLOSS_OK : ctx_new(out, s->secrets, err);
}

static void give(const aead_key_t *key, ctx_t *c) {
    if (!ctx_pool_give(&((state_t *)key->state)->pool, c)) {
        ctx_free(c);
    }
}

static void clear(aead_key_t *key) {
    state_t *s = key->state;
    if (s != NULL) {
        for (ctx_t *c; (c = ctx_pool_take(&s->pool)) != NULL;) {
            ctx_free(c);
        }
        secret_free(s->secrets);
        mem_free(s);
    }
}

/* out = CMAC(a || b). A context that has its key starts anew with it. */
static bool cmac(ctx_t *c, uint8_t out[BLOCK], const uint8_t *a, size_t na, const uint8_t *b, size_t nb) {
    size_t len = 0;
    return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1 && (na == 0 || EVP_MAC_update(c->mac, a, na) == 1) &&
           (nb == 0 || EVP_MAC_update(c->mac, b, nb) == 1) && EVP_MAC_final(c->mac, out, &len, BLOCK) == 1 &&
           len == BLOCK;
}

/* Multiplies by x in GF(2^128), without a branch on the bits. */
static void dbl(uint8_t out[BLOCK], const uint8_t in[BLOCK]) {
    unsigned carry = in[0] >> 7;
    for (unsigned i = 0; i + 1 < BLOCK; i++) {
        out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
    }
    out[BLOCK - 1] = (uint8_t)((unsigned)in[BLOCK - 1] << 1 ^ (0x87 & (0u - carry)));
}

static void xor_block(uint8_t *a, const uint8_t *b) {
    for (unsigned i = 0; i < BLOCK; i++) {
        a[i] ^= b[i];
    }
}

static schloss_rc setup(aead_key_t *key, const uint8_t *raw, schloss_error_t *err) {
    state_t *s = MEM_NEW(state_t);
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    key->state = s;
    void *secrets = NULL;
    TRY(secret_alloc(sizeof *s->secrets, &secrets, err));
    s->secrets = secrets;
    memcpy(s->secrets->raw, raw, sizeof s->secrets->raw);

    ctx_t *c = NULL;
    TRY(take(key, &c, err));
    const uint8_t zero[BLOCK] = {0};
    uint8_t d0[BLOCK], empty[BLOCK];
    bool ok = cmac(c, d0, zero, BLOCK, NULL, 0) && cmac(c, empty, NULL, 0, NULL, 0);
    if (ok) {
        dbl(s->secrets->d1, d0);
        xor_block(s->secrets->d1, empty);
        dbl(s->secrets->d1_doubled, s->secrets->d1);
    }
    mem_wipe(d0, sizeof d0);
    mem_wipe(empty, sizeof empty);
    if (!ok) {
        ctx_free(c);
        return ossl_fail("CMAC", err);
    }
    give(key, c);
    return SCHLOSS_OK;
}

/* The synthetic IV of p. */
static bool s2v(const secrets_t *s, ctx_t *c, uint8_t v[BLOCK], const uint8_t *p, size_t n) {
    uint8_t last[BLOCK] = {0};
    bool ok;
    if (n >= BLOCK) {
        memcpy(last, p + n - BLOCK, BLOCK);
        xor_block(last, s->d1);
        ok = cmac(c, v, p, n - BLOCK, last, BLOCK);
    } else {
        if (n != 0) {
            memcpy(last, p, n);
        }
        last[n] = 0x80;
        xor_block(last, s->d1_doubled);
        ok = cmac(c, v, last, BLOCK, NULL, 0);
    }
    mem_wipe(last, sizeof last);
    return ok;
}

static bool ctr(ctx_t *c, const uint8_t v[BLOCK], uint8_t *out, const uint8_t *in, size_t n) {
    uint8_t q[BLOCK];
    memcpy(q, v, BLOCK);
    q[8] &= 0x7f;
    q[12] &= 0x7f;
    return EVP_EncryptInit_ex2(c->ctr, NULL, NULL, q, NULL) == 1 && ossl_update(c->ctr, out, in, n);
}

static schloss_rc seal(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce, uint8_t *out,
                       schloss_error_t *err) {
    (void)nonce;
    ctx_t *c;
    TRY(take(key, &c, err));
    if (!s2v(((state_t *)key->state)->secrets, c, out, in, n) || !ctr(c, out, out + BLOCK, in, n)) {
        ctx_free(c);
        mem_wipe(out, n + BLOCK);
        return ossl_fail("AES-256-SIV encryption", err);
    }
    give(key, c);
    return SCHLOSS_OK;
}

static schloss_rc open_(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out, schloss_error_t *err) {
    ctx_t *c;
    TRY(take(key, &c, err));
    size_t plain = n - BLOCK;
    uint8_t v[BLOCK];
    if (!ctr(c, in, out, in + BLOCK, plain) || !s2v(((state_t *)key->state)->secrets, c, v, out, plain)) {
        ctx_free(c);
        mem_wipe(out, plain);
        return ossl_fail("AES-256-SIV decryption", err);
    }
    give(key, c);
    bool good = secret_equal(v, in, BLOCK);
    mem_wipe(v, sizeof v); /* of forged data this is what the forger looks for */
    return good ? SCHLOSS_OK : aead_refuse(key, out, plain, err);
}

const aead_impl_t aead_siv = {"openssl", setup, clear, seal, open_};
