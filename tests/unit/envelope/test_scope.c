/* Settings of KMS drivers: kmsProps win over the client's configuration, but for what a registry must not decide
 * (checklist 50). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "envelope/scope.h"
#include <string.h>

static const char *client_conf(void *user, const char *scope, const char *type, const char *name) {
    (void)user;
    (void)scope;
    (void)type;
    return strcmp(name, "unset") == 0 ? NULL : "client";
}

static const char *const harmless[] = {"secret", "token.id", "namespace", "role.arn", "encrypt.alternate.kms.key.ids",
                                       "kmi.p",  "pkcs1"};
static const char *const redirecting[] = {"kms.endpoint", "Vault.URL",   "ca.file",         "ssl.ca.location",
                                          "profile",      "AWS.Profile", "ssl.key.password"};
static const char *const local[] = {"kmip.host", "KMIP.profile.x", "pkcs11.module", "PKCS11.pin", "Kmip."};

static const char *ask(bool redirect, const char *name) {
    env_t env = {.conf = {.conf = client_conf, .props_may_redirect = redirect}};
    dek_spec_t spec = {.conf_scope = "", .conf_type = "ENCRYPT"};
    sr_kek_t kek = {.kms_props = json_pack("{s:s}", name, "registry")};
    kms_scope_t scope = {.env = &env, .spec = &spec, .kek = &kek};
    kms_key_t key = kms_key_of(&scope);
    const char *value = key.conf.get(key.conf.user, name);
    const char *kept = value == NULL ? NULL : strcmp(value, "registry") == 0 ? "registry" : "client";
    json_decref(kek.kms_props);
    return kept;
}

/* spec 8: 50 */
static void properties_win_but_do_not_redirect(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        assert_string_equal(ask(false, harmless[i]), "registry");
        assert_string_equal(ask(true, harmless[i]), "registry");
    }
    for (size_t i = 0; i < COUNT_OF(redirecting); i++) {
        assert_string_equal(ask(false, redirecting[i]), "client");
        assert_string_equal(ask(true, redirecting[i]), "registry");
    }
    for (size_t i = 0; i < COUNT_OF(local); i++) { /* not even then: one names a module to load */
        assert_string_equal(ask(false, local[i]), "client");
        assert_string_equal(ask(true, local[i]), "client");
    }
}

static int64_t noon(void *user) {
    (void)user;
    return 43200000;
}

static void what_properties_lack_is_the_clients(void **state) {
    (void)state;
    env_t env = {.conf = {.conf = client_conf, .clock = {noon, NULL}}};
    dek_spec_t spec = {.conf_scope = "", .conf_type = "ENCRYPT"};
    sr_kek_t kek = {.kms_type = (char *)(uintptr_t) "t", .kms_key_id = (char *)(uintptr_t) "k"};
    kms_scope_t scope = {.env = &env, .spec = &spec, .kek = &kek};
    kms_key_t key = kms_key_of(&scope);
    assert_string_equal(key.conf.get(key.conf.user, "secret"), "client");
    assert_null(key.conf.get(key.conf.user, "unset"));
    assert_string_equal(key.kms_type, "t");
    assert_string_equal(key.key_id, "k");
    assert_int_equal(clk_now(&key.clock), 43200000); /* signatures follow the client's clock */
    kek.kms_props = json_pack("{s:i}", "secret", 7); /* no text: ignored */
    assert_string_equal(key.conf.get(key.conf.user, "secret"), "client");
    json_decref(kek.kms_props);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_win_but_do_not_redirect),
        cmocka_unit_test(what_properties_lack_is_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
