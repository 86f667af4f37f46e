/* schema.c: members of a schema answer, ids and GUIDs, sharing. */
#include "unit/client/canned.h"

#define LATEST "GET /subjects/s/versions/latest"

static schloss_rc latest_with(canned_t *c, const char *body, sr_schema_t **s) {
    canned_answer_t answers[] = {{LATEST, 200, body}, {NULL, 0, NULL}};
    canned_open(c, answers);
    schloss_rc rc = DRIVE(c, sr_get_latest(c->io, &c->svc, "s", s, &c->err));
    canned_close(c);
    return rc;
}

static void test_members(void **state) {
    (void)state;
    canned_t c;
    sr_schema_t *s = NULL;
    assert_int_equal(latest_with(&c,
                                 "{\"subject\":\":.eu:s\",\"version\":3,\"id\":17,"
                                 "\"guid\":\"095D71CF-1255-6b9d-5e33-0ad575b3df5d\",\"schemaType\":\"JSON\","
                                 "\"metadata\":{\"tags\":{}},\"ruleSet\":{\"domainRules\":[]},"
                                 "\"schema\":\"\\\"string\\\"\",\"ts\":1,\"deleted\":false,\"unknown\":[{}]}",
                                 &s),
                     0);
    assert_string_equal(s->subject, ":.eu:s");
    assert_int_equal(s->version, 3);
    assert_int_equal(s->id, 17);
    assert_string_equal(s->guid, "095d71cf-1255-6b9d-5e33-0ad575b3df5d");
    assert_string_equal(s->type, "JSON");
    assert_string_equal(s->text, "\"string\"");
    assert_true(json_is_object(json_object_get(s->metadata, "tags")));
    assert_true(json_is_array(json_object_get(s->rule_set, "domainRules")));
    assert_int_equal(s->n_references, 0);
    assert_ptr_equal(sr_schema_ref(s), s); /* outlives the io, and is freed with its last reference */
    sr_schema_unref(s);
    assert_string_equal(s->text, "\"string\"");
    sr_schema_unref(s);
    sr_schema_unref(NULL);
}

static void test_defaults(void **state) {
    (void)state;
    canned_t c;
    sr_schema_t *s = NULL;
    assert_int_equal(latest_with(&c,
                                 "{\"id\":0,\"schema\":\"1\",\"metadata\":null,\"ruleSet\":null,"
                                 "\"references\":null,\"schemaType\":null}",
                                 &s),
                     0);
    assert_string_equal(s->subject, "");
    assert_int_equal(s->version, 0);
    assert_int_equal(s->id, 0);
    assert_string_equal(s->guid, "");
    assert_string_equal(s->type, "AVRO");
    assert_null(s->metadata);
    assert_null(s->rule_set);
    sr_schema_unref(s);
}

static void test_bad_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"[]", "not a JSON object"},
        {"{\"schema\":\"1\"}", "'id' is missing"},
        {"{\"id\":1}", "'schema' is missing"},
        {"{\"id\":-1,\"schema\":\"1\"}", "'id' is no integer"},
        {"{\"id\":2147483648,\"schema\":\"1\"}", "'id' is no integer"},
        {"{\"id\":1,\"schema\":{}}", "'schema' is no string"},
        {"{\"id\":1,\"schema\":\"1\",\"version\":\"3\"}", "'version' is no integer"},
        {"{\"id\":1,\"schema\":\"1\",\"guid\":\"xyz\"}", "'guid' is no UUID"},
        {"{\"id\":1,\"schema\":\"1\",\"metadata\":[]}", "'metadata' is no object"},
        {"{\"id\":1,\"schema\":\"1\",\"ruleSet\":\"x\"}", "'ruleSet' is no object"},
        {"{\"id\":1,\"schema\":\"1\",\"subject\":5}", "'subject' is no string"},
        {"{\"id\":1,\"schema\":\"1\",\"schemaType\":5}", "'schemaType' is no string"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":{}}", "'references' is no array"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":[1]}", "item of member 'references'"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":[{\"subject\":\"s\",\"version\":1}]}", "'name' is missing"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":[{\"name\":\"s\",\"version\":1}]}", "'subject' is missing"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":[{\"name\":\"s\",\"subject\":\"s\"}]}", "'version' is missing"},
        {"{\"id\":1,\"schema\":\"1\",\"references\":[{\"name\":\"s\",\"subject\":\"s\",\"version\":-2}]}",
         "'version' is no integer"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        canned_t c;
        sr_schema_t *s = NULL;
        assert_int_equal(latest_with(&c, rows[i].body, &s), SCHLOSS_E_REGISTRY_ANSWER);
        assert_contains(c.err.message, rows[i].says);
        assert_string_equal(c.err.subject, "s");
        assert_null(s);
    }
}

static void test_by_id(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {{"GET /schemas/ids/7?subject=s", 200, "{\"schema\":\"1\",\"id\":99}"},
                                              {"GET /schemas/ids/8", 200, "{\"schema\":\"2\"}"},
                                              {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_by_id(c.io, &c.svc, 7, "s", &s, &c.err)), 0);
    assert_int_equal(s->id, 7); /* the id that stands in the record, whatever the answer says */
    sr_schema_unref(s);
    assert_int_equal(DRIVE(&c, sr_get_by_id(c.io, &c.svc, 8, NULL, &s, &c.err)), 0);
    assert_int_equal(s->id, 8);
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_by_guid(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /schemas/guids/095d71cf-1255-6b9d-5e33-0ad575b3df5d", 200, "{\"schema\":\"1\"}"}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_by_guid(c.io, &c.svc, "095d71cf-1255-6b9d-5e33-0ad575b3df5d", &s, &c.err)), 0);
    assert_int_equal(s->id, -1);
    assert_string_equal(s->guid, "095d71cf-1255-6b9d-5e33-0ad575b3df5d");
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_lookup(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"POST /subjects/s?normalize=false&deleted=false", 200, "{\"id\":5,\"version\":2}"},
        {"GET /subjects/r/versions/4?deleted=true", 200, "{\"schema\":\"R\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    schloss_schema_ref_t ref = {"n.R", "r", 4};
    sr_given_t given = {.text = "mine", .refs = &ref, .n_refs = 1};
    assert_int_equal(DRIVE(&c, sr_lookup(c.io, &c.svc, "s", &given, &s, &c.err)), 0);
    assert_int_equal(s->id, 5);
    assert_string_equal(s->text, "mine"); /* what the caller has stands in for what the answer leaves out */
    assert_int_equal(s->n_references, 1);
    assert_string_equal(s->references[0].text, "R");
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_by_metadata(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"GET /subjects/s/metadata?key=a%20b&value=1&key=c&value=%3D&deleted=true", 200, "{\"id\":3,\"schema\":\"1\"}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    sr_want_t want = {.by = SR_METADATA, .subject = "s", .metadata = "a b=1,c=="};
    assert_int_equal(DRIVE(&c, sr_get(c.io, &c.svc, &want, &s, &c.err)), 0);
    assert_int_equal(s->id, 3);
    sr_schema_unref(s);
    want.metadata = "x=y";
    assert_int_equal(DRIVE(&c, sr_get(c.io, &c.svc, &want, &s, &c.err)), SCHLOSS_ABSENT);
    canned_close(&c);
}

static void test_register(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {"POST /subjects/new/versions?normalize=true", 200,
         "{\"id\":5,\"version\":1,\"ruleSet\":{\"domainRules\":[]}}"},
        {"POST /subjects/old/versions?normalize=false", 200, "{\"id\":6}"},
        {"GET /schemas/ids/6?subject=old", 200, "{\"schema\":\"theirs\",\"ruleSet\":{\"domainRules\":[]}}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    sr_given_t given = {.text = "mine", .normalize = true};
    assert_int_equal(DRIVE(&c, sr_register(c.io, &c.svc, "new", &given, &s, &c.err)), 0);
    assert_string_equal(s->text, "mine");
    assert_non_null(s->rule_set);
    assert_int_equal(c.n_requests, 1);
    assert_string_equal(c.body, "{\"schema\":\"mine\",\"schemaType\":\"AVRO\"}");
    sr_schema_unref(s);
    given.normalize = false; /* an answer without rules is no statement that there are none */
    assert_int_equal(DRIVE(&c, sr_register(c.io, &c.svc, "old", &given, &s, &c.err)), 0);
    assert_string_equal(s->text, "theirs");
    assert_int_equal(s->id, 6);
    assert_non_null(s->rule_set);
    sr_schema_unref(s);
    canned_close(&c);
}

#define SOURCE "syntax = \\\"proto3\\\"; message M {}"
#define SERIALIZED "CgdkZWZhdWx0"

/* Whatever the registry answers with: what is given out is the serialized form, of references too. */
static void test_protobuf_is_always_serialized(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {
        {LATEST, 200,
         "{\"id\":1,\"schemaType\":\"PROTOBUF\",\"schema\":\"" SOURCE
         "\",\"references\":[{\"name\":\"a.proto\",\"subject\":\"a\",\"version\":1}]}"},
        {LATEST "?format=serialized", 200,
         "{\"id\":1,\"schemaType\":\"PROTOBUF\",\"schema\":\"" SERIALIZED
         "\",\"references\":[{\"name\":\"a.proto\",\"subject\":\"a\",\"version\":1}]}"},
        {"GET /subjects/a/versions/1?deleted=true&format=serialized", 200,
         "{\"schemaType\":\"PROTOBUF\",\"schema\":\"" SERIALIZED "\"}"},
        {"GET /schemas/ids/7?subject=s&format=serialized", 200,
         "{\"schemaType\":\"PROTOBUF\",\"schema\":\"" SERIALIZED "\"}"},
        {"GET /schemas/ids/8?subject=s", 200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"" SOURCE "\"}"},
        {"GET /schemas/ids/8?subject=s&format=serialized", 200,
         "{\"schemaType\":\"PROTOBUF\",\"schema\":\"" SOURCE "\"}"},
        {"POST /subjects/s?normalize=false&deleted=false&format=serialized", 200, "{\"id\":9}"},
        {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *s = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &s, &c.err)), 0);
    assert_string_equal(s->text, SERIALIZED);
    assert_int_equal(s->n_references, 1);
    assert_string_equal(s->references[0].text, SERIALIZED);
    assert_int_equal(c.n_requests, 3);
    sr_schema_unref(s);
    sr_want_t want = {.by = SR_ID, .id = 7, .subject = "s", .protobuf = true};
    assert_int_equal(DRIVE(&c, sr_get(c.io, &c.svc, &want, &s, &c.err)), 0);
    assert_int_equal(c.n_requests, 4);
    sr_schema_unref(s);
    want = (sr_want_t){.by = SR_ID, .id = 8, .subject = "s"};
    assert_int_equal(DRIVE(&c, sr_get(c.io, &c.svc, &want, &s, &c.err)), SCHLOSS_E_REGISTRY_ANSWER);
    assert_contains(c.err.message, "format=serialized");
    sr_given_t given = {.type = "PROTOBUF", .text = SERIALIZED};
    assert_int_equal(DRIVE(&c, sr_lookup(c.io, &c.svc, "s", &given, &s, &c.err)), 0);
    assert_string_equal(s->type, "PROTOBUF");
    assert_contains(c.body, "\"schemaType\":\"PROTOBUF\"");
    sr_schema_unref(s);
    canned_close(&c);
}

static void test_parsed_once(void **state) {
    (void)state;
    static const canned_answer_t answers[] = {{LATEST, 200, "{\"id\":1,\"schema\":\"1\"}"}, {NULL, 0, NULL}};
    canned_t c;
    canned_open(&c, answers);
    sr_schema_t *a = NULL;
    sr_schema_t *b = NULL;
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &a, &c.err)), 0);
    assert_int_equal(DRIVE(&c, sr_get_latest(c.io, &c.svc, "s", &b, &c.err)), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(c.n_requests, 1);
    sr_schema_unref(a);
    sr_schema_unref(b);
    canned_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),     cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bad_bodies),  cmocka_unit_test(test_by_id),
        cmocka_unit_test(test_by_guid),     cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_parsed_once), cmocka_unit_test(test_by_metadata),
        cmocka_unit_test(test_register),    cmocka_unit_test(test_protobuf_is_always_serialized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
