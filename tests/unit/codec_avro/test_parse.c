/* Parsing: section 15.1 of the registry specification, rule by rule. */
#include "avro_test.h"

#define R(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define F(type, more) R("{\"name\":\"f\",\"type\":" type more "}")

static void accepted(const char *text) {
    avro_schema_free(parse(text));
}

static void bare_names_and_comments(void **state) {
    (void)state;
    accepted("\"string\"");
    accepted("{\"type\":\"string\"}");
    accepted("/* a */ \"int\" // b");
    accepted("// \"x\"\n[\"null\", /**/ \"int\"]");
    refused("string", 0, SCHLOSS_E_SCHEMA_PARSE, "column 1");
    refused("", 0, SCHLOSS_E_SCHEMA_PARSE, "empty");
    refused("\"int\" \"int\"", 0, SCHLOSS_E_SCHEMA_PARSE, "after the value");
    refused("\"int\" /* x", 0, SCHLOSS_E_SCHEMA_PARSE, "comment");
    refused("\"int\" /*/", 0, SCHLOSS_E_SCHEMA_PARSE, "comment");
    refused("{\"type\":{\"type\":\"string\"}}", 0, SCHLOSS_E_SCHEMA_PARSE, "\"type\"");
    refused("{\"type\":[\"int\"]}", 0, SCHLOSS_E_SCHEMA_PARSE, "\"type\"");
    refused("{}", 0, SCHLOSS_E_SCHEMA_PARSE, "\"type\"");
    refused("3", 0, SCHLOSS_E_SCHEMA_PARSE, "string, an object or a list");
    refused("\"Foo\"", 0, SCHLOSS_E_SCHEMA_PARSE, "Foo");
    refused("\"record\"", 0, SCHLOSS_E_SCHEMA_PARSE, "undefined");
    /* Comment signs inside strings are text. */
    avro_schema_t *s = parse(F("\"string\"", ",\"doc\":\"a//b /* c \\\" // */\""));
    assert_string_equal(avro_schema_root(s)->fields[0].doc, "a//b /* c \" // */");
    avro_schema_free(s);
}

static void names_and_namespaces(void **state) {
    (void)state;
    avro_schema_t *s =
        parse("{\"type\":\"record\",\"name\":\"x.y.R\",\"namespace\":\"ignored\",\"aliases\":[\"Old\",\"q.Z\"],"
              "\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"In\",\"size\":4}},"
              "{\"name\":\"b\",\"type\":\"In\"},{\"name\":\"c\",\"type\":{\"type\":\"record\","
              "\"name\":\"Bare\",\"namespace\":\"\",\"fields\":[{\"name\":\"r\",\"type\":"
              "[\"null\",\"x.y.R\"]}]}},{\"name\":\"d\",\"type\":\"Bare\"}]}");
    const avro_type_t *r = avro_schema_root(s);
    assert_string_equal(r->name, "x.y.R");
    assert_string_equal(r->aliases[0], "x.y.Old");
    assert_string_equal(r->aliases[1], "q.Z");
    assert_string_equal(r->fields[0].type->name, "x.y.In");
    assert_ptr_equal(r->fields[1].type, r->fields[0].type);
    assert_string_equal(r->fields[2].type->name, "Bare");
    assert_string_equal(r->fields[2].type->name_space, "");
    assert_ptr_equal(r->fields[2].type->fields[0].type->branches[1], r);
    assert_ptr_equal(r->fields[3].type, r->fields[2].type); /* not in x.y, then without namespace */
    avro_schema_free(s);
}

static void forward_references(void **state) {
    (void)state;
    avro_schema_t *s = parse("[{\"type\":\"record\",\"name\":\"n.A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"},"
                             "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"items\":\"n.B\"}}]},"
                             "{\"type\":\"enum\",\"name\":\"n.B\",\"symbols\":[\"X\"]}]");
    const avro_type_t *u = avro_schema_root(s);
    assert_ptr_equal(u->branches[0]->fields[0].type, u->branches[1]);
    assert_ptr_equal(u->branches[0]->fields[1].type->items, u->branches[1]);
    avro_schema_free(s);
    /* A union that holds the same named type twice is only known at the end. */
    refused("[\"B\",{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"B\",\"size\":1}},\"B\"]", 0,
            SCHLOSS_E_SCHEMA_PARSE, "duplicate in union: B");
}

static void errors_name_the_culprit(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"{\"type\":\"record\",\"name\":\"R\"}", "record \"R\" has no fields"},
        {"{\"type\":\"record\",\"fields\":[]}", "no name"},
        {"{\"type\":\"record\",\"name\":7,\"fields\":[]}", "no name"},
        {R("3"), "a field of record \"R\""},
        {R("{\"type\":\"int\"}"), "no field name"},
        {R("{\"name\":\"f\"}"), "field \"R.f\" has no \"type\""},
        {R("{\"name\":\"f\",\"type\":\"int\"},{\"name\":\"f\",\"type\":\"int\"}"),
         "duplicate field \"f\" in record \"R\""},
        {F("\"int\"", ",\"order\":\"up\""), "order of field \"R.f\""},
        {F("\"int\"", ",\"order\":1"), "order of field \"R.f\""},
        {F("\"int\"", ",\"aliases\":\"x\""), "aliases of \"R.f\""},
        {F("\"int\"", ",\"aliases\":[1]"), "aliases of \"R.f\""},
        {"{\"type\":\"enum\",\"name\":\"E\"}", "enum \"E\" has no symbols"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"A\"]}", "duplicate symbol \"A\" in enum \"E\""},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}", "default \"B\" of enum \"E\""},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}", "symbols of \"E\""},
        {"{\"type\":\"array\"}", "array has no \"items\""},
        {"{\"type\":\"map\",\"items\":\"int\"}", "map has no \"values\""},
        {"{\"type\":\"fixed\",\"name\":\"X\"}", "fixed \"X\""},
        {"{\"type\":\"fixed\",\"name\":\"X\",\"size\":1.5}", "fixed \"X\""},
        {"{\"type\":\"fixed\",\"name\":\"X\",\"size\":-1}", "fixed \"X\" is out of range"},
        {"{\"type\":\"fixed\",\"name\":\"X\",\"size\":2147483648}", "fixed \"X\" is out of range"},
        {"[\"int\",[\"int\"]]", "nested union"},
        {"[\"int\",\"string\",\"int\"]", "duplicate in union: int"},
        {"[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
         "duplicate in union: array"},
        {R("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}}"), "redefine: R"},
        {"{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}", "named after primitives: int"},
        {"{\"type\":\"Nope\"}", "\"Nope\""},
        {"{\"type\":\"int\\u0000\"}", "U+0000"},
        {F("\"int\"", ",\"doc\":\"a\\u0000b\""), "U+0000"},
        {"{\"type\":\"string\",\"x\":1e999}", "not JSON"},
        {"{\"type\":\"string\",\"x\":\"\\ud800\"}", "surrogate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused(cases[i][0], 0, SCHLOSS_E_SCHEMA_PARSE, cases[i][1]);
    }
}

static void strict_names(void **state) {
    (void)state;
    const char *const bad[] = {
        "{\"type\":\"fixed\",\"name\":\"\xc3\xa9\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"x\",\"namespace\":\"a..b\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"1a.x\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"x\",\"aliases\":[\"a-b\"],\"size\":1}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"\xc3\xa9\"]}",
        R("{\"name\":\"\xc3\xa9\",\"type\":\"int\"}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(bad[i], AVRO_PARSE_STRICT, SCHLOSS_E_SCHEMA_PARSE, "illegal");
        if (strstr(bad[i], "a-b") == NULL) {
            avro_schema_free(parse_refs(bad[i], NULL, 0, 0)); /* stored ones are laxer */
        }
    }
    refused("{\"type\":\"fixed\",\"name\":\"\",\"size\":1}", 0, SCHLOSS_E_SCHEMA_PARSE, "illegal");
    refused("{\"type\":\"fixed\",\"name\":\"a b\",\"size\":1}", 0, SCHLOSS_E_SCHEMA_PARSE, "illegal");
    refused(R("{\"name\":\"9\",\"type\":\"int\"}"), 0, SCHLOSS_E_SCHEMA_PARSE, "illegal field name \"9\"");
}

static void fields_keep_what_they_say(void **state) {
    (void)state;
    avro_schema_t *s =
        parse("{\"type\":\"error\",\"name\":\"R\",\"doc\":\"d\",\"confluent:tags\":[\"T\"],\"fields\":["
              "{\"name\":\"a\",\"type\":\"string\",\"confluent:tags\":[\"PII\",3,\"X\",null],\"order\":\"DESCENDING\","
              "\"aliases\":[\"b\"],\"doc\":\"\"},"
              "{\"name\":\"n\",\"type\":[\"null\",\"int\"],\"default\":null,\"confluent:tags\":\"PII\"},"
              "{\"name\":\"d\",\"type\":\"double\",\"default\":\"1.5\",\"order\":\"ascending\"},"
              "{\"name\":\"s\",\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\",\"doc\":\"gone\"}}]}");
    const avro_type_t *r = avro_schema_root(s);
    assert_true(r->is_error);
    assert_string_equal(r->doc, "d");
    assert_int_equal(json_object_size(r->props), 1);
    const avro_field_t *f = r->fields;
    assert_int_equal(f[0].n_tags, 2);
    assert_string_equal(f[0].tags[0], "PII");
    assert_string_equal(f[0].tags[1], "X");
    assert_string_equal(f[0].order, "descending");
    assert_string_equal(f[0].aliases[0], "b");
    assert_string_equal(f[0].doc, "");
    assert_null(f[0].dflt);
    assert_int_equal(f[1].n_tags, 0);
    assert_null(f[1].tags);
    assert_true(json_is_null(f[1].dflt));
    assert_null(f[1].doc);
    assert_true(json_is_real(f[2].dflt));
    assert_null(f[2].order);
    assert_int_equal(f[3].type->kind, AVRO_STRING);
    assert_int_equal(json_object_size(f[3].type->props), 1);
    avro_schema_free(s);
}

static void recursion_is_a_graph(void **state) {
    (void)state;
    /* A record that contains itself in every field: legal to parse, no value exists. */
    avro_schema_t *s = parse(F("\"R\"", ""));
    const avro_type_t *r = avro_schema_root(s);
    assert_ptr_equal(r->fields[0].type, r);
    uint8_t none = 0;
    assert_int_equal(avro_check(bytes(&none, 0), r, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    avro_schema_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_names_and_comments),
        cmocka_unit_test(names_and_namespaces),
        cmocka_unit_test(forward_references),
        cmocka_unit_test(errors_name_the_culprit),
        cmocka_unit_test(strict_names),
        cmocka_unit_test(fields_keep_what_they_say),
        cmocka_unit_test(recursion_is_a_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
