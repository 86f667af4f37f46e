/* One value under a DEK: version prefix, AEAD, base64 (spec client-encryption 1.3-1.5); or through an application's
 * transform. */
#ifndef RULES_VALUE_H
#define RULES_VALUE_H

#include "rules/plan.h"

/* The length that stands in front of a value: none (JSON), zigzag varint (Avro), plain varint (Protobuf). */
typedef enum { HEAD_NONE, HEAD_ZIGZAG, HEAD_VARINT } value_head_t;

/* Appends length and content of the transformed value: encrypted when c->writing, decrypted otherwise, or what
 * c->custom makes of it. in is the content: UTF-8 of a string (base64 text when reading), the bytes otherwise. A
 * failure appends nothing and leaves no plaintext behind. field: full name, for c->custom. Strings are checked to be
 * UTF-8 before they are encrypted and after they are decrypted. */
SCHLOSS_NODISCARD schloss_rc value_transform(plan_crypt_t *c, const char *field, bytes_t in, bool is_string,
                                             value_head_t head, buf_t *out, schloss_error_t *err);
/* A whole payload: no length, no base64. */
SCHLOSS_NODISCARD schloss_rc payload_encrypt(plan_crypt_t *c, bytes_t plain, buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc payload_decrypt(plan_crypt_t *c, bytes_t cipher, buf_t *out, schloss_error_t *err);

#endif
