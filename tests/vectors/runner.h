/* Vector runner: what its parts share. A check returns true, or notes the first thing that is wrong and returns false;
 * main counts and prints. */
#ifndef VECTORS_RUNNER_H
#define VECTORS_RUNNER_H

#include "base/mem.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct vec {
    const json_t *v;
    char why[1024]; /* what is wrong; "" so far */
} vec_t;

/* Notes why and returns false. The first note stays. */
bool wrong(vec_t *t, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);
#define CHECK(t, cond, ...)                                                                                            \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            return wrong((t), __VA_ARGS__);                                                                            \
        }                                                                                                              \
    } while (0)

const char *vec_str(const json_t *o, const char *name, const char *dflt);
/* Base64 member into memory that lives until vec_release. A missing or malformed member gives {NULL, 0}. */
bytes_t vec_bytes(const json_t *o, const char *name);
bytes_t vec_decode(const char *text, size_t len);
void vec_release(void);
/* True when equal; notes the first difference. */
bool vec_same(vec_t *t, const char *what, bytes_t got, bytes_t want);
/* Equal as JSON values; numbers compare by value (1 equals 1.0). */
bool json_same(const json_t *a, const json_t *b);

/* One function for each shape of vector. */
bool check_aead(vec_t *t);
bool check_kms_local(vec_t *t);
bool check_framing(vec_t *t);
bool check_wildcard(vec_t *t);
bool check_message(vec_t *t);
bool check_negative(vec_t *t);

#endif
