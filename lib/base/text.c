/* Percent-encoding, hex, UUIDs and nearest names. Base64 is in base64.c, UTF-8 in utf8.c. */
#include "base/text.h"

static const char HEX_LOWER[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";

/* Value of a hex digit, or -1. */
static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Value of two hex digits, or -1. */
static int hex_pair(const char *p) {
    int hi = hex_value(p[0]);
    int lo = hi < 0 ? -1 : hex_value(p[1]);
    return lo < 0 ? -1 : hi << 4 | lo;
}

static bool unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void url_escape(buf_t *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (unreserved(c)) {
            buf_put_u8(out, c);
        } else {
            const uint8_t hex[3] = {'%', (uint8_t)HEX_UPPER[c >> 4], (uint8_t)HEX_UPPER[c & 15]};
            buf_put(out, hex, sizeof hex);
        }
    }
}

bool url_unescape(buf_t *out, const char *s, size_t n, bool plus_is_space) {
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%') {
            int v = n - i >= 3 ? hex_pair(s + i + 1) : -1;
            if (v < 0) {
                return false;
            }
            buf_put_u8(out, (uint8_t)v);
            i += 2;
        } else {
            buf_put_u8(out, s[i] == '+' && plus_is_space ? ' ' : (uint8_t)s[i]);
        }
    }
    return true;
}

void hex_encode(char *out, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = HEX_LOWER[in[i] >> 4];
        out[2 * i + 1] = HEX_LOWER[in[i] & 15];
    }
}

bool hex_decode(uint8_t *out, const char *in, size_t n_out) {
    for (size_t i = 0; i < n_out; i++) {
        int v = hex_pair(in + 2 * i);
        if (v < 0) {
            return false;
        }
        out[i] = (uint8_t)v;
    }
    return true;
}

void uuid_print(char out[37], const uint8_t in[16]) {
    char *p = out;
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        hex_encode(p, in + i, 1);
        p += 2;
    }
    *p = 0;
}

bool uuid_parse(uint8_t out[16], const char *s) {
    size_t n = strnlen(s, 37);
    if (n != 32 && n != 36) {
        return false;
    }
    uint8_t tmp[16];
    for (unsigned i = 0; i < 16; i++) {
        if (n == 36 && (i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-') {
            return false;
        }
        if (!hex_decode(tmp + i, s, 1)) {
            return false;
        }
        s += 2;
    }
    memcpy(out, tmp, sizeof tmp);
    return true;
}

#define NEAR_MAX 3u
#define WORD_MAX 96u

/* Edit distance (insert, delete, replace), or NEAR_MAX + 1 when it is surely more. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
    if (n > WORD_MAX || m > WORD_MAX || n > m + NEAR_MAX || m > n + NEAR_MAX) {
        return NEAR_MAX + 1;
    }
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[m];
}

const char *text_nearest(const char *word, const char *const *names, size_t n) {
    size_t len = strlen(word);
    const char *nearest = NULL;
    /* A word that would have to change altogether is not near. */
    size_t best = len <= NEAR_MAX ? len : NEAR_MAX + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, len, names[i], strlen(names[i]));
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
