/* Defaults of new schemas must fit their type; stored ones are not checked. */
#include "avro_test.h"

static const char shape[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":%s,\"default\":%s}]}";

static void good(const char *type, const char *dflt) {
    char text[1024];
    (void)snprintf(text, sizeof text, shape, type, dflt);
    avro_schema_free(parse(text));
}

static void bad(const char *type, const char *dflt) {
    char text[1024];
    (void)snprintf(text, sizeof text, shape, type, dflt);
    refused(text, AVRO_PARSE_STRICT, SCHLOSS_E_SCHEMA_PARSE, "invalid default for field \"R.f\"");
    assert_string_equal(schloss_error_field(&err_), "R.f");
    avro_schema_free(parse_refs(text, NULL, 0, 0));
}

static void primitives(void **state) {
    (void)state;
    good("\"null\"", "null");
    bad("\"null\"", "0");
    good("\"boolean\"", "true");
    bad("\"boolean\"", "\"true\"");
    good("\"int\"", "-2147483648");
    bad("\"int\"", "2147483648");
    bad("\"int\"", "1.0");
    good("\"long\"", "9223372036854775807");
    bad("\"long\"", "1e3");
    good("\"float\"", "1");
    good("\"double\"", "\"2.5\"");
    good("\"double\"", "\"NaN\"");
    bad("\"double\"", "\"x\"");
    good("\"bytes\"", "\"\\u00ff\\u0000\"");
    bad("\"bytes\"", "1");
    good("\"string\"", "\"\"");
    bad("\"string\"", "null");
}

static void complex_types(void **state) {
    (void)state;
    good("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"A\"");
    bad("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "0");
    bad("{\"type\":\"fixed\",\"name\":\"X\",\"size\":1}", "0");
    good("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]");
    bad("{\"type\":\"array\",\"items\":\"int\"}", "[1,\"2\"]");
    bad("{\"type\":\"array\",\"items\":\"int\"}", "{}");
    good("{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1}");
    bad("{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":null}");
    bad("{\"type\":\"map\",\"values\":\"int\"}", "[]");
    good("[\"null\",\"string\"]", "\"second branch\"");
    bad("[\"null\",\"string\"]", "1");
    const char inner[] = "{\"type\":\"record\",\"name\":\"In\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
                         "{\"name\":\"b\",\"type\":\"int\",\"default\":1}]}";
    good(inner, "{\"a\":1}");
    good(inner, "{\"a\":1,\"b\":2,\"unknown\":3}");
    bad(inner, "{\"b\":1}");
    bad(inner, "[]");
}

static void defaults_that_contain_themselves(void **state) {
    (void)state;
    good("\"R\"", "{}"); /* the missing member has a default: no endless expansion */
    /* Unions of records that hold the union again: 2^n ways to try a value; a budget ends it. */
    char text[65536];
    size_t n =
        (size_t)snprintf(text, sizeof text,
                         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"u\",\"type\":["
                         "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":[\"A\",\"B\"]}]},"
                         "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":[\"A\",\"B\"]}]}"
                         "],\"default\":");
    for (unsigned i = 0; i < 200; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"x\":");
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "0");
    for (unsigned i = 0; i < 200; i++) {
        text[n++] = '}';
    }
    (void)snprintf(text + n, sizeof text - n, "}]}");
    refused(text, AVRO_PARSE_STRICT, SCHLOSS_E_LIMIT_EXCEEDED, "steps");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives),
        cmocka_unit_test(complex_types),
        cmocka_unit_test(defaults_that_contain_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
