/* The exchanges of one wrap or unwrap with a KMIP server, as a chain of remembered calls of the io (http/io.h). */
#ifndef KMS_KMIP_SESSION_H
#define KMS_KMIP_SESSION_H

#include "kms/kmip/profile.h"

#define KMIP_GCM_MINOR 4u   /* Encrypt returns a tag from 1.4 on */
#define KMIP_CRYPT_MINOR 2u /* Encrypt and Decrypt exist from 1.2 on */

typedef struct kmip_session {
    const kms_key_t *key; /* borrowed, as io */
    io_t *io;
    bool is_wrap;
    kmip_profile_t profile;
    kmip_head_t head;
    kmip_attributes_t attributes;
    io_answer_t anchor; /* of Get Attributes: what must last over re-runs is kept beside it */
    buf_t request;
} kmip_session_t;

/* Reads the profile; no exchange yet. Close it after any success of this call. */
SCHLOSS_NODISCARD schloss_rc kmip_session_open(kmip_session_t *s, const kms_key_t *key, io_t *io, bool is_wrap,
                                               schloss_error_t *err);
void kmip_session_close(kmip_session_t *s);
/* Agrees on a version, reads the key's attributes, and checks that it is an active AES key for this use. */
SCHLOSS_NODISCARD schloss_rc kmip_session_begin(kmip_session_t *s, schloss_error_t *err);
/* Encrypt or Decrypt. Views of out are owned by the io. @return UNSUPPORTED: the server lacks the operation or mode */
SCHLOSS_NODISCARD schloss_rc kmip_session_crypt(kmip_session_t *s, enum kmip_operation op, const kmip_crypt_t *c,
                                                kmip_crypted_t *out, schloss_error_t *err);
/* The bytes of the key, owned by the io, in secret memory. */
SCHLOSS_NODISCARD schloss_rc kmip_session_get(kmip_session_t *s, bytes_t *out, schloss_error_t *err);

#endif
