/* Heap memory of the library: one door, so that tests can make the n-th allocation fail and embedders can replace it.
 * Key material never comes from here (secret.h). Buffers that may hold plaintext are wiped by their owner (buf.h). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <schloss/bytes.h>
#include <string.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

typedef schloss_bytes_t bytes_t;

void *mem_alloc(size_t n);               /* NULL on failure; n = 0 gives a unique pointer */
void *mem_calloc(size_t n, size_t size); /* zeroed, overflow-checked */
void *mem_realloc(void *p, size_t n);    /* p stays valid on failure. Never for secrets */
void mem_free(void *p);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) SCHLOSS_PRINTF(1, 2);
/* Wipes n bytes in a way that the optimiser cannot remove. The one place that does it; inline, so that a few bytes of
 * known size cost a few stores. */
static inline void mem_wipe(void *p, size_t n) {
    if (n != 0) {
        memset(p, 0, n);
        /* The compiler must assume that this reads the memory, so the memset stays. */
        __asm__ __volatile__("" : : "r"(p) : "memory");
    }
}
/* Wipes and frees a NUL-terminated string; NULL is fine. */
void mem_wipe_str(char *s);

/* --- test hooks (tests/fault): called before each allocation; returning true makes it fail. NULL = off. --- */
void mem_set_fault(bool (*fail)(void *user), void *user);
/* Allocations since start, for tests of allocation-free paths. Thread-safe. */
uint64_t mem_count(void);
/* Counts one allocation and asks the hook: false = fail it. For allocators beside the heap (secret.c). */
bool mem_admit(void);

static inline bytes_t bytes(const void *p, size_t n) {
    return schloss_bytes(p, n);
}

#define MEM_NEW(type) ((type *)mem_calloc(1, sizeof(type)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#pragma GCC visibility pop

#endif
