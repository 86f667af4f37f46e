/* Chained hash map; the hash is SipHash-1-3 under a random key of the process. An entry carries its key, so growing
 * moves pointers only; when growing fails the map goes on with longer chains. */
#include "base/map.h"
#include "base/random.h"
#include "base/time.h"
#include <pthread.h>
#include <string.h>

#define FIRST_SLOTS ((size_t)8)

typedef struct entry {
    struct entry *next;
    uint64_t hash;
    void *value;
    size_t key_len;
    uint8_t key[];
} entry_t;

struct map {
    entry_t **slots;
    size_t n_slots; /* a power of two */
    size_t len;
    void (*free_value)(void *value);
};

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void) {
    if (random_bytes(hash_key, sizeof hash_key, NULL) != SCHLOSS_OK) {
        /* Not a secret that protects data: something that a remote cannot know well is enough. */
        hash_key[0] = (uint64_t)time_exact_ms() * UINT64_C(0x9e3779b97f4a7c15);
        hash_key[1] = (uint64_t)(uintptr_t)&hash_once ^ time_thread_cpu_ns();
    }
}

static inline uint64_t rotl(uint64_t x, unsigned n) {
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t hash_of(bytes_t key) {
    uint64_t v[4] = {hash_key[0] ^ UINT64_C(0x736f6d6570736575), hash_key[1] ^ UINT64_C(0x646f72616e646f6d),
                     hash_key[0] ^ UINT64_C(0x6c7967656e657261), hash_key[1] ^ UINT64_C(0x7465646279746573)};
    size_t i = 0;
    for (; key.len - i >= 8; i += 8) {
        uint64_t m;
        memcpy(&m, key.ptr + i, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (unsigned shift = 0; i < key.len; i++, shift += 8) {
        last |= (uint64_t)key.ptr[i] << shift;
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

map_t *map_new(void (*free_value)(void *value)) {
    pthread_once(&hash_once, make_hash_key);
    map_t *m = MEM_NEW(map_t);
    if (m == NULL) {
        return NULL;
    }
    m->slots = mem_calloc(FIRST_SLOTS, sizeof *m->slots);
    if (m->slots == NULL) {
        mem_free(m);
        return NULL;
    }
    m->n_slots = FIRST_SLOTS;
    m->free_value = free_value;
    return m;
}

static void free_entry(map_t *m, entry_t *e) {
    if (m->free_value != NULL) {
        m->free_value(e->value);
    }
    mem_free(e);
}

void map_clear(map_t *m) {
    for (size_t i = 0; i < m->n_slots; i++) {
        for (entry_t *e = m->slots[i], *next; e != NULL; e = next) {
            next = e->next;
            free_entry(m, e);
        }
        m->slots[i] = NULL;
    }
    m->len = 0;
}

void map_free(map_t *m) {
    if (m != NULL) {
        map_clear(m);
        mem_free(m->slots);
        mem_free(m);
    }
}

/* Where the pointer to the entry stands, or to the NULL at the end of its chain. */
static entry_t **place_of(const map_t *m, bytes_t key, uint64_t hash) {
    entry_t **at = &m->slots[hash & (m->n_slots - 1)];
    while (*at != NULL && !((*at)->hash == hash && (*at)->key_len == key.len &&
                            (key.len == 0 || memcmp((*at)->key, key.ptr, key.len) == 0))) {
        at = &(*at)->next;
    }
    return at;
}

void *map_get(const map_t *m, bytes_t key) {
    const entry_t *e = *place_of(m, key, hash_of(key));
    return e == NULL ? NULL : e->value;
}

static void grow(map_t *m) {
    size_t n = 2 * m->n_slots;
    entry_t **slots = mem_calloc(n, sizeof(entry_t *));
    if (slots == NULL) {
        return;
    }
    for (size_t i = 0; i < m->n_slots; i++) {
        for (entry_t *e = m->slots[i], *next; e != NULL; e = next) {
            next = e->next;
            e->next = slots[e->hash & (n - 1)];
            slots[e->hash & (n - 1)] = e;
        }
    }
    mem_free(m->slots);
    m->slots = slots;
    m->n_slots = n;
}

bool map_put(map_t *m, bytes_t key, void *value) {
    uint64_t hash = hash_of(key);
    entry_t **at = place_of(m, key, hash);
    if (*at != NULL) {
        void *old = (*at)->value;
        (*at)->value = value;
        if (old != value && m->free_value != NULL) {
            m->free_value(old);
        }
        return true;
    }
    if (key.len > SIZE_MAX / 2) {
        return false;
    }
    entry_t *e = mem_alloc(sizeof *e + key.len);
    if (e == NULL) {
        return false;
    }
    *e = (entry_t){.hash = hash, .value = value, .key_len = key.len};
    if (key.len != 0) {
        memcpy(e->key, key.ptr, key.len);
    }
    *at = e;
    m->len++;
    if (m->len > m->n_slots) {
        grow(m);
    }
    return true;
}

void *map_take(map_t *m, bytes_t key) {
    entry_t **at = place_of(m, key, hash_of(key));
    entry_t *e = *at;
    if (e == NULL) {
        return NULL;
    }
    void *value = e->value;
    *at = e->next;
    m->len--;
    mem_free(e);
    return value;
}

bool map_del(map_t *m, bytes_t key) {
    entry_t **at = place_of(m, key, hash_of(key));
    entry_t *e = *at;
    if (e == NULL) {
        return false;
    }
    *at = e->next;
    m->len--;
    free_entry(m, e);
    return true;
}

size_t map_len(const map_t *m) {
    return m->len;
}

void map_sweep(map_t *m, bool (*each)(void *user, bytes_t key, void *value), void *user) {
    for (size_t i = 0; i < m->n_slots; i++) {
        entry_t **at = &m->slots[i];
        while (*at != NULL) {
            entry_t *e = *at;
            if (each(user, bytes(e->key, e->key_len), e->value)) {
                *at = e->next;
                m->len--;
                free_entry(m, e);
            } else {
                at = &e->next;
            }
        }
    }
}
