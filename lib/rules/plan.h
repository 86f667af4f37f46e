/* Plans: one rule compiled against one schema into a small program over serialised bytes.
 *
 * A plan walks a record once, copies what the rule does not touch and transforms what it does. It checks as it walks:
 * bytes that do not fit the schema are refused, whether the rule touches anything or not. A plan is immutable and
 * shared by any number of threads; running one allocates nothing after warm-up. One file group per format makes them:
 * plan_avro*, plan_json*, plan_protobuf*. */
#ifndef RULES_PLAN_H
#define RULES_PLAN_H

#include "codec/avro/schema.h"
#include "codec/json/schema.h"
#include "codec/protobuf/schema.h"
#include "envelope/envelope.h"
#include "rules/ruleset.h"

/* What a record is, in the format of its schema: exactly one member is set. Borrowed; outlives the plans. */
typedef struct record_type {
    const avro_schema_t *avro;
    const json_schema_t *json;
    const pb_message_t *protobuf;
} record_type_t;

/* What to compile. */
typedef struct plan_spec {
    const rule_t *rule;     /* NULL: only check */
    const json_t *metadata; /* of the schema, may be NULL */
    bool writing;
    bool leave_others; /* covered values that are neither string nor bytes are left alone instead of refused */
    bool inherit_tags; /* a tag on a container covers the untagged values of primitive type inside (Java, spec 3.6) */
    bool lax_branches; /* JSON, reading: a value that fits no branch of a choice stays as it is instead of an error */
} plan_spec_t;

/* How values are transformed during one run. */
typedef struct plan_crypt {
    bool writing;
    bool versioned; /* the rule has an expiry: version prefix */
    dek_alg_t alg;
    dek_use_t *use;  /* keys */
    int64_t mono_ms; /* time_mono_ms() of this call */
    buf_t *scratch;  /* ciphertext before base64; not sensitive */
    buf_t *plain;    /* plaintext that must be escaped or unescaped; sensitive */
    /* Instead of encryption, when set: an application's executor, or redaction. Appends the new content to out. */
    schloss_rc (*custom)(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err);
    void *custom_user;
    buf_t *custom_out; /* sensitive scratch of it; not the same as plain */
    /* out */
    uint64_t n_values;
    uint64_t n_passed; /* ciphertexts left as they are: encrypt.nonshared.kek.passthrough */
    int32_t missing;   /* DEK version that NEED_KEY is about; 0 when writing */
    const char *field; /* full name of the field that failed, NULL when unknown; lives as long as the plan */
} plan_crypt_t;

typedef struct plan plan_t;

/* A format's plans. */
typedef struct plan_class {
    schloss_rc (*run)(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err);
    void (*free)(plan_t *p);
} plan_class_t;

/* The head of every plan. */
struct plan {
    const plan_class_t *cls;
    size_t n_fields;
    size_t n_unreached; /* tagged fields that hold records: the tag does not reach into them (spec 3.6) */
};

/* @return LIMIT_EXCEEDED (LIMIT_SCHEMA_TYPES), NO_MEMORY; JSON: UNSUPPORTED (a keyword under a choice that holds
 * covered fields and that the validator does not know) */
SCHLOSS_NODISCARD schloss_rc plan_compile(plan_t **out, const record_type_t *type, const plan_spec_t *spec,
                                          schloss_error_t *err);
void plan_free(plan_t *p); /* NULL is fine */
/* Fields that the rule touches and that hold strings or bytes. 0: the rule does nothing here. */
static inline size_t plan_n_fields(const plan_t *p) {
    return p->n_fields;
}

/* Runs the plan over in. out NULL: check only (no transforms: the plan must touch nothing). Appends to out, which must
 * not overlap in. crypt may be NULL when the plan touches nothing.
 * @return 0; SCHLOSS_NEED_KEY (what was appended is worthless); DATA_MISMATCH, UNSUPPORTED_TYPE, crypto, limits */
SCHLOSS_NODISCARD static inline schloss_rc plan_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt,
                                                    schloss_error_t *err) {
    return p->cls->run(p, in, out, crypt, err);
}

/* By format; plan_compile() chooses. */
SCHLOSS_NODISCARD schloss_rc plan_avro_compile(plan_t **out, const avro_schema_t *schema, const plan_spec_t *spec,
                                               schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc plan_json_compile(plan_t **out, const json_schema_t *schema, const plan_spec_t *spec,
                                               schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc plan_protobuf_compile(plan_t **out, const pb_message_t *message, const plan_spec_t *spec,
                                                   schloss_error_t *err);

#endif
