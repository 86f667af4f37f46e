/* Compiling a rule against a Protobuf message.
 *
 * One block per message type, or up to three where a tag on the field that holds the message may reach into it
 * (inherit_tags): what happens to a field depends on the message that declares it, not on where the message stands.
 * Tags are looked up once per field. */
#include "base/limits.h"
#include "rules/plan_protobuf.h"
#include "rules/tags.h"
#include <stdlib.h>
#include <string.h>

#define DENSE_SLACK 64u /* field numbers up to this far beyond the number of fields are found by table */

/* What covers the untagged values inside a message. */
typedef enum { OUTER_NO, OUTER_RECORD, OUTER_MAP, N_OUTER } outer_t;

typedef struct work {
    const pb_message_t *message;
    outer_t outer;
    uint32_t block;
} work_t;

typedef struct compiler {
    pb_plan_t *p;
    const plan_spec_t *spec;
    uint32_t *block_of; /* [n_messages * N_OUTER], 0 = none yet, else block + 1 */
    work_t *todo;
    size_t n_todo, cap_todo;
    schloss_error_t *err;
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

/* Block for messages of a type; queued when it is new. */
static schloss_rc block_for(compiler_t *c, const pb_message_t *m, outer_t outer, uint32_t *out) {
    uint32_t *known = &c->block_of[(size_t)m->index * N_OUTER + outer];
    if (*known == 0) {
        pb_plan_t *p = c->p;
        if (!grow((void **)&p->blocks, &p->cap_blocks, p->n_blocks, sizeof(pb_block_t)) ||
            !grow((void **)&c->todo, &c->cap_todo, c->n_todo, sizeof(work_t))) {
            return NO_MEMORY(c->err);
        }
        p->blocks[p->n_blocks] = (pb_block_t){.message = m, .first_due = UINT32_MAX};
        c->todo[c->n_todo++] = (work_t){m, outer, (uint32_t)p->n_blocks};
        *known = (uint32_t)++p->n_blocks;
    }
    *out = *known - 1;
    return SCHLOSS_OK;
}

/* ---- one field ---- */

static const char *java_type(pb_type_t t) {
    switch (t) {
    case PB_INT32:
    case PB_UINT32:
    case PB_SINT32:
    case PB_FIXED32:
    case PB_SFIXED32:
        return "INT";
    case PB_INT64:
    case PB_UINT64:
    case PB_SINT64:
    case PB_FIXED64:
    case PB_SFIXED64:
        return "LONG";
    case PB_FLOAT:
        return "FLOAT";
    case PB_DOUBLE:
        return "DOUBLE";
    case PB_BOOL:
        return "BOOLEAN";
    case PB_ENUM:
        return "ENUM";
    case PB_STRING:
        return "STRING";
    case PB_BYTES:
        return "BYTES";
    case PB_MESSAGE:
    case PB_GROUP:
        return "RECORD";
    }
    return "NULL";
}

static pb_op_code_t plain_code(pb_type_t t) {
    switch (t) {
    case PB_STRING:
    case PB_BYTES:
        return PB_OP_LEN;
    case PB_MESSAGE:
        return PB_OP_CALL;
    case PB_GROUP:
        return PB_OP_GROUP;
    case PB_DOUBLE:
    case PB_FLOAT:
    case PB_INT64:
    case PB_UINT64:
    case PB_INT32:
    case PB_FIXED64:
    case PB_FIXED32:
    case PB_BOOL:
    case PB_UINT32:
    case PB_ENUM:
    case PB_SFIXED32:
    case PB_SFIXED64:
    case PB_SINT32:
    case PB_SINT64:
        break;
    }
    return pb_type_wire(t) == WIRE_FIX64 ? PB_OP_FIX64 : pb_type_wire(t) == WIRE_FIX32 ? PB_OP_FIX32 : PB_OP_VARINT;
}

static bool is_string_or_bytes(const pb_field_t *f) {
    return f->type == PB_STRING || f->type == PB_BYTES;
}

/* A value that the rule covers and cannot encrypt: refused on writing, left alone on reading. */
static void refuse(const compiler_t *c, pb_op_t *op, const char *type) {
    if (c->spec->writing) {
        op->code = PB_OP_REJECT;
        op->java_type = type;
        op->touched = true;
    }
}

/* Fills op for a field of a message that is no map entry's key. */
static schloss_rc compile_field(compiler_t *c, const pb_field_t *f, outer_t outer, pb_op_t *op) {
    const plan_spec_t *spec = c->spec;
    *op = (pb_op_t){
        .tag = f->number << 3 | pb_type_wire(f->type), .code = plain_code(f->type), .single = PB_NO_SINGLE, .field = f};
    bool covered =
        spec->rule != NULL && rule_matches_field(spec->rule, f->full_name, f->tags, f->n_tags, spec->metadata);
    if (f->type == PB_MESSAGE || f->type == PB_GROUP) {
        bool tagged = spec->inherit_tags && covered && spec->rule->n_tags > 0;
        c->p->base.n_unreached += covered && !tagged && spec->rule->n_tags > 0;
        return block_for(c, f->message, !tagged ? OUTER_NO : f->is_map ? OUTER_MAP : OUTER_RECORD, &op->block);
    }
    if (covered && f->extension) { /* official clients do not visit extensions: no reader would decrypt it */
        refuse(c, op, "EXTENSION");
    } else if (covered && is_string_or_bytes(f)) {
        op->code = f->type == PB_STRING ? PB_OP_STRING : PB_OP_BYTES;
        op->touched = true;
    } else if (covered && !spec->leave_others) {
        refuse(c, op, java_type(f->type));
    } else if (!covered && outer != OUTER_NO && f->type != PB_ENUM && (!spec->leave_others || is_string_or_bytes(f))) {
        refuse(c, op, outer == OUTER_MAP ? "MAP" : "RECORD"); /* as Java: the value keeps the type of what holds it */
    }
    return SCHLOSS_OK;
}

static schloss_rc compile_key(compiler_t *c, const pb_field_t *f, outer_t outer, pb_op_t *op) {
    *op = (pb_op_t){
        .tag = f->number << 3 | pb_type_wire(f->type), .code = plain_code(f->type), .single = PB_NO_SINGLE, .field = f};
    if (outer != OUTER_NO && !c->spec->leave_others) {
        refuse(c, op, "MAP");
    }
    return SCHLOSS_OK;
}

/* ---- blocks ---- */

static schloss_rc fill_block(compiler_t *c, work_t w) {
    const pb_message_t *m = w.message;
    ENSURE(m->n_fields < UINT16_MAX / 2, c->err, LIMIT_EXCEEDED, "%s has %zu fields; the limit is %u", m->name,
           m->n_fields, UINT16_MAX / 2);
    pb_op_t *ops = mem_calloc(2 * m->n_fields + 1, sizeof(*ops));
    c->p->blocks[w.block].ops = ops;
    ENSURE(ops != NULL, c->err, NO_MEMORY, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < m->n_fields; i++) {
        const pb_field_t *f = &m->fields[i];
        pb_op_t op;
        TRY(m->map_entry && f->number == 1 ? compile_key(c, f, w.outer, &op) : compile_field(c, f, w.outer, &op));
        bool packs = f->repeated && pb_type_packs(f->type);
        if (packs && (op.tag & 7) != WIRE_LEN) { /* both ways of writing it are right; by tag, 2 comes before 5 */
            pb_op_t run = op;
            run.tag = f->number << 3 | WIRE_LEN;
            run.code = op.code == PB_OP_REJECT ? PB_OP_REJECT : PB_OP_PACKED;
            bool first = (op.tag & 7) > WIRE_LEN;
            ops[n + !first] = run;
            ops[n + first] = op;
            n += 2;
        } else {
            ops[n++] = op;
        }
    }
    c->p->blocks[w.block].n_ops = (uint32_t)n;
    return SCHLOSS_OK;
}

/* Which blocks hold something to transform or refuse: repeated until nothing changes would be quadratic in hostile
 * schemas, so callers are kept in lists and each block is looked at once. */
static schloss_rc find_touched(compiler_t *c) {
    pb_plan_t *p = c->p;
    size_t edges = 0, n_todo = 0;
    for (size_t i = 0; i < p->n_blocks; i++) {
        edges += p->blocks[i].n_ops;
    }
    size_t *at = mem_calloc(p->n_blocks + 2, sizeof(size_t));
    uint32_t *callers = mem_calloc(edges + 1, sizeof(uint32_t));
    uint32_t *todo = mem_calloc(p->n_blocks + 1, sizeof(uint32_t));
    bool ok = at != NULL && callers != NULL && todo != NULL;
    for (size_t pass = 0; pass < 2 && ok; pass++) { /* count, then fill: each start ends up where it belongs */
        for (size_t i = 0; i < p->n_blocks; i++) {
            for (size_t k = 0; k < p->blocks[i].n_ops; k++) {
                const pb_op_t *op = &p->blocks[i].ops[k];
                if (op->code != PB_OP_CALL && op->code != PB_OP_GROUP) {
                    if (op->touched && pass == 1 && !p->blocks[i].touched) {
                        p->blocks[i].touched = true;
                        todo[n_todo++] = (uint32_t)i;
                    }
                } else if (pass == 0) {
                    at[op->block + 2]++;
                } else {
                    callers[at[op->block + 1]++] = (uint32_t)i;
                }
            }
        }
        for (size_t i = 2; pass == 0 && i < p->n_blocks + 2; i++) {
            at[i] += at[i - 1];
        }
    }
    while (ok && n_todo > 0) {
        uint32_t b = todo[--n_todo];
        for (size_t k = at[b]; k < at[b + 1]; k++) {
            if (!p->blocks[callers[k]].touched) {
                p->blocks[callers[k]].touched = true;
                todo[n_todo++] = callers[k];
            }
        }
    }
    mem_free(at);
    mem_free(callers);
    mem_free(todo);
    return ok ? SCHLOSS_OK : NO_MEMORY(c->err);
}

/* A oneof of which a member is touched: all its members count. */
static schloss_rc touched_oneofs(compiler_t *c, const pb_block_t *b, uint8_t **out) {
    uint8_t *seen = mem_calloc(b->message->n_oneofs + 1, 1);
    ENSURE(seen != NULL, c->err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < b->n_ops; i++) {
        if (b->ops[i].field->oneof >= 0 && b->ops[i].touched) {
            seen[b->ops[i].field->oneof] = 1;
        }
    }
    *out = seen;
    return SCHLOSS_OK;
}

static schloss_rc make_singles(compiler_t *c, pb_block_t *b) {
    const pb_message_t *m = b->message;
    uint8_t *oneofs = NULL;
    size_t n = 0;
    TRY(touched_oneofs(c, b, &oneofs));
    for (size_t pass = 0; pass < 2; pass++) {
        n = 0;
        for (uint32_t i = 0; i < b->n_ops; i++) {
            pb_op_t *op = &b->ops[i];
            const pb_field_t *f = op->field;
            bool member = f->oneof >= 0 && oneofs[f->oneof];
            if (f->repeated || !(op->touched || member)) {
                continue;
            }
            if (pass == 1) {
                bool value = m->map_entry && f->number == 2;
                op->single = (uint32_t)n;
                b->singles[n] = (pb_single_t){.op = i,
                                              .number = f->number,
                                              .due = UINT32_MAX,
                                              .always = op->touched && (m->map_entry || !f->presence),
                                              .keep = value,
                                              .oneof = member ? f->oneof : -1};
            }
            n++;
        }
        if (pass == 0) {
            b->singles = mem_calloc(n + 1, sizeof(*b->singles));
            if (b->singles == NULL) {
                mem_free(oneofs);
                return NO_MEMORY(c->err);
            }
        }
    }
    mem_free(oneofs);
    b->n_singles = (uint32_t)n;
    b->singles[n].due = UINT32_MAX;
    for (size_t i = n; i > 0; i--) {
        b->singles[i - 1].due = b->singles[i - 1].always ? b->singles[i - 1].number : b->singles[i].due;
    }
    b->first_due = b->singles[0].due;
    return SCHLOSS_OK;
}

static schloss_rc make_table(compiler_t *c, pb_block_t *b) {
    const pb_message_t *m = b->message;
    uint32_t max = 0;
    for (size_t i = 0; i < m->n_fields; i++) { /* as far as it is dense */
        if (m->fields[i].number <= 4 * (i + 1) + DENSE_SLACK) {
            max = m->fields[i].number;
        }
    }
    b->n_table = (max + 1) * 8;
    b->table = mem_calloc(b->n_table, sizeof(uint16_t));
    ENSURE(b->table != NULL, c->err, NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < b->n_ops && b->ops[i].tag < b->n_table; i++) {
        b->table[b->ops[i].tag] = (uint16_t)(i + 1);
    }
    return SCHLOSS_OK;
}

static schloss_rc finish_blocks(compiler_t *c) {
    pb_plan_t *p = c->p;
    TRY(find_touched(c));
    for (size_t i = 0; i < p->n_blocks; i++) {
        pb_block_t *b = &p->blocks[i];
        for (size_t k = 0; k < b->n_ops; k++) {
            pb_op_t *op = &b->ops[k];
            if (op->code == PB_OP_CALL || op->code == PB_OP_GROUP) {
                op->touched = p->blocks[op->block].touched;
            }
            p->base.n_fields += op->code == PB_OP_STRING || op->code == PB_OP_BYTES;
        }
        TRY(make_singles(c, b));
        TRY(make_table(c, b));
    }
    return SCHLOSS_OK;
}

static void pb_plan_free(plan_t *plan) {
    pb_plan_t *p = (pb_plan_t *)plan;
    for (size_t i = 0; i < p->n_blocks; i++) {
        mem_free(p->blocks[i].table);
        mem_free(p->blocks[i].ops);
        mem_free(p->blocks[i].singles);
    }
    mem_free(p->blocks);
    mem_free(p);
}

static schloss_rc compile(compiler_t *c, const pb_message_t *message) {
    size_t n = message->schema->n_messages;
    ENSURE(n <= LIMIT_SCHEMA_TYPES, c->err, LIMIT_EXCEEDED, "schema has %zu types, limit LIMIT_SCHEMA_TYPES is %u", n,
           LIMIT_SCHEMA_TYPES);
    c->block_of = mem_calloc(n * N_OUTER + 1, sizeof(uint32_t));
    ENSURE(c->block_of != NULL, c->err, NO_MEMORY, "out of memory");
    TRY(block_for(c, message, OUTER_NO, &c->p->root));
    while (c->n_todo > 0) {
        TRY(fill_block(c, c->todo[--c->n_todo]));
    }
    return finish_blocks(c);
}

schloss_rc plan_protobuf_compile(plan_t **out, const pb_message_t *message, const plan_spec_t *spec,
                                 schloss_error_t *err) {
    static const plan_class_t protobuf_class = {plan_protobuf_run, pb_plan_free};
    compiler_t c = {.p = MEM_NEW(pb_plan_t), .spec = spec, .err = err};
    ENSURE(c.p != NULL, err, NO_MEMORY, "out of memory");
    c.p->base.cls = &protobuf_class;
    schloss_rc rc = compile(&c, message);
    mem_free(c.block_of);
    mem_free(c.todo);
    if (rc != SCHLOSS_OK) {
        pb_plan_free(&c.p->base);
        return rc;
    }
    *out = &c.p->base;
    return SCHLOSS_OK;
}
