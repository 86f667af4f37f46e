/* A session with a logged-in token and the one key that a URI names. */
#ifndef KMS_PKCS11_SESSION_H
#define KMS_PKCS11_SESSION_H

#include "kms/pkcs11/job.h"
#include "kms/pkcs11/uri.h"
#include <p11-kit/pkcs11.h>

typedef struct p11_session {
    const p11_job_t *job;
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE handle;
    CK_OBJECT_HANDLE key;
    bool can_encrypt, can_decrypt, can_wrap, can_unwrap; /* attributes of the key */
} p11_session_t;

/* Nothing is left open when it fails. */
SCHLOSS_NODISCARD schloss_rc p11_session_open(p11_session_t *s, const p11_job_t *job, schloss_error_t *err);
void p11_session_close(p11_session_t *s);
/* Can the token do mechanism for all of these uses (CKF_ENCRYPT ...)? */
bool p11_can(const p11_session_t *s, CK_MECHANISM_TYPE mechanism, CK_FLAGS uses);

/* ---- errors; all fill err and return the code ---- */

schloss_rc p11_fail(const p11_job_t *job, schloss_rc code, const char *what, const char *hint, schloss_error_t *err);
/* An answer of Cryptoki other than CKR_OK, to function. fallback: the code of answers that say nothing by themselves,
 * which depends on what is known to be good by then. */
schloss_rc p11_refused(const p11_job_t *job, const char *function, CK_RV rv, schloss_rc fallback, schloss_error_t *err);

#endif
