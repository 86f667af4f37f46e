/* Counting what the hot path must not do. */
#ifndef FAULT_HOTPATH_H
#define FAULT_HOTPATH_H

#include <stdbool.h>
#include <stdint.h>

/* Runs child(arg) in a forked, traced process. child calls mark() before and after what is counted; the system calls in
 * between are counted by number. false: tracing is not possible, or the child failed; why says it. */
#define TRACE_NUMBERS 512
bool trace_run(int (*child)(void *arg), void *arg, uint64_t counts[TRACE_NUMBERS], const char **why);
void trace_mark(void);

#endif
