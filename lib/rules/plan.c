/* Which format's compiler makes a plan. */
#include "rules/plan.h"

schloss_rc plan_compile(plan_t **out, const record_type_t *type, const plan_spec_t *spec, schloss_error_t *err) {
    if (type->avro != NULL) {
        return plan_avro_compile(out, type->avro, spec, err);
    }
    if (type->protobuf != NULL) {
        return plan_protobuf_compile(out, type->protobuf, spec, err);
    }
    if (type->json != NULL) {
        return plan_json_compile(out, type->json, spec, err);
    }
    return FAIL(err, SCHEMA_TYPE, "a plan needs a schema");
}

void plan_free(plan_t *p) {
    if (p != NULL) {
        p->cls->free(p);
    }
}
