/* pkcs11.c, run.c, session.c, fail.c, module.c, isolate.c: the driver against tests/kms/fake_pkcs11.c, a module that
 * misbehaves as FAKE_P11 says; in this process where it survives that, else in the helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/secret.h"
#include "kms/kms.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE BINARY_DIR "/tests/fake_pkcs11.so"
#define KEY "pkcs11:token=fake;object=kek"

typedef struct settings {
    const char *pin, *pin_file, *module, *isolation, *timeout;
} settings_t;

static const char *get(void *user, const char *name) {
    const settings_t *s = user;
    return strcmp(name, "pkcs11.pin") == 0           ? s->pin
           : strcmp(name, "pkcs11.pin.file") == 0    ? s->pin_file
           : strcmp(name, "pkcs11.module.file") == 0 ? s->module
           : strcmp(name, "pkcs11.isolation") == 0   ? s->isolation
           : strcmp(name, "pkcs11.timeout.ms") == 0  ? s->timeout
                                                     : NULL;
}

static const settings_t here = {.pin = "1234", .module = MODULE};
static const settings_t apart = {.pin = "1234", .module = MODULE, .isolation = "process", .timeout = "1500"};

static int sessions_left(void) {
    void *so = dlopen(MODULE, RTLD_NOW | RTLD_NOLOAD);
    if (so == NULL) {
        return 0;
    }
    int (*count)(void) = NULL;
    void *symbol = dlsym(so, "fake_pkcs11_sessions");
    memcpy(&count, &symbol, sizeof count);
    int n = count();
    dlclose(so);
    return n;
}

static kms_key_t key_of(const settings_t *s, const char *id) {
    return (kms_key_t){"pkcs11", id, {get, (void *)(uintptr_t)s}, {0}};
}

static void set_fault(const char *fault) {
    if (fault == NULL) {
        unsetenv("FAKE_P11");
    } else {
        setenv("FAKE_P11", fault, 1);
    }
}

/* Wraps n bytes under one fault and unwraps under another. */
static schloss_rc round_trip(const settings_t *s, const char *id, size_t n, const char *fault, const char *fault_back,
                             uint8_t mode, schloss_error_t *err) {
    kms_key_t key = key_of(s, id);
    uint8_t plain[256];
    memset(plain, 'k', sizeof plain);
    buf_t wrapped;
    buf_init(&wrapped, 4096, "test", false);
    set_fault(fault);
    schloss_rc rc = kms_pkcs11.wrap(&key, NULL, bytes(plain, n), &wrapped, err);
    if (rc == SCHLOSS_OK) {
        void *out = NULL;
        size_t len = 0;
        assert_int_equal(wrapped.ptr[0], mode);
        assert_int_equal(secret_alloc(256, &out, NULL), 0);
        set_fault(fault_back);
        rc = kms_pkcs11.unwrap(&key, NULL, buf_view(&wrapped), out, 256, &len, err);
        if (rc == SCHLOSS_OK) {
            assert_int_equal(len, n);
            assert_memory_equal(out, plain, n);
        }
        secret_free(out);
    } else {
        assert_int_equal(wrapped.len, 0);
    }
    buf_clear(&wrapped);
    set_fault(NULL);
    assert_int_equal(sessions_left(), 0);
    return rc;
}

static void assert_failure(const char *what, schloss_rc rc, const schloss_error_t *err, schloss_rc expected,
                           bool retriable) {
    if (rc != expected) {
        print_error("%s: %s %s\n", what, schloss_rc_name(rc), err->message);
    }
    assert_int_equal(rc, expected);
    assert_int_equal(err->code, expected);
    assert_non_null(strstr(err->message, "pkcs11://pkcs11:"));
    assert_null(strstr(err->message, "1234"));
    assert_string_not_equal(err->hint, "");
    assert_int_equal(schloss_error_is_retriable(err), retriable);
}

static void test_modes(void **state) {
    (void)state;
    schloss_error_t err = {0};
    static const size_t lens[] = {1, 7, 18, 34, 66, 255};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        assert_int_equal(round_trip(&here, KEY, lens[i], NULL, NULL, 1, &err), 0);
        assert_int_equal(round_trip(&here, KEY, lens[i], "wrap-only", NULL, 2, &err), 0);
        assert_int_equal(round_trip(&here, KEY, lens[i], "no-gcm", "wrap-only", 2, &err), 0);
        assert_int_equal(round_trip(&apart, KEY, lens[i], NULL, NULL, 1, &err), 0);
    }
    assert_failure("empty", round_trip(&here, KEY, 0, NULL, NULL, 1, &err), &err, SCHLOSS_E_WRAP_FAILED, false);
}

typedef struct misdeed {
    const char *fault;
    schloss_rc wrap, unwrap; /* 0: works */
    bool retriable;
} misdeed_t;

static const misdeed_t misdeeds[] = {
    {"slots-0x30", SCHLOSS_E_KMS_BUSY, SCHLOSS_E_KMS_BUSY, true},
    {"slots-many", SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
    {"none", SCHLOSS_E_KMS_KEY_UNKNOWN, SCHLOSS_E_KMS_KEY_UNKNOWN, false},
    {"two", SCHLOSS_E_KMS_CONF, SCHLOSS_E_KMS_CONF, false},
    {"session-0xb1", SCHLOSS_E_KMS_BUSY, SCHLOSS_E_KMS_BUSY, true},
    {"session-0x7777", SCHLOSS_E_KMS_BUSY, SCHLOSS_E_KMS_BUSY, true},
    {"locked", SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"final", SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"expired", SCHLOSS_E_KMS_EXPIRED, SCHLOSS_E_KMS_EXPIRED, false},
    {"login-0xa4", SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"login-0x102", SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"login-0x100", 0, 0, false}, /* already logged in */
    {"login-0x5", SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"no-key", SCHLOSS_E_KMS_KEY_UNKNOWN, SCHLOSS_E_KMS_KEY_UNKNOWN, false},
    {"keys-two", SCHLOSS_E_KMS_CONF, SCHLOSS_E_KMS_CONF, false},
    {"find-many", SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
    {"find-0x32", SCHLOSS_E_KMS_BUSY, SCHLOSS_E_KMS_BUSY, true},
    {"rsa", SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, false},
    {"no-decrypt", SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, false},
    {"no-mechanism", SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, false},
    {"long", SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
    {"short", SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
    {"encrypt-0x5", SCHLOSS_E_WRAP_FAILED, 0, false},
    {"encrypt-0x30", SCHLOSS_E_KMS_BUSY, 0, true},
    {"encrypt-0x68", SCHLOSS_E_KMS_KEY_TYPE, 0, false},
    {"encrypt-0x1b", SCHLOSS_E_KMS_DENIED, 0, false},
    {"encrypt-0x82", SCHLOSS_E_KMS_KEY_UNKNOWN, 0, false},
    {"encrypt-0x190", SCHLOSS_E_KMS_BUSY, 0, true},
    {"decrypt-0x5", 0, SCHLOSS_E_UNWRAP_FAILED, false},
    {"decrypt-0x6", 0, SCHLOSS_E_UNWRAP_FAILED, false},
    {"decrypt-0x40", 0, SCHLOSS_E_UNWRAP_FAILED, false},
    {"decrypt-0x80000001", 0, SCHLOSS_E_UNWRAP_FAILED, false},
    {"decrypt-0x32", 0, SCHLOSS_E_KMS_BUSY, true},
    {"decrypt-0x101", 0, SCHLOSS_E_KMS_CREDENTIALS, false},
    {"decrypt-0x60", 0, SCHLOSS_E_KMS_KEY_UNKNOWN, false},
};

static void test_misdeeds(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(misdeeds); i++) {
        const misdeed_t *m = &misdeeds[i];
        schloss_error_t err = {0};
        schloss_rc rc = round_trip(&here, KEY, 18, m->fault, NULL, 1, &err);
        if (m->wrap != 0) {
            assert_failure(m->fault, rc, &err, m->wrap, m->retriable);
        } else {
            assert_int_equal(rc, 0);
        }
        rc = round_trip(&here, KEY, 18, NULL, m->fault, 1, &err);
        if (m->unwrap != 0) {
            assert_failure(m->fault, rc, &err, m->unwrap, m->retriable);
        } else {
            assert_int_equal(rc, 0);
        }
    }
}

static void test_misdeeds_of_key_wrap(void **state) {
    (void)state;
    schloss_error_t err = {0};
    assert_failure("value-long", round_trip(&here, KEY, 18, "wrap-only", "value-long", 2, &err), &err,
                   SCHLOSS_E_KMS_ANSWER, true);
    assert_failure("zero-key", round_trip(&here, KEY, 18, "wrap-only", "zero-key", 2, &err), &err,
                   SCHLOSS_E_UNWRAP_FAILED, false);
    assert_failure("no-decrypt", round_trip(&here, KEY, 18, "wrap-only", "no-decrypt", 2, &err), &err,
                   SCHLOSS_E_KMS_KEY_TYPE, false);
    assert_failure("wrap-only", round_trip(&here, KEY, 18, NULL, "wrap-only", 1, &err), &err, SCHLOSS_E_KMS_KEY_TYPE,
                   false);
}

/* In the helper: the same answers, and what would have ended this process. */
static void test_isolated(void **state) {
    (void)state;
    static const misdeed_t more[] = {
        {"crash", SCHLOSS_E_KMS_BUSY, 0, true},          {"hang", SCHLOSS_E_KMS_BUSY, 0, true},
        {"stdout", SCHLOSS_E_KMS_ANSWER, 0, true},       {"crash-init", SCHLOSS_E_KMS_BUSY, 0, true},
        {"hang-init", SCHLOSS_E_KMS_BUSY, 0, true},      {"init-0x5", SCHLOSS_E_KMS_CONF, 0, false},
        {"no-list", SCHLOSS_E_KMS_CONF, 0, false},       {"encrypt-0x1b", SCHLOSS_E_KMS_DENIED, 0, false},
        {"no-key", SCHLOSS_E_KMS_KEY_UNKNOWN, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        /* the environment of a helper is that of its start: end the idle one by a crash, so that the next is new */
        schloss_error_t err = {0};
        set_fault(more[i].fault);
        kms_key_t key = key_of(&apart, KEY);
        pid_t pid = fork();
        if (pid == 0) { /* a child has no helper yet */
            buf_t out;
            buf_init(&out, 4096, "test", false);
            schloss_rc rc = kms_pkcs11.wrap(&key, NULL, bytes("key", 3), &out, &err);
            if (rc != more[i].wrap) {
                print_error("%s: %s\n", more[i].fault, err.message);
            }
            bool ok = rc == more[i].wrap && err.hint[0] != '\0' &&
                      schloss_error_is_retriable(&err) == more[i].retriable && out.len == 0;
            buf_clear(&out);
            _exit(ok ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0) {
            print_error("in the helper: %s\n", more[i].fault);
        }
        assert_int_equal(status, 0);
    }
    set_fault(NULL);
}

/* A helper that has died costs one call; the next gets a new one. */
static void test_helper_comes_back(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        schloss_error_t err = {0};
        set_fault("hang");
        kms_key_t key = key_of(&apart, KEY);
        buf_t out;
        buf_init(&out, 4096, "test", false);
        bool ok = kms_pkcs11.wrap(&key, NULL, bytes("key", 3), &out, &err) == SCHLOSS_E_KMS_BUSY;
        set_fault(NULL);
        ok = ok && kms_pkcs11.wrap(&key, NULL, bytes("key", 3), &out, &err) == 0;
        ok = ok && kms_pkcs11.wrap(&key, NULL, bytes("key", 3), &out, &err) == 0;
        buf_clear(&out);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_fork(void **state) {
    (void)state;
    schloss_error_t err = {0};
    assert_int_equal(round_trip(&here, KEY, 18, NULL, NULL, 1, &err), 0);
    assert_int_equal(round_trip(&apart, KEY, 18, NULL, NULL, 1, &err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = round_trip(&here, KEY, 18, NULL, NULL, 1, &err) == 0 &&
                  round_trip(&apart, KEY, 18, NULL, NULL, 1, &err) == 0;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(round_trip(&apart, KEY, 18, NULL, NULL, 1, &err), 0); /* the parent's helper lives on */
}

static void *repeat(void *arg) {
    _Atomic int *done = arg;
    kms_key_t key = key_of(&apart, KEY);
    for (int i = 0; i < 20; i++) {
        uint8_t out[66];
        size_t n = 0;
        buf_t wrapped;
        buf_init(&wrapped, 4096, "test", false);
        bool ok = kms_pkcs11.wrap(&key, NULL, bytes("key", 3), &wrapped, NULL) == 0 &&
                  kms_pkcs11.unwrap(&key, NULL, buf_view(&wrapped), out, sizeof out, &n, NULL) == 0 && n == 3;
        *done += ok ? 1 : 0;
        buf_clear(&wrapped);
    }
    return NULL;
}

/* More threads than helpers are kept. */
static void test_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    _Atomic int done = 0;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, repeat, &done), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(done, 80);
}

static void test_configuration(void **state) {
    (void)state;
    char file[] = "/tmp/schloss-pin-XXXXXX";
    int fd = mkstemp(file);
    assert_int_equal(write(fd, "1234\r\nmore\n", 11), 11);
    close(fd);
    char empty[] = "/tmp/schloss-pin-XXXXXX";
    fd = mkstemp(empty);
    close(fd);
    char longest[300];
    memset(longest, '1', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const struct {
        const char *what;
        settings_t s;
        const char *id;
        schloss_rc rc;
    } all[] = {
        {"PIN of a file", {.pin_file = file, .module = MODULE}, KEY, 0},
        {"PIN before its file", {.pin = "1234", .pin_file = empty, .module = MODULE}, KEY, 0},
        {"file without PIN", {.pin_file = empty, .module = MODULE}, KEY, SCHLOSS_E_KMS_CONF},
        {"no file", {.pin_file = "/nonexistent", .module = MODULE}, KEY, SCHLOSS_E_KMS_CONF},
        {"long PIN", {.pin = longest, .module = MODULE}, KEY, SCHLOSS_E_KMS_CONF},
        {"no PIN", {.module = MODULE}, KEY, SCHLOSS_E_KMS_CREDENTIALS},
        {"wrong PIN", {.pin = "0000", .module = MODULE}, KEY, SCHLOSS_E_KMS_CREDENTIALS},
        {"no module", {.pin = "1234"}, KEY, SCHLOSS_E_KMS_CONF},
        {"relative module", {.pin = "1234", .module = "fake.so"}, KEY, SCHLOSS_E_KMS_CONF},
        {"module not there", {.pin = "1234", .module = "/nonexistent.so"}, KEY, SCHLOSS_E_KMS_CONF},
        {"isolation", {.pin = "1234", .module = MODULE, .isolation = "thread"}, KEY, SCHLOSS_E_KMS_CONF},
        {"timeout", {.pin = "1234", .module = MODULE, .timeout = "soon"}, KEY, SCHLOSS_E_KMS_CONF},
        {"timeout 0", {.pin = "1234", .module = MODULE, .timeout = "0"}, KEY, SCHLOSS_E_KMS_CONF},
        {"URI", here, "pkcs11:token=fake", SCHLOSS_E_KMS_CONF},
        {"PIN in the URI", here, KEY "?pin-value=1235", SCHLOSS_E_KMS_CONF},
        {"another module", here, KEY "?module-path=/x.so", SCHLOSS_E_KMS_CONF},
        {"slot", here, KEY ";slot-id=3", 0},
        {"another slot", here, KEY ";slot-id=4", SCHLOSS_E_KMS_KEY_UNKNOWN},
        {"slot by words", here, KEY ";slot-description=a%20slot;slot-manufacturer=Schloss%20tests", 0},
        {"another serial", here, KEY ";serial=1", SCHLOSS_E_KMS_KEY_UNKNOWN},
        {"another id", here, KEY ";id=%02", SCHLOSS_E_KMS_KEY_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        schloss_error_t err = {0};
        schloss_rc rc = round_trip(&all[i].s, all[i].id, 18, NULL, NULL, 1, &err);
        if (all[i].rc == 0) {
            assert_int_equal(rc, 0);
        } else {
            assert_failure(all[i].what, rc, &err, all[i].rc, false);
        }
    }
    assert_int_equal(setenv("PKCS11_PIN", "1234", 1), 0);
    schloss_error_t err = {0};
    settings_t s = {.module = MODULE};
    assert_int_equal(round_trip(&s, KEY, 18, NULL, NULL, 1, &err), 0);
    unsetenv("PKCS11_PIN");
    unlink(file);
    unlink(empty);
}

static void test_blobs(void **state) {
    (void)state;
    kms_key_t key = key_of(&here, KEY);
    static const char *const bad[] = {"",
                                      "\x01",
                                      "\x03"
                                      "0123456789012345678901234567890",
                                      "\x01"
                                      "0123456789012345678901234567",
                                      "\x02"
                                      "01234567890123456789012",
                                      "\x02"
                                      "0123456789012345678901234"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        schloss_error_t err = {0};
        uint8_t out[66];
        size_t n = 0;
        schloss_rc rc = kms_pkcs11.unwrap(&key, NULL, bytes(bad[i], strlen(bad[i])), out, sizeof out, &n, &err);
        assert_failure(bad[i], rc, &err, SCHLOSS_E_UNWRAP_FAILED, false);
    }
}

static int no_environment(void **state) {
    (void)state;
    unsetenv("FAKE_P11");
    unsetenv("PKCS11_PIN");
    unsetenv("PKCS11_MODULE");
    return setenv("SCHLOSS_LIBEXEC_PATH", BINARY_DIR "/bin", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isolated), /* first: before this process keeps a helper */
        cmocka_unit_test(test_helper_comes_back),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_misdeeds),
        cmocka_unit_test(test_misdeeds_of_key_wrap),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_blobs),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
