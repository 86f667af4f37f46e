/* Reading ProtoJSON: what json_in.c (fields) and json_in_known.c (well-known types) call of each other. */
#ifndef CODEC_PROTOBUF_JSON_IN_H
#define CODEC_PROTOBUF_JSON_IN_H

#include "codec/json/scan.h"
#include "codec/protobuf/model.h"

typedef struct pb_json_in {
    buf_t *out;
    buf_t text; /* sensitive; the text being looked at */
    unsigned depth;
    bool is_key; /* of a map: everything is a text */
    schloss_error_t *err;
} pb_json_in_t;

/* f: the field that holds what is wrong, NULL at the root. */
schloss_rc pb_json_misfit(pb_json_in_t *j, const pb_field_t *f, const char *what);
/* A string, decoded into j->text, without U+0000. */
schloss_rc pb_json_text(pb_json_in_t *j, const pb_field_t *f, json_span_t v, const char **out);
/* Tag and one value; a default is left out unless keep_default. */
schloss_rc pb_json_put_value(pb_json_in_t *j, const pb_field_t *f, json_span_t v, bool keep_default);
schloss_rc pb_json_put_map(pb_json_in_t *j, const pb_field_t *f, json_span_t v);
/* The content of a message, in its own form if it has one. */
schloss_rc pb_json_put_message(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v);
/* The fields of an object; skip: a member that is none (may be NULL). */
schloss_rc pb_json_put_fields(pb_json_in_t *j, const pb_message_t *m, const pb_field_t *f, json_span_t v,
                              const char *skip);

#endif
