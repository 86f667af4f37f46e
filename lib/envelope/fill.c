/* Prepare for one slot: find or create the DEK, unwrap it, publish the keyed cipher (spec client-encryption 1.8).
 *
 * Written as straight code that runs again from the top after each answer (http/io.h). What must not be done twice, a
 * generated key and its wrapping, is kept in dek_fill_t. A new DEK is wrapped and unwrapped again before the registry
 * sees it: nothing that cannot be opened is ever stored. */
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/tink.h"
#include "envelope/kek.h"
#include "envelope/scope.h"
#include "envelope/set.h"
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

void dek_fill_init(dek_fill_t *f) {
    memset(f, 0, sizeof(*f));
    buf_init(&f->wrapped, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", false);
}

void dek_fill_clear(dek_fill_t *f) {
    secret_free(f->material);
    buf_clear(&f->wrapped);
    f->material = NULL;
}

/* ---- creating ---- */

schloss_rc kms_prove(const kms_key_t *key, dek_fill_t *f, const char *subject, io_t *io, schloss_error_t *err) {
    if (f->proven) {
        return SCHLOSS_OK;
    }
    uint8_t *back = NULL;
    size_t n = 0;
    TRY(secret_alloc(KEY_MESSAGE_MAX, (void **)&back, err));
    schloss_rc rc = kms_unwrap(key, io, buf_view(&f->wrapped), back, KEY_MESSAGE_MAX, &n, err);
    if (rc == SCHLOSS_OK && (n != f->material_len || !secret_equal(back, f->material, n))) {
        rc = FAIL(err, WRAP_FAILED, "the KMS unwraps the new wrapping of a DEK of %s to other bytes", subject);
        err_hint(err, "the key behind %s cannot be trusted with data; check the KMS", key->key_id);
    }
    secret_free(back);
    f->proven = rc == SCHLOSS_OK;
    return rc;
}

/* Generates, wraps and proves a key, once per fill. */
static schloss_rc make_material(dek_fill_t *f, kms_scope_t *scope, io_t *io, schloss_error_t *err) {
    kms_key_t key = kms_key_of(scope);
    if (f->material == NULL) {
        dek_alg_t alg = scope->spec->alg;
        uint8_t *material = NULL;
        uint8_t *raw = NULL;
        TRY(secret_alloc(TINK_MAX_LEN, (void **)&material, err));
        schloss_rc rc = secret_alloc(64, (void **)&raw, err);
        if (rc == SCHLOSS_OK) {
            rc = random_bytes(raw, dek_alg_key_len(alg), err);
        }
        if (rc != SCHLOSS_OK) {
            secret_free(raw);
            secret_free(material);
            return rc;
        }
        f->material_len = tink_key_write(material, alg, raw);
        secret_free(raw);
        f->material = material;
    }
    if (!f->has_wrapped) {
        buf_reset(&f->wrapped);
        TRY(kms_wrap(&key, io, bytes(f->material, f->material_len), &f->wrapped, err));
        TRY(buf_check(&f->wrapped, err));
        f->has_wrapped = true;
    }
    return kms_prove(&key, f, scope->spec->subject, io, err);
}

static schloss_rc create_dek(env_t *env, dek_fill_t *f, kms_scope_t *scope, int32_t version, int32_t asked, io_t *io,
                             sr_dek_t *out, schloss_error_t *err) {
    const dek_spec_t *spec = scope->spec;
    const char *alg = dek_alg_name(spec->alg);
    schloss_rc rc = sr_create_dek(io, env->conf.service, spec->kek, spec->subject, alg, version,
                                  scope->kek->shared ? bytes(NULL, 0) : buf_view(&f->wrapped), out, err);
    if (rc <= 0) { /* failed or not: what was missing before may be there now */
        count_create(env, f);
    }
    if (rc == SCHLOSS_E_CONFLICT) { /* another writer was first: its key counts, ours is dropped */
        if (!f->dek_create_lost) {
            f->dek_create_lost = true;
            TRY(sr_forget_dek(io, spec->kek, spec->subject, alg, asked, false, err));
        }
        rc = sr_get_dek(io, env->conf.service, spec->kek, spec->subject, alg, asked, false, out, err);
        if (rc == SCHLOSS_ABSENT) {
            rc = FAIL(err, DEK_NOT_FOUND, "No dek found for %s during produce", spec->kek);
            err_hint(err, "the DEK is soft-deleted: undelete it (schloss dek undelete) or delete it permanently");
        }
        return rc;
    }
    if (rc == SCHLOSS_ABSENT) {
        return FAIL(err, KEK_NOT_FOUND, "No kek found for %s during produce", spec->kek);
    }
    if (rc == SCHLOSS_OK) {
        METRIC_ADD(deks_created, 1);
    }
    return rc;
}

/* Failures of the registry, not of this machine. */
static bool registry_refuses(schloss_rc rc) {
    switch (rc) {
    case SCHLOSS_OK:
    case SCHLOSS_E_NO_MEMORY:
    case SCHLOSS_E_MEMORY_LOCK:
    case SCHLOSS_E_LIMIT_EXCEEDED:
    case SCHLOSS_E_RANDOM:
    case SCHLOSS_E_CRYPTO:
    case SCHLOSS_E_CANCELLED:
        return false;
    default:
        return rc < 0;
    }
}

/* ---- finding ---- */

/* Our clock may be ahead of the registry's by more than the expiry. A key that we have just made counts from now, then,
 * and stays as young as the slot knows it; else each look would make another version. */
static void make_young(const env_t *env, const dek_spec_t *spec, sr_dek_t *dek) {
    int64_t now = clk_now(&env->conf.clock);
    if (rotation_of(spec, dek->ts) <= now) {
        dek->ts = now;
    }
}

static void keep_young(env_t *env, const dek_slot_t *slot, sr_dek_t *dek) {
    pthread_mutex_lock(&env->lock);
    const dek_entry_t *e = dek_set_find(atomic_load_explicit(&slot->set, memory_order_acquire), 0, true);
    if (e != NULL && e->key != NULL && e->key->version == dek->version && e->key->ts > dek->ts) {
        dek->ts = e->key->ts;
    }
    pthread_mutex_unlock(&env->lock);
}

static schloss_rc dek_for_writing(env_t *env, const dek_slot_t *slot, dek_fill_t *f, kms_scope_t *scope, io_t *io,
                                  sr_dek_t *out, schloss_error_t *err) {
    const dek_spec_t *spec = scope->spec;
    int32_t asked = spec->expiry_days > 0 ? -1 : 1;
    sr_dek_t dek;
    memset(&dek, 0, sizeof(dek));
    schloss_rc rc =
        sr_get_dek(io, env->conf.service, spec->kek, spec->subject, dek_alg_name(spec->alg), asked, false, &dek, err);
    if (rc != SCHLOSS_OK && rc != SCHLOSS_ABSENT) {
        return rc;
    }
    bool have = rc == SCHLOSS_OK;
    if (have) {
        keep_young(env, slot, &dek);
    }
    if (have && (f->dek_create_lost || clk_now(&env->conf.clock) < rotation_of(spec, dek.ts))) {
        *out = dek;
        return SCHLOSS_OK;
    }
    if (have && dek.version == INT32_MAX) {
        sr_dek_clear(&dek);
        return FAIL(err, LIMIT_EXCEEDED, "DEK versions of %s are used up", spec->subject);
    }
    rc = scope->kek->shared ? SCHLOSS_OK : make_material(f, scope, io, err);
    if (rc != SCHLOSS_OK) { /* of the KMS: it fails the value, even where the old key would do */
        sr_dek_clear(&dek);
        return rc;
    }
    rc = create_dek(env, f, scope, have ? dek.version + 1 : 1, asked, io, out, err);
    if (have && registry_refuses(rc)) { /* rotation must not stop producing because the registry refuses */
        LOG_WARN("envelope",
                 "DEK of KEK %s, subject %s is due for rotation, but the registry refuses a new one (%s); "
                 "going on with version %d",
                 spec->kek, spec->subject, schloss_rc_name(rc), (int)dek.version);
        *out = dek;
        return SCHLOSS_OK;
    }
    if (rc == SCHLOSS_OK) {
        make_young(env, spec, out);
    }
    sr_dek_clear(&dek);
    return rc;
}

static schloss_rc dek_for_reading(env_t *env, kms_scope_t *scope, int32_t version, io_t *io, sr_dek_t *out,
                                  schloss_error_t *err) {
    const dek_spec_t *spec = scope->spec;
    if (version < 1) {
        return FAIL(err, DEK_NOT_FOUND, "DEK version %d in the data cannot exist", (int)version);
    }
    schloss_rc rc =
        sr_get_dek(io, env->conf.service, spec->kek, spec->subject, dek_alg_name(spec->alg), version, true, out, err);
    if (rc == SCHLOSS_ABSENT) {
        return FAIL(err, DEK_NOT_FOUND, "No dek found for %s during consume (subject %s, %s, version %d)", spec->kek,
                    spec->subject, dek_alg_name(spec->alg), (int)version);
    }
    return rc;
}

/* ---- unwrapping ---- */

static schloss_rc unwrap(env_t *env, dek_fill_t *f, kms_scope_t *scope, const sr_dek_t *dek, io_t *io, dek_key_t **out,
                         schloss_error_t *err) {
    uint8_t *opened = NULL;
    bytes_t msg = bytes(dek->material, dek->material_len);
    schloss_rc rc = SCHLOSS_OK;
    if (msg.ptr == NULL && f->has_wrapped && !f->dek_create_lost && dek->wrapped_len == f->wrapped.len &&
        memcmp(dek->wrapped, f->wrapped.ptr, dek->wrapped_len) == 0) {
        msg = bytes(f->material, f->material_len); /* just made and proven */
    } else if (msg.ptr == NULL) {
        kms_key_t key = kms_key_of(scope);
        size_t n = 0;
        TRY(secret_alloc(KEY_MESSAGE_MAX, (void **)&opened, err));
        rc = kms_unwrap(&key, io, bytes(dek->wrapped, dek->wrapped_len), opened, KEY_MESSAGE_MAX, &n, err);
        msg = bytes(opened, n);
    }
    aead_key_t *aead = NULL;
    bytes_t raw = bytes(NULL, 0);
    if (rc == SCHLOSS_OK) {
        rc = tink_key_parse(&raw, scope->spec->alg, msg, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = aead_key_new(&aead, scope->spec->alg, raw, env->conf.backend, err);
    }
    secret_free(opened);
    TRY(rc);
    rc = dek_key_new(out, aead, dek->version, dek->ts, err);
    if (rc != SCHLOSS_OK) {
        aead_key_free(aead);
    }
    return rc;
}

/* Java's option: a reader that may not use the KMS hands ciphertext on. */
static bool passes_unshared(const env_t *env, const dek_spec_t *spec, const sr_kek_t *kek) {
    if (spec->writing || kek->shared) {
        return false;
    }
    const char *v =
        env->conf.conf(env->conf.conf_user, spec->conf_scope, spec->conf_type, "encrypt.nonshared.kek.passthrough");
    return v != NULL && strcasecmp(v, "true") == 0;
}

static schloss_rc fetch(env_t *env, dek_slot_t *slot, int32_t version, dek_fill_t *f, io_t *io, dek_outcome_t *out,
                        schloss_error_t *err) {
    const dek_spec_t *spec = &slot->spec;
    sr_kek_t kek;
    sr_dek_t dek;
    memset(&kek, 0, sizeof(kek));
    memset(&dek, 0, sizeof(dek));
    char *context = NULL;
    kms_scope_t scope = {.env = env, .spec = spec, .kek = &kek};
    TRY(kek_context(spec->subject, &context, err));
    schloss_rc rc = kek_get(env, spec, context, f, io, &kek, err);
    out->passes = rc == SCHLOSS_OK && passes_unshared(env, spec, &kek);
    if (rc == SCHLOSS_OK && !out->passes) {
        rc = spec->writing ? dek_for_writing(env, slot, f, &scope, io, &dek, err)
                           : dek_for_reading(env, &scope, version, io, &dek, err);
    }
    if (rc == SCHLOSS_OK && !out->passes) {
        rc = unwrap(env, f, &scope, &dek, io, &out->key, err);
    }
    if (out->key != NULL) {
        out->key->slot = slot;
    }
    mem_free(context);
    sr_kek_clear(&kek);
    sr_dek_clear(&dek);
    return rc;
}

static void begin(env_t *env, dek_fill_t *f) {
    if (!f->begun) {
        pthread_mutex_lock(&env->lock);
        f->generation = env->generation;
        f->creates = atomic_load_explicit(&env->creates, memory_order_relaxed);
        pthread_mutex_unlock(&env->lock);
        f->begun_ms = time_mono_ms();
        f->begun = true;
    }
}

schloss_rc env_fill(env_t *env, dek_slot_t *slot, int32_t version, dek_fill_t *f, io_t *io, schloss_error_t *err) {
    dek_outcome_t what = {.key = NULL};
    schloss_error_t *why = err != NULL ? err : schloss_error_new(); /* the failure is kept even when nobody looks */
    ENSURE(why != NULL, err, NO_MEMORY, "out of memory");
    begin(env, f);
    schloss_rc rc = fetch(env, slot, version, f, io, &what, why);
    if (rc <= 0 && rc != SCHLOSS_E_NO_MEMORY && rc != SCHLOSS_E_MEMORY_LOCK && rc != SCHLOSS_E_CANCELLED) {
        schloss_error_t *copy = schloss_error_new();
        if (copy == NULL) {
            dek_key_unref(what.key);
            rc = NO_MEMORY(err);
        } else {
            err_copy(copy, why);
            what.rc = rc;
            what.why = copy;
            rc = env_publish(env, slot, version, f, what, err);
            schloss_error_free(copy);
        }
    }
    if (why != err) {
        schloss_error_free(why);
    }
    return rc;
}
