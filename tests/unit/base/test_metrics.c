/* The table of counters. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/metrics.h"
#include <schloss/serde.h>
#include <string.h>

static void table(void **state) {
    (void)state;
    unsigned n = 0;
    const char *text = NULL, *name;
    for (; (name = metrics_name(n, &text)) != NULL; n++) {
        assert_true(name[0] != 0 && text[0] != 0);
        for (unsigned j = 0; j < n; j++) {
            assert_string_not_equal(name, metrics_name(j, NULL));
        }
    }
    assert_int_equal(n, sizeof metrics / sizeof(uint64_t));
    assert_null(metrics_name(n, &text));
    assert_null(metrics_name(~0u, NULL));
}

static void counts(void **state) {
    (void)state;
    uint64_t before = metrics_get("kms_calls"), other = metrics_get("need_key");
    METRIC_ADD(kms_calls, 3);
    METRIC_ADD(kms_calls, 1);
    assert_int_equal(metrics_get("kms_calls"), before + 4);
    assert_int_equal(schloss_metric_get("kms_calls"), before + 4);
    assert_int_equal(metrics_get("need_key"), other);
    assert_int_equal(schloss_metric_get("no such counter"), 0);
    assert_int_equal(schloss_metric_get(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
