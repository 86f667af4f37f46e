/* Plans: one rule compiled against one Avro schema into a small program over serialised bytes.
 *
 * The program walks a record once, copies what the rule does not touch and transforms what it does. It checks as it
 * walks: bytes that do not fit the schema exactly are refused, whether the rule touches anything or not. A plan is
 * immutable and shared by any number of threads; running one allocates nothing after warm-up. */
#ifndef RULES_PLAN_H
#define RULES_PLAN_H

#include "codec/avro/schema.h"
#include "envelope/envelope.h"
#include "rules/ruleset.h"

typedef struct plan plan_t;

/* rule NULL: only checks. metadata: of the schema, may be NULL. The plan borrows schema's fields: schema must outlive
 * it. @return LIMIT_EXCEEDED (LIMIT_SCHEMA_TYPES), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc plan_compile(plan_t **out, const avro_schema_t *schema, const rule_t *rule,
                                          const json_t *metadata, bool writing, schloss_error_t *err);
void plan_free(plan_t *p);
/* Fields that the rule touches and that hold strings or bytes. 0: the rule does nothing here. */
size_t plan_n_fields(const plan_t *p);

/* How values are transformed during one run. */
typedef struct plan_crypt {
    bool writing;
    bool versioned; /* the rule has an expiry: version prefix */
    dek_alg_t alg;
    dek_use_t *use;  /* keys */
    int64_t mono_ms; /* time_mono_ms() of this call */
    buf_t *scratch;  /* ciphertext before base64; not sensitive */
    /* out */
    uint64_t n_values;
    int32_t missing;   /* DEK version that NEED_KEY is about; 0 when writing */
    const char *field; /* full name of the field that failed, NULL when unknown */
} plan_crypt_t;

/* Runs the plan over in. out NULL: check only (no transforms: the plan must touch nothing). Appends to out, which must
 * not overlap in. crypt may be NULL when the plan touches nothing.
 * @return 0; SCHLOSS_NEED_KEY (what was appended is worthless); DATA_MISMATCH, UNSUPPORTED_TYPE, crypto, limits */
SCHLOSS_NODISCARD schloss_rc plan_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt,
                                      schloss_error_t *err);

#endif
