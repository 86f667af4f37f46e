/* The writer: everything that waits is one group, nothing is lost at the stop. */
#include "server/writer.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define JOBS 1000

static atomic_int runs, done, largest;

static void run(void *user, request_t **rqs, size_t n) {
    (void)user;
    (void)rqs;
    (void)usleep(200);
    atomic_fetch_add(&runs, 1);
    if ((int)n > atomic_load(&largest)) {
        atomic_store(&largest, (int)n);
    }
}
static void on_done(void *user, writer_job_t *job) {
    (void)user;
    (void)job;
    atomic_fetch_add(&done, 1);
}

static void groups(void **state) {
    static writer_job_t jobs[JOBS];
    (void)state;
    writer_t *w;
    assert_int_equal(writer_start(&w, run, NULL, on_done, NULL, NULL), 0);
    for (size_t i = 0; i < JOBS; i++) {
        assert_true(writer_add(w, &jobs[i]));
    }
    writer_stop(w);
    assert_int_equal(atomic_load(&done), JOBS);
    assert_true(atomic_load(&runs) < JOBS);
    assert_in_range(atomic_load(&largest), 2, WRITER_GROUP);
}

static void an_idle_writer_stops(void **state) {
    (void)state;
    writer_t *w;
    assert_int_equal(writer_start(&w, run, NULL, on_done, NULL, NULL), 0);
    writer_stop(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),
        cmocka_unit_test(an_idle_writer_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
