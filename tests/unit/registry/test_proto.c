/* .proto text and descriptors: canonical text (spec 16.3), linking, hostile input, memory that runs out. */
#include "registry/schema/proto.h"
#include "base/text.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static buf_t new_buf(void) {
    buf_t b;
    buf_init(&b, (size_t)16 << 20, "test", false);
    return b;
}

/* Canonical text of source, or the error's message. */
static const char *canonical(const char *source, buf_t *text) {
    static schloss_error_t err;
    buf_t wire = new_buf();
    buf_reset(text);
    schloss_rc rc = proto_read(source, strlen(source), &wire, &err);
    rc = rc != 0 ? rc : proto_text(buf_view(&wire), text, &err);
    buf_clear(&wire);
    return rc == 0 ? buf_cstr(text) : err.message;
}

static void canonical_texts(void **state) {
    static const struct {
        const char *source, *text;
    } rows[] = {
        {"syntax=\"proto3\";message A{}", "syntax = \"proto3\";\n\nmessage A {}\n"},
        {"message A { optional string a=1 [default=\"x\\ny\", deprecated=true]; required bytes b=2 [default='\\001z']; "
         "}",
         "\nmessage A {\n  optional string a = 1 [\n    deprecated = true,\n    default = \"x\\ny\"\n  ];\n"
         "  required bytes b = 2 [default = \"\\001z\"];\n}\n"},
        /* the example of 16.3 */
        {"syntax = 'proto3'; package p; import \"other.proto\"; option java_package = \"x.y\";\n"
         "message A { reserved 4; reserved 8 to max; option deprecated = true; string id = 1 [json_name=\"ID\"];\n"
         "map<string, int32> m = 2; oneof u { B b = 3; } message N { int32 z = 1; } enum E { E0 = 0; } }",
         "syntax = \"proto3\";\npackage p;\n\nimport \"other.proto\";\n\noption java_package = \"x.y\";\n\n"
         "message A {\n  reserved 4;\n  reserved 8 to max;\n\n  option deprecated = true;\n\n"
         "  string id = 1 [json_name = \"ID\"];\n  map<string, int32> m = 2;\n\n  oneof u {\n    B b = 3;\n  }\n\n"
         "  message N {\n    int32 z = 1;\n  }\n  enum E {\n    E0 = 0;\n  }\n}\n"},
        /* an empty line inside a nested message is two blanks */
        {"syntax=\"proto3\"; message A { message B { option deprecated=true; int32 x=1; } }",
         "syntax = \"proto3\";\n\nmessage A {\n  message B {\n    option deprecated = true;\n  \n    int32 x = 1;\n  "
         "}\n}\n"},
        {"syntax=\"proto3\"; import public \"b.proto\"; import \"a.proto\"; import weak \"w.proto\"; message A { "
         "optional int32 "
         "x = 1; }",
         "syntax = \"proto3\";\n\nimport \"a.proto\";\nimport public \"b.proto\";\n\nmessage A {\n  optional int32 x = "
         "1;\n}\n"},
        {"syntax=\"proto3\"; enum E { option allow_alias = true; reserved 5, 6 to 7; reserved \"OLD\"; A = 0; B = 0 "
         "[deprecated = true]; }",
         "syntax = \"proto3\";\n\nenum E {\n  reserved 5;\n  reserved 6 to 7;\n  reserved \"OLD\";\n  option "
         "allow_alias = "
         "true;\n  A = 0;\n  B = 0 [deprecated = true];\n}\n"},
        {"syntax=\"proto3\"; message R {} service S { option deprecated = true; rpc M (stream R) returns (R) { option "
         "idempotency_level = IDEMPOTENT; } rpc N(R) returns (stream R); }",
         "syntax = \"proto3\";\n\nmessage R {}\n\nservice S {\n  option deprecated = true;\n\n  rpc M (stream R) "
         "returns (R) "
         "{\n    option idempotency_level = IDEMPOTENT;\n  };\n  rpc N (R) returns (stream R);\n}\n"},
        {"syntax=\"proto3\"; import \"confluent/meta.proto\"; message A { string s = 1 [(confluent.field_meta).tags = "
         "\"PII\"]; "
         "string t = 2 [(confluent.field_meta) = { tags: [\"a\", \"b\"] params: { key: 'k' value: \"v\\\"\" } doc: "
         "\"x\" \"y\" "
         "}]; }",
         "syntax = \"proto3\";\n\nimport \"confluent/meta.proto\";\n\nmessage A {\n  string s = 1 "
         "[(confluent.field_meta).tags "
         "= \"PII\"];\n  string t = 2 [(confluent.field_meta) = {\n    tags: [\n      \"a\",\n      \"b\"\n    ],\n    "
         "params: "
         "{\n      key: \"k\",\n      value: \"v\\\"\"\n    },\n    doc: \"xy\"\n  }];\n}\n"},
        {"message A { extensions 100 to 199; extensions 500; extend A { optional int32 e = 100; } optional group G = 1 "
         "{ optional "
         "int32 y = 2; } } extend A { optional string f = 101; }",
         "\nmessage A {\n  optional group G = 1 {\n    optional int32 y = 2;\n  }\n\n  extensions 100 to 199;\n  "
         "extensions "
         "500;\n\n  extend A {\n    optional int32 e = 100;\n  }\n}\n\nextend A {\n  optional string f = 101;\n}\n"},
        {"option (my.opt).a.(b.c) = -5; option (d) = 1.5; option (f) = IDENT; message A {}",
         "\noption (my.opt).a.(b.c) = -5;\noption (d) = 1.5;\noption (f) = IDENT;\n\nmessage A {}\n"},
    };
    (void)state;
    buf_t text = new_buf();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(canonical(rows[i].source, &text), rows[i].text);
        char *copy = strdup(buf_cstr(&text));
        assert_string_equal(canonical(copy, &text), copy); /* a fixed point */
        free(copy);
    }
    buf_clear(&text);
}

/* Linked descriptor of source in base64, or NULL. */
static char *serialized(const char *source, const proto_file_t *files, size_t n, unsigned flags, schloss_error_t *err) {
    buf_t wire = new_buf(), linked = new_buf();
    char *out = NULL;
    schloss_rc rc = proto_read(source, strlen(source), &wire, err);
    rc = rc != 0 ? rc : proto_linked(buf_view(&wire), files, n, flags, &linked, err);
    if (rc == 0) {
        out = calloc(1, B64_LEN(linked.len) + 1);
        assert_non_null(out);
        (void)b64_encode((uint8_t *)out, linked.ptr, linked.len);
    }
    buf_clear(&wire);
    buf_clear(&linked);
    return out;
}

static void binary_registrations(void **state) {
    static const char source[] =
        "syntax=\"proto3\"; package p; import \"confluent/meta.proto\"; message A { map<string, int32> m = 2; optional "
        "string "
        "o = 7; B b = 3; oneof u { string x = 4; B y = 5; } string tagged = 6 [(confluent.field_meta).tags = \"PII\", "
        "(confluent.field_meta).tags = \"GDPR\"]; } message B {}";
    static const char want[] =
        "syntax = \"proto3\";\npackage p;\n\nimport \"confluent/meta.proto\";\n\nmessage A {\n  repeated .p.A.MEntry m "
        "= "
        "2;\n  optional string o = 7;\n  .p.B b = 3;\n  string tagged = 6 [(confluent.field_meta) = {\n    tags: [\n   "
        "   "
        "\"PII\",\n      \"GDPR\"\n    ]\n  }];\n\n  oneof u {\n    string x = 4;\n    .p.B y = 5;\n  }\n\n  message "
        "MEntry {\n    option map_entry = true;\n  \n    string key = 1;\n    int32 value = 2;\n  }\n}\nmessage B {}\n";
    static schloss_error_t err;
    (void)state;
    char *linked = serialized(source, NULL, 0, 0, &err);
    assert_non_null(linked);
    buf_t text = new_buf();
    assert_string_equal(canonical(linked, &text), want);
    /* the same schema: its linked form is the one of the source */
    char *a = serialized(want, NULL, 0, PROTO_SETTLED, &err), *b = serialized(source, NULL, 0, PROTO_SETTLED, &err);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(a, b);
    free(a);
    free(b);
    free(linked);
    buf_clear(&text);
}

static void imports(void **state) {
    static schloss_error_t err;
    static const char *const builtin[] = {"confluent/meta.proto",
                                          "confluent/type/decimal.proto",
                                          "confluent/type/variant.proto",
                                          "google/type/color.proto",
                                          "google/type/date.proto",
                                          "google/type/datetime.proto",
                                          "google/type/dayofweek.proto",
                                          "google/type/decimal.proto",
                                          "google/type/expr.proto",
                                          "google/type/fraction.proto",
                                          "google/type/interval.proto",
                                          "google/type/latlng.proto",
                                          "google/type/money.proto",
                                          "google/type/month.proto",
                                          "google/type/phone_number.proto",
                                          "google/type/quaternion.proto",
                                          "google/type/postal_address.proto",
                                          "google/type/timeofday.proto",
                                          "google/protobuf/any.proto",
                                          "google/protobuf/api.proto",
                                          "google/protobuf/descriptor.proto",
                                          "google/protobuf/duration.proto",
                                          "google/protobuf/empty.proto",
                                          "google/protobuf/field_mask.proto",
                                          "google/protobuf/struct.proto",
                                          "google/protobuf/source_context.proto",
                                          "google/protobuf/timestamp.proto",
                                          "google/protobuf/type.proto",
                                          "google/protobuf/wrappers.proto",
                                          "google/type/calendar_period.proto"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(builtin); i++) {
        char source[200];
        (void)snprintf(source, sizeof source, "syntax=\"proto3\"; import \"%s\"; message A {}", builtin[i]);
        char *out = serialized(source, NULL, 0, 0, &err);
        assert_non_null(out);
        free(out);
    }
    static const char *const missing[] = {"/etc/passwd", "../x.proto", "google/protobuf/compiler/plugin.proto",
                                          "default", "google/type/none.proto"};
    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        char source[200];
        (void)snprintf(source, sizeof source, "syntax=\"proto3\"; import \"%s\"; message A {}", missing[i]);
        assert_null(serialized(source, NULL, 0, 0, &err));
        assert_int_equal(err.code, SCHLOSS_E_SCHEMA_PARSE);
    }
    static const char leaf[] = "syntax=\"proto3\"; package l; message Leaf { string s = 1; }";
    static const char own[] = "syntax=\"proto3\"; package google.protobuf; message Mine {}";
    const proto_file_t files[] = {{"l.proto", leaf, sizeof leaf - 1},
                                  {"google/protobuf/any.proto", own, sizeof own - 1},
                                  {"l.proto", own, sizeof own - 1}};
    char *out = serialized("syntax=\"proto3\"; import \"l.proto\"; message A { l.Leaf x = 1; }", files, 3, 0, &err);
    assert_non_null(out);
    free(out);
    out =
        serialized("syntax=\"proto3\"; import \"google/protobuf/any.proto\"; message A { google.protobuf.Mine x = 1; }",
                   files, 3, 0, &err);
    assert_non_null(out); /* a reference goes before what is built in */
    free(out);
}

static void bad_input(void **state) {
    static const char *const rows[] = {
        "message",
        "message A {",
        "syntax = \"proto4\"; message A {}",
        "syntax=\"proto3\"; message A { string = 1; }",
        "this is no proto",
        "AAAA",
        "/w==",
        "message A { string \xff = 1; }",
    };
    (void)state;
    static schloss_error_t err;
    buf_t wire = new_buf();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_reset(&wire);
        schloss_rc rc = proto_read(rows[i], strlen(rows[i]), &wire, &err);
        if (rc != SCHLOSS_E_SCHEMA_PARSE) {
            fail_msg("%s: taken", rows[i]);
        }
        assert_non_null(strstr(err.message, "Could not parse Protobuf - "));
    }
    /* deep, long */
    size_t n = 0, size = (size_t)100 * 1024;
    char *deep = calloc(1, size + 1), *big = malloc(LIMIT_PROTO_BYTES + 2);
    assert_non_null(deep);
    assert_non_null(big);
    while (n + 12 < size) {
        memcpy(deep + n, "message a{  ", 12);
        n += 12;
    }
    assert_int_equal(proto_read(deep, n, &wire, &err), SCHLOSS_E_LIMIT_EXCEEDED);
    memset(big, ' ', LIMIT_PROTO_BYTES + 1);
    assert_int_equal(proto_read(big, LIMIT_PROTO_BYTES + 1, &wire, &err), SCHLOSS_E_LIMIT_EXCEEDED);
    free(deep);
    free(big);
    /* names in a descriptor that would be something else as text */
    static const uint8_t evil[] = {0x22, 0x0f, 0x0a, 0x0d, 'A', '{', '}', 'm', 'e',
                                   's',  's',  'a',  'g',  'e', ' ', 'B', ' '};
    static const uint8_t nul[] = {0x22, 0x05, 0x0a, 0x03, 'A', 0, 'B'};
    const bytes_t wires[] = {bytes(evil, sizeof evil), bytes(nul, sizeof nul)};
    buf_t text = new_buf();
    for (size_t i = 0; i < COUNT_OF(wires); i++) {
        buf_reset(&text);
        schloss_rc rc = proto_text(wires[i], &text, &err);
        assert_true(rc == SCHLOSS_E_SCHEMA_PARSE || i == 0);
    }
    buf_reset(&text);
    assert_int_equal(proto_text(bytes(NULL, 0), &text, &err), SCHLOSS_E_SCHEMA_PARSE); /* nothing at all */
    buf_clear(&text);
    buf_clear(&wire);
}

/* What hides brackets from the counter must hide them from libprotobuf, too, whose parser recurses. */
static void brackets_are_counted_behind_broken_tokens(void **state) {
    static const char *const heads[] = {"\"\\\n; ", "'\\\n; ",  "option a = \"\\\n; ", "/*/ */ ", "// \\\n", "\"\\x\";",
                                        "'\"';",    "/ /*\"*/ "};
    static const char *const units[] = {"message A{", "message A{];", "message A{);", "message A{>;", "message A{(];"};
    (void)state;
    static schloss_error_t err;
    size_t size = (size_t)1000 * 1024;
    char *deep = malloc(size);
    assert_non_null(deep);
    buf_t wire = new_buf();
    for (size_t i = 0; i < COUNT_OF(heads) * COUNT_OF(units); i++) {
        const char *head = heads[i % COUNT_OF(heads)], *unit = units[i / COUNT_OF(heads)];
        size_t n = strlen(head), len = strlen(unit);
        memcpy(deep, head, n);
        for (; n + len < size; n += len) {
            memcpy(deep + n, unit, len);
        }
        buf_reset(&wire);
        if (proto_read(deep, n, &wire, &err) != SCHLOSS_E_LIMIT_EXCEEDED) {
            fail_msg("%s%s: %s", head, unit, err.message);
        }
    }
    free(deep);
    buf_clear(&wire);
}

/* Imports, what is said of them, and all else in a file do not multiply. */
static void many_imports_beside_much_else(void **state) {
    static const uint8_t fill[][2] = {{0x50, 0}, {0x58, 0}, {0x22, 0}}; /* public import 0, weak import 0, message */
    (void)state;
    static schloss_error_t err;
    buf_t wire = new_buf(), text = new_buf();
    for (size_t i = 0; i < COUNT_OF(fill); i++) {
        buf_reset(&wire);
        buf_reset(&text);
        for (unsigned k = 0; k < LIMIT_PROTO_IMPORTS; k++) {
            const uint8_t import[] = {0x1a, 2, 'a', (uint8_t)('a' + k % 26)};
            buf_put(&wire, import, sizeof import);
        }
        for (size_t k = 0; k < 350000; k++) {
            buf_put(&wire, fill[i], 2);
        }
        uint64_t began = time_thread_cpu_ns();
        assert_int_equal(proto_print(buf_view(&wire), false, &text, &err), 0);
        assert_true(time_thread_cpu_ns() - began < UINT64_C(3000000000));
    }
    buf_clear(&wire);
    buf_clear(&text);
}

static void names_that_lead_nowhere(void **state) {
    static const char *const rows[] = {
        "syntax=\"proto3\"; message A { Missing m = 1; }",
        "syntax=\"proto3\"; message A { required string a = 1; }",
        "syntax=\"proto3\"; message A { string a = 1; string b = 1; }",
        "syntax=\"proto3\"; message A {} message A {}",
        "syntax=\"proto3\"; message A { string a = 0; }",
        "syntax=\"proto3\"; message A { string a = 1 [(no.such) = 1]; }",
        "syntax=\"proto3\"; message A { string a = 19000; }",
        "syntax=\"proto3\"; import \"missing.proto\"; message A {}",
        "syntax=\"proto3\"; import \"default\"; message A {}",
    };
    (void)state;
    static schloss_error_t err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *out = serialized(rows[i], NULL, 0, 0, &err);
        assert_null(out);
        assert_int_equal(err.code, SCHLOSS_E_SCHEMA_PARSE);
    }
}

static void collect(void *user, const char *path, const char *type, const char *const *tags, size_t n) {
    char *out = user;
    size_t len = strlen(out);
    (void)snprintf(out + len, 400 - len, "%s %s %s%s;", path, type, tags[0], n > 1 ? "+" : "");
}

static void tags(void **state) {
    static const char source[] =
        "syntax=\"proto3\"; package p; import \"confluent/meta.proto\"; message A { option "
        "(confluent.message_meta).tags = "
        "\"M\"; string s = 1 [(confluent.field_meta) = {tags: [\"x\", \"y\"]}]; message B { string t = 1 "
        "[(confluent.field_meta).tags = \"z\"]; } oneof u { string v = 3 [(confluent.field_meta).tags = \"w\"]; } }";
    static schloss_error_t err;
    (void)state;
    buf_t wire = new_buf(), linked = new_buf();
    char out[400] = "";
    assert_int_equal(proto_read(source, strlen(source), &wire, &err), 0);
    assert_int_equal(proto_linked(buf_view(&wire), NULL, 0, 0, &linked, &err), 0);
    assert_int_equal(proto_each_tagged(buf_view(&linked), collect, out, &err), 0);
    assert_string_equal(out, "A sr_record M;A.s sr_field x+;A.v sr_field w;A.B.t sr_field z;");
    buf_clear(&wire);
    buf_clear(&linked);
}

static unsigned countdown;
static bool nth(void *user) {
    (void)user;
    return countdown != 0 && --countdown == 0;
}

static void memory_runs_out(void **state) {
    static const char source[] =
        "syntax=\"proto3\"; package p; import \"confluent/meta.proto\"; message A { string s = 1 "
        "[(confluent.field_meta).tags = \"PII\"]; map<string, int32> m = 2; }";
    (void)state;
    static schloss_error_t err;
    bool done = false;
    for (unsigned n = 1; !done; n++) {
        char out[400] = "";
        buf_t wire = new_buf(), text = new_buf(), linked = new_buf();
        countdown = n;
        mem_set_fault(nth, NULL);
        schloss_rc rc = proto_read(source, strlen(source), &wire, &err);
        rc = rc != 0 ? rc : proto_text(buf_view(&wire), &text, &err);
        rc = rc != 0 ? rc : proto_linked(buf_view(&wire), NULL, 0, 0, &linked, &err);
        rc = rc != 0 ? rc : proto_each_tagged(buf_view(&linked), collect, out, &err);
        done = countdown != 0;
        mem_set_fault(NULL, NULL);
        assert_true(done ? rc == 0 : rc == SCHLOSS_E_NO_MEMORY);
        buf_clear(&wire);
        buf_clear(&text);
        buf_clear(&linked);
    }
}

/* Each file imports the next one. */
static void long_chains(void **state) {
    enum { N = 1000 };
    static char names[N][24], texts[N][64];
    static proto_file_t files[N];
    static schloss_error_t err;
    (void)state;
    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%d.proto", i);
        (void)snprintf(texts[i], sizeof texts[i], i + 1 < N ? "import \"f%d.proto\";" : "message X%d {}", i + 1);
        files[i] = (proto_file_t){names[i], texts[i], strlen(texts[i])};
    }
    char *out = serialized("import \"f0.proto\"; message A {}", files, N, 0, &err);
    assert_non_null(out);
    free(out);
    (void)snprintf(texts[N - 1], sizeof texts[0], "import \"f0.proto\";"); /* a ring */
    files[N - 1].len = strlen(texts[N - 1]);
    assert_null(serialized("import \"f0.proto\"; message A {}", files, N, 0, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts),
        cmocka_unit_test(binary_registrations),
        cmocka_unit_test(imports),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(brackets_are_counted_behind_broken_tokens),
        cmocka_unit_test(many_imports_beside_much_else),
        cmocka_unit_test(names_that_lead_nowhere),
        cmocka_unit_test(tags),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(long_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
