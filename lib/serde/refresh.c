/* The refresh thread: renews latest schemas and keys that are in use and near the end of their time, and makes the next
 * DEK when one expires, so that no record waits for the registry or the KMS. It wakes once a second, and to the
 * millisecond when a DEK expires. Optional; off for embedders; a forked child has none (its records fetch for
 * themselves). */
#include "base/metrics.h"
#include "crypto/aead.h"
#include "serde/prepare.h"
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define TICK_MS 1000
#define NEAR_TICK_MS 20 /* while a DEK has just expired: the first record after it says that it wants another */
#define TRIM_MS 60000

typedef struct due {
    core_t *c;
    int64_t mono_ms;
    view_t *views[BATCH];
    dek_slot_t *slots[BATCH];
    int32_t versions[BATCH];
    size_t n_views, n_slots;
} due_t;

static bool pick_view(void *user, bytes_t key, void *value) {
    due_t *d = user;
    view_t *v = value;
    (void)key;
    int64_t until = atomic_load(&v->until_ms);
    if (d->n_views < BATCH && v->is_latest && strncmp(v->key, "w|latest|", 9) == 0 &&
        d->mono_ms >= until - d->c->latest_ttl_ms / 5 && atomic_exchange(&v->used, false)) {
        d->views[d->n_views++] = view_ref(v);
    }
    return false;
}

static bool pick_slot(void *user, bytes_t key, void *value) {
    due_t *d = user;
    dek_slot_t *s = value;
    (void)key;
    if (d->n_slots < BATCH && env_slot_wants_rotation(&d->c->env, s)) {
        d->slots[d->n_slots] = s;
        d->versions[d->n_slots++] = 0;
        return false;
    }
    const dek_set_t *set = atomic_load(&s->set);
    if (set == NULL || !atomic_exchange(&s->used, false)) {
        return false;
    }
    for (uint32_t i = 0; i < set->n && d->n_slots < BATCH; i++) {
        if (set->e[i].key != NULL && d->mono_ms >= set->e[i].refresh_ms) {
            d->slots[d->n_slots] = s; /* slots live as long as the client */
            d->versions[d->n_slots++] = set->e[i].version;
        }
    }
    return false;
}

typedef struct job {
    core_t *c;
    view_t *view;
    uint32_t generation;
    dek_slot_t *slot;
    int32_t version;
    dek_fill_t fill;
} job_t;

static schloss_rc job_logic(void *arg, io_t *io, schloss_error_t *err) {
    job_t *j = arg;
    return j->view != NULL ? prepare_refresh_view(j->c, j->view, j->generation, io, err)
                           : env_fill(&j->c->env, j->slot, j->version, &j->fill, io, err);
}

/* Failures are left to the records: they meet the expired entry and report. */
static void run_job(job_t *j) {
    io_t *io = NULL;
    schloss_error_t err;
    memset(&err, 0, sizeof(err));
    dek_fill_init(&j->fill);
    if (io_new(&io, &err) == SCHLOSS_OK && io_run(io, &j->c->transport, job_logic, j, &err) == SCHLOSS_OK) {
        METRIC_ADD(refreshes, 1);
    }
    io_free(io);
    dek_fill_clear(&j->fill);
}

static bool stopping(core_t *c) {
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop_refresher;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void refresh_round(core_t *c) {
    due_t d = {.c = c, .mono_ms = time_mono_ms()};
    uint32_t generation = atomic_load(&c->generation);
    pthread_mutex_lock(&c->lock);
    map_sweep(c->views, pick_view, &d);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_lock(&c->env.lock);
    map_sweep(c->env.slots, pick_slot, &d);
    pthread_mutex_unlock(&c->env.lock);
    for (size_t i = 0; i < d.n_views; i++) {
        job_t j = {.c = c, .view = d.views[i], .generation = generation};
        if (!stopping(c)) {
            run_job(&j);
        }
        view_unref(d.views[i]);
    }
    for (size_t i = 0; i < d.n_slots && !stopping(c); i++) {
        job_t j = {.c = c, .slot = d.slots[i], .version = d.versions[i]};
        run_job(&j);
    }
}

/* How long to sleep. rotated_ms: until when a DEK counts as just expired. */
static int64_t tick_ms(core_t *c, int64_t now, int64_t *rotated_ms) {
    int64_t next = env_next_rotation_ms(&c->env);
    if (next < TICK_MS) {
        *rotated_ms = now + next + c->env.conf.rotate_grace_ms;
    }
    int64_t tick = next < TICK_MS ? next : now < *rotated_ms ? NEAR_TICK_MS : TICK_MS;
    return tick < 2 ? 2 : tick; /* what cannot be replaced at once must not keep the thread spinning */
}

static void sleep_for(core_t *c, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanos = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    pthread_cond_timedwait(&c->cond, &c->lock, &until);
}

static void *refresher(void *arg) {
    core_t *c = arg;
    int64_t rotated_ms = 0, trimmed_ms = time_mono_ms();
    (void)aead_backend(); /* finding it takes half a millisecond: beside the first record's requests, not behind them */
    pthread_mutex_lock(&c->lock);
    while (!c->stop_refresher) {
        int64_t now = time_mono_ms();
        sleep_for(c, tick_ms(c, now, &rotated_ms));
        if (!c->stop_refresher) {
            pthread_mutex_unlock(&c->lock);
            refresh_round(c);
            if (now - trimmed_ms >= TRIM_MS) {
                trimmed_ms = now;
                core_trim_keys(c, NULL);
            }
            pthread_mutex_lock(&c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

void refresher_start(core_t *c) {
    c->refresher_pid = getpid();
    sigset_t all, old;
    sigfillset(&all); /* the application's signal handlers run in the application's threads */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    c->has_refresher = pthread_create(&c->refresher, NULL, refresher, c) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void refresher_stop(core_t *c) {
    if (!c->has_refresher || c->refresher_pid != getpid()) {
        return; /* the thread of a forked child stayed with its parent */
    }
    pthread_mutex_lock(&c->lock);
    c->stop_refresher = true;
    pthread_cond_broadcast(&c->cond);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->refresher, NULL);
}
