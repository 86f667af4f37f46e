/* Single flight: the first prepare that misses something fetches it, the others wait for its landing. */
#include "base/time.h"
#include "serde/core.h"

#define KEEP_FAILED_MS 1000
#define KEEP_FAILED_MAX 1000 /* more failures at a time than that are not kept for their waiters */

static bool sweep_old(void *user, bytes_t key, void *value) {
    (void)key;
    flight_t *f = value;
    if (f->owner != NULL || *(const int64_t *)user - f->landed_ms < KEEP_FAILED_MS) {
        return false;
    }
    schloss_error_free(f->error);
    mem_free(f);
    return true;
}

static bool drop(void *user, bytes_t key, void *value) {
    (void)user;
    (void)key;
    flight_t *f = value;
    schloss_error_free(f->error);
    mem_free(f);
    return true;
}

void flight_drop_all(core_t *c) {
    map_sweep(c->flights, drop, NULL);
}

schloss_rc flight_begin(core_t *c, const char *key, const void *owner, int64_t waited_ms, schloss_error_t *err) {
    schloss_rc rc = SCHLOSS_OK;
    pthread_mutex_lock(&c->lock);
    flight_t *f = map_get(c->flights, bytes_str(key));
    if (f == NULL) {
        f = MEM_NEW(flight_t);
        if (f == NULL || !map_put(c->flights, bytes_str(key), f)) {
            mem_free(f);
            pthread_mutex_unlock(&c->lock);
            return NO_MEMORY(err);
        }
        f->owner = owner;
    } else if (f->owner != NULL && f->owner != owner) {
        rc = SCHLOSS_NEED_WAIT;
    } else if (f->owner == NULL && f->error != NULL && waited_ms != 0 && f->landed_ms >= waited_ms) {
        err_copy(err, f->error);
        rc = schloss_error_code(f->error);
    } else {
        f->owner = owner;
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void flight_land(core_t *c, const char *key, const void *owner, schloss_rc rc, const schloss_error_t *why) {
    int64_t now = time_mono_ms();
    pthread_mutex_lock(&c->lock);
    flight_t *f = map_get(c->flights, bytes_str(key));
    if (f != NULL && f->owner == owner) {
        f->owner = NULL;
        f->landed_ms = now;
        schloss_error_free(f->error);
        f->error = NULL;
        if (rc < 0 && why != NULL && (f->error = schloss_error_new()) != NULL) {
            err_copy(f->error, why);
        }
        if (f->error == NULL) {
            map_del(c->flights, bytes_str(key));
            mem_free(f);
        }
    }
    int64_t old = map_len(c->flights) > KEEP_FAILED_MAX ? now + KEEP_FAILED_MS : now;
    map_sweep(c->flights, sweep_old, &old);
    pthread_mutex_unlock(&c->lock);
}
