/* Making and ending a client. */
#include "serde/core.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "serde/conf.h"
#include "serde/subject.h"
#include "serde/views.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- driver configuration for envelope/ ---- */

static const char *driver_conf(void *user, const char *scope, const char *type, const char *name) {
    return conf_driver(user, scope, type, name);
}

static schloss_rc env_setup(core_t *c, schloss_error_t *err) {
    const char *backend = conf_str(c->conf, "schloss.crypto.backend");
    aead_backend_t b = strcmp(backend, "openssl") == 0    ? AEAD_OPENSSL
                       : strcmp(backend, "ipsec-mb") == 0 ? AEAD_IPSECMB
                                                          : AEAD_AUTO;
    if (b != AEAD_AUTO && !aead_backend_usable(b)) {
        return FAIL(err, CONF_VALUE, "schloss.crypto.backend: %s cannot be used on this machine", backend);
    }
    if (strcmp(conf_str(c->conf, "schloss.memory.lock"), "required") == 0) {
        secret_require_lock(true); /* for good: another client of the process must not loosen it */
    }
    env_conf_t ec = {
        .service = &c->service,
        .clock = c->clock,
        .ttl_ms = conf_ttl_ms(c->conf, "cache.expiry.secs"),
        .stale_ms = c->stale_ms,
        .negative_ms = conf_int(c->conf, "schloss.negative.cache.ms"),
        .rotate_grace_ms = conf_int(c->conf, "schloss.dek.rotate.grace.ms"),
        .missing_kek_ttl_ms = conf_int(c->conf, "missing.kek.cache.ttl.sec") * 1000,
        .missing_dek_ttl_ms = conf_int(c->conf, "missing.dek.cache.ttl.sec") * 1000,
        .props_may_redirect = conf_bool(c->conf, "schloss.kms.props.redirect"),
        .conf = driver_conf,
        .conf_user = c->conf,
        .backend = b,
    };
    return env_init(&c->env, &ec, err);
}

void core_cond_init(core_t *c) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->cond, &attr);
    pthread_condattr_destroy(&attr);
}

/* parent: whose transport this is, when the core is a private one */
static schloss_rc core_new(schloss_conf_t *conf, const schloss_transport_t *transport, core_t *parent, core_t **out,
                           schloss_error_t *err) {
    core_t *c = MEM_NEW(core_t);
    if (c == NULL) {
        schloss_conf_free(conf);
        return NO_MEMORY(err);
    }
    atomic_init(&c->refs, 1);
    c->conf = conf;
    c->embedded = transport != NULL;
    c->latest_ttl_ms = conf_ttl_ms(conf, "latest.cache.ttl.sec");
    c->stale_ms = conf_int(conf, "schloss.cache.stale.secs") * 1000;
    c->subject_ttl_ms = conf_ttl_ms(conf, "subject.name.strategy.cache.expiry.secs");
    c->missing_ttl_ms[MISSING_ID] = conf_int(conf, "missing.id.cache.ttl.sec") * 1000;
    c->missing_ttl_ms[MISSING_VERSION] = conf_int(conf, "missing.version.cache.ttl.sec") * 1000;
    c->missing_ttl_ms[MISSING_SCHEMA] = conf_int(conf, "missing.schema.cache.ttl.sec") * 1000;
    c->max_read_views = (size_t)conf_int(conf, "max.schemas.per.subject");
    c->max_write_views = (size_t)conf_int(conf, "latest.cache.size");
    c->max_subjects = (size_t)conf_int(conf, "subject.name.strategy.cache.size");
    c->max_missing = (size_t)conf_int(conf, "missing.cache.size");
    c->max_keys = (size_t)conf_int(conf, "cache.size");
    c->max_keys = c->max_keys < CACHE_SIZE_MIN ? CACHE_SIZE_MIN : c->max_keys;
    schloss_rc rc = parent == NULL ? rule_ext_new(&c->ext, err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        rc = conf_check_whole(conf, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = core_service_init(c, err);
    }
    bool have_env = false;
    if (rc == SCHLOSS_OK) {
        rc = env_setup(c, err);
        have_env = rc == SCHLOSS_OK;
    }
    if (rc == SCHLOSS_OK) {
        if (transport != NULL) {
            memcpy(&c->transport, transport, sizeof(c->transport));
        } else {
            rc = core_transport_init(c, err);
        }
    }
    c->views = map_new(view_unref_void);
    c->subjects = map_new(subject_cached_free);
    c->flights = map_new(NULL);
    c->missing = map_new(mem_free);
    if (rc == SCHLOSS_OK && (c->views == NULL || c->subjects == NULL || c->flights == NULL || c->missing == NULL)) {
        rc = NO_MEMORY(err);
    }
    pthread_mutex_init(&c->lock, NULL);
    core_cond_init(c);
    if (rc == SCHLOSS_OK) {
        c->parent = parent == NULL ? NULL : core_ref(parent);
        c->clock = parent == NULL ? c->clock : parent->clock;
        c->env.conf.clock = c->clock;
        rc = core_enlist(c, err);
    }
    if (rc != SCHLOSS_OK) {
        core_unref(c->parent);
        pthread_mutex_destroy(&c->lock);
        pthread_cond_destroy(&c->cond);
        if (transport == NULL && c->transport.destroy != NULL) {
            c->transport.destroy(c->transport.user);
        }
        map_free(c->views);
        map_free(c->subjects);
        map_free(c->flights);
        map_free(c->missing);
        if (have_env) {
            env_clear(&c->env);
        }
        core_service_clear(c);
        rule_ext_free(c->ext);
        schloss_conf_free(c->conf);
        mem_free(c);
        return rc;
    }
    const char *thread = conf_str(conf, "schloss.refresh.thread");
    if (strcmp(thread, "true") == 0 || (strcmp(thread, "auto") == 0 && transport == NULL)) {
        refresher_start(c);
    }
    *out = c;
    return SCHLOSS_OK;
}

schloss_rc schloss_client_new(const schloss_conf_t *conf, const schloss_transport_t *transport, schloss_client_t **out,
                              schloss_error_t *err) {
    ENSURE(conf != NULL && out != NULL, err, INVALID_ARGUMENT, "conf and out must not be NULL");
    ENSURE(transport == NULL || transport->size == sizeof(*transport), err, INVALID_ARGUMENT,
           "transport: size is not that of schloss_transport_t");
    schloss_conf_t *copy = schloss_conf_dup(conf);
    ENSURE(copy != NULL, err, NO_MEMORY, "out of memory");
    return core_new(copy, transport, NULL, out, err);
}

core_t *core_ref(core_t *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void core_unref(core_t *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    core_delist(c);
    refresher_stop(c);
    flight_drop_all(c);
    map_free(c->views);
    map_free(c->subjects);
    map_free(c->flights);
    map_free(c->missing);
    env_clear(&c->env);
    if (c->transport.destroy != NULL) {
        c->transport.destroy(c->transport.user);
    }
    core_service_clear(c);
    rule_ext_free(c->ext);
    schloss_conf_free(c->conf);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->cond);
    core_unref(c->parent);
    mem_free(c);
}

void schloss_client_free(schloss_client_t *client) {
    core_unref(client);
}

static void invalidate(core_t *c, void *user) {
    (void)user;
    env_invalidate(&c->env);
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add_explicit(&c->generation, 1, memory_order_release);
    map_clear(c->views);
    map_clear(c->subjects);
    map_clear(c->missing);
    pthread_mutex_unlock(&c->lock);
}

void schloss_client_invalidate(schloss_client_t *c) {
    core_family(c, invalidate, NULL);
}

static void set_clock(core_t *c, void *user) {
    c->clock = *(const clk_t *)user;
    c->env.conf.clock = c->clock;
}

void schloss_client_set_clock(schloss_client_t *c, int64_t (*now_ms)(void *user), void *user) {
    clk_t clock = {now_ms, user};
    core_family(c, set_clock, &clock);
}

schloss_rc core_for(core_t *client, const schloss_conf_t *over, core_t **out, schloss_conf_t **merged,
                    schloss_error_t *err) {
    bool core_changed = false;
    schloss_conf_t *conf = schloss_conf_dup(client->conf);
    ENSURE(conf != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = over == NULL ? SCHLOSS_OK : conf_merge(conf, over, &core_changed, err);
    if (rc == SCHLOSS_OK && !core_changed) {
        *out = core_ref(client);
    } else if (rc == SCHLOSS_OK) {
        /* other keys, rules or connections: a private core that shares the embedder's transport, if there is one */
        schloss_transport_t shared = client->transport;
        shared.destroy = NULL;
        schloss_conf_t *copy = schloss_conf_dup(conf);
        rc = copy == NULL ? NO_MEMORY(err) : core_new(copy, client->embedded ? &shared : NULL, client, out, err);
    }
    if (rc != SCHLOSS_OK) {
        schloss_conf_free(conf);
        return rc;
    }
    *merged = conf;
    return SCHLOSS_OK;
}
