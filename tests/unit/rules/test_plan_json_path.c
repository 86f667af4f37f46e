/* The step-by-step matcher agrees with the whole-name matcher, on random patterns and names; or says that it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "rules/plan_json_path.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed = 12345;

static unsigned pick(unsigned n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void agrees_with_the_wildcard_matcher(void **state) {
    (void)state;
    static const char *const pieces[] = {"$",     ".",   "a", "b", "*", "**",       "**.*", "?",  "[ab]", "[^a]",
                                         "[0-3]", "[[]", "0", "]", "[", "\xc3\xa4", ".a",   "$.", "[1]",  "{"};
    static const char *const names[] = {"a", "b", "ab", "\xc3\xa4", "a.b", "0", "{"};
    const char *tags[] = {"PII"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    unsigned hits = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char pattern[64] = "", indexed[64] = "$", plain[64] = "$";
        for (unsigned i = 0, n = 1 + pick(6); i < n; i++) {
            strcat(pattern, pieces[pick(sizeof pieces / sizeof *pieces)]);
        }
        json_t *metadata = json_pack("{s{s[s]s[s]}}", "tags", pattern, "PII", "$.a.b.**", "OTHER");
        json_paths_t jp;
        uint32_t at = 0;
        assert_int_equal(json_paths_init(&jp, &rule, metadata, &at, NULL), SCHLOSS_OK);
        schloss_rc rc = SCHLOSS_OK;
        for (unsigned i = 0, n = 1 + pick(3); i < n && rc == SCHLOSS_OK; i++) {
            const char *name = names[pick(sizeof names / sizeof *names)];
            rc = json_paths_member(&jp, at, name, &at, NULL);
            snprintf(indexed + strlen(indexed), sizeof indexed - strlen(indexed), ".%s", name);
            snprintf(plain + strlen(plain), sizeof plain - strlen(plain), ".%s", name);
            if (rc != SCHLOSS_OK) {
                break;
            }
            bool want = rule_wildcard_match(pattern, indexed) || rule_wildcard_match(pattern, plain);
            if (json_paths_hit(&jp, at) != want) {
                fail_msg("%s on %s and %s", pattern, indexed, plain);
            }
            hits += want;
            for (unsigned k = pick(3); k > 0 && rc == SCHLOSS_OK; k--) {
                rc = json_paths_item(&jp, at, &at, NULL);
                snprintf(indexed + strlen(indexed), sizeof indexed - strlen(indexed), "[%u]",
                         pick(2) ? pick(12) : pick(1200));
            }
        }
        refused += rc == SCHLOSS_E_UNSUPPORTED;
        json_paths_clear(&jp);
        json_decref(metadata);
    }
    assert_true(hits > 1000);
    assert_true(refused > 20);
}

/* Where an index matters the matcher must not go on as if it did not. */
static void an_index_that_matters_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        bool refused;
    } rows[] = {
        {"$.a???.b", true}, {"$.a[[]0].b", true}, {"$.a[[]*].b", false},    {"$.a**.b", false},     {"**.b", false},
        {"$.a????", false}, {"$.b???.b", false},  {"$.a[[][0-9]].b", true}, {"$.a[[]**7].b", true}, {"$.a*.b", false},
    };
    const char *tags[] = {"PII"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *metadata = json_pack("{s{s[s]}}", "tags", rows[i].pattern, "PII");
        json_paths_t jp;
        uint32_t at = 0;
        assert_int_equal(json_paths_init(&jp, &rule, metadata, &at, NULL), SCHLOSS_OK);
        assert_int_equal(json_paths_member(&jp, at, "a", &at, NULL), SCHLOSS_OK);
        assert_int_equal(json_paths_item(&jp, at, &at, NULL), SCHLOSS_OK);
        schloss_rc rc = json_paths_member(&jp, at, "b", &at, NULL);
        if (rc != (rows[i].refused ? SCHLOSS_E_UNSUPPORTED : SCHLOSS_OK)) {
            fail_msg("%s: %s", rows[i].pattern, schloss_rc_name(rc));
        }
        json_paths_clear(&jp);
        json_decref(metadata);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_wildcard_matcher),
        cmocka_unit_test(an_index_that_matters_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
