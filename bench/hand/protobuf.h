/* The record as a Protobuf message, by hand: fields in the order of their numbers when written, in any order when read,
 * as the format wants it. */
#ifndef BENCH_HAND_PROTOBUF_H
#define BENCH_HAND_PROTOBUF_H

#include "hand/customer.h"

static inline uint8_t *pb_put_varint(uint8_t *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static inline uint8_t *pb_put_number(uint8_t *p, unsigned field, uint64_t v) {
    return v == 0 ? p : pb_put_varint(pb_put_varint(p, field << 3), v);
}

static inline uint8_t *pb_put_bytes(uint8_t *p, unsigned field, view_t v) {
    p = pb_put_varint(pb_put_varint(p, field << 3 | 2), v.len);
    memcpy(p, v.ptr, v.len);
    return p + v.len;
}

INLINE uint8_t *pb_put_text(uint8_t *p, unsigned field, view_t v, bool sealed, floor_key_t *k, cipher_t cipher) {
    uint8_t box[BOX_MAX];
    if (p == NULL || v.len == 0 || !sealed) {
        return p == NULL || v.len == 0 ? p : pb_put_bytes(p, field, v);
    }
    size_t n = seal_view(k, cipher, box, v);
    if (n == 0) {
        return NULL;
    }
    p = pb_put_varint(pb_put_varint(p, field << 3 | 2), base64_length(n));
    return base64_encode(p, box, n);
}

INLINE uint8_t *pb_put(uint8_t *p, const customer_t *c, int fields, floor_key_t *k, cipher_t cipher) {
    p = pb_put_number(p, 1, (uint64_t)c->id);
    p = pb_put_text(p, 2, c->email, fields >= 1, k, cipher);
    p = pb_put_text(p, 3, c->name, fields >= 3, k, cipher);
    p = pb_put_text(p, 4, c->account, fields >= 3, k, cipher);
    if (p == NULL) {
        return NULL;
    }
    p = pb_put_text(p, 5, c->street, false, k, cipher);
    p = pb_put_text(p, 6, c->city, false, k, cipher);
    p = pb_put_number(p, 7, (uint64_t)c->country);
    p = pb_put_number(p, 8, (uint64_t)c->created);
    uint64_t bits;
    memcpy(&bits, &c->balance, 8);
    if (bits != 0) {
        *p++ = 9 << 3 | 1;
        memcpy(p, &bits, 8);
        p += 8;
    }
    p = pb_put_number(p, 10, c->active);
    p = pb_put_text(p, 11, c->note, false, k, cipher);
    for (size_t i = 0; i < c->n_labels; i++) {
        p = pb_put_bytes(p, 12, c->labels[i]);
    }
    for (unsigned i = 0; i < c->n_extra; i++) {
        p = pb_put_text(p, 13 + i, c->extra[i], fields >= 20, k, cipher);
    }
    return p;
}

static inline uint64_t pb_get_varint(cursor_t *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && c->p < c->end; shift += 7) {
        uint8_t byte = *c->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    c->bad = true;
    return 0;
}

static inline view_t pb_get_bytes(cursor_t *c) {
    uint64_t n = pb_get_varint(c);
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        n = 0;
    }
    view_t v = {c->p, (size_t)n};
    c->p += n;
    return v;
}

static inline void pb_skip(cursor_t *c, unsigned wire) {
    size_t n = wire == 1 ? 8 : 4;
    if (wire == 0) {
        (void)pb_get_varint(c);
    } else if (wire == 2) {
        (void)pb_get_bytes(c);
    } else if ((wire == 1 || wire == 5) && (size_t)(c->end - c->p) >= n) {
        c->p += n;
    } else {
        c->bad = true;
    }
}

INLINE view_t pb_get_text(cursor_t *c, bool sealed, floor_key_t *k, cipher_t cipher) {
    view_t v = pb_get_bytes(c);
    return sealed ? open_view(k, cipher, c, v) : v;
}

INLINE bool pb_get(cursor_t *c, customer_t *out, int fields, bool wide, floor_key_t *k, cipher_t cipher) {
    memset(out, 0, sizeof *out);
    out->n_extra = wide ? 17 : 0;
    while (c->p < c->end && !c->bad) {
        uint64_t key = pb_get_varint(c);
        switch (key) {
        case 1 << 3:
            out->id = (int64_t)pb_get_varint(c);
            break;
        case 2 << 3 | 2:
            out->email = pb_get_text(c, fields >= 1, k, cipher);
            break;
        case 3 << 3 | 2:
            out->name = pb_get_text(c, fields >= 3, k, cipher);
            break;
        case 4 << 3 | 2:
            out->account = pb_get_text(c, fields >= 3, k, cipher);
            break;
        case 5 << 3 | 2:
            out->street = pb_get_bytes(c);
            break;
        case 6 << 3 | 2:
            out->city = pb_get_bytes(c);
            break;
        case 7 << 3:
            out->country = (int)pb_get_varint(c);
            break;
        case 8 << 3:
            out->created = (int64_t)pb_get_varint(c);
            break;
        case 9 << 3 | 1:
            if (c->end - c->p < 8) {
                return false;
            }
            memcpy(&out->balance, c->p, 8);
            c->p += 8;
            break;
        case 10 << 3:
            out->active = pb_get_varint(c) != 0;
            break;
        case 11 << 3 | 2:
            out->note = pb_get_bytes(c);
            break;
        case 12 << 3 | 2:
            if (out->n_labels == sizeof out->labels / sizeof out->labels[0]) {
                return false; /* this record never has that many */
            }
            out->labels[out->n_labels++] = pb_get_bytes(c);
            break;
        default:
            if (wide && (key & 7) == 2 && key >> 3 >= 13 && key >> 3 < 13 + 17) {
                out->extra[(key >> 3) - 13] = pb_get_text(c, fields >= 20, k, cipher);
            } else {
                pb_skip(c, (unsigned)key & 7);
            }
        }
    }
    return !c->bad;
}

#endif
