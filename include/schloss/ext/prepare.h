/* Prepare as a state machine, for event loops (docs/adr/0001). schloss_serialize() is a driver over exactly this:
 *
 *     while ((rc = schloss_serialize_try(ser, &t, rec, &out, err)) == SCHLOSS_NEED_KEY) {
 *         schloss_serializer_prepare_begin(ser, &t, &p, err);
 *         while ((rc = schloss_prepare_step(p, err)) > 0) {
 *             if (rc == SCHLOSS_NEED_IO)        send schloss_prepare_request(p); schloss_prepare_feed(p, status, body);
 *             else  (SCHLOSS_NEED_WAIT)         call again after schloss_prepare_wait_ms(p)
 *         }
 *         schloss_prepare_free(p);
 *     }
 *
 * A step never blocks and never opens a socket; only a KMS driver that blocks by itself can make it wait (pkcs11).
 *
 * Threads: a prepare is used by one thread at a time; prepares of other handles may go on at once. Since 0.1. */
#ifndef SCHLOSS_EXT_PREPARE_H
#define SCHLOSS_EXT_PREPARE_H

#include <schloss/serde.h>

SCHLOSS_BEGIN_DECLS

/** Starts a prepare for the target of a serializer. The handle must outlive it and must not be used meanwhile except
 * by other prepares.
 * @param out owned by the caller: schloss_prepare_free()
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (nothing is missing), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_prepare_begin(schloss_serializer_t *ser,
                                                                          const schloss_target_t *target,
                                                                          schloss_prepare_t **out,
                                                                          schloss_error_t *err);
/** Starts a prepare for what the last schloss_deserialize_try() lacked.
 * @param out owned by the caller: schloss_prepare_free()
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (nothing is missing), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_deserializer_prepare_begin(schloss_deserializer_t *de,
                                                                            schloss_prepare_t **out,
                                                                            schloss_error_t *err);
/** Advances p as far as it goes without waiting.
 * @return 0 done, SCHLOSS_NEED_IO, SCHLOSS_NEED_WAIT, or an error (final). */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_prepare_step(schloss_prepare_t *p, schloss_error_t *err);
/** The request to perform; borrowed until the next step or feed. NULL when none is wanted. */
SCHLOSS_API const schloss_http_request_t *schloss_prepare_request(const schloss_prepare_t *p);
/** Milliseconds until the next step makes sense. */
SCHLOSS_API uint32_t schloss_prepare_wait_ms(const schloss_prepare_t *p);
/** Feeds the answer: HTTP status, body (copied), and retry_after_ms from Retry-After (0: none).
 * @return 0, INVALID_STATE (no request is wanted), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_prepare_feed(schloss_prepare_t *p, int status, schloss_bytes_t body,
                                                              uint32_t retry_after_ms, schloss_error_t *err);
/** Says that the request failed without an answer: failure is CONNECT, TLS, TIMEOUT or IO, detail a few words for the
 * message (copied).
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (no request is wanted), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_prepare_feed_failure(schloss_prepare_t *p, schloss_rc failure,
                                                                      const char *detail, schloss_error_t *err);
/** Gives the prepare up, finished or not; NULL is fine. Others that wait for the same fetch go on by themselves. */
SCHLOSS_API void schloss_prepare_free(schloss_prepare_t *p);

SCHLOSS_END_DECLS

#endif
