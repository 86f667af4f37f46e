/* Scalars of a record with both names, type, tags and content. */
#include "json_test.h"
#include "codec/json/schema.h"

typedef struct listing {
    char text[2048];
    size_t n, stop_after;
} listing_t;

static bool note(void *user, const json_leaf_t *leaf) {
    listing_t *l = user;
    size_t n = strlen(l->text);
    n += (size_t)snprintf(l->text + n, sizeof l->text - n, "%s %s %s %.*s", leaf->indexed_name, leaf->plain_name,
                          leaf->type, (int)leaf->value.len, (const char *)leaf->value.ptr);
    for (size_t i = 0; i < leaf->n_tags; i++) {
        n += (size_t)snprintf(l->text + n, sizeof l->text - n, " #%s", leaf->tags[i]);
    }
    snprintf(l->text + n, sizeof l->text - n, "\n");
    return ++l->n != l->stop_after;
}

static schloss_rc list(const char *schema, const char *record, listing_t *l) {
    json_schema_t *s = NULL;
    assert_int_equal(json_schema_parse(&s, schema, strlen(schema), NULL, 0, &err_), SCHLOSS_OK);
    schloss_rc rc = json_each_leaf(s, bytes(record, strlen(record)), note, l, &err_);
    json_schema_free(s);
    return rc;
}

/* clang-format off */
static const char schema[] =
    "{\"properties\":{\"s\":{\"$ref\":\"#/$defs/ssn\",\"confluent:tags\":[\"B\"]},"
    "\"l\":{\"type\":\"array\",\"items\":{\"properties\":{\"x\":{\"confluent:tags\":[\"C\"]}}},\"confluent:tags\":[\"D\"]},"
    "\"p\":{\"oneOf\":[{\"required\":[\"a\"],\"properties\":{\"a\":{\"confluent:tags\":[\"E\"]}}},"
    "{\"properties\":{\"a\":{\"confluent:tags\":[\"F\"]},\"b\":{\"confluent:tags\":[\"G\"]}}}]}},"
    "\"$defs\":{\"ssn\":{\"type\":\"string\",\"confluent:tags\":[\"A\"]}}}";
static const char record[] =
    "{\"s\":\"a\\u00e4\\n\",\"l\":[1.50,{\"x\":true},[null]],\"p\":{\"b\":2,\"a\":3},\"q\":{\"z\":\"\"}}";
static const char want[] =
    "$.s $.s string a\xc3\xa4\n #B #A\n"
    "$.l[0] $.l number 1.50 #D\n"
    "$.l[1].x $.l.x boolean true #C\n"
    "$.l[2][0] $.l null null #D\n"
    "$.p.b $.p.b number 2\n"
    "$.p.a $.p.a number 3 #E\n"
    "$.q.z $.q.z string \n";
/* clang-format on */

static void every_scalar_is_listed(void **state) {
    (void)state;
    listing_t l = {.n = 0};
    assert_int_equal(list(schema, record, &l), SCHLOSS_OK);
    assert_string_equal(l.text, want);
    listing_t first = {.stop_after = 2};
    assert_int_equal(list(schema, record, &first), SCHLOSS_OK);
    assert_int_equal(first.n, 2);
}

static void bad_records_are_refused(void **state) {
    (void)state;
    listing_t l = {.n = 0};
    assert_int_equal(list("{}", "{\"a\":1", &l), SCHLOSS_E_BAD_JSON);
    assert_int_equal(list("{}", "", &l), SCHLOSS_E_BAD_JSON);
    assert_int_equal(list("{}", "\"\\ud800\"", &l), SCHLOSS_E_BAD_JSON);
    assert_int_equal(l.n, 0);
    assert_int_equal(list("{\"$ref\":\"#\"}", "{\"a\":1}", &l), SCHLOSS_OK); /* itself: nothing more */
    assert_int_equal(l.n, 1);
}

/* Looking at a record must not stumble where a plan would refuse the schema. */
static void keywords_that_cannot_be_checked(void **state) {
    (void)state;
    static const char *const branches[] = {
        "{\"patternProperties\":{\"(\":{\"type\":\"string\"}}}",
        "{\"properties\":{\"a\":{\"pattern\":\"(\"}}}",
        "{\"multipleOf\":0}",
        "{\"minLength\":-1,\"enum\":1,\"required\":{},\"const\":{},\"dependencies\":{\"a\":[1]}}",
        "{\"unevaluatedProperties\":false}",
        "{\"prefixItems\":1,\"contains\":true,\"maxContains\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof branches / sizeof *branches; i++) {
        static const char *const records[] = {"{\"a\":\"x\"}", "[\"x\"]", "{\"a\":3}"};
        for (size_t k = 0; k < 3; k++) {
            char text[300];
            listing_t l = {.n = 0};
            snprintf(text, sizeof text, "{\"anyOf\":[%s,%s]}", branches[i], branches[i]);
            assert_int_equal(list(text, records[k], &l), SCHLOSS_OK);
            assert_int_equal(l.n, 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(keywords_that_cannot_be_checked),
                                       cmocka_unit_test(every_scalar_is_listed),
                                       cmocka_unit_test(bad_records_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
