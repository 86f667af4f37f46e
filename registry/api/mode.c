/* Modes: who may write where (schema-registry-api 11). */
#include "registry/api/handlers.h"
#include <string.h>

static const char GET_SQL[] = "SELECT mode FROM modes WHERE scope=?";
static const char PUT_SQL[] = "INSERT OR REPLACE INTO modes(scope, mode) VALUES(?, ?)";
static const char DELETE_SQL[] = "DELETE FROM modes WHERE scope=?";
static const char DELETE_BELOW_SQL[] = "DELETE FROM modes WHERE (?1='' AND scope NOT LIKE ':%') OR"
                                       " (?1<>'' AND substr(scope, 1, length(?1))=?1)";

static rest_rc load(request_t *rq, db_t *db, const char *scope, const char **out) {
    *out = NULL;
    sqlite3_stmt *st = db_query(db, GET_SQL, "t", scope);
    if (!db_row(db, st)) {
        return 0;
    }
    *out = arena_strdup(&rq->arena, col_text(st, 0));
    db_done(st);
    return *out == NULL ? rest_oom(rq) : 0;
}

rest_rc mode_effective(request_t *rq, db_t *db, const qname_t *q, const char **out) {
    const char *ctx_scope;
    TRY(qname_context_scope(rq, q, &ctx_scope));
    TRY(load(rq, db, qname_scope(q), out));
    if (*out == NULL && *q->subject != '\0') {
        TRY(load(rq, db, ctx_scope, out));
    }
    if (*out == NULL) {
        TRY(load(rq, db, SCOPE_GLOBAL, out));
    }
    if (*out == NULL) {
        *out = "READWRITE";
    }
    return 0;
}

rest_rc mode_refuse(request_t *rq, const qname_t *q, const char *what) {
    const char *ctx = strcmp(q->ctx, CTX_DEFAULT) == 0 ? "" : q->ctx;
    return rest_failf(rq, REST_NOT_PERMITTED, "Subject %s in context %s%s%s is %s", q->full, *ctx == '\0' ? "" : ":",
                      ctx, *ctx == '\0' ? "" : ":", what);
}

rest_rc mode_check_writable(request_t *rq, db_t *db, const qname_t *q) {
    const char *mode;
    TRY(mode_effective(rq, db, q, &mode));
    return strncmp(mode, "READONLY", 8) == 0 ? mode_refuse(rq, q, "in read-only mode") : 0;
}

static rest_rc answer(request_t *rq, const char *mode) {
    buf_put_u8(&rq->out, '{');
    if (mode != NULL) {
        put_str(&rq->out, "mode", mode);
    }
    buf_put_u8(&rq->out, '}');
    return 0;
}

static rest_rc scope_of(request_t *rq, qname_t *q) {
    return qname_parse(rq, rq->arg[0] == NULL ? "" : rq->arg[0], q);
}

rest_rc api_mode_get(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    const char *mode;
    TRY(scope_of(rq, &q));
    TRY(load(rq, db, qname_scope(&q), &mode));
    if (mode == NULL && (request_flag(rq, "defaultToGlobal") || *qname_scope(&q) == '\0')) {
        TRY(mode_effective(rq, db, &q, &mode));
    }
    return mode == NULL ? rest_fail(rq, REST_NO_SUBJECT_MODE, q.full) : answer(rq, mode);
}

/* ---- entering IMPORT ---- */
/* ?1 all contexts, ?2 context, ?3 subject or null */
#define IN_SCOPE "(?1 OR (ctx=?2 AND (?3 IS NULL OR subject=?3)))"
static const char LIVE_SQL[] = "SELECT 1 FROM versions WHERE deleted=0 AND " IN_SCOPE " LIMIT 1";
static const char GONE_SQL[] = "SELECT ctx, subject, version, schema_id FROM versions WHERE deleted=1 AND " IN_SCOPE
                               " AND (ctx, subject, version)>(?4, ?5, ?6) ORDER BY ctx, subject, version LIMIT 1";

/* Existing live subjects forbid it; what is soft-deleted in scope goes for good. */
static rest_rc enter_import(request_t *rq, db_t *db, const qname_t *q) {
    int64_t all = *qname_scope(q) == '\0' || strcmp(q->ctx, CTX_GLOBAL) == 0;
    const char *subject = *q->subject == '\0' ? NULL : q->subject;
    if (db_int(db, 0, LIVE_SQL, "itt", all, q->ctx, subject) != 0) {
        return rest_fail(rq, REST_NOT_PERMITTED, "Cannot import since found existing subjects");
    }
    const char *at_ctx = "", *at_subject = "";
    int64_t at_version = 0;
    for (;;) {
        sqlite3_stmt *st = db_query(db, GONE_SQL, "itttti", all, q->ctx, subject, at_ctx, at_subject, at_version);
        if (!db_row(db, st)) {
            return 0;
        }
        at_ctx = arena_strdup(&rq->arena, col_text(st, 0));
        at_subject = arena_strdup(&rq->arena, col_text(st, 1));
        at_version = col_int(st, 2);
        int64_t id = col_int(st, 3);
        db_done(st);
        qname_t gone;
        if (at_ctx == NULL || at_subject == NULL) {
            return rest_oom(rq);
        }
        TRY(qname_make(rq, at_ctx, at_subject, &gone));
        if (version_referenced(db, &gone, at_version, true, true)) {
            return rest_fail(rq, REST_SUBJECT_REFERENCED, gone.full);
        }
        version_remove(db, at_ctx, at_subject, at_version, id);
    }
}

rest_rc api_mode_put(void *service, request_t *rq, db_t *db) {
    static const char *const modes[] = {"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"};
    (void)service;
    json_t *body;
    qname_t q;
    const char *mode = NULL, *known = NULL, *now;
    TRY(request_object(rq, "updateMode.request", &body));
    TRY(scope_of(rq, &q));
    TRY(qname_check(rq, &q, true));
    TRY(member_str(rq, body, "mode", &mode));
    if (mode == NULL) {
        (void)db_exec(db, DELETE_SQL, "t", qname_scope(&q));
        return answer(rq, NULL);
    }
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        known = strcmp(modes[i], mode) == 0 ? modes[i] : known;
    }
    if (known == NULL) {
        return rest_fail(rq, REST_INVALID_MODE, NULL);
    }
    if (strcmp(known, "FORWARD") == 0 && strcmp(qname_scope(&q), SCOPE_GLOBAL) != 0) {
        return rest_fail(rq, REST_FORWARD_GLOBAL, NULL);
    }
    TRY(mode_effective(rq, db, &q, &now));
    if (strcmp(known, "IMPORT") == 0 && strcmp(now, "IMPORT") != 0 && !request_flag(rq, "force")) {
        TRY(enter_import(rq, db, &q));
    }
    (void)db_exec(db, PUT_SQL, "tt", qname_scope(&q), known);
    return answer(rq, known);
}

rest_rc api_mode_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    const char *mode;
    bool recursive = request_flag(rq, "recursive");
    TRY(scope_of(rq, &q));
    TRY(load(rq, db, qname_scope(&q), &mode));
    if (mode == NULL && !recursive) {
        return rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
    }
    (void)db_exec(db, DELETE_SQL, "t", qname_scope(&q));
    if (recursive && *q.subject == '\0') {
        (void)db_exec(db, DELETE_BELOW_SQL, "t", qname_scope(&q));
    }
    return answer(rq, mode);
}
