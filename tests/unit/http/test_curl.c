/* curl.c against a server in a thread: what goes out, what comes back, and every way in which it can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"
#include "http/curl.h"
#include "unit/http/server.h"
#include <sys/wait.h>

typedef struct fix {
    server_t *server;
    schloss_transport_t t;
    schloss_error_t err;
    schloss_http_response_t res;
    char text[8192]; /* body of the last answer */
} fix_t;

static int set_up(void **state) {
    fix_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->server = server_start();
    curl_conf_t conf = {0};
    assert_int_equal(curl_transport_new(&f->t, &conf, &f->err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fix_t *f = *state;
    f->t.destroy(f->t.user);
    server_stop(f->server);
    free(f);
    return 0;
}

static schloss_http_request_t request(const char *method, const char *url) {
    return (schloss_http_request_t){
        .method = method, .url = url, .connect_timeout_ms = 5000, .timeout_ms = 10000, .max_body = 50000};
}

static schloss_rc perform(fix_t *f, const schloss_http_request_t *req) {
    memset(&f->err, 0, sizeof f->err);
    memset(&f->res, 0, sizeof f->res);
    schloss_rc rc = f->t.perform(f->t.user, req, &f->res, &f->err);
    if (rc == SCHLOSS_OK) {
        (void)snprintf(f->text, sizeof f->text, "%.*s", (int)f->res.body_len, (const char *)f->res.body);
        uint32_t retry_after_ms = f->res.retry_after_ms;
        int status = f->res.status;
        f->t.release(f->t.user, &f->res);
        f->res.retry_after_ms = retry_after_ms;
        f->res.status = status;
    }
    return rc;
}

static const char *url_of(const fix_t *f, const char *path) {
    static _Thread_local char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", f->server->port, path);
    return url;
}

static schloss_rc get(fix_t *f, const char *path) {
    schloss_http_request_t req = request("GET", url_of(f, path));
    return perform(f, &req);
}

static void test_answers(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/ok"), 0);
    assert_int_equal(f->res.status, 200);
    assert_string_equal(f->text, "{\"ok\":true}");
    assert_int_equal(f->res.retry_after_ms, 0);
    assert_int_equal(get(f, "/missing"), 0);
    assert_int_equal(f->res.status, 404);
    assert_string_equal(f->text, "none");
    assert_int_equal(get(f, "/empty"), 0);
    assert_int_equal(f->res.status, 204);
    assert_string_equal(f->text, "");
    assert_int_equal(get(f, "/interim"), 0);
    assert_int_equal(f->res.status, 200);
    assert_int_equal(f->res.retry_after_ms, 0); /* it was the interim answer's */
    assert_string_equal(f->text, "{}");
}

static void test_request_goes_out_as_given(void **state) {
    fix_t *f = *state;
    const schloss_http_header_t headers[] = {
        {"Content-Type", "application/vnd.schemaregistry.v1+json"}, {"Accept", "application/json"}, {"X-Empty", ""}};
    schloss_http_request_t req = request("POST", url_of(f, "/echo?a=%2F%20b"));
    req.headers = headers;
    req.n_headers = 3;
    req.body = bytes("{\"x\":1}", 7);
    req.sensitive = true;
    assert_int_equal(perform(f, &req), 0);
    assert_non_null(strstr(f->text, "POST /echo?a=%2F%20b HTTP/1.1\r\n"));
    assert_non_null(strstr(f->text, "Content-Type: application/vnd.schemaregistry.v1+json\r\n"));
    assert_null(strstr(f->text, "x-www-form-urlencoded"));
    assert_non_null(strstr(f->text, "Accept: application/json\r\n"));
    assert_non_null(strstr(f->text, "X-Empty:\r\n"));
    assert_non_null(strstr(f->text, "Content-Length: 7\r\n"));
    assert_non_null(strstr(f->text, "{\"x\":1}"));
    assert_null(strstr(f->text, "Expect:"));

    req = request("POST", url_of(f, "/echo"));
    assert_int_equal(perform(f, &req), 0);
    assert_non_null(strstr(f->text, "POST /echo HTTP/1.1"));
    assert_non_null(strstr(f->text, "Content-Length: 0\r\n"));
    req = request("DELETE", url_of(f, "/echo"));
    assert_int_equal(perform(f, &req), 0);
    assert_non_null(strstr(f->text, "DELETE /echo HTTP/1.1"));
    req = request("PUT", url_of(f, "/echo"));
    req.body = bytes("{}", 2);
    assert_int_equal(perform(f, &req), 0);
    assert_non_null(strstr(f->text, "PUT /echo HTTP/1.1"));
    assert_non_null(strstr(f->text, "{}"));
    /* nothing of the last exchange is left in the handle */
    assert_int_equal(get(f, "/echo"), 0);
    assert_non_null(strstr(f->text, "GET /echo HTTP/1.1"));
    assert_null(strstr(f->text, "Content-Type"));
    assert_null(strstr(f->text, "Content-Length"));
}

static void test_header_injection_is_refused(void **state) {
    fix_t *f = *state;
    const schloss_http_header_t bad[] = {{"A", "x\r\nInjected: yes"}};
    schloss_http_request_t req = request("GET", url_of(f, "/echo"));
    req.headers = bad;
    req.n_headers = 1;
    assert_int_equal(perform(f, &req), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(f->server->n_requests, 0);
}

static void test_connection_is_kept(void **state) {
    fix_t *f = *state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(get(f, "/ok"), 0);
    }
    assert_int_equal(f->server->n_requests, 20);
    assert_int_equal(f->server->n_threads, 1);
}

static void test_closed_connection_is_replaced(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/ok"), 0);
    assert_int_equal(get(f, "/close"), SCHLOSS_E_IO);
    assert_int_equal(get(f, "/ok"), 0);
    assert_string_equal(f->text, "{\"ok\":true}");
}

static void test_failures(void **state) {
    static const struct {
        const char *path;
        schloss_rc rc;
    } rows[] = {
        {"/garbage", SCHLOSS_E_IO},
        {"/http09", SCHLOSS_E_IO},
        {"/close", SCHLOSS_E_IO},
        {"/cut", SCHLOSS_E_IO},
        {"/long-declared", SCHLOSS_E_LIMIT_EXCEEDED},
        {"/long-streamed", SCHLOSS_E_LIMIT_EXCEEDED},
    };
    fix_t *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s?secret=abc", rows[i].path);
        assert_int_equal(get(f, path), rows[i].rc);
        assert_true(strlen(f->err.message) > 0);
        assert_non_null(strstr(f->err.url, rows[i].path));
        assert_null(strstr(f->err.url, "abc"));
        assert_null(strstr(f->err.message, "abc"));
        assert_null(f->res.body);
        assert_int_equal(get(f, "/ok"), 0); /* the handle is still good */
    }
    /* curl's own limit or ours, whichever is met first */
    schloss_rc rc = get(f, "/long-headers");
    assert_true(rc == SCHLOSS_E_LIMIT_EXCEEDED || rc == SCHLOSS_E_IO);
}

static void test_body_of_exactly_the_limit(void **state) {
    fix_t *f = *state;
    schloss_http_request_t req = request("GET", url_of(f, "/ok"));
    req.max_body = 11;
    assert_int_equal(perform(f, &req), 0);
    req.max_body = 10;
    assert_int_equal(perform(f, &req), SCHLOSS_E_LIMIT_EXCEEDED);
    req.max_body = 0;
    assert_int_equal(perform(f, &req), SCHLOSS_E_LIMIT_EXCEEDED);
}

static void test_time_limits(void **state) {
    fix_t *f = *state;
    static const char *const paths[] = {"/slow", "/trickle"};
    for (size_t i = 0; i < 2; i++) {
        schloss_http_request_t req = request("GET", url_of(f, paths[i]));
        req.timeout_ms = 300;
        assert_int_equal(perform(f, &req), SCHLOSS_E_TIMEOUT);
    }
    /* over a connection that is already there, too */
    assert_int_equal(get(f, "/ok"), 0);
    schloss_http_request_t req = request("GET", url_of(f, "/slow"));
    req.timeout_ms = 300;
    assert_int_equal(perform(f, &req), SCHLOSS_E_TIMEOUT);
}

static void test_unreachable(void **state) {
    fix_t *f = *state;
    server_t *gone = server_start();
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", gone->port);
    server_stop(gone);
    schloss_http_request_t req = request("GET", url);
    assert_int_equal(perform(f, &req), SCHLOSS_E_CONNECT);
    req.url = "http://no-such-host.invalid/";
    assert_int_equal(perform(f, &req), SCHLOSS_E_CONNECT);
    /* a listener that accepts nothing: its queue is full */
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int filler[8];
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    for (size_t i = 0; i < COUNT_OF(filler); i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (struct sockaddr *)&addr, len);
    }
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(addr.sin_port));
    req.url = url;
    req.connect_timeout_ms = 200;
    assert_int_equal(perform(f, &req), SCHLOSS_E_CONNECT);
    for (size_t i = 0; i < COUNT_OF(filler); i++) {
        close(filler[i]);
    }
    close(fd);
}

static void test_bad_urls(void **state) {
    fix_t *f = *state;
    static const char *const urls[] = {"file:///etc/hostname", "ftp://127.0.0.1/",       "http://", "",
                                       "gopher://127.0.0.1/",  "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        schloss_http_request_t req = request("GET", urls[i]);
        assert_int_equal(perform(f, &req), SCHLOSS_E_INVALID_ARGUMENT);
    }
}

static void test_retry_after(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/busy"), 0);
    assert_int_equal(f->res.status, 503);
    assert_int_equal(f->res.retry_after_ms, 7000);
    assert_int_equal(get(f, "/busy-huge"), 0);
    assert_true(f->res.retry_after_ms >= 4000000000u);
    assert_int_equal(get(f, "/busy-date"), 0);
    assert_int_equal(f->res.retry_after_ms, 0);
    assert_int_equal(get(f, "/busy-odd"), 0);
    assert_int_equal(f->res.retry_after_ms, 0);
}

static void test_redirects_are_not_followed(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/redirect"), 0);
    assert_int_equal(f->res.status, 302);
    assert_int_equal(f->server->n_requests, 1);
}

static void test_environment_is_ignored(void **state) {
    fix_t *f = *state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(get(f, "/ok"), 0);
    schloss_transport_t through_env;
    schloss_transport_t through_proxy;
    curl_conf_t conf = {.use_env_proxy = true};
    assert_int_equal(curl_transport_new(&through_env, &conf, &f->err), 0);
    schloss_http_request_t req = request("GET", url_of(f, "/ok"));
    assert_int_equal(through_env.perform(through_env.user, &req, &f->res, &f->err), SCHLOSS_E_CONNECT);
    assert_int_equal(unsetenv("http_proxy"), 0);
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "127.0.0.1:%u", f->server->port);
    conf = (curl_conf_t){.proxy = proxy};
    assert_int_equal(curl_transport_new(&through_proxy, &conf, &f->err), 0);
    req.url = "http://far-away.invalid/echo";
    schloss_transport_t own = f->t;
    f->t = through_proxy;
    /* The proxy sees the absolute URL; this server does not know it and closes. */
    assert_int_equal(perform(f, &req), SCHLOSS_E_IO);
    assert_int_equal(f->server->n_requests, 2);
    req.url = url_of(f, "/ok");
    req.direct = true; /* past every proxy */
    f->t = own;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    f->t = through_env;
    assert_int_equal(perform(f, &req), 0);
    assert_int_equal(unsetenv("http_proxy"), 0);
    f->t = own;
    through_env.destroy(through_env.user);
    through_proxy.destroy(through_proxy.user);
}

typedef struct worker {
    fix_t *f;
    int failed;
} worker_t;

static void *work(void *arg) {
    worker_t *w = arg;
    for (int i = 0; i < 25; i++) {
        schloss_http_request_t req = request("GET", url_of(w->f, i % 5 == 4 ? "/close" : "/ok"));
        schloss_http_response_t res = {0};
        schloss_error_t err = {0};
        schloss_rc rc = w->f->t.perform(w->f->t.user, &req, &res, &err);
        if (i % 5 == 4) {
            w->failed += rc != SCHLOSS_E_IO;
        } else {
            w->failed += rc != SCHLOSS_OK || res.body_len != 11 || memcmp(res.body, "{\"ok\":true}", 11) != 0;
        }
        w->f->t.release(w->f->t.user, &res);
    }
    return NULL;
}

static void test_threads(void **state) {
    fix_t *f = *state;
    worker_t workers[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        workers[i] = (worker_t){f, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].failed, 0);
    }
    assert_true(f->server->n_requests >= 100);
}

/* A child must not talk over the connection of its parent: each would read the other's answers. */
static void test_fork(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/ok"), 0);
    assert_int_equal(f->server->n_threads, 1);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool ok = get(f, "/echo?child") == 0 && strstr(f->text, "/echo?child") != NULL;
        f->t.destroy(f->t.user);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(f->server->n_threads, 2); /* the child made its own */
    assert_int_equal(get(f, "/echo?parent"), 0);
    assert_non_null(strstr(f->text, "/echo?parent"));
    assert_int_equal(f->server->n_threads, 2); /* the parent's goes on */
}

static void test_configuration_is_checked(void **state) {
    (void)state;
    schloss_transport_t t;
    schloss_error_t err = {0};
    curl_conf_t conf = {.ca_file = "/nonexistent/ca.pem"};
    assert_int_equal(curl_transport_new(&t, &conf, &err), SCHLOSS_E_CONF_VALUE);
    assert_non_null(strstr(err.message, "/nonexistent/ca.pem"));
    conf = (curl_conf_t){.key_file = "/nonexistent/key.pem"};
    assert_int_equal(curl_transport_new(&t, &conf, &err), SCHLOSS_E_CONF_VALUE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_answers),
        T(test_request_goes_out_as_given),
        T(test_header_injection_is_refused),
        T(test_connection_is_kept),
        T(test_closed_connection_is_replaced),
        T(test_failures),
        T(test_body_of_exactly_the_limit),
        T(test_time_limits),
        T(test_unreachable),
        T(test_bad_urls),
        T(test_retry_after),
        T(test_redirects_are_not_followed),
        T(test_environment_is_ignored),
        T(test_threads),
        T(test_fork),
        cmocka_unit_test(test_configuration_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
