/* Schemas by id and by guid, and the list of all (schema-registry-api 5.2, 4.3). */
#include "registry/api/handlers.h"
#include "base/text.h"
#include <string.h>

/* ---- which context an id belongs to ---- */
/* ?1 context, ?2 id, ?3 subject. In the order of the index, so that nothing is sorted. */
#define BY_ID "SELECT " ROW_COLUMNS ROW_FROM_BY_ID "WHERE v.ctx=?1 AND v.schema_id=?2"
static const char LIVE_BY_ID_SQL[] = BY_ID " AND v.deleted=0 ORDER BY v.subject, v.version LIMIT 1";
static const char ANY_BY_ID_SQL[] = BY_ID " ORDER BY v.subject, v.version LIMIT 1";
static const char LIVE_BY_SUBJECT_SQL[] = BY_ID " AND v.subject=?3 AND v.deleted=0 ORDER BY v.version LIMIT 1";
static const char ANY_BY_SUBJECT_SQL[] = BY_ID " AND v.subject=?3 ORDER BY v.version LIMIT 1";
static const char ID_CONTEXTS_SQL[] =
    "SELECT v.ctx FROM versions v WHERE v.subject=?1 AND v.schema_id=?2 AND v.ctx<>'.' AND v.ctx IN"
    " (SELECT name FROM contexts) ORDER BY v.ctx LIMIT 1";

static bool find_in(db_t *db, const char *ctx, int64_t id, const char *subject, sqlite3_stmt **st) {
    for (int deleted = 0; deleted < 2; deleted++) { /* live versions first */
        *st = subject == NULL
                  ? db_query(db, deleted ? ANY_BY_ID_SQL : LIVE_BY_ID_SQL, "ti", ctx, id)
                  : db_query(db, deleted ? ANY_BY_SUBJECT_SQL : LIVE_BY_SUBJECT_SQL, "tit", ctx, id, subject);
        if (db_row(db, *st)) {
            return true;
        }
    }
    return false;
}

/* The statement stands on the row, or *st is NULL. */
static rest_rc find_by_id(request_t *rq, db_t *db, int64_t id, sqlite3_stmt **st) {
    const char *given = request_param(rq, "subject");
    qname_t q;
    TRY(qname_parse(rq, given == NULL ? "" : given, &q));
    bool any = *q.subject == '\0';
    if (find_in(db, q.ctx, id, any ? NULL : q.subject, st)) {
        return 0;
    }
    if (!any && (given == NULL || !is_qualified(given))) {
        sqlite3_stmt *c = db_query(db, ID_CONTEXTS_SQL, "ti", q.subject, id);
        if (db_row(db, c)) {
            const char *ctx = arena_strdup(&rq->arena, col_text(c, 0));
            db_done(c);
            if (ctx == NULL) {
                return rest_oom(rq);
            }
            if (find_in(db, ctx, id, q.subject, st)) {
                return 0;
            }
        }
        if (find_in(db, CTX_DEFAULT, id, NULL, st)) {
            return 0;
        }
    }
    *st = NULL;
    return 0;
}

/* SchemaString: what deserializers read. */
static rest_rc put_schema_string(request_t *rq, db_t *db, const row_t *row, bool with_subject) {
    static const char max_sql[] = "SELECT last_id FROM contexts WHERE name=?";
    buf_t *b = &rq->out;
    const char *text;
    qname_t q;
    TRY(qname_make(rq, row->ctx, row->subject, &q));
    TRY(row_text(rq, db, row, &text));
    buf_put_u8(b, '{');
    if (with_subject) {
        put_str(b, "subject", q.full);
        put_int(b, "version", row->version);
    }
    put_str(b, "guid", row->guid);
    put_str(b, "schemaType", row->type->name);
    put_str(b, "schema", text);
    TRY(put_refs(rq, row->ctx, row->refs));
    put_raw(b, "metadata", row->metadata);
    put_raw(b, "ruleSet", row->ruleset);
    TRY(put_tags(rq, db, row));
    if (with_subject && request_flag(rq, "fetchMaxId")) {
        put_int(b, "maxId", db_int(db, row->id, max_sql, "t", row->ctx));
    }
    put_int(b, "ts", row->ts);
    put_bool(b, "deleted", row->deleted);
    buf_put_u8(b, '}');
    return 0;
}

rest_rc api_schema_by_id(void *service, request_t *rq, db_t *db) {
    (void)service;
    int64_t id;
    sqlite3_stmt *st;
    row_t row;
    TRY(id_parse(rq, rq->arg[0], &id));
    TRY(find_by_id(rq, db, id, &st));
    if (st == NULL) {
        return rest_fail(rq, REST_SCHEMA_ID_NOT_FOUND, rq->arg[0]);
    }
    row_view(st, &row);
    rest_rc rc = put_schema_string(rq, db, &row, true);
    db_done(st);
    return rc;
}

rest_rc api_schema_text_by_id(void *service, request_t *rq, db_t *db) {
    (void)service;
    int64_t id;
    sqlite3_stmt *st;
    row_t row;
    const char *text = NULL;
    TRY(id_parse(rq, rq->arg[0], &id));
    TRY(find_by_id(rq, db, id, &st));
    if (st == NULL) {
        return rest_fail(rq, REST_SCHEMA_ID_NOT_FOUND, rq->arg[0]);
    }
    row_view(st, &row);
    rest_rc rc = row_text(rq, db, &row, &text);
    if (rc == 0) {
        buf_put_str(&rq->out, text);
    }
    db_done(st);
    return rc;
}

/* ---- who uses an id ---- */
static const char USERS_SQL[] =
    "SELECT CASE WHEN ctx='.' THEN subject ELSE ':'||ctx||':'||subject END AS name, max(version) FROM versions INDEXED "
    "BY versions_id"
    " WHERE ctx=?1 AND schema_id=?2 AND (deleted=0 OR ?3) GROUP BY subject ORDER BY name LIMIT ?5 OFFSET ?4";

static rest_rc users_of_id(request_t *rq, db_t *db, sqlite3_stmt **st) {
    int64_t id, offset, limit;
    sqlite3_stmt *at;
    TRY(id_parse(rq, rq->arg[0], &id));
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    TRY(find_by_id(rq, db, id, &at));
    if (at == NULL) {
        return rest_fail(rq, REST_SCHEMA_NOT_FOUND, NULL);
    }
    const char *ctx = arena_strdup(&rq->arena, col_text(at, 0));
    db_done(at);
    if (ctx == NULL) {
        return rest_oom(rq);
    }
    *st = db_query(db, USERS_SQL, "tiiii", ctx, id, (int64_t)request_flag(rq, "deleted"), offset, limit);
    return 0;
}

rest_rc api_subjects_by_id(void *service, request_t *rq, db_t *db) {
    (void)service;
    sqlite3_stmt *st;
    TRY(users_of_id(rq, db, &st));
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        put_text(&rq->out, col_text(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

rest_rc api_versions_by_id(void *service, request_t *rq, db_t *db) {
    (void)service;
    sqlite3_stmt *st;
    TRY(users_of_id(rq, db, &st));
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        buf_put_u8(&rq->out, '{');
        put_str(&rq->out, "subject", col_text(st, 0));
        put_int(&rq->out, "version", col_int(st, 1));
        buf_put_u8(&rq->out, '}');
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* ---- guids ---- */
static const char BY_GUID_SQL[] = "SELECT " ROW_COLUMNS ROW_FROM_BY_ID
                                  "WHERE s.guid=?1 ORDER BY v.ctx<>'.', v.ctx, v.deleted, v.subject, v.version DESC"
                                  " LIMIT 1";

rest_rc api_schema_by_guid(void *service, request_t *rq, db_t *db) {
    (void)service;
    uint8_t guid[16];
    if (uuid_parse(guid, rq->arg[0])) {
        sqlite3_stmt *st = db_query(db, BY_GUID_SQL, "b", guid, sizeof guid);
        if (db_row(db, st)) {
            row_t row;
            row_view(st, &row);
            rest_rc rc = put_schema_string(rq, db, &row, false);
            db_done(st);
            return rc;
        }
    }
    return rest_fail(rq, REST_SCHEMA_ID_NOT_FOUND, rq->arg[0]);
}

static const char IDS_SQL[] = "SELECT ctx, id FROM schemas WHERE guid=? ORDER BY ctx, id";

rest_rc api_ids_by_guid(void *service, request_t *rq, db_t *db) {
    (void)service;
    uint8_t guid[16];
    buf_put_u8(&rq->out, '[');
    sqlite3_stmt *st = uuid_parse(guid, rq->arg[0]) ? db_query(db, IDS_SQL, "b", guid, sizeof guid) : NULL;
    while (db_row(db, st)) {
        put_comma(&rq->out);
        buf_put_u8(&rq->out, '{');
        put_str(&rq->out, "context", col_text(st, 0));
        put_int(&rq->out, "id", col_int(st, 1));
        buf_put_u8(&rq->out, '}');
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

rest_rc api_schema_types(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)db;
    buf_put_str(&rq->out, "[\"JSON\",\"PROTOBUF\",\"AVRO\"]");
    return 0;
}

/* ---- all schemas ---- */
/* ?1 context or null, ?2 prefix, ?3 deleted too, ?4 newest only, ?5 rule type or null, ?6 offset, ?7 limit */
static const char LIST_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM
    "WHERE (?1 IS NULL OR v.ctx=?1) AND substr(v.subject, 1, length(?2))=?2 AND (v.deleted=0 OR ?3)"
    " AND (?4=0 OR v.version=(SELECT max(w.version) FROM versions w WHERE w.ctx=v.ctx AND w.subject=v.subject AND"
    " (w.deleted=0 OR ?3)))"
    " AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_tree(s.ruleset) t WHERE t.key='type' AND t.atom=?5))"
    " ORDER BY v.ctx, v.subject, v.version LIMIT ?7 OFFSET ?6";

rest_rc api_schemas(void *service, request_t *rq, db_t *db) {
    (void)service;
    const char *prefix = request_param(rq, "subjectPrefix");
    int64_t offset, limit;
    qname_t q;
    TRY(request_page(rq, 1000, &offset, &limit));
    TRY(qname_parse(rq, prefix == NULL ? "" : prefix, &q));
    sqlite3_stmt *st = db_query(db, LIST_SQL, "ttiitii", strcmp(q.ctx, "*") == 0 ? NULL : q.ctx, q.subject,
                                (int64_t)request_flag(rq, "deleted"), (int64_t)request_flag(rq, "latestOnly"),
                                request_param(rq, "ruleType"), offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        row_t row;
        row_view(st, &row);
        rest_rc rc = put_row(rq, db, &row, true);
        if (rc != 0) {
            db_done(st);
            return rc;
        }
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}
