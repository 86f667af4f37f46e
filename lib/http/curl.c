/* The default transport. Each exchange takes an idle easy handle (with its live connections), or makes one, and puts it
 * back; so there are as many connections as threads that ask at once, and at most IDLE_MAX idle handles.
 *
 * Idle handles lie in atomic slots and not behind a lock: a child forked while another thread holds a lock could never
 * ask again. A handle remembers its process: a child forgets inherited ones, whose sockets its parent goes on using. */
#include "http/curl.h"

#include "base/buf.h"
#include "base/err.h"
#include "http/curl_init.h"
#include "http/kmip.h"
#include <stdatomic.h>
#include <strings.h>
#include <unistd.h>

#define IDLE_MAX 16u
#define HEADERS_MAX ((size_t)256 * 1024) /* bytes of the headers of one answer */
#define DEFAULT_TIMEOUT_MS 60000u

/* ---- handles ---- */

typedef struct handle {
    CURL *easy;
    pid_t pid;
} handle_t;

typedef struct transport {
    char *ca_file, *cert_file, *key_file, *key_password, *proxy;
    bool skip_verify_host, use_env_proxy;
    handle_t *_Atomic idle[IDLE_MAX];
} transport_t;

static void handle_free(handle_t *h) {
    curl_easy_cleanup(h->easy);
    mem_free(h);
}

/* In a forked child. Cleaning up would say goodbye on a TLS connection that the parent still uses, so the handle is
 * left alone, but for the child's copy of the socket. */
static void handle_abandon(handle_t *h) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD) {
        (void)close(fd);
    }
}

static handle_t *handle_take(transport_t *t) {
    pid_t pid = getpid();
    for (size_t i = 0; i < IDLE_MAX; i++) {
        handle_t *h = atomic_exchange(&t->idle[i], NULL);
        if (h == NULL) {
            continue;
        }
        if (h->pid == pid) {
            return h;
        }
        handle_abandon(h);
    }
    handle_t *h = MEM_NEW(handle_t);
    if (h == NULL) {
        return NULL;
    }
    h->pid = pid;
    h->easy = curl_easy_init();
    if (h->easy == NULL) {
        mem_free(h);
        return NULL;
    }
    return h;
}

static void handle_put(transport_t *t, handle_t *h) {
    curl_easy_reset(h->easy); /* forgets pointers to this exchange and the copied secrets; connections stay */
    for (size_t i = 0; i < IDLE_MAX; i++) {
        handle_t *empty = NULL;
        if (atomic_compare_exchange_strong(&t->idle[i], &empty, h)) {
            return;
        }
    }
    handle_free(h);
}

/* ---- one exchange ---- */

typedef struct sink {
    buf_t body;
    size_t header_bytes;
    uint32_t retry_after_ms;
} sink_t;

static size_t on_body(char *p, size_t size, size_t n, void *user) {
    sink_t *s = user;
    buf_put(&s->body, p, size * n);
    return s->body.failed ? 0 : size * n; /* anything else than n makes curl stop with CURLE_WRITE_ERROR */
}

/* "Retry-After: 120" in seconds; the form with a date is left alone. */
static void retry_after(sink_t *s, const char *p, size_t n) {
    static const char name[] = "retry-after:";
    if (n < sizeof name - 1 || strncasecmp(p, name, sizeof name - 1) != 0) {
        return;
    }
    uint64_t seconds = 0;
    size_t i = sizeof name - 1;
    while (i < n && (p[i] == ' ' || p[i] == '\t')) {
        i++;
    }
    size_t first = i;
    for (; i < n && p[i] >= '0' && p[i] <= '9' && seconds < UINT32_MAX / 1000; i++) {
        seconds = seconds * 10 + (uint64_t)(p[i] - '0');
    }
    bool at_end = i == n || p[i] == '\r' || p[i] == '\n' || p[i] == ' ' || (p[i] >= '0' && p[i] <= '9');
    if (i > first && at_end) {
        s->retry_after_ms = seconds > UINT32_MAX / 1000 ? UINT32_MAX : (uint32_t)seconds * 1000;
    }
}

static size_t on_header(char *p, size_t size, size_t n, void *user) {
    sink_t *s = user;
    size_t len = size * n;
    s->header_bytes += len;
    if (s->header_bytes > HEADERS_MAX) {
        s->body.failed = 2;
        s->body.limit = "HTTP headers";
        return 0;
    }
    if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        s->retry_after_ms = 0; /* of an interim answer */
    }
    retry_after(s, p, len);
    return len;
}

/* Collects what curl_easy_setopt() says. */
#define SET(rc, easy, option, value)                                                                                   \
    do {                                                                                                               \
        if ((rc) == CURLE_OK) {                                                                                        \
            (rc) = curl_easy_setopt((easy), (option), (value));                                                        \
        }                                                                                                              \
    } while (0)

/* A handle compares these settings with those of its idle connections, and uses a connection again only when all are
 * the same. So requests with different settings may share the handles. */
static CURLcode set_tls(CURL *e, const schloss_tls_t *tls) {
    CURLcode rc = CURLE_OK;
    SET(rc, e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rc, e, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(rc, e, CURLOPT_SSL_VERIFYHOST, tls->skip_verify_host ? 0L : 2L);
    if (tls->ca_file != NULL) {
        SET(rc, e, CURLOPT_CAINFO, tls->ca_file);
        SET(rc, e, CURLOPT_CAPATH, NULL);
    }
    if (tls->cert_file != NULL) {
        SET(rc, e, CURLOPT_SSLCERT, tls->cert_file);
    }
    if (tls->key_file != NULL) {
        SET(rc, e, CURLOPT_SSLKEY, tls->key_file);
    }
    if (tls->key_password != NULL) {
        SET(rc, e, CURLOPT_KEYPASSWD, tls->key_password);
    }
    return rc;
}

static CURLcode set_policy(const transport_t *t, CURL *e, const schloss_http_request_t *req) {
    const schloss_tls_t own = {t->ca_file, t->cert_file, t->key_file, t->key_password, t->skip_verify_host};
    CURLcode rc = CURLE_OK;
    SET(rc, e, CURLOPT_NOSIGNAL, 1L);
    SET(rc, e, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(rc, e, CURLOPT_FOLLOWLOCATION, 0L);
    SET(rc, e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(rc, e, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(rc, e, CURLOPT_TCP_NODELAY, 1L);
    SET(rc, e, CURLOPT_TCP_KEEPALIVE, 1L);
    if (rc == CURLE_OK) {
        rc = set_tls(e, req->tls != NULL ? req->tls : &own);
    }
    if (!req->direct && t->proxy != NULL) {
        SET(rc, e, CURLOPT_PROXY, t->proxy);
    } else if (req->direct || !t->use_env_proxy) {
        SET(rc, e, CURLOPT_PROXY, "");
    }
    return rc;
}

static CURLcode set_method(CURL *e, const schloss_http_request_t *req) {
    CURLcode rc = CURLE_OK;
    bool is_get = strcmp(req->method, "GET") == 0;
    if (is_get || (req->body.len == 0 && strcmp(req->method, "POST") != 0)) {
        SET(rc, e, CURLOPT_HTTPGET, 1L);
    } else {
        SET(rc, e, CURLOPT_POST, 1L);
        SET(rc, e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        SET(rc, e, CURLOPT_POSTFIELDS, req->body.len == 0 ? "" : (const char *)req->body.ptr);
    }
    if (!is_get && strcmp(req->method, "POST") != 0) {
        SET(rc, e, CURLOPT_CUSTOMREQUEST, req->method);
    }
    return rc;
}

static CURLcode set_request(CURL *e, const schloss_http_request_t *req, struct curl_slist *headers, sink_t *sink,
                            char *error_text) {
    CURLcode rc = set_method(e, req);
    SET(rc, e, CURLOPT_URL, req->url);
    SET(rc, e, CURLOPT_HTTPHEADER, headers);
    SET(rc, e, CURLOPT_TIMEOUT_MS, (long)(req->timeout_ms != 0 ? req->timeout_ms : DEFAULT_TIMEOUT_MS));
    SET(rc, e, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(req->connect_timeout_ms != 0 ? req->connect_timeout_ms : DEFAULT_TIMEOUT_MS));
    SET(rc, e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max_body);
    SET(rc, e, CURLOPT_WRITEFUNCTION, on_body);
    SET(rc, e, CURLOPT_WRITEDATA, sink);
    SET(rc, e, CURLOPT_HEADERFUNCTION, on_header);
    SET(rc, e, CURLOPT_HEADERDATA, sink);
    SET(rc, e, CURLOPT_ERRORBUFFER, error_text);
    return rc;
}

static bool header_is_clean(const char *s) {
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

static schloss_rc header_add(struct curl_slist **list, const char *line, schloss_error_t *err) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL) {
        return NO_MEMORY(err);
    }
    *list = longer;
    return SCHLOSS_OK;
}

static schloss_rc headers_build(const schloss_http_request_t *req, struct curl_slist **list, schloss_error_t *err) {
    TRY(header_add(list, "Expect:", err)); /* no pause of a second before a long body */
    for (size_t i = 0; i < req->n_headers; i++) {
        const schloss_http_header_t *h = &req->headers[i];
        ENSURE(header_is_clean(h->name) && header_is_clean(h->value), err, INVALID_ARGUMENT,
               "a header of the request has control characters in its name or value");
        /* "Name;" is how curl is told of an empty value. */
        char *line = *h->value == '\0' ? mem_printf("%s;", h->name) : mem_printf("%s: %s", h->name, h->value);
        if (line == NULL) {
            return NO_MEMORY(err);
        }
        schloss_rc rc = header_add(list, line, err);
        mem_wipe_str(line);
        TRY(rc);
    }
    return SCHLOSS_OK;
}

static schloss_rc code_of(CURLcode rc, CURL *e) {
    curl_off_t sent = 0; /* when the request could be sent; 0: never */
    (void)curl_easy_getinfo(e, CURLINFO_PRETRANSFER_TIME_T, &sent);
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return SCHLOSS_E_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return sent == 0 ? SCHLOSS_E_CONNECT : SCHLOSS_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL; or of an answer that is not HTTP/1 */
        return sent == 0 ? SCHLOSS_E_INVALID_ARGUMENT : SCHLOSS_E_IO;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return SCHLOSS_E_TLS;
    case CURLE_OUT_OF_MEMORY:
        return SCHLOSS_E_NO_MEMORY;
    case CURLE_FILESIZE_EXCEEDED:
        return SCHLOSS_E_LIMIT_EXCEEDED;
    default:
        return SCHLOSS_E_IO;
    }
}

schloss_rc curl_raise(CURLcode rc, CURL *e, const buf_t *body, const schloss_http_request_t *req,
                      const char *error_text, schloss_error_t *err) {
    schloss_rc code = SCHLOSS_OK;
    if (body->failed) {
        code = buf_check(body, err);
    } else if (rc == CURLE_FILESIZE_EXCEEDED) {
        code = FAIL(err, LIMIT_EXCEEDED, "the answer is longer than %zu bytes", req->max_body);
    } else {
        char text[CURL_ERROR_SIZE];
        const char *said = *error_text != '\0' ? error_text : curl_easy_strerror(rc);
        err_clean_text(text, sizeof text, said, strlen(said));
        code = err_set(err, code_of(rc, e), "%s", text);
    }
    err_url(err, req->url);
    return code;
}

static schloss_rc exchange(transport_t *t, CURL *e, const schloss_http_request_t *req, sink_t *sink, long *status,
                           schloss_error_t *err) {
    CURLcode policy = set_policy(t, e, req);
    char error_text[CURL_ERROR_SIZE] = "";
    if (policy != CURLE_OK) {
        return curl_raise(policy, e, &sink->body, req, error_text, err);
    }
    if (req->protocol != SCHLOSS_HTTP) {
        ENSURE(req->protocol == SCHLOSS_KMIP, err, UNSUPPORTED, "the HTTP client does not carry protocol %d",
               (int)req->protocol);
        *status = 200;
        return kmip_perform(e, req, &sink->body, err);
    }
    struct curl_slist *headers = NULL;
    schloss_rc code = headers_build(req, &headers, err);
    if (code == SCHLOSS_OK) {
        CURLcode rc = set_request(e, req, headers, sink, error_text);
        if (rc == CURLE_OK) {
            rc = curl_easy_perform(e);
        }
        if (rc == CURLE_OK) {
            rc = curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, status);
        }
        if (rc != CURLE_OK) {
            code = curl_raise(rc, e, &sink->body, req, error_text, err);
        }
    }
    curl_slist_free_all(headers);
    return code;
}

static schloss_rc curl_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                               schloss_error_t *err) {
    transport_t *t = user;
    sink_t *sink = MEM_NEW(sink_t);
    handle_t *h = sink == NULL ? NULL : handle_take(t);
    if (h == NULL) {
        mem_free(sink);
        return NO_MEMORY(err);
    }
    buf_init(&sink->body, req->max_body, "HTTP answer", req->sensitive);
    long status = 0;
    schloss_rc rc = exchange(t, h->easy, req, sink, &status, err);
    if (req->protocol == SCHLOSS_KMIP) {
        handle_free(h); /* its connection carries no HTTP */
    } else {
        handle_put(t, h);
    }
    if (rc != SCHLOSS_OK) {
        buf_clear(&sink->body);
        mem_free(sink);
        return rc;
    }
    out->status = (int)status;
    out->body = sink->body.ptr;
    out->body_len = sink->body.len;
    out->retry_after_ms = sink->retry_after_ms;
    out->opaque = sink;
    return SCHLOSS_OK;
}

static void curl_release(void *user, schloss_http_response_t *out) {
    (void)user;
    sink_t *sink = out->opaque;
    if (sink != NULL) {
        buf_clear(&sink->body);
        mem_free(sink);
    }
    memset(out, 0, sizeof *out);
}

/* ---- the transport ---- */

static void curl_destroy(void *user) {
    transport_t *t = user;
    pid_t pid = getpid();
    for (size_t i = 0; i < IDLE_MAX; i++) {
        handle_t *h = atomic_exchange(&t->idle[i], NULL);
        if (h != NULL && h->pid == pid) {
            handle_free(h);
        } else if (h != NULL) {
            handle_abandon(h);
        }
    }
    mem_free(t->ca_file);
    mem_free(t->cert_file);
    mem_free(t->key_file);
    mem_wipe_str(t->key_password);
    mem_wipe_str(t->proxy);
    mem_free(t);
}

static schloss_rc copy(char **to, const char *from, schloss_error_t *err) {
    *to = from == NULL ? NULL : mem_strdup(from);
    return from != NULL && *to == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

static schloss_rc copy_file(char **to, const char *from, const char *what, schloss_error_t *err) {
    if (from != NULL && access(from, R_OK) != 0) {
        FAIL(err, CONF_VALUE, "the %s cannot be read: %s", what, from);
        err_hint(err, "it must be a PEM file that this user may read");
        return SCHLOSS_E_CONF_VALUE;
    }
    return copy(to, from, err);
}

static schloss_rc conf_copy(transport_t *t, const curl_conf_t *conf, schloss_error_t *err) {
    t->skip_verify_host = conf->skip_verify_host;
    t->use_env_proxy = conf->use_env_proxy;
    TRY(copy_file(&t->ca_file, conf->ca_file, "CA file", err));
    TRY(copy_file(&t->cert_file, conf->cert_file, "client certificate", err));
    TRY(copy_file(&t->key_file, conf->key_file, "client key", err));
    TRY(copy(&t->key_password, conf->key_password, err));
    return copy(&t->proxy, conf->proxy, err);
}

schloss_rc curl_transport_new(schloss_transport_t *out, const curl_conf_t *conf, schloss_error_t *err) {
    CURLcode init = curl_init_once();
    ENSURE(init == CURLE_OK, err, IO, "libcurl cannot be initialised: %s", curl_easy_strerror(init));
    transport_t *t = MEM_NEW(transport_t);
    if (t == NULL) {
        return NO_MEMORY(err);
    }
    schloss_rc rc = conf_copy(t, conf, err);
    if (rc != SCHLOSS_OK) {
        curl_destroy(t);
        return rc;
    }
    *out = (schloss_transport_t){
        .size = sizeof *out,
        .user = t,
        .perform = curl_perform,
        .release = curl_release,
        .destroy = curl_destroy,
    };
    return SCHLOSS_OK;
}
