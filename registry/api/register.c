/* POST /subjects/{s}/versions (schema-registry-api 7). Runs inside one write transaction, so what it reads stays true
 * until its rows are stored; the order of the checks decides which error a client sees. */
#include "base/text.h"
#include "registry/api/handlers.h"
#include "registry/schema/meta.h"
#include <string.h>

typedef struct registration {
    request_t *rq;
    db_t *db;
    qname_t q;
    candidate_t c;
    json_t *config;
    bool normalize, import;
    int64_t new_version;
    row_t previous;
    bool has_previous;
} registration_t;

static rest_rc answer(request_t *rq, db_t *db, const candidate_t *c, int64_t id, int64_t version, const char *ctx) {
    char guid[37];
    stored_schema_t stored = {c->type, ctx, c->text, c->refs_text};
    const char *text;
    TRY(stored_text(rq, db, &stored, request_param(rq, "format"), &text));
    buf_t *b = &rq->out;
    uuid_print(guid, c->guid);
    buf_put_u8(b, '{');
    put_int(b, "id", id);
    put_int(b, "version", version);
    put_str(b, "guid", guid);
    put_str(b, "schemaType", c->type->name);
    TRY(put_refs(rq, ctx, c->refs_text));
    put_raw(b, "metadata", c->metadata_text);
    put_raw(b, "ruleSet", c->ruleset_text);
    put_str(b, "schema", text);
    buf_put_u8(b, '}');
    return 0;
}

static rest_rc answer_row(request_t *rq, db_t *db, const row_t *row) {
    candidate_t c;
    TRY(row_candidate(rq, row, &c));
    return answer(rq, db, &c, row->id, row->version, row->ctx);
}

static rest_rc read_request(registration_t *r) {
    request_t *rq = r->rq;
    json_t *body, *tags;
    TRY(request_object(rq, "register.request", &body));
    TRY(candidate_read(rq, body, &r->c));
    static const char *const tag_members[] = {"schemaTagsToAdd", "schemaTagsToRemove"};
    for (size_t i = 0; i < COUNT_OF(tag_members); i++) {
        TRY(member_array(rq, body, tag_members[i], &tags));
        if (json_array_size(tags) != 0) {
            return rest_failf(
                rq, REST_INVALID_SCHEMA,
                "Invalid schema: this version of Schloss does not edit inline tags (%s); put confluent:tags "
                "into the schema text",
                tag_members[i]);
        }
    }
    if (r->c.ruleset != NULL) {
        TRY(ruleset_complete_kek(rq, r->c.ruleset));
        TRY(ruleset_normalize(rq, r->c.ruleset, &r->c.ruleset));
        TRY(ruleset_validate(rq, r->c.ruleset));
    }
    TRY(qname_parse(rq, rq->arg[0], &r->q));
    TRY(qname_check(rq, &r->q, false));
    TRY(config_effective(rq, r->db, &r->q, &r->config));
    r->normalize = request_param(rq, "normalize") != NULL ? request_flag(rq, "normalize")
                                                          : json_is_true(json_object_get(r->config, "normalize"));
    return 0;
}

/* A known schema is answered before modes and rules of registration are looked at. */
static rest_rc try_known(registration_t *r, bool *answered) {
    static const char *const fills[] = {"defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet"};
    *answered = false;
    for (size_t i = 0; i < COUNT_OF(fills); i++) {
        if (json_object_get(r->config, fills[i]) != NULL) {
            return 0;
        }
    }
    if (candidate_is_blank(&r->c)) {
        return 0;
    }
    candidate_t old = r->c;
    row_t row;
    bool found, from_request;
    TRY(candidate_canon(r->rq, r->db, &r->q, &old, r->normalize ? CANON_NORMALIZE : 0));
    TRY(lookup_in_subject(r->rq, r->db, &r->q, &old, false, old.version == -1, &row, &found, &from_request));
    if (!found) {
        return 0;
    }
    bool same_id = old.id < 0 || old.id == row.id;
    *answered = same_id && (old.version <= 0 || (old.id == row.id && old.version == row.version));
    return *answered ? answer_row(r->rq, r->db, &row) : 0;
}

static rest_rc check_mode(registration_t *r) {
    const char *mode;
    TRY(mode_effective(r->rq, r->db, &r->q, &mode));
    r->import = strcmp(mode, "IMPORT") == 0 || strcmp(mode, "FORWARD") == 0;
    if (strncmp(mode, "READONLY", 8) == 0) {
        return mode_refuse(r->rq, &r->q, "in read-only mode");
    }
    if (r->c.id >= 0 && !r->import) {
        return mode_refuse(r->rq, &r->q, "not in import mode");
    }
    if (r->c.id < 0 && r->import) {
        return mode_refuse(r->rq, &r->q, "not in read-write mode");
    }
    return 0;
}

static rest_rc fill(registration_t *r) {
    bool changed;
    if (candidate_is_blank(&r->c)) {
        if (!r->has_previous) {
            return rest_fail(r->rq, REST_INVALID_SCHEMA, "Empty schema");
        }
        r->c.type = r->previous.type;
        r->c.text = r->previous.text;
        TRY(json_stored(r->rq, r->previous.refs, &r->c.refs));
    }
    return candidate_populate(r->rq, r->config, r->has_previous ? &r->previous : NULL, r->new_version, &r->c, &changed);
}

/* A subject that is strongly bound to a topic may not be used by others. */
static rest_rc check_references(registration_t *r) {
    static const char sql[] = "SELECT 1 FROM associations WHERE ctx=? AND subject=? AND lifecycle='STRONG' LIMIT 1";
    for (size_t i = 0; i < json_array_size(r->c.refs); i++) {
        const char *subject = json_string_value(json_object_get(json_array_get(r->c.refs, i), "subject"));
        qname_t target;
        TRY(qname_parse_in(r->rq, r->q.ctx, subject, &target));
        if (db_int(r->db, 0, sql, "tt", target.ctx, target.subject) != 0) {
            return rest_failf(r->rq, REST_NOT_PERMITTED,
                              "Subject '%s' has a strong association and cannot be referenced", target.full);
        }
    }
    return 0;
}

static const char GUID_SQL[] = "SELECT id FROM schemas INDEXED BY schemas_guid WHERE guid=?1 AND ctx=?2 AND text=?3 "
                               "AND (?4<0 OR id=?4) AND type=?5"
                               " ORDER BY id LIMIT 1";
static const char OWN_SQL[] =
    "SELECT version FROM versions INDEXED BY versions_id WHERE ctx=? AND schema_id=? AND subject=? AND deleted=0"
    " ORDER BY version DESC LIMIT 1";
static const char ID_SQL[] = "SELECT guid, type FROM schemas WHERE ctx=? AND id=?";
static const char NEXT_ID_SQL[] = "INSERT INTO contexts(name, last_id) VALUES(?1, 1) ON CONFLICT(name) DO UPDATE SET"
                                  " last_id=last_id+1, hidden=0 RETURNING last_id";
static const char RAISE_ID_SQL[] = "INSERT INTO contexts(name, last_id) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET"
                                   " last_id=max(last_id, ?2), hidden=0";
static const char SCHEMA_SQL[] = "INSERT INTO schemas(ctx, id, guid, type, text, refs, metadata, ruleset)"
                                 " VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
static const char REF_SQL[] = "INSERT OR IGNORE INTO refs(target_ctx, target_subject, target_version, ctx, id)"
                              " VALUES(?, ?, ?, ?, ?)";
static const char VERSION_SQL[] = "INSERT INTO versions(ctx, subject, version, schema_id, ts, deleted)"
                                  " VALUES(?, ?, ?, ?, ?, 0)";
static const char OLD_SQL[] = "SELECT version FROM versions WHERE ctx=?1 AND subject=?2 AND schema_id=?3 AND deleted=1"
                              " AND version<>?4";
static const char DROP_SQL[] = "DELETE FROM versions WHERE ctx=? AND subject=? AND version=?";
static const char AT_SQL[] = "SELECT schema_id FROM versions WHERE ctx=? AND subject=? AND version=?";

/* An imported id that is taken by another schema is refused. *exists: the schema is stored already. */
static rest_rc check_import_id(registration_t *r, bool *exists) {
    sqlite3_stmt *st = db_query(r->db, ID_SQL, "ti", r->q.ctx, r->c.id);
    *exists = db_row(r->db, st);
    if (!*exists) {
        return 0;
    }
    bytes_t guid = col_bytes(st, 0);
    const char *type = col_text(st, 1);
    bool same = guid.len == sizeof r->c.guid && memcmp(guid.ptr, r->c.guid, guid.len) == 0 && type != NULL &&
                strcmp(type, r->c.type->name) == 0;
    db_done(st);
    if (!same) {
        return rest_failf(r->rq, REST_NOT_PERMITTED,
                          "Overwrite new schema with id %lld in context %s is not permitted.", (long long)r->c.id,
                          strcmp(r->q.ctx, CTX_DEFAULT) == 0 ? "" : r->q.ctx);
    }
    return 0;
}

static rest_rc store_schema(registration_t *r, int64_t id) {
    const candidate_t *c = &r->c;
    (void)db_exec(r->db, SCHEMA_SQL, "tibttttt", r->q.ctx, id, c->guid, sizeof c->guid, c->type->name, c->text,
                  c->refs_text, c->metadata_text, c->ruleset_text);
    for (size_t i = 0; i < json_array_size(c->refs); i++) {
        const json_t *ref = json_array_get(c->refs, i);
        qname_t target;
        TRY(qname_parse_in(r->rq, r->q.ctx, json_string_value(json_object_get(ref, "subject")), &target));
        (void)db_exec(r->db, REF_SQL, "ttiti", target.ctx, target.subject,
                      (int64_t)json_integer_value(json_object_get(ref, "version")), r->q.ctx, id);
    }
    return 0;
}

/* Soft-deleted versions of the same schema give way to the new one, unless something refers to them. */
static void drop_older(registration_t *r, int64_t id, int64_t version) {
    int64_t old[256];
    size_t n = 0;
    sqlite3_stmt *st = db_query(r->db, OLD_SQL, "ttii", r->q.ctx, r->q.subject, id, version);
    while (db_row(r->db, st)) {
        if (n < COUNT_OF(old)) {
            old[n++] = col_int(st, 0);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!version_referenced(r->db, &r->q, old[i], true, false)) {
            (void)db_exec(r->db, DROP_SQL, "tti", r->q.ctx, r->q.subject, old[i]);
        }
    }
}

static rest_rc store(registration_t *r, int64_t id, int64_t version) {
    bool exists = id >= 0;
    if (r->c.id >= 0) {
        TRY(check_import_id(r, &exists));
        id = r->c.id;
        (void)db_exec(r->db, RAISE_ID_SQL, "ti", r->q.ctx, id);
        int64_t at = db_int(r->db, -1, AT_SQL, "tti", r->q.ctx, r->q.subject, version);
        if (at >= 0 && at != id) {
            version_remove(r->db, r->q.ctx, r->q.subject, version, at);
        } else if (at == id) {
            (void)db_exec(r->db, DROP_SQL, "tti", r->q.ctx, r->q.subject, version);
        }
    } else if (id < 0) {
        id = db_int(r->db, -1, NEXT_ID_SQL, "t", r->q.ctx);
        if (id > INT32_MAX) {
            return rest_fail(r->rq, REST_STORE, NULL);
        }
    }
    if (!exists) {
        TRY(store_schema(r, id));
    }
    (void)db_exec(r->db, VERSION_SQL, "ttiii", r->q.ctx, r->q.subject, version, id, service_now_ms());
    drop_older(r, id, version);
    return answer(r->rq, r->db, &r->c, id, version, r->q.ctx);
}

static rest_rc register_new(registration_t *r) {
    static const char next_sql[] = "SELECT coalesce(max(version), 0)+1 FROM versions WHERE ctx=? AND subject=?";
    r->new_version = db_int(r->db, 1, next_sql, "tt", r->q.ctx, r->q.subject);
    TRY(row_find(r->rq, r->db, &r->q, -1, false, &r->previous, &r->has_previous));
    if (!r->import) {
        TRY(fill(r));
    }
    bool strict = r->c.id < 0 && !json_is_false(json_object_get(r->config, "validateNewSchemas"));
    unsigned flags = (strict ? CANON_NEW : 0u) | (r->normalize && !r->import ? CANON_NORMALIZE : 0u);
    TRY(candidate_canon(r->rq, r->db, &r->q, &r->c, flags));
    TRY(check_references(r));
    const candidate_t *c = &r->c;
    int64_t id = db_int(r->db, -1, GUID_SQL, "bttit", c->guid, sizeof c->guid, r->q.ctx, c->text, c->id, c->type->name);
    if (id >= 0 && c->version == 0) {
        int64_t version = db_int(r->db, -1, OWN_SQL, "tit", r->q.ctx, id, r->q.subject);
        if (version > 0) {
            return answer(r->rq, r->db, c, id, version, r->q.ctx);
        }
    }
    if (c->version == 0) {
        row_t row;
        bool found, from_request;
        TRY(lookup_in_subject(r->rq, r->db, &r->q, c, false, false, &row, &found, &from_request));
        if (found && (c->id < 0 || c->id == row.id)) {
            return answer_row(r->rq, r->db, &row);
        }
    }
    int64_t version = c->version <= 0 ? r->new_version : c->version;
    if (version != r->new_version && !r->import) {
        return rest_fail(r->rq, REST_INVALID_SCHEMA, "Version is not one more than previous version");
    }
    return store(r, id, version);
}

rest_rc api_register(void *service, request_t *rq, db_t *db) {
    (void)service;
    registration_t r = {.rq = rq, .db = db};
    bool answered;
    TRY(read_request(&r));
    TRY(try_known(&r, &answered));
    if (answered) {
        return 0;
    }
    TRY(check_mode(&r));
    return register_new(&r);
}
