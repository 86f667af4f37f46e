/* A scripted AWS: what it answers in which order, what it was asked. For test_driver.c and test_credentials.c. */
#ifndef UNIT_KMS_AWS_SCRIPT_H
#define UNIT_KMS_AWS_SCRIPT_H

#include "base/secret.h"
#include "kms/kms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 24

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
    asked_t asked[STEPS_MAX];
    size_t n_asked;
    const char *settings[32]; /* NAME, VALUE, ..., NULL */
    int64_t now_ms;
    kms_key_t key;
    schloss_error_t err;
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
    asked_t *a = &s->asked[s->n_asked];
    const step_t *step = &s->steps[s->n_asked++];
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
    if (step->status < 0) {
        return err_set(err, step->status, "scripted failure");
    }
    if (step->body == NULL) {
        print_error("no step %zu for %s %s %s\n", s->n_asked - 1, req->method, req->url, a->body);
    }
    assert_non_null(step->body);
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
    return kms_wrap(&s->key, io, bytes("key message", 11), &s->wrapped, err);
}

static schloss_rc script_unwrap(void *arg, io_t *io, schloss_error_t *err) {
    script_t *s = arg;
    return kms_unwrap(&s->key, io, bytes("wrapped", 7), s->plain, 128, &s->plain_len, err);
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
        assert_null(strstr(s->err.message, "key message"));
        assert_null(strstr(s->err.message, "SECRET"));
        assert_null(strstr(s->err.hint, "SECRET"));
    }
    return rc;
}

static void script_steps(script_t *s, const step_t *steps, size_t n) {
    memset(s->steps, 0, sizeof s->steps);
    memcpy(s->steps, steps, n * sizeof *steps);
}

#define STEPS(s, ...) script_steps((s), (const step_t[]){__VA_ARGS__}, sizeof((step_t[]){__VA_ARGS__}) / sizeof(step_t))

static void script_settings(script_t *s, const char *const *settings, size_t n) {
    assert_true(n < COUNT_OF(s->settings) && n % 2 == 0);
    memset(s->settings, 0, sizeof s->settings);
    memcpy(s->settings, settings, n * sizeof *settings);
}

#define SETTINGS(s, ...)                                                                                               \
    script_settings((s), (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static int script_set_up(void **state) {
    script_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    static const char *const drop[] = {"AWS_ACCESS_KEY_ID",
                                       "AWS_SECRET_ACCESS_KEY",
                                       "AWS_SESSION_TOKEN",
                                       "AWS_PROFILE",
                                       "AWS_ROLE_ARN",
                                       "AWS_ROLE_SESSION_NAME",
                                       "AWS_ROLE_EXTERNAL_ID",
                                       "AWS_WEB_IDENTITY_TOKEN_FILE",
                                       "AWS_ENDPOINT_URL",
                                       "AWS_ENDPOINT_URL_KMS",
                                       "AWS_ENDPOINT_URL_STS",
                                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                       "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                       "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                       "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                       "AWS_SHARED_CREDENTIALS_FILE",
                                       "AWS_CONFIG_FILE",
                                       "AWS_CA_BUNDLE"};
    for (size_t i = 0; i < COUNT_OF(drop); i++) {
        assert_int_equal(unsetenv(drop[i]), 0);
    }
    assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "true", 1), 0);
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    buf_init(&s->wrapped, 1 << 16, "wrapped", false);
    void *p = NULL;
    assert_int_equal(secret_alloc(128, &p, &s->err), 0);
    s->plain = p;
    s->now_ms = 1767225600000; /* 2026-01-01 */
    s->key = (kms_key_t){"aws-kms",
                         "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                         {script_setting, s},
                         {script_now, s}};
    SETTINGS(s, "access.key.id", "AKIDEXAMPLE", "secret.access.key", "SECRET-of-the-test");
    *state = s;
    return 0;
}

static int script_tear_down(void **state) {
    script_t *s = *state;
    buf_clear(&s->wrapped);
    secret_free(s->plain);
    free(s);
    return 0;
}

#endif
