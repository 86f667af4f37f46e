/* Every flag of `schloss`, in one table. Parsing, --help, man pages and completion read it.
 *
 * X(ID, "long-name", 'letter' or 0, KIND, "VALUE", "environment variable" or NULL, "help")
 * For CHOICE the value is the list "a|b|c" that is also checked; LIST may be given several times. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { OPT_FLAG, OPT_TEXT, OPT_INT, OPT_PATH, OPT_CHOICE, OPT_LIST } opt_kind_t;

/* Accepted by every command. */
#define CLI_GLOBAL_OPTIONS(X)                                                                                          \
    X(HELP, "help", 'h', FLAG, NULL, NULL, "Show this help.")                                                          \
    X(VERBOSE, "verbose", 'v', FLAG, NULL, NULL, "Say more: error codes, log lines of library and Kafka client.")      \
    X(OUTPUT, "output", 'o', CHOICE, "human|json|yaml", NULL, "Form of what is printed (human).")                      \
    X(REGISTRY, "registry", 0, TEXT, "URL", "SCHLOSS_REGISTRY",                                                        \
      "Schema Registry, e.g. http://127.0.0.1:8081; user:password@ is allowed. Also --schema-registry-endpoint.")      \
    X(BASIC_AUTH, "basic-auth", 0, TEXT, "USER:PASSWORD", "SCHLOSS_BASIC_AUTH",                                        \
      "Credentials for the registry; prefer the variable: other users can read command lines.")                        \
    X(BOOTSTRAP, "bootstrap", 'b', TEXT, "HOST:PORT,...", "SCHLOSS_BOOTSTRAP", "Kafka brokers.")                       \
    X(CONFIG_FILE, "config-file", 'F', PATH, "FILE", "SCHLOSS_CONFIG",                                                 \
      "Configuration: one name=value a line, # comments; client keys and librdkafka keys.")                            \
    X(CONFIG, "config", 'X', LIST, "NAME=VALUE", NULL,                                                                 \
      "One configuration key; kafka.NAME goes to librdkafka. Wins over flags, variables and file.")                    \
    X(KAFKA, "kafka", 0, LIST, "NAME=VALUE", NULL, "One configuration key of librdkafka.")                             \
    X(CA_LOCATION, "ca-location", 0, PATH, "FILE", NULL, "PEM certificates to trust for the registry.")                \
    X(SECRET_FILE, "secret-file", 0, PATH, "FILE", NULL,                                                               \
      "Secret of the local KMS, one trailing newline cut off; else the variable LOCAL_SECRET.")                        \
    X(TIMEOUT, "timeout", 0, INT, "SECONDS", NULL,                                                                     \
      "Longest wait for an answer (30); for consume and inspect the longest silence (none).")

#define CLI_COMMAND_OPTIONS(X)                                                                                         \
    /* keys */                                                                                                         \
    X(NAME, "name", 0, TEXT, "NAME", NULL, "Name of the KEK (the same as the argument).")                              \
    X(KMS_TYPE, "kms-type", 0, TEXT, "TYPE", NULL,                                                                     \
      "Type of the KMS: local-kms, aws-kms, azure-kms, gcp-kms, hcvault, kmip, pkcs11.")                               \
    X(KMS_KEY, "kms-key", 0, TEXT, "ID", NULL, "Id of the key in the KMS.")                                            \
    X(KMS_KEY_ID, "kms-key-id", 0, TEXT, "ID", NULL, "Id of the key in the KMS.")                                      \
    X(KMS_PROPERTIES, "kms-properties", 0, LIST, "NAME=VALUE,...", NULL,                                               \
      "Properties for reaching the KMS. They are readable by everyone who may read the KEK.")                          \
    X(DOC, "doc", 0, TEXT, "TEXT", NULL, "What the key is for.")                                                       \
    X(SHARED, "shared", 0, FLAG, NULL, NULL, "The registry itself may use the KMS and hands out DEKs.")                \
    X(TEST_SHARING, "test-sharing", 0, FLAG, NULL, NULL,                                                               \
      "Let the registry try the KMS before it stores a shared KEK.")                                                   \
    X(ALL, "all", 0, FLAG, NULL, NULL, "Include what is soft-deleted.")                                                \
    X(INCLUDE_DELETED, "include-deleted", 0, FLAG, NULL, NULL, "Also what is soft-deleted.")                           \
    X(PERMANENT, "permanent", 0, FLAG, NULL, NULL, "Delete for good what is soft-deleted already.")                    \
    X(FORCE, "force", 0, FLAG, NULL, NULL, "Do not ask.")                                                              \
    X(KEK_NAME, "kek-name", 0, TEXT, "NAME", NULL, "Name of the KEK.")                                                 \
    X(SUBJECT, "subject", 0, TEXT, "SUBJECT", NULL, "Subject.")                                                        \
    X(ALGORITHM, "algorithm", 0, CHOICE, "AES128_GCM|AES256_GCM|AES256_SIV", NULL,                                     \
      "Algorithm of the DEK (AES256_GCM).")                                                                            \
    X(VERSION, "version", 0, TEXT, "VERSION", NULL, "Version: a number, or latest.")                                   \
    X(ENCRYPTED_KEY_MATERIAL, "encrypted-key-material", 0, TEXT, "BASE64", NULL,                                       \
      "The wrapped DEK; needed unless the KEK is shared.")                                                             \
    /* schemas */                                                                                                      \
    X(SCHEMA, "schema", 0, PATH, "FILE", NULL, "File with the schema text; - for standard input.")                     \
    X(TYPE, "type", 0, CHOICE, "avro|json|protobuf", NULL, "Type of the schema (avro).")                               \
    X(REFERENCES, "references", 0, PATH, "FILE", NULL, "JSON file: list of {name, subject, version}.")                 \
    X(METADATA, "metadata", 0, PATH, "FILE", NULL, "JSON file: {tags, properties, sensitive}.")                        \
    X(RULESET, "ruleset", 0, PATH, "FILE", NULL, "JSON file: {domainRules, migrationRules, encodingRules}.")           \
    X(NORMALIZE, "normalize", 0, FLAG, NULL, NULL, "Store the normalised text.")                                       \
    X(ID, "id", 0, INT, "ID", NULL, "Id of the schema.")                                                               \
    X(SUBJECT_PREFIX, "subject-prefix", 0, TEXT, "PREFIX", NULL,                                                       \
      "Only subjects that begin with PREFIX (all contexts: :*:).")                                                     \
    X(PREFIX, "prefix", 0, TEXT, "PREFIX", NULL, "Only subjects that begin with PREFIX (:*: for all contexts).")       \
    X(COMPATIBILITY, "compatibility", 0, TEXT, "LEVEL", NULL, "Compatibility level of the subject, e.g. NONE.")        \
    X(MODE, "mode", 0, TEXT, "MODE", NULL, "Mode of the subject: READWRITE, READONLY, IMPORT.")                        \
    /* records */                                                                                                      \
    X(FILE, "file", 0, PATH, "FILE", NULL, "Read the lines from FILE and not from standard input.")                    \
    X(PLAIN_JSON, "plain-json", 0, FLAG, NULL, NULL,                                                                   \
      "Plain JSON: unions without {\"branch\": ...}, missing fields take the schema's default.")                       \
    X(KEY, "key", 0, TEXT, "KEY", NULL, "Key of every record: text, or Avro JSON with --avro-key.")                    \
    X(PARSE_KEY, "parse-key", 0, FLAG, NULL, NULL, "Each line is KEY, delimiter, value.")                              \
    X(DELIMITER, "delimiter", 0, TEXT, "TEXT", NULL, "Between key and value (produce \":\", consume tab).")            \
    X(HEADERS, "headers", 0, LIST, "NAME=VALUE,...", NULL, "Headers of every record; NAME:VALUE works too.")           \
    X(MESSAGE, "message", 0, TEXT, "NAME", NULL,                                                                       \
      "Protobuf: full name of the records' message (default: the first one of the schema's file).")                    \
    X(AVRO_KEY, "avro-key", 0, FLAG, NULL, NULL, "Keys have a schema of their own (subject TOPIC-key) and its rules.") \
    X(CONTINUE, "continue", 0, FLAG, NULL, NULL,                                                                       \
      "Report lines that cannot be written, leave them out and go on; the exit code tells that there were some.")      \
    X(PARTITION, "partition", 0, INT, "N", NULL, "Only this partition.")                                               \
    X(RAW, "raw", 0, FLAG, NULL, NULL, "Show what lies on the topic: no rule is run, fields stay ciphertext.")         \
    X(COUNT, "count", 'n', INT, "N", NULL, "Stop after N records.")                                                    \
    X(EXIT_AT_END, "exit-at-end", 'e', FLAG, NULL, NULL, "Stop at the end of the topic and do not wait for more.")     \
    X(GROUP, "group", 'G', TEXT, "GROUP", NULL,                                                                        \
      "Join this consumer group and commit what was printed; without it no group is joined.")                          \
    X(FROM_BEGINNING, "from-beginning", 0, FLAG, NULL, NULL, "Begin with the oldest record (the default).")            \
    X(OFFSET, "offset", 0, TEXT, "OFFSET", NULL, "Begin at: beginning, end, a number, or -N for the last N records.")  \
    X(PRINT_KEY, "print-key", 0, FLAG, NULL, NULL, "Print the key and the delimiter before the value.")                \
    X(PRINT_HEADERS, "print-headers", 0, FLAG, NULL, NULL, "Print the headers and the delimiter before the value.")    \
    X(ON_ERROR, "on-error", 0, CHOICE, "stop|skip", NULL,                                                              \
      "What to do with a record that cannot be read (stop); skip reports it and goes on.")                             \
    /* servers */                                                                                                      \
    X(LISTEN, "listen", 0, TEXT, "HOST:PORT", NULL, "Address to serve on; port 0 takes a free one.")                   \
    X(STORE, "store", 0, TEXT, "STORE", NULL, "sqlite:FILE, or sqlite::memory: to forget everything at the end.")      \
    X(REGISTRY_PORT, "registry-port", 0, INT, "PORT", NULL, "Port of the registry (a free one).")                      \
    X(TOPIC, "topic", 0, LIST, "NAME[:PARTITIONS]", NULL, "Make this topic at the start (1 partition).")               \
    X(TLS_CERT, "tls-cert", 0, PATH, "FILE", NULL, "PEM certificate chain: serve HTTPS.")                              \
    X(TLS_KEY, "tls-key", 0, PATH, "FILE", NULL, "PEM private key of --tls-cert.")                                     \
    X(USERS, "users", 0, PATH, "FILE", NULL,                                                                           \
      "Require Basic authentication; lines user:hash (registry hash-password).")                                       \
    X(KMS_SECRET_FILE, "kms-secret-file", 0, PATH, "FILE", NULL, "Secret of the local KMS for shared KEKs.")           \
    X(THREADS, "threads", 0, INT, "N", NULL, "Worker threads.")                                                        \
    X(LOG_REQUESTS, "log-requests", 0, FLAG, NULL, NULL, "Write one line per request to standard error.")

#define OPT_X_ENUM(id, name, letter, kind, value, env, help) OPT_##id,
typedef enum {
    CLI_GLOBAL_OPTIONS(OPT_X_ENUM) OPT_FIRST_LOCAL_,
    OPT_BEFORE_ = OPT_FIRST_LOCAL_ - 1,
    CLI_COMMAND_OPTIONS(OPT_X_ENUM) OPT_COUNT_
} opt_id_t;
#undef OPT_X_ENUM
#define OPT_N_GLOBAL ((unsigned)OPT_FIRST_LOCAL_)
#define OPT_N ((unsigned)OPT_COUNT_)

typedef struct opt_def {
    const char *name;
    char letter;
    opt_kind_t kind;
    const char *value, *env, *help;
} opt_def_t;

/* Indexed by opt_id_t. */
extern const opt_def_t opt_table[];

#endif
