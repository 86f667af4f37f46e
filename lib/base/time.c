/* Clocks. The coarse ones tick every few milliseconds and cost a few nanoseconds: right for time to live and expiry. */
#include "base/time.h"
#include <time.h>

static int64_t read_ms(clockid_t id) {
    struct timespec t = {0, 0};
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t time_now_ms(void) {
    return read_ms(CLOCK_REALTIME_COARSE);
}

int64_t time_mono_ms(void) {
    return read_ms(CLOCK_MONOTONIC_COARSE);
}

int64_t time_exact_ms(void) {
    return read_ms(CLOCK_REALTIME);
}

uint64_t time_thread_cpu_ns(void) {
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
