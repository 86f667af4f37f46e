/* Request bodies: JSON objects and their members, with the reference server's coercions. See request.h. */
#include "codec/json/load.h"
#include "server/request.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

json_t *request_adopt(request_t *rq, json_t *v) {
    if (v == NULL) {
        return NULL;
    }
    if (rq->n_adopted == rq->cap_adopted) {
        size_t cap = rq->cap_adopted == 0 ? 8 : rq->cap_adopted * 2;
        json_t **bigger = mem_realloc(rq->adopted, cap * sizeof(json_t *));
        if (bigger == NULL) {
            json_decref(v);
            return NULL;
        }
        rq->adopted = bigger;
        rq->cap_adopted = cap;
    }
    rq->adopted[rq->n_adopted++] = v;
    return v;
}

rest_rc request_object(request_t *rq, const char *what, json_t **out) {
    size_t blank = 0;
    while (blank < rq->body.len && strchr(" \t\r\n", rq->body.ptr[blank]) != NULL && rq->body.ptr[blank] != 0) {
        blank++;
    }
    if (blank == rq->body.len) {
        return rest_fail(rq, REST_NO_BODY, what);
    }
    struct schloss_error err = {0};
    json_t *v = NULL;
    schloss_rc rc = json_load(&v, "request body", (const char *)rq->body.ptr, rq->body.len, &err);
    if (rc == SCHLOSS_E_NO_MEMORY) {
        return rest_oom(rq);
    }
    if (rc != 0) {
        return rest_fail(rq, REST_BAD_REQUEST, err.message);
    }
    v = request_adopt(rq, v);
    if (v == NULL) {
        return rest_oom(rq);
    }
    if (json_is_null(v)) {
        return rest_fail(rq, REST_NO_BODY, what);
    }
    if (!json_is_object(v)) {
        return rest_fail(rq, REST_BAD_REQUEST, "The request body must be a JSON object");
    }
    *out = v;
    return 0;
}

static rest_rc wrong(request_t *rq, const char *name, const char *want) {
    return rest_failf(rq, REST_BAD_REQUEST, "Cannot deserialize member \"%s\": %s is expected", name, want);
}

rest_rc scalar_str(request_t *rq, const json_t *v, const char *name, const char **out) {
    switch (json_typeof(v)) {
    case JSON_NULL:
        *out = NULL;
        return 0;
    case JSON_STRING:
        *out = json_string_value(v); /* lives as long as the body */
        return 0;
    case JSON_TRUE:
        *out = "true";
        return 0;
    case JSON_FALSE:
        *out = "false";
        return 0;
    case JSON_INTEGER:
    case JSON_REAL: {
        char *s = json_is_integer(v) ? arena_printf(&rq->arena, "%lld", (long long)json_integer_value(v))
                                     : arena_printf(&rq->arena, "%.17g", json_real_value(v));
        if (s == NULL) {
            return rest_oom(rq);
        }
        *out = s;
        return 0;
    }
    default:
        return wrong(rq, name, "a string");
    }
}

rest_rc member_str(request_t *rq, const json_t *o, const char *name, const char **out) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    return scalar_str(rq, v, name, out);
}

rest_rc member_int(request_t *rq, const json_t *o, const char *name, int64_t *out) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    double d;
    if (json_is_integer(v)) {
        json_int_t n = json_integer_value(v);
        if (n < INT32_MIN || n > INT32_MAX) {
            return wrong(rq, name, "a 32-bit integer");
        }
        *out = n;
        return 0;
    }
    if (json_is_real(v)) {
        d = json_real_value(v);
    } else if (json_is_string(v)) {
        const char *s = json_string_value(v);
        char *end;
        d = (double)strtol(s, &end, 10);
        if (end == s || *end != '\0') {
            return wrong(rq, name, "an integer");
        }
    } else {
        return wrong(rq, name, "an integer");
    }
    if (!(d >= INT32_MIN && d <= INT32_MAX)) {
        return wrong(rq, name, "a 32-bit integer");
    }
    *out = (int64_t)d;
    return 0;
}

rest_rc member_bool(request_t *rq, const json_t *o, const char *name, bool *out) {
    const json_t *v = json_object_get(o, name);
    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    if (json_is_boolean(v)) {
        *out = json_is_true(v);
    } else if (json_is_integer(v)) {
        *out = json_integer_value(v) != 0;
    } else if (json_is_string(v) && strcasecmp(json_string_value(v), "true") == 0) {
        *out = true;
    } else if (json_is_string(v) && (strcasecmp(json_string_value(v), "false") == 0 || *json_string_value(v) == 0)) {
        *out = false;
    } else {
        return wrong(rq, name, "true or false");
    }
    return 0;
}

rest_rc member_object(request_t *rq, const json_t *o, const char *name, json_t **out) {
    json_t *v = json_object_get(o, name);
    *out = v == NULL || json_is_null(v) ? NULL : v;
    return *out != NULL && !json_is_object(v) ? wrong(rq, name, "an object") : 0;
}

rest_rc member_array(request_t *rq, const json_t *o, const char *name, json_t **out) {
    json_t *v = json_object_get(o, name);
    *out = v == NULL || json_is_null(v) ? NULL : v;
    return *out != NULL && !json_is_array(v) ? wrong(rq, name, "a list") : 0;
}
