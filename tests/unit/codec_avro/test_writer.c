/* The typed writer: bytes of the specification, sticky misuse, limits, wiping. */
#include "avro_test.h"
#include "base/limits.h"
#include "codec/avro/writer.h"

static void gives(schloss_avro_writer_t *w, const char *hex) {
    schloss_bytes_t out;
    uint8_t raw[256];
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_OK);
    size_t n = unhex(raw, hex);
    assert_int_equal(out.len, n);
    if (n > 0) {
        assert_memory_equal(out.ptr, raw, n);
    }
    schloss_avro_writer_reset(w);
}

static void scalars(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    assert_non_null(w);
    schloss_avro_put_null(w);
    gives(w, "");
    schloss_avro_put_boolean(w, true);
    schloss_avro_put_boolean(w, false);
    gives(w, "0100");
    schloss_avro_put_int(w, -1);
    schloss_avro_put_int(w, 64);
    schloss_avro_put_int(w, INT32_MIN);
    gives(w, "018001ffffffff0f");
    schloss_avro_put_long(w, INT64_MAX);
    schloss_avro_put_long(w, INT64_MIN);
    gives(w, "feffffffffffffffff01ffffffffffffffffff01");
    schloss_avro_put_float(w, 1.0f);
    schloss_avro_put_double(w, -1.0);
    gives(w, "0000803f000000000000f0bf");
    schloss_avro_put_string(w, "foo", 3);
    schloss_avro_put_bytes(w, "\xff", 1);
    schloss_avro_put_bytes(w, NULL, 0);
    schloss_avro_put_fixed(w, "\x01\x02", 2);
    gives(w, "06666f6f02ff000102");
    schloss_avro_put_enum(w, 1);
    schloss_avro_put_union(w, 2);
    gives(w, "0204");
    schloss_avro_writer_free(w);
    schloss_avro_writer_free(NULL);
}

static void containers(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    assert_non_null(w);
    schloss_avro_put_array(w, 2);
    schloss_avro_put_long(w, 1);
    schloss_avro_put_long(w, 2);
    schloss_avro_put_end(w);
    gives(w, "04020400");
    schloss_avro_put_array(w, 0);
    schloss_avro_put_end(w);
    schloss_avro_put_map(w, 1);
    schloss_avro_put_string(w, "k", 1);
    schloss_avro_put_map(w, 0);
    schloss_avro_put_end(w);
    schloss_avro_put_end(w);
    gives(w, "0002026b0000");
    schloss_avro_writer_free(w);
}

static void misuse_sticks_until_reset(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    assert_non_null(w);
    schloss_bytes_t out = {NULL, 7};
    schloss_avro_put_array(w, 1);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_INVALID_STATE);
    assert_int_equal(out.len, 7); /* untouched */
    schloss_avro_writer_reset(w);
    schloss_avro_put_end(w);
    schloss_avro_put_long(w, 1);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_INVALID_STATE);
    schloss_avro_writer_reset(w);
    schloss_avro_put_union(w, -1);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_INVALID_ARGUMENT);
    schloss_avro_writer_reset(w);
    schloss_avro_put_enum(w, -1);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_INVALID_ARGUMENT);
    schloss_avro_writer_reset(w);
    schloss_avro_put_array(w, SIZE_MAX);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_INVALID_ARGUMENT);
    schloss_avro_writer_reset(w);
    for (unsigned i = 0; i <= LIMIT_RECORD_DEPTH; i++) {
        schloss_avro_put_array(w, 1);
    }
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    schloss_avro_writer_reset(w);
    schloss_avro_put_long(w, 1);
    gives(w, "02");
    assert_int_equal(schloss_avro_writer_finish(NULL, &out, &err_), SCHLOSS_E_INVALID_ARGUMENT);
    schloss_avro_writer_free(w);
}

static void records_are_capped(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(4);
    assert_non_null(w);
    schloss_bytes_t out;
    for (unsigned i = 0; i < 4; i++) {
        schloss_avro_put_long(w, 1);
    }
    gives(w, "02020202"); /* exactly the limit */
    for (unsigned i = 0; i < 5; i++) {
        schloss_avro_put_long(w, 1);
    }
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    schloss_avro_writer_reset(w);
    schloss_avro_put_fixed(w, "0123456789012345678901234567890", 31);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    schloss_avro_writer_reset(w);
    schloss_avro_put_bytes(w, "x", SIZE_MAX);
    assert_int_equal(schloss_avro_writer_finish(w, &out, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
    schloss_avro_writer_free(w);
}

static void reset_wipes(void **state) {
    (void)state;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    assert_non_null(w);
    schloss_avro_put_string(w, "secret", 6);
    const uint8_t *p = w->buf.ptr;
    schloss_avro_writer_reset(w);
    assert_ptr_equal(w->buf.ptr, p); /* the memory is kept, its content is not */
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(p[i], 0);
    }
    schloss_avro_writer_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(containers),
        cmocka_unit_test(misuse_sticks_until_reset),
        cmocka_unit_test(records_are_capped),
        cmocka_unit_test(reset_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
