/* One value under a DEK: version prefix, AEAD, base64 (spec client-encryption 1.3-1.5). */
#ifndef RULES_VALUE_H
#define RULES_VALUE_H

#include "rules/plan.h"

/* Appends the encrypted Avro string / bytes value (length and content) of plain to out. */
SCHLOSS_NODISCARD schloss_rc value_encrypt(plan_crypt_t *c, bytes_t plain, bool is_string, buf_t *out,
                                           schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc value_decrypt(plan_crypt_t *c, bytes_t cipher, bool is_string, buf_t *out,
                                           schloss_error_t *err);
/* The same for a whole payload: no Avro length, no base64. */
SCHLOSS_NODISCARD schloss_rc payload_encrypt(plan_crypt_t *c, bytes_t plain, buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc payload_decrypt(plan_crypt_t *c, bytes_t cipher, buf_t *out, schloss_error_t *err);

#endif
