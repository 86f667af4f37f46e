/* The one door to the heap. Counter and fault hook are relaxed atomics: they order nothing, tests set the hook before
 * they start threads. */
#include "base/mem.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*fault_fn)(void *user);

static _Atomic(fault_fn) fault;
static _Atomic(void *) fault_user;
static _Atomic uint64_t count;

void mem_set_fault(bool (*fail)(void *user), void *user) {
    atomic_store_explicit(&fault_user, user, memory_order_relaxed);
    atomic_store_explicit(&fault, fail, memory_order_release);
}

uint64_t mem_count(void) {
    return atomic_load_explicit(&count, memory_order_relaxed);
}

bool mem_admit(void) {
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    fault_fn f = atomic_load_explicit(&fault, memory_order_acquire);
    return f == NULL || !f(atomic_load_explicit(&fault_user, memory_order_relaxed));
}

void *mem_alloc(size_t n) {
    return mem_admit() ? malloc(n == 0 ? 1 : n) : NULL;
}

void *mem_calloc(size_t n, size_t size) {
    if (n == 0 || size == 0) {
        n = size = 1;
    }
    size_t total; /* checked here too: sanitizers end the process on what calloc answers with NULL */
    return !__builtin_mul_overflow(n, size, &total) && mem_admit() ? calloc(n, size) : NULL;
}

void *mem_realloc(void *p, size_t n) {
    return mem_admit() ? realloc(p, n == 0 ? 1 : n) : NULL;
}

void mem_free(void *p) {
    free(p);
}

char *mem_strdup(const char *s) {
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n) {
    n = strnlen(s, n);
    char *copy = mem_alloc(n + 1);
    if (copy != NULL) {
        memcpy(copy, s, n);
        copy[n] = 0;
    }
    return copy;
}

char *mem_printf(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = n < 0 ? NULL : mem_alloc((size_t)n + 1);
    if (out != NULL) {
        va_start(ap, fmt);
        (void)vsnprintf(out, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return out;
}

void mem_wipe_str(char *s) {
    if (s != NULL) {
        mem_wipe(s, strlen(s));
        mem_free(s);
    }
}
