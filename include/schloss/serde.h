/* Serializers and deserializers: framing, subject names, rules. A record goes in as Avro binary (see avro.h for a typed
 * writer), JSON text or Protobuf bytes, whichever its schema is of (record.h makes each from JSON), and comes out as a
 * Kafka key or value, and the reverse.
 *
 * Threads: a handle is used by one thread at a time (make one per thread; they share the client's caches). Returned
 * bytes are borrowed from the handle and valid until its next call; they are wiped then and on free.
 * Cost: after the first record of a topic, a call does no I/O, takes no lock, allocates nothing. Since 0.1. */
#ifndef SCHLOSS_SERDE_H
#define SCHLOSS_SERDE_H

#include <schloss/bytes.h>
#include <schloss/client.h>

SCHLOSS_BEGIN_DECLS

typedef struct schloss_serializer schloss_serializer_t;
typedef struct schloss_deserializer schloss_deserializer_t;
typedef struct schloss_schema schloss_schema_t;
typedef struct schloss_prepare schloss_prepare_t;

/** Where a record goes to or comes from. */
typedef struct schloss_target {
    const char *topic;
    bool is_key;
    const char *subject; /**< overrides the subject name strategy; NULL = strategy of the configuration */
    /* since 0.2 */
    schloss_bytes_t other; /**< for dead letters: the record's key when a value is written or read; ptr NULL: none */
    const struct schloss_header *headers; /**< writing, for dead letters: the record's headers; NULL: none */
    size_t n_headers;
} schloss_target_t;

typedef struct schloss_header {
    const char *name;
    schloss_bytes_t value;
} schloss_header_t;

typedef struct schloss_schema_ref {
    const char *name; /**< Avro full name */
    const char *subject;
    int32_t version;
} schloss_schema_ref_t;

typedef struct schloss_encoded {
    schloss_bytes_t value;   /**< the Kafka key or value */
    const char *header_name; /**< "__value_schema_id" / "__key_schema_id", NULL with prefix framing */
    schloss_bytes_t header;  /**< value of that header */
} schloss_encoded_t;

typedef struct schloss_decoded {
    schloss_bytes_t value;          /**< decrypted record under schema, in its format; ptr NULL for a null record */
    const schloss_schema_t *schema; /**< the writer's schema; borrowed until the handle's next call */
} schloss_decoded_t;

/* ---- writing ---- */

/** New serializer over client (referenced). conf overrides the client's configuration when not NULL.
 * @param out owned by the caller: schloss_serializer_free()
 * @return 0, INVALID_ARGUMENT, CONF_VALUE, CONF_MISSING, UNSUPPORTED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_new(schloss_client_t *client, const schloss_conf_t *conf,
                                                                schloss_serializer_t **out, schloss_error_t *err);
/** Frees ser and wipes its memory; what it has counted is added to the process's counters. NULL is fine. */
SCHLOSS_API void schloss_serializer_free(schloss_serializer_t *ser);
/** Gives the writer's Avro schema, text of len bytes, and its n_refs references refs; all copied. Without it the handle
 * writes with the subject's latest version (use.latest.version=true). With it the registry is asked for the id of this
 * schema (auto.register.schemas=false).
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (given already, or after the first record), SCHEMA_PARSE, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_set_schema(schloss_serializer_t *ser, const char *text,
                                                                       size_t len, const schloss_schema_ref_t *refs,
                                                                       size_t n_refs, schloss_error_t *err);
/** The same for any format: type is "AVRO", "JSON" (JSON Schema) or "PROTOBUF" (base64 of a FileDescriptorProto); text
 * of len bytes, refs and n_refs as above; all copied. Since 0.2.
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (given already, or after the first record), SCHEMA_PARSE, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_set_schema_of_type(schloss_serializer_t *ser,
                                                                               const char *type, const char *text,
                                                                               size_t len,
                                                                               const schloss_schema_ref_t *refs,
                                                                               size_t n_refs, schloss_error_t *err);
/** Protobuf: the message that records are, by its full_name (copied); without it the first message of the schema's
 * file. Before the first record, which looks the name up (BAD_MESSAGE_INDEX). Since 0.2.
 * @return 0, INVALID_ARGUMENT, INVALID_STATE, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_set_message(schloss_serializer_t *ser,
                                                                        const char *full_name, schloss_error_t *err);
/** Serializes one record, blocking while schema or keys are fetched for the first time.
 * @param target topic and subject that it goes to; borrowed during the call
 * @param record what the schema says (Avro binary, JSON text, Protobuf bytes), walked exactly to its end; ptr NULL is
 * EMPTY_MESSAGE
 * @param out    borrowed from ser
 * @return 0, INVALID_ARGUMENT, EMPTY_MESSAGE, DATA_MISMATCH, BAD_JSON, LIMIT_EXCEEDED, SCHEMA_NOT_FOUND, SCHEMA_TYPE,
 * RULES_REQUIRED, and other errors of rules, keys, KMS, registry and I/O. On error nothing may be sent. */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serialize(schloss_serializer_t *ser, const schloss_target_t *target,
                                                           schloss_bytes_t record, schloss_encoded_t *out,
                                                           schloss_error_t *err);
/** Execute only: as schloss_serialize(), with the same target, record and out (borrowed from ser), but without I/O.
 * @return those of schloss_serialize(), and SCHLOSS_NEED_KEY: prepare (schloss/ext/prepare.h), then call again */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serialize_try(schloss_serializer_t *ser,
                                                               const schloss_target_t *target, schloss_bytes_t record,
                                                               schloss_encoded_t *out, schloss_error_t *err);
/** Fetches schema and rules of the target and returns the schema that records must have. Keys are fetched by the first
 * record that needs one.
 * @param schema may be NULL; borrowed until the handle's next call
 * @return 0, INVALID_ARGUMENT, SUBJECT_NAME, SCHEMA_NOT_FOUND, SCHEMA_TYPE, RULE_SET, RULES_REQUIRED, and other errors
 * of registry and I/O */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_serializer_prepare(schloss_serializer_t *ser,
                                                                    const schloss_target_t *target,
                                                                    const schloss_schema_t **schema,
                                                                    schloss_error_t *err);

/* ---- reading ---- */

/** New deserializer over client (referenced). conf overrides the client's configuration when not NULL.
 * @param out owned by the caller: schloss_deserializer_free()
 * @return 0, INVALID_ARGUMENT, CONF_VALUE, CONF_MISSING, UNSUPPORTED, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_deserializer_new(schloss_client_t *client, const schloss_conf_t *conf,
                                                                  schloss_deserializer_t **out, schloss_error_t *err);
/** Frees de and wipes its memory; what it has counted is added to the process's counters. NULL is fine. */
SCHLOSS_API void schloss_deserializer_free(schloss_deserializer_t *de);
/** Deserializes one record of target: value, and n_headers headers, as they lie on the topic. An empty or NULL value
 * reads as null.
 * @param out borrowed from de until its next call
 * @return 0, UNKNOWN_MAGIC, SHORT_PREFIX, BAD_MESSAGE_INDEX, SCHEMA_NOT_FOUND, DATA_MISMATCH, AUTH_FAILED,
 * CIPHERTEXT_TOO_SHORT, BAD_BASE64, UNWRAP_FAILED, and other errors of rules, keys, KMS, registry and I/O */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_deserialize(schloss_deserializer_t *de, const schloss_target_t *target,
                                                             schloss_bytes_t value, const schloss_header_t *headers,
                                                             size_t n_headers, schloss_decoded_t *out,
                                                             schloss_error_t *err);
/** Execute only: as schloss_deserialize(), with the same target, value, headers, n_headers and out (borrowed from de),
 * but without I/O.
 * @return those of schloss_deserialize(), and SCHLOSS_NEED_KEY: prepare (schloss/ext/prepare.h), then call again */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_deserialize_try(schloss_deserializer_t *de,
                                                                 const schloss_target_t *target, schloss_bytes_t value,
                                                                 const schloss_header_t *headers, size_t n_headers,
                                                                 schloss_decoded_t *out, schloss_error_t *err);

/** What schloss_inspect says of one string or bytes value of a record. Strings are borrowed during the callback. */
typedef struct schloss_field_info {
    const char *path;  /**< full name of the field; "" for the payload */
    const char *type;  /**< type in the schema's format: "string", "int", "bytes", ... */
    bool is_encrypted; /**< a rule covers the field */
    const char *rule;  /**< name of the outermost rule, "" when none */
    const char *kek;
    const char *algorithm;
    int32_t dek_version; /**< 0 when unknown (malformed prefix) */
    size_t len;          /**< bytes on the topic */
    bool looks_valid;    /**< base64 and length fit a ciphertext of the algorithm */
} schloss_field_info_t;

/** Reports for each leaf field of a record whether and under which key it is encrypted, without any key. Needs the
 * schema (registry), never a KMS. target, value, headers and n_headers are those of schloss_deserialize().
 * @param each called with user and a field, borrowed during the call; false stops
 * @return 0, UNKNOWN_MAGIC, SHORT_PREFIX, SCHEMA_NOT_FOUND, DATA_MISMATCH, and other errors of registry and I/O */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_inspect(schloss_deserializer_t *de, const schloss_target_t *target,
                                                         schloss_bytes_t value, const schloss_header_t *headers,
                                                         size_t n_headers,
                                                         bool (*each)(void *user, const schloss_field_info_t *info),
                                                         void *user, schloss_error_t *err);

/* ---- schemas as the registry gave them ---- */

/** What the registry says of a schema. Texts are borrowed from schema. */
SCHLOSS_API const char *schloss_schema_text(const schloss_schema_t *schema); /**< as the registry gave it */
SCHLOSS_API const char *schloss_schema_type(const schloss_schema_t *schema); /**< "AVRO", "JSON" or "PROTOBUF" */
/** Full name of the record (Avro), the message (Protobuf) or the title (JSON Schema); NULL when it has none. Borrowed
 * from schema. Since 0.2. */
SCHLOSS_API const char *schloss_schema_record_name(const schloss_schema_t *schema);
/** Where the schema stands in the registry. Texts are borrowed from schema. */
SCHLOSS_API const char *schloss_schema_subject(const schloss_schema_t *schema); /**< NULL when unknown */
SCHLOSS_API int32_t schloss_schema_id(const schloss_schema_t *schema);          /**< -1 when unknown (GUID framing) */
SCHLOSS_API int32_t schloss_schema_version(const schloss_schema_t *schema);     /**< 0 when unknown */
SCHLOSS_API const char *schloss_schema_guid(const schloss_schema_t *schema);    /**< NULL when unknown */

/** Counter name of the process, e.g. "encryptions", "random_calls", "none_on_write"; docs/metrics.md lists them.
 * Thread-safe; what a handle has done since its last 64 records is added when it is freed.
 * @return the value, or 0 for an unknown name */
SCHLOSS_API uint64_t schloss_metric_get(const char *name);

SCHLOSS_END_DECLS

#endif
