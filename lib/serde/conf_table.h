/* Every configuration key, once: code, docs/configuration.md and a test come from this table.
 *
 * X(name, default, kind, scope, status, text)
 *   kind    STR, SECRET, BOOL, INT (0 or more), INT1 (-1 or more; -1 stands for "never" or "none"), or ENUM("a|b|c"):
 *           the accepted words, of which a Java class name may be the last part
 *   scope   CORE: belongs to the client (connections, caches, keys, rules); SERDE: to one serializer or deserializer;
 *           DRIVER: read by KMS drivers, at top level or under rule.executors.NAME.param
 *   status  DONE: does what text says; ACCEPTED: may be set and has no effect, text says why; REFUSED: anything but the
 *           default is UNSUPPORTED, text says why
 * Names are those of the Java client where it has one; so are the defaults, but where text says otherwise. */
#ifndef SERDE_CONF_TABLE_H
#define SERDE_CONF_TABLE_H

#define CONF_STRATEGIES                                                                                                \
    "AssociatedNameStrategy|TopicNameStrategy|RecordNameStrategy|TopicRecordNameStrategy|ASSOCIATED|TOPIC|RECORD|"     \
    "TOPIC_RECORD"
#define CONF_BEARERS "STATIC_TOKEN|OAUTHBEARER|UAMI|OAUTHBEARER_AZURE_IMDS"

#define CONF_TABLE_CORE(X)                                                                                             \
    X("schema.registry.url", NULL, STR, CORE, DONE, "Base URLs of the registry, comma-separated. Required.")           \
    X("schema.registry.url.randomize", "false", BOOL, CORE, DONE, "Begin with a random one of several URLs.")          \
    X("basic.auth.credentials.source", "URL", ENUM("URL|USER_INFO"), CORE, DONE,                                       \
      "Where the user comes from: the URL or basic.auth.user.info.")                                                   \
    X("basic.auth.user.info", NULL, SECRET, CORE, DONE, "user:password for the registry.")                             \
    X("bearer.auth.credentials.source", NULL, ENUM(CONF_BEARERS), CORE, DONE,                                          \
      "STATIC_TOKEN: bearer.auth.token. OAUTHBEARER: client credentials at bearer.auth.issuer.endpoint.url. UAMI "     \
      "(also OAUTHBEARER_AZURE_IMDS): managed identity at bearer.auth.uami.endpoint.url. Unset: STATIC_TOKEN when "    \
      "there is a token.")                                                                                             \
    X("bearer.auth.token", NULL, SECRET, CORE, DONE, "Bearer token for the registry.")                                 \
    X("bearer.auth.issuer.endpoint.url", NULL, STR, CORE, DONE, "Token endpoint of OAUTHBEARER.")                      \
    X("bearer.auth.client.id", NULL, STR, CORE, DONE, "Client id of OAUTHBEARER.")                                     \
    X("bearer.auth.client.secret", NULL, SECRET, CORE, DONE, "Client secret of OAUTHBEARER.")                          \
    X("bearer.auth.scope", NULL, STR, CORE, DONE, "Scope asked for by OAUTHBEARER.")                                   \
    X("bearer.auth.cache.expiry.buffer.seconds", "300", INT, CORE, DONE,                                               \
      "How long before its end a fetched token is replaced.")                                                          \
    X("bearer.auth.uami.endpoint.url", "http://169.254.169.254/metadata/identity/oauth2/token", STR, CORE, DONE,       \
      "Metadata service of UAMI.")                                                                                     \
    X("bearer.auth.uami.endpoint.query", NULL, STR, CORE, DONE, "Query of UAMI, such as resource=...&client_id=...")   \
    X("bearer.auth.logical.cluster", NULL, STR, CORE, DONE, "Sent as target-sr-cluster.")                              \
    X("bearer.auth.identity.pool.id", NULL, STR, CORE, DONE, "Sent as Confluent-Identity-Pool-Id.")                    \
    X("bearer.auth.custom.provider.class", NULL, STR, CORE, REFUSED,                                                   \
      "Java classes cannot be loaded; a transport hook (schloss/ext/transport.h) can send any credentials.")           \
    X("schema.registry.ssl.ca.location", NULL, STR, CORE, DONE, "PEM file of CAs to trust; default: the system's.")    \
    X("schema.registry.ssl.certificate.location", NULL, STR, CORE, DONE, "PEM file of the client certificate.")        \
    X("schema.registry.ssl.key.location", NULL, STR, CORE, DONE, "PEM file of the client key.")                        \
    X("schema.registry.ssl.key.password", NULL, SECRET, CORE, DONE, "Password of the client key.")                     \
    X("schema.registry.ssl.truststore.location", NULL, STR, CORE, DONE, "The Java name of ssl.ca.location.")           \
    X("schema.registry.ssl.truststore.type", "PEM", ENUM("PEM"), CORE, ACCEPTED,                                       \
      "There is only PEM (Java's default: JKS).")                                                                      \
    X("schema.registry.ssl.truststore.password", NULL, SECRET, CORE, ACCEPTED, "A PEM file of CAs has no password.")   \
    X("schema.registry.ssl.keystore.location", NULL, STR, CORE, DONE,                                                  \
      "PEM file with client certificate and key, where ssl.certificate.location is not set.")                          \
    X("schema.registry.ssl.keystore.type", "PEM", ENUM("PEM"), CORE, ACCEPTED,                                         \
      "There is only PEM (Java's default: JKS).")                                                                      \
    X("schema.registry.ssl.keystore.password", NULL, SECRET, CORE, ACCEPTED,                                           \
      "The key in a PEM file is protected by ssl.key.password.")                                                       \
    X("schema.registry.ssl.endpoint.identification.algorithm", "https", ENUM("https|"), CORE, DONE,                    \
      "Empty: the host name is not checked.")                                                                          \
    X("proxy.host", NULL, STR, CORE, DONE, "HTTP proxy.")                                                              \
    X("proxy.port", "-1", INT1, CORE, DONE, "Port of the HTTP proxy; -1: 8080.")                                       \
    X("http.connect.timeout.ms", "60000", INT, CORE, DONE, "Time to connect.")                                         \
    X("http.read.timeout.ms", "60000", INT, CORE, DONE, "Time for one whole request.")                                 \
    X("max.retries", "3", INT, CORE, DONE, "Repetitions of a failed request.")                                         \
    X("retries.wait.ms", "1000", INT, CORE, DONE, "First back-off.")                                                   \
    X("retries.max.wait.ms", "20000", INT, CORE, DONE, "Longest back-off.")                                            \
    X("latest.cache.ttl.sec", "300", INT1, CORE, DONE,                                                                 \
      "How long the latest schema of a subject is used before it is asked for again; -1: for ever (Java's default).")  \
    X("latest.cache.size", "1000", INT, CORE, DONE, "Compiled schemas for writing kept by the client.")                \
    X("max.schemas.per.subject", "1000", INT, CORE, DONE,                                                              \
      "Compiled schemas for reading kept by the client (Java: per subject).")                                          \
    X("missing.id.cache.ttl.sec", "0", INT, CORE, DONE, "How long it is remembered that an id or GUID is unknown.")    \
    X("missing.version.cache.ttl.sec", "0", INT, CORE, DONE,                                                           \
      "How long it is remembered that a subject has no (matching) version.")                                           \
    X("missing.schema.cache.ttl.sec", "0", INT, CORE, DONE,                                                            \
      "How long it is remembered that a subject lacks the application's schema.")                                      \
    X("missing.cache.size", "10000", INT, CORE, DONE, "Unknown ids, versions and schemas that are remembered.")        \
    X("cache.expiry.secs", "300", INT1, CORE, DONE,                                                                    \
      "How long KEKs and DEKs are used before they are asked for again; -1: for ever (Java's default).")               \
    X("cache.size", "10000", INT, CORE, DONE, "KEKs and sets of DEKs kept, at least 64; what is dropped is wiped.")    \
    X("missing.kek.cache.ttl.sec", "0", INT, CORE, DONE,                                                               \
      "How long it is remembered that a KEK does not exist; 0: schloss.negative.cache.ms.")                            \
    X("missing.dek.cache.ttl.sec", "0", INT, CORE, DONE,                                                               \
      "How long it is remembered that a DEK does not exist; 0: schloss.negative.cache.ms.")                            \
    X("schloss.cache.stale.secs", "300", INT, CORE, DONE,                                                              \
      "How much longer cached schemas and keys serve while the registry cannot be reached.")                           \
    X("schloss.negative.cache.ms", "1000", INT, CORE, DONE, "How long a failed key look-up is remembered.")            \
    X("schloss.dek.rotate.grace.ms", "2000", INT, CORE, DONE,                                                          \
      "How long records go on under an expired DEK while one call in the background makes the next; 0: exact.")        \
    X("schloss.refresh.thread", "auto", ENUM("auto|true|false"), CORE, DONE,                                           \
      "Thread that renews cache entries before they expire. auto: on, unless a transport hook is given.")              \
    X("schloss.memory.lock", "preferred", ENUM("preferred|required"), CORE, DONE,                                      \
      "required: fail when key memory cannot be locked.")                                                              \
    X("schloss.crypto.backend", "auto", ENUM("auto|openssl|ipsec-mb"), CORE, DONE, "AES-GCM back-end.")                \
    X("schloss.kms.props.redirect", "false", BOOL, CORE, DONE,                                                         \
      "Let kmsProps of a KEK set endpoints, file paths and profiles.")                                                 \
    X("schloss.rule.executors.builtin", "true", BOOL, CORE, DONE,                                                      \
      "false: no executor for ENCRYPT and ENCRYPT_PAYLOAD.")                                                           \
    X("rule.service.loader.enable", "true", BOOL, CORE, DONE,                                                          \
      "false: only the executors that rule.executors lists, by class.")                                                \
    X("rule.executors", NULL, STR, CORE, DONE,                                                                         \
      "Names of executors, comma-separated, each with rule.executors.NAME.class. Those of this library are built in.") \
    X("rule.actions", NULL, STR, CORE, DONE,                                                                           \
      "Names of actions, comma-separated, each with rule.actions.NAME.class. Those of this library are built in.")     \
    X("rule.metrics.enable", "true", BOOL, CORE, ACCEPTED, "Counters of rules cost nothing and are always kept.")      \
    X("execution.environment", "CLIENT", ENUM("CLIENT|GATEWAY|SERVER"), CORE, DONE,                                    \
      "Compared with enableAt of a rule set (Java's default: none).")                                                  \
    X("schloss.rules.strict", "false", BOOL, CORE, DONE,                                                               \
      "onFailure NONE of an encryption rule counts as ERROR on writing.")                                              \
    X("schloss.tag.inheritance", "false", BOOL, CORE, DONE,                                                            \
      "As Java: a tag on a container covers the untagged values of primitive type in it.")                             \
    X("schloss.json.branch.lax", "false", BOOL, CORE, DONE,                                                            \
      "Reading JSON: a value that fits no branch of a choice stays encrypted instead of failing.")                     \
    X("validation.rules.execution", "DISABLED", ENUM("DISABLED"), CORE, ACCEPTED, "There is only DISABLED.")           \
    X("validation.rules.executor.class", NULL, STR, CORE, REFUSED, "There is no CEL here: no inline validation.")      \
    X("validation.rules.fail.fast", "false", BOOL, CORE, ACCEPTED, "Inline validation rules are not run.")

#define CONF_TABLE_DRIVER(X)                                                                                           \
    X("secret", NULL, SECRET, DRIVER, DONE, "Secret of the local KMS (test and development); also LOCAL_SECRET.")      \
    X("encrypt.alternate.kms.key.ids", NULL, STR, DRIVER, DONE, "Further KMS key ids to try, comma-separated.")        \
    X("encrypt.nonshared.kek.passthrough", "false", BOOL, DRIVER, DONE,                                                \
      "true: on reading, values under a KEK that is not shared are returned as ciphertext.")                           \
    X("access.key.id", NULL, SECRET, DRIVER, DONE, "AWS: access key.")                                                 \
    X("secret.access.key", NULL, SECRET, DRIVER, DONE, "AWS: its secret.")                                             \
    X("profile", NULL, STR, DRIVER, DONE, "AWS: profile of the shared files.")                                         \
    X("role.arn", NULL, STR, DRIVER, DONE, "AWS: role to assume.")                                                     \
    X("role.session.name", NULL, STR, DRIVER, DONE, "AWS: name of the session.")                                       \
    X("role.external.id", NULL, STR, DRIVER, DONE, "AWS: external id.")                                                \
    X("tenant.id", NULL, STR, DRIVER, DONE, "Azure: tenant.")                                                          \
    X("client.id", NULL, STR, DRIVER, REFUSED,                                                                         \
      "At top level it is Kafka's client id in other clients' configurations; Azure and Google read it as "            \
      "rule.executors._default_.param.client.id.")                                                                     \
    X("client.secret", NULL, SECRET, DRIVER, DONE, "Azure: client secret.")                                            \
    X("encrypt.azure.key.version.save", NULL, BOOL, DRIVER, DONE, "Azure: keep the key's version in the wrapped DEK.") \
    X("account.type", NULL, STR, DRIVER, DONE, "Google: type of the credentials.")                                     \
    X("client.email", NULL, STR, DRIVER, DONE, "Google: service account.")                                             \
    X("private.key.id", NULL, STR, DRIVER, DONE, "Google: id of its key.")                                             \
    X("private.key", NULL, SECRET, DRIVER, DONE, "Google: its key, PEM.")                                              \
    X("token.uri", NULL, STR, DRIVER, REFUSED, "Only a file of credentials names another token endpoint of Google.")   \
    X("token.id", NULL, SECRET, DRIVER, DONE, "Vault: token.")                                                         \
    X("namespace", NULL, STR, DRIVER, DONE, "Vault: namespace.")                                                       \
    X("approle.role.id", NULL, STR, DRIVER, DONE, "Vault: AppRole.")                                                   \
    X("approle.secret.id", NULL, SECRET, DRIVER, DONE, "Vault: its secret.")

#define CONF_TABLE_SERDE(X)                                                                                            \
    X("auto.register.schemas", "false", BOOL, SERDE, DONE,                                                             \
      "true (Java's default): register the application's schema on writing. It carries no rules unless the registry "  \
      "answers with some; a warning says so.")                                                                         \
    X("normalize.schemas", "false", BOOL, SERDE, DONE, "Ask the registry to normalise the schema.")                    \
    X("use.latest.version", NULL, BOOL, SERDE, DONE,                                                                   \
      "true: write with the subject's latest version. Default: true, but false when the application gives its "        \
      "schema (Java: false). No effect on reading: records are read as written, under the rules that they were "       \
      "written with.")                                                                                                 \
    X("use.latest.with.metadata", NULL, STR, SERDE, DONE,                                                              \
      "k1=v1,k2=v2: write with the latest version that has these metadata properties.")                                \
    X("use.schema.id", "-1", INT1, SERDE, DONE, "Write with the schema of this id.")                                   \
    X("use.schema.guid", NULL, STR, SERDE, DONE, "Write with the schema of this GUID.")                                \
    X("id.compatibility.strict", "true", BOOL, SERDE, DONE,                                                            \
      "Avro: the schema of use.schema.id or use.schema.guid must have the binary form of the application's, if that "  \
      "is given (Java: be backward compatible; here records are bytes and are not written anew).")                     \
    X("latest.compatibility.strict", "true", BOOL, SERDE, DONE, "The same for use.latest.version and ...metadata.")    \
    X("propagate.schema.tags", "false", BOOL, SERDE, REFUSED,                                                          \
      "Tags of earlier versions are not copied into a schema that is registered: register it with its tags.")          \
    X("key.subject.name.strategy", "AssociatedNameStrategy", ENUM(CONF_STRATEGIES), SERDE, DONE,                       \
      "Subject of keys; a Java class name works too.")                                                                 \
    X("value.subject.name.strategy", "AssociatedNameStrategy", ENUM(CONF_STRATEGIES), SERDE, DONE,                     \
      "Subject of values.")                                                                                            \
    X("subject.name.strategy.fallback.type", "TOPIC", ENUM("TOPIC|RECORD|TOPIC_RECORD|NONE"), SERDE, DONE,             \
      "When the registry knows no association.")                                                                       \
    X("subject.name.strategy.kafka.cluster.id", "-", STR, SERDE, DONE, "Namespace of associations.")                   \
    X("subject.name.strategy.cache.size", "1000", INT, CORE, DONE, "Associations kept by the client.")                 \
    X("subject.name.strategy.cache.expiry.secs", "300", INT1, CORE, DONE,                                              \
      "How long an association is used before it is asked for again; -1: for ever (Java's default).")                  \
    X("context.name.strategy", NULL, STR, SERDE, REFUSED, "Java classes cannot be loaded: set schloss.context.")       \
    X("schloss.context", NULL, STR, SERDE, DONE, "Context of all subjects: NAME makes them :.NAME:subject.")           \
    X("key.schema.id.serializer", "PrefixSchemaIdSerializer",                                                          \
      ENUM("PrefixSchemaIdSerializer|HeaderSchemaIdSerializer"), SERDE, DONE,                                          \
      "Schema id in front of the key, or GUID in a header.")                                                           \
    X("value.schema.id.serializer", "PrefixSchemaIdSerializer",                                                        \
      ENUM("PrefixSchemaIdSerializer|HeaderSchemaIdSerializer"), SERDE, DONE,                                          \
      "Schema id in front of the value, or GUID in a header.")                                                         \
    X("key.schema.id.deserializer", "DualSchemaIdDeserializer",                                                        \
      ENUM("DualSchemaIdDeserializer|PrefixSchemaIdDeserializer"), SERDE, DONE, "Dual: header first, else prefix.")    \
    X("value.schema.id.deserializer", "DualSchemaIdDeserializer",                                                      \
      ENUM("DualSchemaIdDeserializer|PrefixSchemaIdDeserializer"), SERDE, DONE, "Dual: header first, else prefix.")    \
    X("schema.format", NULL, STR, SERDE, ACCEPTED, "The library asks for the form of schema that it needs.")           \
    X("schema.reflection", "false", BOOL, SERDE, ACCEPTED, "There are no classes to derive a schema from.")            \
    X("avro.use.logical.type.converters", "false", BOOL, SERDE, ACCEPTED, "Records are bytes, not objects.")           \
    X("avro.reflection.allow.null", "false", BOOL, SERDE, ACCEPTED, "There are no classes to derive a schema from.")   \
    X("avro.remove.java.properties", "false", BOOL, SERDE, ACCEPTED,                                                   \
      "The schema is sent as the application gives it.")                                                               \
    X("avro.fail.on.trailing.data", "false", BOOL, SERDE, ACCEPTED, "Trailing bytes always fail the record.")          \
    X("specific.avro.reader", "false", BOOL, SERDE, ACCEPTED, "Records are bytes, not objects.")                       \
    X("json.fail.invalid.schema", "false", BOOL, SERDE, REFUSED,                                                       \
      "Records are not validated against all of JSON Schema, only as far as rules need it.")                           \
    X("json.validate.before.domain.rules", "false", BOOL, SERDE, REFUSED,                                              \
      "Records are not validated against all of JSON Schema, only as far as rules need it.")                           \
    X("json.fail.unknown.properties", "true", BOOL, SERDE, ACCEPTED, "Records are bytes, not objects.")                \
    X("json.oneof.for.nullables", "true", BOOL, SERDE, ACCEPTED, "There are no classes to derive a schema from.")      \
    X("json.schema.spec.version", NULL, STR, SERDE, ACCEPTED, "There are no classes to derive a schema from.")         \
    X("json.envelope.detection", "true", BOOL, SERDE, ACCEPTED, "Schema and record are always given apart.")           \
    X("skip.known.types", "true", BOOL, SERDE, ACCEPTED, "References are registered by the application.")              \
    X("reference.lookup.only", "false", BOOL, SERDE, ACCEPTED, "References are never registered, only looked up.")     \
    X("reference.subject.name.strategy", NULL, STR, SERDE, ACCEPTED, "The application names subjects of references.")  \
    X("derive.type", "false", BOOL, SERDE, ACCEPTED, "Records are bytes, not objects.")                                \
    X("specific.protobuf.key.type", NULL, STR, SERDE, ACCEPTED, "Records are bytes, not objects.")                     \
    X("specific.protobuf.value.type", NULL, STR, SERDE, ACCEPTED, "Records are bytes, not objects.")                   \
    X("schloss.require.rules", "false", STR, SERDE, DONE,                                                              \
      "Guard mode: true, or comma-separated subject patterns (* ? **): refuse to serialize unless an encryption rule " \
      "will run.")                                                                                                     \
    X("schloss.limit.record.bytes", "134217728", INT, SERDE, DONE, "Largest record, in and out.")

#define CONF_TABLE(X) CONF_TABLE_CORE(X) CONF_TABLE_DRIVER(X) CONF_TABLE_SERDE(X)

/* Words that other clients know for a key and that are refused here: X(key, word, reason) */
#define CONF_REFUSED(X)                                                                                                \
    X("basic.auth.credentials.source", "SASL_INHERIT",                                                                 \
      "there is no SASL configuration to inherit from: set basic.auth.user.info")                                      \
    X("bearer.auth.credentials.source", "SASL_OAUTHBEARER_INHERIT",                                                    \
      "there is no SASL configuration to inherit from: use OAUTHBEARER")                                               \
    X("bearer.auth.credentials.source", "CUSTOM",                                                                      \
      "Java classes cannot be loaded: a transport hook (schloss/ext/transport.h) can send any credentials")            \
    X("schema.registry.ssl.truststore.type", "JKS",                                                                    \
      "Java key stores are not read: export it as PEM (keytool, openssl)")                                             \
    X("schema.registry.ssl.truststore.type", "PKCS12", "not read: openssl pkcs12 -nokeys -in FILE -out ca.pem")        \
    X("schema.registry.ssl.keystore.type", "JKS", "Java key stores are not read: export it as PEM (keytool, openssl)") \
    X("schema.registry.ssl.keystore.type", "PKCS12", "not read: openssl pkcs12 -in FILE -out client.pem")              \
    X("validation.rules.execution", "BEFORE_DOMAIN_RULES", "there is no CEL here: no inline validation")               \
    X("validation.rules.execution", "AFTER_DOMAIN_RULES", "there is no CEL here: no inline validation")

/* Classes of official clients that are built in: X(class, type it serves) */
#define CONF_EXECUTORS(X)                                                                                              \
    X("io.confluent.kafka.schemaregistry.encryption.FieldEncryptionExecutor", "ENCRYPT")                               \
    X("io.confluent.kafka.schemaregistry.encryption.EncryptionExecutor", "ENCRYPT_PAYLOAD")
#define CONF_ACTIONS(X) X("io.confluent.kafka.schemaregistry.rules.DlqAction", "DLQ")

/* Families. NAME is a rule's name, _TYPE_ for all rules of a type, or _default_; of actions: the action's.
 * Format: X(prefix, suffix, status, text); an X after a dot in suffix stands for any word. */
#define CONF_FAMILIES(X)                                                                                               \
    X("rule.executors.", ".param.X", DONE, "A parameter of the executor or its KMS driver.")                           \
    X("rule.executors.", ".onSuccess", DONE, "Overrides the action of a rule.")                                        \
    X("rule.executors.", ".onFailure", DONE,                                                                           \
      "Overrides the action of a rule, e.g. NONE: on reading, ciphertext instead of an error.")                        \
    X("rule.executors.", ".disabled", DONE, "true: the rule is not run here.")                                         \
    X("rule.executors.", ".class", DONE, "Class of an executor that rule.executors names.")                            \
    X("rule.actions.", ".param.X", DONE,                                                                               \
      "A parameter of the action: dlq.topic, dlq.auto.flush, dlq.redact.rule.types.")                                  \
    X("rule.actions.", ".class", DONE, "Class of an action that rule.actions names.")                                  \
    X("request.header.", "X", DONE, "A header sent with every request to the registry.")

#define CONF_EXECUTOR_PREFIX "rule.executors."
#define CONF_ACTION_PREFIX "rule.actions."
#define CONF_HEADER_PREFIX "request.header."

#endif
