/* The record as Avro binary, by hand. */
#ifndef BENCH_HAND_AVRO_H
#define BENCH_HAND_AVRO_H

#include "hand/customer.h"

static inline uint8_t *avro_put_long(uint8_t *p, int64_t v) {
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    while (z >= 0x80) {
        *p++ = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    *p++ = (uint8_t)z;
    return p;
}

static inline uint8_t *avro_put_text(uint8_t *p, view_t v) {
    p = avro_put_long(p, (int64_t)v.len);
    memcpy(p, v.ptr, v.len);
    return p + v.len;
}

/* Like all put functions with a key: NULL in is NULL out. */
INLINE uint8_t *avro_put_field(uint8_t *p, view_t v, bool sealed, floor_key_t *k, cipher_t cipher) {
    uint8_t box[BOX_MAX];
    if (p == NULL || !sealed) {
        return p == NULL ? NULL : avro_put_text(p, v);
    }
    size_t n = seal_view(k, cipher, box, v);
    return n == 0 ? NULL : base64_encode(avro_put_long(p, (int64_t)base64_length(n)), box, n);
}

INLINE uint8_t *avro_put(uint8_t *p, const customer_t *c, int fields, floor_key_t *k, cipher_t cipher) {
    p = avro_put_long(p, c->id);
    p = avro_put_field(p, c->email, fields >= 1, k, cipher);
    p = avro_put_field(p, c->name, fields >= 3, k, cipher);
    p = avro_put_field(p, c->account, fields >= 3, k, cipher);
    if (p == NULL) {
        return NULL;
    }
    p = avro_put_text(p, c->street);
    p = avro_put_text(p, c->city);
    p = avro_put_long(p, c->country);
    p = avro_put_long(p, c->created);
    memcpy(p, &c->balance, 8); /* little-endian machines only, as the back-ends */
    p += 8;
    *p++ = c->active;
    if (c->note.ptr != NULL) {
        *p++ = 2;
        p = avro_put_text(p, c->note);
    } else {
        *p++ = 0;
    }
    if (c->n_labels > 0) {
        p = avro_put_long(p, (int64_t)c->n_labels);
        for (size_t i = 0; i < c->n_labels; i++) {
            p = avro_put_text(p, c->labels[i]);
        }
    }
    *p++ = 0;
    for (size_t i = 0; i < c->n_extra; i++) {
        p = avro_put_field(p, c->extra[i], fields >= 20, k, cipher);
    }
    return p;
}

static inline int64_t avro_get_long(cursor_t *c) {
    uint64_t z = 0;
    for (unsigned shift = 0; shift < 70 && c->p < c->end; shift += 7) {
        uint8_t byte = *c->p++;
        z |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return (int64_t)(z >> 1 ^ (0 - (z & 1)));
        }
    }
    c->bad = true;
    return 0;
}

static inline view_t avro_get_text(cursor_t *c) {
    int64_t n = avro_get_long(c);
    if (n < 0 || n > c->end - c->p) {
        c->bad = true;
        n = 0;
    }
    view_t v = {c->p, (size_t)n};
    c->p += n;
    return v;
}

INLINE view_t avro_get_field(cursor_t *c, bool sealed, floor_key_t *k, cipher_t cipher) {
    view_t v = avro_get_text(c);
    return sealed ? open_view(k, cipher, c, v) : v;
}

INLINE bool avro_get(cursor_t *c, customer_t *out, int fields, bool wide, floor_key_t *k, cipher_t cipher) {
    out->id = avro_get_long(c);
    out->email = avro_get_field(c, fields >= 1, k, cipher);
    out->name = avro_get_field(c, fields >= 3, k, cipher);
    out->account = avro_get_field(c, fields >= 3, k, cipher);
    out->street = avro_get_text(c);
    out->city = avro_get_text(c);
    out->country = (int)avro_get_long(c);
    out->created = avro_get_long(c);
    if (c->end - c->p < 9) {
        return false;
    }
    memcpy(&out->balance, c->p, 8);
    out->active = c->p[8] == 1;
    c->p += 9;
    int64_t branch = avro_get_long(c);
    out->note = branch == 1 ? avro_get_text(c) : (view_t){NULL, 0};
    out->n_labels = 0;
    for (int64_t n = avro_get_long(c); n != 0; n = avro_get_long(c)) {
        if (c->bad || n < 0 || n > (int64_t)(sizeof out->labels / sizeof out->labels[0] - out->n_labels)) {
            return false; /* this record never has that many, nor blocks with a size */
        }
        for (int64_t i = 0; i < n; i++) {
            out->labels[out->n_labels++] = avro_get_text(c);
        }
    }
    out->n_extra = wide ? 17 : 0;
    for (size_t i = 0; i < out->n_extra; i++) {
        out->extra[i] = avro_get_field(c, fields >= 20, k, cipher);
    }
    return !c->bad && c->p == c->end && branch >= 0 && branch <= 1;
}

#endif
