/* A Schema Registry and DEK Registry in memory, behind the transport hook: unit tests, vectors, fault and canary tests
 * talk to it as they would to a server, without a socket.
 *
 *     fake_registry_t *fr = fake_registry_new();
 *     fake_registry_put_avro(fr, "orders-value", 1, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""));
 *     schloss_transport_t t = fake_registry_transport(fr);
 *     schloss_conf_set(conf, "schema.registry.url", FAKE_REGISTRY_URL, err);
 *     schloss_client_new(conf, &t, &client, err);
 *     ...
 *     schloss_client_free(client);
 *     fake_registry_free(fr);            last, after every client
 *
 * Every function may be called at any time and from any thread. Its own allocations never count as faults (fault.h);
 * when one of them fails for real the process aborts. */
#ifndef TESTLIB_FAKE_REGISTRY_H
#define TESTLIB_FAKE_REGISTRY_H

#include <jansson.h>
#include <schloss/ext/transport.h>

#define FAKE_REGISTRY_URL "http://registry.test"

typedef struct fake_registry fake_registry_t;

fake_registry_t *fake_registry_new(void);
void fake_registry_free(fake_registry_t *fr);
/* A transport over fr; any number of clients may use copies of it. It has no destroy hook. */
schloss_transport_t fake_registry_transport(fake_registry_t *fr);

/* ---- what the registry holds ---- */

/* In the form of the vectors: {subject, version, id, guid, schemaType, schema, references, metadata, ruleSet}. Copied.
 * A later version of a subject becomes its latest. */
void fake_registry_put_schema(fake_registry_t *fr, const json_t *schema);
/* Next version of subject. rule_set: JSON text or NULL. */
void fake_registry_put_avro(fake_registry_t *fr, const char *subject, int32_t id, const char *text,
                            const char *rule_set);
/* {name, kmsType, kmsKeyId, kmsProps, shared, ts, deleted}; replaces the KEK of that name. */
void fake_registry_put_kek(fake_registry_t *fr, const json_t *kek);
void fake_registry_put_local_kek(fake_registry_t *fr, const char *name, const char *key_id, bool shared);
/* {kekName, subject, version, algorithm, encryptedKeyMaterial, ts, deleted}; other members are ignored. */
void fake_registry_put_dek(fake_registry_t *fr, const json_t *dek);
/* Makes and wraps a DEK (local KMS, secret of fake_registry_set_secret). raw: dek_alg_key_len bytes, NULL = random. */
void fake_registry_make_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version,
                            const char *algorithm, const uint8_t *raw);
/* Answer of GET /associations/... for the topic; without one it is 404. Call it twice for two subjects. */
void fake_registry_put_association(fake_registry_t *fr, const char *topic, bool is_key, const char *subject);
/* Forget (hard) or mark (soft). kek of a DEK, subject, version 0 = all. */
void fake_registry_delete_kek(fake_registry_t *fr, const char *name, bool soft);
void fake_registry_delete_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version, bool soft);
/* Changes ts of every DEK of the subject (expiry). */
void fake_registry_age_deks(fake_registry_t *fr, const char *subject, int64_t ts);
/* Local KMS secret with which the registry wraps DEKs of shared KEKs, DEKs of fake_registry_make_dek and those of
 * rivals (FAKE_LOSE_RACE). Default "mysecret". */
void fake_registry_set_secret(fake_registry_t *fr, const char *secret);
/* Clock for ts of what is created; 0 = the system's. */
void fake_registry_set_now(fake_registry_t *fr, int64_t now_ms);
size_t fake_registry_n_deks(fake_registry_t *fr);
/* Stored DEK as JSON {kekName, subject, version, algorithm, encryptedKeyMaterial, ts, ...}: a new reference or NULL. */
json_t *fake_registry_get_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version,
                              const char *algorithm);

/* ---- what it was asked ---- */

size_t fake_registry_n_requests(fake_registry_t *fr);
/* "GET /subjects/x/versions/latest"; valid until fake_registry_clear_requests or free. NULL past the end. */
const char *fake_registry_request(fake_registry_t *fr, size_t i);
const char *fake_registry_request_body(fake_registry_t *fr, size_t i); /* "" when none */
/* All headers of the request, "Name: value" lines. */
const char *fake_registry_request_headers(fake_registry_t *fr, size_t i);
int fake_registry_request_status(fake_registry_t *fr, size_t i); /* 0 when it got no answer */
/* How many requests so far contain text in "METHOD path". */
size_t fake_registry_count(fake_registry_t *fr, const char *text);
void fake_registry_clear_requests(fake_registry_t *fr);

/* ---- what goes wrong ---- */

typedef enum {
    FAKE_STATUS,       /* answers status arg; nothing is done */
    FAKE_STATUS_AFTER, /* does the work, then answers status arg (the real answer got lost) */
    FAKE_FAILURE,      /* no answer: perform returns the error code arg (SCHLOSS_E_CONNECT, ...) */
    FAKE_GARBAGE,      /* 200 with a body that is no JSON */
    FAKE_TRUNCATE,     /* the right answer, cut in half */
    FAKE_DEEP,         /* 200 with JSON of depth 10,000 */
    FAKE_BODY,         /* status arg with the given body */
    FAKE_DELAY,        /* the right answer after arg ms */
    FAKE_LOSE_RACE,    /* a POST of a KEK or DEK: a rival creates it first, so this one gets 409 */
} fake_fault_t;

/* The nth request from now (1 = next) whose "METHOD path" contains match (NULL = any), and the times - 1 matching ones
 * after it, go wrong. times 0 = for ever. body is copied, for FAKE_BODY. */
void fake_registry_fault(fake_registry_t *fr, fake_fault_t kind, const char *match, unsigned nth, unsigned times,
                         int arg, const char *body);
void fake_registry_clear_faults(fake_registry_t *fr);

/* ---- texts that many tests want ---- */

/* name: string PII, n: int, note: string without tag, blob: bytes PII, alias: [null, string] PII. */
#define FAKE_SCHEMA_PERSON                                                                                             \
    "{\"type\":\"record\",\"name\":\"Person\",\"namespace\":\"shop.test\",\"fields\":["                                \
    "{\"name\":\"name\",\"type\":\"string\",\"confluent:tags\":[\"PII\"]},{\"name\":\"n\",\"type\":\"int\"},"          \
    "{\"name\":\"note\",\"type\":\"string\"},{\"name\":\"blob\",\"type\":\"bytes\",\"confluent:tags\":[\"PII\"]},"     \
    "{\"name\":\"alias\",\"type\":[\"null\",\"string\"],\"default\":null,\"confluent:tags\":[\"PII\"]}]}"

/* One ENCRYPT rule on tag PII, KEK kek1, local-kms://mykey. more: further params, e.g. ",\"encrypt.dek.expiry.days\":
 * \"30\"", or "". Both arguments are string literals. */
#define FAKE_RULES_PII(algorithm, more)                                                                                \
    "{\"domainRules\":[{\"name\":\"encryptPII\",\"kind\":\"TRANSFORM\",\"mode\":\"WRITEREAD\",\"type\":\"ENCRYPT\","   \
    "\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":\"kek1\",\"encrypt.kms.type\":\"local-kms\","                 \
    "\"encrypt.kms.key.id\":\"mykey\",\"encrypt.dek.algorithm\":\"" algorithm "\"" more "}}]}"

/* One ENCRYPT_PAYLOAD rule. */
#define FAKE_RULES_PAYLOAD(algorithm, more)                                                                            \
    "{\"encodingRules\":[{\"name\":\"encryptPayload\",\"kind\":\"TRANSFORM\",\"mode\":\"WRITEREAD\","                  \
    "\"type\":\"ENCRYPT_PAYLOAD\",\"params\":{\"encrypt.kek.name\":\"kek1\",\"encrypt.kms.type\":\"local-kms\","       \
    "\"encrypt.kms.key.id\":\"mykey\",\"encrypt.dek.algorithm\":\"" algorithm "\"" more "}}]}"

#endif
