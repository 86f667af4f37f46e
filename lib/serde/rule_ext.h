/* What an application adds to a client: rule executors, the sink of dead letters; and what the client counts per rule.
 * A private core (core_for) uses those of the client that it was made from. */
#ifndef SERDE_RULE_EXT_H
#define SERDE_RULE_EXT_H

#include "base/map.h"
#include "serde/core.h"
#include <schloss/ext/rule.h>

/* Counters of one rule under one subject and mode (control-plane 11.1). */
typedef struct rule_stats {
    _Atomic uint64_t success, failure, skipped;
    _Atomic uint64_t actions[3]; /* by action_t: ERROR, NONE, DLQ */
    _Atomic int64_t last_success_ms;
    const char *rule, *type, *subject; /* owned */
    bool writing;
} rule_stats_t;

struct rule_ext {
    pthread_mutex_t lock;
    const schloss_rule_executor_t *_Atomic executors[64];
    _Atomic size_t n_executors;
    schloss_dead_letter_sink_t sink;
    _Atomic bool has_sink;
    map_t *stats; /* rule_stats_t; never shrinks: bounded by RULE_STATS_MAX */
};
typedef struct rule_ext rule_ext_t;

#define RULE_STATS_MAX 100000u

SCHLOSS_NODISCARD schloss_rc rule_ext_new(rule_ext_t **out, schloss_error_t *err);
void rule_ext_free(rule_ext_t *x); /* calls the destroy functions */

/* NULL: none for this type. */
const schloss_rule_executor_t *rule_ext_executor(core_t *c, const char *type);
const schloss_dead_letter_sink_t *rule_ext_sink(core_t *c);
/* Counters of a rule, made when missing; beyond RULE_STATS_MAX rules share one. @return NULL when out of memory */
rule_stats_t *rule_ext_stats(core_t *c, const char *subject, const char *rule, const char *type, bool writing);

#endif
