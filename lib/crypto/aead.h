/* The AEADs of DEKs behind one small interface, two GCM back-ends: intel-ipsec-mb's direct calls where the CPU has what
 * they need, OpenSSL everywhere else, in FIPS builds and as the reference in tests. AES256_SIV is RFC 5297 composed
 * over OpenSSL's CMAC and CTR, with exactly one associated-data item, which is empty (spec client-encryption 1.3).
 * Associated data of GCM is always empty.
 *
 * A key is immutable and may be used by any number of threads at once without a lock. Its schedule lies in secret
 * memory (ipsec-mb) or in OpenSSL's heap (OpenSSL, SIV). */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/err.h"
#include "base/mem.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

typedef enum { DEK_AES128_GCM, DEK_AES256_GCM, DEK_AES256_SIV } dek_alg_t;
typedef enum { AEAD_AUTO, AEAD_OPENSSL, AEAD_IPSECMB } aead_backend_t;

#define GCM_NONCE_LEN 12u
#define AEAD_MAX_OVERHEAD 28u

const char *dek_alg_name(dek_alg_t alg);                                /* "AES256_GCM" */
SCHLOSS_NODISCARD bool dek_alg_parse(const char *name, dek_alg_t *out); /* exact, case-sensitive */
size_t dek_alg_key_len(dek_alg_t alg);                                  /* 16, 32, 64 */
size_t aead_overhead(dek_alg_t alg);                                    /* 28, 28, 16 */

/* Back-end that AEAD_AUTO means here, and whether one is usable. schloss.crypto.backend / SCHLOSS_CRYPTO_BACKEND =
 * auto | openssl | ipsec-mb. */
aead_backend_t aead_backend(void);
bool aead_backend_usable(aead_backend_t b);
const char *aead_backend_name(aead_backend_t b); /* "ipsec-mb", "openssl" */
/* e.g. "ipsec-mb 1.3.0 AVX512" for `schloss version -v`. */
const char *aead_backend_detail(aead_backend_t b);

typedef struct aead_key aead_key_t;

/* raw is copied. @return BAD_KEY (length), NO_MEMORY, MEMORY_LOCK, CRYPTO */
SCHLOSS_NODISCARD schloss_rc aead_key_new(aead_key_t **out, dek_alg_t alg, bytes_t raw, aead_backend_t backend,
                                          schloss_error_t *err);
void aead_key_free(aead_key_t *key); /* wipes */
dek_alg_t aead_key_alg(const aead_key_t *key);

/* Encrypts n bytes at in to out (n + aead_overhead bytes; must not overlap in).
 * nonce: 12 bytes for GCM (written in front), ignored for SIV. Allocates nothing once there
 * are as many contexts as threads that are inside at once (OpenSSL, SIV), or ever (ipsec-mb). */
SCHLOSS_NODISCARD schloss_rc aead_seal(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce,
                                       uint8_t *out, schloss_error_t *err);
/* Decrypts n bytes at in to out (n - aead_overhead bytes; must not overlap in).
 * @return CIPHERTEXT_TOO_SHORT, AUTH_FAILED (out is wiped) */
SCHLOSS_NODISCARD schloss_rc aead_open(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out,
                                       schloss_error_t *err);

#pragma GCC visibility pop

#endif
