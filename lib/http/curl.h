/* The default transport: libcurl with a pool of kept-alive handles. Thread-safe. */
#ifndef HTTP_CURL_H
#define HTTP_CURL_H

#include "base/mem.h"
#include <schloss/ext/transport.h>

typedef struct curl_conf {
    const char *ca_file;                             /* PEM; NULL = system */
    const char *cert_file, *key_file, *key_password; /* client certificate; NULL = none */
    bool skip_verify_host;                           /* ssl.endpoint.identification.algorithm="" */
    const char *proxy; /* "host:port" or NULL (environment is ignored unless use_env_proxy) */
    bool use_env_proxy;
} curl_conf_t;

SCHLOSS_NODISCARD schloss_rc curl_transport_new(schloss_transport_t *out, const curl_conf_t *conf,
                                                schloss_error_t *err);

#endif
