/* Configuration keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/mem.h"
#include "serde/conf.h"
#include "serde/conf_row.h"
#include <stdio.h>
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
    assert_int_equal(schloss_conf_set(conf, "auto.register.schemas", "true", err), 0);
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

/* Every row: its own default is a good value; what is refused says why; what has no effect says why. */
static void every_row_keeps_its_word(void **state) {
    (void)state;
    size_t n = 0;
    const conf_row_t *rows = conf_rows(&n);
    assert_true(n > 100);
    for (size_t i = 0; i < n; i++) {
        const conf_row_t *r = &rows[i];
        const char *other = r->kind == CONF_K_BOOL ? (r->dflt == NULL || r->dflt[0] == 'f' ? "true" : "false")
                            : r->kind == CONF_K_INT || r->kind == CONF_K_INT1 ? "17"
                            : r->kind == CONF_K_ENUM                          ? NULL
                                                                              : "a=b";
        char word[128];
        if (other == NULL) {
            (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(r->words, "|"), r->words);
            other = word;
        }
        if (strcmp(r->name, "use.schema.guid") == 0) {
            other = "0123456789abcdef0123456789abcdef";
        }
        schloss_rc want = r->status == CONF_REFUSED_KEY ? SCHLOSS_E_UNSUPPORTED : 0;
        schloss_rc rc = schloss_conf_set(conf, r->name, other, err);
        if (rc != want) {
            fail_msg("%s=%s: %s (%s)", r->name, other, schloss_rc_name(rc), schloss_error_message(err));
        }
        if (rc != 0) {
            assert_non_null(strstr(schloss_error_message(err), r->text));
        } else {
            assert_string_equal(conf_str(conf, r->name), other);
        }
        if (r->dflt != NULL) {
            assert_int_equal(schloss_conf_set(conf, r->name, r->dflt, err), 0);
        }
        assert_true(strlen(r->text) > 8);
        assert_true(conf_row(r->name) == r); /* no name twice */
        if (r->kind == CONF_K_SECRET) {
            assert_null(schloss_conf_get(conf, r->name));
        }
        if (r->kind == CONF_K_BOOL) {
            assert_int_equal(schloss_conf_set(conf, r->name, "perhaps", err), SCHLOSS_E_CONF_VALUE);
        }
        if (r->kind == CONF_K_INT || r->kind == CONF_K_INT1) {
            assert_int_equal(schloss_conf_set(conf, r->name, "-2", err), SCHLOSS_E_CONF_VALUE);
            assert_int_equal(schloss_conf_set(conf, r->name, "-1", err),
                             r->kind == CONF_K_INT ? SCHLOSS_E_CONF_VALUE : 0);
        }
        if (r->kind == CONF_K_ENUM) {
            assert_int_equal(schloss_conf_set(conf, r->name, "NoSuchWord", err), SCHLOSS_E_CONF_VALUE);
        }
    }
}

static void words_of_other_clients_are_refused_with_a_reason(void **state) {
    (void)state;
    static const char *const t[][3] = {
        {"basic.auth.credentials.source", "SASL_INHERIT", "basic.auth.user.info"},
        {"bearer.auth.credentials.source", "SASL_OAUTHBEARER_INHERIT", "OAUTHBEARER"},
        {"bearer.auth.credentials.source", "CUSTOM", "transport hook"},
        {"schema.registry.ssl.truststore.type", "JKS", "PEM"},
        {"schema.registry.ssl.keystore.type", "PKCS12", "openssl"},
        {"validation.rules.execution", "AFTER_DOMAIN_RULES", "CEL"},
        {"rule.executors.cel.class", "io.confluent.kafka.schemaregistry.rules.cel.CelExecutor", "built in"},
        {"rule.actions.mine.class", "com.example.Mine", "built in"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        assert_int_equal(schloss_conf_set(conf, t[i][0], t[i][1], err), SCHLOSS_E_UNSUPPORTED);
        assert_non_null(strstr(schloss_error_message(err), t[i][2]));
        assert_true(strlen(schloss_error_hint(err)) > 0);
    }
}

static void values_with_a_form_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
        schloss_rc rc;
    } t[] = {
        {"use.latest.with.metadata", "k1=v1,k2=v2", 0},
        {"use.latest.with.metadata", "k1", SCHLOSS_E_CONF_VALUE},
        {"use.latest.with.metadata", "=v", SCHLOSS_E_CONF_VALUE},
        {"use.schema.guid", "no", SCHLOSS_E_CONF_VALUE},
        {"schloss.context", "eu", 0},
        {"schloss.context", ":.eu:", SCHLOSS_E_CONF_VALUE},
        {"request.header.X-Team", "shop", 0},
        {"request.header.X Team", "shop", SCHLOSS_E_CONF_VALUE},
        {"request.header.X-Team", "shop\r\nEvil: 1", SCHLOSS_E_CONF_VALUE},
        {"request.header.", "shop", SCHLOSS_E_CONF_UNKNOWN},
        {"rule.actions.dlq.param.dlq.topic", "dead", 0},
        {"rule.actions.dlq", "dead", SCHLOSS_E_CONF_UNKNOWN},
        {"rule.executors.e.class", "io.confluent.kafka.schemaregistry.encryption.FieldEncryptionExecutor", 0},
        {"key.subject.name.strategy", "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy", 0},
        {"key.subject.name.strategy", "TOPIC_RECORD", 0},
        {"proxy.port", "-1", 0},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        schloss_rc rc = schloss_conf_set(conf, t[i].name, t[i].value, err);
        if (rc != t[i].rc) {
            fail_msg("%s=%s: %s", t[i].name, t[i].value, schloss_rc_name(rc));
        }
    }
    assert_null(schloss_conf_get(conf, "request.header.X-Team")); /* may be a credential */
}

static void client_keys_may_have_the_prefix_of_the_registry(void **state) {
    (void)state;
    assert_int_equal(schloss_conf_set(conf, "schema.registry.basic.auth.user.info", "a:b", err), 0);
    assert_string_equal(conf_str(conf, "basic.auth.user.info"), "a:b");
    assert_null(schloss_conf_get(conf, "schema.registry.basic.auth.user.info"));
    assert_int_equal(schloss_conf_set(conf, "schema.registry.max.retries", "9", err), 0);
    assert_string_equal(schloss_conf_get(conf, "schema.registry.max.retries"), "9");
    assert_int_equal(schloss_conf_set(conf, "schema.registry.secret", "x", err), SCHLOSS_E_CONF_UNKNOWN);
    assert_int_equal(schloss_conf_set(conf, "schema.registry.normalize.schemas", "true", err), SCHLOSS_E_CONF_UNKNOWN);
}

static void only_drivers_keys_are_read_at_top_level(void **state) {
    (void)state;
    assert_int_equal(schloss_conf_set(conf, "client.id", "my-producer", err), SCHLOSS_E_UNSUPPORTED);
    assert_int_equal(schloss_conf_set(conf, "rule.executors._default_.param.client.id", "app", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "client.id"), "app");
    assert_int_equal(schloss_conf_set(conf, "basic.auth.user.info", "a:b", err), 0);
    assert_null(conf_driver(conf, "r", "ENCRYPT", "basic.auth.user.info"));
    assert_int_equal(schloss_conf_set(conf, "profile", "prod", err), 0);
    assert_string_equal(conf_driver(conf, "r", "ENCRYPT", "profile"), "prod");
    assert_null(conf_driver(conf, "r", "ENCRYPT", "role.arn"));
}

static void parameters_of_actions_are_found(void **state) {
    (void)state;
    assert_null(conf_action(conf, "r", "DLQ", "dlq.topic"));
    assert_int_equal(schloss_conf_set(conf, "rule.actions._default_.param.dlq.topic", "d", err), 0);
    assert_string_equal(conf_action(conf, "r", "DLQ", "dlq.topic"), "d");
    assert_int_equal(schloss_conf_set(conf, "rule.actions._DLQ_.param.dlq.topic", "t", err), 0);
    assert_string_equal(conf_action(conf, "r", "DLQ", "dlq.topic"), "t");
    assert_int_equal(schloss_conf_set(conf, "rule.actions.r.param.dlq.topic", "n", err), 0);
    assert_string_equal(conf_action(conf, "r", "DLQ", "dlq.topic"), "n");
    assert_string_equal(conf_action(conf, NULL, "DLQ", "dlq.topic"), "t");
}

static void executors_are_built_in_unless_switched_off(void **state) {
    (void)state;
    assert_true(conf_has_executor(conf, "ENCRYPT"));
    assert_int_equal(schloss_conf_set(conf, "rule.service.loader.enable", "false", err), 0);
    assert_false(conf_has_executor(conf, "ENCRYPT"));
    assert_int_equal(schloss_conf_set(conf, "rule.executors", "one, two", err), 0);
    assert_int_equal(conf_check_whole(conf, err), SCHLOSS_E_CONF_MISSING);
    assert_non_null(strstr(schloss_error_message(err), "rule.executors.two.class"));
    assert_int_equal(schloss_conf_set(conf, "rule.executors.one.class",
                                      "io.confluent.kafka.schemaregistry.encryption.FieldEncryptionExecutor", err),
                     0);
    assert_int_equal(schloss_conf_set(conf, "rule.executors.two.class",
                                      "io.confluent.kafka.schemaregistry.encryption.FieldEncryptionExecutor", err),
                     0);
    assert_int_equal(conf_check_whole(conf, err), 0);
    assert_true(conf_has_executor(conf, "ENCRYPT"));
    assert_false(conf_has_executor(conf, "ENCRYPT_PAYLOAD"));
    assert_int_equal(schloss_conf_set(conf, "schloss.rule.executors.builtin", "false", err), 0);
    assert_false(conf_has_executor(conf, "ENCRYPT"));
    assert_int_equal(schloss_conf_set(conf, "rule.actions", "dlq", err), 0);
    assert_int_equal(conf_check_whole(conf, err), SCHLOSS_E_CONF_MISSING);
    assert_int_equal(
        schloss_conf_set(conf, "rule.actions.dlq.class", "io.confluent.kafka.schemaregistry.rules.DlqAction", err), 0);
    assert_int_equal(conf_check_whole(conf, err), 0);
}

static void for_ever_is_a_time_that_can_be_added_to(void **state) {
    (void)state;
    assert_int_equal(conf_ttl_ms(conf, "cache.expiry.secs"), 300000);
    assert_int_equal(schloss_conf_set(conf, "cache.expiry.secs", "-1", err), 0);
    assert_true(conf_ttl_ms(conf, "cache.expiry.secs") == CONF_FOR_EVER_MS);
}

/* spec 8: 49 */
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
        cmocka_unit_test_setup_teardown(every_row_keeps_its_word, setup, teardown),
        cmocka_unit_test_setup_teardown(words_of_other_clients_are_refused_with_a_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(values_with_a_form_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(client_keys_may_have_the_prefix_of_the_registry, setup, teardown),
        cmocka_unit_test_setup_teardown(only_drivers_keys_are_read_at_top_level, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_of_actions_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(executors_are_built_in_unless_switched_off, setup, teardown),
        cmocka_unit_test_setup_teardown(for_ever_is_a_time_that_can_be_added_to, setup, teardown),
        cmocka_unit_test_setup_teardown(merging_tells_whether_the_client_changes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
