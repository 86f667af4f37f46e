/* Compatibility checks. This version has the level NONE only: every schema that parses is compatible. */
#include "registry/api/handlers.h"
#include <string.h>

static rest_rc answer(request_t *rq, bool compatible, const char *message) {
    buf_put_u8(&rq->out, '{');
    put_bool(&rq->out, "is_compatible", compatible);
    if (request_flag(rq, "verbose")) {
        put_name(&rq->out, "messages");
        buf_put_u8(&rq->out, '[');
        if (message != NULL) {
            put_text(&rq->out, message);
        }
        buf_put_u8(&rq->out, ']');
    }
    buf_put_u8(&rq->out, '}');
    return 0;
}

/* An invalid schema is an answer when verbose asks for reasons. */
static rest_rc check(request_t *rq, db_t *db, const qname_t *q) {
    json_t *body;
    candidate_t c;
    TRY(request_object(rq, "testCompatibility.request", &body));
    TRY(candidate_read(rq, body, &c));
    rest_rc rc = candidate_canon(rq, db, q, &c, CANON_NEW | (request_flag(rq, "normalize") ? CANON_NORMALIZE : 0u));
    if (rc == 0) {
        return answer(rq, true, NULL);
    }
    if (rq->error_code != rest_code_number(REST_INVALID_SCHEMA) || !request_flag(rq, "verbose")) {
        return rc;
    }
    json_t *error = request_adopt(rq, json_loadb((const char *)rq->out.ptr, rq->out.len, 0, NULL));
    const char *message = json_string_value(json_object_get(error, "message"));
    rest_forget(rq);
    return answer(rq, false, message == NULL ? "Invalid schema" : message);
}

rest_rc api_compatibility(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    TRY(qname_parse(rq, rq->arg[0], &q));
    return check(rq, db, &q);
}

rest_rc api_compatibility_version(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    int64_t version;
    row_t row;
    bool found;
    TRY(qname_parse(rq, rq->arg[0], &q));
    TRY(version_parse(rq, rq->arg[1], &version));
    TRY(row_find(rq, db, &q, version, false, &row, &found));
    if (!found && version > 0) {
        return rest_fail(rq, REST_VERSION_NOT_FOUND, rq->arg[1]);
    }
    return check(rq, db, &q);
}
