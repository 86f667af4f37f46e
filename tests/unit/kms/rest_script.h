/* A scripted service for the drivers over kms/rest.h: what it answers in which order, what it was asked. The last step
 * repeats. Errors are looked at in every run: they name the key, carry one hint, and no secret. */
#ifndef UNIT_KMS_REST_SCRIPT_H
#define UNIT_KMS_REST_SCRIPT_H

#include "base/secret.h"
#include "kms/kms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 16
#define PLAIN "key message"
#define PLAIN_B64 "a2V5IG1lc3NhZ2U="

typedef struct step {
    int status; /* negative: an error code of the transport */
    const char *body;
} step_t;

typedef struct asked {
    char method[8], url[512], body[4096], headers[8192];
    bool direct, sensitive, has_tls;
} asked_t;

typedef struct script {
    step_t steps[STEPS_MAX];
    size_t n_steps;
    asked_t asked[STEPS_MAX];
    size_t n_asked;
    const char *settings[32]; /* NAME, VALUE, ..., NULL */
    int64_t now_ms;
    kms_key_t key;
    const kms_driver_t *driver;
    schloss_error_t err;
    bytes_t to_unwrap;
    buf_t wrapped;
    uint8_t *plain;
    size_t plain_len;
} script_t;

static const char *script_setting(void *user, const char *name) {
    const script_t *s = user;
    for (size_t i = 0; s->settings[i] != NULL; i += 2) {
        if (strcmp(s->settings[i], name) == 0) {
            return s->settings[i + 1];
        }
    }
    return NULL;
}

static int64_t script_now(void *user) {
    return ((script_t *)user)->now_ms;
}

static schloss_rc script_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                                 schloss_error_t *err) {
    script_t *s = user;
    assert_true(s->n_asked < STEPS_MAX);
    assert_true(s->n_steps > 0);
    asked_t *a = &s->asked[s->n_asked];
    const step_t *step = &s->steps[s->n_asked < s->n_steps ? s->n_asked : s->n_steps - 1];
    s->n_asked++;
    memset(a, 0, sizeof *a);
    (void)snprintf(a->method, sizeof a->method, "%s", req->method);
    (void)snprintf(a->url, sizeof a->url, "%s", req->url);
    (void)snprintf(a->body, sizeof a->body, "%.*s", (int)req->body.len,
                   req->body.len == 0 ? "" : (const char *)req->body.ptr);
    size_t n = 0;
    for (size_t i = 0; i < req->n_headers; i++) {
        n += (size_t)snprintf(a->headers + n, sizeof a->headers - n, "%s: %s\n", req->headers[i].name,
                              req->headers[i].value);
        assert_true(n < sizeof a->headers);
    }
    a->direct = req->direct;
    a->sensitive = req->sensitive;
    a->has_tls = req->tls != NULL;
    assert_true(a->sensitive && a->has_tls);
    if (step->status < 0) {
        return err_set(err, step->status, "scripted failure");
    }
    out->status = step->status;
    out->body = (uint8_t *)(uintptr_t)step->body;
    out->body_len = strlen(step->body);
    return SCHLOSS_OK;
}

static void script_release(void *user, schloss_http_response_t *out) {
    (void)user;
    (void)out;
}

static schloss_rc script_wrap(void *arg, io_t *io, schloss_error_t *err) {
    script_t *s = arg;
    size_t before = s->wrapped.len;
    schloss_rc rc = s->driver->wrap(&s->key, io, bytes(PLAIN, strlen(PLAIN)), &s->wrapped, err);
    if (rc != SCHLOSS_OK) {
        s->wrapped.len = before;
    }
    return rc;
}

static schloss_rc script_unwrap(void *arg, io_t *io, schloss_error_t *err) {
    script_t *s = arg;
    return s->driver->unwrap(&s->key, io, s->to_unwrap, s->plain, 128, &s->plain_len, err);
}

/* One prepare: wraps, or else unwraps, with the steps as they stand. */
static schloss_rc script_run(script_t *s, bool wrap) {
    const schloss_transport_t t = {sizeof t, s, script_perform, script_release, NULL};
    io_t *io = NULL;
    s->n_asked = 0;
    s->plain_len = 0;
    memset(&s->err, 0, sizeof s->err);
    buf_reset(&s->wrapped);
    assert_int_equal(io_new(&io, &s->err), 0);
    schloss_rc rc = io_run(io, &t, wrap ? script_wrap : script_unwrap, s, &s->err);
    io_free(io);
    if (rc != SCHLOSS_OK) {
        assert_int_equal(s->err.code, rc);
        assert_true(s->err.hint[0] != '\0');
        assert_non_null(strstr(s->err.message, s->key.key_id));
        assert_null(strstr(s->err.message, PLAIN));
        assert_null(strstr(s->err.message, "SECRET"));
        assert_null(strstr(s->err.hint, "SECRET"));
    }
    return rc;
}

/* The run ends in rc, and its retry decision is that of the table in the headers of the codes. */
static void script_fails(script_t *s, bool wrap, schloss_rc rc) {
    schloss_rc got = script_run(s, wrap);
    if (got != rc) {
        print_error("%s instead of %s: %s\n", schloss_rc_name(got), schloss_rc_name(rc), s->err.message);
    }
    assert_int_equal(got, rc);
    bool retriable = rc == SCHLOSS_E_KMS_BUSY || rc == SCHLOSS_E_KMS_ANSWER || rc == SCHLOSS_E_TIMEOUT ||
                     rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_IO;
    assert_int_equal(schloss_error_is_retriable(&s->err), retriable);
}

static void script_steps(script_t *s, const step_t *steps, size_t n) {
    assert_true(n <= STEPS_MAX);
    memcpy(s->steps, steps, n * sizeof *steps);
    s->n_steps = n;
}

#define STEPS(s, ...) script_steps((s), (const step_t[]){__VA_ARGS__}, sizeof((step_t[]){__VA_ARGS__}) / sizeof(step_t))

static void script_settings(script_t *s, const char *const *settings, size_t n) {
    assert_true(n < COUNT_OF(s->settings) && n % 2 == 0);
    memset(s->settings, 0, sizeof s->settings);
    memcpy(s->settings, settings, n * sizeof *settings);
}

#define SETTINGS(s, ...)                                                                                               \
    script_settings((s), (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* ---- every allocation fails once ---- */

static unsigned long script_fail_at, script_seen;

static bool script_fault(void *user) {
    (void)user;
    return ++script_seen == script_fail_at;
}

/* The run, which works with these steps and no remembered token, for each n with its n-th allocation failing. */
static void script_sweep(script_t *s, bool wrap) {
    for (script_fail_at = 1;; script_fail_at++) {
        const schloss_transport_t t = {sizeof t, s, script_perform, script_release, NULL};
        io_t *io = NULL;
        memset(&s->err, 0, sizeof s->err);
        buf_clear(&s->wrapped);
        s->n_asked = 0;
        s->now_ms += 40 * (int64_t)86400000; /* no token lives that long */
        script_seen = 0;
        mem_set_fault(script_fault, NULL);
        schloss_rc rc = io_new(&io, &s->err);
        rc = rc == SCHLOSS_OK ? io_run(io, &t, wrap ? script_wrap : script_unwrap, s, &s->err) : rc;
        mem_set_fault(NULL, NULL);
        io_free(io);
        if (rc != SCHLOSS_OK && rc != SCHLOSS_E_NO_MEMORY) {
            print_error("allocation %lu: %s: %s\n", script_fail_at, schloss_rc_name(rc), s->err.message);
        }
        /* What is remembered only if there is memory may be forgotten; all else is an error. */
        assert_true(rc == SCHLOSS_OK || rc == SCHLOSS_E_NO_MEMORY);
        if (script_seen < script_fail_at) {
            assert_int_equal(rc, SCHLOSS_OK);
            break;
        }
    }
    assert_true(script_fail_at > 10);
}

static script_t *script_new(const kms_driver_t *driver, const char *key_id) {
    static const char *const drop[] = {"AZURE_TENANT_ID",
                                       "AZURE_CLIENT_ID",
                                       "AZURE_CLIENT_SECRET",
                                       "AZURE_FEDERATED_TOKEN_FILE",
                                       "AZURE_AUTHORITY_HOST",
                                       "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                       "IDENTITY_ENDPOINT",
                                       "IDENTITY_HEADER",
                                       "GOOGLE_APPLICATION_CREDENTIALS",
                                       "GCE_METADATA_HOST",
                                       "CLOUDSDK_CONFIG",
                                       "VAULT_TOKEN",
                                       "VAULT_NAMESPACE",
                                       "VAULT_APPROLE_ROLE_ID",
                                       "VAULT_APPROLE_SECRET_ID",
                                       "VAULT_CACERT",
                                       "VAULT_CLIENT_CERT",
                                       "VAULT_CLIENT_KEY"};
    for (size_t i = 0; i < COUNT_OF(drop); i++) {
        assert_int_equal(unsetenv(drop[i]), 0);
    }
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    script_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    buf_init(&s->wrapped, 1 << 16, "wrapped", false);
    void *p = NULL;
    assert_int_equal(secret_alloc(128, &p, &s->err), 0);
    s->plain = p;
    /* Tests share the process's token cache; each begins forty days after the one before it. */
    static int64_t day = 1767225600000; /* 2026-01-01 */
    s->now_ms = day += 40 * (int64_t)86400000;
    s->driver = driver;
    s->key = (kms_key_t){driver->type, key_id, {script_setting, s}, {script_now, s}};
    return s;
}

static int script_tear_down(void **state) {
    script_t *s = *state;
    buf_clear(&s->wrapped);
    secret_free(s->plain);
    free(s);
    return 0;
}

#endif
