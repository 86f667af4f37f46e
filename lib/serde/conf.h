/* Reading a configuration. */
#ifndef SERDE_CONF_H
#define SERDE_CONF_H

#include "base/map.h"
#include <schloss/conf.h>

/* Value as set (secrets too), or the default; NULL when neither. */
const char *conf_str(const schloss_conf_t *c, const char *name);
bool conf_bool(const schloss_conf_t *c, const char *name);
int64_t conf_int(const schloss_conf_t *c, const char *name);
bool conf_is_set(const schloss_conf_t *c, const char *name);
/* rule.executors.<rule|_TYPE_|_default_>.<suffix>: the most specific one that is set, else NULL. */
const char *conf_rule(const schloss_conf_t *c, const char *rule, const char *type, const char *suffix);
/* KMS driver key: rule.executors...param.<key> as above, else <key> itself. */
const char *conf_driver(const schloss_conf_t *c, const char *rule, const char *type, const char *key);
/* Does the rule of this name have parameters of its own (rule.executors.<rule>.param.*)? */
bool conf_rule_has_params(const schloss_conf_t *c, const char *rule);
/* Copies what over sets onto c. *core_changed: a key of scope CORE differs. */
SCHLOSS_NODISCARD schloss_rc conf_merge(schloss_conf_t *c, const schloss_conf_t *over, bool *core_changed,
                                        schloss_error_t *err);
/* Last part of a Java class name. */
const char *conf_class(const char *value);

#endif
