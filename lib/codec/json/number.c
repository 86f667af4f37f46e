/* Decimals: mantissa times a power of ten, in 128 bits. */
#include "codec/json/number.h"
#include <math.h>

__extension__ typedef __int128 wide_t;

typedef struct decimal {
    wide_t mantissa;
    long exponent;
    bool exact;
} decimal_t;

#define MOST_DIGITS 27

/* Trailing zeros of the mantissa go into the exponent, so that equal numbers look alike. */
static decimal_t parse(json_span_t s) {
    decimal_t d = {0, 0, true};
    const char *p = s.ptr, *end = s.ptr + s.len;
    bool negative = p < end && *p == '-', fraction = false;
    unsigned digits = 0;
    for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        d.exponent -= fraction;
        if (digits > 0 || *p != '0') {
            digits++;
        }
        if (digits > MOST_DIGITS) {
            d.exact = false;
        } else {
            d.mantissa = d.mantissa * 10 + (*p - '0');
        }
    }
    if (p < end) {
        bool minus = *++p == '-';
        long e = 0;
        for (p += *p == '-' || *p == '+'; p < end; p++) {
            e = e < 100000 ? e * 10 + (*p - '0') : e;
        }
        d.exponent += minus ? -e : e;
    }
    while (d.mantissa != 0 && d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.exponent++;
    }
    if (d.mantissa == 0) {
        d.exponent = 0;
    }
    d.mantissa = negative ? -d.mantissa : d.mantissa;
    return d;
}

/* Brings both to one exponent; false: too many digits. */
static bool align(decimal_t *a, decimal_t *b) {
    if (!a->exact || !b->exact) {
        return false;
    }
    decimal_t *high = a->exponent > b->exponent ? a : b, *low = high == a ? b : a;
    long by = high->exponent - low->exponent;
    if (high->mantissa == 0) {
        high->exponent = low->exponent;
        return true;
    }
    for (; by > 0; by--) {
        wide_t most = (wide_t)1 << 120;
        if (high->mantissa > most / 10 || high->mantissa < -most / 10) {
            return false;
        }
        high->mantissa *= 10;
        high->exponent--;
    }
    return true;
}

/* Any size: beyond a double's range is infinite, which still compares well enough. */
static double as_double(json_span_t s) {
    double d = 0;
    if (json_get_double(s, &d)) {
        return d;
    }
    decimal_t x = parse(s);
    return x.exponent < 0 ? 0 : (s.ptr[0] == '-' ? -(double)INFINITY : (double)INFINITY);
}

int json_number_compare(json_span_t a, json_span_t b) {
    decimal_t x = parse(a), y = parse(b);
    if (align(&x, &y)) {
        return x.mantissa < y.mantissa ? -1 : x.mantissa > y.mantissa;
    }
    double p = as_double(a), q = as_double(b);
    return p < q ? -1 : p > q;
}

bool json_number_is_integer(json_span_t a) {
    decimal_t x = parse(a);
    if (x.exact) {
        return x.exponent >= 0;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] == '.' || a.ptr[i] == 'e' || a.ptr[i] == 'E') {
            double d = as_double(a);
            return isinf(d) || d == floor(d);
        }
    }
    return true;
}

bool json_number_is_multiple(json_span_t a, json_span_t of) {
    decimal_t x = parse(a), y = parse(of);
    if (align(&x, &y) && y.mantissa != 0) {
        return x.mantissa % y.mantissa == 0;
    }
    double q = as_double(a) / as_double(of);
    return isinf(q) || q == floor(q);
}
