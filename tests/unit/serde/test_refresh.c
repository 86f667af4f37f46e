/* The refresh thread renews what is in use before it expires, so that no record waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

static void used_entries_are_renewed_in_the_background(void **state) {
    (void)state;
    world_t w;
    uint8_t rec[256];
    schloss_encoded_t enc;
    size_t n = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    static const char *const conf[] = {
        "schloss.refresh.thread", "true", "cache.expiry.secs", "10", "latest.cache.ttl.sec", "10", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    schloss_rc rc = schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err);
    assert_int_equal(rc, 0);
    uint64_t before = schloss_metric_get("refreshes");
    size_t waits = 0;
    for (int i = 0; i < 125; i++) { /* longer than the entries live; the thread has two seconds to renew them */
        usleep(100000);
        rc = schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err);
        if (rc == SCHLOSS_NEED_KEY) {
            waits++;
            rc = schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err);
        }
        assert_int_equal(rc, 0);
    }
    /* association and view share a time to live; the association is asked again with the view, by a record */
    assert_true(waits <= 1);
    assert_true(schloss_metric_get("refreshes") >= before + 2);
    world_close(&w);
}

static int64_t wall_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A DEK expires while records are written: they go on under it until the thread has made the next one, soon after. */
static void an_expiring_key_is_replaced_in_the_background(void **state) {
    (void)state;
    world_t w;
    uint8_t rec[256];
    schloss_encoded_t enc;
    size_t n = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    static const char *const conf[] = {"schloss.refresh.thread", "true", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ",\"encrypt.dek.expiry.days\":\"1\""), conf);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", false);
    fake_registry_make_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_GCM", NULL);
    int64_t due = wall_ms() + 1500;
    fake_registry_age_deks(w.fr, WORLD_SUBJECT, due - 86400000);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err), 0);
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    int64_t replaced = 0;
    while (wall_ms() < due + 1500) {
        assert_int_equal(schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err), 0);
        if (replaced == 0 && fake_registry_n_deks(w.fr) == 2) {
            replaced = wall_ms();
        }
        usleep(2000);
    }
    assert_true(replaced >= due);
    assert_true(replaced < due + 1000); /* well within the grace of two seconds, on a loaded machine, too */
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(used_entries_are_renewed_in_the_background),
                                       cmocka_unit_test(an_expiring_key_is_replaced_in_the_background)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
