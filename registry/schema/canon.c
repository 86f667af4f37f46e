/* See canon.h. Avro is the one type of this version; the others are refused by name. */
#include "registry/schema/canon.h"
#include "codec/avro/schema.h"
#include "registry/schema/guid.h"
#include "registry/schema/meta.h"
#include "base/limits.h"
#include <string.h>

/* ---- reading a request ---- */
static rest_rc check_type(request_t *rq, const char *type) {
    if (strcmp(type, "AVRO") == 0) {
        return 0;
    }
    if (strcmp(type, "JSON") == 0 || strcmp(type, "PROTOBUF") == 0) {
        return rest_failf(rq, REST_INVALID_SCHEMA,
                          "Invalid schema type %s: this version of Schloss registers schemas of type AVRO only", type);
    }
    return rest_failf(rq, REST_INVALID_SCHEMA, "Invalid schema type %.200s", type);
}

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

rest_rc candidate_read(request_t *rq, const json_t *body, candidate_t *out) {
    memset(out, 0, sizeof *out);
    out->id = -1;
    const char *type = "AVRO";
    json_t *refs, *metadata, *ruleset;
    TRY(member_str(rq, body, "schemaType", &type));
    TRY(check_type(rq, type));
    TRY(member_str(rq, body, "schema", &out->text));
    TRY(member_array(rq, body, "references", &refs));
    TRY(member_object(rq, body, "metadata", &metadata));
    TRY(member_object(rq, body, "ruleSet", &ruleset));
    TRY(member_int(rq, body, "version", &out->version));
    TRY(member_int(rq, body, "id", &out->id));
    if (json_array_size(refs) != 0) {
        if (json_array_size(refs) > LIMIT_SCHEMA_REFS) {
            return rest_fail(rq, REST_INVALID_SCHEMA, "Invalid schema: too many references");
        }
        out->refs = request_adopt(rq, json_array());
        if (out->refs == NULL) {
            return rest_oom(rq);
        }
        for (size_t i = 0; i < json_array_size(refs); i++) {
            TRY(read_reference(rq, json_array_get(refs, i), out->refs));
        }
    }
    TRY(metadata_normalize(rq, metadata, &out->metadata));
    return ruleset_normalize(rq, ruleset, &out->ruleset);
}

bool candidate_is_blank(const candidate_t *c) {
    return c->text == NULL || c->text[strspn(c->text, " \t\r\n")] == '\0';
}

/* ---- references ---- */
typedef struct ref_set {
    request_t *rq;
    db_t *db;
    bool allow_deleted;
    avro_ref_t *refs;
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
        avro_ref_t *bigger = arena_alloc_n(&set->rq->arena, cap, sizeof *bigger);
        if (bigger == NULL) {
            return rest_oom(set->rq);
        }
        if (set->n != 0) {
            memcpy(bigger, set->refs, set->n * sizeof *bigger);
        }
        set->refs = bigger;
        set->cap = cap;
    }
    set->refs[set->n++] = (avro_ref_t){name, text, strlen(text)};
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
                              "Invalid schema of type AVRO, details: No schema reference found for subject \"%s\" and "
                              "version %lld",
                              subject, (long long)version);
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

static rest_rc refs_number(request_t *rq, db_t *db, const char *ctx, json_t *refs) {
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
                              "Invalid schema of type AVRO, details: No schema reference found for subject \"%s\" and "
                              "version -1",
                              subject);
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

/* normalize: sorted by subject and version (stable insertion: lists are short), equal ones once. */
static rest_rc refs_normalize(request_t *rq, candidate_t *c) {
    json_t *sorted = request_adopt(rq, json_array());
    if (sorted == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < json_array_size(c->refs); i++) {
        json_t *ref = json_array_get(c->refs, i);
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
    c->refs = sorted;
    return 0;
}

/* ---- canonical text ---- */
static rest_rc from_avro_error(request_t *rq, schloss_rc rc, const struct schloss_error *err) {
    if (rc == SCHLOSS_E_NO_MEMORY) {
        return rest_oom(rq);
    }
    return rest_failf(rq, REST_INVALID_SCHEMA,
                      "Invalid schema of type AVRO, details: Invalid schema of type AVRO, details: %s", err->message);
}

static rest_rc parse(request_t *rq, db_t *db, const char *ctx, const char *text, const json_t *refs, unsigned flags,
                     avro_schema_t **out) {
    ref_set_t set = {.rq = rq, .db = db, .allow_deleted = !(flags & CANON_NEW)};
    TRY(refs_collect(&set, ctx, refs, 0));
    struct schloss_error err = {0};
    schloss_rc rc =
        avro_schema_parse(out, text, strlen(text), set.refs, set.n, flags & CANON_NEW ? AVRO_PARSE_STRICT : 0, &err);
    return rc == 0 ? 0 : from_avro_error(rq, rc, &err);
}

static rest_rc print(request_t *rq, avro_schema_t *schema, bool normalize, bool resolved, const char **out) {
    buf_t b;
    struct schloss_error err = {0};
    buf_init(&b, REQUEST_MAX_BODY * 4, "canonical schema", false);
    schloss_rc rc =
        resolved ? avro_schema_print_resolved(schema, &b, &err) : avro_schema_print(schema, normalize, &b, &err);
    rc = rc != 0 ? rc : buf_check(&b, &err);
    const char *copy = rc == 0 ? arena_strndup(&rq->arena, (const char *)b.ptr, b.len) : NULL;
    buf_clear(&b);
    if (rc != 0) {
        return from_avro_error(rq, rc, &err);
    }
    *out = copy;
    return copy == NULL ? rest_oom(rq) : 0;
}

rest_rc candidate_hash(request_t *rq, candidate_t *c) {
    if (json_array_size(c->refs) == 0) {
        c->refs = NULL;
    }
    TRY(json_text(rq, c->refs, &c->refs_text));
    TRY(json_text(rq, c->metadata, &c->metadata_text));
    TRY(json_text(rq, c->ruleset, &c->ruleset_text));
    return schema_guid(rq, c->guid, c->text, c->refs, c->metadata, c->ruleset);
}

rest_rc candidate_canon(request_t *rq, db_t *db, const qname_t *subject, candidate_t *c, unsigned flags) {
    if (candidate_is_blank(c)) {
        return rest_fail(rq, REST_INVALID_SCHEMA, "Empty schema");
    }
    TRY(refs_number(rq, db, subject->ctx, c->refs));
    if (c->refs != NULL && (flags & CANON_NORMALIZE)) {
        TRY(refs_normalize(rq, c));
    }
    avro_schema_t *schema = NULL;
    TRY(parse(rq, db, subject->ctx, c->text, c->refs, flags, &schema));
    rest_rc rc = print(rq, schema, flags & CANON_NORMALIZE, false, &c->text);
    avro_schema_free(schema);
    return rc != 0 ? rc : candidate_hash(rq, c);
}

static rest_rc parse_stored(request_t *rq, db_t *db, const char *ctx, const char *text, const char *refs_text,
                            avro_schema_t **out) {
    json_t *refs;
    TRY(json_stored(rq, refs_text, &refs));
    return parse(rq, db, ctx, text, refs, 0, out);
}

rest_rc canon_resolved(request_t *rq, db_t *db, const char *ctx, const char *text, const char *refs_text,
                       const char **out) {
    avro_schema_t *schema = NULL;
    TRY(parse_stored(rq, db, ctx, text, refs_text, &schema));
    rest_rc rc = print(rq, schema, false, true, out);
    avro_schema_free(schema);
    return rc;
}

/* ---- findTags ---- */
static bool wanted(const char *tag, const char *const *tags, size_t n_tags) {
    for (size_t i = 0; i < n_tags; i++) {
        if (strcmp(tags[i], "*") == 0 || strcmp(tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

static void put_entity(buf_t *out, const char *path, const char *type, const char *const *have, size_t n_have) {
    put_comma(out);
    buf_put_str(out, "{\"schemaEntity\":{");
    put_str(out, "entityPath", path);
    put_str(out, "entityType", type);
    buf_put_str(out, "},\"tags\":[");
    for (size_t i = 0; i < n_have; i++) {
        put_comma(out);
        put_text(out, have[i]);
    }
    buf_put_str(out, "]}");
}

static bool any_wanted(const char *const *have, size_t n, const char *const *tags, size_t n_tags) {
    for (size_t i = 0; i < n; i++) {
        if (wanted(have[i], tags, n_tags)) {
            return true;
        }
    }
    return false;
}

static void put_record_tags(buf_t *out, const avro_type_t *t, const char *const *tags, size_t n_tags) {
    const json_t *own = json_object_get(t->props, "confluent:tags");
    const char *have[64];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(own) && n < COUNT_OF(have); i++) {
        const char *s = json_string_value(json_array_get(own, i));
        if (s != NULL) {
            have[n++] = s;
        }
    }
    if (any_wanted(have, n, tags, n_tags)) {
        put_entity(out, t->name, "sr_record", have, n);
    }
    for (size_t i = 0; i < t->n_fields; i++) {
        const avro_field_t *f = &t->fields[i];
        if (any_wanted(f->tags, f->n_tags, tags, n_tags)) {
            put_entity(out, f->full_name, "sr_field", f->tags, f->n_tags);
        }
    }
}

rest_rc canon_find_tags(request_t *rq, db_t *db, const char *ctx, const char *text, const char *refs_text,
                        const char *const *tags, size_t n_tags, buf_t *out) {
    avro_schema_t *schema = NULL;
    TRY(parse_stored(rq, db, ctx, text, refs_text, &schema));
    buf_put_u8(out, '[');
    for (size_t i = 0; i < avro_schema_n_types(schema); i++) {
        const avro_type_t *t = avro_schema_type(schema, i);
        if (t->kind == AVRO_RECORD && !t->from_reference) {
            put_record_tags(out, t, tags, n_tags);
        }
    }
    buf_put_u8(out, ']');
    avro_schema_free(schema);
    return 0;
}
