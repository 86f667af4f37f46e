/* Growable buffers and varint cursors. Behind cap lies one spare byte that is not counted, so that a terminating NUL
 * always fits, also at the maximum. */
#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAP 64u
#define SKEW 2048u
#define SKEW_FROM ((size_t)16 * 1024)

enum { FAILED_MEMORY = 1, FAILED_LIMIT = 2 };

void buf_init(buf_t *b, size_t max, const char *limit, bool sensitive) {
    *b = (buf_t){.max = max, .limit = limit, .sensitive = sensitive};
}

static size_t high_of(const buf_t *b) {
    return b->len > b->high ? b->len : b->high;
}

static void wipe(buf_t *b) {
    if (b->sensitive && b->ptr != NULL) {
        size_t n = high_of(b);
        /* One more: the NUL's place. */
        mem_wipe(b->ptr, n < b->cap ? n + 1 : b->cap + 1);
    }
    b->high = 0;
}

static void release(buf_t *b) {
    if (b->sensitive && b->ptr != NULL) {
        mem_wipe(b->ptr, b->cap + 1);
    }
    mem_free(b->ptr == NULL ? NULL : b->ptr - b->skew);
}

void buf_clear(buf_t *b) {
    release(b);
    b->ptr = NULL;
    b->skew = 0;
    b->len = b->cap = b->high = 0;
    b->failed = 0;
}

void buf_reset(buf_t *b) {
    wipe(b);
    b->len = 0;
    b->failed = 0;
}

bool buf_grow(buf_t *b, size_t extra) {
    if (b->failed) {
        return false;
    }
    if (extra <= b->cap - b->len) {
        return true;
    }
    size_t max = b->max == SIZE_MAX ? SIZE_MAX - 1 : b->max;
    if (extra > max || b->len > max - extra) {
        b->failed = FAILED_LIMIT;
        return false;
    }
    size_t need = b->len + extra;
    size_t cap = b->cap > max / 2 ? max : 2 * b->cap;
    cap = cap < FIRST_CAP ? FIRST_CAP : cap;
    cap = cap < need ? need : cap;
    cap = cap > max ? max : cap;
    size_t skew = b->sensitive && b->spread && cap >= SKEW_FROM && cap <= SIZE_MAX - SKEW - 1 ? SKEW : 0;
    uint8_t *p = b->sensitive ? mem_alloc(cap + 1 + skew) : mem_realloc(b->ptr, cap + 1);
    if (p == NULL) {
        b->failed = FAILED_MEMORY;
        return false;
    }
    p += skew;
    if (b->sensitive && b->ptr != NULL) {
        memcpy(p, b->ptr, b->len);
        release(b);
        b->high = b->len;
    }
    b->skew = (uint16_t)skew;
    b->ptr = p;
    b->cap = cap;
    return true;
}

void copy_long(uint8_t *dst, const uint8_t *src, size_t n) {
    for (size_t step = 1024; n > 0; dst += step, src += step, n -= step) {
        step = step < n ? step : n; /* below what glibc copies by rep movsb */
        memcpy(dst, src, step);
    }
}

void buf_printf(buf_t *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = FAILED_MEMORY;
        return;
    }
    if (n > 0 && buf_reserve(b, (size_t)n)) {
        va_start(ap, fmt);
        (void)vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->len += (size_t)n;
    }
}

schloss_rc buf_check(const buf_t *b, schloss_error_t *err) {
    if (b->failed == 0) {
        return SCHLOSS_OK;
    }
    if (b->failed == FAILED_MEMORY) {
        return NO_MEMORY(err);
    }
    const char *limit = b->limit == NULL ? "buffer" : b->limit;
    schloss_rc rc = FAIL(err, LIMIT_EXCEEDED, "limit %s of %zu bytes exceeded", limit, b->max);
    err_hint(err, "raise %s if the data is what you expect", limit);
    return rc;
}

const char *buf_cstr(buf_t *b) {
    if (b->failed || b->ptr == NULL) {
        return "";
    }
    b->ptr[b->len] = 0;
    return (const char *)b->ptr;
}

void buf_put_be32(buf_t *b, uint32_t v) {
    if (buf_reserve(b, 4)) {
        be32_write(b->ptr + b->len, v);
        b->len += 4;
    }
}

int64_t cur_varlong_slow(cur_t *c) {
    uint64_t v = 0;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !c->failed && cur_left(c) >= 8) {
        uint64_t x;
        memcpy(&x, c->p, 8);
        uint64_t stop = ~x & 0x8080808080808080u;
        if (stop != 0) {
            c->p += ((unsigned)__builtin_ctzll(stop) >> 3) + 1;
            x &= (stop ^ (stop - 1)) & 0x7f7f7f7f7f7f7f7fu;
            x = (x & 0x007f007f007f007fu) | (x & 0x7f007f007f007f00u) >> 1;
            x = (x & 0x00003fff00003fffu) | (x & 0x3fff00003fff0000u) >> 2;
            x = (x & 0x0fffffffu) | (x & 0x0fffffff00000000u) >> 4;
            return (int64_t)(x >> 1) ^ -(int64_t)(x & 1);
        }
    }
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = cur_take(c, 1);
        if (p == NULL) {
            return 0;
        }
        uint64_t low = *p & 0x7fu;
        if (shift == 63 && low > 1) {
            break;
        }
        v |= low << shift;
        if (!(*p & 0x80)) {
            return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
        }
    }
    c->failed = true;
    return 0;
}

int32_t cur_varint(cur_t *c) {
    int64_t v = cur_varlong(c);
    if (v < INT32_MIN || v > INT32_MAX) {
        c->failed = true;
        return 0;
    }
    return (int32_t)v;
}

static uint64_t zigzag(int64_t v) {
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

size_t uvarlong_write(uint8_t *p, uint64_t v) {
    size_t n = 0;
    while (v > 0x7f) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

size_t varlong_write(uint8_t *p, int64_t v) {
    return uvarlong_write(p, zigzag(v));
}

size_t varlong_size(int64_t v) {
    uint64_t z = zigzag(v);
    return z == 0 ? 1 : (70u - (unsigned)__builtin_clzll(z)) / 7;
}

void buf_put_varlong(buf_t *b, int64_t v) {
    if (buf_reserve(b, varlong_size(v))) {
        b->len += varlong_write(b->ptr + b->len, v);
    }
}
