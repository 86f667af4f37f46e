/* The plain forms of base64, for comparison with the vector forms in tests. Everybody else uses text.h. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/text.h"

size_t b64_encode_plain(uint8_t *out, const uint8_t *in, size_t n);
SCHLOSS_NODISCARD bool b64_decode_plain(uint8_t *out, size_t *out_len, const uint8_t *in, size_t n);

#endif
