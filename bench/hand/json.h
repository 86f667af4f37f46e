/* The record as JSON text, by hand: properties in a fixed order without blanks, cents for the balance. Strings are
 * escaped and unescaped; a text without anything to escape is found by eight bytes at a time and copied. */
#ifndef BENCH_HAND_JSON_H
#define BENCH_HAND_JSON_H

#include "hand/customer.h"

static const char *const json_countries[] = REC_COUNTRIES;

/* ---- writing ---- */

static inline uint8_t *json_put_raw(uint8_t *p, const char *text, size_t n) {
    memcpy(p, text, n);
    return p + n;
}
#define JSON_PUT(p, literal) json_put_raw(p, literal, sizeof(literal) - 1)

static inline uint8_t *json_put_long(uint8_t *p, int64_t v) {
    char digits[20];
    size_t n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0) {
        *p++ = '-';
    }
    do {
        digits[sizeof digits - ++n] = (char)('0' + u % 10);
        u /= 10;
    } while (u != 0);
    return json_put_raw(p, digits + sizeof digits - n, n);
}

/* True when one of eight bytes is a quote, a backslash or below 0x20. */
static inline bool json_any_special(uint64_t v) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t quote = v ^ (ones * '"'), slash = v ^ (ones * '\\');
    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high;
}

static inline bool json_is_special(uint8_t ch) {
    return ch == '"' || ch == '\\' || ch < 0x20;
}

static inline size_t json_clean_prefix(const uint8_t *s, size_t n) {
    size_t i = 0;
    for (uint64_t v; i + 8 <= n; i += 8) {
        memcpy(&v, s + i, 8);
        if (json_any_special(v)) {
            break;
        }
    }
    while (i < n && !json_is_special(s[i])) {
        i++;
    }
    return i;
}

static inline uint8_t *json_put_text(uint8_t *p, view_t v) {
    static const char hex[] = "0123456789abcdef";
    *p++ = '"';
    for (size_t i = 0; i < v.len; i++) {
        size_t clean = json_clean_prefix(v.ptr + i, v.len - i);
        memcpy(p, v.ptr + i, clean);
        p += clean;
        i += clean;
        if (i == v.len) {
            break;
        }
        uint8_t ch = v.ptr[i];
        *p++ = '\\';
        if (ch >= 0x20) {
            *p++ = ch;
        } else {
            p = JSON_PUT(p, "u00");
            *p++ = (uint8_t)hex[ch >> 4];
            *p++ = (uint8_t)hex[ch & 15];
        }
    }
    *p++ = '"';
    return p;
}

INLINE uint8_t *json_put_field(uint8_t *p, view_t v, bool sealed, floor_key_t *k, cipher_t cipher) {
    uint8_t box[BOX_MAX];
    if (!sealed) {
        return json_put_text(p, v);
    }
    size_t n = seal_view(k, cipher, box, v);
    if (n == 0) {
        return NULL;
    }
    *p++ = '"';
    p = base64_encode(p, box, n);
    *p++ = '"';
    return p;
}

INLINE uint8_t *json_put(uint8_t *p, const customer_t *c, int fields, floor_key_t *k, cipher_t cipher) {
    p = json_put_long(JSON_PUT(p, "{\"id\":"), c->id);
    p = json_put_field(JSON_PUT(p, ",\"email\":"), c->email, fields >= 1, k, cipher);
    p = p == NULL ? NULL : json_put_field(JSON_PUT(p, ",\"name\":"), c->name, fields >= 3, k, cipher);
    p = p == NULL ? NULL : json_put_field(JSON_PUT(p, ",\"account\":"), c->account, fields >= 3, k, cipher);
    if (p == NULL) {
        return NULL;
    }
    p = json_put_text(JSON_PUT(p, ",\"street\":"), c->street);
    p = json_put_text(JSON_PUT(p, ",\"city\":"), c->city);
    p = json_put_text(JSON_PUT(p, ",\"country\":"), view_of(json_countries[c->country]));
    p = json_put_long(JSON_PUT(p, ",\"created\":"), c->created);
    int64_t cents = (int64_t)(c->balance * 100 + (c->balance < 0 ? -0.5 : 0.5));
    p = json_put_long(JSON_PUT(p, ",\"balance\":"), cents / 100);
    *p++ = '.';
    *p++ = (uint8_t)('0' + (cents < 0 ? -cents : cents) / 10 % 10);
    *p++ = (uint8_t)('0' + (cents < 0 ? -cents : cents) % 10);
    p = c->active ? JSON_PUT(p, ",\"active\":true") : JSON_PUT(p, ",\"active\":false");
    p = json_put_text(JSON_PUT(p, ",\"note\":"), c->note);
    p = JSON_PUT(p, ",\"labels\":[");
    for (size_t i = 0; i < c->n_labels; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        p = json_put_text(p, c->labels[i]);
    }
    *p++ = ']';
    for (unsigned i = 0; i < c->n_extra; i++) {
        char key[8] = {',', '"', 'x', (char)('0' + (i + 1) / 10), (char)('0' + (i + 1) % 10), '"', ':'};
        p = json_put_field(json_put_raw(p, key, 7), c->extra[i], fields >= 20, k, cipher);
        if (p == NULL) {
            return NULL;
        }
    }
    *p++ = '}';
    return p;
}

/* ---- reading ---- */

static inline void json_get_raw(cursor_t *c, const char *text, size_t n) {
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0) {
        c->bad = true;
        c->p = c->end;
        return;
    }
    c->p += n;
}
#define JSON_GET(c, literal) json_get_raw(c, literal, sizeof(literal) - 1)

static inline int64_t json_get_long(cursor_t *c) {
    bool minus = c->p < c->end && *c->p == '-';
    c->p += minus;
    int64_t v = 0;
    const uint8_t *start = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - start < 18; c->p++) {
        v = v * 10 + (*c->p - '0');
    }
    c->bad |= c->p == start;
    return minus ? -v : v;
}

static inline double json_get_money(cursor_t *c) {
    bool minus = c->p < c->end && *c->p == '-';
    int64_t whole = json_get_long(c);
    JSON_GET(c, ".");
    const uint8_t *start = c->p;
    int64_t part = json_get_long(c);
    c->bad |= c->p - start != 2;
    return ((double)whole * 100 + (double)(minus ? -part : part)) / 100;
}

/* Unescapes up to the closing quote into the room: what another program's text may need. */
static __attribute__((noinline)) view_t json_unescape(cursor_t *c) {
    view_t v = {c->room, 0};
    while (c->p < c->end && *c->p != '"') {
        uint8_t ch = *c->p++;
        if (ch == '\\' && c->p < c->end) {
            static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
            ch = *c->p++;
            const char *at = strchr(from, ch);
            if (ch == 'u' && c->end - c->p >= 4) {
                char digits[5] = {(char)c->p[0], (char)c->p[1], (char)c->p[2], (char)c->p[3], '\0'};
                unsigned long code = strtoul(digits, NULL, 16);
                c->bad |= code > 0x7f; /* no text of this record needs more */
                ch = (uint8_t)code;
                c->p += 4;
            } else if (at != NULL && ch != '\0') {
                ch = (uint8_t)to[at - from];
            }
        }
        *c->room++ = ch;
    }
    v.len = (size_t)(c->room - v.ptr);
    JSON_GET(c, "\"");
    return v;
}

static inline view_t json_get_text(cursor_t *c) {
    JSON_GET(c, "\"");
    const uint8_t *start = c->p;
    size_t n = json_clean_prefix(start, (size_t)(c->end - start));
    if (n < (size_t)(c->end - start) && start[n] == '\\') {
        return json_unescape(c);
    }
    c->p += n;
    JSON_GET(c, "\"");
    return (view_t){start, n};
}

INLINE view_t json_get_field(cursor_t *c, bool sealed, floor_key_t *k, cipher_t cipher) {
    view_t v = json_get_text(c);
    return sealed && !c->bad ? open_view(k, cipher, c, v) : v;
}

INLINE bool json_get(cursor_t *c, customer_t *out, int fields, bool wide, floor_key_t *k, cipher_t cipher) {
    JSON_GET(c, "{\"id\":");
    out->id = json_get_long(c);
    JSON_GET(c, ",\"email\":");
    out->email = json_get_field(c, fields >= 1, k, cipher);
    JSON_GET(c, ",\"name\":");
    out->name = json_get_field(c, fields >= 3, k, cipher);
    JSON_GET(c, ",\"account\":");
    out->account = json_get_field(c, fields >= 3, k, cipher);
    JSON_GET(c, ",\"street\":");
    out->street = json_get_text(c);
    JSON_GET(c, ",\"city\":");
    out->city = json_get_text(c);
    JSON_GET(c, ",\"country\":");
    view_t country = json_get_text(c);
    out->country = -1;
    for (int i = 0; i < (int)(sizeof json_countries / sizeof json_countries[0]); i++) {
        if (country.len == 2 && memcmp(country.ptr, json_countries[i], 2) == 0) {
            out->country = i;
        }
    }
    JSON_GET(c, ",\"created\":");
    out->created = json_get_long(c);
    JSON_GET(c, ",\"balance\":");
    out->balance = json_get_money(c);
    JSON_GET(c, ",\"active\":");
    out->active = c->p < c->end && *c->p == 't';
    if (out->active) {
        JSON_GET(c, "true");
    } else {
        JSON_GET(c, "false");
    }
    JSON_GET(c, ",\"note\":");
    out->note = json_get_text(c);
    JSON_GET(c, ",\"labels\":[");
    out->n_labels = 0;
    while (!c->bad && c->p < c->end && *c->p == '"') {
        if (out->n_labels == sizeof out->labels / sizeof out->labels[0]) {
            return false; /* this record never has that many */
        }
        out->labels[out->n_labels++] = json_get_text(c);
        c->p += c->p < c->end && *c->p == ',';
    }
    JSON_GET(c, "]");
    out->n_extra = wide ? 17 : 0;
    for (unsigned i = 0; i < out->n_extra; i++) {
        char key[8] = {',', '"', 'x', (char)('0' + (i + 1) / 10), (char)('0' + (i + 1) % 10), '"', ':'};
        json_get_raw(c, key, 7);
        out->extra[i] = json_get_field(c, fields >= 20, k, cipher);
    }
    JSON_GET(c, "}");
    return !c->bad && c->p == c->end && out->country >= 0;
}

#endif
