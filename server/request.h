/* One request and its answer, apart from any socket: what handlers see, tests make and the fuzzer feeds.
 *
 * The path is split at '/' before decoding, each segment is decoded once, empty segments are dropped ("//x/" = "/x").
 * A decoded NUL becomes U+0001: still a control character, which names may not have, but strings stay C strings.
 * Everything that lives as long as the request comes from its arena or is adopted by it. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "server/rest_codes.h"
#include <jansson.h>

#define REQUEST_MAX_SEGMENTS 16u
#define REQUEST_MAX_PARAMS 64u
#define REQUEST_MAX_ARGS 4u
#define REQUEST_MAX_BODY ((size_t)16 * 1024 * 1024)
#define REQUEST_MAX_ANSWER ((size_t)256 * 1024 * 1024)

typedef int32_t rest_rc; /* 0, or the request has been answered with an error: return it */

typedef struct request_param {
    const char *name, *value;
} request_param_t;

typedef struct route route_t;

typedef struct request {
    /* in; strings borrowed from who made the request */
    const char *method;
    const char *target; /* raw: path?query */
    const char *content_type, *content_encoding, *accept, *authorization, *request_id, *peer;
    bytes_t body;
    /* decoded */
    arena_t arena;
    const char *seg[REQUEST_MAX_SEGMENTS];
    size_t n_seg;
    request_param_t params[REQUEST_MAX_PARAMS];
    size_t n_params;
    const route_t *route;
    const char *arg[REQUEST_MAX_ARGS]; /* segments that stand at the route's {...} */
    bool in_context;                   /* the path began with /contexts/{c}/ */
    const char *user;                  /* authenticated name or NULL */
    /* out */
    int status;
    int error_code; /* 0: no error */
    const char *media;
    buf_t out;
    bool undo;      /* the answer stands, but what was written is taken back (dryRun) */
    bool sensitive; /* the answer holds key material: wipe it after sending */
    /* trees to free */
    json_t **adopted;
    size_t n_adopted, cap_adopted;
} request_t;

void request_init(request_t *rq, const char *method, const char *target);
void request_clear(request_t *rq); /* wipes what is sensitive */
/* Splits and decodes target. */
SCHLOSS_NODISCARD rest_rc request_decode(request_t *rq);
/* Chooses the answer's media type and checks the body's. */
SCHLOSS_NODISCARD rest_rc request_negotiate(request_t *rq);

/* Errors. Each answers the request and is non-zero; inline, so that the compiler sees that, too. */
void rest_put_error(request_t *rq, rest_code_t code, const char *a, const char *b);
void rest_put_errorf(request_t *rq, rest_code_t code, const char *fmt, ...) SCHLOSS_PRINTF(3, 4);
static inline rest_rc rest_fail2(request_t *rq, rest_code_t code, const char *a, const char *b) {
    rest_put_error(rq, code, a, b);
    return -1;
}
static inline rest_rc rest_fail(request_t *rq, rest_code_t code, const char *a) {
    return rest_fail2(rq, code, a, NULL);
}
static inline rest_rc rest_oom(request_t *rq) {
    return rest_fail2(rq, REST_INTERNAL, NULL, NULL);
}
/* For codes whose text in the table is "%s": printf makes it. */
#define rest_failf(...) (rest_put_errorf(__VA_ARGS__), (rest_rc)-1)
void rest_forget(request_t *rq); /* takes an error back: the answer is empty again */
const char *rest_code_name(rest_code_t code);
int rest_code_http(rest_code_t code);
int rest_code_number(rest_code_t code);
const char *rest_code_text(rest_code_t code);

/* Query parameters: first occurrence; NULL when absent. */
const char *request_param(const request_t *rq, const char *name);
bool request_flag(const request_t *rq, const char *name); /* "true" in any case */
SCHLOSS_NODISCARD rest_rc request_page(request_t *rq, int64_t max, int64_t *offset, int64_t *limit);
/* Changes or adds one. */
SCHLOSS_NODISCARD rest_rc request_set_param(request_t *rq, const char *name, const char *value);

/* The body as a JSON object, owned by the request. what names the argument in the 422 answer. */
SCHLOSS_NODISCARD rest_rc request_object(request_t *rq, const char *what, json_t **out);
json_t *request_adopt(request_t *rq, json_t *v); /* v (stolen), or NULL when v is NULL or memory is out */

/* Members with the coercions of the reference server: scalars become text, "1" and 1.9 become 1, "true" becomes true.
 * Absent and null leave *out alone. */
SCHLOSS_NODISCARD rest_rc member_str(request_t *rq, const json_t *o, const char *name, const char **out);
SCHLOSS_NODISCARD rest_rc member_int(request_t *rq, const json_t *o, const char *name, int64_t *out);
SCHLOSS_NODISCARD rest_rc member_bool(request_t *rq, const json_t *o, const char *name, bool *out);
/* NULL when absent or null; anything but the kind is a 400. */
SCHLOSS_NODISCARD rest_rc member_object(request_t *rq, const json_t *o, const char *name, json_t **out);
SCHLOSS_NODISCARD rest_rc member_array(request_t *rq, const json_t *o, const char *name, json_t **out);
/* A scalar as text in the arena; NULL for null; 400 for arrays and objects. */
SCHLOSS_NODISCARD rest_rc scalar_str(request_t *rq, const json_t *v, const char *name, const char **out);

/* Writing JSON: members put their comma by looking at the byte before. */
void put_comma(buf_t *b);
void put_name(buf_t *b, const char *name);
void put_text(buf_t *b, const char *s); /* a JSON string value */
void put_str(buf_t *b, const char *name, const char *value);
void put_int(buf_t *b, const char *name, int64_t value);
void put_bool(buf_t *b, const char *name, bool value);
void put_raw(buf_t *b, const char *name, const char *json); /* NULL or "": omitted */

#endif
