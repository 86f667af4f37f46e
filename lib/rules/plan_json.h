/* A rule over JSON text: groups of operations. A group is what applies to one value: every sub-schema that reaches it,
 * flattened over references and allOf, each with what the rule does there. Only what the rule touches is kept: group 0
 * is empty, a value under it is checked and copied. Shared by the compiler (plan_json.c) and the walk
 * (plan_json_run.c). The plan borrows the schema's nodes (validator) and owns its texts. */
#ifndef RULES_PLAN_JSON_H
#define RULES_PLAN_JSON_H

#include "base/arena.h"
#include "codec/json/model.h"
#include "rules/plan.h"

typedef enum {
    JOP_LEAF,   /* a covered value: strings are transformed, others judged */
    JOP_OBJECT, /* members [a, a + b) of props hold something touched */
    JOP_ARRAY,  /* items are of group a */
    JOP_CHOICE, /* branches [a, a + b): one (first that validates) or all that validate */
} jop_code_t;

enum {
    JOP_COMBINED = 1, /* leaf: the field's declared type is combined: what cannot be encrypted is left (spec 3.6) */
    JOP_ENUM = 2,     /* leaf: an enum without a type */
    JOP_STRICT = 4,   /* object, array: the schema says this type and no other */
    JOP_NULLABLE = 8, /* and null */
    JOP_FIRST = 16,   /* choice: oneOf */
    JOP_CHOSEN = 32,  /* group holds a choice */
};

typedef struct jop {
    uint8_t code, flags;
    uint8_t types; /* leaf: declared types, 0 = none */
    uint32_t a, b;
    uint64_t lens;     /* object: bit (length mod 64) of each touched member's name */
    const char *field; /* full name without indexes, of the first place where this was met */
} jop_t;

typedef struct jgroup {
    uint32_t first, n;
    uint8_t flags;
} jgroup_t;

typedef struct jprop {
    const char *name;
    size_t len;
    uint32_t group;
} jprop_t;

typedef struct jbranch {
    const json_node_t *node;
    uint32_t group;
} jbranch_t;

typedef struct json_plan {
    plan_t base;
    arena_t arena;
    jgroup_t *groups;
    size_t n_groups, cap_groups;
    jop_t *ops;
    size_t n_ops, cap_ops;
    jprop_t *props;
    size_t n_props, cap_props;
    jbranch_t *branches;
    size_t n_branches, cap_branches;
    uint32_t root;
    bool writing, leave_others, lax;
} json_plan_t;

schloss_rc plan_json_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err);

#endif
