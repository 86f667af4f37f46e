/* Avro JSON encoding <-> Avro binary, in one pass over spans; no JSON object tree, plaintext only in the caller's
 * sensitive buffers. */
#ifndef CODEC_AVRO_JSON_H
#define CODEC_AVRO_JSON_H

#include "codec/avro/schema.h"
#include <schloss/avro.h>

/* flags: SCHLOSS_AVRO_JSON_PLAIN. Appends to out. Fields may come in any order; unknown names, doubled names and
 * (without PLAIN) missing fields are DATA_MISMATCH naming the field. With PLAIN a missing field takes its default, else
 * null when its union has that branch. Errors name fields and member names, never values. */
SCHLOSS_NODISCARD schloss_rc avro_from_json(const avro_type_t *type, const char *json, size_t len, unsigned flags,
                                            buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc avro_to_json(const avro_type_t *type, bytes_t data, unsigned flags, buf_t *out,
                                          schloss_error_t *err);

#endif
