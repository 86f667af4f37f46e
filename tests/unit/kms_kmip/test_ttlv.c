/* ttlv.c: what is written can be read; what lies about its lengths is refused before anybody looks inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/kmip/ttlv.h"

static void test_write_and_read(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 4096, "test", false);
    size_t outer = ttlv_begin(&b, 0x420001);
    ttlv_put_int(&b, 0x420002, -2);
    ttlv_put_enum(&b, 0x420003, 0x80000001u);
    ttlv_put_text(&b, 0x420004, "12345678");
    ttlv_put_text(&b, 0x420005, "");
    size_t inner = ttlv_begin(&b, 0x420006);
    ttlv_put_bytes(&b, 0x420007, bytes("\x01\x02\x03", 3));
    ttlv_end(&b, inner);
    ttlv_end(&b, outer);
    assert_int_equal(buf_check(&b, NULL), 0);
    assert_int_equal(b.len % 8, 0);
    assert_null(ttlv_check(buf_view(&b)));
    cur_t c = cur_of(buf_view(&b));
    ttlv_t t, v;
    assert_true(ttlv_next(&c, &t));
    assert_int_equal(t.tag, 0x420001);
    assert_false(ttlv_next(&c, &v));
    assert_true(ttlv_find(t.value, 0x420002, TTLV_INTEGER, &v));
    assert_int_equal((int32_t)ttlv_u32(&v), -2);
    assert_true(ttlv_find(t.value, 0x420003, TTLV_ENUM, &v));
    assert_int_equal(ttlv_u32(&v), 0x80000001u);
    assert_false(ttlv_find(t.value, 0x420003, TTLV_INTEGER, &v)); /* another type is not it */
    assert_true(ttlv_find(t.value, 0x420004, TTLV_TEXT, &v));
    assert_int_equal(v.value.len, 8);
    assert_true(ttlv_find(t.value, 0x420005, TTLV_TEXT, &v));
    assert_int_equal(v.value.len, 0);
    assert_true(ttlv_find(t.value, 0x420006, TTLV_STRUCTURE, &v));
    assert_true(ttlv_find(v.value, 0x420007, TTLV_BYTES, &v));
    assert_memory_equal(v.value.ptr, "\x01\x02\x03", 3);
    assert_false(ttlv_find(t.value, 0x420007, TTLV_BYTES, &v)); /* children only */
    buf_clear(&b);
}

static const char *check(const char *hex) {
    uint8_t b[512];
    size_t n = 0;
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        char two[3] = {hex[0], hex[1], '\0'};
        b[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    return ttlv_check(bytes(b, n));
}

static void test_lengths(void **state) {
    (void)state;
    assert_null(check("4200780100000000"));
    assert_non_null(check(""));
    assert_non_null(check("42007801000000"));
    assert_non_null(check("4200780200000004000000010000000000"));
    assert_non_null(check("4200780100000008"));                 /* longer than the message */
    assert_non_null(check("42007801000000004200780100000000")); /* something behind */
    assert_non_null(check("42007801ffffffff"));
    assert_non_null(check("420078010000000442006a02")); /* no whole item */
    assert_null(check("420078010000001042006a02000000040000000100000000"));
    assert_non_null(check("420078010000000c42006a020000000400000001"));         /* padding missing */
    assert_non_null(check("420078010000001042006a02000000030000000100000000")); /* an integer of 3 bytes */
    assert_non_null(check("420078010000001042006a0b000000040000000100000000")); /* type 0b */
    assert_non_null(check("420078010000001042006a00000000040000000100000000"));
    assert_non_null(check("420078010000001042006a07000000090000000100000000")); /* longer than its parent */
    assert_non_null(check("420078010000001042006a07fffffff90000000100000000"));
    assert_non_null(check("420078010000001042006a03000000040000000100000000")); /* a long of 4 bytes */
}

static void test_depth(void **state) {
    (void)state;
    for (size_t depth = TTLV_DEPTH - 1; depth <= TTLV_DEPTH + 1; depth++) {
        buf_t b;
        size_t marks[TTLV_DEPTH + 2];
        buf_init(&b, 4096, "test", false);
        for (size_t i = 0; i < depth; i++) {
            marks[i] = ttlv_begin(&b, 0x420001);
        }
        for (size_t i = depth; i-- > 0;) {
            ttlv_end(&b, marks[i]);
        }
        assert_int_equal(ttlv_check(buf_view(&b)) == NULL, depth <= TTLV_DEPTH);
        buf_clear(&b);
    }
}

static void test_size(void **state) {
    (void)state;
    static uint8_t big[TTLV_MESSAGE_MAX + 8] = {0x42, 0, 0x78, TTLV_STRUCTURE, 0, 1, 0, 0};
    assert_non_null(ttlv_check(bytes(big, sizeof big)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
