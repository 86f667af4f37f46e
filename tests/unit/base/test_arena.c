/* Arenas: alignment, zeroes, caps, strings. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include <string.h>

static void pieces(void **state) {
    (void)state;
    static const uint8_t zero[5000] = {0};
    arena_t a;
    arena_init(&a, 1 << 22, true);
    for (size_t n = 0; n < 300; n++) {
        size_t size = n % 50 == 49 ? 5000 : n;
        uint8_t *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_memory_equal(p, zero, size);
        memset(p, 0xff, size); /* overlaps would show as bytes that are not zero */
    }
    arena_clear(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 10)); /* may be used again */
    arena_clear(&a);
    arena_clear(&a);
}

static void few_blocks(void **state) {
    (void)state;
    arena_t a;
    arena_init(&a, 1 << 24, false);
    uint64_t before = mem_count();
    for (unsigned i = 0; i < 10000; i++) {
        assert_non_null(arena_alloc(&a, 64));
    }
    assert_true(mem_count() - before < 30);
    arena_clear(&a);
}

static void capped(void **state) {
    (void)state;
    arena_t a;
    arena_init(&a, 1000, false);
    assert_null(arena_alloc(&a, 1001));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc_n(&a, SIZE_MAX / 2, 3));
    assert_null(ARENA_ARRAY(&a, uint64_t, SIZE_MAX / 8 + 2));
    unsigned n = 0;
    while (arena_alloc(&a, 16) != NULL) {
        n++;
    }
    assert_int_equal(n, 62);
    arena_clear(&a);
    assert_non_null(arena_alloc(&a, 900));
    arena_clear(&a);
}

static void strings(void **state) {
    (void)state;
    arena_t a;
    arena_init(&a, 1 << 16, false);
    char *s = arena_strdup(&a, "hello"), *t = arena_strndup(&a, "hello", 2), *u = arena_printf(&a, "%d%s", 7, "x");
    char *v = arena_strndup(&a, NULL, 0);
    assert_non_null(s);
    assert_non_null(t);
    assert_non_null(u);
    assert_non_null(v);
    assert_string_equal(s, "hello");
    assert_string_equal(t, "he");
    assert_string_equal(u, "7x");
    assert_string_equal(v, "");
    uint32_t *one = ARENA_NEW(&a, uint32_t), *many = ARENA_ARRAY(&a, uint32_t, 10);
    assert_non_null(one);
    assert_non_null(many);
    assert_int_equal(many[9], 0);
    arena_clear(&a);
}

static bool always(void *user) {
    (void)user;
    return true;
}

static void no_memory(void **state) {
    (void)state;
    arena_t a;
    arena_init(&a, 1 << 16, false);
    mem_set_fault(always, NULL);
    void *p = arena_alloc(&a, 10);
    char *s = arena_printf(&a, "x");
    mem_set_fault(NULL, NULL);
    assert_null(p);
    assert_null(s);
    assert_int_equal(a.used, 0);
    arena_clear(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),  cmocka_unit_test(few_blocks), cmocka_unit_test(capped),
        cmocka_unit_test(strings), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
