/* The validator, keyword by keyword; what it cannot check; budgets; equality of values; regular expressions. */
#include "json_test.h"
#include "codec/json/number.h"
#include "codec/json/validate.h"

static json_schema_t *parsed(const char *text) {
    json_schema_t *s = NULL;
    schloss_rc rc = json_schema_parse(&s, text, strlen(text), NULL, 0, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    return s;
}

static schloss_rc validate(const char *schema, const char *text, bool *ok) {
    json_schema_t *s = parsed(schema);
    buf_t scratch;
    buf_init(&scratch, 1 << 20, "test", true);
    json_validation_t v = {.text = &scratch, .err = &err_};
    schloss_rc rc = json_validate(&v, s->root, scanned(text), ok);
    assert_int_equal(v.depth, 0);
    buf_clear(&scratch);
    json_schema_free(s);
    return rc;
}

/* good and bad: values separated by spaces outside of strings are written with '|' between them. */
static void each_keyword_holds_and_fails(void **state) {
    (void)state;
    static const struct {
        const char *schema, *good, *bad;
    } rows[] = {
        {"true", "1|{}", NULL},
        {"false", NULL, "1|{}"},
        {"{}", "1|null|\"\"", NULL},
        {"{\"type\":\"integer\"}", "1|-0|1.0|1e3|12345678901234567890123|1.5e1", "1.5|1e-1|\"1\"|null|15e-1"},
        {"{\"type\":\"number\"}", "1|1.5|-0.0", "\"1\"|true"},
        {"{\"type\":\"string\"}", "\"\"|\"\\u0000\"", "1|null|[]"},
        {"{\"type\":[\"array\",\"null\"]}", "[]|null", "{}|0"},
        {"{\"type\":\"boolean\"}", "true|false", "null|0"},
        {"{\"type\":\"object\"}", "{}", "[]"},
        {"{\"enum\":[1,\"a\\\"b\",null,{\"x\":[1,2],\"y\":0.1}]}",
         "1.0|1|10e-1|\"\\u0061\\u0022b\"|null|{\"y\":1e-1,\"x\":[1.0,2]}",
         "2|\"b\"|{\"x\":[2,1],\"y\":0.1}|{\"x\":[1,2]}|false|{\"x\":[1,2],\"y\":0.1,\"z\":1}"},
        {"{\"const\":[true]}", "[true]", "[false]|true|[true,true]|[]"},
        {"{\"const\":\"\\ud83d\\ude00\"}", "\"\\ud83d\\ude00\"", "\"\\ud83d\"|\"\\ud83d\\ude01\""},
        {"{\"minLength\":2,\"maxLength\":3}", "\"ab\"|\"\\u00e4\\u00f6\\u00fc\"|1|\"\\ud83d\\ude00x\"",
         "\"a\"|\"abcd\"|\"\\ud83d\\ude00\""},
        {"{\"pattern\":\"b+\\\\d$\"}", "\"abb7\"|\"b0\"|7", "\"ab\"|\"b7\\n\"|\"b\\u0660\""},
        {"{\"pattern\":\"^\\\\u0041$\"}", "\"A\"", "\"B\""},
        {"{\"minimum\":1.5,\"maximum\":3}", "1.5|3|2|\"\"", "1.4|3.0000000001|-2"},
        {"{\"minimum\":1,\"exclusiveMinimum\":true,\"maximum\":2,\"exclusiveMaximum\":true}", "1.5", "1|2"},
        {"{\"exclusiveMinimum\":1,\"exclusiveMaximum\":2}", "1.5", "1|2|1.0"},
        {"{\"minimum\":9007199254740993}", "9007199254740993|1e30", "9007199254740992"},
        {"{\"multipleOf\":0.01}", "19.99|0|1e2|-0.07", "0.001|19.995"},
        {"{\"multipleOf\":3}", "9|3e1|0", "10|1.5"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1,\"a\":2}|[]|{\"\\u0061\":1,\"b\":0}", "{\"a\":1}|{}"},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"\"}|{\"b\":1}|3", "{\"a\":1}|{\"\\u0061\":1}"},
        {"{\"properties\":{\"a\":{}},\"patternProperties\":{\"^x\":{\"type\":\"null\"}},\"additionalProperties\":"
         "false}",
         "{\"a\":1,\"x1\":null}", "{\"x1\":1}|{\"b\":1}"},
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"q\":null}|{}", "{\"q\":1}"},
        {"{\"propertyNames\":{\"maxLength\":1}}", "{\"q\":1}", "{\"qq\":1}"},
        {"{\"minProperties\":1,\"maxProperties\":2}", "{\"a\":1}|{\"a\":1,\"b\":2}", "{}|{\"a\":1,\"b\":2,\"c\":3}"},
        {"{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}", "{\"a\":1,\"b\":1}|{\"c\":1,\"d\":1}|{}",
         "{\"a\":1}|{\"c\":1}"},
        {"{\"dependentRequired\":{\"a\":[\"b\"]},\"dependentSchemas\":{\"c\":{\"maxProperties\":1}}}",
         "{\"a\":1,\"b\":1}|{\"c\":1}", "{\"a\":1}|{\"c\":1,\"d\":1}"},
        {"{\"items\":{\"type\":\"null\"}}", "[]|[null]|{}", "[null,1]"},
        {"{\"items\":[{\"type\":\"null\"}],\"additionalItems\":{\"type\":\"string\"}}", "[]|[null,\"\"]",
         "[1]|[null,1]"},
        {"{\"prefixItems\":[{\"type\":\"null\"}],\"items\":false}", "[]|[null]", "[1]|[null,1]"},
        {"{\"minItems\":1,\"maxItems\":2}", "[0]|[0,0]", "[]|[0,0,0]"},
        {"{\"uniqueItems\":true}", "[1,2,\"1\"]|[]",
         "[1,1.0]|[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]|[\"a\",\"\\u0061\"]"},
        {"{\"contains\":{\"type\":\"null\"}}", "[1,null]|[null,null]", "[]|[1]"},
        {"{\"contains\":{\"type\":\"null\"},\"minContains\":2,\"maxContains\":2}", "[1,null,null]",
         "[null]|[null,null,null]"},
        {"{\"contains\":{\"type\":\"null\"},\"minContains\":0}", "[]|[1]", NULL},
        {"{\"not\":{\"type\":\"null\"}}", "1", "null"},
        {"{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":1},\"else\":{\"type\":\"null\"}}", "\"a\"|null",
         "\"\"|1"},
        {"{\"then\":{\"minLength\":1}}", "\"\"", NULL},
        {"{\"allOf\":[{\"type\":\"string\"},{\"minLength\":1}]}", "\"a\"", "\"\"|1"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":1}]}", "\"\"|1|null", "0"},
        {"{\"oneOf\":[{\"type\":\"string\"},{\"minimum\":1}]}", "1|null", "0|\"\""},
        {"{\"$ref\":\"#/$defs/s\",\"maxLength\":1,\"$defs\":{\"s\":{\"type\":\"string\"}}}", "\"a\"", "\"aa\"|1"},
        {"{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#\"}}}", "{\"n\":{\"n\":{}}}", "{\"n\":{\"n\":1}}"},
        {"{\"format\":\"date\"}", "\"no date\"", NULL},
        {"{\"x-mine\":1,\"confluent:tags\":[],\"connect.index\":2,\"description\":\"\"}", "1", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned want = 0; want < 2; want++) {
            const char *list = want ? rows[i].good : rows[i].bad;
            char text[512], *rest = text;
            snprintf(text, sizeof text, "%s", list == NULL ? "" : list);
            for (char *value; list != NULL && (value = strsep(&rest, "|")) != NULL;) {
                bool ok = !want;
                assert_int_equal(validate(rows[i].schema, value, &ok), SCHLOSS_OK);
                if (ok != (want == 1)) {
                    fail_msg("%s is %s by %s", value, ok ? "allowed" : "refused", rows[i].schema);
                }
            }
        }
    }
}

static void what_cannot_be_checked_is_named(void **state) {
    (void)state;
    static const struct {
        const char *schema, *keyword;
    } rows[] = {
        {"{\"frob\":1}", "frob"},
        {"{\"anyOf\":[{\"items\":{\"not\":{\"nullable\":true}}}]}", "nullable"},
        {"{\"additionalProperties\":{\"$ref\":\"#/$defs/q\"},\"$defs\":{\"q\":{\"unevaluatedItems\":true}}}",
         "unevaluatedItems"},
        {"{\"properties\":{\"a\":{\"required\":true}}}", "required"},
        {"{\"minLength\":\"x\"}", "minLength"},
        {"{\"pattern\":\"(\"}", "pattern"},
        {"{\"patternProperties\":{\"(\":{}}}", "patternProperties"},
        {"{\"multipleOf\":0}", "multipleOf"},
        {"{\"enum\":1}", "enum"},
        {"{\"$dynamicRef\":\"#\"}", "$dynamicRef"},
        {"{\"uniqueItems\":1}", "uniqueItems"},
        {"{\"maximum\":\"1\"}", "maximum"},
        {"{\"type\":\"string\",\"format\":\"x\",\"default\":{\"frob\":1},\"examples\":[{\"frob\":1}]}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_schema_t *s = parsed(rows[i].schema);
        uint8_t seen[16] = {0};
        const json_node_t *todo[16];
        assert_true(s->n_nodes < 16);
        const json_node_t *n = json_unknown_keyword(s->root, seen, todo);
        if (rows[i].keyword == NULL) {
            assert_null(n);
        } else {
            if (n == NULL) {
                fail_msg("%s", rows[i].schema);
            }
            assert_string_equal(n->unknown, rows[i].keyword);
        }
        json_schema_free(s);
    }
}

static void hostile_schemas_run_out_of_steps(void **state) {
    (void)state;
    static const char twice[] =
        "{\"anyOf\":[{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"required\":[\"x\"]},{\"properties\":{\"n\":{"
        "\"$ref\":\"#\"}},\"required\":[\"x\"]}]}";
    char text[600] = "";
    for (unsigned i = 0; i < 60; i++) {
        memcpy(text + i * 5, "{\"n\":", 5);
    }
    memcpy(text + 300, "{}", 2);
    memset(text + 302, '}', 60);
    text[362] = '\0';
    bool ok = true;
    assert_int_equal(validate(twice, text, &ok), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_non_null(strstr(schloss_error_message(&err_), "LIMIT_CHOICE_STEPS"));
    assert_int_equal(validate("{\"$ref\":\"#\"}", "1", &ok), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(
        validate("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", &ok),
        SCHLOSS_E_LIMIT_EXCEEDED);
    assert_non_null(strstr(schloss_error_message(&err_), "LIMIT_REGEX"));
}

static void numbers_compare_by_value(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"1", "1.000", 0},
        {"-0", "0.0", 0},
        {"1e2", "100", 0},
        {"0.1", "1e-1", 0},
        {"2", "10", -1},
        {"-2", "-10", 1},
        {"1e400", "1", 1},
        {"-1e400", "1", -1},
        {"1e-400", "0", 1},
        {"1e400", "1e400", 0},
        {"123456789012345678901234567", "123456789012345678901234568", -1},
        {"0.30000000000000004", "0.3", 1},
        {"1e30", "1000000000000000000000000000000", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int got = json_number_compare(scanned(rows[i].a), scanned(rows[i].b));
        if (got != rows[i].order || json_number_compare(scanned(rows[i].b), scanned(rows[i].a)) != -rows[i].order) {
            fail_msg("%s and %s: %d", rows[i].a, rows[i].b, got);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_keyword_holds_and_fails),
        cmocka_unit_test(what_cannot_be_checked_is_named),
        cmocka_unit_test(hostile_schemas_run_out_of_steps),
        cmocka_unit_test(numbers_compare_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
