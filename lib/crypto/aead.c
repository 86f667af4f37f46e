/* The AEADs: names, sizes, choice of the back-end, length checks. */
#include "crypto/aead_impl.h"
#include "base/log.h"
#include "crypto/ossl.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Most bytes of one GCM message: 2^36 - 32 (SP 800-38D). */
#define PLAIN_MAX (((uint64_t)1 << 36) - 32)

static const struct {
    const char *name;
    size_t key_len, overhead;
} algs[] = {
    [DEK_AES128_GCM] = {"AES128_GCM", 16, GCM_NONCE_LEN + GCM_TAG_LEN},
    [DEK_AES256_GCM] = {"AES256_GCM", 32, GCM_NONCE_LEN + GCM_TAG_LEN},
    [DEK_AES256_SIV] = {"AES256_SIV", 64, 16},
};

const char *dek_alg_name(dek_alg_t alg) {
    return algs[alg].name;
}

bool dek_alg_parse(const char *name, dek_alg_t *out) {
    for (unsigned i = 0; i < COUNT_OF(algs); i++) {
        if (strcmp(name, algs[i].name) == 0) {
            *out = (dek_alg_t)i;
            return true;
        }
    }
    return false;
}

size_t dek_alg_key_len(dek_alg_t alg) {
    return algs[alg].key_len;
}

size_t aead_overhead(dek_alg_t alg) {
    return algs[alg].overhead;
}

static aead_backend_t automatic;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Often the first that is asked of OpenSSL, which reads its configuration then, under locks of its own. */
static bool is_fips(void) {
    ossl_lock();
    bool fips = EVP_default_properties_is_fips_enabled(NULL) == 1;
    ossl_unlock();
    return fips;
}

bool aead_backend_usable(aead_backend_t b) {
    /* A FIPS module's approval does not extend to other code that computes AES. */
    return b != AEAD_IPSECMB || (aead_ipsecmb() != NULL && !is_fips());
}

static void choose(void) {
    automatic = aead_backend_usable(AEAD_IPSECMB) ? AEAD_IPSECMB : AEAD_OPENSSL;
    const char *wish = secure_getenv("SCHLOSS_CRYPTO_BACKEND");
    if (wish == NULL || wish[0] == 0 || strcmp(wish, "auto") == 0) {
        return;
    }
    if (strcmp(wish, "openssl") == 0) {
        automatic = AEAD_OPENSSL;
    } else if (strcmp(wish, "ipsec-mb") != 0) {
        LOG_WARN("crypto", "SCHLOSS_CRYPTO_BACKEND is none of auto, openssl, ipsec-mb: ignored");
    } else if (automatic != AEAD_IPSECMB) {
        LOG_WARN("crypto", "SCHLOSS_CRYPTO_BACKEND=ipsec-mb, but it cannot be used here: openssl is");
    }
}

aead_backend_t aead_backend(void) {
    pthread_once(&once, choose);
    return automatic;
}

static aead_backend_t resolve(aead_backend_t b) {
    return b == AEAD_AUTO ? aead_backend() : b;
}

const char *aead_backend_name(aead_backend_t b) {
    return resolve(b) == AEAD_IPSECMB ? "ipsec-mb" : "openssl";
}

const char *aead_backend_detail(aead_backend_t b) {
    if (resolve(b) == AEAD_OPENSSL) {
        return OpenSSL_version(OPENSSL_VERSION);
    }
    return aead_ipsecmb() == NULL ? "ipsec-mb (not usable here)" : aead_ipsecmb_detail();
}

schloss_rc aead_key_new(aead_key_t **out, dek_alg_t alg, bytes_t raw, aead_backend_t backend, schloss_error_t *err) {
    ENSURE(raw.len == dek_alg_key_len(alg), err, BAD_KEY, "a key of %zu bytes is none of %s, which has %zu", raw.len,
           dek_alg_name(alg), dek_alg_key_len(alg));
    backend = resolve(backend);
    ENSURE(aead_backend_usable(backend), err, UNSUPPORTED, "crypto back-end ipsec-mb cannot be used on this machine");
    aead_key_t *key = MEM_NEW(aead_key_t);
    if (key == NULL) {
        return NO_MEMORY(err);
    }
    key->alg = alg;
    key->impl = alg == DEK_AES256_SIV ? &aead_siv : backend == AEAD_IPSECMB ? aead_ipsecmb() : &aead_openssl;
    schloss_rc rc = key->impl->setup(key, raw.ptr, err);
    if (rc != SCHLOSS_OK) {
        aead_key_free(key);
        return rc;
    }
    *out = key;
    return SCHLOSS_OK;
}

void aead_key_free(aead_key_t *key) {
    if (key != NULL) {
        key->impl->clear(key);
        mem_free(key);
    }
}

dek_alg_t aead_key_alg(const aead_key_t *key) {
    return key->alg;
}

schloss_rc aead_refuse(const aead_key_t *key, uint8_t *out, size_t n, schloss_error_t *err) {
    mem_wipe(out, n);
    schloss_rc rc = FAIL(err, AUTH_FAILED, "%s ciphertext of %zu bytes does not verify", dek_alg_name(key->alg),
                         n + aead_overhead(key->alg));
    err_hint(err, "the data were altered, cut, or encrypted with another key");
    return rc;
}

schloss_rc aead_seal(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce, uint8_t *out,
                     schloss_error_t *err) {
    ENSURE(n <= PLAIN_MAX, err, LIMIT_EXCEEDED, "limit plaintext of %llu bytes exceeded",
           (unsigned long long)PLAIN_MAX);
    return key->impl->seal(key, in, n, nonce, out, err);
}

schloss_rc aead_open(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out, schloss_error_t *err) {
    size_t overhead = aead_overhead(key->alg);
    ENSURE(n >= overhead, err, CIPHERTEXT_TOO_SHORT, "%zu bytes are no %s ciphertext, which has at least %zu", n,
           dek_alg_name(key->alg), overhead);
    ENSURE(n - overhead <= PLAIN_MAX, err, LIMIT_EXCEEDED, "limit plaintext of %llu bytes exceeded",
           (unsigned long long)PLAIN_MAX);
    return key->impl->open(key, in, n, out, err);
}
