/* The walk over Protobuf bytes against the vectors: every domain rule of every vector, field by field, there and back;
 * the recorded ciphertexts stand in for the cipher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/text.h"
#include "rules/plan.h"
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *name) {
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/vectors/data/%s", SOURCE_DIR, name);
    json_t *file = json_load_file(path, 0, NULL);
    assert_non_null(file);
    return file;
}

static const char *text(const json_t *v, const char *name) {
    const char *s = json_string_value(json_object_get(v, name));
    assert_non_null(s);
    return s;
}

/* Decoded base64 member; the caller's buffer. */
static bytes_t blob(const json_t *v, const char *name, buf_t *out) {
    const char *s = text(v, name);
    size_t n = 0;
    buf_reset(out);
    assert_true(buf_reserve(out, strlen(s) + 3));
    assert_true(b64_decode(out->ptr, &n, (const uint8_t *)s, strlen(s)));
    out->len = n;
    return buf_view(out);
}

/* What the steps of one rule say, in order (reading: in order as well, the walk is the same). */
typedef struct replay {
    json_t *steps;
    const char *rule;
    size_t next;
    bool writing;
} replay_t;

static void put_side(buf_t *out, const json_t *step, bool cipher) {
    buf_t raw;
    buf_init(&raw, 1 << 20, "test", false);
    bytes_t b = blob(step, cipher ? "ciphertext" : "plaintext", &raw);
    if (cipher && strcmp(text(step, "fieldType"), "STRING") == 0) {
        assert_true(buf_reserve(out, B64_LEN(b.len)));
        out->len += b64_encode(out->ptr + out->len, b.ptr, b.len);
    } else {
        buf_put(out, b.ptr, b.len);
    }
    buf_clear(&raw);
}

static schloss_rc play(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    (void)err;
    replay_t *r = user;
    json_t *step = NULL;
    do {
        step = json_array_get(r->steps, r->next++);
        assert_non_null(step);
    } while (strcmp(text(step, "rule"), r->rule) != 0);
    buf_t expect;
    buf_init(&expect, 1 << 20, "test", false);
    put_side(&expect, step, !r->writing);
    assert_string_equal(field, text(step, "field"));
    assert_int_equal(is_string, strcmp(text(step, "fieldType"), "STRING") == 0);
    assert_int_equal(in.len, expect.len);
    assert_true(in.len == 0 || memcmp(in.ptr, expect.ptr, in.len) == 0);
    buf_clear(&expect);
    put_side(out, step, r->writing);
    return 0;
}

static const pb_message_t *message_of(const json_t *v, pb_schema_t **schema) {
    const json_t *s = json_object_get(v, "schema"), *refs = json_object_get(s, "references");
    const json_t *given = json_object_get(v, "referencedSchemas");
    pb_ref_t ref[4] = {{.name = NULL}};
    size_t n = json_array_size(refs);
    schloss_error_t *err = schloss_error_new();
    for (size_t i = 0; i < n; i++) {
        ref[i].name = text(json_array_get(refs, i), "name");
        ref[i].text = text(json_array_get(given, i), "serialized");
        ref[i].len = strlen(ref[i].text);
    }
    const char *serialized = text(s, "serialized");
    assert_true(pb_is_serialized(serialized, strlen(serialized)));
    assert_false(pb_is_serialized(text(s, "schema"), strlen(text(s, "schema"))));
    if (pb_schema_parse(schema, serialized, strlen(serialized), ref, n, err) != 0) {
        fail_msg("%s: %s", text(v, "id"), schloss_error_message(err));
    }
    schloss_error_free(err);
    int32_t path[PB_INDEX_MAX], given_path[PB_INDEX_MAX];
    size_t len = 0;
    const pb_message_t *m = pb_schema_find(*schema, text(s, "messageName"), path, &len);
    assert_non_null(m);
    const json_t *indexes = json_object_get(s, "messageIndexes");
    assert_int_equal(len, json_array_size(indexes));
    for (size_t i = 0; i < len; i++) {
        given_path[i] = (int32_t)json_integer_value(json_array_get(indexes, i));
        assert_int_equal(path[i], given_path[i]);
    }
    assert_ptr_equal(m, pb_schema_message(*schema, path, len));
    assert_string_equal(pb_message_name(m), text(s, "messageName"));
    return m;
}

/* One rule over in; the result replaces it. */
static void run_rule(const json_t *v, const pb_message_t *m, const rule_t *rule, bool writing, buf_t *in) {
    plan_t *plan = NULL;
    replay_t replay = {.steps = json_object_get(v, "steps"), .rule = rule->name, .writing = writing};
    plan_spec_t spec = {
        .rule = rule, .metadata = json_object_get(json_object_get(v, "schema"), "metadata"), .writing = writing};
    buf_t out, made;
    schloss_error_t *err = schloss_error_new();
    buf_init(&out, 1 << 20, "test", true);
    buf_init(&made, 1 << 20, "test", true);
    plan_crypt_t crypt = {.writing = writing, .custom = play, .custom_user = &replay, .custom_out = &made};
    assert_int_equal(plan_compile(&plan, &(record_type_t){.protobuf = m}, &spec, NULL), 0);
    assert_true(plan_n_fields(plan) > 0);
    if (plan_run(plan, buf_view(in), &out, &crypt, err) != 0) {
        fail_msg("%s: %s", text(v, "id"), schloss_error_message(err));
    }
    buf_reset(in);
    buf_put(in, out.ptr, out.len);
    plan_free(plan);
    schloss_error_free(err);
    buf_clear(&out);
    buf_clear(&made);
}

/* JSON -> bytes -> JSON -> the same bytes; and the JSON is what the vector says. */
static void check_json(const json_t *v, const pb_message_t *m, const char *form, bytes_t record) {
    buf_t out, again;
    schloss_error_t *err = schloss_error_new();
    char *given = json_dumps(json_object_get(v, form), JSON_COMPACT);
    assert_non_null(given);
    buf_init(&out, 1 << 20, "test", true);
    buf_init(&again, 1 << 20, "test", true);
    if (pb_from_json(m, given, strlen(given), &out, err) != 0) {
        fail_msg("%s: %s", text(v, "id"), schloss_error_message(err));
    }
    assert_int_equal(out.len, record.len);
    assert_memory_equal(out.ptr, record.ptr, record.len);
    buf_reset(&out);
    assert_int_equal(pb_to_json(m, record, &out, NULL), 0);
    assert_int_equal(pb_from_json(m, (const char *)out.ptr, out.len, &again, NULL), 0);
    assert_int_equal(again.len, record.len);
    assert_memory_equal(again.ptr, record.ptr, record.len);
    if (strcmp(form, "cipherMessage") == 0) {
        json_t *made = json_loads(buf_cstr(&out), 0, NULL);
        assert_true(json_equal(made, json_object_get(v, form)));
        json_decref(made);
    }
    free(given);
    schloss_error_free(err);
    buf_clear(&out);
    buf_clear(&again);
}

static void run_vector(const json_t *v) {
    pb_schema_t *schema = NULL;
    ruleset_t *rules = NULL;
    plan_t *check = NULL;
    buf_t record, expect;
    const pb_message_t *m = message_of(v, &schema);
    buf_init(&record, 1 << 20, "test", true);
    buf_init(&expect, 1 << 20, "test", true);
    assert_int_equal(ruleset_parse(&rules, json_object_get(json_object_get(v, "schema"), "ruleSet"), NULL), 0);
    (void)blob(v, "plainPayload", &record);
    check_json(v, m, "message", buf_view(&record));
    assert_int_equal(plan_protobuf_compile(&check, m, &(plan_spec_t){.rule = NULL}, NULL), 0);
    assert_int_equal(plan_run(check, buf_view(&record), NULL, NULL, NULL), 0);
    for (size_t i = 0; i < rules->n_domain; i++) {
        run_rule(v, m, &rules->domain[i], true, &record);
    }
    (void)blob(v, "encodedPayload", &expect);
    assert_int_equal(record.len, expect.len);
    assert_memory_equal(record.ptr, expect.ptr, expect.len);
    if (json_object_get(v, "cipherMessage") != NULL) {
        check_json(v, m, "cipherMessage", buf_view(&expect));
    }
    for (size_t i = rules->n_domain; i > 0; i--) {
        run_rule(v, m, &rules->domain[i - 1], false, &record);
    }
    (void)blob(v, "plainPayload", &expect);
    assert_int_equal(record.len, expect.len);
    assert_memory_equal(record.ptr, expect.ptr, expect.len);
    plan_free(check);
    ruleset_free(rules);
    pb_schema_free(schema);
    buf_clear(&record);
    buf_clear(&expect);
}

static void the_vectors_are_walked_there_and_back(void **state) {
    (void)state;
    static const char *const files[] = {"field-protobuf.json", "rules-protobuf.json", "payload-protobuf.json"};
    size_t n = 0, i = 0;
    for (size_t f = 0; f < 3; f++) {
        json_t *file = load(files[f]), *v = NULL;
        json_array_foreach(json_object_get(file, "vectors"), i, v) {
            run_vector(v);
            n++;
        }
        json_decref(file);
    }
    assert_int_equal(n, 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_are_walked_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
