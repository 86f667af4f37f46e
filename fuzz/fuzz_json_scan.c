/* json_scan and what walks over its spans. Jansson is the judge: what the scanner accepts, jansson accepts too (but for
 * numbers out of range and lone surrogates), and the reverse. Corpus: fuzz/corpus/json_scan. */
#include "base/limits.h"
#include "codec/json/load.h"
#include "codec/json/scan.h"
#include <stdlib.h>

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static void walk(json_span_t v, buf_t *text, unsigned depth) {
    json_span_t key, item;
    int64_t i;
    double d;
    buf_reset(text);
    if (v.kind == JSON_T_STRING) {
        (void)json_str_equal(v, "a\xc3\xa9");
        if (json_str_decode(v, text, NULL) == SCHLOSS_OK &&
            memchr(text->ptr == NULL ? (uint8_t *)"" : text->ptr, 0, text->len) == NULL) {
            must(json_str_equal(v, buf_cstr(text)));
        }
    } else if (v.kind == JSON_T_NUMBER) {
        if (json_get_int64(v, &i)) {
            must(json_get_double(v, &d));
        }
        if (json_get_double(v, &d)) {
            json_put_double(text, d);
            json_span_t again;
            double back;
            must(json_scan(&again, (const char *)text->ptr, text->len, NULL) == SCHLOSS_OK);
            must(json_get_double(again, &back) && back == d);
        }
    }
    char small[8];
    (void)json_member_str(v, "a", small, sizeof small);
    for (json_iter_t it = json_iter(v); depth < 8 && json_next(&it, &key, &item);) {
        must(item.ptr >= v.ptr && item.ptr + item.len <= v.ptr + v.len && item.len > 0);
        walk(item, text, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096 || memchr(data, 0, size) != NULL) { /* a NUL ends jansson's input */
        return 0;
    }
    static schloss_error_t err;
    json_span_t v;
    buf_t text;
    buf_init(&text, 1 << 20, "fuzz", true);
    schloss_rc rc = json_scan(&v, (const char *)data, size, &err);
    json_error_t je;
    json_t *j = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
    if (rc == SCHLOSS_OK) {
        walk(v, &text, 0);
        json_t *built = NULL;
        if (json_build(&built, v, true, NULL) == SCHLOSS_OK && j != NULL) {
            must(json_equal(built, j));
        } else {
            must(built != NULL || j == NULL || size > 256); /* numbers of more than 500 digits are refused */
        }
        json_decref(built);
        must(j != NULL || json_error_code(&je) == json_error_numeric_overflow ||
             json_error_code(&je) == json_error_invalid_syntax || json_error_code(&je) == json_error_null_byte_in_key);
    } else {
        must(j == NULL || strstr(err.message, "deep") != NULL);
    }
    json_decref(j);
    buf_clear(&text);
    return 0;
}
