/* The registry as a service: addresses, credentials, TLS, proxy, from the configuration. */
#include "base/random.h"
#include "base/text.h"
#include "client/auth.h"
#include "http/curl.h"
#include "serde/conf.h"
#include "serde/conf_table.h"
#include "serde/core.h"
#include <stdio.h>
#include <strings.h>

static schloss_rc set_basic(http_service_t *s, const char *user, size_t n, schloss_error_t *err) {
    char *text = mem_alloc(6 + B64_LEN(n) + 1);
    ENSURE(text != NULL, err, NO_MEMORY, "out of memory");
    memcpy(text, "Basic ", 6);
    text[6 + b64_encode((uint8_t *)text + 6, (const uint8_t *)user, n)] = '\0';
    mem_wipe_str(s->authorization);
    s->authorization = text;
    return SCHLOSS_OK;
}

/* The user of a URL (len 0: none). What is sent goes to all hosts, so all must name the same. */
static schloss_rc set_url_user(http_service_t *s, const buf_t *user, schloss_error_t *err) {
    char *before = s->authorization;
    s->authorization = NULL;
    schloss_rc rc = user->len == 0 ? SCHLOSS_OK : set_basic(s, (const char *)user->ptr, user->len, err);
    bool same =
        (before == NULL) == (s->authorization == NULL) && (before == NULL || strcmp(before, s->authorization) == 0);
    mem_wipe_str(before);
    if (rc == SCHLOSS_OK && s->n_urls > 0 && !same) {
        rc = FAIL(err, CONF_VALUE, "schema.registry.url: the URLs do not all name the same user");
        err_hint(err, "a user that may be sent to all of them can be given as basic.auth.user.info");
    }
    return rc;
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
    buf_t user;
    buf_init(&user, 4096, "LIMIT_USERINFO", true);
    bool ok = at == NULL || url_unescape(&user, host, (size_t)(at - host), false);
    schloss_rc rc =
        ok ? buf_check(&user, err) : FAIL(err, CONF_VALUE, "schema.registry.url: malformed user information");
    if (rc == SCHLOSS_OK && take_user) {
        rc = set_url_user(s, &user, err);
    }
    buf_clear(&user);
    TRY(rc);
    if (at != NULL) {
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

static schloss_rc set_urls(http_service_t *s, const schloss_conf_t *conf, schloss_error_t *err) {
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
    if (conf_bool(conf, "schema.registry.url.randomize") && s->n_urls > 1) {
        size_t first = random_below((uint32_t)s->n_urls);
        char *url = s->urls[first];
        s->urls[first] = s->urls[0];
        s->urls[0] = url;
    }
    return SCHLOSS_OK;
}

/* ---- bearer tokens ---- */

static const char *required(const schloss_conf_t *conf, const char *name, const char *source, schloss_error_t *err) {
    const char *v = conf_str(conf, name);
    if (v == NULL || v[0] == '\0') {
        (void)FAIL(err, CONF_MISSING, "bearer.auth.credentials.source=%s needs %s", source, name);
        return NULL;
    }
    return v;
}

static schloss_rc set_static_token(http_service_t *s, const char *token, schloss_error_t *err) {
    mem_wipe_str(s->authorization);
    s->authorization = mem_printf("Bearer %s", token);
    return s->authorization == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

static schloss_rc set_fetched_token(core_t *c, const char *source, schloss_error_t *err) {
    const schloss_conf_t *conf = c->conf;
    http_service_t *s = &c->service;
    sr_auth_conf_t ac = {
        .scope = conf_str(conf, "bearer.auth.scope"),
        .margin_ms = conf_int(conf, "bearer.auth.cache.expiry.buffer.seconds") * 1000,
        .fresh_ms = 10000,
        .tls = &c->tls,
        .max_retries = s->max_retries,
        .retries_wait_ms = s->retries_wait_ms,
        .retries_max_wait_ms = s->retries_max_wait_ms,
        .connect_timeout_ms = s->connect_timeout_ms,
        .timeout_ms = s->timeout_ms,
    };
    char *url = NULL;
    const char *name = "bearer.auth.issuer.endpoint.url";
    if (strcmp(source, "OAUTHBEARER") == 0) {
        const char *issuer = required(conf, name, source, err);
        ac.client_id = issuer == NULL ? NULL : required(conf, "bearer.auth.client.id", source, err);
        ac.secret = ac.client_id == NULL ? NULL : required(conf, "bearer.auth.client.secret", source, err);
        if (ac.secret == NULL) {
            return SCHLOSS_E_CONF_MISSING;
        }
        url = mem_strdup(issuer);
    } else {
        name = "bearer.auth.uami.endpoint.url";
        const char *endpoint = required(conf, name, source, err);
        const char *query = endpoint == NULL ? NULL : required(conf, "bearer.auth.uami.endpoint.query", source, err);
        if (query == NULL) {
            return SCHLOSS_E_CONF_MISSING;
        }
        url = mem_printf("%s?%s", endpoint, query);
    }
    ENSURE(url != NULL, err, NO_MEMORY, "out of memory");
    ac.url = url;
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    bool has_user = memchr(url + scheme, '@', strcspn(url + scheme, "/?#")) != NULL;
    schloss_rc rc = scheme == 0 ? FAIL(err, CONF_VALUE, "%s: no http:// or https:// URL", name)
                    : has_user  ? FAIL(err, CONF_VALUE, "%s: a user in this URL is not sent", name)
                                : sr_auth_new(&s->auth, &ac, err);
    mem_free(url);
    if (rc == SCHLOSS_OK) { /* the user of the URL or of basic.auth.user.info is not sent */
        mem_wipe_str(s->authorization);
        s->authorization = NULL;
    }
    return rc;
}

static schloss_rc set_bearer(core_t *c, schloss_error_t *err) {
    const char *source = conf_str(c->conf, "bearer.auth.credentials.source");
    const char *token = conf_str(c->conf, "bearer.auth.token");
    if (source == NULL || strcmp(source, "STATIC_TOKEN") == 0) {
        ENSURE(source == NULL || token != NULL, err, CONF_MISSING,
               "bearer.auth.credentials.source=STATIC_TOKEN needs bearer.auth.token");
        TRY(token == NULL ? SCHLOSS_OK : set_static_token(&c->service, token, err));
    } else {
        TRY(set_fetched_token(c, source, err));
    }
    TRY(add_header(&c->service, "target-sr-cluster", conf_str(c->conf, "bearer.auth.logical.cluster"), err));
    return add_header(&c->service, "Confluent-Identity-Pool-Id", conf_str(c->conf, "bearer.auth.identity.pool.id"),
                      err);
}

/* ---- the whole ---- */

static const char *either(const schloss_conf_t *conf, const char *name, const char *java_name) {
    const char *v = conf_str(conf, name);
    return v != NULL ? v : conf_str(conf, java_name);
}

/* Strings are borrowed from the configuration, which lives as long as the client. */
static void set_tls(core_t *c) {
    const schloss_conf_t *conf = c->conf;
    c->tls = (schloss_tls_t){
        .ca_file = either(conf, "schema.registry.ssl.ca.location", "schema.registry.ssl.truststore.location"),
        .cert_file = either(conf, "schema.registry.ssl.certificate.location", "schema.registry.ssl.keystore.location"),
        .key_file = either(conf, "schema.registry.ssl.key.location", "schema.registry.ssl.keystore.location"),
        .key_password = conf_str(conf, "schema.registry.ssl.key.password"),
        .skip_verify_host = conf_str(conf, "schema.registry.ssl.endpoint.identification.algorithm")[0] == '\0',
    };
}

typedef struct more_headers {
    http_service_t *s;
    schloss_error_t *err;
    schloss_rc rc;
} more_headers_t;

static bool add_request_header(void *user, const char *name, const char *value) {
    more_headers_t *m = user;
    if (strcasecmp(name, "Authorization") == 0) { /* in place of ours */
        mem_wipe_str(m->s->authorization);
        m->s->authorization = NULL;
        sr_auth_free(m->s->auth);
        m->s->auth = NULL;
    }
    if (m->rc == SCHLOSS_OK) {
        m->rc = add_header(m->s, name, value, m->err);
    }
    return true;
}

schloss_rc core_service_init(core_t *c, schloss_error_t *err) {
    const schloss_conf_t *conf = c->conf;
    http_service_t *s = &c->service;
    s->max_retries = (uint32_t)conf_int(conf, "max.retries");
    s->retries_wait_ms = (uint32_t)conf_int(conf, "retries.wait.ms");
    s->retries_max_wait_ms = (uint32_t)conf_int(conf, "retries.max.wait.ms");
    s->connect_timeout_ms = (uint32_t)conf_int(conf, "http.connect.timeout.ms");
    s->timeout_ms = (uint32_t)conf_int(conf, "http.read.timeout.ms");
    set_tls(c);
    TRY(set_urls(s, conf, err));
    TRY(set_bearer(c, err));
    more_headers_t more = {.s = s, .err = err, .rc = SCHLOSS_OK};
    (void)conf_each(conf, CONF_HEADER_PREFIX, add_request_header, &more);
    return more.rc;
}

void core_service_clear(core_t *c) {
    sr_auth_free(c->service.auth);
    c->service.auth = NULL;
    http_service_clear(&c->service);
}

schloss_rc core_transport_init(core_t *c, schloss_error_t *err) {
    char proxy[512] = "";
    const char *host = conf_str(c->conf, "proxy.host");
    int64_t port = conf_int(c->conf, "proxy.port");
    if (host != NULL) {
        (void)snprintf(proxy, sizeof(proxy), "%s:%d", host, port <= 0 ? 8080 : (int)port);
    }
    curl_conf_t cc = {
        .ca_file = c->tls.ca_file,
        .cert_file = c->tls.cert_file,
        .key_file = c->tls.key_file,
        .key_password = c->tls.key_password,
        .skip_verify_host = c->tls.skip_verify_host,
        .proxy = host == NULL ? NULL : proxy,
    };
    return curl_transport_new(&c->transport, &cc, err);
}
