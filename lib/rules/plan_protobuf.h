/* The program of plans over the Protobuf wire format; shared by the compiler (plan_protobuf.c), the walker
 * (plan_protobuf_run.c) and what it falls back to for records that no canonical encoder writes
 * (plan_protobuf_merge.c). One block per message type; the plan borrows the schema's fields.
 *
 * "Singles" are the fields of a message whose number of occurrences matters: what is absent may have to be added, what
 * occurs twice must be merged before it is transformed. */
#ifndef RULES_PLAN_PROTOBUF_H
#define RULES_PLAN_PROTOBUF_H

#include "codec/protobuf/model.h"
#include "rules/plan.h"

typedef enum {
    PB_OP_VARINT, /* copied */
    PB_OP_FIX32,
    PB_OP_FIX64,
    PB_OP_LEN,
    PB_OP_PACKED, /* numbers in one run */
    PB_OP_STRING, /* transformed */
    PB_OP_BYTES,
    PB_OP_CALL,   /* message behind a length */
    PB_OP_GROUP,  /* message between tags */
    PB_OP_REJECT, /* writing: covered, and of a type that cannot be encrypted */
} pb_op_code_t;

#define PB_NO_SINGLE UINT32_MAX

typedef struct pb_op {
    uint32_t tag; /* number << 3 | wire type */
    pb_op_code_t code;
    uint32_t single; /* its place in the block's singles */
    uint32_t block;  /* of CALL and GROUP */
    bool touched;    /* CALL, GROUP: holds something to transform or refuse */
    const pb_field_t *field;
    const char *java_type; /* REJECT */
} pb_op_t;

typedef struct pb_single {
    uint32_t op; /* the first one of the field */
    uint32_t number;
    uint32_t due; /* number of the first single from here on that is transformed even when absent; UINT32_MAX: none */
    bool always;  /* transformed even when absent (no presence) */
    bool keep;    /* written even when empty (values of maps) */
    int32_t oneof;
} pb_single_t;

typedef struct pb_block {
    const pb_message_t *message;
    uint16_t *table; /* tag -> 1 + op; covers tags below n_table */
    uint32_t n_table;
    pb_op_t *ops; /* by tag */
    uint32_t n_ops;
    pb_single_t *singles; /* by number */
    uint32_t n_singles;
    uint32_t first_due; /* due of the first single */
    bool touched;
} pb_block_t;

typedef struct pb_plan {
    plan_t base;
    pb_block_t *blocks;
    size_t n_blocks, cap_blocks;
    uint32_t root;
} pb_plan_t;

typedef struct pb_run {
    const pb_plan_t *p;
    const uint8_t *start;  /* of the record, for offsets in error texts */
    const uint8_t *at;     /* where the last message ended, or where it failed */
    const uint8_t *copied; /* from here on is still to be copied */
    buf_t *out;            /* NULL: check only */
    plan_crypt_t *crypt;
    unsigned depth;
    bool again; /* fields occur twice or in another order: the record needs the careful walk */
    schloss_error_t *err;
} pb_run_t;

schloss_rc plan_protobuf_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err);
/* The careful walk over a whole record: fields in any order, singular ones more than once. */
schloss_rc pb_run_carefully(pb_run_t *r, bytes_t in);

/* ---- shared by the two walks ---- */
const pb_op_t *pb_block_op(const pb_block_t *b, uint32_t tag); /* NULL: no field of that number and wire type */
schloss_rc pb_run_mismatch(pb_run_t *r, const uint8_t *at, const pb_field_t *f, const char *what);
schloss_rc pb_run_reject(pb_run_t *r, const pb_op_t *op);
schloss_rc pb_run_too_deep(pb_run_t *r);
/* Tag (n_tag bytes) and transformed value, appended to out; nothing when it turns out empty and has no presence. */
schloss_rc pb_run_value(pb_run_t *r, const pb_op_t *op, const uint8_t *tag, size_t n_tag, bytes_t value, bool may_drop);
/* What single i stands for when the record does not hold it. */
schloss_rc pb_run_absent(pb_run_t *r, const pb_block_t *b, uint32_t single);
/* Room for the length of a message that is about to be written, and its closing. */
size_t pb_run_open(pb_run_t *r, size_t n_in);
void pb_run_close(pb_run_t *r, size_t mark, size_t n_in);
/* The content of a message in [p, end); group: number of the field whose end tag closes it before, 0: none. */
schloss_rc pb_run_message(pb_run_t *r, const pb_block_t *b, const uint8_t *p, const uint8_t *end, uint32_t group);
schloss_rc pb_run_packed(pb_run_t *r, const pb_op_t *op, const uint8_t *p, size_t n);
/* Skips a field that the schema does not know. NULL: malformed. */
const uint8_t *pb_run_skip(const uint8_t *p, const uint8_t *end, uint32_t tag, unsigned depth);
/* The same for a group behind its start tag; *content_end is where its end tag begins. */
const uint8_t *pb_run_group(const uint8_t *p, const uint8_t *end, uint32_t number, unsigned depth,
                            const uint8_t **content_end);
/* Plain varint; NULL: malformed. */
const uint8_t *pb_run_varint(const uint8_t *p, const uint8_t *end, uint64_t *v);

#endif
