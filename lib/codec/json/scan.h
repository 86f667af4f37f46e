/* Single-pass JSON scanner over spans: finds where values begin and end, decodes strings and numbers on demand, builds
 * nothing. Depth-limited; hostile input safe. RFC 8259; duplicate members are the caller's business. */
#ifndef CODEC_JSON_SCAN_H
#define CODEC_JSON_SCAN_H

#include "base/buf.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

typedef enum { JSON_T_NULL, JSON_T_BOOL, JSON_T_NUMBER, JSON_T_STRING, JSON_T_ARRAY, JSON_T_OBJECT } json_kind_t;

typedef struct json_span {
    const char *ptr; /* first byte of the value: '"', '{', digit ... */
    size_t len;
    json_kind_t kind;
} json_span_t;

/* Checks that text is exactly one JSON value (white space around allowed). @return BAD_JSON with line and column */
SCHLOSS_NODISCARD schloss_rc json_scan(json_span_t *out, const char *text, size_t len, schloss_error_t *err);

/* The same with another limit than LIMIT_JSON_DEPTH (at most that). */
SCHLOSS_NODISCARD schloss_rc json_scan_depth(json_span_t *out, const char *text, size_t len, unsigned max_depth,
                                             schloss_error_t *err);

/* Iterates over a span that json_scan (or an iterator) returned. */
typedef struct json_iter {
    const char *p, *end;
    json_kind_t kind;
} json_iter_t;
json_iter_t json_iter(json_span_t container);
/* Next member of an object (key is the string's span with quotes) or item of an array (key may be NULL). false: end. */
bool json_next(json_iter_t *it, json_span_t *key, json_span_t *value);

/* True when the string span equals the NUL-terminated text (escapes decoded). */
bool json_str_equal(json_span_t s, const char *text);
/* True when both string spans decode to the same text; never for one with half of a surrogate pair. */
bool json_str_same(json_span_t a, json_span_t b);
/* Appends the decoded string as UTF-8. @return BAD_JSON (lone surrogate), LIMIT_EXCEEDED */
SCHLOSS_NODISCARD schloss_rc json_str_decode(json_span_t s, buf_t *out, schloss_error_t *err);
/* Exact integer; false when the number has a fraction, exponent or does not fit. */
SCHLOSS_NODISCARD bool json_get_int64(json_span_t s, int64_t *out);
/* Any number that a double can hold; also checks that the span is a JSON number (kind is not looked at). */
SCHLOSS_NODISCARD bool json_get_double(json_span_t s, double *out);
bool json_get_bool(json_span_t s); /* of a JSON_T_BOOL */
/* Member of an object span by name; the last one wins. false: absent. */
bool json_member(json_span_t object, const char *name, json_span_t *value);
/* Decoded string member copied into dst (NUL-terminated); false when absent, no string, or too long. */
bool json_member_str(json_span_t object, const char *name, char *dst, size_t cap);

/* Appends s as a JSON string with quotes: ", \ and U+0000-001F escaped (\b \t \n \f \r, others \u00XX), the rest raw.
 */
void json_put_string(buf_t *out, const char *s, size_t n);
/* Java's Double.toString form (1.0, 1.0E10; shortest digits): schema-registry-api.md 15.3. */
void json_put_double(buf_t *out, double v);
void json_put_float(buf_t *out, float v); /* Float.toString: fewest digits that give the same float */

#pragma GCC visibility pop

#endif
