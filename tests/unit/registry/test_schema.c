/* Names, normal forms, rule sets, guids: all vectors of schema-registry-api section 6. */
#include "base/text.h"
#include "base/time.h"
#include "registry/schema/guid.h"
#include "registry/schema/meta.h"
#include "registry/schema/name.h"
#include "registry/schema/proto.h"
#include "registry/schema/type.h"
#include "registry/schema/unicode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parsed(request_t *rq, const char *text) {
    return text == NULL ? NULL : request_adopt(rq, json_loads(text, 0, NULL));
}

static void guids(void **state) {
    static const struct {
        const char *schema, *refs, *metadata, *ruleset, *guid;
    } rows[] = {
        {"\"string\"", NULL, NULL, NULL, "095d71cf-1255-6b9d-5e33-0ad575b3df5d"},
        {"\"int\"", NULL, NULL, NULL, "ef524ea1-b91e-7317-3d93-8ade36c1db32"},
        {"\"string\"", NULL, "{}", NULL, "cecc02e2-232b-87f1-1b0c-aa0e70dbb74d"},
        {"\"string\"", "[{\"name\":\"a.B\",\"subject\":\"b\",\"version\":1}]", NULL, NULL,
         "2b5c9367-ff12-532a-2da8-715c7f6a39f7"},
        {"\"string\"", NULL, "{\"properties\":{\"owner\":\"me\",\"confluent:version\":\"1\"}}", NULL,
         "8aae6478-417f-a573-12f6-603bfb8c37df"},
        {"\"string\"", NULL, "{\"tags\":{\"**.ssn\":[\"X\",\"PII\",\"X\"]},\"sensitive\":[\"k\"]}", NULL,
         "f9c761d1-07e0-922d-733e-fda607950342"},
        {"\"string\"", NULL, NULL,
         "{\"domainRules\":[{\"name\":\"enc\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":"
         "\"k1\"},\"onFailure\":\"ERROR,NONE\"}]}",
         "ce7546fd-f04b-f69f-1985-a778a6eb40d2"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        request_t rq;
        json_t *metadata, *ruleset;
        uint8_t guid[16];
        char text[37];
        request_init(&rq, "POST", "/");
        assert_int_equal(metadata_normalize(&rq, parsed(&rq, rows[i].metadata), &metadata), 0);
        assert_int_equal(ruleset_normalize(&rq, parsed(&rq, rows[i].ruleset), &ruleset), 0);
        assert_int_equal(schema_guid(&rq, guid, rows[i].schema, parsed(&rq, rows[i].refs), metadata, ruleset), 0);
        uuid_print(text, guid);
        assert_string_equal(text, rows[i].guid);
        request_clear(&rq);
    }
}

static void names(void **state) {
    static const struct {
        const char *in, *ctx, *subject, *full;
    } rows[] = {
        {"a", ".", "a", "a"},
        {":.c:a", ".c", "a", ":.c:a"},
        {":.:a", ".", "a", "a"},
        {":.c", ".c", "", ":.c:"},
        {":.c:", ".c", "", ":.c:"},
        {":*:a", "*", "a", ":*:a"},
        {":.c:a:b", ".c", "a:b", ":.c:a:b"},
        {":a", ".", ":a", ":a"},
        {"", ".", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        request_t rq;
        qname_t q;
        request_init(&rq, "GET", "/");
        assert_int_equal(qname_parse(&rq, rows[i].in, &q), 0);
        assert_string_equal(q.ctx, rows[i].ctx);
        assert_string_equal(q.subject, rows[i].subject);
        assert_string_equal(q.full, rows[i].full);
        request_clear(&rq);
    }
    assert_true(has_control_char("a\xc2\x80"));
    assert_false(has_control_char("a\xc2\xa0"));
}

static void contexts(void **state) {
    static const char *const same[] = {"c", ".c", ":.c:", ":c:", ":.c"};
    (void)state;
    request_t rq;
    const char *out;
    request_init(&rq, "GET", "/");
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_int_equal(context_normalize(&rq, same[i], &out), 0);
        assert_string_equal(out, ".c");
    }
    assert_int_equal(context_normalize(&rq, ".", &out), 0);
    assert_string_equal(out, ".");
    assert_int_not_equal(context_normalize(&rq, "a:b", &out), 0);
    request_clear(&rq);
}

static void java_string_order(void **state) {
    (void)state;
    assert_true(utf16_compare("a", "b") < 0);
    assert_true(utf16_compare("a", "aa") < 0);
    assert_true(utf16_compare("x", "x") == 0);
    /* U+1F600 (surrogates D83D) comes before U+FF41 */
    assert_true(utf16_compare("\xf0\x9f\x98\x80", "\xef\xbd\x81") < 0);
    assert_true(utf16_compare("\xed\x9f\xbf", "\xf0\x9f\x98\x80") < 0);
}

static void name_characters(void **state) {
    (void)state;
    assert_int_equal(name_check("\xc3\x84"
                                "b-1_"),
                     NAME_OK);
    assert_int_equal(name_check("-a"), NAME_BAD_FIRST);
    assert_int_equal(name_check("1a"), NAME_BAD_FIRST);
    assert_int_equal(name_check("a.b"), NAME_BAD_CHAR);
    assert_int_equal(name_check("a\xf0\x9f\x98\x80"), NAME_BAD_CHAR);
    assert_int_equal(name_check("a\xd9\xa1"), NAME_OK); /* Arabic digit one */
    assert_int_equal(utf16_length("\xf0\x9f\x98\x80"
                                  "a"),
                     3);
}

static void merging(void **state) {
    (void)state;
    request_t rq;
    json_t *a, *b, *m;
    const char *text;
    request_init(&rq, "GET", "/");
    assert_int_equal(metadata_normalize(
                         &rq, parsed(&rq, "{\"tags\":{\"x\":[\"1\"],\"y\":[\"2\"]},\"properties\":{\"p\":\"1\"}}"), &a),
                     0);
    assert_int_equal(
        metadata_normalize(
            &rq, parsed(&rq, "{\"tags\":{\"x\":[\"9\"]},\"properties\":{\"a\":2},\"sensitive\":[\"p\"]}"), &b),
        0);
    assert_int_equal(metadata_merge(&rq, a, b, &m), 0);
    assert_int_equal(json_text(&rq, m, &text), 0);
    assert_string_equal(text, "{\"tags\":{\"x\":[\"9\"],\"y\":[\"2\"]},\"properties\":{\"a\":\"2\",\"p\":\"1\"},"
                              "\"sensitive\":[\"p\"]}");
    assert_int_equal(metadata_merge(&rq, NULL, b, &m), 0);
    assert_ptr_equal(m, b);
    request_clear(&rq);
}

static void rule_sets_merge_by_name(void **state) {
    (void)state;
    request_t rq;
    json_t *a, *b, *m;
    request_init(&rq, "GET", "/");
    assert_int_equal(ruleset_normalize(&rq,
                                       parsed(&rq, "{\"domainRules\":[{\"name\":\"x\",\"type\":\"A\"},{\"name\":\"y\","
                                                   "\"type\":\"A\"}],\"enableAt\":\"ALL\"}"),
                                       &a),
                     0);
    assert_int_equal(ruleset_normalize(&rq, parsed(&rq, "{\"domainRules\":[{\"name\":\"x\",\"type\":\"B\"}]}"), &b), 0);
    assert_int_equal(ruleset_merge(&rq, a, b, &m), 0);
    const json_t *rules = json_object_get(m, "domainRules");
    assert_int_equal(json_array_size(rules), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rules, 0), "name")), "y");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rules, 1), "type")), "B");
    assert_string_equal(json_string_value(json_object_get(m, "enableAt")), "ALL");
    request_clear(&rq);
}

/* A schema's size bounds the time that its tags take. */
static void tags_among_many_branches(void **state) {
    (void)state;
    enum { N = 200000 };
    static const char *const tags[] = {"*"};
    static request_t rq;
    buf_t text, out;
    buf_init(&text, (size_t)8 << 20, "text", false);
    buf_init(&out, (size_t)1 << 20, "tags", false);
    buf_put_str(&text, "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"x\":"
                       "{\"confluent:tags\":[\"PII\"]}}},{\"properties\":{\"y\":{\"confluent:tags\":[\"PII\"]}}}");
    for (size_t i = 0; i < N; i++) {
        buf_put_str(&text, ",1");
    }
    buf_put_str(&text, ",{\"items\":{\"properties\":{\"z\":{\"confluent:tags\":[\"PII\"]}}}}]}");
    schema_source_t s = {.text = buf_cstr(&text)};
    uint64_t began = time_thread_cpu_ns();
    assert_int_equal(schema_json.find_tags(&rq, &s, tags, 1, &out), 0);
    assert_true(time_thread_cpu_ns() - began < UINT64_C(5000000000));
    /* array before the numbers, which count as empty, then objects */
    assert_non_null(strstr(buf_cstr(&out), "\"oneof.0.array.object.z\""));
    assert_non_null(strstr(buf_cstr(&out), "\"oneof.200001.object.x\""));
    assert_non_null(strstr(buf_cstr(&out), "\"oneof.200002.object.y\""));
    buf_clear(&text);
    buf_clear(&out);
}

/* A registration is compared with every version of its subject, while nobody else may write: what a version stands for
 * is worked out once. */
static void many_versions_are_compared(void **state) {
    (void)state;
    enum { VERSIONS = 5, ROUNDS = 100, MESSAGES = 4000 };
    buf_t text[VERSIONS + 1];
    static request_t rq;
    request_init(&rq, "POST", "/");
    for (unsigned v = 0; v <= VERSIONS; v++) {
        buf_init(&text[v], (size_t)1 << 20, "text", false);
        buf_printf(&text[v], "syntax=\"proto3\"; message V%u {} ", v % VERSIONS);
        for (unsigned i = 0; i < MESSAGES; i++) {
            buf_printf(&text[v],
                       v < VERSIONS ? "message M%u {string a=1;int32 b=2;}" : "message M%u {int32 b=2; string a=1;}",
                       i);
        }
    }
    uint64_t began = time_thread_cpu_ns();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned v = 0; v < VERSIONS; v++) {
            schema_source_t s = {.text = buf_cstr(&text[v])};
            bool same = v != 0;
            assert_int_equal(schema_protobuf.same(&rq, &s, buf_cstr(&text[VERSIONS]), &same), 0);
            assert_int_equal(same, v == 0);
        }
    }
    assert_true(time_thread_cpu_ns() - began < UINT64_C(10000000000));
    for (unsigned v = 0; v <= VERSIONS; v++) {
        buf_clear(&text[v]);
    }
    request_clear(&rq);
}

/* References are part of what a text stands for. */
static void equal_texts_over_other_references(void **state) {
    (void)state;
    static request_t rq;
    request_init(&rq, "POST", "/");
    static const char a[] = "syntax=\"proto3\"; import \"r.proto\"; message A {R r=1;}";
    static const char b[] = "syntax=\"proto3\"; import \"r.proto\"; message A { R r = 1; }";
    static const char good[] = "syntax=\"proto3\"; message R {}", bad[] = "syntax=\"proto3\"; message Q {}";
    schema_ref_t ref = {"r.proto", good, sizeof good - 1};
    schema_source_t s = {.text = a, .refs = &ref, .n_refs = 1};
    bool same = false;
    assert_int_equal(schema_protobuf.same(&rq, &s, b, &same), 0);
    assert_true(same);
    ref = (schema_ref_t){"r.proto", bad, sizeof bad - 1};
    assert_int_equal(schema_protobuf.same(&rq, &s, b, &same), 0);
    assert_false(same); /* neither links */
    request_clear(&rq);
}

static void put_varint(buf_t *b, uint64_t v) {
    for (; v > 0x7f; v >>= 7) {
        buf_put_u8(b, (uint8_t)(v | 0x80));
    }
    buf_put_u8(b, (uint8_t)v);
}

static void put_field(buf_t *b, uint32_t number, bytes_t data) {
    put_varint(b, (uint64_t)number << 3 | 2);
    put_varint(b, data.len);
    buf_put(b, data.ptr, data.len);
}

static void put_number(buf_t *b, uint32_t number, uint64_t v) {
    put_varint(b, (uint64_t)number << 3);
    put_varint(b, v);
}

static void put_name_of(buf_t *b, uint32_t number, const char *s) {
    put_field(b, number, bytes(s, strlen(s)));
}

/* map<string, string> m = 1 with options of its entry message, which the text does not show. */
static void put_map(buf_t *wire, bytes_t options) {
    static const char *const names[] = {"key", "value"};
    buf_t field, entry, message;
    buf_t *const all[] = {&field, &entry, &message};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_init(all[i], (size_t)8 << 20, "test", false);
    }
    put_name_of(&entry, 1, "MEntry");
    for (uint32_t i = 0; i < 2; i++) {
        buf_reset(&field);
        put_name_of(&field, 1, names[i]);
        put_number(&field, 3, i + 1);
        put_number(&field, 4, 1);
        put_number(&field, 5, 9);
        put_field(&entry, 2, buf_view(&field));
    }
    put_field(&entry, 7, options);
    buf_reset(&field);
    put_name_of(&field, 1, "m");
    put_number(&field, 3, 1);
    put_number(&field, 4, 3);
    put_number(&field, 5, 11);
    put_name_of(&field, 6, "MEntry");
    put_name_of(&message, 1, "B");
    put_field(&message, 2, buf_view(&field));
    put_field(&message, 3, buf_view(&entry));
    put_field(wire, 4, buf_view(&message));
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_clear(all[i]);
    }
}

/* A descriptor brings the text of an option's value: libprotobuf reads it by recursion when it links. */
static void an_option_in_a_descriptor_nests_deep(void **state) {
    (void)state;
    enum { DEPTH = 120000 };
    static const char source[] = "syntax=\"proto2\"; import \"google/protobuf/descriptor.proto\";"
                                 "message Rec {optional Rec a=1;}"
                                 "extend google.protobuf.FileOptions {optional Rec r=50000;}"
                                 "extend google.protobuf.MessageOptions {optional Rec s=50000;}";
    static request_t rq;
    static schloss_error_t err;
    buf_t wire, deep, name, option, options;
    buf_t *const all[] = {&wire, &deep, &name, &option, &options};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_init(all[i], (size_t)8 << 20, "test", false);
    }
    request_init(&rq, "POST", "/");
    for (size_t i = 0; i < DEPTH; i++) {
        buf_put_str(&deep, "a{");
    }
    for (size_t i = 0; i < DEPTH; i++) {
        buf_put_u8(&deep, '}');
    }
    for (int of_entry = 0; of_entry < 2; of_entry++) {
        for (size_t i = 0; i < COUNT_OF(all); i++) {
            if (all[i] != &deep) {
                buf_reset(all[i]);
            }
        }
        assert_int_equal(proto_read(source, sizeof source - 1, &wire, &err), 0);
        put_name_of(&name, 1, of_entry ? "s" : "r");
        put_number(&name, 2, 1);
        put_field(&option, 2, buf_view(&name));
        put_field(&option, 8, buf_view(&deep));
        if (of_entry) {
            put_number(&options, 7, 1);
        }
        put_field(&options, 999, buf_view(&option));
        if (of_entry) {
            put_map(&wire, buf_view(&options));
        } else {
            put_field(&wire, 8, buf_view(&options));
        }
        char *text = calloc(1, B64_LEN(wire.len) + 1);
        assert_non_null(text);
        (void)b64_encode((uint8_t *)text, wire.ptr, wire.len);
        schema_source_t s = {.text = text};
        const char *out = NULL;
        rest_rc rc = schema_protobuf.canon(&rq, &s, CANON_NEW, &out);
        if (of_entry) { /* what the text does not show does not count */
            assert_int_equal(rc, 0);
            assert_non_null(strstr(out, "map<string, string> m = 1;"));
        } else {
            assert_int_not_equal(rc, 0);
        }
        free(text);
    }
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_clear(all[i]);
    }
    request_clear(&rq);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guids),
        cmocka_unit_test(names),
        cmocka_unit_test(contexts),
        cmocka_unit_test(java_string_order),
        cmocka_unit_test(name_characters),
        cmocka_unit_test(merging),
        cmocka_unit_test(rule_sets_merge_by_name),
        cmocka_unit_test(tags_among_many_branches),
        cmocka_unit_test(many_versions_are_compared),
        cmocka_unit_test(an_option_in_a_descriptor_nests_deep),
        cmocka_unit_test(equal_texts_over_other_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
