/* Finding (or registering) the KEK of a slot, through the client's KEK cache. */
#ifndef ENVELOPE_KEK_H
#define ENVELOPE_KEK_H

#include "envelope/envelope.h"

#define KEY_MESSAGE_MAX 1024u /* 66 bytes are usual; fields that we do not know may stand in it */

void kek_cached_free(void *value);
/* A KEK or DEK may have come into being: what was missing before is asked for again. */
void count_create(env_t *env, dek_fill_t *fill);
/* Context of the subject, for mem_free; NULL for the default one. NO_MEMORY is told apart from that: the KEK of another
 * context is another KEK. */
SCHLOSS_NODISCARD schloss_rc kek_context(const char *subject, char **out, schloss_error_t *err);
/* Does the KMS unwrap f->wrapped to f->material? WRAP_FAILED when it does not. Once per fill. (fill.c) */
SCHLOSS_NODISCARD schloss_rc kms_prove(const kms_key_t *key, dek_fill_t *f, const char *subject, io_t *io,
                                       schloss_error_t *err);
/* Copies the KEK into *out (caller: sr_kek_clear). @return 0, NEED_IO, NEED_WAIT, KEK_NOT_FOUND, KEK_MISMATCH,
 * BAD_RULE_PARAM (must be registered but the rule lacks type or key id), registry and I/O errors */
SCHLOSS_NODISCARD schloss_rc kek_get(env_t *env, const dek_spec_t *spec, const char *context, dek_fill_t *fill,
                                     io_t *io, sr_kek_t *out, schloss_error_t *err);

#endif
