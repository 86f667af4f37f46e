/* See refs.h. */
#include "registry/schema/refs.h"
#include "base/limits.h"
#include "registry/schema/meta.h"
#include <string.h>

static rest_rc read_reference(request_t *rq, const json_t *in, json_t *list) {
    const char *name = NULL, *subject = NULL;
    int64_t version = INT64_MIN;
    if (!json_is_object(in)) {
        return rest_fail(rq, REST_BAD_REQUEST, "Cannot deserialize a reference: an object is expected");
    }
    TRY(member_str(rq, in, "name", &name));
    TRY(member_str(rq, in, "subject", &subject));
    TRY(member_int(rq, in, "version", &version));
    if (name == NULL || subject == NULL || version == INT64_MIN) {
        return rest_failf(rq, REST_INVALID_SCHEMA, "Invalid reference: {name=%.100s, subject=%.100s, version=%s}",
                          name == NULL ? "null" : name, subject == NULL ? "null" : subject,
                          version == INT64_MIN ? "null" : "given");
    }
    json_t *ref = json_object();
    if (ref == NULL || json_object_set_new_nocheck(ref, "name", json_string_nocheck(name)) != 0 ||
        json_object_set_new_nocheck(ref, "subject", json_string_nocheck(subject)) != 0 ||
        json_object_set_new_nocheck(ref, "version", json_integer(version)) != 0) {
        json_decref(ref);
        return rest_oom(rq);
    }
    return json_array_append_new(list, ref) == 0 ? 0 : rest_oom(rq);
}

rest_rc refs_read(request_t *rq, const json_t *body, json_t **out) {
    json_t *refs;
    *out = NULL;
    TRY(member_array(rq, body, "references", &refs));
    if (json_array_size(refs) == 0) {
        return 0;
    }
    if (json_array_size(refs) > LIMIT_SCHEMA_REFS) {
        return rest_fail(rq, REST_INVALID_SCHEMA, "Invalid schema: too many references");
    }
    *out = request_adopt(rq, json_array());
    if (*out == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < json_array_size(refs); i++) {
        TRY(read_reference(rq, json_array_get(refs, i), *out));
    }
    return 0;
}

typedef struct ref_set {
    request_t *rq;
    db_t *db;
    const schema_type_t *type;
    bool allow_deleted;
    schema_ref_t *refs;
    size_t n, cap;
} ref_set_t;

static const char REF_SQL[] = "SELECT s.text, s.refs, v.deleted FROM versions v JOIN schemas s ON s.ctx=v.ctx AND"
                              " s.id=v.schema_id WHERE v.ctx=? AND v.subject=? AND v.version=?";
static const char LATEST_SQL[] = "SELECT max(version) FROM versions WHERE ctx=? AND subject=? AND deleted=0";

static bool ref_known(const ref_set_t *set, const char *name) {
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->refs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static rest_rc ref_add(ref_set_t *set, const char *name, const char *text) {
    if (set->n == LIMIT_SCHEMA_REFS) {
        return rest_fail(set->rq, REST_INVALID_SCHEMA, "Invalid schema: too many references");
    }
    if (set->n == set->cap) {
        size_t cap = set->cap == 0 ? 8 : set->cap * 2;
        schema_ref_t *bigger = arena_alloc_n(&set->rq->arena, cap, sizeof *bigger);
        if (bigger == NULL) {
            return rest_oom(set->rq);
        }
        if (set->n != 0) {
            memcpy(bigger, set->refs, set->n * sizeof *bigger);
        }
        set->refs = bigger;
        set->cap = cap;
    }
    set->refs[set->n++] = (schema_ref_t){name, text, strlen(text)};
    return 0;
}

/* Depth first, children before parents, each name once. Stored references cannot form a cycle: a version exists before
 * it is referred to; the depth limit is for a store that somebody edited. */
static rest_rc refs_collect(ref_set_t *set, const char *ctx, const json_t *refs, unsigned depth) {
    request_t *rq = set->rq;
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *ref = json_array_get(refs, i);
        const char *name = json_string_value(json_object_get(ref, "name"));
        const char *subject = json_string_value(json_object_get(ref, "subject"));
        int64_t version = json_integer_value(json_object_get(ref, "version"));
        qname_t q;
        if (name == NULL || subject == NULL || ref_known(set, name)) {
            continue;
        }
        TRY(qname_parse_in(rq, ctx, subject, &q));
        sqlite3_stmt *st = db_query(set->db, REF_SQL, "tti", q.ctx, q.subject, version);
        bool found = db_row(set->db, st);
        if (!found || (!set->allow_deleted && col_int(st, 2) != 0) || depth > 64) {
            db_done(st);
            return rest_failf(rq, REST_INVALID_SCHEMA,
                              "Invalid schema of type %s, details: No schema reference found for subject \"%s\" and "
                              "version %lld",
                              set->type->name, subject, (long long)version);
        }
        const char *text = arena_strdup(&rq->arena, col_text(st, 0));
        const char *child_text = col_text(st, 1) == NULL ? "" : arena_strdup(&rq->arena, col_text(st, 1));
        db_done(st);
        if (text == NULL || child_text == NULL) {
            return rest_oom(rq);
        }
        json_t *children;
        TRY(json_stored(rq, *child_text == '\0' ? NULL : child_text, &children));
        TRY(refs_collect(set, q.ctx, children, depth + 1));
        if (!ref_known(set, name)) {
            TRY(ref_add(set, name, text));
        }
    }
    return 0;
}

rest_rc refs_number(request_t *rq, db_t *db, const schema_type_t *type, const char *ctx, json_t *refs) {
    for (size_t i = 0; i < json_array_size(refs); i++) {
        json_t *ref = json_array_get(refs, i);
        if (json_integer_value(json_object_get(ref, "version")) != -1) {
            continue;
        }
        const char *subject = json_string_value(json_object_get(ref, "subject"));
        qname_t q;
        TRY(qname_parse_in(rq, ctx, subject, &q));
        int64_t latest = db_int(db, -1, LATEST_SQL, "tt", q.ctx, q.subject);
        if (latest < 0) {
            return rest_failf(rq, REST_INVALID_SCHEMA,
                              "Invalid schema of type %s, details: No schema reference found for subject \"%s\" and "
                              "version -1",
                              type->name, subject);
        }
        if (json_object_set_new_nocheck(ref, "version", json_integer(latest)) != 0) {
            return rest_oom(rq);
        }
    }
    return 0;
}

static int compare_refs(const json_t *a, const json_t *b) {
    int c = utf16_compare(json_string_value(json_object_get(a, "subject")),
                          json_string_value(json_object_get(b, "subject")));
    json_int_t va = json_integer_value(json_object_get(a, "version"));
    json_int_t vb = json_integer_value(json_object_get(b, "version"));
    return c != 0 ? c : va < vb ? -1 : va > vb;
}

/* Stable insertion: lists are short. */
rest_rc refs_normalize(request_t *rq, json_t **refs) {
    json_t *sorted = request_adopt(rq, json_array());
    if (sorted == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < json_array_size(*refs); i++) {
        json_t *ref = json_array_get(*refs, i);
        size_t at = json_array_size(sorted);
        bool twice = false;
        for (size_t j = 0; j < json_array_size(sorted) && !twice; j++) {
            twice = json_equal(json_array_get(sorted, j), ref);
        }
        while (!twice && at > 0 && compare_refs(json_array_get(sorted, at - 1), ref) > 0) {
            at--;
        }
        if (!twice && json_array_insert(sorted, at, ref) != 0) {
            return rest_oom(rq);
        }
    }
    *refs = sorted;
    return 0;
}

rest_rc registry_refs_resolve(request_t *rq, db_t *db, const schema_type_t *type, const char *ctx, const json_t *refs,
                              unsigned flags, schema_source_t *out) {
    ref_set_t set = {.rq = rq, .db = db, .type = type, .allow_deleted = !(flags & CANON_NEW)};
    TRY(refs_collect(&set, ctx, refs, 0));
    out->refs = set.refs;
    out->n_refs = set.n;
    return 0;
}
