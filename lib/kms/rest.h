/* What drivers that speak JSON over HTTPS share: the service of a key's TLS settings, calls whose errors name the key,
 * an answer's members without a copy outside wiped memory, base64url, small files.
 *
 * A driver runs again from its top after each answer, so nothing here keeps state. */
#ifndef KMS_REST_H
#define KMS_REST_H

#include "codec/json/scan.h"
#include "kms/kms.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

#define REST_TOKEN_MAX ((size_t)64 * 1024) /* an access token, a client assertion */
#define REST_FILE_MAX ((size_t)64 * 1024)  /* a credentials or token file */
#define REST_TEXT_MAX 2048u                /* URLs and names made of settings and answers */

typedef enum { REST_B64, REST_B64URL } rest_alphabet_t;

/* Settings of this key: ssl.ca.location, ssl.certificate.location, ssl.key.location, ssl.key.password (PEM), and
 * endpoint.timeout.ms (of one try). env: names of the variables behind the first three, or NULL. */
typedef struct rest_env {
    const char *ca, *certificate, *key;
} rest_env_t;
SCHLOSS_NODISCARD schloss_rc rest_service(const kms_key_t *key, const rest_env_t *env, const http_service_t **out,
                                          schloss_error_t *err);
/* Metadata services of clouds: plain HTTP on the link, never through a proxy, given up soon. */
SCHLOSS_NODISCARD schloss_rc rest_metadata(const http_service_t **out, schloss_error_t *err);

/* io_call; its errors name the key. */
SCHLOSS_NODISCARD schloss_rc rest_call(const kms_key_t *key, io_t *io, const http_service_t *svc, const io_call_t *call,
                                       io_answer_t *out, schloss_error_t *err);

/* Where the bearer of a request comes from. again: the service has refused what the last call gave, so forget it and
 * fetch another. 0 with again means that there is no newer one than what was refused: what was fetched over this io, or
 * what needs no fetching. */
typedef struct rest_auth {
    schloss_rc (*get)(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err);
    void *user;
    const char *header, *prefix; /* "Authorization", "Bearer " */
    int refused;                 /* status: 401, or Vault's 403 */
} rest_auth_t;
/* rest_call with a token, once more with a new one when a remembered token is refused. At most REST_HEADERS_MAX headers
 * in the call. */
#define REST_HEADERS_MAX 4u
SCHLOSS_NODISCARD schloss_rc rest_call_as(const kms_key_t *key, io_t *io, const http_service_t *svc,
                                          const io_call_t *call, const rest_auth_t *auth, io_answer_t *out,
                                          schloss_error_t *err);

/* Fills err: "type://id: what (HTTP 403: remote text)". remote is the server's own word, or "". @return rc */
schloss_rc rest_fail(const kms_key_t *key, schloss_rc rc, int status, const char *remote, const char *hint,
                     schloss_error_t *err, const char *fmt, ...) SCHLOSS_PRINTF(7, 8);

/* The answer as a JSON object, else KMS_ANSWER. */
SCHLOSS_NODISCARD schloss_rc rest_object(const kms_key_t *key, const io_answer_t *a, json_span_t *out,
                                         schloss_error_t *err);
/* An object member of o; false: absent or something else. */
bool rest_member(json_span_t o, const char *name, json_span_t *out);
/* Copies a text member, cut to cap and cleaned of control characters; "" when there is none. For messages. */
void rest_said(json_span_t o, const char *name, char *dst, size_t cap);
/* Appends a non-empty string member, else KMS_ANSWER. */
SCHLOSS_NODISCARD schloss_rc rest_string(const kms_key_t *key, json_span_t o, const char *name, buf_t *out,
                                         schloss_error_t *err);
/* Appends the decoded bytes of a member, else KMS_ANSWER. */
SCHLOSS_NODISCARD schloss_rc rest_bytes(const kms_key_t *key, json_span_t o, const char *name, rest_alphabet_t alphabet,
                                        buf_t *out, schloss_error_t *err);
/* Number, or a string of digits; false: neither, or negative. */
bool rest_number(json_span_t o, const char *name, int64_t *out);
/* The unwrapped key to where the caller wants it; UNWRAP_FAILED when it is larger than a DEK can be. */
SCHLOSS_NODISCARD schloss_rc rest_plain(const kms_key_t *key, const buf_t *plain, uint8_t *out, size_t cap,
                                        size_t *out_len, schloss_error_t *err);

/* Appends base64 (base64url: without padding). */
void rest_put_b64(buf_t *out, rest_alphabet_t alphabet, bytes_t in);
/* Appends &name=value, percent-encoded, without the & when out is empty. */
void rest_put_form(buf_t *out, const char *name, const char *value);
/* Appends a file without the white space at its end, else KMS_CREDENTIALS; what names it in the error. */
SCHLOSS_NODISCARD schloss_rc rest_file(const kms_key_t *key, const char *what, const char *path, buf_t *out,
                                       schloss_error_t *err);
/* An https URL; http only where the host is this machine. */
bool rest_url_is_safe(const char *url);
/* Is the host of an http(s) URL this machine, by name or by address? */
bool rest_url_is_local(const char *url);
/* Does the setting say yes ("true", any case)? */
bool rest_flag(const kms_key_t *key, const char *name);
/* Case-insensitive search in a server's words. */
bool rest_says(const char *text, const char *part);

#pragma GCC visibility pop

#endif
