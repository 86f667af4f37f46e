/* A view: one schema of one subject with its rules compiled for one direction. Immutable (but for its time to live),
 * reference-counted, shared by all handles of a client. Cached by subject and schema, never by schema id alone: the
 * same id can carry other rules under another subject. */
#ifndef SERDE_VIEW_H
#define SERDE_VIEW_H

#include "codec/avro/schema.h"
#include "rules/plan.h"
#include "serde/core.h"
#include <schloss/serde.h>

/* The public schema object. */
struct schloss_schema {
    sr_schema_t *sr;
    avro_schema_t *avro;
    char *subject; /* of the view; the registry's answer may lack it */
};

typedef enum { ACTION_ERROR, ACTION_NONE, ACTION_UNKNOWN } action_t;

/* One rule that runs in the view's direction, in order of execution. */
typedef struct rule_run {
    const rule_t *rule;
    bool is_payload;
    plan_t *plan;     /* field rules */
    dek_slot_t *slot; /* NULL when broken */
    dek_alg_t alg;
    bool versioned;
    schloss_error_t *broken; /* why the rule cannot run: bad parameter, no executor */
    action_t on_success, on_failure;
    char on_success_name[64], on_failure_name[64];
    _Atomic bool complained; /* a skipped failure is logged once */
} rule_run_t;

struct view {
    _Atomic uint32_t refs;
    schloss_schema_t schema;
    ruleset_t *rules;
    plan_t *check;    /* no transforms */
    rule_run_t *runs; /* writing: domain then encoding; reading: encoding then domain, reversed */
    size_t n_runs;
    size_t n_effective; /* runs that will encrypt something */
    bool writing;
    bool root_is_bytes; /* payload is the bare bytes, without Avro length */
    uint8_t prefix[5];  /* 00 | id */
    uint8_t guid[17];   /* 01 | GUID */
    bool has_guid;
    char *key;      /* in the client's cache */
    bool is_latest; /* must be asked for again */
    _Atomic int64_t until_ms;
    _Atomic int64_t fetched_ms; /* when the registry last confirmed it */
    _Atomic bool used;          /* since the refresh thread looked last */
};

view_t *view_ref(view_t *v);
void view_unref(view_t *v);
void view_unref_void(void *v);

/* Compiles. Takes its own reference of sr. key is copied.
 * @return SCHEMA_PARSE, SCHEMA_TYPE, RULE_SET, limits, NO_MEMORY; broken rules are not errors here (rule_run_t) */
SCHLOSS_NODISCARD schloss_rc view_new(core_t *c, const char *key, const char *subject, sr_schema_t *sr, bool writing,
                                      view_t **out, schloss_error_t *err);
/* Same schema and rules? */
bool view_same(const view_t *v, const sr_schema_t *sr);

/* Guard mode: RULES_REQUIRED unless a rule will encrypt. require: value of schloss.require.rules. */
SCHLOSS_NODISCARD schloss_rc view_guard(const view_t *v, const char *require, schloss_error_t *err);
bool view_is_guarded(const char *subject, const char *require);

#endif
