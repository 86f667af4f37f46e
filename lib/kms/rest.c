/* Calls, answers and texts of the drivers that speak JSON over HTTPS. */
#include "kms/rest.h"

#include "base/limits.h"
#include "base/text.h"
#include "kms/service.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define REMOTE_MAX 240u /* of a server's text in an error */

/* ---- errors ---- */

schloss_rc rest_fail(const kms_key_t *key, schloss_rc rc, int status, const char *remote, const char *hint,
                     schloss_error_t *err, const char *fmt, ...) {
    char what[256];
    char said[REMOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_clean_text(said, sizeof said, remote, strlen(remote));
    if (status == 0) {
        err_set(err, rc, "%s://%s: %s%s%s", key->kms_type, key->key_id, what, said[0] != '\0' ? ": " : "", said);
    } else {
        err_set(err, rc, "%s://%s: %s (HTTP %d%s%s)", key->kms_type, key->key_id, what, status,
                said[0] != '\0' ? ": " : "", said);
        err_http(err, status, 0);
    }
    err_hint(err, "%s", hint);
    return rc;
}

#define ASKED_AGAIN "is a proxy in between, or is this URL no KMS? it is asked again at the next use"

static schloss_rc bad_member(const kms_key_t *key, schloss_error_t *err, const char *name, const char *how) {
    return rest_fail(key, SCHLOSS_E_KMS_ANSWER, 0, "", ASKED_AGAIN, err, "'%s' of the answer is %s", name, how);
}

/* ---- services ---- */

#define TIMEOUT_MAX_MS 120000ul
#define METADATA_CONNECT_MS 1000u
#define METADATA_MS 3000u

static schloss_rc timeout_of(const kms_key_t *key, uint32_t *out, schloss_error_t *err) {
    const char *text = kms_setting(key, "endpoint.timeout.ms", NULL);
    if (text == NULL) {
        return SCHLOSS_OK;
    }
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);
    if (*end != '\0' || text[0] < '0' || text[0] > '9' || v < 1 || v > TIMEOUT_MAX_MS) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, text, "give milliseconds, 1 to 120000", err,
                         "endpoint.timeout.ms is malformed");
    }
    *out = (uint32_t)v;
    return SCHLOSS_OK;
}

schloss_rc rest_service(const kms_key_t *key, const rest_env_t *env, const http_service_t **out, schloss_error_t *err) {
    kms_service_conf_t conf = {
        .tls = {.ca_file = kms_setting(key, "ssl.ca.location", env == NULL ? NULL : env->ca),
                .cert_file = kms_setting(key, "ssl.certificate.location", env == NULL ? NULL : env->certificate),
                .key_file = kms_setting(key, "ssl.key.location", env == NULL ? NULL : env->key)},
    };
    if (conf.tls.key_file != NULL) { /* else nothing to open, and no service for each text that a KEK may hold */
        conf.tls.key_password = kms_setting(key, "ssl.key.password", NULL);
    }
    if (conf.tls.key_file != NULL && conf.tls.cert_file == NULL) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "set ssl.certificate.location as well", err,
                         "ssl.key.location is a key without its certificate");
    }
    TRY(timeout_of(key, &conf.timeout_ms, err));
    conf.connect_timeout_ms = conf.timeout_ms;
    return kms_service(out, &conf, err);
}

schloss_rc rest_metadata(const http_service_t **out, schloss_error_t *err) {
    const kms_service_conf_t conf = {
        .direct = true, .connect_timeout_ms = METADATA_CONNECT_MS, .timeout_ms = METADATA_MS, .max_retries = 1};
    return kms_service(out, &conf, err);
}

/* ---- calls ---- */

schloss_rc rest_call(const kms_key_t *key, io_t *io, const http_service_t *svc, const io_call_t *call, io_answer_t *out,
                     schloss_error_t *err) {
    schloss_rc rc = io_call(io, svc, call, out, err);
    if (rc < 0) {
        err_wrap(err, "%s://%s", key->kms_type, key->key_id);
        if (err != NULL && err->hint[0] == '\0') {
            err_hint(err, "%s",
                     rc == SCHLOSS_E_IO ? "the connection broke within the answer; it is asked again at the next use"
                                        : schloss_rc_text(rc));
        }
    }
    return rc;
}

/* Printable ASCII: what could end a header, and begin another, is refused. */
static bool is_header_text(const buf_t *b) {
    for (size_t i = 0; i < b->len; i++) {
        if (b->ptr[i] < 0x20 || b->ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static schloss_rc call_with(const kms_key_t *key, io_t *io, const http_service_t *svc, const io_call_t *call,
                            const rest_auth_t *auth, const buf_t *token, io_answer_t *out, schloss_error_t *err) {
    schloss_http_header_t headers[REST_HEADERS_MAX + 1];
    buf_t value;
    buf_init(&value, REST_TOKEN_MAX + 16, "access token", true);
    buf_put_str(&value, auth->prefix);
    buf_put(&value, token->ptr, token->len);
    const char *text = buf_cstr(&value);
    schloss_rc rc = buf_check(&value, err);
    if (rc == SCHLOSS_OK && !is_header_text(&value)) {
        rc = rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", "give it as it was issued", err,
                       "the token holds characters that no HTTP header can carry");
    }
    if (rc == SCHLOSS_OK) {
        io_call_t one = *call;
        one.n_headers = call->n_headers < REST_HEADERS_MAX ? call->n_headers : REST_HEADERS_MAX;
        for (size_t i = 0; i < one.n_headers; i++) {
            headers[i] = call->headers[i];
        }
        headers[one.n_headers++] = (schloss_http_header_t){auth->header, text};
        one.headers = headers;
        rc = rest_call(key, io, svc, &one, out, err);
    }
    buf_clear(&value);
    return rc;
}

schloss_rc rest_call_as(const kms_key_t *key, io_t *io, const http_service_t *svc, const io_call_t *call,
                        const rest_auth_t *auth, io_answer_t *out, schloss_error_t *err) {
    buf_t token;
    buf_init(&token, REST_TOKEN_MAX, "access token", true);
    schloss_rc rc = auth->get(auth->user, io, false, &token, err);
    if (rc == SCHLOSS_OK) {
        rc = call_with(key, io, svc, call, auth, &token, out, err);
    }
    if (rc == SCHLOSS_OK && out->status == auth->refused) {
        buf_reset(&token);
        rc = auth->get(auth->user, io, true, &token, err);
        if (rc > 0) {
            io_forget(io, call->method, call->path); /* asked again once the new token is there */
        }
    }
    buf_clear(&token);
    return rc;
}

/* ---- answers ---- */

schloss_rc rest_object(const kms_key_t *key, const io_answer_t *a, json_span_t *out, schloss_error_t *err) {
    schloss_error_t why = {0};
    schloss_rc rc = json_scan(out, (const char *)a->body.ptr, a->body.len, &why);
    if (rc != SCHLOSS_OK || out->kind != JSON_T_OBJECT) {
        rc = rest_fail(key, SCHLOSS_E_KMS_ANSWER, a->status, "", ASKED_AGAIN, err,
                       "the answer of %zu bytes is no JSON object", a->body.len);
    }
    return rc;
}

bool rest_member(json_span_t o, const char *name, json_span_t *out) {
    json_span_t v;
    if (!json_member(o, name, &v) || v.kind != JSON_T_OBJECT) {
        return false;
    }
    *out = v;
    return true;
}

void rest_said(json_span_t o, const char *name, char *dst, size_t cap) {
    char text[REST_TEXT_MAX];
    json_span_t v;
    dst[0] = '\0';
    if (json_member_str(o, name, text, sizeof text)) {
        err_clean_text(dst, cap, text, strlen(text));
        mem_wipe(text, sizeof text);
    } else if (json_member(o, name, &v) && v.kind == JSON_T_STRING && v.len > REST_TEXT_MAX) {
        err_clean_text(dst, cap, v.ptr + 1, cap); /* its beginning, escapes as they are */
    }
}

schloss_rc rest_string(const kms_key_t *key, json_span_t o, const char *name, buf_t *out, schloss_error_t *err) {
    json_span_t v;
    if (!json_member(o, name, &v) || v.kind != JSON_T_STRING) {
        return bad_member(key, err, name, "no text, or is not there");
    }
    size_t before = out->len;
    schloss_error_t why = {0};
    schloss_rc rc = json_str_decode(v, out, &why);
    if (rc == SCHLOSS_E_NO_MEMORY) {
        err_copy(err, &why);
        return rc;
    }
    if (rc != SCHLOSS_OK || out->len == before || memchr(out->ptr + before, 0, out->len - before) != NULL) {
        return bad_member(key, err, name, "empty, too long or malformed");
    }
    return SCHLOSS_OK;
}

/* To the standard alphabet, in place; padding may lack. */
static bool standard_of(buf_t *text, rest_alphabet_t alphabet) {
    if (alphabet == REST_B64) {
        return true;
    }
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->ptr[i];
        if (c == '+' || c == '/') {
            return false;
        }
        text->ptr[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    return true;
}

schloss_rc rest_bytes(const kms_key_t *key, json_span_t o, const char *name, rest_alphabet_t alphabet, buf_t *out,
                      schloss_error_t *err) {
    buf_t text;
    buf_init(&text, B64_LEN((size_t)LIMIT_WRAPPED_DEK), "LIMIT_WRAPPED_DEK", true);
    schloss_rc rc = rest_string(key, o, name, &text, err);
    if (rc == SCHLOSS_OK) {
        size_t n = 0;
        if (!buf_reserve(out, text.len / 4 * 3 + 3)) {
            rc = buf_check(out, err);
        } else if (!standard_of(&text, alphabet) || !b64_decode(out->ptr + out->len, &n, text.ptr, text.len)) {
            rc = bad_member(key, err, name, "not base64");
        }
        out->len += n;
    }
    buf_clear(&text);
    return rc;
}

bool rest_number(json_span_t o, const char *name, int64_t *out) {
    json_span_t v;
    if (!json_member(o, name, &v)) {
        return false;
    }
    if (v.kind == JSON_T_STRING && v.len > 2 && v.len < 22) {
        v = (json_span_t){v.ptr + 1, v.len - 2, JSON_T_NUMBER};
    }
    return json_get_int64(v, out) && *out >= 0;
}

schloss_rc rest_plain(const kms_key_t *key, const buf_t *plain, uint8_t *out, size_t cap, size_t *out_len,
                      schloss_error_t *err) {
    if (plain->len == 0 || plain->len > cap) {
        return rest_fail(key, SCHLOSS_E_UNWRAP_FAILED, 0, "", "is the wrapped key one of a DEK Registry?", err,
                         "the wrapped key holds %zu bytes, a DEK has 1 to %zu", plain->len, cap);
    }
    memcpy(out, plain->ptr, plain->len);
    *out_len = plain->len;
    return SCHLOSS_OK;
}

/* ---- texts ---- */

void rest_put_b64(buf_t *out, rest_alphabet_t alphabet, bytes_t in) {
    if (!buf_reserve(out, B64_LEN(in.len))) {
        return;
    }
    uint8_t *p = out->ptr + out->len;
    size_t n = b64_encode(p, in.ptr, in.len);
    if (alphabet == REST_B64URL) {
        while (n > 0 && p[n - 1] == '=') {
            n--;
        }
        for (size_t i = 0; i < n; i++) {
            p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
        }
    }
    out->len += n;
}

void rest_put_form(buf_t *out, const char *name, const char *value) {
    if (out->len != 0) {
        buf_put_u8(out, '&');
    }
    buf_put_str(out, name);
    buf_put_u8(out, '=');
    url_escape(out, value, strlen(value));
}

static bool read_all(int fd, buf_t *out) {
    uint8_t chunk[1024];
    ssize_t n = 0;
    do {
        n = read(fd, chunk, sizeof chunk);
        buf_put(out, chunk, n > 0 ? (size_t)n : 0);
    } while ((n > 0 && !out->failed) || (n < 0 && errno == EINTR));
    mem_wipe(chunk, sizeof chunk);
    return n == 0;
}

schloss_rc rest_file(const kms_key_t *key, const char *what, const char *path, buf_t *out, schloss_error_t *err) {
    size_t before = out->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool ok = fd >= 0 && read_all(fd, out);
    int why = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    TRY(buf_check(out, err));
    while (out->len > before && strchr(" \t\r\n", out->ptr[out->len - 1]) != NULL) {
        out->len--;
    }
    if (!ok || out->len == before) {
        return rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, ok ? "it is empty" : strerror(why),
                         "check that the file is there and that this process may read it", err, "cannot read %s %s",
                         what, path);
    }
    return SCHLOSS_OK;
}

bool rest_url_is_local(const char *url) {
    const char *host = strstr(url, "://");
    if (host == NULL) {
        return false;
    }
    host += 3;
    size_t n = strcspn(host, "/?#");
    if (memchr(host, '@', n) != NULL) {
        return false;
    }
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t len = strlen(names[i]);
        if (n >= len && strncasecmp(host, names[i], len) == 0 && (n == len || host[len] == ':')) {
            return true;
        }
    }
    return false;
}

bool rest_url_is_safe(const char *url) {
    return strncmp(url, "https://", 8) == 0 || (strncmp(url, "http://", 7) == 0 && rest_url_is_local(url));
}

bool rest_flag(const kms_key_t *key, const char *name) {
    const char *v = kms_setting(key, name, NULL);
    return v != NULL && strcasecmp(v, "true") == 0;
}

bool rest_says(const char *text, const char *part) {
    return strcasestr(text, part) != NULL;
}
