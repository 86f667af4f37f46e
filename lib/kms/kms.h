/* KMS drivers: each builds requests and reads replies over an io, and opens no socket of its own.
 * Spec: client-encryption 1.6 and 4. Associated data is always empty.
 *
 * A driver's logic is run again from its top after each answer (http/io.h). It keeps no state of its own between calls
 * but what kms/token.h holds for it. */
#ifndef KMS_KMS_H
#define KMS_KMS_H

#include "base/time.h"
#include "http/io.h"

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* Driver configuration: KEK kmsProps over client rule configuration; get returns NULL when unset. Borrowed strings. */
typedef struct kms_conf {
    const char *(*get)(void *user, const char *name);
    void *user;
} kms_conf_t;

typedef struct kms_key {
    const char *kms_type; /* "local-kms" */
    const char *key_id;
    kms_conf_t conf;
    clk_t clock; /* wall clock of the client: signatures, expiry of tokens. A zeroed one is the system's */
} kms_key_t;

/* Both operations: 0, NEED_IO, NEED_WAIT, I/O codes, or one of the KMS_* codes (error_codes.h); WRAP_FAILED and
 * UNWRAP_FAILED for what none of them says. Errors name kms_type://key_id, carry one hint, and never the plaintext. */
typedef struct kms_driver {
    const char *type;
    /* Wraps plain (a key message) into out (appended). */
    schloss_rc (*wrap)(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err);
    /* Unwraps into out[cap], which is secret memory. */
    schloss_rc (*unwrap)(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                         schloss_error_t *err);
} kms_driver_t;

/* Drivers linked into this binary, else modules: libschloss-kms-<name>.so in the directory of SCHLOSS_KMS_PATH or of
 * the installation, loaded at first use (lib/kms/module.c). NULL: none. */
const kms_driver_t *kms_driver_find(const char *type);
/* NULL-terminated names of the drivers that can be had. */
const char *const *kms_driver_types(void);

/* With the alternates of encrypt.alternate.kms.key.ids, in order; counts kms_calls. Unknown type: WRAP_FAILED with
 * "No KMS driver supports: URI". A wrap is remembered nowhere: the caller keeps its result over re-runs. */
SCHLOSS_NODISCARD schloss_rc kms_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc kms_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                                        size_t *out_len, schloss_error_t *err);

/* Value of a setting, else of the environment variable env (NULL: none), else NULL. "" counts as unset. */
const char *kms_setting(const kms_key_t *key, const char *name, const char *env);

extern const kms_driver_t kms_local;  /* local.c: key "secret", else environment LOCAL_SECRET */
extern const kms_driver_t kms_aws;    /* aws/ */
extern const kms_driver_t kms_azure;  /* azure/ */
extern const kms_driver_t kms_gcp;    /* gcp/ */
extern const kms_driver_t kms_vault;  /* vault/ */
extern const kms_driver_t kms_kmip;   /* kmip/ */
extern const kms_driver_t kms_pkcs11; /* pkcs11/ */

#pragma GCC visibility pop

#endif
