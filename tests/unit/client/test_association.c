/* association.c */
#include "unit/client/canned.h"

static schloss_rc with(canned_t *c, const char *body, char **subject) {
    canned_answer_t answers[] = {{NULL, 200, body}, {NULL, 0, NULL}};
    canned_open(c, answers);
    schloss_rc rc = DRIVE(c, sr_get_association(c->io, &c->svc, NULL, "t", false, subject, &c->err));
    canned_close(c);
    return rc;
}

static void test_found(void **state) {
    (void)state;
    canned_t c;
    char *subject = NULL;
    assert_int_equal(with(&c, "[{\"subject\":\":.eu:s\",\"guid\":\"x\",\"frozen\":false}]", &subject), 0);
    assert_string_equal(subject, ":.eu:s");
    mem_free(subject);
}

static void test_none(void **state) {
    (void)state;
    canned_t c;
    char *subject = NULL;
    assert_int_equal(with(&c, "[]", &subject), SCHLOSS_ABSENT);
    assert_null(subject);
}

static void test_several(void **state) {
    (void)state;
    canned_t c;
    char *subject = NULL;
    assert_int_equal(with(&c, "[{\"subject\":\"a\"},{\"subject\":\"b\"}]", &subject), SCHLOSS_E_SUBJECT_NAME);
    assert_string_equal(c.err.message, "Multiple associated subjects found for topic t");
}

static void test_bad(void **state) {
    (void)state;
    static const char *const bodies[] = {"{}",  "[1]", "[{}]", "[{\"subject\":1}]", "[{\"subject\":\"\"}]",
                                         "[[]", "",    "null"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        canned_t c;
        char *subject = NULL;
        assert_int_equal(with(&c, bodies[i], &subject), SCHLOSS_E_REGISTRY_ANSWER);
        assert_null(subject);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
