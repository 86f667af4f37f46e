/* Text of the printer: indentation, quoted strings, aggregate values. See proto_printer.h. */
#include "base/text.h"
#include "registry/schema/proto_printer.h"
#include <stdio.h>

void printer_put_n(printer_t *p, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!p->line_begun) {
            for (unsigned d = 0; d < p->depth; d++) {
                buf_put(p->out, "  ", 2);
            }
        }
        buf_put_u8(p->out, (uint8_t)s[i]);
        p->line_begun = s[i] != '\n';
    }
}

void printer_put(printer_t *p, const char *s) {
    printer_put_n(p, s, strlen(s));
}

void printer_put_span(printer_t *p, bytes_t b) {
    printer_put_n(p, (const char *)b.ptr, b.len);
}

void printer_put_long(printer_t *p, int64_t v) {
    char digits[24];
    printer_put_n(p, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)v));
}

/* Control characters and bytes that are no UTF-8 in octal, so that the text is text. */
void printer_put_quoted(printer_t *p, bytes_t s) {
    static const char from[] = "\a\b\f\n\r\t\v\\'\"", to[] = "abfnrtv\\'\"";
    bool text = utf8_valid(s.ptr, s.len);
    printer_put(p, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t ch = s.ptr[i];
        const char *at = ch == 0 ? NULL : strchr(from, (char)ch);
        if (at != NULL) {
            char escape[2] = {'\\', to[at - from]};
            printer_put_n(p, escape, 2);
        } else if (ch < 0x20 || ch == 0x7f || (ch >= 0x80 && !text)) {
            char octal[5];
            printer_put_n(p, octal, (size_t)snprintf(octal, sizeof octal, "\\%03o", ch));
        } else {
            printer_put_n(p, (const char *)&ch, 1);
        }
    }
    printer_put(p, "\"");
}

bool proto_same(bytes_t a, bytes_t b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool proto_is(bytes_t b, const char *s) {
    return proto_same(b, bytes(s, strlen(s)));
}

/* The text of an aggregate option value, as the tokenizer left it: tokens between blanks. */
typedef struct tokens {
    const char *p, *end;
} tokens_t;

static bytes_t token_peek(const tokens_t *t, const char **after) {
    const char *p = t->p;
    while (p < t->end && (*p == ' ' || *p == '\n')) {
        p++;
    }
    const char *from = p;
    if (p < t->end && (*p == '"' || *p == '\'')) {
        char quote = *p++;
        while (p < t->end && *p != quote) {
            p += *p == '\\' && p + 1 < t->end ? 2 : 1;
        }
        p += p < t->end;
    } else if (p < t->end && strchr("{}[]<>:;,-./", *p) != NULL) {
        p++;
    } else {
        while (p < t->end && strchr(" \n{}[]<>:;,\"'", *p) == NULL) {
            p++;
        }
    }
    *after = p;
    return bytes(from, (size_t)(p - from));
}

static bytes_t token_take(tokens_t *t) {
    const char *after;
    bytes_t b = token_peek(t, &after);
    t->p = after;
    return b;
}

static bool token_is(const tokens_t *t, const char *one_of) {
    const char *after;
    bytes_t b = token_peek(t, &after);
    return b.len == 1 && strchr(one_of, b.ptr[0]) != NULL;
}

static void put_entries(printer_t *p, tokens_t *t, unsigned depth);

/* Adjacent strings are one; other scalars go as they are. */
static void put_scalar(printer_t *p, tokens_t *t) {
    bytes_t b = token_take(t);
    if (b.len != 0 && (b.ptr[0] == '"' || b.ptr[0] == '\'')) {
        printer_put(p, "\"");
        for (;;) {
            for (size_t i = 1; i + 1 < b.len; i++) { /* its own quote may be the other one */
                if (b.ptr[i] == '\\' && i + 2 < b.len) {
                    printer_put_n(p, (const char *)b.ptr + i++, 2);
                } else if (b.ptr[i] == '"' || b.ptr[i] == '\'') {
                    char escape[2] = {'\\', (char)b.ptr[i]};
                    printer_put_n(p, escape, 2);
                } else {
                    printer_put_n(p, (const char *)b.ptr + i, 1);
                }
            }
            const char *after;
            bytes_t next = token_peek(t, &after);
            if (next.len == 0 || (next.ptr[0] != '"' && next.ptr[0] != '\'')) {
                break;
            }
            b = token_take(t);
        }
        printer_put(p, "\"");
        return;
    }
    printer_put_span(p, b);
    if (proto_is(b, "-")) {
        printer_put_span(p, token_take(t));
    }
}

static void put_value(printer_t *p, tokens_t *t, unsigned depth) {
    if (depth > LIMIT_PROTO_DEPTH) {
        t->p = t->end;
    } else if (token_is(t, "{<")) {
        (void)token_take(t);
        printer_put(p, "{\n");
        put_entries(p, t, depth + 1);
        (void)token_take(t);
        printer_put(p, "}");
    } else if (token_is(t, "[")) {
        (void)token_take(t);
        printer_put(p, "[\n");
        p->depth++;
        while (t->p < t->end && !token_is(t, "]")) {
            put_value(p, t, depth + 1);
            if (token_is(t, ",")) {
                (void)token_take(t);
                printer_put(p, ",");
            }
            printer_put(p, "\n");
        }
        p->depth--;
        (void)token_take(t);
        printer_put(p, "]");
    } else {
        put_scalar(p, t);
    }
}

/* key: value lines, up to the closing bracket. */
static void put_entries(printer_t *p, tokens_t *t, unsigned depth) {
    const char *after;
    p->depth++;
    while (token_peek(t, &after).len != 0 && !token_is(t, "}>")) {
        bytes_t key = token_take(t);
        printer_put_span(p, key);
        if (proto_is(key, "[")) { /* [extension.name] */
            while (token_peek(t, &after).len != 0 && !token_is(t, "]")) {
                printer_put_span(p, token_take(t));
            }
            printer_put_span(p, token_take(t));
        }
        if (token_is(t, ":")) {
            (void)token_take(t);
        }
        printer_put(p, ": ");
        put_value(p, t, depth);
        while (token_is(t, ",;")) {
            (void)token_take(t);
        }
        bool more = token_peek(t, &after).len != 0 && !token_is(t, "}>");
        printer_put(p, more ? ",\n" : "\n");
    }
    p->depth--;
}

void printer_put_aggregate(printer_t *p, bytes_t value) {
    tokens_t t = {(const char *)value.ptr, (const char *)value.ptr + value.len};
    printer_put(p, "{\n");
    put_entries(p, &t, 1);
    printer_put(p, "}");
}
