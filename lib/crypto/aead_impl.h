/* What a back-end gives to aead.c. Checks of lengths are done before a back-end is called. */
#ifndef CRYPTO_AEAD_IMPL_H
#define CRYPTO_AEAD_IMPL_H

#include "crypto/aead.h"

#define GCM_TAG_LEN 16u

typedef struct aead_impl {
    const char *name;
    /* Sets key->state from raw (of the right length). */
    schloss_rc (*setup)(aead_key_t *key, const uint8_t *raw, schloss_error_t *err);
    void (*clear)(aead_key_t *key); /* state may be NULL */
    schloss_rc (*seal)(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce, uint8_t *out,
                       schloss_error_t *err);
    /* n >= overhead. Wipes out when it fails. */
    schloss_rc (*open)(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out, schloss_error_t *err);
} aead_impl_t;

struct aead_key {
    const aead_impl_t *impl;
    void *state;
    dek_alg_t alg;
};

extern const aead_impl_t aead_openssl; /* GCM */
extern const aead_impl_t aead_siv;
/* GCM over intel-ipsec-mb, or NULL when this build or this CPU cannot. */
const aead_impl_t *aead_ipsecmb(void);
/* "ipsec-mb 1.3.0 AVX2"; only when aead_ipsecmb() is not NULL. */
const char *aead_ipsecmb_detail(void);

/* SHA-256 over ipsec-mb; false: this build or this CPU cannot. */
bool ipsecmb_sha256(const uint8_t *in, size_t n, uint8_t out[32]);

/* Wipes out, and says that the data do not verify. */
schloss_rc aead_refuse(const aead_key_t *key, uint8_t *out, size_t n, schloss_error_t *err);

#endif
