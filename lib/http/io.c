/* The memo of a prepare: which calls were made, what came back, and which one is on its way.
 *
 * Invariants: at most one memo is PENDING or WAITING (io->pending), all others are final; answers of sensitive calls
 * lie in secret memory when they fit there, and are wiped in any case; the bodies of all memos together stay under
 * IO_BODIES_MAX. */
#include "http/io.h"

#include "base/limits.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/secret.h"
#include <schloss/version.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)
#define CLIENT_VERSION "schloss/" VERSION_TEXT(SCHLOSS_VERSION_MAJOR, SCHLOSS_VERSION_MINOR, SCHLOSS_VERSION_PATCH)

#define IO_BODIES_MAX (2 * LIMIT_HTTP_BODY) /* all answers of one prepare */
#define SECRET_BODY_MAX 8192u               /* largest piece of secret memory */
#define DETAIL_MAX 400u                     /* text of a failure */

static const schloss_http_header_t fixed_headers[] = {
    {"Content-Type", "application/vnd.schemaregistry.v1+json"},
    {"Accept", "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json"},
    {"Confluent-Accept-Unknown-Properties", "true"},
    {"Confluent-Client-Version", CLIENT_VERSION},
};

typedef enum { MEMO_PENDING, MEMO_WAITING, MEMO_ANSWERED, MEMO_FAILED } memo_state_t;

struct io_memo {
    memo_state_t state;
    bool sensitive;
    /* the key */
    const http_service_t *svc;
    uint64_t hash;
    char *method, *path;
    uint8_t *req_body;
    size_t req_len;
    /* no part of the key: a signature may change when the logic runs again */
    schloss_http_header_t *extra;
    size_t n_extra;
    bool extra_is_old; /* the call was tried with them: take those of the next io_call() */
    bool (*is_retriable)(int status, bytes_t body);
    /* trying */
    uint32_t tries;   /* requests sent */
    uint32_t retries; /* of them, those that count against max_retries */
    size_t url_index, urls_tried;
    int64_t not_before; /* MEMO_WAITING: monotonic milliseconds */
    char *url;
    /* outcome */
    int status;
    uint8_t *body;
    size_t body_len;
    bool body_secret; /* body is a piece of secret memory */
    schloss_rc failure;
    char *detail;
    void *parsed;
    void (*free_parsed)(void *parsed);
};

struct io {
    io_memo_t **memos;
    size_t n_memos, cap_memos;
    uint32_t calls; /* ever noted, forgotten ones too */
    size_t bodies;  /* bytes of answers held */
    io_memo_t *pending;
    schloss_http_header_t *headers;
    schloss_http_request_t request;
    /* The base URL that answered last: later calls begin there instead of at a server that is down. */
    const http_service_t *good_svc;
    size_t good_url;
};

void http_service_clear(http_service_t *s) {
    for (size_t i = 0; i < s->n_urls; i++) {
        mem_free(s->urls[i]);
    }
    mem_free(s->urls);
    mem_wipe_str(s->authorization);
    for (size_t i = 0; i < s->n_headers; i++) {
        /* Header values may be credentials of a proxy in front of the service. */
        mem_free((void *)(uintptr_t)s->headers[i].name);
        mem_wipe_str((char *)(uintptr_t)s->headers[i].value);
    }
    mem_free(s->headers);
    memset(s, 0, sizeof *s);
}

/* ---- memos ---- */

/* FNV-1a. A hint that spares string compares; equality decides. */
static uint64_t hash_add(uint64_t h, const void *p, size_t n) {
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ b[i]) * 0x100000001b3u;
    }
    return h;
}

static uint64_t key_hash(const char *method, const char *path) {
    uint64_t h = hash_add(0xcbf29ce484222325u, method, strlen(method));
    h = hash_add(h, " ", 1);
    return hash_add(h, path, strlen(path));
}

static void drop_parsed(io_memo_t *m) {
    if (m->parsed != NULL && m->free_parsed != NULL) {
        m->free_parsed(m->parsed);
    }
    m->parsed = NULL;
}

static void drop_body(io_t *io, io_memo_t *m) {
    if (m->body != NULL) {
        io->bodies -= m->body_len;
        if (m->body_secret) {
            secret_free(m->body);
        } else {
            if (m->sensitive) {
                mem_wipe(m->body, m->body_len);
            }
            mem_free(m->body);
        }
    }
    m->body = NULL;
    m->body_len = 0;
    m->body_secret = false;
}

static void headers_free(schloss_http_header_t *headers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mem_free((void *)(uintptr_t)headers[i].name);
        mem_wipe_str((char *)(uintptr_t)headers[i].value); /* may be a token */
    }
    mem_free(headers);
}

/* A deep copy; NULL when out of memory, or when there is nothing to copy. */
static schloss_http_header_t *headers_copy(const schloss_http_header_t *from, size_t n) {
    schloss_http_header_t *to = n == 0 ? NULL : mem_calloc(n, sizeof *to);
    if (to == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        to[i].name = mem_strdup(from[i].name);
        to[i].value = mem_strdup(from[i].value);
        if (to[i].name == NULL || to[i].value == NULL) {
            headers_free(to, i + 1);
            return NULL;
        }
    }
    return to;
}

static void memo_free(io_t *io, io_memo_t *m) {
    if (m == NULL) {
        return;
    }
    headers_free(m->extra, m->n_extra);
    drop_parsed(m);
    drop_body(io, m);
    if (m->req_body != NULL && m->sensitive) {
        mem_wipe(m->req_body, m->req_len);
    }
    mem_free(m->req_body);
    mem_free(m->method);
    mem_free(m->path);
    mem_free(m->url);
    mem_free(m->detail);
    mem_free(m);
}

static io_memo_t *memo_find(const io_t *io, const http_service_t *svc, const io_call_t *call, uint64_t hash) {
    for (size_t i = 0; i < io->n_memos; i++) {
        io_memo_t *m = io->memos[i];
        if (m->hash == hash && m->svc == svc && strcmp(m->method, call->method) == 0 &&
            strcmp(m->path, call->path) == 0 && m->req_len == call->body.len &&
            (m->req_len == 0 || memcmp(m->req_body, call->body.ptr, m->req_len) == 0)) {
            return m;
        }
    }
    return NULL;
}

static bool is_absolute(const char *path) {
    return strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0 || strncmp(path, "kmips://", 8) == 0;
}

static size_t url_count(const io_memo_t *m) {
    return is_absolute(m->path) || m->svc->n_urls == 0 ? 1 : m->svc->n_urls;
}

static schloss_rc memo_new(io_t *io, const http_service_t *svc, const io_call_t *call, uint64_t hash, io_memo_t **out,
                           schloss_error_t *err) {
    io_memo_t *m = MEM_NEW(io_memo_t);
    if (m == NULL) {
        return NO_MEMORY(err);
    }
    m->svc = svc;
    m->hash = hash;
    m->sensitive = call->sensitive;
    m->is_retriable = call->is_retriable;
    m->method = mem_strdup(call->method);
    m->path = mem_strdup(call->path);
    m->extra = headers_copy(call->headers, call->n_headers);
    m->n_extra = m->extra == NULL ? 0 : call->n_headers;
    bool ok = m->method != NULL && m->path != NULL && m->n_extra == call->n_headers;
    if (ok && call->body.len != 0) {
        m->req_body = mem_alloc(call->body.len);
        ok = m->req_body != NULL;
        if (ok) {
            memcpy(m->req_body, call->body.ptr, call->body.len);
            m->req_len = call->body.len;
        }
    }
    if (!ok) {
        memo_free(io, m);
        return NO_MEMORY(err);
    }
    m->urls_tried = 1;
    if (io->good_svc == svc && io->good_url < url_count(m)) {
        m->url_index = io->good_url;
    }
    *out = m;
    return SCHLOSS_OK;
}

/* ---- the pending request ---- */

static void request_clear(io_t *io) {
    mem_free(io->headers);
    io->headers = NULL;
    memset(&io->request, 0, sizeof io->request);
}

/* What could end a header and begin another; not every transport looks itself. */
static bool is_clean(const char *s) {
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool headers_are_clean(const schloss_http_header_t *h, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (h[i].name[0] == '\0' || !is_clean(h[i].name) || !is_clean(h[i].value)) {
            return false;
        }
    }
    return true;
}

static schloss_rc request_build(io_t *io, io_memo_t *m, schloss_error_t *err) {
    const http_service_t *svc = m->svc;
    char *url = is_absolute(m->path) || svc->n_urls == 0 ? mem_strdup(m->path)
                                                         : mem_printf("%s%s", svc->urls[m->url_index], m->path);
    size_t n_fixed = svc->is_foreign ? 0 : COUNT_OF(fixed_headers);
    schloss_http_header_t *h = mem_calloc(n_fixed + 1 + svc->n_headers + m->n_extra, sizeof *h);
    if (url == NULL || h == NULL) {
        mem_free(url);
        mem_free(h);
        return NO_MEMORY(err);
    }
    request_clear(io);
    mem_free(m->url);
    m->url = url;
    io->headers = h;
    size_t n = n_fixed;
    memcpy(h, fixed_headers, n_fixed * sizeof *h);
    if (svc->authorization != NULL) {
        h[n++] = (schloss_http_header_t){"Authorization", svc->authorization};
    }
    for (size_t i = 0; i < svc->n_headers; i++) {
        h[n++] = svc->headers[i];
    }
    for (size_t i = 0; i < m->n_extra; i++) {
        h[n++] = m->extra[i];
    }
    ENSURE(headers_are_clean(h, n), err, INVALID_ARGUMENT,
           "a header of the request to %.*s has control characters in its name or value", (int)strcspn(url, "?"), url);
    size_t room = IO_BODIES_MAX - io->bodies;
    io->request = (schloss_http_request_t){
        .method = m->method,
        .url = url,
        .headers = h,
        .n_headers = n,
        .body = bytes(m->req_body, m->req_len),
        .connect_timeout_ms = svc->connect_timeout_ms,
        .timeout_ms = svc->timeout_ms,
        .max_body = room < LIMIT_HTTP_BODY ? room : LIMIT_HTTP_BODY,
        .sensitive = m->sensitive,
        .tls = svc->tls,
        .protocol = svc->protocol,
        .direct = svc->direct,
    };
    return SCHLOSS_OK;
}

static void settle(io_t *io, io_memo_t *m, memo_state_t state) {
    m->state = state;
    io->pending = NULL;
    request_clear(io);
}

static void memo_remove(io_t *io, io_memo_t *gone) {
    if (io->pending == gone) {
        settle(io, gone, MEMO_FAILED);
    }
    for (size_t i = 0; i < io->n_memos; i++) {
        if (io->memos[i] == gone) {
            io->memos[i] = io->memos[--io->n_memos];
            break;
        }
    }
    memo_free(io, gone);
}

/* ---- logic side ---- */

schloss_rc io_new(io_t **out, schloss_error_t *err) {
    io_t *io = MEM_NEW(io_t);
    if (io == NULL) {
        return NO_MEMORY(err);
    }
    *out = io;
    return SCHLOSS_OK;
}

void io_free(io_t *io) {
    if (io == NULL) {
        return;
    }
    for (size_t i = 0; i < io->n_memos; i++) {
        memo_free(io, io->memos[i]);
    }
    mem_free(io->memos);
    request_clear(io);
    mem_free(io);
}

static schloss_rc note(io_t *io, const http_service_t *svc, const io_call_t *call, uint64_t hash,
                       schloss_error_t *err) {
    if (io->pending != NULL) {
        /* The logic went another way than in its last run; the call it has left behind is not wanted any more. */
        memo_remove(io, io->pending);
    }
    if (io->calls >= LIMIT_PREPARE_REQUESTS) {
        FAIL(err, LIMIT_EXCEEDED, "more than %u requests to prepare one record", LIMIT_PREPARE_REQUESTS);
        err_hint(err, "a schema with that many references is refused");
        return SCHLOSS_E_LIMIT_EXCEEDED;
    }
    if (io->n_memos == io->cap_memos) {
        size_t cap = io->cap_memos == 0 ? 8 : io->cap_memos * 2;
        io_memo_t **grown = mem_realloc(io->memos, cap * sizeof *grown);
        if (grown == NULL) {
            return NO_MEMORY(err);
        }
        io->memos = grown;
        io->cap_memos = cap;
    }
    io_memo_t *m = NULL;
    TRY(memo_new(io, svc, call, hash, &m, err));
    schloss_rc rc = request_build(io, m, err);
    if (rc != SCHLOSS_OK) {
        memo_free(io, m);
        return rc;
    }
    io->memos[io->n_memos++] = m;
    io->calls++;
    io->pending = m;
    return SCHLOSS_NEED_IO;
}

static schloss_rc raise_failure(const io_memo_t *m, schloss_error_t *err) {
    /* Path without query: query parameters of a KMS may be signed. */
    err_set(err, m->failure, "%s %.*s: %s (%u %s)", m->method, (int)strcspn(m->url, "?"), m->url,
            m->detail != NULL ? m->detail : schloss_rc_text(m->failure), m->tries, m->tries == 1 ? "try" : "tries");
    err_url(err, m->url);
    if (m->failure == SCHLOSS_E_CONNECT) {
        err_hint(err, "check the URL, the network, and that the server runs");
    } else if (m->failure == SCHLOSS_E_TIMEOUT) {
        err_hint(err, "is the server overloaded, or the time limit of %u ms too short?", m->svc->timeout_ms);
    } else if (m->failure == SCHLOSS_E_TLS) {
        err_hint(err, "check the CA file, the server's certificate and its host name");
    }
    return m->failure;
}

/* Before a further try: the headers as the logic wants them now. */
static schloss_rc renew_headers(io_t *io, io_memo_t *m, const io_call_t *call, schloss_error_t *err) {
    if (!m->extra_is_old) {
        return SCHLOSS_OK;
    }
    schloss_http_header_t *extra = headers_copy(call->headers, call->n_headers);
    if (extra == NULL && call->n_headers != 0) {
        return NO_MEMORY(err);
    }
    headers_free(m->extra, m->n_extra);
    m->extra = extra;
    m->n_extra = call->n_headers;
    m->extra_is_old = false;
    return request_build(io, m, err);
}

schloss_rc io_call(io_t *io, const http_service_t *svc, const io_call_t *call, io_answer_t *out, schloss_error_t *err) {
    uint64_t hash = key_hash(call->method, call->path);
    io_memo_t *m = memo_find(io, svc, call, hash);
    if (m == NULL) {
        return note(io, svc, call, hash, err);
    }
    switch (m->state) {
    case MEMO_ANSWERED:
        *out = (io_answer_t){m->status, bytes(m->body, m->body_len), m->url, m};
        return SCHLOSS_OK;
    case MEMO_FAILED:
        return raise_failure(m, err);
    case MEMO_WAITING:
        if (time_mono_ms() < m->not_before) {
            return SCHLOSS_NEED_WAIT;
        }
        TRY(renew_headers(io, m, call, err));
        m->state = MEMO_PENDING;
        return SCHLOSS_NEED_IO;
    case MEMO_PENDING:
        TRY(renew_headers(io, m, call, err));
        break;
    }
    return SCHLOSS_NEED_IO;
}

void io_forget(io_t *io, const char *method, const char *path) {
    for (size_t i = io->n_memos; i-- > 0;) {
        io_memo_t *m = io->memos[i];
        if (strcmp(m->method, method) == 0 && strcmp(m->path, path) == 0) {
            memo_remove(io, m);
        }
    }
}

void io_forget_call(io_t *io, const http_service_t *svc, const io_call_t *call) {
    io_memo_t *m = memo_find(io, svc, call, key_hash(call->method, call->path));
    if (m != NULL) {
        memo_remove(io, m);
    }
}

void *io_parsed(const io_answer_t *answer) {
    return answer->memo->parsed;
}

void io_keep_parsed(const io_answer_t *answer, void *parsed, void (*free_parsed)(void *parsed)) {
    drop_parsed(answer->memo);
    answer->memo->parsed = parsed;
    answer->memo->free_parsed = free_parsed;
}

const char *io_sent_header(const io_answer_t *answer, const char *name) {
    const io_memo_t *m = answer->memo;
    for (size_t i = 0; i < m->n_extra; i++) {
        if (strcmp(m->extra[i].name, name) == 0) {
            return m->extra[i].value;
        }
    }
    return NULL;
}

/* ---- driver side ---- */

const schloss_http_request_t *io_request(const io_t *io) {
    return io->pending != NULL && io->pending->state == MEMO_PENDING ? &io->request : NULL;
}

uint32_t io_wait_ms(const io_t *io, int64_t mono_now_ms) {
    const io_memo_t *m = io->pending;
    if (m == NULL || m->state != MEMO_WAITING || m->not_before <= mono_now_ms) {
        return 0;
    }
    int64_t left = m->not_before - mono_now_ms;
    return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

static bool status_is_retriable(int status) {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static bool failure_is_retriable(schloss_rc failure) {
    return failure == SCHLOSS_E_CONNECT || failure == SCHLOSS_E_TIMEOUT || failure == SCHLOSS_E_IO;
}

/* Full jitter: a random time in 0..min(max_wait, wait * 2^n); what the server asks for, capped, is the least. */
static uint32_t back_off_ms(const http_service_t *svc, uint32_t n, uint32_t retry_after_ms) {
    uint64_t top = svc->retries_wait_ms;
    top = n >= 32 ? (top == 0 ? 0 : UINT64_MAX) : top << n;
    if (top > svc->retries_max_wait_ms) {
        top = svc->retries_max_wait_ms;
    }
    uint32_t wait = top >= UINT32_MAX ? random_below(UINT32_MAX) : random_below((uint32_t)top + 1);
    uint32_t asked = retry_after_ms < svc->retries_max_wait_ms ? retry_after_ms : svc->retries_max_wait_ms;
    return wait > asked ? wait : asked;
}

/* Moves the pending call to its next try. *again is false when none is left. */
static schloss_rc try_again(io_t *io, io_memo_t *m, bool unreachable, uint32_t retry_after_ms, bool *again,
                            schloss_error_t *err) {
    size_t n_urls = url_count(m);
    bool fresh_url = unreachable && m->urls_tried < n_urls;
    *again = fresh_url || m->retries < m->svc->max_retries;
    if (!*again) {
        return SCHLOSS_OK;
    }
    uint32_t wait = 0;
    if (!fresh_url) {
        wait = back_off_ms(m->svc, m->retries, retry_after_ms);
        m->retries++;
    }
    m->urls_tried += m->urls_tried < n_urls;
    m->url_index = (m->url_index + 1) % n_urls;
    TRY(request_build(io, m, err));
    m->extra_is_old = m->n_extra != 0;
    m->not_before = time_mono_ms() + wait;
    m->state = wait == 0 ? MEMO_PENDING : MEMO_WAITING;
    METRIC_ADD(http_retries, 1);
    return SCHLOSS_OK;
}

static schloss_rc keep_body(io_t *io, io_memo_t *m, bytes_t body, schloss_error_t *err) {
    void *p = NULL;
    bool in_secret = m->sensitive && body.len != 0 && body.len <= SECRET_BODY_MAX;
    if (in_secret) {
        TRY(secret_alloc(body.len, &p, err));
    } else if ((p = mem_alloc(body.len)) == NULL) {
        return NO_MEMORY(err);
    }
    if (body.len != 0) {
        memcpy(p, body.ptr, body.len);
    }
    m->body = p;
    m->body_len = body.len;
    m->body_secret = in_secret;
    io->bodies += body.len;
    return SCHLOSS_OK;
}

static schloss_rc pending_memo(const io_t *io, io_memo_t **out, schloss_error_t *err) {
    ENSURE(io_request(io) != NULL, err, INVALID_STATE, "an answer was fed, but no request is pending");
    *out = io->pending;
    return SCHLOSS_OK;
}

schloss_rc io_feed(io_t *io, int status, bytes_t body, uint32_t retry_after_ms, schloss_error_t *err) {
    io_memo_t *m = NULL;
    TRY(pending_memo(io, &m, err));
    if (status < 100 || status > 999) {
        return io_feed_failure(io, SCHLOSS_E_IO, "the answer has no valid HTTP status", err);
    }
    if (body.len > io->request.max_body) {
        return io_feed_failure(io, SCHLOSS_E_LIMIT_EXCEEDED, "the answer is longer than an HTTP answer may be", err);
    }
    m->tries++;
    METRIC_ADD(http_requests, 1);
    if (status_is_retriable(status) || (m->is_retriable != NULL && m->is_retriable(status, body))) {
        bool again = false;
        TRY(try_again(io, m, false, retry_after_ms, &again, err));
        if (again) {
            return SCHLOSS_OK;
        }
    } else {
        io->good_svc = m->svc;
        io->good_url = m->url_index;
    }
    m->status = status;
    TRY(keep_body(io, m, body, err));
    settle(io, m, MEMO_ANSWERED);
    return SCHLOSS_OK;
}

schloss_rc io_feed_failure(io_t *io, schloss_rc failure, const char *detail, schloss_error_t *err) {
    io_memo_t *m = NULL;
    TRY(pending_memo(io, &m, err));
    ENSURE(failure < 0, err, INVALID_ARGUMENT, "a failure must be an error code, not %d", (int)failure);
    m->tries++;
    METRIC_ADD(http_requests, 1);
    if (failure_is_retriable(failure)) {
        bool again = false;
        TRY(try_again(io, m, failure == SCHLOSS_E_CONNECT, 0, &again, err));
        if (again) {
            return SCHLOSS_OK;
        }
    }
    m->failure = failure;
    m->detail = detail == NULL || *detail == '\0' ? NULL : mem_strndup(detail, DETAIL_MAX);
    settle(io, m, MEMO_FAILED);
    return SCHLOSS_OK;
}
