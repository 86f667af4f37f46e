/* KEKs, DEKs and their life in memory.
 *
 * A slot stands for "the DEKs of (KEK, subject, algorithm)" in one direction. Its content is an immutable set behind an
 * atomic pointer: execute loads it, prepare builds a new one and swaps it. A handle keeps a reference to the set that
 * it used last (dek_use_t) and takes a new one only when the pointer has changed, so the hot path costs one load and
 * one compare; an old set is freed, its keys wiped, when the last holder lets go (docs/adr/0001).
 *
 * Failures are content too: an entry may hold the error that fetching it met, valid for a short time, so that a
 * consumer without the key does not ask the KMS once per record.
 *
 * Rotation: a write DEK is due at rotate_at_ms exactly. With rotate_grace_ms = 0 execute then returns NEED_KEY. With a
 * grace it goes on with the old key for that long, and the refresh thread makes the next one meanwhile; what it cannot
 * make is left to the first record after the grace, which is served or fails as without one. */
#ifndef ENVELOPE_ENVELOPE_H
#define ENVELOPE_ENVELOPE_H

#include "base/map.h"
#include "client/registry.h"
#include "crypto/aead.h"
#include "kms/kms.h"
#include <pthread.h>

/* ---- keys and sets (immutable, reference-counted) ---- */

typedef struct dek_slot dek_slot_t;

typedef struct dek_key {
    _Atomic uint32_t refs;
    aead_key_t *aead;
    int32_t version;
    int64_t ts;       /* creation time at the registry, ms since 1970 */
    dek_slot_t *slot; /* that it was made for and whose uses it counts; NULL: not counted */
} dek_key_t;

typedef struct dek_entry {
    int32_t version;        /* as asked: a write slot has one entry */
    bool passes;            /* pass-through: neither key nor error */
    dek_key_t *key;         /* NULL: failed, or passes */
    schloss_error_t *error; /* set when failed */
    uint32_t creates;       /* failed, KEK or DEK missing: env's count of creations then; a later one ends the entry */
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

struct dek_slot {
    _Atomic(dek_set_t *) set;
    _Atomic bool used;                /* since the refresh thread looked last */
    _Atomic bool near_rotation;       /* a record was written close to rotate_at_ms or after it */
    _Atomic int64_t rotate_retry_ms;  /* CLOCK_MONOTONIC: no new attempt in the background before */
    _Atomic int32_t counted_version;  /* writing: the DEK that n_sealed is about */
    _Atomic uint64_t n_sealed;        /* values encrypted under it, by this client */
    _Atomic uint32_t n_sealed_warned; /* warnings given */
    dek_spec_t spec;                  /* strings owned by the slot */
    char *key;                        /* text key in the table; names the flight */
};

typedef struct env_conf {
    const http_service_t *service;
    clk_t clock;
    int64_t ttl_ms;          /* good keys */
    int64_t stale_ms;        /* how much longer when the registry is unreachable */
    int64_t negative_ms;     /* failures */
    int64_t rotate_grace_ms; /* how long an expired DEK still writes while the next is made; 0: not at all */
    /* a missing KEK or DEK is remembered for the longer of negative_ms and these, or until this client creates any */
    int64_t missing_kek_ttl_ms, missing_dek_ttl_ms;
    bool props_may_redirect; /* kmsProps may set endpoints and file paths */
    /* driver configuration of the client: scope and type as in dek_spec_t */
    const char *(*conf)(void *user, const char *scope, const char *type, const char *name);
    void *conf_user;
    aead_backend_t backend;
} env_conf_t;

/* All slots of a client, and the KEK cache. Thread-safe; lives as long as the client. */
typedef struct env {
    env_conf_t conf;
    pthread_mutex_t lock;     /* guards what follows; never held during I/O, crypto or logging */
    map_t *slots;             /* text key -> dek_slot_t */
    map_t *keks;              /* name|context|deleted -> kek_cached_t */
    uint32_t generation;      /* raised by invalidate: a fill that began before is not cached */
    _Atomic uint32_t creates; /* KEKs and DEKs that this client has created or tried to; ends what was missing before */
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
    uint32_t n_sealed; /* keys given out for writing and not yet counted */
} dek_use_t;

/* Reading under a KEK that is not shared, with encrypt.nonshared.kek.passthrough=true in the rule's client
 * configuration: the value stays as it is, without a DEK. Negative, so that code which does not know it fails. */
#define ENV_PASSTHROUGH ((schloss_rc)-32001)

/* Entry to use now. mono_ms: time_mono_ms(). version: DEK version (reading); ignored when writing.
 * @return 0; SCHLOSS_NEED_KEY; ENV_PASSTHROUGH (err untouched, *out untouched: copy the ciphertext and count it as a
 * success); or the remembered error, copied into err */
SCHLOSS_NODISCARD schloss_rc dek_use_get(dek_use_t *use, int32_t version, int64_t mono_ms, const dek_key_t **out,
                                         schloss_error_t *err);
void dek_use_drop(dek_use_t *use);

/* Adds n encryptions to the count of key's DEK; env must be alive. dek_use_get() does so by itself for every key that
 * it gives out for writing, now and then: who gets a key and encrypts one value with it need not count. Warns at 2^31
 * and 2^32 values under one GCM DEK (SP 800-38D allows 2^32 random 96-bit nonces); SIV has no nonce and is not counted.
 * Any thread; no lock. */
void dek_key_count(const dek_key_t *key, uint64_t n);

/* ---- rotation ahead of time, for the refresh thread ---- */

/* Has the slot's DEK expired, with records being written, and may it be replaced now? Then env_fill(env, slot, 0, ...).
 * Always false without a grace. */
bool env_slot_wants_rotation(env_t *env, dek_slot_t *slot); /* the caller holds env->lock */
/* Takes env->lock. Milliseconds until some slot may want rotation: 0 now, INT64_MAX never as things stand. */
int64_t env_next_rotation_ms(env_t *env);

/* ---- prepare side ---- */

/* What a fill keeps over re-runs: a generated key must not be generated twice. */
typedef struct dek_fill {
    uint8_t *material; /* key message in secret memory, NULL until generated */
    size_t material_len;
    buf_t wrapped;
    bool has_wrapped, proven;
    bool kek_create_lost, dek_create_lost;
    bool begun;
    uint32_t generation; /* of env when the fill began */
    uint32_t creates;    /* of env then, plus its own */
    int64_t begun_ms;    /* CLOCK_MONOTONIC */
} dek_fill_t;

void dek_fill_init(dek_fill_t *f);
void dek_fill_clear(dek_fill_t *f); /* wipes */

/* Fetches (or creates) what the slot lacks and publishes it. Failures are published too and 0 is returned: execute
 * meets them and lets the rule's onFailure decide. @return 0, NEED_IO, NEED_WAIT, NO_MEMORY, MEMORY_LOCK, CANCELLED */
SCHLOSS_NODISCARD schloss_rc env_fill(env_t *env, dek_slot_t *slot, int32_t version, dek_fill_t *fill, io_t *io,
                                      schloss_error_t *err);
/* Wraps a stored DEK version anew and stores it, after proving that it unwraps to the same key. spec: kek, subject,
 * alg, conf_scope and conf_type. deleted: look among the soft-deleted, too. f is over when it returns 0 or an error.
 * @return 0, NEED_IO, NEED_WAIT, KEK_NOT_FOUND, DEK_NOT_FOUND, BAD_KEY, KMS, registry and I/O codes */
SCHLOSS_NODISCARD schloss_rc env_rewrap(env_t *env, const dek_spec_t *spec, int32_t version, bool deleted,
                                        dek_fill_t *f, io_t *io, schloss_error_t *err);
/* True when the slot has a usable entry for version (or a failure that is still remembered). */
bool env_slot_is_fresh(dek_slot_t *slot, env_t *env, int32_t version, int64_t mono_ms);

#endif
