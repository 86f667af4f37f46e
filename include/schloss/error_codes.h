/* Every outcome of the library, in one table. The enum, the names, docs/errors.md and a test come from it.
 *
 * X(name, value, category, flags, text)
 *   name      SCHLOSS_E_<name>; also the "kind" that the interoperability vectors use
 *   value     negative; thousands are the category
 *   flags     R retriable (the same call may succeed later), C caused by the caller's input, 0 neither
 *   text      one line of documentation: what it means and what to do
 */
#ifndef SCHLOSS_ERROR_CODES_H
#define SCHLOSS_ERROR_CODES_H

#define SCHLOSS_ERROR_CODES(X)                                                                                         \
    X(INVALID_ARGUMENT, -1001, USAGE, C, "An argument is NULL, out of range or malformed.")                            \
    X(INVALID_STATE, -1002, USAGE, C, "The object is not in a state that allows the call.")                            \
    X(UNSUPPORTED, -1003, USAGE, C, "This build or this version does not do what was asked.")                          \
    X(EMPTY_MESSAGE, -1004, USAGE, C, "The message to serialize is NULL; write a tombstone with the Kafka glue.")      \
    X(NO_MEMORY, -2001, RESOURCE, R, "An allocation failed.")                                                          \
    X(LIMIT_EXCEEDED, -2002, RESOURCE, C, "A named limit was exceeded; the message says which and its setting.")       \
    X(MEMORY_LOCK, -2003, RESOURCE, 0, "Key memory cannot be locked and schloss.memory.lock=required.")                \
    X(CONNECT, -3001, IO, R, "The server cannot be reached; check URL, network and that it runs.")                     \
    X(TLS, -3002, IO, 0, "The TLS handshake failed; check CA, certificate, host name.")                                \
    X(TIMEOUT, -3003, IO, R, "The server did not answer in time.")                                                     \
    X(CANCELLED, -3004, IO, 0, "The caller cancelled the operation.")                                                  \
    X(IO, -3005, IO, R, "Reading or writing failed.")                                                                  \
    X(UNAUTHENTICATED, -4001, IDENTITY, 0, "The server wants other credentials.")                                      \
    X(FORBIDDEN, -4002, IDENTITY, 0, "The server refuses this principal.")                                             \
    X(SCHEMA_PARSE, -5001, SCHEMA, C, "The schema text is not valid.")                                                 \
    X(SCHEMA_NOT_FOUND, -5002, SCHEMA, 0, "The registry has no such schema, subject or version.")                      \
    X(UNKNOWN_MAGIC, -5003, SCHEMA, C, "First byte of value or header is neither 0 nor 1: not framed data.")           \
    X(SHORT_PREFIX, -5004, SCHEMA, C, "Fewer bytes than the schema id prefix needs.")                                  \
    X(BAD_MESSAGE_INDEX, -5005, SCHEMA, C, "Protobuf message indexes are malformed or out of range.")                  \
    X(DATA_MISMATCH, -5006, SCHEMA, C, "The record does not fit its schema.")                                          \
    X(SCHEMA_TYPE, -5007, SCHEMA, C, "The schema is of a type that this handle does not serve.")                       \
    X(SUBJECT_NAME, -5008, SCHEMA, C, "The subject name strategy yields no subject.")                                  \
    X(BAD_JSON, -5009, SCHEMA, C, "The text is not JSON, or exceeds depth or size limits.")                            \
    X(NO_EXECUTOR, -6001, RULE, 0, "No executor for the rule's type; register one or disable the rule.")               \
    X(NO_ACTION, -6002, RULE, 0, "onSuccess or onFailure names an action that nobody knows.")                          \
    X(BAD_RULE_PARAM, -6003, RULE, 0, "A parameter of the rule is missing or wrong.")                                  \
    X(UNSUPPORTED_TYPE, -6004, RULE, C, "A tagged field is neither string nor bytes.")                                 \
    X(RULES_REQUIRED, -6005, RULE, 0, "Guard mode: no enabled encryption rule would run on this subject.")             \
    X(RULE_SET, -6006, RULE, 0, "The rule set from the registry is malformed.")                                        \
    X(RULE_CONDITION, -6007, RULE, C, "A rule of kind CONDITION does not hold for the message.")                       \
    X(EXECUTOR, -6008, RULE, 0, "An application's rule executor failed.")                                              \
    X(RULE_ACTION, -6009, RULE, 0, "The rule succeeded and its onSuccess ends the record (ERROR or DLQ).")             \
    X(DEAD_LETTER, -6010, RULE, 0, "A dead letter has no topic (dlq.topic) or no sink (schloss_kafka_dlq_open).")      \
    X(AUTH_FAILED, -7001, CRYPTO, 0, "Tag or synthetic IV does not verify: wrong key or altered data.")                \
    X(CIPHERTEXT_TOO_SHORT, -7002, CRYPTO, 0, "Fewer bytes than version prefix, IV and tag need: not ciphertext.")     \
    X(BAD_BASE64, -7003, CRYPTO, 0, "A string field is no base64: probably not encrypted.")                            \
    X(BAD_VERSION_MAGIC, -7004, CRYPTO, 0, "The rule has an expiry and the ciphertext does not begin with 00.")        \
    X(BAD_KEY, -7005, CRYPTO, 0, "The unwrapped DEK is no key message of the algorithm's size.")                       \
    X(RANDOM, -7006, CRYPTO, R, "The system's random source failed.")                                                  \
    X(CRYPTO, -7007, CRYPTO, 0, "The crypto library failed.")                                                          \
    X(BAD_UTF8, -7008, CRYPTO, 0, "The decrypted string is not valid UTF-8.")                                          \
    X(WRAP_FAILED, -8001, KMS, 0, "The KMS cannot wrap the DEK; check credentials and key id.")                        \
    X(UNWRAP_FAILED, -8002, KMS, 0, "The KMS cannot unwrap the DEK; check credentials and key id.")                    \
    X(KMS_DENIED, -8003, KMS, 0, "The KMS refuses access to the key; ask its owner for encrypt and decrypt.")          \
    X(KMS_BUSY, -8004, KMS, R, "The KMS is throttling, sealed or failing; it is asked again.")                         \
    X(KMS_KEY_DISABLED, -8005, KMS, 0, "The KMS key is disabled; enable it.")                                          \
    X(KMS_KEY_DELETED, -8006, KMS, 0, "The KMS key or the version needed is deleted; what it wraps is lost.")          \
    X(KMS_KEY_PENDING, -8007, KMS, 0, "The KMS key is pending deletion or import; cancel the deletion.")               \
    X(KMS_KEY_UNKNOWN, -8008, KMS, 0, "The KMS has no such key; check key id, account, mount and region.")             \
    X(KMS_KEY_VERSION, -8009, KMS, 0, "The KMS no longer opens what this version of the key wrapped.")                 \
    X(KMS_KEY_TYPE, -8010, KMS, 0, "The KMS key is of a type or usage that cannot wrap; use the type in the hint.")    \
    X(KMS_REGION, -8011, KMS, 0, "The KMS key belongs to another region, vault or account.")                           \
    X(KMS_CLOCK, -8012, KMS, 0, "The KMS finds this machine's clock wrong; set it.")                                   \
    X(KMS_CREDENTIALS, -8013, KMS, 0, "Credentials for the KMS are missing, malformed or refused.")                    \
    X(KMS_EXPIRED, -8014, KMS, 0, "Credentials or token for the KMS have expired; renew them.")                        \
    X(KMS_ANSWER, -8015, KMS, R, "The KMS's answer is cut short, no JSON, or lacks what it must have.")                \
    X(KMS_WRONG_KEY, -8016, KMS, 0, "The KMS answered for another key than the one asked.")                            \
    X(KMS_CONF, -8017, KMS, C, "The key id or a setting of the KMS driver is malformed or missing.")                   \
    X(KEK_NOT_FOUND, -9001, REGISTRY, 0, "The DEK Registry has no such KEK.")                                          \
    X(DEK_NOT_FOUND, -9002, REGISTRY, 0, "The DEK Registry has no such DEK.")                                          \
    X(KEK_MISMATCH, -9003, REGISTRY, 0, "KMS type or key id of the KEK is not that of the rule.")                      \
    X(CONFLICT, -9004, REGISTRY, R, "Another writer was first.")                                                       \
    X(REGISTRY_ANSWER, -9005, REGISTRY, R, "The registry's answer cannot be understood.")                              \
    X(REGISTRY_STATUS, -9006, REGISTRY, 0, "The registry answered with an error status.")                              \
    X(REGISTRY_BUSY, -9007, REGISTRY, R, "The registry is overloaded or failing (408, 429, 5xx).")                     \
    X(STORE, -10001, STORAGE, R, "The store failed.")                                                                  \
    X(STORE_FULL, -10002, STORAGE, R, "The disk under the store is full.")                                             \
    X(STORE_NEWER, -10003, STORAGE, 0, "The store was written by a newer version; upgrade schloss.")                   \
    X(STORE_CORRUPT, -10004, STORAGE, 0, "The store is damaged; restore a backup.")                                    \
    X(KAFKA, -11001, KAFKA, R, "The Kafka client reported an error.")                                                  \
    X(CONF_UNKNOWN, -12001, CONFIG, C, "No such configuration key; the hint names the nearest one.")                   \
    X(CONF_VALUE, -12002, CONFIG, C, "The value of a configuration key is malformed or contradicts another.")          \
    X(CONF_MISSING, -12003, CONFIG, C, "A required configuration key is not set.")

#endif
