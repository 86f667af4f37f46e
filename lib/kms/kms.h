/* KMS drivers: each builds requests and reads replies over an io, and opens no socket of its own.
 * Spec: client-encryption 1.6 and 4. Associated data is always empty. */
#ifndef KMS_KMS_H
#define KMS_KMS_H

#include "http/io.h"

/* Driver configuration: KEK kmsProps over client rule configuration; get returns NULL when unset. Borrowed strings. */
typedef struct kms_conf {
    const char *(*get)(void *user, const char *name);
    void *user;
} kms_conf_t;

typedef struct kms_key {
    const char *kms_type; /* "local-kms" */
    const char *key_id;
    kms_conf_t conf;
} kms_key_t;

typedef struct kms_driver {
    const char *type;
    /* Wraps plain (a key message) into out. @return 0, NEED_IO, NEED_WAIT, WRAP_FAILED, KMS_DENIED */
    schloss_rc (*wrap)(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err);
    /* Unwraps into out[cap]. @return 0, NEED_IO, NEED_WAIT, UNWRAP_FAILED, KMS_DENIED */
    schloss_rc (*unwrap)(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                         schloss_error_t *err);
} kms_driver_t;

const kms_driver_t *kms_driver_find(const char *type); /* NULL: none */
/* NULL-terminated names of the drivers in this build. */
const char *const *kms_driver_types(void);

/* With the alternates of encrypt.alternate.kms.key.ids, in order; counts kms_calls. Unknown type: WRAP_FAILED with
 * "No KMS driver supports: URI". A wrap is remembered nowhere: the caller keeps its result over re-runs. */
SCHLOSS_NODISCARD schloss_rc kms_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc kms_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                                        size_t *out_len, schloss_error_t *err);

extern const kms_driver_t kms_local; /* local.c: key "secret", else environment LOCAL_SECRET */

#endif
