/* TTLV written and read. The reader trusts nothing: ttlv_check() walks a message with a stack of ends of its own, so
 * that depth is bounded, before anybody looks inside. */
#include "kms/kmip/ttlv.h"

#define HEADER_LEN 8u

static size_t padded(size_t n) {
    return (n + 7) & ~(size_t)7;
}

static void put_header(buf_t *out, uint32_t tag, enum ttlv_type type, size_t len) {
    buf_put_be32(out, tag << 8 | (uint32_t)type);
    buf_put_be32(out, (uint32_t)len);
}

size_t ttlv_begin(buf_t *out, uint32_t tag) {
    put_header(out, tag, TTLV_STRUCTURE, 0);
    return out->len;
}

void ttlv_end(buf_t *out, size_t mark) {
    if (!out->failed) {
        be32_write(out->ptr + mark - 4, (uint32_t)(out->len - mark));
    }
}

static void put_u32(buf_t *out, uint32_t tag, enum ttlv_type type, uint32_t v) {
    put_header(out, tag, type, 4);
    buf_put_be32(out, v);
    buf_put_be32(out, 0);
}

void ttlv_put_int(buf_t *out, uint32_t tag, int32_t v) {
    put_u32(out, tag, TTLV_INTEGER, (uint32_t)v);
}

void ttlv_put_enum(buf_t *out, uint32_t tag, uint32_t v) {
    put_u32(out, tag, TTLV_ENUM, v);
}

static void put_run(buf_t *out, uint32_t tag, enum ttlv_type type, const void *p, size_t n) {
    static const uint8_t zeros[8] = {0};
    put_header(out, tag, type, n);
    buf_put(out, p, n);
    buf_put(out, zeros, padded(n) - n);
}

void ttlv_put_text(buf_t *out, uint32_t tag, const char *s) {
    put_run(out, tag, TTLV_TEXT, s, strlen(s));
}

void ttlv_put_bytes(buf_t *out, uint32_t tag, bytes_t b) {
    put_run(out, tag, TTLV_BYTES, b.ptr, b.len);
}

/* ---- reading ---- */

/* Has a value of this type the length that it must have? */
static bool length_fits(uint8_t type, size_t len) {
    switch (type) {
    case TTLV_STRUCTURE:
    case TTLV_BIG:
        return len % 8 == 0;
    case TTLV_INTEGER:
    case TTLV_ENUM:
    case TTLV_INTERVAL:
        return len == 4;
    case TTLV_LONG:
    case TTLV_BOOLEAN:
    case TTLV_DATE:
        return len == 8;
    case TTLV_TEXT:
    case TTLV_BYTES:
        return true;
    default:
        return false;
    }
}

const char *ttlv_check(bytes_t msg) {
    if (msg.len > TTLV_MESSAGE_MAX) {
        return "it is longer than 64 KiB";
    }
    if (msg.len < HEADER_LEN || msg.ptr[3] != TTLV_STRUCTURE) {
        return "it is no TTLV structure";
    }
    size_t ends[TTLV_DEPTH];
    size_t depth = 0;
    size_t at = 0;
    do {
        size_t end = depth == 0 ? msg.len : ends[depth - 1];
        if (at == end) {
            depth--;
            continue;
        }
        if (end - at < HEADER_LEN) {
            return "an item is cut short";
        }
        uint8_t type = msg.ptr[at + 3];
        size_t len = be32_read(msg.ptr + at + 4);
        at += HEADER_LEN;
        if (len > end - at || padded(len) > end - at) {
            return "an item is longer than what holds it";
        }
        if (!length_fits(type, len)) {
            return "an item has an unknown type, or a length that its type does not have";
        }
        if (type != TTLV_STRUCTURE) {
            at += padded(len);
        } else if (depth == TTLV_DEPTH) {
            return "it is nested more than 32 deep";
        } else {
            ends[depth++] = at + len;
        }
    } while (depth > 0);
    return at == msg.len ? NULL : "something follows its end";
}

bool ttlv_next(cur_t *c, ttlv_t *out) {
    const uint8_t *h = cur_left(c) == 0 ? NULL : cur_take(c, HEADER_LEN);
    if (h == NULL) {
        return false;
    }
    size_t len = be32_read(h + 4);
    const uint8_t *value = cur_take(c, len > cur_left(c) ? len : padded(len));
    if (value == NULL) {
        return false;
    }
    *out = (ttlv_t){be32_read(h) >> 8, h[3], bytes(value, len)};
    return true;
}

bool ttlv_find(bytes_t children, uint32_t tag, enum ttlv_type type, ttlv_t *out) {
    cur_t c = cur_of(children);
    while (ttlv_next(&c, out)) {
        if (out->tag == tag) {
            return out->type == type;
        }
    }
    return false;
}

uint32_t ttlv_u32(const ttlv_t *t) {
    return t->value.len == 4 ? be32_read(t->value.ptr) : 0;
}
