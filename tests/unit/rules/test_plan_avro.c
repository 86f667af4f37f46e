/* Compiling and running plans without keys: what is walked, refused, counted. Transforms are in test_value and in the
 * vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/limits.h"
#include "base/time.h"
#include "rules/plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    avro_schema_t *schema;
    plan_t *plan;
} fixture_t;

static fixture_t compile(const char *text, const char *tag, bool writing) {
    fixture_t f = {NULL, NULL};
    const char *tags[] = {tag};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = tag == NULL || tag[0] == '\0' ? 0 : 1};
    assert_int_equal(avro_schema_parse(&f.schema, text, strlen(text), NULL, 0, 0, NULL), 0);
    assert_int_equal(plan_avro_compile(&f.plan, f.schema,
                                       &(plan_spec_t){.rule = tag == NULL ? NULL : &rule, .writing = writing}, NULL),
                     0);
    return f;
}

static void drop(fixture_t *f) {
    plan_free(f->plan);
    avro_schema_free(f->schema);
}

static schloss_rc check(const char *schema, const void *data, size_t len) {
    fixture_t f = compile(schema, NULL, true);
    uint8_t *exact = malloc(len == 0 ? 1 : len); /* so that a sanitizer sees a read past the end */
    memcpy(exact, data, len);
    schloss_rc rc = plan_run(f.plan, bytes(exact, len), NULL, NULL, NULL);
    free(exact);
    drop(&f);
    return rc;
}

#define FITS(schema, ...)                                                                                              \
    do {                                                                                                               \
        uint8_t d_[] = {__VA_ARGS__};                                                                                  \
        assert_int_equal(check(schema, d_, sizeof(d_)), 0);                                                            \
    } while (0)
#define MISFITS(schema, ...)                                                                                           \
    do {                                                                                                               \
        uint8_t d_[] = {__VA_ARGS__};                                                                                  \
        assert_int_equal(check(schema, d_, sizeof(d_)), SCHLOSS_E_DATA_MISMATCH);                                      \
    } while (0)

#define REC(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(n, t) "{\"name\":\"" n "\",\"type\":" t "}"

static void every_type_is_walked(void **state) {
    (void)state;
    FITS("\"boolean\"", 1);
    MISFITS("\"boolean\"", 2);
    FITS("\"int\"", 0xfe, 0xff, 0xff, 0xff, 0x0f);
    MISFITS("\"int\"", 0x80, 0x80, 0x80, 0x80, 0x10); /* 2^31 */
    FITS("\"long\"", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    MISFITS("\"long\"", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
    MISFITS("\"long\"", 0x80);
    FITS("\"float\"", 1, 2, 3, 4);
    MISFITS("\"float\"", 1, 2, 3);
    FITS("\"double\"", 1, 2, 3, 4, 5, 6, 7, 8);
    FITS("\"string\"", 4, 'a', 'b');
    MISFITS("\"string\"", 6, 'a', 'b');
    MISFITS("\"string\"", 1);
    MISFITS("\"string\"", 4, 'a', 'b', 'c');
    FITS("\"bytes\"", 0);
    FITS("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", 2);
    MISFITS("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", 4);
    FITS("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", 1, 2, 3);
    MISFITS("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", 1, 2);
    FITS("[\"null\",\"int\"]", 0);
    FITS("[\"int\",\"null\"]", 2);
    FITS("[\"null\",\"int\"]", 2, 6);
    MISFITS("[\"null\",\"int\"]", 4);
    MISFITS("[\"null\",\"int\"]", 1);
    FITS("[\"null\",\"int\",\"string\"]", 4, 2, 'x');
    MISFITS("[\"null\",\"int\",\"string\"]", 6);
    FITS(REC(FIELD("a", "\"null\"") "," FIELD("b", "\"int\"")), 2);
    MISFITS(REC(FIELD("b", "\"int\"")), 2, 2);
}

static void blocks_are_checked(void **state) {
    (void)state;
    const char *a = "{\"type\":\"array\",\"items\":\"int\"}", *m = "{\"type\":\"map\",\"values\":\"int\"}";
    FITS(a, 0);
    FITS(a, 4, 2, 2, 0);
    FITS(a, 2, 2, 2, 2, 0);
    FITS(a, 3, 4, 2, 2, 0);    /* -2 items in 2 bytes */
    MISFITS(a, 3, 6, 2, 2, 0); /* size too large */
    MISFITS(a, 3, 2, 2, 2, 0);
    MISFITS(a, 4, 2, 2);
    MISFITS(a, 4, 2);
    FITS(m, 2, 2, 'k', 2, 0);
    MISFITS(m, 2, 8, 'k', 2, 0);
}

static void endless_and_deep_input_is_limited(void **state) {
    (void)state;
    /* 2^60 items of no bytes */
    uint8_t many[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0};
    assert_int_equal(check("{\"type\":\"array\",\"items\":\"null\"}", many, sizeof(many)), SCHLOSS_E_LIMIT_EXCEEDED);
    /* a list of 200 records */
    uint8_t deep[201];
    memset(deep, 2, sizeof(deep));
    deep[200] = 0;
    assert_int_equal(check(REC(FIELD("next", "[\"null\",\"R\"]")), deep, sizeof(deep)), SCHLOSS_E_LIMIT_EXCEEDED);
    /* a record that holds itself can have no value */
    /* records without a byte that hold two of the next kind: 2^40 of them */
    char tree[8192] = "{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}";
    for (int i = 1; i <= 40; i++) {
        char inner[8192];
        memcpy(inner, tree, sizeof(tree));
        int n = snprintf(tree, sizeof(tree),
                         "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\",\"type\":%s},"
                         "{\"name\":\"b\",\"type\":\"R%d\"}]}",
                         i, inner, i - 1);
        assert_in_range(n, 1, sizeof(tree) - 1);
    }
    assert_int_equal(check(tree, "", 0), SCHLOSS_E_LIMIT_EXCEEDED);
    uint8_t one[] = {0};
    assert_int_equal(check(REC(FIELD("self", "\"R\"")), one, 1), SCHLOSS_E_LIMIT_EXCEEDED);
}

static size_t n_fields(const char *schema, const char *tag) {
    fixture_t f = compile(schema, tag, true);
    size_t n = plan_n_fields(f.plan);
    drop(&f);
    return n;
}

#define TAGGED(n, t) "{\"name\":\"" n "\",\"type\":" t ",\"confluent:tags\":[\"PII\"]}"

static void covered_fields_are_counted(void **state) {
    (void)state;
    assert_int_equal(n_fields(REC(TAGGED("a", "\"string\"") "," FIELD("b", "\"string\"")), "PII"), 1);
    assert_int_equal(n_fields(REC(TAGGED("a", "\"string\"") "," FIELD("b", "\"string\"")), ""), 2); /* no tags: all */
    assert_int_equal(n_fields(REC(TAGGED("a", "\"int\"")), "PII"), 0);
    assert_int_equal(n_fields(REC(TAGGED("a", "{\"type\":\"array\",\"items\":\"bytes\"}")), "PII"), 1);
    assert_int_equal(n_fields(REC(TAGGED("a", "[\"null\",\"string\"]")), "PII"), 1);
    assert_int_equal(n_fields(REC(TAGGED("a", "\"string\"")), "OTHER"), 0);
    /* a tag on a field of record type does not reach the fields inside */
    assert_int_equal(
        n_fields(REC(TAGGED("a", "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("x", "\"string\"") "]}")),
                 "PII"),
        0);
    assert_int_equal(n_fields("\"string\"", ""), 0); /* a root that is no record has no field */
}

static schloss_rc run_with_rule(const char *schema, bool writing, const uint8_t *data, size_t len, char field[64]) {
    fixture_t f = compile(schema, "PII", writing);
    schloss_error_t *err = schloss_error_new();
    buf_t out;
    buf_init(&out, 1 << 20, "test", false);
    plan_crypt_t c = {.writing = writing};
    schloss_rc rc = plan_run(f.plan, bytes(data, len), &out, &c, err);
    if (rc == 0) {
        assert_int_equal(out.len, len); /* nothing was transformed */
        assert_memory_equal(out.ptr, data, len);
    }
    strncpy(field, schloss_error_field(err), 63);
    buf_clear(&out);
    schloss_error_free(err);
    drop(&f);
    return rc;
}

static void unsupported_types_are_refused_on_writing_only(void **state) {
    (void)state;
    char field[64] = "";
    uint8_t d[] = {2};
    const char *schema = REC(TAGGED("a", "\"int\""));
    assert_int_equal(run_with_rule(schema, true, d, 1, field), SCHLOSS_E_UNSUPPORTED_TYPE);
    assert_string_equal(field, "R.a");
    assert_int_equal(run_with_rule(schema, false, d, 1, field), 0);
    uint8_t null_branch[] = {0}, int_branch[] = {2, 2};
    const char *opt = REC(TAGGED("a", "[\"null\",\"int\"]"));
    assert_int_equal(run_with_rule(opt, true, null_branch, 1, field), 0);
    assert_int_equal(run_with_rule(opt, true, int_branch, 2, field), SCHLOSS_E_UNSUPPORTED_TYPE);
    const char *combined = REC(TAGGED("a", "[\"null\",\"int\",\"string\"]"));
    assert_int_equal(run_with_rule(combined, true, int_branch, 2, field), 0); /* left as it is */
}

static schloss_rc star(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    (void)user, (void)field, (void)in, (void)is_string, (void)err;
    buf_put_str(out, "*");
    return SCHLOSS_OK;
}

/* Writes the record with each covered value replaced by a star. */
static schloss_rc starred(const char *schema, bool inherit, bytes_t record, char out[32], size_t *n_fields) {
    fixture_t f = {NULL, NULL};
    const char *tags[] = {"PII"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    buf_t made, custom;
    buf_init(&made, 1 << 20, "test", true);
    buf_init(&custom, 1 << 20, "test", true);
    assert_int_equal(avro_schema_parse(&f.schema, schema, strlen(schema), NULL, 0, 0, NULL), 0);
    assert_int_equal(plan_avro_compile(&f.plan, f.schema,
                                       &(plan_spec_t){.rule = &rule, .writing = true, .inherit_tags = inherit}, NULL),
                     0);
    plan_crypt_t c = {.writing = true, .custom = star, .custom_out = &custom};
    schloss_rc rc = plan_run(f.plan, record, &made, &c, NULL);
    *n_fields = plan_n_fields(f.plan);
    memset(out, 0, 32);
    for (size_t i = 0; i < made.len && i < 31; i++) {
        out[i] = (char)made.ptr[i];
    }
    buf_clear(&made);
    buf_clear(&custom);
    drop(&f);
    return rc;
}

/* schloss.tag.inheritance: a tag on a field that holds a record covers its untagged primitive fields, and no others. */
static void tags_are_inherited_on_request(void **state) {
    (void)state;
    char out[32] = "";
    size_t n = 0;
#define IN(text) bytes(text, sizeof(text) - 1)
#define INNER(fields) "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" fields "]}"
    const char *rec =
        REC(TAGGED("o", INNER(FIELD("a", "\"string\""))) "," FIELD("p", "\"I\"") "," FIELD("q", "\"string\""));
    assert_int_equal(starred(rec, false, IN("\2x\2y\2z"), out, &n), 0);
    assert_string_equal(out, "\2x\2y\2z");
    assert_int_equal(n, 0);
    assert_int_equal(starred(rec, true, IN("\2x\2y\2z"), out, &n), 0);
    assert_string_equal(out, "\2*\2y\2z"); /* the same record type in an untagged field stays */
    assert_int_equal(n, 1);
    /* through containers; a field that is no primitive begins anew, so nothing inside it is covered */
    const char *deep = REC(TAGGED(
        "o", "{\"type\":\"array\",\"items\":" INNER(FIELD("a", "\"bytes\"") "," FIELD(
                 "u", "[\"null\",\"string\"]") "," FIELD("m", "{\"type\":\"array\",\"items\":\"string\"}")) "}"));
    assert_int_equal(starred(deep, true, IN("\2\2x\2\2y\2\2z\0\0"), out, &n), 0);
    assert_memory_equal(out, "\2\2*\2\2y\2\2z\0\0", 11);
    assert_int_equal(n, 2); /* the array itself, and a */
    /* a number that inherits is refused as a tagged one is */
    const char *number = REC(TAGGED("o", INNER(FIELD("a", "\"int\""))));
    assert_int_equal(starred(number, true, IN("\2"), out, &n), SCHLOSS_E_UNSUPPORTED_TYPE);
    assert_int_equal(starred(number, false, IN("\2"), out, &n), 0);
    const char *combined = REC(TAGGED("o", "[\"string\"," INNER(FIELD("a", "\"int\"")) "]"));
    assert_int_equal(starred(combined, true, IN("\2\2"), out, &n), 0);
    assert_int_equal(starred(REC(TAGGED("o", INNER(FIELD("a", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}")))),
                             true, IN("x"), out, &n),
                     0);
}

static void every_cut_and_mutation_is_safe(void **state) {
    (void)state;
    const char *schema = REC(
        FIELD("s", "\"string\"") "," FIELD("a", "{\"type\":\"array\",\"items\":[\"null\",\"string\","
                                                "\"R\"]}") "," FIELD("m", "{\"type\":\"map\",\"values\":\"long\"}"));
    uint8_t good[] = {4, 'a', 'b', 6, 0, 2, 2, 'x', 4, 0, 0, 0, 0, 2, 2, 'k', 0x80, 1, 0};
    assert_int_equal(check(schema, good, sizeof(good)), 0);
    for (size_t n = 0; n < sizeof(good); n++) {
        assert_int_not_equal(check(schema, good, n), 0);
    }
    for (size_t i = 0; i < sizeof(good); i++) {
        for (int b = 0; b < 256; b++) {
            uint8_t bad[sizeof(good)];
            memcpy(bad, good, sizeof(good));
            bad[i] = (uint8_t)b;
            (void)check(schema, bad, sizeof(bad)); /* no crash, no read past the end */
        }
    }
}

/* Records that hold the one before them: each learns from it whether it is touched. Linear, or a large schema would
 * take minutes. */
static void chains_compile_in_linear_time(void **state) {
    (void)state;
    enum { N = 12000 };
    buf_t b;
    buf_init(&b, LIMIT_SCHEMA_BYTES, "schema", false);
    buf_printf(&b, "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"f0\",\"type\":{\"type\":\"record\","
                   "\"name\":\"R0\",\"fields\":[{\"name\":\"s\",\"type\":\"string\",\"confluent:tags\":[\"PII\"]}]}}");
    for (int i = 1; i < N; i++) {
        buf_printf(&b,
                   ",{\"name\":\"f%d\",\"type\":{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"x\","
                   "\"type\":{\"type\":\"array\",\"items\":\"R%d\"}}]}}",
                   i, i, i - 1);
    }
    buf_put_str(&b, "]}");
    fixture_t f = {NULL, NULL};
    const char *tags[] = {"PII"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    assert_int_equal(avro_schema_parse(&f.schema, buf_cstr(&b), b.len, NULL, 0, 0, NULL), 0);
    uint64_t before = time_thread_cpu_ns();
    assert_int_equal(plan_avro_compile(&f.plan, f.schema, &(plan_spec_t){.rule = &rule, .writing = true}, NULL), 0);
    assert_true(time_thread_cpu_ns() - before < UINT64_C(3000000000));
    assert_int_equal(plan_n_fields(f.plan), 1);
    drop(&f);
    buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_walked),
        cmocka_unit_test(blocks_are_checked),
        cmocka_unit_test(endless_and_deep_input_is_limited),
        cmocka_unit_test(covered_fields_are_counted),
        cmocka_unit_test(unsupported_types_are_refused_on_writing_only),
        cmocka_unit_test(tags_are_inherited_on_request),
        cmocka_unit_test(every_cut_and_mutation_is_safe),
        cmocka_unit_test(chains_compile_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
