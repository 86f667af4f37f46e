/* Bump allocator. A block is allocated zeroed and never reused before the arena is cleared, so pieces need no memset.
 */
#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALIGN ((size_t)16)
#define FIRST_BLOCK ((size_t)1024)
#define LARGEST_BLOCK ((size_t)65536)

struct arena_block {
    arena_block_t *next;
    size_t len, cap;
    _Alignas(16) uint8_t data[];
};

void arena_init(arena_t *a, size_t max, bool sensitive) {
    *a = (arena_t){.max = max, .sensitive = sensitive};
}

void arena_clear(arena_t *a) {
    for (arena_block_t *b = a->head, *next; b != NULL; b = next) {
        next = b->next;
        if (a->sensitive) {
            mem_wipe(b->data, b->len);
        }
        mem_free(b);
    }
    a->head = NULL;
    a->used = 0;
}

static arena_block_t *new_block(arena_t *a, size_t need) {
    size_t cap = a->head == NULL ? FIRST_BLOCK : 2 * a->head->cap;
    cap = cap > LARGEST_BLOCK ? LARGEST_BLOCK : cap;
    cap = cap < need ? need : cap;
    arena_block_t *b = mem_calloc(1, sizeof *b + cap);
    if (b == NULL) {
        return NULL;
    }
    b->cap = cap;
    if (a->head != NULL && cap - need < a->head->cap - a->head->len) {
        /* The head still has more room than this one will: keep filling the head. */
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(arena_t *a, size_t n) {
    if (n > a->max || n > SIZE_MAX / 2) {
        return NULL;
    }
    n = n == 0 ? ALIGN : (n + ALIGN - 1) & ~(ALIGN - 1);
    if (n > a->max - a->used) {
        return NULL;
    }
    arena_block_t *b = a->head;
    if (b == NULL || n > b->cap - b->len) {
        b = new_block(a, n);
        if (b == NULL) {
            return NULL;
        }
    }
    void *p = b->data + b->len;
    b->len += n;
    a->used += n;
    return p;
}

void *arena_alloc_n(arena_t *a, size_t n, size_t size) {
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : arena_alloc(a, total);
}

char *arena_strndup(arena_t *a, const char *s, size_t n) {
    if (n == SIZE_MAX) {
        return NULL;
    }
    char *copy = arena_alloc(a, n + 1);
    if (copy != NULL && n != 0) {
        memcpy(copy, s, n);
    }
    return copy;
}

char *arena_strdup(arena_t *a, const char *s) {
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(arena_t *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (out != NULL) {
        va_start(ap, fmt);
        (void)vsnprintf(out, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return out;
}
