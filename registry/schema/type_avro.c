/* Avro schemas (schema-registry-api 15) over lib/codec/avro. */
#include "codec/avro/schema.h"
#include "registry/schema/type.h"
#include <string.h>

static rest_rc parse(request_t *rq, const schema_source_t *s, unsigned flags, avro_schema_t **out) {
    avro_ref_t *refs = arena_alloc_n(&rq->arena, s->n_refs + 1, sizeof *refs);
    if (refs == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < s->n_refs; i++) {
        refs[i] = (avro_ref_t){s->refs[i].name, s->refs[i].text, s->refs[i].len};
    }
    schloss_error_t err = {0};
    schloss_rc rc = avro_schema_parse(out, s->text, strlen(s->text), refs, s->n_refs,
                                      flags & CANON_NEW ? AVRO_PARSE_STRICT : 0, &err);
    return rc == 0 ? 0 : schema_invalid(rq, &schema_avro, rc, &err);
}

static rest_rc take(request_t *rq, schloss_rc rc, const schloss_error_t *err, buf_t *b, const char **out) {
    if (rc == 0) {
        return schema_take(rq, &schema_avro, b, out);
    }
    buf_clear(b);
    return schema_invalid(rq, &schema_avro, rc, err);
}

static rest_rc canon(request_t *rq, const schema_source_t *s, unsigned flags, const char **out) {
    avro_schema_t *schema = NULL;
    schloss_error_t err = {0};
    buf_t b;
    TRY(parse(rq, s, flags, &schema));
    buf_init(&b, REQUEST_MAX_BODY * 4, "canonical schema", false);
    schloss_rc rc = avro_schema_print(schema, flags & CANON_NORMALIZE, &b, &err);
    avro_schema_free(schema);
    return take(rq, rc, &err, &b, out);
}

static bool has_format(const char *format, bool has_refs) {
    return has_refs && strcmp(format, "resolved") == 0;
}

static rest_rc print_resolved(request_t *rq, const schema_source_t *s, const char *format, const char **out) {
    (void)format;
    avro_schema_t *schema = NULL;
    schloss_error_t err = {0};
    buf_t b;
    TRY(parse(rq, s, 0, &schema));
    buf_init(&b, REQUEST_MAX_BODY * 4, "canonical schema", false);
    schloss_rc rc = avro_schema_print_resolved(schema, &b, &err);
    avro_schema_free(schema);
    return take(rq, rc, &err, &b, out);
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
    schema_put_tagged(out, t->name, "sr_record", have, n, tags, n_tags);
    for (size_t i = 0; i < t->n_fields; i++) {
        const avro_field_t *f = &t->fields[i];
        schema_put_tagged(out, f->full_name, "sr_field", f->tags, f->n_tags, tags, n_tags);
    }
}

static rest_rc find_tags(request_t *rq, const schema_source_t *s, const char *const *tags, size_t n_tags, buf_t *out) {
    avro_schema_t *schema = NULL;
    TRY(parse(rq, s, 0, &schema));
    for (size_t i = 0; i < avro_schema_n_types(schema); i++) {
        const avro_type_t *t = avro_schema_type(schema, i);
        if (t->kind == AVRO_RECORD && !t->from_reference) {
            put_record_tags(out, t, tags, n_tags);
        }
    }
    avro_schema_free(schema);
    return 0;
}

const schema_type_t schema_avro = {
    .name = "AVRO", .canon = canon, .has_format = has_format, .print = print_resolved, .find_tags = find_tags};
