/* Decoding scanned strings and numbers on demand. */
#include "base/limits.h"
#include "codec/json/few.h"
#include "codec/json/scan.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>

static unsigned hex4(const char *p) {
    unsigned v = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static size_t put_utf8(uint8_t *out, unsigned c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* Decodes the escape at p (a backslash) into out; returns how many bytes it gave and moves p. 0: lone surrogate. */
static size_t unescape(const char **p, const char *end, uint8_t out[4]) {
    const char *q = *p + 1;
    *p += 2;
    switch (*q) {
    case 'b':
        out[0] = '\b';
        return 1;
    case 'f':
        out[0] = '\f';
        return 1;
    case 'n':
        out[0] = '\n';
        return 1;
    case 'r':
        out[0] = '\r';
        return 1;
    case 't':
        out[0] = '\t';
        return 1;
    case 'u':
        break;
    default:
        out[0] = (uint8_t)*q;
        return 1;
    }
    unsigned c = hex4(q + 1);
    *p += 4;
    if (c >= 0xd800 && c <= 0xdbff && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex4(*p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            return put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    return c >= 0xd800 && c <= 0xdfff ? 0 : put_utf8(out, c);
}

/* What lies between the quotes. */
static bool inside(json_span_t s, const char **p, const char **end) {
    if (s.kind != JSON_T_STRING || s.len < 2) {
        return false;
    }
    *p = s.ptr + 1;
    *end = s.ptr + s.len - 1;
    return true;
}

bool json_str_equal(json_span_t s, const char *text) {
    const char *p, *end;
    if (!inside(s, &p, &end)) {
        return false;
    }
    size_t n = strlen(text);
    if ((size_t)(end - p) == n && memcmp(p, text, n) == 0 && memchr(p, '\\', n) == NULL) {
        return true;
    }
    const char *t = text, *t_end = text + n;
    while (p < end) {
        if (*p != '\\') {
            if (t == t_end || *t++ != *p++) {
                return false;
            }
            continue;
        }
        uint8_t c[4];
        size_t m = unescape(&p, end, c);
        if (m == 0 || (size_t)(t_end - t) < m || memcmp(t, c, m) != 0) {
            return false;
        }
        t += m;
    }
    return t == t_end;
}

/* A string byte by byte, unescaped. */
typedef struct bytewise {
    const char *p, *end;
    uint8_t room[4];
    size_t at, n;
} bytewise_t;

/* The next byte; -1 at the end; a lone surrogate is -2. */
static int next_byte(bytewise_t *b) {
    if (b->at == b->n) {
        if (b->p >= b->end) {
            return -1;
        }
        if (*b->p != '\\') {
            return (unsigned char)*b->p++;
        }
        b->at = 0;
        b->n = unescape(&b->p, b->end, b->room);
        if (b->n == 0) {
            return -2;
        }
    }
    return b->room[b->at++];
}

bool json_str_same(json_span_t a, json_span_t b) {
    bytewise_t x = {.at = 0}, y = {.at = 0};
    if (!inside(a, &x.p, &x.end) || !inside(b, &y.p, &y.end)) {
        return false;
    }
    for (;;) {
        int c = next_byte(&x), d = next_byte(&y);
        if (c != d || c == -2) {
            return false;
        }
        if (c == -1) {
            return true;
        }
    }
}

schloss_rc json_str_decode(json_span_t s, buf_t *out, schloss_error_t *err) {
    const char *p, *end;
    ENSURE(inside(s, &p, &end), err, BAD_JSON, "the value is no string");
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = slash != NULL ? slash : end;
        buf_put(out, p, (size_t)(stop - p));
        p = stop;
        if (slash != NULL) {
            uint8_t c[4];
            size_t n = unescape(&p, end, c);
            ENSURE(n > 0, err, BAD_JSON, "a \\u escape is half of a surrogate pair");
            buf_put_few(out, c, n);
        }
    }
    return buf_check(out, err);
}

bool json_get_int64(json_span_t s, int64_t *out) {
    if (s.kind != JSON_T_NUMBER || s.len == 0) {
        return false;
    }
    bool negative = s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t v = 0, max = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (i == s.len) {
        return false;
    }
    for (; i < s.len; i++) {
        unsigned d = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (d > 9 || v > (max - d) / 10) {
            return false;
        }
        v = v * 10 + d;
    }
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* strtod() wants the locale's decimal point; a host program may have set any. */
bool json_get_double(json_span_t s, double *out) {
    char text[512];
    const char *point = localeconv()->decimal_point;
    size_t n = 0, extra = strlen(point);
    if (s.len == 0 || s.len + extra >= sizeof text) {
        return false;
    }
    bool digit = false, dot = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.') {
            memcpy(text + n, point, extra);
            n += extra;
            if (dot || !digit) {
                return false;
            }
            dot = true;
        } else if (c != '\0' && strchr("0123456789+-eE", c) != NULL) {
            digit = digit || (c >= '0' && c <= '9');
            text[n++] = c;
        } else {
            return false;
        }
    }
    text[n] = '\0';
    char *stop = NULL;
    double v = strtod(text, &stop);
    if (stop != text + n || !digit || !isfinite(v)) {
        return false;
    }
    *out = v;
    return true;
}

bool json_get_bool(json_span_t s) {
    return s.kind == JSON_T_BOOL && s.ptr[0] == 't';
}

bool json_member(json_span_t object, const char *name, json_span_t *value) {
    json_span_t key, v;
    bool found = false;
    if (object.kind != JSON_T_OBJECT) {
        return false;
    }
    for (json_iter_t it = json_iter(object); json_next(&it, &key, &v);) {
        if (json_str_equal(key, name)) {
            *value = v;
            found = true;
        }
    }
    return found;
}

bool json_member_str(json_span_t object, const char *name, char *dst, size_t cap) {
    json_span_t v;
    const char *p, *end;
    if (!json_member(object, name, &v) || !inside(v, &p, &end) || cap == 0) {
        return false;
    }
    size_t n = 0;
    while (p < end) {
        uint8_t c[4];
        size_t m = 1;
        if (*p == '\\') {
            m = unescape(&p, end, c);
        } else {
            c[0] = (uint8_t)*p++;
        }
        if (m == 0 || c[0] == 0 || n + m >= cap) {
            return false;
        }
        memcpy(dst + n, c, m);
        n += m;
    }
    dst[n] = '\0';
    return true;
}
