/* Base64 by tables: two characters per look-up when encoding, four look-ups per three bytes when decoding. */
#ifndef BENCH_HAND_BASE64_H
#define BENCH_HAND_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint16_t base64_pairs[4096];
static uint32_t base64_values[4][256]; /* high byte set: no base64 character */

static inline void base64_init(void) {
    for (unsigned i = 0; i < 4096; i++) {
        char pair[2] = {base64_alphabet[i >> 6], base64_alphabet[i & 63]};
        memcpy(&base64_pairs[i], pair, 2);
    }
    memset(base64_values, 0xff, sizeof base64_values);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned k = 0; k < 4; k++) {
            base64_values[k][(uint8_t)base64_alphabet[i]] = i << (18 - 6 * k);
        }
    }
}

static inline size_t base64_length(size_t n) {
    return (n + 2) / 3 * 4;
}

static inline uint8_t *base64_encode(uint8_t *out, const uint8_t *in, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 6, out += 8) { /* six bytes at a time while eight can be read */
        uint64_t v;
        memcpy(&v, in + i, 8);
        v = __builtin_bswap64(v);
        uint64_t chars = (uint64_t)base64_pairs[v >> 52] | (uint64_t)base64_pairs[v >> 40 & 4095] << 16 |
                         (uint64_t)base64_pairs[v >> 28 & 4095] << 32 | (uint64_t)base64_pairs[v >> 16 & 4095] << 48;
        memcpy(out, &chars, 8);
    }
    for (; i + 3 <= n; i += 3, out += 4) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        memcpy(out, &base64_pairs[v >> 12], 2);
        memcpy(out + 2, &base64_pairs[v & 4095], 2);
    }
    if (n - i == 1) {
        memcpy(out, &base64_pairs[(uint32_t)in[i] << 4], 2);
        memcpy(out + 2, "==", 2);
        out += 4;
    } else if (n - i == 2) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8;
        memcpy(out, &base64_pairs[v >> 12], 2);
        out[2] = (uint8_t)base64_alphabet[v >> 6 & 63];
        out[3] = '=';
        out += 4;
    }
    return out;
}

/* Padded base64 only. out needs n / 4 * 3 bytes. */
static inline bool base64_decode(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n) {
    if (n == 0 || n % 4 != 0) {
        return false;
    }
    size_t pad = (size_t)(in[n - 1] == '=') + (size_t)(in[n - 1] == '=' && in[n - 2] == '=');
    size_t whole = pad ? n - 4 : n;
    uint32_t bad = 0;
    uint8_t *p = out;
    for (size_t i = 0; i < whole; i += 4, p += 3) {
        uint32_t v = base64_values[0][in[i]] | base64_values[1][in[i + 1]] | base64_values[2][in[i + 2]] |
                     base64_values[3][in[i + 3]];
        bad |= v;
        p[0] = (uint8_t)(v >> 16);
        p[1] = (uint8_t)(v >> 8);
        p[2] = (uint8_t)v;
    }
    if (pad) {
        const uint8_t *q = in + whole;
        uint32_t v = base64_values[0][q[0]] | base64_values[1][q[1]] | (pad == 1 ? base64_values[2][q[2]] : 0);
        bad |= v;
        *p++ = (uint8_t)(v >> 16);
        if (pad == 1) {
            *p++ = (uint8_t)(v >> 8);
        }
    }
    *out_len = (size_t)(p - out);
    return bad >> 24 == 0;
}

#endif
