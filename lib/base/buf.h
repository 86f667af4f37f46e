/* Growable byte buffer with a mandatory maximum, and read cursor with sticky failure.
 *
 * A sensitive buffer wipes what it held on reset, on growth and on free. Appending never returns an error: the buffer
 * becomes failed and stays so until reset; check once with buf_check(). Buffers keep their memory over buf_reset(), so
 * that a hot path allocates nothing after warm-up. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/mem.h"
#include <string.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

typedef struct buf {
    uint8_t *ptr;
    size_t len, cap, max;
    size_t high; /* most bytes ever written since the last wipe */
    bool sensitive;
    uint8_t failed;    /* 0, 1 = out of memory, 2 = max exceeded */
    bool spread;       /* see buf_spread() */
    uint16_t skew;     /* bytes of the allocation in front of ptr */
    const char *limit; /* name of the limit for the error text */
} buf_t;

void buf_init(buf_t *b, size_t max, const char *limit, bool sensitive);
/* For the output of a cipher whose input lies in memory of malloc, before anything is put: a large sensitive buffer
 * then begins half a page off where malloc begins. Large blocks of malloc all begin at the same place of a page, and a
 * loop that stores a few bytes ahead of where it loads, seen modulo 4096, runs at half the speed. */
static inline void buf_spread(buf_t *b) {
    b->spread = true;
}
void buf_clear(buf_t *b); /* frees; the buffer may be used again */
void buf_reset(buf_t *b); /* len = 0, failure forgotten, memory kept (wiped when sensitive) */
/* For a buffer that is written anew at once: len = 0 without wiping; buf_settle() then wipes what the new content has
 * not overwritten. Between the two, buf_reset() and buf_clear() still wipe everything. */
static inline void buf_rewind(buf_t *b) {
    b->high = b->len > b->high ? b->len : b->high;
    b->len = 0;
    b->failed = 0;
}
static inline void buf_settle(buf_t *b) {
    if (b->high > b->len) {
        if (b->sensitive) {
            mem_wipe(b->ptr + b->len, b->high - b->len);
        }
        b->high = b->len;
    }
}
bool buf_grow(buf_t *b, size_t extra); /* slow path of buf_reserve */
void buf_printf(buf_t *b, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);
/* 0, or NO_MEMORY / LIMIT_EXCEEDED naming the limit. */
schloss_rc buf_check(const buf_t *b, schloss_error_t *err);

/* Makes room for extra more bytes; false (and failed) when impossible. */
static inline bool buf_reserve(buf_t *b, size_t extra) {
    return (extra <= b->cap - b->len && !b->failed) || buf_grow(b, extra);
}
/* memcpy for long runs. That of glibc copies them by `rep movsb`, which some processors (Zen 3 and 4) slow down tenfold
 * when dst lies a few bytes behind src modulo 4096: what a length in front of a copied value leads to. */
#define COPY_LONG 4096u
void copy_long(uint8_t *dst, const uint8_t *src, size_t n);
/* memcpy for the short runs of which records are made: no call up to 32 bytes. dst and src do not overlap. */
static inline void copy_short(uint8_t *dst, const uint8_t *src, size_t n) {
    if (n >= COPY_LONG) {
        copy_long(dst, src, n);
    } else if (n > 32) {
        memcpy(dst, src, n);
    } else if (n >= 16) {
        memcpy(dst, src, 16);
        memcpy(dst + n - 16, src + n - 16, 16);
    } else if (n >= 8) {
        memcpy(dst, src, 8);
        memcpy(dst + n - 8, src + n - 8, 8);
    } else if (n >= 4) {
        memcpy(dst, src, 4);
        memcpy(dst + n - 4, src + n - 4, 4);
    } else if (n > 0) {
        dst[0] = src[0];
        dst[n / 2] = src[n / 2];
        dst[n - 1] = src[n - 1];
    }
}
static inline void buf_put(buf_t *b, const void *p, size_t n) {
    if (n != 0 && buf_reserve(b, n)) {
        if (n >= COPY_LONG) {
            copy_long(b->ptr + b->len, (const uint8_t *)p, n);
        } else {
            memcpy(b->ptr + b->len, p, n);
        }
        b->len += n;
    }
}
/* buf_put for runs that are mostly short and of unknown length. */
static inline void buf_put_short(buf_t *b, const void *p, size_t n) {
    if (buf_reserve(b, n)) {
        copy_short(b->ptr + b->len, (const uint8_t *)p, n);
        b->len += n;
    }
}
static inline void buf_put_u8(buf_t *b, uint8_t v) {
    if (buf_reserve(b, 1)) {
        b->ptr[b->len++] = v;
    }
}
static inline void buf_put_str(buf_t *b, const char *s) {
    buf_put(b, s, strlen(s));
}
static inline bytes_t buf_view(const buf_t *b) {
    return bytes(b->ptr, b->len);
}
/* NUL-terminates without counting the NUL; "" when failed. */
const char *buf_cstr(buf_t *b);
void buf_put_be32(buf_t *b, uint32_t v);

/* ---- cursor ---- */
typedef struct cur {
    const uint8_t *p, *end;
    bool failed;
} cur_t;

static inline cur_t cur_of(bytes_t b) {
    cur_t c = {b.ptr, b.ptr == NULL ? b.ptr : b.ptr + b.len, false};
    return c;
}
static inline size_t cur_left(const cur_t *c) {
    return (size_t)(c->end - c->p);
}
/* n bytes, or NULL and failed. */
static inline const uint8_t *cur_take(cur_t *c, size_t n) {
    if (c->failed || n > cur_left(c)) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}
/* Zigzag varints of Avro (and Kafka); at most 10 bytes; failed when longer, truncated or (32) out of range. */
int64_t cur_varlong_slow(cur_t *c);
static inline int64_t cur_varlong(cur_t *c) {
    if (cur_left(c) >= 2 && !c->failed) { /* one or two bytes: nearly all lengths, most numbers */
        uint32_t b = c->p[0];
        if (b < 0x80) {
            c->p += 1;
            return (int64_t)(b >> 1) ^ -(int64_t)(b & 1);
        }
        if (c->p[1] < 0x80) {
            b = (b & 0x7f) | (uint32_t)c->p[1] << 7;
            c->p += 2;
            return (int64_t)(b >> 1) ^ -(int64_t)(b & 1);
        }
    }
    return cur_varlong_slow(c);
}
int32_t cur_varint(cur_t *c);
/* Writes the zigzag varint of v to p (10 bytes of room); returns its length. */
size_t varlong_write(uint8_t *p, int64_t v);
/* The same without zigzag, for Protobuf. */
size_t uvarlong_write(uint8_t *p, uint64_t v);
size_t varlong_size(int64_t v);
void buf_put_varlong(buf_t *b, int64_t v);

static inline uint32_t be32_read(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void be32_write(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#pragma GCC visibility pop

#endif
