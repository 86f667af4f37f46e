/* AWS Signature Version 4 over libcrypto's HMAC. Pure: time, headers and body are given. */
#ifndef KMS_AWS_SIGV4_H
#define KMS_AWS_SIGV4_H

#include "base/buf.h"
#include "base/err.h"
#include <schloss/ext/transport.h>

#define SIGV4_DATE_LEN 16u /* 20260101T000000Z */

typedef struct sigv4 {
    const char *method;
    const char *path;  /* "/", percent-encoded */
    const char *query; /* canonical: sorted and encoded; "" for none */
    /* All headers to be signed: names in lower case and sorted, values trimmed. host and x-amz-date among them. */
    const schloss_http_header_t *headers;
    size_t n_headers;
    bytes_t body;
    const char *date; /* as in x-amz-date */
    const char *region, *service;
    const char *access_key_id, *secret_access_key;
} sigv4_t;

/* Appends the value of the Authorization header to out, a sensitive buffer. @return INVALID_ARGUMENT, CRYPTO, NO_MEMORY
 */
SCHLOSS_NODISCARD schloss_rc sigv4_authorize(const sigv4_t *s, buf_t *out, schloss_error_t *err);

/* Steps of it, for known answers. */
SCHLOSS_NODISCARD schloss_rc sigv4_canonical(const sigv4_t *s, buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc sigv4_key(uint8_t out[32], const char *secret, const char *date, const char *region,
                                       const char *service, schloss_error_t *err);

/* "20260101T000000Z" and NUL of a time in milliseconds since 1970. */
void sigv4_date(char out[SIGV4_DATE_LEN + 1], int64_t now_ms);

#endif
