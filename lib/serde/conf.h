/* Reading a configuration. */
#ifndef SERDE_CONF_H
#define SERDE_CONF_H

#include "base/map.h"
#include <schloss/conf.h>

/* Value as set (secrets too), or the default; NULL when neither. */
const char *conf_str(const schloss_conf_t *c, const char *name);
bool conf_bool(const schloss_conf_t *c, const char *name);
int64_t conf_int(const schloss_conf_t *c, const char *name);
/* Seconds as milliseconds; -1, which stands for ever, as a number that can be added to any time. */
#define CONF_FOR_EVER_MS (INT64_MAX / 4)
int64_t conf_ttl_ms(const schloss_conf_t *c, const char *name);
bool conf_is_set(const schloss_conf_t *c, const char *name);
/* rule.executors.<rule|_TYPE_|_default_>.<suffix>: the most specific one that is set, else NULL. */
const char *conf_rule(const schloss_conf_t *c, const char *rule, const char *type, const char *suffix);
/* Parameter of an action: rule.actions.<name|_TYPE_|_default_>.param.<key>, the most specific one, else NULL. */
const char *conf_action(const schloss_conf_t *c, const char *name, const char *type, const char *key);
/* KMS driver key: rule.executors...param.<key> as above, else <key> itself where the table allows it. */
const char *conf_driver(const schloss_conf_t *c, const char *rule, const char *type, const char *key);
/* Does the rule of this name have parameters of its own (rule.executors.<rule>.param.*)? */
bool conf_rule_has_params(const schloss_conf_t *c, const char *rule);
#define CONF_NAME_MAX 512u /* bytes of a key, with its end */
/* Name of the executor whose parameters a rule uses, chosen as Java does: <subject>:<rule>, else <rule>, if they have
 * any, else the first of rule.executors that serves the type; "" for none. */
void conf_executor_scope(const schloss_conf_t *c, const char *subject, const char *rule, const char *type,
                         char out[CONF_NAME_MAX]);
/* Does the client execute rules of this built-in type (ENCRYPT, ENCRYPT_PAYLOAD)? */
bool conf_has_executor(const schloss_conf_t *c, const char *type);
/* Rule type that an executor class of the Java client serves; NULL: not built in. */
const char *conf_builtin_type(const char *class);
/* Calls each (NULL: none) with what follows prefix in the keys that are set and begin with it.
 * @return what the last call returned; without each: is there such a key? */
bool conf_each(const schloss_conf_t *c, const char *prefix,
               bool (*each)(void *user, const char *rest, const char *value), void *user);
/* What only shows when everything is set. @return 0, CONF_MISSING */
SCHLOSS_NODISCARD schloss_rc conf_check_whole(const schloss_conf_t *c, schloss_error_t *err);
/* Copies what over sets onto c. *core_changed: a key of scope CORE differs. */
SCHLOSS_NODISCARD schloss_rc conf_merge(schloss_conf_t *c, const schloss_conf_t *over, bool *core_changed,
                                        schloss_error_t *err);
/* Last part of a Java class name. */
const char *conf_class(const char *value);

#endif
