/* Answers of Cryptoki in words. */
#include "kms/pkcs11/session.h"

#include <stdio.h>

typedef struct meaning {
    CK_RV rv;
    schloss_rc code;
    const char *what, *hint;
} meaning_t;

#define HINT_PIN "set pkcs11.pin, pkcs11.pin.file or PKCS11_PIN; it is not tried again with the same value on purpose"
#define HINT_DEVICE "is the HSM there, and its client or daemon running? The call may be repeated"
#define HINT_USE                                                                                                       \
    "make an AES key of 256 bits with CKA_ENCRYPT and CKA_DECRYPT (or CKA_WRAP and CKA_UNWRAP), on a token that can "  \
    "CKM_AES_GCM (or CKM_AES_KEY_WRAP)"
#define HINT_GONE "the key was deleted, or belongs to another user of the token"

static const meaning_t meanings[] = {
    {CKR_PIN_INCORRECT, SCHLOSS_E_KMS_CREDENTIALS, "the PIN is wrong", HINT_PIN},
    {CKR_PIN_INVALID, SCHLOSS_E_KMS_CREDENTIALS, "the PIN has characters that no PIN has", HINT_PIN},
    {CKR_PIN_LEN_RANGE, SCHLOSS_E_KMS_CREDENTIALS, "the PIN is too short or too long", HINT_PIN},
    {CKR_PIN_LOCKED, SCHLOSS_E_KMS_CREDENTIALS, "the PIN is locked", "let the security officer of the token unlock it"},
    {CKR_PIN_EXPIRED, SCHLOSS_E_KMS_EXPIRED, "the PIN has expired", "set a new PIN with the vendor's tool"},
    {CKR_USER_PIN_NOT_INITIALIZED, SCHLOSS_E_KMS_CREDENTIALS, "the token has no user PIN yet",
     "let the security officer of the token set one"},
    {CKR_USER_NOT_LOGGED_IN, SCHLOSS_E_KMS_CREDENTIALS, "the token wants a login", HINT_PIN},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, SCHLOSS_E_KMS_CREDENTIALS, "another user of the token is logged in here",
     "this process must log in to the token as its user, and not as its security officer"},
    {CKR_ACTION_PROHIBITED, SCHLOSS_E_KMS_DENIED, "the token's policy prohibits it",
     "let the owner of the token allow this use of the key"},
    {CKR_FUNCTION_REJECTED, SCHLOSS_E_KMS_DENIED, "the use was rejected", "let the owner of the token approve it"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, SCHLOSS_E_KMS_KEY_TYPE, "the key must not be used for this", HINT_USE},
    {CKR_KEY_TYPE_INCONSISTENT, SCHLOSS_E_KMS_KEY_TYPE, "the key is of another type", HINT_USE},
    {CKR_KEY_SIZE_RANGE, SCHLOSS_E_KMS_KEY_TYPE, "the key has another length", HINT_USE},
    {CKR_MECHANISM_INVALID, SCHLOSS_E_KMS_KEY_TYPE, "the token cannot do it", HINT_USE},
    {CKR_MECHANISM_PARAM_INVALID, SCHLOSS_E_KMS_KEY_TYPE, "the token cannot do it with these parameters", HINT_USE},
    {CKR_WRAPPING_KEY_TYPE_INCONSISTENT, SCHLOSS_E_KMS_KEY_TYPE, "the key is of another type", HINT_USE},
    {CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, SCHLOSS_E_KMS_KEY_TYPE, "the key is of another type", HINT_USE},
    {CKR_KEY_HANDLE_INVALID, SCHLOSS_E_KMS_KEY_UNKNOWN, "the key is gone", HINT_GONE},
    {CKR_OBJECT_HANDLE_INVALID, SCHLOSS_E_KMS_KEY_UNKNOWN, "the key is gone", HINT_GONE},
    {CKR_DEVICE_ERROR, SCHLOSS_E_KMS_BUSY, "the device failed", HINT_DEVICE},
    {CKR_DEVICE_MEMORY, SCHLOSS_E_KMS_BUSY, "the device is out of memory", HINT_DEVICE},
    {CKR_DEVICE_REMOVED, SCHLOSS_E_KMS_BUSY, "the device is gone", HINT_DEVICE},
    {CKR_TOKEN_NOT_PRESENT, SCHLOSS_E_KMS_BUSY, "the token is gone", HINT_DEVICE},
    {CKR_TOKEN_NOT_RECOGNIZED, SCHLOSS_E_KMS_BUSY, "the token is not recognised", HINT_DEVICE},
    {CKR_HOST_MEMORY, SCHLOSS_E_KMS_BUSY, "the module is out of memory", HINT_DEVICE},
    {CKR_CANT_LOCK, SCHLOSS_E_KMS_BUSY, "the module cannot lock", HINT_DEVICE},
    {CKR_SESSION_COUNT, SCHLOSS_E_KMS_BUSY, "the token has no session left", HINT_DEVICE},
    {CKR_SESSION_CLOSED, SCHLOSS_E_KMS_BUSY, "the session was closed", HINT_DEVICE},
    {CKR_SESSION_HANDLE_INVALID, SCHLOSS_E_KMS_BUSY, "the session was closed", HINT_DEVICE},
    {CKR_OPERATION_ACTIVE, SCHLOSS_E_KMS_BUSY, "the session is busy", HINT_DEVICE},
    {CKR_CRYPTOKI_NOT_INITIALIZED, SCHLOSS_E_KMS_BUSY, "somebody has shut the module down in this process",
     HINT_DEVICE},
    {CKR_BUFFER_TOO_SMALL, SCHLOSS_E_KMS_ANSWER, "the module announces more bytes than there can be",
     "the module misbehaves; pkcs11.isolation=process keeps it out of the application"},
};

schloss_rc p11_fail(const p11_job_t *job, schloss_rc code, const char *what, const char *hint, schloss_error_t *err) {
    err_set(err, code, "%s://%s: %s", P11_TYPE, job->key_id, what);
    err_hint(err, "%s", hint);
    return code;
}

static const char *fallback_hint(schloss_rc code) {
    switch (code) {
    case SCHLOSS_E_UNWRAP_FAILED:
        return "login and key are good, so the DEK in the registry is damaged or was wrapped by another key";
    case SCHLOSS_E_KMS_BUSY:
        return HINT_DEVICE;
    default:
        return "the module's own log says more";
    }
}

schloss_rc p11_refused(const p11_job_t *job, const char *function, CK_RV rv, schloss_rc fallback,
                       schloss_error_t *err) {
    char what[160];
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        const meaning_t *m = &meanings[i];
        if (m->rv == rv) {
            (void)snprintf(what, sizeof what, "%s (%s answers 0x%lx)", m->what, function, rv);
            return p11_fail(job, m->code, what, m->hint, err);
        }
    }
    (void)snprintf(what, sizeof what, "%s answers 0x%lx", function, rv);
    return p11_fail(job, fallback, what, fallback_hint(fallback), err);
}
