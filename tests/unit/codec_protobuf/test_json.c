/* ProtoJSON: the forms of scalars and well-known types, and what is no JSON of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "codec/protobuf/json.h"
#include "testlib/protobuf_schemas.h"

static pb_schema_t *schema;
static const pb_message_t *all;

static int setup(void **state) {
    (void)state;
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    if (pb_schema_parse(&schema, pb_shapes, strlen(pb_shapes), NULL, 0, NULL) != 0) {
        return -1;
    }
    all = pb_schema_find(schema, NULL, path, &n);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pb_schema_free(schema);
    return 0;
}

/* in, read and written again, is out (NULL: the same). */
static void turns(const char *in, const char *out) {
    buf_t record, json;
    schloss_error_t *err = schloss_error_new();
    buf_init(&record, 1 << 16, "test", true);
    buf_init(&json, 1 << 16, "test", true);
    if (pb_from_json(all, in, strlen(in), &record, err) != 0 || pb_to_json(all, buf_view(&record), &json, err) != 0) {
        fail_msg("%s: %s", in, schloss_error_message(err));
    }
    assert_string_equal(buf_cstr(&json), out == NULL ? in : out);
    schloss_error_free(err);
    buf_clear(&record);
    buf_clear(&json);
}

static void refused(const char *in, const char *field) {
    buf_t record;
    schloss_error_t *err = schloss_error_new();
    buf_init(&record, 1 << 16, "test", true);
    assert_int_equal(pb_from_json(all, in, strlen(in), &record, err), SCHLOSS_E_DATA_MISMATCH);
    assert_string_equal(schloss_error_field(err), field);
    schloss_error_free(err);
    buf_clear(&record);
}

static void scalars_have_their_forms(void **state) {
    (void)state;
    turns("{}", NULL);
    turns("{\"s\":\"\",\"i32\":0,\"flag\":false,\"kind\":\"KIND_NONE\",\"d\":0}", "{}");
    turns("{\"os\":\"\",\"ob\":\"\"}", NULL);
    turns("{\"far_away\":\"x\",\"s\":\"K\xc3\xb6ln\\u0000\"}", "{\"s\":\"K\xc3\xb6ln\\u0000\",\"farAway\":\"x\"}");
    turns("{\"b\":\"__-_\"}", "{\"b\":\"//+/\"}");
    turns("{\"b\":\"_w\"}", "{\"b\":\"/w==\"}");
    turns("{\"i32\":\"-2147483648\",\"s64\":-5,\"f32\":4294967295}",
          "{\"i32\":-2147483648,\"s64\":\"-5\",\"f32\":4294967295}");
    turns("{\"i32\":1e3}", "{\"i32\":1000}");
    turns("{\"u64\":\"18446744073709551615\",\"sf64\":\"-9223372036854775808\"}", NULL);
    turns("{\"d\":\"NaN\",\"f\":\"-Infinity\"}", NULL);
    turns("{\"d\":-0.0}", NULL);
    turns("{\"kind\":\"KIND_BELOW\"}", NULL);
    turns("{\"kind\":-3}", "{\"kind\":\"KIND_BELOW\"}");
    turns("{\"kind\":77,\"kinds\":[1,\"KIND_NONE\"]}", "{\"kind\":77,\"kinds\":[\"KIND_ONE\",\"KIND_NONE\"]}");
    turns("{\"packed\":[0,-1],\"loose\":[\"0\"],\"rs\":[],\"i32\":null}", "{\"packed\":[0,-1],\"loose\":[\"0\"]}");
    turns("{\"ms\":{\"a\":\"\",\"b\":\"x\"},\"mb\":{\"true\":\"\"},\"mi\":{\"-1\":{}}}",
          "{\"ms\":{\"a\":\"\",\"b\":\"x\"},\"mi\":{\"-1\":{}},\"mb\":{\"true\":\"\"}}");
}

static void well_known_types_have_their_own(void **state) {
    (void)state;
    turns("{\"at\":\"0001-01-01T00:00:00Z\"}", NULL);
    turns("{\"at\":\"9999-12-31T23:59:59.999999999Z\"}", NULL);
    turns("{\"at\":\"2000-02-29T23:30:00.5-01:00\"}", "{\"at\":\"2000-03-01T00:30:00.500Z\"}");
    turns("{\"at\":\"1969-12-31T23:59:59.999Z\"}", NULL);
    turns("{\"took\":\"-0.000001s\"}", NULL);
    turns("{\"took\":\"315576000000s\"}", NULL);
    turns("{\"mask\":\"a,bC.d\"}", NULL);
    turns("{\"wrapped\":\"\",\"wide\":\"0\"}", NULL);
    turns("{\"tree\":{\"a\":[1.5,null,\"t\",true,{}]},\"value\":null}", NULL);
    turns("{\"any\":{\"@type\":\"x/t.Plain\",\"text\":\"q\"}}", NULL);
    turns("{\"any\":{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1s\"}}", NULL);
    turns("{\"any\":{\"value\":\"1s\",\"@type\":\"x/google.protobuf.Duration\"}}",
          "{\"any\":{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1s\"}}");
    turns("{\"any\":{}}", NULL);
}

static void other_json_is_refused(void **state) {
    (void)state;
    refused("{\"nothing\":1}", "");
    refused("[]", "");
    refused("{\"s\":1}", "t.All.s");
    refused("{\"b\":\"*\"}", "t.All.b");
    refused("{\"i32\":2147483648}", "t.All.i32");
    refused("{\"i32\":1.5}", "t.All.i32");
    refused("{\"i32\":\"\"}", "t.All.i32");
    refused("{\"f32\":-1}", "t.All.f32");
    refused("{\"u64\":\"18446744073709551616\"}", "t.All.u64");
    refused("{\"f\":1e39}", "t.All.f");
    refused("{\"flag\":\"true\"}", "t.All.flag");
    refused("{\"kind\":\"KIND_TWO\"}", "t.All.kind");
    refused("{\"rs\":[null]}", "t.All.rs");
    refused("{\"rs\":\"a\"}", "t.All.rs");
    refused("{\"ms\":{\"a\":null}}", "t.All.ms");
    refused("{\"mb\":{\"1\":\"\"}}", "t.All.MbEntry.key");
    refused("{\"ps\":\"\",\"pi\":1}", "t.All.pi");
    refused("{\"farAway\":\"\",\"far_away\":\"\"}", "t.All.far_away");
    refused("{\"at\":\"2001-02-29T00:00:00Z\"}", "t.All.at");
    refused("{\"at\":\"2000-01-01T00:00:00\"}", "t.All.at");
    refused("{\"at\":\"0001-01-01T00:00:00+00:01\"}", "t.All.at");
    refused("{\"took\":\"1\"}", "t.All.took");
    refused("{\"took\":\"315576000001s\"}", "t.All.took");
    refused("{\"mask\":\"a_b\"}", "t.All.mask");
    refused("{\"mask\":\"a,\"}", "t.All.mask");
    refused("{\"any\":{\"@type\":\"x/unknown.Type\"}}", "");
    refused("{\"any\":{\"text\":\"q\"}}", "t.All.any");
    buf_t out;
    char deep[2048];
    size_t n = 0;
    buf_init(&out, 1 << 16, "test", true);
    assert_int_equal(pb_from_json(all, "{", 1, &out, NULL), SCHLOSS_E_BAD_JSON);
    for (size_t i = 0; i < 200; i++) {
        memcpy(deep + n, "{\"self\":", 8);
        n += 8;
    }
    deep[n++] = '1';
    memset(deep + n, '}', 200);
    assert_int_equal(pb_from_json(all, deep, n + 200, &out, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    buf_clear(&out);
}

/* What no canonical encoder writes is understood as readers do. */
static void records_in_pieces_are_one(void **state) {
    (void)state;
    static const struct {
        const char *record;
        size_t n;
        const char *json;
    } cases[] = {
        {"\x0a\1b\x0a\1a", 6, "{\"s\":\"a\"}"},
        {"\x0a\1b\x0a\0", 5, "{}"},
        {"\x5a\2\x10\7\x5a\3\x0a\1x", 9, "{\"inner\":{\"x\":\"x\",\"n\":7}}"},
        {"\x3a\1p\x50\1\x3a\1q\x50\2", 10, "{\"pi\":2}"},
        {"\xb0\1\1\xb2\1\2\2\3", 8, "{\"packed\":[1,2,3]}"},
        {"\x6a\3\x0a\1k\x6a\6\x0a\1k\x12\1v", 13, "{\"ms\":{\"k\":\"v\"}}"},
        {"\xb8\x3e\1", 3, "{}"},
    };
    buf_t out;
    buf_init(&out, 1 << 16, "test", true);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&out);
        assert_int_equal(pb_to_json(all, bytes(cases[i].record, cases[i].n), &out, NULL), 0);
        assert_string_equal(buf_cstr(&out), cases[i].json);
    }
    assert_int_equal(pb_to_json(all, bytes("\x0a\1\xff", 3), &out, NULL), SCHLOSS_E_DATA_MISMATCH);
    assert_int_equal(pb_to_json(all, bytes("\x0a\2a", 3), &out, NULL), SCHLOSS_E_DATA_MISMATCH);
    assert_int_equal(pb_to_json(all, bytes("\x08\1", 2), &out, NULL), SCHLOSS_E_DATA_MISMATCH);
    buf_clear(&out);
}

static unsigned countdown;
static bool fail_one(void *user) {
    (void)user;
    return countdown != 0 && --countdown == 0;
}

/* Every allocation fails once: an error each time, never a wrong result. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    static const char json[] =
        "{\"s\":\"a\",\"ms\":{\"k\":\"v\"},\"tree\":{\"a\":[1]},\"self\":{\"rs\":[\"x\"],\"pi\":1},"
        "\"any\":{\"@type\":\"x/t.Plain\",\"text\":\"q\"},\"mask\":\"a\",\"value\":\"v\"}";
    static const char expect[] =
        "{\"s\":\"a\",\"ms\":{\"k\":\"v\"},\"self\":{\"rs\":[\"x\"],\"pi\":1},\"tree\":{\"a\":[1.0]},"
        "\"mask\":\"a\",\"value\":\"v\",\"any\":{\"@type\":\"x/t.Plain\",\"text\":\"q\"}}";
    bool done = false;
    unsigned failures = 0;
    for (unsigned n = 1; !done; n++) {
        buf_t record, out;
        pb_schema_t *s = NULL;
        int32_t path[PB_INDEX_MAX];
        size_t len = 0;
        buf_init(&record, 1 << 16, "test", true);
        buf_init(&out, 1 << 16, "test", true);
        countdown = n;
        mem_set_fault(fail_one, NULL);
        schloss_rc rc = pb_schema_parse(&s, pb_shapes, strlen(pb_shapes), NULL, 0, NULL);
        const pb_message_t *m = rc == 0 ? pb_schema_find(s, NULL, path, &len) : NULL;
        rc = rc == 0 ? pb_from_json(m, json, sizeof(json) - 1, &record, NULL) : rc;
        rc = rc == 0 ? pb_to_json(m, buf_view(&record), &out, NULL) : rc;
        mem_set_fault(NULL, NULL);
        done = countdown != 0;
        if (rc == 0) { /* the hash map of names does without growing */
            assert_int_equal(out.len, sizeof(expect) - 1);
            assert_memory_equal(out.ptr, expect, out.len);
        } else {
            assert_false(done);
            assert_int_equal(rc, SCHLOSS_E_NO_MEMORY);
            failures++;
        }
        pb_schema_free(s);
        buf_clear(&record);
        buf_clear(&out);
    }
    assert_true(failures > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_their_forms),    cmocka_unit_test(well_known_types_have_their_own),
        cmocka_unit_test(other_json_is_refused),       cmocka_unit_test(records_in_pieces_are_one),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
