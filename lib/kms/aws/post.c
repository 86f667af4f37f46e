/* One signed POST to AWS: endpoint, headers, signature, and a second try with new credentials when the first have
 * expired. */
#include "kms/aws/aws.h"
#include "kms/aws/sigv4.h"

#include <stdlib.h>

#define AUTHORIZATION_MAX ((size_t)8 * 1024)
#define JSON_TYPE "application/x-amz-json-1.1"
#define FORM_TYPE "application/x-www-form-urlencoded"

static const rest_env_t tls_env = {"AWS_CA_BUNDLE", NULL, NULL};

/* The first that is set: the driver's own setting, then the variables that the AWS tools know. */
static const char *override_of(const kms_key_t *key, const char *service) {
    bool is_kms = strcmp(service, "kms") == 0;
    const char *url = kms_setting(key, is_kms ? "aws.endpoint.url" : "aws.sts.endpoint.url",
                                  is_kms ? "AWS_ENDPOINT_URL_KMS" : "AWS_ENDPOINT_URL_STS");
    if (url == NULL) {
        url = getenv("AWS_ENDPOINT_URL");
    }
    return url == NULL || *url == '\0' ? NULL : url;
}

static bool url_is_plain(const char *url) {
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/:[]";
    return strspn(url, ok) == strlen(url);
}

schloss_rc aws_endpoint(const kms_key_t *key, const aws_place_t *place, const char *service, buf_t *out,
                        schloss_error_t *err) {
    const char *url = override_of(key, service);
    if (url == NULL) {
        buf_printf(out, "https://%s.%s.%s/", service, place->region, place->suffix);
        return buf_check(out, err);
    }
    if (!rest_url_is_safe(url) || !url_is_plain(url)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "",
                         "keys travel to it: use https:// (http:// for this machine only)", err,
                         "the endpoint of AWS %s is no URL for keys: %.160s", service, url);
    }
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/') {
        n--;
    }
    buf_put(out, url, n);
    buf_put_u8(out, '/');
    return buf_check(out, err);
}

/* Host as it is sent (without the default port) and path of a URL that aws_endpoint() made. */
static void split(const char *url, buf_t *host, const char **path) {
    bool is_tls = strncmp(url, "https://", 8) == 0;
    const char *p = url + (is_tls ? 8 : 7);
    size_t n = strcspn(p, "/");
    const char *standard = is_tls ? ":443" : ":80";
    size_t len = strlen(standard);
    *path = p + n;
    buf_put(host, p, n > len && strncmp(p + n - len, standard, len) == 0 ? n - len : n);
}

/* Signs in order of names: content-type, host, x-amz-date, x-amz-security-token, x-amz-target. */
static schloss_rc sign(const kms_key_t *key, const aws_place_t *place, const aws_post_t *post, aws_cred_t *cred,
                       const char *date, const char *token, buf_t *host, buf_t *authorization, schloss_error_t *err) {
    schloss_http_header_t h[5];
    const char *path = NULL;
    split(post->url, host, &path);
    size_t n = 0;
    h[n++] = (schloss_http_header_t){"content-type", post->target != NULL ? JSON_TYPE : FORM_TYPE};
    h[n++] = (schloss_http_header_t){"host", buf_cstr(host)};
    h[n++] = (schloss_http_header_t){"x-amz-date", date};
    if (*token != '\0') {
        h[n++] = (schloss_http_header_t){"x-amz-security-token", token};
    }
    if (post->target != NULL) {
        h[n++] = (schloss_http_header_t){"x-amz-target", post->target};
    }
    TRY(buf_check(host, err));
    const sigv4_t s = {.method = "POST",
                       .path = path,
                       .query = "",
                       .headers = h,
                       .n_headers = n,
                       .body = post->body,
                       .date = date,
                       .region = place->region,
                       .service = post->service,
                       .access_key_id = buf_cstr(&cred->id),
                       .secret_access_key = buf_cstr(&cred->secret)};
    schloss_rc rc = sigv4_authorize(&s, authorization, err);
    if (rc == SCHLOSS_E_INVALID_ARGUMENT) {
        return rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", AWS_HINT_CREDENTIALS, err,
                         "the AWS credentials are malformed");
    }
    return rc;
}

static schloss_rc send(const kms_key_t *key, const aws_place_t *place, io_t *io, const http_service_t *svc,
                       const aws_post_t *post, aws_cred_t *cred, io_call_t *call, io_answer_t *out,
                       schloss_error_t *err) {
    schloss_http_header_t h[5];
    char date[SIGV4_DATE_LEN + 1];
    size_t n = 0;
    buf_t host;
    buf_t authorization;
    buf_init(&host, 512, "host of AWS", false);
    buf_init(&authorization, AUTHORIZATION_MAX, "signature", true);
    sigv4_date(date, clk_now(&key->clock));
    schloss_rc rc = SCHLOSS_OK;
    h[n++] = (schloss_http_header_t){"Content-Type", post->target != NULL ? JSON_TYPE : FORM_TYPE};
    if (post->target != NULL) {
        h[n++] = (schloss_http_header_t){"X-Amz-Target", post->target};
    }
    if (cred != NULL) {
        const char *token = cred->token.len == 0 ? "" : buf_cstr(&cred->token);
        rc = sign(key, place, post, cred, date, token, &host, &authorization, err);
        h[n++] = (schloss_http_header_t){"X-Amz-Date", date};
        if (*token != '\0') {
            h[n++] = (schloss_http_header_t){"X-Amz-Security-Token", token};
        }
        h[n++] = (schloss_http_header_t){"Authorization", buf_cstr(&authorization)};
    }
    if (rc == SCHLOSS_OK) {
        *call = (io_call_t){.method = "POST",
                            .path = post->url,
                            .body = post->body,
                            .sensitive = true,
                            .headers = h,
                            .n_headers = n,
                            .is_retriable = aws_is_busy};
        rc = rest_call(key, io, svc, call, out, err);
        call->headers = NULL;
        call->n_headers = 0;
    }
    buf_clear(&authorization);
    buf_clear(&host);
    return rc;
}

static bool is_expired(const io_answer_t *a) {
    aws_refusal_t r;
    const char *hint = NULL;
    if (a->status == 200) {
        return false;
    }
    aws_refusal_parse(&r, a->body);
    return aws_classify(a->status, &r, SCHLOSS_E_IO, &hint) == SCHLOSS_E_KMS_EXPIRED;
}

schloss_rc aws_post(const kms_key_t *key, const aws_place_t *place, io_t *io, const aws_post_t *post,
                    const aws_source_t *source, io_answer_t *out, schloss_error_t *err) {
    const http_service_t *svc = NULL;
    TRY(rest_service(key, &tls_env, &svc, err));
    io_call_t call = {0};
    if (source == NULL) {
        return send(key, place, io, svc, post, NULL, &call, out, err);
    }
    aws_cred_t cred;
    aws_cred_init(&cred);
    schloss_rc rc = source->get(source->user, io, false, &cred, err);
    if (rc == SCHLOSS_OK) {
        rc = send(key, place, io, svc, post, &cred, &call, out, err);
    }
    if (rc == SCHLOSS_OK && cred.name[0] != '\0' && is_expired(out)) {
        rc = source->get(source->user, io, true, &cred, err);
        if (rc > 0) {
            io_forget_call(io, svc, &call); /* asked again with the new ones */
        }
    }
    aws_cred_clear(&cred);
    return rc;
}
