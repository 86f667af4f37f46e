/* How every C program of the benchmark measures: CPU clock of the thread, JSON lines on standard output. The driver
 * (bench/run) starts a program once per round and takes medians over rounds. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What is measured returns false when the call failed. */
typedef bool (*bench_call_t)(void *user);

/* Which line is printed. */
typedef struct bench_line {
    const char *bench, *name, *impl;
} bench_line_t;

enum { BENCH_THREADS = 2 };

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

static inline void bench_print(bench_line_t line, const char *op, int threads, double cpu, double wall, uint64_t n) {
    printf("{\"bench\":\"%s\",\"case\":\"%s\",\"op\":\"%s\",\"impl\":\"%s\",\"threads\":%d,\"cpu_us\":%.5f,"
           "\"wall_us\":%.5f,\"n\":%llu}\n",
           line.bench, line.name, op, line.impl, threads, cpu / (double)n * 1e6, wall / (double)n * 1e6,
           (unsigned long long)n);
    fflush(stdout);
}

/* Warms up for a tenth of the time; returns how many calls fill the rest. */
static inline uint64_t bench_calls(const char *op, double seconds, bench_call_t call, void *user) {
    uint64_t batch = 16;
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
    return (uint64_t)(seconds / one) + 1;
}

/* Repeats call for about seconds of CPU and prints one line. */
static inline void bench_measure(bench_line_t line, const char *op, double seconds, bench_call_t call, void *user) {
    uint64_t n = bench_calls(op, seconds, call, user);
    double cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    double wall = bench_seconds(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < n; i++) {
        bench_check(call(user), op);
    }
    cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    bench_print(line, op, 1, cpu, wall, n);
}

/* ---- several threads at once, each with a user of its own ---- */

typedef struct bench_thread {
    pthread_t id;
    pthread_barrier_t *start;
    const char *op;
    bench_call_t call;
    void *user;
    uint64_t n;
    double cpu;
} bench_thread_t;

static inline void *bench_thread_main(void *arg) {
    bench_thread_t *t = arg;
    pthread_barrier_wait(t->start);
    double cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < t->n; i++) {
        bench_check(t->call(t->user), t->op);
    }
    t->cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    return NULL;
}

/* CPU per record is that of all threads together: with two that do not disturb each other it is that of one. */
static inline void bench_measure_threads(bench_line_t line, const char *op, double seconds, bench_call_t call,
                                         void *users[BENCH_THREADS]) {
    uint64_t n = bench_calls(op, seconds, call, users[0]);
    pthread_barrier_t start;
    bench_thread_t threads[BENCH_THREADS];
    pthread_barrier_init(&start, NULL, BENCH_THREADS + 1);
    for (size_t i = 0; i < BENCH_THREADS; i++) {
        threads[i] = (bench_thread_t){.start = &start, .op = op, .call = call, .user = users[i], .n = n};
        bench_check(pthread_create(&threads[i].id, NULL, bench_thread_main, &threads[i]) == 0, "a thread");
    }
    pthread_barrier_wait(&start);
    double wall = bench_seconds(CLOCK_MONOTONIC), cpu = 0;
    for (size_t i = 0; i < BENCH_THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        cpu += threads[i].cpu;
    }
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    pthread_barrier_destroy(&start);
    bench_print(line, op, BENCH_THREADS, cpu, wall, n * BENCH_THREADS);
}

/* Keeps what a call made alive, so that the compiler drops nothing of it. */
#define bench_keep(value) __asm__ volatile("" : : "g"(value) : "memory")

#endif
