/* Error objects: filling, cutting, cleaning, context, the table of codes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include <schloss/version.h>
#include <stdio.h>
#include <string.h>

static schloss_error_t *new_error(void) {
    schloss_error_t *err = schloss_error_new();
    assert_non_null(err);
    return err;
}

static void fills_and_clears(void **state) {
    (void)state;
    schloss_error_t *err = new_error();
    assert_int_equal(schloss_error_code(err), SCHLOSS_OK);
    assert_int_equal(FAIL(err, AUTH_FAILED, "record %d of %s", 7, "t"), SCHLOSS_E_AUTH_FAILED);
    assert_string_equal(schloss_error_message(err), "record 7 of t");
    err_hint(err, "use key %s", "k");
    err_subject(err, "s");
    err_field(err, "f");
    err_kek(err, "k");
    err_rule(err, "r");
    err_url(err, "http://h/p");
    err_http(err, 503, 50301);
    err_retriable(err, true);
    assert_string_equal(schloss_error_hint(err), "use key k");
    assert_string_equal(schloss_error_subject(err), "s");
    assert_string_equal(schloss_error_field(err), "f");
    assert_string_equal(schloss_error_kek(err), "k");
    assert_string_equal(schloss_error_rule(err), "r");
    assert_string_equal(schloss_error_url(err), "http://h/p");
    assert_int_equal(schloss_error_http_status(err), 503);
    assert_int_equal(schloss_error_rest_code(err), 50301);
    assert_true(schloss_error_is_retriable(err));
    /* What is set stays: the inner layer knows better. */
    err_subject(err, "other");
    err_field(err, NULL);
    assert_string_equal(schloss_error_subject(err), "s");
    assert_string_equal(schloss_error_field(err), "f");
    schloss_error_t *copy = new_error();
    err_copy(copy, err);
    assert_string_equal(schloss_error_kek(copy), "k");
    /* Filling again forgets everything. */
    (void)FAIL(err, IO, "x");
    assert_string_equal(schloss_error_hint(err), "");
    assert_string_equal(schloss_error_url(err), "");
    assert_int_equal(schloss_error_http_status(err), 0);
    schloss_error_clear(copy);
    assert_int_equal(schloss_error_code(copy), SCHLOSS_OK);
    assert_string_equal(schloss_error_message(copy), "");
    err_copy(err, NULL);
    assert_int_equal(schloss_error_code(err), SCHLOSS_OK);
    schloss_error_free(copy);
    schloss_error_free(err);
}

static void takes_null(void **state) {
    (void)state;
    assert_int_equal(FAIL(NULL, TIMEOUT, "x"), SCHLOSS_E_TIMEOUT);
    err_wrap(NULL, "x");
    err_hint(NULL, "x");
    err_subject(NULL, "x");
    err_field(NULL, "x");
    err_kek(NULL, "x");
    err_rule(NULL, "x");
    err_url(NULL, "x");
    err_http(NULL, 1, 1);
    err_retriable(NULL, true);
    err_copy(NULL, NULL);
    schloss_error_clear(NULL);
    schloss_error_free(NULL);
    assert_int_equal(schloss_error_code(NULL), 0);
    assert_string_equal(schloss_error_message(NULL), "");
    assert_string_equal(schloss_error_hint(NULL), "");
    assert_string_equal(schloss_error_subject(NULL), "");
    assert_string_equal(schloss_error_field(NULL), "");
    assert_string_equal(schloss_error_kek(NULL), "");
    assert_string_equal(schloss_error_rule(NULL), "");
    assert_string_equal(schloss_error_url(NULL), "");
    assert_int_equal(schloss_error_http_status(NULL), 0);
    assert_int_equal(schloss_error_rest_code(NULL), 0);
    assert_false(schloss_error_is_retriable(NULL));
}

static void wraps(void **state) {
    (void)state;
    schloss_error_t *err = new_error();
    (void)FAIL(err, CONNECT, "refused");
    err_wrap(err, "registry %s", "r");
    err_wrap(err, "prepare");
    assert_string_equal(schloss_error_message(err), "prepare: registry r: refused");
    assert_int_equal(schloss_error_code(err), SCHLOSS_E_CONNECT);
    /* Its own message as argument. */
    (void)FAIL(err, IO, "<%s>", schloss_error_message(err));
    assert_string_equal(schloss_error_message(err), "<prepare: registry r: refused>");
    /* Wrapping without end is cut, not overrun. */
    for (unsigned i = 0; i < 100; i++) {
        err_wrap(err, "%0100d", 1);
    }
    assert_int_equal(strlen(schloss_error_message(err)), sizeof err->message - 1);
    schloss_error_free(err);
}

static void cuts_and_cleans(void **state) {
    (void)state;
    schloss_error_t *err = new_error();
    (void)FAIL(err, IO, "a\nb\x1b[31m\x7f\tz");
    assert_string_equal(schloss_error_message(err), "a?b?[31m??z");
    /* Two-byte characters, an odd offset: the cut must not leave half of one. */
    char text[2000] = "x";
    for (size_t i = 1; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "\xc3\xa4", 3);
    }
    (void)FAIL(err, IO, "%s", text);
    assert_int_equal(strlen(schloss_error_message(err)), sizeof err->message - 1);
    text[1] = 'y';
    memmove(text + 2, text + 3, strlen(text + 3) + 1);
    (void)FAIL(err, IO, "%s", text);
    assert_int_equal(strlen(schloss_error_message(err)) % 2, 0);
    err_subject(err, text);
    assert_in_range(strlen(schloss_error_subject(err)), sizeof err->subject - 2, sizeof err->subject - 1);
    char out[5];
    err_clean_text(out, sizeof out, "ab\xe2\x82\xac", 5);
    assert_string_equal(out, "ab");
    err_clean_text(out, sizeof out, "abcd", 4);
    assert_string_equal(out, "abcd");
    err_clean_text(out, sizeof out, NULL, 0);
    assert_string_equal(out, "");
    err_clean_text(out, 0, "x", 1);
    schloss_error_free(err);
}

static void urls_lose_secrets(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"https://user:pa%40ss@host:1/p?token=s#f", "https://host:1/p"},
        {"https://a@b@host/p", "https://host/p"},
        {"https://host/p@q", "https://host/p@q"},
        {"https://host?user@secret", "https://host"},
        {"https://host#x", "https://host"},
        {"user:secret@host/x", "host/x"},
        {"https://", "https://"},
        {"hcvault://https://u:p@host/transit", "hcvault://https://host/transit"},
        {"http://u:p@h/x/http://v:q@i/", "http://h/x/http://i/"},
        {"a#b://c", "a"},
        {"u@", ""},
        {"http://u@/x", "http:///x"},
        {"//u@h", "//h"},
        {"", ""},
    };
    schloss_error_t *err = new_error();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        schloss_error_clear(err);
        err_url(err, rows[i][0]);
        assert_string_equal(schloss_error_url(err), rows[i][1]);
    }
    char longest[3000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    schloss_error_clear(err);
    err_url(err, longest);
    assert_int_equal(strlen(schloss_error_url(err)), sizeof err->url - 1);
    schloss_error_free(err);
}

static void allocates_nothing(void **state) {
    (void)state;
    schloss_error_t *err = new_error();
    uint64_t before = mem_count();
    (void)FAIL(err, IO, "%s", "x");
    err_wrap(err, "x");
    err_hint(err, "x");
    err_url(err, "http://x");
    assert_int_equal(mem_count(), before);
    schloss_error_free(err);
}

#define ONE(name, value, category, flags, text) +1
#define ROW(name, value, category, flags, text) {value, #name, #category, #flags[0] == 'R', text},
static const struct {
    schloss_rc code;
    const char *name, *category;
    bool retriable;
    const char *text;
} table[] = {SCHLOSS_ERROR_CODES(ROW)};

static void table_of_codes(void **state) {
    (void)state;
    schloss_error_t *err = new_error();
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_true(table[i].code <= -1000);
        assert_string_equal(schloss_rc_name(table[i].code), table[i].name);
        assert_string_equal(schloss_rc_category(table[i].code), table[i].category);
        assert_string_equal(schloss_rc_text(table[i].code), table[i].text);
        (void)err_set(err, table[i].code, "x");
        assert_int_equal(schloss_error_is_retriable(err), table[i].retriable);
        err_retriable(err, !table[i].retriable);
        assert_int_equal(schloss_error_is_retriable(err), !table[i].retriable);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(table[i].code, table[j].code);
            /* One thousand, one category. */
            assert_int_equal(table[i].code / 1000 == table[j].code / 1000,
                             strcmp(table[i].category, table[j].category) == 0);
        }
    }
    assert_int_equal(COUNT_OF(table), SCHLOSS_ERROR_CODES(ONE));
    schloss_error_free(err);
    assert_string_equal(schloss_rc_name(SCHLOSS_OK), "OK");
    assert_string_equal(schloss_rc_name(SCHLOSS_NEED_KEY), "NEED_KEY");
    assert_string_equal(schloss_rc_name(SCHLOSS_ABSENT), "ABSENT");
    assert_string_equal(schloss_rc_name(-1), "UNKNOWN");
    assert_string_equal(schloss_rc_category(12345), "UNKNOWN");
    assert_true(schloss_rc_text(-1)[0] != 0);
}

static void version(void **state) {
    (void)state;
    char want[32];
    snprintf(want, sizeof want, "%d.%d.%d", SCHLOSS_VERSION_MAJOR, SCHLOSS_VERSION_MINOR, SCHLOSS_VERSION_PATCH);
    assert_string_equal(schloss_version(), want);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_and_clears), cmocka_unit_test(takes_null),        cmocka_unit_test(wraps),
        cmocka_unit_test(cuts_and_cleans),  cmocka_unit_test(urls_lose_secrets), cmocka_unit_test(allocates_nothing),
        cmocka_unit_test(table_of_codes),   cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
