/* Running JSON plans with a key: bytes there and back, text that is no JSON, depth, missing keys, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/limits.h"
#include "keyed.h"
#include "marked.h"
#include "testlib/fault.h"

#define SCHEMA                                                                                                         \
    "{\"properties\":{\"a\":{\"type\":\"string\",\"confluent:tags\":[\"PII\"]},\"l\":{\"items\":{\"properties\":{"     \
    "\"b\":{\"oneOf\":["                                                                                               \
    "{\"type\":\"null\"},{\"type\":\"string\",\"pattern\":\".\"}],\"confluent:tags\":[\"PII\"]}}}}}}"

typedef struct fixture {
    json_schema_t *schema;
    plan_t *plan;
    buf_t plain;
    keyed_t k;
} fixture_t;

static void open_fixture(fixture_t *f, bool writing, bool key) {
    marked_case_t c = {.schema = SCHEMA, .reading = !writing};
    assert_int_equal(marked_compile(&c, &f->schema, &f->plan, NULL), SCHLOSS_OK);
    keyed_open(&f->k, DEK_AES256_SIV, writing, false);
    buf_init(&f->plain, 1 << 20, "test", true);
    f->k.crypt.plain = &f->plain;
    if (key) {
        keyed_put(&f->k, 1, DEK_AES256_SIV);
    }
}

static void close_fixture(fixture_t *f) {
    plan_free(f->plan);
    json_schema_free(f->schema);
    buf_clear(&f->plain);
    keyed_close(&f->k);
}

static schloss_rc run(fixture_t *f, const char *text, schloss_error_t *err) {
    buf_reset(&f->k.out);
    return plan_run(f->plan, bytes(text, strlen(text)), &f->k.out, &f->k.crypt, err);
}

static const char record[] =
    " {\"z\":\"\\/\",\"a\":\"q\\\"\\\\\\/\\n\\u0001\\u00e4\\ud83d\\ude00\",\"l\":[{\"b\":\"x\"},{\"b\":null}]} ";
static const char back[] =
    " {\"z\":\"\\/\",\"a\":\"q\\\"\\\\/\\n\\u0001\xc3\xa4\xf0\x9f\x98\x80\",\"l\":[{\"b\":\"x\"},{\"b\":null}]} ";

static void there_and_back(void **state) {
    (void)state;
    fixture_t w, r;
    open_fixture(&w, true, false);
    open_fixture(&r, false, true);
    assert_int_equal(plan_n_fields(w.plan), 2);
    assert_int_equal(run(&w, record, NULL), SCHLOSS_NEED_KEY);
    assert_string_equal(w.k.crypt.field, "$.a");
    keyed_put(&w.k, 1, DEK_AES256_SIV);
    assert_int_equal(run(&w, record, NULL), SCHLOSS_OK);
    assert_int_equal(w.k.crypt.n_values, 2);
    assert_memory_equal(w.k.out.ptr, " {\"z\":\"\\/\",\"a\":\"", 16);
    assert_int_equal(run(&r, buf_cstr(&w.k.out), NULL), SCHLOSS_OK);
    assert_string_equal(buf_cstr(&r.k.out), back);
    /* base64 may be escaped by who wrote it */
    char escaped[1024];
    size_t n = 0;
    for (const char *p = buf_cstr(&w.k.out); *p != '\0'; p++) {
        n += (size_t)snprintf(escaped + n, sizeof escaped - n,
                              *p == '+'   ? "\\u002b"
                              : *p == '=' ? "\\u003D"
                                          : "%c",
                              *p);
    }
    assert_int_equal(run(&r, escaped, NULL), SCHLOSS_OK);
    assert_string_equal(buf_cstr(&r.k.out), back);
    close_fixture(&w);
    close_fixture(&r);
}

static void damage_names_the_field(void **state) {
    (void)state;
    fixture_t r;
    schloss_error_t err;
    open_fixture(&r, false, true);
    assert_int_equal(run(&r, "{\"l\":[{},{\"b\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"}]}", &err), SCHLOSS_E_AUTH_FAILED);
    assert_string_equal(schloss_error_field(&err), "$.l[1].b");
    assert_string_equal(r.k.crypt.field, "$.l.b");
    assert_int_equal(run(&r, "{\"a\":\"no base64!\"}", &err), SCHLOSS_E_BAD_BASE64);
    assert_int_equal(run(&r, "{\"a\":\"\"}", &err), SCHLOSS_E_CIPHERTEXT_TOO_SHORT);
    assert_int_equal(run(&r, "{\"a\":\"\\ud800\"}", &err), SCHLOSS_E_BAD_JSON);
    assert_string_equal(schloss_error_field(&err), "$.a");
    close_fixture(&r);
}

static void only_json_passes(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{\"a\":\"x\"",
        "{\"a\":\"x\"}}",
        "{\"a\":\"x\",}",
        "{\"a\" \"x\"}",
        "{a:1}",
        "{\"a\":\"x\" \"b\":1}",
        "{\"l\":[}",
        "{\"l\":[1,]}",
        "{\"l\":[1 2]}",
        "{\"l\":[{]}",
        "{\"a\":tru}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"z\":\"\xff\"}",
        "{\"z\":\"\xed\xa0\x80\"}",
        "{\"a\":01}",
        "{\"z\":[1,}",
        "{\"a\":\"x",
        "{\"a",
        "{\"l\":[{\"b\":",
        "nul",
        "{\"l\":{\"q\":1]}",
        "[1]]",
        "{\"a\":\"x\"}\x01",
    };
    for (unsigned check = 0; check < 2; check++) {
        marked_t m;
        marked_open(&m);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            marked_case_t c = {.schema = SCHEMA, .check = check != 0};
            schloss_rc rc = marked_run(&m, &c, bytes(bad[i], strlen(bad[i])));
            if (rc != SCHLOSS_E_BAD_JSON && !(check == 0 && rc == SCHLOSS_E_DATA_MISMATCH)) {
                fail_msg("%s: %s", bad[i], schloss_rc_name(rc));
            }
        }
        marked_close(&m);
    }
}

/* Wherever a record is cut. */
static void cut_records_are_refused(void **state) {
    (void)state;
    marked_t m;
    marked_open(&m);
    size_t last = strlen(record) - 1; /* a blank may go */
    for (size_t n = 0; n < last; n++) {
        char *exact = malloc(n + (n == 0));
        assert_non_null(exact);
        memcpy(exact, record, n);
        assert_int_equal(marked_run(&m, &(marked_case_t){.schema = SCHEMA}, bytes(exact, n)), SCHLOSS_E_BAD_JSON);
        free(exact);
    }
    marked_close(&m);
}

static void depth_is_limited(void **state) {
    (void)state;
    static const char schema[] =
        "{\"properties\":{\"v\":{\"type\":\"string\",\"confluent:tags\":[\"PII\"]},\"n\":{\"$ref\":\"#\"},"
        "\"l\":{\"items\":{\"$ref\":\"#\"}}}}";
    marked_t m;
    marked_open(&m);
    for (unsigned kind = 0; kind < 4; kind++) { /* walked objects, walked arrays within, others, check only */
        for (size_t depth = LIMIT_RECORD_DEPTH; depth <= LIMIT_RECORD_DEPTH + 2; depth += 2) {
            static const char *const open[] = {"{\"n\":", "{\"l\":[", "{\"x\":", "["};
            static const char *const shut[] = {"}", "]}", "}", "]"};
            char text[2048] = "";
            size_t n = 0, levels = kind == 1 ? depth / 2 : depth;
            for (size_t i = 0; i < levels; i++) {
                n += (size_t)snprintf(text + n, sizeof text - n, "%s", open[kind]);
            }
            n += (size_t)snprintf(text + n, sizeof text - n, "1");
            for (size_t i = 0; i < levels; i++) {
                n += (size_t)snprintf(text + n, sizeof text - n, "%s", shut[kind]);
            }
            marked_case_t c = {.schema = schema, .check = kind == 3};
            assert_int_equal(marked_run(&m, &c, bytes(text, n)),
                             depth == LIMIT_RECORD_DEPTH ? SCHLOSS_OK : SCHLOSS_E_LIMIT_EXCEEDED);
        }
    }
    marked_close(&m);
}

static void long_names_and_many_members(void **state) {
    (void)state;
    marked_t m;
    marked_open(&m);
    char schema[4096], text[4096], name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(
        schema, sizeof schema,
        "{\"properties\":{\"%s\":{\"properties\":{\"%s\":{\"properties\":{\"%s\":{\"properties\":{\"%s\":{\"type\":"
        "\"string\",\"confluent:tags\":[\"PII\"]}}}}}}}}}",
        name, name, name, name);
    snprintf(text, sizeof text, "{\"%s\":{\"%s\":{\"%s\":{\"%s\":3}}}}", name, name, name, name);
    assert_int_equal(marked_run(&m, &(marked_case_t){.schema = schema}, bytes(text, strlen(text))),
                     SCHLOSS_E_DATA_MISMATCH);
    size_t n = (size_t)snprintf(schema, sizeof schema, "{\"properties\":{");
    for (unsigned i = 0; i < 40; i++) {
        n += (size_t)snprintf(schema + n, sizeof schema - n,
                              "%s\"p%u\":{\"type\":\"string\",\"confluent:tags\":[\"PII\"]}", i == 0 ? "" : ",", i);
    }
    snprintf(schema + n, sizeof schema - n, "}}");
    static const char many[] = "{\"p39\":\"x\",\"p0\":\"y\",\"p40\":\"z\",\"p4\":\"w\"}";
    assert_int_equal(marked_run(&m, &(marked_case_t){.schema = schema}, bytes(many, sizeof many - 1)), SCHLOSS_OK);
    assert_string_equal(buf_cstr(&m.out), "{\"p39\":\"E(x)\",\"p0\":\"E(y)\",\"p40\":\"z\",\"p4\":\"E(w)\"}");
    assert_int_equal(m.n_fields, 40);
    marked_close(&m);
}

/* The hot path allocates nothing once warm, choices and patterns included. */
static void warm_runs_allocate_nothing(void **state) {
    (void)state;
    fixture_t w, r;
    open_fixture(&w, true, true);
    open_fixture(&r, false, true);
    uint64_t before = 0;
    for (unsigned i = 0; i < 20; i++) {
        if (i == 3) {
            before = mem_count();
        }
        buf_rewind(&w.k.out);
        assert_int_equal(plan_run(w.plan, bytes(record, sizeof record - 1), &w.k.out, &w.k.crypt, NULL), SCHLOSS_OK);
        buf_rewind(&r.k.out);
        assert_int_equal(plan_run(r.plan, buf_view(&w.k.out), &r.k.out, &r.k.crypt, NULL), SCHLOSS_OK);
    }
    assert_int_equal(mem_count(), before);
    close_fixture(&w);
    close_fixture(&r);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    marked_t m;
    marked_open(&m);
    fault_install();
    const marked_case_t c = {.schema = SCHEMA, .metadata = "{\"tags\":{\"**.c\":[\"PII\"]}}"};
    unsigned ok = 0;
    for (uint64_t n = 1; ok < 1; n++) {
        json_schema_t *s = NULL;
        plan_t *plan = NULL;
        json_t *metadata = json_loads(c.metadata, 0, NULL);
        const char *tags[] = {"PII"};
        rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
        assert_int_equal(json_schema_parse(&s, c.schema, strlen(c.schema), NULL, 0, NULL), SCHLOSS_OK);
        fault_arm(n);
        schloss_rc rc =
            plan_json_compile(&plan, s, &(plan_spec_t){.rule = &rule, .metadata = metadata, .writing = true}, NULL);
        ok += fault_fired() ? 0 : 1;
        fault_disarm();
        assert_true(rc == SCHLOSS_OK || rc == SCHLOSS_E_NO_MEMORY);
        if (rc == SCHLOSS_OK) {
            assert_int_equal(plan_n_fields(plan), 2);
            plan_free(plan);
        }
        json_schema_free(s);
        json_decref(metadata);
    }
    marked_close(&m);
}

/* A choice that comes back to itself at one value has no end: the record is refused, the stack stays small. */
static void choices_that_lead_to_themselves_are_refused(void **state) {
    (void)state;
    marked_t m;
    marked_open(&m);
    marked_case_t c = {.schema = "{\"$defs\":{\"x\":{\"anyOf\":[{\"properties\":{\"b\":{\"type\":\"string\","
                                 "\"confluent:tags\":[\"PII\"]}}},{\"$ref\":\"#/$defs/x\"}]}},"
                                 "\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}}}"};
    const char *text = "{\"a\":{\"b\":\"v\"}}";
    assert_int_equal(marked_run(&m, &c, bytes(text, strlen(text))), SCHLOSS_E_LIMIT_EXCEEDED);
    text = "{\"a\":null}";
    assert_int_equal(marked_run(&m, &c, bytes(text, strlen(text))), SCHLOSS_OK);
    marked_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(damage_names_the_field),
        cmocka_unit_test(only_json_passes),
        cmocka_unit_test(cut_records_are_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(long_names_and_many_members),
        cmocka_unit_test(warm_runs_allocate_nothing),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(choices_that_lead_to_themselves_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
