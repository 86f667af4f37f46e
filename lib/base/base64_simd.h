/* Base64 in vectors of 16 and 32 characters, for amd64. Private to base64.c.
 *
 * Encoding: a shuffle puts each three bytes into a 32-bit lane as b a c b; two multiplications move its four groups of
 * six bits into bytes; the letter is the group plus an offset that depends on its range, found by a 16-entry table.
 * Decoding: two 16-entry tables, by low and high half of a character, share a bit exactly for the characters that are
 * not of the alphabet; an offset by high half gives the six bits; two multiply-adds and a shuffle pack them. */
#ifndef BASE_BASE64_SIMD_H
#define BASE_BASE64_SIMD_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WITH(features) __attribute__((target(features), always_inline)) static inline

/* 12 bytes in the low part of v to 16 characters. */
WITH("ssse3") __m128i b64_enc16(__m128i v) {
    v = _mm_shuffle_epi8(v, _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
    __m128i hi = _mm_mulhi_epu16(_mm_and_si128(v, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
    __m128i lo = _mm_mullo_epi16(_mm_and_si128(v, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
    v = _mm_or_si128(hi, lo);
    /* Range of a group: 0 = a-z, 1..10 = digits, 11 = '+', 12 = '/', 13 = A-Z. */
    __m128i range = _mm_subs_epu8(v, _mm_set1_epi8(51));
    range = _mm_or_si128(range, _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), v), _mm_set1_epi8(13)));
    const __m128i offset = _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                         '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    return _mm_add_epi8(v, _mm_shuffle_epi8(offset, range));
}

/* The same with 24 bytes, 12 in each half. */
WITH("avx2") __m256i b64_enc32(__m256i v) {
    v = _mm256_shuffle_epi8(
        v, _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10)));
    __m256i hi = _mm256_mulhi_epu16(_mm256_and_si256(v, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
    __m256i lo = _mm256_mullo_epi16(_mm256_and_si256(v, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
    v = _mm256_or_si256(hi, lo);
    __m256i range = _mm256_subs_epu8(v, _mm256_set1_epi8(51));
    range = _mm256_or_si256(range, _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), v), _mm256_set1_epi8(13)));
    const __m256i offset = _mm256_broadcastsi128_si256(_mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                                                     '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                                                     '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
    return _mm256_add_epi8(v, _mm256_shuffle_epi8(offset, range));
}

/* Encodes n >= 16 bytes; returns B64_LEN(n). Reads and writes nothing outside. */
WITH("ssse3") size_t b64_encode_ssse3(uint8_t *out, const uint8_t *in, size_t n, size_t from) {
    size_t total = (n + 2) / 3 * 4;
    size_t i = from, o = from / 3 * 4;
    for (; n - i >= 16; i += 12, o += 16) {
        _mm_storeu_si128((__m128i *)(void *)(out + o),
                         b64_enc16(_mm_loadu_si128((const __m128i *)(const void *)(in + i))));
    }
    /* The last 16 characters come from the last 10, 11 or 12 bytes; what they repeat of the loop's is the same. The
     * bytes are loaded with what stands before them and shifted down, zeros come in behind. */
    static const uint8_t shift[32] = {0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
                                      11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    size_t k = n - (total - 16) / 4 * 3;
    if (total - o > 16) {
        /* 13 to 15 bytes are left: the loop could not load 16, but the 16 before its end can be. */
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in + n - 16));
        v = _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)(const void *)(shift + 16 - (n - i))));
        _mm_storeu_si128((__m128i *)(void *)(out + o), b64_enc16(v));
    }
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in + n - 16));
    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)(const void *)(shift + 16 - k)));
    _mm_storeu_si128((__m128i *)(void *)(out + total - 16), b64_enc16(v));
    if (k < 12) {
        out[total - 1] = '=';
        if (k == 10) {
            out[total - 2] = '=';
        }
    }
    return total;
}

/* Encodes whole groups of 24 bytes as long as the loads stay inside; returns how many bytes it took. */
WITH("avx2") size_t b64_encode_avx2(uint8_t *out, const uint8_t *in, size_t n) {
    size_t i = 0, o = 0;
    for (; n - i >= 28; i += 24, o += 32) {
        __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(in + i)));
        v = _mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)(const void *)(in + i + 12)), 1);
        _mm256_storeu_si256((__m256i *)(void *)(out + o), b64_enc32(v));
    }
    return i;
}

/* Bits by low half of a character, and by high half: a character is foreign when the two share one. */
#define B64_LOW 0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a
#define B64_HIGH 0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10
/* Value minus character, by high half; '/' uses entry 1, where no character of the alphabet lies. */
#define B64_OFFSET 0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 0 - 'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0

/* 16 characters to 12 bytes in the low part of *out; false when one is foreign. */
WITH("ssse3") bool b64_dec16(__m128i *out, __m128i v) {
    const __m128i half = _mm_set1_epi8(0x2f); /* '/', and a mask that keeps what the shuffles look at */
    __m128i high = _mm_and_si128(_mm_srli_epi32(v, 4), half);
    __m128i low = _mm_shuffle_epi8(_mm_setr_epi8(B64_LOW), _mm_and_si128(v, half));
    __m128i foreign = _mm_and_si128(low, _mm_shuffle_epi8(_mm_setr_epi8(B64_HIGH), high));
    if (_mm_movemask_epi8(_mm_cmpgt_epi8(foreign, _mm_setzero_si128())) != 0) {
        return false;
    }
    __m128i offset = _mm_shuffle_epi8(_mm_setr_epi8(B64_OFFSET), _mm_add_epi8(_mm_cmpeq_epi8(v, half), high));
    v = _mm_add_epi8(v, offset);
    v = _mm_maddubs_epi16(v, _mm_set1_epi32(0x01400140));
    v = _mm_madd_epi16(v, _mm_set1_epi32(0x00011000));
    *out = _mm_shuffle_epi8(v, _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    return true;
}

/* Decodes blocks of 16 characters until one holds something else; returns how many characters it took. Writes 12 bytes
 * for 16 characters and nothing behind them. */
WITH("ssse3") size_t b64_decode_ssse3(uint8_t *out, const uint8_t *in, size_t n) {
    size_t i = 0, o = 0;
    __m128i v;
    while (n - i >= 16 && b64_dec16(&v, _mm_loadu_si128((const __m128i *)(const void *)(in + i)))) {
        _mm_storel_epi64((__m128i *)(void *)(out + o), v);
        int32_t tail = _mm_cvtsi128_si32(_mm_srli_si128(v, 8));
        __builtin_memcpy(out + o + 8, &tail, 4);
        i += 16;
        o += 12;
    }
    return i;
}

#endif
