/* See canon.h. */
#include "registry/schema/canon.h"
#include "registry/schema/guid.h"
#include "registry/schema/meta.h"
#include "registry/schema/refs.h"
#include <string.h>

rest_rc candidate_read(request_t *rq, const json_t *body, candidate_t *out) {
    memset(out, 0, sizeof *out);
    out->id = -1;
    const char *type = "AVRO";
    json_t *metadata, *ruleset;
    TRY(member_str(rq, body, "schemaType", &type));
    out->type = schema_type(type);
    if (out->type == NULL) {
        return rest_failf(rq, REST_INVALID_SCHEMA, "Invalid schema type %.200s", type);
    }
    TRY(member_str(rq, body, "schema", &out->text));
    TRY(refs_read(rq, body, &out->refs));
    TRY(member_object(rq, body, "metadata", &metadata));
    TRY(member_object(rq, body, "ruleSet", &ruleset));
    TRY(member_int(rq, body, "version", &out->version));
    TRY(member_int(rq, body, "id", &out->id));
    TRY(metadata_normalize(rq, metadata, &out->metadata));
    return ruleset_normalize(rq, ruleset, &out->ruleset);
}

bool candidate_is_blank(const candidate_t *c) {
    return c->text == NULL || c->text[strspn(c->text, " \t\r\n")] == '\0';
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
    TRY(refs_number(rq, db, c->type, subject->ctx, c->refs));
    if (c->refs != NULL && (flags & CANON_NORMALIZE)) {
        TRY(refs_normalize(rq, &c->refs));
    }
    schema_source_t source = {.text = c->text};
    TRY(registry_refs_resolve(rq, db, c->type, subject->ctx, c->refs, flags, &source));
    TRY(c->type->canon(rq, &source, flags, &c->text));
    return candidate_hash(rq, c);
}

static rest_rc stored_source(request_t *rq, db_t *db, const stored_schema_t *s, schema_source_t *out) {
    json_t *refs;
    out->text = s->text;
    TRY(json_stored(rq, s->refs, &refs));
    return registry_refs_resolve(rq, db, s->type, s->ctx, refs, 0, out);
}

rest_rc stored_text(request_t *rq, db_t *db, const stored_schema_t *s, const char *format, const char **out) {
    *out = s->text;
    if (format == NULL || s->type->has_format == NULL || !s->type->has_format(format, s->refs != NULL)) {
        return 0;
    }
    schema_source_t source;
    TRY(stored_source(rq, db, s, &source));
    return s->type->print(rq, &source, format, out);
}

rest_rc stored_same(request_t *rq, db_t *db, const stored_schema_t *s, const char *text, bool *same) {
    *same = strcmp(s->text, text) == 0;
    if (*same || s->type->same == NULL) {
        return 0;
    }
    schema_source_t source;
    TRY(stored_source(rq, db, s, &source));
    return s->type->same(rq, &source, text, same);
}

rest_rc stored_tags(request_t *rq, db_t *db, const stored_schema_t *s, const char *const *tags, size_t n_tags,
                    buf_t *out) {
    schema_source_t source;
    TRY(stored_source(rq, db, s, &source));
    buf_put_u8(out, '[');
    TRY(s->type->find_tags(rq, &source, tags, n_tags, out));
    buf_put_u8(out, ']');
    return 0;
}
