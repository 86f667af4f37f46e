/* Clocks. No function here is a system call (vDSO). */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

typedef struct clk {
    int64_t (*now_ms)(void *user); /* NULL = system */
    void *user;
} clk_t;

int64_t time_now_ms(void);   /* CLOCK_REALTIME_COARSE */
int64_t time_mono_ms(void);  /* CLOCK_MONOTONIC_COARSE */
int64_t time_exact_ms(void); /* CLOCK_REALTIME */
uint64_t time_thread_cpu_ns(void);
static inline int64_t clk_now(const clk_t *c) {
    return c->now_ms == 0 ? time_now_ms() : c->now_ms(c->user);
}

#pragma GCC visibility pop

#endif
