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
    const char *type = "AVRO"; /* old servers leave the member out for Avro */
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

static schloss_rc ask(sr_exchange_t *x, io_t *io, const http_service_t *svc, const char *subject, const known_t *known,
                      sr_schema_t **out, schloss_error_t *err) {
    parsed_t *p = NULL;
    schloss_rc rc = parsed_fetch(x, io, svc, known, &p, err);
    if (rc == SCHLOSS_OK) {
        const char *referrer = p->schema->subject[0] != '\0' ? p->schema->subject : subject;
        rc = refs_resolve(p, referrer, io, svc, err);
    }
    if (rc == SCHLOSS_OK) {
        *out = sr_schema_ref(p->schema);
    } else if (rc < 0 && *subject != '\0') {
        err_subject(err, subject);
    }
    exchange_clear(x);
    return rc;
}

schloss_rc sr_get_latest(io_t *io, const http_service_t *svc, const char *subject, sr_schema_t **out,
                         schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", false);
    path_text(&x, "/subjects/");
    path_value(&x, subject);
    path_text(&x, "/versions/latest");
    known_t known = {.id = -1, .need_id = true};
    return ask(&x, io, svc, subject, &known, out, err);
}

schloss_rc sr_get_by_id(io_t *io, const http_service_t *svc, int32_t id, const char *subject, sr_schema_t **out,
                        schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", false);
    path_int(&x, "/schemas/ids/", id);
    if (subject != NULL) {
        path_text(&x, "?subject=");
        path_value(&x, subject);
    }
    known_t known = {.id = id};
    return ask(&x, io, svc, subject == NULL ? "" : subject, &known, out, err);
}

schloss_rc sr_get_by_guid(io_t *io, const http_service_t *svc, const char *guid, sr_schema_t **out,
                          schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", false);
    path_text(&x, "/schemas/guids/");
    path_value(&x, guid);
    known_t known = {.id = -1, .guid = guid};
    return ask(&x, io, svc, "", &known, out, err);
}

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

schloss_rc sr_lookup(io_t *io, const http_service_t *svc, const char *subject, const char *text,
                     const schloss_schema_ref_t *refs, size_t n_refs, bool normalize, sr_schema_t **out,
                     schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "POST", false);
    path_text(&x, "/subjects/");
    path_value(&x, subject);
    path_bool(&x, "?normalize=", normalize);
    path_text(&x, "&deleted=false");
    buf_put_str(&x.body, "{");
    body_str(&x, "schema", text);
    body_str(&x, "schemaType", "AVRO");
    if (n_refs != 0) {
        body_refs(&x, refs, n_refs);
    }
    buf_put_str(&x.body, "}");
    known_t known = {.id = -1, .text = text, .refs = refs, .n_refs = n_refs, .need_id = true};
    return ask(&x, io, svc, subject, &known, out, err);
}
