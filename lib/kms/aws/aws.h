/* The AWS KMS driver: spec client-encryption 4.3. Internal to this folder. */
#ifndef KMS_AWS_AWS_H
#define KMS_AWS_AWS_H

#include "kms/rest.h"

#define AWS_HINT_CREDENTIALS                                                                                           \
    "set access.key.id and secret.access.key, a profile, AWS_* variables, or run where a role is attached"

/* What a key's ARN says about where it lives. */
typedef struct aws_place {
    char region[64];
    const char *suffix; /* of host names: amazonaws.com */
    bool is_key;        /* key/..., not alias/... : the answer must name the same ARN */
} aws_place_t;
/* @return KMS_CONF */
SCHLOSS_NODISCARD schloss_rc aws_place(const kms_key_t *key, aws_place_t *out, schloss_error_t *err);

/* ---- credentials (credentials.c) ---- */

#define AWS_SECRET_MAX ((size_t)16 * 1024) /* one of the three parts */

typedef struct aws_cred {
    buf_t id, secret, token; /* NUL-terminated by buf_cstr; token empty: long-lived keys */
    char name[80];           /* in the token cache; "" when they were not fetched */
    int64_t expires_ms;
} aws_cred_t;

void aws_cred_init(aws_cred_t *c);
void aws_cred_clear(aws_cred_t *c);
/* From and to the token cache; false: not there. */
bool aws_cred_recall(const kms_key_t *key, aws_cred_t *c, const char *name);
void aws_cred_remember(aws_cred_t *c, const char *name);

/* Where credentials are got from: once per request, and again when they turned out to have expired. Then 0 means that
 * there are no newer ones. */
typedef struct aws_source {
    schloss_rc (*get)(void *user, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err);
    void *user;
} aws_source_t;

/* The credentials that sign requests of this key. */
SCHLOSS_NODISCARD schloss_rc aws_credentials(const kms_key_t *key, const aws_place_t *place, io_t *io, bool again,
                                             aws_cred_t *out, schloss_error_t *err);

/* ---- where they come from ---- */

/* sts.c: a session of a role; signed with what source gives, or proven by the web identity in token_file. */
typedef struct aws_role {
    const char *arn, *session, *external_id;
    const char *token_file;
    const char *name; /* of the session in the token cache */
} aws_role_t;
SCHLOSS_NODISCARD schloss_rc aws_sts(const kms_key_t *key, const aws_place_t *place, io_t *io, const aws_role_t *role,
                                     const aws_source_t *source, bool again, aws_cred_t *out, schloss_error_t *err);
/* The answer of STS. @return KMS_ANSWER */
SCHLOSS_NODISCARD schloss_rc aws_sts_answer(const kms_key_t *key, bytes_t xml, aws_cred_t *out, schloss_error_t *err);

/* metadata.c. @return SCHLOSS_ABSENT when this machine has no such service */
SCHLOSS_NODISCARD schloss_rc aws_container(const kms_key_t *key, io_t *io, bool again, aws_cred_t *out,
                                           schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc aws_instance(const kms_key_t *key, io_t *io, bool again, aws_cred_t *out,
                                          schloss_error_t *err);
/* {"AccessKeyId":...,"SecretAccessKey":...,"Token":...,"Expiration":...} @return KMS_ANSWER */
SCHLOSS_NODISCARD schloss_rc aws_metadata_answer(const kms_key_t *key, const io_answer_t *a, aws_cred_t *out,
                                                 schloss_error_t *err);

/* profile.c: what the shared files say under one name. */
typedef enum {
    AWS_P_ID,
    AWS_P_SECRET,
    AWS_P_TOKEN,
    AWS_P_ROLE,
    AWS_P_SOURCE,
    AWS_P_CREDENTIAL_SOURCE,
    AWS_P_SESSION,
    AWS_P_EXTERNAL_ID,
    AWS_P_TOKEN_FILE,
    AWS_P_PROCESS,
    AWS_P_SSO,
    AWS_P_COUNT
} aws_profile_key_t;
typedef struct aws_profile {
    bool found;
    buf_t values[AWS_P_COUNT];
} aws_profile_t;
void aws_profile_init(aws_profile_t *p);
void aws_profile_clear(aws_profile_t *p);
/* "" when unset. */
const char *aws_profile_get(aws_profile_t *p, aws_profile_key_t k);
/* Adds what text says about name; what is set already stays. is_config: sections are called [profile NAME]. */
SCHLOSS_NODISCARD schloss_rc aws_profile_parse(aws_profile_t *p, bytes_t text, bool is_config, const char *name,
                                               schloss_error_t *err);
/* Reads both files; a file that is not there says nothing. */
SCHLOSS_NODISCARD schloss_rc aws_profile_load(const kms_key_t *key, aws_profile_t *p, const char *name,
                                              schloss_error_t *err);

/* ---- requests and failures ---- */

/* One POST (post.c), signed with what source gives; NULL: not signed. target: X-Amz-Target, or NULL with a form (STS).
 * Busy answers and expired credentials have been dealt with as far as that can be. */
typedef struct aws_post {
    const char *service; /* "kms", "sts" */
    const char *url;
    const char *target;
    bytes_t body;
} aws_post_t;
SCHLOSS_NODISCARD schloss_rc aws_post(const kms_key_t *key, const aws_place_t *place, io_t *io, const aws_post_t *post,
                                      const aws_source_t *source, io_answer_t *out, schloss_error_t *err);
/* URL of a service, ending in /: the override, else made of region and suffix. @return KMS_CONF */
SCHLOSS_NODISCARD schloss_rc aws_endpoint(const kms_key_t *key, const aws_place_t *place, const char *service,
                                          buf_t *out, schloss_error_t *err);

/* fail.c: what a refusal means. */
typedef struct aws_refusal {
    char type[96];     /* NotFoundException; "" when the body says nothing */
    char message[240]; /* cleaned */
} aws_refusal_t;
void aws_refusal_parse(aws_refusal_t *out, bytes_t body);
/* The code for it; hint: what to do. other: what is none of the known ones. */
schloss_rc aws_classify(int status, const aws_refusal_t *r, schloss_rc other, const char **hint);
/* For io_call: is it worth another try? */
bool aws_is_busy(int status, bytes_t body);
/* Text of the first element <name> in xml; false: none. Entities are decoded. (xml.c) */
SCHLOSS_NODISCARD bool aws_xml_text(bytes_t xml, const char *name, buf_t *out);
/* Milliseconds of "2026-01-01T00:00:00Z"; false: malformed. */
SCHLOSS_NODISCARD bool aws_time(const char *text, int64_t *out);

#endif
