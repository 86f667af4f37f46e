/* Are default values valid under their field's type? Specification: schema-registry-api.md 15.1. */
#include "codec/avro/model.h"

static bool record_valid(const avro_type_t *t, const json_t *v, unsigned *steps) {
    if (!json_is_object(v)) {
        return false;
    }
    for (size_t i = 0; i < t->n_fields; i++) {
        const json_t *m = json_object_get(v, t->fields[i].name);
        if (m == NULL ? t->fields[i].dflt == NULL : !avro_default_valid(t->fields[i].type, m, steps)) {
            return false;
        }
    }
    return true;
}

static bool array_valid(const avro_type_t *t, const json_t *v, unsigned *steps) {
    if (!json_is_array(v)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!avro_default_valid(t->items, json_array_get(v, i), steps)) {
            return false;
        }
    }
    return true;
}

static bool map_valid(const avro_type_t *t, const json_t *v, unsigned *steps) {
    if (!json_is_object(v)) {
        return false;
    }
    for (void *it = json_object_iter((json_t *)(uintptr_t)v); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
        if (!avro_default_valid(t->items, json_object_iter_value(it), steps)) {
            return false;
        }
    }
    return true;
}

static bool union_valid(const avro_type_t *t, const json_t *v, unsigned *steps) {
    for (size_t i = 0; i < t->n_branches; i++) {
        if (avro_default_valid(t->branches[i], v, steps)) {
            return true;
        }
    }
    return false;
}

/* Texts that a float or double default may be besides numbers: they have no JSON number. */
static bool non_finite(const json_t *v) {
    const char *s = json_string_value(v);
    return s != NULL && (strcmp(s, "NaN") == 0 || strcmp(s, "Infinity") == 0 || strcmp(s, "-Infinity") == 0);
}

bool avro_default_valid(const avro_type_t *type, const json_t *v, unsigned *steps) {
    if (*steps == 0) {
        return false;
    }
    --*steps;
    switch (type->kind) {
    case AVRO_NULL:
        return json_is_null(v);
    case AVRO_BOOLEAN:
        return json_is_boolean(v);
    case AVRO_INT:
        return json_is_integer(v) && json_integer_value(v) >= INT32_MIN && json_integer_value(v) <= INT32_MAX;
    case AVRO_LONG:
        return json_is_integer(v);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return json_is_number(v) || non_finite(v);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED:
        return json_is_string(v);
    case AVRO_RECORD:
        return record_valid(type, v, steps);
    case AVRO_ARRAY:
        return array_valid(type, v, steps);
    case AVRO_MAP:
        return map_valid(type, v, steps);
    case AVRO_UNION:
        return union_valid(type, v, steps);
    }
    return false;
}
