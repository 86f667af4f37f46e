/* The key message that a KMS wraps: a serialized Tink AesGcmKey or AesSivKey (spec client-encryption 1.2). */
#ifndef CRYPTO_TINK_H
#define CRYPTO_TINK_H

#include "crypto/aead.h"

#define TINK_MAX_LEN 66u

/* Writes the message of a raw key (dek_alg_key_len bytes) to out; returns its length: 18, 34, 66. */
size_t tink_key_write(uint8_t out[TINK_MAX_LEN], dek_alg_t alg, const uint8_t *raw);
/* Finds the raw key inside msg (borrowed). Any field order, unknown fields skipped, version must be 0, key length and
 * message type must fit alg. @return BAD_KEY */
SCHLOSS_NODISCARD schloss_rc tink_key_parse(bytes_t *raw, dek_alg_t alg, bytes_t msg, schloss_error_t *err);

#endif
