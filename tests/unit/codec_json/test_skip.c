/* Stepping over values agrees with the scanner, on good and on bad text, wherever the text is cut. */
#include "json_test.h"
#include "codec/json/skip.h"

static bool skips(const char *text, size_t n) {
    char *copy = malloc(n + 1); /* of its own size: a read behind the end is seen */
    assert_non_null(copy);
    char *exact = n == 0 ? copy : realloc(copy, n);
    memcpy(exact, text, n);
    const char *bad = exact, *p = json_skip_space(exact, exact + n);
    bool deep = false;
    const char *e = json_skip_value(p, exact + n, LIMIT_JSON_DEPTH, &bad, &deep);
    bool ok = e != NULL && json_skip_space(e, exact + n) == exact + n;
    assert_true(e != NULL || deep || (bad >= exact && bad <= exact + n));
    free(exact);
    return ok;
}

static void agrees_with_the_scanner(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,-2.5e+10,0,true,false,null,\"x\\n\\u00e4\\\\\\/\"],\"b\":{},\"c\":[],\"long name of a "
        "member\":{\"d\":[[[]]]}}",
        " [ 1 , { \"a\" : \"0123456789abcdef0123456789abcdef\\\"0123456789abcdef\" } ] ",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "truex",
        "nul",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\"open",
        "[",
        "{",
        "]",
        "[}",
        "{]",
        "[[1}]",
        "1 1",
        "{\"a\":}",
        "{1:2}",
        "\"\x7f\"",
        "-0.0E-0",
        "[\t\r\n1]",
        "[\f1]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            json_span_t v;
            bool want = json_scan(&v, texts[i], n, NULL) == SCHLOSS_OK;
            if (skips(texts[i], n) != want) {
                fail_msg("%.*s", (int)n, texts[i]);
            }
        }
    }
}

static void a_string_ends_wherever_it_ends(void **state) {
    (void)state;
    char text[80];
    for (size_t n = 0; n < 60; n++) { /* across the steps of sixteen bytes */
        for (unsigned kind = 0; kind < 3; kind++) {
            bool escaped = false;
            const char *bad = NULL;
            memset(text, 'x', sizeof text);
            text[0] = '"';
            text[n + 1] = kind == 0 ? '"' : kind == 1 ? '\\' : '\x1f';
            text[n + 2] = 't';
            text[n + 3] = '"';
            const char *e = json_skip_string(text, text + sizeof text, &escaped, &bad);
            if (kind == 2) {
                assert_null(e);
                assert_ptr_equal(bad, text + n + 1);
            } else {
                assert_ptr_equal(e, text + n + (kind == 0 ? 2 : 4));
                assert_int_equal(escaped, kind == 1);
            }
        }
    }
}

static void depth_is_counted(void **state) {
    (void)state;
    char text[64] = "";
    memset(text, '[', 10);
    memset(text + 10, ']', 10);
    const char *bad = NULL;
    bool deep = false;
    assert_ptr_equal(json_skip_value(text, text + 20, 10, &bad, &deep), text + 20);
    assert_false(deep);
    assert_null(json_skip_value(text, text + 20, 9, &bad, &deep));
    assert_true(deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_scanner),
        cmocka_unit_test(a_string_ends_wherever_it_ends),
        cmocka_unit_test(depth_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
