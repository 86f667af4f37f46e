/* Making and ending a client. */
#include "serde/core.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "http/curl.h"
#include "serde/conf.h"
#include "serde/subject.h"
#include "serde/view.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- the registry as a service ---- */

static schloss_rc set_basic(http_service_t *s, const char *user, size_t n, schloss_error_t *err) {
    char *text = mem_alloc(6 + B64_LEN(n) + 1);
    ENSURE(text != NULL, err, NO_MEMORY, "out of memory");
    memcpy(text, "Basic ", 6);
    text[6 + b64_encode((uint8_t *)text + 6, (const uint8_t *)user, n)] = '\0';
    mem_wipe_str(s->authorization);
    s->authorization = text;
    return SCHLOSS_OK;
}

/* One base URL: trims slashes, moves userinfo into the Authorization header. */
static schloss_rc add_url(http_service_t *s, const char *url, size_t n, bool take_user, schloss_error_t *err) {
    while (n > 0 && url[n - 1] == '/') {
        n--;
    }
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0 || n <= scheme) {
        schloss_rc rc = FAIL(err, CONF_VALUE, "schema.registry.url: no http:// or https:// URL");
        err_hint(err, "for example http://127.0.0.1:8081");
        return rc;
    }
    const char *host = url + scheme;
    size_t left = n - scheme;
    const char *slash = memchr(host, '/', left);
    size_t authority = slash == NULL ? left : (size_t)(slash - host);
    const char *at = memrchr(host, '@', authority);
    if (at != NULL) {
        buf_t user;
        buf_init(&user, 4096, "LIMIT_USERINFO", true);
        bool ok = url_unescape(&user, host, (size_t)(at - host), false);
        schloss_rc rc = !ok         ? FAIL(err, CONF_VALUE, "schema.registry.url: malformed user information")
                        : take_user ? set_basic(s, (const char *)user.ptr, user.len, err)
                                    : SCHLOSS_OK;
        buf_clear(&user);
        TRY(rc);
        left -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    char **more = mem_realloc(s->urls, (s->n_urls + 1) * sizeof(char *));
    ENSURE(more != NULL, err, NO_MEMORY, "out of memory");
    s->urls = more;
    char *clean = mem_printf("%.*s%.*s", (int)scheme, url, (int)left, host);
    ENSURE(clean != NULL, err, NO_MEMORY, "out of memory");
    s->urls[s->n_urls++] = clean;
    return SCHLOSS_OK;
}

static schloss_rc add_header(http_service_t *s, const char *name, const char *value, schloss_error_t *err) {
    if (value == NULL) {
        return SCHLOSS_OK;
    }
    schloss_http_header_t *more = mem_realloc(s->headers, (s->n_headers + 1) * sizeof(*more));
    ENSURE(more != NULL, err, NO_MEMORY, "out of memory");
    s->headers = more;
    schloss_http_header_t h = {mem_strdup(name), mem_strdup(value)};
    if (h.name == NULL || h.value == NULL) {
        mem_free((char *)h.name);
        mem_free((char *)h.value);
        return NO_MEMORY(err);
    }
    s->headers[s->n_headers++] = h;
    return SCHLOSS_OK;
}

static schloss_rc service_init(http_service_t *s, const schloss_conf_t *conf, schloss_error_t *err) {
    const char *urls = conf_str(conf, "schema.registry.url");
    if (urls == NULL || urls[0] == '\0') {
        schloss_rc rc = FAIL(err, CONF_MISSING, "schema.registry.url is not set");
        err_hint(err, "set it to the address of the registry, for example http://127.0.0.1:8081");
        return rc;
    }
    bool user_info = strcmp(conf_str(conf, "basic.auth.credentials.source"), "USER_INFO") == 0;
    for (const char *p = urls; *p != '\0';) {
        size_t n = strcspn(p, ",");
        const char *start = p;
        size_t len = n;
        while (len > 0 && *start == ' ') {
            start++;
            len--;
        }
        while (len > 0 && start[len - 1] == ' ') {
            len--;
        }
        if (len > 0) {
            TRY(add_url(s, start, len, !user_info, err));
        }
        p += n + (p[n] == ',');
    }
    ENSURE(s->n_urls > 0, err, CONF_VALUE, "schema.registry.url names no URL");
    const char *user = conf_str(conf, "basic.auth.user.info");
    if (user != NULL && (user_info || s->authorization == NULL)) {
        TRY(set_basic(s, user, strlen(user), err));
    }
    ENSURE(!user_info || user != NULL, err, CONF_MISSING,
           "basic.auth.credentials.source=USER_INFO needs basic.auth.user.info");
    const char *token = conf_str(conf, "bearer.auth.token");
    if (token != NULL) {
        mem_wipe_str(s->authorization);
        s->authorization = mem_printf("Bearer %s", token);
        ENSURE(s->authorization != NULL, err, NO_MEMORY, "out of memory");
    }
    TRY(add_header(s, "target-sr-cluster", conf_str(conf, "bearer.auth.logical.cluster"), err));
    TRY(add_header(s, "Confluent-Identity-Pool-Id", conf_str(conf, "bearer.auth.identity.pool.id"), err));
    s->max_retries = (uint32_t)conf_int(conf, "max.retries");
    s->retries_wait_ms = (uint32_t)conf_int(conf, "retries.wait.ms");
    s->retries_max_wait_ms = (uint32_t)conf_int(conf, "retries.max.wait.ms");
    s->connect_timeout_ms = (uint32_t)conf_int(conf, "http.connect.timeout.ms");
    s->timeout_ms = (uint32_t)conf_int(conf, "http.read.timeout.ms");
    return SCHLOSS_OK;
}

static schloss_rc transport_init(core_t *c, schloss_error_t *err) {
    const schloss_conf_t *conf = c->conf;
    char proxy[512] = "";
    const char *host = conf_str(conf, "proxy.host");
    if (host != NULL) {
        const char *port = conf_str(conf, "proxy.port");
        snprintf(proxy, sizeof(proxy), "%s:%s", host, port == NULL ? "8080" : port);
    }
    curl_conf_t cc = {
        .ca_file = conf_str(conf, "schema.registry.ssl.ca.location"),
        .cert_file = conf_str(conf, "schema.registry.ssl.certificate.location"),
        .key_file = conf_str(conf, "schema.registry.ssl.key.location"),
        .key_password = conf_str(conf, "schema.registry.ssl.key.password"),
        .skip_verify_host = conf_str(conf, "schema.registry.ssl.endpoint.identification.algorithm")[0] == '\0',
        .proxy = host == NULL ? NULL : proxy,
    };
    return curl_transport_new(&c->transport, &cc, err);
}

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
        .ttl_ms = conf_int(c->conf, "cache.expiry.secs") * 1000,
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
    c->latest_ttl_ms = conf_int(conf, "latest.cache.ttl.sec") * 1000;
    c->stale_ms = conf_int(conf, "schloss.cache.stale.secs") * 1000;
    c->max_views = (size_t)conf_int(conf, "max.schemas.per.subject");
    schloss_rc rc = parent == NULL ? rule_ext_new(&c->ext, err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        rc = service_init(&c->service, conf, err);
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
            rc = transport_init(c, err);
        }
    }
    c->views = map_new(view_unref_void);
    c->subjects = map_new(subject_cached_free);
    c->flights = map_new(NULL);
    if (rc == SCHLOSS_OK && (c->views == NULL || c->subjects == NULL || c->flights == NULL)) {
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
        if (have_env) {
            env_clear(&c->env);
        }
        http_service_clear(&c->service);
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
    env_clear(&c->env);
    if (c->transport.destroy != NULL) {
        c->transport.destroy(c->transport.user);
    }
    http_service_clear(&c->service);
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
