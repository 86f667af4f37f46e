/* Secret memory: classes, wiping, guards, the full slab, locking, forks, threads. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secret.h"
#include "base/limits.h"
#include "base/metrics.h"
#include <schloss/log.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGEST 8192u

static uint8_t *get(size_t n) {
    void *p = NULL;
    assert_int_equal(secret_alloc(n, &p, NULL), 0);
    assert_non_null(p);
    return p;
}

static void pieces(void **state) {
    (void)state;
    static const uint8_t zero[LARGEST] = {0};
    size_t before = secret_in_use();
    uint8_t *p[64];
    static const size_t sizes[] = {0, 1, 16, 63, 64, 65, 128, 1000, 1024, 4097, LARGEST};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT_OF(p); i++) {
            size_t n = sizes[i % COUNT_OF(sizes)];
            p[i] = get(n);
            assert_int_equal((uintptr_t)p[i] % 64, 0);
            assert_true(secret_contains(p[i]));
            assert_memory_equal(p[i], zero, n);
            memset(p[i], 0xaa, n); /* an overlap, or a piece that was not wiped, shows above */
        }
        assert_true(secret_in_use() > before);
        for (unsigned i = 0; i < COUNT_OF(p); i++) {
            secret_free(p[i]);
        }
        assert_int_equal(secret_in_use(), before);
    }
    int local;
    assert_false(secret_contains(&local));
    assert_false(secret_contains(NULL));
    secret_free(NULL);
    void *out = &local;
    assert_int_equal(secret_alloc(LARGEST + 1, &out, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_ptr_equal(out, &local);
}

static void wiped_when_freed(void **state) {
    (void)state;
    uint8_t *keep = get(256), *p = get(256);
    memset(p, 0xaa, 256);
    secret_free(p);
    for (unsigned i = sizeof(void *); i < 256; i++) { /* the first bytes chain free pieces */
        assert_int_equal(p[i], 0);
    }
    secret_free(keep);
}

/* Runs f in a child; returns its wait status. */
static int in_child(int (*f)(void)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        _exit(f());
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int run_over_the_end(void) {
    void *p = NULL, *last = NULL;
    while (secret_alloc(LARGEST, &p, NULL) == 0) {
        last = p > last ? p : last;
    }
    if (last == NULL) {
        return 1;
    }
    if (freopen("/dev/null", "w", stderr) == NULL) {
        return 2;
    }
    ((volatile uint8_t *)last)[LARGEST] = 1;
    return 0;
}

static int free_twice(void) {
    void *p = NULL;
    if (secret_alloc(64, &p, NULL) != 0 || freopen("/dev/null", "w", stderr) == NULL) {
        return 1;
    }
    secret_free(p);
    secret_free(p);
    return 0;
}

static int free_inside(void) {
    void *p = NULL;
    if (secret_alloc(256, &p, NULL) != 0 || freopen("/dev/null", "w", stderr) == NULL) {
        return 1;
    }
    secret_free((uint8_t *)p + 64);
    return 0;
}

static bool died(int status) {
    /* A sanitizer turns the signal into an exit. */
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) > 2);
}

static void misuse_dies(void **state) {
    (void)state;
    assert_true(died(in_child(run_over_the_end)));
    assert_true(died(in_child(free_twice)));
    assert_true(died(in_child(free_inside)));
}

static int fill_up(void) {
    static void *p[LIMIT_SECRET_BYTES / LARGEST + 1];
    size_t n = 0;
    schloss_error_t *err = schloss_error_new();
    schloss_rc rc = 0;
    while (n < COUNT_OF(p) && err != NULL && (rc = secret_alloc(LARGEST, &p[n], err)) == 0) {
        n++;
    }
    if (rc != SCHLOSS_E_LIMIT_EXCEEDED || n < 400 || strstr(schloss_error_message(err), "secret memory") == NULL) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        secret_free(p[i]);
    }
    void *again = NULL;
    schloss_error_free(err);
    return secret_alloc(LARGEST, &again, NULL) == 0 ? 0 : 2;
}

static void full_slab(void **state) {
    (void)state;
    assert_int_equal(in_child(fill_up), 0);
}

static unsigned warnings;

static void count_warning(int level, const char *component, const char *message, void *user) {
    (void)component;
    (void)message;
    (void)user;
    warnings += level == SCHLOSS_LOG_WARN;
}

/* Root may lock what it wants: these children give up their rights first. */
static bool forbid_locking(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_MEMLOCK, &none) == 0 && (geteuid() != 0 || setuid(65534) == 0);
}

static int warn_once(void) {
    schloss_log_set(count_warning, NULL, SCHLOSS_LOG_WARN);
    if (!forbid_locking()) {
        return 1;
    }
    uint64_t before = metrics_get("memory_lock_failures");
    void *p = NULL;
    for (unsigned i = 0; i < 20; i++) {
        if (secret_alloc(LARGEST, &p, NULL) != 0) {
            return 2;
        }
    }
    if (warnings != 1 || metrics_get("memory_lock_failures") != before + 1) {
        return 3;
    }
    /* Required later: nothing more is given out. */
    secret_require_lock(true);
    return secret_alloc(64, &p, NULL) == SCHLOSS_E_MEMORY_LOCK ? 0 : 4;
}

static int required(void) {
    schloss_error_t *err = schloss_error_new();
    if (err == NULL || !forbid_locking()) {
        return 1;
    }
    secret_require_lock(true);
    void *p = NULL;
    schloss_rc rc = 0;
    for (unsigned i = 0; i < 20 && rc == 0; i++) {
        rc = secret_alloc(LARGEST, &p, err);
    }
    bool hinted = strstr(schloss_error_hint(err), "MEMLOCK") != NULL;
    schloss_error_free(err);
    return rc == SCHLOSS_E_MEMORY_LOCK && hinted ? 0 : 2;
}

static void locking(void **state) {
    (void)state;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose mlock does nothing */
    assert_int_equal(in_child(warn_once), 0);
    assert_int_equal(in_child(required), 0);
#else
    (void)warn_once;
    (void)required;
#endif
}

static uint8_t *inherited;

static int read_inherited(void) {
    void *p = NULL;
    if (memcmp(inherited, "key bytes", 9) != 0 || secret_alloc(64, &p, NULL) != 0) {
        return 1;
    }
    memset(inherited, 0, 9);
    secret_free(inherited);
    return 0;
}

static void fork_inherits(void **state) {
    (void)state;
    inherited = get(64);
    memcpy(inherited, "key bytes", 9);
    assert_int_equal(in_child(read_inherited), 0);
    assert_memory_equal(inherited, "key bytes", 9); /* the child's are its own */
    secret_free(inherited);
}

/* The mapping says what it is: locked, and not in core dumps. */
static void mapping_flags(void **state) {
    (void)state;
    uint8_t *p = get(64);
    FILE *f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);
    char line[512];
    bool here = false, found = false, dump = true;
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && strchr(line, '-') < strchr(line, ' ')) {
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            found = true;
            dump = strstr(line, " dd") == NULL;
        }
    }
    fclose(f);
    secret_free(p);
    assert_true(found);
    assert_false(dump);
}

static void *hammer(void *arg) {
    bool *ok = arg;
    *ok = true;
    for (unsigned i = 0; i < 3000 && *ok; i++) {
        size_t n = 1 + (i * 37) % 500;
        void *p = NULL;
        *ok = secret_alloc(n, &p, NULL) == 0;
        if (*ok) {
            memset(p, (int)i, n);
            secret_free(p);
        }
    }
    return NULL;
}

static void threads(void **state) {
    (void)state;
    size_t before = secret_in_use();
    pthread_t t[4];
    bool ok[4] = {false};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, hammer, &ok[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }
    assert_true(ok[0] && ok[1] && ok[2] && ok[3]);
    assert_int_equal(secret_in_use(), before);
}

static void equal(void **state) {
    (void)state;
    uint8_t a[40], b[40];
    for (size_t n = 0; n <= sizeof a; n++) {
        memset(a, 0x5a, sizeof a);
        memset(b, 0x5a, sizeof b);
        assert_true(secret_equal(a, b, n));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(secret_equal(a, b, n));
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (n < sizeof a) {
            b[n] ^= 1;
            assert_true(secret_equal(a, b, n));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locking),       cmocka_unit_test(pieces),    cmocka_unit_test(wiped_when_freed),
        cmocka_unit_test(misuse_dies),   cmocka_unit_test(full_slab), cmocka_unit_test(fork_inherits),
        cmocka_unit_test(mapping_flags), cmocka_unit_test(threads),   cmocka_unit_test(equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
