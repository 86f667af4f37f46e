/* See media.h. */
#include "server/media.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    unsigned weight; /* of the server, in tenths */
} offers[] = {{MEDIA_V1, 10}, {MEDIA_SR, 9}, {MEDIA_JSON, 5}};

static const char *skip_blank(const char *p) {
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    return p;
}

/* 0..1000 of "0.75"; malformed counts as 0. */
static unsigned quality(const char *p, size_t n) {
    if (n == 0 || (p[0] != '0' && p[0] != '1')) {
        return 0;
    }
    unsigned q = (unsigned)(p[0] - '0') * 1000, unit = 100;
    if (n >= 2 && p[1] == '.') {
        for (size_t i = 2; i < n && i < 5 && p[i] >= '0' && p[i] <= '9'; i++, unit /= 10) {
            q += (unsigned)(p[i] - '0') * unit;
        }
    }
    return q > 1000 ? 1000 : q;
}

/* How specifically range (n bytes) names type: 0 not, 1 any, 2 application, 3 exactly. */
static unsigned match(const char *range, size_t n, const char *type) {
    if (n == 3 && memcmp(range, "*/*", 3) == 0) {
        return 1;
    }
    if (n == 13 && strncasecmp(range, "application/*", 13) == 0) {
        return 2;
    }
    return n == strlen(type) && strncasecmp(range, type, n) == 0 ? 3 : 0;
}

/* One element of the header: its range, and its q. Returns the next element. */
static const char *element(const char *p, const char **range, size_t *len, unsigned *q) {
    p = skip_blank(p);
    *range = p;
    *q = 1000;
    *len = strcspn(p, ",; \t");
    const char *end = p + strcspn(p, ",");
    for (const char *s = memchr(p, ';', (size_t)(end - p)); s != NULL; s = memchr(s, ';', (size_t)(end - s))) {
        s = skip_blank(s + 1);
        if (end - s >= 2 && (s[0] == 'q' || s[0] == 'Q') && s[1] == '=') {
            *q = quality(s + 2, (size_t)(end - s) - 2);
        }
    }
    return *end == ',' ? end + 1 : end;
}

const char *media_choose(const char *accept) {
    if (accept == NULL || *skip_blank(accept) == '\0') {
        return MEDIA_V1;
    }
    const char *best = NULL;
    unsigned best_score = 0;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        unsigned q = 0, how = 0;
        for (const char *p = accept; *p != '\0';) {
            const char *range;
            size_t n;
            unsigned this_q;
            p = element(p, &range, &n, &this_q);
            unsigned this_how = match(range, n, offers[i].name);
            if (this_how > how) { /* the most specific range that matches decides */
                how = this_how;
                q = this_q;
            }
        }
        if (how != 0 && q * offers[i].weight > best_score) {
            best_score = q * offers[i].weight;
            best = offers[i].name;
        }
    }
    return best;
}

bool media_is_json(const char *content_type) {
    if (content_type == NULL) {
        return true;
    }
    const char *p = skip_blank(content_type);
    size_t n = strcspn(p, "; \t");
    static const char *const types[] = {MEDIA_V1, MEDIA_SR, MEDIA_JSON, "application/octet-stream"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (n == strlen(types[i]) && strncasecmp(p, types[i], n) == 0) {
            return true;
        }
    }
    return n == 0;
}
