/* The KMS as a KEK sees it: its properties over the client's configuration. Used inside envelope/ only. */
#ifndef ENVELOPE_SCOPE_H
#define ENVELOPE_SCOPE_H

#include "envelope/envelope.h"

typedef struct kms_scope {
    const env_t *env;
    const dek_spec_t *spec; /* conf_scope and conf_type count */
    const sr_kek_t *kek;
} kms_scope_t;

/* Borrows scope and what it names. */
kms_key_t kms_key_of(kms_scope_t *scope);
/* May this setting of a driver come from kmsProps? Properties come from the registry: a hostile one must not be able to
 * send keys elsewhere, read files or load code. */
bool kms_prop_is_allowed(const env_conf_t *conf, const char *name);

#endif
