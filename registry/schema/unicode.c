/* See unicode.h. */
#include "registry/schema/unicode.h"
#include "registry/schema/unicode_table.h"

static bool in_ranges(const uint16_t (*ranges)[2], size_t n, uint32_t c) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > ranges[mid][1]) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < n && c >= ranges[lo][0];
}

bool is_letter(uint32_t c) {
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return c <= 0xffff && in_ranges(letter_ranges, sizeof letter_ranges / sizeof letter_ranges[0], c);
}

bool is_digit(uint32_t c) {
    if (c < 0x80) {
        return c >= '0' && c <= '9';
    }
    return c <= 0xffff && in_ranges(digit_ranges, sizeof digit_ranges / sizeof digit_ranges[0], c);
}

size_t utf8_next(const char *s, uint32_t *c) {
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) { /* not UTF-8 after all: one byte that is no letter */
            *c = 0xfffd;
            return 1;
        }
        v = v << 6 | (p[i] & 0x3f);
    }
    *c = v;
    return n;
}

size_t utf16_length(const char *s) {
    size_t units = 0;
    while (*s != '\0') {
        uint32_t c;
        s += utf8_next(s, &c);
        units += c > 0xffff ? 2 : 1;
    }
    return units;
}

name_check_t name_check(const char *s) {
    uint32_t c;
    s += utf8_next(s, &c);
    if (c != '_' && !is_letter(c)) {
        return NAME_BAD_FIRST;
    }
    while (*s != '\0') {
        s += utf8_next(s, &c);
        if (c != '_' && c != '-' && !is_letter(c) && !is_digit(c)) {
            return NAME_BAD_CHAR;
        }
    }
    return NAME_OK;
}
