/* Bytes for the crypto tests: literals in base64 or hex, and vector files. */
#ifndef UNIT_CRYPTO_DATA_H
#define UNIT_CRYPTO_DATA_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include <jansson.h>

#define DATA_MAX 16384u

typedef struct data {
    uint8_t p[DATA_MAX];
    size_t n;
} data_t;

static inline data_t from_b64(const char *s) {
    data_t d = {.n = 0};
    assert_non_null(s);
    assert_in_range(strlen(s), 0, DATA_MAX);
    assert_true(b64_decode(d.p, &d.n, (const uint8_t *)s, strlen(s)));
    return d;
}

static inline data_t from_hex(const char *s) {
    data_t d = {.n = strlen(s) / 2};
    assert_in_range(d.n, 0, DATA_MAX);
    assert_true(hex_decode(d.p, s, d.n));
    return d;
}

static inline bytes_t view(const data_t *d) {
    return bytes(d->p, d->n);
}

/* 00 01 02 … */
static inline data_t counting(size_t n) {
    data_t d = {.n = n};
    for (size_t i = 0; i < n; i++) {
        d.p[i] = (uint8_t)i;
    }
    return d;
}

static inline json_t *vectors_of(const char *file) {
    json_t *doc = json_load_file(file, 0, NULL);
    assert_non_null(doc);
    json_t *list = json_incref(json_object_get(doc, "vectors"));
    json_decref(doc);
    assert_true(json_is_array(list));
    return list;
}

static inline data_t member_b64(const json_t *v, const char *name) {
    return from_b64(json_string_value(json_object_get(v, name)));
}

static inline const char *member(const json_t *v, const char *name) {
    return json_string_value(json_object_get(v, name));
}

#endif
