/* Reading the Protobuf wire format field by field, for what is not hot: descriptors, JSON, leaves. The plans have their
 * own loop (rules/plan_protobuf_run.c). Refuses field number 0, numbers over 2^29 - 1, varints over ten bytes, lengths
 * behind the end, groups that do not close or nest deeper than LIMIT_RECORD_DEPTH. */
#ifndef CODEC_PROTOBUF_WIRE_H
#define CODEC_PROTOBUF_WIRE_H

#include "base/buf.h"

typedef enum {
    WIRE_VARINT = 0,
    WIRE_FIX64 = 1,
    WIRE_LEN = 2,
    WIRE_GROUP = 3,
    WIRE_END = 4,
    WIRE_FIX32 = 5
} wire_type_t;

#define WIRE_MAX_NUMBER 0x1fffffffu

typedef struct wire_field {
    uint32_t number;
    wire_type_t type; /* never WIRE_END */
    uint64_t value;   /* of VARINT, FIX64, FIX32 */
    bytes_t data;     /* content of LEN and of a group; the value's own bytes otherwise */
} wire_field_t;

/* Next field; false at the end, and then c->failed says whether the bytes were malformed. */
bool wire_next(cur_t *c, wire_field_t *f);
/* Plain varint of at most 10 bytes; failed otherwise. */
uint64_t wire_varint(cur_t *c);
/* Is every byte of b part of a varint of at most ten bytes? (packed fields) */
bool wire_varints_valid(bytes_t b);

static inline int64_t wire_zigzag(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
static inline size_t wire_varint_size(uint64_t v) {
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}
void wire_put_varint(buf_t *b, uint64_t v);
void wire_put_tag(buf_t *b, uint32_t number, wire_type_t type);

#endif
