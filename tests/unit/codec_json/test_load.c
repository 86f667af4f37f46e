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

static void builds_every_kind(void **state) {
    (void)state;
    json_t *v = NULL, *same = NULL;
    const char text[] = " { \"a\" : [ ] , \"b\":{}, \"c\":[1 , -2,3.5,1e2,99999999999999999999, true,false,null,"
                        "\"\\u00e9\\n\"],\"\\u0061b\":\"x\", \"\":{\"n\":{\"m\":[[]]}} } ";
    assert_int_equal(json_load(&v, "test", text, sizeof text - 1, &err_), SCHLOSS_OK);
    const char compact[] =
        "{\"a\":[],\"b\":{},\"c\":[1,-2,3.5,100.0,1e20,true,false,null,\"\xc3\xa9\\n\"],\"ab\":\"x\","
        "\"\":{\"n\":{\"m\":[[]]}}}";
    same = json_loads(compact, 0, NULL); /* jansson's own reading */
    assert_non_null(same);
    assert_true(json_equal(v, same));
    json_decref(v);
    json_decref(same);
    json_span_t s = scanned("[\"a\\u0000b\"]");
    assert_int_equal(json_build(&v, s, true, &err_), SCHLOSS_OK);
    assert_int_equal(json_string_length(json_array_get(v, 0)), 3);
    json_decref(v);
    v = NULL;
    assert_int_equal(json_build(&v, s, false, &err_), SCHLOSS_E_BAD_JSON);
    assert_int_equal(json_build(&v, scanned("{\"\\u0000\":1}"), true, &err_), SCHLOSS_E_BAD_JSON);
    assert_int_equal(json_build(&v, scanned("[1,{\"a\":\"\\ud800\"}]"), true, &err_), SCHLOSS_E_BAD_JSON);
    assert_int_equal(json_build(&v, scanned("[1e999]"), true, &err_), SCHLOSS_E_BAD_JSON);
    assert_null(v);
}

/* Jansson's allocations fail too, one by one: an error each time, never a value that lacks something. */
static unsigned countdown;
static void *failing_malloc(size_t n) {
    return countdown != 0 && --countdown == 0 ? NULL : malloc(n);
}

static void no_memory(void **state) {
    (void)state;
    const char text[] =
        "{\"confluent:tags are longer than sixteen\":[\"a text that grows beyond its buffer\",1,2.5,{}]}";
    json_t *want = json_loads(text, 0, NULL);
    json_span_t s = scanned(text);
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    unsigned n = 0;
    for (bool fired = true; fired;) {
        json_t *v = NULL;
        json_set_alloc_funcs(failing_malloc, free);
        countdown = ++n;
        schloss_rc rc = json_build(&v, s, false, &err_);
        fired = countdown == 0;
        countdown = 0;
        assert_int_equal(rc, fired ? SCHLOSS_E_NO_MEMORY : SCHLOSS_OK);
        assert_true(fired ? v == NULL : json_equal(v, want));
        json_decref(v);
    }
    json_set_alloc_funcs(old_malloc, old_free);
    json_decref(want);
    assert_true(n > 5);
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
        cmocka_unit_test(loads),     cmocka_unit_test(refuses),          cmocka_unit_test(builds_every_kind),
        cmocka_unit_test(no_memory), cmocka_unit_test(optional_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
