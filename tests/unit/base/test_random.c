/* Random bytes: whole, counted, different; jitter in range. A failing source is shown by getrandom being forbidden. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/metrics.h"
#include "base/random.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void whole(void **state) {
    (void)state;
    enum { N = 100000 }; /* more than the kernel gives at once when interrupted */
    static uint8_t a[N], b[N];
    uint64_t calls = metrics_get("random_calls");
    assert_int_equal(random_bytes(a, N, NULL), 0);
    assert_int_equal(random_bytes(b, N, NULL), 0);
    assert_int_equal(metrics_get("random_calls"), calls + 2);
    assert_memory_not_equal(a, b, N);
    unsigned seen[256] = {0};
    for (unsigned i = 0; i < N; i++) {
        seen[a[i]]++;
    }
    for (unsigned i = 0; i < 256; i++) {
        assert_in_range(seen[i], 200, 600); /* 390 on average: ten standard deviations */
    }
    static const uint8_t zero[16] = {0};
    assert_memory_not_equal(a + N - 16, zero, 16);
    assert_int_equal(random_bytes(NULL, 0, NULL), 0);
}

static void jitter(void **state) {
    (void)state;
    unsigned seen[7] = {0};
    for (unsigned i = 0; i < 7000; i++) {
        uint32_t r = random_below(7);
        assert_true(r < 7);
        seen[r]++;
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_in_range(seen[i], 600, 1400);
    }
    assert_int_equal(random_below(1), 0);
    assert_int_equal(random_below(0), 0);
}

/* In a child whose getrandom(2) answers EPERM. */
static int forbidden(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    schloss_error_t *err = schloss_error_new();
    if (err == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return 1;
    }
    uint8_t out[16];
    bool ok = random_bytes(out, sizeof out, err) == SCHLOSS_E_RANDOM &&
              strstr(schloss_error_message(err), "EPERM") != NULL && strstr(schloss_error_hint(err), "seccomp") != NULL;
    ok = ok && random_below(10) < 10;
    schloss_error_free(err);
    return ok ? 0 : 2;
}

static void fails(void **state) {
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(forbidden());
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(jitter), cmocka_unit_test(fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
