/* Slot table and the execute side of key look-up. */
#include "envelope/envelope.h"
#include "base/time.h"
#include "envelope/kek.h"
#include "envelope/set.h"
#include <stdatomic.h>

static void slot_free(void *value) {
    dek_slot_t *s = value;
    dek_set_unref(atomic_load(&s->set));
    mem_free((char *)s->spec.kek);
    mem_free((char *)s->spec.subject);
    mem_free((char *)s->spec.kms_type);
    mem_free((char *)s->spec.kms_key_id);
    mem_free((char *)s->spec.conf_scope);
    mem_free((char *)s->spec.conf_type);
    mem_free(s->key);
    mem_free(s);
}

schloss_rc env_init(env_t *env, const env_conf_t *conf, schloss_error_t *err) {
    env->conf = *conf;
    atomic_init(&env->creates, 0);
    env->slots = map_new(slot_free);
    env->keks = map_new(kek_cached_free);
    if (env->slots == NULL || env->keks == NULL) {
        map_free(env->slots);
        map_free(env->keks);
        return NO_MEMORY(err);
    }
    pthread_mutex_init(&env->lock, NULL);
    return SCHLOSS_OK;
}

void env_clear(env_t *env) {
    map_free(env->slots);
    map_free(env->keks);
    pthread_mutex_destroy(&env->lock);
}

static bool drop_set(void *user, bytes_t key, void *value) {
    (void)user;
    (void)key;
    dek_slot_publish(value, NULL);
    return false;
}

void env_invalidate(env_t *env) {
    pthread_mutex_lock(&env->lock);
    env->generation++;
    map_sweep(env->slots, drop_set, NULL);
    map_clear(env->keks);
    pthread_mutex_unlock(&env->lock);
}

static bool dup_str(const char **dst, const char *src) {
    *dst = src == NULL ? NULL : mem_strdup(src);
    return src == NULL || *dst != NULL;
}

/* Lengths before the texts keep names with separators in them apart. */
static char *slot_key(const dek_spec_t *s) {
    const char *type = s->kms_type == NULL ? "" : s->kms_type;
    const char *id = s->kms_key_id == NULL ? "" : s->kms_key_id;
    return mem_printf("dek|%d|%d|%d|%zu:%s|%zu:%s|%zu:%s|%zu:%s|%s|%s", s->writing, (int)s->alg, s->expiry_days,
                      strlen(s->kek), s->kek, strlen(s->subject), s->subject, strlen(type), type, strlen(id), id,
                      s->conf_type, s->conf_scope);
}

static dek_slot_t *slot_new(const dek_spec_t *spec, char *key) {
    dek_slot_t *s = MEM_NEW(dek_slot_t);
    if (s == NULL) {
        mem_free(key);
        return NULL;
    }
    s->key = key;
    s->spec.alg = spec->alg;
    s->spec.expiry_days = spec->expiry_days;
    s->spec.writing = spec->writing;
    if (!dup_str(&s->spec.kek, spec->kek) || !dup_str(&s->spec.subject, spec->subject) ||
        !dup_str(&s->spec.kms_type, spec->kms_type) || !dup_str(&s->spec.kms_key_id, spec->kms_key_id) ||
        !dup_str(&s->spec.conf_scope, spec->conf_scope) || !dup_str(&s->spec.conf_type, spec->conf_type)) {
        slot_free(s);
        return NULL;
    }
    return s;
}

schloss_rc env_slot(env_t *env, const dek_spec_t *spec, dek_slot_t **out, schloss_error_t *err) {
    char *key = slot_key(spec);
    ENSURE(key != NULL, err, NO_MEMORY, "out of memory");
    pthread_mutex_lock(&env->lock);
    dek_slot_t *slot = map_get(env->slots, bytes_str(key));
    bool failed = false;
    if (slot == NULL) {
        slot = slot_new(spec, key);
        failed = slot == NULL;
        if (!failed && !map_put(env->slots, bytes_str(slot->key), slot)) {
            slot_free(slot);
            failed = true;
        }
    } else {
        mem_free(key);
    }
    pthread_mutex_unlock(&env->lock);
    if (failed) {
        return NO_MEMORY(err);
    }
    *out = slot;
    return SCHLOSS_OK;
}

/* The slot's set has changed (or was never held): exchange the reference under the lock, so that the set cannot be
 * freed between load and increment. */
static void hold_again(dek_use_t *use) {
    dek_set_t *old = use->held;
    pthread_mutex_lock(&use->env->lock);
    use->held = atomic_load_explicit(&use->slot->set, memory_order_acquire);
    if (use->held != NULL) {
        atomic_fetch_add_explicit(&use->held->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&use->env->lock);
    dek_set_unref(old);
}

#define COUNT_BATCH 4096u

static void flush_count(dek_use_t *use) {
    const dek_entry_t *e = dek_set_find(use->held, 0, true);
    if (use->n_sealed != 0 && e != NULL && e->key != NULL) {
        dek_key_count(e->key, use->n_sealed);
    }
    use->n_sealed = 0;
}

/* The key is due. Within the grace it goes on, and the refresh thread learns that records want the next one.
 * @return true: usable */
static bool goes_on(const env_t *env, dek_slot_t *slot, const dek_entry_t *e) {
    int64_t grace = env->conf.rotate_grace_ms;
    int64_t now = clk_now(&env->conf.clock);
    if (grace <= 0) {
        return now < e->rotate_at_ms;
    }
    int64_t late = 0;
    if (__builtin_sub_overflow(now, e->rotate_at_ms, &late)) {
        late = now < 0 ? INT64_MIN : INT64_MAX;
    }
    if (late >= -grace && !atomic_load_explicit(&slot->near_rotation, memory_order_relaxed)) {
        atomic_store_explicit(&slot->near_rotation, true, memory_order_relaxed);
    }
    return late < grace;
}

schloss_rc dek_use_get(dek_use_t *use, int32_t version, int64_t mono_ms, const dek_key_t **out, schloss_error_t *err) {
    dek_slot_t *slot = use->slot;
    dek_set_t *now = atomic_load_explicit(&slot->set, memory_order_acquire);
    if (now != use->held) {
        flush_count(use);
        hold_again(use);
    }
    const dek_entry_t *e = dek_set_find(use->held, version, slot->spec.writing);
    if (e == NULL || mono_ms > e->until_ms) {
        return SCHLOSS_NEED_KEY;
    }
    if (e->key == NULL) {
        if (e->passes) {
            return ENV_PASSTHROUGH;
        }
        if (is_missing_key(e->error) && e->creates != atomic_load_explicit(&use->env->creates, memory_order_relaxed)) {
            return SCHLOSS_NEED_KEY;
        }
        err_copy(err, e->error);
        return schloss_error_code(e->error);
    }
    if (e->rotate_at_ms != INT64_MAX && !goes_on(use->env, slot, e)) {
        return SCHLOSS_NEED_KEY;
    }
    if (mono_ms >= e->refresh_ms && !atomic_load_explicit(&slot->used, memory_order_relaxed)) {
        atomic_store_explicit(&slot->used, true, memory_order_relaxed);
    }
    if (slot->spec.writing && ++use->n_sealed == COUNT_BATCH) {
        flush_count(use);
    }
    *out = e->key;
    return SCHLOSS_OK;
}

void dek_use_drop(dek_use_t *use) {
    flush_count(use);
    dek_set_unref(use->held);
    use->held = NULL;
}

bool env_slot_is_fresh(dek_slot_t *slot, env_t *env, int32_t version, int64_t mono_ms) {
    dek_use_t use = {.env = env, .slot = slot};
    const dek_key_t *key = NULL;
    bool fresh = dek_use_get(&use, version, mono_ms, &key, NULL) != SCHLOSS_NEED_KEY;
    use.n_sealed = 0; /* nothing was encrypted */
    dek_use_drop(&use);
    return fresh;
}
