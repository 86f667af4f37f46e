/* What Cloud KMS and Google's token endpoints mean by an error. {"error":{"code","message","status","details":[…]}}:
 * the HTTP status and `status` decide, then the state that the message names. */
#include "kms/gcp/gcp.h"

#define SAID_MAX 400u

typedef struct said {
    char status[64], message[SAID_MAX], reason[64];
} said_t;

typedef struct meaning {
    schloss_rc rc;
    const char *what, *hint;
} meaning_t;

/* The first detail with a reason, or a violation with a type. */
static void read_details(json_span_t error, said_t *s) {
    json_span_t details, item, violations, violation;
    if (!json_member(error, "details", &details) || details.kind != JSON_T_ARRAY) {
        return;
    }
    json_iter_t it = json_iter(details);
    while (s->reason[0] == '\0' && json_next(&it, NULL, &item)) {
        if (item.kind != JSON_T_OBJECT) {
            continue;
        }
        rest_said(item, "reason", s->reason, sizeof s->reason);
        if (s->reason[0] == '\0' && json_member(item, "violations", &violations) && violations.kind == JSON_T_ARRAY) {
            json_iter_t inner = json_iter(violations);
            if (json_next(&inner, NULL, &violation) && violation.kind == JSON_T_OBJECT) {
                rest_said(violation, "type", s->reason, sizeof s->reason);
            }
        }
    }
}

static void words(const io_answer_t *answer, said_t *s) {
    json_span_t root, error;
    memset(s, 0, sizeof *s);
    if (json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) != SCHLOSS_OK ||
        root.kind != JSON_T_OBJECT || !rest_member(root, "error", &error)) {
        return;
    }
    rest_said(error, "status", s->status, sizeof s->status);
    rest_said(error, "message", s->message, sizeof s->message);
    read_details(error, s);
}

static bool either(const said_t *s, const char *part) {
    return rest_says(s->message, part) || rest_says(s->reason, part);
}

/* A key version that is not enabled: "… is not enabled, current state is: DISABLED." */
static meaning_t precondition(const said_t *s) {
    if (either(s, "DESTROY_SCHEDULED")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_PENDING, "the key version is scheduled for destruction",
                           "restore it: gcloud kms keys versions restore"};
    }
    if (either(s, "DESTROYED")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_DELETED, "the key version is destroyed",
                           "what it wrapped is lost; new DEKs need a key with an enabled primary version"};
    }
    if (either(s, "DISABLED")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_DISABLED, "the key version is disabled",
                           "enable it: gcloud kms keys versions enable"};
    }
    if (either(s, "PENDING_")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_PENDING, "the key version is being made or imported",
                           "wait until its state is ENABLED"};
    }
    if (either(s, "purpose")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key's purpose is another one",
                           "use a key of purpose ENCRYPT_DECRYPT"};
    }
    return (meaning_t){SCHLOSS_E_KMS_KEY_VERSION, "the key has no version that can be used",
                       "give the key an enabled primary version"};
}

static meaning_t invalid(bool is_wrap, const said_t *s) {
    if (rest_says(s->message, "concerns location") || rest_says(s->message, "misrouted")) {
        return (meaning_t){SCHLOSS_E_KMS_REGION, "the key is in another location than the endpoint serves",
                           "check the location in the key id, and gcp.endpoint.url"};
    }
    if (rest_says(s->message, "purpose")) {
        return (meaning_t){SCHLOSS_E_KMS_KEY_TYPE, "the key's purpose is another one",
                           "use a key of purpose ENCRYPT_DECRYPT"};
    }
    if (!is_wrap && rest_says(s->message, "decryption failed")) {
        return (meaning_t){SCHLOSS_E_UNWRAP_FAILED, "the key does not open the wrapped DEK",
                           "is it damaged, or was it wrapped by another key?"};
    }
    return (meaning_t){SCHLOSS_E_KMS_CONF, "the request is malformed for this key",
                       "write the key id as projects/P/locations/L/keyRings/R/cryptoKeys/K"};
}

static meaning_t unauthenticated(const gcp_t *g, const said_t *s) {
    if (rest_says(s->message, "iat") || rest_says(s->message, "timeframe") || rest_says(s->message, "too early") ||
        rest_says(s->message, "clock")) {
        return (meaning_t){SCHLOSS_E_KMS_CLOCK, "Google finds the token outside of its time",
                           "set the clock of this machine (NTP)"};
    }
    if (either(s, "EXPIRED")) {
        return (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the access token has expired",
                           "is the clock of this machine right? a new token was asked for and refused as well"};
    }
    return (meaning_t){SCHLOSS_E_KMS_CREDENTIALS, "Google refuses the access token",
                       g->signed_by_us
                           ? "is the service account's key deleted or disabled, or this machine's clock wrong?"
                           : "log in again, or check the credentials file"};
}

static meaning_t meaning_of(const gcp_t *g, bool is_wrap, int status, const said_t *s) {
    switch (status) {
    case 400:
        return strcmp(s->status, "FAILED_PRECONDITION") == 0 ? precondition(s) : invalid(is_wrap, s);
    case 401:
        return unauthenticated(g, s);
    case 403:
        if (either(s, "SERVICE_DISABLED")) {
            return (meaning_t){SCHLOSS_E_KMS_DENIED, "the Cloud KMS API is off in this project",
                               "switch it on: gcloud services enable cloudkms.googleapis.com"};
        }
        return (meaning_t){SCHLOSS_E_KMS_DENIED, "Google denies access to the key",
                           "give the account the role roles/cloudkms.cryptoKeyEncrypterDecrypter on this key"};
    case 404:
        return (meaning_t){SCHLOSS_E_KMS_KEY_UNKNOWN, "Google has no such key",
                           "check project, location, key ring and key of the key id"};
    case 408:
    case 429:
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "Google throttles", "it is asked again later; see the project's quotas"};
    default:
        break;
    }
    if (status >= 500) {
        return (meaning_t){SCHLOSS_E_KMS_BUSY, "Cloud KMS fails",
                           "it is asked again later; see Google's service health"};
    }
    return (meaning_t){SCHLOSS_E_KMS_ANSWER, "the answer is none of Cloud KMS", "is gcp.endpoint.url Cloud KMS?"};
}

schloss_rc gcp_refused(const gcp_t *g, bool is_wrap, const io_answer_t *answer, schloss_error_t *err) {
    said_t s;
    words(answer, &s);
    meaning_t m = meaning_of(g, is_wrap, answer->status, &s);
    return rest_fail(g->key, m.rc, answer->status, s.message[0] != '\0' ? s.message : s.status, m.hint, err, "%s",
                     m.what);
}

schloss_rc gcp_login_refused(const kms_key_t *key, const io_answer_t *answer, schloss_error_t *err) {
    said_t s;
    words(answer, &s);
    json_span_t root;
    if (s.message[0] == '\0' &&
        json_scan(&root, (const char *)answer->body.ptr, answer->body.len, NULL) == SCHLOSS_OK &&
        root.kind == JSON_T_OBJECT) {
        rest_said(root, "error_description", s.message, sizeof s.message);
        rest_said(root, "error", s.status, sizeof s.status);
    }
    meaning_t m = {SCHLOSS_E_KMS_CREDENTIALS, "Google gives no access token",
                   "check the credentials file, or the service account of this machine"};
    if (answer->status == 408 || answer->status == 429 || answer->status >= 500) {
        m = (meaning_t){SCHLOSS_E_KMS_BUSY, "the token endpoint throttles or fails", "it is asked again later"};
    } else if (rest_says(s.message, "iat") || rest_says(s.message, "not yet valid") ||
               rest_says(s.message, "timeframe")) {
        m = (meaning_t){SCHLOSS_E_KMS_CLOCK, "Google finds the token outside of its time",
                        "set the clock of this machine (NTP)"};
    } else if (rest_says(s.message, "expired")) {
        m = (meaning_t){SCHLOSS_E_KMS_EXPIRED, "the login or the workload's token has expired",
                        "log in again (gcloud auth application-default login), or renew the token file"};
    }
    return rest_fail(key, m.rc, answer->status, s.message[0] != '\0' ? s.message : s.status, m.hint, err, "%s", m.what);
}
