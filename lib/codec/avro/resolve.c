/* What needs the whole text: names used before their definition, unions, defaults of new schemas. */
#include "codec/avro/names.h"

/* A named type: the enclosing namespace first, then none. */
avro_type_t *avro_look_up(const avro_parser_t *p, const avro_name_t *qualified, const char *name) {
    avro_type_t *t = map_get(p->names, bytes_str(qualified->full));
    return t != NULL ? t : map_get(p->names, bytes_str(name));
}

schloss_rc avro_resolve(avro_parser_t *p) {
    const char *missing = NULL; /* the list runs backwards: the first one of the text stays */
    for (avro_unresolved_t *u = p->unresolved; u != NULL; u = u->next) {
        avro_name_t q;
        TRY(avro_name_make(p, u->name, u->name_space, &q));
        *u->slot = avro_look_up(p, &q, u->name);
        missing = *u->slot == NULL ? q.full : missing;
    }
    p->unresolved = NULL;
    if (missing != NULL) {
        schloss_rc rc = FAIL(p->err, SCHEMA_PARSE, "undefined name: \"%s\" is no type of this schema", missing);
        err_hint(p->err, "define it, or add a reference to the schema that does");
        return rc;
    }
    return SCHLOSS_OK;
}

static schloss_rc check_union(avro_parser_t *p, const avro_type_t *t) {
    const char **labels = mem_calloc(t->n_branches + 1, sizeof(*labels));
    ENSURE(labels != NULL, p->err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < t->n_branches; i++) {
        labels[i] = avro_type_label(t->branches[i]);
    }
    const char *twice = NULL;
    schloss_rc rc = avro_find_double(p, labels, t->n_branches, &twice);
    mem_free(labels);
    TRY(rc);
    ENSURE(twice == NULL, p->err, SCHEMA_PARSE, "duplicate in union: %s", twice);
    return SCHLOSS_OK;
}

static schloss_rc check_defaults(avro_parser_t *p, const avro_type_t *t, unsigned *steps) {
    for (size_t i = 0; i < t->n_fields; i++) {
        const avro_field_t *f = &t->fields[i];
        if (f->dflt == NULL || avro_default_valid(f->type, f->dflt, steps)) {
            continue;
        }
        ENSURE(*steps > 0, p->err, LIMIT_EXCEEDED, "checking the defaults of the schema takes more than %u steps",
               AVRO_DEFAULT_STEPS);
        schloss_rc rc = FAIL(p->err, SCHEMA_PARSE, "invalid default for field \"%s\": it does not fit type %s",
                             f->full_name, avro_type_label(f->type));
        err_field(p->err, f->full_name);
        return rc;
    }
    return SCHLOSS_OK;
}

schloss_rc avro_check_types(avro_parser_t *p, size_t first) {
    unsigned steps = AVRO_DEFAULT_STEPS;
    for (size_t i = first; i < p->s->n_types; i++) {
        const avro_type_t *t = p->s->types[i];
        if (t->kind == AVRO_UNION) {
            TRY(check_union(p, t));
        } else if (t->kind == AVRO_RECORD && p->strict && !p->in_ref) {
            TRY(check_defaults(p, t, &steps));
        }
    }
    return SCHLOSS_OK;
}
