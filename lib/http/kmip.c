/* KMIP over TLS with libcurl's CONNECT_ONLY: libcurl resolves, connects and shakes hands; the bytes are ours.
 *
 * Idle connections lie in atomic slots of the process, as idle handles do in curl.c, and remember their process: a
 * forked child drops what it inherited without a word on the wire. A connection is only kept after an exchange that
 * ended exactly where its length said. */
#include "http/kmip.h"

#include "base/time.h"
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define KEPT_MAX 8u
#define KEPT_MS 30000 /* a connection idle for longer is not trusted to be alive */
#define DEFAULT_TIMEOUT_MS 5000u
#define SCHEME "kmips://"
#define NAME_MAX_LEN 255u

typedef struct link {
    CURL *easy;
    char *key; /* URL and TLS settings; holds the password of the client key */
    curl_socket_t fd;
    pid_t pid;
    int64_t idle_since;
    char error_text[CURL_ERROR_SIZE];
} link_t;

static link_t *_Atomic kept[KEPT_MAX];

static void link_free(link_t *l) {
    if (l == NULL) {
        return;
    }
    if (l->pid == getpid()) {
        curl_easy_cleanup(l->easy);
    } else if (l->fd != CURL_SOCKET_BAD) {
        (void)close(l->fd); /* a goodbye on TLS would end the parent's connection */
    }
    mem_wipe_str(l->key);
    mem_free(l);
}

/* Anything readable on an idle connection is its end, or bytes that nobody asked for. */
static bool is_alive(const link_t *l) {
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    return time_mono_ms() - l->idle_since < KEPT_MS && poll(&p, 1, 0) == 0;
}

static link_t *kept_take(const char *key) {
    for (size_t i = 0; i < KEPT_MAX; i++) {
        link_t *l = atomic_exchange(&kept[i], NULL);
        if (l == NULL) {
            continue;
        }
        if (l->pid != getpid() || !is_alive(l)) {
            link_free(l);
            continue;
        }
        if (strcmp(l->key, key) == 0) {
            return l;
        }
        link_t *none = NULL;
        if (!atomic_compare_exchange_strong(&kept[i], &none, l)) {
            link_free(l); /* another thread has put its own there */
        }
    }
    return NULL;
}

static void kept_put(link_t *l) {
    l->idle_since = time_mono_ms();
    for (size_t i = 0; i < KEPT_MAX; i++) {
        link_t *none = NULL;
        if (atomic_compare_exchange_strong(&kept[i], &none, l)) {
            return;
        }
    }
    link_free(l);
}

/* ---- connecting ---- */

static const char *server_name(const schloss_http_request_t *req) {
    for (size_t i = 0; i < req->n_headers; i++) {
        if (strcasecmp(req->headers[i].name, KMIP_SERVER_NAME) == 0) {
            return req->headers[i].value;
        }
    }
    return NULL;
}

static const char *text_of(const char *s) {
    return s == NULL ? "" : s;
}

static char *key_of(const schloss_http_request_t *req) {
    static const schloss_tls_t none = {0};
    const schloss_tls_t *tls = req->tls == NULL ? &none : req->tls;
    return mem_printf("%s\n%s\n%s\n%s\n%s\n%s\n%d", req->url, text_of(server_name(req)), text_of(tls->ca_file),
                      text_of(tls->cert_file), text_of(tls->key_file), text_of(tls->key_password),
                      tls->skip_verify_host);
}

/* libcurl connects to https://NAME:PORT, by way of CONNECT_TO when NAME is not the host. */
static CURLcode set_address(CURL *e, const schloss_http_request_t *req, struct curl_slist **connect_to) {
    const char *where = req->url + strlen(SCHEME);
    const char *colon = strrchr(where, ':');
    const char *name = server_name(req);
    char url[2 * NAME_MAX_LEN + 64];
    if (name == NULL) {
        (void)snprintf(url, sizeof url, "https://%s/", where);
        return curl_easy_setopt(e, CURLOPT_URL, url);
    }
    (void)snprintf(url, sizeof url, "https://%s%s/", name, colon == NULL ? "" : colon);
    char rule[2 * NAME_MAX_LEN + 64];
    (void)snprintf(rule, sizeof rule, "::%s", where);
    *connect_to = curl_slist_append(NULL, rule);
    if (*connect_to == NULL) {
        return CURLE_OUT_OF_MEMORY;
    }
    CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, url);
    return rc == CURLE_OK ? curl_easy_setopt(e, CURLOPT_CONNECT_TO, *connect_to) : rc;
}

static CURLcode connect_now(link_t *l, const schloss_http_request_t *req, uint32_t timeout_ms) {
    CURL *e = l->easy;
    struct curl_slist *connect_to = NULL;
    uint32_t limit =
        req->connect_timeout_ms != 0 && req->connect_timeout_ms < timeout_ms ? req->connect_timeout_ms : timeout_ms;
    CURLcode rc = set_address(e, req, &connect_to);
    const struct {
        CURLoption option;
        long value;
    } options[] = {{CURLOPT_CONNECT_ONLY, 1}, {CURLOPT_CONNECTTIMEOUT_MS, (long)limit}, {CURLOPT_SSL_ENABLE_ALPN, 0}};
    for (size_t i = 0; rc == CURLE_OK && i < COUNT_OF(options); i++) {
        rc = curl_easy_setopt(e, options[i].option, options[i].value);
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(e, CURLOPT_PROXY, "");
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->error_text);
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_perform(e);
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_getinfo(e, CURLINFO_ACTIVESOCKET, &l->fd);
    }
    (void)curl_easy_setopt(e, CURLOPT_CONNECT_TO, NULL);
    curl_slist_free_all(connect_to);
    return rc == CURLE_OK && l->fd == CURL_SOCKET_BAD ? CURLE_COULDNT_CONNECT : rc;
}

/* ---- talking ---- */

typedef struct talk {
    link_t *link;
    const schloss_http_request_t *req;
    int64_t deadline;
    bool heard; /* a byte of the answer has come */
} talk_t;

static CURLcode wait_for(const talk_t *t, short events) {
    int64_t left = t->deadline - time_mono_ms();
    if (left <= 0) {
        return CURLE_OPERATION_TIMEDOUT;
    }
    struct pollfd p = {.fd = t->link->fd, .events = events};
    (void)poll(&p, 1, left > 1000 ? 1000 : (int)left); /* an error shows in what follows */
    return CURLE_OK;
}

static CURLcode send_all(const talk_t *t) {
    size_t at = 0;
    while (at < t->req->body.len) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(t->link->easy, t->req->body.ptr + at, t->req->body.len - at, &n);
        if (rc == CURLE_AGAIN) {
            rc = wait_for(t, POLLOUT);
        }
        if (rc != CURLE_OK) {
            return rc;
        }
        at += n;
    }
    return CURLE_OK;
}

static CURLcode recv_all(talk_t *t, uint8_t *p, size_t len) {
    size_t at = 0;
    while (at < len) {
        size_t n = 0;
        CURLcode rc = curl_easy_recv(t->link->easy, p + at, len - at, &n);
        if (rc == CURLE_AGAIN) {
            rc = wait_for(t, POLLIN);
        } else if (rc == CURLE_OK && n == 0) {
            rc = CURLE_GOT_NOTHING; /* closed */
        }
        if (rc != CURLE_OK) {
            return rc;
        }
        t->heard = t->heard || n != 0;
        at += n;
    }
    return CURLE_OK;
}

static bool looks_like_ttlv(const uint8_t header[KMIP_HEADER_LEN]) {
    return header[0] == 0x42 && header[3] == 1;
}

static CURLcode recv_message(talk_t *t, buf_t *out, bool *whole) {
    if (!buf_reserve(out, KMIP_HEADER_LEN)) {
        return CURLE_WRITE_ERROR;
    }
    CURLcode rc = recv_all(t, out->ptr, KMIP_HEADER_LEN);
    if (rc != CURLE_OK) {
        return rc;
    }
    out->len = KMIP_HEADER_LEN;
    *whole = looks_like_ttlv(out->ptr);
    if (!*whole) {
        return CURLE_OK;
    }
    size_t rest = be32_read(out->ptr + 4);
    if (rest > KMIP_ANSWER_MAX - KMIP_HEADER_LEN) {
        return CURLE_FILESIZE_EXCEEDED;
    }
    if (!buf_reserve(out, rest)) {
        return CURLE_WRITE_ERROR;
    }
    rc = recv_all(t, out->ptr + KMIP_HEADER_LEN, rest);
    out->len += rc == CURLE_OK ? rest : 0;
    return rc;
}

/* A server that refuses a certificate under TLS 1.3 says so in place of its first answer. */
static bool is_alert(const char *error_text) {
    return strstr(error_text, "alert") != NULL;
}

static schloss_rc talk_failed(const talk_t *t, CURLcode rc, const buf_t *out, bool connected, schloss_error_t *err) {
    const schloss_http_request_t *req = t->req;
    schloss_rc code = SCHLOSS_OK;
    if (!connected || out->failed || rc == CURLE_OUT_OF_MEMORY) {
        return curl_raise(rc, t->link->easy, out, req, t->link->error_text, err);
    }
    if (rc == CURLE_OPERATION_TIMEDOUT) {
        code = FAIL(err, TIMEOUT, "the KMIP server has not answered within %u ms", req->timeout_ms);
    } else if (rc == CURLE_FILESIZE_EXCEEDED) {
        code = FAIL(err, LIMIT_EXCEEDED, "the KMIP server announces an answer of more than %zu bytes", KMIP_ANSWER_MAX);
    } else if (is_alert(t->link->error_text)) {
        char text[CURL_ERROR_SIZE];
        err_clean_text(text, sizeof text, t->link->error_text, strlen(t->link->error_text));
        code = FAIL(err, TLS, "%s", text);
    } else {
        code = FAIL(err, IO, "the KMIP server closed the connection %s",
                    t->heard ? "in the middle of its answer" : "without an answer");
    }
    err_url(err, req->url);
    return code;
}

static link_t *link_new(CURL *easy, const char *key) {
    link_t *l = MEM_NEW(link_t);
    if (l == NULL) {
        return NULL;
    }
    l->pid = getpid();
    l->fd = CURL_SOCKET_BAD;
    l->key = mem_strdup(key);
    l->easy = curl_easy_duphandle(easy);
    if (l->key == NULL || l->easy == NULL) {
        link_free(l);
        return NULL;
    }
    return l;
}

/* One try over link, which is consumed. *again: it was a kept connection that had died before it said anything. */
static schloss_rc try_once(link_t *link, bool was_kept, const schloss_http_request_t *req, int64_t deadline, buf_t *out,
                           bool *again, schloss_error_t *err) {
    talk_t t = {.link = link, .req = req, .deadline = deadline};
    bool whole = false;
    bool connected = was_kept;
    CURLcode rc = CURLE_OK;
    link->error_text[0] = '\0';
    if (!was_kept) {
        int64_t left = deadline - time_mono_ms();
        rc = left <= 0 ? CURLE_OPERATION_TIMEDOUT : connect_now(link, req, (uint32_t)left);
        connected = rc == CURLE_OK;
    }
    if (rc == CURLE_OK) {
        rc = send_all(&t);
    }
    if (rc == CURLE_OK) {
        rc = recv_message(&t, out, &whole);
    }
    *again = rc != CURLE_OK && rc != CURLE_OPERATION_TIMEDOUT && was_kept && !t.heard && !out->failed;
    schloss_rc code = rc == CURLE_OK ? SCHLOSS_OK : talk_failed(&t, rc, out, connected, err);
    if (rc == CURLE_OK && whole) {
        kept_put(link);
    } else {
        link_free(link);
    }
    return code;
}

schloss_rc kmip_perform(CURL *easy, const schloss_http_request_t *req, buf_t *out, schloss_error_t *err) {
    const char *name = server_name(req);
    ENSURE(
        strncmp(req->url, SCHEME, strlen(SCHEME)) == 0 && strlen(req->url) < NAME_MAX_LEN &&
            (name == NULL || (*name != '\0' && strlen(name) < NAME_MAX_LEN && strcspn(name, ":/?#@ ") == strlen(name))),
        err, INVALID_ARGUMENT, "not the address of a KMIP server: %s", req->url);
    char *key = key_of(req);
    if (key == NULL) {
        return NO_MEMORY(err);
    }
    int64_t deadline = time_mono_ms() + (req->timeout_ms != 0 ? req->timeout_ms : DEFAULT_TIMEOUT_MS);
    bool again = true;
    schloss_rc rc = SCHLOSS_OK;
    for (int n = 0; again && n < 2; n++) {
        link_t *link = n == 0 ? kept_take(key) : NULL;
        bool was_kept = link != NULL;
        if (link == NULL) {
            link = link_new(easy, key);
        }
        if (link == NULL) {
            rc = NO_MEMORY(err);
            break;
        }
        buf_reset(out);
        rc = try_once(link, was_kept, req, deadline, out, &again, err);
    }
    mem_wipe_str(key);
    return rc;
}
