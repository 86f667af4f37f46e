/* Running plans with a key: containers whose items change their length, what is copied around them, what a missing key
 * and a damaged value leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "keyed.h"

/* clang-format off */
#define TAG ",\"confluent:tags\":[\"PII\"]}"
static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"string\"}" TAG ","
    "{\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"}" TAG ","
    "{\"name\":\"any\",\"type\":[\"null\",\"int\",\"string\"]" TAG ",{\"name\":\"tail\",\"type\":\"string\"}]}";
/* clang-format on */

/* n 7; list: a block of -2 (4 bytes): "a" "b", end; map: 1: "k" -> 01 02, end; any: branch 2 "x"; tail "t" */
static const uint8_t record[] = {14, 3, 8, 2, 'a', 2, 'b', 0, 2, 2, 'k', 4, 1, 2, 0, 4, 2, 'x', 2, 't'};
/* the same with a plain block: what comes back */
static const uint8_t back[] = {14, 4, 2, 'a', 2, 'b', 0, 2, 2, 'k', 4, 1, 2, 0, 4, 2, 'x', 2, 't'};

typedef struct fixture {
    avro_schema_t *schema;
    plan_t *plan;
    keyed_t k;
} fixture_t;

static void open_fixture(fixture_t *f, bool writing) {
    const char *tags[] = {"PII"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    assert_int_equal(avro_schema_parse(&f->schema, schema_text, strlen(schema_text), NULL, 0, 0, NULL), 0);
    assert_int_equal(plan_avro_compile(&f->plan, f->schema, &(plan_spec_t){.rule = &rule, .writing = writing}, NULL),
                     0);
    keyed_open(&f->k, DEK_AES256_SIV, writing, false);
}

static void close_fixture(fixture_t *f) {
    plan_free(f->plan);
    avro_schema_free(f->schema);
    keyed_close(&f->k);
}

static void containers_are_written_anew_and_read_back(void **state) {
    (void)state;
    fixture_t w, r;
    open_fixture(&w, true);
    open_fixture(&r, false);
    assert_int_equal(plan_n_fields(w.plan), 3);
    assert_int_equal(plan_run(w.plan, bytes(record, sizeof(record)), &w.k.out, &w.k.crypt, NULL), SCHLOSS_NEED_KEY);
    assert_string_equal(w.k.crypt.field, "R.list");
    keyed_put(&w.k, 1, DEK_AES256_SIV);
    keyed_put(&r.k, 1, DEK_AES256_SIV);
    buf_reset(&w.k.out);
    assert_int_equal(plan_run(w.plan, bytes(record, sizeof(record)), &w.k.out, &w.k.crypt, NULL), 0);
    assert_int_equal(w.k.crypt.n_values, 4);
    assert_int_equal(w.k.out.ptr[1], 4); /* two items, no byte size */
    assert_memory_equal(w.k.out.ptr + w.k.out.len - 2, "\2t", 2);
    assert_int_equal(plan_run(r.plan, buf_view(&w.k.out), &r.k.out, &r.k.crypt, NULL), 0);
    assert_int_equal(r.k.out.len, sizeof(back));
    assert_memory_equal(r.k.out.ptr, back, sizeof(back));
    /* a damaged value names its field */
    schloss_error_t *err = schloss_error_new();
    w.k.out.ptr[w.k.out.len - 6] ^= 1;
    buf_reset(&r.k.out);
    schloss_rc rc = plan_run(r.plan, buf_view(&w.k.out), &r.k.out, &r.k.crypt, err);
    assert_true(rc == SCHLOSS_E_AUTH_FAILED || rc == SCHLOSS_E_BAD_BASE64);
    assert_string_equal(schloss_error_field(err), "R.any");
    schloss_error_free(err);
    close_fixture(&w);
    close_fixture(&r);
}

/* In a union of several types what cannot be encrypted passes; a cut record is refused wherever it is cut. */
static void unions_pass_and_cuts_are_refused(void **state) {
    (void)state;
    fixture_t w;
    open_fixture(&w, true);
    keyed_put(&w.k, 1, DEK_AES256_SIV);
    const uint8_t number[] = {14, 0, 0, 2, 10, 2, 't'};
    assert_int_equal(plan_run(w.plan, bytes(number, sizeof(number)), &w.k.out, &w.k.crypt, NULL), 0);
    assert_int_equal(w.k.out.len, sizeof(number));
    assert_memory_equal(w.k.out.ptr, number, sizeof(number));
    for (size_t n = 0; n < sizeof(record); n++) {
        buf_reset(&w.k.out);
        assert_int_equal(plan_run(w.plan, bytes(record, n), &w.k.out, &w.k.crypt, NULL), SCHLOSS_E_DATA_MISMATCH);
    }
    close_fixture(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_are_written_anew_and_read_back),
        cmocka_unit_test(unions_pass_and_cuts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
