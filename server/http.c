/* See http.h. */
#include "server/http.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "server/listen.h"
#include "server/media.h"
#include "server/tls.h"
#include "server/writer.h"
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define POOL_BYTES 8192u /* per connection: headers of a request; 10,000 idle ones take 89 MiB */
#define STACK_BYTES (1u << 20)
#define MAX_ANSWERLESS (2 * REQUEST_MAX_BODY) /* of a chunked body over the limit this much is read, then cut off */

struct http_server {
    http_app_t app;
    struct MHD_Daemon *daemon;
    writer_t *writer;
    tls_files_t tls;
    atomic_bool stopping;
    char url[320];
};

/* One exchange: made when the request line was read, freed when the answer was sent. */
typedef struct exchange {
    writer_job_t job; /* first: the writer hands it back */
    http_server_t *server;
    struct MHD_Connection *connection;
    request_t rq;
    char *target;
    buf_t body;
    size_t received;
    uint64_t start_us;
    enum { FRESH, READING, ANSWERED } state;
    char request_id[128];
    char peer[64];
} exchange_t;

static uint64_t now_us(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* A random UUIDv4 per request; unique, not secret: splitmix64 seeded once per thread. */
static void make_request_id(char out[37]) {
    static _Thread_local uint64_t state;
    if (state == 0 && random_bytes(&state, sizeof state, NULL) != 0) {
        state = now_us();
    }
    uint8_t id[16];
    for (size_t i = 0; i < 2; i++) {
        state += 0x9e3779b97f4a7c15u;
        uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        memcpy(id + 8 * i, &z, 8);
    }
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    uuid_print(out, id);
}

/* ---- guards ---- */
typedef struct header_check {
    unsigned n_length, n_encoding, n_host;
    bool malformed;
    exchange_t *x;
} header_check_t;

static enum MHD_Result check_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    header_check_t *c = cls;
    request_t *rq = &c->x->rq;
    if (*name == '\0') {
        c->malformed = true;
    }
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("!#$%&'*+-.^_`|~", *p) != NULL)) {
            c->malformed = true;
        }
    }
    switch (name[0] | 0x20) {
    case 'c':
        if (strcasecmp(name, "Content-Length") == 0) {
            c->n_length++;
            c->malformed |= value == NULL || *value == '\0' || strspn(value, "0123456789") != strlen(value);
        } else if (strcasecmp(name, "Content-Type") == 0) {
            rq->content_type = value;
        } else if (strcasecmp(name, "Content-Encoding") == 0) {
            rq->content_encoding = value;
        }
        break;
    case 't':
        if (strcasecmp(name, "Transfer-Encoding") == 0) {
            c->n_encoding++;
            c->malformed |= value == NULL || strcasecmp(value, "chunked") != 0;
        }
        break;
    case 'h':
        c->n_host += strcasecmp(name, "Host") == 0;
        break;
    case 'a':
        if (strcasecmp(name, "Accept") == 0) {
            rq->accept = value;
        } else if (strcasecmp(name, "Authorization") == 0) {
            rq->authorization = value;
        }
        break;
    case 'x':
        if (strcasecmp(name, "X-Request-ID") == 0) {
            rq->request_id = value;
        }
        break;
    default:
        break;
    }
    return MHD_YES;
}

static rest_rc check_headers(exchange_t *x) {
    header_check_t c = {.x = x};
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, check_header, &c);
    if (c.malformed || c.n_length > 1 || c.n_encoding > 1 || c.n_host > 1 || (c.n_length != 0 && c.n_encoding != 0)) {
        return rest_fail(&x->rq, REST_BAD_REQUEST, "The headers are malformed or contradict each other");
    }
    const char *length =
        c.n_length == 0 ? NULL : MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Length");
    if (length != NULL && (strlen(length) > 10 || strtoull(length, NULL, 10) > REQUEST_MAX_BODY)) {
        return rest_fail(&x->rq, REST_TOO_LARGE, NULL);
    }
    return 0;
}

static void set_request_id(exchange_t *x) {
    const char *id = x->rq.request_id;
    size_t n = id == NULL ? 0 : strlen(id);
    bool fine = n != 0 && n < sizeof x->request_id;
    for (size_t i = 0; fine && i < n; i++) {
        fine = id[i] > 0x20 && id[i] < 0x7f;
    }
    if (fine) {
        memcpy(x->request_id, id, n + 1);
    } else {
        make_request_id(x->request_id);
    }
}

/* ---- answers ---- */
typedef struct answer {
    size_t len;
    uint8_t *bytes;
    bool sensitive;
} answer_t;

static void free_answer(void *cls) {
    answer_t *a = cls;
    if (a->sensitive) {
        mem_wipe(a->bytes, a->len);
    }
    mem_free(a->bytes);
    mem_free(a);
}

/* The answer's bytes move from the request to the response, which wipes and frees them after sending. */
static struct MHD_Response *make_response(request_t *rq) {
    answer_t *a = MEM_NEW(answer_t);
    if (a == NULL) {
        return NULL;
    }
    *a = (answer_t){rq->out.len, rq->out.ptr, rq->sensitive};
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(a->len, a->bytes, free_answer, a);
    if (r == NULL) {
        mem_free(a);
        return NULL;
    }
    rq->out.ptr = NULL;
    rq->out.len = rq->out.cap = rq->out.high = 0;
    return r;
}

static enum MHD_Result answer(exchange_t *x) {
    request_t *rq = &x->rq;
    x->state = ANSWERED;
    if (buf_check(&rq->out, NULL) != 0) {
        (void)rest_oom(rq);
    }
    size_t len = rq->out.len;
    struct MHD_Response *r = make_response(rq);
    if (r == NULL) {
        return MHD_NO;
    }
    bool ok = MHD_add_response_header(r, "X-Request-ID", x->request_id) == MHD_YES;
    if (rq->status != 204) {
        ok = ok && MHD_add_response_header(r, "Content-Type", rq->media) == MHD_YES;
    }
    if (rq->status == 401) {
        ok = ok &&
             MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"schloss\", charset=\"UTF-8\"") == MHD_YES;
    }
    if (rq->sensitive) {
        ok = ok && MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES;
    }
    enum MHD_Result result = ok ? MHD_queue_response(x->connection, (unsigned)rq->status, r) : MHD_NO;
    MHD_destroy_response(r);
    x->server->app.done(x->server->app.user, rq, now_us() - x->start_us);
    (void)len;
    return result;
}

/* ---- the library's callbacks ---- */
static size_t keep_escapes(void *cls, struct MHD_Connection *c, char *s) {
    (void)cls;
    (void)c;
    return strlen(s); /* the router splits before it decodes */
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection) {
    exchange_t *x = MEM_NEW(exchange_t);
    if (x == NULL) {
        return NULL;
    }
    x->server = cls;
    x->connection = connection;
    x->start_us = now_us();
    x->target = mem_strdup(uri);
    request_init(&x->rq, "", x->target);
    buf_init(&x->body, REQUEST_MAX_BODY, "request body", true);
    return x;
}

static void set_peer(exchange_t *x) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL) {
        return;
    }
    const struct sockaddr *sa = info->client_addr;
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, sa, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, x->peer, sizeof x->peer);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, sa, sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, x->peer, sizeof x->peer);
    }
    x->rq.peer = x->peer;
}

static enum MHD_Result begin(exchange_t *x, const char *method) {
    x->state = READING;
    x->rq.method = method;
    set_peer(x);
    rest_rc rc = check_headers(x);
    set_request_id(x);
    if (x->target == NULL) {
        rc = rest_oom(&x->rq);
    }
    if (rc == 0) {
        rc = x->server->app.start(x->server->app.user, &x->rq);
    }
    if (rc == 0 && atomic_load_explicit(&x->server->stopping, memory_order_relaxed)) {
        rc = rest_fail(&x->rq, REST_STOPPING, NULL);
    }
    return rc == 0 ? MHD_YES : answer(x);
}

static enum MHD_Result take_body(exchange_t *x, const char *data, size_t *size) {
    x->received += *size;
    if (x->received > MAX_ANSWERLESS) {
        return MHD_NO; /* cuts the connection */
    }
    if (x->received <= REQUEST_MAX_BODY) {
        buf_put(&x->body, data, *size);
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result complete(exchange_t *x) {
    http_server_t *s = x->server;
    request_t *rq = &x->rq;
    if (x->received > REQUEST_MAX_BODY) {
        (void)rest_fail(rq, REST_TOO_LARGE, NULL);
        return answer(x);
    }
    if (buf_check(&x->body, NULL) != 0) {
        (void)rest_oom(rq);
        return answer(x);
    }
    rq->body = buf_view(&x->body);
    if (!s->app.is_write(s->app.user, rq)) {
        s->app.read(s->app.user, rq);
        return answer(x);
    }
    x->job.rq = rq;
    MHD_suspend_connection(x->connection);
    x->state = ANSWERED; /* by the time the library calls again */
    if (!writer_add(s->writer, &x->job)) {
        (void)rest_fail(rq, REST_STOPPING, NULL);
        MHD_resume_connection(x->connection);
    }
    return MHD_YES;
}

static void on_written(void *user, writer_job_t *job) {
    (void)user;
    MHD_resume_connection(((exchange_t *)job)->connection);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **con_cls) {
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    exchange_t *x = *con_cls;
    if (x == NULL) {
        return MHD_NO; /* out of memory at the request line */
    }
    switch (x->state) {
    case FRESH:
        return begin(x, method);
    case READING:
        return *size != 0 ? take_body(x, data, size) : complete(x);
    case ANSWERED:
    default:
        return answer(x);
    }
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode why) {
    (void)cls;
    (void)connection;
    (void)why;
    exchange_t *x = *con_cls;
    if (x != NULL) {
        request_clear(&x->rq);
        buf_clear(&x->body);
        mem_free(x->target);
        mem_free(x);
        *con_cls = NULL;
    }
}

static void on_log(void *cls, const char *fmt, va_list ap) {
    (void)cls;
    if (!log_enabled(SCHLOSS_LOG_DEBUG)) {
        return;
    }
    char line[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = vsnprintf(line, sizeof line, fmt, ap);
#pragma GCC diagnostic pop
    while (n > 0 && (size_t)n < sizeof line && line[n - 1] == '\n') {
        line[--n] = '\0';
    }
    LOG_DEBUG("http", "%s", line);
}

/* ---- start and stop ---- */
static struct MHD_Daemon *start_daemon(http_server_t *s, const http_conf_t *conf, int fd) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    unsigned connections = conf->max_connections == 0 ? 10240 : conf->max_connections;
    unsigned threads = conf->threads == 0 ? 2 : conf->threads;
    connections = connections < threads ? threads : connections;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL}, /* first: it hears of the others */
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, s},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, conf->connection_timeout_s == 0 ? 60 : (intptr_t)conf->connection_timeout_s,
         NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, threads < 2 ? 0 : (intptr_t)threads, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_END, 0, NULL}, /* three more rows with TLS */
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (s->tls.cert != NULL) {
        size_t i = 11;
        flags |= MHD_USE_TLS;
        options[i++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, s->tls.cert};
        options[i++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, s->tls.key};
        options[i] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES};
    }
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

schloss_rc http_start(http_server_t **out, const http_conf_t *conf, const http_app_t *app, schloss_error_t *err) {
    http_server_t *s = MEM_NEW(http_server_t);
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    s->app = *app;
    int fd = -1;
    schloss_rc rc;
    TRY_TO(failed, rc, tls_files_load(&s->tls, conf->tls_cert_file, conf->tls_key_file, err));
    TRY_TO(failed, rc, listen_open(&fd, conf->listen, s->tls.cert != NULL, s->url, sizeof s->url, err));
    TRY_TO(failed, rc, writer_start(&s->writer, app->write, app->user, on_written, s, err));
    s->daemon = start_daemon(s, conf, fd);
    if (s->daemon == NULL) {
        rc = s->tls.cert != NULL
                 ? FAIL(err, TLS, "cannot serve TLS with %s and %s", conf->tls_cert_file, conf->tls_key_file)
                 : FAIL(err, IO, "cannot start the HTTP server on %s", conf->listen);
        err_hint(err, "%s",
                 s->tls.cert != NULL ? "check that both are PEM and belong together"
                                     : "check limits on threads and open files");
        goto failed;
    }
    *out = s;
    return 0;

failed:
    if (fd >= 0) {
        (void)close(fd);
    }
    writer_stop(s->writer);
    tls_files_clear(&s->tls);
    mem_free(s);
    return rc;
}

const char *http_url(const http_server_t *s) {
    return s->url;
}

void http_stop(http_server_t *s) {
    if (s == NULL) {
        return;
    }
    atomic_store(&s->stopping, true);
    int fd = MHD_quiesce_daemon(s->daemon);
    writer_stop(s->writer); /* resumes everything that is suspended: the library insists on it */
    MHD_stop_daemon(s->daemon);
    if (fd >= 0) {
        (void)close(fd);
    }
    tls_files_clear(&s->tls);
    mem_free(s);
}
