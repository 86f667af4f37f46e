/* The little XML that STS answers with: the text of one element. No document is built; whatever is not understood is
 * skipped. */
#include "kms/aws/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct {
    const char *name;
    char c;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

static const uint8_t *find(const uint8_t *p, const uint8_t *end, const char *s) {
    return p >= end ? NULL : memmem(p, (size_t)(end - p), s, strlen(s));
}

/* Appends text with entities decoded; an unknown one makes it malformed. */
static bool decode(const uint8_t *p, const uint8_t *end, buf_t *out) {
    while (p < end) {
        if (*p != '&') {
            buf_put_u8(out, *p++);
            continue;
        }
        size_t i = 0;
        for (; i < COUNT_OF(entities); i++) {
            size_t n = strlen(entities[i].name);
            if ((size_t)(end - p) >= n && memcmp(p, entities[i].name, n) == 0) {
                buf_put_u8(out, (uint8_t)entities[i].c);
                p += n;
                break;
            }
        }
        if (i == COUNT_OF(entities)) {
            return false;
        }
    }
    return !out->failed;
}

bool aws_xml_text(bytes_t xml, const char *name, buf_t *out) {
    char open[64];
    char close[64];
    size_t n = strlen(name);
    if (xml.len == 0 || n == 0 || n > 48) {
        return false;
    }
    (void)snprintf(open, sizeof open, "<%s>", name);
    (void)snprintf(close, sizeof close, "</%s>", name);
    const uint8_t *end = xml.ptr + xml.len;
    const uint8_t *from = find(xml.ptr, end, open);
    const uint8_t *to = from == NULL ? NULL : find(from + n + 2, end, close);
    if (to == NULL) {
        return false;
    }
    from += n + 2;
    while (from < to && strchr(" \t\r\n", *from) != NULL) {
        from++;
    }
    while (to > from && strchr(" \t\r\n", to[-1]) != NULL) {
        to--;
    }
    if (memchr(from, '<', (size_t)(to - from)) != NULL || memchr(from, 0, (size_t)(to - from)) != NULL) {
        return false;
    }
    size_t before = out->len;
    if (!decode(from, to, out)) {
        out->len = before;
        return false;
    }
    return true;
}

static bool digits(const char *p, size_t n, int *out) {
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

bool aws_time(const char *t, int64_t *out) {
    struct tm tm = {0};
    size_t n = strlen(t);
    if (n < 20 || n > 40 || t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':' ||
        t[n - 1] != 'Z' || (t[19] != 'Z' && t[19] != '.') || !digits(t, 4, &tm.tm_year) ||
        !digits(t + 5, 2, &tm.tm_mon) || !digits(t + 8, 2, &tm.tm_mday) || !digits(t + 11, 2, &tm.tm_hour) ||
        !digits(t + 14, 2, &tm.tm_min) || !digits(t + 17, 2, &tm.tm_sec)) {
        return false;
    }
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out = (int64_t)timegm(&tm) * 1000;
    return true;
}
