/* The walker: what it accepts to the byte, what it refuses, and that nothing makes it spin. */
#include "avro_test.h"
#include "base/limits.h"

static schloss_rc check(const char *schema, const char *hex) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    uint8_t raw[256];
    size_t n = unhex(raw, hex);
    /* An exact heap copy, so that reading one byte too far is caught. */
    uint8_t *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, raw, n);
    copy = realloc(copy, n > 0 ? n : 1);
    schloss_rc rc = avro_check(bytes(copy, n), avro_schema_root(s), &err_);
    /* No proper prefix is a value as well, and nothing may follow. */
    for (size_t k = 0; rc == SCHLOSS_OK && k < n; k++) {
        assert_int_equal(avro_check(bytes(copy, k), avro_schema_root(s), NULL), SCHLOSS_E_DATA_MISMATCH);
    }
    free(copy);
    avro_schema_free(s);
    return rc;
}

#define GOOD(schema, hex) assert_int_equal(check(schema, hex), SCHLOSS_OK)
#define BAD(schema, hex) assert_int_equal(check(schema, hex), SCHLOSS_E_DATA_MISMATCH)

static void primitives(void **state) {
    (void)state;
    GOOD("\"null\"", "");
    BAD("\"null\"", "00");
    GOOD("\"boolean\"", "00");
    GOOD("\"boolean\"", "01");
    BAD("\"boolean\"", "02");
    GOOD("\"int\"", "feffffff0f"); /* 2^31 - 1 */
    GOOD("\"int\"", "ffffffff0f"); /* -2^31 */
    BAD("\"int\"", "8080808010");  /* 2^31 */
    GOOD("\"long\"", "feffffffffffffffff01");
    BAD("\"long\"", "feffffffffffffffff02");
    BAD("\"long\"", "8080808080808080808000");
    GOOD("\"float\"", "0000803f");
    GOOD("\"double\"", "000000000000f03f");
    GOOD("\"bytes\"", "0400ff");
    GOOD("\"string\"", "00");
    BAD("\"string\"", "01");   /* length -1 */
    BAD("\"string\"", "0461"); /* two announced, one there */
    BAD("\"bytes\"", "feffffffffffffffff01");
    GOOD("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "010203");
    GOOD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "02");
    BAD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "04");
    BAD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "01");
}

static void unions(void **state) {
    (void)state;
    GOOD("[\"null\",\"string\"]", "00");
    GOOD("[\"null\",\"string\"]", "020261");
    BAD("[\"null\",\"string\"]", "04");
    BAD("[\"null\",\"string\"]", "01");
    BAD("[]", "00");
}

static void blocks(void **state) {
    (void)state;
    const char longs[] = "{\"type\":\"array\",\"items\":\"long\"}";
    GOOD(longs, "00");
    GOOD(longs, "04020400");
    GOOD(longs, "0202020400"); /* two blocks of one */
    GOOD(longs, "0304020400"); /* -2 items in 2 bytes */
    BAD(longs, "0302020400");  /* the size says 1 */
    BAD(longs, "0306020400");  /* the size says 3 */
    BAD(longs, "0301020400");  /* the size says -1 */
    BAD(longs, "03feffffffffffffffff01020400");
    GOOD("{\"type\":\"map\",\"values\":\"string\"}", "020261026200");
    GOOD("{\"type\":\"map\",\"values\":\"string\"}", "01080261026200");
    BAD("{\"type\":\"map\",\"values\":\"string\"}", "02016100");
    /* A map of nulls still has keys. */
    BAD("{\"type\":\"map\",\"values\":\"null\"}", "feffffffffffffffff01");
}

static void errors_name_the_field(void **state) {
    (void)state;
    assert_int_equal(check("{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
                           "{\"name\":\"b\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"c\","
                           "\"type\":\"boolean\"}]}}]}",
                           "0205"),
                     SCHLOSS_E_DATA_MISMATCH);
    assert_string_equal(schloss_error_field(&err_), "n.S.c");
    assert_non_null(strstr(schloss_error_message(&err_), "boolean at byte 1"));
}

static void nothing_spins(void **state) {
    (void)state;
    /* 2^60 items of no bytes, in every shape that has none. */
    const char *const empty[] = {
        "\"null\"",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"null\"}]}",
    };
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        char schema[256];
        (void)snprintf(schema, sizeof schema, "{\"type\":\"array\",\"items\":%s}", empty[i]);
        avro_schema_t *s = parse(schema);
        uint8_t data[16];
        size_t n = unhex(data, "808080808080808020"); /* 2^60 */
        avro_walk_t w;
        avro_walk_init(&w, bytes(data, n));
        w.items_left = 1000;
        assert_int_equal(avro_skip(&w, avro_schema_root(s), &err_), SCHLOSS_E_LIMIT_EXCEEDED);
        n = unhex(data, "d00f00"); /* 1000 are fine */
        avro_walk_init(&w, bytes(data, n));
        w.items_left = 1000;
        assert_int_equal(avro_skip(&w, avro_schema_root(s), &err_), SCHLOSS_OK);
        avro_schema_free(s);
    }
    /* Records that hold the next one twice: 2^100 empty records in no bytes. */
    char text[16384];
    size_t n = (size_t)snprintf(text, sizeof text, "[");
    for (unsigned i = 0; i < 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"type\":\"record\",\"name\":\"T%u\",\"fields\":[{\"name\":\"a\",\"type\":\"T%u\"},"
                              "{\"name\":\"b\",\"type\":\"T%u\"}]},",
                              i, i + 1, i + 1);
    }
    (void)snprintf(text + n, sizeof text - n, "{\"type\":\"record\",\"name\":\"T100\",\"fields\":[]}]");
    avro_schema_t *s = parse(text);
    uint8_t zero = 0;
    avro_walk_t w;
    avro_walk_init(&w, bytes(&zero, 1));
    w.items_left = 100000;
    assert_int_equal(avro_skip(&w, avro_schema_root(s), &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    avro_schema_free(s);
}

static void depth_is_limited(void **state) {
    (void)state;
    avro_schema_t *s =
        parse("{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"N\"]}]}");
    uint8_t data[LIMIT_RECORD_DEPTH + 1];
    memset(data, 2, sizeof data);
    data[LIMIT_RECORD_DEPTH - 1] = 0;
    assert_int_equal(avro_check(bytes(data, LIMIT_RECORD_DEPTH), avro_schema_root(s), &err_), SCHLOSS_OK);
    data[LIMIT_RECORD_DEPTH - 1] = 2;
    data[LIMIT_RECORD_DEPTH] = 0;
    assert_int_equal(avro_check(bytes(data, sizeof data), avro_schema_root(s), &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    avro_schema_free(s);
}

static void skipping_leaves_the_cursor_behind(void **state) {
    (void)state;
    avro_schema_t *s = parse("\"string\"");
    const uint8_t data[] = {2, 'a', 4, 'b', 'c'};
    avro_walk_t w;
    avro_walk_init(&w, bytes(data, sizeof data));
    assert_int_equal(avro_skip(&w, avro_schema_root(s), &err_), SCHLOSS_OK);
    assert_int_equal(cur_left(&w.cur), 3);
    assert_int_equal(avro_skip(&w, avro_schema_root(s), &err_), SCHLOSS_OK);
    assert_int_equal(cur_left(&w.cur), 0);
    avro_schema_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives),
        cmocka_unit_test(unions),
        cmocka_unit_test(blocks),
        cmocka_unit_test(errors_name_the_field),
        cmocka_unit_test(nothing_spins),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(skipping_leaves_the_cursor_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
