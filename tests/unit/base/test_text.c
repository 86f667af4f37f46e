/* Percent-encoding, hex, UUIDs, nearest names. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"

static void escapes(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"azAZ09-._~", "azAZ09-._~"},
        {"a/b c+d%", "a%2Fb%20c%2Bd%25"},
        {":.ctx:subject", "%3A.ctx%3Asubject"},
        {"\xc3\xa4\x01", "%C3%A4%01"},
        {"", ""},
    };
    buf_t b;
    buf_init(&b, 1000, "x", false);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        buf_reset(&b);
        url_escape(&b, rows[i][0], strlen(rows[i][0]));
        assert_int_equal(buf_check(&b, NULL), 0);
        assert_string_equal(buf_cstr(&b), rows[i][1]);
        buf_reset(&b);
        assert_true(url_unescape(&b, rows[i][1], strlen(rows[i][1]), false));
        assert_string_equal(buf_cstr(&b), rows[i][0]);
    }
    /* Every byte there and back. */
    char all[256];
    for (unsigned i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    buf_reset(&b);
    url_escape(&b, all, sizeof all);
    buf_t back;
    buf_init(&back, 1000, "x", false);
    assert_true(url_unescape(&back, (const char *)b.ptr, b.len, false));
    assert_int_equal(buf_check(&back, NULL), 0);
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.ptr, all, 256);
    buf_clear(&back);
    buf_clear(&b);
}

static void unescapes(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 100, "x", false);
    assert_true(url_unescape(&b, "a+b%2fc%252F", 12, true));
    assert_int_equal(buf_check(&b, NULL), 0);
    assert_string_equal(buf_cstr(&b), "a b/c%2F"); /* once */
    static const char *const bad[] = {"%", "%4", "%4g", "%g4", "a%", "%%41", "% 41", "%-1"};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_false(url_unescape(&b, bad[i], strlen(bad[i]), false));
    }
    /* What lies behind n is not looked at. */
    assert_false(url_unescape(&b, "%41", 2, false));
    buf_clear(&b);
}

static void hex(void **state) {
    (void)state;
    uint8_t raw[4] = {0x00, 0x9f, 0xab, 0xff}, back[4];
    char text[8];
    hex_encode(text, raw, 4);
    assert_memory_equal(text, "009fabff", 8);
    assert_true(hex_decode(back, "009FaBfF", 4));
    assert_memory_equal(back, raw, 4);
    static const char *const bad[] = {"0g", "g0", " 1", "/0", ":0", "@0", "`0", "0\0"};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_false(hex_decode(back, bad[i], 1));
    }
    assert_true(hex_decode(back, "", 0));
}

static void uuids(void **state) {
    (void)state;
    const char *text = "0123abcd-4567-89ef-0011-223344556677";
    uint8_t raw[16], again[16];
    char out[37];
    assert_true(uuid_parse(raw, text));
    uuid_print(out, raw);
    assert_string_equal(out, text);
    assert_true(uuid_parse(again, "0123ABCD456789EF0011223344556677"));
    assert_memory_equal(raw, again, 16);
    static const char *const bad[] = {"",
                                      "0123abcd-4567-89ef-0011-22334455667",
                                      "0123abcd-4567-89ef-0011-2233445566778",
                                      "0123abcd-4567-89ef-0011-22334455667g",
                                      "0123abcd4-567-89ef-0011-223344556677",
                                      "0123abcd-4567-89ef-0011x223344556677",
                                      "0123abcd45678 ef0011223344556677",
                                      "{123abcd-4567-89ef-0011-22334455667}"};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        memset(again, 0xee, 16);
        assert_false(uuid_parse(again, bad[i]));
        assert_int_equal(again[0], 0xee);
    }
}

static void nearest(void **state) {
    (void)state;
    static const char *const names[] = {"schloss.registry.url", "schloss.memory.lock", "auto", "none"};
    assert_string_equal(text_nearest("schloss.registry.ulr", names, 4), "schloss.registry.url");
    assert_string_equal(text_nearest("chloss.memory.lok", names, 4), "schloss.memory.lock");
    assert_string_equal(text_nearest("auto", names, 4), "auto");
    assert_string_equal(text_nearest("nome", names, 4), "none");
    assert_null(text_nearest("completely.different", names, 4));
    assert_null(text_nearest("", names, 4));
    assert_null(text_nearest("x", names, 4));
    assert_null(text_nearest("auto", names, 0));
    char longest[500];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_null(text_nearest(longest, names, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes), cmocka_unit_test(unescapes), cmocka_unit_test(hex),
        cmocka_unit_test(uuids),   cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
