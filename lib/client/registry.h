/* Schema Registry and DEK Registry client: builds requests, reads answers (docs: schema-registry-api, dek-registry-api;
 * client side: client-encryption 1.7, 5.4-5.8). Works over an io: every function may return NEED_IO / NEED_WAIT.
 * No caches here except the io's memory; caches are in client/cache.h and envelope/. */
#ifndef CLIENT_REGISTRY_H
#define CLIENT_REGISTRY_H

#include "http/io.h"
#include <jansson.h>
#include <schloss/serde.h>

/* A schema as the registry answered, with its references resolved (children first). Immutable, reference-counted. Texts
 * of PROTOBUF are always base64 of a FileDescriptorProto (format=serialized). */
typedef struct sr_schema sr_schema_t;
struct sr_ref {
    char *name, *subject, *text;
    int32_t version;
};
struct sr_schema {
    _Atomic uint32_t refs_;
    char *subject;   /* "" when the answer had none */
    int32_t version; /* 0 when unknown */
    int32_t id;      /* -1 when unknown */
    char guid[37];   /* "" when the answer had none: computed by nobody */
    char *type;      /* "AVRO", "JSON", "PROTOBUF" */
    char *text;
    struct sr_ref *references;
    size_t n_references;
    json_t *metadata; /* object or NULL */
    json_t *rule_set; /* object or NULL */
};
sr_schema_t *sr_schema_ref(sr_schema_t *s);
void sr_schema_unref(sr_schema_t *s);

typedef struct sr_kek {
    char *name, *kms_type, *kms_key_id, *doc;
    json_t *kms_props; /* object of strings, or NULL */
    bool shared, deleted;
    int64_t ts;
} sr_kek_t;
void sr_kek_clear(sr_kek_t *k);

typedef struct sr_dek {
    int32_t version;
    int64_t ts;
    bool deleted;
    uint8_t *wrapped; /* decoded encryptedKeyMaterial */
    size_t wrapped_len;
    uint8_t *material; /* decoded keyMaterial in secret memory, NULL when absent */
    size_t material_len;
} sr_dek_t;
void sr_dek_clear(sr_dek_t *d);

/* All: 0; SCHLOSS_ABSENT for HTTP 404; CONFLICT for 409; UNAUTHENTICATED 401; FORBIDDEN 403; REGISTRY_BUSY 408/429/5xx
 * after retries; REGISTRY_STATUS others; REGISTRY_ANSWER for a body that is not what it must be; I/O codes. Errors
 * carry URL, HTTP status, error_code and (cleaned, capped) message of the answer. */

/* io_call() with the service's bearer token, where it has one that is fetched. */
SCHLOSS_NODISCARD schloss_rc sr_call(io_t *io, const http_service_t *svc, io_call_t *call, io_answer_t *answer,
                                     schloss_error_t *err);

/* GET /associations/resources/{cluster or -}/{topic}?resourceType=topic&associationType=key|value.
 * *subject is mem_free'd by the caller. ABSENT: none. SUBJECT_NAME: several. */
SCHLOSS_NODISCARD schloss_rc sr_get_association(io_t *io, const http_service_t *svc, const char *cluster,
                                                const char *topic, bool is_key, char **subject, schloss_error_t *err);

/* Which schema is asked for, and what is known of it before. */
typedef struct sr_want {
    enum { SR_LATEST, SR_METADATA, SR_ID, SR_GUID } by;
    const char *subject;  /* SR_ID: may be NULL (no subject parameter) */
    const char *metadata; /* SR_METADATA: k1=v1,k2=v2 */
    int32_t id;
    const char *guid;
    bool protobuf; /* known to be of that type: saves a request */
} sr_want_t;
SCHLOSS_NODISCARD schloss_rc sr_get(io_t *io, const http_service_t *svc, const sr_want_t *want, sr_schema_t **out,
                                    schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc sr_get_latest(io_t *io, const http_service_t *svc, const char *subject, sr_schema_t **out,
                                           schloss_error_t *err);
/* subject may be NULL (no subject parameter). */
SCHLOSS_NODISCARD schloss_rc sr_get_by_id(io_t *io, const http_service_t *svc, int32_t id, const char *subject,
                                          sr_schema_t **out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc sr_get_by_guid(io_t *io, const http_service_t *svc, const char *guid, sr_schema_t **out,
                                            schloss_error_t *err);

/* A schema that the caller has. */
typedef struct sr_given {
    const char *type; /* NULL: AVRO */
    const char *text;
    const schloss_schema_ref_t *refs;
    size_t n_refs;
    bool normalize;
} sr_given_t;
/* POST /subjects/{s}?normalize=b&deleted=false: id, version, rules of a schema that the caller has. */
SCHLOSS_NODISCARD schloss_rc sr_lookup(io_t *io, const http_service_t *svc, const char *subject,
                                       const sr_given_t *given, sr_schema_t **out, schloss_error_t *err);
/* POST /subjects/{s}/versions?normalize=b. What the subject's version carries (metadata, rules) is asked for when the
 * answer does not say it, as older registries answer with the id alone. */
SCHLOSS_NODISCARD schloss_rc sr_register(io_t *io, const http_service_t *svc, const char *subject,
                                         const sr_given_t *given, sr_schema_t **out, schloss_error_t *err);

/* DEK Registry. context: ".eu" or NULL (parsed from the subject, sr_context_of). */
SCHLOSS_NODISCARD schloss_rc sr_get_kek(io_t *io, const http_service_t *svc, const char *name, const char *context,
                                        bool deleted, sr_kek_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc sr_create_kek(io_t *io, const http_service_t *svc, const char *name, const char *context,
                                           const char *kms_type, const char *kms_key_id, sr_kek_t *out,
                                           schloss_error_t *err);
/* version -1 = newest. */
SCHLOSS_NODISCARD schloss_rc sr_get_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject,
                                        const char *algorithm, int32_t version, bool deleted, sr_dek_t *out,
                                        schloss_error_t *err);
/* wrapped.ptr NULL: shared KEK, the registry makes the key. Falls back to POST .../deks on 405. */
SCHLOSS_NODISCARD schloss_rc sr_create_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject,
                                           const char *algorithm, int32_t version, bytes_t wrapped, sr_dek_t *out,
                                           schloss_error_t *err);
/* Stores a version that exists under a new wrapping; deleted: as it is. wrapped.ptr NULL: shared KEK, the registry
 * wraps.
 */
SCHLOSS_NODISCARD schloss_rc sr_rewrap_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject,
                                           const char *algorithm, int32_t version, bool deleted, bytes_t wrapped,
                                           schloss_error_t *err);
/* Forget what the io remembers of a KEK / DEK read, to read again after a lost race. */
SCHLOSS_NODISCARD schloss_rc sr_forget_kek(io_t *io, const char *name, const char *context, bool deleted,
                                           schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc sr_forget_dek(io_t *io, const char *kek, const char *subject, const char *algorithm,
                                           int32_t version, bool deleted, schloss_error_t *err);

/* ".ctx" of ":.ctx:subject" (mem_free it), NULL for the default context. */
char *sr_context_of(const char *subject);

#endif
