/* Avro binary -> JSON. The vectors' round trips are in test_json_in.c. */
#include "avro_test.h"
#include "base/limits.h"

static void prints(const char *schema, const char *hex, unsigned flags, const char *expected) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    uint8_t raw[512];
    size_t n = unhex(raw, hex);
    buf_t out;
    buf_init(&out, 1 << 16, "test", true);
    schloss_rc rc = avro_to_json(avro_schema_root(s), bytes(raw, n), flags, &out, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", hex, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    assert_string_equal(buf_cstr(&out), expected);
    buf_clear(&out);
    for (size_t k = 0; k < n; k++) { /* no prefix of it prints */
        buf_init(&out, 1 << 16, "test", true);
        assert_int_equal(avro_to_json(avro_schema_root(s), bytes(raw, k), flags, &out, &err_), SCHLOSS_E_DATA_MISMATCH);
        buf_clear(&out);
    }
    avro_schema_free(s);
}

static void fails(const char *schema, const char *hex, schloss_rc rc, const char *part) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    uint8_t raw[512];
    size_t n = unhex(raw, hex);
    buf_t out;
    buf_init(&out, 4096, "test", true);
    assert_int_equal(avro_to_json(avro_schema_root(s), bytes(raw, n), 0, &out, &err_), rc);
    assert_non_null(strstr(schloss_error_message(&err_), part));
    buf_clear(&out);
    avro_schema_free(s);
}

static void scalars(void **state) {
    (void)state;
    prints("\"null\"", "", 0, "null");
    prints("\"boolean\"", "01", 0, "true");
    prints("\"int\"", "ffffffff0f", 0, "-2147483648");
    prints("\"long\"", "ffffffffffffffffff01", 0, "-9223372036854775808");
    prints("\"float\"", "cdcccc3d", 0, "0.1");
    prints("\"float\"", "0000c07f", 0, "\"NaN\"");
    prints("\"double\"", "000000000000f03f", 0, "1.0");
    prints("\"double\"", "000000000000f0ff", 0, "\"-Infinity\"");
    prints("\"string\"", "0e2f22c3a90a5c7f", 0, "\"/\\\"\xc3\xa9\\n\\\\\x7f\"");
    prints("\"string\"", "00", 0, "\"\"");
    prints("\"bytes\"", "1800010708090a0b0c0d225cff", 0,
           "\"\\u0000\\u0001\\u0007\\b\\t\\n\\u000B\\f\\r\\\"\\\\\xc3\xbf\"");
    prints("\"bytes\"", "04807f", 0, "\"\xc2\x80\x7f\"");
    prints("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", "", 0, "\"\"");
    prints("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "02", 0, "\"B\"");
}

static void containers(void **state) {
    (void)state;
    prints("{\"type\":\"array\",\"items\":\"int\"}", "00", 0, "[]");
    prints("{\"type\":\"array\",\"items\":\"int\"}", "03040204020600", 0,
           "[1,2,3]"); /* a sized block and a plain one */
    prints("{\"type\":\"map\",\"values\":\"int\"}",
           "040261020004"
           "00",
           0, "{\"a\":1,\"\":2}");
}

static void unions(void **state) {
    (void)state;
    const char u[] =
        "[\"null\",\"string\",{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}]";
    prints(u, "00", 0, "null");
    prints(u, "020261", 0, "{\"string\":\"a\"}");
    prints(u, "0402", 0, "{\"n.R\":{\"a\":1}}");
    prints(u, "020261", SCHLOSS_AVRO_JSON_PLAIN, "\"a\"");
    prints(u, "0402", SCHLOSS_AVRO_JSON_PLAIN, "{\"a\":1}");
    fails(u, "06", SCHLOSS_E_DATA_MISMATCH, "no such branch");
}

static void bad_data(void **state) {
    (void)state;
    fails("\"string\"", "04c3", SCHLOSS_E_DATA_MISMATCH, "string at byte");
    fails("\"string\"", "01", SCHLOSS_E_DATA_MISMATCH, "string at byte"); /* length -1 */
    fails("\"bytes\"", "0f", SCHLOSS_E_DATA_MISMATCH, "bytes at byte");
    fails("\"string\"", "02c3", SCHLOSS_E_DATA_MISMATCH, "UTF-8");
    fails("\"int\"", "0200", SCHLOSS_E_DATA_MISMATCH, "1 bytes are left over");
    fails("\"boolean\"", "02", SCHLOSS_E_DATA_MISMATCH, "boolean");
    fails("{\"type\":\"array\",\"items\":\"int\"}", "0302020200", SCHLOSS_E_DATA_MISMATCH, "byte size");
    fails("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "02", SCHLOSS_E_DATA_MISMATCH, "E");
    /* 2^60 nulls end at the limit of the output. */
    fails("{\"type\":\"array\",\"items\":\"null\"}", "808080808080808020", SCHLOSS_E_LIMIT_EXCEEDED, "test");
    fails("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}", "",
          SCHLOSS_E_LIMIT_EXCEEDED, "deeper");
    fails("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"boolean\"}]}", "07",
          SCHLOSS_E_DATA_MISMATCH, "boolean");
    assert_string_equal(schloss_error_field(&err_), "R.r");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(containers),
        cmocka_unit_test(unions),
        cmocka_unit_test(bad_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
