/* KEK look-up: spec client-encryption 1.8, get_or_create_kek. */
#include "envelope/kek.h"
#include "base/time.h"
#include <stdatomic.h>
#include <string.h>

typedef struct kek_cached {
    sr_kek_t kek;
    bool missing;     /* there was none: kek is empty */
    uint32_t creates; /* missing: env's count of creations then */
    int64_t until_ms;
} kek_cached_t;

void kek_cached_free(void *value) {
    kek_cached_t *c = value;
    sr_kek_clear(&c->kek);
    mem_free(c);
}

void count_create(env_t *env, dek_fill_t *fill) {
    atomic_fetch_add_explicit(&env->creates, 1, memory_order_relaxed);
    fill->creates++;
}

static bool kek_dup(sr_kek_t *dst, const sr_kek_t *src) {
    memset(dst, 0, sizeof(*dst));
    dst->name = mem_strdup(src->name);
    dst->kms_type = mem_strdup(src->kms_type);
    dst->kms_key_id = mem_strdup(src->kms_key_id);
    dst->kms_props = src->kms_props == NULL ? NULL : json_deep_copy(src->kms_props); /* jansson counts without locks */
    dst->shared = src->shared;
    dst->deleted = src->deleted;
    dst->ts = src->ts;
    if (dst->name == NULL || dst->kms_type == NULL || dst->kms_key_id == NULL ||
        (src->kms_props != NULL && dst->kms_props == NULL)) {
        sr_kek_clear(dst);
        return false;
    }
    return true;
}

static char *cache_key(const dek_spec_t *spec, const char *context) {
    return mem_printf("%zu:%s|%s|%d", strlen(spec->kek), spec->kek, context == NULL ? "" : context, spec->writing);
}

/* @return 0, ABSENT (it was missing a moment ago), or NEED_IO: nothing is known */
static schloss_rc cached(env_t *env, const char *key, sr_kek_t *out) {
    schloss_rc rc = SCHLOSS_NEED_IO;
    pthread_mutex_lock(&env->lock);
    kek_cached_t *c = map_get(env->keks, bytes_str(key));
    if (c == NULL || time_mono_ms() >= c->until_ms) {
        rc = SCHLOSS_NEED_IO;
    } else if (c->missing) {
        rc = c->creates == atomic_load_explicit(&env->creates, memory_order_relaxed) ? SCHLOSS_ABSENT : rc;
    } else if (kek_dup(out, &c->kek)) {
        rc = SCHLOSS_OK;
    }
    pthread_mutex_unlock(&env->lock);
    return rc;
}

/* Caching is best effort: without memory the next fill asks again. kek NULL: there is none. */
static void remember(env_t *env, const dek_fill_t *fill, const char *key, const sr_kek_t *kek) {
    int64_t ttl = kek == NULL ? env->conf.missing_kek_ttl_ms : env->conf.ttl_ms;
    kek_cached_t *c = kek == NULL && ttl <= 0 ? NULL : MEM_NEW(kek_cached_t);
    if (c == NULL) {
        return;
    }
    c->missing = kek == NULL;
    c->creates = fill->creates;
    if (kek != NULL && !kek_dup(&c->kek, kek)) {
        mem_free(c);
        return;
    }
    c->until_ms = time_mono_ms() + ttl;
    pthread_mutex_lock(&env->lock);
    /* what was asked for before an invalidation must not outlive it */
    if (env->generation != fill->generation || !map_put(env->keks, bytes_str(key), c)) {
        kek_cached_free(c);
    }
    pthread_mutex_unlock(&env->lock);
}

static schloss_rc register_kek(env_t *env, const dek_spec_t *spec, const char *context, dek_fill_t *fill, io_t *io,
                               sr_kek_t *out, schloss_error_t *err) {
    if (spec->kms_type == NULL || spec->kms_key_id == NULL) {
        schloss_rc rc = FAIL(err, BAD_RULE_PARAM, "No %s found for %s during produce",
                             spec->kms_type == NULL ? "kms type" : "kms key id", spec->kek);
        err_hint(err, "register the KEK, or give encrypt.kms.type and encrypt.kms.key.id in the rule");
        return rc;
    }
    schloss_rc rc =
        sr_create_kek(io, env->conf.service, spec->kek, context, spec->kms_type, spec->kms_key_id, out, err);
    if (rc <= 0) {
        count_create(env, fill);
    }
    if (rc != SCHLOSS_E_CONFLICT) {
        return rc;
    }
    if (!fill->kek_create_lost) { /* another writer was first: read what it made, once */
        fill->kek_create_lost = true;
        TRY(sr_forget_kek(io, spec->kek, context, false, err));
    }
    return sr_get_kek(io, env->conf.service, spec->kek, context, false, out, err);
}

static schloss_rc check_rule(const dek_spec_t *spec, const sr_kek_t *kek, schloss_error_t *err) {
    if (spec->kms_type != NULL && strcmp(spec->kms_type, kek->kms_type) != 0) {
        return FAIL(err, KEK_MISMATCH, "Found %s with kms type '%s' which differs from rule kms type '%s'", spec->kek,
                    kek->kms_type, spec->kms_type);
    }
    if (spec->kms_key_id != NULL && strcmp(spec->kms_key_id, kek->kms_key_id) != 0) {
        return FAIL(err, KEK_MISMATCH, "Found %s with kms key id '%s' which differs from rule kms key id '%s'",
                    spec->kek, kek->kms_key_id, spec->kms_key_id);
    }
    return SCHLOSS_OK;
}

schloss_rc kek_get(env_t *env, const dek_spec_t *spec, const char *context, dek_fill_t *fill, io_t *io, sr_kek_t *out,
                   schloss_error_t *err) {
    char *key = cache_key(spec, context);
    ENSURE(key != NULL, err, NO_MEMORY, "out of memory");
    sr_kek_t kek;
    memset(&kek, 0, sizeof(kek));
    schloss_rc rc = cached(env, key, &kek);
    if (rc != SCHLOSS_OK) {
        bool known = rc == SCHLOSS_ABSENT;
        rc = known ? rc : sr_get_kek(io, env->conf.service, spec->kek, context, !spec->writing, &kek, err);
        if (rc == SCHLOSS_ABSENT && spec->writing) {
            rc = register_kek(env, spec, context, fill, io, &kek, err);
        }
        if (rc == SCHLOSS_ABSENT) {
            if (!known) {
                remember(env, fill, key, NULL);
            }
            rc = FAIL(err, KEK_NOT_FOUND, "No kek found for %s during %s", spec->kek,
                      spec->writing ? "produce" : "consume");
            err_hint(err, "create it: schloss kek create --name %s --kms-type ... --kms-key ...", spec->kek);
        }
        if (rc == SCHLOSS_OK) {
            remember(env, fill, key, &kek);
        }
    }
    mem_free(key);
    TRY(rc);
    rc = check_rule(spec, &kek, err);
    if (rc != SCHLOSS_OK) {
        sr_kek_clear(&kek);
        return rc;
    }
    *out = kek;
    return SCHLOSS_OK;
}

schloss_rc kek_context(const char *subject, char **out, schloss_error_t *err) {
    *out = sr_context_of(subject);
    bool has_context = strncmp(subject, ":.", 2) == 0 && subject[2] != ':' && subject[2] != '\0';
    ENSURE(*out != NULL || !has_context, err, NO_MEMORY, "out of memory");
    return SCHLOSS_OK;
}
