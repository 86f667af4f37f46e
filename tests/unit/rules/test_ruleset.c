/* Parsing rule sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rules/ruleset.h"
#include <string.h>

static schloss_rc parse(const char *text, ruleset_t **rs) {
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    schloss_rc rc = ruleset_parse(rs, j, NULL);
    json_decref(j);
    return rc;
}

static void keeps_order_and_members(void **state) {
    (void)state;
    ruleset_t *rs = NULL;
    assert_int_equal(
        parse("{\"domainRules\":[{\"name\":\"a\",\"type\":\"encrypt\",\"tags\":[\"X\",\"Y\"],\"mode\":\"WRITE\","
              "\"params\":{\"p\":\"1\"},\"onFailure\":\"NONE\",\"unknown\":1},{\"name\":\"b\",\"type\":\"CEL\","
              "\"kind\":\"CONDITION\",\"disabled\":true}],\"encodingRules\":[{\"name\":\"c\",\"type\":"
              "\"ENCRYPT_PAYLOAD\"}],\"migrationRules\":[{\"bad\":1}],\"enableAt\":\"GATEWAY\"}",
              &rs),
        0);
    assert_int_equal(rs->n_domain, 2);
    assert_int_equal(rs->n_encoding, 1);
    assert_int_equal(rs->enable_at, ENABLE_GATEWAY);
    assert_int_equal(rs->domain[0].type, RULE_TYPE_ENCRYPT); /* without regard to case */
    assert_string_equal(rs->domain[0].type_upper, "ENCRYPT");
    assert_int_equal(rs->domain[0].n_tags, 2);
    assert_int_equal(rs->domain[0].mode, RULE_WRITE);
    assert_int_equal(rs->domain[1].type, RULE_TYPE_OTHER);
    assert_int_equal(rs->domain[1].kind, RULE_CONDITION);
    assert_true(rs->domain[1].disabled);
    assert_int_equal(rs->encoding[0].mode, RULE_WRITEREAD);
    assert_true(rs->encoding[0].is_encoding);
    ruleset_free(rs);
}

static void nothing_is_an_empty_set(void **state) {
    (void)state;
    ruleset_t *rs = NULL;
    assert_int_equal(ruleset_parse(&rs, NULL, NULL), 0);
    assert_int_equal(rs->n_domain + rs->n_encoding, 0);
    ruleset_free(rs);
    assert_int_equal(parse("{}", &rs), 0);
    assert_int_equal(rs->enable_at, ENABLE_ALL);
    ruleset_free(rs);
}

static void malformed_sets_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{\"enableAt\":\"SOMEWHERE\"}",
        "{\"domainRules\":{}}",
        "{\"domainRules\":[1]}",
        "{\"domainRules\":[{\"type\":\"ENCRYPT\"}]}",
        "{\"domainRules\":[{\"name\":\"a\"}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"mode\":\"BOTH\"}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"kind\":\"X\"}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"tags\":\"PII\"}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"tags\":[1]}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"params\":[]}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"disabled\":\"yes\"}]}",
        "{\"domainRules\":[{\"name\":\"a\",\"type\":\"ENCRYPT\",\"onFailure\":1}]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ruleset_t *rs = NULL;
        if (parse(bad[i], &rs) != SCHLOSS_E_RULE_SET) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_null(rs);
    }
}

static void too_many_rules_are_refused(void **state) {
    (void)state;
    json_t *list = json_array();
    for (int i = 0; i < 65; i++) {
        json_array_append_new(list, json_pack("{s:s,s:s}", "name", "a", "type", "CEL"));
    }
    json_t *set = json_pack("{s:o}", "domainRules", list);
    ruleset_t *rs = NULL;
    assert_int_equal(ruleset_parse(&rs, set, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    json_decref(set);
}

/* spec 8: 59, 60 */
static void actions_are_split_by_direction(void **state) {
    (void)state;
    rule_t both = {.mode = RULE_WRITEREAD}, write = {.mode = RULE_WRITE};
    char buf[64];
    assert_string_equal(rule_action(&both, "ERROR,NONE", true, buf), "ERROR");
    assert_string_equal(rule_action(&both, "ERROR,NONE", false, buf), "NONE");
    assert_string_equal(rule_action(&both, "ERROR, NONE ", false, buf), "NONE");
    assert_string_equal(rule_action(&both, "NONE", false, buf), "NONE");
    assert_string_equal(rule_action(&write, "NONE,ERROR", true, buf), "NONE,ERROR"); /* not split: unknown action */
    assert_null(rule_action(&both, "NONE,", false, buf));                            /* default, never a silent pass */
    assert_null(rule_action(&both, "", true, buf));
    assert_null(rule_action(&both, NULL, true, buf));
}

static void tags_compare_as_sets(void **state) {
    (void)state;
    const char *ab[] = {"A", "B"}, *ba[] = {"B", "A"}, *a[] = {"A"};
    rule_t r1 = {.tags = ab, .n_tags = 2}, r2 = {.tags = ba, .n_tags = 2}, r3 = {.tags = a, .n_tags = 1};
    rule_t none = {.n_tags = 0};
    assert_true(rule_same_tags(&r1, &r2));
    assert_false(rule_same_tags(&r1, &r3));
    assert_false(rule_same_tags(&r3, &r1));
    assert_false(rule_same_tags(&none, &none));
}

/* spec 8: 48 */
static void parameters_come_from_rule_then_metadata(void **state) {
    (void)state;
    json_t *md = json_loads("{\"properties\":{\"p\":\"from metadata\",\"q\":\"only metadata\"}}", 0, NULL);
    json_t *params = json_loads("{\"p\":\"own\"}", 0, NULL);
    rule_t r = {.params = params};
    assert_string_equal(rule_param(&r, md, "p"), "own");
    assert_string_equal(rule_param(&r, md, "q"), "only metadata");
    assert_null(rule_param(&r, md, "r"));
    assert_null(rule_param(&r, NULL, "q"));
    json_decref(md);
    json_decref(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_members),
        cmocka_unit_test(nothing_is_an_empty_set),
        cmocka_unit_test(malformed_sets_are_refused),
        cmocka_unit_test(too_many_rules_are_refused),
        cmocka_unit_test(actions_are_split_by_direction),
        cmocka_unit_test(tags_compare_as_sets),
        cmocka_unit_test(parameters_come_from_rule_then_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
