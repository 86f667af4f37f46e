/* Filling errors through the public door: as the library's own, without allocation, cleaned and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/mem.h"
#include <schloss/ext/error.h>
#include <string.h>

static void sets_and_cleans(void **state) {
    (void)state;
    schloss_error_t *err = schloss_error_new();
    char huge[2000];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    uint64_t before = mem_count();
    assert_int_equal(schloss_error_set(err, SCHLOSS_E_TIMEOUT, "%s after %d ms\n", "gone", 7), SCHLOSS_E_TIMEOUT);
    schloss_error_set_hint(err, "try %s", "later");
    assert_string_equal(schloss_error_message(err), "gone after 7 ms?");
    assert_string_equal(schloss_error_hint(err), "try later");
    assert_true(schloss_error_is_retriable(err));
    schloss_error_set_hint(err, "%s", huge);
    assert_true(strlen(schloss_error_hint(err)) < sizeof(huge) - 1);
    assert_int_equal(schloss_error_set(err, SCHLOSS_E_TLS, "%s", huge), SCHLOSS_E_TLS);
    assert_string_equal(schloss_error_hint(err), ""); /* of the last error no more */
    assert_int_equal(mem_count(), before);
    schloss_error_free(err);
}

static void null_is_fine(void **state) {
    (void)state;
    assert_int_equal(schloss_error_set(NULL, SCHLOSS_E_IO, "x"), SCHLOSS_E_IO);
    schloss_error_set_hint(NULL, "x");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sets_and_cleans), cmocka_unit_test(null_is_fine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
