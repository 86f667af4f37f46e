/* Tink key messages: a handful of Protobuf fields, read by hand. */
#include "crypto/tink.h"
#include "base/buf.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { FIELD_VERSION = 1, FIELD_SIV_KEY = 2, FIELD_GCM_KEY = 3 };

static uint32_t key_field(dek_alg_t alg) {
    return alg == DEK_AES256_SIV ? FIELD_SIV_KEY : FIELD_GCM_KEY;
}

size_t tink_key_write(uint8_t out[TINK_MAX_LEN], dek_alg_t alg, const uint8_t *raw) {
    size_t n = dek_alg_key_len(alg);
    out[0] = (uint8_t)(key_field(alg) << 3 | WIRE_BYTES);
    out[1] = (uint8_t)n; /* < 128: one byte */
    memcpy(out + 2, raw, n);
    return n + 2;
}

/* A Protobuf varint: at most ten bytes, bits above the 64th are dropped as every implementation does. */
static uint64_t varint(cur_t *c) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 10; i++) {
        const uint8_t *p = cur_take(c, 1);
        if (p == NULL) {
            return 0;
        }
        v |= (uint64_t)(*p & 0x7f) << (7 * i);
        if (!(*p & 0x80)) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

schloss_rc tink_key_parse(bytes_t *raw, dek_alg_t alg, bytes_t msg, schloss_error_t *err) {
    cur_t c = cur_of(msg);
    bytes_t key = {NULL, 0};
    uint32_t version = 0;
    while (cur_left(&c) > 0 && !c.failed) {
        uint64_t tag = varint(&c);
        uint64_t field = tag >> 3, n;
        if (field == 0 || tag > UINT32_MAX) {
            c.failed = true;
            break;
        }
        switch (tag & 7) {
        case WIRE_VARINT:
            n = varint(&c);
            if (field == FIELD_VERSION) {
                version = (uint32_t)n;
            }
            break;
        case WIRE_64:
            (void)cur_take(&c, 8);
            break;
        case WIRE_32:
            (void)cur_take(&c, 4);
            break;
        case WIRE_BYTES: {
            n = varint(&c);
            const uint8_t *p = n > SIZE_MAX ? NULL : cur_take(&c, (size_t)n);
            if (p != NULL && field == key_field(alg)) {
                key = bytes(p, (size_t)n);
            }
            break;
        }
        default: /* groups; Tink has none */
            c.failed = true;
        }
    }
    const char *name = dek_alg_name(alg);
    ENSURE(!c.failed, err, BAD_KEY, "the unwrapped DEK of %zu bytes is no key message", msg.len);
    ENSURE(version == 0, err, BAD_KEY, "the key message has version %u; 0 is known", version);
    ENSURE(key.ptr != NULL, err, BAD_KEY, "the key message holds no %s key", name);
    ENSURE(key.len == dek_alg_key_len(alg), err, BAD_KEY, "the key message holds %zu key bytes; %s has %zu", key.len,
           name, dek_alg_key_len(alg));
    *raw = key;
    return SCHLOSS_OK;
}
