/* Finding (or registering) the KEK of a slot, through the client's KEK cache. */
#ifndef ENVELOPE_KEK_H
#define ENVELOPE_KEK_H

#include "envelope/envelope.h"

void kek_cached_free(void *value);
/* A KEK or DEK may have come into being: what was missing before is asked for again. */
void count_create(env_t *env, dek_fill_t *fill);
/* Copies the KEK into *out (caller: sr_kek_clear). @return 0, NEED_IO, NEED_WAIT, KEK_NOT_FOUND, KEK_MISMATCH,
 * BAD_RULE_PARAM (must be registered but the rule lacks type or key id), registry and I/O errors */
SCHLOSS_NODISCARD schloss_rc kek_get(env_t *env, const dek_spec_t *spec, const char *context, dek_fill_t *fill,
                                     io_t *io, sr_kek_t *out, schloss_error_t *err);

#endif
