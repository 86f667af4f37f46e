/* Avro JSON -> binary, strictly; and JSON <-> binary over every message of the interoperability vectors. */
#include "avro_test.h"
#include "base/limits.h"

/* Encodes json under schema; out is hex, or NULL when rc is an error whose message or field holds part. */
static void encodes(const char *schema, const char *json, const char *hex) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    buf_t out;
    uint8_t raw[512];
    buf_init(&out, 4096, "test", true);
    schloss_rc rc = avro_from_json(avro_schema_root(s), json, strlen(json), 0, &out, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", json, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    size_t n = unhex(raw, hex);
    assert_int_equal(out.len, n);
    if (n > 0) {
        assert_memory_equal(out.ptr, raw, n);
    }
    assert_int_equal(avro_check(buf_view(&out), avro_schema_root(s), &err_), SCHLOSS_OK);
    buf_clear(&out);
    avro_schema_free(s);
}

static void fails(const char *schema, const char *json, schloss_rc rc, const char *part) {
    avro_schema_t *s = parse_refs(schema, NULL, 0, 0);
    buf_t out;
    buf_init(&out, 4096, "test", true);
    schloss_rc got = avro_from_json(avro_schema_root(s), json, strlen(json), 0, &out, &err_);
    if (got != rc || strstr(schloss_error_message(&err_), part) == NULL) {
        print_error("%s: %s: %s\n", json, schloss_rc_name(got), schloss_error_message(&err_));
    }
    assert_int_equal(got, rc);
    assert_non_null(strstr(schloss_error_message(&err_), part));
    buf_clear(&out);
    avro_schema_free(s);
}

#define MISMATCH(schema, json, part) fails(schema, json, SCHLOSS_E_DATA_MISMATCH, part)

static void primitives(void **state) {
    (void)state;
    encodes("\"null\"", "null", "");
    MISMATCH("\"null\"", "0", "expected null, found a number");
    encodes("\"boolean\"", " true ", "01");
    MISMATCH("\"boolean\"", "1", "expected boolean");
    encodes("\"int\"", "-2147483648", "ffffffff0f");
    MISMATCH("\"int\"", "2147483648", "range of int");
    MISMATCH("\"int\"", "1.0", "no integer");
    MISMATCH("\"int\"", "\"1\"", "found a string");
    encodes("\"long\"", "9223372036854775807", "feffffffffffffffff01");
    MISMATCH("\"long\"", "9223372036854775808", "range of long");
    encodes("\"float\"", "1", "0000803f");
    encodes("\"float\"", "\"NaN\"", "0000c07f");
    MISMATCH("\"float\"", "1e39", "range of float");
    encodes("\"double\"", "-1.0e0", "000000000000f0bf");
    encodes("\"double\"", "\"Infinity\"", "000000000000f07f");
    encodes("\"double\"", "\"-Infinity\"", "000000000000f0ff");
    MISMATCH("\"double\"", "1e999", "range of double");
    MISMATCH("\"double\"", "\"1\"", "expected double");
    encodes("\"string\"", "\"a\\u00e9\\ud83d\\ude00\\n\"", "1061c3a9f09f98800a");
    encodes("\"string\"", "\"\xc3\xa9\"", "04c3a9");
    fails("\"string\"", "\"\\ud83d\"", SCHLOSS_E_BAD_JSON, "surrogate");
    encodes("\"bytes\"", "\"a\\u00ff\xc2\x80\"", "0661ff80");
    MISMATCH("\"bytes\"", "\"\\u0100\"", "U+00FF");
    encodes("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u0000\xc3\xbf\"", "00ff");
    MISMATCH("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"a\"", "takes 2 bytes");
    encodes("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", "02");
    MISMATCH("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"C\"", "enum \"E\"");
    fails("\"int\"", "[", SCHLOSS_E_BAD_JSON, "line 1");
    fails("\"int\"", "1 2", SCHLOSS_E_BAD_JSON, "after the value");
}

static void containers(void **state) {
    (void)state;
    encodes("{\"type\":\"array\",\"items\":\"int\"}", "[]", "00");
    encodes("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "04020400");
    MISMATCH("{\"type\":\"array\",\"items\":\"int\"}", "{}", "expected array");
    encodes("{\"type\":\"map\",\"values\":\"int\"}", "{\"\":1,\"\\u00e9\":2}", "04000204c3a90400");
    MISMATCH("{\"type\":\"map\",\"values\":\"int\"}", "[]", "expected map");
    encodes("[\"null\",\"string\"]", "null", "00");
    encodes("[\"null\",\"string\"]", "{\"string\":\"a\"}", "020261");
    MISMATCH("[\"null\",\"string\"]", "\"a\"", "{\"branch\": value}");
    MISMATCH("[\"null\",\"string\"]", "{\"string\":\"a\",\"int\":1}", "{\"branch\": value}");
    MISMATCH("[\"null\",\"string\"]", "{\"null\":null}", "{\"branch\": value}");
    MISMATCH("[\"string\"]", "null", "no branch null");
    encodes("[{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":1}]", "{\"a.F\":\"x\"}", "0078");
    MISMATCH("[{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":1}]", "{\"F\":\"x\"}", "branch");
}

static const char abc[] =
    "{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
    "{\"name\":\"b\",\"type\":\"int\",\"default\":7},{\"name\":\"c\",\"type\":[\"null\",\"int\"]}]}";

static void records(void **state) {
    (void)state;
    encodes(abc, "{\"a\":1,\"b\":2,\"c\":null}", "020400");
    encodes(abc, "{\"c\":{\"int\":3},\"a\":1,\"b\":2}", "02040206");
    encodes(abc, "{\"a\":1,\"c\":null,\"\\u0062\":2}", "020400");
    encodes("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", "{}", "");
    MISMATCH(abc, "{\"a\":1,\"b\":2}", "\"n.R.c\" is missing");
    assert_string_equal(schloss_error_field(&err_), "n.R.c");
    MISMATCH(abc, "{\"a\":1,\"c\":null}", "\"n.R.b\" is missing"); /* defaults are for PLAIN */
    MISMATCH(abc, "{\"a\":1,\"b\":2,\"c\":null,\"d\":1}", "has no field \"d\"");
    MISMATCH(abc, "{\"a\":1,\"b\":2,\"c\":null,\"a\":1}", "given twice");
    MISMATCH(abc, "{\"c\":null,\"b\":2,\"a\":1,\"b\":2}", "given twice");
    MISMATCH(abc, "[]", "expected n.R");
    MISMATCH(abc, "{\"a\":1,\"b\":\"x\",\"c\":null}", "expected int");
    assert_string_equal(schloss_error_field(&err_), "n.R.b");
}

static void errors_never_hold_values(void **state) {
    (void)state;
    avro_schema_t *s = parse(abc);
    const char *const inputs[] = {"{\"a\":\"SECRET\",\"b\":2,\"c\":null}", "{\"a\":1,\"b\":2,\"c\":\"SECRET\"}",
                                  "{\"a\":1,\"b\":2,\"c\":{\"int\":\"SECRET\"}}", "\"SECRET\"",
                                  "{\"a\":1,\"b\":\"SECRET"};
    for (size_t i = 0; i < 5; i++) {
        buf_t out;
        buf_init(&out, 4096, "test", true);
        assert_int_not_equal(avro_from_json(avro_schema_root(s), inputs[i], strlen(inputs[i]), i & 1, &out, &err_), 0);
        assert_null(strstr(schloss_error_message(&err_), "SECRET"));
        assert_null(strstr(schloss_error_hint(&err_), "SECRET"));
        buf_clear(&out);
    }
    avro_schema_free(s);
}

static void limits(void **state) {
    (void)state;
    avro_schema_t *s = parse("{\"type\":\"array\",\"items\":\"string\"}");
    buf_t out;
    buf_init(&out, 8, "tiny", true);
    const char json[] = "[\"0123456789\",\"x\"]";
    assert_int_equal(avro_from_json(avro_schema_root(s), json, sizeof json - 1, 0, &out, &err_),
                     SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
    avro_schema_free(s);
    s = parse("{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"N\"]}]}");
    char deep[4096];
    size_t n = 0;
    for (unsigned i = 0; i <= LIMIT_RECORD_DEPTH; i++) {
        n += (size_t)snprintf(deep + n, sizeof deep - n, i == 0 ? "{\"n\":" : "{\"N\":{\"n\":");
    }
    n += (size_t)snprintf(deep + n, sizeof deep - n, "null}");
    for (unsigned i = 0; i < LIMIT_RECORD_DEPTH; i++) {
        n += (size_t)snprintf(deep + n, sizeof deep - n, "}}");
    }
    buf_init(&out, 4096, "test", true);
    assert_int_equal(avro_from_json(avro_schema_root(s), deep, n, 0, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
    avro_schema_free(s);
}

/* ---- vectors ---- */

static unsigned n_round_trips;

static avro_schema_t *vector_schema(const json_t *v) {
    const json_t *refs = json_object_get(v, "referencedSchemas");
    avro_ref_t list[16];
    size_t n = json_array_size(refs);
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        const json_t *r = json_array_get(refs, i);
        const json_t *text = json_object_get(r, "schema");
        list[i].name = json_string_value(
            json_object_get(json_array_get(json_object_get(json_object_get(v, "schema"), "references"), i), "name"));
        list[i].text = json_string_value(text);
        list[i].len = json_string_length(text);
    }
    return parse_refs(json_string_value(json_object_get(json_object_get(v, "schema"), "schema")), list, n,
                      AVRO_PARSE_STRICT);
}

/* message -> the bytes of payload, and those bytes -> a JSON value equal to message. */
static void round_trip(const char *id, const avro_type_t *t, const json_t *message, const json_t *payload) {
    char *json = json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(json);
    size_t b64 = json_string_length(payload), n = 0;
    uint8_t *want = malloc(b64 + 3);
    assert_non_null(want);
    assert_true(b64_decode(want, &n, (const uint8_t *)json_string_value(payload), b64));
    if (t->kind == AVRO_BYTES) { /* on the topic a root of type bytes stands bare, without its length */
        size_t k = varlong_size((int64_t)n);
        want = realloc(want, n + k + 1);
        assert_non_null(want);
        memmove(want + k, want, n);
        (void)varlong_write(want, (int64_t)n);
        n += k;
    }
    buf_t out, text;
    buf_init(&out, 1 << 20, "test", true);
    buf_init(&text, 1 << 20, "test", true);
    if (avro_from_json(t, json, strlen(json), 0, &out, &err_) != SCHLOSS_OK || out.len != n ||
        (n > 0 && memcmp(out.ptr, want, n) != 0)) {
        print_error("%s: %s\n", id, schloss_error_message(&err_));
        fail();
    }
    assert_int_equal(avro_check(buf_view(&out), t, &err_), SCHLOSS_OK);
    assert_int_equal(avro_to_json(t, bytes(want, n), 0, &text, &err_), SCHLOSS_OK);
    json_t *back = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json_equal(back, message)) {
        print_error("%s: %s\n", id, buf_cstr(&text));
        fail();
    }
    json_decref(back);
    buf_clear(&out);
    buf_clear(&text);
    free(want);
    free(json);
    n_round_trips++;
}

static void vectors_of(const char *file) {
    char path[512];
    (void)snprintf(path, sizeof path, SOURCE_DIR "/tests/vectors/data/%s", file);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(root, "vectors"), i, v) {
        const char *type = json_string_value(json_object_get(json_object_get(v, "schema"), "schemaType"));
        if (type != NULL && strcmp(type, "AVRO") != 0) {
            continue;
        }
        const char *id = json_string_value(json_object_get(v, "id"));
        const json_t *message = json_object_get(v, "message"), *plain = json_object_get(v, "plainPayload");
        const json_t *cipher = json_object_get(v, "cipherMessage"), *encoded = json_object_get(v, "encodedPayload");
        avro_schema_t *s = vector_schema(v);
        if (message != NULL && json_is_string(plain)) {
            round_trip(id, avro_schema_root(s), message, plain);
        }
        if (cipher != NULL && json_is_string(encoded)) {
            round_trip(id, avro_schema_root(s), cipher, encoded);
        }
        avro_schema_free(s);
    }
    json_decref(root);
}

static void vectors(void **state) {
    (void)state;
    vectors_of("field-avro.json");
    vectors_of("payload-avro.json");
    vectors_of("rules-avro.json");
    vectors_of("framing-subjects.json");
    assert_true(n_round_trips > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives), cmocka_unit_test(containers),
        cmocka_unit_test(records),    cmocka_unit_test(errors_never_hold_values),
        cmocka_unit_test(limits),     cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
