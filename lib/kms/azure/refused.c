/* What Key Vault and Entra ID mean by an error. The HTTP status decides first, then the code, then words of the text:
 * Azure has no code of its own for most of these cases. */
#include "kms/azure/azure.h"

#define SAID_MAX 256u
#define PERMISSIONS "give the identity the role Key Vault Crypto User, or keys/get, encrypt and decrypt, on this key"

typedef struct said {
    char code[64], inner[64], message[SAID_MAX];
} said_t;

/* {"error":{"code","message","innererror":{"code"}}}; anything else is no words at all. */
static void vault_words(const io_answer_t *answer, said_t *s) {
    json_span_t root, error, inner;
    memset(s, 0, sizeof *s);
    if (json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) != SCHLOSS_OK ||
        root.kind != JSON_T_OBJECT || !rest_member(root, "error", &error)) {
        return;
    }
    rest_said(error, "code", s->code, sizeof s->code);
    rest_said(error, "message", s->message, sizeof s->message);
    if (rest_member(error, "innererror", &inner)) {
        rest_said(inner, "code", s->inner, sizeof s->inner);
    }
}

typedef struct meaning {
    schloss_rc rc;
    const char *what, *hint;
} meaning_t;

static meaning_t unauthorized(const said_t *s) {
    if (rest_says(s->message, "not yet valid") || rest_says(s->message, "IDX10222")) {
        return (meaning_t){SCHLOSS_E_KMS_CLOCK, "the vault finds the access token not valid yet",
                           "set the clock of this machine (NTP)"};
    }
    if (rest_says(s->message, "expired") || rest_says(s->message, "IDX10223")) {
        return (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the vault finds the access token expired",
                           "is the clock of this machine right? a new token was asked for and refused as well"};
    }
    if (rest_says(s->message, "audience") || rest_says(s->message, "AKV10022")) {
        return (meaning_t){SCHLOSS_E_KMS_REGION, "the access token is for another cloud or kind of vault",
                           "set azure.resource.url to the resource that the vault names in its answer"};
    }
    if (rest_says(s->message, "issuer") || rest_says(s->message, "AKV10032")) {
        return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "the access token is of another tenant than the vault's",
                           "set tenant.id to the tenant of the vault"};
    }
    return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "the vault refuses the access token",
                       "is the identity of the vault's tenant, and still there?"};
}

static meaning_t forbidden(const said_t *s) {
    if (rest_says(s->inner, "Disabled") || rest_says(s->message, "disabled key") ||
        rest_says(s->message, "key is disabled")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_DISABLED, "the key, or this version of it, is disabled",
                           "enable it: az keyvault key set-attributes --enabled true"};
    }
    if (rest_says(s->message, "expired key") || rest_says(s->message, "not yet valid") ||
        rest_says(s->inner, "KeyNotYetValid") || rest_says(s->inner, "KeyExpired")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_DISABLED, "the key is outside of its activation and expiry dates",
                           "change the dates of the key, or rotate it"};
    }
    if (rest_says(s->message, "not permitted on this key") || rest_says(s->inner, "KeyOperationForbidden")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key does not permit this operation",
                           "add encrypt and decrypt (or wrapKey and unwrapKey) to the key's operations"};
    }
    return (meaning_t){SCHLOSS_E_KMS_DENIED, "the vault denies access", PERMISSIONS};
}

static meaning_t bad_request(azure_op_t op, const said_t *s) {
    bool type = rest_says(s->message, "key type") || rest_says(s->message, "kty") ||
                rest_says(s->message, "not supported") || rest_says(s->message, "not allowed");
    if (op != AZURE_UNWRAP || type) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key cannot do RSA-OAEP-256",
                           "use a key of type RSA or RSA-HSM"};
    }
    return (meaning_t){SCHLOSS_E_UNWRAP_FAILED, "the key does not open the wrapped DEK",
                       "was the key rotated since? name the old version in the key id, or wrap with "
                       "encrypt.azure.key.version.save=true"};
}

static meaning_t not_found(bool version_saved) {
    if (version_saved) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_VERSION, "the version of the key that wrapped this DEK is gone",
                           "was the key deleted? within its retention time it can be recovered"};
    }
    return (meaning_t){SCHLOSS_E_KMS_KEY_UNKNOWN, "the vault has no such key or version",
                       "check the key id; a deleted key can be recovered within its retention time"};
}

static meaning_t meaning_of(azure_op_t op, int status, const said_t *s, bool version_saved) {
    switch (status) {
    case 400:
        return bad_request(op, s);
    case 401:
        return unauthorized(s);
    case 403:
        return forbidden(s);
    case 404:
        return not_found(version_saved);
    case 409:
        return (meaning_t){SCHLOSS_E_KMS_KEY_PENDING, "the key is being deleted or recovered",
                           "wait until that is over, or recover the key"};
    case 408:
    case 429:
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "the vault throttles",
                           "it is asked again later; share DEKs, or raise the vault's limits"};
    default:
        break;
    }
    if (status >= 500) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "the vault fails",
                           "it is asked again later; see Azure's service health"};
    }
    return (meaning_t){SCHLOSS_E_KMS_ANSWER, "the vault answers what this driver does not know",
                       "does the key id name a Key Vault?"};
}

schloss_rc azure_refused(const azure_t *a, azure_op_t op, const io_answer_t *answer, bool version_saved,
                         schloss_error_t *err) {
    said_t s;
    vault_words(answer, &s);
    meaning_t m = meaning_of(op, answer->status, &s, version_saved);
    return rest_fail(a->key, m.rc, answer->status, s.message[0] != '\0' ? s.message : s.code, m.hint, err, "%s",
                     m.what);
}

static meaning_t login_meaning(int status, const char *text) {
    if (status == 408 || status == 429 || status >= 500) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "the token endpoint throttles or fails", "it is asked again later"};
    }
    if (rest_says(text, "AADSTS7000222")) {
        return (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the client secret has expired",
                           "make a new one and set client.secret"};
    }
    if (rest_says(text, "AADSTS500133") || rest_says(text, "not yet valid")) {
        return (meaning_t){SCHLOSS_E_KMS_CLOCK, "the federated token is outside of its time",
                           "set the clock of this machine (NTP)"};
    }
    if (rest_says(text, "AADSTS700024")) {
        return (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the federated token has expired",
                           "is AZURE_FEDERATED_TOKEN_FILE renewed, and the clock right?"};
    }
    if (rest_says(text, "AADSTS90002") || rest_says(text, "AADSTS900023")) {
        return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "there is no such tenant", "check tenant.id"};
    }
    if (rest_says(text, "AADSTS500011")) {
        return (meaning_t){SCHLOSS_E_KMS_REGION, "the tenant does not know the vault's resource",
                           "is the vault in another cloud? set azure.authority.url and azure.resource.url"};
    }
    return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "no access token is given",
                       "check tenant.id, client.id and client.secret, or the managed identity"};
}

schloss_rc azure_login_refused(const kms_key_t *key, const io_answer_t *answer, schloss_error_t *err) {
    char text[SAID_MAX] = "";
    json_span_t root;
    if (json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) == SCHLOSS_OK &&
        root.kind == JSON_T_OBJECT) {
        rest_said(root, "error_description", text, sizeof text);
        if (text[0] == '\0') {
            rest_said(root, "error", text, sizeof text);
        }
    }
    meaning_t m = login_meaning(answer->status, text);
    return rest_fail(key, m.rc, answer->status, text, m.hint, err, "%s", m.what);
}
