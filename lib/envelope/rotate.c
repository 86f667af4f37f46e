/* Rotation: when a slot's DEK is due, and how often it has been used. */
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "envelope/set.h"
#include <stdatomic.h>

#define DAY_MS ((int64_t)86400000)

/* ts is the registry's word: any number of zero or more. */
int64_t rotation_of(const dek_spec_t *spec, int64_t ts) {
    int64_t at = 0;
    if (!spec->writing || spec->expiry_days <= 0 || __builtin_add_overflow(ts, spec->expiry_days * DAY_MS, &at)) {
        return INT64_MAX;
    }
    return at;
}

/* ---- ahead of time ---- */

/* Milliseconds until the slot wants rotation: 0 now, INT64_MAX not as things stand. */
static int64_t wait_of(const env_t *env, const dek_slot_t *slot) {
    const dek_entry_t *e = dek_set_find(atomic_load_explicit(&slot->set, memory_order_acquire), 0, true);
    if (!slot->spec.writing || env->conf.rotate_grace_ms <= 0 || e == NULL || e->key == NULL ||
        e->rotate_at_ms == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t now = clk_now(&env->conf.clock);
    if (now < e->rotate_at_ms) { /* both 0 or more, or the clock far in the past: no overflow worth a name */
        return now < 0 ? INT64_MAX : e->rotate_at_ms - now;
    }
    if (!atomic_load_explicit(&slot->near_rotation, memory_order_relaxed)) {
        return INT64_MAX; /* nobody writes: the next record makes the key */
    }
    int64_t pause = atomic_load_explicit(&slot->rotate_retry_ms, memory_order_relaxed) - time_mono_ms();
    return pause > 0 ? pause : 0;
}

bool env_slot_wants_rotation(env_t *env, dek_slot_t *slot) {
    return wait_of(env, slot) == 0;
}

typedef struct next {
    const env_t *env;
    int64_t ms;
} next_t;

static bool take_next(void *user, bytes_t key, void *value) {
    (void)key;
    next_t *n = user;
    int64_t ms = wait_of(n->env, value);
    n->ms = ms < n->ms ? ms : n->ms;
    return false;
}

int64_t env_next_rotation_ms(env_t *env) {
    next_t n = {env, INT64_MAX};
    pthread_mutex_lock(&env->lock);
    map_sweep(env->slots, take_next, &n);
    pthread_mutex_unlock(&env->lock);
    return n.ms;
}

/* ---- counting ---- */

#define HALF_BOUND ((uint64_t)1 << 31)
#define BOUND ((uint64_t)1 << 32)

void dek_key_count(const dek_key_t *key, uint64_t n) {
    dek_slot_t *slot = key->slot;
    if (slot == NULL || slot->spec.alg == DEK_AES256_SIV ||
        atomic_load_explicit(&slot->counted_version, memory_order_relaxed) != key->version) {
        return; /* a version that has been replaced is used no more */
    }
    uint64_t total = atomic_fetch_add_explicit(&slot->n_sealed, n, memory_order_relaxed) + n;
    if (total < HALF_BOUND) {
        return;
    }
    uint32_t due = total < BOUND ? 1 : 2;
    uint32_t given = atomic_load_explicit(&slot->n_sealed_warned, memory_order_relaxed);
    while (given < due) {
        if (atomic_compare_exchange_weak_explicit(&slot->n_sealed_warned, &given, due, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            METRIC_ADD(deks_overused, 1);
            LOG_WARN("envelope",
                     "DEK version %d of KEK %s, subject %s has encrypted 2^%d values, %s with random nonces; set "
                     "encrypt.dek.expiry.days in the rule so that it is replaced in time",
                     (int)key->version, slot->spec.kek, slot->spec.subject, due == 1 ? 31 : 32,
                     due == 1 ? "half of what is prudent" : "more than is prudent");
            return;
        }
    }
}
