/* Descriptors as a registry might give them: bytes that are no descriptor, names that lead nowhere, imports in circles.
 * What parses must compile into plans, be found by name and index, and survive records and JSON of its own. The bytes
 * are the FileDescriptorProto itself; after two zero bytes a second one follows, imported as "r". */
#include "base/text.h"
#include "rules/plan.h"

#include <stdlib.h>
#include <string.h>

static char *encode(const uint8_t *p, size_t n, size_t *len) {
    char *out = malloc(B64_LEN(n) + 1);
    *len = out == NULL || n == 0 ? 0 : b64_encode((uint8_t *)out, p, n);
    return out;
}

static bool each(void *user, const pb_leaf_t *leaf) {
    return leaf->full_name != NULL && ++*(size_t *)user < 10000;
}

static void use(const pb_schema_t *s) {
    static const uint8_t record[] = {0x0a, 2, 0x0a, 0, 0x10, 1, 0x1a, 0, 0x25, 1, 2, 3, 4, 0x0b, 0x0c};
    rule_t rule = {.name = "r"};
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    const pb_message_t *m = pb_schema_find(s, NULL, path, &n);
    if (m == NULL) {
        return;
    }
    if (pb_schema_message(s, path, n) != m || pb_schema_find(s, pb_message_name(m), path, &n) == NULL) {
        abort();
    }
    for (int i = 0; i < 3; i++) {
        plan_t *plan = NULL;
        plan_spec_t spec = {.rule = i == 2 ? NULL : &rule, .writing = i == 0, .inherit_tags = true};
        if (plan_protobuf_compile(&plan, m, &spec, NULL) == SCHLOSS_OK) {
            if (i == 2) {
                (void)!plan_run(plan, bytes(record, sizeof record), NULL, NULL, NULL);
            }
            plan_free(plan);
        }
    }
    buf_t json, back;
    size_t leaves = 0;
    buf_init(&json, 1 << 20, "fuzz", true);
    buf_init(&back, 1 << 20, "fuzz", true);
    if (pb_to_json(m, bytes(record, sizeof record), &json, NULL) == SCHLOSS_OK) {
        (void)!pb_from_json(m, (const char *)json.ptr, json.len, &back, NULL);
    }
    (void)!pb_each_leaf(m, bytes(record, sizeof record), each, &leaves, NULL);
    buf_clear(&json);
    buf_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *cut = memmem(data, size, "\0\0", 2);
    size_t n = cut == NULL ? size : (size_t)(cut - data), len = 0, ref_len = 0;
    char *text = encode(data, n, &len);
    char *ref_text = cut == NULL ? NULL : encode(cut + 2, size - n - 2, &ref_len);
    pb_ref_t ref = {"r", ref_text, ref_len};
    pb_schema_t *s = NULL;
    if (text != NULL && pb_schema_parse(&s, text, len, &ref, ref_text != NULL, NULL) == SCHLOSS_OK) {
        use(s);
    }
    pb_schema_free(s);
    free(text);
    free(ref_text);
    return 0;
}
