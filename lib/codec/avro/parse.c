/* Schema text -> types. Specification: schema-registry-api.md 15.1.
 *
 * The text becomes jansson values first (its depth is checked, so that recursion here is bounded by
 * LIMIT_SCHEMA_DEPTH); one pass makes the types and notes names that are not defined yet; a second one fills those in;
 * then what needs whole types is checked: unions and, for new schemas, defaults. */
#include "codec/avro/names.h"
#include "codec/json/load.h"
#include <stdlib.h>

static schloss_rc parse_type(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot);

/* A type in the table; its members are filled by the caller. */
static schloss_rc new_type(avro_parser_t *p, avro_kind_t kind, avro_type_t **out) {
    avro_schema_t *s = p->s;
    ENSURE(s->n_types < LIMIT_SCHEMA_TYPES, p->err, LIMIT_EXCEEDED, "the schema has more than %u types",
           LIMIT_SCHEMA_TYPES);
    if (s->n_types == s->cap_types) {
        size_t cap = s->cap_types == 0 ? 8 : s->cap_types * 2;
        avro_type_t **grown = mem_realloc(s->types, cap * sizeof(*grown));
        ENSURE(grown != NULL, p->err, NO_MEMORY, "out of memory");
        s->types = grown;
        s->cap_types = cap;
    }
    schloss_rc rc = SCHLOSS_OK;
    avro_type_t *t = avro_take(p, 1, sizeof(*t), &rc);
    if (t != NULL) {
        t->kind = kind;
        t->index = (uint32_t)s->n_types;
        s->types[s->n_types++] = t;
        *out = t;
    }
    return rc;
}

static schloss_rc plain_primitive(avro_parser_t *p, avro_kind_t kind, const avro_type_t **slot) {
    if (p->primitives[kind] == NULL) {
        TRY(new_type(p, kind, &p->primitives[kind]));
    }
    *slot = p->primitives[kind];
    return SCHLOSS_OK;
}

/* Rough memory of a JSON value, for avro_schema_memory(). */
static size_t json_weight(const json_t *v) {
    size_t n = 48;
    if (json_is_string(v)) {
        n += json_string_length(v);
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            n += json_weight(json_array_get(v, i));
        }
    } else if (json_is_object(v)) {
        const char *key;
        json_t *m;
        n += 160;
        json_object_foreach((json_t *)(uintptr_t)v, key, m) {
            n += 64 + strlen(key) + json_weight(m);
        }
    }
    return n;
}

/* ---- members of a JSON object ---- */

/* Copies an optional string member; anything but a string counts as absent, as in the reference. */
static schloss_rc opt_copy(avro_parser_t *p, const json_t *j, const char *member, const char **out) {
    const json_t *v = json_object_get(j, member);
    return json_is_string(v) ? avro_copy(p, v, out) : SCHLOSS_OK;
}

static bool listed(const char *const *list, const char *word) {
    for (; *list != NULL; list++) {
        if (strcmp(*list, word) == 0) {
            return true;
        }
    }
    return false;
}

/* All members that are not reserved, in order, as a new object; NULL when there is none. */
static schloss_rc take_props(avro_parser_t *p, const json_t *j, const char *const *reserved, json_t **out) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, key, v) {
        if (listed(reserved, key)) {
            continue;
        }
        if (*out == NULL) {
            *out = json_object();
        }
        ENSURE(*out != NULL && json_object_set(*out, key, v) == 0, p->err, NO_MEMORY, "out of memory");
    }
    if (*out != NULL) {
        p->s->json_bytes += json_weight(*out);
    }
    return SCHLOSS_OK;
}

static const char *const schema_reserved[] = {"doc",     "fields", "items", "name",    "namespace", "size",
                                              "symbols", "values", "type",  "aliases", NULL};
static const char *const enum_reserved[] = {"doc",     "fields", "items", "name",    "namespace", "size",
                                            "symbols", "values", "type",  "aliases", "default",   NULL};
static const char *const field_reserved[] = {"default", "doc", "name", "order", "type", "aliases", NULL};

/* List of strings; owner names what holds it in the error. */
static schloss_rc string_list(avro_parser_t *p, const json_t *list, const char *what, const char *owner,
                              const char *const **out, size_t *n_out) {
    size_t n = json_array_size(list);
    schloss_rc rc = SCHLOSS_OK;
    const char **items = avro_take(p, n, sizeof(*items), &rc);
    if (items == NULL) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        ENSURE(json_is_string(v), p->err, SCHEMA_PARSE, "%s of \"%s\" must be a list of strings", what, owner);
        TRY(avro_copy(p, v, &items[i]));
    }
    *out = items;
    *n_out = n;
    return SCHLOSS_OK;
}

/* Drops texts that stood before, keeping the order: aliases are a set. */
static schloss_rc drop_doubles(avro_parser_t *p, const char **list, size_t *n) {
    map_t *seen = map_new(NULL);
    bool ok = seen != NULL;
    size_t kept = 0;
    for (size_t i = 0; ok && i < *n; i++) {
        if (map_get(seen, bytes_str(list[i])) == NULL) {
            ok = map_put(seen, bytes_str(list[i]), list);
            list[kept++] = list[i];
        }
    }
    map_free(seen);
    ENSURE(ok, p->err, NO_MEMORY, "out of memory");
    *n = kept;
    return SCHLOSS_OK;
}

static schloss_rc parse_aliases(avro_parser_t *p, const json_t *j, const char *owner, const char *space,
                                const char *const **out, size_t *n_out) {
    const json_t *list = json_object_get(j, "aliases");
    if (list == NULL) {
        return SCHLOSS_OK;
    }
    ENSURE(json_is_array(list), p->err, SCHEMA_PARSE, "aliases of \"%s\" must be a list", owner);
    const char *const *texts = NULL;
    size_t n = 0;
    schloss_rc rc = SCHLOSS_OK;
    TRY(string_list(p, list, "aliases", owner, &texts, &n));
    const char **kept = avro_take(p, n, sizeof(*kept), &rc);
    if (kept == NULL) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        kept[i] = texts[i];
        if (space != NULL) { /* of a type: full names */
            avro_name_t name;
            TRY(avro_name_make(p, texts[i], space, &name));
            TRY(avro_name_check(p, &name, "alias"));
            kept[i] = name.full;
        }
    }
    if (n > 1) {
        TRY(drop_doubles(p, kept, &n));
    }
    *out = kept;
    *n_out = n;
    return SCHLOSS_OK;
}

/* ---- fields ---- */

static schloss_rc parse_order(avro_parser_t *p, const json_t *j, const char *field, const char **out) {
    const json_t *v = json_object_get(j, "order");
    if (v == NULL) {
        return SCHLOSS_OK;
    }
    const char *s = json_string_value(v);
    if (s != NULL && strcasecmp(s, "descending") == 0) {
        *out = "descending";
    } else if (s != NULL && strcasecmp(s, "ignore") == 0) {
        *out = "ignore";
    } else {
        ENSURE(s != NULL && strcasecmp(s, "ascending") == 0, p->err, SCHEMA_PARSE,
               "order of field \"%s\" must be ascending, descending or ignore", field);
    }
    return SCHLOSS_OK;
}

/* confluent:tags: a list of strings; whatever else stands there is no tag. */
static schloss_rc parse_tags(avro_parser_t *p, const json_t *j, avro_field_t *f) {
    const json_t *list = json_object_get(j, "confluent:tags");
    size_t n = json_array_size(list); /* 0 when no array */
    if (n == 0) {
        return SCHLOSS_OK;
    }
    schloss_rc rc = SCHLOSS_OK;
    const char **tags = avro_take(p, n, sizeof(*tags), &rc);
    if (tags == NULL) {
        return rc;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v)) {
            TRY(avro_copy(p, v, &tags[kept++]));
        }
    }
    f->tags = kept > 0 ? tags : NULL;
    f->n_tags = kept;
    return SCHLOSS_OK;
}

/* A number given as text is a number for float and double: 15.1. Text that is no number stays and is refused as a
 * default of a new schema. */
static schloss_rc parse_default(avro_parser_t *p, const json_t *j, avro_field_t *f) {
    json_t *v = json_object_get(j, "default");
    if (v == NULL) {
        return SCHLOSS_OK;
    }
    f->dflt = json_incref(v);
    p->s->json_bytes += json_weight(v);
    bool real = f->type != NULL && (f->type->kind == AVRO_FLOAT || f->type->kind == AVRO_DOUBLE);
    if (real && json_is_string(v)) {
        const char *s = json_string_value(v);
        size_t n = json_string_length(v);
        json_span_t span = {s, n, JSON_T_NUMBER};
        double d;
        if (json_get_double(span, &d)) {
            json_t *number = json_real(d);
            ENSURE(number != NULL, p->err, NO_MEMORY, "out of memory");
            json_decref(f->dflt);
            f->dflt = number;
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_field(avro_parser_t *p, const json_t *j, const avro_type_t *record, avro_field_t *f) {
    ENSURE(json_is_object(j), p->err, SCHEMA_PARSE, "a field of record \"%s\" is no object", record->name);
    TRY(opt_copy(p, j, "name", &f->name));
    ENSURE(f->name != NULL, p->err, SCHEMA_PARSE, "no field name: a field of record \"%s\" has no \"name\"",
           record->name);
    ENSURE(avro_name_ok(p, f->name), p->err, SCHEMA_PARSE,
           "illegal field name \"%s\" in record \"%s\": letters, digits and _ only, no digit first", f->name,
           record->name);
    size_t a = strlen(record->name), b = strlen(f->name);
    schloss_rc rc = SCHLOSS_OK;
    char *full = avro_take(p, a + b + 2, 1, &rc);
    if (full == NULL) {
        return rc;
    }
    memcpy(full, record->name, a);
    full[a] = '.';
    memcpy(full + a + 1, f->name, b);
    f->full_name = full;
    const json_t *type = json_object_get(j, "type");
    ENSURE(type != NULL, p->err, SCHEMA_PARSE, "no type: field \"%s\" has no \"type\"", full);
    rc = parse_type(p, type, record->name_space, &f->type);
    if (rc != SCHLOSS_OK) {
        err_field(p->err, full);
        return rc;
    }
    TRY(opt_copy(p, j, "doc", &f->doc));
    TRY(parse_order(p, j, full, &f->order));
    TRY(parse_aliases(p, j, full, NULL, &f->aliases, &f->n_aliases));
    TRY(parse_tags(p, j, f));
    TRY(parse_default(p, j, f));
    return take_props(p, j, field_reserved, &f->props);
}

/* ---- named types ---- */

/* Makes the type, names it and enters it into the table, so that its own fields can mean it. */
static schloss_rc define(avro_parser_t *p, const json_t *j, avro_kind_t kind, const char *space, avro_type_t **out) {
    const char *name = NULL, *own_space = NULL;
    TRY(opt_copy(p, j, "name", &name));
    ENSURE(name != NULL, p->err, SCHEMA_PARSE, "no name in schema: a %s has no \"name\"", avro_kind_name(kind));
    TRY(opt_copy(p, j, "namespace", &own_space));
    avro_name_t full;
    TRY(avro_name_make(p, name, own_space != NULL ? own_space : space, &full));
    TRY(avro_name_check(p, &full, "name"));
    avro_kind_t unused;
    ENSURE(!avro_primitive_kind(full.full, &unused), p->err, SCHEMA_PARSE,
           "schemas may not be named after primitives: %s", full.full);
    ENSURE(map_get(p->names, bytes_str(full.full)) == NULL, p->err, SCHEMA_PARSE, "can't redefine: %s", full.full);
    avro_type_t *t = NULL;
    TRY(new_type(p, kind, &t));
    t->name = full.full;
    t->name_space = full.name_space;
    t->short_name = full.short_name;
    ENSURE(map_put(p->names, bytes_str(t->name), t), p->err, NO_MEMORY, "out of memory");
    TRY(opt_copy(p, j, "doc", &t->doc));
    TRY(parse_aliases(p, j, t->name, t->name_space, &t->aliases, &t->n_aliases));
    *out = t;
    return take_props(p, j, kind == AVRO_ENUM ? enum_reserved : schema_reserved, &t->props);
}

static schloss_rc parse_record(avro_parser_t *p, const json_t *j, const char *space, bool is_error,
                               const avro_type_t **slot) {
    avro_type_t *t = NULL;
    TRY(define(p, j, AVRO_RECORD, space, &t));
    t->is_error = is_error;
    *slot = t;
    const json_t *list = json_object_get(j, "fields");
    ENSURE(json_is_array(list), p->err, SCHEMA_PARSE, "record \"%s\" has no fields: \"fields\" must be a list",
           t->name);
    size_t n = json_array_size(list);
    schloss_rc rc = SCHLOSS_OK;
    avro_field_t *fields = avro_take(p, n, sizeof(*fields), &rc);
    if (fields == NULL) {
        return rc;
    }
    t->fields = fields;
    t->n_fields = n;
    const char **names = mem_calloc(n + 1, sizeof(*names));
    ENSURE(names != NULL, p->err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && rc == SCHLOSS_OK; i++) {
        rc = parse_field(p, json_array_get(list, i), t, &fields[i]);
        names[i] = fields[i].name;
    }
    const char *twice = NULL;
    if (rc == SCHLOSS_OK) {
        rc = avro_find_double(p, names, n, &twice);
    }
    mem_free(names);
    TRY(rc);
    ENSURE(twice == NULL, p->err, SCHEMA_PARSE, "duplicate field \"%s\" in record \"%s\"", twice, t->name);
    return SCHLOSS_OK;
}

static schloss_rc parse_enum(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot) {
    avro_type_t *t = NULL;
    TRY(define(p, j, AVRO_ENUM, space, &t));
    *slot = t;
    const json_t *list = json_object_get(j, "symbols");
    ENSURE(json_is_array(list), p->err, SCHEMA_PARSE, "enum \"%s\" has no symbols: \"symbols\" must be a list",
           t->name);
    TRY(string_list(p, list, "symbols", t->name, &t->symbols, &t->n_symbols));
    for (size_t i = 0; i < t->n_symbols; i++) {
        ENSURE(avro_name_ok(p, t->symbols[i]), p->err, SCHEMA_PARSE,
               "illegal symbol \"%s\" in enum \"%s\": letters, digits and _ only, no digit first", t->symbols[i],
               t->name);
    }
    const char *twice = NULL;
    TRY(avro_find_double(p, t->symbols, t->n_symbols, &twice));
    ENSURE(twice == NULL, p->err, SCHEMA_PARSE, "duplicate symbol \"%s\" in enum \"%s\"", twice, t->name);
    TRY(opt_copy(p, j, "default", &t->enum_default));
    bool found = t->enum_default == NULL;
    for (size_t i = 0; i < t->n_symbols && !found; i++) {
        found = strcmp(t->symbols[i], t->enum_default) == 0;
    }
    ENSURE(found, p->err, SCHEMA_PARSE, "the default \"%s\" of enum \"%s\" is none of its symbols", t->enum_default,
           t->name);
    return SCHLOSS_OK;
}

static schloss_rc parse_fixed(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot) {
    avro_type_t *t = NULL;
    TRY(define(p, j, AVRO_FIXED, space, &t));
    *slot = t;
    const json_t *size = json_object_get(j, "size");
    ENSURE(json_is_integer(size), p->err, SCHEMA_PARSE, "fixed \"%s\" has an invalid or no size", t->name);
    json_int_t n = json_integer_value(size);
    ENSURE(n >= 0 && n <= INT32_MAX, p->err, SCHEMA_PARSE, "the size of fixed \"%s\" is out of range", t->name);
    t->size = (size_t)n;
    return SCHLOSS_OK;
}

/* ---- the others ---- */

static schloss_rc parse_container(avro_parser_t *p, const json_t *j, avro_kind_t kind, const char *space,
                                  const avro_type_t **slot) {
    avro_type_t *t = NULL;
    TRY(new_type(p, kind, &t));
    *slot = t;
    const char *member = kind == AVRO_ARRAY ? "items" : "values";
    const json_t *items = json_object_get(j, member);
    ENSURE(items != NULL, p->err, SCHEMA_PARSE, "the %s has no \"%s\"", kind == AVRO_ARRAY ? "array" : "map", member);
    TRY(parse_type(p, items, space, &t->items));
    return take_props(p, j, schema_reserved, &t->props);
}

static schloss_rc parse_union(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot) {
    avro_type_t *t = NULL;
    TRY(new_type(p, AVRO_UNION, &t));
    *slot = t;
    schloss_rc rc = SCHLOSS_OK;
    size_t n = json_array_size(j);
    const avro_type_t **branches = avro_take(p, n, sizeof(*branches), &rc);
    if (branches == NULL) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *branch = json_array_get(j, i);
        ENSURE(!json_is_array(branch), p->err, SCHEMA_PARSE, "nested union: a union may not hold a union directly");
        TRY(parse_type(p, branch, space, &branches[i]));
    }
    t->branches = branches;
    t->n_branches = n;
    return SCHLOSS_OK;
}

static schloss_rc parse_primitive(avro_parser_t *p, const json_t *j, avro_kind_t kind, const avro_type_t **slot) {
    json_t *props = NULL;
    schloss_rc rc = take_props(p, j, schema_reserved, &props);
    avro_type_t *t = NULL;
    if (rc == SCHLOSS_OK && props != NULL) {
        rc = new_type(p, kind, &t);
    }
    if (rc != SCHLOSS_OK) {
        json_decref(props);
        return rc;
    }
    if (t == NULL) {
        return plain_primitive(p, kind, slot);
    }
    t->props = props;
    *slot = t;
    return SCHLOSS_OK;
}

static schloss_rc parse_name(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot) {
    const char *name = NULL;
    avro_kind_t kind;
    TRY(avro_copy(p, j, &name));
    if (avro_primitive_kind(name, &kind)) {
        return plain_primitive(p, kind, slot);
    }
    avro_name_t q;
    TRY(avro_name_make(p, name, space, &q));
    *slot = avro_look_up(p, &q, name);
    if (*slot == NULL) {
        schloss_rc rc = SCHLOSS_OK;
        avro_unresolved_t *u = avro_take(p, 1, sizeof(*u), &rc);
        if (u == NULL) {
            return rc;
        }
        u->slot = slot;
        u->name = name;
        u->name_space = space;
        u->next = p->unresolved;
        p->unresolved = u;
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_type(avro_parser_t *p, const json_t *j, const char *space, const avro_type_t **slot) {
    if (json_is_string(j)) {
        return parse_name(p, j, space, slot);
    }
    if (json_is_array(j)) {
        return parse_union(p, j, space, slot);
    }
    ENSURE(json_is_object(j), p->err, SCHEMA_PARSE, "a schema must be a string, an object or a list");
    const json_t *type = json_object_get(j, "type");
    ENSURE(json_is_string(type), p->err, SCHEMA_PARSE, "no type: \"type\" of a schema object must be a string");
    const char *name = json_string_value(type);
    ENSURE(strlen(name) == json_string_length(type), p->err, SCHEMA_PARSE, "a type's name holds U+0000");
    avro_kind_t kind;
    if (avro_primitive_kind(name, &kind)) {
        return parse_primitive(p, j, kind, slot);
    }
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0) {
        return parse_record(p, j, space, name[0] == 'e', slot);
    }
    if (strcmp(name, "enum") == 0) {
        return parse_enum(p, j, space, slot);
    }
    if (strcmp(name, "array") == 0 || strcmp(name, "map") == 0) {
        return parse_container(p, j, name[0] == 'a' ? AVRO_ARRAY : AVRO_MAP, space, slot);
    }
    if (strcmp(name, "fixed") == 0) {
        return parse_fixed(p, j, space, slot);
    }
    return parse_name(p, type, space, slot);
}

schloss_rc avro_parse_text(avro_parser_t *p, const char *text, size_t len, const avro_type_t **root) {
    json_t *j = NULL;
    size_t first = p->s->n_types;
    TRY(avro_load_text(text, len, &j, p->err));
    schloss_rc rc = parse_type(p, j, "", root);
    json_decref(j);
    TRY(rc);
    TRY(avro_resolve(p));
    return avro_check_types(p, first);
}
