/* Targets of a handle: told apart by topic, side, subject and schema; bounded; never freed under a prepare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/handle.h"
#include "testlib/world.h"
#include <schloss/ext/prepare.h>
#include <stdio.h>
#include <string.h>

static void targets_are_told_apart(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    handle_t *h = &w.de->h;
    framing_t f1 = {.id = 1}, f2 = {.id = 2}, g = {.is_guid = true};
    const struct {
        schloss_target_t t;
        const framing_t *f;
    } t[] = {
        {{.topic = "a"}, NULL},
        {{.topic = "a", .is_key = true}, NULL},
        {{.topic = "a", .subject = "s"}, NULL},
        {{.topic = "as"}, NULL},
        {{.topic = "a"}, &f1},
        {{.topic = "a"}, &f2},
        {{.topic = "a"}, &g},
        {{.topic = "a", .subject = ""}, NULL},
    };
    target_entry_t *e[COUNT_OF(t)];
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        assert_int_equal(handle_target(h, &t[i].t, t[i].f, &e[i], w.err), 0);
        for (size_t k = 0; k < i; k++) {
            assert_ptr_not_equal(e[i], e[k]);
        }
    }
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        target_entry_t *again = NULL;
        assert_int_equal(handle_target(h, &t[i].t, t[i].f, &again, w.err), 0);
        assert_ptr_equal(again, e[i]);
    }
    char topic[TARGET_KEY_MAX];
    memset(topic, 'x', sizeof(topic) - 1);
    topic[sizeof(topic) - 1] = '\0';
    schloss_target_t huge = {.topic = topic};
    assert_int_equal(handle_target(h, &huge, NULL, &e[0], w.err), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(handle_target(h, NULL, NULL, &e[0], w.err), SCHLOSS_E_INVALID_ARGUMENT);
    world_close(&w);
}

static void targets_are_bounded_but_not_under_a_prepare(void **state) {
    (void)state;
    static const char *const conf[] = {"value.subject.name.strategy", "TopicNameStrategy", NULL};
    world_t w;
    schloss_prepare_t *p = NULL;
    char topic[32];
    schloss_target_t t = {.topic = topic};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    handle_t *h = &w.ser->h;
    target_entry_t *e = NULL;
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &p, w.err), 0);
    for (int i = 0; i < 3 * (int)TARGETS_MAX; i++) {
        snprintf(topic, sizeof(topic), "t%d", i);
        assert_int_equal(handle_target(h, &t, NULL, &e, w.err), 0);
        assert_true(map_len(h->targets) <= TARGETS_MAX);
    }
    assert_int_equal(schloss_prepare_step(p, w.err), SCHLOSS_NEED_IO); /* its target is still there */
    assert_non_null(strstr(schloss_prepare_request(p)->url, "orders-value"));
    schloss_prepare_free(p);
    size_t len = 0;
    for (int i = 0; i <= (int)TARGETS_MAX && len != 1; i++) {
        snprintf(topic, sizeof(topic), "more%d", i);
        assert_int_equal(handle_target(h, &t, NULL, &e, w.err), 0);
        len = map_len(h->targets);
    }
    assert_int_equal(len, 1); /* began anew, now without it */
    world_close(&w);
}

static void nothing_is_asked_of_null_handles(void **state) {
    (void)state;
    schloss_prepare_t *p = NULL;
    schloss_target_t t = {.topic = "a"};
    schloss_decoded_t dec;
    assert_int_equal(schloss_serializer_prepare_begin(NULL, &t, &p, NULL), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_deserializer_prepare_begin(NULL, &p, NULL), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_deserialize(NULL, &t, schloss_bytes("", 0), NULL, 0, &dec, NULL),
                     SCHLOSS_E_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_told_apart),
        cmocka_unit_test(targets_are_bounded_but_not_under_a_prepare),
        cmocka_unit_test(nothing_is_asked_of_null_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
