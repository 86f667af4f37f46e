/* Listing the scalars of a record with the tags of their properties. For people who look at records, not for the hot
 * path: the record is scanned first, then walked beside the schema. A property's tags reach its items and whatever
 * branch holds the value; members of a tagged object are judged by themselves. */
#include "base/limits.h"
#include "codec/json/validate.h"

typedef struct leaves {
    buf_t indexed, plain, text, scratch;
    const json_node_t *nodes[LIMIT_PLAN_ACTIVE]; /* stack: what applies to the value at hand and its parents */
    size_t n_nodes;
    const char *tags[LIMIT_RULE_TAGS];
    size_t n_tags;
    unsigned depth, visits;
    json_validation_t validation;
    bool (*each)(void *user, const json_leaf_t *leaf);
    void *user;
    bool stopped;
    schloss_error_t *err;
} leaves_t;

static schloss_rc apply(leaves_t *l, const json_node_t *n, json_span_t value, unsigned depth);

/* Branches that validate (oneOf: the first); all of them when none does, which is what ciphertext may look like. */
static schloss_rc apply_choice(leaves_t *l, const json_nodes_t *list, bool first, json_span_t value, unsigned depth) {
    bool any = false;
    for (size_t i = 0; i < list->n && !(first && any); i++) {
        bool ok = false;
        TRY(json_validate(&l->validation, list->ptr[i], value, &ok));
        if (ok) {
            any = true;
            TRY(apply(l, list->ptr[i], value, depth + 1));
        }
    }
    for (size_t i = 0; i < list->n && !any; i++) {
        TRY(apply(l, list->ptr[i], value, depth + 1));
    }
    return SCHLOSS_OK;
}

/* Pushes n and what it is combined of. */
static schloss_rc apply(leaves_t *l, const json_node_t *n, json_span_t value, unsigned depth) {
    ENSURE(l->n_nodes < LIMIT_PLAN_ACTIVE && ++l->visits < LIMIT_PLAN_NODES, l->err, LIMIT_EXCEEDED,
           "more than %u sub-schemas apply at once: limit LIMIT_PLAN_ACTIVE", LIMIT_PLAN_ACTIVE);
    if (depth > 64) { /* a schema that refers to itself at one value */
        return SCHLOSS_OK;
    }
    l->nodes[l->n_nodes++] = n;
    if (n->ref != NULL) {
        TRY(apply(l, n->ref, value, depth + 1));
    }
    for (size_t i = 0; i < n->all_of.n; i++) {
        TRY(apply(l, n->all_of.ptr[i], value, depth + 1));
    }
    TRY(apply_choice(l, &n->any_of, false, value, depth));
    return apply_choice(l, &n->one_of, true, value, depth);
}

static void add_tags(leaves_t *l, const json_node_t *n) {
    for (unsigned i = 0; n != NULL && i < 64; i++, n = n->ref) {
        for (size_t k = 0; k < n->n_tags; k++) {
            bool known = false;
            for (size_t m = 0; m < l->n_tags; m++) {
                known = known || strcmp(l->tags[m], n->tags[k]) == 0;
            }
            if (!known && l->n_tags < LIMIT_RULE_TAGS) {
                l->tags[l->n_tags++] = n->tags[k];
            }
        }
    }
}

static schloss_rc walk(leaves_t *l, json_span_t value, const json_node_t *const *from, size_t n_from);

static schloss_rc walk_members(leaves_t *l, json_span_t value, size_t base, size_t top) {
    size_t indexed = l->indexed.len, plain = l->plain.len, n_tags = l->n_tags;
    const char *outer[LIMIT_RULE_TAGS];
    memcpy(outer, l->tags, n_tags * sizeof *outer);
    json_iter_t it = json_iter(value);
    json_span_t key, member;
    while (!l->stopped && json_next(&it, &key, &member)) {
        buf_put_u8(&l->indexed, '.');
        TRY(json_str_decode(key, &l->indexed, l->err));
        buf_put_u8(&l->plain, '.');
        TRY(json_str_decode(key, &l->plain, l->err));
        const char *name = (const char *)l->plain.ptr + plain + 1;
        size_t len = l->plain.len - plain - 1, first = l->n_nodes;
        l->n_tags = 0;
        for (size_t i = base; i < top; i++) {
            const json_prop_t *prop = json_node_prop(l->nodes[i], name, len);
            if (prop != NULL) {
                ENSURE(l->n_nodes < LIMIT_PLAN_ACTIVE, l->err, LIMIT_EXCEEDED,
                       "more than %u sub-schemas apply at once: limit LIMIT_PLAN_ACTIVE", LIMIT_PLAN_ACTIVE);
                l->nodes[l->n_nodes++] = prop->node;
                add_tags(l, prop->node);
            }
        }
        TRY(walk(l, member, l->nodes + first, l->n_nodes - first));
        l->n_nodes = first;
        l->indexed.len = indexed;
        l->plain.len = plain;
    }
    memcpy(l->tags, outer, n_tags * sizeof *outer);
    l->n_tags = n_tags;
    return SCHLOSS_OK;
}

static schloss_rc walk_items(leaves_t *l, json_span_t value, size_t base, size_t top) {
    size_t indexed = l->indexed.len, first = l->n_nodes, index = 0;
    json_iter_t it = json_iter(value);
    json_span_t item;
    for (size_t i = base; i < top; i++) {
        if (l->nodes[i]->items != NULL) {
            ENSURE(l->n_nodes < LIMIT_PLAN_ACTIVE, l->err, LIMIT_EXCEEDED,
                   "more than %u sub-schemas apply at once: limit LIMIT_PLAN_ACTIVE", LIMIT_PLAN_ACTIVE);
            l->nodes[l->n_nodes++] = l->nodes[i]->items;
        }
    }
    size_t n = l->n_nodes - first;
    for (; !l->stopped && json_next(&it, NULL, &item); index++) {
        buf_printf(&l->indexed, "[%zu]", index);
        TRY(walk(l, item, l->nodes + first, n));
        l->indexed.len = indexed;
    }
    l->n_nodes = first;
    return SCHLOSS_OK;
}

static schloss_rc show(leaves_t *l, json_span_t value) {
    static const char *const types[] = {
        [JSON_T_NULL] = "null", [JSON_T_BOOL] = "boolean", [JSON_T_NUMBER] = "number", [JSON_T_STRING] = "string"};
    bytes_t content = bytes(value.ptr, value.len);
    if (value.kind == JSON_T_STRING) {
        buf_reset(&l->text);
        TRY(json_str_decode(value, &l->text, l->err));
        content = buf_view(&l->text);
    }
    json_leaf_t leaf = {.indexed_name = buf_cstr(&l->indexed),
                        .plain_name = buf_cstr(&l->plain),
                        .type = types[value.kind],
                        .tags = l->tags,
                        .n_tags = l->n_tags,
                        .value = content};
    TRY(buf_check(&l->indexed, l->err));
    TRY(buf_check(&l->plain, l->err));
    l->stopped = !l->each(l->user, &leaf);
    return SCHLOSS_OK;
}

static schloss_rc walk(leaves_t *l, json_span_t value, const json_node_t *const *from, size_t n_from) {
    if (value.kind != JSON_T_OBJECT && value.kind != JSON_T_ARRAY) {
        return show(l, value);
    }
    size_t base = l->n_nodes;
    l->visits = 0;
    for (size_t i = 0; i < n_from; i++) {
        TRY(apply(l, from[i], value, 0));
    }
    size_t top = l->n_nodes;
    schloss_rc rc = value.kind == JSON_T_OBJECT ? walk_members(l, value, base, top) : walk_items(l, value, base, top);
    l->n_nodes = base;
    return rc;
}

schloss_rc json_each_leaf(const json_schema_t *s, bytes_t record, bool (*each)(void *user, const json_leaf_t *leaf),
                          void *user, schloss_error_t *err) {
    json_span_t value;
    TRY(json_scan_depth(&value, (const char *)record.ptr, record.len, LIMIT_RECORD_DEPTH, err));
    leaves_t *l = MEM_NEW(leaves_t);
    ENSURE(l != NULL, err, NO_MEMORY, "out of memory");
    l->each = each;
    l->user = user;
    l->err = err;
    buf_init(&l->indexed, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", false);
    buf_init(&l->plain, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", false);
    buf_init(&l->text, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    buf_init(&l->scratch, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    l->validation = (json_validation_t){.text = &l->scratch, .err = err};
    buf_put_u8(&l->indexed, '$');
    buf_put_u8(&l->plain, '$');
    const json_node_t *root = s->root;
    schloss_rc rc = walk(l, value, &root, 1);
    buf_clear(&l->indexed);
    buf_clear(&l->plain);
    buf_clear(&l->text);
    buf_clear(&l->scratch);
    mem_free(l);
    return rc;
}
