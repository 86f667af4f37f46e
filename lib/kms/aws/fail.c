/* What a refusal of AWS means: the HTTP status first, for a body may be JSON, XML, HTML or cut short. */
#include "kms/aws/aws.h"

#include "base/limits.h"
#include <stdio.h>
#include <strings.h>

#define HINT_DENIED "its key policy and the caller's IAM policy must allow kms:Encrypt and kms:Decrypt"
#define HINT_BUSY "AWS is throttling or failing; it is asked again. If it lasts, raise the account's request quota"
#define HINT_KEYS "check the access key, its secret and, for temporary ones, the session token"
#define HINT_CLOCK "set this machine's clock (NTP): AWS allows 5 minutes"
#define HINT_REGION "the region in the key's ARN must be the one where the key lives, and the endpoint that is asked"

typedef struct row {
    const char *type; /* exact, "...*" as prefix, "*...*" anywhere */
    const char *says; /* the message must have this, or NULL */
    schloss_rc rc;
    const char *hint;
} row_t;

/* The first that fits counts. */
static const row_t rows[] = {
    {"ExpiredToken*", NULL, SCHLOSS_E_KMS_EXPIRED,
     "renew the session: log in again, or let a role give the credentials"},
    {"RequestExpired*", NULL, SCHLOSS_E_KMS_CLOCK, HINT_CLOCK},
    {"RequestTimeTooSkewed", NULL, SCHLOSS_E_KMS_CLOCK, HINT_CLOCK},
    {"*Signature*", "signature expired", SCHLOSS_E_KMS_CLOCK, HINT_CLOCK},
    {"*Signature*", "not yet current", SCHLOSS_E_KMS_CLOCK, HINT_CLOCK},
    {"*Signature*", "valid region", SCHLOSS_E_KMS_REGION, HINT_REGION},
    {"*Signature*", "scoped to", SCHLOSS_E_KMS_REGION, HINT_REGION},
    {"*Signature*", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"InvalidClientTokenId*", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"UnrecognizedClient*", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"MissingAuthenticationToken*", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"InvalidAccessKeyId", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"AuthFailure", NULL, SCHLOSS_E_KMS_CREDENTIALS, HINT_KEYS},
    {"InvalidIdentityToken*", NULL, SCHLOSS_E_KMS_CREDENTIALS,
     "is the web identity token one that the role's identity provider has signed?"},
    {"IDPRejectedClaim*", NULL, SCHLOSS_E_KMS_CREDENTIALS, "the role's trust policy must name this web identity"},
    {"RegionDisabled*", NULL, SCHLOSS_E_KMS_REGION, "enable the region for the account, or use a key elsewhere"},
    {"*Throttl*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"*LimitExceeded*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"TooManyRequests*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"DependencyTimeout*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"KMSInternal*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"KeyUnavailable*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"InternalFailure*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"ServiceUnavailable*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"IDPCommunicationError*", NULL, SCHLOSS_E_KMS_BUSY, HINT_BUSY},
    {"AccessDenied*", NULL, SCHLOSS_E_KMS_DENIED, HINT_DENIED},
    {"*Unauthorized*", NULL, SCHLOSS_E_KMS_DENIED, HINT_DENIED},
    {"NotAuthorized*", NULL, SCHLOSS_E_KMS_DENIED, HINT_DENIED},
    {"OptInRequired", NULL, SCHLOSS_E_KMS_DENIED, HINT_DENIED},
    {"DisabledException", NULL, SCHLOSS_E_KMS_KEY_DISABLED, "enable it: aws kms enable-key"},
    {"KMSInvalidState*", "pending", SCHLOSS_E_KMS_KEY_PENDING,
     "aws kms cancel-key-deletion and enable-key, or import its key material"},
    {"KMSInvalidState*", "disabled", SCHLOSS_E_KMS_KEY_DISABLED, "enable it: aws kms enable-key"},
    {"KMSInvalidState*", NULL, SCHLOSS_E_KMS_KEY_PENDING, "aws kms describe-key shows the state that it is in"},
    {"NotFound*", "invalid arn", SCHLOSS_E_KMS_REGION, HINT_REGION},
    {"InvalidArn*", NULL, SCHLOSS_E_KMS_REGION, HINT_REGION},
    {"NotFound*", NULL, SCHLOSS_E_KMS_KEY_UNKNOWN,
     "check account, region and id of the ARN; a key that was deleted looks the same"},
    {"IncorrectKey*", NULL, SCHLOSS_E_KMS_WRONG_KEY,
     "another key wrapped this DEK: is the KEK's kmsKeyId the old one?"},
    {"InvalidKeyUsage*", NULL, SCHLOSS_E_KMS_KEY_TYPE, "use a key of type SYMMETRIC_DEFAULT, usage ENCRYPT_DECRYPT"},
    {"UnsupportedOperation*", NULL, SCHLOSS_E_KMS_KEY_TYPE,
     "use a key of type SYMMETRIC_DEFAULT, usage ENCRYPT_DECRYPT"},
    {"InvalidCiphertext*", NULL, SCHLOSS_E_UNWRAP_FAILED,
     "the wrapped DEK in the registry is damaged, or this key did not wrap it"},
    {"Validation*", NULL, SCHLOSS_E_KMS_CONF, "check the key id, the role's ARN and the name of the session"},
};

static bool type_fits(const char *pattern, const char *type) {
    size_t n = strlen(pattern);
    if (pattern[0] == '*') {
        char part[64];
        (void)snprintf(part, sizeof part, "%.*s", (int)(n - 2), pattern + 1);
        return strstr(type, part) != NULL;
    }
    return pattern[n - 1] == '*' ? strncmp(type, pattern, n - 1) == 0 : strcmp(type, pattern) == 0;
}

schloss_rc aws_classify(int status, const aws_refusal_t *r, schloss_rc other, const char **hint) {
    for (size_t i = 0; r->type[0] != '\0' && i < COUNT_OF(rows); i++) {
        if (type_fits(rows[i].type, r->type) &&
            (rows[i].says == NULL || strcasestr(r->message, rows[i].says) != NULL)) {
            *hint = rows[i].hint;
            return rows[i].rc;
        }
    }
    if (status == 401 || status == 403) {
        *hint = HINT_DENIED;
        return SCHLOSS_E_KMS_DENIED;
    }
    if (status == 408 || status == 429 || status >= 500) {
        *hint = HINT_BUSY;
        return SCHLOSS_E_KMS_BUSY;
    }
    if (r->type[0] == '\0') {
        *hint = "is this the endpoint of AWS, or is a proxy in between?";
        return SCHLOSS_E_KMS_ANSWER;
    }
    *hint = "the message is what AWS says; see the error list of AWS KMS";
    return other;
}

/* "com.amazonaws.kms#NotFoundException:http://..." -> "NotFoundException" */
static void plain_type(char *type) {
    type[strcspn(type, ":")] = '\0';
    char *hash = strrchr(type, '#');
    if (hash != NULL) {
        memmove(type, hash + 1, strlen(hash));
    }
}

static void from_xml(bytes_t body, const char *name, char *dst, size_t cap) {
    buf_t text;
    buf_init(&text, LIMIT_HTTP_BODY, "text", false);
    if (aws_xml_text(body, name, &text) && text.len != 0) {
        err_clean_text(dst, cap, (const char *)text.ptr, text.len);
    }
    buf_clear(&text);
}

void aws_refusal_parse(aws_refusal_t *out, bytes_t body) {
    memset(out, 0, sizeof *out);
    json_span_t o;
    schloss_error_t ignored = {0};
    if (body.len != 0 && json_scan(&o, (const char *)body.ptr, body.len, &ignored) == SCHLOSS_OK &&
        o.kind == JSON_T_OBJECT) {
        rest_said(o, "__type", out->type, sizeof out->type);
        if (out->type[0] == '\0') {
            rest_said(o, "code", out->type, sizeof out->type);
        }
        rest_said(o, "message", out->message, sizeof out->message);
        if (out->message[0] == '\0') {
            rest_said(o, "Message", out->message, sizeof out->message);
        }
    } else {
        from_xml(body, "Code", out->type, sizeof out->type);
        from_xml(body, "Message", out->message, sizeof out->message);
    }
    plain_type(out->type);
}

bool aws_is_busy(int status, bytes_t body) {
    if (status < 400) {
        return false;
    }
    aws_refusal_t r;
    const char *hint = NULL;
    aws_refusal_parse(&r, body);
    return aws_classify(status, &r, SCHLOSS_E_IO, &hint) == SCHLOSS_E_KMS_BUSY;
}
