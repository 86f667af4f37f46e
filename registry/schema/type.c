/* See type.h. */
#include "registry/schema/type.h"
#include <string.h>

const schema_type_t *schema_type(const char *name) {
    static const schema_type_t *const types[] = {&schema_avro, &schema_json, &schema_protobuf};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i]->name, name) == 0) {
            return types[i];
        }
    }
    return NULL;
}

rest_rc schema_invalid(request_t *rq, const schema_type_t *type, schloss_rc rc, const schloss_error_t *err) {
    if (rc == SCHLOSS_E_NO_MEMORY) {
        return rest_oom(rq);
    }
    return rest_failf(rq, REST_INVALID_SCHEMA,
                      "Invalid schema of type %s, details: Invalid schema of type %s, details: %s", type->name,
                      type->name, err->message);
}

rest_rc schema_take(request_t *rq, const schema_type_t *type, buf_t *b, const char **out) {
    schloss_error_t err = {0};
    schloss_rc rc = buf_check(b, &err);
    const char *copy = rc == 0 ? arena_strndup(&rq->arena, (const char *)b->ptr, b->len) : NULL;
    buf_clear(b);
    if (rc != 0) {
        return schema_invalid(rq, type, rc, &err);
    }
    *out = copy;
    return copy == NULL ? rest_oom(rq) : 0;
}

static bool any_wanted(const char *const *have, size_t n, const char *const *tags, size_t n_tags) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n_tags; j++) {
            if (strcmp(tags[j], "*") == 0 || strcmp(tags[j], have[i]) == 0) {
                return true;
            }
        }
    }
    return false;
}

void schema_put_tagged(buf_t *out, const char *path, const char *entity, const char *const *have, size_t n_have,
                       const char *const *tags, size_t n_tags) {
    if (!any_wanted(have, n_have, tags, n_tags)) {
        return;
    }
    put_comma(out);
    buf_put_str(out, "{\"schemaEntity\":{");
    put_str(out, "entityPath", path);
    put_str(out, "entityType", entity);
    buf_put_str(out, "},\"tags\":[");
    for (size_t i = 0; i < n_have; i++) {
        put_comma(out);
        put_text(out, have[i]);
    }
    buf_put_str(out, "]}");
}
