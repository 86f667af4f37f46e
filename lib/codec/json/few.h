/* Appending a few bytes from a small array on the stack, where buf_put()'s wide copies make gcc see reads past it. */
#ifndef CODEC_JSON_FEW_H
#define CODEC_JSON_FEW_H

#include "base/buf.h"

static inline void buf_put_few(buf_t *b, const void *p, size_t n) {
    const uint8_t *s = p;
    if (buf_reserve(b, n)) {
        for (size_t i = 0; i < n; i++) {
            b->ptr[b->len++] = s[i];
        }
    }
}

#endif
