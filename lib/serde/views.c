/* See views.h. */
#include "serde/views.h"
#include <stdatomic.h>

static bool is_current(const core_t *c, uint32_t generation) {
    return atomic_load_explicit(&c->generation, memory_order_relaxed) == generation;
}

view_t *views_get(core_t *c, const char *key) {
    pthread_mutex_lock(&c->lock);
    view_t *v = map_get(c->views, bytes_str(key));
    if (v != NULL && (c->latest_ttl_ms > 0 || !v->is_latest) && time_mono_ms() < atomic_load(&v->until_ms)) {
        view_ref(v);
    } else {
        v = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return v;
}

typedef struct oldest {
    uint8_t kind; /* first letter of the keys */
    size_t n;
    const view_t *view; /* fetched first among those that only the cache holds */
    int64_t fetched_ms;
} oldest_t;

static bool look_at(void *user, bytes_t key, void *value) {
    oldest_t *o = user;
    const view_t *v = value;
    if (key.len > 0 && key.ptr[0] == o->kind) {
        o->n++;
        int64_t at = atomic_load(&v->fetched_ms);
        if (atomic_load(&v->refs) == 1 && (o->view == NULL || at < o->fetched_ms)) {
            o->view = v;
            o->fetched_ms = at;
        }
    }
    return false;
}

/* Room for one more of the kind of key? The caller holds the lock. */
static bool make_room(core_t *c, const char *key) {
    size_t max = key[0] == 'w' ? c->max_write_views : c->max_read_views;
    if (map_get(c->views, bytes_str(key)) != NULL || map_len(c->views) < max) {
        return true; /* replaced, or not even both kinds together fill it */
    }
    oldest_t o = {.kind = (uint8_t)key[0]};
    map_sweep(c->views, look_at, &o);
    return o.n < max || (o.view != NULL && map_del(c->views, bytes_str(o.view->key)));
}

void views_put(core_t *c, view_t *v, uint32_t generation) {
    pthread_mutex_lock(&c->lock);
    if (is_current(c, generation) && make_room(c, v->key)) {
        if (!map_put(c->views, bytes_str(v->key), view_ref(v))) {
            view_unref(v);
        }
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- what the registry does not have ---- */

static bool is_over(void *user, bytes_t key, void *value) {
    (void)key;
    return *(const int64_t *)value <= *(const int64_t *)user;
}

bool views_is_missing(core_t *c, const char *key) {
    pthread_mutex_lock(&c->lock);
    const int64_t *until = map_get(c->missing, bytes_str(key));
    bool missing = until != NULL && time_mono_ms() < *until;
    pthread_mutex_unlock(&c->lock);
    return missing;
}

void views_set_missing(core_t *c, missing_t kind, const char *key, uint32_t generation) {
    int64_t now = time_mono_ms();
    int64_t *until = c->missing_ttl_ms[kind] <= 0 ? NULL : MEM_NEW(int64_t);
    if (until == NULL) {
        return;
    }
    *until = now + c->missing_ttl_ms[kind];
    pthread_mutex_lock(&c->lock);
    if (map_len(c->missing) >= c->max_missing) {
        map_sweep(c->missing, is_over, &now);
    }
    if (!is_current(c, generation) || map_len(c->missing) >= c->max_missing ||
        !map_put(c->missing, bytes_str(key), until)) {
        mem_free(until);
    }
    pthread_mutex_unlock(&c->lock);
}
