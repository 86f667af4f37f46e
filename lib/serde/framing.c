/* Framing bytes; golden values in tests/vectors/data/framing.json. */
#include "serde/framing.h"

size_t framing_write_id(uint8_t out[FRAMING_ID_LEN], int32_t id) {
    out[0] = 0;
    be32_write(out + 1, (uint32_t)id);
    return FRAMING_ID_LEN;
}

size_t framing_write_guid(uint8_t out[FRAMING_GUID_LEN], const uint8_t guid[16]) {
    out[0] = 1;
    memcpy(out + 1, guid, 16);
    return FRAMING_GUID_LEN;
}

schloss_rc framing_parse(bytes_t v, framing_t *out, schloss_error_t *err) {
    ENSURE(v.len > 0, err, SHORT_PREFIX, "no bytes where a schema id should be");
    if (v.ptr[0] > 1) {
        schloss_rc rc = FAIL(err, UNKNOWN_MAGIC, "Unknown magic byte! (0x%02x)", v.ptr[0]);
        err_hint(err, "the record was not written by a serializer of a schema registry");
        return rc;
    }
    out->is_guid = v.ptr[0] == 1;
    out->prefix_len = out->is_guid ? FRAMING_GUID_LEN : FRAMING_ID_LEN;
    ENSURE(v.len >= out->prefix_len, err, SHORT_PREFIX, "%zu bytes where a schema id needs %zu", v.len,
           out->prefix_len);
    if (out->is_guid) {
        out->id = -1;
        memcpy(out->guid, v.ptr + 1, 16);
    } else {
        out->id = (int32_t)be32_read(v.ptr + 1);
    }
    return SCHLOSS_OK;
}

const char *framing_header_name(bool is_key) {
    return is_key ? "__key_schema_id" : "__value_schema_id";
}
