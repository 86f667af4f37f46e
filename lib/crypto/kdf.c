/* HKDF of the local KMS, and MD5. HKDF is written as its two HMACs: OpenSSL's refuses an empty secret, which is legal.
 * Where ipsec-mb serves, its SHA-256 does, too: OpenSSL's first fetch of an HMAC costs a fresh process more than all
 * its other work for the first message. */
#include "crypto/kdf.h"
#include "crypto/aead_impl.h"
#include "crypto/ossl.h"
#include <openssl/hmac.h>
#include <string.h>

#define BLOCK 64u
#define SHORT 512u /* longest data hashed on the stack */

/* HMAC-SHA256 (RFC 2104) of data under a key of 32 bytes. false: ipsec-mb cannot, or the data are too long for it here.
 */
static bool fast_hmac(const uint8_t key[32], bytes_t data, uint8_t out[32]) {
    uint8_t in[BLOCK + SHORT], outer[BLOCK + 32];
    if (data.len > SHORT || aead_backend() != AEAD_IPSECMB) {
        return false;
    }
    memset(in, 0x36, BLOCK);
    memset(outer, 0x5c, BLOCK);
    for (size_t i = 0; i < 32; i++) {
        in[i] ^= key[i];
        outer[i] ^= key[i];
    }
    if (data.len > 0) {
        memcpy(in + BLOCK, data.ptr, data.len);
    }
    bool ok = ipsecmb_sha256(in, BLOCK + data.len, outer + BLOCK) && ipsecmb_sha256(outer, sizeof outer, out);
    mem_wipe(in, sizeof in);
    mem_wipe(outer, sizeof outer);
    return ok;
}

schloss_rc kdf_local_secret(uint8_t out[16], bytes_t secret, schloss_error_t *err) {
    static const uint8_t salt[32] = {0};
    static const uint8_t counter = 1;
    uint8_t prk[32], okm[32];
    unsigned n = 0, m = 0;
    if (fast_hmac(salt, secret, prk) && fast_hmac(prk, bytes(&counter, 1), okm)) {
        memcpy(out, okm, 16);
        mem_wipe(prk, sizeof prk);
        mem_wipe(okm, sizeof okm);
        return SCHLOSS_OK;
    }
    const uint8_t *data = secret.len == 0 ? &counter : secret.ptr; /* HMAC wants a pointer */
    ossl_lock();
    bool ok = HMAC(EVP_sha256(), salt, sizeof salt, data, secret.len, prk, &n) != NULL && n == sizeof prk &&
              HMAC(EVP_sha256(), prk, sizeof prk, &counter, 1, okm, &m) != NULL && m == sizeof okm;
    ossl_unlock();
    if (ok) {
        memcpy(out, okm, 16);
    }
    mem_wipe(prk, sizeof prk);
    mem_wipe(okm, sizeof okm);
    return ok ? SCHLOSS_OK : ossl_fail("HMAC-SHA256", err);
}

struct md5 {
    EVP_MD_CTX *ctx;
    bool failed;
};

md5_t *md5_new(void) {
    md5_t *m = MEM_NEW(md5_t);
    if (m == NULL) {
        return NULL;
    }
    ossl_lock();
    EVP_MD *md = EVP_MD_fetch(NULL, "MD5", "-fips");
    m->ctx = EVP_MD_CTX_new();
    m->failed = md == NULL || m->ctx == NULL || EVP_DigestInit_ex2(m->ctx, md, NULL) != 1;
    EVP_MD_free(md);
    ossl_unlock();
    return m;
}

void md5_update(md5_t *m, const void *p, size_t n) {
    if (m != NULL && !m->failed && n != 0) {
        m->failed = EVP_DigestUpdate(m->ctx, p, n) != 1;
    }
}

bool md5_finish(md5_t *m, uint8_t out[16]) {
    if (m == NULL) {
        return false;
    }
    unsigned n = 0;
    bool ok = !m->failed && EVP_DigestFinal_ex(m->ctx, out, &n) == 1 && n == 16;
    EVP_MD_CTX_free(m->ctx);
    mem_free(m);
    return ok;
}
