/* Subjects and their versions: lists, reads, lookup (schema-registry-api 5.3, 8). */
#include "registry/api/handlers.h"
#include "registry/schema/meta.h"
#include <string.h>

#define QUALIFIED "CASE WHEN ctx='.' THEN subject ELSE ':'||ctx||':'||subject END"

/* ?1 context or null, ?2 prefix, ?3 0 live 1 all 2 deleted only, ?4 offset, ?5 limit */
static const char SUBJECTS_SQL[] =
    "SELECT " QUALIFIED " AS name FROM versions WHERE (?1 IS NULL OR ctx=?1) AND substr(subject, 1, length(?2))=?2"
    " GROUP BY ctx, subject HAVING ?3=1 OR min(deleted)=(?3=2) ORDER BY name LIMIT ?5 OFFSET ?4";

rest_rc api_subjects(void *service, request_t *rq, db_t *db) {
    (void)service;
    const char *prefix = request_param(rq, "subjectPrefix");
    int64_t offset, limit;
    qname_t q;
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    TRY(qname_parse(rq, prefix == NULL ? ":*:" : prefix, &q));
    int64_t which = request_flag(rq, "deletedOnly") ? 2 : request_flag(rq, "deleted") ? 1 : 0;
    sqlite3_stmt *st =
        db_query(db, SUBJECTS_SQL, "ttiii", strcmp(q.ctx, "*") == 0 ? NULL : q.ctx, q.subject, which, offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        put_text(&rq->out, col_text(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* ?3 0 live 1 all 2 deleted only */
static const char VERSIONS_SQL[] = "SELECT version, deleted FROM versions WHERE ctx=?1 AND subject=?2 AND"
                                   " (?3=1 OR deleted=(?3=2)) ORDER BY version LIMIT ?5 OFFSET ?4";

rest_rc api_versions(void *service, request_t *rq, db_t *db) {
    (void)service;
    int64_t offset, limit;
    qname_t q;
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    TRY(qname_parse(rq, rq->arg[0], &q));
    bool negative = request_flag(rq, "deletedAsNegative");
    int64_t which = negative ? 1 : request_flag(rq, "deletedOnly") ? 2 : request_flag(rq, "deleted") ? 1 : 0;
    if (db_int(db, 0, VERSIONS_SQL, "ttiii", q.ctx, q.subject, which, (int64_t)0, (int64_t)1) == 0) {
        return rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
    }
    sqlite3_stmt *st = db_query(db, VERSIONS_SQL, "ttiii", q.ctx, q.subject, which, offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        buf_printf(&rq->out, "%s%lld", negative && col_int(st, 1) != 0 ? "-" : "", (long long)col_int(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* ---- one version ---- */
static const char CONTEXTS_SQL[] = "SELECT name FROM contexts WHERE name<>'.' AND name>? ORDER BY name LIMIT 1";

/* Next context after ctx in name order, in the arena; NULL at the end. */
static rest_rc next_context(request_t *rq, db_t *db, const char *ctx, const char **out) {
    sqlite3_stmt *st = db_query(db, CONTEXTS_SQL, "t", ctx);
    *out = NULL;
    if (!db_row(db, st)) {
        return 0;
    }
    *out = arena_strdup(&rq->arena, col_text(st, 0));
    db_done(st);
    return *out == NULL ? rest_oom(rq) : 0;
}

/* The version of arg[0], arg[1]; an unqualified subject is sought in every context (4.3). */
static rest_rc find_version(request_t *rq, db_t *db, bool deleted, row_t *row) {
    qname_t q;
    int64_t version;
    bool found;
    TRY(qname_parse(rq, rq->arg[0], &q));
    TRY(version_parse(rq, rq->arg[1], &version));
    /* "latest" is never a deleted one */
    bool with_deleted = deleted && version > 0;
    TRY(row_find(rq, db, &q, version, with_deleted, row, &found));
    qname_t other = q;
    const char *ctx = "";
    while (!found && !is_qualified(rq->arg[0])) {
        TRY(next_context(rq, db, ctx, &ctx));
        if (ctx == NULL) {
            break;
        }
        other.ctx = ctx;
        TRY(row_find(rq, db, &other, version, with_deleted, row, &found));
    }
    if (!found) {
        return version_missing(rq, db, &q, version < 0 ? "-1" : rq->arg[1], deleted);
    }
    return 0;
}

rest_rc api_version(void *service, request_t *rq, db_t *db) {
    (void)service;
    row_t row;
    TRY(find_version(rq, db, request_flag(rq, "deleted"), &row));
    return put_row(rq, db, &row, true);
}

rest_rc api_version_text(void *service, request_t *rq, db_t *db) {
    (void)service;
    row_t row;
    const char *text;
    TRY(find_version(rq, db, request_flag(rq, "deleted"), &row));
    TRY(row_text(rq, db, &row, &text));
    buf_put_str(&rq->out, text);
    return 0;
}

static const char REFERENCED_BY_SQL[] =
    "SELECT DISTINCT r.id FROM refs r JOIN versions v INDEXED BY versions_id ON v.ctx=r.ctx AND v.schema_id=r.id WHERE "
    "r.target_ctx=? AND"
    " r.target_subject=? AND r.target_version=? AND (v.deleted=0 OR ?) ORDER BY r.ctx, r.id LIMIT ? OFFSET ?";

rest_rc api_referenced_by(void *service, request_t *rq, db_t *db) {
    (void)service;
    row_t row;
    int64_t offset, limit;
    TRY(request_page(rq, 1000, &offset, &limit));
    TRY(find_version(rq, db, true, &row));
    sqlite3_stmt *st = db_query(db, REFERENCED_BY_SQL, "ttiiii", row.ctx, row.subject, row.version,
                                (int64_t)request_flag(rq, "deleted"), limit, offset);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        buf_printf(&rq->out, "%lld", (long long)col_int(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* ---- newest version with given properties ---- */
static const char DESCENDING_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM "WHERE v.ctx=?1 AND v.subject=?2 AND (v.deleted=0 OR ?3) ORDER BY v.version DESC";

static bool has_properties(const request_t *rq, const json_t *metadata) {
    size_t value = 0;
    for (size_t key = 0; key < rq->n_params; key++) {
        if (strcmp(rq->params[key].name, "key") != 0) {
            continue;
        }
        while (value < rq->n_params && strcmp(rq->params[value].name, "value") != 0) {
            value++;
        }
        if (value == rq->n_params) {
            return true; /* surplus keys are ignored */
        }
        const char *have = metadata_property(metadata, rq->params[key].value);
        if (have == NULL || strcmp(have, rq->params[value++].value) != 0) {
            return false;
        }
    }
    return true;
}

rest_rc api_subject_metadata(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    bool deleted = request_flag(rq, "deleted");
    TRY(qname_parse(rq, rq->arg[0], &q));
    sqlite3_stmt *st = db_query(db, DESCENDING_SQL, "tti", q.ctx, q.subject, (int64_t)deleted);
    while (db_row(db, st)) {
        row_t row;
        json_t *metadata;
        row_view(st, &row);
        rest_rc rc = json_stored(rq, row.metadata, &metadata);
        bool hit = rc == 0 && has_properties(rq, metadata);
        if (rc != 0 || hit) {
            rc = rc != 0 ? rc : put_row(rq, db, &row, true);
            db_done(st);
            return rc;
        }
    }
    return subject_exists(db, &q, deleted) ? rest_fail(rq, REST_SCHEMA_NOT_FOUND, NULL)
                                           : rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
}

/* ---- lookup ---- */
static rest_rc answer_lookup(request_t *rq, db_t *db, row_t *row, const candidate_t *c, bool from_request) {
    if (from_request) {
        row->text = c->text;
        row->refs = c->refs_text;
    }
    return put_row(rq, db, row, !from_request);
}

/* Steps A and B in one context. */
static rest_rc lookup_here(request_t *rq, db_t *db, const qname_t *q, candidate_t c, bool *found) {
    json_t *config;
    row_t row, latest;
    bool from_request, deleted = request_flag(rq, "deleted"), has_latest, changed;
    TRY(config_effective(rq, db, q, &config));
    bool normalize = request_param(rq, "normalize") != NULL ? request_flag(rq, "normalize")
                                                            : json_is_true(json_object_get(config, "normalize"));
    unsigned flags = normalize ? CANON_NORMALIZE : 0;
    TRY(candidate_canon(rq, db, q, &c, flags));
    TRY(lookup_in_subject(rq, db, q, &c, deleted, false, &row, found, &from_request));
    if (!*found) {
        TRY(row_find(rq, db, q, -1, false, &latest, &has_latest));
        if (!has_latest) {
            return 0;
        }
        TRY(candidate_populate(rq, config, &latest, 0, &c, &changed));
        if (!changed) {
            return 0;
        }
        TRY(candidate_hash(rq, &c));
        TRY(lookup_in_subject(rq, db, q, &c, deleted, false, &row, found, &from_request));
    }
    return *found ? answer_lookup(rq, db, &row, &c, from_request) : 0;
}

rest_rc api_lookup(void *service, request_t *rq, db_t *db) {
    (void)service;
    json_t *body;
    candidate_t c;
    qname_t q;
    bool found;
    TRY(request_object(rq, "lookUpSchemaUnderSubject.request", &body));
    TRY(candidate_read(rq, body, &c));
    TRY(qname_parse(rq, rq->arg[0], &q));
    TRY(lookup_here(rq, db, &q, c, &found));
    qname_t other;
    const char *ctx = "";
    while (!found && !is_qualified(rq->arg[0])) {
        TRY(next_context(rq, db, ctx, &ctx));
        if (ctx == NULL) {
            break;
        }
        TRY(qname_make(rq, ctx, q.subject, &other));
        if (subject_exists(db, &other, request_flag(rq, "deleted"))) {
            rest_rc rc = lookup_here(rq, db, &other, c, &found);
            if (rc != 0 && rq->error_code != rest_code_number(REST_INVALID_SCHEMA)) {
                return rc;
            }
            if (rc != 0) { /* a schema that does not parse over there is just not there */
                rest_forget(rq);
            }
        }
    }
    if (!found) {
        return subject_exists(db, &q, request_flag(rq, "deleted")) ? rest_fail(rq, REST_SCHEMA_NOT_FOUND, NULL)
                                                                   : rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
    }
    return 0;
}
