/* references.c: order, contexts, cycles, limits, resuming. */
#include "unit/client/canned.h"

#include "base/limits.h"

#define REF(name, subject, version) "{\"name\":\"" name "\",\"subject\":\"" subject "\",\"version\":" version "}"
#define SCHEMA(text, refs) "{\"id\":1,\"schema\":\"" text "\",\"references\":[" refs "]}"

static void assert_refs(const sr_schema_t *s, const char *const *names, size_t n) {
    assert_int_equal(s->n_references, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(s->references[i].name, names[i]);
    }
}

static void test_children_first_each_once(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/versions/latest", 200, SCHEMA("top", REF("A", "a", "1") "," REF("B", "b", "2"))},
        {"GET /subjects/a/versions/1?deleted=true", 200, SCHEMA("ta", REF("C", "c", "1") "," REF("D", "d", "1"))},
        {"GET /subjects/b/versions/2?deleted=true", 200, SCHEMA("tb", REF("D", "d", "9") "," REF("C", "c", "1"))},
        {"GET /subjects/c/versions/1?deleted=true", 200, SCHEMA("tc", REF("D", "d", "1"))},
        {"GET /subjects/d/versions/1?deleted=true", 200, "{\"schema\":\"td\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), 0);
    assert_refs(s, (const char *const[]){"D", "C", "A", "B"}, 4);
    assert_string_equal(s->references[0].text, "td");
    assert_string_equal(s->references[0].subject, "d");
    assert_int_equal(s->references[0].version, 1); /* the first of two versions wins */
    assert_int_equal(s->references[3].version, 2);
    assert_string_equal(s->text, "top");
    assert_int_equal(c.n_requests, 5);
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_context_of_the_referrer(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /schemas/ids/3?subject=%3A.eu%3As", 200, SCHEMA("top", REF("A", "a", "1") "," REF("B", ":.us:b", "1"))},
        {"GET /subjects/%3A.eu%3Aa/versions/1?deleted=true", 200, "{\"schema\":\"ta\"}"},
        {"GET /subjects/%3A.us%3Ab/versions/1?deleted=true", 200, SCHEMA("tb", REF("C", "c", "1"))},
        {"GET /subjects/%3A.us%3Ac/versions/1?deleted=true", 200, "{\"schema\":\"tc\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_by_id(c.io, &c.svc, 3, ":.eu:s", &s, &c.err)), 0);
    assert_refs(s, (const char *const[]){"A", "C", "B"}, 3);
    assert_string_equal(s->references[0].subject, ":.eu:a");
    assert_string_equal(s->references[1].subject, ":.us:c");
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_subject_of_the_answer_rules(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /schemas/ids/3", 200,
         "{\"subject\":\":.eu:x\",\"schema\":\"1\",\"references\":[" REF("A", "a", "-1") "]}"},
        {"GET /subjects/%3A.eu%3Aa/versions/latest?deleted=true", 200, "{\"schema\":\"ta\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_by_id(c.io, &c.svc, 3, NULL, &s, &c.err)), 0);
    assert_int_equal(s->n_references, 1);
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_cycle(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/versions/latest", 200, SCHEMA("top", REF("A", "a", "1"))},
        {"GET /subjects/a/versions/1?deleted=true", 200, SCHEMA("ta", REF("B", "b", "1"))},
        {"GET /subjects/b/versions/1?deleted=true", 200, SCHEMA("tb", REF("A", "a", "1"))},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), SCHLOSS_E_REGISTRY_ANSWER);
    assert_contains(c.err.message, "cycle through 'A'");
    assert_string_equal(c.err.subject, "s");
    /* the outcome stays the same when the logic is run again */
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), SCHLOSS_E_REGISTRY_ANSWER);
    assert_int_equal(c.n_requests, 3);
    assert_null(s);
    canned_close(&c);
}

static void test_missing(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/versions/latest", 200, SCHEMA("top", REF("A", "a", "6"))}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), SCHLOSS_E_SCHEMA_NOT_FOUND);
    assert_contains(c.err.message, "refers to 'A'");
    assert_contains(c.err.message, "version 6 of subject a");
    canned_close(&c);
}

static void test_error_of_a_reference(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/versions/latest", 200, SCHEMA("top", REF("A", "a", "6"))},
        {"GET /subjects/a/versions/6?deleted=true", 403, "{}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), SCHLOSS_E_FORBIDDEN);
    canned_close(&c);
}

/* Every schema refers to one more, for ever. */
static schloss_rc endless(canned_t *c, sr_schema_t **s) {
    schloss_rc rc;
    int n = 0;
    while ((rc = sr_get_latest(c->io, &c->svc, "s", s, &c->err)) == SCHLOSS_NEED_IO) {
        char body[256];
        n++;
        (void)snprintf(body, sizeof body,
                       "{\"id\":1,\"schema\":\"x\",\"references\":[{\"name\":\"n%d\",\"subject\":\"r%d\","
                       "\"version\":1}]}",
                       n, n);
        assert_int_equal(io_feed(c->io, 200, bytes(body, strlen(body)), 0, &c->err), 0);
    }
    c->n_requests = n;
    return rc;
}

static void test_depth_is_limited(void **state) {
    (void)state;
    canned_t c;
    canned_open(&c, NULL);
    sr_schema_t *s = NULL;
    assert_int_equal(endless(&c, &s), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_contains(c.err.message, "1000 references");
    assert_int_equal(c.n_requests, 1 + (int)LIMIT_SCHEMA_REFS);
    canned_close(&c);
}

static void test_width_is_limited(void **state) {
    (void)state;
    size_t cap = (size_t)(LIMIT_SCHEMA_REFS + 2) * 64;
    char *body = test_malloc(cap);
    size_t at = (size_t)snprintf(body, cap, "{\"id\":1,\"schema\":\"x\",\"references\":[");
    for (unsigned i = 0; i <= LIMIT_SCHEMA_REFS; i++) {
        at += (size_t)snprintf(body + at, cap - at, "%s" REF("n", "s", "1"), i == 0 ? "" : ",");
    }
    (void)snprintf(body + at, cap - at, "]}");
    canned_answer_t answers[] = {{NULL, 200, body}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), SCHLOSS_E_LIMIT_EXCEEDED);
    canned_close(&c);
    test_free(body);
}

static void test_abandoned_walk_leaves_nothing(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/versions/latest", 200, SCHEMA("top", REF("A", "a", "1"))},
        {"GET /subjects/a/versions/1?deleted=true", 200, SCHEMA("ta", REF("B", "b", "1"))},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sr_get_latest(c.io, &c.svc, "s", &s, &c.err), SCHLOSS_NEED_IO);
        canned_step(&c);
    }
    assert_int_equal(sr_get_latest(c.io, &c.svc, "s", &s, &c.err), SCHLOSS_NEED_IO);
    canned_close(&c); /* in the middle: the leak checker looks */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_first_each_once),
        cmocka_unit_test(test_context_of_the_referrer),
        cmocka_unit_test(test_subject_of_the_answer_rules),
        cmocka_unit_test(test_cycle),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_error_of_a_reference),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_width_is_limited),
        cmocka_unit_test(test_abandoned_walk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
