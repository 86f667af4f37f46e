/* Avro JSON both ways, and the walker, under a schema of every kind. First byte: how to read the rest. Whatever one
 * side accepts the other must give back. Corpus: fuzz/corpus/avro_json. */
#include "codec/avro/json.h"
#include "codec/avro/walk.h"
#include <stdlib.h>

static const char *const schemas[] = {
    "{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":"
    "\"int\","
    "\"default\":3},{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":"
    "\"double\"},"
    "{\"name\":\"y\",\"type\":\"bytes\",\"default\":\"\\u00ff\"},{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"e\","
    "\"type\":"
    "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"x\",\"type\":{\"type\":\"fixed\","
    "\"name\":\"F\","
    "\"size\":2}},{\"name\":\"z\",\"type\":\"null\"}]}",
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"v\",\"type\":[\"null\",\"string\",\"long\",{\"type\":"
    "\"map\","
    "\"values\":\"N\"},{\"type\":\"array\",\"items\":[\"N\",\"bytes\",\"null\"]}]},{\"name\":\"n\",\"type\":[\"null\","
    "\"N\"],"
    "\"default\":null}]}",
    "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":[\"A\",\"B\",\"int\"]}]},{\"type\":"
    "\"record\","
    "\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":[\"A\",\"B\",\"double\"],\"default\":{\"x\":1}}]}]",
    ("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Z\","
     "\"fields\":[{\"name\":\"n\",\"type\":\"null\"}]}}"),
};
static avro_schema_t *parsed[COUNT_OF(schemas)];

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static void from_binary(const avro_type_t *t, bytes_t data, unsigned flags) {
    buf_t json, back, again;
    buf_init(&json, 1 << 16, "fuzz", true);
    buf_init(&back, 1 << 20, "fuzz", true);
    buf_init(&again, 1 << 20, "fuzz", true);
    bool walks = avro_check(data, t, NULL) == SCHLOSS_OK;
    schloss_rc rc = avro_to_json(t, data, flags, &json, NULL);
    must(walks || rc != SCHLOSS_OK); /* walking checks all but UTF-8 and the size of the text */
    if (rc == SCHLOSS_OK && flags == 0) {
        /* The same value in one block and shortest varints: a fixed point. */
        rc = avro_from_json(t, (const char *)json.ptr, json.len, 0, &back, NULL);
        must(rc == SCHLOSS_OK && avro_check(buf_view(&back), t, NULL) == SCHLOSS_OK);
        must(avro_to_json(t, buf_view(&back), 0, &again, NULL) == SCHLOSS_OK);
        must(json.len == again.len && memcmp(json.ptr, again.ptr, json.len) == 0);
    }
    buf_clear(&json);
    buf_clear(&back);
    buf_clear(&again);
}

static void from_json(const avro_type_t *t, bytes_t text, unsigned flags) {
    buf_t out, plain;
    buf_init(&out, 1 << 20, "fuzz", true);
    buf_init(&plain, 1 << 20, "fuzz", true);
    static schloss_error_t err;
    if (avro_from_json(t, (const char *)text.ptr, text.len, flags, &out, &err) == SCHLOSS_OK) {
        must(avro_check(buf_view(&out), t, NULL) == SCHLOSS_OK);
        from_binary(t, buf_view(&out), 0);
        if (flags == 0) { /* lenient input includes the strict form */
            schloss_rc rc = avro_from_json(t, (const char *)text.ptr, text.len, SCHLOSS_AVRO_JSON_PLAIN, &plain, &err);
            must(rc == SCHLOSS_E_LIMIT_EXCEEDED || (rc == SCHLOSS_OK && out.len == plain.len &&
                                                    (out.len == 0 || memcmp(out.ptr, plain.ptr, out.len) == 0)));
        }
    }
    buf_clear(&out);
    buf_clear(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 4096) {
        return 0;
    }
    if (parsed[0] == NULL) {
        for (size_t i = 0; i < COUNT_OF(schemas); i++) {
            must(avro_schema_parse(&parsed[i], schemas[i], strlen(schemas[i]), NULL, 0, 0, NULL) == SCHLOSS_OK);
        }
    }
    const avro_type_t *t = avro_schema_root(parsed[(data[0] >> 2) % COUNT_OF(schemas)]);
    unsigned flags = data[0] & 1 ? SCHLOSS_AVRO_JSON_PLAIN : 0;
    if (data[0] & 2) {
        from_binary(t, bytes(data + 1, size - 1), flags);
    } else {
        from_json(t, bytes(data + 1, size - 1), flags);
    }
    return 0;
}
