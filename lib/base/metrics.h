/* Counters of the process in one table; docs/metrics.md and schloss_metric_get() come from it. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#define METRICS(X)                                                                                                     \
    X(encryptions, "values encrypted")                                                                                 \
    X(decryptions, "values decrypted")                                                                                 \
    X(records_serialized, "records serialized")                                                                        \
    X(records_deserialized, "records deserialized")                                                                    \
    X(need_key, "executions that returned NEED_KEY")                                                                   \
    X(rule_failures, "rule executions that failed")                                                                    \
    X(none_on_write, "encryption rules that failed on write and were skipped by onFailure NONE")                       \
    X(none_on_read, "encryption rules that failed on read and were skipped by onFailure NONE")                         \
    X(passed_through, "ciphertexts that a reader without the KEK left as they are (pass-through)")                     \
    X(dead_letters, "records sent to a dead letter topic")                                                             \
    X(tags_unreached, "ENCRYPT rules one of whose tags stands on a record, message or object, where it does nothing")  \
    X(rules_without_field, "ENCRYPT rules that matched no field of their schema")                                      \
    X(random_calls, "calls of the system's random source")                                                             \
    X(nonce_refills, "refills of a thread's nonce pool")                                                               \
    X(memory_lock_failures, "key memory that could not be locked")                                                     \
    X(http_requests, "HTTP requests sent")                                                                             \
    X(http_retries, "HTTP requests repeated")                                                                          \
    X(kms_calls, "calls of a KMS driver")                                                                              \
    X(deks_created, "DEKs created or rotated")                                                                         \
    X(deks_overused, "warnings that a GCM DEK has encrypted 2^31 or 2^32 values")                                      \
    X(refreshes, "cache entries refreshed ahead of expiry")                                                            \
    X(stale_served, "cache entries served past their time to live because the registry was unreachable")

typedef struct metrics {
#define METRICS_X(name, text) _Atomic uint64_t name;
    METRICS(METRICS_X)
#undef METRICS_X
} metrics_t;

extern metrics_t metrics;

/* Slow paths only; hot paths count in their handle and flush (see serde). */
#define METRIC_ADD(name, n) atomic_fetch_add_explicit(&metrics.name, (uint64_t)(n), memory_order_relaxed)

uint64_t metrics_get(const char *name);
/* Name and text of the i-th counter; NULL past the end. */
const char *metrics_name(unsigned i, const char **text);

#endif
