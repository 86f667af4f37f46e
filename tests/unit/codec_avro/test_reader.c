/* The typed reader: reads what the writer wrote, stops at the first error and says where. */
#include "avro_test.h"

static void reads_back(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    schloss_avro_reader_t *r = schloss_avro_reader_new();
    assert_non_null(w);
    assert_non_null(r);
    schloss_avro_put_boolean(w, true);
    schloss_avro_put_int(w, INT32_MIN);
    schloss_avro_put_long(w, INT64_MAX);
    schloss_avro_put_float(w, 0.1f);
    schloss_avro_put_double(w, -0.1);
    schloss_avro_put_bytes(w, "\x00\xff", 2);
    schloss_avro_put_string(w, "h\xc3\xa9", 3);
    schloss_avro_put_fixed(w, "ab", 2);
    schloss_avro_put_enum(w, 3);
    schloss_avro_put_union(w, 1);
    schloss_avro_put_array(w, 2);
    schloss_avro_put_long(w, 5);
    schloss_avro_put_long(w, 6);
    schloss_avro_put_end(w);
    schloss_bytes_t rec, b;
    assert_int_equal(schloss_avro_writer_finish(w, &rec, &err_), SCHLOSS_OK);

    schloss_avro_reader_reset(r, rec);
    assert_true(schloss_avro_get_boolean(r));
    assert_int_equal(schloss_avro_get_int(r), INT32_MIN);
    assert_true(schloss_avro_get_long(r) == INT64_MAX);
    assert_true(schloss_avro_get_float(r) == 0.1f);
    assert_true(schloss_avro_get_double(r) == -0.1);
    b = schloss_avro_get_bytes(r);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.ptr, "\x00\xff", 2);
    b = schloss_avro_get_string(r);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.ptr, "h\xc3\xa9", 3);
    b = schloss_avro_get_fixed(r, 2);
    assert_memory_equal(b.ptr, "ab", 2);
    assert_int_equal(schloss_avro_get_enum(r), 3);
    assert_int_equal(schloss_avro_get_union(r), 1);
    assert_int_equal(schloss_avro_get_block(r), 2);
    assert_int_equal(schloss_avro_get_long(r), 5);
    assert_int_equal(schloss_avro_get_long(r), 6);
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_E_DATA_MISMATCH); /* one byte not read */
    assert_int_equal(schloss_avro_get_block(r), 0);
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_OK);
    schloss_avro_reader_free(r);
    schloss_avro_writer_free(w);
}

static void blocks_with_sizes(void **state) {
    (void)state;
    const uint8_t data[] = {3, 4, 2, 4, 2, 6, 0}; /* -2 items in 2 bytes, then one, then the end */
    schloss_avro_reader_t *r = schloss_avro_reader_new();
    assert_non_null(r);
    schloss_avro_reader_reset(r, schloss_bytes(data, sizeof data));
    int64_t sum = 0;
    for (size_t n; (n = schloss_avro_get_block(r)) > 0;) {
        while (n-- > 0) {
            sum += schloss_avro_get_long(r);
        }
    }
    assert_int_equal(sum, 1 + 2 + 3);
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_OK);
    schloss_avro_reader_free(r);
}

static void errors_stick(void **state) {
    (void)state;
    schloss_avro_reader_t *r = schloss_avro_reader_new();
    assert_non_null(r);
    const uint8_t data[] = {2, 'a', 8, 'b'};
    schloss_avro_reader_reset(r, schloss_bytes(data, sizeof data));
    assert_int_equal(schloss_avro_get_string(r).len, 1);
    assert_int_equal(schloss_avro_get_string(r).len, 0); /* four announced, one there */
    assert_int_equal(schloss_avro_get_long(r), 0);
    assert_int_equal(schloss_avro_get_block(r), 0);
    assert_false(schloss_avro_get_boolean(r));
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_E_DATA_MISMATCH);
    assert_non_null(strstr(schloss_error_message(&err_), "string at byte 3"));
    const uint8_t bad[][10] = {
        {2}, {0x80, 0x80, 0x80, 0x80, 0x10}, {1}, {1}, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20}};
    for (unsigned i = 0; i < 5; i++) {
        schloss_avro_reader_reset(r, schloss_bytes(bad[i], i == 0 ? 1 : i == 1 ? 5 : i == 4 ? 9 : 1));
        switch (i) {
        case 0:
            assert_false(schloss_avro_get_boolean(r));
            break;
        case 1:
            assert_int_equal(schloss_avro_get_int(r), 0);
            break;
        case 2:
            assert_int_equal(schloss_avro_get_enum(r), 0);
            break;
        case 3:
            assert_int_equal(schloss_avro_get_union(r), 0);
            break;
        default:
            assert_int_equal(schloss_avro_get_block(r), 0); /* 2^60 items of no bytes */
        }
        assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_E_DATA_MISMATCH);
    }
    schloss_avro_reader_reset(r, schloss_bytes(NULL, 0));
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_OK);
    assert_true(schloss_avro_get_double(r) == 0);
    assert_int_equal(schloss_avro_reader_finish(r, &err_), SCHLOSS_E_DATA_MISMATCH);
    schloss_avro_reader_free(r);
    schloss_avro_reader_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back),
        cmocka_unit_test(blocks_with_sizes),
        cmocka_unit_test(errors_stick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
