/* own.c: drivers of the application: what they are given, what becomes of what they return. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/secret.h"
#include "kms/kms.h"
#include <schloss/ext/kms.h>
#include <stdlib.h>

/* A KMS that turns bits round, asked over HTTP: POST https://kms.test/KEY with the body to be turned. */
typedef struct flip {
    schloss_rc returns; /* when not 0: instead of a result */
    bool forgets_result, puts_twice;
    size_t out_len; /* when not 0: length of the result */
    int calls;
    char last_setting[64];
} flip_t;

static schloss_rc flip(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err) {
    flip_t *f = user;
    f->calls++;
    const char *setting = schloss_kms_setting(op, "acme.token");
    (void)snprintf(f->last_setting, sizeof f->last_setting, "%s", setting == NULL ? "none" : setting);
    assert_true(schloss_kms_now_ms(op) == 77);
    if (f->returns != 0) {
        return f->returns;
    }
    char url[128];
    (void)snprintf(url, sizeof url, "https://kms.test/%s", schloss_kms_key_id(op));
    schloss_http_header_t h = {"X-Acme", "yes"};
    schloss_http_request_t req = {.method = "POST", .url = url, .headers = &h, .n_headers = 1, .body = in};
    int status = 0;
    schloss_bytes_t body;
    schloss_rc rc = schloss_kms_call(op, &req, &status, &body, err);
    if (rc != 0) {
        return rc;
    }
    if (status != 200) {
        return schloss_error_set(err, SCHLOSS_E_KMS_DENIED, "acme says no");
    }
    static uint8_t out[1 << 20];
    for (size_t i = 0; i < body.len; i++) {
        out[i] = (uint8_t)~body.ptr[i];
    }
    if (f->forgets_result) {
        return 0;
    }
    rc = schloss_kms_put(op, out, f->out_len != 0 ? f->out_len : body.len, err);
    return rc == 0 && f->puts_twice ? schloss_kms_put(op, out, body.len, err) : rc;
}

static flip_t the_flip;

/* ---- a transport that sends the body back ---- */

typedef struct echo {
    int status, requests;
    char url[128];
    bool has_header, sensitive;
    uint8_t body[256];
} echo_t;

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    (void)err;
    echo_t *e = user;
    e->requests++;
    (void)snprintf(e->url, sizeof e->url, "%s", req->url);
    e->has_header = req->n_headers == 1 && strcmp(req->headers[0].name, "X-Acme") == 0;
    e->sensitive = req->sensitive;
    memcpy(e->body, req->body.ptr, req->body.len);
    *out = (schloss_http_response_t){.status = e->status, .body = e->body, .body_len = req->body.len};
    return 0;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    (void)out;
}

/* ---- one prepare ---- */

typedef struct fix {
    kms_key_t key;
    echo_t echo;
    bool wrap;
    buf_t wrapped;
    uint8_t *plain;
    size_t cap, plain_len;
    schloss_error_t err;
} fix_t;

static const char *setting(void *user, const char *name) {
    (void)user;
    return strcmp(name, "acme.token") == 0 ? "t0ken" : NULL;
}

static int64_t now(void *user) {
    (void)user;
    return 77;
}

static schloss_rc logic(void *arg, io_t *io, schloss_error_t *err) {
    fix_t *f = arg;
    return f->wrap ? kms_wrap(&f->key, io, bytes("plain key", 9), &f->wrapped, err)
                   : kms_unwrap(&f->key, io, bytes("wrapped", 7), f->plain, f->cap, &f->plain_len, err);
}

static schloss_rc run(fix_t *f, bool wrap) {
    const schloss_transport_t t = {sizeof t, &f->echo, perform, release, NULL};
    io_t *io = NULL;
    f->wrap = wrap;
    f->plain_len = 0;
    f->echo.requests = 0;
    memset(&f->err, 0, sizeof f->err);
    buf_reset(&f->wrapped);
    assert_int_equal(io_new(&io, NULL), 0);
    schloss_rc rc = io_run(io, &t, logic, f, &f->err);
    io_free(io);
    assert_int_equal(rc, f->err.code);
    return rc;
}

static int set_up(void **state) {
    fix_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    void *p = NULL;
    assert_int_equal(secret_alloc(256, &p, NULL), 0);
    f->plain = p;
    f->cap = 256;
    f->echo.status = 200;
    f->key = (kms_key_t){"Acme-KMS", "k1", {setting, NULL}, {now, NULL}};
    buf_init(&f->wrapped, 1 << 17, "wrapped", false);
    memset(&the_flip, 0, sizeof the_flip);
    schloss_kms_driver_t d = {sizeof d, "acme-kms", &the_flip, flip, flip};
    assert_int_equal(schloss_kms_register(&d, NULL), 0); /* again and again: it replaces itself */
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fix_t *f = *state;
    secret_free(f->plain);
    buf_clear(&f->wrapped);
    free(f);
    return 0;
}

static void test_round(void **state) {
    fix_t *f = *state;
    assert_int_equal(run(f, true), 0);
    assert_int_equal(f->wrapped.len, 9);
    assert_int_equal(f->wrapped.ptr[0], (uint8_t) ~'p');
    assert_string_equal(f->echo.url, "https://kms.test/k1");
    assert_true(f->echo.has_header && f->echo.sensitive);
    assert_int_equal(f->echo.requests, 1);
    assert_int_equal(the_flip.calls, 2); /* from the top again once the answer is there */
    assert_string_equal(the_flip.last_setting, "t0ken");
    assert_int_equal(run(f, false), 0);
    assert_int_equal(f->plain_len, 7);
    assert_int_equal(f->plain[0], (uint8_t) ~'w');
}

static void test_errors_of_the_driver(void **state) {
    fix_t *f = *state;
    f->echo.status = 403;
    assert_int_equal(run(f, true), SCHLOSS_E_KMS_DENIED);
    assert_non_null(strstr(f->err.message, "acme says no"));
    assert_int_equal(f->wrapped.len, 0);
    f->echo.status = 200;
    the_flip.returns = SCHLOSS_E_KMS_KEY_DISABLED; /* without a text of its own */
    assert_int_equal(run(f, false), SCHLOSS_E_KMS_KEY_DISABLED);
    assert_non_null(strstr(f->err.message, "Acme-KMS://k1"));
    the_flip.returns = -4242;
    assert_int_equal(run(f, false), SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(run(f, true), SCHLOSS_E_WRAP_FAILED);
    the_flip.returns = 17;
    assert_int_equal(run(f, true), SCHLOSS_E_WRAP_FAILED);
    the_flip.returns = 0;
    the_flip.forgets_result = true;
    assert_int_equal(run(f, true), SCHLOSS_E_WRAP_FAILED);
    assert_true(f->err.hint[0] != '\0');
    the_flip.forgets_result = false;
    the_flip.puts_twice = true;
    assert_int_equal(run(f, false), SCHLOSS_E_INVALID_STATE);
    assert_int_equal(f->plain_len, 0);
    assert_int_equal(f->plain[0], 0); /* what was put is wiped */
}

static void test_limits(void **state) {
    fix_t *f = *state;
    the_flip.out_len = 128;
    assert_int_equal(run(f, false), 0);
    assert_int_equal(f->plain_len, 128);
    the_flip.out_len = 129;
    assert_int_equal(run(f, false), SCHLOSS_E_LIMIT_EXCEEDED);
    the_flip.out_len = 100;
    f->cap = 99;
    assert_int_equal(run(f, false), SCHLOSS_E_LIMIT_EXCEEDED);
    the_flip.out_len = 65536;
    assert_int_equal(run(f, true), 0);
    the_flip.out_len = 65537;
    assert_int_equal(run(f, true), SCHLOSS_E_LIMIT_EXCEEDED);
}

static void test_arguments(void **state) {
    (void)state;
    schloss_error_t err = {0};
    schloss_kms_driver_t d = {sizeof d, "x", NULL, flip, flip};
    assert_int_equal(schloss_kms_register(NULL, &err), SCHLOSS_E_INVALID_ARGUMENT);
    d.size = 4;
    assert_int_equal(schloss_kms_register(&d, &err), SCHLOSS_E_INVALID_ARGUMENT);
    d.size = sizeof d;
    d.type = "";
    assert_int_equal(schloss_kms_register(&d, &err), SCHLOSS_E_INVALID_ARGUMENT);
    d.type = "a://b";
    assert_int_equal(schloss_kms_register(&d, &err), SCHLOSS_E_INVALID_ARGUMENT);
    d.type = "x";
    d.wrap = NULL;
    assert_int_equal(schloss_kms_register(&d, &err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_kms_call(NULL, NULL, NULL, NULL, &err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_kms_put(NULL, "", 0, &err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_null(schloss_kms_setting(NULL, "x"));
    assert_null(schloss_kms_key_id(NULL));
}

static void test_known_types_are_replaced(void **state) {
    fix_t *f = *state;
    schloss_kms_driver_t d = {sizeof d, "LOCAL-kms", &the_flip, flip, flip};
    assert_ptr_equal(kms_driver_find("local-kms"), &kms_local);
    assert_int_equal(schloss_kms_register(&d, NULL), 0);
    f->key.kms_type = "local-kms";
    assert_int_equal(run(f, true), 0);
    assert_int_equal(f->wrapped.len, 9);
}

/* Last: what it fills stays full. */
static void test_table_is_bounded(void **state) {
    (void)state;
    schloss_error_t err = {0};
    schloss_rc rc = 0;
    int n = 0;
    for (; n < 40 && rc == 0; n++) {
        char type[32];
        (void)snprintf(type, sizeof type, "type-%d", n);
        schloss_kms_driver_t d = {sizeof d, type, NULL, flip, flip};
        rc = schloss_kms_register(&d, &err);
    }
    assert_int_equal(rc, SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(n, 32 - 2 + 1);
    assert_non_null(kms_driver_find("type-5"));
    size_t types = 0;
    bool found = false;
    for (const char *const *t = kms_driver_types(); *t != NULL; t++, types++) {
        found = found || strcmp(*t, "type-29") == 0;
    }
    assert_true(types >= 33 && found);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_round),     T(test_errors_of_the_driver),     T(test_limits),
        T(test_arguments), T(test_known_types_are_replaced), T(test_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
