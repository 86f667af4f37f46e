/* Nonces: none twice, not over refills, not over threads, not over forks. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "crypto/nonce.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN 12u

static int compare(const void *a, const void *b) {
    return memcmp(a, b, LEN);
}

static void assert_no_duplicate(uint8_t *all, size_t n) {
    qsort(all, n, LEN, compare);
    for (size_t i = 1; i < n; i++) {
        assert_memory_not_equal(all + (i - 1) * LEN, all + i * LEN, LEN);
    }
}

static void over_refills(void **state) {
    (void)state;
    enum { N = 5 * NONCE_BATCH };
    static uint8_t all[N * LEN];
    uint64_t calls = metrics_get("random_calls"), refills = metrics_get("nonce_refills"), allocations = 0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(nonce_take(all + i * LEN, NULL), 0);
        allocations = i == 0 ? mem_count() : allocations;
    }
    assert_int_equal(metrics_get("nonce_refills"), refills + 5);
    assert_int_equal(metrics_get("random_calls"), calls + 5);
    assert_int_equal(mem_count(), allocations);
    assert_no_duplicate(all, N);
}

/* 100 children that inherit a half-used pool, and the parent, which goes on with it. */
static void over_forks(void **state) {
    (void)state;
    enum { CHILDREN = 100, EACH = 300 };
    uint8_t *all = calloc((CHILDREN + 1) * EACH, LEN);
    assert_non_null(all);
    uint8_t warm[LEN];
    assert_int_equal(nonce_take(warm, NULL), 0);
    for (size_t c = 0; c < CHILDREN; c++) {
        int fd[2];
        assert_int_equal(pipe(fd), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            static uint8_t mine[EACH * LEN];
            for (size_t i = 0; i < EACH; i++) {
                if (nonce_take(mine + i * LEN, NULL) != 0) {
                    _exit(1);
                }
            }
            /* Less than a pipe holds: one write. */
            _exit(write(fd[1], mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
        }
        close(fd[1]);
        uint8_t *to = all + c * EACH * LEN;
        for (size_t got = 0; got < EACH * LEN;) {
            ssize_t n = read(fd[0], to + got, EACH * LEN - got);
            assert_true(n > 0);
            got += (size_t)n;
        }
        close(fd[0]);
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    for (size_t i = 0; i < EACH; i++) {
        assert_int_equal(nonce_take(all + (CHILDREN * EACH + i) * LEN, NULL), 0);
    }
    assert_no_duplicate(all, (CHILDREN + 1) * EACH);
    free(all);
}

enum { PER_THREAD = 1000, THREADS = 8 };

static void *take_many(void *arg) {
    uint8_t *to = arg;
    for (size_t i = 0; i < PER_THREAD; i++) {
        if (nonce_take(to + i * LEN, NULL) != 0) {
            return NULL;
        }
    }
    return to;
}

/* Size in kB that the process has mapped. */
static long mapped_kb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void over_threads(void **state) {
    (void)state;
    static uint8_t all[THREADS * PER_THREAD * LEN];
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, take_many, all + t * PER_THREAD * LEN), 0);
    }
    bool ok = true;
    for (size_t t = 0; t < THREADS; t++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[t], &result), 0);
        ok = ok && result != NULL;
    }
    assert_true(ok);
    assert_no_duplicate(all, THREADS * PER_THREAD);
}

/* Pools of threads that ended are unmapped. */
static void thread_exit_frees(void **state) {
    (void)state;
    static uint8_t all[PER_THREAD * LEN];
    long before = 0;
    for (unsigned i = 0; i < 300; i++) {
        if (i == 50) {
            before = mapped_kb();
        }
        pthread_t t;
        void *result = NULL;
        assert_int_equal(pthread_create(&t, NULL, take_many, all), 0);
        assert_int_equal(pthread_join(t, &result), 0);
        assert_non_null(result);
    }
#ifndef SCHLOSS_SANITIZED
    assert_true(mapped_kb() - before < 400); /* 250 pools would be 1,000 */
#else
    (void)before;
#endif
}

static schloss_rc counted(void *user, uint8_t out[12], schloss_error_t *err) {
    unsigned *n = user;
    if (*n == 3) {
        return FAIL(err, RANDOM, "no more");
    }
    memset(out, (int)++*n, LEN);
    return SCHLOSS_OK;
}

static void *take_one(void *arg) {
    return nonce_take(arg, NULL) == 0 ? arg : NULL;
}

static void source(void **state) {
    (void)state;
    unsigned n = 0;
    uint8_t got[LEN], want[LEN], other[LEN] = {0};
    assert_int_equal(nonce_take(got, NULL), 0);
    nonce_set_source(counted, &n);
    for (unsigned i = 1; i <= 3; i++) {
        memset(want, (int)i, LEN);
        assert_int_equal(nonce_take(got, NULL), 0);
        assert_memory_equal(got, want, LEN);
    }
    assert_int_equal(nonce_take(got, NULL), SCHLOSS_E_RANDOM);
    /* The source of this thread is not that of others. */
    pthread_t t;
    void *result = NULL;
    assert_int_equal(pthread_create(&t, NULL, take_one, other), 0);
    assert_int_equal(pthread_join(t, &result), 0);
    assert_non_null(result);
    nonce_set_source(NULL, NULL);
    assert_int_equal(nonce_take(got, NULL), 0);
    assert_memory_not_equal(got, other, LEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_refills),      cmocka_unit_test(over_forks), cmocka_unit_test(over_threads),
        cmocka_unit_test(thread_exit_frees), cmocka_unit_test(source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
