/* The careful walk: over records whose fields stand in another order than by number, or where singular fields occur
 * more than once. Readers take the last of several values and merge several messages into one; so does this, before it
 * transforms: no occurrence stays plaintext, and no default overwrites what stands further behind.
 *
 * Each message is read twice: first the occurrences of its singles are chained, then it is written. A message that was
 * given in several pieces is a chain as well. Work is linear in the record, times its depth. */
#include "base/limits.h"
#include "rules/plan_protobuf.h"

#define NONE UINT32_MAX
#define FIRST_ITEMS 96u /* on the stack; more come from the heap */

/* An occurrence of a field; or, at the base of a message's items, the chain of one of its singles (next: first, last:
 * last occurrence) or the member of a oneof that is set (next: its single). */
typedef struct item {
    const uint8_t *tag, *body, *end; /* tag, content, and its end */
    const uint8_t *after;            /* where the next field begins (behind the end tag of a group) */
    uint32_t next, last;
} item_t;

typedef struct careful {
    pb_run_t *r;
    item_t *items;
    size_t n, cap;
    size_t budget; /* slots that may still be set up: many singles in many short messages must not take for ever */
    item_t first[FIRST_ITEMS];
} careful_t;

static schloss_rc push(careful_t *c, item_t item) {
    if (c->n == c->cap) {
        ENSURE(c->cap < LIMIT_RECORD_ITEMS, c->r->err, LIMIT_EXCEEDED,
               "too many repetitions of singular fields: limit LIMIT_RECORD_ITEMS (%llu)",
               (unsigned long long)LIMIT_RECORD_ITEMS);
        item_t *grown = mem_alloc(2 * c->cap * sizeof(*grown));
        ENSURE(grown != NULL, c->r->err, NO_MEMORY, "out of memory");
        memcpy(grown, c->items, c->n * sizeof(*grown));
        if (c->items != c->first) {
            mem_free(c->items);
        }
        c->items = grown;
        c->cap *= 2;
    }
    c->items[c->n++] = item;
    return SCHLOSS_OK;
}

/* ---- reading ---- */

/* The field at p. tag gets its value; op is NULL for fields that the schema does not know. */
static schloss_rc next_field(careful_t *c, const pb_block_t *b, const uint8_t *p, const uint8_t *end, item_t *f,
                             uint32_t *tag, const pb_op_t **op) {
    pb_run_t *r = c->r;
    uint64_t v = 0;
    *f = (item_t){.tag = p, .next = NONE, .last = NONE};
    f->body = pb_run_varint(p, end, &v);
    if (f->body == NULL || v > UINT32_MAX || v < 8 || (v & 7) == WIRE_END) {
        return pb_run_mismatch(r, p, NULL, "a tag is malformed");
    }
    *tag = (uint32_t)v;
    *op = pb_block_op(b, *tag);
    const pb_field_t *field = *op == NULL ? pb_field_by_number(b->message, *tag >> 3) : (*op)->field;
    if (*op == NULL && field != NULL) {
        return pb_run_mismatch(r, p, field, "the wire type is not that of the field");
    }
    if ((*tag & 7) == WIRE_GROUP) {
        f->after = pb_run_group(f->body, end, *tag >> 3, r->depth, &f->end);
    } else {
        f->after = f->end = pb_run_skip(f->body, end, *tag, r->depth);
    }
    if (f->after == NULL) {
        return pb_run_mismatch(r, p, field, "a value is malformed");
    }
    if ((*tag & 7) == WIRE_LEN) {
        f->body = pb_run_varint(f->body, end, &v);
    }
    return f->body == NULL ? pb_run_mismatch(r, p, field, "a length is malformed") : SCHLOSS_OK;
}

static item_t *slot(careful_t *c, size_t base, uint32_t single) {
    return &c->items[base + single];
}

static item_t *oneof_slot(careful_t *c, size_t base, const pb_block_t *b, int32_t oneof) {
    return &c->items[base + b->n_singles + (size_t)oneof];
}

/* Appends f to the chain of its single. Setting one member of a oneof clears the others. */
static schloss_rc chain(careful_t *c, size_t base, const pb_block_t *b, uint32_t single, item_t f) {
    int32_t oneof = b->singles[single].oneof;
    uint32_t at = (uint32_t)c->n;
    TRY(push(c, f));
    if (oneof >= 0) {
        item_t *set = oneof_slot(c, base, b, oneof);
        if (set->next != NONE && set->next != single) {
            slot(c, base, set->next)->next = NONE;
        }
        set->next = single;
    }
    item_t *s = slot(c, base, single);
    if (s->next == NONE) {
        s->next = at;
    } else {
        c->items[s->last].next = at;
    }
    s->last = at;
    return SCHLOSS_OK;
}

static schloss_rc collect(careful_t *c, const pb_block_t *b, uint32_t first, size_t base) {
    size_t n_slots = b->n_singles + (b->n_singles == 0 ? 0 : b->message->n_oneofs);
    ENSURE(n_slots <= c->budget, c->r->err, LIMIT_EXCEEDED,
           "too many messages with fields out of order: the record takes too much work");
    c->budget -= n_slots;
    for (size_t i = 0; i < n_slots; i++) {
        TRY(push(c, (item_t){.next = NONE, .last = NONE}));
    }
    for (uint32_t piece = first; piece != NONE; piece = c->items[piece].next) {
        const uint8_t *end = c->items[piece].end;
        item_t f;
        for (const uint8_t *p = c->items[piece].body; p < end; p = f.after) {
            const pb_op_t *op = NULL;
            uint32_t tag = 0;
            TRY(next_field(c, b, p, end, &f, &tag, &op));
            if (op != NULL && op->single != PB_NO_SINGLE) {
                TRY(chain(c, base, b, op->single, f));
            }
        }
    }
    return SCHLOSS_OK;
}

/* ---- writing ---- */

static void copy(pb_run_t *r, const uint8_t *from, const uint8_t *to) {
    buf_put_short(r->out, from, (size_t)(to - from));
}

static schloss_rc write_pieces(careful_t *c, const pb_block_t *b, uint32_t first);

/* A message in one or more pieces as one. */
static schloss_rc write_message(careful_t *c, const pb_op_t *op, uint32_t first) {
    pb_run_t *r = c->r;
    const pb_block_t *inner = &r->p->blocks[op->block];
    size_t n = 0;
    for (uint32_t i = first; i != NONE; i = c->items[i].next) {
        n += (size_t)(c->items[i].end - c->items[i].body);
    }
    wire_put_varint(r->out, op->tag);
    if (op->code == PB_OP_GROUP) {
        TRY(write_pieces(c, inner, first));
        wire_put_varint(r->out, (op->tag & ~7u) | WIRE_END);
        return SCHLOSS_OK;
    }
    size_t mark = pb_run_open(r, n);
    TRY(write_pieces(c, inner, first));
    pb_run_close(r, mark, n);
    return SCHLOSS_OK;
}

/* Of a field that is no single, or of the last occurrence of one that is. */
static schloss_rc write_value(careful_t *c, const pb_block_t *b, const pb_op_t *op, const item_t *f) {
    bool may_drop = op->single != PB_NO_SINGLE && b->singles[op->single].always && !b->singles[op->single].keep;
    size_t n_tag = 1;
    while (f->tag[n_tag - 1] >= 0x80) {
        n_tag++;
    }
    return pb_run_value(c->r, op, f->tag, n_tag, bytes(f->body, (size_t)(f->end - f->body)), may_drop);
}

/* Everything about a single, where it occurs first. */
static schloss_rc write_single(careful_t *c, const pb_block_t *b, const pb_op_t *op, uint32_t first, uint32_t last) {
    if (!op->touched) {
        for (uint32_t i = first; i != NONE; i = c->items[i].next) {
            copy(c->r, c->items[i].tag, c->items[i].after);
        }
        return SCHLOSS_OK;
    }
    if (op->code == PB_OP_CALL || op->code == PB_OP_GROUP) {
        return write_message(c, op, first);
    }
    if (op->code == PB_OP_REJECT) {
        return pb_run_reject(c->r, op);
    }
    item_t f = c->items[last];
    return write_value(c, b, op, &f);
}

static schloss_rc write_other(careful_t *c, const pb_block_t *b, const pb_op_t *op, item_t f) {
    if (op == NULL || !op->touched) {
        copy(c->r, f.tag, f.after);
        return SCHLOSS_OK;
    }
    if (op->code == PB_OP_REJECT) {
        return pb_run_reject(c->r, op);
    }
    if (op->code != PB_OP_CALL && op->code != PB_OP_GROUP) {
        return write_value(c, b, op, &f);
    }
    uint32_t at = (uint32_t)c->n;
    TRY(push(c, f));
    TRY(write_message(c, op, at));
    c->n = at;
    return SCHLOSS_OK;
}

/* Well-formed inside? What is not touched is copied as it is, but it must fit its type. */
static schloss_rc check(careful_t *c, const pb_op_t *op, const item_t *f) {
    pb_run_t *r = c->r;
    if (op->code == PB_OP_PACKED) {
        return pb_run_packed(r, op, f->body, (size_t)(f->end - f->body));
    }
    if (op->touched || (op->code != PB_OP_CALL && op->code != PB_OP_GROUP)) {
        return SCHLOSS_OK;
    }
    return pb_run_message(r, &r->p->blocks[op->block], f->body, f->end, 0);
}

/* A message that another member of its oneof has cleared since is not written, but malformed it must not be all the
 * same. */
static schloss_rc check_cleared(careful_t *c, const pb_op_t *op, const item_t *f) {
    pb_run_t *r = c->r;
    const pb_block_t *b = &r->p->blocks[op->block];
    item_t inner;
    if (++r->depth > LIMIT_RECORD_DEPTH) {
        return pb_run_too_deep(r);
    }
    for (const uint8_t *p = f->body; p < f->end; p = inner.after) {
        const pb_op_t *o = NULL;
        uint32_t tag = 0;
        TRY(next_field(c, b, p, f->end, &inner, &tag, &o));
        if (o != NULL && (o->code == PB_OP_CALL || o->code == PB_OP_GROUP)) {
            TRY(check_cleared(c, o, &inner));
        } else if (o != NULL) {
            TRY(check(c, o, &inner));
        }
    }
    r->depth--;
    return SCHLOSS_OK;
}

static schloss_rc write_absent(careful_t *c, const pb_block_t *b, size_t base, uint32_t *next, uint32_t number) {
    for (; *next < b->n_singles && b->singles[*next].number < number; ++*next) {
        if (b->singles[*next].always && slot(c, base, *next)->next == NONE) {
            TRY(pb_run_absent(c->r, b, *next));
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc write_pieces(careful_t *c, const pb_block_t *b, uint32_t first) {
    size_t base = c->n;
    uint32_t next = 0;
    if (++c->r->depth > LIMIT_RECORD_DEPTH) {
        return pb_run_too_deep(c->r);
    }
    TRY(collect(c, b, first, base));
    for (uint32_t piece = first; piece != NONE; piece = c->items[piece].next) {
        const uint8_t *end = c->items[piece].end;
        item_t f;
        for (const uint8_t *p = c->items[piece].body; p < end; p = f.after) {
            const pb_op_t *op = NULL;
            uint32_t tag = 0;
            TRY(next_field(c, b, p, end, &f, &tag, &op));
            TRY(write_absent(c, b, base, &next, tag >> 3));
            if (op != NULL) {
                TRY(check(c, op, &f));
            }
            if (op == NULL || op->single == PB_NO_SINGLE) {
                TRY(write_other(c, b, op, f));
                continue;
            }
            item_t *s = slot(c, base, op->single);
            if (s->next != NONE && c->items[s->next].tag == f.tag) {
                s->tag = f.tag; /* reached: what comes now belongs to what is written here */
                TRY(write_single(c, b, op, s->next, s->last));
            } else if (s->tag == NULL && op->touched && (op->code == PB_OP_CALL || op->code == PB_OP_GROUP)) {
                TRY(check_cleared(c, op, &f));
            }
        }
    }
    TRY(write_absent(c, b, base, &next, NONE));
    c->n = base;
    c->r->depth--;
    return SCHLOSS_OK;
}

schloss_rc pb_run_carefully(pb_run_t *r, bytes_t in) {
    careful_t c = {.r = r, .cap = FIRST_ITEMS, .budget = LIMIT_RECORD_ITEMS + 8 * in.len};
    c.items = c.first;
    schloss_rc rc = push(&c, (item_t){.body = in.ptr, .end = in.ptr + in.len, .next = NONE, .last = NONE});
    if (rc == SCHLOSS_OK) {
        rc = write_pieces(&c, &r->p->blocks[r->p->root], 0);
    }
    if (c.items != c.first) {
        mem_free(c.items);
    }
    return rc == SCHLOSS_OK ? buf_check(r->out, r->err) : rc;
}
