/* Schema text -> jansson values: comments, limits, errors with line and column. */
#include "codec/avro/names.h"
#include "codec/json/load.h"

/* Blanks out comments outside strings, in place, so that positions in errors stay true. */
static schloss_rc strip_comments(char *s, size_t n, schloss_error_t *err) {
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"') {
            for (i++; i < n && s[i] != '"'; i++) {
                i += s[i] == '\\';
            }
        } else if (s[i] == '/' && i + 1 < n && s[i + 1] == '/') {
            while (i < n && s[i] != '\n' && s[i] != '\r') {
                s[i++] = ' ';
            }
        } else if (s[i] == '/' && i + 1 < n && s[i + 1] == '*') {
            const char *end = i + 3 < n ? memmem(s + i + 2, n - i - 2, "*/", 2) : NULL;
            ENSURE(end != NULL, err, SCHEMA_PARSE, "a comment of the schema does not end");
            for (size_t stop = (size_t)(end - s) + 2; i < stop; i++) {
                s[i] = s[i] == '\n' ? '\n' : ' ';
            }
            i--;
        }
    }
    return SCHLOSS_OK;
}

schloss_rc avro_load_text(const char *text, size_t len, json_t **out, schloss_error_t *err) {
    ENSURE(len <= LIMIT_SCHEMA_BYTES, err, LIMIT_EXCEEDED, "the schema has %zu bytes; the limit is %zu", len,
           LIMIT_SCHEMA_BYTES);
    char *copy = mem_alloc(len);
    ENSURE(copy != NULL, err, NO_MEMORY, "out of memory");
    if (len > 0) {
        memcpy(copy, text, len);
    }
    json_span_t span;
    schloss_rc rc = strip_comments(copy, len, err);
    if (rc == SCHLOSS_OK) {
        rc = json_scan_depth(&span, copy, len, LIMIT_SCHEMA_DEPTH, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = json_build(out, span, true, err);
    }
    if (rc == SCHLOSS_E_BAD_JSON) {
        err_wrap(err, "schema is not JSON");
        rc = SCHLOSS_E_SCHEMA_PARSE;
        if (err != NULL) {
            err->code = rc;
        }
    }
    mem_free(copy);
    return rc;
}
