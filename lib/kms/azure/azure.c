/* azure-kms: RSA-OAEP-256 in Azure Key Vault or a Managed HSM (spec client-encryption 4.4).
 *
 * A versioned URL is always asked: the version is the key id's, the wrapped key's prefix, or what a GET of the key says
 * is current. Of `kid` in an answer only name and version count, never its host. */
#include "kms/azure/azure.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include <stdio.h>
#include <strings.h>

#define API "?api-version=7.4"
#define RSA_MIN 256u /* bytes of an RSA-2048 result */
#define RSA_MAX 2048u
#define SAVE_VERSION "encrypt.azure.key.version.save"

static schloss_rc setting_url(const kms_key_t *key, const char *name, const char *env, const char *dflt, char *out,
                              size_t cap, schloss_error_t *err) {
    const char *v = kms_setting(key, name, env);
    v = v != NULL ? v : dflt;
    char absolute[AZURE_PART_MAX];
    (void)snprintf(absolute, sizeof absolute, "%s%s", strstr(v, "://") == NULL ? "https://" : "", v);
    size_t n = strlen(absolute);
    while (n > 0 && absolute[n - 1] == '/') {
        n--;
    }
    if (!rest_url_is_safe(absolute) || n >= cap || n + 1 >= sizeof absolute) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "give an https URL", err, "%s is malformed", name);
    }
    memcpy(out, absolute, n);
    out[n] = '\0';
    return SCHLOSS_OK;
}

/* A bearer token is worth a key: it goes to domains of Azure, and elsewhere only where the operator says so. */
static schloss_rc open_key(const kms_key_t *key, azure_t *a, schloss_error_t *err) {
    memset(a, 0, sizeof *a);
    a->key = key;
    if (!azure_id_parse(key->key_id, &a->id)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                         "write it as https://VAULT.vault.azure.net/keys/NAME[/VERSION]", err,
                         "the key id is malformed");
    }
    if (!rest_url_is_safe(a->id.base)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "write the key id with https", err,
                         "a vault is asked over https only");
    }
    const azure_cloud_t *cloud = azure_cloud_of(a->id.base);
    if (cloud == NULL && kms_setting(key, "azure.resource.url", NULL) == NULL) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                         "if you trust this host with a token, set azure.resource.url (https://vault.azure.net)", err,
                         "the host is no domain of Azure Key Vault");
    }
    const azure_cloud_t *of = cloud != NULL ? cloud : azure_cloud_of("https://x.vault.azure.net");
    TRY(setting_url(key, "azure.resource.url", NULL, of->resource, a->resource, sizeof a->resource, err));
    TRY(setting_url(key, "azure.authority.url", "AZURE_AUTHORITY_HOST", of->authority, a->authority,
                    sizeof a->authority, err));
    return rest_service(key, NULL, &a->svc, err);
}

static schloss_rc ask(azure_t *a, io_t *io, const char *method, const char *tail, bytes_t body, io_answer_t *answer,
                      schloss_error_t *err) {
    char url[REST_TEXT_MAX];
    (void)snprintf(url, sizeof url, "%s/keys/%s%s%s" API, a->id.base, a->id.name, tail[0] != '\0' ? "/" : "", tail);
    static const schloss_http_header_t headers[] = {{"Content-Type", "application/json"},
                                                    {"Accept", "application/json"}};
    const io_call_t call = {.method = method,
                            .path = url,
                            .body = body,
                            .sensitive = true,
                            .headers = headers,
                            .n_headers = COUNT_OF(headers)};
    const rest_auth_t auth = {azure_token, a, "Authorization", "Bearer ", 401};
    return rest_call_as(a->key, io, a->svc, &call, &auth, answer, err);
}

/* Name and version of the key that an answer is about. Its host is whatever the vault calls itself. */
static schloss_rc check_kid(const azure_t *a, json_span_t o, const char *version, azure_id_t *kid,
                            schloss_error_t *err) {
    buf_t text;
    buf_init(&text, REST_TEXT_MAX, "kid", false);
    schloss_rc rc = rest_string(a->key, o, "kid", &text, err);
    if (rc == SCHLOSS_OK) {
        const char *s = buf_cstr(&text);
        rc = buf_check(&text, err);
        if (rc == SCHLOSS_OK && (!azure_id_parse(s, kid) || kid->version[0] == '\0')) {
            rc = rest_fail(a->key, SCHLOSS_E_KMS_ANSWER, 0, s, "does the key id name a Key Vault?", err,
                           "'kid' of the answer names no version of a key");
        }
    }
    buf_clear(&text);
    TRY(rc);
    if (strcasecmp(kid->name, a->id.name) != 0 || (version != NULL && strcasecmp(kid->version, version) != 0)) {
        char other[2 * AZURE_PART_MAX + 2];
        (void)snprintf(other, sizeof other, "%s/%s", kid->name, kid->version);
        return rest_fail(a->key, SCHLOSS_E_KMS_WRONG_KEY, 0, other, "do not trust what is behind this URL", err,
                         "the vault answered for another key");
    }
    return SCHLOSS_OK;
}

/* The current version of a key id without one. */
static schloss_rc resolve(azure_t *a, io_t *io, schloss_error_t *err) {
    io_answer_t answer;
    TRY(ask(a, io, "GET", "", bytes(NULL, 0), &answer, err));
    if (answer.status != 200) {
        return azure_refused(a, AZURE_GET, &answer, false, err);
    }
    json_span_t root, jwk, attributes, enabled;
    azure_id_t kid;
    char kty[32];
    TRY(rest_object(a->key, &answer, &root, err));
    if (!rest_member(root, "key", &jwk)) {
        return rest_fail(a->key, SCHLOSS_E_KMS_ANSWER, answer.status, "", "does the key id name a Key Vault?", err,
                         "the answer holds no key");
    }
    TRY(check_kid(a, jwk, NULL, &kid, err));
    rest_said(jwk, "kty", kty, sizeof kty);
    if (strcmp(kty, "RSA") != 0 && strcmp(kty, "RSA-HSM") != 0) {
        return rest_fail(a->key, SCHLOSS_E_KMS_KEY_TYPE, 0, kty, "use a key of type RSA or RSA-HSM", err,
                         "the key cannot do RSA-OAEP-256");
    }
    if (rest_member(root, "attributes", &attributes) && json_member(attributes, "enabled", &enabled) &&
        enabled.kind == JSON_T_BOOL && !json_get_bool(enabled)) {
        return rest_fail(a->key, SCHLOSS_E_KMS_KEY_DISABLED, 0, "",
                         "enable it: az keyvault key set-attributes --enabled true", err,
                         "the current version of the key is disabled");
    }
    memcpy(a->id.version, kid.version, sizeof kid.version);
    return SCHLOSS_OK;
}

/* One operation; who lacks encrypt may have wrapKey, which is the same computation. */
static schloss_rc operate(azure_t *a, io_t *io, azure_op_t op, bytes_t in, bool version_saved, buf_t *out,
                          schloss_error_t *err) {
    static const char *const verbs[2][2] = {{"encrypt", "wrapkey"}, {"decrypt", "unwrapkey"}};
    const char *const *verb = verbs[op == AZURE_UNWRAP];
    buf_t body;
    buf_init(&body, B64_LEN((size_t)LIMIT_WRAPPED_DEK) + 64, "LIMIT_WRAPPED_DEK", true);
    buf_put_str(&body, "{\"alg\":\"RSA-OAEP-256\",\"value\":\"");
    rest_put_b64(&body, REST_B64URL, in);
    buf_put_str(&body, "\"}");
    schloss_rc rc = buf_check(&body, err);
    io_answer_t answer = {0};
    io_answer_t second = {0};
    char tail[AZURE_PART_MAX + 16];
    if (rc == SCHLOSS_OK) {
        (void)snprintf(tail, sizeof tail, "%s/%s", a->id.version, verb[0]);
        rc = ask(a, io, "POST", tail, buf_view(&body), &answer, err);
    }
    if (rc == SCHLOSS_OK && answer.status == 403) {
        (void)snprintf(tail, sizeof tail, "%s/%s", a->id.version, verb[1]);
        rc = ask(a, io, "POST", tail, buf_view(&body), &second, err);
        answer = second.status == 200 ? second : answer;
    }
    buf_clear(&body);
    TRY(rc);
    if (answer.status != 200) {
        return azure_refused(a, op, &answer, version_saved, err);
    }
    json_span_t root;
    azure_id_t kid;
    TRY(rest_object(a->key, &answer, &root, err));
    TRY(check_kid(a, root, a->id.version, &kid, err));
    return rest_bytes(a->key, root, "value", REST_B64URL, out, err);
}

static schloss_rc azure_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    azure_t a;
    TRY(open_key(key, &a, err));
    bool pinned = a.id.version[0] != '\0';
    bool save = rest_flag(key, SAVE_VERSION);
    if (!pinned) {
        TRY(resolve(&a, io, err));
    }
    if (save && !azure_version_is_hex(a.id.version, strlen(a.id.version))) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "switch " SAVE_VERSION " off, or check the key id", err,
                         "kms key version '%s' must be a 32-character hex string", a.id.version);
    }
    size_t start = out->len;
    if (save) {
        buf_put_str(out, "azure:v1:");
        buf_put_str(out, a.id.version);
        buf_put_u8(out, ':');
        TRY(buf_check(out, err));
    }
    size_t before = out->len;
    schloss_rc rc = operate(&a, io, AZURE_WRAP, plain, false, out, err);
    size_t n = out->len - before;
    if (rc == SCHLOSS_OK && (n < RSA_MIN || n > RSA_MAX)) {
        rc = rest_fail(key, SCHLOSS_E_KMS_ANSWER, 0, "", "does the key id name a Key Vault?", err,
                       "%zu bytes are no result of RSA-OAEP-256", n);
    }
    if (rc != SCHLOSS_OK) {
        out->len = start;
    } else if (!pinned && !save) {
        LOG_WARN("kms",
                 "%s://%s names no version: once the key is rotated, DEKs wrapped before are lost; set " SAVE_VERSION,
                 key->kms_type, key->key_id);
    }
    return rc;
}

static schloss_rc azure_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                               size_t *out_len, schloss_error_t *err) {
    azure_t a;
    TRY(open_key(key, &a, err));
    char version[AZURE_VERSION_LEN + 1];
    bytes_t rest = wrapped;
    bool ok = true;
    bool saved = azure_prefix_read(wrapped, version, &rest, &ok);
    if (saved && !ok) {
        return rest_fail(key, SCHLOSS_E_UNWRAP_FAILED, 0, "", "the DEK in the registry is damaged", err,
                         "kms key version '%s' must be a 32-character hex string", version);
    }
    if (saved) {
        memcpy(a.id.version, version, sizeof version);
    } else if (a.id.version[0] == '\0') {
        TRY(resolve(&a, io, err));
    }
    buf_t plain;
    buf_init(&plain, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", true);
    schloss_rc rc = operate(&a, io, AZURE_UNWRAP, rest, saved, &plain, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_plain(key, &plain, out, cap, out_len, err);
    }
    buf_clear(&plain);
    return rc;
}

const kms_driver_t kms_azure = {"azure-kms", azure_wrap, azure_unwrap};
