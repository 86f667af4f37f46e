/* What the parts that use OpenSSL share: pools of keyed contexts, and its errors. */
#ifndef CRYPTO_OSSL_H
#define CRYPTO_OSSL_H

#include "base/err.h"
#include <openssl/evp.h>
#include <stdatomic.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

#define CTX_SLOTS 64u

/* Idle contexts of one key. Taking and giving back is one atomic exchange each, so any number of threads share a key
 * without a lock; there are never more contexts than threads that were inside at once. */
typedef struct ctx_pool {
    _Atomic(void *) slot[CTX_SLOTS];
} ctx_pool_t;

void *ctx_pool_take(ctx_pool_t *p);           /* NULL: none is idle, make one */
bool ctx_pool_give(ctx_pool_t *p, void *ctx); /* false: full, free it */

/* OpenSSL looks algorithms up under locks of its own, which a child inherits locked when another thread of its parent
 * was inside at the fork. So the library's own look-ups go through this lock, which a fork takes. Never on the way of a
 * record after warm-up. */
void ossl_lock(void);
void ossl_unlock(void);
/* Registers the fork handlers; false: out of memory. */
SCHLOSS_NODISCARD bool ossl_guard_fork(void);

/* CRYPTO with the reason that OpenSSL gives; empties its error queue. */
schloss_rc ossl_fail(const char *what, schloss_error_t *err);
/* A new keyed context, or NULL. */
EVP_CIPHER_CTX *ossl_cipher_new(const char *cipher, const uint8_t *raw, bool encrypt);
/* Update over more bytes than an int counts; false on failure. */
bool ossl_update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n);

#pragma GCC visibility pop

#endif
