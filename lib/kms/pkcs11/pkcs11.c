/* kmsType pkcs11: wraps and unwraps with an AES key of a PKCS#11 token. The io is not used: a module is called, no
 * server; so a call blocks its thread.
 *
 * Settings, all of the client and never of the registry (lib/envelope refuses the prefix there): pkcs11.module.file,
 * pkcs11.pin, pkcs11.pin.file, pkcs11.isolation, pkcs11.timeout.ms. */
#include "kms/kms.h"
#include "kms/pkcs11/job.h"

#include "base/secret.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_MS 10000u
#define TIMEOUT_MAX_MS 120000u

static schloss_rc bad_setting(const kms_key_t *key, const char *what, schloss_error_t *err) {
    FAIL(err, KMS_CONF, "%s://%s: %s", key->kms_type, key->key_id, what);
    err_hint(err, "set it among the client's own settings, where rule.executors.* stand; the registry cannot");
    return SCHLOSS_E_KMS_CONF;
}

/* The first line of a file that only its owner should read. */
static schloss_rc read_pin_file(const kms_key_t *key, const char *path, uint8_t *out, size_t *n, schloss_error_t *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, P11_PIN_MAX + 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 0) {
        return bad_setting(key, "pkcs11.pin.file cannot be read", err);
    }
    *n = 0;
    while (*n < (size_t)got && out[*n] != '\n' && out[*n] != '\r') {
        *n += 1;
    }
    return *n == 0 || *n > P11_PIN_MAX ? bad_setting(key, "pkcs11.pin.file has no PIN in its first line", err)
                                       : SCHLOSS_OK;
}

/* pin: secret memory of P11_PIN_MAX + 1 bytes. */
static schloss_rc read_pin(const kms_key_t *key, uint8_t *pin, bytes_t *out, schloss_error_t *err) {
    const char *text = kms_setting(key, "pkcs11.pin", NULL);
    const char *file = kms_setting(key, "pkcs11.pin.file", NULL);
    size_t n = 0;
    if (text == NULL && file != NULL) {
        TRY(read_pin_file(key, file, pin, &n, err));
    } else {
        text = text != NULL ? text : kms_setting(key, "pkcs11.pin", "PKCS11_PIN");
        n = text == NULL ? 0 : strlen(text);
        if (n > P11_PIN_MAX) {
            return bad_setting(key, "the PIN is longer than 255 bytes", err);
        }
        memcpy(pin, text == NULL ? "" : text, n);
    }
    *out = n == 0 ? bytes(NULL, 0) : bytes(pin, n);
    return SCHLOSS_OK;
}

static schloss_rc read_timeout(const kms_key_t *key, uint32_t *out, schloss_error_t *err) {
    const char *text = kms_setting(key, "pkcs11.timeout.ms", NULL);
    *out = TIMEOUT_MS;
    if (text == NULL) {
        return SCHLOSS_OK;
    }
    char *end = NULL;
    unsigned long v = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (v == 0 || v > TIMEOUT_MAX_MS || *end != '\0') {
        return bad_setting(key, "pkcs11.timeout.ms is no number of milliseconds up to 120000", err);
    }
    *out = (uint32_t)v;
    return SCHLOSS_OK;
}

static schloss_rc read_isolation(const kms_key_t *key, bool *out, schloss_error_t *err) {
    const char *text = kms_setting(key, "pkcs11.isolation", NULL);
    *out = text != NULL && strcmp(text, "process") == 0;
    return text == NULL || *out || strcmp(text, "none") == 0
               ? SCHLOSS_OK
               : bad_setting(key, "pkcs11.isolation is neither none nor process", err);
}

static schloss_rc run_with(const kms_key_t *key, p11_job_t *job, uint8_t *pin, buf_t *out, schloss_error_t *err) {
    uint32_t timeout_ms = 0;
    bool isolated = false;
    job->module = kms_setting(key, "pkcs11.module.file", "PKCS11_MODULE");
    if (job->module == NULL || job->module[0] != '/') {
        return bad_setting(key, "pkcs11.module.file is not set to an absolute path", err);
    }
    TRY(read_timeout(key, &timeout_ms, err));
    TRY(read_isolation(key, &isolated, err));
    TRY(read_pin(key, pin, &job->pin, err));
    return isolated ? p11_run_isolated(job, timeout_ms, out, err) : p11_run(job, out, err);
}

static schloss_rc run(const kms_key_t *key, p11_job_t *job, buf_t *out, schloss_error_t *err) {
    void *pin = NULL;
    TRY(secret_alloc(P11_PIN_MAX + 1, &pin, err));
    schloss_rc rc = run_with(key, job, pin, out, err);
    secret_free(pin);
    return rc;
}

static schloss_rc pkcs11_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    (void)io;
    p11_job_t job = {.key_id = key->key_id, .is_wrap = true, .in = plain};
    return run(key, &job, out, err);
}

static schloss_rc pkcs11_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                                size_t *out_len, schloss_error_t *err) {
    (void)io;
    p11_job_t job = {.key_id = key->key_id, .is_wrap = false, .in = wrapped};
    buf_t plain;
    buf_init(&plain, P11_WRAPPED_MAX, "unwrapped key", true);
    schloss_rc rc = run(key, &job, &plain, err);
    if (rc == SCHLOSS_OK && plain.len > cap) {
        rc = FAIL(err, UNWRAP_FAILED, "the wrapped key of %s://%s holds %zu bytes, a DEK has at most %zu",
                  key->kms_type, key->key_id, plain.len, cap);
        err_hint(err, "was it wrapped by another program?");
    } else if (rc == SCHLOSS_OK) {
        memcpy(out, plain.ptr, plain.len);
        *out_len = plain.len;
    }
    buf_clear(&plain);
    return rc;
}

const kms_driver_t kms_pkcs11 = {P11_TYPE, pkcs11_wrap, pkcs11_unwrap};
