/* Which fields a rule touches: no tags, inline tags, metadata tags, both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rules/tags.h"

static bool matches(const char *rule_tag, const char *inline_tag, const char *metadata) {
    const char *rule_tags[] = {"OTHER", rule_tag}, *field_tags[] = {"X", inline_tag};
    rule_t rule = {.name = "r", .tags = rule_tags, .n_tags = rule_tag == NULL ? 0 : 2};
    json_t *md = metadata == NULL ? NULL : json_loads(metadata, 0, NULL);
    bool hit = rule_matches_field(&rule, "shop.Person.ssn", field_tags, inline_tag == NULL ? 0 : 2, md);
    json_decref(md);
    return hit;
}

/* spec 8: 71 */
static void tags_are_united(void **state) {
    (void)state;
    assert_true(matches(NULL, NULL, NULL)); /* a rule without tags touches every field */
    assert_true(matches("PII", "PII", NULL));
    assert_false(matches("PII", "pii", NULL));
    assert_false(matches("PII", NULL, NULL));
    assert_true(matches("PII", NULL, "{\"tags\":{\"**.ssn\":[\"A\",\"PII\"]}}"));
    assert_true(matches("PII", "PII", "{\"tags\":{\"**.ssn\":[\"A\"]}}"));
    assert_false(matches("PII", NULL, "{\"tags\":{\"*.ssn\":[\"PII\"]}}")); /* one star spans no dot */
    assert_false(matches("PII", "A", "{\"tags\":{\"**.name\":[\"PII\"]}}"));
    assert_false(matches("PII", NULL, "{\"tags\":null}"));
    assert_false(matches("PII", NULL, "{}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tags_are_united)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
