/* Paths and bodies of requests. Everything outside RFC 3986 unreserved is percent-encoded in a segment or value. */
#include "client/exchange.h"

#include "base/limits.h"
#include "base/text.h"
#include "client/auth.h"
#include "codec/json/scan.h"

#define PATH_MAX_BYTES ((size_t)64 * 1024)

void exchange_init(sr_exchange_t *x, const char *method, bool sensitive) {
    memset(x, 0, sizeof *x);
    x->method = method;
    x->sensitive = sensitive;
    buf_init(&x->path, PATH_MAX_BYTES, "request path", false);
    buf_init(&x->body, LIMIT_HTTP_BODY, "request body", sensitive);
}

void exchange_clear(sr_exchange_t *x) {
    buf_clear(&x->path);
    buf_clear(&x->body);
}

void path_text(sr_exchange_t *x, const char *text) {
    buf_put_str(&x->path, text);
}

void path_value_n(sr_exchange_t *x, const char *value, size_t n) {
    url_escape(&x->path, value, n);
}

void path_value(sr_exchange_t *x, const char *value) {
    path_value_n(x, value, strlen(value));
}

void path_bool(sr_exchange_t *x, const char *prefix, bool value) {
    buf_put_str(&x->path, prefix);
    buf_put_str(&x->path, value ? "true" : "false");
}

void path_int(sr_exchange_t *x, const char *prefix, int32_t value) {
    buf_printf(&x->path, "%s%d", prefix, value);
}

static void body_name(sr_exchange_t *x, const char *name) {
    uint8_t last = x->body.len == 0 ? (uint8_t)'{' : x->body.ptr[x->body.len - 1];
    if (last != '{') {
        buf_put_u8(&x->body, ',');
    }
    json_put_string(&x->body, name, strlen(name));
    buf_put_u8(&x->body, ':');
}

void body_str(sr_exchange_t *x, const char *name, const char *value) {
    body_name(x, name);
    json_put_string(&x->body, value, strlen(value));
}

void body_int(sr_exchange_t *x, const char *name, int32_t value) {
    body_name(x, name);
    buf_printf(&x->body, "%d", value);
}

/* Once more with a new token when an old one is refused. */
schloss_rc sr_call(io_t *io, const http_service_t *svc, io_call_t *call, io_answer_t *answer, schloss_error_t *err) {
    static const char header_name[] = "Authorization";
    while (svc->auth != NULL) {
        buf_t token;
        buf_init(&token, PATH_MAX_BYTES, "bearer token", true);
        schloss_rc rc = sr_auth_header(svc->auth, io, &token, err);
        if (rc == SCHLOSS_OK) {
            const schloss_http_header_t header = {header_name, buf_cstr(&token)};
            call->headers = &header;
            call->n_headers = 1;
            rc = io_call(io, svc, call, answer, err);
            call->headers = NULL;
        }
        buf_clear(&token);
        TRY(rc);
        const char *sent = answer->status == 401 ? io_sent_header(answer, header_name) : NULL;
        if (sent == NULL || !sr_auth_refused(svc->auth, io, sent)) {
            return SCHLOSS_OK;
        }
        io_forget(io, call->method, call->path);
    }
    return io_call(io, svc, call, answer, err);
}

schloss_rc exchange_run(sr_exchange_t *x, io_t *io, const http_service_t *svc, schloss_error_t *err) {
    TRY(buf_check(&x->body, err));
    const char *path = buf_cstr(&x->path);
    TRY(buf_check(&x->path, err));
    io_call_t call = {.method = x->method, .path = path, .body = buf_view(&x->body), .sensitive = x->sensitive};
    TRY(sr_call(io, svc, &call, &x->answer, err));
    return answer_status(x, err);
}

schloss_rc exchange_forget(sr_exchange_t *x, io_t *io, schloss_error_t *err) {
    const char *path = buf_cstr(&x->path);
    TRY(buf_check(&x->path, err));
    io_forget(io, x->method, path);
    return SCHLOSS_OK;
}

bool subject_is_qualified(const char *subject) {
    return subject[0] == ':' && subject[1] == '.';
}

bytes_t context_of(const char *subject) {
    if (!subject_is_qualified(subject)) {
        return bytes(NULL, 0);
    }
    size_t n = strcspn(subject + 1, ":");
    return n == 1 ? bytes(NULL, 0) : bytes(subject + 1, n);
}

char *sr_context_of(const char *subject) {
    bytes_t c = context_of(subject);
    return c.len == 0 ? NULL : mem_strndup((const char *)c.ptr, c.len);
}
