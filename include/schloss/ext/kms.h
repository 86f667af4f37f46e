/* Own KMS drivers: an application teaches the library a KMS that it does not know.
 *
 * The driver's functions are called by prepare, never per record. They are blocking-free logic that is run again from
 * the top after each answer: schloss_kms_call() returns SCHLOSS_NEED_IO until the answer is there, and the function
 * then returns that code at once. A driver that talks to its KMS by other means (a library, a device) may simply block.
 *
 * Threads: an operation belongs to the thread that runs the driver's function; several run at once. Since 0.2. */
#ifndef SCHLOSS_EXT_KMS_H
#define SCHLOSS_EXT_KMS_H

#include <schloss/ext/error.h>
#include <schloss/ext/transport.h>

SCHLOSS_BEGIN_DECLS

/** One operation on one key; valid during the call. */
typedef struct schloss_kms_op schloss_kms_op_t;

/** Key id of the KEK (what stands behind kmsType:// in its URI). Borrowed from op. */
SCHLOSS_API const char *schloss_kms_key_id(const schloss_kms_op_t *op);
/** Setting name of the driver: kmsProps of the KEK over rule.executors.*.param.NAME of the client. NULL when unset.
 * Borrowed from op. */
SCHLOSS_API const char *schloss_kms_setting(const schloss_kms_op_t *op, const char *name);
/** Milliseconds since 1970 by the client's clock. */
SCHLOSS_API int64_t schloss_kms_now_ms(const schloss_kms_op_t *op);
/** Performs the request req through the client's transport; the same method, URL and body are asked once per prepare,
 * 408, 429 and 5xx are repeated with back-off.
 * @param status HTTP status of the answer, whatever it is
 * @param body borrowed until the driver's function returns
 * @return 0, SCHLOSS_NEED_IO or SCHLOSS_NEED_WAIT (return it), CONNECT, TLS, TIMEOUT, IO, LIMIT_EXCEEDED */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kms_call(schloss_kms_op_t *op, const schloss_http_request_t *req,
                                                          int *status, schloss_bytes_t *body, schloss_error_t *err);
/** The result: len bytes at ptr, the wrapped key or the unwrapped one (copied into secret memory). Call it once before
 * returning 0.
 * @return 0, LIMIT_EXCEEDED (an unwrapped key is at most 128 bytes), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kms_put(schloss_kms_op_t *op, const void *ptr, size_t len,
                                                         schloss_error_t *err);

typedef struct schloss_kms_driver {
    size_t size;      /**< sizeof(schloss_kms_driver_t) of the caller: lets the struct grow */
    const char *type; /**< kmsType that it serves, e.g. "acme-kms"; compared without regard to case */
    void *user;
    /** Wraps / unwraps in. @return 0 after schloss_kms_put(), NEED_*, or an error code (KMS_* of error_codes.h).
     * Thread-safe: several keys may be worked on at once. */
    schloss_rc (*wrap)(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err);
    schloss_rc (*unwrap)(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err);
} schloss_kms_driver_t;

/** Registers a driver for the whole process, before the first client that needs it; it cannot be taken back. driver is
 * copied, type too. A type that is known already is replaced.
 * Thread-safe.
 * @return 0, INVALID_ARGUMENT, LIMIT_EXCEEDED (32 drivers), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kms_register(const schloss_kms_driver_t *driver, schloss_error_t *err);

SCHLOSS_END_DECLS

#endif
