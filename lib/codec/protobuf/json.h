/* Shared by the two directions of ProtoJSON: forms of times, durations and field masks. */
#ifndef CODEC_PROTOBUF_JSON_H
#define CODEC_PROTOBUF_JSON_H

#include "codec/protobuf/model.h"

/* "2020-01-31T12:00:00.5+01:00" -> seconds since 1970 and nanos. false: no such time. */
bool pb_time_parse(const char *s, int64_t *seconds, int32_t *nanos);
/* With Z and 0, 3, 6 or 9 digits. false: out of the years 1 to 9999. */
bool pb_time_print(buf_t *out, int64_t seconds, int32_t nanos);
/* "-1.5s". false: malformed or over 10,000 years. */
bool pb_duration_parse(const char *s, int64_t *seconds, int32_t *nanos);
bool pb_duration_print(buf_t *out, int64_t seconds, int32_t nanos);
/* One path of a field mask, camelCase <-> snake_case. false: it would not come back the same. */
bool pb_path_to_snake(buf_t *out, const char *s, size_t n);
bool pb_path_to_camel(buf_t *out, const char *s, size_t n);

#endif
