/* The operating system's random source. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/err.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* n random bytes by getrandom(2). @return RANDOM on failure. Counts the metric random_calls. */
SCHLOSS_NODISCARD schloss_rc random_bytes(void *out, size_t n, schloss_error_t *err);
/* Random number in 0..n-1 for jitter; not for keys. */
uint32_t random_below(uint32_t n);

#pragma GCC visibility pop

#endif
