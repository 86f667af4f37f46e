/* Control data: checked by the scanner, built by build.c; members with defaults; printing. */
#include "codec/json/load.h"
#include "base/limits.h"
#include "codec/json/scan.h"

schloss_rc json_load(json_t **out, const char *what, const char *text, size_t len, schloss_error_t *err) {
    json_span_t span;
    schloss_rc rc = json_scan(&span, text, len, err);
    if (rc == SCHLOSS_OK) {
        rc = json_build(out, span, false, err);
    }
    if (rc != SCHLOSS_OK) {
        err_wrap(err, "%s", what);
    }
    return rc;
}

const char *json_opt_str(const json_t *o, const char *name, const char *dflt, bool *bad) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return dflt;
    }
    if (!json_is_string(v)) {
        *bad = true;
        return dflt;
    }
    return json_string_value(v);
}

bool json_opt_bool(const json_t *o, const char *name, bool dflt, bool *bad) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return dflt;
    }
    if (!json_is_boolean(v)) {
        *bad = true;
        return dflt;
    }
    return json_is_true(v);
}

int64_t json_opt_int(const json_t *o, const char *name, int64_t dflt, bool *bad) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return dflt;
    }
    if (!json_is_integer(v)) {
        *bad = true;
        return dflt;
    }
    return json_integer_value(v);
}

/* Gathers what jansson prints, so that the text is ours to free with mem_free(). */
static int gather(const char *text, size_t n, void *user) {
    buf_t *b = user;
    buf_put(b, text, n);
    return b->failed ? -1 : 0;
}

char *json_print(const json_t *v) {
    buf_t b;
    buf_init(&b, LIMIT_JSON_BYTES, "JSON text", false);
    char *text = NULL;
    if (json_dump_callback(v, gather, &b, JSON_COMPACT | JSON_ENCODE_ANY) == 0) {
        text = mem_strndup((const char *)b.ptr, b.len);
    }
    buf_clear(&b);
    return text;
}
