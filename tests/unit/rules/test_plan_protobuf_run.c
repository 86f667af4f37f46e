/* What a walk over Protobuf bytes does with each shape of field, hand-made bytes in and out; the mark "E:" stands in
 * for the cipher, a real key where its errors matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "keyed.h"
#include "testlib/protobuf_schemas.h"

typedef struct fixture {
    pb_schema_t *schema;
    plan_t *plan;
    bool writing;
    buf_t out, custom;
    plan_crypt_t crypt;
    schloss_error_t *err;
} fixture_t;

static schloss_rc mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    (void)field;
    (void)is_string;
    if (((const fixture_t *)user)->writing) {
        buf_put_str(out, "E:");
        buf_put(out, in.ptr, in.len);
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 2 && memcmp(in.ptr, "E:", 2) == 0, err, CIPHERTEXT_TOO_SHORT, "no mark");
    buf_put(out, in.ptr + 2, in.len - 2);
    return SCHLOSS_OK;
}

static void open_spec(fixture_t *f, const char *text, const char *message, const rule_t *rule, plan_spec_t spec) {
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    memset(f, 0, sizeof(*f));
    spec.rule = rule;
    f->writing = spec.writing;
    f->err = schloss_error_new();
    assert_int_equal(pb_schema_parse(&f->schema, text, strlen(text), NULL, 0, f->err), 0);
    const pb_message_t *m = pb_schema_find(f->schema, message, path, &n);
    assert_non_null(m);
    assert_int_equal(plan_protobuf_compile(&f->plan, m, &spec, f->err), 0);
    buf_init(&f->out, 1 << 20, "test", true);
    buf_init(&f->custom, 1 << 20, "test", true);
    f->crypt = (plan_crypt_t){.writing = f->writing, .custom = mark, .custom_user = f, .custom_out = &f->custom};
}

static void open_tag(fixture_t *f, const char *text, const char *message, const char *tag, bool writing) {
    const char *tags[] = {tag};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = tag != NULL};
    open_spec(f, text, message, &rule, (plan_spec_t){.writing = writing});
}

static void close_fixture(fixture_t *f) {
    plan_free(f->plan);
    pb_schema_free(f->schema);
    buf_clear(&f->out);
    buf_clear(&f->custom);
    schloss_error_free(f->err);
}

static schloss_rc run(fixture_t *f, const char *in, size_t n) {
    buf_reset(&f->out);
    schloss_error_clear(f->err);
    uint8_t *exact = malloc(n + 1); /* the test's own: no allocation of the library that may fail */
    assert_non_null(exact);
    memcpy(exact, in, n);
    schloss_rc rc = plan_run(f->plan, bytes(exact, n), &f->out, &f->crypt, f->err);
    free(exact);
    return rc;
}

#define TURNS(f, from, to)                                                                                             \
    do {                                                                                                               \
        assert_int_equal(run((f), (from), sizeof(from) - 1), 0);                                                       \
        assert_int_equal((f)->out.len, sizeof(to) - 1);                                                                \
        assert_memory_equal((f)->out.ptr, (to), sizeof(to) - 1);                                                       \
    } while (0)
#define FAILS(f, from, code)                                                                                           \
    do {                                                                                                               \
        assert_int_equal(run((f), (from), sizeof(from) - 1), SCHLOSS_E_##code);                                        \
    } while (0)

/* t.All.Inner: x = 1 (PII), n = 2, y = 3 (PII, optional), deeper = 4, z = 15 (PII), q = 16 */
#define INNER "t.All.Inner"
#define X0 "\x0a\2E:"
#define Z0 "\x7a\2E:"

static void absent_fields_without_presence_are_written_in_order(void **state) {
    (void)state;
    fixture_t w;
    open_tag(&w, pb_shapes, INNER, "PII", true);
    assert_int_equal(plan_n_fields(w.plan) > 0, 1);
    TURNS(&w, "", X0 Z0);
    TURNS(&w, "\x10\5", X0 "\x10\5" Z0);
    TURNS(&w, "\x10\5\x82\1\1q", X0 "\x10\5" Z0 "\x82\1\1q");
    TURNS(&w, "\x1a\0", X0 "\x1a\2E:" Z0);                         /* optional and set to "" */
    TURNS(&w, "\x0a\1a\xc2\x3e\1u", "\x0a\3E:a" Z0 "\xc2\x3e\1u"); /* unknown field 1000 is copied */
    close_fixture(&w);
}

static void reading_drops_what_turns_out_empty(void **state) {
    (void)state;
    fixture_t r;
    open_tag(&r, pb_shapes, INNER, "PII", false);
    TURNS(&r, X0 "\x10\5" Z0, "\x10\5");
    TURNS(&r, X0 "\x1a\2E:" Z0, "\x1a\0"); /* presence: stays */
    FAILS(&r, "\x10\5" Z0, CIPHERTEXT_TOO_SHORT);
    assert_string_equal(schloss_error_field(r.err), "t.All.Inner.x");
    assert_string_equal(r.crypt.field, "t.All.Inner.x");
    close_fixture(&r);
}

static void singular_fields_that_occur_twice_are_one(void **state) {
    (void)state;
    fixture_t w, r;
    open_tag(&w, pb_shapes, INNER, "PII", true);
    open_tag(&r, pb_shapes, INNER, "PII", false);
    TURNS(&w, "\x0a\1a\x10\1\x0a\1b", "\x0a\3E:b\x10\1" Z0);     /* the last wins, none stays plaintext */
    TURNS(&w, "\x7a\1z\x0a\1x", "\x7a\3E:z\x0a\3E:x");           /* out of order: nothing is added */
    TURNS(&w, "\x82\1\1q\x7a\1z", "\x0a\2E:\x82\1\1q\x7a\3E:z"); /* absent x is, z is not */
    /* deeper in two pieces is one message: x of the first piece is not overwritten by a default */
    TURNS(&w, "\x22\3\x0a\1a\x22\2\x10\7", "\x0a\2E:\x22\x0b\x0a\3E:a\x10\7" Z0 Z0);
    TURNS(&r, "\x0a\2E:\x22\x0b\x0a\3E:a\x10\7" Z0 Z0, "\x22\5\x0a\1a\x10\7");
    TURNS(&r, "\x22\5\x0a\3E:a\x0a\2E:\x22\4\x7a\2E:\x7a\2E:", "\x22\3\x0a\1a");
    close_fixture(&w);
    close_fixture(&r);
}

/* s, b and far_away of t.All are always written */
#define ALL_HEAD "\x0a\2E:\x12\2E:"
#define ALL_TAIL "\xc2\xb8\2\2E:"

/* spec 8: 73 */
static void oneofs_repeated_fields_and_maps(void **state) {
    (void)state;
    fixture_t w;
    open_tag(&w, pb_shapes, "t.All", "PII", true);
    TURNS(&w, "", ALL_HEAD ALL_TAIL);
    TURNS(&w, "\x2a\1a\x2a\0\x32\1b", ALL_HEAD "\x2a\3E:a\x2a\2E:\x32\3E:b" ALL_TAIL);
    TURNS(&w, "\x3a\0", ALL_HEAD "\x3a\2E:" ALL_TAIL); /* member of a oneof, set to "" */
    TURNS(&w, "\x42\1b", ALL_HEAD "\x42\1b" ALL_TAIL); /* another member: untagged */
    TURNS(&w, "\x4a\0", ALL_HEAD "\x4a\x08" X0 Z0 ALL_TAIL);
    /* a later member clears an earlier one; two pieces around another member are not merged */
    TURNS(&w, "\x4a\3\x0a\1a\x50\1\x4a\2\x10\2", ALL_HEAD "\x4a\x0a" X0 "\x10\2" Z0 ALL_TAIL);
    TURNS(&w, "\x3a\1p\x50\1\x3a\1q\x50\2", ALL_HEAD "\x50\2" ALL_TAIL);
    TURNS(&w, "\x6a\6\x0a\1k\x12\1v", ALL_HEAD "\x6a\6\x0a\1k\x12\1v" ALL_TAIL); /* a map's tag reaches no value */
    TURNS(&w, "\x72\4\x08\1\x12\0", ALL_HEAD "\x72\x0c\x08\1\x12\x08" X0 Z0 ALL_TAIL);
    TURNS(&w, "\x72\2\x08\1", ALL_HEAD "\x72\x0c\x08\1\x12\x08" X0 Z0 ALL_TAIL); /* entry without value */
    close_fixture(&w);
}

/* spec 8: 73 */
static void values_of_maps_by_pattern(void **state) {
    (void)state;
    fixture_t w, r;
    const char *tags[] = {"M"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    json_t *metadata =
        json_pack("{s:{s:[s],s:[s]}}", "tags", "t.All.MsEntry.*", "M", "google.protobuf.*Value.value", "M");
    open_spec(&w, pb_shapes, "t.All", &rule,
              (plan_spec_t){.writing = true, .metadata = metadata, .leave_others = true});
    open_spec(&r, pb_shapes, "t.All", &rule, (plan_spec_t){.metadata = metadata});
    TURNS(&w, "\x6a\6\x0a\1k\x12\1v", "\x6a\x08\x0a\1k\x12\3E:v"); /* the key is left alone */
    TURNS(&w, "\x6a\3\x0a\1k", "\x6a\7\x0a\1k\x12\2E:");           /* no value: "" */
    TURNS(&r, "\x6a\7\x0a\1k\x12\2E:", "\x6a\5\x0a\1k\x12\0");     /* entries keep empty values */
    TURNS(&w, "\xda\1\0", "\xda\1\4\x0a\2E:");                     /* google.protobuf.StringValue */
    close_fixture(&w);
    close_fixture(&r);
    json_decref(metadata);
}

/* spec 8: 21 */
static void numbers_are_refused_on_writing_and_left_on_reading(void **state) {
    (void)state;
    fixture_t w;
    open_tag(&w, pb_shapes, "t.Numbers", "PII", true);
    FAILS(&w, "\x08\1", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'INT'"));
    assert_string_equal(schloss_error_field(w.err), "t.Numbers.n");
    FAILS(&w, "", UNSUPPORTED_TYPE); /* Java visits the default as well */
    close_fixture(&w);
    open_tag(&w, pb_shapes, "t.Numbers", "OTHER", true);
    FAILS(&w, "\x10\1", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'LONG'"));
    TURNS(&w, "\x08\1", "\x08\1");
    close_fixture(&w);
    open_tag(&w, pb_shapes, "t.Numbers", "LIST", true);
    FAILS(&w, "\x1a\4\0\0\0\0", UNSUPPORTED_TYPE);
    FAILS(&w, "\x1d\0\0\0\0", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'FLOAT'"));
    TURNS(&w, "", "");
    close_fixture(&w);
    open_tag(&w, pb_shapes, "t.Numbers", "ENUM", true);
    FAILS(&w, "\x20\1", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'ENUM'"));
    close_fixture(&w);
    open_tag(&w, pb_shapes, "t.Numbers", NULL, false);
    TURNS(&w, "\x08\1\x1a\4\0\0\0\0", "\x08\1\x1a\4\0\0\0\0");
    close_fixture(&w);
}

/* t.Old: a = 1 (PII), b = 2 (PII), group One = 3 { c = 4 (PII), d = 5, group Many = 6 { e = 7 (PII) } }, ext = 1000 */
static void groups_and_explicit_presence(void **state) {
    (void)state;
    fixture_t w;
    open_tag(&w, pb_old, "t.Old", "PII", true);
    TURNS(&w, "", "");
    TURNS(&w, "\x0a\0", "\x0a\2E:");
    TURNS(&w, "\x1b\x22\1c\x2a\1d\x33\x3a\1e\x34\x1c", "\x1b\x22\3E:c\x2a\1d\x33\x3a\3E:e\x34\x1c");
    TURNS(&w, "\x1b\x22\1c\x1c\x1b\x2a\1\xff\x1c", "\x1b\x22\3E:c\x2a\1\xff\x1c"); /* merged */
    FAILS(&w, "\x1b\x22\1c", DATA_MISMATCH);
    FAILS(&w, "\x1b\x22\1c\x24", DATA_MISMATCH);
    FAILS(&w, "\x1c", DATA_MISMATCH);
    FAILS(&w, "\x1a\0", DATA_MISMATCH); /* a group written as a message could hide plaintext */
    close_fixture(&w);
    open_tag(&w, pb_old, "t.Old", "EXT", true);
    FAILS(&w, "\xc2\x3e\1x", UNSUPPORTED_TYPE); /* no official client visits extensions */
    close_fixture(&w);
}

static void malformed_bytes_are_refused_by_every_plan(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"\0", 1},                                              /* number 0 */
        {"\x0a", 1},                                            /* no length */
        {"\x0a\5a", 3},                                         /* cut */
        {"\x08\1", 2},                                          /* string as a number */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 12}, /* length of 11 bytes */
        {"\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        {"\xff\xff\xff\xff\xff\xff\1\0", 8}, /* tag over 32 bits */
        {"\x0f", 1},                         /* wire type 7 */
        {"\xb2\1\1\x80", 4},                 /* packed, cut inside */
        {"\xc2\1\7abcdefg", 10},             /* packed doubles of seven bytes */
        {"\x5a\2\x0a\1", 4},                 /* cut inside a message */
        {"\xfb\7\xf4\7", 4},                 /* unknown group closed by another number */
        {"\x5a\0\x4a\1\5\x50\1\x4a\0", 9},   /* the same, and set again */
        {"\x5a\0\x4a\1\5\x50\1", 7},         /* out of order, a malformed message that its oneof clears */
    };
    fixture_t f;
    plan_t *check = NULL;
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    open_tag(&f, pb_shapes, "t.All", "PII", true);
    assert_int_equal(
        plan_protobuf_compile(&check, pb_schema_find(f.schema, "t.All", path, &n), &(plan_spec_t){.rule = NULL}, NULL),
        0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(run(&f, bad[i].bytes, bad[i].n), SCHLOSS_E_DATA_MISMATCH);
        assert_int_equal(plan_run(check, bytes(bad[i].bytes, bad[i].n), NULL, NULL, NULL), SCHLOSS_E_DATA_MISMATCH);
    }
    char deep[1024]; /* self = 25, 200 levels */
    size_t len = 0;
    for (size_t i = 0; i < 200; i++) {
        char step[1024] = "\xca\1";
        size_t at = 2;
        at += uvarlong_write((uint8_t *)step + at, len);
        memcpy(step + at, deep, len);
        len += at;
        memcpy(deep, step, len);
    }
    assert_int_equal(run(&f, deep, len), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(plan_run(check, bytes(deep, len), NULL, NULL, NULL), SCHLOSS_E_LIMIT_EXCEEDED);
    plan_free(check);
    close_fixture(&f);
}

/* spec 8: 75 */
static void inherited_tags_refuse_as_java_does(void **state) {
    (void)state;
    fixture_t w;
    const char *tags[] = {"M"};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
    json_t *metadata = json_pack("{s:{s:[s],s:[s]}}", "tags", "t.All.inner", "M", "t.All.ms", "M");
    open_spec(&w, pb_shapes, "t.All", &rule,
              (plan_spec_t){.writing = true, .metadata = metadata, .inherit_tags = true});
    TURNS(&w, "", "");
    FAILS(&w, "\x5a\3\x0a\1a", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'RECORD'"));
    FAILS(&w, "\x6a\6\x0a\1k\x12\1v", UNSUPPORTED_TYPE);
    assert_non_null(strstr(schloss_error_message(w.err), "'MAP'"));
    TURNS(&w, "\x62\3\x0a\1a", "\x62\3\x0a\1a"); /* inners carries no tag */
    close_fixture(&w);
    open_spec(&w, pb_shapes, "t.All", &rule, (plan_spec_t){.writing = true, .metadata = metadata});
    TURNS(&w, "\x5a\3\x0a\1a", "\x5a\3\x0a\1a");
    close_fixture(&w);
    json_decref(metadata);
}

/* Lengths of enclosing messages that grow over the size of a varint, with a real cipher, there and back. */
static void lengths_grow_and_shrink(void **state) {
    (void)state;
    static char text[70000], record[70100];
    keyed_t kw, kr;
    fixture_t w, r;
    open_tag(&w, pb_shapes, "t.All", "PII", true);
    open_tag(&r, pb_shapes, "t.All", "PII", false);
    keyed_open(&kw, DEK_AES256_SIV, true, true);
    keyed_open(&kr, DEK_AES256_SIV, false, true);
    memset(text, 'x', sizeof(text));
    for (size_t n = 0; n < sizeof(text); n = n * 5 / 4 + 1) {
        uint8_t inner[16], outer[16];
        size_t n_inner = 1 + uvarlong_write(inner + 1, n), n_outer = 1 + uvarlong_write(outer + 1, n_inner + n);
        inner[0] = 0x0a;
        outer[0] = 0x5a;
        size_t len = 0;
        memcpy(record, "\x0a\1s\x12\1b", 6);
        len = 6;
        memcpy(record + len, outer, n_outer);
        len += n_outer;
        memcpy(record + len, inner, n_inner);
        len += n_inner;
        memcpy(record + len, text, n);
        len += n;
        buf_reset(&kw.out);
        buf_reset(&kr.out);
        schloss_rc rc = plan_run(w.plan, bytes(record, len), &kw.out, &kw.crypt, NULL);
        if (n == 0) {
            assert_int_equal(rc, SCHLOSS_NEED_KEY);
            assert_string_equal(kw.crypt.field, "t.All.s");
            keyed_put(&kw, 1, DEK_AES256_SIV);
            keyed_put(&kr, 1, DEK_AES256_SIV);
            continue;
        }
        assert_int_equal(rc, 0);
        uint64_t before = mem_count();
        buf_reset(&kw.out);
        assert_int_equal(plan_run(w.plan, bytes(record, len), &kw.out, &kw.crypt, NULL), 0);
        assert_int_equal(mem_count(), before); /* no allocation once warm */
        assert_int_equal(plan_run(r.plan, buf_view(&kw.out), &kr.out, &kr.crypt, NULL), 0);
        assert_int_equal(kr.out.len, len);
        assert_memory_equal(kr.out.ptr, record, len);
    }
    keyed_close(&kw);
    keyed_close(&kr);
    close_fixture(&w);
    close_fixture(&r);
}

static unsigned countdown;
static bool fail_one(void *user) {
    (void)user;
    return countdown != 0 && --countdown == 0;
}

/* Compiling, and the careful walk over more repetitions than it keeps on the stack: each allocation fails once. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    char record[2000];
    for (size_t i = 0; i < sizeof(record); i += 4) {
        memcpy(record + i, i % 8 == 0 ? "\x3a\2ab" : "\x0a\2cd", 4); /* ps, s, ps, s ... */
    }
    bool done = false;
    unsigned failures = 0;
    for (unsigned n = 1; !done; n++) {
        fixture_t f;
        plan_t *plan = NULL;
        const char *tags[] = {"PII"};
        rule_t rule = {.name = "r", .tags = tags, .n_tags = 1};
        int32_t path[PB_INDEX_MAX];
        size_t len = 0;
        open_tag(&f, pb_shapes, "t.All", "PII", true);
        countdown = n;
        mem_set_fault(fail_one, NULL);
        schloss_rc rc = plan_protobuf_compile(&plan, pb_schema_find(f.schema, "t.All", path, &len),
                                              &(plan_spec_t){.rule = &rule, .writing = true}, NULL);
        rc = rc == 0 ? plan_run(plan, bytes(record, sizeof(record)), &f.out, &f.crypt, NULL) : rc;
        mem_set_fault(NULL, NULL);
        done = countdown != 0;
        assert_int_equal(rc, done ? 0 : SCHLOSS_E_NO_MEMORY);
        failures += !done;
        if (done) {
            assert_int_equal(f.out.len, 22);
            assert_memory_equal(f.out.ptr, "\x12\2E:\x3a\4E:ab\x0a\4E:cd" ALL_TAIL, 22);
        }
        plan_free(plan);
        close_fixture(&f);
    }
    assert_true(failures > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_fields_without_presence_are_written_in_order),
        cmocka_unit_test(reading_drops_what_turns_out_empty),
        cmocka_unit_test(singular_fields_that_occur_twice_are_one),
        cmocka_unit_test(oneofs_repeated_fields_and_maps),
        cmocka_unit_test(values_of_maps_by_pattern),
        cmocka_unit_test(numbers_are_refused_on_writing_and_left_on_reading),
        cmocka_unit_test(groups_and_explicit_presence),
        cmocka_unit_test(malformed_bytes_are_refused_by_every_plan),
        cmocka_unit_test(inherited_tags_refuse_as_java_does),
        cmocka_unit_test(lengths_grow_and_shrink),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
