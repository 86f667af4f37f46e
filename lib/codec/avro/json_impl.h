/* Shared by the parts of the JSON -> Avro encoder: json_in.c (values as they stand), json_plain.c (lenient input). */
#ifndef CODEC_AVRO_JSON_IMPL_H
#define CODEC_AVRO_JSON_IMPL_H

#include "codec/avro/json.h"
#include "codec/avro/model.h"
#include "codec/json/scan.h"

typedef struct avro_encoder {
    buf_t *out;
    bool plain;
    unsigned depth;
    uint64_t steps; /* left for looking at union branches and for defaults, which could be exponential */
    schloss_error_t *err;
} avro_encoder_t;

/* What a text of len bytes may spend: far more than any that is not made to hurt needs. */
#define AVRO_PLAIN_STEPS(len) ((uint64_t)1000 * 1000 + 8 * (uint64_t)(len))

schloss_rc avro_encode(avro_encoder_t *e, const avro_type_t *t, json_span_t v);

/* Begins a record, array or map: depth. The caller lowers e->depth again. */
schloss_rc avro_encoder_enter(avro_encoder_t *e);
void avro_put_real(avro_encoder_t *e, const avro_type_t *t, double v);
/* What was appended since from is a string: puts its length before it. */
void avro_put_length_before(buf_t *out, size_t from);
/* What was appended since from is UTF-8 of U+0000..U+00FF: makes it bytes. false: other characters. */
bool avro_latin1(buf_t *out, size_t from);
/* "NaN", "Infinity", "-Infinity". */
bool avro_non_finite(json_span_t v, double *out);

/* The value of a field that the input leaves out. */
schloss_rc avro_encode_missing(avro_encoder_t *e, const avro_field_t *f);
/* The one branch of a union that v fits without a wrapper. @return DATA_MISMATCH when none or several do */
schloss_rc avro_plain_branch(avro_encoder_t *e, const avro_type_t *t, json_span_t v, size_t *branch);

#endif
