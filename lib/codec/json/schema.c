/* JSON Schema -> nodes. A work list instead of recursion: schemas may be deep, wide and cyclic. What decides about
 * coverage ("properties", "items", "confluent:tags" ...) must be well-formed, or the schema is refused: a tag that is
 * not understood would be plaintext. */
#include "codec/json/schema.h"
#include "base/limits.h"
#include "codec/json/keywords.h"
#include "codec/json/load.h"
#include "codec/json/parse.h"
#include <stdio.h>

static schloss_rc malformed(json_parser_t *p, const json_node_t *n, const char *keyword, const char *what) {
    char where[160];
    json_node_where(n, where, sizeof where);
    return FAIL(p->err, SCHEMA_PARSE, "at #%s: \"%s\" %s", where, keyword, what);
}

void json_node_where(const json_node_t *n, char *out, size_t cap) {
    const json_node_t *chain[32];
    size_t depth = 0, len = 0;
    for (; n != NULL && n->key != NULL && depth < COUNT_OF(chain); n = n->parent) {
        chain[depth++] = n;
    }
    out[0] = '\0';
    while (depth > 0 && len + 1 < cap) {
        int k = snprintf(out + len, cap - len, "/%s", chain[--depth]->key);
        len += k > 0 ? (size_t)k : 0;
    }
}

schloss_rc json_node_for(json_parser_t *p, const json_t *v, const json_resource_t *base, const json_node_t *parent,
                         const char *key, json_node_t **out) {
    json_schema_t *s = p->s;
    json_node_t *n = map_get(p->by_json, json_ptr_key(&v));
    if (n != NULL) {
        *out = n;
        return SCHLOSS_OK;
    }
    ENSURE(key != NULL || parent == NULL, p->err, NO_MEMORY, "out of memory");
    if (!json_is_object(v) && !json_is_boolean(v)) {
        char where[160] = "";
        if (parent != NULL) {
            json_node_where(parent, where, sizeof where);
        }
        return FAIL(p->err, SCHEMA_PARSE, "at #%s%s%s: this is no schema: neither an object nor a boolean", where,
                    key == NULL ? "" : "/", key == NULL ? "" : key);
    }
    ENSURE(s->n_nodes < LIMIT_SCHEMA_TYPES, p->err, LIMIT_EXCEEDED,
           "the schema has more than %u sub-schemas: limit LIMIT_SCHEMA_TYPES", LIMIT_SCHEMA_TYPES);
    n = ARENA_NEW(&s->arena, json_node_t);
    if (n != NULL && s->n_nodes == s->cap_nodes) {
        size_t cap = s->cap_nodes == 0 ? 16 : s->cap_nodes * 2;
        json_node_t **bigger = mem_realloc(s->nodes, cap * sizeof *bigger);
        n = bigger == NULL ? NULL : n;
        s->nodes = bigger == NULL ? s->nodes : bigger;
        s->cap_nodes = bigger == NULL ? s->cap_nodes : cap;
    }
    ENSURE(n != NULL && map_put(p->by_json, json_ptr_key(&v), n), p->err, NO_MEMORY, "out of memory");
    n->json = v;
    n->parent = parent;
    n->key = key;
    n->base = json_resource_at(p, v, base);
    n->index = (uint32_t)s->n_nodes;
    s->nodes[s->n_nodes++] = n;
    *out = n;
    return SCHLOSS_OK;
}

static schloss_rc fill_list(json_parser_t *p, json_node_t *n, const char *keyword, const json_t *v,
                            json_nodes_t *list) {
    if (!json_is_array(v) || json_array_size(v) == 0) {
        return malformed(p, n, keyword, "must be a list of schemas that is not empty");
    }
    list->ptr = ARENA_ARRAY(&p->s->arena, json_node_t *, json_array_size(v));
    ENSURE(list->ptr != NULL, p->err, NO_MEMORY, "out of memory");
    for (; list->n < json_array_size(v); list->n++) {
        TRY(json_node_for(p, json_array_get(v, list->n), n->base, n,
                          arena_printf(&p->s->arena, "%s/%zu", keyword, list->n), &list->ptr[list->n]));
    }
    return SCHLOSS_OK;
}

static schloss_rc fill_properties(json_parser_t *p, json_node_t *n, const json_t *v) {
    if (!json_is_object(v)) {
        return malformed(p, n, "properties", "must be an object of schemas");
    }
    n->has_properties = true;
    n->props = ARENA_ARRAY(&p->s->arena, json_prop_t, json_object_size(v) + 1);
    ENSURE(n->props != NULL, p->err, NO_MEMORY, "out of memory");
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, name, member) {
        json_prop_t *prop = &n->props[n->n_props];
        prop->name = arena_strdup(&p->s->arena, name);
        ENSURE(prop->name != NULL, p->err, NO_MEMORY, "out of memory");
        prop->len = strlen(name);
        TRY(json_node_for(p, member, n->base, n, arena_printf(&p->s->arena, "properties/%s", name), &prop->node));
        n->n_props++;
    }
    return SCHLOSS_OK;
}

static schloss_rc fill_tags(json_parser_t *p, json_node_t *n, const json_t *v) {
    if (!json_is_array(v)) {
        return malformed(p, n, "confluent:tags", "must be a list of texts");
    }
    n->tags = ARENA_ARRAY(&p->s->arena, const char *, json_array_size(v) + 1);
    ENSURE(n->tags != NULL, p->err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *tag = json_string_value(json_array_get(v, i));
        if (tag == NULL) {
            return malformed(p, n, "confluent:tags", "must be a list of texts");
        }
        n->tags[n->n_tags++] = tag;
    }
    return SCHLOSS_OK;
}

static schloss_rc add_type(json_parser_t *p, json_node_t *n, const json_t *v) {
    static const struct {
        const char *name;
        uint8_t bit;
    } types[] = {
        {"null", JSON_TYPE_NULL},     {"boolean", JSON_TYPE_BOOLEAN}, {"integer", JSON_TYPE_INTEGER},
        {"number", JSON_TYPE_NUMBER}, {"string", JSON_TYPE_STRING},   {"array", JSON_TYPE_ARRAY},
        {"object", JSON_TYPE_OBJECT},
    };
    const char *name = json_string_value(v);
    for (size_t i = 0; i < COUNT_OF(types) && name != NULL; i++) {
        if (strcmp(types[i].name, name) == 0) {
            n->types |= types[i].bit;
            return SCHLOSS_OK;
        }
    }
    return malformed(p, n, "type", "must be a type of JSON Schema, or a list of them");
}

static schloss_rc fill_type(json_parser_t *p, json_node_t *n, const json_t *v) {
    if (!json_is_array(v)) {
        return add_type(p, n, v);
    }
    if (json_array_size(v) == 0) {
        return malformed(p, n, "type", "must not be an empty list");
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        TRY(add_type(p, n, json_array_get(v, i)));
    }
    return SCHLOSS_OK;
}

static schloss_rc fill_ref(json_parser_t *p, json_node_t *n, const char *keyword, const json_t *v) {
    if (!json_is_string(v) || n->ref != NULL) {
        return malformed(p, n, keyword, "must be one text");
    }
    const json_t *target = NULL;
    const json_resource_t *base = NULL;
    TRY(json_resolve(p, n, json_string_value(v), &target, &base));
    return json_node_for(p, target, base, n, arena_printf(&p->s->arena, "%s", keyword), &n->ref);
}

enum { ANNOTATION, ASSERT, REFUSED };
#define KEYWORD_ROW(name, class, text) {name, class},
static const struct {
    const char *name;
    int class;
} keywords[] = {JSON_KEYWORDS(KEYWORD_ROW)};

static bool can_be_checked(const char *keyword) {
    static const char *const prefixes[] = JSON_ANNOTATION_PREFIXES;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (strncmp(prefixes[i], keyword, strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (strcmp(keywords[i].name, keyword) == 0) {
            return keywords[i].class != REFUSED;
        }
    }
    return false;
}

static bool is_one_of(const char *keyword, const char *const *list) {
    for (; *list != NULL; list++) {
        if (strcmp(keyword, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* Without a type, keywords that speak of one type only tell it. */
static void infer(json_node_t *n, const char *keyword) {
    static const char *const of_strings[] = {"minLength", "maxLength", "pattern", "format", NULL};
    static const char *const of_numbers[] = {"minimum",          "maximum",    "exclusiveMinimum",
                                             "exclusiveMaximum", "multipleOf", NULL};
    static const char *const of_objects[] = {"properties",           "required",      "minProperties",
                                             "maxProperties",        "dependencies",  "patternProperties",
                                             "additionalProperties", "propertyNames", NULL};
    static const char *const of_arrays[] = {"items",       "additionalItems", "minItems",    "maxItems",
                                            "uniqueItems", "contains",        "prefixItems", NULL};
    n->string_like |= is_one_of(keyword, of_strings);
    n->number_like |= is_one_of(keyword, of_numbers);
    n->object_like |= is_one_of(keyword, of_objects);
    n->array_like |= is_one_of(keyword, of_arrays);
}

static schloss_rc fill_keyword(json_parser_t *p, json_node_t *n, const char *key, const json_t *v) {
    infer(n, key);
    if (strcmp(key, "properties") == 0) {
        return fill_properties(p, n, v);
    }
    if (strcmp(key, "type") == 0) {
        return fill_type(p, n, v);
    }
    if (strcmp(key, "items") == 0) {
        if (json_is_array(v) || json_object_get(n->json, "prefixItems") != NULL) {
            return SCHLOSS_OK; /* a tuple: the validator's */
        }
        return json_node_for(p, v, n->base, n, "items", &n->items);
    }
    if (strcmp(key, "allOf") == 0) {
        return fill_list(p, n, key, v, &n->all_of);
    }
    if (strcmp(key, "anyOf") == 0) {
        return fill_list(p, n, key, v, &n->any_of);
    }
    if (strcmp(key, "oneOf") == 0) {
        return fill_list(p, n, key, v, &n->one_of);
    }
    if (strcmp(key, "$ref") == 0) {
        return fill_ref(p, n, key, v);
    }
    if (strcmp(key, "$dynamicRef") == 0 || strcmp(key, "$recursiveRef") == 0) {
        n->unknown = "$dynamicRef";
        return fill_ref(p, n, key, v);
    }
    if (strcmp(key, "confluent:tags") == 0) {
        return fill_tags(p, n, v);
    }
    if (strcmp(key, "enum") == 0 || strcmp(key, "const") == 0) {
        n->has_enum = true;
    }
    if (!can_be_checked(key)) {
        n->unknown = arena_strdup(&p->s->arena, key);
        ENSURE(n->unknown != NULL, p->err, NO_MEMORY, "out of memory");
    }
    return SCHLOSS_OK;
}

schloss_rc json_fill_node(json_parser_t *p, json_node_t *n) {
    n->is_true = json_is_true(n->json);
    n->is_false = json_is_false(n->json);
    const char *key = NULL;
    json_t *v = NULL;
    json_object_foreach((json_t *)(uintptr_t)n->json, key, v) {
        TRY(fill_keyword(p, n, key, v));
    }
    return json_is_object(n->json) ? json_fill_checks(p, n) : SCHLOSS_OK;
}

const json_prop_t *json_node_prop(const json_node_t *n, const char *name, size_t len) {
    for (size_t i = 0; i < n->n_props; i++) {
        if (n->props[i].len == len && memcmp(n->props[i].name, name, len) == 0) {
            return &n->props[i];
        }
    }
    return NULL;
}

static schloss_rc load_document(json_parser_t *p, const char *what, const char *name, const char *text, size_t len) {
    json_span_t span;
    ENSURE(len <= LIMIT_SCHEMA_BYTES, p->err, LIMIT_EXCEEDED, "%s of %zu bytes: limit LIMIT_SCHEMA_BYTES is %zu", what,
           len, LIMIT_SCHEMA_BYTES);
    json_t *doc = NULL;
    schloss_rc rc = json_scan_depth(&span, text, len, LIMIT_SCHEMA_DEPTH, p->err);
    if (rc == SCHLOSS_OK) {
        rc = json_build(&doc, span, false, p->err);
    }
    if (rc == SCHLOSS_E_BAD_JSON) {
        if (p->err != NULL) { /* the reason, under the code of schemas */
            p->err->code = SCHLOSS_E_SCHEMA_PARSE;
            err_wrap(p->err, "%s", what);
        }
        return SCHLOSS_E_SCHEMA_PARSE;
    }
    TRY(rc);
    p->s->docs[p->s->n_docs++] = doc;
    return json_index_document(p, doc, name);
}

static schloss_rc parse(json_parser_t *p, const char *text, size_t len, const json_schema_ref_t *refs, size_t n_refs) {
    json_schema_t *s = p->s;
    s->docs = ARENA_ARRAY(&s->arena, json_t *, n_refs + 1);
    p->by_uri = map_new(NULL);
    p->by_root = map_new(NULL);
    p->by_anchor = map_new(NULL);
    p->by_json = map_new(NULL);
    ENSURE(s->docs != NULL && p->by_uri != NULL && p->by_root != NULL && p->by_anchor != NULL && p->by_json != NULL,
           p->err, NO_MEMORY, "out of memory");
    TRY(load_document(p, "the schema", "", text, len));
    for (size_t i = 0; i < n_refs; i++) {
        schloss_rc rc = load_document(p, "a referenced schema", refs[i].name, refs[i].text, refs[i].len);
        if (rc != SCHLOSS_OK) {
            err_wrap(p->err, "reference \"%s\"", refs[i].name);
            return rc;
        }
    }
    const json_resource_t *base = map_get(p->by_uri, bytes_str(""));
    TRY(json_node_for(p, s->docs[0], base, NULL, NULL, &s->root));
    for (size_t i = 0; i < s->n_nodes; i++) {
        TRY(json_fill_node(p, s->nodes[i]));
    }
    s->title = json_string_value(json_object_get(s->docs[0], "title"));
    return SCHLOSS_OK;
}

schloss_rc json_schema_parse(json_schema_t **out, const char *text, size_t len, const json_schema_ref_t *refs,
                             size_t n_refs, schloss_error_t *err) {
    ENSURE(n_refs <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED, "%zu references: limit LIMIT_SCHEMA_REFS is %u", n_refs,
           LIMIT_SCHEMA_REFS);
    json_schema_t *s = MEM_NEW(json_schema_t);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    arena_init(&s->arena, LIMIT_SCHEMA_MEMORY, false);
    json_parser_t p = {.s = s, .err = err};
    schloss_rc rc = parse(&p, text, len, refs, n_refs);
    map_free(p.by_uri);
    map_free(p.by_root);
    map_free(p.by_anchor);
    map_free(p.by_json);
    if (rc != SCHLOSS_OK) {
        json_schema_free(s);
        return rc;
    }
    *out = s;
    return SCHLOSS_OK;
}

void json_schema_free(json_schema_t *s) {
    if (s != NULL) {
        for (size_t i = 0; i < s->n_docs; i++) {
            json_decref(s->docs[i]);
        }
        json_regex_free(s->regexes);
        mem_free(s->nodes);
        arena_clear(&s->arena);
        mem_free(s);
    }
}

const char *json_schema_title(const json_schema_t *s) {
    return s->title;
}
