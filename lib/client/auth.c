/* See auth.h. The token lies in secret memory under a lock; who finds it missing fetches one with its own io. Two that
 * do so at once fetch two, of which the later one stays. */
#include "client/auth.h"

#include "base/limits.h"
#include "base/secret.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include <pthread.h>
#include <string.h>

#define BEARER "Bearer "
#define TOKEN_MAX 8192u        /* largest piece of secret memory */
#define LIFE_UNKNOWN_MS 300000 /* an answer without expires_in */

struct sr_auth {
    char *url, *basic, *body;
    bool is_metadata;
    int64_t margin_ms, fresh_ms;
    http_service_t service;
    pthread_mutex_t lock; /* guards what follows */
    void *token;          /* secret memory; NULL: none */
    size_t token_len;
    int64_t until_ms, fetched_ms; /* CLOCK_MONOTONIC */
};

/* ---- making ---- */

/* Credentials are form-encoded before base64 (RFC 6749, 2.3.1). */
static schloss_rc make_basic(sr_auth_t *a, const sr_auth_conf_t *conf, schloss_error_t *err) {
    buf_t pair;
    buf_init(&pair, TOKEN_MAX, "client credentials", true);
    url_escape(&pair, conf->client_id, strlen(conf->client_id));
    buf_put_u8(&pair, ':');
    url_escape(&pair, conf->secret, strlen(conf->secret));
    schloss_rc rc = buf_check(&pair, err);
    if (rc == SCHLOSS_OK && (a->basic = mem_alloc(6 + B64_LEN(pair.len) + 1)) == NULL) {
        rc = NO_MEMORY(err);
    }
    if (rc == SCHLOSS_OK) {
        memcpy(a->basic, "Basic ", 6);
        a->basic[6 + b64_encode((uint8_t *)a->basic + 6, pair.ptr, pair.len)] = '\0';
    }
    buf_clear(&pair);
    return rc;
}

static schloss_rc make_body(sr_auth_t *a, const char *scope, schloss_error_t *err) {
    buf_t b;
    buf_init(&b, TOKEN_MAX, "token request", false);
    buf_put_str(&b, "grant_type=client_credentials");
    if (scope != NULL && *scope != '\0') {
        buf_put_str(&b, "&scope=");
        url_escape(&b, scope, strlen(scope));
    }
    schloss_rc rc = buf_check(&b, err);
    if (rc == SCHLOSS_OK && (a->body = mem_strdup(buf_cstr(&b))) == NULL) {
        rc = NO_MEMORY(err);
    }
    buf_clear(&b);
    return rc;
}

schloss_rc sr_auth_new(sr_auth_t **out, const sr_auth_conf_t *conf, schloss_error_t *err) {
    sr_auth_t *a = MEM_NEW(sr_auth_t);
    ENSURE(a != NULL, err, NO_MEMORY, "out of memory");
    pthread_mutex_init(&a->lock, NULL);
    a->is_metadata = conf->client_id == NULL;
    a->margin_ms = conf->margin_ms;
    a->fresh_ms = conf->fresh_ms;
    a->service = (http_service_t){
        .max_retries = conf->max_retries,
        .retries_wait_ms = conf->retries_wait_ms,
        .retries_max_wait_ms = conf->retries_max_wait_ms,
        .connect_timeout_ms = conf->connect_timeout_ms,
        .timeout_ms = conf->timeout_ms,
        .is_foreign = true,
        .tls = conf->tls,
        .direct = a->is_metadata,
    };
    a->url = mem_strdup(conf->url);
    schloss_rc rc = a->url == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK && !a->is_metadata) {
        rc = make_basic(a, conf, err);
    }
    if (rc == SCHLOSS_OK && !a->is_metadata) {
        rc = make_body(a, conf->scope, err);
    }
    if (rc != SCHLOSS_OK) {
        sr_auth_free(a);
        return rc;
    }
    *out = a;
    return SCHLOSS_OK;
}

void sr_auth_free(sr_auth_t *a) {
    if (a != NULL) {
        secret_free(a->token);
        mem_free(a->url);
        mem_wipe_str(a->basic);
        mem_free(a->body);
        pthread_mutex_destroy(&a->lock);
        mem_free(a);
    }
}

void sr_auth_lock(sr_auth_t *a) {
    pthread_mutex_lock(&a->lock);
}

void sr_auth_unlock(sr_auth_t *a) {
    pthread_mutex_unlock(&a->lock);
}

/* ---- the token ---- */

static bool cached(sr_auth_t *a, buf_t *out) {
    sr_auth_lock(a);
    bool live = a->token != NULL && time_mono_ms() < a->until_ms;
    if (live) {
        buf_put_str(out, BEARER);
        buf_put(out, a->token, a->token_len);
    }
    sr_auth_unlock(a);
    return live;
}

/* Best effort: without secret memory each prepare fetches its own. */
static void keep(sr_auth_t *a, const buf_t *token, int64_t life_ms) {
    void *copy = NULL;
    if (token->len > TOKEN_MAX || secret_alloc(token->len, &copy, NULL) != SCHLOSS_OK) {
        return;
    }
    memcpy(copy, token->ptr, token->len);
    int64_t now = time_mono_ms();
    int64_t margin_ms = a->margin_ms < life_ms ? a->margin_ms : life_ms / 2; /* a short life is used by half */
    sr_auth_lock(a);
    secret_free(a->token);
    a->token = copy;
    a->token_len = token->len;
    a->fetched_ms = now;
    a->until_ms = now + life_ms - margin_ms;
    sr_auth_unlock(a);
}

static schloss_rc refused(const sr_auth_t *a, const io_answer_t *answer, const char *what, schloss_error_t *err) {
    schloss_rc rc = FAIL(err, UNAUTHENTICATED, "no bearer token from %.*s: HTTP %d, %s", (int)strcspn(a->url, "?"),
                         a->url, answer->status, what);
    err_hint(err, "%s",
             a->is_metadata ? "check bearer.auth.uami.endpoint.url and .query"
                            : "check bearer.auth.client.id, .client.secret, .scope and .issuer.endpoint.url");
    err_url(err, answer->url);
    err_http(err, answer->status, 0);
    return rc;
}

/* Seconds as number or as text (Azure). */
static bool seconds(json_span_t root, int64_t *out) {
    json_span_t v;
    if (!json_member(root, "expires_in", &v)) {
        return false;
    }
    if (v.kind == JSON_T_STRING && v.len > 2) {
        v = (json_span_t){v.ptr + 1, v.len - 2, JSON_T_NUMBER};
        double d;
        if (!json_get_double(v, &d)) { /* checks that it is a number at all */
            return false;
        }
    }
    return v.kind == JSON_T_NUMBER && json_get_int64(v, out) && *out >= 0 && *out < INT32_MAX;
}

/* Tokens are of visible characters (RFC 6750): nothing that could end a header. */
static bool is_clean(const buf_t *token) {
    for (size_t i = 0; i < token->len; i++) {
        if (token->ptr[i] <= 0x20 || token->ptr[i] >= 0x7f) {
            return false;
        }
    }
    return token->len > 0;
}

static schloss_rc read_answer(sr_auth_t *a, const io_answer_t *answer, buf_t *token, int64_t *life_ms,
                              schloss_error_t *err) {
    json_span_t root, v;
    if (answer->status < 200 || answer->status > 299) {
        return refused(a, answer, "the endpoint refused", err);
    }
    if (json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) != SCHLOSS_OK ||
        root.kind != JSON_T_OBJECT || !json_member(root, "access_token", &v) || v.kind != JSON_T_STRING) {
        return refused(a, answer, "the answer has no access_token", err);
    }
    if (json_str_decode(v, token, NULL) != SCHLOSS_OK || !is_clean(token)) {
        return refused(a, answer, "its access_token is none", err);
    }
    int64_t secs = 0;
    *life_ms = seconds(root, &secs) ? secs * 1000 : LIFE_UNKNOWN_MS + a->margin_ms;
    return SCHLOSS_OK;
}

static io_call_t token_call(const sr_auth_t *a, const schloss_http_header_t headers[3]) {
    io_call_t call = {.method = "POST", .path = a->url, .sensitive = true, .headers = headers, .n_headers = 3};
    if (a->is_metadata) {
        call.method = "GET";
        call.n_headers = 1;
    } else {
        call.body = bytes(a->body, strlen(a->body));
    }
    return call;
}

schloss_rc sr_auth_header(sr_auth_t *a, io_t *io, buf_t *out, schloss_error_t *err) {
    if (cached(a, out)) {
        return buf_check(out, err);
    }
    const schloss_http_header_t metadata[3] = {{"Metadata", "true"}, {NULL, NULL}, {NULL, NULL}};
    const schloss_http_header_t oauth[3] = {{"Authorization", a->basic},
                                            {"Content-Type", "application/x-www-form-urlencoded"},
                                            {"Accept", "application/json"}};
    io_call_t call = token_call(a, a->is_metadata ? metadata : oauth);
    io_answer_t answer;
    TRY(io_call(io, &a->service, &call, &answer, err));
    buf_t token;
    int64_t life_ms = 0;
    buf_init(&token, TOKEN_MAX, "access token", true);
    schloss_rc rc = read_answer(a, &answer, &token, &life_ms, err);
    if (rc == SCHLOSS_OK) {
        keep(a, &token, life_ms);
        buf_put_str(out, BEARER);
        buf_put(out, token.ptr, token.len);
        rc = buf_check(out, err);
    }
    buf_clear(&token);
    return rc;
}

bool sr_auth_refused(sr_auth_t *a, io_t *io, const char *header) {
    static const size_t scheme = sizeof BEARER - 1;
    sr_auth_lock(a);
    bool again = false;
    if (a->token != NULL) {
        bool replaced =
            strlen(header) != scheme + a->token_len || !secret_equal(header + scheme, a->token, a->token_len);
        bool old = !replaced && time_mono_ms() - a->fetched_ms > a->fresh_ms;
        if (old) {
            secret_free(a->token);
            a->token = NULL;
        }
        again = replaced || old;
    }
    sr_auth_unlock(a);
    if (again) {
        io_forget(io, a->is_metadata ? "GET" : "POST", a->url);
    }
    return again;
}
