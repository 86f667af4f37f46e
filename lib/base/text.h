/* Small text codecs: base64, percent-encoding, hex, UTF-8, UUID. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

#define B64_LEN(n) (((n) + 2) / 3 * 4)

/* Standard alphabet with padding. out has B64_LEN(n) bytes; in and out must not overlap. Branch-free on the data.
 * Returns B64_LEN(n). SIMD where the compiler has it; fuzzed against the plain version. */
size_t b64_encode(uint8_t *out, const uint8_t *in, size_t n);
/* Strict: standard alphabet, padding required or entirely missing, unused bits zero or not (accepted), no white space.
 * out has room for n / 4 * 3 + 3 bytes. false: not base64. */
SCHLOSS_NODISCARD bool b64_decode(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n);

bool utf8_valid(const uint8_t *p, size_t n);
/* Largest m <= n so that p[0..m) does not end inside a UTF-8 sequence. */
size_t utf8_cut(const char *p, size_t n);

/* Percent-encodes everything but RFC 3986 unreserved characters. */
void url_escape(buf_t *out, const char *s, size_t n);
/* Decodes %XX (once) into out; '+' stays '+' unless plus_is_space. false on malformed %. */
SCHLOSS_NODISCARD bool url_unescape(buf_t *out, const char *s, size_t n, bool plus_is_space);

void hex_encode(char *out, const uint8_t *in, size_t n); /* 2n characters, no NUL */
SCHLOSS_NODISCARD bool hex_decode(uint8_t *out, const char *in, size_t n_out);

/* "8-4-4-4-12" lower case (36 characters and NUL). */
void uuid_print(char out[37], const uint8_t in[16]);
/* Accepts the text form and 32 hex digits. */
SCHLOSS_NODISCARD bool uuid_parse(uint8_t out[16], const char *s);

/* Nearest of names[n] to word by edit distance <= 3; NULL when none is near. For "did you mean". */
const char *text_nearest(const char *word, const char *const *names, size_t n);

#pragma GCC visibility pop

#endif
