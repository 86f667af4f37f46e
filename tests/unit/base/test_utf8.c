/* UTF-8: every code point, every malformed kind, at every offset of the fast path; cutting. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include <stdlib.h>

static size_t encode(uint8_t *p, uint32_t c) {
    if (c < 0x80) {
        p[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (uint8_t)(0xc0 | c >> 6);
        p[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (uint8_t)(0xe0 | c >> 12);
        p[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        p[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    p[0] = (uint8_t)(0xf0 | c >> 18);
    p[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    p[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    p[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static void every_code_point(void **state) {
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t p[4];
        size_t n = encode(p, c);
        bool want = c < 0xd800 || (c > 0xdfff && c < 0x110000);
        assert_int_equal(utf8_valid(p, n), want);
    }
}

static void malformed(void **state) {
    (void)state;
    static const char *const rows[] = {"\x80",
                                       "\xbf",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xc2",
                                       "\xc2\x41",
                                       "\xe0\x80\x80",
                                       "\xe0\x9f\xbf",
                                       "\xe2\x82",
                                       "\xe2\x28\xa1",
                                       "\xed\xa0\x80",
                                       "\xed\xbf\xbf",
                                       "\xf0\x80\x80\x80",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf0\x9f\x98",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xfe",
                                       "\xe2\x82\x28",
                                       "\xf0\x9f\x28\x80",
                                       "\xf0\x9f\x98\x28"};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        size_t n = strlen(rows[i]);
        for (size_t before = 0; before < 80; before++) {
            for (size_t after = 0; after < 40; after += 13) {
                uint8_t *p = malloc(before + n + after);
                assert_non_null(p);
                memset(p, 'a', before + n + after);
                assert_true(utf8_valid(p, before + n + after));
                memcpy(p + before, rows[i], n);
                assert_false(utf8_valid(p, before + n + after));
                /* The same place with something valid. */
                if (n >= 2) {
                    memset(p + before, 'a', n);
                    memcpy(p + before, "\xc3\xa4", 2);
                    assert_true(utf8_valid(p, before + n + after));
                }
                free(p);
            }
        }
    }
    assert_true(utf8_valid(NULL, 0));
}

static void cut(void **state) {
    (void)state;
    const char *s = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t n = 0; n < COUNT_OF(want); n++) {
        assert_int_equal(utf8_cut(s, n), want[n]);
    }
    /* Not UTF-8: any cut will do, but inside. */
    assert_in_range(utf8_cut("\x80\x80\x80\x80\x80", 5), 0, 5);
    assert_in_range(utf8_cut("\x80", 1), 0, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(malformed),
        cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
