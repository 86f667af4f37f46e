/* Reading: where the schema stands, which header counts, what is no record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <string.h>

static uint8_t rec[256], framed[300];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    memcpy(framed, "\0\0\0\0\1", 5);
    memcpy(framed + 5, rec, rec_len);
    return 0;
}

/* spec 8: 85 */
static void the_last_header_counts_before_the_prefix(void **state) {
    (void)state;
    world_t w;
    schloss_decoded_t dec;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    schloss_bytes_t id1 = schloss_bytes("\0\0\0\0\1", 5), id9 = schloss_bytes("\0\0\0\0\11", 5);
    schloss_bytes_t plain = schloss_bytes(rec, rec_len), prefixed = schloss_bytes(framed, rec_len + 5);
    const schloss_header_t good[] = {{"__value_schema_id", id9}, {"__value_schema_id", id1}};
    const schloss_header_t key_only[] = {{"__key_schema_id", id9}};
    const schloss_header_t none[] = {{"__value_schema_id", {NULL, 0}}};
    const schloss_header_t odd[] = {{"__value_schema_id", schloss_bytes("\2", 1)}};
    const schloss_header_t empty[] = {{"__value_schema_id", schloss_bytes("", 0)}};
    assert_int_equal(schloss_deserialize(w.de, &w.target, plain, good, 2, &dec, w.err), 0);
    assert_int_equal(dec.value.len, rec_len);
    assert_int_equal(schloss_deserialize(w.de, &w.target, prefixed, key_only, 1, &dec, w.err), 0);
    assert_int_equal(schloss_deserialize(w.de, &w.target, prefixed, none, 1, &dec, w.err), 0);
    assert_memory_equal(dec.value.ptr, rec, rec_len);
    assert_int_equal(schloss_deserialize(w.de, &w.target, plain, odd, 1, &dec, w.err), SCHLOSS_E_UNKNOWN_MAGIC);
    assert_int_equal(schloss_deserialize(w.de, &w.target, plain, empty, 1, &dec, w.err), SCHLOSS_E_SHORT_PREFIX);
    assert_int_equal(schloss_deserialize(w.de, &w.target, plain, NULL, 1, &dec, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    world_close(&w);
}

static void prefix_reader_ignores_headers(void **state) {
    (void)state;
    static const char *const conf[] = {"value.schema.id.deserializer", "PrefixSchemaIdDeserializer", NULL};
    world_t w;
    schloss_decoded_t dec;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    const schloss_header_t h[] = {{"__value_schema_id", schloss_bytes("\0\0\0\0\11", 5)}};
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(framed, rec_len + 5), h, 1, &dec, w.err), 0);
    world_close(&w);
}

static void what_is_no_record(void **state) {
    (void)state;
    world_t w;
    schloss_decoded_t dec = {.value = {rec, 1}};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(NULL, 0), NULL, 0, &dec, w.err), 0);
    assert_null(dec.value.ptr);
    assert_null(dec.schema);
    assert_int_equal(schloss_deserialize_try(w.de, &w.target, schloss_bytes(framed, 4), NULL, 0, &dec, w.err),
                     SCHLOSS_E_SHORT_PREFIX);
    assert_int_equal(schloss_deserialize_try(w.de, &w.target, schloss_bytes(framed, rec_len), NULL, 0, &dec, w.err),
                     SCHLOSS_NEED_KEY);
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(framed, rec_len), NULL, 0, &dec, w.err),
                     SCHLOSS_E_DATA_MISMATCH);
    assert_string_equal(schloss_error_subject(w.err), WORLD_SUBJECT);
    framed[4] = 77;
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(framed, rec_len), NULL, 0, &dec, w.err),
                     SCHLOSS_E_SCHEMA_NOT_FOUND);
    assert_non_null(strstr(schloss_error_message(w.err), "77"));
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_last_header_counts_before_the_prefix, setup),
        cmocka_unit_test_setup(prefix_reader_ignores_headers, setup),
        cmocka_unit_test_setup(what_is_no_record, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
