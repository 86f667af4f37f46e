/* Buffers: growth, limits, failure that stays, wiping; cursors and varints. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include <stdlib.h>

static void grows(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 1 << 20, "test.limit", false);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_view(&b).len, 0);
    for (unsigned i = 0; i < 3000; i++) {
        buf_put_u8(&b, (uint8_t)i);
        buf_put_be32(&b, i);
        buf_put_str(&b, "xy");
    }
    assert_int_equal(b.len, 3000 * 7);
    assert_int_equal(buf_check(&b, NULL), 0);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(b.ptr[7 * i], (uint8_t)i);
        assert_int_equal(be32_read(b.ptr + 7 * i + 1), i);
        assert_memory_equal(b.ptr + 7 * i + 5, "xy", 2);
    }
    uint64_t before = mem_count();
    buf_reset(&b);
    for (unsigned i = 0; i < 21000; i++) {
        buf_put_u8(&b, 1);
    }
    assert_int_equal(mem_count(), before); /* memory is kept */
    buf_clear(&b);
    assert_null(b.ptr);
    buf_put_str(&b, "again");
    assert_string_equal(buf_cstr(&b), "again");
    buf_clear(&b);
}

static void keeps_the_limit(void **state) {
    (void)state;
    schloss_error_t *err = schloss_error_new();
    assert_non_null(err);
    for (size_t max = 0; max < 200; max++) {
        for (size_t step = 1; step < 12; step++) {
            buf_t b;
            buf_init(&b, max, "test.limit", step % 2 == 0);
            uint8_t piece[12] = {0};
            size_t n = 0;
            while (n + step <= max) {
                buf_put(&b, piece, step);
                n += step;
                assert_int_equal(buf_check(&b, err), 0);
                assert_int_equal(b.len, n);
                assert_true(b.cap <= max);
            }
            (void)buf_cstr(&b); /* the NUL needs no room below the limit */
            assert_int_equal(buf_check(&b, err), 0);
            buf_put(&b, piece, step);
            assert_int_equal(buf_check(&b, err), SCHLOSS_E_LIMIT_EXCEEDED);
            assert_non_null(strstr(schloss_error_message(err), "test.limit"));
            assert_int_equal(b.len, n);
            /* Failure stays, also for what would fit. */
            buf_put_u8(&b, 1);
            buf_put(&b, NULL, 0);
            assert_int_equal(b.len, n);
            assert_string_equal(buf_cstr(&b), "");
            assert_false(buf_reserve(&b, 0));
            buf_reset(&b);
            assert_int_equal(buf_check(&b, err), 0);
            buf_clear(&b);
        }
    }
    buf_t b;
    buf_init(&b, SIZE_MAX, NULL, false);
    buf_put_u8(&b, 1);
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(buf_check(&b, err), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&b);
    schloss_error_free(err);
}

static void prints(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 10, "x", false);
    buf_printf(&b, "%s", "");
    buf_printf(&b, "%d-%s", 42, "abcdefg"); /* ten characters: all there is */
    assert_int_equal(buf_check(&b, NULL), 0);
    assert_string_equal(buf_cstr(&b), "42-abcdefg");
    buf_printf(&b, "%c", 'x');
    assert_int_equal(buf_check(&b, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&b);
}

static bool always(void *user) {
    (void)user;
    return true;
}

static void survives_no_memory(void **state) {
    (void)state;
    for (unsigned sensitive = 0; sensitive < 2; sensitive++) {
        buf_t b;
        buf_init(&b, 1000, "x", sensitive != 0);
        buf_put_str(&b, "kept");
        assert_int_equal(buf_check(&b, NULL), 0);
        mem_set_fault(always, NULL);
        bool ok = buf_reserve(&b, 500);
        mem_set_fault(NULL, NULL);
        assert_false(ok);
        assert_int_equal(buf_check(&b, NULL), SCHLOSS_E_NO_MEMORY);
        assert_memory_equal(b.ptr, "kept", 4);
        buf_clear(&b);
    }
}

static void wipes_when_sensitive(void **state) {
    (void)state;
    static const uint8_t zero[100] = {0};
    buf_t b;
    buf_init(&b, 1000, "x", true);
    buf_put_str(&b, "secret, and more than is left after the cut below");
    size_t n = b.len;
    assert_true(n > 40);
    (void)buf_cstr(&b);
    b.high = b.len;
    b.len = 3;
    buf_reset(&b);
    assert_memory_equal(b.ptr, zero, n + 1);
    buf_put_str(&b, "secret");
    buf_reset(&b);
    assert_memory_equal(b.ptr, zero, n);
    buf_clear(&b);
}

/* Every byte is usable, growing keeps what was put, and the memory begins half a page off. */
static void spreads_large_memory(void **state) {
    (void)state;
    static uint8_t block[40000];
    buf_t b;
    memset(block, 0x5a, sizeof block);
    buf_init(&b, 1000000, "X", true);
    buf_spread(&b);
    buf_put_u8(&b, 7);
    assert_int_equal(b.skew, 0);
    for (int i = 0; i < 5; i++) {
        buf_put(&b, block, sizeof block);
        assert_int_equal(b.skew, 2048);
    }
    assert_int_equal(b.len, 5 * sizeof block + 1);
    assert_int_equal(b.ptr[0], 7);
    assert_memory_equal(b.ptr + 1 + 4 * sizeof block, block, sizeof block);
    assert_int_equal(*buf_cstr(&b), 7);
    buf_clear(&b);
    assert_int_equal(b.skew, 0);
    buf_put_u8(&b, 8);
    assert_int_equal(b.ptr[0], 8);
    buf_clear(&b);
}

static void varints(void **state) {
    (void)state;
    static const int64_t values[] = {0,
                                     -1,
                                     1,
                                     -2,
                                     63,
                                     -64,
                                     64,
                                     -65,
                                     8191,
                                     -8192,
                                     8192,
                                     INT32_MAX,
                                     INT32_MIN,
                                     (int64_t)INT32_MAX + 1,
                                     (int64_t)INT32_MIN - 1,
                                     INT64_MAX,
                                     INT64_MIN};
    buf_t b;
    buf_init(&b, 1000, "x", false);
    for (unsigned i = 0; i < COUNT_OF(values); i++) {
        size_t before = b.len;
        buf_put_varlong(&b, values[i]);
        assert_int_equal(b.len - before, varlong_size(values[i]));
    }
    assert_int_equal(buf_check(&b, NULL), 0);
    cur_t c = cur_of(buf_view(&b));
    for (unsigned i = 0; i < COUNT_OF(values); i++) {
        assert_true(cur_varlong(&c) == values[i]);
    }
    assert_false(c.failed);
    assert_int_equal(cur_left(&c), 0);
    c = cur_of(buf_view(&b));
    for (unsigned i = 0; i < 13; i++) {
        assert_int_equal(cur_varint(&c), values[i]);
        assert_false(c.failed);
    }
    (void)cur_varint(&c);
    assert_true(c.failed);
    buf_clear(&b);
    /* Ten bytes at most, whatever the numbers: a buffer with just enough room takes it. */
    buf_init(&b, 2, "x", false);
    buf_put_varlong(&b, 100);
    assert_int_equal(buf_check(&b, NULL), 0);
    buf_put_varlong(&b, 0);
    assert_int_equal(buf_check(&b, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&b);
}

static void varint_bytes(void **state) {
    (void)state;
    static const struct {
        const char *p;
        size_t n;
        bool ok;
        int64_t value;
    } rows[] = {
        {"", 0, false, 0},
        {"\x80", 1, false, 0},
        {"\x80\x00", 2, true, 0}, /* longer than needed, and legal */
        {"\x81\x01", 2, true, -65},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, INT64_MIN},
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, INT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0}, /* 65 bits */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, false, 0},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        cur_t c = cur_of(bytes(rows[i].p, rows[i].n));
        int64_t v = cur_varlong(&c);
        assert_int_equal(c.failed, !rows[i].ok);
        if (rows[i].ok) {
            assert_true(v == rows[i].value);
            assert_int_equal(cur_left(&c), 0);
        }
    }
}

static void cursor_failure_stays(void **state) {
    (void)state;
    cur_t c = cur_of(bytes("abc", 3));
    assert_non_null(cur_take(&c, 2));
    assert_null(cur_take(&c, SIZE_MAX));
    assert_true(c.failed);
    assert_null(cur_take(&c, 1));
    assert_int_equal(cur_varlong(&c), 0);
    c = cur_of(bytes(NULL, 0));
    assert_int_equal(cur_left(&c), 0);
    assert_null(cur_take(&c, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(keeps_the_limit),
        cmocka_unit_test(prints),
        cmocka_unit_test(survives_no_memory),
        cmocka_unit_test(wipes_when_sensitive),
        cmocka_unit_test(spreads_large_memory),
        cmocka_unit_test(varints),
        cmocka_unit_test(varint_bytes),
        cmocka_unit_test(cursor_failure_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
