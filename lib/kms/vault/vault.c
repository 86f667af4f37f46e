/* hcvault: the transit engine of HashiCorp Vault and OpenBao (spec client-encryption 4.6).
 *
 * The wrapped bytes are transit's text, "vault:v1:…". Neither context nor associated data are sent. Encrypting with a
 * key that is not there would make it where the policy allows create, so the key is read first; where reading is denied
 * the policy must be trusted (docs/kms/vault.md). */
#include "kms/vault/vault.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include <stdio.h>

#define NOT_VAULT "does the key id name a Vault?"

/* With vault.allowed.urls the operator says which servers may see his credentials, whatever a KEK of the registry says.
 */
static bool base_is_allowed(const kms_key_t *key, const char *base) {
    const char *list = kms_setting(key, "vault.allowed.urls", "VAULT_ADDR");
    if (list == NULL) {
        return true;
    }
    size_t len = strlen(base);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " ,");
        size_t n = strcspn(p, " ,");
        size_t trimmed = n > 0 && p[n - 1] == '/' ? n - 1 : n;
        if (trimmed == len && strncmp(p, base, len) == 0) {
            return true;
        }
        p += n;
    }
    return false;
}

static bool is_header_text(const char *s) {
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f) {
            return false;
        }
    }
    return true;
}

static schloss_rc open_key(const kms_key_t *key, vault_t *v, schloss_error_t *err) {
    static const rest_env_t env = {"VAULT_CACERT", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY"};
    memset(v, 0, sizeof *v);
    v->key = key;
    if (!vault_id_parse(key->key_id, &v->id)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "write it as https://HOST:8200/MOUNT/keys/KEY", err,
                         "the key id is malformed");
    }
    if (!base_is_allowed(key, v->id.base)) {
        return rest_fail(key, SCHLOSS_E_KMS_REGION, 0, "", "add it to vault.allowed.urls if it is yours", err,
                         "the key is on a server that vault.allowed.urls does not name");
    }
    static const char *const java[] = {"ssl.keystore.location", "ssl.truststore.location"};
    for (size_t i = 0; i < COUNT_OF(java); i++) {
        if (kms_setting(key, java[i], NULL) != NULL) {
            return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                             "set ssl.ca.location, ssl.certificate.location and ssl.key.location (PEM)", err,
                             "%s is a Java key store, which this driver does not read", java[i]);
        }
    }
    v->ns = kms_setting(key, "namespace", "VAULT_NAMESPACE");
    if (v->ns != NULL && !is_header_text(v->ns)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "give the namespace as Vault lists it", err,
                         "namespace is malformed");
    }
    return rest_service(key, &env, &v->svc, err);
}

schloss_rc vault_call(const vault_t *v, io_t *io, const char *method, const char *path, bytes_t body,
                      const rest_auth_t *auth, io_answer_t *answer, schloss_error_t *err) {
    char url[REST_TEXT_MAX];
    (void)snprintf(url, sizeof url, "%s/v1/%s", v->id.base, path);
    const schloss_http_header_t headers[] = {
        {"Content-Type", "application/json"}, {"X-Vault-Request", "true"}, {"X-Vault-Namespace", v->ns}};
    const io_call_t call = {.method = method,
                            .path = url,
                            .body = body,
                            .sensitive = true,
                            .headers = headers,
                            .n_headers = v->ns == NULL ? 2 : 3};
    return auth == NULL ? rest_call(v->key, io, v->svc, &call, answer, err)
                        : rest_call_as(v->key, io, v->svc, &call, auth, answer, err);
}

static schloss_rc ask(vault_t *v, io_t *io, const char *method, const char *verb, bytes_t body, io_answer_t *answer,
                      schloss_error_t *err) {
    char path[2 * VAULT_PART_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/%s/%s", v->id.mount, verb, v->id.name);
    const rest_auth_t auth = {vault_token, v, "X-Vault-Token", "", 403};
    return vault_call(v, io, method, path, body, &auth, answer, err);
}

static schloss_rc data_of(const vault_t *v, const io_answer_t *answer, json_span_t *data, schloss_error_t *err) {
    json_span_t root;
    TRY(rest_object(v->key, answer, &root, err));
    if (!rest_member(root, "data", data)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_ANSWER, answer->status, "", NOT_VAULT, err, "the answer holds no data");
    }
    return SCHLOSS_OK;
}

static bool member_is(json_span_t o, const char *name, bool value) {
    json_span_t m;
    return json_member(o, name, &m) && m.kind == JSON_T_BOOL && json_get_bool(m) == value;
}

/* Is there a key that can wrap? A policy may deny the question; then the answer is taken for yes. */
static schloss_rc look_at_key(vault_t *v, io_t *io, schloss_error_t *err) {
    io_answer_t answer;
    TRY(ask(v, io, "GET", "keys", bytes(NULL, 0), &answer, err));
    if (answer.status == 403) {
        return SCHLOSS_OK;
    }
    if (answer.status != 200) {
        return vault_refused(v, true, &answer, err);
    }
    json_span_t data;
    char type[64];
    TRY(data_of(v, &answer, &data, err));
    rest_said(data, "type", type, sizeof type);
    if (member_is(data, "derived", true)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_KEY_TYPE, 0, "", "use a key without derived=true", err,
                         "the key is a derived one, which needs a context with each call");
    }
    if (member_is(data, "soft_deleted", true)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_KEY_PENDING, 0, "", "restore it", err, "the key is soft-deleted");
    }
    if (member_is(data, "supports_encryption", false)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_KEY_TYPE, 0, type,
                         "use a key of type aes256-gcm96, aes128-gcm96, chacha20-poly1305 or rsa-*", err,
                         "the key is of a type that cannot encrypt");
    }
    return SCHLOSS_OK;
}

static schloss_rc vault_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    vault_t v;
    TRY(open_key(key, &v, err));
    TRY(look_at_key(&v, io, err));
    buf_t body;
    buf_init(&body, B64_LEN((size_t)LIMIT_WRAPPED_DEK) + 64, "LIMIT_WRAPPED_DEK", true);
    buf_put_str(&body, "{\"plaintext\":\"");
    rest_put_b64(&body, REST_B64, plain);
    buf_put_str(&body, "\"}");
    io_answer_t answer = {0};
    schloss_rc rc = buf_check(&body, err);
    if (rc == SCHLOSS_OK) {
        rc = ask(&v, io, "POST", "encrypt", buf_view(&body), &answer, err);
    }
    buf_clear(&body);
    TRY(rc);
    if (answer.status != 200) {
        return vault_refused(&v, true, &answer, err);
    }
    json_span_t data;
    TRY(data_of(&v, &answer, &data, err));
    size_t before = out->len;
    TRY(rest_string(key, data, "ciphertext", out, err));
    if (!vault_is_ciphertext(bytes(out->ptr + before, out->len - before))) {
        out->len = before;
        return rest_fail(key, SCHLOSS_E_KMS_ANSWER, answer.status, "", NOT_VAULT, err,
                         "'ciphertext' of the answer does not begin with vault:v");
    }
    vault_token_worked(&v);
    if (!rest_url_is_safe(v.id.base)) {
        LOG_WARN("kms", "%s://%s: token and keys cross the network in clear, write the key id with https",
                 key->kms_type, key->key_id);
    }
    return SCHLOSS_OK;
}

static schloss_rc vault_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                               size_t *out_len, schloss_error_t *err) {
    vault_t v;
    TRY(open_key(key, &v, err));
    if (!vault_is_ciphertext(wrapped)) {
        return rest_fail(key, SCHLOSS_E_UNWRAP_FAILED, 0, "",
                         "the DEK in the registry is damaged, or was wrapped by another KMS", err,
                         "the wrapped DEK does not begin with vault:v");
    }
    buf_t body;
    buf_init(&body, LIMIT_WRAPPED_DEK + 64, "LIMIT_WRAPPED_DEK", false);
    buf_put_str(&body, "{\"ciphertext\":");
    json_put_string(&body, (const char *)wrapped.ptr, wrapped.len);
    buf_put_u8(&body, '}');
    io_answer_t answer = {0};
    schloss_rc rc = buf_check(&body, err);
    if (rc == SCHLOSS_OK) {
        rc = ask(&v, io, "POST", "decrypt", buf_view(&body), &answer, err);
    }
    buf_clear(&body);
    TRY(rc);
    if (answer.status != 200) {
        return vault_refused(&v, false, &answer, err);
    }
    json_span_t data;
    TRY(data_of(&v, &answer, &data, err));
    buf_t plain;
    buf_init(&plain, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", true);
    rc = rest_bytes(key, data, "plaintext", REST_B64, &plain, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_plain(key, &plain, out, cap, out_len, err);
    }
    buf_clear(&plain);
    TRY(rc);
    vault_token_worked(&v);
    return SCHLOSS_OK;
}

const kms_driver_t kms_vault = {"hcvault", vault_wrap, vault_unwrap};
