/* Credentials that the machine gives: the agent of a container (ECS, EKS), and the instance's metadata service, version
 * 2. Both speak plain HTTP on the link, never through a proxy. */
#include "kms/aws/aws.h"

#include "kms/token.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define INSTANCE "http://169.254.169.254"
#define CONTAINER "http://169.254.170.2"
#define URL_MAX 2048u
#define DAY_MS ((int64_t)86400000)

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v == NULL || *v == '\0' ? NULL : v;
}

schloss_rc aws_metadata_answer(const kms_key_t *key, const io_answer_t *a, aws_cred_t *out, schloss_error_t *err) {
    json_span_t o;
    char expires[64];
    TRY(rest_object(key, a, &o, err));
    buf_reset(&out->id);
    buf_reset(&out->secret);
    buf_reset(&out->token);
    TRY(rest_string(key, o, "AccessKeyId", &out->id, err));
    TRY(rest_string(key, o, "SecretAccessKey", &out->secret, err));
    rest_said(o, "Expiration", expires, sizeof expires);
    if (expires[0] == '\0') { /* long-lived keys, from an agent that has no others */
        out->expires_ms = clk_now(&key->clock) + DAY_MS;
        return SCHLOSS_OK;
    }
    TRY(rest_string(key, o, "Token", &out->token, err));
    if (!aws_time(expires, &out->expires_ms)) {
        return rest_fail(key, SCHLOSS_E_KMS_ANSWER, 0, expires, "what answers at the metadata address?", err,
                         "the credentials that this machine gives have a malformed expiry");
    }
    return SCHLOSS_OK;
}

/* A service that cannot be reached is none. */
static schloss_rc call(const kms_key_t *key, io_t *io, const char *method, const char *url,
                       const schloss_http_header_t *header, io_answer_t *out, schloss_error_t *err) {
    const http_service_t *svc = NULL;
    TRY(rest_metadata(&svc, err));
    const io_call_t c = {
        .method = method, .path = url, .sensitive = true, .headers = header, .n_headers = header == NULL ? 0 : 1};
    schloss_error_t why = {0};
    schloss_rc rc = rest_call(key, io, svc, &c, out, &why);
    if (rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_TIMEOUT || rc == SCHLOSS_E_IO) {
        return SCHLOSS_ABSENT;
    }
    if (rc < 0) {
        err_copy(err, &why);
    }
    return rc;
}

static schloss_rc refused(const kms_key_t *key, const char *what, const io_answer_t *a, schloss_error_t *err) {
    schloss_rc rc = a->status >= 500 || a->status == 429 ? SCHLOSS_E_KMS_BUSY : SCHLOSS_E_KMS_CREDENTIALS;
    return rest_fail(key, rc, a->status, "", "is a role attached to this container or instance?", err,
                     "the %s gives no credentials", what);
}

/* ---- containers ---- */

/* Plain HTTP only to this machine and to the addresses that the agents have. */
static bool container_url_is_safe(const char *url) {
    static const char *const agents[] = {"http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]"};
    for (size_t i = 0; i < COUNT_OF(agents); i++) {
        size_t n = strlen(agents[i]);
        if (strncmp(url, agents[i], n) == 0 && (url[n] == '\0' || url[n] == '/' || url[n] == ':')) {
            return strchr(url, '@') == NULL;
        }
    }
    return rest_url_is_safe(url);
}

static schloss_rc container_token(const kms_key_t *key, buf_t *out, schloss_error_t *err) {
    const char *file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (file != NULL) {
        return rest_file(key, "the container's authorization token", file, out, err);
    }
    const char *token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    buf_put_str(out, token == NULL ? "" : token);
    return buf_check(out, err);
}

static schloss_rc container_ask(const kms_key_t *key, io_t *io, const char *url, aws_cred_t *out,
                                schloss_error_t *err) {
    buf_t token;
    io_answer_t a = {0};
    buf_init(&token, REST_TOKEN_MAX, "container's authorization token", true);
    schloss_rc rc = container_token(key, &token, err);
    if (rc == SCHLOSS_OK) {
        schloss_http_header_t h = {"Authorization", buf_cstr(&token)};
        rc = call(key, io, "GET", url, token.len == 0 ? NULL : &h, &a, err);
    }
    buf_clear(&token);
    if (rc == SCHLOSS_ABSENT) { /* it was named, so it should be there */
        return rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
                         "check AWS_CONTAINER_CREDENTIALS_FULL_URI, _RELATIVE_URI", err,
                         "the container's credentials service does not answer");
    }
    TRY(rc);
    return a.status == 200 ? aws_metadata_answer(key, &a, out, err)
                           : refused(key, "container's credentials service", &a, err);
}

schloss_rc aws_container(const kms_key_t *key, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative == NULL && full == NULL) {
        return SCHLOSS_ABSENT;
    }
    char url[URL_MAX];
    char name[80];
    int n = relative != NULL ? snprintf(url, sizeof url, CONTAINER "%s%s", *relative == '/' ? "" : "/", relative)
                             : snprintf(url, sizeof url, "%s", full);
    if (n < 0 || (size_t)n >= sizeof url || !container_url_is_safe(url)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "use https://, this machine, or the address of the agent", err,
                         "credentials are not asked for at the container URL that the environment names");
    }
    const char *const parts[] = {url, env("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                                 env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")};
    TRY(token_name(name, "aws-cont", parts, COUNT_OF(parts), err));
    if (again) {
        token_forget(name);
    } else if (aws_cred_recall(key, out, name)) {
        return SCHLOSS_OK;
    }
    TRY(container_ask(key, io, url, out, err));
    if (!again) {
        aws_cred_remember(out, name);
    }
    return SCHLOSS_OK;
}

/* ---- instances ---- */

/* An answer's text as one line without control characters: a token, a role's name. */
static bool as_line(const io_answer_t *a, char *out, size_t cap) {
    size_t n = 0;
    while (n < a->body.len && a->body.ptr[n] > 0x20 && a->body.ptr[n] < 0x7f) {
        n++;
    }
    if (n == 0 || n >= cap) {
        return false;
    }
    memcpy(out, a->body.ptr, n);
    out[n] = '\0';
    return true;
}

static schloss_rc instance_ask(const kms_key_t *key, io_t *io, const char *base, aws_cred_t *out,
                               schloss_error_t *err) {
    char url[URL_MAX];
    char role[256];
    char token[1024];
    io_answer_t a = {0};
    const schloss_http_header_t lifetime = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    (void)snprintf(url, sizeof url, "%s/latest/api/token", base);
    TRY(call(key, io, "PUT", url, &lifetime, &a, err));
    if (a.status != 200 || !as_line(&a, token, sizeof token)) {
        return SCHLOSS_ABSENT; /* switched off, or something else lives at this address */
    }
    const schloss_http_header_t h = {"X-aws-ec2-metadata-token", token};
    static const char path[] = "/latest/meta-data/iam/security-credentials/";
    (void)snprintf(url, sizeof url, "%s%s", base, path);
    schloss_rc rc = call(key, io, "GET", url, &h, &a, err);
    if (rc == SCHLOSS_OK && a.status == 404) {
        rc = SCHLOSS_ABSENT; /* no role is attached */
    }
    if (rc == SCHLOSS_OK && (a.status != 200 || !as_line(&a, role, sizeof role) || strpbrk(role, "/?#%") != NULL)) {
        rc = refused(key, "instance's metadata service", &a, err);
    }
    if (rc == SCHLOSS_OK) {
        (void)snprintf(url, sizeof url, "%s%s%s", base, path, role);
        rc = call(key, io, "GET", url, &h, &a, err);
    }
    mem_wipe(token, sizeof token);
    TRY(rc);
    return a.status == 200 ? aws_metadata_answer(key, &a, out, err)
                           : refused(key, "instance's metadata service", &a, err);
}

schloss_rc aws_instance(const kms_key_t *key, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const char *off = env("AWS_EC2_METADATA_DISABLED");
    if (off != NULL && strcasecmp(off, "true") == 0) {
        return SCHLOSS_ABSENT;
    }
    const char *base = env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char clean[256];
    (void)snprintf(clean, sizeof clean, "%s", base == NULL ? INSTANCE : base);
    for (size_t n = strlen(clean); n > 0 && clean[n - 1] == '/'; n--) {
        clean[n - 1] = '\0';
    }
    if (strncmp(clean, "http://", 7) != 0 && strncmp(clean, "https://", 8) != 0) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "it is " INSTANCE " unless you know better", err,
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL");
    }
    char name[80];
    const char *const parts[] = {clean};
    TRY(token_name(name, "aws-imds", parts, COUNT_OF(parts), err));
    if (again) {
        token_forget(name);
    } else if (aws_cred_recall(key, out, name)) {
        return SCHLOSS_OK;
    }
    TRY(instance_ask(key, io, clean, out, err));
    if (!again) {
        aws_cred_remember(out, name);
    }
    return SCHLOSS_OK;
}
