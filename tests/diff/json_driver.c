/* Runs JSON plans for tests/diff/json_diff.py: one JSON object per line in, one out.
 * In: schema (text), refs ([name, text] ...), tags, metadata, writing, flags, record (text), marks.
 * Out: rc, fields, out (text) and what was transformed, in order. Instead of encryption a mark is put around a value,
 * and taken off when reading: enough to see what was covered, and how often. */
#include "driver.h"
#include "rules/plan.h"

#define HEAD "E("
#define TAIL ")"

typedef struct seen {
    json_t *fields;
    bool writing;
} seen_t;

static schloss_rc mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    seen_t *s = user;
    (void)is_string;
    json_array_append_new(s->fields, json_string(field));
    if (s->writing) {
        buf_put_str(out, HEAD);
        buf_put(out, in.ptr, in.len);
        buf_put_str(out, TAIL);
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 3 && memcmp(in.ptr, HEAD, 2) == 0 && in.ptr[in.len - 1] == ')', err, AUTH_FAILED, "no mark");
    buf_put(out, in.ptr + 2, in.len - 3);
    return SCHLOSS_OK;
}

static bool flag(const json_t *in, const char *name) {
    return json_is_true(json_object_get(in, name));
}

static void answer(json_t *in, json_t *out, schloss_error_t *err) {
    const json_t *text = json_object_get(in, "schema"), *refs = json_object_get(in, "refs");
    const json_t *tags = json_object_get(in, "tags"), *record = json_object_get(in, "record");
    json_schema_ref_t ref[16];
    const char *tag[16];
    size_t n_refs = 0;
    for (; n_refs < json_array_size(refs) && n_refs < 16; n_refs++) {
        const json_t *pair = json_array_get(refs, n_refs), *body = json_array_get(pair, 1);
        ref[n_refs] = (json_schema_ref_t){json_string_value(json_array_get(pair, 0)), json_string_value(body),
                                          json_string_length(body)};
    }
    rule_t rule = {.name = "r", .tags = tag};
    for (; rule.n_tags < json_array_size(tags) && rule.n_tags < 16; rule.n_tags++) {
        tag[rule.n_tags] = json_string_value(json_array_get(tags, rule.n_tags));
    }
    json_schema_t *schema = NULL;
    plan_t *plan = NULL;
    buf_t made, scratch, plain, custom;
    buf_init(&made, 1 << 26, "test", true);
    buf_init(&scratch, 1 << 26, "test", false);
    buf_init(&plain, 1 << 26, "test", true);
    buf_init(&custom, 1 << 26, "test", true);
    schloss_rc rc = json_schema_parse(&schema, json_string_value(text), json_string_length(text), ref, n_refs, err);
    seen_t seen = {json_array(), flag(in, "writing")};
    if (rc == SCHLOSS_OK) {
        record_type_t type = {.json = schema};
        rc = plan_compile(&plan, &type,
                          &(plan_spec_t){.rule = flag(in, "check") ? NULL : &rule,
                                         .metadata = json_object_get(in, "metadata"),
                                         .writing = seen.writing,
                                         .leave_others = flag(in, "leave_others"),
                                         .inherit_tags = flag(in, "inherit_tags"),
                                         .lax_branches = flag(in, "lax")},
                          err);
    }
    if (rc == SCHLOSS_OK) {
        plan_crypt_t crypt = {.writing = seen.writing,
                              .scratch = &scratch,
                              .plain = &plain,
                              .custom = mark,
                              .custom_user = &seen,
                              .custom_out = &custom};
        rc = plan_run(plan, bytes(json_string_value(record), json_string_length(record)), &made, &crypt, err);
        if (rc == SCHLOSS_OK) {
            json_object_set_new(out, "out", json_stringn((const char *)made.ptr, made.len));
        }
        json_object_set_new(out, "n_fields", json_integer((json_int_t)plan_n_fields(plan)));
    }
    json_object_set_new(out, "rc", json_string(schloss_rc_name(rc)));
    json_object_set_new(out, "seen", seen.fields);
    if (rc != SCHLOSS_OK) {
        json_object_set_new(out, "error", json_string(schloss_error_message(err)));
        json_object_set_new(out, "field", json_string(schloss_error_field(err)));
    }
    plan_free(plan);
    json_schema_free(schema);
    buf_clear(&made);
    buf_clear(&scratch);
    buf_clear(&plain);
    buf_clear(&custom);
}

int main(void) {
    return driver_main(answer);
}
