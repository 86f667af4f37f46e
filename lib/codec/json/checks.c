/* Keywords that only the validator reads. One that is malformed cannot be checked: it counts as unknown, which matters
 * only under a choice. */
#include "base/limits.h"
#include "codec/json/load.h"
#include "codec/json/parse.h"

static schloss_rc out_of_memory(json_parser_t *p) {
    return NO_MEMORY(p->err);
}

/* As json_print(), but numbers with the fewest digits: 0.1 is meant in decimal. Nesting is LIMIT_SCHEMA_DEPTH. */
static void put_text(buf_t *b, const json_t *v) {
    const char *key = NULL;
    json_t *member = NULL;
    bool first = true;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        buf_put_u8(b, '{');
        json_object_foreach((json_t *)(uintptr_t)v, key, member) {
            buf_put(b, ",", first ? 0 : 1);
            json_put_string(b, key, strlen(key));
            buf_put_u8(b, ':');
            put_text(b, member);
            first = false;
        }
        buf_put_u8(b, '}');
        return;
    case JSON_ARRAY:
        buf_put_u8(b, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            buf_put(b, ",", i == 0 ? 0 : 1);
            put_text(b, json_array_get(v, i));
        }
        buf_put_u8(b, ']');
        return;
    case JSON_STRING:
        json_put_string(b, json_string_value(v), json_string_length(v));
        return;
    case JSON_INTEGER:
        buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return;
    case JSON_REAL:
        json_put_double(b, json_real_value(v));
        return;
    case JSON_TRUE:
        buf_put_str(b, "true");
        return;
    case JSON_FALSE:
        buf_put_str(b, "false");
        return;
    case JSON_NULL:
        buf_put_str(b, "null");
        return;
    }
}

/* NULL: out of memory. */
static const char *json_text(json_parser_t *p, const json_t *v) {
    buf_t b;
    buf_init(&b, 2 * LIMIT_SCHEMA_BYTES, "LIMIT_SCHEMA_BYTES", false);
    put_text(&b, v);
    const char *text =
        buf_check(&b, NULL) == SCHLOSS_OK ? arena_strndup(&p->s->arena, (const char *)b.ptr, b.len) : NULL;
    buf_clear(&b);
    return text;
}

static schloss_rc take_values(json_parser_t *p, json_checks_t *c, const json_t *v, bool *bad) {
    if (!json_is_array(v)) {
        *bad = true;
        return SCHLOSS_OK;
    }
    c->has_values = true;
    c->values = ARENA_ARRAY(&p->s->arena, const char *, json_array_size(v) + 1);
    for (; c->values != NULL && c->n_values < json_array_size(v); c->n_values++) {
        c->values[c->n_values] = json_text(p, json_array_get(v, c->n_values));
        if (c->values[c->n_values] == NULL) {
            return out_of_memory(p);
        }
    }
    return c->values == NULL ? out_of_memory(p) : SCHLOSS_OK;
}

static schloss_rc take_names(json_parser_t *p, const json_t *v, const char ***names, size_t *n, bool *bad) {
    *names = ARENA_ARRAY(&p->s->arena, const char *, json_array_size(v) + 1);
    if (*names == NULL) {
        return out_of_memory(p);
    }
    *bad = *bad || !json_is_array(v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *name = json_string_value(json_array_get(v, i));
        if (name == NULL) {
            *bad = true;
            return SCHLOSS_OK;
        }
        (*names)[(*n)++] = name;
    }
    return SCHLOSS_OK;
}

static schloss_rc take_regex(json_parser_t *p, const char *text, json_regex_t **out) {
    TRY(json_regex_new(out, text, strlen(text), p->err));
    json_regex_chain(&p->s->regexes, *out);
    return SCHLOSS_OK;
}

/* A pattern that PCRE2 does not know is no fault of the schema's: it may be ECMA-262 proper. */
static schloss_rc take_pattern(json_parser_t *p, const json_t *v, json_regex_t **out, bool *bad) {
    if (!json_is_string(v)) {
        *bad = true;
        return SCHLOSS_OK;
    }
    schloss_rc rc = take_regex(p, json_string_value(v), out);
    if (rc == SCHLOSS_E_SCHEMA_PARSE) {
        *bad = true;
        return SCHLOSS_OK;
    }
    return rc;
}

static schloss_rc take_schema(json_parser_t *p, json_node_t *n, const char *key, const json_t *v, json_node_t **out) {
    return json_node_for(p, v, n->base, n, arena_strdup(&p->s->arena, key), out);
}

static schloss_rc take_patterns(json_parser_t *p, json_node_t *n, const json_t *v, bool *bad) {
    json_checks_t *c = n->checks;
    *bad = *bad || !json_is_object(v);
    c->patterns = ARENA_ARRAY(&p->s->arena, json_pattern_prop_t, json_object_size(v) + 1);
    if (c->patterns == NULL) {
        return out_of_memory(p);
    }
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, name, member) {
        json_pattern_prop_t *q = &c->patterns[c->n_patterns++];
        schloss_rc rc = take_regex(p, name, &q->regex);
        if (rc == SCHLOSS_E_SCHEMA_PARSE) {
            *bad = true;
        } else if (rc != SCHLOSS_OK) {
            return rc;
        }
        TRY(json_node_for(p, member, n->base, n, arena_printf(&p->s->arena, "patternProperties/%s", name), &q->node));
    }
    return SCHLOSS_OK;
}

/* dependencies, dependentRequired, dependentSchemas. */
static schloss_rc take_dependencies(json_parser_t *p, json_node_t *n, const char *key, const json_t *v, bool *bad) {
    json_checks_t *c = n->checks;
    *bad = *bad || !json_is_object(v);
    json_dependency_t *all = ARENA_ARRAY(&p->s->arena, json_dependency_t, c->n_deps + json_object_size(v) + 1);
    if (all == NULL) {
        return out_of_memory(p);
    }
    for (size_t i = 0; i < c->n_deps; i++) {
        all[i] = c->deps[i];
    }
    c->deps = all;
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, name, member) {
        json_dependency_t *d = &c->deps[c->n_deps++];
        d->name = name;
        if (json_is_array(member)) {
            TRY(take_names(p, member, &d->required, &d->n_required, bad));
        } else {
            TRY(json_node_for(p, member, n->base, n, arena_printf(&p->s->arena, "%s/%s", key, name), &d->node));
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc take_prefix(json_parser_t *p, json_node_t *n, const char *key, const json_t *v, bool *bad) {
    json_nodes_t *list = &n->checks->prefix;
    *bad = *bad || !json_is_array(v) || list->n != 0;
    list->ptr = ARENA_ARRAY(&p->s->arena, json_node_t *, json_array_size(v) + 1);
    if (list->ptr == NULL) {
        return out_of_memory(p);
    }
    for (list->n = 0; list->n < json_array_size(v); list->n++) {
        TRY(json_node_for(p, json_array_get(v, list->n), n->base, n, arena_printf(&p->s->arena, "%s/%zu", key, list->n),
                          &list->ptr[list->n]));
    }
    return SCHLOSS_OK;
}

static void take_count(const json_t *v, uint64_t *out, bool *bad) {
    double d = json_number_value(v);
    if (!json_is_number(v) || d < 0 || d > 9e15 || d != (double)(uint64_t)d) {
        *bad = true;
        return;
    }
    *out = (uint64_t)d;
}

static schloss_rc take_number(json_parser_t *p, const json_t *v, const char **out, bool *bad) {
    if (!json_is_number(v)) {
        *bad = true;
        return SCHLOSS_OK;
    }
    *out = json_text(p, v);
    return *out == NULL ? out_of_memory(p) : SCHLOSS_OK;
}

static schloss_rc take_exclusive(json_parser_t *p, const json_t *v, json_bound_t *draft4, json_bound_t *draft6,
                                 bool *bad) {
    if (json_is_boolean(v)) {
        draft4->exclusive = json_is_true(v);
        return SCHLOSS_OK;
    }
    draft6->exclusive = true;
    return take_number(p, v, &draft6->text, bad);
}

typedef struct count_row {
    const char *key;
    size_t offset;
} count_row_t;

#define COUNT_ROW(key, field)                                                                                          \
    { key, offsetof(json_checks_t, field) }

static bool take_counts(json_checks_t *c, const char *key, const json_t *v, bool *bad) {
    static const count_row_t rows[] = {
        COUNT_ROW("minLength", min_len),        COUNT_ROW("maxLength", max_len),
        COUNT_ROW("minItems", min_items),       COUNT_ROW("maxItems", max_items),
        COUNT_ROW("minProperties", min_props),  COUNT_ROW("maxProperties", max_props),
        COUNT_ROW("minContains", min_contains), COUNT_ROW("maxContains", max_contains),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].key, key) == 0) {
            take_count(v, (uint64_t *)(void *)((char *)c + rows[i].offset), bad);
            return true;
        }
    }
    return false;
}

static schloss_rc take_inner_schemas(json_parser_t *p, json_node_t *n, const char *key, const json_t *v, bool *bad) {
    static const count_row_t rows[] = {
        COUNT_ROW("additionalProperties", additional),
        COUNT_ROW("contains", contains),
        COUNT_ROW("propertyNames", names),
        COUNT_ROW("not", no),
        COUNT_ROW("if", cond),
        COUNT_ROW("then", then),
        COUNT_ROW("else", other),
        COUNT_ROW("unevaluatedProperties", other_props),
        COUNT_ROW("unevaluatedItems", other_items),
    };
    json_checks_t *c = n->checks;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].key, key) == 0) {
            return take_schema(p, n, key, v, (json_node_t **)(void *)((char *)c + rows[i].offset));
        }
    }
    if (strcmp(key, "prefixItems") == 0) {
        return take_prefix(p, n, key, v, bad);
    }
    if (strcmp(key, "items") == 0 && json_is_array(v)) {
        return take_prefix(p, n, key, v, bad);
    }
    if (strcmp(key, "items") == 0 && n->items == NULL) {
        return take_schema(p, n, key, v, &c->rest_items);
    }
    if (strcmp(key, "additionalItems") == 0 && json_is_array(json_object_get(n->json, "items"))) {
        return take_schema(p, n, key, v, &c->rest_items);
    }
    if (strcmp(key, "patternProperties") == 0) {
        return take_patterns(p, n, v, bad);
    }
    if (strncmp(key, "depend", 6) == 0 && (strcmp(key, "dependencies") == 0 || strncmp(key, "dependent", 9) == 0)) {
        return take_dependencies(p, n, key, v, bad);
    }
    return SCHLOSS_OK;
}

static schloss_rc take(json_parser_t *p, json_node_t *n, const char *key, const json_t *v, bool *bad) {
    json_checks_t *c = n->checks;
    if (take_counts(c, key, v, bad)) {
        return SCHLOSS_OK;
    }
    if (strcmp(key, "enum") == 0) {
        return take_values(p, c, v, bad);
    }
    if (strcmp(key, "const") == 0) {
        c->constant = json_text(p, v);
        return c->constant == NULL ? out_of_memory(p) : SCHLOSS_OK;
    }
    if (strcmp(key, "required") == 0) {
        return take_names(p, v, &c->required, &c->n_required, bad);
    }
    if (strcmp(key, "pattern") == 0) {
        return take_pattern(p, v, &c->pattern, bad);
    }
    if (strcmp(key, "uniqueItems") == 0) {
        c->unique = json_is_true(v);
        *bad = *bad || !json_is_boolean(v);
        return SCHLOSS_OK;
    }
    if (strcmp(key, "minimum") == 0) {
        return take_number(p, v, &c->min.text, bad);
    }
    if (strcmp(key, "maximum") == 0) {
        return take_number(p, v, &c->max.text, bad);
    }
    if (strcmp(key, "exclusiveMinimum") == 0) {
        return take_exclusive(p, v, &c->min, &c->min_draft6, bad);
    }
    if (strcmp(key, "exclusiveMaximum") == 0) {
        return take_exclusive(p, v, &c->max, &c->max_draft6, bad);
    }
    if (strcmp(key, "multipleOf") == 0) {
        *bad = *bad || !(json_number_value(v) > 0);
        return take_number(p, v, &c->multiple_of, bad);
    }
    return take_inner_schemas(p, n, key, v, bad);
}

/* Keywords after which a node has something to check beyond types, references, properties and items. */
static bool needs_checks(const char *key) {
    static const char *const none[] = {
        "$ref",    "type",   "properties", "allOf", "anyOf", "oneOf", "title",       "description",
        "default", "format", "$schema",    "$id",   "id",    "$defs", "definitions", "confluent:tags",
    };
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        if (strcmp(none[i], key) == 0) {
            return false;
        }
    }
    return true;
}

schloss_rc json_fill_checks(json_parser_t *p, json_node_t *n) {
    const char *key = NULL;
    json_t *v = NULL;
    json_object_foreach((json_t *)(uintptr_t)n->json, key, v) {
        if (!needs_checks(key) || (strcmp(key, "items") == 0 && n->items != NULL)) {
            continue;
        }
        if (n->checks == NULL) {
            n->checks = ARENA_NEW(&p->s->arena, json_checks_t);
            if (n->checks == NULL) {
                return out_of_memory(p);
            }
            n->checks->max_len = n->checks->max_items = n->checks->max_props = n->checks->max_contains = UINT64_MAX;
            n->checks->min_contains = 1;
        }
        bool bad = false;
        TRY(take(p, n, key, v, &bad));
        if (bad) {
            n->unknown = key;
        }
    }
    return SCHLOSS_OK;
}
