/* The http_service_t of a KMS or of what gives credentials for it. An io remembers calls by service and keeps pointers
 * to it, so services of equal settings are one object, made once and kept until the process ends. */
#ifndef KMS_SERVICE_H
#define KMS_SERVICE_H

#include "base/err.h"
#include "http/io.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* 30 seconds of silence, over all tries, end in TIMEOUT. */
#define KMS_RETRIES 3u
#define KMS_TIMEOUT_MS 7500u

typedef struct kms_service_conf {
    schloss_tls_t tls; /* copied; zeroed: the system's CAs */
    schloss_protocol_t protocol;
    bool direct;
    uint32_t connect_timeout_ms, timeout_ms; /* 0: KMS_TIMEOUT_MS */
    uint32_t max_retries;                    /* of KMS_RETRIES when zero and not no_retries */
    bool no_retries;
} kms_service_conf_t;

/* A foreign service without base URLs: paths of its calls are absolute. Borrowed, never freed.
 * @return LIMIT_EXCEEDED (64 different settings in one process), NO_MEMORY. Thread-safe, and safe over a fork. */
SCHLOSS_NODISCARD schloss_rc kms_service(const http_service_t **out, const kms_service_conf_t *conf,
                                         schloss_error_t *err);

#pragma GCC visibility pop

#endif
