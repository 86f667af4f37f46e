/* Which logical type may stand on which type. */
#include "codec/avro/logical.h"
#include <math.h>

#define ON(kind) (1u << (kind))

static const struct {
    const char *name;
    unsigned kinds;
    size_t fixed_size; /* needed when the type is fixed; 0 = any */
} logical_types[] = {
    {"decimal", ON(AVRO_BYTES) | ON(AVRO_FIXED), 0},
    {"big-decimal", ON(AVRO_BYTES), 0},
    {"uuid", ON(AVRO_STRING) | ON(AVRO_FIXED), 16},
    {"date", ON(AVRO_INT), 0},
    {"time-millis", ON(AVRO_INT), 0},
    {"time-micros", ON(AVRO_LONG), 0},
    {"timestamp-millis", ON(AVRO_LONG), 0},
    {"timestamp-micros", ON(AVRO_LONG), 0},
    {"timestamp-nanos", ON(AVRO_LONG), 0},
    {"local-timestamp-millis", ON(AVRO_LONG), 0},
    {"local-timestamp-micros", ON(AVRO_LONG), 0},
    {"local-timestamp-nanos", ON(AVRO_LONG), 0},
    {"duration", ON(AVRO_FIXED), 12},
};

/* Most decimal digits that a two's complement number of n bytes can always hold. */
static double max_precision(size_t n) {
    return n == 0 ? 0 : floor(log10(2) * ((double)n * 8 - 1));
}

static bool decimal_ok(const avro_type_t *t) {
    const json_t *precision = json_object_get(t->props, "precision");
    const json_t *scale = json_object_get(t->props, "scale");
    if (!json_is_integer(precision) || (scale != NULL && !json_is_integer(scale))) {
        return false;
    }
    json_int_t p = json_integer_value(precision), s = scale == NULL ? 0 : json_integer_value(scale);
    return p >= 1 && s >= 0 && s <= p && (t->kind != AVRO_FIXED || (double)p <= max_precision(t->size));
}

const char *avro_logical(const avro_type_t *t, bool *decimal) {
    const char *name = json_string_value(json_object_get(t->props, "logicalType"));
    *decimal = false;
    for (unsigned i = 0; name != NULL && i < COUNT_OF(logical_types); i++) {
        if (strcmp(name, logical_types[i].name) != 0) {
            continue;
        }
        bool fits = (logical_types[i].kinds & ON(t->kind)) != 0;
        if (t->kind == AVRO_FIXED && logical_types[i].fixed_size != 0) {
            fits = fits && t->size == logical_types[i].fixed_size;
        }
        *decimal = i == 0;
        return fits && (i != 0 || decimal_ok(t)) ? name : NULL;
    }
    return NULL;
}
