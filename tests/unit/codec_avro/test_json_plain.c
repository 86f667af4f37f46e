/* Lenient Avro JSON: unions without wrapper, fields left out. */
#include "avro_test.h"

static schloss_rc plain(const char *schema, const char *json, buf_t *out) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    schloss_rc rc = avro_from_json(avro_schema_root(s), json, strlen(json), SCHLOSS_AVRO_JSON_PLAIN, out, &err_);
    if (rc == SCHLOSS_OK) {
        assert_int_equal(avro_check(buf_view(out), avro_schema_root(s), &err_), SCHLOSS_OK);
    }
    avro_schema_free(s);
    return rc;
}

static void encodes(const char *schema, const char *json, const char *hex) {
    buf_t out;
    uint8_t raw[512];
    buf_init(&out, 4096, "test", true);
    schloss_rc rc = plain(schema, json, &out);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", json, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    size_t n = unhex(raw, hex);
    assert_int_equal(out.len, n);
    if (n > 0) {
        assert_memory_equal(out.ptr, raw, n);
    }
    buf_clear(&out);
}

static void fails(const char *schema, const char *json, schloss_rc rc, const char *part) {
    buf_t out;
    buf_init(&out, 4096, "test", true);
    schloss_rc got = plain(schema, json, &out);
    if (got != rc || strstr(schloss_error_message(&err_), part) == NULL) {
        print_error("%s: %s: %s\n", json, schloss_rc_name(got), schloss_error_message(&err_));
    }
    assert_int_equal(got, rc);
    assert_non_null(strstr(schloss_error_message(&err_), part));
    buf_clear(&out);
}

#define REC(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"

static void unions(void **state) {
    (void)state;
    encodes("[\"null\",\"string\"]", "\"a\"", "020261");
    encodes("[\"null\",\"string\"]", "null", "00");
    encodes("[\"null\",\"string\"]", "{\"string\":\"a\"}", "020261"); /* the wrapper is still understood */
    fails("[\"null\",\"string\"]", "1", SCHLOSS_E_DATA_MISMATCH, "expected string, found a number");
    encodes("[\"int\",\"string\",\"boolean\"]", "true", "0401");
    fails("[\"int\",\"long\"]", "5", SCHLOSS_E_DATA_MISMATCH, "several branches");
    encodes("[\"int\",\"long\"]", "3000000000", "0280f882ad16");
    fails("[\"int\",\"string\"]", "null", SCHLOSS_E_DATA_MISMATCH, "no branch null");
    fails("[\"int\",\"string\"]", "{}", SCHLOSS_E_DATA_MISMATCH, "no branch");
    fails("[\"string\",\"bytes\"]", "\"a\"", SCHLOSS_E_DATA_MISMATCH, "several branches");
    encodes("[\"string\",\"bytes\"]", "\"\\u0100\"", "0004c480");
    encodes("[\"null\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},\"int\"]", "\"\\n\xc3\xbf\"", "020aff");
    encodes("[\"double\",{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"map\",\"values\":\"int\"}]", "[1]",
            "02020200");
    encodes("[\"double\",{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"map\",\"values\":\"int\"}]", "{\"a\":1}",
            "040202610200");
}

static void records_in_unions(void **state) {
    (void)state;
    const char two[] = "[" REC("A", "{\"name\":\"x\",\"type\":\"int\"}") "," REC(
        "B", "{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"y\",\"type\":[\"null\",\"string\"]},"
             "{\"name\":\"z\",\"type\":\"int\",\"default\":3}") "]";
    encodes(two, "{\"x\":1,\"y\":\"q\"}",
            "0202020271"
            "06");
    fails(two, "{\"x\":1}", SCHLOSS_E_DATA_MISMATCH, "several branches"); /* B's other fields may be left out */
    fails(two, "{\"x\":\"no\"}", SCHLOSS_E_DATA_MISMATCH, "no branch");
    encodes(two, "{\"A\":{\"x\":1}}", "0002");
}

static void missing_fields(void **state) {
    (void)state;
    const char all[] = REC(
        "R",
        "{\"name\":\"a\",\"type\":\"int\",\"default\":1},{\"name\":\"b\",\"type\":\"string\",\"default\":\"x\"},"
        "{\"name\":\"c\",\"type\":\"bytes\",\"default\":\"\\u00ff\"},{\"name\":\"d\",\"type\":[\"null\",\"int\"]},"
        "{\"name\":\"e\",\"type\":[\"int\",\"null\"],\"default\":5},{\"name\":\"f\",\"type\":{\"type\":\"array\","
        "\"items\":\"int\"},\"default\":[1]},{\"name\":\"g\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},"
        "\"default\":{\"k\":true}},{\"name\":\"h\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"P\",\"Q\"]"
        "},"
        "\"default\":\"Q\"},{\"name\":\"i\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"default\":\"z\"},"
        "{\"name\":\"j\",\"type\":" REC(
            "S", "{\"name\":\"p\",\"type\":\"int\"},{\"name\":\"q\",\"type\":\"int\","
                 "\"default\":2}") ",\"default\":{\"p\":1}},{\"name\":\"k\",\"type\":\"float\",\"default\":1},"
                                   "{\"name\":\"l\",\"type\":\"double\",\"default\":\"Infinity\"},{\"name\":\"m\","
                                   "\"type\":\"null\",\"default\":null},"
                                   "{\"name\":\"n\",\"type\":[\"null\",\"string\"],\"default\":\"s\"}");
    encodes(all, "{}",
            "02"
            "0278"
            "02ff"
            "00"
            "000a"
            "020200"
            "02026b0100"
            "02"
            "7a"
            "0204"
            "0000803f"
            "000000000000f07f"
            "020273");
    encodes(REC("R", "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"d\",\"type\":[\"int\",\"null\"]}"), "{\"a\":1}",
            "0202");
    fails(REC("R", "{\"name\":\"a\",\"type\":\"int\"}"), "{}", SCHLOSS_E_DATA_MISMATCH, "\"R.a\" is missing");
    fails(REC("R", "{\"name\":\"a\",\"type\":\"int\"}"), "{\"a\":1,\"b\":1}", SCHLOSS_E_DATA_MISMATCH,
          "no field \"b\"");
    /* Stored schemas can have defaults that do not fit. */
    const char *const bad[][2] = {{"\"int\"", "\"x\""},      {"\"string\"", "1"}, {"\"bytes\"", "\"\\u0100\""},
                                  {"\"boolean\"", "0"},      {"\"null\"", "0"},   {"[\"null\",\"int\"]", "\"x\""},
                                  {"\"double\"", "\"abc\""}, {"\"int\"", "3e9"},  {"\"double\"", "null"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, REC("R", "{\"name\":\"a\",\"type\":%s,\"default\":%s}"), bad[i][0],
                       bad[i][1]);
        fails(text, "{}", SCHLOSS_E_DATA_MISMATCH, "default");
    }
}

static void nothing_explodes(void **state) {
    (void)state;
    /* A default that contains itself. */
    fails(REC("R", "{\"name\":\"r\",\"type\":\"R\",\"default\":{}}"), "{}", SCHLOSS_E_LIMIT_EXCEEDED, "deeper");
    /* Each record's default holds the next twice: 2^100. */
    char text[65536];
    size_t n = (size_t)snprintf(text, sizeof text, "[\"null\"");
    for (unsigned i = 0; i < 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "," REC("T%u", "{\"name\":\"a\",\"type\":\"T%u\",\"default\":{}},{\"name\":\"b\","
                                             "\"type\":\"T%u\",\"default\":{}}"),
                              i, i + 1, i + 1);
    }
    (void)snprintf(text + n, sizeof text - n, "," REC("T100", "") "]");
    fails(text, "{\"T0\":{}}", SCHLOSS_E_LIMIT_EXCEEDED, "steps");
    /* Each level of a value can be either of two records: 2^100 ways. */
    n = (size_t)snprintf(text, sizeof text, "%s", "");
    for (unsigned i = 0; i < 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"x\":");
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "0");
    for (unsigned i = 0; i < 100; i++) {
        text[n++] = '}';
    }
    text[n] = '\0';
    fails("[" REC("A", "{\"name\":\"x\",\"type\":[\"A\",\"B\"]}") "," REC(
              "B", "{\"name\":\"x\",\"type\":[\"A\",\"B\"]}") "]",
          text, SCHLOSS_E_LIMIT_EXCEEDED, "steps");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unions),
        cmocka_unit_test(records_in_unions),
        cmocka_unit_test(missing_fields),
        cmocka_unit_test(nothing_explodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
