/* Regular expressions: dialect, limits, memory. */
#include "json_test.h"
#include "codec/json/regex.h"
#include "testlib/fault.h"

static bool found(const char *pattern, const char *text) {
    json_regex_t *r = NULL;
    bool hit = false;
    assert_int_equal(json_regex_new(&r, pattern, strlen(pattern), &err_), SCHLOSS_OK);
    assert_int_equal(json_regex_search(r, text, strlen(text), &hit, &err_), SCHLOSS_OK);
    json_regex_free(r);
    return hit;
}

static void speaks_the_dialect_of_schemas(void **state) {
    (void)state;
    assert_true(found("b", "abc")); /* not anchored */
    assert_false(found("^b", "abc"));
    assert_true(found("^\\u00e4$", "\xc3\xa4"));
    assert_true(found("^.$", "\xf0\x9f\x98\x80"));
    assert_false(found("^a$", "a\n"));
    assert_false(found("^\\d$", "\xd9\xa0")); /* an Arabic digit */
    assert_true(found("^(?!x)a+?$", "aa"));
}

static void bad_patterns_say_why(void **state) {
    (void)state;
    json_regex_t *r = NULL;
    static const char *const bad[] = {"(", "[", "a{2,1}", "(?<n>a)(?<n>b)", "\\C"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(json_regex_new(&r, bad[i], strlen(bad[i]), &err_), SCHLOSS_E_SCHEMA_PARSE);
        assert_non_null(strstr(schloss_error_message(&err_), bad[i]));
    }
    char *longest = malloc(LIMIT_REGEX_BYTES + 1);
    assert_non_null(longest);
    memset(longest, 'a', LIMIT_REGEX_BYTES + 1);
    assert_int_equal(json_regex_new(&r, longest, LIMIT_REGEX_BYTES + 1, &err_), SCHLOSS_E_SCHEMA_PARSE);
    free(longest);
}

static void memory_may_run_out(void **state) {
    (void)state;
    fault_install();
    for (uint64_t n = 1;; n++) {
        json_regex_t *r = NULL;
        bool hit = false;
        fault_arm(n);
        schloss_rc rc = json_regex_new(&r, "^(a|b)+c$", 9, NULL);
        if (rc == SCHLOSS_OK) {
            rc = json_regex_search(r, "ababc", 5, &hit, NULL);
        }
        bool fired = fault_fired();
        fault_disarm();
        json_regex_free(r);
        if (!fired) {
            assert_int_equal(rc, SCHLOSS_OK);
            assert_true(hit);
            return;
        }
        assert_int_equal(rc, SCHLOSS_E_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_run_out), /* first: match data of the thread is made here */
        cmocka_unit_test(speaks_the_dialect_of_schemas),
        cmocka_unit_test(bad_patterns_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
