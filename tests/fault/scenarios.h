/* Fault scenarios: each does something useful with the library in step(), in a place prepared by open(). For every n
 * the n-th allocation of step() fails, and then: the outcome is success or NO_MEMORY, nothing crashes, no output was
 * half made, the same object does the step again without a fault, check() finds the right result, nothing leaks. */
#ifndef FAULT_SCENARIOS_H
#define FAULT_SCENARIOS_H

#include "base/err.h"

typedef struct scenario {
    const char *name;
    void *(*open)(void);
    schloss_rc (*step)(void *ctx, schloss_error_t *err);
    bool (*check)(void *ctx); /* after a step that succeeded */
    void (*close)(void *ctx);
} scenario_t;

extern const scenario_t scenarios_serde[], scenarios_codec[], scenarios_net[];
extern const size_t n_scenarios_serde, n_scenarios_codec, n_scenarios_net;

#endif
