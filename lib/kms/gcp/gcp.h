/* Inside of the Google Cloud KMS driver: checksums, signed tokens, credentials, what errors mean. */
#ifndef KMS_GCP_GCP_H
#define KMS_GCP_GCP_H

#include "kms/rest.h"

#define GCP_SCOPE "https://www.googleapis.com/auth/cloudkms"
#define GCP_SCOPE_PLATFORM "https://www.googleapis.com/auth/cloud-platform"
#define GCP_JWT_SECONDS ((int64_t)3600)

/* CRC-32 with the polynomial of Castagnoli (vector V19). */
uint32_t gcp_crc32c(bytes_t data);

/* A service account's own word for who it is: header, claims and signature (RS256) in base64url, appended to out.
 * private_key: PEM, with line breaks or with the two characters \n in their place. issued: seconds.
 * @return KMS_CREDENTIALS (no RSA key) */
typedef struct gcp_account {
    const char *email, *key_id, *private_key;
} gcp_account_t;
SCHLOSS_NODISCARD schloss_rc gcp_jwt(const kms_key_t *key, const gcp_account_t *account, int64_t issued, buf_t *out,
                                     schloss_error_t *err);

/* A credentials file (or the settings that make one). Members are NUL-terminated texts in one sensitive buffer; absent
 * ones are NULL. */
typedef enum { GCP_ACCOUNT, GCP_USER, GCP_EXTERNAL } gcp_kind_t;
typedef struct gcp_creds {
    gcp_kind_t kind;
    buf_t text;
    /* GCP_ACCOUNT */
    const char *client_email, *private_key_id, *private_key;
    /* GCP_USER; token_uri is also the endpoint of an exchange */
    const char *client_id, *client_secret, *refresh_token, *token_uri;
    /* GCP_EXTERNAL: a token in a file (or behind a member of its JSON) is exchanged */
    const char *audience, *subject_token_type, *impersonation_url, *file, *field;
} gcp_creds_t;
/* Reads a credentials file's text. Unsupported kinds, missing members and URLs that are not https: KMS_CREDENTIALS.
 * *out is to be cleared in any case. */
SCHLOSS_NODISCARD schloss_rc gcp_creds_read(const kms_key_t *key, bytes_t text, gcp_creds_t *out, schloss_error_t *err);
void gcp_creds_clear(gcp_creds_t *c);

typedef struct gcp {
    const kms_key_t *key;
    const http_service_t *svc;
    char endpoint[256];
    bool signed_by_us; /* the token was a JWT of our own: a refusal may mean the clock */
} gcp_t;
/* rest_auth_t.get: user is a gcp_t. */
schloss_rc gcp_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err);

/* The error of an answer that is not 200. */
SCHLOSS_NODISCARD schloss_rc gcp_refused(const gcp_t *g, bool is_wrap, const io_answer_t *answer, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc gcp_login_refused(const kms_key_t *key, const io_answer_t *answer, schloss_error_t *err);

#endif
