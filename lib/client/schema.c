/* Schemas of the Schema Registry: the four ways to ask for one, and the parsing of the answer. */
#include "client/parsed.h"

#include "base/limits.h"
#include "base/text.h"
#include <stdatomic.h>

/* ---- the schema object ---- */

sr_schema_t *sr_schema_ref(sr_schema_t *s) {
    atomic_fetch_add_explicit(&s->refs_, 1, memory_order_relaxed);
    return s;
}

void sr_schema_unref(sr_schema_t *s) {
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs_, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < s->n_references; i++) {
        mem_free(s->references[i].name);
        mem_free(s->references[i].subject);
        mem_free(s->references[i].text);
    }
    mem_free(s->references);
    mem_free(s->subject);
    mem_free(s->type);
    mem_free(s->text);
    json_decref(s->metadata);
    json_decref(s->rule_set);
    mem_free(s);
}

/* ---- parsing ---- */

void parsed_unref(void *parsed) {
    parsed_t *p = parsed;
    if (p == NULL || --p->refs_ != 0) {
        return;
    }
    ref_walk_free(p->walk);
    for (size_t i = 0; i < p->n_refs; i++) {
        mem_free(p->refs[i].name);
        mem_free(p->refs[i].subject);
    }
    mem_free(p->refs);
    sr_schema_unref(p->schema);
    mem_free(p);
}

static schloss_rc refs_alloc(parsed_t *p, size_t n, schloss_error_t *err) {
    ENSURE(n <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED, "a schema has %zu references, the limit is %u", n,
           LIMIT_SCHEMA_REFS);
    p->refs = mem_calloc(n, sizeof *p->refs);
    return p->refs == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

static schloss_rc refs_add(parsed_t *p, const char *name, const char *subject, int32_t version, schloss_error_t *err) {
    raw_ref_t *r = &p->refs[p->n_refs++];
    r->version = version;
    TRY(copy_str(&r->name, name, err));
    return copy_str(&r->subject, subject, err);
}

static schloss_rc parse_refs(const sr_exchange_t *x, const json_t *root, const known_t *known, parsed_t *p,
                             schloss_error_t *err) {
    const json_t *list = json_object_get(root, "references");
    if (list == NULL || json_is_null(list)) {
        TRY(refs_alloc(p, known->n_refs, err));
        for (size_t i = 0; i < known->n_refs; i++) {
            TRY(refs_add(p, known->refs[i].name, known->refs[i].subject, known->refs[i].version, err));
        }
        return SCHLOSS_OK;
    }
    if (!json_is_array(list)) {
        return answer_bad(x, err, "member 'references' is no array");
    }
    TRY(refs_alloc(p, json_array_size(list), err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_object(one)) {
            return answer_bad(x, err, "an item of member 'references' is no object");
        }
        const char *name = NULL;
        const char *subject = NULL;
        int64_t version = 0;
        TRY(answer_str(x, one, "name", true, &name, err));
        TRY(answer_str(x, one, "subject", true, &subject, err));
        TRY(answer_int(x, one, "version", true, -1, INT32_MAX, &version, err));
        TRY(refs_add(p, name, subject, (int32_t)version, err));
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_guid(const sr_exchange_t *x, const json_t *root, const char *known, sr_schema_t *s,
                             schloss_error_t *err) {
    const char *text = known;
    uint8_t guid[16];
    TRY(answer_str(x, root, "guid", false, &text, err));
    if (text == NULL || *text == '\0') {
        return SCHLOSS_OK;
    }
    if (!uuid_parse(guid, text)) {
        return answer_bad(x, err, "member 'guid' is no UUID");
    }
    uuid_print(s->guid, guid);
    return SCHLOSS_OK;
}

static schloss_rc parse_members(const sr_exchange_t *x, const json_t *root, const known_t *known, parsed_t *p,
                                schloss_error_t *err) {
    sr_schema_t *s = p->schema;
    const char *subject = "";
    const char *type = known->type == NULL ? "AVRO" : known->type; /* old servers leave the member out for Avro */
    const char *text = known->text;
    int64_t id = known->id;
    int64_t version = 0;
    TRY(answer_str(x, root, "subject", false, &subject, err));
    TRY(answer_str(x, root, "schemaType", false, &type, err));
    TRY(answer_str(x, root, "schema", text == NULL, &text, err));
    TRY(answer_int(x, root, "version", false, 0, INT32_MAX, &version, err));
    if (known->id < 0) { /* else the id that was asked for stands */
        TRY(answer_int(x, root, "id", known->need_id, 0, INT32_MAX, &id, err));
    }
    TRY(parse_guid(x, root, known->guid, s, err));
    TRY(answer_object(x, root, "metadata", &s->metadata, err));
    TRY(answer_object(x, root, "ruleSet", &s->rule_set, err));
    p->has_rules = s->rule_set != NULL;
    TRY(parse_refs(x, root, known, p, err));
    ENSURE(strlen(text) <= LIMIT_SCHEMA_BYTES, err, LIMIT_EXCEEDED, "a schema text has %zu bytes, the limit is %zu",
           strlen(text), LIMIT_SCHEMA_BYTES);
    s->id = (int32_t)id;
    s->version = (int32_t)version;
    TRY(copy_str(&s->subject, subject, err));
    TRY(copy_str(&s->type, type, err));
    return copy_str(&s->text, text, err);
}

static schloss_rc parsed_new(const sr_exchange_t *x, const known_t *known, parsed_t **out, schloss_error_t *err) {
    json_t *root = NULL;
    TRY(answer_load(x, JSON_OBJECT, &root, err));
    parsed_t *p = MEM_NEW(parsed_t);
    schloss_rc rc = SCHLOSS_OK;
    if (p != NULL) {
        p->refs_ = 1;
        p->schema = MEM_NEW(sr_schema_t);
    }
    if (p == NULL || p->schema == NULL) {
        rc = NO_MEMORY(err);
    } else {
        p->schema->refs_ = 1;
        rc = parse_members(x, root, known, p, err);
    }
    json_decref(root);
    if (rc != SCHLOSS_OK) {
        parsed_unref(p);
        return rc;
    }
    *out = p;
    return SCHLOSS_OK;
}

schloss_rc parsed_fetch(sr_exchange_t *x, io_t *io, const http_service_t *svc, const known_t *known, parsed_t **out,
                        schloss_error_t *err) {
    TRY(exchange_run(x, io, svc, err));
    parsed_t *p = io_parsed(&x->answer);
    if (p == NULL) {
        TRY(parsed_new(x, known, &p, err));
        io_keep_parsed(&x->answer, p, parsed_unref);
    }
    *out = p;
    return SCHLOSS_OK;
}

/* ---- asking ---- */

/* Source of a .proto file, not base64 of a descriptor? Source never does without a blank, a quote or a semicolon. */
static bool is_proto_source(const sr_schema_t *s) {
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    return strcmp(s->type, "PROTOBUF") == 0 && (s->text[0] == '\0' || s->text[strspn(s->text, base64)] != '\0');
}

/* Asks for the serialized form, at once or after an answer in source. */
static schloss_rc fetch_serialized(sr_exchange_t *x, bool at_once, io_t *io, const http_service_t *svc,
                                   const known_t *known, parsed_t **out, schloss_error_t *err) {
    if (!at_once) {
        TRY(parsed_fetch(x, io, svc, known, out, err));
        if (!is_proto_source((*out)->schema)) {
            return SCHLOSS_OK;
        }
    }
    bool has_query = memchr(x->path.ptr, '?', x->path.len) != NULL;
    path_text(x, has_query ? "&format=serialized" : "?format=serialized");
    TRY(parsed_fetch(x, io, svc, known, out, err));
    if (is_proto_source((*out)->schema)) {
        return answer_bad(x, err, "the schema is .proto source although format=serialized was asked for");
    }
    return SCHLOSS_OK;
}

static schloss_rc ask(sr_exchange_t *x, bool protobuf, io_t *io, const http_service_t *svc, const char *subject,
                      const known_t *known, parsed_t **out, schloss_error_t *err) {
    parsed_t *p = NULL;
    schloss_rc rc = buf_check(&x->path, err);
    if (rc == SCHLOSS_OK) {
        rc = fetch_serialized(x, protobuf, io, svc, known, &p, err);
    }
    if (rc == SCHLOSS_OK) {
        const char *referrer = p->schema->subject[0] != '\0' ? p->schema->subject : subject;
        rc = refs_resolve(p, referrer, io, svc, err);
    }
    if (rc == SCHLOSS_OK) {
        *out = p;
    } else if (rc < 0 && *subject != '\0') {
        err_subject(err, subject);
    }
    exchange_clear(x);
    return rc;
}

/* "k1=v1,k2=v2" as "?key=k1&value=v1&key=k2&value=v2". */
static void path_metadata(sr_exchange_t *x, const char *pairs) {
    const char *before = "?key=";
    for (const char *p = pairs; *p != '\0';) {
        size_t n = strcspn(p, ",");
        size_t key = strcspn(p, "=");
        if (key < n) {
            path_text(x, before);
            path_value_n(x, p, key);
            path_text(x, "&value=");
            path_value_n(x, p + key + 1, n - key - 1);
            before = "&key=";
        }
        p += n + (p[n] == ',');
    }
    path_text(x, before[0] == '?' ? "?deleted=true" : "&deleted=true");
}

schloss_rc sr_get(io_t *io, const http_service_t *svc, const sr_want_t *want, sr_schema_t **out, schloss_error_t *err) {
    sr_exchange_t x;
    known_t known = {.id = -1};
    exchange_init(&x, "GET", false);
    switch (want->by) {
    case SR_LATEST:
    case SR_METADATA:
        path_text(&x, "/subjects/");
        path_value(&x, want->subject);
        if (want->by == SR_LATEST) {
            path_text(&x, "/versions/latest");
        } else {
            path_text(&x, "/metadata");
            path_metadata(&x, want->metadata);
        }
        known.need_id = true;
        break;
    case SR_ID:
        path_int(&x, "/schemas/ids/", want->id);
        if (want->subject != NULL) {
            path_text(&x, "?subject=");
            path_value(&x, want->subject);
        }
        known.id = want->id;
        break;
    case SR_GUID:
        path_text(&x, "/schemas/guids/");
        path_value(&x, want->guid);
        known.guid = want->guid;
        break;
    }
    parsed_t *p = NULL;
    TRY(ask(&x, want->protobuf, io, svc, want->by == SR_GUID || want->subject == NULL ? "" : want->subject, &known, &p,
            err));
    *out = sr_schema_ref(p->schema);
    return SCHLOSS_OK;
}

schloss_rc sr_get_latest(io_t *io, const http_service_t *svc, const char *subject, sr_schema_t **out,
                         schloss_error_t *err) {
    sr_want_t want = {.by = SR_LATEST, .subject = subject};
    return sr_get(io, svc, &want, out, err);
}

schloss_rc sr_get_by_id(io_t *io, const http_service_t *svc, int32_t id, const char *subject, sr_schema_t **out,
                        schloss_error_t *err) {
    sr_want_t want = {.by = SR_ID, .id = id, .subject = subject};
    return sr_get(io, svc, &want, out, err);
}

schloss_rc sr_get_by_guid(io_t *io, const http_service_t *svc, const char *guid, sr_schema_t **out,
                          schloss_error_t *err) {
    sr_want_t want = {.by = SR_GUID, .guid = guid};
    return sr_get(io, svc, &want, out, err);
}

/* ---- with a schema of one's own ---- */

static void body_refs(sr_exchange_t *x, const schloss_schema_ref_t *refs, size_t n_refs) {
    buf_put_str(&x->body, ",\"references\":[");
    for (size_t i = 0; i < n_refs; i++) {
        buf_put_str(&x->body, i == 0 ? "{" : ",{");
        body_str(x, "name", refs[i].name);
        body_str(x, "subject", refs[i].subject);
        body_int(x, "version", refs[i].version);
        buf_put_str(&x->body, "}");
    }
    buf_put_str(&x->body, "]");
}

/* POST of the schema to /subjects/{s}{tail}?normalize=... */
static schloss_rc post(io_t *io, const http_service_t *svc, const char *subject, const char *tail, const char *query,
                       const sr_given_t *given, parsed_t **out, schloss_error_t *err) {
    sr_exchange_t x;
    const char *type = given->type == NULL ? "AVRO" : given->type;
    exchange_init(&x, "POST", false);
    path_text(&x, "/subjects/");
    path_value(&x, subject);
    path_text(&x, tail);
    path_bool(&x, "?normalize=", given->normalize);
    path_text(&x, query);
    buf_put_str(&x.body, "{");
    body_str(&x, "schema", given->text);
    body_str(&x, "schemaType", type);
    if (given->n_refs != 0) {
        body_refs(&x, given->refs, given->n_refs);
    }
    buf_put_str(&x.body, "}");
    known_t known = {.id = -1, .type = type, .text = given->text, .need_id = true};
    known.refs = given->refs;
    known.n_refs = given->n_refs;
    return ask(&x, strcmp(type, "PROTOBUF") == 0, io, svc, subject, &known, out, err);
}

schloss_rc sr_lookup(io_t *io, const http_service_t *svc, const char *subject, const sr_given_t *given,
                     sr_schema_t **out, schloss_error_t *err) {
    parsed_t *p = NULL;
    TRY(post(io, svc, subject, "", "&deleted=false", given, &p, err));
    *out = sr_schema_ref(p->schema);
    return SCHLOSS_OK;
}

schloss_rc sr_register(io_t *io, const http_service_t *svc, const char *subject, const sr_given_t *given,
                       sr_schema_t **out, schloss_error_t *err) {
    parsed_t *p = NULL;
    TRY(post(io, svc, subject, "/versions", "", given, &p, err));
    if (p->has_rules) {
        *out = sr_schema_ref(p->schema);
        return SCHLOSS_OK;
    }
    /* the version may exist with rules, or have got those of the one before: never take silence for "none" */
    sr_want_t want = {.by = SR_ID, .id = p->schema->id, .subject = subject};
    want.protobuf = strcmp(p->schema->type, "PROTOBUF") == 0;
    return sr_get(io, svc, &want, out, err);
}
