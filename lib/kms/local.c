/* local-kms: an AES-128-GCM key derived from a secret that the client knows. For development and tests; the key id has
 * no cryptographic meaning. The derived key lives in secret memory for the length of one call. */
#include "kms/kms.h"

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/nonce.h"
#include <stdlib.h>

#define KEY_LEN 16u
#define HINT_SECRET "set rule.executors._ENCRYPT_.param.secret (or the environment variable LOCAL_SECRET)"

static const char *secret_of(const kms_key_t *key) {
    const char *secret = key->conf.get == NULL ? NULL : key->conf.get(key->conf.user, "secret");
    return secret != NULL ? secret : getenv("LOCAL_SECRET");
}

static bool is_resource(schloss_rc rc) {
    return rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_MEMORY_LOCK || rc == SCHLOSS_E_LIMIT_EXCEEDED ||
           rc == SCHLOSS_E_RANDOM;
}

/* @param failed WRAP_FAILED or UNWRAP_FAILED: what a missing secret is */
static schloss_rc key_derive(const kms_key_t *key, schloss_rc failed, aead_key_t **out, schloss_error_t *err) {
    const char *secret = secret_of(key);
    if (secret == NULL) {
        err_set(err, failed, "cannot load the secret of %s://%s", key->kms_type, key->key_id);
        err_hint(err, HINT_SECRET);
        return failed;
    }
    void *raw = NULL;
    TRY(secret_alloc(KEY_LEN, &raw, err));
    schloss_rc rc = kdf_local_secret(raw, bytes(secret, strlen(secret)), err);
    if (rc == SCHLOSS_OK) {
        rc = aead_key_new(out, DEK_AES128_GCM, bytes(raw, KEY_LEN), AEAD_AUTO, err);
    }
    secret_free(raw);
    return rc;
}

static schloss_rc local_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    (void)io;
    aead_key_t *kek = NULL;
    TRY(key_derive(key, SCHLOSS_E_WRAP_FAILED, &kek, err));
    uint8_t nonce[GCM_NONCE_LEN];
    schloss_rc rc = nonce_take(nonce, err);
    if (rc == SCHLOSS_OK) {
        size_t n = plain.len + aead_overhead(DEK_AES128_GCM);
        if (!buf_reserve(out, n)) {
            rc = buf_check(out, err);
        } else {
            rc = aead_seal(kek, plain.ptr, plain.len, nonce, out->ptr + out->len, err);
            out->len += rc == SCHLOSS_OK ? n : 0;
        }
    }
    aead_key_free(kek);
    if (rc != SCHLOSS_OK && !is_resource(rc)) {
        return FAIL(err, WRAP_FAILED, "%s://%s cannot wrap: the crypto library failed", key->kms_type, key->key_id);
    }
    return rc;
}

static schloss_rc local_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                               size_t *out_len, schloss_error_t *err) {
    (void)io;
    size_t overhead = aead_overhead(DEK_AES128_GCM);
    if (wrapped.len < overhead) {
        FAIL(err, UNWRAP_FAILED, "the wrapped key has %zu bytes, %s://%s needs at least %zu", wrapped.len,
             key->kms_type, key->key_id, overhead);
        err_hint(err, "the DEK in the registry is damaged, or was wrapped by another KMS");
        return SCHLOSS_E_UNWRAP_FAILED;
    }
    size_t n = wrapped.len - overhead;
    ENSURE(n <= cap, err, UNWRAP_FAILED, "the wrapped key of %s://%s holds %zu bytes, a DEK has at most %zu",
           key->kms_type, key->key_id, n, cap);
    aead_key_t *kek = NULL;
    TRY(key_derive(key, SCHLOSS_E_UNWRAP_FAILED, &kek, err));
    schloss_rc rc = aead_open(kek, wrapped.ptr, wrapped.len, out, err);
    aead_key_free(kek);
    if (rc == SCHLOSS_OK) {
        *out_len = n;
    } else if (!is_resource(rc)) {
        FAIL(err, UNWRAP_FAILED, "the secret of %s://%s does not open the wrapped key", key->kms_type, key->key_id);
        err_hint(err, "is the secret the one that it was wrapped with? " HINT_SECRET);
        return SCHLOSS_E_UNWRAP_FAILED;
    }
    return rc;
}

const kms_driver_t kms_local = {"local-kms", local_wrap, local_unwrap};
