/* The HTTP transport hook: an embedder may carry the library's requests with its own HTTP client (gateway: its event
 * loop; schloss dev: in process). Without a hook the library uses libcurl. */
#ifndef SCHLOSS_EXT_TRANSPORT_H
#define SCHLOSS_EXT_TRANSPORT_H

#include <schloss/bytes.h>
#include <schloss/error.h>

SCHLOSS_BEGIN_DECLS

typedef struct schloss_http_header {
    const char *name;
    const char *value;
} schloss_http_header_t;

/** TLS settings of one request. All NULL: the system's CAs, no client certificate, host name checked. Files are PEM. */
typedef struct schloss_tls {
    const char *ca_file;
    const char *cert_file, *key_file, *key_password;
    bool skip_verify_host;
} schloss_tls_t;

/** What goes over the wire. */
typedef enum schloss_protocol {
    SCHLOSS_HTTP = 0,
    /** The body is one TTLV message of KMIP; the answer is one, too, with status 200. The URL is kmips://host:port. A
     * hook that does not carry KMIP fails with UNSUPPORTED. A request header TLS-Server-Name gives the name that the
     * certificate must carry, when it is not the host of the URL. */
    SCHLOSS_KMIP = 1,
} schloss_protocol_t;

typedef struct schloss_http_request {
    const char *method; /**< "GET", "POST", "PUT", "DELETE" */
    const char *url;    /**< absolute, percent-encoded */
    const schloss_http_header_t *headers;
    size_t n_headers;
    schloss_bytes_t body;
    uint32_t connect_timeout_ms;
    uint32_t timeout_ms; /**< for the whole exchange */
    size_t max_body;     /**< answers longer than this are refused with LIMIT_EXCEEDED */
    bool sensitive;      /**< body or answer may carry key material: wipe buffers, never log bodies */
    /* since 0.2 */
    const schloss_tls_t *tls;    /**< NULL: what the transport was made with (the registry's settings) */
    schloss_protocol_t protocol; /**< SCHLOSS_HTTP but for a KMIP server */
    bool direct;                 /**< never through a proxy: metadata services of clouds */
} schloss_http_request_t;

typedef struct schloss_http_response {
    int status;
    uint8_t *body; /**< owned by the transport until release() */
    size_t body_len;
    uint32_t retry_after_ms; /**< from Retry-After, 0 when absent */
    void *opaque;            /**< for the transport */
} schloss_http_response_t;

typedef struct schloss_transport {
    size_t size; /**< sizeof(schloss_transport_t) of the caller: lets the struct grow */
    void *user;
    /** Performs one exchange, blocking. 0 with *out filled for any HTTP status; CONNECT, TLS, TIMEOUT, IO,
     * LIMIT_EXCEEDED otherwise. Called from several threads at once. */
    schloss_rc (*perform)(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err);
    /** Frees what perform put into out (wiping it when the request was sensitive). */
    void (*release)(void *user, schloss_http_response_t *out);
    /** Called once when the client is freed; may be NULL. */
    void (*destroy)(void *user);
} schloss_transport_t;

SCHLOSS_END_DECLS

#endif
