/* Path patterns: the table of the specification and what the vectors do not reach. The 66 golden pairs run in
 * tests/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rules/wildcard.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* spec 8: 69 */
static void matches_the_specification(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool match;
    } t[] = {
        {"eve", "eve", true},
        {"eve*", "eve", true},
        {"*", "", true},
        {"?", "", false},
        {"a*.bob.e*", "alice.bob.eve", true},
        {"a*", "alice.bob.eve", false},
        {"a**", "alice.bob.eve", true},
        {"alice.bob*", "alice.bob.eve", false},
        {"alice.bob**", "alice.bob.eve", true},
        {"**.ssn", "$.items[0].ssn", true},
        {"**.ssn", "$.items.ssn", true},
        {"**.ssn", "com.acme.Person.ssn", true},
        {"$.items*.ssn", "$.items[0].ssn", true},
        {"$.items*.ssn", "$.items.ssn", true},
        {"**.*", "anything", true},
        {"**.*", "", true},
        {"$.a[0].b", "$.a[0].b", false}, /* a character class */
        {"$.a[0].b", "$.a0.b", true},
        {"a?c", "a.c", false},
        {"a?c", "abc", true},
        {"a?c",
         "a\xc3\xa9"
         "c",
         true}, /* one character, two bytes */
        {"a??c",
         "a\xc3\xa9"
         "c",
         false},
        {"[^a]b", "cb", true},
        {"[^a]b", "ab", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[", "[", true},
        {"", "", true},
        {"", "a", false},
        {"SSN", "ssn", false},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (rule_wildcard_match(t[i].pattern, t[i].name) != t[i].match) {
            fail_msg("'%s' and '%s' should%s match", t[i].pattern, t[i].name, t[i].match ? "" : " not");
        }
    }
}

static void hostile_patterns_cost_little(void **state) {
    (void)state;
    char *pattern = malloc(4001);
    char *name = malloc(4001);
    for (int i = 0; i < 2000; i++) {
        memcpy(pattern + 2 * i, "*a", 2);
        memcpy(name + 2 * i, "aa", 2);
    }
    pattern[3999] = 'b';
    pattern[4000] = name[4000] = '\0';
    clock_t t = clock();
    assert_false(rule_wildcard_match(pattern, name));
    assert_true(clock() - t < CLOCKS_PER_SEC * 5);
    free(pattern);
    free(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_specification),
        cmocka_unit_test(hostile_patterns_cost_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
