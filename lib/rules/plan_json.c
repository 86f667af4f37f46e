/* Compiling a rule against a JSON schema.
 *
 * A group is made per (node, state of the path patterns, field context): recursive schemas close on themselves, and
 * places that no pattern tells apart fall together. The field context says whether the property that holds the value
 * is covered; items and the branches of combined schemas count as the property that holds them (spec 3.6, 3.9).
 * What would be plaintext without a word is refused when writing: tags where no client looks for them. */
#include "rules/plan_json.h"
#include "base/limits.h"
#include "base/map.h"
#include "codec/json/validate.h"
#include "rules/plan_json_path.h"
#include "rules/tags.h"

/* Field context of a value. */
enum { CTX_FIELD = 1, CTX_COVERED = 2, CTX_COMBINED = 4, CTX_INLINE = 8 };

typedef struct work {
    const json_node_t *node;
    const char *name; /* full name of the field, without indexes */
    uint32_t state, ctx, group;
} work_t;

typedef struct compiler {
    json_plan_t *p;
    const json_schema_t *schema;
    const plan_spec_t *spec;
    json_paths_t paths;
    map_t *by_key; /* node, state, ctx -> group + 1 */
    work_t *todo;
    size_t n_todo, cap_todo;
    uint8_t *within;  /* [n_nodes]: being flattened; a schema that contains itself at one value adds nothing */
    uint8_t *tainted; /* [n_nodes]: a wanted tag can be reached; NULL: not known yet */
    size_t visits;    /* of one group */
    const work_t *now;
    schloss_error_t *err;
} compiler_t;

static schloss_rc grow(compiler_t *c, void *array, size_t *cap, size_t n, size_t size) {
    void **a = array;
    if (n < *cap) {
        return SCHLOSS_OK;
    }
    size_t want = *cap == 0 ? 16 : *cap * 2;
    void *bigger = mem_realloc(*a, want * size);
    ENSURE(bigger != NULL, c->err, NO_MEMORY, "out of memory");
    *a = bigger;
    *cap = want;
    return SCHLOSS_OK;
}

static schloss_rc add_op(compiler_t *c, jop_t op) {
    json_plan_t *p = c->p;
    ENSURE(p->n_ops - p->groups[c->now->group].first < LIMIT_PLAN_ACTIVE, c->err, LIMIT_EXCEEDED,
           "more than %u sub-schemas apply to %s: limit LIMIT_PLAN_ACTIVE", LIMIT_PLAN_ACTIVE, c->now->name);
    TRY(grow(c, &p->ops, &p->cap_ops, p->n_ops, sizeof(jop_t)));
    op.field = c->now->name;
    p->ops[p->n_ops++] = op;
    return SCHLOSS_OK;
}

static schloss_rc group_for(compiler_t *c, const json_node_t *n, uint32_t state, uint32_t ctx, const char *name,
                            uint32_t *group) {
    uint32_t key[3] = {n->index, state, ctx};
    void *known = map_get(c->by_key, bytes(key, sizeof key));
    if (known != NULL) {
        *group = (uint32_t)((uintptr_t)known - 1);
        return SCHLOSS_OK;
    }
    json_plan_t *p = c->p;
    ENSURE(p->n_groups < LIMIT_PLAN_NODES, c->err, LIMIT_EXCEEDED,
           "the rule tells more than %u places of the schema apart: limit LIMIT_PLAN_NODES", LIMIT_PLAN_NODES);
    TRY(grow(c, &p->groups, &p->cap_groups, p->n_groups, sizeof(jgroup_t)));
    TRY(grow(c, &c->todo, &c->cap_todo, c->n_todo, sizeof(work_t)));
    ENSURE(map_put(c->by_key, bytes(key, sizeof key), (void *)(uintptr_t)(p->n_groups + 1)), c->err, NO_MEMORY,
           "out of memory");
    *group = (uint32_t)p->n_groups;
    p->groups[p->n_groups++] = (jgroup_t){0, 0, 0};
    c->todo[c->n_todo++] = (work_t){n, name, state, ctx, *group};
    return SCHLOSS_OK;
}

/* ---- what a node says about a field ---- */

static bool is_bare_ref(const json_node_t *n) {
    return n->ref != NULL && n->types == 0 && n->all_of.n + n->any_of.n + n->one_of.n == 0 && !n->has_properties &&
           n->items == NULL && !n->has_enum;
}

/* Behind references that add nothing. */
static const json_node_t *behind_refs(const json_node_t *n) {
    for (unsigned i = 0; i < 64 && is_bare_ref(n); i++) {
        n = n->ref;
    }
    return n;
}

static bool wants_node(const compiler_t *c, const json_node_t *n) {
    return c->spec->rule->n_tags > 0 && rule_matches_tags(c->spec->rule, n->tags, n->n_tags);
}

/* Tags of a property: on its schema and along the references from there. */
static bool wants_inline(const compiler_t *c, const json_node_t *n) {
    for (unsigned i = 0; i < 64; i++) {
        if (wants_node(c, n)) {
            return true;
        }
        if (n->ref == NULL) {
            return false;
        }
        n = n->ref;
    }
    return false;
}

static unsigned count_bits(uint8_t v) {
    return (unsigned)__builtin_popcount((unsigned)v);
}

static bool is_null_schema(const json_node_t *n) {
    n = behind_refs(n);
    return n->types == JSON_TYPE_NULL;
}

/* Two alternatives, one of them null, are a nullable value; any other combination is COMBINED (spec 3.6). */
static bool declares_combined(const json_node_t *n) {
    n = behind_refs(n);
    unsigned kinds = (n->ref != NULL ? 1u : 0) + (n->any_of.n > 0 ? 1u : 0) + (n->one_of.n > 0 ? 1u : 0);
    bool typed = n->types != 0 || n->has_properties || n->items != NULL || n->string_like || n->number_like;
    if (n->all_of.n > 0 || kinds > 1 || (kinds == 1 && (typed || n->has_enum)) || (n->has_enum && n->types != 0)) {
        return true;
    }
    const json_nodes_t *list = n->any_of.n > 0 ? &n->any_of : &n->one_of;
    if (list->n > 0) {
        return list->n != 2 || (!is_null_schema(list->ptr[0]) && !is_null_schema(list->ptr[1]));
    }
    unsigned types = count_bits(n->types);
    return types > 2 || (types == 2 && (n->types & JSON_TYPE_NULL) == 0);
}

static bool is_primitive(const json_node_t *n) {
    n = behind_refs(n);
    return n->ref == NULL && n->all_of.n + n->any_of.n + n->one_of.n == 0 && !n->has_enum &&
           count_bits(n->types) == 1 && (n->types & (JSON_TYPE_ARRAY | JSON_TYPE_OBJECT)) == 0;
}

/* ---- what must not pass in silence ---- */

typedef struct taint {
    compiler_t *c;
    const json_node_t *from;
    const char *keyword;
    bool changed, hit;
} taint_t;

static void taint_child(void *user, const json_node_t *child) {
    taint_t *t = user;
    t->hit = t->hit || t->c->tainted[child->index] != 0;
}

/* tainted[n]: n or something inside carries a tag of the rule. Passes from the back, since most children come after
 * their parents; as many passes as references lead backwards. */
static schloss_rc find_tainted(compiler_t *c) {
    const json_schema_t *s = c->schema;
    c->tainted = mem_calloc(s->n_nodes + 1, 1);
    ENSURE(c->tainted != NULL, c->err, NO_MEMORY, "out of memory");
    bool changed = true;
    for (unsigned passes = 0; changed; passes++) {
        ENSURE(passes < 1000, c->err, LIMIT_EXCEEDED, "references of the schema chain too often");
        changed = false;
        for (size_t i = s->n_nodes; i > 0; i--) {
            const json_node_t *n = s->nodes[i - 1];
            taint_t t = {.c = c};
            if (c->tainted[n->index]) {
                continue;
            }
            json_node_children(n, taint_child, &t);
            if (t.hit || wants_node(c, n)) {
                c->tainted[n->index] = 1;
                changed = true;
            }
        }
    }
    return SCHLOSS_OK;
}

static bool unwalked(void *user, const char *keyword, const json_node_t *child) {
    taint_t *t = user;
    if (t->c->tainted[child->index]) {
        t->keyword = keyword;
        return false;
    }
    return true;
}

static schloss_rc refuse(compiler_t *c, const json_node_t *n, const char *what, const char *keyword, const char *hint) {
    char where[160];
    json_node_where(n, where, sizeof where);
    schloss_rc rc = FAIL(c->err, UNSUPPORTED, "at #%s of the JSON schema: %s%s%s would not be encrypted", where, what,
                         keyword == NULL ? "" : " ", keyword == NULL ? "" : keyword);
    err_hint(c->err, "%s", hint);
    err_field(c->err, c->now->name);
    return rc;
}

/* Can the value itself, or an item of it, be one that a tag means? A tag on an object says nothing about its members.
 * What cannot be told counts as yes. */
static bool may_hold_leaf(const json_node_t *n, unsigned *visits) {
    if (++*visits > 100) {
        return true;
    }
    if (n->types != 0) {
        if ((n->types & ~(JSON_TYPE_NULL | JSON_TYPE_OBJECT | JSON_TYPE_ARRAY)) != 0) {
            return true;
        }
        return (n->types & JSON_TYPE_ARRAY) != 0 && (n->items == NULL || may_hold_leaf(n->items, visits));
    }
    if (n->string_like || n->number_like || n->has_enum) {
        return true;
    }
    const json_nodes_t *lists[] = {&n->all_of, &n->any_of, &n->one_of};
    bool combines = n->ref != NULL;
    if (n->ref != NULL && may_hold_leaf(n->ref, visits)) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (size_t k = 0; k < lists[i]->n; k++) {
            combines = true;
            if (may_hold_leaf(lists[i]->ptr[k], visits)) {
                return true;
            }
        }
    }
    if (n->array_like) {
        return n->items == NULL || may_hold_leaf(n->items, visits);
    }
    return !combines && !n->object_like && !n->is_false;
}

static schloss_rc check_silence(compiler_t *c, const json_node_t *n, uint32_t ctx) {
    if (!c->spec->writing || c->spec->rule->n_tags == 0) {
        return SCHLOSS_OK;
    }
    if (n->checks != NULL) {
        taint_t t = {.c = c};
        if (c->tainted == NULL) {
            TRY(find_tainted(c));
        }
        if (!json_node_unwalked(n, unwalked, &t)) {
            return refuse(c, n, "a tag of the rule below the keyword", t.keyword,
                          "no client looks for tags there: describe the field under \"properties\" or \"items\", or "
                          "encrypt the whole payload");
        }
    }
    uint8_t types = n->types;
    unsigned visits = 0;
    if ((ctx & CTX_COVERED) == 0 && n != c->schema->root && wants_node(c, n) && may_hold_leaf(n, &visits)) {
        return refuse(c, n, "a value whose tag stands on an item or a branch", NULL,
                      "clients look for tags on the property: move \"confluent:tags\" there");
    }
    if ((ctx & CTX_INLINE) != 0 && !c->spec->leave_others) {
        if ((types & JSON_TYPE_OBJECT) != 0 && n->n_props == 0 && n->all_of.n + n->any_of.n + n->one_of.n == 0) {
            return refuse(c, n, "a tagged object without \"properties\"", NULL,
                          "its members are not known to the schema: describe them, or encrypt the whole payload");
        }
        if ((types & JSON_TYPE_ARRAY) != 0 && n->items == NULL && n->all_of.n + n->any_of.n + n->one_of.n == 0) {
            return refuse(c, n, "a tagged array without a schema of all its items", NULL,
                          "give \"items\" one schema, or encrypt the whole payload");
        }
    }
    return SCHLOSS_OK;
}

/* ---- groups ---- */

static schloss_rc field_ctx(compiler_t *c, const json_node_t *n, uint32_t state, uint32_t outer, uint32_t *ctx) {
    const rule_t *rule = c->spec->rule;
    bool tagged = wants_inline(c, n);
    bool covered = tagged || rule->n_tags == 0 || json_paths_hit(&c->paths, state);
    if (!covered && c->spec->inherit_tags && is_primitive(n) && (outer & CTX_FIELD) != 0) {
        *ctx = outer & ~(uint32_t)CTX_INLINE;
        return SCHLOSS_OK;
    }
    *ctx =
        CTX_FIELD | (covered ? CTX_COVERED : 0) | (tagged ? CTX_INLINE : 0) | (declares_combined(n) ? CTX_COMBINED : 0);
    return SCHLOSS_OK;
}

static schloss_rc add_object(compiler_t *c, const json_node_t *n, uint32_t state, uint32_t ctx) {
    json_plan_t *p = c->p;
    jop_t op = {.code = JOP_OBJECT, .a = (uint32_t)p->n_props, .b = (uint32_t)n->n_props};
    bool strict = (n->types & ~(JSON_TYPE_OBJECT | JSON_TYPE_NULL)) == 0 && n->types != 0;
    p->base.n_unreached += (ctx & CTX_COVERED) != 0 && c->spec->rule->n_tags > 0 && !c->spec->inherit_tags;
    op.flags = (uint8_t)((strict ? JOP_STRICT : 0) | ((n->types & JSON_TYPE_NULL) != 0 ? JOP_NULLABLE : 0));
    for (size_t i = 0; i < n->n_props; i++) {
        uint32_t inner = 0, inner_ctx = 0;
        TRY(json_paths_member(&c->paths, state, n->props[i].name, &inner, c->err));
        TRY(field_ctx(c, n->props[i].node, inner, ctx, &inner_ctx));
        const char *name = arena_printf(&p->arena, "%s.%s", c->now->name, n->props[i].name);
        ENSURE(name != NULL, c->err, NO_MEMORY, "out of memory");
        jprop_t prop = {arena_strdup(&p->arena, n->props[i].name), n->props[i].len, 0};
        ENSURE(prop.name != NULL, c->err, NO_MEMORY, "out of memory");
        TRY(group_for(c, n->props[i].node, inner, inner_ctx, name, &prop.group));
        TRY(grow(c, &p->props, &p->cap_props, p->n_props, sizeof(jprop_t)));
        p->props[p->n_props++] = prop;
    }
    return add_op(c, op);
}

static schloss_rc add_array(compiler_t *c, const json_node_t *n, uint32_t state, uint32_t ctx) {
    jop_t op = {.code = JOP_ARRAY};
    uint32_t inner = 0;
    bool strict = (n->types & ~(JSON_TYPE_ARRAY | JSON_TYPE_NULL)) == 0 && n->types != 0;
    op.flags = (uint8_t)((strict ? JOP_STRICT : 0) | ((n->types & JSON_TYPE_NULL) != 0 ? JOP_NULLABLE : 0));
    TRY(json_paths_item(&c->paths, state, &inner, c->err));
    TRY(group_for(c, n->items, inner, ctx, c->now->name, &op.a));
    return add_op(c, op);
}

static schloss_rc add_choice(compiler_t *c, const json_nodes_t *list, uint32_t state, uint32_t ctx, bool first) {
    json_plan_t *p = c->p;
    jop_t op = {
        .code = JOP_CHOICE, .flags = first ? JOP_FIRST : 0, .a = (uint32_t)p->n_branches, .b = (uint32_t)list->n};
    for (size_t i = 0; i < list->n; i++) {
        jbranch_t branch = {list->ptr[i], 0};
        TRY(group_for(c, list->ptr[i], state, ctx, c->now->name, &branch.group));
        TRY(grow(c, &p->branches, &p->cap_branches, p->n_branches, sizeof(jbranch_t)));
        p->branches[p->n_branches++] = branch;
    }
    return add_op(c, op);
}

/* What the node itself, without what it combines, means to a covered value. */
static schloss_rc add_leaf(compiler_t *c, const json_node_t *n, uint32_t ctx) {
    bool combines = n->ref != NULL || n->all_of.n + n->any_of.n + n->one_of.n > 0;
    jop_t op = {.code = JOP_LEAF, .types = n->types};
    if ((ctx & CTX_COVERED) == 0) {
        return SCHLOSS_OK;
    }
    if (n->is_false) { /* no value is right here: one that comes all the same must not leave in clear */
        op.types = JSON_TYPE_NULL;
    } else if (op.types == 0) {
        op.types = (uint8_t)((n->string_like ? JSON_TYPE_STRING : 0) | (n->number_like ? JSON_TYPE_NUMBER : 0) |
                             (n->object_like ? JSON_TYPE_OBJECT : 0) | (n->array_like ? JSON_TYPE_ARRAY : 0));
        if (op.types == 0 && combines) {
            return SCHLOSS_OK;
        }
    }
    op.flags =
        (uint8_t)(((ctx & CTX_COMBINED) != 0 ? JOP_COMBINED : 0) | (op.types == 0 && n->has_enum ? JOP_ENUM : 0));
    return add_op(c, op);
}

static schloss_rc flatten(compiler_t *c, const json_node_t *n, uint32_t state, uint32_t ctx) {
    ENSURE(++c->visits <= LIMIT_PLAN_NODES, c->err, LIMIT_EXCEEDED,
           "more than %u sub-schemas apply to %s: limit LIMIT_PLAN_NODES", LIMIT_PLAN_NODES, c->now->name);
    if (c->within[n->index]) {
        return SCHLOSS_OK;
    }
    TRY(check_silence(c, n, ctx));
    c->within[n->index] = 1;
    schloss_rc rc = n->ref != NULL ? flatten(c, n->ref, state, ctx) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        rc = add_leaf(c, n, ctx);
    }
    if (rc == SCHLOSS_OK && n->n_props > 0 && (n->types == 0 || (n->types & JSON_TYPE_OBJECT) != 0)) {
        rc = add_object(c, n, state, ctx);
    }
    if (rc == SCHLOSS_OK && n->items != NULL && (n->types == 0 || (n->types & JSON_TYPE_ARRAY) != 0)) {
        rc = add_array(c, n, state, ctx);
    }
    for (size_t i = 0; rc == SCHLOSS_OK && i < n->all_of.n; i++) {
        rc = flatten(c, n->all_of.ptr[i], state, ctx);
    }
    if (rc == SCHLOSS_OK && n->any_of.n > 0) {
        rc = add_choice(c, &n->any_of, state, ctx, false);
    }
    if (rc == SCHLOSS_OK && n->one_of.n > 0) {
        rc = add_choice(c, &n->one_of, state, ctx, true);
    }
    c->within[n->index] = 0;
    return rc;
}

static schloss_rc fill_groups(compiler_t *c) {
    while (c->n_todo > 0) {
        work_t w = c->todo[--c->n_todo];
        c->now = &w;
        c->visits = 0;
        c->p->groups[w.group].first = (uint32_t)c->p->n_ops;
        schloss_rc rc = flatten(c, w.node, w.state, w.ctx);
        c->p->groups[w.group].n = (uint32_t)c->p->n_ops - c->p->groups[w.group].first;
        if (rc == SCHLOSS_OK && c->p->groups[w.group].n == 0 && (w.ctx & CTX_COVERED) != 0 && c->spec->writing) {
            rc = refuse(c, w.node, "a covered value whose schema refers to nothing but itself", NULL,
                        "give the property a type");
        }
        c->now = NULL;
        TRY(rc);
    }
    return SCHLOSS_OK;
}

/* ---- what is touched ---- */

static bool op_is_touched(const json_plan_t *p, const jop_t *op, const uint8_t *touched) {
    switch (op->code) {
    case JOP_LEAF: /* when reading, what is no string only passes */
        return p->writing || (op->types & JSON_TYPE_STRING) != 0;
    case JOP_ARRAY:
        return touched[op->a] != 0;
    case JOP_OBJECT:
        for (uint32_t i = 0; i < op->b; i++) {
            if (touched[p->props[op->a + i].group]) {
                return true;
            }
        }
        return false;
    default:
        for (uint32_t i = 0; i < op->b; i++) {
            if (touched[p->branches[op->a + i].group]) {
                return true;
            }
        }
        return false;
    }
}

static schloss_rc find_touched(compiler_t *c, uint8_t *touched) {
    const json_plan_t *p = c->p;
    bool changed = true;
    for (unsigned passes = 0; changed; passes++) {
        ENSURE(passes < 1000, c->err, LIMIT_EXCEEDED, "references of the schema chain too often");
        changed = false;
        for (size_t i = p->n_groups; i > 0; i--) { /* inner groups mostly come after outer ones */
            const jgroup_t *g = &p->groups[i - 1];
            for (uint32_t k = 0; k < g->n && !touched[i - 1]; k++) {
                if (op_is_touched(p, &p->ops[g->first + k], touched)) {
                    touched[i - 1] = 1;
                    changed = true;
                }
            }
        }
    }
    return SCHLOSS_OK;
}

static void prune_object(json_plan_t *p, jop_t *op, const uint8_t *touched) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < op->b; i++) {
        jprop_t prop = p->props[op->a + i];
        if (touched[prop.group]) {
            p->props[op->a + n++] = prop;
            op->lens |= UINT64_C(1) << (prop.len % 64);
        }
    }
    op->b = n;
}

static void prune(json_plan_t *p, const uint8_t *touched) {
    for (size_t i = 0; i < p->n_groups; i++) {
        jgroup_t *g = &p->groups[i];
        uint32_t n = 0;
        for (uint32_t k = 0; k < g->n; k++) {
            jop_t op = p->ops[g->first + k];
            if (!touched[i] || !op_is_touched(p, &op, touched)) {
                continue;
            }
            if (op.code == JOP_OBJECT) {
                prune_object(p, &op, touched);
            }
            g->flags |= op.code == JOP_CHOICE ? JOP_CHOSEN : 0;
            p->ops[g->first + n++] = op;
        }
        g->n = n;
    }
}

static schloss_rc check_keywords(compiler_t *c) {
    const json_plan_t *p = c->p;
    size_t n = c->schema->n_nodes;
    uint8_t *seen = mem_calloc(n + 1, 1);
    const json_node_t **todo = mem_calloc(n + 1, sizeof *todo);
    schloss_rc rc = seen == NULL || todo == NULL ? NO_MEMORY(c->err) : SCHLOSS_OK;
    for (size_t i = 0; rc == SCHLOSS_OK && i < p->n_groups; i++) {
        const jgroup_t *g = &p->groups[i];
        for (uint32_t k = 0; k < g->n; k++) {
            const jop_t *op = &p->ops[g->first + k];
            for (uint32_t b = 0; op->code == JOP_CHOICE && b < op->b && rc == SCHLOSS_OK; b++) {
                const json_node_t *bad = json_unknown_keyword(p->branches[op->a + b].node, seen, todo);
                if (bad != NULL) {
                    char where[160];
                    json_node_where(bad, where, sizeof where);
                    rc = FAIL(c->err, UNSUPPORTED,
                              "at #%s of the JSON schema: keyword \"%s\" under oneOf/anyOf cannot be checked", where,
                              bad->unknown);
                    err_hint(c->err, "the branch that holds the covered field could not be told; take the keyword out "
                                     "or the choice apart");
                    err_field(c->err, op->field);
                }
            }
        }
    }
    mem_free(seen);
    mem_free((void *)todo);
    return rc;
}

/* Fields with strings: each has its own text as name. */
static schloss_rc count_fields(compiler_t *c) {
    json_plan_t *p = c->p;
    map_t *names = map_new(NULL);
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < p->n_groups; i++) {
        const jgroup_t *g = &p->groups[i];
        for (uint32_t k = 0; ok && k < g->n; k++) {
            const jop_t *op = &p->ops[g->first + k];
            if (op->code == JOP_LEAF && (op->types & JSON_TYPE_STRING) != 0) {
                ok = map_put(names, bytes(&op->field, sizeof op->field), p);
            }
        }
    }
    p->base.n_fields = ok ? map_len(names) : 0;
    map_free(names);
    return ok ? SCHLOSS_OK : NO_MEMORY(c->err);
}

static schloss_rc compile(compiler_t *c) {
    json_plan_t *p = c->p;
    const json_schema_t *s = c->schema;
    uint32_t root_state = 0;
    c->by_key = map_new(NULL);
    c->within = mem_calloc(s->n_nodes + 1, 1);
    ENSURE(c->by_key != NULL && c->within != NULL, c->err, NO_MEMORY, "out of memory");
    TRY(json_paths_init(&c->paths, c->spec->rule, c->spec->metadata, &root_state, c->err));
    TRY(group_for(c, s->root, root_state, 0, "$", &p->root));
    TRY(fill_groups(c));
    uint8_t *touched = mem_calloc(p->n_groups + 1, 1);
    ENSURE(touched != NULL, c->err, NO_MEMORY, "out of memory");
    schloss_rc rc = find_touched(c, touched);
    if (rc == SCHLOSS_OK) {
        prune(p, touched);
    }
    mem_free(touched);
    TRY(rc);
    TRY(check_keywords(c));
    return count_fields(c);
}

static void json_plan_free(plan_t *plan) {
    json_plan_t *p = (json_plan_t *)plan;
    mem_free(p->groups);
    mem_free(p->ops);
    mem_free(p->props);
    mem_free(p->branches);
    arena_clear(&p->arena);
    mem_free(p);
}

schloss_rc plan_json_compile(plan_t **out, const json_schema_t *schema, const plan_spec_t *spec, schloss_error_t *err) {
    static const plan_class_t json_class = {plan_json_run, json_plan_free};
    json_plan_t *p = MEM_NEW(json_plan_t);
    ENSURE(p != NULL, err, NO_MEMORY, "out of memory");
    arena_init(&p->arena, LIMIT_SCHEMA_MEMORY, false);
    p->base.cls = &json_class;
    p->writing = spec->writing;
    p->leave_others = spec->leave_others;
    p->lax = spec->lax_branches && !spec->writing;
    schloss_rc rc = SCHLOSS_OK;
    if (spec->rule == NULL) { /* only check: one group that is empty */
        p->groups = MEM_NEW(jgroup_t);
        p->n_groups = p->cap_groups = 1;
        rc = p->groups == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    } else {
        compiler_t c = {.p = p, .schema = schema, .spec = spec, .err = err};
        rc = compile(&c);
        json_paths_clear(&c.paths);
        map_free(c.by_key);
        mem_free(c.within);
        mem_free(c.tainted);
        mem_free(c.todo);
    }
    if (rc != SCHLOSS_OK) {
        json_plan_free(&p->base);
        return rc;
    }
    *out = &p->base;
    return SCHLOSS_OK;
}
