/* From URI to key: exactly one token, a login, exactly one secret key of AES. */
#include "kms/pkcs11/session.h"

#include "base/mem.h"
#include "kms/pkcs11/module.h"

#define SLOTS_MAX 256u

/* ---- token ---- */

static bool token_fits(const p11_uri_t *u, const CK_TOKEN_INFO *t) {
    return p11_value_fits(&u->token, t->label, sizeof t->label) &&
           p11_value_fits(&u->serial, t->serialNumber, sizeof t->serialNumber) &&
           p11_value_fits(&u->manufacturer, t->manufacturerID, sizeof t->manufacturerID) &&
           p11_value_fits(&u->model, t->model, sizeof t->model) && (t->flags & CKF_TOKEN_INITIALIZED) != 0;
}

static bool slot_fits(CK_FUNCTION_LIST *f, const p11_uri_t *u, CK_SLOT_ID slot) {
    if (u->has_slot_id && u->slot_id != slot) {
        return false;
    }
    if (!u->slot_description.set && !u->slot_manufacturer.set) {
        return true;
    }
    CK_SLOT_INFO info;
    return f->C_GetSlotInfo(slot, &info) == CKR_OK &&
           p11_value_fits(&u->slot_description, info.slotDescription, sizeof info.slotDescription) &&
           p11_value_fits(&u->slot_manufacturer, info.manufacturerID, sizeof info.manufacturerID);
}

static schloss_rc find_token(p11_session_t *s, const p11_uri_t *u, CK_TOKEN_INFO *token, schloss_error_t *err) {
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    CK_RV rv = s->f->C_GetSlotList(CK_TRUE, slots, &n);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_GetSlotList", rv, SCHLOSS_E_KMS_BUSY, err);
    }
    if (n > SLOTS_MAX) {
        return p11_refused(s->job, "C_GetSlotList", CKR_BUFFER_TOO_SMALL, SCHLOSS_E_KMS_ANSWER, err);
    }
    size_t found = 0;
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        if (!slot_fits(s->f, u, slots[i]) || s->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !token_fits(u, &info)) {
            continue;
        }
        if (found++ == 0) {
            s->slot = slots[i];
            *token = info;
        }
    }
    if (found == 0) {
        return p11_fail(s->job, SCHLOSS_E_KMS_KEY_UNKNOWN, "no token fits the key id",
                        "compare token, serial and slot-id with the list of the vendor's tool (p11tool --list-tokens)",
                        err);
    }
    if (found > 1) {
        return p11_fail(s->job, SCHLOSS_E_KMS_CONF, "several tokens fit the key id",
                        "add serial or slot-id to the key id, so that one token is meant", err);
    }
    return SCHLOSS_OK;
}

/* ---- login ---- */

static schloss_rc login(p11_session_t *s, const CK_TOKEN_INFO *token, schloss_error_t *err) {
    static const char set_pin[] = "set pkcs11.pin, pkcs11.pin.file or the environment variable PKCS11_PIN";
    if ((token->flags & CKF_LOGIN_REQUIRED) == 0 && s->job->pin.ptr == NULL) {
        return SCHLOSS_OK;
    }
    bool asks_itself = (token->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0; /* a PIN pad */
    if (s->job->pin.ptr == NULL && !asks_itself) {
        return p11_fail(s->job, SCHLOSS_E_KMS_CREDENTIALS, "the token wants a PIN and none is set", set_pin, err);
    }
    if ((token->flags & CKF_USER_PIN_LOCKED) != 0) {
        return p11_refused(s->job, "C_GetTokenInfo", CKR_PIN_LOCKED, SCHLOSS_E_KMS_CREDENTIALS, err);
    }
    if ((token->flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return p11_fail(s->job, SCHLOSS_E_KMS_CREDENTIALS, "one more wrong PIN would lock the token, so none is tried",
                        "log in once with the vendor's tool and the right PIN, and set the same PIN here", err);
    }
    CK_RV rv = s->f->C_Login(s->handle, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)s->job->pin.ptr, s->job->pin.len);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
        return p11_refused(s->job, "C_Login", rv, SCHLOSS_E_KMS_CREDENTIALS, err);
    }
    return SCHLOSS_OK;
}

/* ---- key ---- */

static schloss_rc find_key(p11_session_t *s, p11_uri_t *u, schloss_error_t *err) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_ULONG n = 1;
    if (u->object.set) {
        wanted[n++] = (CK_ATTRIBUTE){CKA_LABEL, u->object.bytes, u->object.len};
    }
    if (u->id.set) {
        wanted[n++] = (CK_ATTRIBUTE){CKA_ID, u->id.bytes, u->id.len};
    }
    CK_RV rv = s->f->C_FindObjectsInit(s->handle, wanted, n);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_FindObjectsInit", rv, SCHLOSS_E_KMS_BUSY, err);
    }
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG count = 0;
    rv = s->f->C_FindObjects(s->handle, found, 2, &count);
    (void)s->f->C_FindObjectsFinal(s->handle);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_FindObjects", rv, SCHLOSS_E_KMS_BUSY, err);
    }
    if (count == 0) {
        return p11_fail(s->job, SCHLOSS_E_KMS_KEY_UNKNOWN, "the token has no such secret key",
                        "compare object and id with the list of the vendor's tool (p11tool --login --list-all); was "
                        "the key deleted?",
                        err);
    }
    if (count > 2) {
        return p11_refused(s->job, "C_FindObjects", CKR_BUFFER_TOO_SMALL, SCHLOSS_E_KMS_ANSWER, err);
    }
    if (count == 2) {
        return p11_fail(s->job, SCHLOSS_E_KMS_CONF, "several secret keys of the token fit the key id",
                        "add id (or object) to the key id, so that one key is meant", err);
    }
    s->key = found[0];
    return SCHLOSS_OK;
}

/* An attribute that the module does not tell counts as CK_FALSE. */
static bool key_flag(const p11_session_t *s, CK_ATTRIBUTE_TYPE type) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE a = {type, &value, sizeof value};
    return s->f->C_GetAttributeValue(s->handle, s->key, &a, 1) == CKR_OK && a.ulValueLen == sizeof value &&
           value == CK_TRUE;
}

static schloss_rc check_key(p11_session_t *s, schloss_error_t *err) {
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE a = {CKA_KEY_TYPE, &type, sizeof type};
    CK_RV rv = s->f->C_GetAttributeValue(s->handle, s->key, &a, 1);
    if (rv != CKR_OK) {
        return p11_refused(s->job, "C_GetAttributeValue", rv, SCHLOSS_E_KMS_BUSY, err);
    }
    if (a.ulValueLen != sizeof type || type != CKK_AES) {
        return p11_refused(s->job, "C_GetAttributeValue", CKR_KEY_TYPE_INCONSISTENT, SCHLOSS_E_KMS_KEY_TYPE, err);
    }
    s->can_encrypt = key_flag(s, CKA_ENCRYPT);
    s->can_decrypt = key_flag(s, CKA_DECRYPT);
    s->can_wrap = key_flag(s, CKA_WRAP);
    s->can_unwrap = key_flag(s, CKA_UNWRAP);
    return SCHLOSS_OK;
}

bool p11_can(const p11_session_t *s, CK_MECHANISM_TYPE mechanism, CK_FLAGS uses) {
    CK_MECHANISM_INFO info = {0};
    return s->f->C_GetMechanismInfo(s->slot, mechanism, &info) == CKR_OK && (info.flags & uses) == uses;
}

/* ---- session ---- */

static schloss_rc open_with(p11_session_t *s, p11_uri_t *u, schloss_error_t *err) {
    CK_TOKEN_INFO token;
    TRY(p11_module(&s->f, s->job->module, s->job->key_id, err));
    TRY(find_token(s, u, &token, err));
    CK_RV rv = s->f->C_OpenSession(s->slot, CKF_SERIAL_SESSION, NULL, NULL, &s->handle);
    if (rv != CKR_OK) {
        s->handle = 0;
        return p11_refused(s->job, "C_OpenSession", rv, SCHLOSS_E_KMS_BUSY, err);
    }
    schloss_rc rc = login(s, &token, err);
    if (rc == SCHLOSS_OK) {
        rc = find_key(s, u, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = check_key(s, err);
    }
    if (rc != SCHLOSS_OK) {
        p11_session_close(s);
    }
    return rc;
}

schloss_rc p11_session_open(p11_session_t *s, const p11_job_t *job, schloss_error_t *err) {
    *s = (p11_session_t){.job = job};
    p11_uri_t *u = MEM_NEW(p11_uri_t);
    if (u == NULL) {
        return NO_MEMORY(err);
    }
    const char *wrong = p11_uri_read(u, job->key_id);
    if (wrong == NULL && !p11_uri_allows_module(u, job->module)) {
        wrong = "it asks for another module than pkcs11.module.file";
    }
    schloss_rc rc = wrong == NULL
                        ? open_with(s, u, err)
                        : p11_fail(job, SCHLOSS_E_KMS_CONF, wrong,
                                   "the key id is a URI as in RFC 7512: pkcs11:token=LABEL;object=LABEL", err);
    mem_free(u);
    return rc;
}

void p11_session_close(p11_session_t *s) {
    if (s->f != NULL && s->handle != 0) {
        (void)s->f->C_CloseSession(s->handle);
    }
    s->handle = 0;
}
