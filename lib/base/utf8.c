/* UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, at most U+10FFFF. */
#include "base/text.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline bool is_tail(uint8_t c) {
    return (c & 0xc0) == 0x80;
}

/* Length of the valid sequence of two or more bytes at p, or 0. */
static size_t sequence(const uint8_t *p, size_t n) {
    uint8_t c = p[0];
    if (c < 0xc2 || c > 0xf4) {
        return 0;
    }
    if (c < 0xe0) {
        return n >= 2 && is_tail(p[1]) ? 2 : 0;
    }
    if (c < 0xf0) {
        if (n < 3 || !is_tail(p[1]) || !is_tail(p[2])) {
            return 0;
        }
        return (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ? 0 : 3;
    }
    if (n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3])) {
        return 0;
    }
    return (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

bool utf8_valid(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        while (n - i >= 32 &&
               ((load64(p + i) | load64(p + i + 8) | load64(p + i + 16) | load64(p + i + 24)) & HIGH_BITS) == 0) {
            i += 32;
        }
        while (n - i >= 8 && (load64(p + i) & HIGH_BITS) == 0) {
            i += 8;
        }
        if (n - i < 8 && n >= 8 && (load64(p + n - 8) & HIGH_BITS) == 0) {
            return true; /* the rest, with a few bytes before it once more */
        }
        /* Bytes one by one until the next eight may be plain again. */
        for (size_t stop = n - i > 8 ? i + 8 : n; i < stop;) {
            size_t len = p[i] < 0x80 ? 1 : sequence(p + i, n - i);
            if (len == 0) {
                return false;
            }
            i += len;
        }
    }
    return true;
}

size_t utf8_cut(const char *p, size_t n) {
    const uint8_t *u = (const uint8_t *)p;
    size_t back = 0;
    while (back < n && back < 3 && is_tail(u[n - 1 - back])) {
        back++;
    }
    if (back == n) {
        return n; /* nothing but tail bytes: not UTF-8, any cut is as good */
    }
    uint8_t lead = u[n - 1 - back];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return back + 1 < want ? n - 1 - back : n;
}
