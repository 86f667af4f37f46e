/* Secret memory: one slab of the process for key bytes, with guard pages around it, locked, excluded from core dumps.
 * Freed pieces are wiped. If locking fails: one warning and the metric memory_lock_failures; with
 * secret_require_lock(true) allocation fails with MEMORY_LOCK instead.
 *
 * The slab is inherited by fork (a child may go on with the keys it has); nonce pools are not (crypto/nonce.h). */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"
#include "base/mem.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* n bytes (<= 8192), 64-aligned, zeroed. Never realloc'd. Thread-safe (a lock: never on the execute path).
 * @return NO_MEMORY, LIMIT_EXCEEDED (slab full), MEMORY_LOCK */
SCHLOSS_NODISCARD schloss_rc secret_alloc(size_t n, void **out, schloss_error_t *err);
void secret_free(void *p); /* wipes; NULL is fine */
void secret_require_lock(bool required);
bool secret_lock_is_required(void);
/* Registers the fork handlers now instead of at the first use. Handlers run before a fork in the reverse order of their
 * registration: who holds a lock while calling this room must register his own later. false: out of memory. */
SCHLOSS_NODISCARD bool secret_guard_fork(void);
/* True when p lies in the slab (tests). */
bool secret_contains(const void *p);
/* Bytes in use (tests, metrics). */
size_t secret_in_use(void);
/* Compares in constant time (length is public). */
SCHLOSS_NODISCARD bool secret_equal(const void *a, const void *b, size_t n);

#pragma GCC visibility pop

#endif
