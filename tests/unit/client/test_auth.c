/* Bearer tokens: fetched by the io that needs one, kept until shortly before their end, replaced when refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/secret.h"
#include "client/auth.h"
#include "client/registry.h"
#include <string.h>
#include <time.h>

#define TOKEN_URL "http://issuer.test/token"
#define SCHEMA_URL "http://r.test/subjects/s/versions/latest"
#define SCHEMA "{\"id\":1,\"schema\":\"1\"}"

static char base[] = "http://r.test";
static char *bases[] = {base};
static const schloss_tls_t tls;

typedef struct bench {
    sr_auth_t *auth;
    http_service_t svc;
    schloss_error_t err;
    char log[2048], token_body[256], token_headers[512], authorization[256];
    const char *token_answer;
    int token_status, schema_status, n_tokens;
} bench_t;

static void open_bench(bench_t *b, const sr_auth_conf_t *conf) {
    memset(b, 0, sizeof(*b));
    b->token_status = b->schema_status = 200;
    b->token_answer = "{\"access_token\":\"abc\",\"expires_in\":3600}";
    assert_int_equal(sr_auth_new(&b->auth, conf, &b->err), 0);
    b->svc = (http_service_t){.urls = bases, .n_urls = 1, .auth = b->auth};
}

static void close_bench(bench_t *b) {
    sr_auth_free(b->auth);
    assert_int_equal(secret_in_use(), 0);
}

static void answer(bench_t *b, io_t *io) {
    const schloss_http_request_t *r = io_request(io);
    assert_non_null(r);
    (void)snprintf(b->log + strlen(b->log), sizeof(b->log) - strlen(b->log), "%s %s\n", r->method, r->url);
    bool is_token = strncmp(r->url, "http://r.test", 13) != 0;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (is_token) {
            size_t at = strlen(b->token_headers);
            (void)snprintf(b->token_headers + at, sizeof(b->token_headers) - at, "%s: %s\n", r->headers[i].name,
                           r->headers[i].value);
        } else if (strcmp(r->headers[i].name, "Authorization") == 0) {
            (void)snprintf(b->authorization, sizeof(b->authorization), "%s", r->headers[i].value);
        }
    }
    const char *body = SCHEMA;
    int status = b->schema_status;
    if (is_token) {
        b->n_tokens++;
        assert_true(r->sensitive);
        assert_non_null(r->tls);
        (void)snprintf(b->token_body, sizeof(b->token_body), "%.*s", (int)r->body.len, (const char *)r->body.ptr);
        body = b->token_answer;
        status = b->token_status;
    }
    assert_int_equal(io_feed(io, status, bytes(body, strlen(body)), 0, &b->err), 0);
}

static schloss_rc ask(bench_t *b) {
    io_t *io = NULL;
    sr_schema_t *s = NULL;
    schloss_rc rc = 0;
    assert_int_equal(io_new(&io, &b->err), 0);
    for (int i = 0; i < 10 && (rc = sr_get_latest(io, &b->svc, "s", &s, &b->err)) == SCHLOSS_NEED_IO; i++) {
        answer(b, io);
    }
    if (rc == 0) {
        sr_schema_unref(s);
    }
    io_free(io);
    return rc;
}

static const sr_auth_conf_t oauth = {
    .fresh_ms = 10000, .url = TOKEN_URL, .client_id = "my app", .secret = "p:w", .scope = "a b", .tls = &tls};

static void client_credentials_give_a_token_that_is_kept(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, &oauth);
    assert_int_equal(ask(&b), 0);
    assert_int_equal(ask(&b), 0);
    assert_string_equal(b.log, "POST " TOKEN_URL "\nGET " SCHEMA_URL "\nGET " SCHEMA_URL "\n");
    assert_string_equal(b.token_body, "grant_type=client_credentials&scope=a%20b");
    assert_non_null(strstr(b.token_headers, "Authorization: Basic bXklMjBhcHA6cCUzQXc=\n"));
    assert_non_null(strstr(b.token_headers, "Content-Type: application/x-www-form-urlencoded\n"));
    assert_null(strstr(b.token_headers, "Confluent")); /* the issuer is no registry */
    assert_string_equal(b.authorization, "Bearer abc");
    close_bench(&b);
}

static void a_metadata_service_is_asked_with_get(void **state) {
    (void)state;
    bench_t b;
    sr_auth_conf_t conf = {.url = "http://169.254.169.254/token?resource=x", .tls = &tls};
    open_bench(&b, &conf);
    b.token_answer = "{\"expires_in\":\"86399\",\"access_token\":\"azure\"}";
    assert_int_equal(ask(&b), 0);
    assert_string_equal(b.log, "GET http://169.254.169.254/token?resource=x\nGET " SCHEMA_URL "\n");
    assert_string_equal(b.token_headers, "Metadata: true\n");
    assert_string_equal(b.authorization, "Bearer azure");
    assert_int_equal(ask(&b), 0);
    assert_int_equal(b.n_tokens, 1);
    close_bench(&b);
}

static void a_token_ends_before_its_time(void **state) {
    (void)state;
    bench_t b;
    sr_auth_conf_t conf = oauth;
    conf.margin_ms = 3599999; /* of an hour */
    open_bench(&b, &conf);
    assert_int_equal(ask(&b), 0);
    struct timespec nap = {0, 5000000};
    nanosleep(&nap, NULL);
    assert_int_equal(ask(&b), 0);
    assert_int_equal(b.n_tokens, 2);
    b.token_answer = "{\"access_token\":\"short\",\"expires_in\":2}"; /* shorter than the margin: used by half */
    nanosleep(&nap, NULL);
    assert_int_equal(ask(&b), 0);
    assert_int_equal(ask(&b), 0);
    assert_int_equal(b.n_tokens, 3);
    close_bench(&b);
}

static void what_is_no_token_is_refused(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body, *says;
    } t[] = {
        {401, "{\"error\":\"invalid_client\"}", "HTTP 401"},
        {400, "", "HTTP 400"},
        {200, "", "no access_token"},
        {200, "[]", "no access_token"},
        {200, "{\"access_token\":7}", "no access_token"},
        {200, "{\"access_token\":\"\"}", "none"},
        {200, "{\"access_token\":\"a\\r\\nEvil: 1\"}", "none"},
        {200, "{\"access_token\":\"a b\"}", "none"},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        bench_t b;
        open_bench(&b, &oauth);
        b.token_status = t[i].status;
        b.token_answer = t[i].body;
        assert_int_equal(ask(&b), SCHLOSS_E_UNAUTHENTICATED);
        assert_non_null(strstr(b.err.message, t[i].says));
        assert_null(strstr(b.err.message, "p:w"));
        assert_non_null(strstr(b.err.hint, "bearer.auth.client.id"));
        close_bench(&b);
    }
}

/* A young token that the registry refuses is not fetched again: it would be refused again. */
static void a_refused_young_token_ends_the_call(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, &oauth);
    b.schema_status = 401;
    assert_int_equal(ask(&b), SCHLOSS_E_UNAUTHENTICATED);
    assert_int_equal(b.n_tokens, 1);
    close_bench(&b);
}

/* Two calls under way with the same token: whoever hears second that it is over takes what the first has fetched. */
static void a_token_that_another_call_replaced_is_no_refusal(void **state) {
    (void)state;
    bench_t b;
    io_t *io = NULL;
    sr_schema_t *s = NULL;
    sr_auth_conf_t conf = oauth;
    conf.margin_ms = 3599999; /* of an hour: over in a millisecond */
    open_bench(&b, &conf);
    assert_int_equal(io_new(&io, &b.err), 0);
    assert_int_equal(sr_get_latest(io, &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
    answer(&b, io); /* token abc */
    assert_int_equal(sr_get_latest(io, &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
    struct timespec nap = {0, 5000000};
    nanosleep(&nap, NULL);
    b.token_answer = "{\"access_token\":\"new\",\"expires_in\":7200}";
    assert_int_equal(ask(&b), 0);
    b.schema_status = 401;
    answer(&b, io); /* abc is refused */
    b.schema_status = 200;
    assert_int_equal(sr_get_latest(io, &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
    answer(&b, io);
    assert_string_equal(b.authorization, "Bearer new");
    assert_int_equal(sr_get_latest(io, &b.svc, "s", &s, &b.err), 0);
    assert_int_equal(b.n_tokens, 2);
    sr_schema_unref(s);
    io_free(io);
    close_bench(&b);
}

/* The same, but the first has not got its new token yet. */
static void a_token_that_another_call_is_replacing_is_no_refusal(void **state) {
    (void)state;
    bench_t b;
    io_t *io[2];
    sr_schema_t *s = NULL;
    sr_auth_conf_t conf = oauth;
    conf.fresh_ms = 1;
    open_bench(&b, &conf);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(io_new(&io[i], &b.err), 0);
        assert_int_equal(sr_get_latest(io[i], &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
        if (i == 0) {
            answer(&b, io[i]); /* token abc */
            assert_int_equal(sr_get_latest(io[i], &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
        }
    }
    struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL);
    b.schema_status = 401;
    answer(&b, io[0]);
    answer(&b, io[1]);
    b.schema_status = 200;
    b.token_answer = "{\"access_token\":\"new\",\"expires_in\":3600}";
    for (int i = 0; i < 2; i++) { /* both ask for a token: the first is not there when the second looks */
        assert_int_equal(sr_get_latest(io[i], &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
        assert_string_equal(io_request(io[i])->url, TOKEN_URL);
    }
    for (int i = 0; i < 2; i++) {
        answer(&b, io[i]);
        assert_int_equal(sr_get_latest(io[i], &b.svc, "s", &s, &b.err), SCHLOSS_NEED_IO);
        answer(&b, io[i]);
        assert_string_equal(b.authorization, "Bearer new");
        assert_int_equal(sr_get_latest(io[i], &b.svc, "s", &s, &b.err), 0);
        sr_schema_unref(s);
        io_free(io[i]);
    }
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_credentials_give_a_token_that_is_kept),
        cmocka_unit_test(a_metadata_service_is_asked_with_get),
        cmocka_unit_test(a_token_ends_before_its_time),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_refused_young_token_ends_the_call),
        cmocka_unit_test(a_token_that_another_call_replaced_is_no_refusal),
        cmocka_unit_test(a_token_that_another_call_is_replacing_is_no_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
