/* Control data through jansson, within limits. */
#include "json_test.h"
#include "codec/json/load.h"

static void loads(void **state) {
    (void)state;
    json_t *v = NULL;
    const char text[] = "{\"z\":1,\"a\":[true,null],\"z\":2}";
    assert_int_equal(json_load(&v, "test", text, sizeof text - 1, &err_), SCHLOSS_OK);
    char *again = json_print(v);
    assert_string_equal(again, "{\"z\":2,\"a\":[true,null]}"); /* order kept, the last one wins */
    mem_free(again);
    json_decref(v);
    assert_int_equal(json_load(&v, "test", "\"x\"", 3, &err_), SCHLOSS_OK);
    again = json_print(v);
    assert_string_equal(again, "\"x\"");
    mem_free(again);
    json_decref(v);
}

static void refuses(void **state) {
    (void)state;
    json_t *v = NULL;
    assert_int_equal(json_load(&v, "rule set", "{", 1, &err_), SCHLOSS_E_BAD_JSON);
    assert_non_null(strstr(schloss_error_message(&err_), "rule set"));
    const char nul[] = "\"\\u0000\"";
    assert_int_equal(json_load(&v, "test", nul, sizeof nul - 1, &err_), SCHLOSS_E_BAD_JSON);
    char deep[2 * (LIMIT_JSON_DEPTH + 1)];
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    assert_int_equal(json_load(&v, "test", deep, sizeof deep, &err_), SCHLOSS_E_BAD_JSON);
    assert_int_equal(json_load(&v, "test", deep + 1, sizeof deep - 2, &err_), SCHLOSS_OK);
    json_decref(v);
}

static void optional_members(void **state) {
    (void)state;
    json_t *o = NULL;
    const char text[] = "{\"s\":\"x\",\"n\":null,\"b\":true,\"i\":-5}";
    assert_int_equal(json_load(&o, "test", text, sizeof text - 1, &err_), SCHLOSS_OK);
    bool bad = false;
    assert_string_equal(json_opt_str(o, "s", "d", &bad), "x");
    assert_string_equal(json_opt_str(o, "n", "d", &bad), "d");
    assert_string_equal(json_opt_str(o, "absent", "d", &bad), "d");
    assert_true(json_opt_bool(o, "b", false, &bad));
    assert_true(json_opt_bool(o, "n", true, &bad));
    assert_true(json_opt_int(o, "i", 1, &bad) == -5);
    assert_true(json_opt_int(o, "n", 1, &bad) == 1);
    assert_false(bad);
    (void)json_opt_str(o, "i", NULL, &bad);
    assert_true(bad);
    bad = false;
    (void)json_opt_bool(o, "s", false, &bad);
    assert_true(bad);
    bad = false;
    (void)json_opt_int(o, "s", 0, &bad);
    assert_true(bad);
    json_decref(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(optional_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
