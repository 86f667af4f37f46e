/* Building and sharing DEK sets; used inside envelope/, and by serde/trim.c to take sets away. */
#ifndef ENVELOPE_SET_H
#define ENVELOPE_SET_H

#include "envelope/envelope.h"

#define DEK_SET_MAX 64u /* versions kept per slot; the one used longest ago by fetch order goes first */

void dek_key_unref(dek_key_t *k);
/* Takes ownership of aead on success. */
SCHLOSS_NODISCARD schloss_rc dek_key_new(dek_key_t **out, aead_key_t *aead, int32_t version, int64_t ts,
                                         schloss_error_t *err);
void dek_set_unref(dek_set_t *s);
/* Copy of old (may be NULL) with entry put in (replacing the same version; writing: replacing all). Takes over
 * entry's key and error, also on failure. The returned set has one reference. */
SCHLOSS_NODISCARD schloss_rc dek_set_with(dek_set_t **out, const dek_set_t *old, dek_entry_t *entry, bool writing,
                                          schloss_error_t *err);
/* A KEK or DEK that does not exist: remembered by its own time, until one is created. */
bool is_missing_key(const schloss_error_t *e);
/* A pass-through entry stands for every version. */
const dek_entry_t *dek_set_find(const dek_set_t *s, int32_t version, bool writing);
/* Swaps the slot's set; the caller holds env->lock. Takes over s (may be NULL). */
void dek_slot_publish(dek_slot_t *slot, dek_set_t *s);

/* ---- publish.c ---- */

/* Wall clock from which a DEK made at ts is due for rotation; INT64_MAX: never. */
int64_t rotation_of(const dek_spec_t *spec, int64_t ts);

/* What a fetch came to: a key (taken over), pass-through, or the error rc with why. */
typedef struct dek_outcome {
    dek_key_t *key;
    bool passes;
    schloss_rc rc;
    const schloss_error_t *why;
} dek_outcome_t;
SCHLOSS_NODISCARD schloss_rc env_publish(env_t *env, dek_slot_t *slot, int32_t version, const dek_fill_t *f,
                                         dek_outcome_t what, schloss_error_t *err);

#endif
