/* The usual cases of the typed reader without a call, for hot loops. avro.h includes this at its end; define
 * SCHLOSS_NO_INLINE before it to call the library always. The functions of the same names stay exported (bindings,
 * function pointers). Only p and end of the reader are looked at: their place is part of the ABI (docs/abi.md). After a
 * failure end equals p, so that everything goes to the library, which knows. */
#ifndef SCHLOSS_AVRO_INLINE_H
#define SCHLOSS_AVRO_INLINE_H

#include <schloss/avro.h>
#include <string.h>

#if (defined(__GNUC__) || defined(__clang__)) && !defined(SCHLOSS_BUILDING) && !defined(SCHLOSS_NO_INLINE)

/** The first two members of every schloss_avro_reader_t. Not for applications. */
typedef struct {
    const uint8_t *p, *end;
} schloss_avro_cursor_t;

/* A run below 64 bytes: its length is one even byte. */
static inline bool schloss_avro_run_inline(schloss_avro_reader_t *r, schloss_bytes_t *out) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    size_t left = (size_t)(c->end - q);
    if (__builtin_expect(left > 0 && (q[0] & 0x81) == 0 && (size_t)(q[0] >> 1) < left, 1)) {
        size_t n = (size_t)q[0] >> 1;
        c->p = q + 1 + n;
        out->ptr = q + 1;
        out->len = n;
        return true;
    }
    return false;
}

static inline schloss_bytes_t schloss_avro_get_string_inline(schloss_avro_reader_t *r) {
    schloss_bytes_t run;
    return schloss_avro_run_inline(r, &run) ? run : schloss_avro_get_string(r);
}

static inline schloss_bytes_t schloss_avro_get_bytes_inline(schloss_avro_reader_t *r) {
    schloss_bytes_t run;
    return schloss_avro_run_inline(r, &run) ? run : schloss_avro_get_bytes(r);
}

static inline int64_t schloss_avro_get_long_inline(schloss_avro_reader_t *r) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    if (__builtin_expect(c->end != q && q[0] < 0x80, 1)) {
        c->p = q + 1;
        return (int64_t)(q[0] >> 1) ^ -(int64_t)(q[0] & 1);
    }
    return schloss_avro_get_long(r);
}

static inline int32_t schloss_avro_get_int_inline(schloss_avro_reader_t *r) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    if (__builtin_expect(c->end != q && q[0] < 0x80, 1)) {
        c->p = q + 1;
        return (int32_t)(q[0] >> 1) ^ -(int32_t)(q[0] & 1);
    }
    return schloss_avro_get_int(r);
}

/* A branch or symbol below 64: one even byte. */
static inline bool schloss_avro_index_inline(schloss_avro_reader_t *r, int32_t *out) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    if (__builtin_expect(c->end != q && (q[0] & 0x81) == 0, 1)) {
        c->p = q + 1;
        *out = (int32_t)(q[0] >> 1);
        return true;
    }
    return false;
}

static inline int32_t schloss_avro_get_union_inline(schloss_avro_reader_t *r) {
    int32_t i;
    return schloss_avro_index_inline(r, &i) ? i : schloss_avro_get_union(r);
}

static inline int32_t schloss_avro_get_enum_inline(schloss_avro_reader_t *r) {
    int32_t i;
    return schloss_avro_index_inline(r, &i) ? i : schloss_avro_get_enum(r);
}

static inline bool schloss_avro_get_boolean_inline(schloss_avro_reader_t *r) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    if (__builtin_expect(c->end != q && q[0] <= 1, 1)) {
        c->p = q + 1;
        return q[0] == 1;
    }
    return schloss_avro_get_boolean(r);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline double schloss_avro_get_double_inline(schloss_avro_reader_t *r) {
    schloss_avro_cursor_t *c = (schloss_avro_cursor_t *)(void *)r;
    const uint8_t *q = c->p;
    double v;
    if (__builtin_expect(c->end - q >= 8, 1)) {
        memcpy(&v, q, sizeof v);
        c->p = q + 8;
        return v;
    }
    return schloss_avro_get_double(r);
}
#define schloss_avro_get_double(r) schloss_avro_get_double_inline(r)
#endif

#define schloss_avro_get_string(r) schloss_avro_get_string_inline(r)
#define schloss_avro_get_bytes(r) schloss_avro_get_bytes_inline(r)
#define schloss_avro_get_long(r) schloss_avro_get_long_inline(r)
#define schloss_avro_get_int(r) schloss_avro_get_int_inline(r)
#define schloss_avro_get_union(r) schloss_avro_get_union_inline(r)
#define schloss_avro_get_enum(r) schloss_avro_get_enum_inline(r)
#define schloss_avro_get_boolean(r) schloss_avro_get_boolean_inline(r)

#endif
#endif
