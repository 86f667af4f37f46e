/* Running a job: AES-GCM where token and key allow it, else AES key wrap over a session object that holds the key
 * message. What a module says about lengths is never believed. */
#include "kms/pkcs11/session.h"

#include "base/random.h"
#include "base/secret.h"
#include <stdio.h>

#define IV_LEN 12u
#define TAG_LEN 16u
#define TAG_BITS (8UL * TAG_LEN)
#define HINT_MISBEHAVES "the module misbehaves; pkcs11.isolation=process keeps it out of the application"

static schloss_rc bad_length(const p11_session_t *s, const char *function, schloss_error_t *err) {
    char what[96];
    (void)snprintf(what, sizeof what, "%s has returned another length than it must", function);
    return p11_fail(s->job, SCHLOSS_E_KMS_ANSWER, what, HINT_MISBEHAVES, err);
}

static bool has_gcm(const p11_session_t *s) {
    return s->f->C_EncryptInit != NULL && s->f->C_Encrypt != NULL && s->f->C_DecryptInit != NULL &&
           s->f->C_Decrypt != NULL && p11_can(s, CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT);
}

static bool has_key_wrap(const p11_session_t *s) {
    return s->f->C_WrapKey != NULL && s->f->C_UnwrapKey != NULL && s->f->C_CreateObject != NULL &&
           s->f->C_DestroyObject != NULL && p11_can(s, CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
}

/* ---- AES-GCM ---- */

/* The IV is read back: some modules want to make it themselves, and write it over ours. */
static schloss_rc wrap_gcm(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    uint8_t iv[IV_LEN];
    uint8_t sealed[P11_WRAPPED_MAX];
    TRY(random_bytes(iv, sizeof iv, err));
    CK_GCM_PARAMS params = {.iv_ptr = iv, .iv_len = IV_LEN, .iv_bits = 8UL * IV_LEN, .tag_bits = TAG_BITS};
    CK_MECHANISM m = {CKM_AES_GCM, &params, sizeof params};
    CK_ULONG n = sizeof sealed;
    CK_RV rv = s->f->C_EncryptInit(s->handle, &m, s->key);
    if (rv == CKR_OK) {
        rv = s->f->C_Encrypt(s->handle, (CK_BYTE_PTR)(uintptr_t)s->job->in.ptr, s->job->in.len, sealed, &n);
    }
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_Encrypt", rv, SCHLOSS_E_WRAP_FAILED, err);
    }
    if (n != s->job->in.len + TAG_LEN) {
        return bad_length(s, "C_Encrypt", err);
    }
    buf_put_u8(out, P11_MODE_GCM);
    buf_put(out, iv, sizeof iv);
    buf_put(out, sealed, n);
    return buf_check(out, err);
}

static schloss_rc unwrap_gcm(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    const uint8_t *wrapped = s->job->in.ptr + 1;
    size_t len = s->job->in.len - 1;
    if (len <= IV_LEN + TAG_LEN) {
        return p11_refused(s->job, "C_Decrypt", CKR_ENCRYPTED_DATA_LEN_RANGE, SCHLOSS_E_UNWRAP_FAILED, err);
    }
    uint8_t iv[IV_LEN];
    void *plain = NULL;
    TRY(secret_alloc(P11_WRAPPED_MAX, &plain, err));
    memcpy(iv, wrapped, sizeof iv);
    CK_GCM_PARAMS params = {.iv_ptr = iv, .iv_len = IV_LEN, .iv_bits = 8UL * IV_LEN, .tag_bits = TAG_BITS};
    CK_MECHANISM m = {CKM_AES_GCM, &params, sizeof params};
    CK_ULONG n = P11_WRAPPED_MAX;
    CK_RV rv = s->f->C_DecryptInit(s->handle, &m, s->key);
    if (rv == CKR_OK) {
        rv = s->f->C_Decrypt(s->handle, (CK_BYTE_PTR)(uintptr_t)(wrapped + IV_LEN), len - IV_LEN, plain, &n);
    }
    schloss_rc rc = SCHLOSS_OK;
    if (rv != CKR_OK) {
        rc = p11_refused(s->job, "C_Decrypt", rv, SCHLOSS_E_UNWRAP_FAILED, err);
    } else if (n != len - IV_LEN - TAG_LEN) {
        rc = bad_length(s, "C_Decrypt", err);
    } else {
        buf_put(out, plain, n);
        rc = buf_check(out, err);
    }
    secret_free(plain);
    return rc;
}

/* ---- AES key wrap ---- */

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* Length in one byte, the message, zeros: RFC 3394 wraps 16 bytes or more in steps of 8. */
static size_t padded_len(size_t n) {
    size_t len = (n + 1 + 7) / 8 * 8;
    return len < 16 ? 16 : len;
}

static schloss_rc wrap_object(p11_session_t *s, uint8_t *padded, size_t len, buf_t *out, schloss_error_t *err) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &no, sizeof no},         {CKA_SENSITIVE, &no, sizeof no},
                             {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE, padded, len}};
    CK_OBJECT_HANDLE handle = 0;
    CK_RV rv = s->f->C_CreateObject(s->handle, object, COUNT_OF(object), &handle);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_CreateObject", rv, SCHLOSS_E_WRAP_FAILED, err);
    }
    uint8_t wrapped[P11_WRAPPED_MAX];
    CK_ULONG n = sizeof wrapped;
    CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
    rv = s->f->C_WrapKey(s->handle, &m, s->key, handle, wrapped, &n);
    (void)s->f->C_DestroyObject(s->handle, handle);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_WrapKey", rv, SCHLOSS_E_WRAP_FAILED, err);
    }
    if (n != len + 8) {
        return bad_length(s, "C_WrapKey", err);
    }
    buf_put_u8(out, P11_MODE_KEY_WRAP);
    buf_put(out, wrapped, n);
    return buf_check(out, err);
}

static schloss_rc wrap_key_wrap(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    void *padded = NULL;
    size_t len = padded_len(s->job->in.len);
    TRY(secret_alloc(len, &padded, err));
    *(uint8_t *)padded = (uint8_t)s->job->in.len;
    memcpy((uint8_t *)padded + 1, s->job->in.ptr, s->job->in.len);
    schloss_rc rc = wrap_object(s, padded, len, out, err);
    secret_free(padded);
    return rc;
}

static schloss_rc read_padded(const p11_session_t *s, const uint8_t *padded, size_t len, buf_t *out,
                              schloss_error_t *err) {
    size_t n = padded[0];
    uint8_t rest = n == 0 || padded_len(n) != len ? 1 : 0;
    for (size_t i = n + 1; i < len && rest == 0; i++) {
        rest |= padded[i];
    }
    if (rest != 0) {
        return p11_fail(s->job, SCHLOSS_E_UNWRAP_FAILED, "what the key opens is no key message",
                        "the DEK in the registry was wrapped by another program", err);
    }
    buf_put(out, padded + 1, n);
    return buf_check(out, err);
}

static schloss_rc unwrap_key_wrap(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &no, sizeof no},
                             {CKA_SENSITIVE, &no, sizeof no},
                             {CKA_EXTRACTABLE, &yes, sizeof yes}};
    size_t len = s->job->in.len - 1;
    if (len < 24 || len % 8 != 0 || len > padded_len(P11_PLAIN_MAX) + 8) {
        return p11_refused(s->job, "C_UnwrapKey", CKR_WRAPPED_KEY_LEN_RANGE, SCHLOSS_E_UNWRAP_FAILED, err);
    }
    CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE handle = 0;
    CK_RV rv = s->f->C_UnwrapKey(s->handle, &m, s->key, (CK_BYTE_PTR)(uintptr_t)(s->job->in.ptr + 1), len, object,
                                 COUNT_OF(object), &handle);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_UnwrapKey", rv, SCHLOSS_E_UNWRAP_FAILED, err);
    }
    void *padded = NULL;
    schloss_rc rc = secret_alloc(P11_WRAPPED_MAX, &padded, err);
    if (rc == SCHLOSS_OK) {
        CK_ATTRIBUTE value = {CKA_VALUE, padded, P11_WRAPPED_MAX};
        rv = s->f->C_GetAttributeValue(s->handle, handle, &value, 1);
        rc = rv != CKR_OK ? p11_refused(s->job, "C_GetAttributeValue", rv, SCHLOSS_E_UNWRAP_FAILED, err)
             : value.ulValueLen != len - 8 ? bad_length(s, "C_GetAttributeValue", err)
                                           : read_padded(s, padded, len - 8, out, err);
        secret_free(padded);
    }
    (void)s->f->C_DestroyObject(s->handle, handle);
    return rc;
}

/* ---- jobs ---- */

static schloss_rc no_use(const p11_session_t *s, const char *what, schloss_error_t *err) {
    return p11_fail(
        s->job, SCHLOSS_E_KMS_KEY_TYPE, what,
        "make an AES key with CKA_ENCRYPT and CKA_DECRYPT on a token that can CKM_AES_GCM, or with CKA_WRAP "
        "and CKA_UNWRAP on one that can CKM_AES_KEY_WRAP",
        err);
}

static schloss_rc wrap(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    if (s->can_encrypt && s->can_decrypt && has_gcm(s)) {
        return wrap_gcm(s, out, err);
    }
    if (s->can_wrap && s->can_unwrap && has_key_wrap(s)) {
        return wrap_key_wrap(s, out, err);
    }
    return no_use(s, "neither AES-GCM nor AES key wrap can be had of this key and token", err);
}

static schloss_rc unwrap(p11_session_t *s, buf_t *out, schloss_error_t *err) {
    if (s->job->in.ptr[0] == P11_MODE_GCM) {
        return s->can_decrypt && has_gcm(s) ? unwrap_gcm(s, out, err)
                                            : no_use(s, "the key or the token does not decrypt with AES-GCM", err);
    }
    return s->can_unwrap && has_key_wrap(s) ? unwrap_key_wrap(s, out, err)
                                            : no_use(s, "the key or the token does not unwrap with AES key wrap", err);
}

static schloss_rc check_input(const p11_job_t *job, schloss_error_t *err) {
    if (job->is_wrap) {
        if (job->in.len == 0 || job->in.len > P11_PLAIN_MAX) {
            return p11_fail(job, SCHLOSS_E_WRAP_FAILED, "a key message of this length cannot be wrapped",
                            "a DEK's key message has 18, 34 or 66 bytes", err);
        }
        return SCHLOSS_OK;
    }
    if (job->in.len < 2 || job->in.len > P11_WRAPPED_MAX ||
        (job->in.ptr[0] != P11_MODE_GCM && job->in.ptr[0] != P11_MODE_KEY_WRAP)) {
        return p11_fail(job, SCHLOSS_E_UNWRAP_FAILED, "the wrapped key is none of this driver",
                        "the DEK in the registry is damaged, or was wrapped by another KMS", err);
    }
    return SCHLOSS_OK;
}

schloss_rc p11_run(const p11_job_t *job, buf_t *out, schloss_error_t *err) {
    TRY(check_input(job, err));
    p11_session_t s;
    TRY(p11_session_open(&s, job, err));
    schloss_rc rc = job->is_wrap ? wrap(&s, out, err) : unwrap(&s, out, err);
    p11_session_close(&s);
    return rc;
}
