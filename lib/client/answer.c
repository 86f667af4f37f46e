/* Reading answers: status to code, error bodies, typed members. Bodies are hostile input; texts of the other side are
 * cleaned, cut and marked as such. */
#include "client/exchange.h"

#include "base/limits.h"
#include "codec/json/load.h"
#include "codec/json/scan.h"
#include <stdio.h>

#define REMOTE_TEXT_MAX 256u

/* "GET http://host/path" without the query. */
#define WHERE_FMT "%s %.*s"
#define WHERE_OF(x) (x)->method, (int)strcspn((x)->answer.url, "?"), (x)->answer.url

schloss_rc answer_bad(const sr_exchange_t *x, schloss_error_t *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, SCHLOSS_E_REGISTRY_ANSWER, fmt, ap);
    va_end(ap);
    err_wrap(err, "answer of " WHERE_FMT, WHERE_OF(x));
    err_hint(err, "is the URL that of a Schema Registry with the DEK Registry?");
    err_url(err, x->answer.url);
    err_http(err, x->answer.status, 0);
    return SCHLOSS_E_REGISTRY_ANSWER;
}

/* error_code and message of an error body; what is missing stays 0 and "". */
static void error_body(const sr_exchange_t *x, int *rest_code, char text[REMOTE_TEXT_MAX]) {
    *rest_code = 0;
    text[0] = '\0';
    json_span_t root;
    json_span_t v;
    bytes_t body = x->answer.body;
    if (json_scan(&root, (const char *)body.ptr, body.len, NULL) != SCHLOSS_OK || root.kind != JSON_T_OBJECT) {
        return;
    }
    int64_t code = 0;
    if (json_member(root, "error_code", &v) && v.kind == JSON_T_NUMBER && json_get_int64(v, &code) && code > 0 &&
        code < INT32_MAX) {
        *rest_code = (int)code;
    }
    if (json_member(root, "message", &v) && v.kind == JSON_T_STRING) {
        buf_t message;
        buf_init(&message, LIMIT_HTTP_BODY, "error message", x->sensitive);
        if (json_str_decode(v, &message, NULL) == SCHLOSS_OK) {
            err_clean_text(text, REMOTE_TEXT_MAX, (const char *)message.ptr, message.len);
        }
        buf_clear(&message);
    }
}

static schloss_rc code_of_status(int status) {
    switch (status) {
    case 401:
        return SCHLOSS_E_UNAUTHENTICATED;
    case 403:
        return SCHLOSS_E_FORBIDDEN;
    case 409:
        return SCHLOSS_E_CONFLICT;
    case 408:
    case 429:
        return SCHLOSS_E_REGISTRY_BUSY;
    default:
        return status >= 500 && status <= 599 ? SCHLOSS_E_REGISTRY_BUSY : SCHLOSS_E_REGISTRY_STATUS;
    }
}

static void status_hint(int status, schloss_error_t *err) {
    if (status == 401) {
        err_hint(err, "check basic.auth.user.info or bearer.auth.token");
    } else if (status == 403) {
        err_hint(err, "this principal lacks permission; ask who administers the registry");
    } else if (status >= 300 && status <= 399) {
        err_hint(err, "redirects are not followed: set schema.registry.url to the final address");
    } else if (status == 408 || status == 429 || status >= 500) {
        err_hint(err, "the registry is failing or overloaded; see its log, or raise max.retries");
    }
}

schloss_rc answer_status(const sr_exchange_t *x, schloss_error_t *err) {
    int status = x->answer.status;
    if (status >= 200 && status <= 299) {
        return SCHLOSS_OK;
    }
    if (status == 404) {
        return SCHLOSS_ABSENT;
    }
    int rest_code;
    char text[REMOTE_TEXT_MAX];
    error_body(x, &rest_code, text);
    schloss_rc rc = code_of_status(status);
    char code_text[32] = "";
    if (rest_code != 0) {
        (void)snprintf(code_text, sizeof code_text, ", error_code %d", rest_code);
    }
    if (text[0] != '\0') {
        err_set(err, rc, WHERE_FMT ": HTTP %d%s, registry says: %s", WHERE_OF(x), status, code_text, text);
    } else {
        err_set(err, rc, WHERE_FMT ": HTTP %d%s", WHERE_OF(x), status, code_text);
    }
    status_hint(status, err);
    err_url(err, x->answer.url);
    err_http(err, status, rest_code);
    return rc;
}

schloss_rc answer_load(const sr_exchange_t *x, json_type kind, json_t **out, schloss_error_t *err) {
    schloss_error_t why = {0};
    json_t *root = NULL;
    schloss_rc rc = json_load(&root, "body", (const char *)x->answer.body.ptr, x->answer.body.len, &why);
    if (rc == SCHLOSS_E_BAD_JSON) {
        return answer_bad(x, err, "%s", why.message);
    }
    if (rc != SCHLOSS_OK) {
        err_copy(err, &why);
        return rc;
    }
    if (json_typeof(root) != kind) {
        json_decref(root);
        return answer_bad(x, err, "body is not a JSON %s", kind == JSON_ARRAY ? "array" : "object");
    }
    *out = root;
    return SCHLOSS_OK;
}

/* The member, or NULL when absent or null. */
static const json_t *member(const json_t *o, const char *name) {
    const json_t *v = json_object_get(o, name);
    return v == NULL || json_is_null(v) ? NULL : v;
}

schloss_rc answer_str(const sr_exchange_t *x, const json_t *o, const char *name, bool required, const char **out,
                      schloss_error_t *err) {
    const json_t *v = member(o, name);
    if (v == NULL) {
        return required ? answer_bad(x, err, "member '%s' is missing", name) : SCHLOSS_OK;
    }
    const char *s = json_string_value(v);
    if (s == NULL || strlen(s) != json_string_length(v)) {
        return answer_bad(x, err, "member '%s' is no string, or has a NUL in it", name);
    }
    *out = s;
    return SCHLOSS_OK;
}

schloss_rc answer_int(const sr_exchange_t *x, const json_t *o, const char *name, bool required, int64_t min,
                      int64_t max, int64_t *out, schloss_error_t *err) {
    const json_t *v = member(o, name);
    if (v == NULL) {
        return required ? answer_bad(x, err, "member '%s' is missing", name) : SCHLOSS_OK;
    }
    int64_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < min || n > max) {
        return answer_bad(x, err, "member '%s' is no integer from %lld to %lld", name, (long long)min, (long long)max);
    }
    *out = n;
    return SCHLOSS_OK;
}

schloss_rc answer_bool(const sr_exchange_t *x, const json_t *o, const char *name, bool *out, schloss_error_t *err) {
    const json_t *v = member(o, name);
    if (v == NULL) {
        return SCHLOSS_OK;
    }
    if (!json_is_boolean(v)) {
        return answer_bad(x, err, "member '%s' is no boolean", name);
    }
    *out = json_is_true(v);
    return SCHLOSS_OK;
}

schloss_rc answer_object(const sr_exchange_t *x, const json_t *o, const char *name, json_t **out,
                         schloss_error_t *err) {
    json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return SCHLOSS_OK;
    }
    if (!json_is_object(v)) {
        return answer_bad(x, err, "member '%s' is no object", name);
    }
    *out = json_incref(v);
    return SCHLOSS_OK;
}

schloss_rc copy_str(char **out, const char *s, schloss_error_t *err) {
    char *copy = mem_strdup(s);
    if (copy == NULL) {
        return NO_MEMORY(err);
    }
    *out = copy;
    return SCHLOSS_OK;
}
