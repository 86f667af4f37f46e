/* Tables, YAML, JSON, errors, and that untrusted text cannot steer a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/out.c"

static char *text;
static size_t text_len;
static FILE *out;

static int set_up(void **state) {
    (void)state;
    out = open_memstream(&text, &text_len);
    return out == NULL;
}

static int tear_down(void **state) {
    (void)state;
    (void)fclose(out);
    free(text);
    text = NULL;
    return 0;
}

static const char *written(void) {
    (void)fflush(out);
    return text;
}

static json_t *load(const char *json) {
    json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    return v;
}

static const out_column_t columns[] = {{"Name", "name"}, {"Shared", "shared"}, {"Region", "props.region"}};

static void test_a_table_aligns_its_columns(void **state) {
    (void)state;
    json_t *v = load("[{\"name\":\"a\",\"shared\":true,\"props\":{\"region\":\"eu\"}},"
                     "{\"name\":\"l\xc3\xa4nger\",\"shared\":false}]");
    out_table(out, OUT_HUMAN, v, columns, 3, "None.");
    assert_string_equal(written(), "Name    Shared  Region\n"
                                   "a       true    eu\n"
                                   "l\xc3\xa4nger  false   \n");
    json_decref(v);
}

static void test_an_empty_table_says_so(void **state) {
    (void)state;
    json_t *v = load("[]");
    out_table(out, OUT_HUMAN, v, columns, 3, "None.");
    assert_string_equal(written(), "None.\n");
    out_table(out, OUT_JSON, v, columns, 3, "None.");
    assert_string_equal(written(), "None.\n[]\n");
    json_decref(v);
}

static void test_a_list_of_scalars(void **state) {
    (void)state;
    json_t *v = load("[1, 22]");
    const out_column_t column = {"Version", ""};
    out_table(out, OUT_HUMAN, v, &column, 1, "None.");
    assert_string_equal(written(), "Version\n1\n22\n");
    json_decref(v);
}

static void test_a_record_shows_what_is_there(void **state) {
    (void)state;
    json_t *v = load("{\"name\":\"k\",\"props\":{\"b\":\"1\",\"a\":\"2\"},\"n\":null}");
    const out_column_t c[] = {{"Name", "name"}, {"Properties", "props"}, {"Absent", "absent"}, {"Null", "n"}};
    out_record(out, OUT_HUMAN, v, c, 4);
    assert_string_equal(written(), "Name        k\nProperties  b=1, a=2\nNull        \n");
    json_decref(v);
}

static void test_times_are_readable(void **state) {
    (void)state;
    json_t *v = load("{\"ts\":1754300000123,\"props\":{}}");
    const out_column_t c[] = {{"Time", "ts"}, {"Properties", "props"}};
    out_record(out, OUT_HUMAN, v, c, 2);
    assert_non_null(strstr(written(), "2025-08-04T09:33:20Z\n"));
    assert_null(strstr(written(), "Properties"));
    json_decref(v);
}

static void test_yaml(void **state) {
    (void)state;
    json_t *v =
        load("[{\"name\":\"yes\",\"list\":[1,\"a\"],\"empty\":{},\"deep\":{\"x y\":null}},{\"name\":\"b\\n\"}]");
    out_yaml(out, v);
    assert_string_equal(written(), "- name: \"yes\"\n"
                                   "  list:\n"
                                   "    - 1\n"
                                   "    - \"a\"\n"
                                   "  empty: {}\n"
                                   "  deep:\n"
                                   "    \"x y\": null\n"
                                   "- name: \"b\\n\"\n");
    json_decref(v);
}

static void test_yaml_quotes_keys_that_mean_something_else(void **state) {
    (void)state;
    json_t *v = load("{\"true\":1,\"no\":2,\"12\":3,\"\":4,\"plain_key\":5}");
    out_yaml(out, v);
    assert_string_equal(written(), "\"true\": 1\n\"no\": 2\n\"12\": 3\n\"\": 4\nplain_key: 5\n");
    json_decref(v);
}

static void test_control_characters_are_replaced(void **state) {
    (void)state;
    const char evil[] = "a\x1b[31mb\r\n\x7f\xc2\x9b"
                        "c";
    out_clean(out, evil, sizeof(evil) - 1);
    assert_string_equal(written(), "a?[31mb????c");
}

static void test_lines_of_others_steer_no_terminal(void **state) {
    (void)state;
    const char evil[] = "message A {\r\n\tint32 a\x1b]0;x\x07 = 1;\n}\n\xc2\x9b";
    out_clean_lines(out, evil, sizeof(evil) - 1);
    assert_string_equal(written(), "message A {?\n\tint32 a?]0;x? = 1;\n}\n?");
}

static void test_an_error_has_hint_and_context(void **state) {
    (void)state;
    schloss_error_t e;
    memset(&e, 0, sizeof(e));
    (void)FAIL(&e, AUTH_FAILED, "cannot decrypt");
    err_hint(&e, "Check the secret.");
    err_field(&e, "a.b");
    err_subject(&e, "s-value");
    err_kek(&e, "k");
    out_error(out, &e, false);
    assert_string_equal(written(), "schloss: cannot decrypt\n  hint: Check the secret.\n  subject: s-value\n"
                                   "  field: a.b\n  kek: k\n");
}

static void test_detail_names_the_code(void **state) {
    (void)state;
    schloss_error_t e;
    memset(&e, 0, sizeof(e));
    (void)FAIL(&e, CONFLICT, "exists");
    err_http(&e, 409, 40971);
    out_error(out, &e, true);
    assert_string_equal(written(), "schloss: exists\n  code: CONFLICT (-9004), HTTP 409, error_code 40971\n");
}

static void test_forms(void **state) {
    (void)state;
    assert_int_equal(out_form(NULL), OUT_HUMAN);
    assert_int_equal(out_form("human"), OUT_HUMAN);
    assert_int_equal(out_form("json"), OUT_JSON);
    assert_int_equal(out_form("yaml"), OUT_YAML);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_table_aligns_its_columns),
        T(test_an_empty_table_says_so),
        T(test_a_list_of_scalars),
        T(test_a_record_shows_what_is_there),
        T(test_times_are_readable),
        T(test_yaml),
        T(test_yaml_quotes_keys_that_mean_something_else),
        T(test_control_characters_are_replaced),
        T(test_lines_of_others_steer_no_terminal),
        T(test_an_error_has_hint_and_context),
        T(test_detail_names_the_code),
        T(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
