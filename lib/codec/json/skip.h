/* Checked steps over JSON text for the record walk: strict as json_scan(), but without a pass of its own. The caller
 * has checked that the text is UTF-8. Each function takes the first byte of a token and returns its end, or NULL with
 * *bad at the offending byte. */
#ifndef CODEC_JSON_SKIP_H
#define CODEC_JSON_SKIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* First byte at or behind p that is '"', '\' or a control character; end when there is none. */
static inline const char *json_plain_end(const char *p, const char *end) {
#if defined(__SSE2__)
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f)));
        int mask = _mm_movemask_epi8(hit);
        if (mask != 0) {
            return p + __builtin_ctz((unsigned)mask);
        }
        p += 16;
    }
#else
    while (end - p >= 8) {
        uint64_t v, ones = UINT64_C(0x0101010101010101), high = ones << 7;
        memcpy(&v, p, 8);
        uint64_t q = v ^ ones * '"', b = v ^ ones * '\\';
        if ((((v - ones * 0x20) & ~v) | ((q - ones) & ~q) | ((b - ones) & ~b)) & high) {
            break;
        }
        p += 8;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) {
        p++;
    }
    return p;
}

static inline bool json_is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* p is at the backslash. */
static inline const char *json_skip_escape(const char *p, const char *end, const char **bad) {
    if (end - p >= 2 && p[1] == 'u') {
        if (end - p >= 6 && json_is_hex(p[2]) && json_is_hex(p[3]) && json_is_hex(p[4]) && json_is_hex(p[5])) {
            return p + 6;
        }
    } else if (end - p >= 2 && p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL) {
        return p + 2;
    }
    *bad = p;
    return NULL;
}

/* p is at the opening quote. *escaped: holds a backslash. */
static inline const char *json_skip_string(const char *p, const char *end, bool *escaped, const char **bad) {
    *escaped = false;
    for (p++;;) {
        p = json_plain_end(p, end);
        if (p < end && *p == '"') {
            return p + 1;
        }
        if (p >= end || *p != '\\') {
            *bad = p;
            return NULL;
        }
        *escaped = true;
        p = json_skip_escape(p, end, bad);
        if (p == NULL) {
            return NULL;
        }
    }
}

static inline const char *json_skip_space(const char *p, const char *end) {
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

/* A number or one of the three words. */
const char *json_skip_word(const char *p, const char *end, const char **bad);
/* Any value; containers within it may nest depth deep. *deep: that was exceeded. */
const char *json_skip_value(const char *p, const char *end, unsigned depth, const char **bad, bool *deep);

#endif
