/* The client: what serializers and deserializers of one process share: HTTP connections, schema, KEK and DEK caches,
 * key slots, the optional refresh thread.
 *
 * Threads: a client is thread-safe; free it when no other thread uses it any more. Since 0.1. */
#ifndef SCHLOSS_CLIENT_H
#define SCHLOSS_CLIENT_H

#include <schloss/conf.h>
#include <schloss/ext/transport.h>

SCHLOSS_BEGIN_DECLS

typedef struct schloss_client schloss_client_t;

/** New client. No request is sent. conf is copied. Reference-counted: serdes hold it.
 * The client is thread-safe. A forked child may go on with it: locks are free, other threads' fetches are forgotten,
 * there is no refresh thread.
 * @param transport copied; NULL for libcurl
 * @param out owned by the caller: schloss_client_free()
 * @return 0, CONF_MISSING (schema.registry.url), CONF_VALUE, NO_MEMORY, MEMORY_LOCK */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_client_new(const schloss_conf_t *conf,
                                                            const schloss_transport_t *transport,
                                                            schloss_client_t **out, schloss_error_t *err);
/** Gives up the caller's reference; keys are wiped when the last serde is gone too. NULL is fine. */
SCHLOSS_API void schloss_client_free(schloss_client_t *client);
/** Drops every cached schema, KEK, DEK, also those of serdes with keys of their own: calls that begin afterwards ask
 * the registry again (use after a revocation). */
SCHLOSS_API void schloss_client_invalidate(schloss_client_t *client);
/** Replaces the clock for tests and replays: now_ms(user) in milliseconds since 1970, thread-safe; NULL = system. Call
 * it before the first record: not while other threads use the client. */
SCHLOSS_API void schloss_client_set_clock(schloss_client_t *client, int64_t (*now_ms)(void *user), void *user);

SCHLOSS_END_DECLS

#endif
