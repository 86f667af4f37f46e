/* The wire format, bounds and nesting checked. */
#include "codec/protobuf/wire.h"
#include "base/limits.h"
#include <endian.h>

uint64_t wire_varint(cur_t *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = cur_take(c, 1);
        if (p == NULL) {
            return 0;
        }
        v |= (uint64_t)(*p & 0x7f) << shift; /* bits over 64 of the tenth byte are dropped, as all readers do */
        if (*p < 0x80) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

bool wire_varints_valid(bytes_t b) {
    unsigned run = 0;
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] < 0x80) {
            run = 0;
        } else if (++run >= 10) {
            return false;
        }
    }
    return run == 0;
}

static bool read_tag(cur_t *c, uint32_t *number, unsigned *type) {
    uint64_t tag = wire_varint(c);
    *number = (uint32_t)(tag >> 3);
    *type = (unsigned)tag & 7;
    if (c->failed || tag > UINT32_MAX || *number == 0 || *type > WIRE_FIX32) {
        c->failed = true;
        return false;
    }
    return true;
}

/* The value of a field whose tag has been read; a group is walked through to its end. */
static bool read_value(cur_t *c, uint32_t number, unsigned type, wire_field_t *f, unsigned depth) {
    const uint8_t *p = c->p;
    f->number = number;
    f->type = (wire_type_t)type;
    f->value = 0;
    f->data = bytes(NULL, 0);
    switch (f->type) {
    case WIRE_VARINT:
        f->value = wire_varint(c);
        f->data = bytes(p, (size_t)(c->p - p));
        return !c->failed;
    case WIRE_FIX64: {
        uint64_t v = 0;
        p = cur_take(c, 8);
        if (p != NULL) {
            memcpy(&v, p, 8);
            f->value = le64toh(v);
            f->data = bytes(p, 8);
        }
        return p != NULL;
    }
    case WIRE_FIX32: {
        uint32_t v = 0;
        p = cur_take(c, 4);
        if (p != NULL) {
            memcpy(&v, p, 4);
            f->value = le32toh(v);
            f->data = bytes(p, 4);
        }
        return p != NULL;
    }
    case WIRE_LEN: {
        uint64_t n = wire_varint(c);
        if (c->failed || n > cur_left(c)) {
            c->failed = true;
            return false;
        }
        f->data = bytes(c->p, (size_t)n);
        c->p += n;
        return true;
    }
    case WIRE_GROUP:
        while (depth < LIMIT_RECORD_DEPTH) {
            const uint8_t *end = c->p;
            uint32_t inner = 0;
            unsigned inner_type = 0;
            wire_field_t ignored;
            if (!read_tag(c, &inner, &inner_type)) {
                return false;
            }
            if (inner_type == WIRE_END) {
                f->type = WIRE_GROUP;
                f->number = number;
                f->data = bytes(p, (size_t)(end - p));
                c->failed = c->failed || inner != number;
                return !c->failed;
            }
            if (!read_value(c, inner, inner_type, &ignored, depth + 1)) {
                return false;
            }
        }
        c->failed = true;
        return false;
    case WIRE_END:
        break;
    }
    c->failed = true;
    return false;
}

bool wire_next(cur_t *c, wire_field_t *f) {
    uint32_t number = 0;
    unsigned type = 0;
    if (c->failed || c->p == c->end || !read_tag(c, &number, &type)) {
        return false;
    }
    return read_value(c, number, type, f, 0);
}

void wire_put_varint(buf_t *b, uint64_t v) {
    if (buf_reserve(b, 10)) {
        b->len += uvarlong_write(b->ptr + b->len, v);
    }
}

void wire_put_tag(buf_t *b, uint32_t number, wire_type_t type) {
    wire_put_varint(b, (uint64_t)number << 3 | type);
}
