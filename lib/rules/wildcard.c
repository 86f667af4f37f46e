/* Path patterns by a set-of-positions scan: no backtracking, so hostile patterns cost pattern x name at most. */
#include "rules/wildcard.h"
#include "base/mem.h"
#include <string.h>

wildcard_token_t rule_wildcard_next(const char **p) {
    const char *s = *p;
    wildcard_token_t t = {.kind = T_CHAR, .ch = (unsigned char)*s};
    size_t used = 1;
    if (s[0] == '*' && s[1] == '*') {
        t.kind = T_DEEP;
        used = strncmp(s, "**.*", 4) == 0 ? 4 : 2;
    } else if (s[0] == '*') {
        t.kind = T_STAR;
    } else if (s[0] == '?') {
        t.kind = T_ONE;
    } else if (s[0] == '[') {
        /* a ']' directly behind the bracket (or its '^') would be an empty class: then '[' stands for itself */
        const char *end = strchr(s + 1, ']');
        if (end != NULL && end > s + 1 && !(s[1] == '^' && end == s + 2)) {
            t.kind = T_CLASS;
            t.set = s + 1;
            t.set_len = (size_t)(end - s - 1);
            used = t.set_len + 2;
        }
    }
    *p = s + used;
    return t;
}

static bool class_has(const wildcard_token_t *t, unsigned char c) {
    size_t i = 0;
    bool negated = t->set[0] == '^';
    bool hit = false;
    for (i = negated ? 1 : 0; i < t->set_len; i++) {
        unsigned char lo = (unsigned char)t->set[i];
        unsigned char hi = lo;
        if (i + 2 < t->set_len && t->set[i + 1] == '-') {
            hi = (unsigned char)t->set[i + 2];
            i += 2;
        }
        if (c >= lo && c <= hi) {
            hit = true;
        }
    }
    return hit != negated;
}

bool rule_wildcard_has(const wildcard_token_t *t, unsigned char c) {
    switch (t->kind) {
    case T_DEEP:
        return true;
    case T_STAR:
    case T_ONE:
        return c != '.';
    case T_CHAR:
        return c == t->ch;
    case T_CLASS:
        return class_has(t, c);
    }
    return false;
}

/* `?` and classes match characters, not bytes: a UTF-8 continuation byte belongs to the character before it. */
static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

bool rule_wildcard_match(const char *pattern, const char *name) {
    size_t n = strlen(name);
    uint8_t small[256];
    uint8_t *reach = n < sizeof(small) ? small : mem_alloc(n + 1); /* reach[i]: pattern so far matches name[0..i) */
    if (reach == NULL) {
        return true; /* out of memory: treat the field as tagged rather than leave it in clear */
    }
    memset(reach, 0, n + 1);
    reach[0] = 1;
    for (const char *p = pattern; *p != '\0';) {
        wildcard_token_t t = rule_wildcard_next(&p);
        if (t.kind == T_DEEP || t.kind == T_STAR) {
            for (size_t i = 0; i < n; i++) {
                if (reach[i] && rule_wildcard_has(&t, (unsigned char)name[i])) {
                    reach[i + 1] = 1;
                }
            }
            continue;
        }
        uint8_t before = reach[0];
        reach[0] = 0;
        for (size_t i = 0; i < n; i++) {
            uint8_t next = reach[i + 1];
            bool ok = before && rule_wildcard_has(&t, (unsigned char)name[i]);
            if (t.kind != T_CHAR && reach[i] && is_continuation(name[i])) {
                ok = true; /* the character goes on */
            }
            reach[i + 1] = ok;
            before = next;
        }
        if (t.kind != T_CHAR) { /* only whole characters count */
            for (size_t i = 1; i < n; i++) {
                if (reach[i] && is_continuation(name[i])) {
                    reach[i] = 0;
                }
            }
        }
    }
    bool matched = reach[n] != 0;
    if (reach != small) {
        mem_free(reach);
    }
    return matched;
}
