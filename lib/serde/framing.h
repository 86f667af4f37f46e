/* Framing: which schema wrote these bytes (spec client-encryption 5.1).
 *
 *     00 | schema id, 4 bytes big-endian | payload          prefix
 *     01 | GUID, 16 bytes | payload                         prefix with GUID (read only)
 *     header __value_schema_id / __key_schema_id = 00.. or 01.. as above, payload unframed */
#ifndef SERDE_FRAMING_H
#define SERDE_FRAMING_H

#include "base/buf.h"
#include "codec/protobuf/schema.h"

#define FRAMING_ID_LEN 5u
#define FRAMING_GUID_LEN 17u
#define FRAMING_INDEX_MAX (5u * (PB_INDEX_MAX + 1u)) /* message indexes of Protobuf */

typedef struct framing {
    bool is_guid;
    int32_t id;
    uint8_t guid[16];
    size_t prefix_len; /* bytes of the prefix within the parsed bytes */
    /* Protobuf: message indexes as they stand in the record, to tell targets apart; none for the first message */
    uint8_t index_len;
    uint8_t index[FRAMING_INDEX_MAX];
} framing_t;

size_t framing_write_id(uint8_t out[FRAMING_ID_LEN], int32_t id);
size_t framing_write_guid(uint8_t out[FRAMING_GUID_LEN], const uint8_t guid[16]);
/* @return UNKNOWN_MAGIC, SHORT_PREFIX */
SCHLOSS_NODISCARD schloss_rc framing_parse(bytes_t value, framing_t *out, schloss_error_t *err);
/* Message indexes (spec 5.2): zigzag varint count, then each index; the path [0] is the single byte 00. */
size_t framing_write_indexes(uint8_t out[FRAMING_INDEX_MAX], const int32_t *path, size_t n);
/* Reads them at the start of in. *len: bytes that they take. @return BAD_MESSAGE_INDEX */
SCHLOSS_NODISCARD schloss_rc framing_parse_indexes(bytes_t in, int32_t path[PB_INDEX_MAX], size_t *n, size_t *len,
                                                   schloss_error_t *err);
const char *framing_header_name(bool is_key);

#endif
