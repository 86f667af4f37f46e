/* Descriptors: names and paths, presence of every syntax, tags, imports, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/text.h"
#include "codec/protobuf/model.h"
#include "testlib/protobuf_schemas.h"
#include <stdio.h>

/* A FileDescriptorProto under construction: nested parts are opened and closed. */
typedef struct fdp {
    buf_t b;
    size_t marks[16], n;
} fdp_t;

static void fdp_start(fdp_t *f) {
    memset(f, 0, sizeof(*f));
    buf_init(&f->b, 1 << 24, "test", false);
}
static void num(fdp_t *f, uint32_t number, uint64_t v) {
    wire_put_tag(&f->b, number, WIRE_VARINT);
    wire_put_varint(&f->b, v);
}
static void str(fdp_t *f, uint32_t number, const char *s) {
    wire_put_tag(&f->b, number, WIRE_LEN);
    wire_put_varint(&f->b, strlen(s));
    buf_put_str(&f->b, s);
}
static void open(fdp_t *f, uint32_t number) {
    wire_put_tag(&f->b, number, WIRE_LEN);
    f->marks[f->n++] = f->b.len;
}
static void shut(fdp_t *f) {
    uint8_t head[10];
    size_t mark = f->marks[--f->n], n = uvarlong_write(head, f->b.len - mark);
    assert_true(buf_reserve(&f->b, n));
    memmove(f->b.ptr + mark + n, f->b.ptr + mark, f->b.len - mark);
    memcpy(f->b.ptr + mark, head, n);
    f->b.len += n;
}
static void field(fdp_t *f, const char *name, uint32_t number, uint32_t label, uint32_t type, const char *type_name) {
    open(f, 2);
    str(f, 1, name);
    num(f, 3, number);
    num(f, 4, label);
    if (type != 0) {
        num(f, 5, type);
    }
    if (type_name != NULL) {
        str(f, 6, type_name);
    }
    shut(f);
}
static char *base64(fdp_t *f) {
    char *out = mem_alloc(B64_LEN(f->b.len) + 1);
    assert_non_null(out);
    size_t n = f->b.len == 0 ? 0 : b64_encode((uint8_t *)out, f->b.ptr, f->b.len);
    out[n] = 0;
    buf_clear(&f->b);
    return out;
}

static schloss_rc parse(pb_schema_t **s, fdp_t *f, const pb_ref_t *refs, size_t n_refs, schloss_error_t *err) {
    char *text = base64(f);
    schloss_rc rc = pb_schema_parse(s, text, strlen(text), refs, n_refs, err);
    mem_free(text);
    return rc;
}

static void expect_refused(fdp_t *f, schloss_rc code, const char *text) {
    pb_schema_t *s = NULL;
    schloss_error_t *err = schloss_error_new();
    assert_int_equal(parse(&s, f, NULL, 0, err), code);
    if (strstr(schloss_error_message(err), text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, schloss_error_message(err));
    }
    schloss_error_free(err);
}

static const pb_field_t *field_of(const pb_schema_t *s, const char *message, const char *name) {
    const pb_message_t *m = pb_message_by_name(s, message);
    assert_non_null(m);
    const pb_field_t *f = pb_field_by_name(m, name);
    assert_non_null(f);
    return f;
}

/* spec 8: 73 */
static void presence_and_tags_of_each_syntax(void **state) {
    (void)state;
    static const struct { const char *text, *package; } files[] = {{pb_shapes, "t"}, {pb_editions, "e"}};
    for (size_t i = 0; i < 2; i++) {
        pb_schema_t *s = NULL;
        char all[16];
        snprintf(all, sizeof(all), "%s.All", files[i].package);
        assert_int_equal(pb_schema_parse(&s, files[i].text, strlen(files[i].text), NULL, 0, NULL), 0);
        assert_false(field_of(s, all, "s")->presence);
        assert_true(field_of(s, all, "os")->presence);
        assert_int_equal(field_of(s, all, "os")->oneof, -1);
        assert_true(field_of(s, all, "ps")->presence);
        assert_true(field_of(s, all, "ps")->oneof >= 0);
        assert_true(field_of(s, all, "inner")->presence);
        assert_int_equal(field_of(s, all, "inner")->type, i == 0 ? PB_MESSAGE : PB_GROUP);
        assert_int_equal(field_of(s, all, "self")->type, PB_MESSAGE);
        assert_true(field_of(s, all, "ms")->is_map);
        assert_int_equal(field_of(s, all, "ms")->type, PB_MESSAGE);
        assert_true(field_of(s, all, "packed")->packed);
        assert_false(field_of(s, all, "loose")->packed);
        assert_int_equal(field_of(s, all, "ob")->n_tags, 2);
        assert_string_equal(field_of(s, all, "ob")->tags[1], "PII");
        assert_int_equal(field_of(s, all, "plain")->n_tags, 0);
        assert_ptr_equal(field_of(s, all, "farAway"), field_of(s, all, "far_away"));
        assert_int_equal(field_of(s, all, "farAway")->number, 5000);
        pb_schema_free(s);
    }
    pb_schema_t *s = NULL;
    assert_int_equal(pb_schema_parse(&s, pb_old, strlen(pb_old), NULL, 0, NULL), 0);
    assert_true(field_of(s, "t.Old", "a")->presence);
    assert_int_equal(field_of(s, "t.Old", "one")->type, PB_GROUP);
    assert_string_equal(field_of(s, "t.Old.One", "c")->full_name, "t.Old.One.c");
    assert_false(field_of(s, "t.Old", "loose")->packed);
    assert_true(field_of(s, "t.Old", "packed")->packed);
    assert_true(pb_field_by_number(pb_message_by_name(s, "t.Old"), 1000)->extension);
    assert_string_equal(pb_field_by_number(pb_message_by_name(s, "t.Old"), 1000)->full_name, "t.ext");
    pb_schema_free(s);
}

static void messages_are_found_by_name_and_by_indexes(void **state) {
    (void)state;
    pb_schema_t *s = NULL;
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    assert_int_equal(pb_schema_parse(&s, pb_shapes, strlen(pb_shapes), NULL, 0, NULL), 0);
    assert_string_equal(pb_message_name(pb_schema_find(s, NULL, path, &n)), "t.All");
    assert_int_equal(n, 1);
    assert_string_equal(pb_message_name(pb_schema_find(s, "t.Numbers", path, &n)), "t.Numbers");
    assert_int_equal(path[0], 2);
    const pb_message_t *inner = pb_schema_find(s, "t.All.Inner", path, &n);
    assert_int_equal(n, 2);
    assert_ptr_equal(pb_schema_message(s, path, 2), inner);
    assert_null(pb_schema_find(s, "t.All.Nothing", path, &n));
    assert_null(pb_schema_find(s, "t", path, &n));
    assert_null(pb_schema_find(s, "google.protobuf.Any", path, &n)); /* of an import */
    assert_null(pb_schema_message(s, (int32_t[]){9}, 1));
    assert_null(pb_schema_message(s, (int32_t[]){-1}, 1));
    assert_null(pb_schema_message(s, (int32_t[]){1, 0}, 2));
    assert_null(pb_schema_message(s, path, 0));
    pb_schema_free(s);
}

/* What a registry written in Java gives: types by relative name and without kind; tags in two occurrences. */
static void relative_names_and_repeated_options(void **state) {
    (void)state;
    pb_schema_t *s = NULL;
    fdp_t f;
    fdp_start(&f);
    str(&f, 2, "a.b");
    open(&f, 4);
    str(&f, 1, "M");
    field(&f, "one", 1, 1, 0, "Inner");
    field(&f, "two", 2, 1, 0, "b.Top");
    field(&f, "three", 3, 3, 0, "Color");
    open(&f, 2);
    str(&f, 1, "four");
    num(&f, 3, 4);
    num(&f, 5, PB_STRING);
    for (int i = 0; i < 2; i++) {
        open(&f, 8);
        open(&f, 1088);
        str(&f, 3, i == 0 ? "A" : "B");
        shut(&f);
        shut(&f);
    }
    shut(&f);
    open(&f, 3);
    str(&f, 1, "Inner");
    shut(&f);
    shut(&f);
    open(&f, 4);
    str(&f, 1, "Top");
    shut(&f);
    open(&f, 5);
    str(&f, 1, "Color");
    shut(&f);
    str(&f, 12, "proto3");
    assert_int_equal(parse(&s, &f, NULL, 0, NULL), 0);
    assert_string_equal(pb_message_name(field_of(s, "a.b.M", "one")->message), "a.b.M.Inner");
    assert_string_equal(pb_message_name(field_of(s, "a.b.M", "two")->message), "a.b.Top");
    assert_int_equal(field_of(s, "a.b.M", "three")->type, PB_ENUM);
    assert_int_equal(field_of(s, "a.b.M", "four")->n_tags, 2);
    assert_string_equal(field_of(s, "a.b.M", "four")->tags[1], "B");
    pb_schema_free(s);
}

static void start_message(fdp_t *f, const char *name) {
    fdp_start(f);
    open(f, 4);
    str(f, 1, name);
}

static void hostile_descriptors_are_refused(void **state) {
    (void)state;
    fdp_t f;
    start_message(&f, "M");
    field(&f, "a", 1, 1, PB_STRING, NULL);
    field(&f, "b", 1, 1, PB_STRING, NULL);
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "same number");
    start_message(&f, "M");
    field(&f, "a", 1, 1, PB_STRING, NULL);
    field(&f, "a", 2, 1, PB_STRING, NULL);
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "two fields \"a\"");
    start_message(&f, "M");
    field(&f, "a", 0, 1, PB_STRING, NULL);
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "number out of range");
    start_message(&f, "M");
    field(&f, "a", 1, 1, 19, NULL);
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "type or label");
    start_message(&f, "M");
    field(&f, "a", 1, 1, PB_MESSAGE, ".gone.T");
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "type \".gone.T\" of M.a is missing");
    start_message(&f, "M.x");
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "not an identifier");
    start_message(&f, "M");
    shut(&f);
    open(&f, 5);
    str(&f, 1, "M");
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "declared twice");
    start_message(&f, "M");
    open(&f, 7);
    num(&f, 7, 1); /* map_entry */
    shut(&f);
    shut(&f);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "no entry of a map");
    fdp_start(&f);
    str(&f, 12, "proto9");
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "proto9");
    fdp_start(&f);
    str(&f, 3, "gone.proto");
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "import \"gone.proto\" is missing");
    fdp_start(&f);
    str(&f, 1, "self.proto");
    str(&f, 3, "self.proto");
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "leads back to itself");
    fdp_start(&f);
    buf_put(&f.b, "\x22\x05\x0a", 3);
    expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "malformed");
    fdp_start(&f); /* 70 levels of messages */
    for (int i = 0; i < 70; i++) {
        fdp_t inner = f;
        fdp_start(&f);
        str(&f, 1, "M");
        if (i > 0) {
            wire_put_tag(&f.b, 3, WIRE_LEN);
            wire_put_varint(&f.b, inner.b.len);
            buf_put(&f.b, inner.b.ptr, inner.b.len);
        }
        buf_clear(&inner.b);
    }
    fdp_t inner = f;
    fdp_start(&f);
    wire_put_tag(&f.b, 4, WIRE_LEN);
    wire_put_varint(&f.b, inner.b.len);
    buf_put(&f.b, inner.b.ptr, inner.b.len);
    buf_clear(&inner.b);
    expect_refused(&f, SCHLOSS_E_LIMIT_EXCEEDED, "parts");
}

/* A parser that does not link leaves options by name (field 999): a tag that cannot be seen must not be plaintext. */
static void tags_in_options_that_are_not_interpreted_are_refused(void **state) {
    (void)state;
    for (int tagged = 0; tagged < 2; tagged++) {
        fdp_t f;
        start_message(&f, "M");
        open(&f, 2);
        str(&f, 1, "ssn");
        num(&f, 3, 1);
        num(&f, 4, 1);
        num(&f, 5, PB_STRING);
        open(&f, 8);
        open(&f, 999);
        open(&f, 2);
        str(&f, 1, tagged ? "confluent.field_meta" : "acme.note");
        num(&f, 2, 1);
        shut(&f);
        open(&f, 2);
        str(&f, 1, "tags");
        num(&f, 2, 0);
        shut(&f);
        str(&f, 7, "PII");
        shut(&f);
        shut(&f);
        shut(&f);
        shut(&f);
        if (tagged) {
            expect_refused(&f, SCHLOSS_E_SCHEMA_PARSE, "field_meta");
        } else {
            pb_schema_t *s = NULL;
            assert_int_equal(parse(&s, &f, NULL, 0, NULL), SCHLOSS_OK);
            pb_schema_free(s);
        }
    }
}

static void imports_come_from_references(void **state) {
    (void)state;
    fdp_t f;
    pb_schema_t *s = NULL;
    schloss_error_t *err = schloss_error_new();
    fdp_start(&f);
    str(&f, 3, "b");
    char *a = base64(&f);
    fdp_start(&f);
    str(&f, 3, "a");
    char *b = base64(&f);
    pb_ref_t refs[] = {{"a", a, strlen(a)}, {"b", b, strlen(b)}};
    fdp_start(&f);
    str(&f, 3, "a");
    assert_int_equal(parse(&s, &f, refs, 2, err), SCHLOSS_E_SCHEMA_PARSE);
    assert_non_null(strstr(schloss_error_message(err), "leads back"));
    refs[0].text = "message A {}";
    refs[0].len = strlen(refs[0].text);
    fdp_start(&f);
    str(&f, 3, "a");
    assert_int_equal(parse(&s, &f, refs, 2, err), SCHLOSS_E_SCHEMA_PARSE);
    assert_int_equal(pb_schema_parse(&s, "syntax = \"proto3\";", 18, NULL, 0, err), SCHLOSS_E_SCHEMA_PARSE);
    assert_true(*schloss_error_hint(err) != 0);
    assert_int_equal(pb_schema_parse(&s, "", 0, NULL, 1001, err), SCHLOSS_E_LIMIT_EXCEEDED);
    mem_free(a);
    mem_free(b);
    schloss_error_free(err);
}

static void well_known_files_need_no_reference(void **state) {
    (void)state;
    static const char *const names[] = {
        "google/protobuf/any.proto",        "google/protobuf/api.proto",       "google/protobuf/descriptor.proto",
        "google/protobuf/duration.proto",   "google/protobuf/empty.proto",     "google/protobuf/field_mask.proto",
        "google/protobuf/struct.proto",     "google/protobuf/timestamp.proto", "google/protobuf/type.proto",
        "google/protobuf/wrappers.proto",   "google/type/color.proto",         "google/type/date.proto",
        "google/type/datetime.proto",       "google/type/decimal.proto",       "google/type/interval.proto",
        "google/type/latlng.proto",         "google/type/money.proto",         "google/type/phone_number.proto",
        "google/type/postal_address.proto", "google/type/timeofday.proto",     "confluent/meta.proto",
        "confluent/type/decimal.proto",
    };
    fdp_t f;
    pb_schema_t *s = NULL;
    fdp_start(&f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str(&f, 3, names[i]);
    }
    assert_int_equal(parse(&s, &f, NULL, 0, NULL), 0);
    assert_int_equal(field_of(s, "google.protobuf.StringValue", "value")->type, PB_STRING);
    assert_false(field_of(s, "google.protobuf.StringValue", "value")->presence);
    assert_true(field_of(s, "google.protobuf.Value", "stringValue")->presence);
    assert_true(field_of(s, "google.protobuf.FieldDescriptorProto", "name")->presence);
    assert_int_equal(field_of(s, "confluent.type.Decimal", "value")->type, PB_BYTES);
    assert_true(field_of(s, "confluent.Meta", "params")->is_map);
    pb_schema_free(s);
}

static bool take(void *user, const pb_leaf_t *leaf) {
    buf_printf(user, "%s %s %zu %zu;", leaf->full_name, leaf->type, leaf->n_tags, leaf->value.len);
    return strcmp(leaf->full_name, "t.Plain.text") != 0;
}

static void leaves_are_listed_in_order(void **state) {
    (void)state;
    pb_schema_t *s = NULL;
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    buf_t out;
    static const char record[] = "\x0a\1s\x22\2\1\2\x6a\6\x0a\1k\x12\1v\xb2\1\3\1\x80\1\xb2\2\5\x0a\1x\x12\0\x0a\1y";
    buf_init(&out, 4096, "test", true);
    assert_int_equal(pb_schema_parse(&s, pb_shapes, strlen(pb_shapes), NULL, 0, NULL), 0);
    const pb_message_t *m = pb_schema_find(s, NULL, path, &n);
    assert_int_equal(pb_each_leaf(m, bytes(record, sizeof(record) - 1), take, &out, NULL), 0);
    assert_string_equal(buf_cstr(&out), "t.All.s string 1 1;t.All.ob bytes 2 2;t.All.MsEntry.value string 0 1;"
                                        "t.All.packed int32 0 1;t.All.packed int32 0 2;t.Plain.text string 0 1;");
    assert_int_equal(pb_each_leaf(m, bytes("\x0a\5", 2), take, &out, NULL), SCHLOSS_E_DATA_MISMATCH);
    assert_int_equal(pb_each_leaf(m, bytes("\x08\1", 2), take, &out, NULL), SCHLOSS_E_DATA_MISMATCH);
    buf_clear(&out);
    pb_schema_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_and_tags_of_each_syntax),
        cmocka_unit_test(messages_are_found_by_name_and_by_indexes),
        cmocka_unit_test(relative_names_and_repeated_options),
        cmocka_unit_test(hostile_descriptors_are_refused),
        cmocka_unit_test(tags_in_options_that_are_not_interpreted_are_refused),
        cmocka_unit_test(imports_come_from_references),
        cmocka_unit_test(well_known_files_need_no_reference),
        cmocka_unit_test(leaves_are_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
