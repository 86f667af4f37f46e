/* A view: one schema of one subject with its rules compiled for one direction. Immutable (but for its time to live),
 * reference-counted, shared by all handles of a client. Cached by subject and schema, never by schema id alone: the
 * same id can carry other rules under another subject. */
#ifndef SERDE_VIEW_H
#define SERDE_VIEW_H

#include "rules/plan.h"
#include "serde/core.h"
#include "serde/framing.h"
#include "serde/rule_ext.h"
#include <schloss/serde.h>

/* The public schema object. */
struct schloss_schema {
    sr_schema_t *sr;
    avro_schema_t *avro; /* of these three exactly one is set */
    json_schema_t *json;
    pb_schema_t *protobuf;
    const pb_message_t *message; /* Protobuf: of the records */
    char *subject;               /* of the view; the registry's answer may lack it */
};

typedef enum { ACTION_ERROR, ACTION_NONE, ACTION_DLQ, ACTION_UNKNOWN } action_t;

/* One rule that runs in the view's direction, in order of execution. */
typedef struct rule_run {
    const rule_t *rule;
    bool is_payload;
    plan_t *plan;     /* field rules */
    dek_slot_t *slot; /* NULL when broken */
    dek_alg_t alg;
    bool versioned;
    const schloss_rule_executor_t *executor; /* of the application; NULL: ENCRYPT or ENCRYPT_PAYLOAD */
    rule_stats_t *stats;                     /* lives as long as the client */
    schloss_error_t *broken;                 /* why the rule cannot run: bad parameter, no executor */
    action_t on_success, on_failure;
    char on_success_name[64], on_failure_name[64];
    _Atomic bool complained; /* a skipped failure is logged once */
} rule_run_t;

struct view {
    _Atomic uint32_t refs;
    schloss_schema_t schema;
    ruleset_t *rules;
    record_type_t type;
    plan_t *check; /* no transforms */
    plan_t
        *redact; /* writing, when a rule may dead-letter: covers what an encryption rule covers; NULL: show nothing */
    rule_run_t *runs; /* writing: domain then encoding; reading: encoding then domain, reversed */
    size_t n_runs;
    size_t n_effective; /* runs that will encrypt something */
    bool writing;
    bool root_is_bytes;                                 /* payload is the bare bytes, without Avro length */
    uint8_t prefix[FRAMING_ID_LEN + FRAMING_INDEX_MAX]; /* 00 | id | message indexes */
    size_t prefix_len;
    uint8_t guid[FRAMING_GUID_LEN + FRAMING_INDEX_MAX]; /* 01 | GUID | message indexes */
    size_t guid_len;                                    /* 0: no GUID known */
    rule_stats_t **skipped;                             /* rules of the set that do not run in this direction here */
    size_t n_skipped;
    char *key;      /* in the client's cache */
    bool is_latest; /* must be asked for again */
    _Atomic int64_t until_ms;
    _Atomic int64_t fetched_ms; /* when the registry last confirmed it */
    _Atomic bool used;          /* since the refresh thread looked last */
};

view_t *view_ref(view_t *v);
void view_unref(view_t *v);
void view_unref_void(void *v);

/* Which records a view is for. Protobuf: message by full name, else by path, else the first one of the file. */
typedef struct view_want {
    bool writing;
    const char *message;
    const int32_t *path;
    size_t n_path;
} view_want_t;

/* Compiles. Takes its own reference of sr. key is copied.
 * @return SCHEMA_PARSE, SCHEMA_TYPE, BAD_MESSAGE_INDEX, RULE_SET, limits, NO_MEMORY; broken rules are not errors here
 * (rule_run_t) */
SCHLOSS_NODISCARD schloss_rc view_new(core_t *c, const char *key, const char *subject, sr_schema_t *sr,
                                      const view_want_t *want, view_t **out, schloss_error_t *err);
/* Same schema and rules? */
bool view_same(const view_t *v, const sr_schema_t *sr);

/* Guard mode: RULES_REQUIRED unless a rule will encrypt. require: value of schloss.require.rules. */
SCHLOSS_NODISCARD schloss_rc view_guard(const view_t *v, const char *require, schloss_error_t *err);
bool view_is_guarded(const char *subject, const char *require);

#endif
