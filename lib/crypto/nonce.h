/* 96-bit random nonces from a pool of the calling thread: 256 at a time from the system's random source, each used once
 * and wiped as it is taken. The pool lies in memory that the kernel zeroes in a forked child (MADV_WIPEONFORK), and
 * carries a live marker: a pool whose marker is zero is never used but refilled whole. */
#ifndef CRYPTO_NONCE_H
#define CRYPTO_NONCE_H

#include "base/err.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

#define NONCE_BATCH 256u

/* @return RANDOM, NO_MEMORY (first call of a thread) */
SCHLOSS_NODISCARD schloss_rc nonce_take(uint8_t out[12], schloss_error_t *err);

/* Replaces the source in this thread, for vectors: next(user, out). NULL = the pool again. Tests only. */
void nonce_set_source(schloss_rc (*next)(void *user, uint8_t out[12], schloss_error_t *err), void *user);

#pragma GCC visibility pop

#endif
