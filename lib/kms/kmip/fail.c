/* Errors of the KMIP driver. */
#include "kms/kmip/fail.h"

#include <stdio.h>

#define STATUS_PENDING 2u
#define STATUS_UNDONE 3u

const char *kmip_operation_name(enum kmip_operation op) {
    switch (op) {
    case KMIP_GET:
        return "Get";
    case KMIP_GET_ATTRIBUTES:
        return "Get Attributes";
    case KMIP_DISCOVER_VERSIONS:
        return "Discover Versions";
    case KMIP_ENCRYPT:
        return "Encrypt";
    case KMIP_DECRYPT:
        return "Decrypt";
    }
    return "?";
}

static schloss_rc fail(const kmip_session_t *s, schloss_rc code, const char *what, const char *hint,
                       schloss_error_t *err) {
    err_set(err, code, "%s://%s: %s", s->key->kms_type, s->key->key_id, what);
    err_hint(err, "%s", hint);
    err_url(err, s->profile.url);
    return code;
}

typedef struct meaning {
    uint32_t reason;
    schloss_rc code;
    const char *hint;
} meaning_t;

static const meaning_t meanings[] = {
    {KMIP_ITEM_NOT_FOUND, SCHLOSS_E_KMS_KEY_UNKNOWN,
     "no object has this unique identifier, or it was destroyed; is the profile's server the right one?"},
    {KMIP_TOO_LARGE, SCHLOSS_E_KMS_ANSWER, "the server finds its answer too large"},
    {KMIP_NOT_AUTHENTICATED, SCHLOSS_E_KMS_CREDENTIALS,
     "check the client certificate (kmip.<profile>.cert.location) and kmip.<profile>.username and .password"},
    {KMIP_ILLEGAL_OPERATION, SCHLOSS_E_KMS_KEY_TYPE, "make an AES key whose usage mask holds Encrypt and Decrypt"},
    {KMIP_PERMISSION_DENIED, SCHLOSS_E_KMS_DENIED,
     "the server knows this client by the name in its certificate: let the owner of the key grant it Get Attributes, "
     "Encrypt and Decrypt"},
    {KMIP_ARCHIVED, SCHLOSS_E_KMS_KEY_DISABLED, "the key is archived: let its owner recover it"},
    {KMIP_WRONG_STATE, SCHLOSS_E_KMS_KEY_DISABLED, "the key is not in the state Active: let its owner activate it"},
};

static const meaning_t *meaning_of(uint32_t reason) {
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (meanings[i].reason == reason) {
            return &meanings[i];
        }
    }
    return NULL;
}

static schloss_rc failed_code(const kmip_session_t *s) {
    return s->is_wrap ? SCHLOSS_E_WRAP_FAILED : SCHLOSS_E_UNWRAP_FAILED;
}

/* Reasons that the table does not tell. By now the key is known to be an active AES key that this client may use. */
static meaning_t other_meaning(const kmip_session_t *s, enum kmip_operation op, const kmip_reply_t *reply) {
    meaning_t m = {0, failed_code(s), "the server's log says more"};
    if (reply->status == STATUS_PENDING || reply->status == STATUS_UNDONE) {
        m.code = SCHLOSS_E_KMS_BUSY;
        m.hint = "the server has put the request off; it may be asked again";
    } else if (op == KMIP_DECRYPT &&
               (reply->reason == KMIP_GENERAL_FAILURE || reply->reason == KMIP_CRYPTOGRAPHIC_FAILURE)) {
        m.hint = "the key does not open the wrapped key: the DEK in the registry is damaged or belongs to another key";
    } else if (reply->reason == KMIP_GENERAL_FAILURE) {
        m.code = SCHLOSS_E_KMS_BUSY;
        m.hint = "the server failed without saying why; its log says more";
    }
    return m;
}

schloss_rc kmip_refused(const kmip_session_t *s, enum kmip_operation op, const kmip_reply_t *reply,
                        schloss_error_t *err) {
    const meaning_t *known = meaning_of(reply->reason);
    meaning_t m = known != NULL && reply->status == 1 ? *known : other_meaning(s, op, reply);
    char what[320];
    (void)snprintf(what, sizeof what, "the KMIP server refuses %s: %s (status %u, reason 0x%02x)",
                   kmip_operation_name(op), reply->text[0] != '\0' ? reply->text : "no text", reply->status,
                   reply->reason);
    return fail(s, m.code, what, m.hint, err);
}

schloss_rc kmip_bad_answer(const kmip_session_t *s, const char *operation, const char *what, schloss_error_t *err) {
    char text[256];
    (void)snprintf(text, sizeof text, "the answer to %s cannot be used: %s", operation, what);
    return fail(s, SCHLOSS_E_KMS_ANSWER, text, "is this the TLS port of a KMIP server that speaks 1.0 to 1.4?", err);
}

schloss_rc kmip_not_active(const kmip_session_t *s, uint32_t state, schloss_error_t *err) {
    switch (state) {
    case KMIP_PRE_ACTIVE:
        return fail(s, SCHLOSS_E_KMS_KEY_DISABLED, "the key is not yet active (state Pre-Active)",
                    "let its owner activate it (operation Activate)", err);
    case KMIP_DEACTIVATED:
        return fail(s, SCHLOSS_E_KMS_KEY_DISABLED, "the key was revoked (state Deactivated)",
                    "what it wraps is out of reach as long as it is not active", err);
    case KMIP_COMPROMISED:
        return fail(s, SCHLOSS_E_KMS_KEY_DISABLED, "the key was revoked (state Compromised)",
                    "what it wraps is out of reach as long as it is not active", err);
    case KMIP_DESTROYED:
    case KMIP_DESTROYED_COMPROMISED:
        return fail(s, SCHLOSS_E_KMS_KEY_DELETED, "the key was destroyed",
                    "what it wraps is lost; make a new key and new DEKs", err);
    default:
        return kmip_bad_answer(s, "Get Attributes", "the State of the key is none of KMIP 1", err);
    }
}

schloss_rc kmip_wrong_type(const kmip_session_t *s, const char *what, schloss_error_t *err) {
    char text[256];
    (void)snprintf(text, sizeof text, "the key cannot be used: %s", what);
    return fail(s, SCHLOSS_E_KMS_KEY_TYPE, text,
                "make an AES key of 256 bits whose usage mask holds Encrypt and Decrypt", err);
}

schloss_rc kmip_no_version(const kmip_session_t *s, bool only_newer, schloss_error_t *err) {
    return fail(s, SCHLOSS_E_KMS_CONF, "the server speaks none of the KMIP versions allowed",
                only_newer ? "it speaks KMIP 2 only: this driver speaks 1.0 to 1.4; enable one of them on the server"
                           : "allow more of 1.0 to 1.4 in kmip.<profile>.versions",
                err);
}

schloss_rc kmip_answers_other_key(const kmip_session_t *s, const char *operation, schloss_error_t *err) {
    char text[128];
    (void)snprintf(text, sizeof text, "the answer to %s is about another object", operation);
    return fail(s, SCHLOSS_E_KMS_WRONG_KEY, text, "the server mixes up its answers: do not use it", err);
}

schloss_rc kmip_other_key(const kms_key_t *key, bytes_t uid, schloss_error_t *err) {
    char name[128];
    err_clean_text(name, sizeof name, (const char *)uid.ptr, uid.len);
    FAIL(err, KMS_WRONG_KEY, "%s://%s: the wrapped key belongs to the key %s", key->kms_type, key->key_id, name);
    err_hint(err, "was the KEK given another key? Its old DEKs need the old one, e.g. as an alternate");
    return SCHLOSS_E_KMS_WRONG_KEY;
}

schloss_rc kmip_io_failed(const kmip_session_t *s, schloss_rc rc, schloss_error_t *err) {
    /* The second is what libcurl 7 makes of that alert when the server's own certificate was fine. */
    static const char *const expired[] = {"alert certificate expired", "SSL certificate verification failed"};
    static const char *const refusals[] = {"alert handshake failure",   "alert bad certificate",
                                           "alert certificate unknown", "alert certificate revoked",
                                           "alert unknown ca",          "alert unsupported certificate",
                                           "alert access denied",       "alert certificate required"};
    for (size_t i = 0; rc == SCHLOSS_E_TLS && i < COUNT_OF(expired); i++) {
        if (strstr(err->message, expired[i]) != NULL) {
            return fail(s, SCHLOSS_E_KMS_EXPIRED, "the KMIP server refuses the client certificate: it has expired",
                        "renew the certificate in kmip.<profile>.cert.location", err);
        }
    }
    for (size_t i = 0; rc == SCHLOSS_E_TLS && i < COUNT_OF(refusals); i++) {
        if (strstr(err->message, refusals[i]) != NULL) {
            char text[128];
            (void)snprintf(text, sizeof text, "the KMIP server refuses the TLS connection (%s)", refusals[i]);
            return fail(s, SCHLOSS_E_KMS_CREDENTIALS, text,
                        "check kmip.<profile>.cert.location and .key.location: issued by the server's CA, extended key "
                        "usage clientAuth; and that a cipher suite of TLS 1.2 or later is common",
                        err);
        }
    }
    err_wrap(err, "%s://%s", s->key->kms_type, s->key->key_id);
    if (err->hint[0] == '\0') {
        err_hint(err, "is %s the TLS port of a KMIP server? Its log says more", s->profile.url);
    }
    return rc;
}

schloss_rc kmip_local_failed(const kmip_session_t *s, schloss_rc rc, schloss_error_t *err) {
    if (rc == SCHLOSS_E_AUTH_FAILED) {
        return fail(s, failed_code(s), "the key does not open the wrapped key",
                    "the DEK in the registry is damaged or belongs to another key", err);
    }
    if (rc == SCHLOSS_E_BAD_KEY) {
        return kmip_wrong_type(s, "the server lends its bytes, and with those only 128 and 256 bits can be used", err);
    }
    if (rc == SCHLOSS_E_CRYPTO) {
        return fail(s, failed_code(s), "the crypto library failed", "the library's log says more", err);
    }
    err_wrap(err, "%s://%s", s->key->kms_type, s->key->key_id);
    return rc;
}
