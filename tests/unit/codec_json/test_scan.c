/* The scanner: exactly RFC 8259, positions in errors, limits; iterating over spans. */
#include "json_test.h"

static void good(const char *text, json_kind_t kind) {
    /* An exact copy, so that reading one byte too far is caught. */
    size_t n = strlen(text);
    char *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, text, n);
    json_span_t v;
    schloss_rc rc = json_scan(&v, copy, n, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    assert_int_equal(v.kind, kind);
    free(copy);
}

static void bad(const char *text, const char *where) {
    json_span_t v;
    size_t n = strlen(text);
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    copy = realloc(copy, n > 0 ? n : 1);
    assert_non_null(copy);
    schloss_rc rc = json_scan(&v, copy, n, &err_);
    if (rc != SCHLOSS_E_BAD_JSON || strstr(schloss_error_message(&err_), where) == NULL) {
        print_error("%s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_E_BAD_JSON);
    assert_non_null(strstr(schloss_error_message(&err_), where));
    free(copy);
}

static void values(void **state) {
    (void)state;
    good("null", JSON_T_NULL);
    good(" true\n", JSON_T_BOOL);
    good("false", JSON_T_BOOL);
    good("0", JSON_T_NUMBER);
    good("-0.5e+10", JSON_T_NUMBER);
    good("1E-2", JSON_T_NUMBER);
    good("\"\"", JSON_T_STRING);
    good("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Af\xc3\xa9\"", JSON_T_STRING);
    good("[]", JSON_T_ARRAY);
    good("[ 1 , [ ] , { } ]", JSON_T_ARRAY);
    good("{}", JSON_T_OBJECT);
    good("{ \"a\" : 1 , \"b\" : { \"c\" : [ { } ] } }\t", JSON_T_OBJECT);
    json_span_t v = scanned("  [1]  ");
    assert_int_equal(v.len, 3);
    assert_int_equal(v.ptr[0], '[');
}

static void refusals(void **state) {
    (void)state;
    bad("", "empty");
    bad("   ", "line 1, column 4");
    bad("nul", "column 1");
    bad("nulL", "column 1");
    bad("truex", "column 5");
    bad("01", "column 2");
    bad("-", "column 2");
    bad("+1", "column 1");
    bad("1.", "column 3");
    bad(".5", "column 1");
    bad("1e", "column 3");
    bad("1e+", "column 4");
    bad("NaN", "column 1");
    bad("\"", "column 2");
    bad("\"\\x\"", "column 3");
    bad("\"\\u00g0\"", "column 6");
    bad("\"\\u00", "column 6");
    bad("\"a\nb\"", "line 1, column 3");
    bad("'a'", "column 1");
    bad("[1,]", "column 4");
    bad("[1 2]", "column 4");
    bad("[1", "column 3");
    bad("[\n1,\n}", "line 3, column 1");
    bad("{\"a\"}", "column 5");
    bad("{\"a\":}", "column 6");
    bad("{\"a\":1,}", "column 8");
    bad("{a:1}", "column 2");
    bad("{\"a\":1]", "column 7");
    bad("{1:1}", "column 2");
    bad("1 2", "after the value");
    bad("\"\xff\"", "UTF-8");
    bad("\"\xed\xa0\x80\"", "UTF-8");
}

static void depth(void **state) {
    (void)state;
    size_t n = 2 * 10000;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, '[', n / 2);
    memset(text + n / 2, ']', n / 2);
    text[n] = '\0';
    bad(text, "nested too deeply");
    assert_non_null(strstr(schloss_error_hint(&err_), "512"));
    size_t at = n / 2 - LIMIT_JSON_DEPTH;
    json_span_t v;
    assert_int_equal(json_scan(&v, text + at, 2 * LIMIT_JSON_DEPTH, &err_), SCHLOSS_OK);
    assert_int_equal(json_scan_depth(&v, text + n / 2 - 3, 6, 3, &err_), SCHLOSS_OK);
    assert_int_equal(json_scan_depth(&v, text + n / 2 - 4, 8, 3, &err_), SCHLOSS_E_BAD_JSON);
    free(text);
    assert_int_equal(json_scan(&v, "", LIMIT_JSON_BYTES + 1, &err_), SCHLOSS_E_BAD_JSON);
}

static void iterating(void **state) {
    (void)state;
    json_span_t v = scanned("{ \"a\" : [1,\"x]\\\"}\",{\"b\":[]}] , \"\":null,\"t\":true }");
    json_span_t key, item;
    json_iter_t it = json_iter(v);
    assert_true(json_next(&it, &key, &item));
    assert_true(json_str_equal(key, "a"));
    assert_int_equal(item.kind, JSON_T_ARRAY);
    json_iter_t in = json_iter(item);
    json_span_t x;
    assert_true(json_next(&in, NULL, &x));
    assert_int_equal(x.kind, JSON_T_NUMBER);
    assert_int_equal(x.len, 1);
    assert_true(json_next(&in, NULL, &x));
    assert_true(json_str_equal(x, "x]\"}"));
    assert_true(json_next(&in, NULL, &x));
    assert_int_equal(x.kind, JSON_T_OBJECT);
    assert_int_equal(x.len, 8);
    assert_false(json_next(&in, NULL, &x));
    assert_true(json_next(&it, &key, &item));
    assert_true(json_str_equal(key, ""));
    assert_int_equal(item.len, 4);
    assert_true(json_next(&it, &key, &item));
    assert_int_equal(item.len, 4);
    assert_false(json_next(&it, &key, &item));
    assert_false(json_next(&it, &key, &item));
    it = json_iter(scanned("[]"));
    assert_false(json_next(&it, NULL, &item));
    it = json_iter(scanned("{ }"));
    assert_false(json_next(&it, NULL, &item));
    it = json_iter(scanned("\"[1]\"")); /* no container */
    assert_false(json_next(&it, NULL, &item));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(refusals),
        cmocka_unit_test(depth),
        cmocka_unit_test(iterating),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
