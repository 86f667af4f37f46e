/* JSON Schemas (schema-registry-api 17) over lib/codec/json. */
#include "base/limits.h"
#include "codec/json/load.h"
#include "codec/json/schema.h"
#include "registry/schema/json_text.h"
#include "registry/schema/type.h"
#include <string.h>

static rest_rc fail(request_t *rq, schloss_rc rc, const schloss_error_t *err) {
    return schema_invalid(rq, &schema_json, rc, err);
}

static schloss_rc scan(const char *text, json_span_t *out, schloss_error_t *err) {
    static const char *const kinds[] = {"NULL", "BOOLEAN", "NUMBER", "STRING", "ARRAY", "OBJECT"};
    size_t len = strlen(text);
    ENSURE(len <= LIMIT_SCHEMA_BYTES, err, LIMIT_EXCEEDED, "a schema is longer than %zu bytes", LIMIT_SCHEMA_BYTES);
    TRY(json_scan_depth(out, text, len, LIMIT_SCHEMA_DEPTH, err));
    ENSURE(out->kind == JSON_T_OBJECT || out->kind == JSON_T_BOOL, err, SCHEMA_PARSE,
           "Invalid JSON schema: expected an object or boolean at the root, found %s", kinds[out->kind]);
    return SCHLOSS_OK;
}

/* Keywords have values that they may have, and every $ref leads somewhere. */
static rest_rc check(request_t *rq, const schema_source_t *s) {
    json_schema_ref_t *refs = arena_alloc_n(&rq->arena, s->n_refs + 1, sizeof *refs);
    if (refs == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < s->n_refs; i++) {
        refs[i] = (json_schema_ref_t){s->refs[i].name, s->refs[i].text, s->refs[i].len};
    }
    json_schema_t *schema = NULL;
    schloss_error_t err = {0};
    schloss_rc rc = json_schema_parse(&schema, s->text, strlen(s->text), refs, s->n_refs, &err);
    json_schema_free(schema);
    return rc == 0 ? 0 : fail(rq, rc, &err);
}

static rest_rc canon(request_t *rq, const schema_source_t *s, unsigned flags, const char **out) {
    json_span_t root;
    schloss_error_t err = {0};
    buf_t b;
    schloss_rc rc = scan(s->text, &root, &err);
    if (rc != 0) {
        return fail(rq, rc, &err);
    }
    if (flags & CANON_NEW) {
        TRY(check(rq, s));
    }
    buf_init(&b, REQUEST_MAX_BODY * 4, "canonical schema", false);
    rc = json_canonical(root, flags & CANON_NORMALIZE, &b, &err);
    if (rc != 0) {
        buf_clear(&b);
        return fail(rq, rc, &err);
    }
    return schema_take(rq, &schema_json, &b, out);
}

/* ---- findTags: paths of 12.4 ---- */
typedef struct finder {
    const char *const *tags;
    size_t n_tags;
    buf_t *out;
    buf_t path;
} finder_t;

static void find_in(finder_t *f, const json_t *schema, unsigned depth);

static void put_entity(finder_t *f, const json_t *schema, const char *entity) {
    const json_t *list = json_object_get(schema, "confluent:tags");
    const char *have[64];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < COUNT_OF(have); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s != NULL) {
            have[n++] = s;
        }
    }
    if (n != 0) {
        schema_put_tagged(f->out, buf_cstr(&f->path), entity, have, n, f->tags, f->n_tags);
    }
}

/* What lies below name in the path. */
static void below(finder_t *f, const char *name, const json_t *schema, unsigned depth) {
    size_t len = f->path.len;
    if (json_is_object(schema)) {
        buf_put_str(&f->path, len == 0 ? "" : ".");
        buf_put_str(&f->path, name);
        find_in(f, schema, depth + 1);
        f->path.len = len < f->path.len ? len : f->path.len;
    }
}

static const char *kind_of(const json_t *s) {
    static const char *const by_keyword[][2] = {
        {"$ref", "REFERENCE"},    {"enum", "ENUM"},   {"allOf", "COMBINED"}, {"anyOf", "COMBINED"},
        {"oneOf", "COMBINED"},    {"not", "NOT"},     {"const", "CONST"},    {"if", "CONDITIONAL"},
        {"properties", "OBJECT"}, {"items", "ARRAY"},
    };
    if (json_is_boolean(s)) {
        return json_is_true(s) ? "TRUE" : "FALSE";
    }
    const char *type = json_string_value(json_object_get(s, "type"));
    static const char *const types[][2] = {{"object", "OBJECT"}, {"array", "ARRAY"},    {"string", "STRING"},
                                           {"number", "NUMBER"}, {"integer", "NUMBER"}, {"boolean", "BOOLEAN"},
                                           {"null", "NULL"}};
    for (size_t i = 0; i < COUNT_OF(by_keyword); i++) {
        if ((i < 8 || type == NULL) && json_object_get(s, by_keyword[i][0]) != NULL) {
            return by_keyword[i][1];
        }
    }
    for (size_t i = 0; type != NULL && i < COUNT_OF(types); i++) {
        if (strcmp(type, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return "EMPTY";
}

/* Branches of one kind. */
typedef struct tally {
    const char *kind;
    size_t n, at; /* how many; place of the next one */
} tally_t;

enum { KINDS = 16 }; /* more than kind_of() has */

static tally_t *tally_of(tally_t tallies[KINDS], const char *kind) {
    size_t i = 0;
    while (i + 1 < KINDS && tallies[i].kind != NULL && strcmp(tallies[i].kind, kind) != 0) {
        i++;
    }
    tallies[i].kind = kind;
    return &tallies[i];
}

/* Branches count in the order of their kinds' names. There may be millions. */
static void in_branches(finder_t *f, const json_t *list, const char *name, unsigned depth) {
    tally_t tallies[KINDS] = {{NULL, 0, 0}};
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        tally_of(tallies, kind_of(json_array_get(list, i)))->n++;
    }
    for (size_t i = 0; i < KINDS && tallies[i].kind != NULL; i++) {
        for (size_t j = 0; j < KINDS && tallies[j].kind != NULL; j++) {
            tallies[i].at += strcmp(tallies[j].kind, tallies[i].kind) < 0 ? tallies[j].n : 0;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *branch = json_array_get(list, i);
        char segment[48];
        (void)snprintf(segment, sizeof segment, "%s.%zu", name, tally_of(tallies, kind_of(branch))->at++);
        below(f, segment, branch, depth);
    }
}

static void in_map(finder_t *f, const json_t *map, const char *name, unsigned depth) {
    json_t *o = (json_t *)(uintptr_t)map;
    size_t len = f->path.len;
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        buf_put_str(&f->path, len == 0 ? "" : ".");
        buf_put_str(&f->path, name);
        below(f, json_object_iter_key(it), json_object_iter_value(it), depth);
        f->path.len = len < f->path.len ? len : f->path.len;
    }
}

static void in_properties(finder_t *f, const json_t *properties, unsigned depth) {
    json_t *o = (json_t *)(uintptr_t)properties;
    size_t len = f->path.len;
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        const json_t *property = json_object_iter_value(it);
        buf_put_str(&f->path, len == 0 ? "object." : ".object.");
        buf_put_str(&f->path, json_object_iter_key(it));
        put_entity(f, property, "sr_field");
        if (json_is_object(property)) {
            find_in(f, property, depth + 1);
        }
        f->path.len = len < f->path.len ? len : f->path.len;
    }
}

static void find_in(finder_t *f, const json_t *s, unsigned depth) {
    static const char *const combined[][2] = {{"allOf", "allof"}, {"anyOf", "anyof"}, {"oneOf", "oneof"}};
    static const char *const single[][2] = {
        {"not", "not"}, {"if", "conditional.if"}, {"then", "conditional.then"}, {"else", "conditional.else"}};
    if (depth > LIMIT_SCHEMA_DEPTH) {
        return;
    }
    in_properties(f, json_object_get(s, "properties"), depth);
    below(f, "array", json_object_get(s, "items"), depth);
    for (size_t i = 0; i < COUNT_OF(combined); i++) {
        in_branches(f, json_object_get(s, combined[i][0]), combined[i][1], depth);
    }
    for (size_t i = 0; i < COUNT_OF(single); i++) {
        below(f, single[i][1], json_object_get(s, single[i][0]), depth);
    }
    in_map(f, json_object_get(s, "definitions"), "definitions", depth);
    in_map(f, json_object_get(s, "$defs"), "$defs", depth);
}

static rest_rc find_tags(request_t *rq, const schema_source_t *s, const char *const *tags, size_t n_tags, buf_t *out) {
    json_t *root = NULL;
    schloss_error_t err = {0};
    schloss_rc rc = json_load(&root, "schema", s->text, strlen(s->text), &err);
    if (rc != 0) {
        return fail(rq, rc, &err);
    }
    finder_t f = {.tags = tags, .n_tags = n_tags, .out = out};
    buf_init(&f.path, LIMIT_SCHEMA_BYTES, "path of a tag", false);
    if (json_is_object(root)) {
        size_t none = f.path.len;
        buf_put_str(&f.path, "object");
        put_entity(&f, root, "sr_record");
        f.path.len = none;
        find_in(&f, root, 0);
    }
    rc = buf_check(&f.path, &err);
    buf_clear(&f.path);
    json_decref(root);
    return rc == 0 ? 0 : fail(rq, rc, &err);
}

const schema_type_t schema_json = {.name = "JSON", .canon = canon, .find_tags = find_tags};
