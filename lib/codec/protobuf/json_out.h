/* Writing ProtoJSON: what json_out.c (fields) and json_out_known.c (well-known types) call of each other. */
#ifndef CODEC_PROTOBUF_JSON_OUT_H
#define CODEC_PROTOBUF_JSON_OUT_H

#include "codec/protobuf/model.h"

typedef struct pb_json_out {
    buf_t *out;
    unsigned depth;
    schloss_error_t *err;
} pb_json_out_t;

schloss_rc pb_json_unfit(pb_json_out_t *j, const pb_field_t *f, const char *what);
/* Value of a number's wire bytes; none: 0. */
uint64_t pb_json_number(const pb_field_t *f, bytes_t data);
/* One value of a field; no bytes: the default. */
schloss_rc pb_json_put(pb_json_out_t *j, const pb_field_t *f, bytes_t data);
/* A message, in its own form if it has one. */
schloss_rc pb_json_message(pb_json_out_t *j, const pb_message_t *m, const pb_field_t *f, bytes_t record);
/* Its fields, without braces; first: no comma before the first one. */
schloss_rc pb_json_fields(pb_json_out_t *j, const pb_message_t *m, bytes_t record, bool first);

#endif
