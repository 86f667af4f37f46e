/* Text of a JSON schema, with one reference behind the first byte 0: parsed, and compiled under a rule in both
 * directions. */
#include "codec/json/validate.h"
#include "rules/plan.h"

#include <stdlib.h>
#include <string.h>

static const char *const tags[] = {"PII"};
static const char metadata_text[] = "{\"tags\":{\"$.a*.b\":[\"PII\"],\"**.c\":[\"PII\"],\"$.d?[^x].*\":[\"PII\"]}}";

static bool each_leaf(void *user, const json_leaf_t *leaf) {
    (void)user;
    return leaf->indexed_name != NULL && leaf->plain_name != NULL && leaf->type != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static json_t *metadata;
    if (metadata == NULL) {
        metadata = json_loads(metadata_text, 0, NULL);
    }
    const uint8_t *zero = memchr(data, 0, size);
    size_t len = zero == NULL ? size : (size_t)(zero - data);
    json_schema_ref_t ref = {"other.json", (const char *)(zero == NULL ? data : zero + 1),
                             zero == NULL ? 0 : size - len - 1};
    json_schema_t *s = NULL;
    schloss_error_t *err = schloss_error_new();
    rule_t rule = {.name = "r", .tags = (const char **)(uintptr_t)tags, .n_tags = size % 3 == 0 ? 0 : 1};
    if (json_schema_parse(&s, (const char *)data, len, &ref, zero == NULL ? 0 : 1, err) == SCHLOSS_OK) {
        for (unsigned i = 0; i < 4; i++) {
            plan_t *plan = NULL;
            plan_spec_t spec = {.rule = &rule, .metadata = metadata, .writing = i % 2 == 0, .inherit_tags = i / 2 == 1};
            if (plan_json_compile(&plan, s, &spec, err) == SCHLOSS_OK) {
                plan_free(plan);
            } else if (schloss_error_code(err) >= 0) {
                abort();
            }
        }
        (void)json_each_leaf(s, bytes(data, len), each_leaf, NULL, err); /* a schema is a record, too */
        json_schema_free(s);
    }
    schloss_error_free(err);
    return 0;
}
