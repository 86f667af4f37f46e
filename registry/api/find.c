/* Finding the version that a schema is, and filling a schema from its predecessor (schema-registry-api 7.3, 8). */
#include "registry/api/data.h"
#include "registry/schema/meta.h"
#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* metadata with confluent:version removed; NULL counts as empty. */
static rest_rc without_version(request_t *rq, const json_t *metadata, const char **out) {
    json_t *m;
    TRY(metadata_with_property(rq, metadata, VERSION_PROPERTY, NULL, &m));
    return json_text(rq, m, out);
}

/* "Can be looked up", less the texts of the schemas (8.2). */
static rest_rc same_metadata(request_t *rq, const candidate_t *n, const row_t *p, bool *same) {
    json_t *p_metadata;
    TRY(json_stored(rq, p->metadata, &p_metadata));
    const char *nv = metadata_property(n->metadata, VERSION_PROPERTY);
    const char *pv = metadata_property(p_metadata, VERSION_PROPERTY);
    *same = same_text(n->ruleset_text, p->ruleset);
    if (!*same) {
        return 0;
    }
    if ((nv == NULL) == (pv == NULL)) {
        *same = same_text(n->metadata_text, p->metadata);
        return 0;
    }
    if (nv != NULL && strtoll(nv, NULL, 10) != p->version) {
        *same = false;
        return 0;
    }
    const char *a, *b;
    TRY(without_version(rq, n->metadata, &a));
    TRY(without_version(rq, p_metadata, &b));
    *same = same_text(a, b);
    return 0;
}

static rest_rc is_version(request_t *rq, db_t *db, const candidate_t *n, const row_t *p, bool *same) {
    TRY(same_metadata(rq, n, p, same));
    if (!*same) {
        return 0;
    }
    stored_schema_t stored = row_stored(p);
    if (same_text(n->refs_text, p->refs)) {
        return stored_same(rq, db, &stored, n->text, same);
    }
    *same = n->refs == NULL && p->refs != NULL;
    if (*same) { /* references written out */
        const char *resolved;
        TRY(stored_text(rq, db, &stored, "resolved", &resolved));
        *same = same_text(n->text, resolved);
    }
    return 0;
}

static const char BY_GUID_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM
    "WHERE s.guid=?1 AND s.ctx=?2 AND v.subject=?3 AND (v.deleted=0 OR ?4) AND s.text=?5 AND s.type=?7"
    " AND (?6=0 OR v.version=(SELECT max(version) FROM versions WHERE ctx=?2 AND subject=?3 AND deleted=0))"
    " ORDER BY v.version DESC LIMIT 1";
static const char SIMILAR_SQL[] =
    "SELECT " ROW_COLUMNS ROW_FROM "WHERE v.ctx=?1 AND v.subject=?2 AND (v.deleted=0 OR ?3) AND"
    " s.type=?7 AND (s.text=?4 OR (?5 AND s.refs IS NOT NULL) OR ?8) AND"
    " (?6=0 OR v.version=(SELECT max(version) FROM versions WHERE ctx=?1 AND subject=?2 AND deleted=0))"
    " ORDER BY v.version DESC";

rest_rc lookup_in_subject(request_t *rq, db_t *db, const qname_t *q, const candidate_t *n, bool deleted,
                          bool latest_only, row_t *out, bool *found, bool *from_request) {
    sqlite3_stmt *st = db_query(db, BY_GUID_SQL, "bttitit", n->guid, sizeof n->guid, q->ctx, q->subject,
                                (int64_t)deleted, n->text, (int64_t)latest_only, n->type->name);
    *from_request = *found = db_row(db, st);
    if (*found) {
        row_view(st, out);
        rest_rc rc = row_copy(rq, out);
        db_done(st);
        return rc;
    }
    st = db_query(db, SIMILAR_SQL, "ttitiiti", q->ctx, q->subject, (int64_t)deleted, n->text,
                  (int64_t)(n->refs == NULL), (int64_t)latest_only, n->type->name, (int64_t)(n->type->same != NULL));
    while (db_row(db, st)) {
        row_view(st, out);
        rest_rc rc = is_version(rq, db, n, out, found);
        if (rc == 0 && *found) { /* not before: all texts of a subject may be more than a request holds */
            rc = row_copy(rq, out);
        }
        if (rc != 0 || *found) {
            db_done(st);
            return rc;
        }
    }
    return 0;
}

/* default < request, else previous < override */
static rest_rc merge_metadata(request_t *rq, const json_t *config, json_t *own, json_t *previous, json_t **out) {
    json_t *dflt = json_object_get(config, "defaultMetadata"), *over = json_object_get(config, "overrideMetadata");
    TRY(metadata_merge(rq, dflt, own != NULL ? own : previous, out));
    return metadata_merge(rq, *out, over, out);
}
static rest_rc merge_ruleset(request_t *rq, const json_t *config, json_t *own, json_t *previous, json_t **out) {
    json_t *dflt = json_object_get(config, "defaultRuleSet"), *over = json_object_get(config, "overrideRuleSet");
    TRY(ruleset_merge(rq, dflt, own != NULL ? own : previous, out));
    return ruleset_merge(rq, *out, over, out);
}

rest_rc candidate_populate(request_t *rq, const json_t *config, const row_t *previous, int64_t new_version,
                           candidate_t *c, bool *changed) {
    json_t *old_metadata = NULL, *old_ruleset = NULL, *metadata, *ruleset;
    if (previous != NULL) {
        TRY(json_stored(rq, previous->metadata, &old_metadata));
        TRY(json_stored(rq, previous->ruleset, &old_ruleset));
    }
    TRY(merge_metadata(rq, config, c->metadata, old_metadata, &metadata));
    TRY(merge_ruleset(rq, config, c->ruleset, old_ruleset, &ruleset));
    if (new_version != 0 && (c->version != 0 || metadata_property(metadata, VERSION_PROPERTY) != NULL)) {
        const char *number = arena_printf(&rq->arena, "%lld", (long long)new_version);
        if (number == NULL) {
            return rest_oom(rq);
        }
        TRY(metadata_with_property(rq, metadata, VERSION_PROPERTY, number, &metadata));
    }
    *changed = metadata != c->metadata || ruleset != c->ruleset;
    c->metadata = metadata;
    c->ruleset = ruleset;
    return 0;
}
