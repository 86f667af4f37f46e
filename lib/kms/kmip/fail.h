/* What goes wrong with a KMIP server, in words: one code and one hint each. Control-plane 6.5.5. */
#ifndef KMS_KMIP_FAIL_H
#define KMS_KMIP_FAIL_H

#include "kms/kmip/session.h"

const char *kmip_operation_name(enum kmip_operation op);

/* All fill err and return the code. */

/* The server's result reason. CREDENTIALS, DENIED, DISABLED, UNKNOWN, KEY_TYPE, BUSY, ANSWER, (UN)WRAP_FAILED */
schloss_rc kmip_refused(const kmip_session_t *s, enum kmip_operation op, const kmip_reply_t *reply,
                        schloss_error_t *err);
/* KMS_ANSWER; what goes on from "the answer to OPERATION cannot be used: ". */
schloss_rc kmip_bad_answer(const kmip_session_t *s, const char *operation, const char *what, schloss_error_t *err);
schloss_rc kmip_not_active(const kmip_session_t *s, uint32_t state, schloss_error_t *err); /* DISABLED, DELETED */
schloss_rc kmip_wrong_type(const kmip_session_t *s, const char *what, schloss_error_t *err);
schloss_rc kmip_no_version(const kmip_session_t *s, bool only_newer, schloss_error_t *err); /* KMS_CONF */
schloss_rc kmip_answers_other_key(const kmip_session_t *s, const char *operation, schloss_error_t *err);
/* A blob of another key: KMS_WRONG_KEY. */
schloss_rc kmip_other_key(const kms_key_t *key, bytes_t uid, schloss_error_t *err);
/* err holds what io_call() said: a server that refuses our certificate is told apart from one whose certificate we
 * refuse. KMS_EXPIRED, KMS_CREDENTIALS, or rc. */
schloss_rc kmip_io_failed(const kmip_session_t *s, schloss_rc rc, schloss_error_t *err);
/* err holds what a cipher of blob.h said. UNWRAP_FAILED, WRAP_FAILED, KMS_KEY_TYPE, or rc. */
schloss_rc kmip_local_failed(const kmip_session_t *s, schloss_rc rc, schloss_error_t *err);

#endif
