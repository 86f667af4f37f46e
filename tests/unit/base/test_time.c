/* Clocks run forwards and agree with each other. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/time.h"
#include <stdlib.h>
#include <time.h>

static void agree(void **state) {
    (void)state;
    int64_t now = time_exact_ms(), coarse = time_now_ms();
    assert_true(llabs(now - (int64_t)time(NULL) * 1000) < 3000);
    assert_true(llabs(now - coarse) < 1000);
}

static void forwards(void **state) {
    (void)state;
    int64_t mono = time_mono_ms();
    uint64_t cpu = time_thread_cpu_ns();
    struct timespec t = {0, 30 * 1000 * 1000};
    nanosleep(&t, NULL);
    int64_t passed = time_mono_ms() - mono;
    assert_true(passed >= 20 && passed < 10000);
    assert_true(time_thread_cpu_ns() > cpu);
}

static int64_t fixed(void *user) {
    return *(int64_t *)user;
}

static void injected(void **state) {
    (void)state;
    int64_t t = 1234;
    clk_t system_clock = {0}, mine = {fixed, &t};
    assert_int_equal(clk_now(&mine), 1234);
    assert_true(llabs(clk_now(&system_clock) - time_now_ms()) < 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agree), cmocka_unit_test(forwards), cmocka_unit_test(injected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
