/* Descriptors on the wire: fields of a serialized message, one after the other. See proto.h. */
#include "registry/schema/proto.h"

static uint64_t varint(cur_t *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *b = cur_take(c, 1);
        if (b == NULL) {
            return 0;
        }
        v |= (uint64_t)(*b & 0x7f) << shift;
        if (*b < 0x80) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

bool proto_next(cur_t *cur, proto_field_t *out) {
    if (cur->failed || cur_left(cur) == 0) {
        return false;
    }
    uint64_t key = varint(cur), n;
    out->number = (uint32_t)(key >> 3);
    out->value = 0;
    out->data = bytes(NULL, 0);
    switch (key & 7) {
    case 0:
        out->value = varint(cur);
        break;
    case 1:
        out->data = bytes(cur_take(cur, 8), 8);
        break;
    case 2:
        n = varint(cur);
        if (n > cur_left(cur)) {
            cur->failed = true;
            break;
        }
        out->data = bytes(cur_take(cur, (size_t)n), (size_t)n);
        break;
    case 5:
        out->data = bytes(cur_take(cur, 4), 4);
        break;
    default:
        cur->failed = true;
    }
    return !cur->failed;
}

bool proto_find(bytes_t message, uint32_t number, proto_field_t *f) {
    cur_t c = cur_of(message);
    while (proto_next(&c, f)) {
        if (f->number == number) {
            return true;
        }
    }
    return false;
}

bytes_t proto_bytes(bytes_t message, uint32_t number) {
    proto_field_t f;
    return proto_find(message, number, &f) ? f.data : bytes(NULL, 0);
}

uint64_t proto_int(bytes_t message, uint32_t number, uint64_t dflt) {
    proto_field_t f;
    return proto_find(message, number, &f) ? f.value : dflt;
}

bool proto_has(bytes_t message, uint32_t number) {
    proto_field_t f;
    return proto_find(message, number, &f);
}
