/* What the drivers share: one JSON object per line in, one out. */
#ifndef TESTS_DIFF_DRIVER_H
#define TESTS_DIFF_DRIVER_H

#include "base/text.h"
#include "codec/json/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *driver_text(const json_t *in, const char *name) {
    const char *s = json_string_value(json_object_get(in, name));
    return s == NULL ? "" : s;
}

/* Calls handle() for each line of standard input. */
static inline int driver_main(void (*handle)(json_t *in, json_t *out, schloss_error_t *err)) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = 0;
    schloss_error_t *err = schloss_error_new();
    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_t *in = NULL, *out = json_object();
        if (json_load(&in, "line", line, (size_t)n, err) != SCHLOSS_OK) {
            fprintf(stderr, "%s\n", schloss_error_message(err));
            return 1;
        }
        schloss_error_clear(err);
        handle(in, out, err);
        char *made = json_print(out);
        puts(made);
        fflush(stdout);
        mem_free(made);
        json_decref(in);
        json_decref(out);
    }
    free(line);
    schloss_error_free(err);
    return 0;
}

/* Result of one record that came and goes as base64: rc, and out or error and field. */
static inline void driver_result(json_t *out, schloss_rc rc, const buf_t *made, const schloss_error_t *err) {
    json_object_set_new(out, "rc", json_string(schloss_rc_name(rc)));
    if (rc == SCHLOSS_OK) {
        uint8_t *b64 = malloc(B64_LEN(made->len) + 1);
        size_t n = made->len == 0 ? 0 : b64_encode(b64, made->ptr, made->len);
        json_object_set_new(out, "out", json_stringn((const char *)b64, n));
        free(b64);
    } else {
        json_object_set_new(out, "error", json_string(schloss_error_message(err)));
        json_object_set_new(out, "field", json_string(schloss_error_field(err)));
    }
}

/* Bytes of base64 text in memory of exactly their size, so that a sanitizer sees a read behind them; NULL when it is no
 * base64. free() it. */
static inline uint8_t *driver_bytes(const char *b64, size_t *n) {
    uint8_t *roomy = malloc(strlen(b64) + 3), *exact = NULL;
    if (b64_decode(roomy, n, (const uint8_t *)b64, strlen(b64))) {
        exact = malloc(*n == 0 ? 1 : *n);
        memcpy(exact, roomy, *n);
    }
    free(roomy);
    return exact;
}

#endif
