/* Writing JSON: strings with the fewest escapes, and numbers as Java's Double.toString and Float.toString write them
 * (schema-registry-api.md 15.3), so that texts equal those of the reference. */
#include "codec/json/few.h"
#include "codec/json/scan.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_put_string(buf_t *out, const char *s, size_t n) {
    static const char hex[] = "0123456789ABCDEF";
    const char *end = s + n;
    buf_put_u8(out, '"');
    for (const char *p = s; p < end;) {
        const char *run = p;
        while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') {
            p++;
        }
        buf_put(out, run, (size_t)(p - run));
        if (p == end) {
            break;
        }
        unsigned char c = (unsigned char)*p++;
        char esc[6] = {'\\', (char)c, '0', '0', 0, 0};
        size_t len = 2;
        switch (c) {
        case '"':
        case '\\':
            break;
        case '\b':
            esc[1] = 'b';
            break;
        case '\t':
            esc[1] = 't';
            break;
        case '\n':
            esc[1] = 'n';
            break;
        case '\f':
            esc[1] = 'f';
            break;
        case '\r':
            esc[1] = 'r';
            break;
        default:
            esc[1] = 'u';
            esc[4] = hex[c >> 4];
            esc[5] = hex[c & 15];
            len = 6;
        }
        buf_put_few(out, esc, len);
    }
    buf_put_u8(out, '"');
}

/* A positive decimal number d.ddd * 10^exp, without the point. */
typedef struct decimal {
    char digits[24];
    int n, exp;
} decimal_t;

/* v rounded to n digits. The printf family writes the locale's point: only digits are taken. */
static void round_to(decimal_t *d, double v, int n) {
    char text[64];
    (void)snprintf(text, sizeof text, "%.*e", n - 1, v);
    const char *p = text;
    d->n = 0;
    for (; *p != 'e' && *p != 'E'; p++) {
        if (*p >= '0' && *p <= '9') {
            d->digits[d->n++] = *p;
        }
    }
    d->exp = atoi(p + 1);
}

static bool same(const decimal_t *d, double v, bool single) {
    char text[64];
    (void)snprintf(text, sizeof text, "%.*se%d", d->n, d->digits, d->exp - d->n + 1);
    return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

/* The next decimal of as many digits: beside a power of two the nearest decimal can lie outside the interval that reads
 * back as v while the one above lies inside. */
static void next_up(decimal_t *d) {
    int i = d->n - 1;
    for (; i >= 0 && d->digits[i] == '9'; i--) {
        d->digits[i] = '0';
    }
    if (i >= 0) {
        d->digits[i]++;
    } else {
        d->digits[0] = '1';
        d->exp++;
    }
}

/* Fewest digits, at least two, that read back as v. */
static void shortest(decimal_t *d, double v, bool single) {
    int exponent;
    bool tiny = single ? v < 0x1p-126 : v < 0x1p-1022; /* subnormal: few digits tell it apart */
    int first = tiny ? 2 : single ? 6 : 15, last = single ? 9 : 17;
    bool power = frexp(v, &exponent) == 0.5;
    for (int n = first; n <= last; n++) {
        round_to(d, v, n);
        if (same(d, v, single)) {
            break;
        }
        if (power && n < last) {
            decimal_t up = *d;
            next_up(&up);
            if (same(&up, v, single)) {
                *d = up;
                break;
            }
        }
    }
    while (d->n > 1 && d->digits[d->n - 1] == '0') {
        d->n--;
    }
}

static void put_real(buf_t *out, double v, bool single) {
    if (isnan(v)) {
        buf_put_str(out, "NaN");
        return;
    }
    if (signbit(v)) {
        buf_put_u8(out, '-');
        v = -v;
    }
    if (isinf(v)) {
        buf_put_str(out, "Infinity");
        return;
    }
    if (v == 0) {
        buf_put_str(out, "0.0");
        return;
    }
    decimal_t d;
    shortest(&d, v, single);
    if (d.exp < -3 || d.exp >= 7) {
        buf_printf(out, "%c.%.*sE%d", d.digits[0], d.n > 1 ? d.n - 1 : 1, d.n > 1 ? d.digits + 1 : "0", d.exp);
        return;
    }
    if (d.exp < 0) {
        buf_printf(out, "0.%.*s%.*s", -d.exp - 1, "000", d.n, d.digits);
        return;
    }
    int whole = d.exp + 1;
    for (int i = 0; i < whole; i++) {
        buf_put_u8(out, (uint8_t)(i < d.n ? d.digits[i] : '0'));
    }
    buf_put_u8(out, '.');
    if (d.n > whole) {
        buf_put_few(out, d.digits + whole, (size_t)(d.n - whole));
    } else {
        buf_put_u8(out, '0');
    }
}

void json_put_double(buf_t *out, double v) {
    put_real(out, v, false);
}

void json_put_float(buf_t *out, float v) {
    put_real(out, (double)v, true);
}
