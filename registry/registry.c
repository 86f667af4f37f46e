/* See registry.h: the service behind a server. */
#include "registry/registry.h"
#include "registry/service.h"
#include "server/http.h"
#include <unistd.h>

struct registry {
    service_t *service;
    http_server_t *http;
};

static unsigned default_threads(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 2 ? 2 : n > 8 ? 8 : (unsigned)n;
}

schloss_rc registry_start(registry_t **out, const registry_conf_t *conf, schloss_error_t *err) {
    registry_t *r = MEM_NEW(registry_t);
    if (r == NULL) {
        return NO_MEMORY(err);
    }
    unsigned threads = conf->threads == 0 ? default_threads() : conf->threads > 64 ? 64 : conf->threads;
    service_conf_t service = {.store = conf->store,
                              .users_file = conf->users_file,
                              .kms_secret = conf->kms_secret,
                              .readers = threads,
                              .log_requests = conf->log_requests};
    http_conf_t http = {.listen = conf->listen,
                        .tls_cert_file = conf->tls_cert_file,
                        .tls_key_file = conf->tls_key_file,
                        .threads = threads};
    schloss_rc rc = service_open(&r->service, &service, err);
    if (rc == 0) {
        http_app_t app = {.user = r->service,
                          .start = service_start,
                          .is_write = service_is_write,
                          .read = service_read,
                          .write = service_write,
                          .done = service_done};
        rc = http_start(&r->http, &http, &app, err);
    }
    if (rc != 0) {
        service_close(r->service);
        mem_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

const char *registry_url(const registry_t *r) {
    return http_url(r->http);
}

void registry_stop(registry_t *r) {
    if (r == NULL) {
        return;
    }
    http_stop(r->http);
    service_close(r->service);
    mem_free(r);
}

bool registry_route(unsigned i, const char **method, const char **path, const char **text) {
    if (i >= registry_n_routes) {
        return false;
    }
    *method = registry_routes[i].method;
    *path = registry_routes[i].path;
    *text = registry_routes[i].text;
    return true;
}
