/* Hash map from byte strings to pointers, for caches. Keys are copied. Not thread-safe: the owner locks.
 * Hash is keyed with a random value of the process, so remote names cannot provoke collisions. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/mem.h"

typedef struct map map_t;

map_t *map_new(void (*free_value)(void *value)); /* free_value may be NULL */
void map_free(map_t *m);
void *map_get(const map_t *m, bytes_t key);
/* Replaces (freeing the old value). false when memory is out (value stays the caller's). */
SCHLOSS_NODISCARD bool map_put(map_t *m, bytes_t key, void *value);
bool map_del(map_t *m, bytes_t key); /* frees the value */
/* Takes the value out without freeing it. */
void *map_take(map_t *m, bytes_t key);
size_t map_len(const map_t *m);
void map_clear(map_t *m);
/* Calls each for every entry; each returns true to delete the entry (its value is freed). */
void map_sweep(map_t *m, bool (*each)(void *user, bytes_t key, void *value), void *user);

static inline bytes_t bytes_str(const char *s) {
    return bytes(s, __builtin_strlen(s));
}

#endif
