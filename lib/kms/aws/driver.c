/* aws-kms: Encrypt and Decrypt of AWS KMS without encryption context. */
#include "kms/aws/aws.h"

#include "base/limits.h"
#include "base/text.h"
#include <strings.h>

#define BODY_MAX ((size_t)128 * 1024)
#define URL_MAX 1024u
#define KEY_ID_MAX 2048u

/* ---- the key id ---- */

static const struct {
    const char *partition, *suffix;
} partitions[] = {
    {"aws", "amazonaws.com"},        {"aws-us-gov", "amazonaws.com"}, {"aws-cn", "amazonaws.com.cn"},
    {"aws-iso", "c2s.ic.gov"},       {"aws-iso-b", "sc2s.sgov.gov"},  {"aws-iso-e", "cloud.adc-e.uk"},
    {"aws-iso-f", "csp.hci.ic.gov"}, {"aws-eusc", "amazonaws.eu"},
};

/* The n-th token between colons. The last one of an ARN may have colons in it, but nobody asks for it by length. */
static const char *token_at(const char *arn, unsigned n, size_t *len) {
    for (; n > 0; n--) {
        arn = strchr(arn, ':');
        if (arn == NULL) {
            return NULL;
        }
        arn++;
    }
    *len = strcspn(arn, ":");
    return arn;
}

static bool token_is(const char *arn, unsigned n, const char *text) {
    size_t len = 0;
    const char *t = token_at(arn, n, &len);
    return t != NULL && len == strlen(text) && strncmp(t, text, len) == 0;
}

/* The region becomes part of a host name. */
static bool region_is_sane(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-')) {
            return false;
        }
    }
    return n != 0 && p[0] != '-' && p[n - 1] != '-';
}

schloss_rc aws_place(const kms_key_t *key, aws_place_t *out, schloss_error_t *err) {
    size_t n = 0;
    const char *region = token_at(key->key_id, 3, &n);
    bool ok = token_is(key->key_id, 0, "arn") && token_is(key->key_id, 2, "kms") && region != NULL &&
              n < sizeof out->region && region_is_sane(region, n);
    out->suffix = NULL;
    for (size_t i = 0; ok && i < COUNT_OF(partitions); i++) {
        if (token_is(key->key_id, 1, partitions[i].partition)) {
            out->suffix = partitions[i].suffix;
        }
    }
    if (!ok || out->suffix == NULL) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                         "give arn:aws:kms:REGION:ACCOUNT:key/ID, or an alias ARN, as encrypt.kms.key.id", err,
                         "the key id is no ARN of an AWS KMS key");
    }
    memcpy(out->region, region, n);
    out->region[n] = '\0';
    const char *resource = token_at(key->key_id, 5, &n);
    out->is_key = resource != NULL && strncmp(resource, "key/", 4) == 0;
    return SCHLOSS_OK;
}

/* ---- requests ---- */

typedef struct credentials_of {
    const kms_key_t *key;
    const aws_place_t *place;
} credentials_of_t;

static schloss_rc get_credentials(void *user, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const credentials_of_t *c = user;
    return aws_credentials(c->key, c->place, io, again, out, err);
}

static schloss_rc refuse(const kms_key_t *key, const io_answer_t *a, schloss_rc other, schloss_error_t *err) {
    aws_refusal_t r;
    aws_refusal_parse(&r, a->body);
    const char *hint = "";
    schloss_rc rc = aws_classify(a->status, &r, other, &hint);
    return rest_fail(key, rc, a->status, r.message, hint, err, "AWS KMS refuses: %s",
                     r.type[0] != '\0' ? r.type : "no reason given");
}

/* An answer for another key is as bad as none: what is wrapped with it, our readers cannot open. */
static schloss_rc check_key(const kms_key_t *key, const aws_place_t *place, json_span_t o, schloss_error_t *err) {
    if (!place->is_key) {
        return SCHLOSS_OK;
    }
    buf_t id;
    buf_init(&id, KEY_ID_MAX, "KeyId of an answer", false);
    schloss_rc rc = rest_string(key, o, "KeyId", &id, err);
    if (rc == SCHLOSS_OK && strcmp(buf_cstr(&id), key->key_id) != 0) {
        rc = buf_check(&id, err);
        if (rc == SCHLOSS_OK) {
            rc = rest_fail(key, SCHLOSS_E_KMS_WRONG_KEY, 0, buf_cstr(&id),
                           "is this the key that wrapped the DEK? an endpoint in between may mix up keys", err,
                           "AWS KMS answered for another key");
        }
    }
    buf_clear(&id);
    return rc;
}

/* One operation; member is what its answer must have, and goes to out. */
static schloss_rc operate(const kms_key_t *key, const aws_place_t *place, io_t *io, const char *target, bytes_t body,
                          const char *member, schloss_rc other, buf_t *out, schloss_error_t *err) {
    buf_t url;
    buf_init(&url, URL_MAX, "URL of AWS KMS", false);
    io_answer_t a = {0};
    credentials_of_t who = {key, place};
    const aws_source_t source = {get_credentials, &who};
    schloss_rc rc = aws_endpoint(key, place, "kms", &url, err);
    if (rc == SCHLOSS_OK) {
        const aws_post_t post = {"kms", buf_cstr(&url), target, body};
        rc = aws_post(key, place, io, &post, &source, &a, err);
    }
    buf_clear(&url);
    TRY(rc);
    if (a.status != 200) {
        return refuse(key, &a, other, err);
    }
    json_span_t o;
    TRY(rest_object(key, &a, &o, err));
    TRY(check_key(key, place, o, err));
    return rest_bytes(key, o, member, REST_B64, out, err);
}

static schloss_rc run(const kms_key_t *key, io_t *io, bool is_wrap, bytes_t in, buf_t *out, schloss_error_t *err) {
    aws_place_t place;
    TRY(aws_place(key, &place, err));
    buf_t body;
    buf_init(&body, BODY_MAX, "request to AWS KMS", true);
    buf_put_str(&body, "{\"KeyId\":");
    json_put_string(&body, key->key_id, strlen(key->key_id));
    buf_put_str(&body, is_wrap ? ",\"Plaintext\":\"" : ",\"CiphertextBlob\":\"");
    rest_put_b64(&body, REST_B64, in);
    buf_put_str(&body, "\"}");
    schloss_rc rc = buf_check(&body, err);
    if (rc == SCHLOSS_OK) {
        rc = operate(key, &place, io, is_wrap ? "TrentService.Encrypt" : "TrentService.Decrypt", buf_view(&body),
                     is_wrap ? "CiphertextBlob" : "Plaintext",
                     is_wrap ? SCHLOSS_E_WRAP_FAILED : SCHLOSS_E_UNWRAP_FAILED, out, err);
    }
    buf_clear(&body);
    return rc;
}

static schloss_rc aws_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    return run(key, io, true, plain, out, err);
}

static schloss_rc aws_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                             schloss_error_t *err) {
    buf_t plain;
    buf_init(&plain, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", true);
    schloss_rc rc = run(key, io, false, wrapped, &plain, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_plain(key, &plain, out, cap, out_len, err);
    }
    buf_clear(&plain);
    return rc;
}

const kms_driver_t kms_aws = {"aws-kms", aws_wrap, aws_unwrap};
