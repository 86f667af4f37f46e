/* How every C program of the benchmark measures: one thread, CPU clock of that thread, JSON lines on standard output.
 * The driver (bench/run) starts a program once per round and takes medians over rounds. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What is measured returns false when the call failed. */
typedef bool (*bench_call_t)(void *user);

static inline double bench_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void bench_check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench: failed: %s\n", what);
        exit(1);
    }
}

/* Warms up for a tenth of the time, then repeats call for about seconds of CPU and prints one line. */
static inline void bench_measure(const char *impl, int fields, const char *op, double seconds, bench_call_t call,
                                 void *user) {
    uint64_t batch = 64;
    double one = 0;
    for (double spent = 0; spent < seconds / 10;) {
        double t0 = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        for (uint64_t i = 0; i < batch; i++) {
            bench_check(call(user), op);
        }
        double t = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - t0;
        one = t / (double)batch;
        spent += t;
        if (t < seconds / 100) {
            batch *= 2;
        }
    }
    uint64_t n = (uint64_t)(seconds / one) + 1;
    double cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    double wall = bench_seconds(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < n; i++) {
        bench_check(call(user), op);
    }
    cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    printf("{\"bench\":\"avro\",\"case\":\"%df/AES256_GCM\",\"op\":\"%s\",\"impl\":\"%s\",\"threads\":1,"
           "\"cpu_us\":%.5f,\"wall_us\":%.5f,\"n\":%llu}\n",
           fields, op, impl, cpu / (double)n * 1e6, wall / (double)n * 1e6, (unsigned long long)n);
    fflush(stdout);
}

/* Keeps what a call made alive, so that the compiler drops nothing of it. */
#define bench_keep(value) __asm__ volatile("" : : "g"(value) : "memory")

#endif
