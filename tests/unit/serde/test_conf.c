/* Configuration keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/conf.h"
#include <string.h>

static schloss_conf_t *conf;
static schloss_error_t *err;

static int setup(void **state) {
    (void)state;
    conf = schloss_conf_new();
    err = schloss_error_new();
    return conf == NULL || err == NULL ? -1 : 0;
}
static int teardown(void **state) {
    (void)state;
    schloss_conf_free(conf);
    schloss_error_free(err);
    return 0;
}

static void unknown_keys_name_the_nearest(void **state) {
    (void)state;
    assert_int_equal(schloss_conf_set(conf, "schema.registry.ulr", "http://x", err), SCHLOSS_E_CONF_UNKNOWN);
    assert_non_null(strstr(schloss_error_hint(err), "schema.registry.url"));
    assert_int_equal(schloss_conf_set(conf, "completely.different", "x", err), SCHLOSS_E_CONF_UNKNOWN);
    assert_non_null(strstr(schloss_error_hint(err), "docs/configuration.md"));
    assert_int_equal(schloss_conf_set(conf, "rule.executors.x", "x", err), SCHLOSS_E_CONF_UNKNOWN);
    assert_int_equal(schloss_conf_set(conf, "rule.executors..param.", "x", err), SCHLOSS_E_CONF_UNKNOWN);
}

static void values_are_checked(void **state) {
    (void)state;
    assert_int_equal(schloss_conf_set(conf, "max.retries", "-1", err), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(schloss_conf_set(conf, "max.retries", "", err), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(schloss_conf_set(conf, "max.retries", "1.5", err), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(schloss_conf_set(conf, "max.retries", "2147483647", err), 0);
    assert_int_equal(schloss_conf_set(conf, "max.retries", "4294967296", err), SCHLOSS_E_CONF_VALUE); /* not 0 */
    assert_int_equal(schloss_conf_set(conf, "max.retries", "7", err), 0);
    assert_int_equal(conf_int(conf, "max.retries"), 7);
    assert_int_equal(schloss_conf_set(conf, "normalize.schemas", "yes", err), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(schloss_conf_set(conf, "normalize.schemas", "True", err), 0);
    assert_true(conf_bool(conf, "normalize.schemas"));
    assert_int_equal(schloss_conf_set(conf, "value.subject.name.strategy", "NoStrategy", err), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(schloss_conf_set(conf, "value.subject.name.strategy", "com.example.TopicNameStrategy", err), 0);
    assert_int_equal(schloss_conf_set(conf, "auto.register.schemas", "true", err), SCHLOSS_E_UNSUPPORTED);
    assert_int_equal(schloss_conf_set(conf, "auto.register.schemas", "false", err), 0);
    assert_int_equal(schloss_conf_set(NULL, "a", "b", err), SCHLOSS_E_INVALID_ARGUMENT);
}

static void defaults_hold_and_secrets_are_not_given_out(void **state) {
    (void)state;
    assert_string_equal(schloss_conf_get(conf, "latest.cache.ttl.sec"), "300");
    assert_null(schloss_conf_get(conf, "schema.registry.url"));
    assert_int_equal(schloss_conf_set(conf, "secret", "test-only", err), 0);
    assert_int_equal(schloss_conf_set(conf, "rule.executors.r.param.secret", "test-only", err), 0);
    assert_null(schloss_conf_get(conf, "secret"));
    assert_null(schloss_conf_get(conf, "rule.executors.r.param.secret"));
    assert_string_equal(conf_str(conf, "secret"), "test-only");
}

static void the_most_specific_rule_key_wins(void **state) {
    (void)state;
    assert_null(conf_driver(conf, "r", "ENCRYPT", "secret"));
    assert_int_equal(schloss_conf_set(conf, "secret", "top", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "secret"), "top");
    assert_int_equal(schloss_conf_set(conf, "rule.executors._default_.param.secret", "default", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "secret"), "default");
    assert_int_equal(schloss_conf_set(conf, "rule.executors._ENCRYPT_.param.secret", "type", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "secret"), "type");
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT_PAYLOAD", "secret"), "default");
    assert_int_equal(schloss_conf_set(conf, "rule.executors.r.param.secret", "rule", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "secret"), "rule");
    assert_true(conf_rule_has_params(conf, "r"));
    assert_false(conf_rule_has_params(conf, "q"));
    assert_int_equal(schloss_conf_set(conf, "rule.executors._ENCRYPT_.onFailure", "NONE", err), 0);
    assert_string_equal(conf_rule(conf, "r", "ENCRYPT", "onFailure"), "NONE");
    assert_null(conf_rule(conf, "r", "CEL", "onFailure"));
}

static void merging_tells_whether_the_client_changes(void **state) {
    (void)state;
    bool changed = false;
    schloss_conf_t *over = schloss_conf_new();
    assert_non_null(over);
    assert_int_equal(schloss_conf_set(conf, "schema.registry.url", "http://a", err), 0);
    assert_int_equal(schloss_conf_set(over, "schema.registry.url", "http://a", err), 0);
    assert_int_equal(schloss_conf_set(over, "schloss.require.rules", "true", err), 0);
    assert_int_equal(conf_merge(conf, over, &changed, err), 0);
    assert_false(changed);
    assert_string_equal(conf_str(conf, "schloss.require.rules"), "true");
    assert_int_equal(schloss_conf_set(over, "rule.executors._ENCRYPT_.disabled", "true", err), 0);
    assert_int_equal(conf_merge(conf, over, &changed, err), 0);
    assert_true(changed);
    schloss_conf_t *copy = schloss_conf_dup(conf);
    assert_non_null(copy);
    assert_string_equal(conf_rule(copy, "x", "ENCRYPT", "disabled"), "true");
    schloss_conf_free(copy);
    schloss_conf_free(over);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_keys_name_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(values_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_hold_and_secrets_are_not_given_out, setup, teardown),
        cmocka_unit_test_setup_teardown(the_most_specific_rule_key_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(merging_tells_whether_the_client_changes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
