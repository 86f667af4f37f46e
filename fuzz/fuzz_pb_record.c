/* Record bytes under Protobuf plans. The first byte chooses schema and direction. What is written must be readable and
 * come back as the same message (compared as JSON), and the marks must be on every covered value: none may be left in
 * plaintext, however the record is torn apart. */
#include "rules/plan.h"
#include "testlib/protobuf_schemas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {pb_shapes, pb_old, pb_editions};
static const char *const tags[] = {"PII"};
static const rule_t rule = {.name = "r", .tags = (const char **)tags, .n_tags = 1};
static pb_schema_t *schemas[3];
static const pb_message_t *messages[3];
static plan_t *plans[3][3];

static void prepare(size_t i) {
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    if (schemas[i] != NULL) {
        return;
    }
    if (pb_schema_parse(&schemas[i], texts[i], strlen(texts[i]), NULL, 0, NULL) != SCHLOSS_OK) {
        abort();
    }
    messages[i] = pb_schema_find(schemas[i], NULL, path, &n);
    for (size_t k = 0; k < 3; k++) {
        plan_spec_t spec = {.rule = k == 2 ? NULL : &rule, .writing = k == 0};
        if (plan_protobuf_compile(&plans[i][k], messages[i], &spec, NULL) != SCHLOSS_OK) {
            abort();
        }
    }
}

static schloss_rc mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    (void)field;
    (void)is_string;
    if (*(bool *)user) {
        buf_put_str(out, "E:");
        buf_put(out, in.ptr, in.len);
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 2 && memcmp(in.ptr, "E:", 2) == 0, err, AUTH_FAILED, "no mark");
    buf_put(out, in.ptr + 2, in.len - 2);
    return SCHLOSS_OK;
}

static schloss_rc run(size_t i, bool writing, bytes_t in, buf_t *out) {
    buf_t custom;
    buf_init(&custom, 1 << 22, "fuzz", true);
    plan_crypt_t crypt = {.writing = writing, .custom = mark, .custom_user = &writing, .custom_out = &custom};
    schloss_rc rc = plan_run(plans[i][!writing], in, out, &crypt, NULL);
    buf_clear(&custom);
    return rc;
}

static bool unmarked(void *user, const pb_leaf_t *leaf) {
    bool tagged = false;
    for (size_t i = 0; i < leaf->n_tags; i++) {
        tagged = tagged || strcmp(leaf->tags[i], "PII") == 0;
    }
    if (tagged && (leaf->value.len < 2 || memcmp(leaf->value.ptr, "E:", 2) != 0)) {
        fprintf(stderr, "%s is left in plaintext\n", leaf->full_name);
        *(bool *)user = true;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    size_t i = data[0] / 2 % 3;
    bool writing = data[0] % 2 == 0, leak = false;
    prepare(i);
    uint8_t *copy = malloc(size); /* of its own size, so that a read behind the end is seen */
    memcpy(copy, data + 1, size - 1);
    bytes_t record = bytes(copy, size - 1);
    buf_t out, back, json, json_back;
    buf_init(&out, 1 << 22, "fuzz", true);
    buf_init(&back, 1 << 22, "fuzz", true);
    buf_init(&json, 1 << 22, "fuzz", true);
    buf_init(&json_back, 1 << 22, "fuzz", true);
    schloss_rc rc = run(i, writing, record, &out);
    if (rc > 0 || rc == SCHLOSS_E_NO_MEMORY) {
        abort();
    }
    if (rc == SCHLOSS_OK && writing) {
        if (pb_each_leaf(messages[i], buf_view(&out), unmarked, &leak, NULL) != SCHLOSS_OK || leak) {
            abort();
        }
        if (plan_run(plans[i][2], record, NULL, NULL, NULL) != SCHLOSS_OK ||
            plan_run(plans[i][2], buf_view(&out), NULL, NULL, NULL) != SCHLOSS_OK) {
            abort();
        }
        if (run(i, false, buf_view(&out), &back) != SCHLOSS_OK) {
            abort();
        }
        if (pb_to_json(messages[i], record, &json, NULL) == SCHLOSS_OK &&
            (pb_to_json(messages[i], buf_view(&back), &json_back, NULL) != SCHLOSS_OK || json.len != json_back.len ||
             memcmp(json.ptr, json_back.ptr, json.len) != 0)) {
            fprintf(stderr, "%.*s\n%.*s\n", (int)json.len, (char *)json.ptr, (int)json_back.len, (char *)json_back.ptr);
            abort();
        }
    }
    buf_clear(&out);
    buf_clear(&back);
    buf_clear(&json);
    buf_clear(&json_back);
    free(copy);
    return 0;
}
