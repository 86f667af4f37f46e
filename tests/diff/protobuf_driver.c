/* Runs Protobuf plans for tests/diff/protobuf_diff.py: one JSON object per line in, one out. Records are base64.
 * In: op "open" (schema, refs, message, tags, metadata), then "write", "read", "check", "to_json", "from_json" with
 * record. Out: rc, and out or error and field. Instead of encryption a mark is put in front of a value. */
#include "driver.h"
#include "rules/plan.h"

#define N_PLANS 3 /* write, read, check */

static pb_schema_t *schema;
static const pb_message_t *message;
static plan_t *plans[N_PLANS];
static json_t *opened; /* what the plans may borrow from */

static schloss_rc mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    (void)field;
    (void)is_string;
    if (*(const bool *)user) {
        buf_put_str(out, "E:");
        buf_put(out, in.ptr, in.len);
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 2 && memcmp(in.ptr, "E:", 2) == 0, err, AUTH_FAILED, "no mark");
    buf_put(out, in.ptr + 2, in.len - 2);
    return SCHLOSS_OK;
}

static schloss_rc open_schema(json_t *in, schloss_error_t *err) {
    pb_ref_t ref[16];
    const char *tag[16];
    size_t n_refs = 0, n_path = 0;
    int32_t path[PB_INDEX_MAX];
    const json_t *refs = json_object_get(in, "refs"), *tags = json_object_get(in, "tags");
    for (size_t i = 0; i < N_PLANS; i++) {
        plan_free(plans[i]);
        plans[i] = NULL;
    }
    pb_schema_free(schema);
    schema = NULL;
    json_decref(opened);
    opened = json_incref(in);
    for (; n_refs < json_array_size(refs) && n_refs < 16; n_refs++) {
        const json_t *pair = json_array_get(refs, n_refs), *body = json_array_get(pair, 1);
        ref[n_refs] =
            (pb_ref_t){json_string_value(json_array_get(pair, 0)), json_string_value(body), json_string_length(body)};
    }
    rule_t rule = {.name = "r", .tags = tag};
    for (; rule.n_tags < json_array_size(tags) && rule.n_tags < 16; rule.n_tags++) {
        tag[rule.n_tags] = json_string_value(json_array_get(tags, rule.n_tags));
    }
    TRY(pb_schema_parse(&schema, driver_text(in, "schema"), strlen(driver_text(in, "schema")), ref, n_refs, err));
    message = pb_schema_find(schema, driver_text(in, "message"), path, &n_path);
    ENSURE(message != NULL, err, SCHEMA_PARSE, "no such message");
    for (size_t i = 0; i < N_PLANS; i++) {
        TRY(plan_protobuf_compile(&plans[i], message,
                                  &(plan_spec_t){.rule = i == 2 ? NULL : &rule,
                                                 .metadata = json_object_get(in, "metadata"),
                                                 .writing = i == 0,
                                                 .inherit_tags = json_is_true(json_object_get(in, "inherit_tags"))},
                                  err));
    }
    return SCHLOSS_OK;
}

static schloss_rc run(const char *op, bytes_t record, buf_t *out, buf_t *custom, schloss_error_t *err) {
    if (strcmp(op, "to_json") == 0) {
        return pb_to_json(message, record, out, err);
    }
    if (strcmp(op, "from_json") == 0) {
        return pb_from_json(message, (const char *)record.ptr, record.len, out, err);
    }
    if (strcmp(op, "check") == 0) {
        return plan_run(plans[2], record, NULL, NULL, err);
    }
    bool writing = strcmp(op, "write") == 0;
    plan_crypt_t crypt = {.writing = writing, .custom = mark, .custom_user = &writing, .custom_out = custom};
    return plan_run(plans[!writing], record, out, &crypt, err);
}

static void answer(json_t *in, json_t *out, schloss_error_t *err) {
    buf_t made, custom;
    size_t n = 0;
    buf_init(&made, 1 << 26, "test", true);
    buf_init(&custom, 1 << 26, "test", true);
    schloss_rc rc = SCHLOSS_E_BAD_BASE64;
    uint8_t *record = driver_bytes(driver_text(in, "record"), &n);
    if (strcmp(driver_text(in, "op"), "open") == 0) {
        rc = open_schema(in, err);
    } else if (record != NULL) {
        rc = run(driver_text(in, "op"), bytes(record, n), &made, &custom, err);
    }
    driver_result(out, rc, &made, err);
    free(record);
    buf_clear(&made);
    buf_clear(&custom);
}

int main(void) {
    int rc = driver_main(answer);
    for (size_t i = 0; i < N_PLANS; i++) {
        plan_free(plans[i]);
    }
    pb_schema_free(schema);
    json_decref(opened);
    return rc;
}
