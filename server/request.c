/* See request.h. */
#include "server/request.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include "server/media.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

void request_init(request_t *rq, const char *method, const char *target) {
    memset(rq, 0, sizeof *rq);
    rq->method = method;
    rq->target = target;
    rq->media = MEDIA_V1;
    rq->status = 200;
    arena_init(&rq->arena, (size_t)64 * 1024 * 1024, true);
    /* Answers of key routes hold key material, and the buffer is the request's only one: always wiped. */
    buf_init(&rq->out, REQUEST_MAX_ANSWER, "answer", true);
}

void request_clear(request_t *rq) {
    for (size_t i = 0; i < rq->n_adopted; i++) {
        json_decref(rq->adopted[i]);
    }
    mem_free(rq->adopted);
    rq->adopted = NULL;
    rq->n_adopted = rq->cap_adopted = 0;
    buf_clear(&rq->out);
    arena_clear(&rq->arena);
}

/* ---- errors ---- */
static const struct {
    const char *name;
    int http, code;
    const char *text;
} codes[REST_N_CODES] = {[REST_OK] = {"OK", 200, 0, ""},
#define REST_X_ROW(name, http, code, text) [REST_##name] = {#name, http, code, text},
                         REST_CODES(REST_X_ROW)
#undef REST_X_ROW
};

const char *rest_code_name(rest_code_t code) {
    return codes[code].name;
}
int rest_code_http(rest_code_t code) {
    return codes[code].http;
}
int rest_code_number(rest_code_t code) {
    return codes[code].code;
}
const char *rest_code_text(rest_code_t code) {
    return codes[code].text;
}

void rest_put_error(request_t *rq, rest_code_t code, const char *a, const char *b) {
    const char *args[2] = {a == NULL ? "" : a, b == NULL ? "" : b};
    size_t next = 0;
    buf_t text;
    buf_init(&text, (size_t)1024 * 1024, "error text", false);
    for (const char *p = codes[code].text; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            buf_put_str(&text, next < 2 ? args[next] : "");
            next++;
            p++;
        } else {
            buf_put_u8(&text, (uint8_t)*p);
        }
    }
    rq->status = codes[code].http;
    rq->error_code = codes[code].code;
    rq->sensitive = false;
    buf_reset(&rq->out);
    buf_printf(&rq->out, "{\"error_code\":%d,\"message\":", codes[code].code);
    size_t n = utf8_valid(text.ptr, text.len) ? text.len : 0;
    json_put_string(&rq->out, n == 0 ? codes[code].name : (const char *)text.ptr,
                    n == 0 ? strlen(codes[code].name) : n);
    buf_put_u8(&rq->out, '}');
    buf_clear(&text);
}

void rest_put_errorf(request_t *rq, rest_code_t code, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text[n < 0 ? 0 : utf8_cut(text, strlen(text))] = '\0';
    rest_put_error(rq, code, text, NULL);
}

void rest_forget(request_t *rq) {
    rq->status = 200;
    rq->error_code = 0;
    buf_reset(&rq->out);
}

/* ---- target ---- */
static rest_rc decode(request_t *rq, const char *s, size_t n, bool plus_is_space, const char **out) {
    buf_t b;
    buf_init(&b, 65536, "URI", false);
    bool ok = url_unescape(&b, s, n, plus_is_space) && !b.failed && utf8_valid(b.ptr, b.len);
    bool oom = b.failed == 1;
    for (size_t i = 0; ok && i < b.len; i++) {
        if (b.ptr[i] == 0) {
            b.ptr[i] = 1;
        }
    }
    char *copy = ok ? arena_strndup(&rq->arena, b.len == 0 ? "" : (const char *)b.ptr, b.len) : NULL;
    buf_clear(&b);
    if (oom) {
        return rest_oom(rq);
    }
    if (!ok) {
        return rest_fail(rq, REST_BAD_REQUEST, "The URI is malformed: percent-encoded UTF-8 is expected");
    }
    if (copy == NULL) {
        return rest_oom(rq);
    }
    *out = copy;
    return 0;
}

static rest_rc decode_query(request_t *rq, const char *q) {
    while (*q != '\0') {
        size_t n = strcspn(q, "&");
        if (n != 0) {
            if (rq->n_params == REQUEST_MAX_PARAMS) {
                return rest_fail(rq, REST_BAD_REQUEST, "Too many query parameters");
            }
            request_param_t *p = &rq->params[rq->n_params];
            const char *eq = memchr(q, '=', n);
            size_t name_len = eq == NULL ? n : (size_t)(eq - q);
            p->value = "";
            TRY(decode(rq, q, name_len, true, &p->name));
            if (eq != NULL) {
                TRY(decode(rq, eq + 1, n - name_len - 1, true, &p->value));
            }
            rq->n_params++;
        }
        q += n;
        q += *q == '&';
    }
    return 0;
}

rest_rc request_decode(request_t *rq) {
    const char *p = rq->target;
    const char *scheme = strstr(p, "://"); /* absolute form: "GET http://host/path" */
    if (*p != '/' && scheme != NULL) {
        p = scheme + 3 + strcspn(scheme + 3, "/?");
    }
    while (*p != '\0' && *p != '?') {
        if (*p == '/') {
            p++;
            continue;
        }
        size_t n = strcspn(p, "/?");
        if (rq->n_seg == REQUEST_MAX_SEGMENTS) {
            return rest_fail(rq, REST_NOT_FOUND, NULL);
        }
        TRY(decode(rq, p, n, false, &rq->seg[rq->n_seg]));
        rq->n_seg++;
        p += n;
    }
    return *p == '?' ? decode_query(rq, p + 1) : 0;
}

/* ---- media types ---- */
rest_rc request_negotiate(request_t *rq) {
    rq->media = media_choose(rq->accept);
    if (rq->media == NULL) {
        rq->media = MEDIA_V1;
        return rest_fail(rq, REST_NOT_ACCEPTABLE, NULL);
    }
    if (rq->body.len != 0 && !media_is_json(rq->content_type)) {
        return rest_fail(rq, REST_MEDIA_TYPE, NULL);
    }
    if (rq->body.len != 0 && rq->content_encoding != NULL && strcasecmp(rq->content_encoding, "identity") != 0) {
        return rest_fail(rq, REST_MEDIA_TYPE, NULL);
    }
    return 0;
}

/* ---- query parameters ---- */
const char *request_param(const request_t *rq, const char *name) {
    for (size_t i = 0; i < rq->n_params; i++) {
        if (strcmp(rq->params[i].name, name) == 0) {
            return rq->params[i].value;
        }
    }
    return NULL;
}

bool request_flag(const request_t *rq, const char *name) {
    const char *v = request_param(rq, name);
    return v != NULL && strcasecmp(v, "true") == 0;
}

rest_rc request_set_param(request_t *rq, const char *name, const char *value) {
    for (size_t i = 0; i < rq->n_params; i++) {
        if (strcmp(rq->params[i].name, name) == 0) {
            rq->params[i].value = value;
            return 0;
        }
    }
    if (rq->n_params == REQUEST_MAX_PARAMS) {
        return rest_fail(rq, REST_BAD_REQUEST, "Too many query parameters");
    }
    rq->params[rq->n_params++] = (request_param_t){name, value};
    return 0;
}

static rest_rc param_int(request_t *rq, const char *name, int64_t *out) {
    const char *v = request_param(rq, name);
    if (v == NULL) {
        return 0;
    }
    char *end;
    long n = strtol(v, &end, 10);
    if (end == v || *end != '\0' || n > INT32_MAX || n < INT32_MIN || strchr(" \t\r\n\v\f", *v) != NULL) {
        return rest_fail(rq, REST_NOT_FOUND, NULL); /* the rule of JAX-RS for query values that do not convert */
    }
    *out = n;
    return 0;
}

rest_rc request_page(request_t *rq, int64_t max, int64_t *offset, int64_t *limit) {
    *offset = 0;
    *limit = -1;
    TRY(param_int(rq, "offset", offset));
    TRY(param_int(rq, "limit", limit));
    *offset = *offset < 0 ? 0 : *offset;
    *limit = *limit <= 0 || *limit > max ? max : *limit;
    return 0;
}

/* ---- writing JSON ---- */
void put_comma(buf_t *b) {
    if (b->len != 0 && b->ptr[b->len - 1] != '{' && b->ptr[b->len - 1] != '[') {
        buf_put_u8(b, ',');
    }
}
void put_name(buf_t *b, const char *name) {
    put_comma(b);
    buf_put_u8(b, '"');
    buf_put_str(b, name);
    buf_put(b, "\":", 2);
}
void put_text(buf_t *b, const char *s) {
    json_put_string(b, s, strlen(s));
}
void put_str(buf_t *b, const char *name, const char *value) {
    put_name(b, name);
    put_text(b, value);
}
void put_int(buf_t *b, const char *name, int64_t value) {
    put_name(b, name);
    buf_printf(b, "%lld", (long long)value);
}
void put_bool(buf_t *b, const char *name, bool value) {
    put_name(b, name);
    buf_put_str(b, value ? "true" : "false");
}
void put_raw(buf_t *b, const char *name, const char *json) {
    if (json != NULL && json[0] != '\0') {
        put_name(b, name);
        buf_put_str(b, json);
    }
}
