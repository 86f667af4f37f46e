/* gcp-kms: symmetric keys of Google Cloud KMS over REST (spec client-encryption 4.5).
 *
 * Checksums (CRC32C) go with every request and must fit in every answer; the version that wrapped must be one of the
 * key that was asked. */
#include "kms/gcp/gcp.h"

#include "base/limits.h"
#include "base/text.h"
#include <ctype.h>
#include <stdio.h>

#define ENDPOINT "https://cloudkms.googleapis.com"
#define KEY_ID_MAX 1024u
#define AGAIN "the answer was damaged on its way; it is asked again at the next use"

/* projects/P/locations/L/keyRings/R/cryptoKeys/K, of characters that need no escape in a URL. */
static bool id_is_good(const char *id) {
    static const char *const words[] = {"projects", "locations", "keyRings", "cryptoKeys"};
    const char *p = id;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i]);
        if (strncmp(p, words[i], n) != 0 || p[n] != '/') {
            return false;
        }
        p += n + 1;
        const char *start = p;
        while (isalnum((unsigned char)*p) || (*p != '\0' && strchr("-_.:", *p) != NULL)) {
            p++;
        }
        size_t len = (size_t)(p - start);
        bool dots = (len == 1 || len == 2) && strncmp(start, "..", len) == 0; /* would lead out of the path */
        if (len == 0 || dots || (i + 1 < COUNT_OF(words) && *p++ != '/')) {
            return false;
        }
    }
    return *p == '\0' && (size_t)(p - id) < KEY_ID_MAX;
}

static schloss_rc open_key(const kms_key_t *key, gcp_t *g, schloss_error_t *err) {
    memset(g, 0, sizeof *g);
    g->key = key;
    if (!id_is_good(key->key_id)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                         "write it as projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version", err,
                         "the key id is malformed");
    }
    const char *endpoint = kms_setting(key, "gcp.endpoint.url", NULL);
    endpoint = endpoint != NULL ? endpoint : ENDPOINT;
    size_t n = strlen(endpoint);
    while (n > 0 && endpoint[n - 1] == '/') {
        n--;
    }
    if (!rest_url_is_safe(endpoint) || n >= sizeof g->endpoint) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "give an https URL without a path", err,
                         "gcp.endpoint.url is malformed");
    }
    memcpy(g->endpoint, endpoint, n);
    g->endpoint[n] = '\0';
    return rest_service(key, NULL, &g->svc, err);
}

static schloss_rc ask(gcp_t *g, io_t *io, bool is_wrap, bytes_t in, json_span_t *root, schloss_error_t *err) {
    buf_t body;
    char url[REST_TEXT_MAX];
    (void)snprintf(url, sizeof url, "%s/v1/%s:%s", g->endpoint, g->key->key_id, is_wrap ? "encrypt" : "decrypt");
    const char *name = is_wrap ? "plaintext" : "ciphertext";
    buf_init(&body, B64_LEN((size_t)LIMIT_WRAPPED_DEK) + 256, "LIMIT_WRAPPED_DEK", true);
    buf_printf(&body, "{\"%s\":\"", name);
    rest_put_b64(&body, REST_B64, in);
    buf_printf(&body,
               "\",\"%sCrc32c\":\"%lu\",\"additionalAuthenticatedData\":\"\","
               "\"additionalAuthenticatedDataCrc32c\":\"0\"}",
               name, (unsigned long)gcp_crc32c(in));
    schloss_rc rc = buf_check(&body, err);
    io_answer_t answer = {0};
    if (rc == SCHLOSS_OK) {
        static const schloss_http_header_t headers[] = {{"Content-Type", "application/json"},
                                                        {"Accept", "application/json"}};
        const io_call_t call = {.method = "POST",
                                .path = url,
                                .body = buf_view(&body),
                                .sensitive = true,
                                .headers = headers,
                                .n_headers = COUNT_OF(headers)};
        const rest_auth_t auth = {gcp_token, g, "Authorization", "Bearer ", 401};
        rc = rest_call_as(g->key, io, g->svc, &call, &auth, &answer, err);
    }
    buf_clear(&body);
    TRY(rc);
    if (answer.status != 200) {
        return gcp_refused(g, is_wrap, &answer, err);
    }
    return rest_object(g->key, &answer, root, err);
}

/* A checksum that is there must fit. */
static schloss_rc check_crc(const gcp_t *g, json_span_t root, const char *name, bytes_t data, schloss_error_t *err) {
    json_span_t v;
    int64_t crc = 0;
    if (!json_member(root, name, &v) || v.kind == JSON_T_NULL) {
        return rest_fail(g->key, SCHLOSS_E_KMS_ANSWER, 0, "", "is gcp.endpoint.url Cloud KMS?", err,
                         "the answer lacks its checksum '%s'", name);
    }
    if (!rest_number(root, name, &crc) || crc != (int64_t)gcp_crc32c(data)) {
        return rest_fail(g->key, SCHLOSS_E_KMS_ANSWER, 0, "", AGAIN, err, "the checksum '%s' of the answer is wrong",
                         name);
    }
    return SCHLOSS_OK;
}

/* Google says whether our checksum fitted what it received. */
static schloss_rc check_verified(const gcp_t *g, json_span_t root, const char *name, schloss_error_t *err) {
    json_span_t v;
    if (!json_member(root, name, &v) || v.kind != JSON_T_BOOL || !json_get_bool(v)) {
        return rest_fail(g->key, SCHLOSS_E_KMS_ANSWER, 0, "", AGAIN, err,
                         "Google has not verified the checksum of the request ('%s')", name);
    }
    return SCHLOSS_OK;
}

/* `name` is the key version that was used. */
static schloss_rc check_name(const gcp_t *g, json_span_t root, schloss_error_t *err) {
    static const char versions[] = "/cryptoKeyVersions/";
    buf_t name;
    buf_init(&name, REST_TEXT_MAX, "name", false);
    schloss_rc rc = rest_string(g->key, root, "name", &name, err);
    if (rc == SCHLOSS_OK) {
        const char *text = buf_cstr(&name);
        size_t n = strlen(g->key->key_id);
        rc = buf_check(&name, err);
        if (rc == SCHLOSS_OK && (strncmp(text, g->key->key_id, n) != 0 ||
                                 (text[n] != '\0' && strncmp(text + n, versions, sizeof versions - 1) != 0))) {
            rc = rest_fail(g->key, SCHLOSS_E_KMS_WRONG_KEY, 0, text, "do not trust what is behind this URL", err,
                           "Google answered for another key");
        }
    }
    buf_clear(&name);
    return rc;
}

static schloss_rc gcp_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    gcp_t g;
    json_span_t root;
    TRY(open_key(key, &g, err));
    TRY(ask(&g, io, true, plain, &root, err));
    TRY(check_name(&g, root, err));
    TRY(check_verified(&g, root, "verifiedPlaintextCrc32c", err));
    size_t before = out->len;
    TRY(rest_bytes(key, root, "ciphertext", REST_B64, out, err));
    schloss_rc rc = check_crc(&g, root, "ciphertextCrc32c", bytes(out->ptr + before, out->len - before), err);
    if (rc != SCHLOSS_OK) {
        out->len = before;
    }
    return rc;
}

static schloss_rc gcp_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                             schloss_error_t *err) {
    gcp_t g;
    json_span_t root;
    TRY(open_key(key, &g, err));
    TRY(ask(&g, io, false, wrapped, &root, err));
    buf_t plain;
    buf_init(&plain, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", true);
    schloss_rc rc = rest_bytes(key, root, "plaintext", REST_B64, &plain, err);
    if (rc == SCHLOSS_OK) {
        rc = check_crc(&g, root, "plaintextCrc32c", buf_view(&plain), err);
    }
    if (rc == SCHLOSS_OK) {
        rc = rest_plain(key, &plain, out, cap, out_len, err);
    }
    buf_clear(&plain);
    return rc;
}

const kms_driver_t kms_gcp = {"gcp-kms", gcp_wrap, gcp_unwrap};
