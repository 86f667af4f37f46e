/* Strings with the fewest escapes; numbers as Java prints them. */
#include "json_test.h"
#include <float.h>
#include <math.h>

static void prints(double v, bool single, const char *expected) {
    buf_t out;
    buf_init(&out, 256, "test", false);
    if (single) {
        json_put_float(&out, (float)v);
    } else {
        json_put_double(&out, v);
    }
    assert_string_equal(buf_cstr(&out), expected);
    buf_clear(&out);
}

static void doubles(void **state) {
    (void)state;
    const struct {
        double v;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {100, "100.0"},
        {0.001, "0.001"},
        {0.00099, "9.9E-4"},
        {9999999, "9999999.0"},
        {1e7, "1.0E7"},
        {12345678.9, "1.23456789E7"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {2e22, "2.0E22"},
        {123456.789, "123456.789"},
        {DBL_MAX, "1.7976931348623157E308"},
        {DBL_MIN, "2.2250738585072014E-308"},
        {4.9e-324, "4.9E-324"},
        {9.9e-324, "9.9E-324"},
        {0x1p-44, "5.684341886080802E-14"},
        {0x1p53, "9.007199254740992E15"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        prints(cases[i].v, false, cases[i].text);
    }
}

static void floats(void **state) {
    (void)state;
    prints(0.1f, true, "0.1");
    prints(16777216.f, true, "1.6777216E7");
    prints(FLT_MAX, true, "3.4028235E38");
    prints(1.4e-45f, true, "1.4E-45");
    prints(1.17549435E-38f, true, "1.1754944E-38");
    prints(3.14159274f, true, "3.1415927");
    prints(100, true, "100.0");
}

/* Whatever is printed reads back as the same number, and no shorter text would. */
static void round_trips(void **state) {
    (void)state;
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        double v;
        memcpy(&v, &x, sizeof v);
        if (!isfinite(v)) {
            continue;
        }
        buf_t out;
        buf_init(&out, 256, "test", false);
        json_put_double(&out, v);
        json_span_t s = scanned(buf_cstr(&out));
        double back;
        assert_true(json_get_double(s, &back));
        assert_memory_equal(&v, &back, sizeof v);
        buf_reset(&out);
        uint32_t bits = (uint32_t)x;
        float f;
        memcpy(&f, &bits, sizeof f);
        if (isfinite(f)) {
            json_put_float(&out, f);
            assert_true(strtof(buf_cstr(&out), NULL) == f);
        }
        buf_clear(&out);
    }
}

static void strings(void **state) {
    (void)state;
    buf_t out;
    buf_init(&out, 256, "test", true);
    const char text[] = "a\"\\/\b\t\n\f\r\x01\x1f\x7f\xc3\xa9\0z";
    json_put_string(&out, text, sizeof text - 1);
    assert_string_equal(buf_cstr(&out), "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001F\x7f\xc3\xa9\\u0000z\"");
    buf_reset(&out);
    json_put_string(&out, "", 0);
    assert_string_equal(buf_cstr(&out), "\"\"");
    buf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles),
        cmocka_unit_test(floats),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
