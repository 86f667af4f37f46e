/* Rule sets as the registry gives them (spec client-encryption 3.1): parsed, validated, immutable. */
#ifndef RULES_RULESET_H
#define RULES_RULESET_H

#include "base/arena.h"
#include "base/err.h"
#include <jansson.h>

typedef enum { RULE_TRANSFORM, RULE_CONDITION } rule_kind_t;
typedef enum { RULE_UPGRADE, RULE_DOWNGRADE, RULE_UPDOWN, RULE_WRITE, RULE_READ, RULE_WRITEREAD } rule_mode_t;
typedef enum { ENABLE_ALL, ENABLE_CLIENT, ENABLE_GATEWAY, ENABLE_SERVER, ENABLE_NONE } rule_env_t;
/* What the library can execute. Types are compared without regard to case. */
typedef enum { RULE_TYPE_ENCRYPT, RULE_TYPE_ENCRYPT_PAYLOAD, RULE_TYPE_OTHER } rule_type_t;

typedef struct rule {
    const char *name;
    const char *doc;        /* NULL when absent */
    const char *expr;       /* NULL when absent */
    const char *type_name;  /* as written */
    const char *type_upper; /* upper case: part of configuration keys (_ENCRYPT_) */
    rule_type_t type;
    rule_kind_t kind;
    rule_mode_t mode;
    const char **tags; /* may be empty: every field */
    size_t n_tags;
    const char *on_success; /* NULL: default. "" counts as absent */
    const char *on_failure;
    bool disabled;
    json_t *params;   /* object of strings, borrowed from the rule set; NULL when absent */
    bool is_encoding; /* stands in encodingRules */
} rule_t;

typedef struct ruleset {
    arena_t arena;
    json_t *json; /* keeps params alive */
    rule_t *domain, *encoding;
    size_t n_domain, n_encoding;
    rule_env_t enable_at;
} ruleset_t;

/* rule_set may be NULL or JSON null: an empty set. Migration rules are not kept: they never encrypt.
 * @return RULE_SET, LIMIT_EXCEEDED (LIMIT_RULES, LIMIT_RULE_TAGS), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc ruleset_parse(ruleset_t **out, json_t *rule_set, schloss_error_t *err);
void ruleset_free(ruleset_t *rs);

/* Metadata of a schema decides what is encrypted: tags that are no lists of texts, or properties that are no texts, are
 * errors instead of nothing. NULL is fine. @return RULE_SET */
SCHLOSS_NODISCARD schloss_rc metadata_check(const json_t *metadata, schloss_error_t *err);

/* Do the two rules carry the same non-empty set of tags? */
bool rule_same_tags(const rule_t *a, const rule_t *b);
/* Does a rule of this mode run when writing (else reading)? */
bool rule_mode_runs(rule_mode_t mode, bool writing);
/* Parameter of a rule: the rule's own, else metadata.properties of the schema, else NULL (spec 2.1). */
const char *rule_param(const rule_t *rule, const json_t *metadata, const char *name);
/* Action of onSuccess/onFailure text for the direction: NULL when text is NULL or "". A pair "a,b" is split for
 * WRITEREAD rules only. buf[64] holds the part. */
const char *rule_action(const rule_t *rule, const char *text, bool writing, char buf[64]);

#endif
