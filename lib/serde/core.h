/* What a client is inside: connections, caches, key slots, flights, the refresh thread. */
#ifndef SERDE_CORE_H
#define SERDE_CORE_H

#include "base/map.h"
#include "base/time.h"
#include "envelope/envelope.h"
#include "http/io.h"
#include <pthread.h>
#include <schloss/client.h>

typedef struct view view_t;

typedef schloss_client_t core_t;

struct schloss_client {
    _Atomic uint32_t refs;
    schloss_conf_t *conf;
    http_service_t service;
    schloss_tls_t tls; /* towards the registry; strings of conf */
    schloss_transport_t transport;
    bool embedded; /* transport is the application's hook */
    clk_t clock;
    env_t env;

    struct rule_ext *ext; /* executors, sink, rule counters; NULL in a private core (serde/rule_ext.h) */

    core_t *parent; /* referenced: the client whose transport a private core shares; NULL: it is a client itself */
    core_t *next;   /* in the list of live cores (fork.c) */

    /* guards views, subjects, flights, missing; never held during I/O or logging. Order: list of cores (fork.c), lock,
     * env.lock, then those of base/ */
    pthread_mutex_t lock;
    pthread_cond_t cond;         /* wakes the refresh thread when it must stop */
    map_t *views;                /* key -> view_t (one reference) */
    map_t *subjects;             /* topic association -> cached subject */
    map_t *flights;              /* key -> flight_t */
    map_t *missing;              /* key of a view that the registry does not have -> int64_t, when to ask again */
    _Atomic uint32_t generation; /* raised by invalidate, under lock */
    size_t max_read_views, max_write_views, max_subjects, max_missing, max_keys;
    int64_t latest_ttl_ms, stale_ms, subject_ttl_ms;
    int64_t missing_ttl_ms[3]; /* by missing_t (views.h) */

    pthread_t refresher;
    pid_t refresher_pid;
    bool has_refresher, stop_refresher;
};

core_t *core_ref(core_t *c);
void core_unref(core_t *c);
/* The client itself, or a private one when over changes what belongs to the client. Returns a reference. merged: the
 * configuration of the serde (caller frees). */
SCHLOSS_NODISCARD schloss_rc core_for(core_t *client, const schloss_conf_t *over, core_t **out, schloss_conf_t **merged,
                                      schloss_error_t *err);

/* ---- single flight: one fetch per key, however many threads ask ---- */

typedef struct flight {
    const void *owner; /* the prepare that fetches; NULL: landed with an error that waiters may take */
    schloss_error_t *error;
    int64_t landed_ms;
} flight_t;

/* @return 0: the caller owns the flight and must land it; SCHLOSS_NEED_WAIT: another one flies; an error: the flight
 * that the caller waited for (since waited_ms) has failed. */
SCHLOSS_NODISCARD schloss_rc flight_begin(core_t *c, const char *key, const void *owner, int64_t waited_ms,
                                          schloss_error_t *err);
/* rc < 0: failed with why, which prepares that wait for the flight take over. */
void flight_land(core_t *c, const char *key, const void *owner, schloss_rc rc, const schloss_error_t *why);

/* Forgets all flights, flying or landed; the caller holds the lock (a forked child). */
void flight_drop_all(core_t *c);

/* ---- live cores, fork (fork.c) ---- */

SCHLOSS_NODISCARD schloss_rc core_enlist(core_t *c, schloss_error_t *err);
void core_delist(core_t *c);
/* Calls each for c and the private cores made from it. */
void core_family(core_t *c, void (*each)(core_t *c, void *user), void *user);
void core_cond_init(core_t *c);

/* ---- keys that are over or too many (trim.c) ---- */
#define CACHE_SIZE_MIN 64u /* however small cache.size is: one record may need several keys */
/* keep: the slot that was just filled, NULL: none. */
void core_trim_keys(core_t *c, const dek_slot_t *keep);

/* ---- the registry as a service (service.c) ---- */
SCHLOSS_NODISCARD schloss_rc core_service_init(core_t *c, schloss_error_t *err);
void core_service_clear(core_t *c);
SCHLOSS_NODISCARD schloss_rc core_transport_init(core_t *c, schloss_error_t *err);

/* ---- refresh thread (refresh.c) ---- */
void refresher_start(core_t *c);
void refresher_stop(core_t *c);

#endif
