/* Rules of an application's own: executors for rule types that the library does not execute (CEL, JSONata, masking),
 * and what happens to a record whose rule failed under the action DLQ.
 *
 * Both are given to a client before its first record and live as long as it. A record that meets a key which must be
 * fetched runs again from its first rule, so an executor may see it more than once. The text of an executor's error
 * goes into the dead letter (__rule.exception): no plaintext in it.
 *
 * Threads: they are called on the thread that serialises or deserialises; several threads may call at once. Since 0.2.
 */
#ifndef SCHLOSS_EXT_RULE_H
#define SCHLOSS_EXT_RULE_H

#include <schloss/ext/error.h>
#include <schloss/serde.h>

SCHLOSS_BEGIN_DECLS

/** What a rule runs on; borrowed during the call. */
typedef struct schloss_rule_info {
    size_t size;
    const char *rule, *type; /**< name and type of the rule as registered */
    const char *mode;        /**< "WRITE" or "READ": the direction that runs */
    const char *subject, *topic;
    bool is_key;
    bool is_encoding;  /**< the rule stands in encodingRules: the message is the encoded payload */
    const char *expr;  /**< NULL when absent */
    const char *doc;   /**< NULL when absent */
    const char *field; /**< full name (transform_field), NULL otherwise */
    bool is_string;    /**< transform_field: UTF-8 string, else bytes */
    const schloss_schema_t *schema;
} schloss_rule_info_t;

/** Parameter name of the rule: params, else metadata.properties; NULL when absent. Borrowed during the call. */
SCHLOSS_API const char *schloss_rule_param(const schloss_rule_info_t *info, const char *name);

/** Where an executor puts its result. */
typedef struct schloss_rule_out schloss_rule_out_t;
/** Appends len bytes at ptr to the result (copied).
 * @return 0, INVALID_ARGUMENT, LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_rule_put(schloss_rule_out_t *out, const void *ptr, size_t len,
                                                          schloss_error_t *err);
/** Result of a rule of kind CONDITION: whether it holds for the message. */
SCHLOSS_API void schloss_rule_set_condition(schloss_rule_out_t *out, bool holds);

typedef struct schloss_rule_executor {
    size_t size;      /**< sizeof(schloss_rule_executor_t) of the caller */
    const char *type; /**< rule type, compared without regard to case; ENCRYPT and ENCRYPT_PAYLOAD cannot be replaced */
    void *user;
    /** Transforms (or judges) the whole message: Avro binary, JSON text or Protobuf bytes under info->schema; the
     * encoded payload for an encoding rule. A TRANSFORM puts the whole new message, a CONDITION its verdict. NULL when
     * the type works field by field. */
    schloss_rc (*transform)(void *user, const schloss_rule_info_t *info, schloss_bytes_t message,
                            schloss_rule_out_t *out, schloss_error_t *err);
    /** Transforms one covered string or bytes value (tags decide, as for ENCRYPT). NULL when the type works on
     * messages. */
    schloss_rc (*transform_field)(void *user, const schloss_rule_info_t *info, schloss_bytes_t value,
                                  schloss_rule_out_t *out, schloss_error_t *err);
    /** Called once when the client is freed; may be NULL. */
    void (*destroy)(void *user);
} schloss_rule_executor_t;

/** Adds an executor (copied); it cannot be taken back. Thread-safe, but before the client's first record.
 * @return 0, INVALID_ARGUMENT (a type that is there, too), LIMIT_EXCEEDED (64), NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_client_add_executor(schloss_client_t *client,
                                                                     const schloss_rule_executor_t *executor,
                                                                     schloss_error_t *err);

/** A record whose rule failed under the action DLQ. Nothing in it is plaintext that an encryption rule covers. */
typedef struct schloss_dead_letter {
    size_t size;
    const char *topic;     /**< dead letter topic */
    schloss_bytes_t key;   /**< as the application gave it with the record; ptr NULL: none */
    schloss_bytes_t value; /**< reading: the record as it lay on the topic, still encrypted; writing: JSON with
                                <REDACTED> for covered fields, or ptr NULL where nothing can be shown */
    const schloss_header_t *headers; /**< of the record, and __rule.name, .mode, .subject, .topic, .exception */
    size_t n_headers;
    const char *rule;
} schloss_dead_letter_t;

typedef struct schloss_dead_letter_sink {
    size_t size; /**< sizeof(schloss_dead_letter_sink_t) of the caller */
    void *user;
    /** Sends letter (borrowed). An error is logged; the record fails either way. */
    schloss_rc (*send)(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err);
    void (*destroy)(void *user);
} schloss_dead_letter_sink_t;

/** Sets where dead letters go (libschloss-kafka: schloss_kafka_dlq_open()); sink is copied. Thread-safe, but before the
 * client's first record.
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (a sink is set) */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_client_set_dead_letter_sink(schloss_client_t *client,
                                                                             const schloss_dead_letter_sink_t *sink,
                                                                             schloss_error_t *err);

/** Counters of one rule; borrowed during the callback. executions = success + failure. */
typedef struct schloss_rule_counts {
    size_t size;
    const char *rule, *type, *mode, *subject; /**< mode: "WRITE" or "READ", the direction that ran */
    uint64_t success, failure, skipped;
    uint64_t actions_error, actions_none, actions_dlq;
    int64_t last_success_ms; /**< milliseconds since 1970; 0: never */
} schloss_rule_counts_t;

/** Calls each with user for every rule that the client's handles have met, in each direction; false stops. The callback
 * must not call into the client. Thread-safe; what a handle has done since its last 64 records may be missing. */
SCHLOSS_API void schloss_client_rule_counts(schloss_client_t *client,
                                            bool (*each)(void *user, const schloss_rule_counts_t *counts), void *user);

SCHLOSS_END_DECLS

#endif
