/* Types -> text: canonical (schema-registry-api.md 15.3), normalized (15.4) and resolved (15.5).
 *
 * A named type is written out where it is met first and by its name afterwards, so the text is linear in the model.
 * Definitions can nest deeper than they did in the text they came from (a type used before its definition moves to the
 * use): nesting is counted as in the text, and what could not be parsed again is refused. */
#include "codec/avro/logical.h"
#include "codec/avro/model.h"
#include "codec/json/scan.h"
#include <stdlib.h>

typedef struct printer {
    buf_t *out;
    uint8_t *done; /* by type index: written out, or known from a reference */
    unsigned depth;
    bool normalize;
    schloss_error_t *err;
} printer_t;

static schloss_rc enter(printer_t *p, char open) {
    ENSURE(p->depth < LIMIT_SCHEMA_DEPTH, p->err, LIMIT_EXCEEDED, "the schema written out nests deeper than %u levels",
           LIMIT_SCHEMA_DEPTH);
    p->depth++;
    buf_put_u8(p->out, (uint8_t)open);
    return SCHLOSS_OK;
}

static void leave(printer_t *p, char close) {
    p->depth--;
    buf_put_u8(p->out, (uint8_t)close);
}

static void put_str(printer_t *p, const char *s) {
    json_put_string(p->out, s, strlen(s));
}

/* ,"name": */
static void put_key(printer_t *p, const char *name, bool first) {
    if (!first) {
        buf_put_u8(p->out, ',');
    }
    put_str(p, name);
    buf_put_u8(p->out, ':');
}

static void put_member(printer_t *p, const char *name, const char *value) {
    put_key(p, name, false);
    put_str(p, value);
}

/* ---- order ---- */

/* Java compares UTF-16 units: characters beyond U+FFFF (surrogates) stand before U+E000..U+FFFF. */
static int utf16_compare(const char *a, const char *b) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    while (*x != 0 && *x == *y) {
        x++;
        y++;
    }
    if (*x >= 0xee && *y >= 0xee && (*x >= 0xf0) != (*y >= 0xf0)) {
        return *x >= 0xf0 ? -1 : 1;
    }
    return (int)*x - (int)*y;
}

static int by_utf16(const void *a, const void *b) {
    return utf16_compare(*(const char *const *)a, *(const char *const *)b);
}

/* Keys of an object, sorted; mem_free them. NULL: out of memory. */
static const char **sorted_keys(const json_t *o, size_t *n) {
    const char **keys = mem_calloc(json_object_size(o) + 1, sizeof(*keys));
    const char *key;
    json_t *v;
    *n = 0;
    if (keys != NULL) {
        json_object_foreach((json_t *)(uintptr_t)o, key, v) {
            keys[(*n)++] = key;
        }
        qsort(keys, *n, sizeof(*keys), by_utf16);
    }
    return keys;
}

/* ---- JSON values ---- */

static schloss_rc put_json(printer_t *p, const json_t *v, const avro_type_t *type);

static int by_field_name(const void *a, const void *b) {
    const avro_field_t *x = *(const avro_field_t *const *)a, *y = *(const avro_field_t *const *)b;
    return strcmp(x->name, y->name);
}

/* Fields of a record, sorted by name, to find members of its default; mem_free them. */
static const avro_field_t **sorted_fields(const avro_type_t *record) {
    const avro_field_t **list = mem_calloc(record->n_fields + 1, sizeof(*list));
    if (list != NULL) {
        for (size_t i = 0; i < record->n_fields; i++) {
            list[i] = &record->fields[i];
        }
        qsort(list, record->n_fields, sizeof(*list), by_field_name);
    }
    return list;
}

/* Type of the member key of a default of type; NULL when it has none. */
static const avro_type_t *member_type(const avro_type_t *type, const avro_field_t **sorted, const char *key) {
    if (sorted == NULL) {
        return type != NULL && type->kind == AVRO_MAP ? type->items : NULL;
    }
    avro_field_t wanted = {.name = key};
    const avro_field_t *pw = &wanted;
    const avro_field_t **hit = bsearch(&pw, sorted, type->n_fields, sizeof(*sorted), by_field_name);
    return hit != NULL ? (*hit)->type : NULL;
}

static schloss_rc put_sorted_object(printer_t *p, const json_t *v, const avro_type_t *type) {
    bool record = type != NULL && type->kind == AVRO_RECORD;
    size_t n;
    const char **keys = sorted_keys(v, &n);
    const avro_field_t **fields = record ? sorted_fields(type) : NULL;
    schloss_rc rc = keys == NULL || (record && fields == NULL) ? NO_MEMORY(p->err) : SCHLOSS_OK;
    for (size_t i = 0; rc == SCHLOSS_OK && i < n; i++) {
        put_key(p, keys[i], i == 0);
        rc = put_json(p, json_object_get(v, keys[i]), member_type(type, fields, keys[i]));
    }
    mem_free(fields);
    mem_free(keys);
    return rc;
}

static schloss_rc put_object(printer_t *p, const json_t *v, const avro_type_t *type) {
    TRY(enter(p, '{'));
    if (p->normalize) {
        TRY(put_sorted_object(p, v, type));
    } else {
        const char *key;
        json_t *m;
        bool first = true;
        json_object_foreach((json_t *)(uintptr_t)v, key, m) {
            put_key(p, key, first);
            first = false;
            TRY(put_json(p, m, NULL));
        }
    }
    leave(p, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_array(printer_t *p, const json_t *v, const avro_type_t *type) {
    TRY(enter(p, '['));
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i > 0) {
            buf_put_u8(p->out, ',');
        }
        TRY(put_json(p, json_array_get(v, i), type != NULL && type->kind == AVRO_ARRAY ? type->items : NULL));
    }
    leave(p, ']');
    return SCHLOSS_OK;
}

/* The branch of a union that a default belongs to. */
static const avro_type_t *branch_of(const avro_type_t *type, const json_t *v) {
    for (size_t i = 0; i < type->n_branches; i++) {
        unsigned steps = 1000;
        if (avro_default_valid(type->branches[i], v, &steps)) {
            return type->branches[i];
        }
    }
    return NULL;
}

/* type: of a default in normalized text, whose numbers take the form of their type; else NULL. */
static schloss_rc put_json(printer_t *p, const json_t *v, const avro_type_t *type) {
    if (type != NULL && type->kind == AVRO_UNION) {
        type = branch_of(type, v);
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return put_object(p, v, type);
    case JSON_ARRAY:
        return put_array(p, v, type);
    case JSON_STRING:
        json_put_string(p->out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        if (type != NULL && type->kind == AVRO_FLOAT) {
            json_put_float(p->out, (float)json_number_value(v));
        } else if (json_is_real(v) || (type != NULL && type->kind == AVRO_DOUBLE)) {
            json_put_double(p->out, json_number_value(v));
        } else {
            buf_printf(p->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        }
        break;
    case JSON_TRUE:
        buf_put_str(p->out, "true");
        break;
    case JSON_FALSE:
        buf_put_str(p->out, "false");
        break;
    case JSON_NULL:
        buf_put_str(p->out, "null");
        break;
    }
    return SCHLOSS_OK;
}

/* ---- members that several kinds share ---- */

static schloss_rc put_prop(printer_t *p, const json_t *props, const char *name) {
    put_key(p, name, false);
    return put_json(p, json_object_get(props, name), NULL);
}

/* Sorted, but what makes the logical type (if any) first. */
static schloss_rc put_sorted_props(printer_t *p, const json_t *props, const avro_type_t *logical_of) {
    const char *first[3] = {NULL, NULL, NULL};
    bool decimal = false;
    if (logical_of != NULL && avro_logical(logical_of, &decimal) != NULL) {
        first[0] = "logicalType";
        if (decimal) {
            first[1] = "precision";
            first[2] = json_integer_value(json_object_get(props, "scale")) != 0 ? "scale" : NULL;
        }
    }
    for (unsigned i = 0; i < COUNT_OF(first); i++) {
        if (first[i] != NULL) {
            TRY(put_prop(p, props, first[i]));
        }
    }
    size_t n;
    const char **keys = sorted_keys(props, &n);
    ENSURE(keys != NULL, p->err, NO_MEMORY, "out of memory");
    schloss_rc rc = SCHLOSS_OK;
    for (size_t i = 0; i < n && rc == SCHLOSS_OK; i++) {
        bool done = false;
        for (unsigned k = 0; k < COUNT_OF(first); k++) {
            done = done || (first[k] != NULL && strcmp(first[k], keys[i]) == 0);
        }
        rc = done ? SCHLOSS_OK : put_prop(p, props, keys[i]);
    }
    mem_free(keys);
    return rc;
}

static schloss_rc put_props(printer_t *p, const json_t *props, const avro_type_t *logical_of) {
    if (props == NULL) {
        return SCHLOSS_OK;
    }
    if (p->normalize) {
        return put_sorted_props(p, props, logical_of);
    }
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)props, key, v) {
        put_key(p, key, false);
        TRY(put_json(p, v, NULL));
    }
    return SCHLOSS_OK;
}

/* Name of a type or alias as written inside space: without its namespace when that is space, unless the short form
 * would mean something else. full = name_space + "." + short_name. */
static void put_type_name(printer_t *p, const char *full, const char *name_space, const char *short_name,
                          const char *space, bool keyword_matters) {
    bool is_short = strcmp(name_space, space) == 0;
    if (is_short && keyword_matters && name_space[0] != '\0') {
        for (int k = AVRO_NULL; k <= AVRO_FIXED; k++) {
            is_short = is_short && strcmp(avro_kind_name((avro_kind_t)k), short_name) != 0;
        }
    }
    put_str(p, is_short ? short_name : full);
}

static schloss_rc put_aliases(printer_t *p, const char *const *aliases, size_t n, const char *space) {
    if (n == 0) {
        return SCHLOSS_OK;
    }
    const char **list = mem_alloc(n * sizeof(*list));
    ENSURE(list != NULL, p->err, NO_MEMORY, "out of memory");
    memcpy(list, aliases, n * sizeof(*list));
    if (p->normalize) {
        qsort(list, n, sizeof(*list), by_utf16);
    }
    put_key(p, "aliases", false);
    buf_put_u8(p->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            buf_put_u8(p->out, ',');
        }
        const char *dot = strrchr(list[i], '.');
        size_t n_space = dot != NULL ? (size_t)(dot - list[i]) : 0;
        bool is_short =
            space != NULL && dot != NULL && strlen(space) == n_space && memcmp(space, list[i], n_space) == 0;
        put_str(p, is_short ? dot + 1 : list[i]);
    }
    buf_put_u8(p->out, ']');
    mem_free(list);
    return SCHLOSS_OK;
}

/* ---- types ---- */

static schloss_rc put_type(printer_t *p, const avro_type_t *t, const char *space);

static schloss_rc put_field(printer_t *p, const avro_field_t *f, const char *space) {
    TRY(enter(p, '{'));
    put_key(p, "name", true);
    put_str(p, f->name);
    put_key(p, "type", false);
    TRY(put_type(p, f->type, space));
    if (f->doc != NULL) {
        put_member(p, "doc", f->doc);
    }
    if (f->dflt != NULL) {
        put_key(p, "default", false);
        TRY(put_json(p, f->dflt, p->normalize ? f->type : NULL));
    }
    if (f->order != NULL) {
        put_member(p, "order", f->order);
    }
    TRY(put_aliases(p, f->aliases, f->n_aliases, NULL));
    TRY(put_props(p, f->props, NULL));
    leave(p, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_fields(printer_t *p, const avro_type_t *t) {
    put_key(p, "fields", false);
    TRY(enter(p, '['));
    for (size_t i = 0; i < t->n_fields; i++) {
        if (i > 0) {
            buf_put_u8(p->out, ',');
        }
        TRY(put_field(p, &t->fields[i], t->name_space));
    }
    leave(p, ']');
    return SCHLOSS_OK;
}

static void put_symbols(printer_t *p, const avro_type_t *t) {
    put_key(p, "symbols", false);
    buf_put_u8(p->out, '[');
    for (size_t i = 0; i < t->n_symbols; i++) {
        if (i > 0) {
            buf_put_u8(p->out, ',');
        }
        put_str(p, t->symbols[i]);
    }
    buf_put_u8(p->out, ']');
    if (t->enum_default != NULL) {
        put_member(p, "default", t->enum_default);
    }
}

static schloss_rc put_named(printer_t *p, const avro_type_t *t, const char *space) {
    if (p->done[t->index]) {
        put_type_name(p, t->name, t->name_space, t->short_name, space, true);
        return SCHLOSS_OK;
    }
    p->done[t->index] = 1;
    TRY(enter(p, '{'));
    put_key(p, "type", true);
    put_str(p, t->is_error && !p->normalize ? "error" : avro_kind_name(t->kind));
    put_member(p, "name", t->short_name);
    if (strcmp(t->name_space, space) != 0) {
        put_member(p, "namespace", t->name_space);
    }
    if (t->doc != NULL && !(p->normalize && t->doc[0] == '\0')) {
        put_member(p, "doc", t->doc);
    }
    if (t->kind == AVRO_RECORD) {
        TRY(put_fields(p, t));
    } else if (t->kind == AVRO_ENUM) {
        put_symbols(p, t);
    } else {
        put_key(p, "size", false);
        buf_printf(p->out, "%zu", t->size);
    }
    TRY(put_props(p, t->props, t->kind == AVRO_FIXED ? t : NULL));
    TRY(put_aliases(p, t->aliases, t->n_aliases, t->name_space));
    leave(p, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_unnamed(printer_t *p, const avro_type_t *t, const char *space) {
    if (t->kind == AVRO_UNION) {
        TRY(enter(p, '['));
        for (size_t i = 0; i < t->n_branches; i++) {
            if (i > 0) {
                buf_put_u8(p->out, ',');
            }
            TRY(put_type(p, t->branches[i], space));
        }
        leave(p, ']');
        return SCHLOSS_OK;
    }
    if (t->items == NULL && t->props == NULL) {
        put_str(p, avro_kind_name(t->kind));
        return SCHLOSS_OK;
    }
    TRY(enter(p, '{'));
    put_key(p, "type", true);
    put_str(p, avro_kind_name(t->kind));
    if (t->items != NULL) {
        put_key(p, t->kind == AVRO_ARRAY ? "items" : "values", false);
        TRY(put_type(p, t->items, space));
    }
    TRY(put_props(p, t->props, t->items == NULL ? t : NULL));
    leave(p, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_type(printer_t *p, const avro_type_t *t, const char *space) {
    return avro_is_named(t) ? put_named(p, t, space) : put_unnamed(p, t, space);
}

static schloss_rc print(const avro_schema_t *s, bool normalize, bool resolved, buf_t *out, schloss_error_t *err) {
    printer_t p = {.out = out, .done = mem_calloc(s->n_types, 1), .normalize = normalize, .err = err};
    ENSURE(p.done != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < s->n_known && !resolved; i++) {
        p.done[s->known[i]->index] = 1;
    }
    schloss_rc rc = put_type(&p, s->root, "");
    mem_free(p.done);
    TRY(rc);
    return buf_check(out, err);
}

schloss_rc avro_schema_print(const avro_schema_t *s, bool normalize, buf_t *out, schloss_error_t *err) {
    return print(s, normalize, false, out, err);
}

schloss_rc avro_schema_print_resolved(const avro_schema_t *s, buf_t *out, schloss_error_t *err) {
    return print(s, false, true, out, err);
}
