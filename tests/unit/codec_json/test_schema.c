/* Parsing schemas: references of every kind, what is malformed, limits, memory that runs out. */
#include "json_test.h"
#include "codec/json/validate.h"
#include "testlib/fault.h"

static json_schema_t *parsed(const char *text, const json_schema_ref_t *refs, size_t n) {
    json_schema_t *s = NULL;
    schloss_rc rc = json_schema_parse(&s, text, strlen(text), refs, n, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    return s;
}

/* The node that /properties/a means, behind its references. */
static const json_node_t *target(const json_schema_t *s) {
    const json_prop_t *a = json_node_prop(s->root, "a", 1);
    assert_non_null(a);
    const json_node_t *n = a->node;
    while (n->ref != NULL) {
        n = n->ref;
    }
    return n;
}

static void references_lead_where_they_say(void **state) {
    (void)state;
    static const char *const schemas[] = {
        "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}},\"$defs\":{\"x\":{\"type\":\"string\"}}}",
        "{\"properties\":{\"a\":{\"$ref\":\"#/definitions/x~1y%20~0\"}},\"definitions\":{\"x/y "
        "~\":{\"type\":\"string\"}}}",
        "{\"properties\":{\"a\":{\"$ref\":\"#/q/1/z\"}},\"q\":[0,{\"z\":{\"type\":\"string\"}}]}",
        "{\"properties\":{\"a\":{\"$ref\":\"#x\"}},\"$defs\":{\"q\":{\"$anchor\":\"x\",\"type\":\"string\"}}}",
        "{\"properties\":{\"a\":{\"$ref\":\"#x\"}},\"definitions\":{\"q\":{\"$id\":\"#x\",\"type\":\"string\"}}}",
        "{\"$id\":\"http://x.test/d/root.json\",\"properties\":{\"a\":{\"$ref\":\"../e/f.json#/k\"}},\"$defs\":{\"q\":{"
        "\"$id\":\"http://x.test/e/./g/../f.json\",\"k\":{\"type\":\"string\"}}}}",
        "{\"$id\":\"http://x.test/root.json\",\"properties\":{\"a\":{\"$ref\":\"http://x.test/root.json#/$defs/x\"}},"
        "\"$defs\":{\"x\":{\"type\":\"string\"}}}",
        "{\"$id\":\"http://x.test/r\",\"properties\":{\"a\":{\"$id\":\"in/side\",\"$ref\":\"#/$defs/"
        "y\",\"$defs\":{\"y\":{"
        "\"type\":\"string\"}}}}}",
        "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"properties\":{\"a\":{\"$ref\":\"b#/"
        "c\"}},\"x\":{\"id\":"
        "\"b\",\"c\":{\"type\":\"string\"}}}",
        /* "id" is a plain annotation in later drafts: the pointer still begins at the root */
        "{\"$schema\":\"http://json-schema.org/draft-07/"
        "schema#\",\"properties\":{\"a\":{\"id\":\"w\",\"allOf\":[{\"$ref\":"
        "\"#/q\"}],\"type\":\"string\"}},\"q\":{\"type\":\"string\"}}",
        "{\"properties\":{\"a\":{\"$ref\":\"other.json\"}}}",
        "{\"properties\":{\"a\":{\"$ref\":\"http://shop.test/address.json#/definitions/street\"}}}",
        "{\"$id\":\"http://shop.test/root.json\",\"properties\":{\"a\":{\"$ref\":\"address.json#/definitions/"
        "street\"}}}",
        "{\"properties\":{\"a\":{\"$ref\":\"other.json#deep\"}}}",
    };
    static const char other[] = "{\"$ref\":\"far.json#/p\",\"x\":{\"$anchor\":\"deep\",\"type\":\"string\"}}";
    static const char far[] = "{\"p\":{\"type\":\"string\"}}",
                      address[] = "{\"definitions\":{\"street\":{\"type\":\"string\"}}}";
    const json_schema_ref_t refs[] = {{"other.json", other, sizeof other - 1},
                                      {"far.json", far, sizeof far - 1},
                                      {"http://shop.test/address.json", address, sizeof address - 1}};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        json_schema_t *s = parsed(schemas[i], refs, 3);
        if (target(s)->types != JSON_TYPE_STRING) {
            fail_msg("%s", schemas[i]);
        }
        json_schema_free(s);
    }
}

static void bad_schemas_say_where(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "empty"},
        {"[]", "neither an object nor a boolean"},
        {"{\"properties\":{\"a\":3}}", "/properties/a"},
        {"{\"properties\":[]}", "\"properties\""},
        {"{\"type\":\"text\"}", "\"type\""},
        {"{\"type\":[]}", "\"type\""},
        {"{\"properties\":{\"a\":{\"confluent:tags\":\"PII\"}}}", "\"confluent:tags\""},
        {"{\"confluent:tags\":[1]}", "\"confluent:tags\""},
        {"{\"allOf\":[]}", "\"allOf\""},
        {"{\"oneOf\":{}}", "\"oneOf\""},
        {"{\"$ref\":1}", "\"$ref\""},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/no\"}}}", "leads nowhere"},
        {"{\"$ref\":\"http://nowhere.test/x\"}", "leads nowhere"},
        {"{\"$ref\":\"#/properties/a/b\",\"properties\":{\"a\":true}}", "leads nowhere"},
        {"{\"$ref\":\"#nowhere\"}", "leads nowhere"},
        {"{\"$ref\":\"#/%zz\"}", "leads nowhere"},
        {"{\"title\":\"a\\u0000\"}", "U+0000"},
        {"{", "the schema"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_schema_t *s = NULL;
        assert_int_equal(json_schema_parse(&s, bad[i].text, strlen(bad[i].text), NULL, 0, &err_),
                         SCHLOSS_E_SCHEMA_PARSE);
        if (strstr(schloss_error_message(&err_), bad[i].part) == NULL) {
            fail_msg("%s: %s", bad[i].text, schloss_error_message(&err_));
        }
    }
}

static void limits_hold(void **state) {
    (void)state;
    size_t n = 0, cap = (size_t)LIMIT_SCHEMA_TYPES * 16 + 100;
    char *text = malloc(cap);
    assert_non_null(text);
    n = (size_t)snprintf(text, cap, "{\"allOf\":[");
    for (size_t i = 0; i <= LIMIT_SCHEMA_TYPES; i++) {
        n += (size_t)snprintf(text + n, cap - n, "%s{}", i == 0 ? "" : ",");
    }
    snprintf(text + n, cap - n, "]}");
    json_schema_t *s = NULL;
    assert_int_equal(json_schema_parse(&s, text, strlen(text), NULL, 0, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_non_null(strstr(schloss_error_message(&err_), "LIMIT_SCHEMA_TYPES"));
    assert_int_equal(json_schema_parse(&s, text, LIMIT_SCHEMA_BYTES + 1, NULL, 0, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    n = 0;
    for (size_t i = 0; i < LIMIT_SCHEMA_DEPTH; i++) {
        n += (size_t)snprintf(text + n, cap - n, "{\"not\":");
    }
    n += (size_t)snprintf(text + n, cap - n, "{}");
    memset(text + n, '}', LIMIT_SCHEMA_DEPTH);
    assert_int_equal(json_schema_parse(&s, text, n + LIMIT_SCHEMA_DEPTH, NULL, 0, &err_), SCHLOSS_E_SCHEMA_PARSE);
    free(text);
    json_schema_ref_t refs[1] = {{"x", "{}", 2}};
    assert_int_equal(json_schema_parse(&s, "{}", 2, refs, LIMIT_SCHEMA_REFS + 1, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
}

static void title_and_tags(void **state) {
    (void)state;
    json_schema_t *s = parsed("{\"title\":\"Doc\",\"properties\":{\"a\":{\"confluent:tags\":[\"A\",\"B\"]}}}", NULL, 0);
    assert_string_equal(json_schema_title(s), "Doc");
    assert_int_equal(target(s)->n_tags, 2);
    assert_string_equal(target(s)->tags[1], "B");
    json_schema_free(s);
    s = parsed("true", NULL, 0);
    assert_null(json_schema_title(s));
    assert_true(s->root->is_true);
    json_schema_free(s);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char text[] = "{\"$id\":\"http://x.test/a\",\"title\":\"T\",\"properties\":{\"a\":{\"$ref\":\"b#/"
                               "q\"},\"c\":{\"oneOf\":[{\"enum\":[1,0.5]"
                               "},{\"pattern\":\"^a\"},{\"patternProperties\":{\"x\":{}},\"dependentRequired\":{\"a\":["
                               "\"b\"]},\"required\":[\"a\"]},{"
                               "\"prefixItems\":[{}],\"multipleOf\":0.1}],\"confluent:tags\":[\"P\"]}}}";
    static const char other[] = "{\"q\":{\"$anchor\":\"w\",\"items\":{\"$ref\":\"#w\"}}}";
    const json_schema_ref_t refs[] = {{"b", other, sizeof other - 1}};
    fault_install();
    for (uint64_t n = 1;; n++) {
        json_schema_t *s = NULL;
        fault_arm(n);
        schloss_rc rc = json_schema_parse(&s, text, sizeof text - 1, refs, 1, &err_);
        bool hit = fault_fired();
        fault_disarm();
        if (!hit) {
            assert_int_equal(rc, SCHLOSS_OK);
            json_schema_free(s);
            assert_true(n > 20);
            return;
        }
        if (rc == SCHLOSS_OK) { /* a hash map that could not grow goes on */
            json_schema_free(s);
        } else {
            assert_int_equal(rc, SCHLOSS_E_NO_MEMORY);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_lead_where_they_say),
        cmocka_unit_test(bad_schemas_say_where),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(title_and_tags),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
