/* Canonical text of JSON Schemas: blanks, order, doubled members, numbers as Java's BigDecimal prints them. */
#include "registry/schema/json_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *in, bool sorted, const char *want) {
    json_span_t value;
    buf_t b;
    buf_init(&b, 65536, "test", false);
    assert_int_equal(json_scan(&value, in, strlen(in), NULL), 0);
    assert_int_equal(json_canonical(value, sorted, &b, NULL), 0);
    assert_string_equal(buf_cstr(&b), want);
    buf_clear(&b);
}

static void texts(void **state) {
    (void)state;
    check(" { } ", false, "{}");
    check("[ 1 , \"a\\/\\u00e9\\u0001\" ,null , true]", false, "[1,\"a/\xc3\xa9\\u0001\",null,true]");
    check("{\"b\":1,\"a\":{\"d\":2,\"c\":3}}", false, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}");
    check("{\"b\":1,\"a\":[{\"d\":2,\"c\":3}]}", true, "{\"a\":[{\"c\":3,\"d\":2}],\"b\":1}");
    check("{\"a\":1,\"b\":2,\"\\u0061\":3}", false, "{\"a\":3,\"b\":2}");
    check("{\"\\ud83d\\ude00\":1,\"\\uff00\":2}", true, "{\"\xf0\x9f\x98\x80\":1,\"\xef\xbc\x80\":2}");
}

/* java.math.BigDecimal.toString */
static void numbers(void **state) {
    static const char *const rows[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"12", "12"},
        {"-12", "-12"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"1.50", "1.50"},
        {"-1.5", "-1.5"},
        {"0.0", "0.0"},
        {"-0.00", "0.00"},
        {"1e3", "1E+3"},
        {"1E+3", "1E+3"},
        {"1e0", "1"},
        {"1.5e3", "1.5E+3"},
        {"15e-1", "1.5"},
        {"0.001", "0.001"},
        {"1e-6", "0.000001"},
        {"1e-7", "1E-7"},
        {"0.0000001", "1E-7"},
        {"12e-8", "1.2E-7"},
        {"100.00", "100.00"},
        {"123.456e-10", "1.23456E-8"},
        {"0e5", "0E+5"},
        {"0.00e1", "0.0"},
        {"-1.25E2", "-125"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check(rows[i][0], false, rows[i][1]);
    }
}

static void refusals(void **state) {
    static const char *const rows[] = {"\"\\ud800\"", "[\"\\u0000\"]", "{\"\\u0000\":1}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_span_t value;
        buf_t b;
        buf_init(&b, 65536, "test", false);
        assert_int_equal(json_scan(&value, rows[i], strlen(rows[i]), NULL), 0);
        assert_int_equal(json_canonical(value, false, &b, NULL), SCHLOSS_E_BAD_JSON);
        buf_clear(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(numbers), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
