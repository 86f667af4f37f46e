/* Stepping over values that no rule touches: checked, not looked at. */
#include "codec/json/skip.h"
#include "base/limits.h"

static const char *digits(const char *p, const char *end) {
    while (p < end && (unsigned char)(*p - '0') <= 9) {
        p++;
    }
    return p;
}

static const char *skip_number(const char *p, const char *end, const char **bad) {
    p += p < end && *p == '-';
    const char *q = p < end && *p == '0' ? p + 1 : digits(p, end);
    bool ok = q > p;
    if (ok && q < end && *q == '.') {
        p = q + 1;
        q = digits(p, end);
        ok = q > p;
    }
    if (ok && q < end && (*q | 0x20) == 'e') {
        p = q + 1;
        p += p < end && (*p == '+' || *p == '-');
        q = digits(p, end);
        ok = q > p;
    }
    *bad = q;
    return ok ? q : NULL;
}

const char *json_skip_word(const char *p, const char *end, const char **bad) {
    static const struct {
        char first, len;
        const char *text;
    } words[] = {{'t', 4, "true"}, {'f', 5, "false"}, {'n', 4, "null"}};
    if ((unsigned char)(*p - '0') <= 9 || *p == '-') {
        return skip_number(p, end, bad);
    }
    for (unsigned i = 0; i < 3; i++) {
        if (*p == words[i].first && end - p >= words[i].len && memcmp(p, words[i].text, (size_t)words[i].len) == 0) {
            return p + words[i].len;
        }
    }
    *bad = p;
    return NULL;
}

/* The name of a member and its colon; returns the first byte of the value. */
static const char *skip_key(const char *p, const char *end, const char **bad) {
    bool escaped = false;
    *bad = p;
    if (p >= end || *p != '"' || (p = json_skip_string(p, end, &escaped, bad)) == NULL) {
        return NULL;
    }
    p = json_skip_space(p, end);
    *bad = p;
    return p < end && *p == ':' ? json_skip_space(p + 1, end) : NULL;
}

const char *json_skip_value(const char *p, const char *end, unsigned depth, const char **bad, bool *deep) {
    uint64_t objects[LIMIT_JSON_DEPTH / 64] = {0}; /* a bit per open container: object? */
    unsigned open = 0;
    bool escaped = false;
    for (;;) {
        *bad = p;
        if (p >= end) {
            return NULL;
        }
        if (*p == '"') {
            p = json_skip_string(p, end, &escaped, bad);
        } else if (*p == '{' || *p == '[') {
            bool object = *p == '{';
            if (open == depth || open == LIMIT_JSON_DEPTH) {
                *deep = true;
                return NULL;
            }
            p = json_skip_space(p + 1, end);
            if (p < end && *p == (object ? '}' : ']')) {
                p++;
            } else {
                uint64_t bit = UINT64_C(1) << (open % 64);
                objects[open / 64] = object ? objects[open / 64] | bit : objects[open / 64] & ~bit;
                open++;
                if (object && (p = skip_key(p, end, bad)) == NULL) {
                    return NULL;
                }
                continue;
            }
        } else {
            p = json_skip_word(p, end, bad);
        }
        if (p == NULL) {
            return NULL;
        }
        for (;;) { /* a value ended at p */
            if (open == 0) {
                return p;
            }
            bool object = (objects[(open - 1) / 64] >> ((open - 1) % 64) & 1) != 0;
            p = json_skip_space(p, end);
            *bad = p;
            if (p >= end) {
                return NULL;
            }
            if (*p == ',') {
                p = json_skip_space(p + 1, end);
                if (object && (p = skip_key(p, end, bad)) == NULL) {
                    return NULL;
                }
                break;
            }
            if (*p != (object ? '}' : ']')) {
                return NULL;
            }
            open--;
            p++;
        }
    }
}
