/* The instruction set of plans over Avro binary; shared by the compiler (plan_avro.c) and the interpreter
 * (plan_avro_run.c). The plan borrows the schema's fields. */
#ifndef RULES_PLAN_AVRO_H
#define RULES_PLAN_AVRO_H

#include "rules/plan.h"

typedef enum {
    OP_END,    /* end of block */
    OP_BOOL,   /* one byte, 0 or 1 */
    OP_INT,    /* 32-bit varint */
    OP_LONG,   /* 64-bit varint */
    OP_FIX,    /* a bytes */
    OP_LEN,    /* string or bytes, copied */
    OP_ENUM,   /* varint below a */
    OP_OPT,    /* union of two: branch a is null, the other is the next instruction (skipped for null) */
    OP_UNION,  /* a = first of b entries in plan->branches */
    OP_ARRAY,  /* a = block of the items, b = touched */
    OP_MAP,    /* a = block of the values, b = touched */
    OP_CALL,   /* a = block (nested record) */
    OP_STRING, /* transform a string */
    OP_BYTES,  /* transform bytes */
    OP_REJECT, /* writing: the rule covers a value of Avro type a that it cannot encrypt */
} op_code_t;

typedef struct op {
    op_code_t code;
    uint32_t a, b;
    const avro_field_t *field; /* for error texts; NULL at the root */
} op_t;

typedef struct avro_plan {
    plan_t base;
    op_t *ops;
    size_t n_ops, cap_ops;
    uint32_t *blocks; /* block -> first instruction */
    size_t n_blocks, cap_blocks;
    uint32_t *branches; /* blocks of union branches */
    size_t n_branches, cap_branches;
    uint32_t root; /* block */
    bool touched;
} avro_plan_t;

schloss_rc plan_avro_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err);

#endif
