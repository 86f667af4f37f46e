/* What the KMIP driver stores as a wrapped key (control-plane 6.5, without associated data), and its ciphers where the
 * server lends the key instead of using it.
 *
 *   01 uidLen(1) uid iv(12) ciphertext tag(16)     AES-GCM by the server, KMIP 1.4
 *   02 uidLen(1) uid iv(16) ciphertext             AES-CBC, PKCS5, by the server; the plaintext ends in a check value:
 *                                                  the first 16 bytes of SHA-256("schloss-kcv" key)
 *   03 uidLen(1) uid iv(12) ciphertext tag(16)     AES-GCM here, with the key that Get has answered */
#ifndef KMS_KMIP_BLOB_H
#define KMS_KMIP_BLOB_H

#include "base/buf.h"

enum kmip_mode { KMIP_MODE_GCM = 1, KMIP_MODE_CBC = 2, KMIP_MODE_LOCAL = 3 };

#define KMIP_GCM_IV_LEN 12u
#define KMIP_CBC_IV_LEN 16u
#define KMIP_TAG_LEN 16u
#define KMIP_CHECK_LEN 16u
#define KMIP_PLAIN_MAX 512u /* a key message with its check value */

typedef struct kmip_blob {
    enum kmip_mode mode;
    bytes_t uid, iv, data, tag; /* borrowed; tag is empty in mode CBC */
} kmip_blob_t;

/* NULL, or what is wrong with it. */
const char *kmip_blob_read(kmip_blob_t *out, bytes_t wrapped);
void kmip_blob_write(buf_t *out, const kmip_blob_t *b);

SCHLOSS_NODISCARD schloss_rc kmip_check_value(uint8_t out[KMIP_CHECK_LEN], bytes_t plain, schloss_error_t *err);
/* Cuts the check value off n bytes at data and compares it. *n becomes the key's length. AUTH_FAILED when it differs.
 */
SCHLOSS_NODISCARD schloss_rc kmip_check_strip(const uint8_t *data, size_t *n, schloss_error_t *err);

/* GCM with the bytes of the key: iv, ciphertext and tag to out (plain.len + 28). @return BAD_KEY, ... (crypto/aead.h)
 */
SCHLOSS_NODISCARD schloss_rc kmip_local_seal(uint8_t *out, bytes_t key, bytes_t plain, const uint8_t *iv,
                                             schloss_error_t *err);
/* Opens a blob of any mode with the bytes of the key; out has room for data.len bytes. @return AUTH_FAILED, BAD_KEY */
SCHLOSS_NODISCARD schloss_rc kmip_local_open(uint8_t *out, size_t *n, bytes_t key, const kmip_blob_t *b,
                                             schloss_error_t *err);

#endif
