/* One wrap or unwrap by a PKCS#11 module: what is asked, whoever runs it, this process or the helper. */
#ifndef KMS_PKCS11_JOB_H
#define KMS_PKCS11_JOB_H

#include "base/buf.h"

#define P11_TYPE "pkcs11"
#define P11_PLAIN_MAX 255u   /* a key message; its length is one byte in mode KEY_WRAP */
#define P11_WRAPPED_MAX 512u /* what holds one */
#define P11_PIN_MAX 255u

/* First byte of what is stored.
 *   01 iv(12) ciphertext tag(16)   CKM_AES_GCM, no associated data
 *   02 ciphertext                  CKM_AES_KEY_WRAP (RFC 3394) over length(1) key message, zeros to a multiple of 8:
 *                                  modules do not agree on what CKM_AES_KEY_WRAP_PAD pads with */
enum p11_mode { P11_MODE_GCM = 1, P11_MODE_KEY_WRAP = 2 };

typedef struct p11_job {
    const char *module; /* absolute path */
    const char *key_id; /* pkcs11: URI */
    bytes_t pin;        /* ptr NULL: none */
    bool is_wrap;
    bytes_t in; /* key message, or wrapped key with its mode byte */
} p11_job_t;

/* Runs the job here. out: sensitive buffer, appended. Blocks for as long as the module does. Thread-safe.
 * @return KMS_* codes, WRAP_FAILED, UNWRAP_FAILED, NO_MEMORY, RANDOM */
SCHLOSS_NODISCARD schloss_rc p11_run(const p11_job_t *job, buf_t *out, schloss_error_t *err);
/* Runs the job in a helper process, for timeout_ms at most: a module that crashes or hangs is KMS_BUSY, one whose
 * helper answers nonsense KMS_ANSWER. The helper is ended then, and the next job gets a new one. */
SCHLOSS_NODISCARD schloss_rc p11_run_isolated(const p11_job_t *job, uint32_t timeout_ms, buf_t *out,
                                              schloss_error_t *err);

#endif
