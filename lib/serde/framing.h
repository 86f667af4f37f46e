/* Framing: which schema wrote these bytes (spec client-encryption 5.1).
 *
 *     00 | schema id, 4 bytes big-endian | payload          prefix
 *     01 | GUID, 16 bytes | payload                         prefix with GUID (read only)
 *     header __value_schema_id / __key_schema_id = 00.. or 01.. as above, payload unframed */
#ifndef SERDE_FRAMING_H
#define SERDE_FRAMING_H

#include "base/buf.h"

#define FRAMING_ID_LEN 5u
#define FRAMING_GUID_LEN 17u

typedef struct framing {
    bool is_guid;
    int32_t id;
    uint8_t guid[16];
    size_t prefix_len; /* bytes of the prefix within the parsed bytes */
} framing_t;

size_t framing_write_id(uint8_t out[FRAMING_ID_LEN], int32_t id);
size_t framing_write_guid(uint8_t out[FRAMING_GUID_LEN], const uint8_t guid[16]);
/* @return UNKNOWN_MAGIC, SHORT_PREFIX */
SCHLOSS_NODISCARD schloss_rc framing_parse(bytes_t value, framing_t *out, schloss_error_t *err);
const char *framing_header_name(bool is_key);

#endif
