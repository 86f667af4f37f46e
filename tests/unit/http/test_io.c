/* io.c: what is remembered, what is tried again, where and when. Driven by hand, without a transport. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "http/io.h"
#include <time.h>

static char url_a[] = "http://a.test";
static char url_b[] = "http://b.test/base";
static char url_c[] = "http://c.test";
static char *urls[] = {url_a, url_b, url_c};

typedef struct fix {
    io_t *io;
    http_service_t svc;
    schloss_error_t err;
    io_answer_t answer;
} fix_t;

static int set_up(void **state) {
    fix_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->svc = (http_service_t){.urls = urls, .n_urls = 1, .max_retries = 3, .connect_timeout_ms = 11, .timeout_ms = 22};
    assert_int_equal(io_new(&f->io, &f->err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fix_t *f = *state;
    io_free(f->io);
    free(f);
    return 0;
}

static schloss_rc ask(fix_t *f, const char *method, const char *path, const char *body) {
    io_call_t call = {.method = method, .path = path, .body = bytes(body, strlen(body))};
    return io_call(f->io, &f->svc, &call, &f->answer, &f->err);
}

static schloss_rc get(fix_t *f, const char *path) {
    return ask(f, "GET", path, "");
}

static void feed(fix_t *f, int status, const char *body) {
    assert_int_equal(io_feed(f->io, status, bytes(body, strlen(body)), 0, &f->err), 0);
}

static void fail_with(fix_t *f, schloss_rc failure) {
    assert_int_equal(io_feed_failure(f->io, failure, "it broke", &f->err), 0);
}

static void assert_url(const fix_t *f, const char *url) {
    assert_non_null(io_request(f->io));
    assert_string_equal(io_request(f->io)->url, url);
}

static const char *header(const schloss_http_request_t *r, const char *name) {
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strcmp(r->headers[i].name, name) == 0) {
            return r->headers[i].value;
        }
    }
    return "";
}

static void test_request_is_complete(void **state) {
    fix_t *f = *state;
    schloss_http_header_t extra = {"target-sr-cluster", "lsrc-1"};
    char basic[] = "Basic dTpw";
    f->svc.headers = &extra;
    f->svc.n_headers = 1;
    f->svc.authorization = basic;
    assert_null(io_request(f->io));
    assert_int_equal(ask(f, "POST", "/x?y=1", "{}"), SCHLOSS_NEED_IO);
    const schloss_http_request_t *r = io_request(f->io);
    assert_non_null(r);
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->url, "http://a.test/x?y=1");
    assert_int_equal(r->body.len, 2);
    assert_memory_equal(r->body.ptr, "{}", 2);
    assert_int_equal(r->connect_timeout_ms, 11);
    assert_int_equal(r->timeout_ms, 22);
    assert_int_equal(r->max_body, LIMIT_HTTP_BODY);
    assert_false(r->sensitive);
    assert_string_equal(header(r, "Content-Type"), "application/vnd.schemaregistry.v1+json");
    assert_string_equal(header(r, "Accept"), "application/vnd.schemaregistry.v1+json, "
                                             "application/vnd.schemaregistry+json, application/json");
    assert_string_equal(header(r, "Confluent-Accept-Unknown-Properties"), "true");
    assert_memory_equal(header(r, "Confluent-Client-Version"), "schloss/", 8);
    assert_string_equal(header(r, "Authorization"), basic);
    assert_string_equal(header(r, "target-sr-cluster"), "lsrc-1");
}

static void test_answers_are_remembered(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/one"), SCHLOSS_NEED_IO);
    assert_int_equal(get(f, "/one"), SCHLOSS_NEED_IO);
    feed(f, 200, "first");
    assert_null(io_request(f->io));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get(f, "/one"), 0);
        assert_int_equal(f->answer.status, 200);
        assert_int_equal(f->answer.body.len, 5);
        assert_memory_equal(f->answer.body.ptr, "first", 5);
        assert_string_equal(f->answer.url, "http://a.test/one");
    }
    /* another method, another path, another body: other calls */
    assert_int_equal(ask(f, "POST", "/one", "a"), SCHLOSS_NEED_IO);
    feed(f, 404, "");
    assert_int_equal(ask(f, "POST", "/one", "b"), SCHLOSS_NEED_IO);
    feed(f, 409, "");
    assert_int_equal(get(f, "/two"), SCHLOSS_NEED_IO);
    feed(f, 204, "");
    assert_int_equal(ask(f, "POST", "/one", "a"), 0);
    assert_int_equal(f->answer.status, 404);
    assert_int_equal(ask(f, "POST", "/one", "b"), 0);
    assert_int_equal(f->answer.status, 409);
    assert_int_equal(get(f, "/two"), 0);
    assert_int_equal(f->answer.body.len, 0);
}

static void test_forgetting_asks_again(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/k"), SCHLOSS_NEED_IO);
    feed(f, 404, "");
    io_forget(f->io, "GET", "/other");
    assert_int_equal(get(f, "/k"), 0);
    io_forget(f->io, "GET", "/k");
    assert_int_equal(get(f, "/k"), SCHLOSS_NEED_IO);
    io_forget(f->io, "GET", "/k"); /* while it is pending */
    assert_null(io_request(f->io));
    assert_int_equal(get(f, "/k"), SCHLOSS_NEED_IO);
    feed(f, 200, "");
    assert_int_equal(get(f, "/k"), 0);
    assert_int_equal(f->answer.status, 200);
}

/* spec 8: 46 */
static void test_statuses_that_are_retried(void **state) {
    static const struct {
        int status;
        bool retried;
    } rows[] = {{408, true},  {429, true},  {500, true},  {502, true},  {503, true},  {504, true},
                {200, false}, {301, false}, {400, false}, {401, false}, {403, false}, {404, false},
                {409, false}, {422, false}, {501, false}, {505, false}};
    fix_t *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/%d", rows[i].status);
        int sent = 0;
        while (get(f, path) == SCHLOSS_NEED_IO) {
            feed(f, rows[i].status, "last");
            sent++;
        }
        assert_int_equal(sent, rows[i].retried ? 4 : 1);
        assert_int_equal(get(f, path), 0);
        assert_int_equal(f->answer.status, rows[i].status);
        assert_int_equal(f->answer.body.len, 4);
    }
}

static void test_success_after_retries(void **state) {
    fix_t *f = *state;
    uint64_t retries = metrics_get("http_retries");
    uint64_t requests = metrics_get("http_requests");
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    feed(f, 503, "");
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    fail_with(f, SCHLOSS_E_TIMEOUT);
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    feed(f, 200, "yes");
    assert_int_equal(get(f, "/x"), 0);
    assert_int_equal(f->answer.status, 200);
    assert_int_equal(metrics_get("http_retries") - retries, 2);
    assert_int_equal(metrics_get("http_requests") - requests, 3);
}

static void test_failures(void **state) {
    static const struct {
        schloss_rc failure;
        int tries;
    } rows[] = {{SCHLOSS_E_CONNECT, 4},   {SCHLOSS_E_TIMEOUT, 4},        {SCHLOSS_E_IO, 4},       {SCHLOSS_E_TLS, 1},
                {SCHLOSS_E_NO_MEMORY, 1}, {SCHLOSS_E_LIMIT_EXCEEDED, 1}, {SCHLOSS_E_CANCELLED, 1}};
    fix_t *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[48];
        (void)snprintf(path, sizeof path, "/f%zu?signature=abc", i);
        int tries = 0;
        schloss_rc rc;
        while ((rc = get(f, path)) == SCHLOSS_NEED_IO) {
            fail_with(f, rows[i].failure);
            tries++;
        }
        assert_int_equal(rc, rows[i].failure);
        assert_int_equal(tries, rows[i].tries);
        assert_int_equal(get(f, path), rows[i].failure); /* remembered */
        assert_non_null(strstr(f->err.message, "it broke"));
        assert_non_null(strstr(f->err.message, "GET http://a.test/f"));
        assert_non_null(strstr(f->err.message, tries == 4 ? "(4 tries)" : "(1 try)"));
        assert_null(strstr(f->err.message, "signature"));
        assert_null(strstr(f->err.url, "signature"));
    }
    assert_int_equal(get(f, "/detail"), SCHLOSS_NEED_IO);
    assert_int_equal(io_feed_failure(f->io, SCHLOSS_E_TLS, NULL, &f->err), 0);
    assert_int_equal(get(f, "/detail"), SCHLOSS_E_TLS);
}

static void sleep_until(const fix_t *f) {
    for (uint32_t w; (w = io_wait_ms(f->io, time_mono_ms())) != 0;) {
        struct timespec t = {0, (long)(w > 5 ? 5 : w) * 1000000};
        (void)nanosleep(&t, NULL);
    }
}

static void test_back_off_waits(void **state) {
    fix_t *f = *state;
    f->svc.max_retries = 40;
    f->svc.retries_wait_ms = 1000;
    f->svc.retries_max_wait_ms = 20000;
    int waited = 0;
    for (unsigned n = 0; n < 12; n++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/w%u", n);
        assert_int_equal(get(f, path), SCHLOSS_NEED_IO);
        feed(f, 503, "");
        uint32_t wait = io_wait_ms(f->io, time_mono_ms());
        assert_in_range(wait, 0, 1000);
        if (wait > 100) {
            waited++;
            assert_int_equal(get(f, path), SCHLOSS_NEED_WAIT);
            assert_null(io_request(f->io));
            assert_int_equal(io_feed(f->io, 200, bytes("", 0), 0, &f->err), SCHLOSS_E_INVALID_STATE);
        }
        io_forget(f->io, "GET", path);
    }
    assert_in_range(waited, 4, 12); /* one in ten waits is that short: never nine of twelve */
}

static void test_back_off_ends(void **state) {
    fix_t *f = *state;
    f->svc.max_retries = 1;
    f->svc.retries_wait_ms = 1;
    f->svc.retries_max_wait_ms = 40;
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    /* Retry-After is honoured, but not beyond the longest wait. */
    assert_int_equal(io_feed(f->io, 503, bytes("", 0), 3600000, &f->err), 0);
    uint32_t wait = io_wait_ms(f->io, time_mono_ms());
    assert_in_range(wait, 20, 40);
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_WAIT);
    sleep_until(f);
    assert_null(io_request(f->io));
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    assert_non_null(io_request(f->io));
    feed(f, 200, "");
    assert_int_equal(get(f, "/x"), 0);
}

/* spec 8: 46 */
static void test_wait_grows_and_is_capped(void **state) {
    fix_t *f = *state;
    f->svc.max_retries = 100;
    f->svc.retries_wait_ms = 2;
    f->svc.retries_max_wait_ms = 5;
    int tries = 0;
    for (schloss_rc rc; (rc = get(f, "/x")) != 0; tries++) {
        if (rc == SCHLOSS_NEED_WAIT) {
            assert_in_range(io_wait_ms(f->io, time_mono_ms()), 0, 5);
            sleep_until(f);
            tries--;
        } else {
            feed(f, 429, "");
        }
    }
    assert_int_equal(tries, 101);
}

static void test_unreachable_server_moves_on_at_once(void **state) {
    fix_t *f = *state;
    f->svc.n_urls = 3;
    f->svc.max_retries = 0;
    f->svc.retries_wait_ms = 60000;
    f->svc.retries_max_wait_ms = 60000;
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    assert_url(f, "http://a.test/x");
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    assert_url(f, "http://b.test/base/x");
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    assert_url(f, "http://c.test/x");
    feed(f, 200, "");
    assert_int_equal(get(f, "/x"), 0);
    assert_string_equal(f->answer.url, "http://c.test/x");
    /* later calls begin where it answered, and go round */
    assert_int_equal(get(f, "/y"), SCHLOSS_NEED_IO);
    assert_url(f, "http://c.test/y");
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "/y"), SCHLOSS_NEED_IO);
    assert_url(f, "http://a.test/y");
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "/y"), SCHLOSS_NEED_IO);
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "/y"), SCHLOSS_E_CONNECT); /* all tried, no retries */
}

static void test_retry_moves_to_next_url(void **state) {
    fix_t *f = *state;
    f->svc.n_urls = 2;
    static const char *const expected[] = {"http://a.test/x", "http://b.test/base/x", "http://a.test/x",
                                           "http://b.test/base/x"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
        assert_url(f, expected[i]);
        feed(f, 500, "");
    }
    assert_int_equal(get(f, "/x"), 0);
    assert_int_equal(f->answer.status, 500);
}

static void test_absolute_path(void **state) {
    fix_t *f = *state;
    f->svc.n_urls = 3;
    assert_int_equal(get(f, "https://kms.test/key"), SCHLOSS_NEED_IO);
    assert_url(f, "https://kms.test/key");
    fail_with(f, SCHLOSS_E_CONNECT);
    assert_int_equal(get(f, "https://kms.test/key"), SCHLOSS_NEED_IO);
    assert_url(f, "https://kms.test/key");
}

static void test_one_request_at_a_time(void **state) {
    fix_t *f = *state;
    assert_int_equal(get(f, "/left"), SCHLOSS_NEED_IO);
    /* The logic takes another way: the call that it left behind is dropped. */
    assert_int_equal(get(f, "/new"), SCHLOSS_NEED_IO);
    assert_url(f, "http://a.test/new");
    feed(f, 200, "new");
    assert_int_equal(get(f, "/new"), 0);
    assert_memory_equal(f->answer.body.ptr, "new", 3);
    assert_int_equal(get(f, "/left"), SCHLOSS_NEED_IO);
    assert_url(f, "http://a.test/left");
}

static void test_number_of_requests_is_limited(void **state) {
    fix_t *f = *state;
    char path[32];
    for (unsigned i = 0; i < LIMIT_PREPARE_REQUESTS; i++) {
        (void)snprintf(path, sizeof path, "/%u", i);
        assert_int_equal(get(f, path), SCHLOSS_NEED_IO);
        feed(f, 200, path);
    }
    assert_int_equal(get(f, "/one-more"), SCHLOSS_E_LIMIT_EXCEEDED);
    io_forget(f->io, "GET", "/0"); /* forgetting gives no new allowance */
    assert_int_equal(get(f, "/0"), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(get(f, "/1"), 0);
    assert_memory_equal(f->answer.body.ptr, "/1", 2);
}

static void test_memory_is_limited(void **state) {
    fix_t *f = *state;
    char *big = test_calloc(1, LIMIT_HTTP_BODY + 1);
    assert_int_equal(get(f, "/0"), SCHLOSS_NEED_IO);
    assert_int_equal(io_feed(f->io, 200, bytes(big, LIMIT_HTTP_BODY + 1), 0, &f->err), 0);
    assert_int_equal(get(f, "/0"), SCHLOSS_E_LIMIT_EXCEEDED);
    for (int i = 1; i <= 2; i++) {
        const char *path = i == 1 ? "/1" : "/2";
        assert_int_equal(get(f, path), SCHLOSS_NEED_IO);
        assert_int_equal(io_feed(f->io, 200, bytes(big, LIMIT_HTTP_BODY), 0, &f->err), 0);
        assert_int_equal(get(f, path), 0);
    }
    assert_int_equal(get(f, "/3"), SCHLOSS_NEED_IO);
    assert_int_equal(io_request(f->io)->max_body, 0);
    feed(f, 200, "x");
    assert_int_equal(get(f, "/3"), SCHLOSS_E_LIMIT_EXCEEDED);
    io_forget(f->io, "GET", "/1"); /* gives its memory back */
    assert_int_equal(get(f, "/4"), SCHLOSS_NEED_IO);
    assert_int_equal(io_request(f->io)->max_body, LIMIT_HTTP_BODY);
    test_free(big);
}

static void test_sensitive_answers_lie_in_secret_memory(void **state) {
    fix_t *f = *state;
    size_t before = secret_in_use();
    io_call_t call = {.method = "GET", .path = "/dek", .sensitive = true};
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    assert_true(io_request(f->io)->sensitive);
    feed(f, 200, "{\"keyMaterial\":\"x\"}");
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), 0);
    assert_true(secret_contains(f->answer.body.ptr));
    assert_true(secret_in_use() > before);
    io_forget(f->io, "GET", "/dek");
    assert_int_equal(secret_in_use(), before);
    /* one that is too long for a piece of secret memory still works */
    char *big = test_calloc(1, 20000);
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    assert_int_equal(io_feed(f->io, 200, bytes(big, 20000), 0, &f->err), 0);
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), 0);
    assert_int_equal(f->answer.body.len, 20000);
    test_free(big);
}

static void test_bad_driver(void **state) {
    fix_t *f = *state;
    assert_int_equal(io_feed(f->io, 200, bytes("", 0), 0, &f->err), SCHLOSS_E_INVALID_STATE);
    assert_int_equal(io_feed_failure(f->io, SCHLOSS_E_IO, "", &f->err), SCHLOSS_E_INVALID_STATE);
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    assert_int_equal(io_feed_failure(f->io, SCHLOSS_NEED_KEY, "", &f->err), SCHLOSS_E_INVALID_ARGUMENT);
    f->svc.max_retries = 0;
    feed(f, 0, ""); /* no status: the answer is not one */
    assert_int_equal(get(f, "/x"), SCHLOSS_E_IO);
}

static int freed;
static void count_free(void *p) {
    freed += *(int *)p;
}

static void test_parsed_form_is_kept(void **state) {
    fix_t *f = *state;
    int one = 1;
    int ten = 10;
    freed = 0;
    assert_int_equal(get(f, "/x"), SCHLOSS_NEED_IO);
    feed(f, 200, "");
    assert_int_equal(get(f, "/x"), 0);
    assert_null(io_parsed(&f->answer));
    io_keep_parsed(&f->answer, &one, count_free);
    assert_int_equal(get(f, "/x"), 0);
    assert_ptr_equal(io_parsed(&f->answer), &one);
    io_keep_parsed(&f->answer, &ten, count_free);
    assert_int_equal(freed, 1);
    io_forget(f->io, "GET", "/x");
    assert_int_equal(freed, 11);
}

static void test_service_clear(void **state) {
    (void)state;
    http_service_t s = {0};
    s.urls = mem_calloc(1, sizeof *s.urls);
    assert_non_null(s.urls);
    s.urls[0] = mem_strdup("http://x.test");
    s.n_urls = 1;
    s.authorization = mem_strdup("Bearer t");
    s.headers = mem_calloc(1, sizeof *s.headers);
    assert_non_null(s.headers);
    s.headers[0] = (schloss_http_header_t){mem_strdup("a"), mem_strdup("b")};
    s.n_headers = 1;
    http_service_clear(&s);
    assert_null(s.urls);
    assert_int_equal(s.n_headers, 0);
    http_service_clear(&s);
}

/* A KMS: its own headers and settings, none of the registry's. */
static void test_foreign_service(void **state) {
    fix_t *f = *state;
    const schloss_tls_t tls = {.ca_file = "/ca.pem"};
    f->svc = (http_service_t){.is_foreign = true, .tls = &tls, .protocol = SCHLOSS_KMIP, .direct = true};
    char value[] = "token-1";
    const schloss_http_header_t h[] = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Token", value}};
    io_call_t call = {.method = "POST", .path = "kmips://kms.test:5696", .headers = h, .n_headers = 2};
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    memset(value, 'x', sizeof value - 1); /* copied */
    const schloss_http_request_t *r = io_request(f->io);
    assert_string_equal(r->url, "kmips://kms.test:5696");
    assert_int_equal(r->n_headers, 2);
    assert_string_equal(header(r, "Content-Type"), "application/x-amz-json-1.1");
    assert_string_equal(header(r, "X-Token"), "token-1");
    assert_ptr_equal(r->tls, &tls);
    assert_int_equal(r->protocol, SCHLOSS_KMIP);
    assert_true(r->direct);
    feed(f, 200, "ok");
    call.headers = NULL; /* no part of the key */
    call.n_headers = 0;
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), 0);
}

/* Whoever carries the request: a text that could end a header and begin another never gets so far. */
static void test_headers_are_clean(void **state) {
    fix_t *f = *state;
    const schloss_http_header_t bad[] = {{"X-Mine", "1\r\nX-Evil: 2"}, {"X\n", "1"}, {"X-Mine", "\x7f"}, {"", "1"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        io_call_t call = {.method = "GET", .path = "/x", .headers = &bad[i], .n_headers = 1};
        assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_E_INVALID_ARGUMENT);
        assert_null(io_request(f->io));
    }
}

static void test_headers_of_the_registry_come_first(void **state) {
    fix_t *f = *state;
    const schloss_http_header_t h = {"X-Mine", "1"};
    io_call_t call = {.method = "GET", .path = "/x", .headers = &h, .n_headers = 1};
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    const schloss_http_request_t *r = io_request(f->io);
    assert_string_equal(header(r, "Content-Type"), "application/vnd.schemaregistry.v1+json");
    assert_string_equal(r->headers[r->n_headers - 1].name, "X-Mine");
    assert_null(r->tls);
    assert_int_equal(r->protocol, SCHLOSS_HTTP);
    assert_false(r->direct);
}

/* Each try carries the headers of the io_call() before it: a signature says when it was made. */
static void test_headers_are_renewed_for_a_retry(void **state) {
    fix_t *f = *state;
    f->svc.retries_wait_ms = 0;
    for (int i = 0; i < 3; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "t%d", i);
        const schloss_http_header_t h = {"X-Date", value};
        io_call_t call = {.method = "GET", .path = "/x", .headers = &h, .n_headers = 1};
        assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
        assert_string_equal(header(io_request(f->io), "X-Date"), value);
        const schloss_http_header_t other = {"X-Date", "not this one"}; /* the request may be on its way */
        call.headers = &other;
        assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
        assert_string_equal(header(io_request(f->io), "X-Date"), value);
        feed(f, i < 2 ? 503 : 200, "x");
    }
    assert_int_equal(get(f, "/x"), 0);
}

static bool says_slow_down(int status, bytes_t body) {
    return status == 400 && body.len == 4 && memcmp(body.ptr, "slow", 4) == 0;
}

static void test_what_the_call_finds_retriable(void **state) {
    fix_t *f = *state;
    io_call_t call = {.method = "POST", .path = "/x", .is_retriable = says_slow_down};
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    feed(f, 400, "slow");
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    feed(f, 500, "");
    feed(f, 400, "bad");
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), 0);
    assert_int_equal(f->answer.status, 400);
    call.path = "/y";
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), SCHLOSS_NEED_IO);
    for (int i = 0; i < 4; i++) {
        feed(f, 400, "slow");
    }
    assert_int_equal(io_call(f->io, &f->svc, &call, &f->answer, &f->err), 0); /* the last one counts */
    assert_memory_equal(f->answer.body.ptr, "slow", 4);
}

static void test_forgetting_one_call(void **state) {
    fix_t *f = *state;
    io_call_t call = {.method = "POST", .path = "/x", .body = bytes("b", 1)};
    assert_int_equal(ask(f, "POST", "/x", "a"), SCHLOSS_NEED_IO);
    feed(f, 200, "1");
    assert_int_equal(ask(f, "POST", "/x", "b"), SCHLOSS_NEED_IO);
    feed(f, 200, "2");
    io_forget_call(f->io, &f->svc, &call);
    io_forget_call(f->io, &f->svc, &call);
    assert_int_equal(ask(f, "POST", "/x", "a"), 0);
    assert_int_equal(ask(f, "POST", "/x", "b"), SCHLOSS_NEED_IO);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_request_is_complete),
        T(test_answers_are_remembered),
        T(test_forgetting_asks_again),
        T(test_statuses_that_are_retried),
        T(test_success_after_retries),
        T(test_failures),
        T(test_back_off_waits),
        T(test_back_off_ends),
        T(test_wait_grows_and_is_capped),
        T(test_unreachable_server_moves_on_at_once),
        T(test_retry_moves_to_next_url),
        T(test_absolute_path),
        T(test_one_request_at_a_time),
        T(test_number_of_requests_is_limited),
        T(test_memory_is_limited),
        T(test_sensitive_answers_lie_in_secret_memory),
        T(test_bad_driver),
        T(test_parsed_form_is_kept),
        T(test_service_clear),
        T(test_foreign_service),
        T(test_headers_are_clean),
        T(test_headers_of_the_registry_come_first),
        T(test_headers_are_renewed_for_a_retry),
        T(test_what_the_call_finds_retriable),
        T(test_forgetting_one_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
