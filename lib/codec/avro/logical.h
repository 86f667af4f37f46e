/* Logical types that are valid on their type; others count as plain properties (schema-registry-api.md 15.1). */
#ifndef CODEC_AVRO_LOGICAL_H
#define CODEC_AVRO_LOGICAL_H

#include "codec/avro/schema.h"

/* Name of the valid logical type of t, or NULL. *decimal: it has a precision and a scale. */
const char *avro_logical(const avro_type_t *t, bool *decimal);

#endif
