/* Users files and Basic credentials. */
#include "base/text.h"
#include "server/auth.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static auth_t *with_user(const char *name, const char *password) {
    char hash[AUTH_HASH_LEN], text[256];
    auth_t *a = NULL;
    assert_int_equal(auth_hash_password(password, 1000, hash, NULL), 0);
    (void)snprintf(text, sizeof text, "# comment\n\n%s:%s\r\n", name, hash);
    assert_int_equal(auth_parse(&a, text, "users", NULL), 0);
    return a;
}

static const char *check(auth_t *a, const char *credentials) {
    char header[512] = "Basic ";
    size_t n = b64_encode((uint8_t *)header + 6, (const uint8_t *)credentials, strlen(credentials));
    header[6 + n] = '\0';
    return auth_check(a, header);
}

static void right_and_wrong(void **state) {
    (void)state;
    auth_t *a = with_user("anna", "se:cret");
    for (int i = 0; i < 3; i++) { /* the second time from memory */
        assert_string_equal(check(a, "anna:se:cret"), "anna");
        assert_null(check(a, "anna:se:cre"));
        assert_null(check(a, "anna:"));
        assert_null(check(a, "otto:se:cret"));
        assert_null(check(a, "anna"));
    }
    auth_free(a);
}

static void malformed_headers(void **state) {
    static const char *const bad[] = {"", "Basic", "Basic ", "Basic !!!!", "Bearer YW5uYTp4", "YW5uYTp4"};
    (void)state;
    auth_t *a = with_user("anna", "x");
    assert_null(auth_check(a, NULL));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_null(auth_check(a, bad[i]));
    }
    assert_string_equal(auth_check(a, "basic YW5uYTp4"), "anna");
    auth_free(a);
}

static void malformed_files(void **state) {
#define GOOD "$schloss$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const char *const bad[] = {
        "",
        "# nobody\n",
        "anna\n",
        "anna:plain\n",
        ":" GOOD "\n",
        "anna:$schloss$pbkdf2-sha256$0$MDEyMzQ1Njc4OWFiY2RlZg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "anna:$schloss$pbkdf2-sha256$99999999999$MDEyMzQ1Njc4OWFiY2RlZg==$AAAA\n",
        "anna:$schloss$pbkdf2-sha256$1000$MDEy$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "anna:$schloss$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$AAAA\n",
        "anna:$schloss$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==\n",
        "anna:" GOOD "\nanna:" GOOD "\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        auth_t *a = NULL;
        struct schloss_error err = {0};
        assert_int_equal(auth_parse(&a, bad[i], "users", &err), SCHLOSS_E_CONF_VALUE);
        assert_null(a);
        assert_non_null(strstr(err.message, "users"));
    }
}

static void missing_file(void **state) {
    (void)state;
    auth_t *a = NULL;
    assert_int_equal(auth_load(&a, "/nonexistent/users", NULL), SCHLOSS_E_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_and_wrong),
        cmocka_unit_test(malformed_headers),
        cmocka_unit_test(malformed_files),
        cmocka_unit_test(missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
