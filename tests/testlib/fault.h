/* Allocation failure on purpose, for every door through which the library gets heap memory: base/mem.h, jansson, curl.
 *
 * fault_arm(n): the n-th allocation from now on fails, once, in whatever thread it happens. Code of the test itself
 * (fake registry, checks) brackets its own work with fault_pause()/fault_resume(), which count per thread and nest. */
#ifndef TESTLIB_FAULT_H
#define TESTLIB_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Puts the hooks in. Call it before the first use of curl; calling it again does nothing. */
void fault_install(void);
void fault_arm(uint64_t nth); /* 0 = only count */
void fault_disarm(void);
/* True when the armed allocation came and failed. */
bool fault_fired(void);
/* Through which door it would have come. */
typedef enum { FAULT_MEM, FAULT_JANSSON, FAULT_CURL } fault_door_t;
fault_door_t fault_door(void);
/* Allocations seen since fault_arm. */
uint64_t fault_seen(void);
void fault_pause(void);
void fault_resume(void);
bool fault_paused(void); /* in this thread */
/* Puts the counters into memory that children share, so that a parent sees what its forked child did. */
void fault_share(void);

#endif
