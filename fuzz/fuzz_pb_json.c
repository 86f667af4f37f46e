/* ProtoJSON. What is taken must be a well-formed record, and come back as JSON that gives the same bytes again. */
#include "rules/plan.h"
#include "testlib/protobuf_schemas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {pb_shapes, pb_old, pb_editions};
static pb_schema_t *schemas[3];
static const pb_message_t *messages[3];
static plan_t *checks[3];

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
    if (plan_protobuf_compile(&checks[i], messages[i], &(plan_spec_t){.rule = NULL}, NULL) != SCHLOSS_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    size_t i = data[0] % 3;
    prepare(i);
    buf_t out, again, json;
    buf_init(&out, 1 << 22, "fuzz", true);
    buf_init(&again, 1 << 22, "fuzz", true);
    buf_init(&json, 1 << 22, "fuzz", true);
    if (pb_from_json(messages[i], (const char *)data + 1, size - 1, &out, NULL) == SCHLOSS_OK) {
        if (plan_run(checks[i], buf_view(&out), NULL, NULL, NULL) != SCHLOSS_OK) {
            abort();
        }
        if (pb_to_json(messages[i], buf_view(&out), &json, NULL) == SCHLOSS_OK &&
            (pb_from_json(messages[i], (const char *)json.ptr, json.len, &again, NULL) != SCHLOSS_OK)) {
            fprintf(stderr, "%.*s\n", (int)json.len, (char *)json.ptr);
            abort();
        }
    }
    buf_reset(&json);
    (void)!pb_to_json(messages[i], bytes(data + 1, size - 1), &json, NULL);
    buf_clear(&out);
    buf_clear(&again);
    buf_clear(&json);
    return 0;
}
