/* Framing bytes; the golden ones run in tests/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/framing.h"

static void writes_and_reads_back(void **state) {
    (void)state;
    uint8_t id[5], guid[17], raw[16] = {0x89, 0x79, 1, 2, 3};
    framing_t f;
    assert_int_equal(framing_write_id(id, 0x01020304), 5);
    assert_memory_equal(id, "\0\1\2\3\4", 5);
    assert_int_equal(framing_parse(bytes(id, 5), &f, NULL), 0);
    assert_int_equal(f.id, 0x01020304);
    assert_false(f.is_guid);
    assert_int_equal(f.prefix_len, 5);
    assert_int_equal(framing_write_guid(guid, raw), 17);
    assert_int_equal(framing_parse(bytes(guid, 17), &f, NULL), 0);
    assert_true(f.is_guid);
    assert_memory_equal(f.guid, raw, 16);
}

/* spec 8: 85 */
static void refuses_what_is_no_framing(void **state) {
    (void)state;
    framing_t f;
    assert_int_equal(framing_parse(bytes("", 0), &f, NULL), SCHLOSS_E_SHORT_PREFIX);
    assert_int_equal(framing_parse(bytes("\0\0\0\0", 4), &f, NULL), SCHLOSS_E_SHORT_PREFIX);
    assert_int_equal(framing_parse(bytes("\1aaaaaaaaaaaaaaa", 16), &f, NULL), SCHLOSS_E_SHORT_PREFIX);
    for (int b = 2; b < 256; b++) {
        uint8_t v[6] = {(uint8_t)b};
        assert_int_equal(framing_parse(bytes(v, 6), &f, NULL), SCHLOSS_E_UNKNOWN_MAGIC);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_back),
        cmocka_unit_test(refuses_what_is_no_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
