/* Walking Avro binary under a schema: skipping and checking without building objects. */
#ifndef CODEC_AVRO_WALK_H
#define CODEC_AVRO_WALK_H

#include "codec/avro/schema.h"

typedef struct avro_walk {
    cur_t cur;
    const uint8_t *start; /* of the data: offsets in errors */
    unsigned depth;       /* current nesting; refused beyond max_depth */
    unsigned max_depth;   /* LIMIT_RECORD_DEPTH */
    uint64_t items_left;  /* zero-byte items still allowed (LIMIT_RECORD_ITEMS): [null x 2^60] must not spin */
} avro_walk_t;

void avro_walk_init(avro_walk_t *w, bytes_t data);
/* Skips one value of type. On failure the error names kind and offset: DATA_MISMATCH or LIMIT_EXCEEDED.
 * Checks: varints, lengths, branch and symbol indexes, booleans 0/1, UTF-8 is not checked, blocks of arrays and maps
 * (a negative count's byte size must match exactly). */
SCHLOSS_NODISCARD schloss_rc avro_skip(avro_walk_t *w, const avro_type_t *type, schloss_error_t *err);
/* data is exactly one value of type. */
SCHLOSS_NODISCARD schloss_rc avro_check(bytes_t data, const avro_type_t *type, schloss_error_t *err);

#endif
