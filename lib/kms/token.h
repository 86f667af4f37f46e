/* Short-lived credentials that drivers fetch: session keys, access tokens, log-ins. One cache per process, shared by
 * all clients, bounded, thread-safe, values in secret memory; forgotten when they expire. */
#ifndef KMS_TOKEN_H
#define KMS_TOKEN_H

#include "base/buf.h"
#include "base/err.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* Copies the live value of name into out (sensitive buffer, emptied first). A token counts as dead from margin_ms
 * before its expiry on. @return false: none, fetch one */
bool token_get(const char *name, int64_t now_ms, int64_t margin_ms, buf_t *out);
/* Remembers value until expires_ms (wall clock, milliseconds). Best effort: without memory it is simply not kept. */
void token_put(const char *name, bytes_t value, int64_t expires_ms);
/* Drops name: the service refused it. */
void token_forget(const char *name);
/* name for token_*: kind and everything that decides whose token it is, credentials included, hashed (SHA-256, hex). */
SCHLOSS_NODISCARD schloss_rc token_name(char out[80], const char *kind, const char *const *parts, size_t n,
                                        schloss_error_t *err);

#pragma GCC visibility pop

#endif
