/* KEKs, DEKs and their life in memory.
 *
 * A slot stands for "the DEKs of (KEK, subject, algorithm)" in one direction. Its content is an immutable set behind an
 * atomic pointer: execute loads it, prepare builds a new one and swaps it. A handle keeps a reference to the set that
 * it used last (dek_use_t) and takes a new one only when the pointer has changed, so the hot path costs one load and
 * one compare; an old set is freed, its keys wiped, when the last holder lets go (docs/adr/0001).
 *
 * Failures are content too: an entry may hold the error that fetching it met, valid for a short time, so that a
 * consumer without the key does not ask the KMS once per record. */
#ifndef ENVELOPE_ENVELOPE_H
#define ENVELOPE_ENVELOPE_H

#include "base/map.h"
#include "client/registry.h"
#include "crypto/aead.h"
#include "kms/kms.h"
#include <pthread.h>

/* ---- keys and sets (immutable, reference-counted) ---- */

typedef struct dek_key {
    _Atomic uint32_t refs;
    aead_key_t *aead;
    int32_t version;
    int64_t ts; /* creation time at the registry, ms since 1970 */
} dek_key_t;

typedef struct dek_entry {
    int32_t version;        /* as asked: a write slot has one entry */
    dek_key_t *key;         /* NULL: failed */
    schloss_error_t *error; /* set when key is NULL */
    int64_t until_ms;       /* CLOCK_MONOTONIC: last moment of use */
    int64_t refresh_ms;     /* CLOCK_MONOTONIC: fetch it ahead of time from here on */
    int64_t rotate_at_ms;   /* wall clock; INT64_MAX: never. Write slots only */
} dek_entry_t;

typedef struct dek_set {
    _Atomic uint32_t refs;
    uint32_t n;
    dek_entry_t e[];
} dek_set_t;

/* ---- slots ---- */

typedef struct dek_spec {
    const char *kek, *subject;
    const char *kms_type, *kms_key_id; /* of the rule; NULL: not given */
    dek_alg_t alg;
    int32_t expiry_days; /* 0: not rotated */
    bool writing;
    const char *conf_scope; /* rule name: scope of driver configuration */
    const char *conf_type;  /* rule type, upper case */
} dek_spec_t;

typedef struct dek_slot {
    _Atomic(dek_set_t *) set;
    _Atomic bool used; /* since the refresh thread looked last */
    dek_spec_t spec;   /* strings owned by the slot */
    char *key;         /* text key in the table; names the flight */
} dek_slot_t;

typedef struct env_conf {
    const http_service_t *service;
    clk_t clock;
    int64_t ttl_ms;          /* good keys */
    int64_t stale_ms;        /* how much longer when the registry is unreachable */
    int64_t negative_ms;     /* failures */
    bool props_may_redirect; /* kmsProps may set endpoints and file paths */
    /* driver configuration of the client: scope and type as in dek_spec_t */
    const char *(*conf)(void *user, const char *scope, const char *type, const char *name);
    void *conf_user;
    aead_backend_t backend;
} env_conf_t;

/* All slots of a client, and the KEK cache. Thread-safe; lives as long as the client. */
typedef struct env {
    env_conf_t conf;
    pthread_mutex_t lock; /* guards what follows; never held during I/O, crypto or logging */
    map_t *slots;         /* text key -> dek_slot_t */
    map_t *keks;          /* name|context|deleted -> kek_cached_t */
    uint32_t generation;  /* raised by invalidate: a fill that began before is not cached */
} env_t;

SCHLOSS_NODISCARD schloss_rc env_init(env_t *env, const env_conf_t *conf, schloss_error_t *err);
void env_clear(env_t *env);
/* Drops all keys and KEKs: the next use fetches again. */
void env_invalidate(env_t *env);
/* The slot of spec, made when missing; lives as long as env. */
SCHLOSS_NODISCARD schloss_rc env_slot(env_t *env, const dek_spec_t *spec, dek_slot_t **out, schloss_error_t *err);

/* ---- execute side: no lock but when the set has changed ---- */

typedef struct dek_use {
    env_t *env;
    dek_slot_t *slot;
    dek_set_t *held;
} dek_use_t;

/* Entry to use now. mono_ms: time_mono_ms(). version: DEK version (reading); ignored when writing.
 * @return 0; SCHLOSS_NEED_KEY; or the remembered error, copied into err */
SCHLOSS_NODISCARD schloss_rc dek_use_get(dek_use_t *use, int32_t version, int64_t mono_ms, const dek_key_t **out,
                                         schloss_error_t *err);
void dek_use_drop(dek_use_t *use);

/* ---- prepare side ---- */

/* What a fill keeps over re-runs: a generated key must not be generated twice. */
typedef struct dek_fill {
    uint8_t *material; /* key message in secret memory, NULL until generated */
    size_t material_len;
    buf_t wrapped;
    bool has_wrapped;
    bool kek_create_lost, dek_create_lost;
    bool begun;
    uint32_t generation; /* of env when the fill began */
    int64_t begun_ms;    /* CLOCK_MONOTONIC */
} dek_fill_t;

void dek_fill_init(dek_fill_t *f);
void dek_fill_clear(dek_fill_t *f); /* wipes */

/* Fetches (or creates) what the slot lacks and publishes it. Failures are published too and 0 is returned: execute
 * meets them and lets the rule's onFailure decide. @return 0, NEED_IO, NEED_WAIT, NO_MEMORY, MEMORY_LOCK, CANCELLED */
SCHLOSS_NODISCARD schloss_rc env_fill(env_t *env, dek_slot_t *slot, int32_t version, dek_fill_t *fill, io_t *io,
                                      schloss_error_t *err);
/* True when the slot has a usable entry for version (or a failure that is still remembered). */
bool env_slot_is_fresh(dek_slot_t *slot, env_t *env, int32_t version, int64_t mono_ms);

#endif
