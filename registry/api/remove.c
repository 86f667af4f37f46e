/* Deleting subjects and versions (schema-registry-api 9). Soft first, for good second. */
#include "registry/api/handlers.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

typedef struct found {
    int64_t version, id;
    bool deleted;
} found_t;

static const char ALL_SQL[] = "SELECT version, schema_id, deleted FROM versions WHERE ctx=? AND subject=?"
                              " ORDER BY version";
static const char COUNT_SQL[] = "SELECT count(*) FROM versions WHERE ctx=? AND subject=?";
static const char SOFT_SQL[] = "UPDATE versions SET deleted=1, ts=? WHERE ctx=? AND subject=? AND version=?";
static const char CONFIG_SQL[] = "DELETE FROM config WHERE scope=?";
static const char MODE_SQL[] = "DELETE FROM modes WHERE scope=?";
static const char ASSOCIATED_SQL[] = "SELECT 1 FROM associations WHERE ctx=? AND subject=? LIMIT 1";
static const char OTHER_LIVE_SQL[] =
    "SELECT 1 FROM versions WHERE ctx=? AND subject=? AND deleted=0 AND version<>? LIMIT 1";

static rest_rc load_versions(request_t *rq, db_t *db, const qname_t *q, found_t **out, size_t *n) {
    size_t count = (size_t)db_int(db, 0, COUNT_SQL, "tt", q->ctx, q->subject);
    found_t *list = arena_alloc_n(&rq->arena, count + 1, sizeof *list);
    if (list == NULL) {
        return rest_oom(rq);
    }
    *n = 0;
    sqlite3_stmt *st = db_query(db, ALL_SQL, "tt", q->ctx, q->subject);
    while (db_row(db, st)) {
        if (*n < count) {
            list[(*n)++] = (found_t){col_int(st, 0), col_int(st, 1), col_int(st, 2) != 0};
        }
    }
    *out = list;
    return 0;
}

static rest_rc referenced(request_t *rq, const qname_t *q, int64_t version) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)version);
    return rest_fail2(rq, REST_REFERENCED, q->full, text);
}

static void forget_settings(db_t *db, const qname_t *q) {
    (void)db_exec(db, CONFIG_SQL, "t", qname_scope(q));
    (void)db_exec(db, MODE_SQL, "t", qname_scope(q));
}

rest_rc api_subject_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    bool permanent = request_flag(rq, "permanent");
    qname_t q;
    found_t *list;
    size_t n, live = 0;
    TRY(qname_parse(rq, rq->arg[0], &q));
    TRY(load_versions(rq, db, &q, &list, &n));
    for (size_t i = 0; i < n; i++) {
        live += !list[i].deleted;
    }
    if (n == 0) {
        return rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
    }
    if (!permanent && live == 0) {
        return rest_fail(rq, REST_SUBJECT_SOFT_DELETED, q.full);
    }
    TRY(mode_check_writable(rq, db, &q));
    if (db_int(db, 0, ASSOCIATED_SQL, "tt", q.ctx, q.subject) != 0) {
        return rest_fail(rq, REST_SUBJECT_ASSOCIATED, q.full);
    }
    for (size_t i = 0; i < n; i++) {
        if ((permanent || !list[i].deleted) && version_referenced(db, &q, list[i].version, permanent, true)) {
            return referenced(rq, &q, list[i].version);
        }
    }
    if (permanent && live != 0) {
        return rest_fail(rq, REST_SUBJECT_NOT_SOFT_DELETED, q.full);
    }
    buf_put_u8(&rq->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (permanent) {
            version_remove(db, q.ctx, q.subject, list[i].version, list[i].id);
        } else if (!list[i].deleted) {
            (void)db_exec(db, SOFT_SQL, "itti", service_now_ms(), q.ctx, q.subject, list[i].version);
        } else {
            continue;
        }
        put_comma(&rq->out);
        buf_printf(&rq->out, "%lld", (long long)list[i].version);
    }
    buf_put_u8(&rq->out, ']');
    if (permanent) {
        forget_settings(db, &q);
    }
    return 0;
}

rest_rc api_version_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    bool permanent = request_flag(rq, "permanent"), found;
    qname_t q;
    int64_t version;
    row_t row;
    char text[24];
    TRY(qname_parse(rq, rq->arg[0], &q));
    TRY(version_parse(rq, rq->arg[1], &version));
    TRY(row_find(rq, db, &q, version, version > 0, &row, &found));
    if (!found) {
        return version_missing(rq, db, &q, version < 0 ? "-1" : rq->arg[1], true);
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)row.version);
    if (row.deleted && !permanent) {
        return rest_fail2(rq, REST_VERSION_SOFT_DELETED, q.full, text);
    }
    TRY(mode_check_writable(rq, db, &q));
    if (!permanent && db_int(db, 0, ASSOCIATED_SQL, "tt", q.ctx, q.subject) != 0 &&
        db_int(db, 0, OTHER_LIVE_SQL, "tti", q.ctx, q.subject, row.version) == 0) {
        return rest_fail(rq, REST_NO_ACTIVE_VERSION, q.full);
    }
    if (version_referenced(db, &q, row.version, permanent, false)) {
        return referenced(rq, &q, row.version);
    }
    if (permanent && !row.deleted) {
        return rest_fail2(rq, REST_VERSION_NOT_SOFT_DELETED, q.full, text);
    }
    if (permanent) {
        version_remove(db, q.ctx, q.subject, row.version, row.id);
        if (!subject_exists(db, &q, true)) {
            forget_settings(db, &q);
        }
    } else {
        (void)db_exec(db, SOFT_SQL, "itti", service_now_ms(), q.ctx, q.subject, row.version);
    }
    buf_put_str(&rq->out, text);
    return 0;
}
