/* uri.c: which pkcs11: URIs are read, what they mean, and what a registry may not say in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/pkcs11/uri.h"

static p11_uri_t u;

static void assert_value(const p11_value_t *v, const char *expected) {
    assert_true(v->set);
    assert_int_equal(v->len, strlen(expected));
    assert_memory_equal(v->bytes, expected, v->len);
}

static void test_all_attributes(void **state) {
    (void)state;
    assert_null(p11_uri_read(&u, "pkcs11:token=a%20token;serial=4711;manufacturer=m;model=v1;slot-id=42;"
                                 "slot-description=s;slot-manufacturer=t;object=k%3bey;id=%00%FFx;type=secret-key"
                                 "?module-path=/usr/lib/x.so&module-name=x"));
    assert_value(&u.token, "a token");
    assert_value(&u.serial, "4711");
    assert_value(&u.manufacturer, "m");
    assert_value(&u.model, "v1");
    assert_value(&u.slot_description, "s");
    assert_value(&u.slot_manufacturer, "t");
    assert_value(&u.object, "k;ey");
    assert_int_equal(u.id.len, 3);
    assert_memory_equal(u.id.bytes, "\0\xffx", 3);
    assert_true(u.has_slot_id);
    assert_int_equal(u.slot_id, 42);
    assert_value(&u.module_path, "/usr/lib/x.so");
    assert_value(&u.module_name, "x");
    assert_null(p11_uri_read(&u, "PKCS11:id=%01"));
    assert_false(u.token.set);
    assert_false(u.object.set);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "pkcs11",
        "http://x",
        "pkcs11:",
        "pkcs11:token=t",
        "pkcs11:object",
        "pkcs11:object=",
        "pkcs11:=x",
        "pkcs11:object=%4",
        "pkcs11:object=%",
        "pkcs11:object=a%zz",
        "pkcs11:object=a b",
        "pkcs11:object=a/b",
        "pkcs11:object=\xc3\xa4",
        "pkcs11:object=a;object=b",
        "pkcs11:object=a;slot-id=1;slot-id=1",
        "pkcs11:object=a;slot-id=",
        "pkcs11:object=a;slot-id=x",
        "pkcs11:object=a;slot-id=99999999999999999999999",
        "pkcs11:object=a;type=private",
        "pkcs11:object=a;x-vendor=1",
        "pkcs11:object=a;library-version=2",
        "pkcs11:object=a;serial=12345678901234567",
        "pkcs11:object=a?unknown=1",
        "pkcs11:object=a?module-path",
        "pkcs11:object=a?object=b",
        "pkcs11:object=a;module-path=/x",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (p11_uri_read(&u, bad[i]) == NULL) {
            fail_msg("read: %s", bad[i]);
        }
    }
    static char longest[5000] = "pkcs11:object=a;id=";
    memset(longest + strlen(longest), 'x', sizeof longest - strlen(longest) - 1);
    assert_non_null(p11_uri_read(&u, longest));
    longest[300] = '\0';
    assert_non_null(p11_uri_read(&u, longest)); /* one value of more than 256 bytes */
}

static void test_no_pin(void **state) {
    (void)state;
    static const char *const bad[] = {"pkcs11:object=a?pin-value=1234", "pkcs11:object=a?pin-source=file:/etc/pin",
                                      "pkcs11:object=a;pin-value=1234"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *wrong = p11_uri_read(&u, bad[i]);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, "PIN"));
        assert_null(strstr(wrong, "1234"));
    }
}

static void test_module(void **state) {
    (void)state;
    assert_null(p11_uri_read(&u, "pkcs11:object=a"));
    assert_true(p11_uri_allows_module(&u, "/usr/lib/libx.so"));
    assert_null(p11_uri_read(&u, "pkcs11:object=a?module-path=/usr/lib/libx.so"));
    assert_true(p11_uri_allows_module(&u, "/usr/lib/libx.so"));
    assert_false(p11_uri_allows_module(&u, "/usr/lib/liby.so"));
    assert_false(p11_uri_allows_module(&u, "/usr/lib/libx.so.1"));
    assert_null(p11_uri_read(&u, "pkcs11:object=a?module-name=x"));
    assert_true(p11_uri_allows_module(&u, "/usr/lib/libx.so"));
    assert_true(p11_uri_allows_module(&u, "/usr/lib/x.so.2"));
    assert_false(p11_uri_allows_module(&u, "/usr/lib/libxy.so"));
    assert_null(p11_uri_read(&u, "pkcs11:object=a?module-name=x&module-path=/y"));
    assert_false(p11_uri_allows_module(&u, "/usr/lib/libx.so"));
}

static void test_padded_fields(void **state) {
    (void)state;
    p11_value_t v = {0};
    assert_true(p11_value_fits(&v, "anything", 8));
    v = (p11_value_t){.set = true, .len = 3, .bytes = "key"};
    assert_true(p11_value_fits(&v, "key     ", 8));
    assert_true(p11_value_fits(&v, "key\0\0", 5));
    assert_true(p11_value_fits(&v, "key", 3));
    assert_false(p11_value_fits(&v, "keys    ", 8));
    assert_false(p11_value_fits(&v, "ke      ", 8));
    assert_false(p11_value_fits(&v, "        ", 8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_attributes), cmocka_unit_test(test_refused),       cmocka_unit_test(test_no_pin),
        cmocka_unit_test(test_module),         cmocka_unit_test(test_padded_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
