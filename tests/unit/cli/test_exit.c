/* Exit codes: every outcome of the library has one, the table holds each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cli/exit.c"

static void test_categories(void **state) {
    (void)state;
    assert_int_equal(exit_code_of(0, 0, 0), 0);
    assert_int_equal(exit_code_of(SCHLOSS_E_CONF_UNKNOWN, 0, 0), CLI_EXIT_USAGE);
    assert_int_equal(exit_code_of(SCHLOSS_E_INVALID_ARGUMENT, 0, 0), CLI_EXIT_USAGE);
    assert_int_equal(exit_code_of(SCHLOSS_E_SCHEMA_NOT_FOUND, 0, 0), CLI_EXIT_NOT_FOUND);
    assert_int_equal(exit_code_of(SCHLOSS_E_KEK_NOT_FOUND, 0, 0), CLI_EXIT_NOT_FOUND);
    assert_int_equal(exit_code_of(SCHLOSS_E_CONFLICT, 409, 40971), CLI_EXIT_CONFLICT);
    assert_int_equal(exit_code_of(SCHLOSS_E_UNAUTHENTICATED, 401, 0), CLI_EXIT_AUTH);
    assert_int_equal(exit_code_of(SCHLOSS_E_FORBIDDEN, 403, 40301), CLI_EXIT_AUTH);
    assert_int_equal(exit_code_of(SCHLOSS_E_KMS_DENIED, 0, 0), CLI_EXIT_AUTH);
    assert_int_equal(exit_code_of(SCHLOSS_E_CONNECT, 0, 0), CLI_EXIT_UNREACHABLE);
    assert_int_equal(exit_code_of(SCHLOSS_E_TIMEOUT, 0, 0), CLI_EXIT_UNREACHABLE);
    assert_int_equal(exit_code_of(SCHLOSS_E_AUTH_FAILED, 0, 0), CLI_EXIT_ENCRYPTION);
    assert_int_equal(exit_code_of(SCHLOSS_E_UNWRAP_FAILED, 0, 0), CLI_EXIT_ENCRYPTION);
    assert_int_equal(exit_code_of(SCHLOSS_E_RULES_REQUIRED, 0, 0), CLI_EXIT_ENCRYPTION);
    assert_int_equal(exit_code_of(SCHLOSS_E_DATA_MISMATCH, 0, 0), CLI_EXIT_DATA);
    assert_int_equal(exit_code_of(SCHLOSS_E_BAD_JSON, 0, 0), CLI_EXIT_DATA);
    assert_int_equal(exit_code_of(SCHLOSS_E_STORE_NEWER, 0, 0), CLI_EXIT_STORE);
    assert_int_equal(exit_code_of(SCHLOSS_E_NO_MEMORY, 0, 0), CLI_EXIT_FAILED);
}

static void test_answers_of_a_registry(void **state) {
    (void)state;
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_STATUS, 422, 42201), CLI_EXIT_DATA);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_STATUS, 422, 42272), CLI_EXIT_CONFLICT);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_BUSY, 500, 50001), CLI_EXIT_UNREACHABLE);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_BUSY, 500, 50070), CLI_EXIT_ENCRYPTION);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_BUSY, 429, 0), CLI_EXIT_UNREACHABLE);
    assert_int_equal(exit_code_of(SCHLOSS_E_SCHEMA_NOT_FOUND, 404, 40470), CLI_EXIT_NOT_FOUND);
    assert_int_equal(exit_code_of(SCHLOSS_E_SCHEMA_NOT_FOUND, 404, 40471), CLI_EXIT_CONFLICT);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_STATUS, 404, 0), CLI_EXIT_NOT_FOUND);
    assert_int_equal(exit_code_of(SCHLOSS_E_REGISTRY_STATUS, 302, 0), CLI_EXIT_FAILED);
}

/* No error may end in 0, and every code that comes out stands in the table. */
static void test_every_code_has_a_row(void **state) {
    (void)state;
#define X_CODE(name, value, category, flags, text) SCHLOSS_E_##name,
    static const schloss_rc all[] = {SCHLOSS_ERROR_CODES(X_CODE)};
#undef X_CODE
    static const int statuses[] = {0, 302, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (size_t k = 0; k < COUNT_OF(statuses); k++) {
            int code = exit_code_of(all[i], statuses[k], 0);
            bool found = false;
            int value = 0;
            const char *text = NULL;
            for (unsigned row = 0; exit_code_row(row, &value, &text); row++) {
                found = found || value == code;
            }
            assert_true(found);
            assert_int_not_equal(code, 0);
        }
    }
}

static void test_rows_are_distinct_and_documented(void **state) {
    (void)state;
    int value = 0;
    int other = 0;
    const char *text = NULL;
    unsigned n = 0;
    for (; exit_code_row(n, &value, &text); n++) {
        assert_in_range(value, 0, 255);
        assert_true(strlen(text) > 4);
        for (unsigned k = 0; k < n; k++) {
            assert_true(exit_code_row(k, &other, &text));
            assert_int_not_equal(value, other);
        }
    }
    assert_int_equal(n, 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_answers_of_a_registry),
        cmocka_unit_test(test_every_code_has_a_row),
        cmocka_unit_test(test_rows_are_distinct_and_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
