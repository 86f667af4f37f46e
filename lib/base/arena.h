/* Bump allocator for things that die together (a parsed schema, a request). Capped; optionally wiped on free. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/mem.h"

typedef struct arena_block arena_block_t;

typedef struct arena {
    arena_block_t *head;
    size_t used, max;
    bool sensitive;
} arena_t;

void arena_init(arena_t *a, size_t max, bool sensitive);
void arena_clear(arena_t *a);
void *arena_alloc(arena_t *a, size_t n); /* 16-aligned, zeroed; NULL when out of memory or over max */
char *arena_strdup(arena_t *a, const char *s);
char *arena_strndup(arena_t *a, const char *s, size_t n);
char *arena_printf(arena_t *a, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc_n((a), (n), sizeof(type)))
void *arena_alloc_n(arena_t *a, size_t n, size_t size); /* overflow-checked */

#endif
