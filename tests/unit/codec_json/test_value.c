/* Decoding strings and numbers of scanned text. */
#include "json_test.h"
#include <float.h>
#include <locale.h>

static void decodes(const char *text, const char *expected, size_t n) {
    buf_t out;
    buf_init(&out, 1024, "test", true);
    assert_int_equal(json_str_decode(scanned(text), &out, &err_), SCHLOSS_OK);
    assert_int_equal(out.len, n);
    if (n > 0) {
        assert_memory_equal(out.ptr, expected, n);
    }
    buf_clear(&out);
}

static void strings(void **state) {
    (void)state;
    decodes("\"\"", "", 0);
    decodes("\"plain\"", "plain", 5);
    decodes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    decodes("\"\\u0000a\"", "\0a", 2);
    decodes("\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
    const char *const halves[] = {"\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ude00\"", "\"\\ud83d\\ud83d\"", "\"\\ud83d\\n\""};
    for (size_t i = 0; i < 5; i++) {
        buf_t out;
        buf_init(&out, 1024, "test", true);
        assert_int_equal(json_str_decode(scanned(halves[i]), &out, &err_), SCHLOSS_E_BAD_JSON);
        buf_clear(&out);
        assert_false(json_str_equal(scanned(halves[i]), "x"));
    }
    buf_t out;
    buf_init(&out, 2, "tiny", true);
    assert_int_equal(json_str_decode(scanned("\"abc\""), &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
    buf_init(&out, 2, "tiny", true);
    assert_int_equal(json_str_decode(scanned("1"), &out, &err_), SCHLOSS_E_BAD_JSON);
    buf_clear(&out);
}

static void equality(void **state) {
    (void)state;
    assert_true(json_str_equal(scanned("\"abc\""), "abc"));
    assert_false(json_str_equal(scanned("\"abc\""), "ab"));
    assert_false(json_str_equal(scanned("\"ab\""), "abc"));
    assert_true(json_str_equal(scanned("\"\\u0061\\u00e9\""), "a\xc3\xa9"));
    assert_false(json_str_equal(scanned("\"\\u00e9\""), "\xc3"));
    assert_false(json_str_equal(scanned("\"a\\\\\""), "a\\\\")); /* the escaped form is not the text */
    assert_true(json_str_equal(scanned("\"a\\\\\""), "a\\"));
    assert_false(json_str_equal(scanned("\"a\\u0000\""), "a"));
    assert_false(json_str_equal(scanned("null"), "null"));
}

static void integers(void **state) {
    (void)state;
    int64_t v = 7;
    assert_true(json_get_int64(scanned("0"), &v));
    assert_true(v == 0);
    assert_true(json_get_int64(scanned("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(json_get_int64(scanned("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    const char *const not_there[] = {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "\"1\"",
                                     "99999999999999999999"};
    for (size_t i = 0; i < 6; i++) {
        assert_false(json_get_int64(scanned(not_there[i]), &v));
    }
    assert_true(v == INT64_MIN); /* untouched */
}

static void doubles(void **state) {
    (void)state;
    double v;
    assert_true(json_get_double(scanned("0.1"), &v));
    assert_true(v == 0.1);
    assert_true(json_get_double(scanned("-1E-2"), &v));
    assert_true(v == -0.01);
    assert_true(json_get_double(scanned("1.7976931348623157e308"), &v));
    assert_true(v == DBL_MAX);
    assert_false(json_get_double(scanned("1e309"), &v));
    const char *const no_numbers[] = {"", "abc", "1.2.3", ".5", "-", "1e", "0x10", "NaN", "1 "};
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
        json_span_t s = {no_numbers[i], strlen(no_numbers[i]), JSON_T_NUMBER};
        assert_false(json_get_double(s, &v));
    }
    char text[1000];
    memset(text, '1', sizeof text);
    json_span_t s = {text, sizeof text, JSON_T_NUMBER};
    assert_false(json_get_double(s, &v));
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL) { /* where it is installed */
        assert_true(json_get_double(scanned("2.5"), &v));
        (void)setlocale(LC_NUMERIC, "C");
        assert_true(v == 2.5);
    }
}

static void members(void **state) {
    (void)state;
    json_span_t o = scanned("{\"a\":1,\"b\":\"x\\u00e9\",\"a\":true,\"n\":\"\\u0000\"}"), v;
    assert_true(json_member(o, "a", &v));
    assert_true(json_get_bool(v)); /* the last one wins */
    assert_false(json_member(o, "z", &v));
    assert_false(json_member(v, "a", &v));
    assert_false(json_get_bool(scanned("false")));
    char text[8];
    assert_true(json_member_str(o, "b", text, sizeof text));
    assert_string_equal(text, "x\xc3\xa9");
    assert_true(json_member_str(o, "b", text, 4));
    assert_false(json_member_str(o, "b", text, 3));
    assert_false(json_member_str(o, "a", text, sizeof text));
    assert_false(json_member_str(o, "n", text, sizeof text)); /* would end early */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings), cmocka_unit_test(equality), cmocka_unit_test(integers),
        cmocka_unit_test(doubles), cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
