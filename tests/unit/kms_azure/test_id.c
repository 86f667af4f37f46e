/* id.c: key ids, the version prefix (vector V17), clouds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/azure/azure.h"

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_key_ids(void **state) {
    (void)state;
    azure_id_t id;
    assert_true(azure_id_parse("https://V.vault.azure.net/keys/My-Key", &id));
    assert_string_equal(id.base, "https://v.vault.azure.net");
    assert_string_equal(id.name, "My-Key");
    assert_string_equal(id.version, "");
    assert_true(azure_id_parse("https://h.managedhsm.azure.net:443/keys/k/" A32 "/", &id));
    assert_string_equal(id.base, "https://h.managedhsm.azure.net:443");
    assert_string_equal(id.version, A32);
    assert_true(azure_id_parse("https://[::1]:8443/keys/k/", &id));
    static const char *const bad[] = {"",
                                      "vault.azure.net/keys/k",
                                      "https:///keys/k",
                                      "https://v/secrets/k",
                                      "https://v/keys/",
                                      "https://v",
                                      "https://v/keys/k/v/x",
                                      "https://u@v/keys/k",
                                      "https://v/keys/k?x",
                                      "https://v/keys/a b",
                                      "ftp://v/keys/k",
                                      "https://v/keys/..",
                                      "https://v/keys/k/v1#x",
                                      "https://v?x/keys/k"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(azure_id_parse(bad[i], &id));
    }
}

/* spec 8: 79 */
static void test_prefix_v17(void **state) {
    (void)state;
    static const char good[] = "azure:v1:" A32 ":wrapped-bytes";
    char version[AZURE_VERSION_LEN + 1];
    bytes_t rest;
    bool ok = false;
    assert_int_equal(sizeof good - 1, 55);
    assert_true(azure_prefix_read(bytes(good, 55), version, &rest, &ok));
    assert_true(ok);
    assert_string_equal(version, A32);
    assert_int_equal(rest.len, 13);
    assert_memory_equal(rest.ptr, "wrapped-bytes", 13);
    /* 31 hex digits and another character: a prefix, and an error */
    static const char slash[] = "azure:v1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/:wrapped-bytes";
    assert_true(azure_prefix_read(bytes(slash, 55), version, &rest, &ok));
    assert_false(ok);
    /* too short, another byte 41, another prefix: none */
    assert_false(azure_prefix_read(bytes("azure:v1:0123456789", 19), version, &rest, &ok));
    assert_false(azure_prefix_read(bytes(good, 41), version, &rest, &ok));
    assert_false(azure_prefix_read(bytes("azure:v1:" A32 ";wrapped-bytes", 55), version, &rest, &ok));
    assert_false(azure_prefix_read(bytes("azure:v2:" A32 ":wrapped-bytes", 55), version, &rest, &ok));
    assert_true(azure_prefix_read(bytes(good, AZURE_HEADER_LEN), version, &rest, &ok));
    assert_int_equal(rest.len, 0);
}

static void test_clouds(void **state) {
    (void)state;
    assert_string_equal(azure_cloud_of("https://v.vault.azure.net")->resource, "https://vault.azure.net");
    assert_string_equal(azure_cloud_of("https://h.managedhsm.azure.net:443")->resource, "https://managedhsm.azure.net");
    assert_string_equal(azure_cloud_of("https://v.vault.azure.cn")->authority,
                        "https://login.partner.microsoftonline.cn");
    assert_string_equal(azure_cloud_of("https://v.vault.usgovcloudapi.net")->authority,
                        "https://login.microsoftonline.us");
    static const char *const foreign[] = {"https://localhost:1", "https://vault.azure.net.evil.test",
                                          "https://evilvault.azure.net", "https://evil.test/x.vault.azure.net"};
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_null(azure_cloud_of(foreign[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_key_ids), cmocka_unit_test(test_prefix_v17),
                                       cmocka_unit_test(test_clouds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
