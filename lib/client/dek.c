/* DEKs of the DEK Registry.
 *
 * The answer for a shared KEK carries keyMaterial, a plaintext key. So answers are never given to a JSON library: they
 * are scanned in place, and the key is decoded from there into secret memory without touching the ordinary heap. */
#include "client/exchange.h"

#include "base/limits.h"
#include "base/secret.h"
#include "base/text.h"
#include "codec/json/scan.h"

#define MATERIAL_TEXT_MAX 4096u /* base64 of a key message; 88 characters are usual */

void sr_dek_clear(sr_dek_t *d) {
    mem_free(d->wrapped);
    secret_free(d->material);
    memset(d, 0, sizeof *d);
}

/* false when absent or null. */
static bool dek_member(json_span_t root, const char *name, json_span_t *v) {
    return json_member(root, name, v) && v->kind != JSON_T_NULL;
}

static schloss_rc dek_int(const sr_exchange_t *x, json_span_t root, const char *name, int64_t min, int64_t max,
                          int64_t *out, schloss_error_t *err) {
    json_span_t v;
    if (!dek_member(root, name, &v)) {
        return answer_bad(x, err, "member '%s' is missing", name);
    }
    if (v.kind != JSON_T_NUMBER || !json_get_int64(v, out) || *out < min || *out > max) {
        return answer_bad(x, err, "member '%s' is no integer from %lld to %lld", name, (long long)min, (long long)max);
    }
    return SCHLOSS_OK;
}

static schloss_rc dek_wrapped(const sr_exchange_t *x, json_span_t v, sr_dek_t *d, schloss_error_t *err) {
    if (v.kind != JSON_T_STRING) {
        return answer_bad(x, err, "member 'encryptedKeyMaterial' is no string");
    }
    buf_t text;
    buf_init(&text, B64_LEN(LIMIT_WRAPPED_DEK), "wrapped DEK", false);
    schloss_rc rc = json_str_decode(v, &text, err);
    if (rc == SCHLOSS_OK && text.len != 0) {
        d->wrapped = mem_alloc(text.len / 4 * 3 + 3);
        if (d->wrapped == NULL) {
            rc = NO_MEMORY(err);
        } else if (!b64_decode(d->wrapped, &d->wrapped_len, text.ptr, text.len)) {
            /* The registry stores what it is given for a KEK that is not shared; so this is a key that no KMS opens. */
            FAIL(err, UNWRAP_FAILED, "encryptedKeyMaterial of the DEK is no base64");
            err_hint(err, "the DEK in the registry is damaged; restore it from a backup");
            err_url(err, x->answer.url);
            rc = SCHLOSS_E_UNWRAP_FAILED;
        }
    } else if (rc == SCHLOSS_E_BAD_JSON) {
        rc = answer_bad(x, err, "member 'encryptedKeyMaterial' is no valid JSON string");
    }
    buf_clear(&text);
    return rc;
}

static int hex_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Resolves the escapes that base64 text may hold (a slash, or any character as \u00XX) while copying to out, which has
 * room for n bytes. false for others. */
static bool plain_text(uint8_t *out, size_t *out_len, const char *p, size_t n) {
    size_t w = 0;
    for (size_t i = 0; i < n;) {
        if (p[i] != '\\') {
            out[w++] = (uint8_t)p[i++];
        } else if (n - i >= 2 && p[i + 1] == '/') {
            out[w++] = '/';
            i += 2;
        } else if (n - i >= 6 && p[i + 1] == 'u' && p[i + 2] == '0' && p[i + 3] == '0' && hex_value(p[i + 4]) >= 0 &&
                   hex_value(p[i + 5]) >= 0) {
            out[w++] = (uint8_t)(hex_value(p[i + 4]) * 16 + hex_value(p[i + 5]));
            i += 6;
        } else {
            return false;
        }
    }
    *out_len = w;
    return true;
}

static schloss_rc dek_material(const sr_exchange_t *x, json_span_t v, sr_dek_t *d, schloss_error_t *err) {
    if (v.kind != JSON_T_STRING || v.len < 2) {
        return answer_bad(x, err, "member 'keyMaterial' is no string");
    }
    size_t n = v.len - 2; /* without quotes */
    if (n == 0) {
        return SCHLOSS_OK;
    }
    ENSURE(n <= MATERIAL_TEXT_MAX, err, LIMIT_EXCEEDED, "keyMaterial of a DEK is longer than %u bytes",
           MATERIAL_TEXT_MAX);
    void *text = NULL;
    void *key = NULL;
    size_t text_len = 0;
    size_t key_len = 0;
    TRY(secret_alloc(n, &text, err));
    schloss_rc rc = secret_alloc(n / 4 * 3 + 3, &key, err);
    if (rc == SCHLOSS_OK) {
        if (plain_text(text, &text_len, v.ptr + 1, n) && b64_decode(key, &key_len, text, text_len)) {
            d->material = key;
            d->material_len = key_len;
            key = NULL;
        } else {
            rc = answer_bad(x, err, "member 'keyMaterial' is no base64");
        }
    }
    secret_free(key);
    secret_free(text);
    return rc;
}

/* @return ABSENT when the DEK has neither wrapped nor plain key: official clients read that as "not found" */
static schloss_rc dek_members(const sr_exchange_t *x, sr_dek_t *d, schloss_error_t *err) {
    json_span_t root;
    json_span_t v;
    if (json_scan(&root, (const char *)x->answer.body.ptr, x->answer.body.len, NULL) != SCHLOSS_OK ||
        root.kind != JSON_T_OBJECT) {
        return answer_bad(x, err, "body is not a JSON object");
    }
    if (dek_member(root, "encryptedKeyMaterial", &v)) {
        TRY(dek_wrapped(x, v, d, err));
    }
    if (dek_member(root, "keyMaterial", &v)) {
        TRY(dek_material(x, v, d, err));
    }
    if (d->wrapped == NULL && d->material == NULL) {
        return SCHLOSS_ABSENT;
    }
    int64_t n = 0;
    TRY(dek_int(x, root, "version", 1, INT32_MAX, &n, err));
    d->version = (int32_t)n;
    TRY(dek_int(x, root, "ts", 0, INT64_MAX, &d->ts, err));
    if (dek_member(root, "deleted", &v)) {
        if (v.kind != JSON_T_BOOL) {
            return answer_bad(x, err, "member 'deleted' is no boolean");
        }
        d->deleted = json_get_bool(v);
    }
    return SCHLOSS_OK;
}

static schloss_rc dek_ask(sr_exchange_t *x, io_t *io, const http_service_t *svc, sr_dek_t *out, schloss_error_t *err) {
    TRY(exchange_run(x, io, svc, err));
    sr_dek_t dek = {0};
    schloss_rc rc = dek_members(x, &dek, err);
    if (rc != SCHLOSS_OK) {
        sr_dek_clear(&dek);
        return rc;
    }
    *out = dek;
    return SCHLOSS_OK;
}

static void dek_path(sr_exchange_t *x, const char *kek) {
    path_text(x, DEKS_BASE "/");
    path_value(x, kek);
    path_text(x, "/deks");
}

static void dek_read_path(sr_exchange_t *x, const char *kek, const char *subject, const char *algorithm,
                          int32_t version, bool deleted) {
    dek_path(x, kek);
    path_text(x, "/");
    path_value(x, subject);
    path_int(x, "/versions/", version);
    path_text(x, "?algorithm=");
    path_value(x, algorithm);
    path_bool(x, "&deleted=", deleted);
}

static void dek_context(schloss_rc rc, const char *kek, const char *subject, schloss_error_t *err) {
    if (rc < 0) {
        err_kek(err, kek);
        err_subject(err, subject);
    }
}

schloss_rc sr_get_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject, const char *algorithm,
                      int32_t version, bool deleted, sr_dek_t *out, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", true);
    dek_read_path(&x, kek, subject, algorithm, version, deleted);
    schloss_rc rc = dek_ask(&x, io, svc, out, err);
    dek_context(rc, kek, subject, err);
    exchange_clear(&x);
    return rc;
}

static void dek_create_body(sr_exchange_t *x, const char *subject, const char *algorithm, int32_t version,
                            bytes_t wrapped) {
    buf_put_str(&x->body, "{");
    body_str(x, "subject", subject);
    body_int(x, "version", version);
    body_str(x, "algorithm", algorithm);
    if (wrapped.ptr != NULL) {
        buf_put_str(&x->body, ",\"encryptedKeyMaterial\":\"");
        if (buf_reserve(&x->body, B64_LEN(wrapped.len))) {
            x->body.len += b64_encode(x->body.ptr + x->body.len, wrapped.ptr, wrapped.len);
        }
        buf_put_str(&x->body, "\"");
    }
    buf_put_str(&x->body, "}");
}

schloss_rc sr_create_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject,
                         const char *algorithm, int32_t version, bytes_t wrapped, sr_dek_t *out, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "POST", true);
    dek_path(&x, kek);
    size_t short_path = x.path.len;
    path_text(&x, "/");
    path_value(&x, subject);
    dek_create_body(&x, subject, algorithm, version, wrapped);
    schloss_rc rc = dek_ask(&x, io, svc, out, err);
    if (rc == SCHLOSS_E_REGISTRY_STATUS && x.answer.status == 405) {
        /* Servers before the subject moved into the path know only the collection; the body names the subject. */
        x.path.len = short_path;
        rc = dek_ask(&x, io, svc, out, err);
    }
    dek_context(rc, kek, subject, err);
    exchange_clear(&x);
    return rc;
}

schloss_rc sr_forget_dek(io_t *io, const char *kek, const char *subject, const char *algorithm, int32_t version,
                         bool deleted, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", true);
    dek_read_path(&x, kek, subject, algorithm, version, deleted);
    schloss_rc rc = exchange_forget(&x, io, err);
    exchange_clear(&x);
    return rc;
}
