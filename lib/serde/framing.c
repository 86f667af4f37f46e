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

size_t framing_write_indexes(uint8_t out[FRAMING_INDEX_MAX], const int32_t *path, size_t n) {
    if (n == 1 && path[0] == 0) {
        out[0] = 0;
        return 1;
    }
    size_t len = varlong_write(out, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        len += varlong_write(out + len, path[i]);
    }
    return len;
}

schloss_rc framing_parse_indexes(bytes_t in, int32_t path[PB_INDEX_MAX], size_t *n, size_t *len, schloss_error_t *err) {
    cur_t c = cur_of(in);
    int64_t count = cur_varlong(&c);
    ENSURE(!c.failed, err, BAD_MESSAGE_INDEX, "the record ends within its message indexes");
    ENSURE(count >= 0 && count <= (int64_t)PB_INDEX_MAX, err, BAD_MESSAGE_INDEX,
           "%lld message indexes, at most PB_INDEX_MAX (%u) are read", (long long)count, PB_INDEX_MAX);
    for (int64_t i = 0; i < count; i++) {
        int64_t v = cur_varlong(&c);
        ENSURE(!c.failed && v >= 0 && v <= INT32_MAX, err, BAD_MESSAGE_INDEX, "message index %lld is %s", (long long)i,
               c.failed ? "cut short" : "out of range");
        path[i] = (int32_t)v;
    }
    if (count == 0) {
        path[0] = 0;
        count = 1;
    }
    ENSURE((size_t)(c.p - in.ptr) <= FRAMING_INDEX_MAX, err, BAD_MESSAGE_INDEX, "the message indexes are padded");
    *n = (size_t)count;
    *len = (size_t)(c.p - in.ptr);
    return SCHLOSS_OK;
}

const char *framing_header_name(bool is_key) {
    return is_key ? "__key_schema_id" : "__value_schema_id";
}
