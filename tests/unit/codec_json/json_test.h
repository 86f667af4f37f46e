/* Common head of the JSON tests. */
#ifndef JSON_TEST_H
#define JSON_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "codec/json/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static schloss_error_t err_;

static inline json_span_t scanned(const char *text) {
    json_span_t v = {NULL, 0, JSON_T_NULL};
    schloss_rc rc = json_scan(&v, text, strlen(text), &err_);
    if (rc != SCHLOSS_OK) {
        print_error("%s: %s\n", text, schloss_error_message(&err_));
    }
    assert_int_equal(rc, SCHLOSS_OK);
    return v;
}

#endif
