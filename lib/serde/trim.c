/* Keys that nobody needs any more are wiped: those whose time is over, also for serving them stale, and the oldest ones
 * beyond cache.size. What is taken away is fetched again by the next record. A slot's shell, some hundred bytes without
 * a key, stays as long as the client: plans point to it. */
#include "envelope/set.h"
#include "serde/core.h"
#include <stdatomic.h>

typedef struct trim {
    int64_t over_ms; /* sets whose entries all ended before are over */
    const dek_slot_t *keep;
    size_t n; /* sets that stay */
    dek_slot_t *oldest;
    int64_t oldest_ms;
} trim_t;

static bool look_at(void *user, bytes_t key, void *value) {
    trim_t *t = user;
    dek_slot_t *slot = value;
    const dek_set_t *set = atomic_load_explicit(&slot->set, memory_order_acquire);
    (void)key;
    if (set == NULL) {
        return false;
    }
    int64_t until = INT64_MIN;
    for (uint32_t i = 0; i < set->n; i++) {
        until = set->e[i].until_ms > until ? set->e[i].until_ms : until;
    }
    if (slot != t->keep && until < t->over_ms) {
        dek_slot_publish(slot, NULL);
        return false;
    }
    t->n++;
    if (slot != t->keep && (t->oldest == NULL || until < t->oldest_ms)) {
        t->oldest = slot;
        t->oldest_ms = until;
    }
    return false;
}

void core_trim_keys(core_t *c, const dek_slot_t *keep) {
    trim_t t = {.over_ms = time_mono_ms() - c->stale_ms, .keep = keep};
    pthread_mutex_lock(&c->env.lock);
    map_sweep(c->env.slots, look_at, &t);
    if (t.n > c->max_keys && t.oldest != NULL) {
        dek_slot_publish(t.oldest, NULL);
    }
    if (map_len(c->env.keks) > c->max_keys) {
        map_clear(c->env.keks);
    }
    pthread_mutex_unlock(&c->env.lock);
}
