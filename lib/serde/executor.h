/* Running a rule through an application's executor (schloss/ext/rule.h). */
#ifndef SERDE_EXECUTOR_H
#define SERDE_EXECUTOR_H

#include "serde/handle.h"

/* Appends the rule's result to b. *replaced: b holds the new message (false for a condition, which left it alone).
 * @return 0, RULE_CONDITION (the condition does not hold), EXECUTOR or the executor's own code */
SCHLOSS_NODISCARD schloss_rc executor_run(handle_t *h, const target_entry_t *e, const rule_run_t *run, bytes_t message,
                                          const run_call_t *call, buf_t *b, bool *replaced, schloss_error_t *err);

#endif
