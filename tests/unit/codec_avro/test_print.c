/* Canonical, normalized and resolved text: sections 15.3 to 15.5, and the GUIDs of section 6. */
#include "avro_test.h"
#include "base/limits.h"
#include "crypto/kdf.h"

static void prints(const char *text, bool normalize, const char *expected) {
    avro_schema_t *s = parse_refs(text, NULL, 0, 0);
    buf_t out;
    buf_init(&out, 1 << 20, "test", false);
    assert_int_equal(avro_schema_print(s, normalize, &out, &err_), SCHLOSS_OK);
    assert_string_equal(buf_cstr(&out), expected);
    avro_schema_free(s);
    buf_clear(&out);
    if (!normalize && strcmp(text, expected) != 0) {
        prints(expected, false, expected); /* canonical text is a fixed point */
    }
}

static void guids(void **state) {
    (void)state;
    const char *const cases[][2] = {{" { \"type\" : \"string\" } ", "095d71cf-1255-6b9d-5e33-0ad575b3df5d"},
                                    {"\"int\"", "ef524ea1-b91e-7317-3d93-8ade36c1db32"}};
    for (size_t i = 0; i < 2; i++) {
        avro_schema_t *s = parse(cases[i][0]);
        buf_t out;
        buf_init(&out, 1024, "test", false);
        assert_int_equal(avro_schema_print(s, false, &out, &err_), SCHLOSS_OK);
        md5_t *m = md5_new();
        assert_non_null(m);
        md5_update(m, out.ptr, out.len);
        uint8_t sum[16];
        assert_true(md5_finish(m, sum));
        char text[37];
        uuid_print(text, sum);
        assert_string_equal(text, cases[i][1]);
        buf_clear(&out);
        avro_schema_free(s);
    }
}

static void member_order(void **state) {
    (void)state;
    prints("{\"aliases\":[\"O\",\"x.P\",\"n.O\"],\"z\":1,\"fields\":[{\"p\":[1,{}],\"aliases\":[\"g\"],\"order\":"
           "\"IGNORE\","
           "\"default\":7,\"doc\":\"\",\"type\":\"int\",\"name\":\"f\"}],\"a\":null,\"doc\":\"\",\"namespace\":\"n\","
           "\"name\":\"R\",\"type\":\"record\"}",
           false,
           "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"doc\":\"\",\"fields\":[{\"name\":\"f\",\"type\":"
           "\"int\",\"doc\":\"\",\"default\":7,\"order\":\"ignore\",\"aliases\":[\"g\"],\"p\":[1,{}]}],\"z\":1,"
           "\"a\":null,\"aliases\":[\"O\",\"x.P\"]}");
    prints("{\"name\":\"n.E\",\"default\":\"B\",\"symbols\":[\"A\",\"B\"],\"type\":\"enum\",\"x\":true,\"aliases\":[]}",
           false,
           "{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"n\",\"symbols\":[\"A\",\"B\"],\"default\":\"B\",\"x\":"
           "true}");
    prints("{\"size\":2,\"logicalType\":\"decimal\",\"name\":\"X\",\"type\":\"fixed\",\"doc\":\"d\"}", false,
           "{\"type\":\"fixed\",\"name\":\"X\",\"doc\":\"d\",\"size\":2,\"logicalType\":\"decimal\"}");
    prints("{\"b\":1,\"values\":{\"items\":{\"type\":\"long\",\"logicalType\":\"date\"},\"type\":\"array\"},\"type\":"
           "\"map\"}",
           false,
           "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":{\"type\":\"long\",\"logicalType\":\"date\"}},"
           "\"b\":1}");
    prints("{\"type\":\"error\",\"name\":\"R\",\"fields\":[]}", false,
           "{\"type\":\"error\",\"name\":\"R\",\"fields\":[]}");
    prints("[ \"null\" , {\"type\":\"int\"} ]", false, "[\"null\",\"int\"]");
    prints("[]", false, "[]");
}

static void names(void **state) {
    (void)state;
    /* Short where the namespace is the enclosing one, full elsewhere, "" to leave a namespace. */
    prints(
        "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":["
        "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":1}},{\"name\":\"y\",\"type\":\"a.F\"},"
        "{\"name\":\"z\",\"type\":{\"type\":\"record\",\"name\":\"b.S\",\"fields\":[{\"name\":\"q\",\"type\":\"a.F\"},"
        "{\"name\":\"u\",\"type\":{\"type\":\"fixed\",\"name\":\"N\",\"namespace\":\"\",\"size\":1}},"
        "{\"name\":\"v\",\"type\":\"N\"}]}},{\"name\":\"k\",\"type\":{\"type\":\"fixed\",\"name\":\"a.string\","
        "\"size\":1}},"
        "{\"name\":\"l\",\"type\":\"a.string\"}]}",
        false,
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a\",\"fields\":["
        "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}},{\"name\":\"y\",\"type\":\"F\"},"
        "{\"name\":\"z\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"namespace\":\"b\",\"fields\":[{\"name\":\"q\","
        "\"type\":\"a.F\"},{\"name\":\"u\",\"type\":{\"type\":\"fixed\",\"name\":\"N\",\"namespace\":\"\",\"size\":1}},"
        "{\"name\":\"v\",\"type\":\"N\"}]}},{\"name\":\"k\",\"type\":{\"type\":\"fixed\",\"name\":\"string\",\"size\":"
        "1}},"
        "{\"name\":\"l\",\"type\":\"a.string\"}]}");
    /* A type used before its definition is written out where it is used. */
    prints(
        "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"}]},"
        "{\"type\":\"fixed\",\"name\":\"B\",\"size\":1}]",
        false,
        "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"B\","
        "\"size\":1}}]},\"B\"]");
}

static void texts_and_numbers(void **state) {
    (void)state;
    prints(
        "{\"type\":\"string\",\"t\":\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\\\/"
        "\\u001f\\u00e9\\ud83d\\ude00\",\"n\":[1,-2,0.10,1e5,1E10,"
        "1e-3,0.0001,123456789.5,-0.0,9223372036854775807]}",
        false,
        "{\"type\":\"string\",\"t\":\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\/\\u001F\xc3\xa9\xf0\x9f\x98\x80\",\"n\":[1,-2,0.1,"
        "100000.0,1.0E10,0.001,1.0E-4,1.234567895E8,-0.0,9223372036854775807]}");
}

static void normalized(void **state) {
    (void)state;
    prints(
        "{\"type\":\"error\",\"name\":\"n.R\",\"doc\":\"\",\"z\":{\"b\":1,\"a\":{\"d\":1,\"c\":2}},\"y\":1,"
        "\"aliases\":[\"Z\",\"m.A\",\"Z\"],\"fields\":[{\"name\":\"f\",\"type\":\"double\",\"doc\":\"\",\"default\":1,"
        "\"q\":1,\"p\":2,\"aliases\":[\"c\",\"b\"]},"
        "{\"name\":\"g\",\"type\":{\"scale\":2,\"precision\":4,\"x\":0,\"logicalType\":\"decimal\",\"type\":\"bytes\"}}"
        ","
        "{\"name\":\"h\",\"type\":{\"scale\":0,\"precision\":4,\"logicalType\":\"decimal\",\"type\":\"bytes\"}},"
        "{\"name\":\"i\",\"type\":{\"scale\":9,\"precision\":4,\"logicalType\":\"decimal\",\"type\":\"bytes\"}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"float\"},\"default\":{\"b\":0.1,\"a\":1}}]}",
        true,
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"f\",\"type\":\"double\","
        "\"doc\":\"\","
        "\"default\":1.0,\"aliases\":[\"b\",\"c\"],\"p\":2,\"q\":1},"
        "{\"name\":\"g\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2,\"x\":0}}"
        ","
        "{\"name\":\"h\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":0}},"
        "{\"name\":\"i\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":9}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"float\"},\"default\":{\"a\":1.0,\"b\":0.1}}],"
        "\"y\":1,\"z\":{\"a\":{\"c\":2,\"d\":1},\"b\":1},\"aliases\":[\"m.A\",\"Z\"]}");
    /* Keys sort by UTF-16: U+10000 before U+FFFD. */
    prints("{\"type\":\"string\",\"\xef\xbf\xbd\":1,\"\xf0\x90\x80\x80\":2}", true,
           "{\"type\":\"string\",\"\xf0\x90\x80\x80\":2,\"\xef\xbf\xbd\":1}");
    /* Records inside defaults: each member in the form of its field. */
    prints("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":[\"null\",{\"type\":\"record\","
           "\"name\":\"S\","
           "\"fields\":[{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":"
           "\"double\"}}]}],"
           "\"default\":{\"d\":1,\"a\":[2]}}]}",
           true,
           "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":[\"null\",{\"type\":\"record\","
           "\"name\":\"S\","
           "\"fields\":[{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":"
           "\"double\"}}]}],"
           "\"default\":{\"a\":[2.0],\"d\":1.0}}]}");
}

static void references(void **state) {
    (void)state;
    const char a[] = "{\"type\":\"record\",\"name\":\"n.A\",\"fields\":[{\"name\":\"k\",\"type\":{\"type\":\"fixed\","
                     "\"name\":\"n.K\",\"size\":1}}]}";
    const char main_text[] = "{\"type\":\"record\",\"name\":\"n.M\",\"fields\":[{\"name\":\"k\",\"type\":\"n.K\"},"
                             "{\"name\":\"a\",\"type\":\"A\"},{\"name\":\"b\",\"type\":\"n.A\"}]}";
    avro_ref_t ref = {"n.A", a, sizeof a - 1};
    avro_schema_t *s = parse_refs(main_text, &ref, 1, AVRO_PARSE_STRICT);
    buf_t out;
    buf_init(&out, 4096, "test", false);
    /* Only the reference's top-level name is known: the type defined inside it is written out. */
    assert_int_equal(avro_schema_print(s, false, &out, &err_), SCHLOSS_OK);
    assert_string_equal(buf_cstr(&out),
                        "{\"type\":\"record\",\"name\":\"M\",\"namespace\":\"n\",\"fields\":[{\"name\":\"k\",\"type\":"
                        "{\"type\":\"fixed\",\"name\":\"K\",\"size\":1}},{\"name\":\"a\",\"type\":\"A\"},"
                        "{\"name\":\"b\",\"type\":\"A\"}]}");
    buf_reset(&out);
    assert_int_equal(avro_schema_print_resolved(s, &out, &err_), SCHLOSS_OK);
    assert_string_equal(
        buf_cstr(&out),
        "{\"type\":\"record\",\"name\":\"M\",\"namespace\":\"n\",\"fields\":[{\"name\":\"k\",\"type\":"
        "{\"type\":\"fixed\",\"name\":\"K\",\"size\":1}},{\"name\":\"a\",\"type\":{\"type\":\"record\","
        "\"name\":\"A\",\"fields\":[{\"name\":\"k\",\"type\":\"K\"}]}},{\"name\":\"b\",\"type\":\"A\"}]}");
    avro_schema_free(s);
    buf_clear(&out);
}

static void limits(void **state) {
    (void)state;
    /* Types that are each used before the next is defined: flat text, deep canonical form. */
    char *text = malloc(1 << 20);
    assert_non_null(text);
    size_t n = (size_t)snprintf(text, 1 << 20, "[");
    for (unsigned i = 0; i < 2000; i++) {
        n += (size_t)snprintf(text + n, (1 << 20) - n,
                              "%s{\"type\":\"record\",\"name\":\"T%u\",\"fields\":[{\"name\":\"f\",\"type\":\"T%u\"}]}",
                              i > 0 ? "," : "", i, i + 1);
    }
    (void)snprintf(text + n, (1 << 20) - n, ",{\"type\":\"fixed\",\"name\":\"T2000\",\"size\":1}]");
    avro_schema_t *s = parse(text);
    free(text);
    buf_t out;
    buf_init(&out, 1 << 20, "test", false);
    assert_int_equal(avro_schema_print(s, false, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
    buf_init(&out, 16, "tiny", false);
    avro_schema_free(s);
    s = parse("{\"type\":\"fixed\",\"name\":\"T2000\",\"size\":1}");
    assert_int_equal(avro_schema_print(s, false, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_non_null(strstr(schloss_error_message(&err_), "tiny"));
    avro_schema_free(s);
    buf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guids),      cmocka_unit_test(member_order),
        cmocka_unit_test(names),      cmocka_unit_test(texts_and_numbers),
        cmocka_unit_test(normalized), cmocka_unit_test(references),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
