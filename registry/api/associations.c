/* Which subject belongs to which resource (schema-registry-api 22). Schemas inside the calls are refused by this
 * version: register them at /subjects first. */
#include "registry/api/handlers.h"
#include "base/random.h"
#include "base/text.h"
#include <string.h>

#define COLUMNS                                                                                                        \
    "resource_ns, resource_name, resource_id, resource_type, type, ctx, subject, guid, lifecycle, frozen, create_ts,"  \
    " update_ts"
/* resource type, lifecycle, two association types; null: any */
#define FILTER                                                                                                         \
    " AND (?1 IS NULL OR resource_type=?1) AND (?2 IS NULL OR lifecycle=?2) AND"                                       \
    " (?3 IS NULL OR type=?3 OR type=?4) ORDER BY resource_id, type LIMIT ?6 OFFSET ?5"

static const char BY_SUBJECT_SQL[] = "SELECT " COLUMNS " FROM associations WHERE ctx=?7 AND subject=?8" FILTER;
static const char BY_ID_SQL[] = "SELECT " COLUMNS " FROM associations WHERE resource_id=?7" FILTER;
static const char BY_NAME_SQL[] =
    "SELECT " COLUMNS " FROM associations WHERE (?7='-' OR resource_ns=?7) AND (?8='-' OR resource_name=?8)" FILTER;

static rest_rc put_association(request_t *rq, sqlite3_stmt *st) {
    buf_t *b = &rq->out;
    qname_t q;
    TRY(qname_make(rq, col_text(st, 5), col_text(st, 6), &q));
    put_comma(b);
    buf_put_u8(b, '{');
    put_str(b, "subject", q.full);
    put_str(b, "guid", col_text(st, 7));
    put_str(b, "resourceName", col_text(st, 1));
    put_str(b, "resourceNamespace", col_text(st, 0));
    put_str(b, "resourceId", col_text(st, 2));
    put_str(b, "resourceType", col_text(st, 3));
    put_str(b, "associationType", col_text(st, 4));
    put_str(b, "lifecycle", col_text(st, 8));
    put_bool(b, "frozen", col_int(st, 9) != 0);
    put_int(b, "createTs", col_int(st, 10));
    put_int(b, "updateTs", col_int(st, 11));
    buf_put_u8(b, '}');
    return 0;
}

static rest_rc list(request_t *rq, db_t *db, const char *sql, const char *a, const char *b) {
    int64_t offset, limit;
    const char *types[2] = {NULL, NULL};
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    for (size_t i = 0, n = 0; i < rq->n_params && n < COUNT_OF(types); i++) {
        if (strcmp(rq->params[i].name, "associationType") == 0) {
            types[n++] = rq->params[i].value;
        }
    }
    sqlite3_stmt *st = db_query(db, sql, sql == BY_ID_SQL ? "ttttiit" : "ttttiitt", request_param(rq, "resourceType"),
                                request_param(rq, "lifecycle"), types[0], types[1], offset, limit, a, b);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        rest_rc rc = put_association(rq, st);
        if (rc != 0) {
            db_done(st);
            return rc;
        }
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

rest_rc api_associations_by_subject(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    TRY(qname_parse(rq, rq->arg[0], &q));
    return list(rq, db, BY_SUBJECT_SQL, q.ctx, q.subject);
}

rest_rc api_associations_by_id(void *service, request_t *rq, db_t *db) {
    (void)service;
    return list(rq, db, BY_ID_SQL, rq->arg[0], NULL);
}

rest_rc api_associations_by_name(void *service, request_t *rq, db_t *db) {
    (void)service;
    return list(rq, db, BY_NAME_SQL, rq->arg[0], rq->arg[1]);
}

/* ---- create and update ---- */
typedef struct resource {
    const char *name, *ns, *id, *type, *ctx;
    bool upsert;
} resource_t;

static rest_rc invalid(request_t *rq, const char *property, const char *detail) {
    return rest_fail2(rq, REST_INVALID_ASSOCIATION, property, detail);
}

static rest_rc read_resource(request_t *rq, const json_t *body, resource_t *r) {
    const char *ctx = request_param(rq, "context");
    r->type = "topic";
    TRY(member_str(rq, body, "resourceName", &r->name));
    TRY(member_str(rq, body, "resourceNamespace", &r->ns));
    TRY(member_str(rq, body, "resourceId", &r->id));
    TRY(member_str(rq, body, "resourceType", &r->type));
    TRY(context_normalize(rq, ctx == NULL ? "." : ctx, &r->ctx));
    if (r->name == NULL || *r->name == '\0' || has_control_char(r->name)) {
        return invalid(rq, "resourceName", "is required");
    }
    if (r->ns == NULL || *r->ns == '\0' || has_control_char(r->ns)) {
        return invalid(rq, "resourceNamespace", "is required");
    }
    if (r->id == NULL || *r->id == '\0') {
        return invalid(rq, "resourceId", "is required");
    }
    if (strcmp(r->type, "topic") != 0) {
        return invalid(rq, "resourceType", "only topic is supported");
    }
    if (rq->arg[0] != NULL && strcmp(rq->arg[0], r->id) != 0) {
        return invalid(rq, "resourceId", "differs from the path");
    }
    return 0;
}

typedef struct wanted {
    const char *type, *lifecycle;
    qname_t q;
    bool frozen;
} wanted_t;

static rest_rc read_wanted(request_t *rq, const resource_t *r, const json_t *in, wanted_t *w) {
    const char *subject = NULL;
    w->type = "value";
    w->lifecycle = "WEAK";
    w->frozen = false;
    if (!json_is_object(in)) {
        return rest_fail(rq, REST_BAD_REQUEST, "Cannot deserialize an association: an object is expected");
    }
    if (json_object_get(in, "schema") != NULL && !json_is_null(json_object_get(in, "schema"))) {
        return invalid(rq, "schema", "this version of Schloss takes no schema here; register it at /subjects first");
    }
    TRY(member_str(rq, in, "associationType", &w->type));
    TRY(member_str(rq, in, "subject", &subject));
    TRY(member_str(rq, in, "lifecycle", &w->lifecycle));
    w->frozen = false;
    TRY(member_bool(rq, in, "frozen", &w->frozen));
    if (strcmp(w->type, "key") != 0 && strcmp(w->type, "value") != 0) {
        return invalid(rq, "associationType", "must be key or value");
    }
    if (strcmp(w->lifecycle, "STRONG") != 0 && strcmp(w->lifecycle, "WEAK") != 0) {
        return invalid(rq, "lifecycle", "must be STRONG or WEAK");
    }
    if (w->frozen) {
        return invalid(rq, "frozen", "needs a schema, which this version of Schloss does not take here");
    }
    if (subject == NULL || *subject == '\0') {
        return invalid(rq, "subject", "is required");
    }
    TRY(qname_parse_in(rq, r->ctx, subject, &w->q));
    return qname_check(rq, &w->q, false);
}

static const char EXISTING_SQL[] = "SELECT lifecycle, ctx, subject, frozen FROM associations WHERE resource_id=? AND"
                                   " resource_type=? AND type=?";
static const char OTHER_SQL[] = "SELECT 1 FROM associations WHERE ctx=?1 AND subject=?2 AND NOT (resource_id=?3 AND"
                                " type=?4) AND (?5=0 OR lifecycle='STRONG') LIMIT 1";
static const char REFERENCED_SQL[] = "SELECT 1 FROM refs WHERE target_ctx=? AND target_subject=? LIMIT 1";
static const char INSERT_SQL[] = "INSERT INTO associations(" COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char UPDATE_SQL[] = "UPDATE associations SET lifecycle=?, update_ts=? WHERE resource_id=? AND"
                                 " resource_type=? AND type=?";
static const char MIXED_SQL[] = "SELECT 1 FROM associations WHERE resource_id=? AND type<>? AND lifecycle<>? LIMIT 1";

static rest_rc check_existing(request_t *rq, db_t *db, const resource_t *r, const wanted_t *w, bool *exists,
                              bool *equal) {
    sqlite3_stmt *st = db_query(db, EXISTING_SQL, "ttt", r->id, r->type, w->type);
    *exists = db_row(db, st);
    if (!*exists) {
        *equal = false;
        return 0;
    }
    bool same_subject = strcmp(col_text(st, 1), w->q.ctx) == 0 && strcmp(col_text(st, 2), w->q.subject) == 0;
    *equal = same_subject && strcmp(col_text(st, 0), w->lifecycle) == 0;
    db_done(st);
    if (*equal) {
        return 0;
    }
    if (!r->upsert) {
        return rest_fail2(rq, REST_ASSOCIATION_EXISTS, w->type, r->name);
    }
    return same_subject ? 0 : invalid(rq, "subject", "cannot be changed");
}

static rest_rc store_one(request_t *rq, db_t *db, const resource_t *r, const wanted_t *w) {
    bool exists, equal, strong = strcmp(w->lifecycle, "STRONG") == 0;
    TRY(check_existing(rq, db, r, w, &exists, &equal));
    if (equal) {
        return 0;
    }
    if (!subject_exists(db, &w->q, false)) {
        return rest_fail(rq, REST_NO_ACTIVE_VERSION, w->q.full);
    }
    if (db_int(db, 0, MIXED_SQL, "ttt", r->id, w->type, w->lifecycle) != 0) {
        return invalid(rq, "lifecycle", "all associations of one resource must have one lifecycle");
    }
    if (db_int(db, 0, OTHER_SQL, "tttti", w->q.ctx, w->q.subject, r->id, w->type, (int64_t)!strong) != 0) {
        return rest_fail(rq, strong ? REST_SUBJECT_ASSOCIATED : REST_SUBJECT_STRONG, w->q.full);
    }
    if (strong && db_int(db, 0, REFERENCED_SQL, "tt", w->q.ctx, w->q.subject) != 0) {
        return rest_fail(rq, REST_SUBJECT_REFERENCED, w->q.full);
    }
    TRY(mode_check_writable(rq, db, &w->q));
    int64_t now = service_now_ms();
    if (exists) {
        (void)db_exec(db, UPDATE_SQL, "tittt", w->lifecycle, now, r->id, r->type, w->type);
        return 0;
    }
    uint8_t id[16];
    char guid[37];
    if (random_bytes(id, sizeof id, NULL) != 0) {
        return rest_oom(rq);
    }
    uuid_print(guid, id);
    (void)db_exec(db, INSERT_SQL, "tttttttttiii", r->ns, r->name, r->id, r->type, w->type, w->q.ctx, w->q.subject, guid,
                  w->lifecycle, (int64_t)w->frozen, now, now);
    return 0;
}

static rest_rc mutate(request_t *rq, db_t *db, bool upsert) {
    json_t *body, *in;
    resource_t r = {.upsert = upsert};
    wanted_t w[2];
    TRY(request_object(rq, "association.request", &body));
    TRY(read_resource(rq, body, &r));
    TRY(member_array(rq, body, "associations", &in));
    size_t n = json_array_size(in);
    if (n == 0 || n > COUNT_OF(w)) {
        return invalid(rq, "associations", "one or two are expected");
    }
    for (size_t i = 0; i < n; i++) {
        TRY(read_wanted(rq, &r, json_array_get(in, i), &w[i]));
        if (i == 1 && strcmp(w[0].type, w[1].type) == 0) {
            return invalid(rq, "associationType", "stands there twice");
        }
    }
    bool dry = request_flag(rq, "dryRun");
    for (size_t i = 0; i < n; i++) {
        TRY(store_one(rq, db, &r, &w[i]));
    }
    buf_t *b = &rq->out;
    buf_put_u8(b, '{');
    put_str(b, "resourceName", r.name);
    put_str(b, "resourceNamespace", r.ns);
    put_str(b, "resourceId", r.id);
    put_str(b, "resourceType", r.type);
    put_name(b, "associations");
    buf_put_u8(b, '[');
    for (size_t i = 0; i < n && !dry; i++) {
        put_comma(b);
        buf_put_u8(b, '{');
        put_str(b, "subject", w[i].q.full);
        put_str(b, "associationType", w[i].type);
        put_str(b, "lifecycle", w[i].lifecycle);
        put_bool(b, "frozen", w[i].frozen);
        buf_put_u8(b, '}');
    }
    buf_put_str(b, "]}");
    rq->undo = dry;
    return 0;
}

rest_rc api_association_create(void *service, request_t *rq, db_t *db) {
    (void)service;
    return mutate(rq, db, false);
}

rest_rc api_association_upsert(void *service, request_t *rq, db_t *db) {
    (void)service;
    return mutate(rq, db, true);
}

static const char DELETE_SQL[] =
    "DELETE FROM associations WHERE resource_id=?1 AND (?2 IS NULL OR resource_type=?2) AND (?3 IS NULL OR type=?3 OR"
    " type=?4)";

rest_rc api_association_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    const char *types[2] = {NULL, NULL};
    for (size_t i = 0, n = 0; i < rq->n_params && n < COUNT_OF(types); i++) {
        if (strcmp(rq->params[i].name, "associationType") == 0) {
            types[n++] = rq->params[i].value;
        }
    }
    int64_t gone = db_exec(db, DELETE_SQL, "tttt", rq->arg[0], request_param(rq, "resourceType"), types[0], types[1]);
    if (gone == 0) {
        return rest_fail(rq, REST_NO_ASSOCIATION, rq->arg[0]);
    }
    rq->undo = request_flag(rq, "dryRun");
    rq->status = 204;
    return 0;
}
