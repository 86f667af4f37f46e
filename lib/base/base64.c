/* Base64, standard alphabet. The vector forms (base64_simd.h) take the bulk, tables the rest. What goes through here is
 * ciphertext and public text, so tables indexed by the data give nothing away. */
#include "base/base64.h"
#if defined(__x86_64__)
#include "base/base64_simd.h"
#endif

static const uint8_t ENCODE[64] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
                                   'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
                                   'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
                                   'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/'};

#define NO 0xff
#define NO16 NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO
static const uint8_t DECODE[256] = {
    NO16, NO16,                                                                    /* 00..1f */
    NO,   NO,   NO,   NO,   NO,   NO,   NO,   NO,  NO, NO, NO, 62, NO, NO, NO, 63, /* 20: + / */
    52,   53,   54,   55,   56,   57,   58,   59,  60, 61, NO, NO, NO, NO, NO, NO, /* 30: 0-9 */
    NO,   0,    1,    2,    3,    4,    5,    6,   7,  8,  9,  10, 11, 12, 13, 14, /* 40: A-O */
    15,   16,   17,   18,   19,   20,   21,   22,  23, 24, 25, NO, NO, NO, NO, NO, /* 50: P-Z */
    NO,   26,   27,   28,   29,   30,   31,   32,  33, 34, 35, 36, 37, 38, 39, 40, /* 60: a-o */
    41,   42,   43,   44,   45,   46,   47,   48,  49, 50, 51, NO, NO, NO, NO, NO, /* 70: p-z */
    NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16};

size_t b64_encode_plain(uint8_t *out, const uint8_t *in, size_t n) {
    uint8_t *o = out;
    for (; n >= 3; n -= 3, in += 3, o += 4) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        o[0] = ENCODE[v >> 18];
        o[1] = ENCODE[v >> 12 & 63];
        o[2] = ENCODE[v >> 6 & 63];
        o[3] = ENCODE[v & 63];
    }
    if (n != 0) {
        uint32_t v = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
        o[0] = ENCODE[v >> 18];
        o[1] = ENCODE[v >> 12 & 63];
        o[2] = n == 2 ? ENCODE[v >> 6 & 63] : '=';
        o[3] = '=';
        o += 4;
    }
    return (size_t)(o - out);
}

bool b64_decode_plain(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n) {
    if (n >= 4 && n % 4 == 0 && in[n - 1] == '=') {
        n -= in[n - 2] == '=' ? 2 : 1;
    }
    if (n % 4 == 1) {
        return false;
    }
    uint8_t *o = out;
    uint32_t bad = 0;
    for (; n >= 4; n -= 4, in += 4, o += 3) {
        uint32_t a = DECODE[in[0]], b = DECODE[in[1]], c = DECODE[in[2]], d = DECODE[in[3]];
        bad |= a | b | c | d;
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        o[0] = (uint8_t)(v >> 16);
        o[1] = (uint8_t)(v >> 8);
        o[2] = (uint8_t)v;
    }
    if (n != 0) {
        uint32_t a = DECODE[in[0]], b = DECODE[in[1]], c = n == 3 ? DECODE[in[2]] : 0;
        bad |= a | b | c;
        uint32_t v = a << 18 | b << 12 | c << 6;
        *o++ = (uint8_t)(v >> 16);
        if (n == 3) {
            *o++ = (uint8_t)(v >> 8);
        }
    }
    *out_len = (size_t)(o - out);
    return (bad & 0x80) == 0;
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static size_t encode_avx2(uint8_t *out, const uint8_t *in, size_t n) {
    return b64_encode_ssse3(out, in, n, b64_encode_avx2(out, in, n));
}

__attribute__((target("ssse3"))) static size_t encode_ssse3(uint8_t *out, const uint8_t *in, size_t n) {
    return b64_encode_ssse3(out, in, n, 0);
}

__attribute__((target("ssse3"))) static size_t decode_ssse3(uint8_t *out, const uint8_t *in, size_t n) {
    return b64_decode_ssse3(out, in, n);
}

size_t b64_encode(uint8_t *out, const uint8_t *in, size_t n) {
    if (n >= 16 && __builtin_cpu_supports("ssse3")) {
        return n >= 28 && __builtin_cpu_supports("avx2") ? encode_avx2(out, in, n) : encode_ssse3(out, in, n);
    }
    return b64_encode_plain(out, in, n);
}

bool b64_decode(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n) {
    size_t done = n >= 16 && __builtin_cpu_supports("ssse3") ? decode_ssse3(out, in, n) : 0;
    if (!b64_decode_plain(out + done / 4 * 3, out_len, in + done, n - done)) {
        return false;
    }
    *out_len += done / 4 * 3;
    return true;
}

#else

size_t b64_encode(uint8_t *out, const uint8_t *in, size_t n) {
    return b64_encode_plain(out, in, n);
}

bool b64_decode(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n) {
    return b64_decode_plain(out, out_len, in, n);
}

#endif
