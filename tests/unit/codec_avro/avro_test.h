/* Helpers of the Avro tests. Each test file includes this once. */
#ifndef AVRO_TEST_H
#define AVRO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "codec/avro/json.h"
#include "codec/avro/schema.h"
#include "codec/avro/walk.h"
#include <schloss/avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static schloss_error_t err_;

static inline avro_schema_t *parse_refs(const char *text, const avro_ref_t *refs, size_t n, unsigned flags) {
    avro_schema_t *s = NULL;
    schloss_rc rc = avro_schema_parse(&s, text, strlen(text), refs, n, flags, &err_);
    if (rc != SCHLOSS_OK) {
        print_error("schema %.200s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    return s;
}

static inline avro_schema_t *parse(const char *text) {
    return parse_refs(text, NULL, 0, AVRO_PARSE_STRICT);
}

/* The text must be refused with rc, and the message must contain part. */
static inline void refused(const char *text, unsigned flags, schloss_rc rc, const char *part) {
    avro_schema_t *s = NULL;
    schloss_rc got = avro_schema_parse(&s, text, strlen(text), NULL, 0, flags, &err_);
    if (got != rc || strstr(schloss_error_message(&err_), part) == NULL) {
        print_error("schema %.200s: %s: %s\n", text, schloss_rc_name(got), schloss_error_message(&err_));
    }
    assert_int_equal(got, rc);
    assert_non_null(strstr(schloss_error_message(&err_), part));
    assert_null(s);
}

/* Bytes written as hex. */
static inline size_t unhex(uint8_t *out, const char *hex) {
    size_t n = strlen(hex) / 2;
    assert_true(hex_decode(out, hex, n));
    return n;
}

#endif
