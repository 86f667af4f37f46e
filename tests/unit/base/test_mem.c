/* The heap: sizes, copies, counting, failing on purpose, wiping. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static void allocates(void **state) {
    (void)state;
    uint64_t before = mem_count();
    char *a = mem_alloc(0), *b = mem_calloc(3, 5), *c = mem_calloc(0, 7);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    for (unsigned i = 0; i < 15; i++) {
        assert_int_equal(b[i], 0);
    }
    memcpy(b, "abc", 4);
    b = mem_realloc(b, 1000);
    assert_non_null(b);
    assert_string_equal(b, "abc");
    assert_int_equal(mem_count(), before + 4);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(NULL);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(mem_calloc(huge, 3));
}

static void copies(void **state) {
    (void)state;
    char *a = mem_strdup("hello"), *b = mem_strndup("hello", 3), *c = mem_strndup("hi", 10), *d = mem_strdup("");
    char *e = mem_printf("%s-%d", "x", 42);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    assert_non_null(e);
    assert_string_equal(a, "hello");
    assert_string_equal(b, "hel");
    assert_string_equal(c, "hi");
    assert_string_equal(d, "");
    assert_string_equal(e, "x-42");
    mem_wipe_str(a);
    mem_wipe_str(NULL);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(e);
}

static bool third(void *user) {
    return ++*(unsigned *)user == 3;
}

static void fails_on_purpose(void **state) {
    (void)state;
    unsigned n = 0;
    mem_set_fault(third, &n);
    void *a = mem_alloc(1), *b = mem_calloc(1, 1);
    void *c = mem_realloc(a, 100); /* fails, and a stays */
    char *d = mem_strdup("x");
    mem_set_fault(NULL, NULL);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(c);
    assert_non_null(d);
    assert_int_equal(n, 4);
    mem_free(a);
    mem_free(b);
    mem_free(d);
}

static bool always(void *user) {
    (void)user;
    return true;
}

static void every_door_fails(void **state) {
    (void)state;
    mem_set_fault(always, NULL);
    void *p[] = {mem_alloc(1),    mem_calloc(1, 1),    mem_realloc(NULL, 1),
                 mem_strdup("x"), mem_strndup("x", 1), mem_printf("%d", 1)};
    mem_set_fault(NULL, NULL);
    for (unsigned i = 0; i < COUNT_OF(p); i++) {
        assert_null(p[i]);
    }
}

static void wipes(void **state) {
    (void)state;
    uint8_t a[70];
    for (size_t n = 0; n < 65; n++) {
        memset(a, 0xee, sizeof a);
        mem_wipe(a + 2, n);
        for (size_t i = 0; i < sizeof a; i++) {
            assert_int_equal(a[i], i >= 2 && i < 2 + n ? 0 : 0xee);
        }
    }
    mem_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates),        cmocka_unit_test(copies), cmocka_unit_test(fails_on_purpose),
        cmocka_unit_test(every_door_fails), cmocka_unit_test(wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
