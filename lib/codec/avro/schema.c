/* The schema object: making one from a text and its references, and looking into it. */
#include "codec/avro/schema.h"
#include "base/map.h"
#include "codec/avro/model.h"

static const char *const kind_names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                         "string", "record",  "enum", "array", "map",   "union",  "fixed"};

const char *avro_kind_name(avro_kind_t kind) {
    return (size_t)kind < COUNT_OF(kind_names) ? kind_names[kind] : "unknown";
}

bool avro_primitive_kind(const char *name, avro_kind_t *kind) {
    for (unsigned i = 0; i < AVRO_N_PRIMITIVES; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (avro_kind_t)i;
            return true;
        }
    }
    return false;
}

void avro_schema_free(avro_schema_t *s) {
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->n_types; i++) {
        avro_type_t *t = s->types[i];
        json_decref(t->props);
        for (size_t f = 0; f < t->n_fields; f++) {
            json_decref(t->fields[f].dflt);
            json_decref(t->fields[f].props);
        }
    }
    mem_free(s->types);
    arena_clear(&s->arena);
    mem_free(s);
}

const avro_type_t *avro_schema_root(const avro_schema_t *s) {
    return s->root;
}

size_t avro_schema_n_types(const avro_schema_t *s) {
    return s->n_types;
}

const avro_type_t *avro_schema_type(const avro_schema_t *s, size_t i) {
    return s->types[i];
}

size_t avro_schema_memory(const avro_schema_t *s) {
    return sizeof(*s) + s->arena.used + s->cap_types * sizeof(s->types[0]) + s->json_bytes;
}

/* Parses the references, then the schema itself, over one table of names. */
static schloss_rc parse_all(avro_parser_t *p, const char *text, size_t len, const avro_ref_t *refs, size_t n_refs) {
    avro_schema_t *s = p->s;
    if (n_refs > 0) {
        s->known = ARENA_ARRAY(&s->arena, const avro_type_t *, n_refs);
        ENSURE(s->known != NULL, p->err, NO_MEMORY, "out of memory");
    }
    p->in_ref = true;
    for (size_t i = 0; i < n_refs; i++) {
        const avro_type_t *unused = NULL;
        schloss_rc rc = avro_parse_text(p, refs[i].text, refs[i].len, &unused);
        if (rc != SCHLOSS_OK) {
            err_wrap(p->err, "reference \"%s\"", refs[i].name);
            return rc;
        }
        const avro_type_t *t = map_get(p->names, bytes_str(refs[i].name));
        if (t != NULL) {
            s->known[s->n_known++] = t;
        }
    }
    for (size_t i = 0; i < s->n_types; i++) {
        s->types[i]->from_reference = s->types[i]->kind > AVRO_STRING;
    }
    p->in_ref = false;
    return avro_parse_text(p, text, len, &s->root);
}

schloss_rc avro_schema_parse(avro_schema_t **out, const char *text, size_t len, const avro_ref_t *refs, size_t n_refs,
                             unsigned flags, schloss_error_t *err) {
    ENSURE(n_refs <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED, "the schema has %zu references; the limit is %u", n_refs,
           LIMIT_SCHEMA_REFS);
    avro_schema_t *s = MEM_NEW(avro_schema_t);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    arena_init(&s->arena, LIMIT_SCHEMA_MEMORY, false);
    avro_parser_t p = {.s = s, .names = map_new(NULL), .strict = (flags & AVRO_PARSE_STRICT) != 0, .err = err};
    schloss_rc rc = p.names == NULL ? NO_MEMORY(err) : parse_all(&p, text, len, refs, n_refs);
    map_free(p.names);
    if (rc != SCHLOSS_OK) {
        avro_schema_free(s);
        return rc;
    }
    *out = s;
    return SCHLOSS_OK;
}
