/* The typed writer's inside: lib/serde encodes Avro JSON into its buffer. */
#ifndef CODEC_AVRO_WRITER_H
#define CODEC_AVRO_WRITER_H

#include "base/buf.h"
#include "base/limits.h"
#include <schloss/avro.h>

struct schloss_avro_writer {
    buf_t buf;                            /* sensitive; its max leaves room for one varint beyond max_len */
    size_t max_len;                       /* of one record */
    unsigned depth;                       /* arrays and maps that are open */
    schloss_rc failed;                    /* sticky misuse: INVALID_STATE, INVALID_ARGUMENT, LIMIT_EXCEEDED */
    uint8_t is_empty[LIMIT_RECORD_DEPTH]; /* of the open ones: count 0, already complete */
};

#endif
