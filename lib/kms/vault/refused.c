/* What Vault and OpenBao mean by an error: {"errors":["…"]}. There are no codes, so texts decide after the status. */
#include "kms/vault/vault.h"

#define SAID_MAX 400u

typedef struct meaning {
    schloss_rc rc;
    const char *what, *hint;
} meaning_t;

/* The texts of errors, joined; a body that is no JSON is its own text. */
static schloss_rc words(const io_answer_t *answer, char out[SAID_MAX], schloss_error_t *err) {
    json_span_t root, errors, item;
    out[0] = '\0';
    if (json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) != SCHLOSS_OK) {
        err_clean_text(out, SAID_MAX, (const char *)answer->body.ptr, answer->body.len < 200 ? answer->body.len : 200);
        return SCHLOSS_OK;
    }
    if (root.kind != JSON_T_OBJECT || !json_member(root, "errors", &errors) || errors.kind != JSON_T_ARRAY) {
        return SCHLOSS_OK;
    }
    buf_t text;
    buf_init(&text, 4096, "errors", false);
    json_iter_t it = json_iter(errors);
    while (json_next(&it, NULL, &item)) {
        if (item.kind != JSON_T_STRING) {
            continue;
        }
        if (text.len != 0) {
            buf_put_str(&text, "; ");
        }
        if (json_str_decode(item, &text, NULL) != SCHLOSS_OK) {
            break; /* malformed or too long: what is there will do */
        }
    }
    err_clean_text(out, SAID_MAX, (const char *)text.ptr, text.len);
    bool no_memory = text.failed == 1;
    buf_clear(&text);
    return no_memory ? NO_MEMORY(err) : SCHLOSS_OK;
}

static meaning_t bad_request(bool is_wrap, const char *text) {
    if (rest_says(text, "context") || rest_says(text, "derived")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key is a derived one, which needs a context with each call",
                           "use a key without derived=true"};
    }
    if (rest_says(text, "soft-deleted") || rest_says(text, "soft deleted")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_PENDING, "the key is soft-deleted", "restore it"};
    }
    if (rest_says(text, "encryption key not found") || rest_says(text, "key not found")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_UNKNOWN, "the transit engine has no such key",
                           "check mount, namespace and key name; a deleted key cannot be told from one that never was"};
    }
    if (rest_says(text, "too old") || rest_says(text, "disallowed by policy") ||
        rest_says(text, "minimum encryption") || rest_says(text, "invalid key version")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_VERSION, "this version of the key is retired or gone",
                           "lower min_decryption_version of the key, or rewrap the DEKs (schloss dek rewrap)"};
    }
    if (rest_says(text, "does not support") || rest_says(text, "unsupported key type") ||
        rest_says(text, "not supported")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key is of a type that cannot encrypt",
                           "use a key of type aes256-gcm96, aes128-gcm96, chacha20-poly1305 or rsa-*"};
    }
    if (rest_says(text, "HTTP request to an HTTPS server")) {
        return (meaning_t){SCHLOSS_E_KMS_CONF, "the server speaks HTTPS", "write the key id with https"};
    }
    if (!is_wrap) {
        return (meaning_t){SCHLOSS_E_UNWRAP_FAILED, "the key does not open the wrapped DEK",
                           "is it damaged, or was it wrapped by another key?"};
    }
    return (meaning_t){SCHLOSS_E_WRAP_FAILED, "the transit engine refuses", "see its answer"};
}

static meaning_t denied(const vault_t *v, const char *text) {
    if (rest_says(text, "invalid token") || rest_says(text, "bad token")) {
        if (vault_token_has_worked(v)) {
            return (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the token has worked and does so no more",
                               "set a new token.id, or use AppRole or Kubernetes, which log in again"};
        }
        return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "the token is wrong, expired or revoked",
                           "check token.id (vault token lookup)"};
    }
    return (meaning_t){SCHLOSS_E_KMS_DENIED, "the policy denies access",
                       "give the policy update on MOUNT/encrypt/KEY and MOUNT/decrypt/KEY, read on MOUNT/keys/KEY"};
}

static meaning_t meaning_of(const vault_t *v, bool is_wrap, int status, const char *text) {
    if (status == 400) {
        return bad_request(is_wrap, text);
    }
    if (status == 401 || status == 403) {
        return denied(v, text);
    }
    if (status == 404 || status == 405) {
        bool route = rest_says(text, "no handler") || rest_says(text, "unsupported path") || status == 405;
        return (meaning_t){SCHLOSS_E_KMS_KEY_UNKNOWN,
                           route ? "there is no transit engine at this mount" : "the transit engine has no such key",
                           "check mount, namespace and key name; a deleted key cannot be told from one that never was"};
    }
    if (status == 503 && rest_says(text, "sealed")) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "Vault is sealed", "unseal it; it is asked again later"};
    }
    if (status == 408 || status == 429) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "Vault throttles", "it is asked again later; see its quotas"};
    }
    if (status == 412 || status >= 472) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "Vault fails, or is a standby", "it is asked again later"};
    }
    return (meaning_t){SCHLOSS_E_KMS_ANSWER, "the answer is none of Vault", "does the key id name a Vault?"};
}

schloss_rc vault_refused(const vault_t *v, bool is_wrap, const io_answer_t *answer, schloss_error_t *err) {
    char text[SAID_MAX];
    TRY(words(answer, text, err));
    meaning_t m = meaning_of(v, is_wrap, answer->status, text);
    return rest_fail(v->key, m.rc, answer->status, text, m.hint, err, "%s", m.what);
}

schloss_rc vault_login_refused(const vault_t *v, const io_answer_t *answer, schloss_error_t *err) {
    char text[SAID_MAX];
    TRY(words(answer, text, err));
    int status = answer->status;
    meaning_t m = {SCHLOSS_E_KMS_CREDENTIALS, "the log-in is refused",
                   "check role and secret id, or role, jwt.auth.path and the service account's token"};
    if (status == 404 || status == 405) {
        m = (meaning_t){SCHLOSS_E_KMS_CONF, "there is no such auth method",
                        "check approle.auth.path or jwt.auth.path, and namespace"};
    } else if (status == 408 || status == 412 || status == 429 || status >= 472) {
        m = (meaning_t){SCHLOSS_E_KMS_BUSY, "Vault is sealed, throttles or fails", "it is asked again later"};
    } else if (rest_says(text, "not yet valid") || rest_says(text, "issued in the future") ||
               rest_says(text, "issued at") || rest_says(text, "(nbf)") || rest_says(text, "(iat)")) {
        m = (meaning_t){SCHLOSS_E_KMS_CLOCK, "Vault finds the token not valid yet",
                        "set the clocks of this machine and of Vault (NTP)"};
    } else if (rest_says(text, "expired")) {
        m = (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the service account's token or the secret id has expired",
                        "is kubernetes.jwt.file renewed?"};
    }
    return rest_fail(v->key, m.rc, status, text, m.hint, err, "%s", m.what);
}
