/* Every configuration key, once: code, docs/configuration.md and a test come from this table.
 *
 * X(name, default, kind, scope, text)
 *   kind   STR, SECRET, BOOL, INT (non-negative), or ENUM("a|b|c"): the accepted words
 *   scope  CORE: belongs to the client (connections, caches, keys, rules); SERDE: to one serializer or deserializer
 * Names are those of the Java client where it has one. */
#ifndef SERDE_CONF_TABLE_H
#define SERDE_CONF_TABLE_H

#define CONF_STRATEGIES "AssociatedNameStrategy|TopicNameStrategy|RecordNameStrategy|TopicRecordNameStrategy"

#define CONF_TABLE(X)                                                                                                  \
    X("schema.registry.url", NULL, STR, CORE, "Base URLs of the registry, comma-separated. Required.")                 \
    X("basic.auth.credentials.source", "URL", ENUM("URL|USER_INFO"), CORE,                                             \
      "Where the user comes from: the URL or "                                                                         \
      "basic.auth.user.info.")                                                                                         \
    X("basic.auth.user.info", NULL, SECRET, CORE, "user:password for the registry.")                                   \
    X("bearer.auth.credentials.source", "STATIC_TOKEN", ENUM("STATIC_TOKEN"), CORE, "Only static tokens.")             \
    X("bearer.auth.token", NULL, SECRET, CORE, "Bearer token for the registry.")                                       \
    X("bearer.auth.logical.cluster", NULL, STR, CORE, "Sent as target-sr-cluster.")                                    \
    X("bearer.auth.identity.pool.id", NULL, STR, CORE, "Sent as Confluent-Identity-Pool-Id.")                          \
    X("schema.registry.ssl.ca.location", NULL, STR, CORE, "PEM file of CAs to trust; default: the system's.")          \
    X("schema.registry.ssl.certificate.location", NULL, STR, CORE, "PEM file of the client certificate.")              \
    X("schema.registry.ssl.key.location", NULL, STR, CORE, "PEM file of the client key.")                              \
    X("schema.registry.ssl.key.password", NULL, SECRET, CORE, "Password of the client key.")                           \
    X("schema.registry.ssl.endpoint.identification.algorithm", "https", ENUM("https|"), CORE,                          \
      "Empty: the host name "                                                                                          \
      "is not checked.")                                                                                               \
    X("proxy.host", NULL, STR, CORE, "HTTP proxy.")                                                                    \
    X("proxy.port", NULL, INT, CORE, "Port of the HTTP proxy.")                                                        \
    X("http.connect.timeout.ms", "60000", INT, CORE, "Time to connect.")                                               \
    X("http.read.timeout.ms", "60000", INT, CORE, "Time for one whole request.")                                       \
    X("max.retries", "3", INT, CORE, "Repetitions of a failed request.")                                               \
    X("retries.wait.ms", "1000", INT, CORE, "First back-off.")                                                         \
    X("retries.max.wait.ms", "20000", INT, CORE, "Longest back-off.")                                                  \
    X("latest.cache.ttl.sec", "300", INT, CORE,                                                                        \
      "How long the latest schema of a subject is used before it is asked "                                            \
      "for again (upstream: for ever).")                                                                               \
    X("cache.expiry.secs", "300", INT, CORE, "How long KEKs and DEKs are used before they are asked for again.")       \
    X("max.schemas.per.subject", "1000", INT, CORE, "Compiled schemas kept by the client.")                            \
    X("schloss.cache.stale.secs", "300", INT, CORE,                                                                    \
      "How much longer cached schemas and keys serve while the registry "                                              \
      "cannot be reached.")                                                                                            \
    X("schloss.negative.cache.ms", "1000", INT, CORE, "How long a failed key look-up is remembered.")                  \
    X("schloss.refresh.thread", "auto", ENUM("auto|true|false"), CORE,                                                 \
      "Thread that renews cache entries before they "                                                                  \
      "expire. auto: on, unless a transport hook is given.")                                                           \
    X("schloss.memory.lock", "preferred", ENUM("preferred|required"), CORE,                                            \
      "required: fail when key memory cannot be "                                                                      \
      "locked.")                                                                                                       \
    X("schloss.crypto.backend", "auto", ENUM("auto|openssl|ipsec-mb"), CORE, "AES-GCM back-end.")                      \
    X("schloss.kms.props.redirect", "false", BOOL, CORE,                                                               \
      "Let kmsProps of a KEK set endpoints, file paths and "                                                           \
      "profiles.")                                                                                                     \
    X("schloss.rule.executors.builtin", "true", BOOL, CORE, "false: no executor for ENCRYPT and ENCRYPT_PAYLOAD.")     \
    X("execution.environment", "CLIENT", ENUM("CLIENT|GATEWAY|SERVER"), CORE, "Compared with enableAt of a rule set.") \
    X("secret", NULL, SECRET, CORE, "Secret of the local KMS (test and development); also LOCAL_SECRET.")              \
    X("encrypt.alternate.kms.key.ids", NULL, STR, CORE, "Further KMS key ids to try, comma-separated.")                \
    X("auto.register.schemas", "false", BOOL, SERDE,                                                                   \
      "Only false in this version (Java: true): a schema registered "                                                  \
      "by a producer would carry no rules.")                                                                           \
    X("use.latest.version", NULL, BOOL, SERDE,                                                                         \
      "true: write with the subject's latest version. Default: true, but "                                             \
      "false when the application gives its schema.")                                                                  \
    X("normalize.schemas", "false", BOOL, SERDE, "Ask the registry to normalise the schema in look-ups.")              \
    X("key.subject.name.strategy", "AssociatedNameStrategy", ENUM(CONF_STRATEGIES), SERDE,                             \
      "Subject of keys; a Java "                                                                                       \
      "class name works too.")                                                                                         \
    X("value.subject.name.strategy", "AssociatedNameStrategy", ENUM(CONF_STRATEGIES), SERDE, "Subject of values.")     \
    X("subject.name.strategy.fallback.type", "TOPIC", ENUM("TOPIC|RECORD|TOPIC_RECORD|NONE"), SERDE,                   \
      "When the "                                                                                                      \
      "registry knows no association.")                                                                                \
    X("subject.name.strategy.kafka.cluster.id", "-", STR, SERDE, "Namespace of associations.")                         \
    X("key.schema.id.serializer", "PrefixSchemaIdSerializer",                                                          \
      ENUM("PrefixSchemaIdSerializer|"                                                                                 \
           "HeaderSchemaIdSerializer"),                                                                                \
      SERDE, "Schema id in front of the key, or GUID in a header.")                                                    \
    X("value.schema.id.serializer", "PrefixSchemaIdSerializer",                                                        \
      ENUM("PrefixSchemaIdSerializer|"                                                                                 \
           "HeaderSchemaIdSerializer"),                                                                                \
      SERDE, "Schema id in front of the value, or GUID in a header.")                                                  \
    X("key.schema.id.deserializer", "DualSchemaIdDeserializer",                                                        \
      ENUM("DualSchemaIdDeserializer|"                                                                                 \
           "PrefixSchemaIdDeserializer"),                                                                              \
      SERDE, "Dual: header first, else prefix.")                                                                       \
    X("value.schema.id.deserializer", "DualSchemaIdDeserializer",                                                      \
      ENUM("DualSchemaIdDeserializer|"                                                                                 \
           "PrefixSchemaIdDeserializer"),                                                                              \
      SERDE, "Dual: header first, else prefix.")                                                                       \
    X("schloss.require.rules", "false", STR, SERDE,                                                                    \
      "Guard mode: true, or comma-separated subject patterns (* ? **): "                                               \
      "refuse to serialize unless an encryption rule will run.")                                                       \
    X("schloss.limit.record.bytes", "134217728", INT, SERDE, "Largest record, in and out.")

/* Families: rule.executors.NAME.{param.KEY,onSuccess,onFailure,disabled}; NAME is a rule's name, _TYPE_ or _default_.
 */
#define CONF_RULE_PREFIX "rule.executors."

#endif
