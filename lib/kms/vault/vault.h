/* Inside of the Vault / OpenBao driver: key ids, log-ins, what errors mean. */
#ifndef KMS_VAULT_VAULT_H
#define KMS_VAULT_VAULT_H

#include "kms/rest.h"

#define VAULT_PART_MAX 512u

/* http(s)://HOST[:PORT]/MOUNT/keys/KEY; the scheme may lack (then https), the mount may have several segments. */
typedef struct vault_id {
    char base[VAULT_PART_MAX]; /* "https://host:8200" */
    char mount[VAULT_PART_MAX];
    char name[VAULT_PART_MAX];
} vault_id_t;
/* false: not of that form. */
bool vault_id_parse(const char *text, vault_id_t *out);
/* "vault:v" digits ":" and base64: what transit calls a ciphertext. */
bool vault_is_ciphertext(bytes_t text);

typedef struct vault {
    const kms_key_t *key;
    const http_service_t *svc;
    vault_id_t id;
    const char *ns;  /* namespace, or NULL */
    char marker[80]; /* name in the token cache under which a token that has worked is marked; "" = log-in */
} vault_t;

/* One request below /v1/, with namespace header. auth: NULL for a log-in. */
SCHLOSS_NODISCARD schloss_rc vault_call(const vault_t *v, io_t *io, const char *method, const char *path, bytes_t body,
                                        const rest_auth_t *auth, io_answer_t *answer, schloss_error_t *err);
/* rest_auth_t.get: user is a vault_t. */
schloss_rc vault_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err);
/* Remembers that the operator's own token has worked, and asks whether it ever did. */
void vault_token_worked(const vault_t *v);
bool vault_token_has_worked(const vault_t *v);

/* The error of an answer that is not 200. */
SCHLOSS_NODISCARD schloss_rc vault_refused(const vault_t *v, bool is_wrap, const io_answer_t *answer,
                                           schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc vault_login_refused(const vault_t *v, const io_answer_t *answer, schloss_error_t *err);

#endif
