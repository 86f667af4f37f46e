/* Key derivation of the local KMS: HKDF-SHA256(secret, salt 32 zero bytes, info empty) -> 16 bytes. RFC 5869. */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include "base/err.h"
#include "base/mem.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

SCHLOSS_NODISCARD schloss_rc kdf_local_secret(uint8_t out[16], bytes_t secret, schloss_error_t *err);
/* MD5 for schema GUIDs (no security purpose; works in FIPS builds through a non-FIPS fetch). */
typedef struct md5 md5_t;
md5_t *md5_new(void);
void md5_update(md5_t *m, const void *p, size_t n);
SCHLOSS_NODISCARD bool md5_finish(md5_t *m, uint8_t out[16]); /* frees m */

#pragma GCC visibility pop

#endif
