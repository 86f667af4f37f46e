/* Avro JSON over the schemas that serdes hand out: there and back, arguments, the writer's own limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/avro.h>
#include <string.h>

static void there_and_back(void **state) {
    (void)state;
    static const char json[] =
        "{\"name\":\"ann\",\"n\":7,\"note\":\"x\",\"blob\":\"\\u00b7\",\"alias\":{\"string\":\"a\"}}";
    static const char plain[] = "{\"name\":\"ann\",\"n\":7,\"note\":\"x\",\"blob\":\"\\u00b7\",\"alias\":\"a\"}";
    world_t w;
    uint8_t want[64];
    const schloss_schema_t *schema = NULL;
    schloss_bytes_t bin, text;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    assert_int_equal(schloss_serializer_prepare(w.ser, &w.target, &schema, w.err), 0);
    schloss_avro_writer_t *in = schloss_avro_writer_new(0), *out = schloss_avro_writer_new(0);
    assert_int_equal(schloss_avro_from_json(schema, json, strlen(json), 0, in, &bin, w.err), 0);
    size_t n = world_person(want, sizeof(want), "ann", 7, "x", 1, "a");
    assert_int_equal(bin.len, n);
    assert_memory_equal(bin.ptr, want, n);
    assert_int_equal(schloss_avro_to_json(schema, bin, 0, out, &text, w.err), 0);
    assert_non_null(memmem(text.ptr, text.len, "{\"string\":\"a\"}", 14));
    assert_int_equal(schloss_avro_from_json(schema, plain, strlen(plain), 0, in, &bin, w.err), SCHLOSS_E_DATA_MISMATCH);
    assert_string_equal(schloss_error_field(w.err), "shop.test.Person.alias");
    assert_int_equal(schloss_avro_from_json(schema, plain, strlen(plain), SCHLOSS_AVRO_JSON_PLAIN, in, &bin, w.err), 0);
    assert_memory_equal(bin.ptr, want, n);
    assert_int_equal(schloss_avro_to_json(schema, schloss_bytes(want, n - 1), 0, out, &text, w.err),
                     SCHLOSS_E_DATA_MISMATCH);
    assert_int_equal(schloss_avro_from_json(NULL, json, 1, 0, in, &bin, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_avro_to_json(schema, bin, 0, NULL, &text, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    schloss_avro_writer_free(in);
    schloss_avro_writer_t *tiny = schloss_avro_writer_new(4);
    assert_int_equal(schloss_avro_from_json(schema, json, strlen(json), 0, tiny, &bin, w.err),
                     SCHLOSS_E_LIMIT_EXCEEDED);
    schloss_avro_writer_free(tiny);
    schloss_avro_writer_free(out);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
