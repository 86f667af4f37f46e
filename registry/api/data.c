/* See data.h: rows and their printing. */
#include "registry/api/data.h"
#include "base/text.h"
#include "registry/schema/meta.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void row_view(sqlite3_stmt *st, row_t *out) {
    out->ctx = col_text(st, 0);
    out->subject = col_text(st, 1);
    out->version = col_int(st, 2);
    out->id = col_int(st, 3);
    out->ts = col_int(st, 4);
    out->deleted = col_int(st, 5) != 0;
    bytes_t guid = col_bytes(st, 6);
    memset(out->guid_bytes, 0, sizeof out->guid_bytes);
    if (guid.len == sizeof out->guid_bytes) {
        memcpy(out->guid_bytes, guid.ptr, guid.len);
    }
    uuid_print(out->guid, out->guid_bytes);
    out->text = col_text(st, 7);
    out->refs = col_text(st, 8);
    out->metadata = col_text(st, 9);
    out->ruleset = col_text(st, 10);
    const char *type = col_text(st, 11);
    out->type = type == NULL ? NULL : schema_type(type);
    if (out->type == NULL) {
        out->type = &schema_avro; /* only when SQLite is out of memory: the statement has failed then */
    }
    if (out->text == NULL) {
        out->text = ""; /* likewise */
    }
}

rest_rc row_copy(request_t *rq, row_t *row) {
    const char **texts[] = {&row->ctx, &row->subject, &row->text, &row->refs, &row->metadata, &row->ruleset};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (*texts[i] != NULL) {
            *texts[i] = arena_strdup(&rq->arena, *texts[i]);
            if (*texts[i] == NULL) {
                return rest_oom(rq);
            }
        }
    }
    return 0;
}

static const char FIND_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM "WHERE v.ctx=?1 AND v.subject=?2 AND v.version=?3 AND (v.deleted=0 OR ?4)";
static const char LATEST_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM "WHERE v.ctx=?1 AND v.subject=?2 AND (v.deleted=0 OR ?3) ORDER BY v.version DESC"
    " LIMIT 1";
static const char EXISTS_SQL[] = "SELECT 1 FROM versions WHERE ctx=?1 AND subject=?2 AND (deleted=0 OR ?3) LIMIT 1";

rest_rc row_find(request_t *rq, db_t *db, const qname_t *q, int64_t version, bool deleted, row_t *out, bool *found) {
    int64_t with_deleted = deleted;
    sqlite3_stmt *st = version < 0 ? db_query(db, LATEST_SQL, "tti", q->ctx, q->subject, with_deleted)
                                   : db_query(db, FIND_SQL, "ttii", q->ctx, q->subject, version, with_deleted);
    *found = db_row(db, st);
    if (!*found) {
        return 0;
    }
    row_view(st, out);
    rest_rc rc = row_copy(rq, out);
    db_done(st);
    return rc;
}

bool subject_exists(db_t *db, const qname_t *q, bool deleted) {
    return db_int(db, 0, EXISTS_SQL, "tti", q->ctx, q->subject, (int64_t)deleted) != 0;
}

rest_rc version_missing(request_t *rq, db_t *db, const qname_t *q, const char *version, bool deleted) {
    return subject_exists(db, q, deleted) ? rest_fail(rq, REST_VERSION_NOT_FOUND, version)
                                          : rest_fail(rq, REST_SUBJECT_NOT_FOUND, q->full);
}

rest_rc version_parse(request_t *rq, const char *s, int64_t *out) {
    const char *p = s + strspn(s, " \t");
    size_t n = strlen(p);
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t')) {
        n--;
    }
    if (n == 6 && strncasecmp(p, "latest", 6) == 0) {
        *out = -1;
        return 0;
    }
    int64_t v = 0;
    bool ok = n > 0;
    if (n == 2 && p[0] == '-' && p[1] == '1') {
        *out = -1;
        return 0;
    }
    for (size_t i = 0; i < n && ok; i++) {
        ok = p[i] >= '0' && p[i] <= '9' && v <= INT32_MAX;
        v = ok ? v * 10 + (p[i] - '0') : v;
    }
    if (!ok || v < 1 || v > INT32_MAX) {
        return rest_fail(rq, REST_INVALID_VERSION, s);
    }
    *out = v;
    return 0;
}

rest_rc id_parse(request_t *rq, const char *s, int64_t *out) {
    char *end;
    if (*s != '-' && (*s < '0' || *s > '9')) {
        return rest_fail(rq, REST_NOT_FOUND, NULL);
    }
    long v = strtol(s, &end, 10);
    if (*end != '\0' || end == s || v > INT32_MAX || v < INT32_MIN) {
        return rest_fail(rq, REST_NOT_FOUND, NULL);
    }
    *out = v;
    return 0;
}

/* ---- printing ---- */
stored_schema_t row_stored(const row_t *row) {
    return (stored_schema_t){row->type, row->ctx, row->text, row->refs};
}

rest_rc row_text(request_t *rq, db_t *db, const row_t *row, const char **out) {
    stored_schema_t s = row_stored(row);
    return stored_text(rq, db, &s, request_param(rq, "format"), out);
}

rest_rc put_refs(request_t *rq, const char *ctx, const char *refs) {
    const char *format = request_param(rq, "referenceFormat");
    if (refs == NULL || format == NULL || strcasecmp(format, "qualified") != 0 || strcmp(ctx, CTX_DEFAULT) == 0) {
        put_raw(&rq->out, "references", refs);
        return 0;
    }
    json_t *list;
    TRY(json_stored(rq, refs, &list));
    put_name(&rq->out, "references");
    buf_put_u8(&rq->out, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *ref = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(ref, "name"));
        const char *subject = json_string_value(json_object_get(ref, "subject"));
        qname_t q;
        TRY(qname_parse_in(rq, ctx, subject == NULL ? "" : subject, &q));
        put_comma(&rq->out);
        buf_put_u8(&rq->out, '{');
        put_str(&rq->out, "name", name == NULL ? "" : name);
        put_str(&rq->out, "subject", q.full);
        put_int(&rq->out, "version", json_integer_value(json_object_get(ref, "version")));
        buf_put_u8(&rq->out, '}');
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

rest_rc put_tags(request_t *rq, db_t *db, const row_t *row) {
    const char *tags[32];
    size_t n = 0;
    for (size_t i = 0; i < rq->n_params; i++) {
        if (strcmp(rq->params[i].name, "findTags") != 0) {
            continue;
        }
        char *list = arena_strdup(&rq->arena, rq->params[i].value);
        if (list == NULL) {
            return rest_oom(rq);
        }
        char *save = NULL;
        for (char *t = strtok_r(list, ",", &save); t != NULL && n < COUNT_OF(tags); t = strtok_r(NULL, ",", &save)) {
            tags[n++] = t;
        }
    }
    if (n == 0) {
        return 0;
    }
    put_name(&rq->out, "schemaTags");
    stored_schema_t s = row_stored(row);
    return stored_tags(rq, db, &s, tags, n, &rq->out);
}

rest_rc put_row(request_t *rq, db_t *db, const row_t *row, bool with_stored) {
    qname_t q;
    const char *text;
    TRY(qname_make(rq, row->ctx, row->subject, &q));
    TRY(row_text(rq, db, row, &text));
    buf_t *b = &rq->out;
    put_comma(b);
    buf_put_u8(b, '{');
    put_str(b, "subject", q.full);
    put_int(b, "version", row->version);
    put_int(b, "id", row->id);
    put_str(b, "guid", row->guid);
    put_str(b, "schemaType", row->type->name);
    TRY(put_refs(rq, row->ctx, row->refs));
    put_raw(b, "metadata", row->metadata);
    put_raw(b, "ruleSet", row->ruleset);
    put_str(b, "schema", text);
    TRY(put_tags(rq, db, row));
    if (with_stored) {
        put_int(b, "ts", row->ts);
        put_bool(b, "deleted", row->deleted);
    }
    buf_put_u8(b, '}');
    return 0;
}

rest_rc row_candidate(request_t *rq, const row_t *row, candidate_t *out) {
    memset(out, 0, sizeof *out);
    out->type = row->type;
    out->text = row->text;
    out->refs_text = row->refs;
    out->metadata_text = row->metadata;
    out->ruleset_text = row->ruleset;
    out->id = row->id;
    out->version = row->version;
    memcpy(out->guid, row->guid_bytes, sizeof out->guid);
    TRY(json_stored(rq, row->refs, &out->refs));
    TRY(json_stored(rq, row->metadata, &out->metadata));
    return json_stored(rq, row->ruleset, &out->ruleset);
}

/* ---- removal ---- */
static const char REMOVE_SQL[] = "DELETE FROM versions WHERE ctx=? AND subject=? AND version=?";
static const char SCHEMA_USED_SQL[] =
    "SELECT 1 FROM versions INDEXED BY versions_id WHERE ctx=? AND schema_id=? LIMIT 1";
static const char REMOVE_SCHEMA_SQL[] = "DELETE FROM schemas WHERE ctx=? AND id=?";
static const char REMOVE_REFS_SQL[] = "DELETE FROM refs WHERE ctx=? AND id=?";

void version_remove(db_t *db, const char *ctx, const char *subject, int64_t version, int64_t id) {
    (void)db_exec(db, REMOVE_SQL, "tti", ctx, subject, version);
    if (db_int(db, 0, SCHEMA_USED_SQL, "ti", ctx, id) == 0) {
        (void)db_exec(db, REMOVE_SCHEMA_SQL, "ti", ctx, id);
        (void)db_exec(db, REMOVE_REFS_SQL, "ti", ctx, id);
    }
}

static const char REFERENCED_SQL[] =
    "SELECT 1 FROM refs r JOIN versions v INDEXED BY versions_id ON v.ctx=r.ctx AND v.schema_id=r.id WHERE "
    "r.target_ctx=?1 AND"
    " r.target_subject=?2 AND r.target_version=?3 AND (v.deleted=0 OR ?4) AND NOT (?5 AND v.ctx=?1 AND v.subject=?2)"
    " LIMIT 1";

bool version_referenced(db_t *db, const qname_t *q, int64_t version, bool deleted_count, bool by_others) {
    return db_int(db, 0, REFERENCED_SQL, "ttiii", q->ctx, q->subject, version, (int64_t)deleted_count,
                  (int64_t)by_others) != 0;
}
