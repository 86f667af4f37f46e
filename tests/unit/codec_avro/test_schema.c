/* The schema object: references, limits, accessors, memory. */
#include "avro_test.h"
#include "base/limits.h"
#include "base/mem.h"

static const char person[] = "{\"type\":\"record\",\"name\":\"Person\",\"namespace\":\"a.b\",\"fields\":["
                             "{\"name\":\"n\",\"type\":\"string\"},"
                             "{\"name\":\"k\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"X\"]}}]}";

static void kinds_have_names(void **state) {
    (void)state;
    assert_string_equal(avro_kind_name(AVRO_NULL), "null");
    assert_string_equal(avro_kind_name(AVRO_FIXED), "fixed");
    assert_string_equal(avro_kind_name((avro_kind_t)99), "unknown");
}

static void types_are_indexed(void **state) {
    (void)state;
    avro_schema_t *s = parse(person);
    assert_int_equal(avro_schema_n_types(s), 3);
    for (size_t i = 0; i < avro_schema_n_types(s); i++) {
        assert_int_equal(avro_schema_type(s, i)->index, i);
    }
    const avro_type_t *r = avro_schema_root(s);
    assert_string_equal(r->name, "a.b.Person");
    assert_string_equal(r->name_space, "a.b");
    assert_string_equal(r->short_name, "Person");
    assert_string_equal(r->fields[0].full_name, "a.b.Person.n");
    assert_string_equal(r->fields[1].type->name, "a.b.Kind");
    assert_false(r->from_reference);
    assert_true(avro_schema_memory(s) > sizeof(avro_type_t) * 3);
    avro_schema_free(s);
    avro_schema_free(NULL);
}

static void references_share_names(void **state) {
    (void)state;
    const char visit[] = "{\"type\":\"record\",\"name\":\"Visit\",\"namespace\":\"v\",\"fields\":["
                         "{\"name\":\"who\",\"type\":\"a.b.Person\"},{\"name\":\"kind\",\"type\":\"a.b.Kind\"}]}";
    avro_ref_t ref = {"a.b.Person", person, sizeof person - 1};
    avro_schema_t *s = parse_refs(visit, &ref, 1, AVRO_PARSE_STRICT);
    const avro_type_t *r = avro_schema_root(s);
    assert_string_equal(r->fields[0].type->name, "a.b.Person");
    assert_true(r->fields[0].type->from_reference);
    assert_true(r->fields[1].type->from_reference);
    assert_false(r->from_reference);
    avro_schema_free(s);
    /* Without it the name is undefined, and the error says so. */
    refused(visit, 0, SCHLOSS_E_SCHEMA_PARSE, "a.b.Person");
}

static void references_see_earlier_ones(void **state) {
    (void)state;
    const char outer[] = "{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"p\",\"type\":\"a.b.Person\"}]}";
    avro_ref_t refs[] = {{"a.b.Person", person, sizeof person - 1}, {"O", outer, sizeof outer - 1}};
    avro_schema_t *s = parse_refs("{\"type\":\"array\",\"items\":\"O\"}", refs, 2, 0);
    assert_string_equal(avro_schema_root(s)->items->fields[0].type->name, "a.b.Person");
    avro_schema_free(s);
}

static void a_broken_reference_is_named(void **state) {
    (void)state;
    avro_ref_t ref = {"a.Broken", "{", 1};
    avro_schema_t *s = NULL;
    assert_int_equal(avro_schema_parse(&s, "\"int\"", 5, &ref, 1, 0, &err_), SCHLOSS_E_SCHEMA_PARSE);
    assert_non_null(strstr(schloss_error_message(&err_), "a.Broken"));
    /* A name that a reference defines cannot be defined again. */
    avro_ref_t good = {"a.b.Person", person, sizeof person - 1};
    assert_int_equal(avro_schema_parse(&s, person, sizeof person - 1, &good, 1, 0, &err_), SCHLOSS_E_SCHEMA_PARSE);
    assert_non_null(strstr(schloss_error_message(&err_), "redefine"));
    assert_int_equal(avro_schema_parse(&s, "\"int\"", 5, &good, LIMIT_SCHEMA_REFS + 1, 0, &err_),
                     SCHLOSS_E_LIMIT_EXCEEDED);
    assert_null(s);
}

static void limits_hold(void **state) {
    (void)state;
    /* Depth of the text. */
    char deep[8192];
    size_t n = 0;
    for (unsigned i = 0; i < LIMIT_SCHEMA_DEPTH + 1; i++) {
        n += (size_t)snprintf(deep + n, sizeof deep - n, "{\"type\":\"array\",\"items\":");
    }
    refused(deep, 0, SCHLOSS_E_SCHEMA_PARSE, "deep");
    /* Number of types. */
    size_t cap = 24 + 40 * (size_t)(LIMIT_SCHEMA_TYPES + 1);
    char *many = malloc(cap);
    assert_non_null(many);
    n = (size_t)snprintf(many, cap, "[\"int\"");
    for (unsigned i = 0; i < LIMIT_SCHEMA_TYPES; i++) {
        n += (size_t)snprintf(many + n, cap - n, ",{\"type\":\"map\",\"values\":\"int\"}");
    }
    (void)snprintf(many + n, cap - n, "]");
    refused(many, 0, SCHLOSS_E_LIMIT_EXCEEDED, "types");
    free(many);
    /* Bytes of the text. */
    avro_schema_t *s = NULL;
    assert_int_equal(avro_schema_parse(&s, "", LIMIT_SCHEMA_BYTES + 1, NULL, 0, 0, &err_), SCHLOSS_E_LIMIT_EXCEEDED);
}

/* Every allocation of ours fails once: each time an error, nothing leaked (ASan), and the last run succeeds. */
static unsigned countdown;
static bool fail_nth(void *user) {
    (void)user;
    return countdown != 0 && --countdown == 0;
}

static void allocation_failures_are_errors(void **state) {
    (void)state;
    avro_ref_t ref = {"a.b.Person", person, sizeof person - 1};
    const char text[] =
        "{\"type\":\"record\",\"name\":\"V\",\"aliases\":[\"W\"],\"fields\":[{\"name\":\"w\",\"type\":"
        "[\"null\",\"a.b.Person\",\"Later\"],\"default\":null,\"confluent:tags\":[\"PII\"]},"
        "{\"name\":\"l\",\"type\":{\"type\":\"fixed\",\"name\":\"Later\",\"size\":2,\"x\":{\"b\":1}}}]}";
    unsigned n = 0;
    for (;;) {
        avro_schema_t *s = NULL;
        buf_t out;
        buf_init(&out, 4096, "test", false);
        countdown = ++n;
        mem_set_fault(fail_nth, NULL);
        schloss_rc rc = avro_schema_parse(&s, text, sizeof text - 1, &ref, 1, AVRO_PARSE_STRICT, &err_);
        if (rc == SCHLOSS_OK) {
            rc = avro_schema_print(s, true, &out, &err_);
        }
        mem_set_fault(NULL, NULL);
        bool fired = countdown == 0;
        avro_schema_free(s);
        buf_clear(&out);
        if (!fired) {
            assert_int_equal(rc, SCHLOSS_OK);
            break;
        }
        assert_int_equal(rc, SCHLOSS_E_NO_MEMORY);
    }
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(types_are_indexed),
        cmocka_unit_test(references_share_names),
        cmocka_unit_test(references_see_earlier_ones),
        cmocka_unit_test(a_broken_reference_is_named),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(allocation_failures_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
