/* Single flight: one owner per key, failures for those who waited, nothing that stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/core.h"
#include "testlib/world.h"

static const char a, b; /* owners */

static void one_owner_per_key(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    core_t *c = w.client;
    assert_int_equal(flight_begin(c, "k", &a, 0, w.err), 0);
    assert_int_equal(flight_begin(c, "k", &a, 0, w.err), 0); /* its own */
    assert_int_equal(flight_begin(c, "k", &b, 0, w.err), SCHLOSS_NEED_WAIT);
    assert_int_equal(flight_begin(c, "other", &b, 0, w.err), 0);
    flight_land(c, "k", &b, SCHLOSS_OK, NULL); /* not its own: nothing */
    assert_int_equal(flight_begin(c, "k", &b, 0, w.err), SCHLOSS_NEED_WAIT);
    flight_land(c, "k", &a, SCHLOSS_OK, NULL);
    assert_int_equal(flight_begin(c, "k", &b, 1, w.err), 0);
    flight_land(c, "k", &b, SCHLOSS_OK, NULL);
    flight_land(c, "other", &b, SCHLOSS_OK, NULL);
    assert_int_equal(map_len(c->flights), 0);
    world_close(&w);
}

static void who_waited_gets_the_failure(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    core_t *c = w.client;
    schloss_error_t *why = schloss_error_new();
    int64_t before = time_mono_ms();
    assert_int_equal(flight_begin(c, "k", &a, 0, w.err), 0);
    (void)err_set(why, SCHLOSS_E_CONNECT, "test");
    flight_land(c, "k", &a, SCHLOSS_E_CONNECT, why);
    assert_int_equal(flight_begin(c, "k", &b, before, w.err), SCHLOSS_E_CONNECT);
    assert_string_equal(schloss_error_message(w.err), "test");
    assert_int_equal(flight_begin(c, "k", &b, time_mono_ms() + 1000, w.err), 0); /* waits since after that landing */
    assert_int_equal(flight_begin(c, "k", &a, before, w.err), SCHLOSS_NEED_WAIT);
    pthread_mutex_lock(&c->lock);
    flight_drop_all(c);
    pthread_mutex_unlock(&c->lock);
    assert_int_equal(map_len(c->flights), 0);
    flight_land(c, "k", &b, SCHLOSS_E_CONNECT, why); /* landing what was dropped is nothing */
    assert_int_equal(map_len(c->flights), 0);
    schloss_error_free(why);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_owner_per_key),
        cmocka_unit_test(who_waited_gets_the_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
