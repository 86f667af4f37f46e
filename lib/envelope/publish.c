/* Turning what a fetch came to into the slot's next set. */
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "envelope/set.h"
#include <stdatomic.h>

static bool registry_unreachable(schloss_rc rc) {
    return rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_TIMEOUT || rc == SCHLOSS_E_IO || rc == SCHLOSS_E_REGISTRY_BUSY;
}

static void key_entry(const env_t *env, const dek_slot_t *slot, int64_t mono, dek_entry_t *e) {
    e->until_ms = mono + env->conf.ttl_ms;
    e->refresh_ms = mono + env->conf.ttl_ms / 5 * 4;
    e->rotate_at_ms = rotation_of(&slot->spec, e->key->ts);
    if (e->rotate_at_ms <= clk_now(&env->conf.clock)) { /* rotation was refused: ask again, but not per record */
        e->rotate_at_ms = INT64_MAX;
        e->until_ms = mono + env->conf.negative_ms;
    }
}

/* How long a failure is remembered. */
static int64_t failure_ttl(const env_conf_t *c, schloss_rc rc) {
    int64_t missing = rc == SCHLOSS_E_KEK_NOT_FOUND   ? c->missing_kek_ttl_ms
                      : rc == SCHLOSS_E_DEK_NOT_FOUND ? c->missing_dek_ttl_ms
                                                      : 0;
    return missing > c->negative_ms ? missing : c->negative_ms;
}

/* Entry for a failed fetch: the old key for a little longer when only the registry is away, else the error. */
static schloss_rc failure_entry(env_t *env, const dek_slot_t *slot, const dek_entry_t *old, const dek_outcome_t *what,
                                int64_t mono, dek_entry_t *e, bool *stale, schloss_error_t *err) {
    int64_t given_up =
        old == NULL || old->key == NULL ? 0 : old->refresh_ms + env->conf.ttl_ms / 5 + env->conf.stale_ms;
    if (registry_unreachable(what->rc) && mono < given_up) {
        *e = *old;
        atomic_fetch_add_explicit(&old->key->refs, 1, memory_order_relaxed);
        e->until_ms = mono + 10000 < given_up ? mono + 10000 : given_up;
        e->rotate_at_ms = INT64_MAX; /* rotation, too, must wait for the registry */
        *stale = true;
        return SCHLOSS_OK;
    }
    e->error = schloss_error_new();
    ENSURE(e->error != NULL, err, NO_MEMORY, "out of memory");
    err_copy(e->error, what->why);
    err_kek(e->error, slot->spec.kek);
    err_subject(e->error, slot->spec.subject);
    e->until_ms = mono + failure_ttl(&env->conf, what->rc);
    e->refresh_ms = INT64_MAX;
    e->rotate_at_ms = INT64_MAX;
    return SCHLOSS_OK;
}

/* Is there something newer than what a fill brings that began before an invalidation? */
static bool is_overtaken(const dek_entry_t *there, int64_t mono) {
    return there != NULL && there->until_ms >= mono;
}

/* A failure within the grace is no record's failure: the old key stays, and a later attempt may do better. */
static bool is_bridged(const env_t *env, const dek_entry_t *there, int64_t mono) {
    if (there == NULL || there->key == NULL || there->rotate_at_ms == INT64_MAX || mono > there->until_ms) {
        return false;
    }
    int64_t now = clk_now(&env->conf.clock);
    return now >= there->rotate_at_ms && now - there->rotate_at_ms < env->conf.rotate_grace_ms;
}

/* A new DEK: what was counted was about another. */
static void count_anew(dek_slot_t *slot, const dek_key_t *key) {
    if (slot->spec.writing && atomic_load_explicit(&slot->counted_version, memory_order_relaxed) != key->version) {
        atomic_store_explicit(&slot->n_sealed, 0, memory_order_relaxed);
        atomic_store_explicit(&slot->n_sealed_warned, 0, memory_order_relaxed);
        atomic_store_explicit(&slot->counted_version, key->version, memory_order_relaxed);
    }
}

schloss_rc env_publish(env_t *env, dek_slot_t *slot, int32_t version, const dek_fill_t *f, dek_outcome_t what,
                       schloss_error_t *err) {
    int64_t mono = time_mono_ms();
    dek_entry_t e = {.version = version, .key = what.key, .passes = what.passes, .creates = f->creates};
    bool failed = what.key == NULL && !what.passes;
    if (what.key != NULL) {
        key_entry(env, slot, mono, &e);
    } else if (what.passes) {
        e.until_ms = mono + env->conf.ttl_ms;
        e.refresh_ms = INT64_MAX;
        e.rotate_at_ms = INT64_MAX;
    }
    pthread_mutex_lock(&env->lock);
    dek_set_t *old = atomic_load_explicit(&slot->set, memory_order_acquire);
    dek_set_t *set = NULL;
    const dek_entry_t *there = dek_set_find(old, version, slot->spec.writing);
    schloss_rc out = SCHLOSS_OK;
    bool stale = false;
    bool outdated = env->generation != f->generation;
    if (failed && !outdated && is_bridged(env, there, mono)) {
        atomic_store_explicit(&slot->rotate_retry_ms, mono + env->conf.rotate_grace_ms / 4 + 1, memory_order_relaxed);
        pthread_mutex_unlock(&env->lock);
        LOG_WARN("envelope", "cannot replace the expired DEK of KEK %s, subject %s yet (%s): %s", slot->spec.kek,
                 slot->spec.subject, schloss_rc_name(what.rc), schloss_error_message(what.why));
        return SCHLOSS_OK;
    }
    if (outdated && is_overtaken(there, mono)) {
        pthread_mutex_unlock(&env->lock);
        dek_key_unref(what.key);
        return SCHLOSS_OK;
    }
    if (failed) {
        out = failure_entry(env, slot, there, &what, mono, &e, &stale, err);
    }
    if (outdated) { /* good for calls that began before the invalidation, for no other */
        e.until_ms = f->begun_ms;
        e.refresh_ms = INT64_MIN / 2; /* never served stale */
    }
    if (out == SCHLOSS_OK) {
        out = dek_set_with(&set, old, &e, slot->spec.writing, err);
    }
    if (out == SCHLOSS_OK) {
        if (what.key != NULL) {
            count_anew(slot, what.key);
        }
        atomic_store_explicit(&slot->used, false, memory_order_relaxed);
        atomic_store_explicit(&slot->near_rotation, false, memory_order_relaxed);
        dek_slot_publish(slot, set);
    }
    pthread_mutex_unlock(&env->lock);
    if (stale) {
        METRIC_ADD(stale_served, 1);
        LOG_WARN("envelope", "cannot refresh the DEK of KEK %s, subject %s (%s); using the cached key", slot->spec.kek,
                 slot->spec.subject, schloss_rc_name(what.rc));
    }
    return out;
}
