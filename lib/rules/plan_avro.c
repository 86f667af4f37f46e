/* Compiling a rule against an Avro schema.
 *
 * What happens to a value depends on its type and on whether the field that holds it is covered: a block of
 * instructions is made per (type, cover). Fields reset the cover, containers and unions pass it on (elements of arrays,
 * values of maps and union branches count as the field that holds them); a record inside is judged by its own fields,
 * but for tag inheritance, where its untagged fields of primitive type keep the cover of the field that holds it. */
#include "base/limits.h"
#include "rules/plan_avro.h"
#include "rules/tags.h"
#include <string.h>

/* Is the value covered? COVER_UNION: the field's declared type is a union of more than null and one other, where
 * values that cannot be encrypted are left as they are (spec 3.6). */
typedef enum { COVER_NO, COVER_YES, COVER_UNION, N_COVER } cover_t;

typedef struct work {
    const avro_type_t *type;
    cover_t cover;
    uint32_t block;
} work_t;

typedef struct compiler {
    avro_plan_t *p;
    const avro_schema_t *schema;
    const plan_spec_t *spec;
    uint32_t *block_of;  /* [n_types * N_COVER], 0 = none yet, else block + 1 */
    uint8_t *touch;      /* [n_types * N_COVER]: 1 = holds something to transform */
    size_t *first_field; /* [n_types]: of a record's fields in covers */
    uint8_t *covers;
    work_t *todo;
    size_t n_todo, cap_todo;
    bool oom;
} compiler_t;

static bool grow(void **array, size_t *cap, size_t n, size_t size) {
    if (n < *cap) {
        return true;
    }
    size_t want = *cap == 0 ? 16 : *cap * 2;
    void *bigger = mem_realloc(*array, want * size);
    if (bigger == NULL) {
        return false;
    }
    *array = bigger;
    *cap = want;
    return true;
}

static void emit(compiler_t *c, op_code_t code, uint32_t a, uint32_t b, const avro_field_t *field) {
    avro_plan_t *p = c->p;
    if (!grow((void **)&p->ops, &p->cap_ops, p->n_ops, sizeof(op_t))) {
        c->oom = true;
        return;
    }
    p->ops[p->n_ops++] = (op_t){code, a, b, field};
}

static uint32_t new_block(compiler_t *c) {
    avro_plan_t *p = c->p;
    if (!grow((void **)&p->blocks, &p->cap_blocks, p->n_blocks, sizeof(uint32_t))) {
        c->oom = true;
        return 0;
    }
    p->blocks[p->n_blocks] = 0;
    return (uint32_t)p->n_blocks++;
}

static size_t slot_of(const compiler_t *c, const avro_type_t *t, cover_t cover) {
    bool own = t->kind == AVRO_RECORD && !c->spec->inherit_tags; /* judged by its own fields: one slot */
    return (size_t)t->index * N_COVER + (size_t)(own ? COVER_NO : cover);
}

/* Block for a value of type under cover; queued when it is new. */
static uint32_t block_for(compiler_t *c, const avro_type_t *t, cover_t cover) {
    size_t i = slot_of(c, t, cover);
    if (c->block_of[i] == 0) {
        uint32_t block = new_block(c);
        if (c->oom || !grow((void **)&c->todo, &c->cap_todo, c->n_todo, sizeof(work_t))) {
            c->oom = true;
            return 0;
        }
        c->block_of[i] = block + 1;
        c->todo[c->n_todo++] = (work_t){t, cover, block};
    }
    return c->block_of[i] - 1;
}

static cover_t field_cover(const compiler_t *c, const avro_field_t *f) {
    if (c->spec->rule == NULL ||
        !rule_matches_field(c->spec->rule, f->full_name, f->tags, f->n_tags, c->spec->metadata)) {
        return COVER_NO;
    }
    const avro_type_t *t = f->type;
    if (t->kind != AVRO_UNION) {
        return COVER_YES;
    }
    bool nullable = t->n_branches == 2 && (t->branches[0]->kind == AVRO_NULL || t->branches[1]->kind == AVRO_NULL);
    return nullable ? COVER_YES : COVER_UNION;
}

/* Is it a record, in an array, a map or a nullable union or bare? */
static bool holds_record(const avro_type_t *t) {
    for (unsigned depth = 0; depth < LIMIT_RECORD_DEPTH; depth++) {
        if (t->kind == AVRO_ARRAY || t->kind == AVRO_MAP) {
            t = t->items;
        } else if (t->kind == AVRO_UNION && t->n_branches == 2) {
            t = t->branches[t->branches[0]->kind == AVRO_NULL ? 1 : 0];
        } else {
            break;
        }
    }
    return t->kind == AVRO_RECORD;
}

/* Tags are looked up once per field: patterns times fields is the dear part of compiling. */
static void cover_fields(compiler_t *c) {
    size_t n = avro_schema_n_types(c->schema), total = 0;
    c->first_field = mem_calloc(n + 1, sizeof(size_t));
    if (c->first_field == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const avro_type_t *t = avro_schema_type(c->schema, i);
        c->first_field[i] = total;
        total += t->kind == AVRO_RECORD ? t->n_fields : 0;
    }
    c->covers = mem_calloc(total + 1, 1);
    if (c->covers == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const avro_type_t *t = avro_schema_type(c->schema, i);
        for (size_t k = 0; t->kind == AVRO_RECORD && k < t->n_fields; k++) {
            cover_t cover = field_cover(c, &t->fields[k]);
            c->covers[c->first_field[i] + k] = (uint8_t)cover;
            c->p->base.n_unreached += cover != COVER_NO && c->spec->rule->n_tags > 0 && !c->spec->inherit_tags &&
                                      holds_record(t->fields[k].type);
        }
    }
}

/* Spec 3.6, tag inheritance: fields of these types have no say of their own unless they are tagged. */
static bool is_primitive(const avro_type_t *t) {
    return t->kind <= AVRO_STRING;
}

/* Cover of field k of record t, which lies in a value under outer. */
static cover_t cover_of(const compiler_t *c, const avro_type_t *t, size_t k, cover_t outer) {
    cover_t own = c->spec->rule == NULL ? COVER_NO : (cover_t)c->covers[c->first_field[t->index] + k];
    return own == COVER_NO && c->spec->inherit_tags && is_primitive(t->fields[k].type) ? outer : own;
}

/* ---- which types hold something to transform: what can reach a covered string or bytes. Found backwards, in time
 * linear in the (possibly cyclic) type graph; hostile schemas are large ---- */

/* The k-th value inside a value of t under cover: its slot in touch, SIZE_MAX behind the last. */
static size_t inner_slot(const compiler_t *c, const avro_type_t *t, cover_t cover, size_t k) {
    switch (t->kind) {
    case AVRO_ARRAY:
    case AVRO_MAP:
        return k == 0 ? slot_of(c, t->items, cover) : SIZE_MAX;
    case AVRO_UNION:
        return k < t->n_branches ? slot_of(c, t->branches[k], cover) : SIZE_MAX;
    case AVRO_RECORD:
        return slot_of(c, t, cover) % N_COVER == (size_t)cover && k < t->n_fields
                   ? slot_of(c, t->fields[k].type, cover_of(c, t, k, cover))
                   : SIZE_MAX;
    case AVRO_NULL:
    case AVRO_BOOLEAN:
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED:
        return SIZE_MAX;
    }
    return SIZE_MAX;
}

/* outer[outer_at[s]..outer_at[s + 1]) are the slots that hold slot s. */
typedef struct graph {
    size_t *outer_at, *outer, *todo;
} graph_t;

static bool graph_init(graph_t *g, const compiler_t *c, size_t n_types) {
    size_t n = n_types * N_COVER, edges = 0, inner = 0;
    g->outer_at = mem_calloc(n + 2, sizeof(size_t));
    if (g->outer_at == NULL) {
        return false;
    }
    for (size_t s = 0; s < n; s++) { /* counted two places further: filling moves each start to where it belongs */
        const avro_type_t *t = avro_schema_type(c->schema, s / N_COVER);
        for (size_t k = 0; (inner = inner_slot(c, t, (cover_t)(s % N_COVER), k)) != SIZE_MAX; k++, edges++) {
            g->outer_at[inner + 2]++;
        }
    }
    for (size_t s = 2; s < n + 2; s++) {
        g->outer_at[s] += g->outer_at[s - 1];
    }
    g->outer = mem_calloc(edges + 1, sizeof(size_t));
    g->todo = mem_calloc(n + 1, sizeof(size_t));
    if (g->outer == NULL || g->todo == NULL) {
        return false;
    }
    for (size_t s = 0; s < n; s++) {
        const avro_type_t *t = avro_schema_type(c->schema, s / N_COVER);
        for (size_t k = 0; (inner = inner_slot(c, t, (cover_t)(s % N_COVER), k)) != SIZE_MAX; k++) {
            g->outer[g->outer_at[inner + 1]++] = s;
        }
    }
    return true;
}

static void find_touched(compiler_t *c) {
    size_t n_types = avro_schema_n_types(c->schema), n_todo = 0;
    graph_t g = {.outer_at = NULL};
    c->oom = c->oom || !graph_init(&g, c, n_types);
    for (size_t i = 0; i < n_types && !c->oom; i++) {
        const avro_type_t *t = avro_schema_type(c->schema, i);
        for (cover_t cover = COVER_YES; cover < N_COVER; cover++) {
            if (t->kind == AVRO_STRING || t->kind == AVRO_BYTES) {
                c->touch[slot_of(c, t, cover)] = 1;
                g.todo[n_todo++] = slot_of(c, t, cover);
            }
        }
    }
    while (n_todo > 0) { /* each slot comes here once */
        size_t s = g.todo[--n_todo];
        for (size_t k = g.outer_at[s]; k < g.outer_at[s + 1]; k++) {
            if (!c->touch[g.outer[k]]) {
                c->touch[g.outer[k]] = 1;
                g.todo[n_todo++] = g.outer[k];
            }
        }
    }
    mem_free(g.outer_at);
    mem_free(g.outer);
    mem_free(g.todo);
}

/* ---- instructions ---- */

static void emit_value(compiler_t *c, const avro_type_t *t, cover_t cover, const avro_field_t *f);

static void emit_union(compiler_t *c, const avro_type_t *t, cover_t cover, const avro_field_t *f) {
    avro_plan_t *p = c->p;
    if (t->n_branches == 2) {
        uint32_t null_at = t->branches[0]->kind == AVRO_NULL ? 0 : 1;
        const avro_type_t *other = t->branches[1 - null_at];
        if (t->branches[null_at]->kind == AVRO_NULL && other->kind != AVRO_NULL && other->kind != AVRO_UNION) {
            emit(c, OP_OPT, null_at, 0, f);
            emit_value(c, other, cover, f);
            return;
        }
    }
    size_t first = p->n_branches;
    for (size_t i = 0; i < t->n_branches; i++) {
        uint32_t block = block_for(c, t->branches[i], cover);
        if (c->oom || !grow((void **)&p->branches, &p->cap_branches, p->n_branches, sizeof(uint32_t))) {
            c->oom = true;
            return;
        }
        p->branches[p->n_branches++] = block;
    }
    emit(c, OP_UNION, (uint32_t)first, (uint32_t)t->n_branches, f);
}

/* A covered value of a type that cannot be encrypted: refused on writing, left alone on reading and in unions. */
static void emit_plain(compiler_t *c, op_code_t code, uint32_t a, const avro_type_t *t, cover_t cover,
                       const avro_field_t *f) {
    if (cover == COVER_YES && c->spec->writing && !c->spec->leave_others) {
        emit(c, OP_REJECT, (uint32_t)t->kind, 0, f);
    } else {
        emit(c, code, a, 0, f);
    }
}

static void emit_value(compiler_t *c, const avro_type_t *t, cover_t cover, const avro_field_t *f) {
    switch (t->kind) {
    case AVRO_NULL:
        return;
    case AVRO_BOOLEAN:
        emit_plain(c, OP_BOOL, 0, t, cover, f);
        return;
    case AVRO_INT:
        emit_plain(c, OP_INT, 0, t, cover, f);
        return;
    case AVRO_LONG:
        emit_plain(c, OP_LONG, 0, t, cover, f);
        return;
    case AVRO_FLOAT:
        emit_plain(c, OP_FIX, 4, t, cover, f);
        return;
    case AVRO_DOUBLE:
        emit_plain(c, OP_FIX, 8, t, cover, f);
        return;
    case AVRO_FIXED:
        emit_plain(c, OP_FIX, (uint32_t)t->size, t, cover, f);
        return;
    case AVRO_ENUM:
        emit_plain(c, OP_ENUM, (uint32_t)t->n_symbols, t, cover, f);
        return;
    case AVRO_BYTES:
        emit(c, cover == COVER_NO ? OP_LEN : OP_BYTES, 0, 0, f);
        return;
    case AVRO_STRING:
        emit(c, cover == COVER_NO ? OP_LEN : OP_STRING, 0, 0, f);
        return;
    case AVRO_ARRAY:
        emit(c, OP_ARRAY, block_for(c, t->items, cover), c->touch[slot_of(c, t, cover)], f);
        return;
    case AVRO_MAP:
        emit(c, OP_MAP, block_for(c, t->items, cover), c->touch[slot_of(c, t, cover)], f);
        return;
    case AVRO_UNION:
        emit_union(c, t, cover, f);
        return;
    case AVRO_RECORD:
        emit(c, OP_CALL, block_for(c, t, cover), 0, f);
        return;
    }
}

static void fill_block(compiler_t *c, work_t w) {
    c->p->blocks[w.block] = (uint32_t)c->p->n_ops;
    if (w.type->kind == AVRO_RECORD) {
        for (size_t i = 0; i < w.type->n_fields && !c->oom; i++) {
            const avro_field_t *f = &w.type->fields[i];
            emit_value(c, f->type, cover_of(c, w.type, i, w.cover), f);
        }
    } else {
        emit_value(c, w.type, w.cover, NULL);
    }
    emit(c, OP_END, 0, 0, NULL);
}

/* Does field k of record t hold something to transform, wherever the record lies? */
static bool field_touched(const compiler_t *c, const avro_type_t *t, size_t k) {
    const avro_type_t *ft = t->fields[k].type;
    for (cover_t outer = COVER_NO; outer < N_COVER && ft->kind != AVRO_RECORD; outer++) {
        cover_t cover = cover_of(c, t, k, outer);
        if (cover != COVER_NO && c->block_of[slot_of(c, t, outer)] != 0 && c->touch[slot_of(c, ft, cover)]) {
            return true;
        }
    }
    return false;
}

static void count_fields(compiler_t *c) {
    size_t n = avro_schema_n_types(c->schema);
    for (size_t i = 0; i < n; i++) {
        const avro_type_t *t = avro_schema_type(c->schema, i);
        for (size_t k = 0; t->kind == AVRO_RECORD && k < t->n_fields; k++) {
            c->p->base.n_fields += field_touched(c, t, k);
        }
    }
}

static void avro_plan_free(plan_t *plan) {
    avro_plan_t *p = (avro_plan_t *)plan;
    mem_free(p->ops);
    mem_free(p->blocks);
    mem_free(p->branches);
    mem_free(p);
}

schloss_rc plan_avro_compile(plan_t **out, const avro_schema_t *schema, const plan_spec_t *spec, schloss_error_t *err) {
    static const plan_class_t avro_class = {plan_avro_run, avro_plan_free};
    size_t n = avro_schema_n_types(schema);
    ENSURE(n <= LIMIT_SCHEMA_TYPES, err, LIMIT_EXCEEDED, "schema has %zu types, limit LIMIT_SCHEMA_TYPES is %u", n,
           LIMIT_SCHEMA_TYPES);
    compiler_t c = {.schema = schema, .spec = spec};
    c.p = MEM_NEW(avro_plan_t);
    c.block_of = mem_calloc(n * N_COVER + 1, sizeof(uint32_t));
    c.touch = mem_calloc(n * N_COVER + 1, 1);
    c.oom = c.p == NULL || c.block_of == NULL || c.touch == NULL;
    if (!c.oom) {
        const avro_type_t *root = avro_schema_root(schema);
        c.p->base.cls = &avro_class;
        if (spec->rule != NULL) {
            cover_fields(&c);
            find_touched(&c);
        }
        c.p->root = block_for(&c, root, COVER_NO);
        c.p->touched = c.touch[slot_of(&c, root, COVER_NO)];
        while (c.n_todo > 0 && !c.oom) {
            fill_block(&c, c.todo[--c.n_todo]);
        }
        if (!c.oom) {
            count_fields(&c);
        }
    }
    mem_free(c.block_of);
    mem_free(c.touch);
    mem_free(c.first_field);
    mem_free(c.covers);
    mem_free(c.todo);
    if (c.oom) {
        if (c.p != NULL) {
            avro_plan_free(&c.p->base);
        }
        return NO_MEMORY(err);
    }
    *out = &c.p->base;
    return SCHLOSS_OK;
}
