/* Handlers of the DEK Registry (dek-registry-api), and what they share. */
#ifndef REGISTRY_KEYS_HANDLERS_H
#define REGISTRY_KEYS_HANDLERS_H

#include "crypto/aead.h"
#include "registry/service.h"

#define KEY_HANDLER(name) rest_rc name(void *service, request_t *rq, db_t *db)

/* keks.c */
KEY_HANDLER(keys_kek_list);
KEY_HANDLER(keys_kek_get);
KEY_HANDLER(keys_kek_create);
KEY_HANDLER(keys_kek_update);
KEY_HANDLER(keys_kek_delete);
KEY_HANDLER(keys_kek_undelete);
KEY_HANDLER(keys_kek_test);
/* deks.c */
KEY_HANDLER(keys_dek_subjects);
KEY_HANDLER(keys_dek_create);
KEY_HANDLER(keys_dek_create_for_subject);
KEY_HANDLER(keys_dek_get);
KEY_HANDLER(keys_dek_versions);
KEY_HANDLER(keys_dek_version_get);
KEY_HANDLER(keys_dek_delete);
KEY_HANDLER(keys_dek_version_delete);
KEY_HANDLER(keys_dek_undelete);
KEY_HANDLER(keys_dek_version_undelete);

/* DEKs of subjects of the gateway ("gateway.", "gateway-key."); for others, and for KEKs: service_t.max_keys. */
#define GATEWAY_KEYS_MAX ((int64_t)1000000)

/* A KEK; strings in the request's arena. */
typedef struct kek {
    const char *name, *kms_type, *kms_key_id, *kms_props /* JSON, sorted */, *doc;
    bool shared, deleted;
    int64_t ts;
} kek_t;

/* Checks the name (42271), then finds. deleted: soft-deleted ones count. 40470. */
SCHLOSS_NODISCARD rest_rc kek_find(request_t *rq, db_t *db, const char *name, bool deleted, kek_t *out);
SCHLOSS_NODISCARD rest_rc kek_check_name(request_t *rq, const char *name);
SCHLOSS_NODISCARD rest_rc key_invalid(request_t *rq, const char *field);

/* wrap.c: the KMS. Plaintext key messages lie in secret memory of the caller's making. */
#define KEY_MESSAGE_MAX 66u
/* A new random key message of the algorithm, into out[KEY_MESSAGE_MAX] of secret memory. */
SCHLOSS_NODISCARD rest_rc dek_generate(request_t *rq, dek_alg_t alg, uint8_t *out, size_t *len);
/* Wraps; *out is base64 in the arena. 40370, 50070 "Could not generate encrypted dek for ...". */
SCHLOSS_NODISCARD rest_rc dek_wrap(const service_t *s, request_t *rq, const kek_t *kek, const char *subject,
                                   bytes_t plain, const char **out);
/* Unwraps base64 material into out[KEY_MESSAGE_MAX] of secret memory. 40370, 50070 "Could not generate raw dek for". */
SCHLOSS_NODISCARD rest_rc dek_unwrap(const service_t *s, request_t *rq, const kek_t *kek, const char *subject,
                                     const char *material, uint8_t *out, size_t *len);

/* 409/40972 */
rest_rc keys_too_many(request_t *rq, int64_t max);

#endif
