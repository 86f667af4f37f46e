/* Second half of parsing: extensions go to the message that they extend, type names become pointers, presence is
 * decided, fields are put in order. */
#include "codec/protobuf/load.h"
#include <stdlib.h>

/* A type by name as seen from scope: the innermost scope that has it wins, a leading dot means the full name. */
static const pb_symbol_t *resolve(const pb_loader_t *l, const char *scope, const char *name, char *scratch) {
    if (*name == '.') {
        return map_get(l->s->types, bytes_str(name + 1));
    }
    size_t n = strlen(scope), n_name = strlen(name);
    memcpy(scratch, scope, n);
    for (;;) {
        size_t at = n == 0 ? 0 : n + 1;
        if (n != 0) {
            scratch[n] = '.';
        }
        memcpy(scratch + at, name, n_name);
        const pb_symbol_t *found = map_get(l->s->types, bytes(scratch, at + n_name));
        if (found != NULL || n == 0) {
            return found;
        }
        while (n > 0 && scope[n - 1] != '.') {
            n--;
        }
        n -= n > 0;
    }
}

static schloss_rc find(pb_loader_t *l, const char *scope, const char *name, const char *whose,
                       const pb_symbol_t **out) {
    char *scratch = mem_alloc(strlen(scope) + strlen(name) + 2);
    ENSURE(scratch != NULL, l->err, NO_MEMORY, "out of memory");
    *out = resolve(l, scope, name, scratch);
    mem_free(scratch);
    ENSURE(*out != NULL, l->err, SCHEMA_PARSE, "type \"%.120s\" of %s is missing", name, whose);
    return SCHLOSS_OK;
}

static schloss_rc link_type(pb_loader_t *l, const char *scope, pb_field_t *f) {
    const pb_symbol_t *symbol = NULL;
    bool named = f->type == 0 || f->type == PB_MESSAGE || f->type == PB_GROUP || f->type == PB_ENUM;
    if (!named) {
        return SCHLOSS_OK;
    }
    ENSURE(f->type_name != NULL, l->err, SCHEMA_PARSE, "%s names no type", f->full_name);
    TRY(find(l, scope, f->type_name, f->full_name, &symbol));
    if (f->type == 0) {
        f->type = symbol->message != NULL ? PB_MESSAGE : PB_ENUM;
    }
    ENSURE((symbol->message != NULL) == (f->type != PB_ENUM), l->err, SCHEMA_PARSE,
           "type \"%.120s\" of %s is of another kind", f->type_name, f->full_name);
    f->message = symbol->message;
    f->enumeration = symbol->enumeration;
    return SCHLOSS_OK;
}

static schloss_rc link_extensions(pb_loader_t *l) {
    for (pb_extension_t *x = l->extensions; x != NULL; x = x->next) {
        const pb_symbol_t *symbol = NULL;
        TRY(find(l, x->scope, x->extendee, x->field.full_name, &symbol));
        ENSURE(symbol->message != NULL, l->err, SCHEMA_PARSE, "%s extends an enum", x->field.full_name);
        symbol->message->n_extensions++;
    }
    for (size_t i = 0; i < l->s->n_messages; i++) {
        pb_message_t *m = l->s->messages[i];
        if (m->n_extensions > 0) {
            pb_field_t *fields = ARENA_ARRAY(&l->s->arena, pb_field_t, m->n_fields + m->n_extensions);
            if (fields == NULL) {
                return pb_no_room(l);
            }
            if (m->n_fields > 0) {
                memcpy(fields, m->fields, m->n_fields * sizeof(*fields));
            }
            m->fields = fields;
        }
    }
    for (pb_extension_t *x = l->extensions; x != NULL; x = x->next) {
        const pb_symbol_t *symbol = NULL;
        TRY(find(l, x->scope, x->extendee, x->field.full_name, &symbol));
        TRY(link_type(l, x->scope, &x->field));
        symbol->message->fields[symbol->message->n_fields++] = x->field;
    }
    return SCHLOSS_OK;
}

static int by_number(const void *a, const void *b) {
    const pb_field_t *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_name(const void *a, const void *b) {
    const pb_name_t *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : x->field->number < y->field->number ? -1 : x->field->number > y->field->number;
}

static bool is_key(const pb_field_t *f) {
    return f->number == 1 && !f->repeated && f->type != PB_DOUBLE && f->type != PB_FLOAT && f->type != PB_BYTES &&
           f->type != PB_ENUM && f->type != PB_MESSAGE && f->type != PB_GROUP;
}

static bool is_map_entry(const pb_message_t *m) {
    return m->map_entry && m->n_fields == 2 && is_key(&m->fields[0]) && m->fields[1].number == 2 &&
           !m->fields[1].repeated;
}

static schloss_rc check_names(pb_loader_t *l, pb_message_t *m) {
    m->names = ARENA_ARRAY(&l->s->arena, pb_name_t, 2 * m->n_fields + 1);
    if (m->names == NULL) {
        return pb_no_room(l);
    }
    for (size_t i = 0; i < m->n_fields; i++) {
        const pb_field_t *f = &m->fields[i];
        ENSURE(i == 0 || f->number != f[-1].number, l->err, SCHEMA_PARSE, "%s and %s have the same number %u",
               f[-1].full_name, f->full_name, f->number);
        if (f->extension) { /* named in brackets, which is not supported in JSON */
            continue;
        }
        m->names[m->n_names++] = (pb_name_t){f->name, f};
        if (strcmp(f->name, f->json_name) != 0) {
            m->names[m->n_names++] = (pb_name_t){f->json_name, f};
        }
    }
    qsort(m->names, m->n_names, sizeof(*m->names), by_name);
    for (size_t i = 1; i < m->n_names; i++) {
        const pb_name_t *a = &m->names[i - 1], *b = &m->names[i];
        ENSURE(strcmp(a->name, b->name) != 0 || strcmp(a->field->name, b->field->name) != 0, l->err, SCHEMA_PARSE,
               "%s has two fields \"%s\"", m->name, a->name);
    }
    return SCHLOSS_OK;
}

static pb_wkt_t wkt_of(const char *name) {
    static const struct {
        const char *name;
        pb_wkt_t wkt;
    } known[] = {
        {"Timestamp", PB_WKT_TIMESTAMP},
        {"Duration", PB_WKT_DURATION},
        {"FieldMask", PB_WKT_FIELD_MASK},
        {"Struct", PB_WKT_STRUCT},
        {"Value", PB_WKT_VALUE},
        {"ListValue", PB_WKT_LIST_VALUE},
        {"Any", PB_WKT_ANY},
        {"DoubleValue", PB_WKT_WRAPPER},
        {"FloatValue", PB_WKT_WRAPPER},
        {"Int64Value", PB_WKT_WRAPPER},
        {"UInt64Value", PB_WKT_WRAPPER},
        {"Int32Value", PB_WKT_WRAPPER},
        {"UInt32Value", PB_WKT_WRAPPER},
        {"BoolValue", PB_WKT_WRAPPER},
        {"StringValue", PB_WKT_WRAPPER},
        {"BytesValue", PB_WKT_WRAPPER},
    };
    if (strncmp(name, "google.protobuf.", 16) == 0) {
        for (size_t i = 0; i < COUNT_OF(known); i++) {
            if (strcmp(name + 16, known[i].name) == 0) {
                return known[i].wkt;
            }
        }
    }
    return PB_WKT_NONE;
}

static schloss_rc link_message(pb_loader_t *l, pb_message_t *m) {
    for (size_t i = 0; i < m->n_fields; i++) {
        pb_field_t *f = &m->fields[i];
        if (!f->extension) {
            TRY(link_type(l, m->name, f));
        }
        bool is_message = f->type == PB_MESSAGE || f->type == PB_GROUP;
        f->presence = !f->repeated && (is_message || f->feature_presence != 2);
        f->packed = f->packed && f->repeated && pb_type_packs(f->type);
        if (m->map_entry || (f->repeated && is_message && f->message->map_entry)) {
            f->type = f->type == PB_GROUP ? PB_MESSAGE : f->type; /* maps are never delimited */
        }
    }
    if (m->n_fields > 0) {
        qsort(m->fields, m->n_fields, sizeof(*m->fields), by_number);
    }
    m->wkt = wkt_of(m->name);
    return check_names(l, m);
}

schloss_rc pb_link(pb_loader_t *l) {
    TRY(link_extensions(l));
    for (size_t i = 0; i < l->s->n_messages; i++) {
        TRY(link_message(l, l->s->messages[i]));
    }
    for (size_t i = 0; i < l->s->n_messages; i++) {
        pb_message_t *m = l->s->messages[i];
        ENSURE(!m->map_entry || is_map_entry(m), l->err, SCHEMA_PARSE, "%s is no entry of a map", m->name);
        for (size_t k = 0; k < m->n_fields; k++) {
            pb_field_t *f = &m->fields[k];
            f->is_map = f->repeated && f->message != NULL && f->message->map_entry;
        }
    }
    return SCHLOSS_OK;
}
