/* The hash map against a plain array, ownership of values, sweeping, failing allocations. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"
#include "base/random.h"
#include <stdio.h>
#include <string.h>

static unsigned freed;

static void count_free(void *value) {
    (void)value;
    freed++;
}

static void against_an_array(void **state) {
    (void)state;
    enum { KEYS = 500 };
    static int values[KEYS];
    bool there[KEYS] = {false};
    size_t len = 0;
    map_t *m = map_new(NULL);
    assert_non_null(m);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned k = random_below(KEYS);
        char key[32];
        /* Keys of many lengths, every other with a NUL inside. */
        int n = snprintf(key, sizeof key, "%0*u%c%u", (int)(k % 17) + 1, k, k % 2 ? 'x' : 0, k);
        bytes_t b = bytes(key, (size_t)n);
        switch (random_below(4)) {
        case 0:
            assert_int_equal(map_del(m, b), there[k]);
            len -= there[k];
            there[k] = false;
            break;
        case 1:
            assert_ptr_equal(map_take(m, b), there[k] ? &values[k] : NULL);
            len -= there[k];
            there[k] = false;
            break;
        default:
            assert_true(map_put(m, b, &values[k]));
            len += !there[k];
            there[k] = true;
        }
        assert_int_equal(map_len(m), len);
        assert_ptr_equal(map_get(m, b), there[k] ? &values[k] : NULL);
    }
    map_free(m);
}

static void owns_values(void **state) {
    (void)state;
    static int a, b;
    freed = 0;
    map_t *m = map_new(count_free);
    assert_non_null(m);
    assert_true(map_put(m, bytes_str("k"), &a));
    assert_true(map_put(m, bytes_str("k"), &a)); /* the same value: not freed */
    assert_int_equal(freed, 0);
    assert_true(map_put(m, bytes_str("k"), &b));
    assert_int_equal(freed, 1);
    assert_ptr_equal(map_take(m, bytes_str("k")), &b);
    assert_int_equal(freed, 1);
    assert_true(map_put(m, bytes(NULL, 0), &a)); /* the empty key is a key */
    assert_ptr_equal(map_get(m, bytes("", 0)), &a);
    assert_true(map_put(m, bytes_str("x"), &a));
    assert_true(map_del(m, bytes_str("x")));
    assert_int_equal(freed, 2);
    map_clear(m);
    assert_int_equal(freed, 3);
    assert_int_equal(map_len(m), 0);
    assert_true(map_put(m, bytes_str("y"), &a));
    map_free(m);
    assert_int_equal(freed, 4);
    map_free(NULL);
}

typedef struct seen {
    unsigned calls;
    bool key[100];
} seen_t;

static bool odd(void *user, bytes_t key, void *value) {
    seen_t *s = user;
    (void)value;
    s->calls++;
    assert_int_equal(key.len, 1);
    assert_false(s->key[key.ptr[0]]);
    s->key[key.ptr[0]] = true;
    return key.ptr[0] % 2 == 1;
}

static void sweeps(void **state) {
    (void)state;
    static int value;
    freed = 0;
    map_t *m = map_new(count_free);
    assert_non_null(m);
    for (uint8_t i = 0; i < 100; i++) {
        assert_true(map_put(m, bytes(&i, 1), &value));
    }
    seen_t s = {0};
    map_sweep(m, odd, &s);
    assert_int_equal(s.calls, 100);
    assert_int_equal(freed, 50);
    assert_int_equal(map_len(m), 50);
    for (uint8_t i = 0; i < 100; i++) {
        assert_int_equal(map_get(m, bytes(&i, 1)) != NULL, i % 2 == 0);
    }
    map_free(m);
}

static bool every_other(void *user) {
    return ++*(unsigned *)user % 2 == 0;
}

/* A put that fails changes nothing; growing that fails only costs time. */
static void no_memory(void **state) {
    (void)state;
    static int value;
    freed = 0;
    map_t *m = map_new(count_free);
    assert_non_null(m);
    unsigned n = 0, put = 0;
    mem_set_fault(every_other, &n);
    for (unsigned i = 0; i < 1000; i++) {
        put += map_put(m, bytes(&i, sizeof i), &value);
    }
    mem_set_fault(NULL, NULL);
    assert_true(put > 100 && put < 1000);
    assert_int_equal(map_len(m), put);
    assert_int_equal(freed, 0);
    unsigned found = 0;
    for (unsigned i = 0; i < 1000; i++) {
        found += map_get(m, bytes(&i, sizeof i)) != NULL;
    }
    assert_int_equal(found, put);
    map_free(m);
    assert_int_equal(freed, put);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_an_array),
        cmocka_unit_test(owns_values),
        cmocka_unit_test(sweeps),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
