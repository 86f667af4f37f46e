/* Inside of the Azure Key Vault driver: key ids, the version prefix, tokens, what errors mean. */
#ifndef KMS_AZURE_AZURE_H
#define KMS_AZURE_AZURE_H

#include "kms/rest.h"

#define AZURE_VERSION_LEN 32u
#define AZURE_HEADER_LEN 42u /* "azure:v1:" + version + ":" */
#define AZURE_PART_MAX 256u

/* https://HOST/keys/NAME[/VERSION] */
typedef struct azure_id {
    char base[AZURE_PART_MAX + 16]; /* "https://host[:port]" */
    char name[AZURE_PART_MAX];
    char version[AZURE_PART_MAX]; /* "" = none */
} azure_id_t;
/* false: not of that form. Names and versions are letters, digits and dashes, so they need no escapes in a URL. */
bool azure_id_parse(const char *text, azure_id_t *out);
/* 32 hex digits. */
bool azure_version_is_hex(const char *version, size_t len);
/* The version that the prefix of wrapped names, and what lies behind it.
 * @return false: no prefix. *ok is false when there is one whose version is not hex. */
bool azure_prefix_read(bytes_t wrapped, char version[AZURE_VERSION_LEN + 1], bytes_t *rest, bool *ok);

/* Whose clouds: the token's resource and the authority that gives it, by the domain of the vault. */
typedef struct azure_cloud {
    const char *domain, *resource, *authority;
} azure_cloud_t;
const azure_cloud_t *azure_cloud_of(const char *base); /* NULL: no domain of Azure */

typedef struct azure {
    const kms_key_t *key;
    const http_service_t *svc;
    azure_id_t id;
    char resource[AZURE_PART_MAX];
    char authority[AZURE_PART_MAX];
} azure_t;

/* rest_auth_t.get: user is an azure_t. */
schloss_rc azure_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err);

/* What is being asked when the vault says no. */
typedef enum { AZURE_GET, AZURE_WRAP, AZURE_UNWRAP } azure_op_t;
/* The error of an answer that is not 200. version_saved: the version asked was written down when the key was wrapped.
 */
SCHLOSS_NODISCARD schloss_rc azure_refused(const azure_t *a, azure_op_t op, const io_answer_t *answer,
                                           bool version_saved, schloss_error_t *err);
/* The error of a token endpoint's answer that is not 200. */
SCHLOSS_NODISCARD schloss_rc azure_login_refused(const kms_key_t *key, const io_answer_t *answer, schloss_error_t *err);

#endif
