/* The graph of a schema's nodes: who is inside whom, and through which keyword; equality of values. */
#include "codec/json/number.h"
#include "codec/json/validate.h"

typedef bool (*visit_t)(void *user, const char *keyword, const json_node_t *child);

static bool visit_list(const json_nodes_t *list, const char *keyword, visit_t each, void *user) {
    for (size_t i = 0; i < list->n; i++) {
        if (!each(user, keyword, list->ptr[i])) {
            return false;
        }
    }
    return true;
}

bool json_node_unwalked(const json_node_t *n, visit_t each, void *user) {
    const json_checks_t *c = n->checks;
    if (c == NULL) {
        return true;
    }
    const struct {
        const char *keyword;
        const json_node_t *node;
    } single[] = {
        {"additionalProperties", c->additional},
        {"items", c->rest_items},
        {"contains", c->contains},
        {"propertyNames", c->names},
        {"not", c->no},
        {"if", c->cond},
        {"then", c->then},
        {"else", c->other},
        {"unevaluatedProperties", c->other_props},
        {"unevaluatedItems", c->other_items},
    };
    for (size_t i = 0; i < COUNT_OF(single); i++) {
        if (single[i].node != NULL && !each(user, single[i].keyword, single[i].node)) {
            return false;
        }
    }
    for (size_t i = 0; i < c->n_patterns; i++) {
        if (!each(user, "patternProperties", c->patterns[i].node)) {
            return false;
        }
    }
    for (size_t i = 0; i < c->n_deps; i++) {
        if (c->deps[i].node != NULL && !each(user, "dependentSchemas", c->deps[i].node)) {
            return false;
        }
    }
    return visit_list(&c->prefix, "prefixItems", each, user);
}

typedef struct child_visit {
    void (*each)(void *user, const json_node_t *child);
    void *user;
} child_visit_t;

static bool visit_child(void *user, const char *keyword, const json_node_t *child) {
    const child_visit_t *v = user;
    (void)keyword;
    v->each(v->user, child);
    return true;
}

void json_node_children(const json_node_t *n, void (*each)(void *user, const json_node_t *child), void *user) {
    child_visit_t v = {each, user};
    for (size_t i = 0; i < n->n_props; i++) {
        each(user, n->props[i].node);
    }
    if (n->ref != NULL) {
        each(user, n->ref);
    }
    if (n->items != NULL) {
        each(user, n->items);
    }
    (void)visit_list(&n->all_of, "", visit_child, &v);
    (void)visit_list(&n->any_of, "", visit_child, &v);
    (void)visit_list(&n->one_of, "", visit_child, &v);
    (void)json_node_unwalked(n, visit_child, &v);
}

typedef struct reach {
    uint8_t *seen;
    const json_node_t **todo;
    size_t n;
} reach_t;

static void reach(void *user, const json_node_t *child) {
    reach_t *r = user;
    if (!r->seen[child->index]) {
        r->seen[child->index] = 1;
        r->todo[r->n++] = child;
    }
}

const json_node_t *json_unknown_keyword(const json_node_t *n, uint8_t *seen, const json_node_t **todo) {
    reach_t r = {seen, todo, 0};
    reach(&r, n);
    while (r.n > 0) {
        n = r.todo[--r.n];
        if (n->unknown != NULL) {
            return n;
        }
        json_node_children(n, reach, &r);
    }
    return NULL;
}

/* ---- equality ---- */

static bool strings_equal(json_span_t a, json_span_t b) {
    if (memchr(a.ptr, '\\', a.len) == NULL && memchr(b.ptr, '\\', b.len) == NULL) {
        return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    }
    return json_str_same(a, b);
}

static size_t count(json_span_t c) {
    size_t n = 0;
    json_iter_t it = json_iter(c);
    json_span_t k, v;
    while (json_next(&it, &k, &v)) {
        n++;
    }
    return n;
}

/* Every member of a is, with an equal value, in b. */
static bool members_equal(json_span_t a, json_span_t b, uint64_t *steps) {
    json_iter_t it = json_iter(a);
    json_span_t ka, va, kb, vb;
    while (json_next(&it, &ka, &va)) {
        bool hit = false;
        json_iter_t other = json_iter(b);
        while (!hit && json_next(&other, &kb, &vb)) {
            *steps += 1;
            hit = strings_equal(ka, kb) && json_span_equal(va, vb, steps);
        }
        if (!hit) {
            return false;
        }
    }
    return count(a) == count(b);
}

bool json_span_equal(json_span_t a, json_span_t b, uint64_t *steps) {
    *steps += 1 + a.len / 64;
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case JSON_T_NULL:
        return true;
    case JSON_T_BOOL:
        return a.len == b.len;
    case JSON_T_NUMBER:
        return json_number_compare(a, b) == 0;
    case JSON_T_STRING:
        return strings_equal(a, b);
    case JSON_T_OBJECT:
        return members_equal(a, b, steps);
    case JSON_T_ARRAY:
        break;
    }
    json_iter_t x = json_iter(a), y = json_iter(b);
    json_span_t va, vb;
    for (;;) {
        bool more = json_next(&x, NULL, &va);
        if (more != json_next(&y, NULL, &vb)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (!json_span_equal(va, vb, steps)) {
            return false;
        }
    }
}
