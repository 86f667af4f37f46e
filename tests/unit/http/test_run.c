/* run.c: the blocking driver over a scripted transport. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/time.h"
#include "http/io.h"

typedef struct step {
    schloss_rc rc; /* of perform */
    int status;
    const char *body;
    uint32_t retry_after_ms;
} step_t;

typedef struct script {
    const step_t *steps;
    size_t n, at;
    int open; /* answers not released */
} script_t;

static schloss_rc script_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                                 schloss_error_t *err) {
    script_t *s = user;
    assert_non_null(req->url);
    assert_true(s->at < s->n);
    const step_t *step = &s->steps[s->at++];
    if (step->rc != SCHLOSS_OK) {
        return err_set(err, step->rc, "as scripted");
    }
    s->open++;
    out->status = step->status;
    out->body = (uint8_t *)(uintptr_t)step->body;
    out->body_len = strlen(step->body);
    out->retry_after_ms = step->retry_after_ms;
    out->opaque = s;
    return SCHLOSS_OK;
}

static void script_release(void *user, schloss_http_response_t *out) {
    script_t *s = user;
    assert_ptr_equal(out->opaque, s);
    s->open--;
}

static char base_url[] = "http://r.test";
static char *base_urls[] = {base_url};

typedef struct job {
    http_service_t svc;
    int runs, waits;
    char seen[64];
    schloss_rc end;
} job_t;

/* Asks for /1, then /2, and keeps the bodies. */
static schloss_rc two_calls(void *arg, io_t *io, schloss_error_t *err) {
    job_t *j = arg;
    j->runs++;
    if (j->waits > 0) {
        j->waits--;
        return SCHLOSS_NEED_WAIT; /* for something that is not ours */
    }
    io_answer_t a;
    io_answer_t b;
    io_call_t one = {.method = "GET", .path = "/1"};
    io_call_t two = {.method = "GET", .path = "/2"};
    TRY(io_call(io, &j->svc, &one, &a, err));
    TRY(io_call(io, &j->svc, &two, &b, err));
    (void)snprintf(j->seen, sizeof j->seen, "%d %.*s %d %.*s", a.status, (int)a.body.len, (const char *)a.body.ptr,
                   b.status, (int)b.body.len, (const char *)b.body.ptr);
    return j->end == 0 ? SCHLOSS_OK : err_set(err, j->end, "the end");
}

static schloss_rc run(script_t *s, job_t *j, schloss_error_t *err) {
    j->svc = (http_service_t){.urls = base_urls,
                              .n_urls = 1,
                              .max_retries = 2,
                              .retries_wait_ms = 1,
                              .retries_max_wait_ms = 250,
                              .timeout_ms = 1000};
    schloss_transport_t t = {sizeof t, s, script_perform, script_release, NULL};
    io_t *io = NULL;
    assert_int_equal(io_new(&io, err), 0);
    schloss_rc rc = io_run(io, &t, two_calls, j, err);
    io_free(io);
    assert_int_equal(s->open, 0);
    return rc;
}

static void test_runs_to_the_end(void **state) {
    (void)state;
    static const step_t steps[] = {{0, 200, "one", 0}, {0, 503, "", 0}, {SCHLOSS_E_IO, 0, "", 0}, {0, 404, "none", 0}};
    script_t s = {steps, COUNT_OF(steps), 0, 0};
    job_t j = {.waits = 3};
    schloss_error_t err = {0};
    assert_int_equal(run(&s, &j, &err), 0);
    assert_int_equal(s.at, 4);
    assert_string_equal(j.seen, "200 one 404 none");
    assert_true(j.runs >= 3 + 1 + 4);
}

static void test_error_of_the_logic(void **state) {
    (void)state;
    static const step_t steps[] = {{0, 200, "", 0}, {0, 200, "", 0}};
    script_t s = {steps, COUNT_OF(steps), 0, 0};
    job_t j = {.end = SCHLOSS_E_REGISTRY_ANSWER};
    schloss_error_t err = {0};
    assert_int_equal(run(&s, &j, &err), SCHLOSS_E_REGISTRY_ANSWER);
    assert_string_equal(err.message, "the end");
}

static void test_failure_of_the_transport(void **state) {
    (void)state;
    static const step_t steps[] = {{0, 200, "", 0}, {SCHLOSS_E_TLS, 0, "", 0}};
    script_t s = {steps, COUNT_OF(steps), 0, 0};
    job_t j = {0};
    schloss_error_t err = {0};
    assert_int_equal(run(&s, &j, &err), SCHLOSS_E_TLS);
    assert_int_equal(s.at, 2);
    assert_non_null(strstr(err.message, "as scripted"));
    assert_string_equal(err.url, "http://r.test/2");
}

static void test_transport_with_nonsense_code(void **state) {
    (void)state;
    static const step_t steps[] = {
        {SCHLOSS_NEED_KEY, 0, "", 0}, {SCHLOSS_NEED_KEY, 0, "", 0}, {SCHLOSS_NEED_KEY, 0, "", 0}};
    script_t s = {steps, COUNT_OF(steps), 0, 0};
    job_t j = {0};
    schloss_error_t err = {0};
    assert_int_equal(run(&s, &j, &err), SCHLOSS_E_IO);
    assert_int_equal(s.at, 3);
}

static void test_waits_as_long_as_asked(void **state) {
    (void)state;
    static const step_t steps[] = {{0, 429, "", 150}, {0, 200, "a", 0}, {0, 200, "b", 0}};
    script_t s = {steps, COUNT_OF(steps), 0, 0};
    job_t j = {0};
    schloss_error_t err = {0};
    int64_t began = time_mono_ms();
    assert_int_equal(run(&s, &j, &err), 0);
    assert_in_range(time_mono_ms() - began, 130, 5000);
    assert_string_equal(j.seen, "200 a 200 b");
}

static schloss_rc lying_logic(void *arg, io_t *io, schloss_error_t *err) {
    (void)arg;
    (void)io;
    (void)err;
    return SCHLOSS_NEED_IO;
}

static void test_logic_without_request(void **state) {
    (void)state;
    schloss_error_t err = {0};
    io_t *io = NULL;
    schloss_transport_t t = {sizeof t, NULL, script_perform, script_release, NULL};
    assert_int_equal(io_new(&io, &err), 0);
    assert_int_equal(io_run(io, &t, lying_logic, NULL, &err), SCHLOSS_E_INVALID_STATE);
    io_free(io);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_to_the_end),          cmocka_unit_test(test_error_of_the_logic),
        cmocka_unit_test(test_failure_of_the_transport), cmocka_unit_test(test_transport_with_nonsense_code),
        cmocka_unit_test(test_waits_as_long_as_asked),   cmocka_unit_test(test_logic_without_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
