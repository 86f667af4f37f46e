/* Access tokens of Google: settings, a credentials file, gcloud's own file, the metadata server, in this order.
 *
 * What is signed is signed for full minutes, so that a request which the logic repeats is the same request. */
#include "kms/gcp/gcp.h"

#include "base/text.h"
#include "kms/token.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MARGIN_MS ((int64_t)120000)
#define USER_TOKEN_URL "https://oauth2.googleapis.com/token"
#define EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define METADATA_PATH "/computeMetadata/v1/instance/service-accounts/default/token"
#define NO_CREDENTIALS                                                                                                 \
    "set client.email, private.key.id and private.key, or GOOGLE_APPLICATION_CREDENTIALS (docs/kms/gcp.md)"

static const char *env_of(const char *name) {
    const char *v = getenv(name);
    return v == NULL || *v == '\0' ? NULL : v;
}

/* ---- exchanges ---- */

/* Milliseconds until which a token lives: expires_in seconds, else an hour. */
static int64_t expiry_of(json_span_t root, int64_t now_ms) {
    int64_t seconds = 0;
    if (!rest_number(root, "expires_in", &seconds) || seconds > 86400) {
        seconds = GCP_JWT_SECONDS;
    }
    return now_ms + seconds * 1000;
}

static schloss_rc post(const gcp_t *g, io_t *io, const char *url, const char *type, bytes_t body, const char *bearer,
                       json_span_t *root, schloss_error_t *err) {
    const schloss_http_header_t headers[] = {
        {"Content-Type", type}, {"Accept", "application/json"}, {"Authorization", bearer}};
    const io_call_t call = {.method = "POST",
                            .path = url,
                            .body = body,
                            .sensitive = true,
                            .headers = headers,
                            .n_headers = bearer == NULL ? 2 : 3};
    io_answer_t answer;
    TRY(rest_call(g->key, io, g->svc, &call, &answer, err));
    if (answer.status != 200) {
        return gcp_login_refused(g->key, &answer, err);
    }
    return rest_object(g->key, &answer, root, err);
}

static schloss_rc from_user(const gcp_t *g, const gcp_creds_t *c, io_t *io, buf_t *token, int64_t *expires,
                            schloss_error_t *err) {
    buf_t form;
    buf_init(&form, REST_TOKEN_MAX, "token request", true);
    rest_put_form(&form, "grant_type", "refresh_token");
    rest_put_form(&form, "client_id", c->client_id);
    rest_put_form(&form, "client_secret", c->client_secret);
    rest_put_form(&form, "refresh_token", c->refresh_token);
    schloss_rc rc = buf_check(&form, err);
    json_span_t root = {0};
    if (rc == SCHLOSS_OK) {
        rc = post(g, io, c->token_uri != NULL ? c->token_uri : USER_TOKEN_URL, "application/x-www-form-urlencoded",
                  buf_view(&form), NULL, &root, err);
    }
    buf_clear(&form);
    TRY(rc);
    *expires = expiry_of(root, clk_now(&g->key->clock));
    return rest_string(g->key, root, "access_token", token, err);
}

/* The workload's own token: a file, or a member of the JSON in it. */
static schloss_rc subject_token(const gcp_t *g, const gcp_creds_t *c, buf_t *out, schloss_error_t *err) {
    if (c->field == NULL) {
        return rest_file(g->key, "the workload's token", c->file, out, err);
    }
    buf_t text;
    buf_init(&text, REST_FILE_MAX, "token file", true);
    schloss_rc rc = rest_file(g->key, "the workload's token", c->file, &text, err);
    if (rc == SCHLOSS_OK) {
        json_span_t root;
        if (json_scan_depth(&root, (const char *)text.ptr, text.len, 16, NULL) != SCHLOSS_OK ||
            root.kind != JSON_T_OBJECT || rest_string(g->key, root, c->field, out, NULL) != SCHLOSS_OK) {
            rc = rest_fail(g->key, SCHLOSS_E_KMS_CREDENTIALS, 0, c->file,
                           "see credential_source of the credentials file", err,
                           "the workload's token file lacks the text '%s'", c->field);
        }
    }
    buf_clear(&text);
    return rc;
}

static schloss_rc federated(const gcp_t *g, const gcp_creds_t *c, io_t *io, buf_t *token, int64_t *expires,
                            schloss_error_t *err) {
    buf_t subject, form;
    buf_init(&subject, REST_FILE_MAX, "token file", true);
    buf_init(&form, 4 * REST_FILE_MAX, "token request", true);
    schloss_rc rc = subject_token(g, c, &subject, err);
    if (rc == SCHLOSS_OK) {
        rest_put_form(&form, "grant_type", EXCHANGE);
        rest_put_form(&form, "audience", c->audience);
        rest_put_form(&form, "scope", GCP_SCOPE_PLATFORM);
        rest_put_form(&form, "requested_token_type", ACCESS_TOKEN);
        rest_put_form(&form, "subject_token_type", c->subject_token_type);
        rest_put_form(&form, "subject_token", buf_cstr(&subject));
        rc = subject.failed != 0 ? buf_check(&subject, err) : buf_check(&form, err);
    }
    json_span_t root = {0};
    if (rc == SCHLOSS_OK) {
        rc = post(g, io, c->token_uri, "application/x-www-form-urlencoded", buf_view(&form), NULL, &root, err);
    }
    buf_clear(&subject);
    buf_clear(&form);
    TRY(rc);
    *expires = expiry_of(root, clk_now(&g->key->clock));
    return rest_string(g->key, root, "access_token", token, err);
}

/* The federated token becomes one of a service account. Its expireTime is not read: an hour is what was asked. */
static schloss_rc impersonate(const gcp_t *g, const gcp_creds_t *c, io_t *io, buf_t *token, int64_t *expires,
                              schloss_error_t *err) {
    static const char body[] = "{\"scope\":[\"" GCP_SCOPE "\"],\"lifetime\":\"3600s\"}";
    buf_t bearer;
    buf_init(&bearer, REST_TOKEN_MAX + 16, "access token", true);
    buf_put_str(&bearer, "Bearer ");
    buf_put(&bearer, token->ptr, token->len);
    const char *text = buf_cstr(&bearer);
    schloss_rc rc = buf_check(&bearer, err);
    json_span_t root = {0};
    if (rc == SCHLOSS_OK) {
        rc = post(g, io, c->impersonation_url, "application/json", bytes(body, sizeof body - 1), text, &root, err);
    }
    buf_clear(&bearer);
    TRY(rc);
    buf_reset(token);
    *expires = clk_now(&g->key->clock) + GCP_JWT_SECONDS * 1000;
    return rest_string(g->key, root, "accessToken", token, err);
}

/* ---- sources ---- */

static schloss_rc sign(gcp_t *g, const gcp_account_t *account, buf_t *token, int64_t *expires, schloss_error_t *err) {
    int64_t minute = clk_now(&g->key->clock) / 60000;
    g->signed_by_us = true;
    *expires = minute * 60000 + GCP_JWT_SECONDS * 1000;
    return gcp_jwt(g->key, account, minute * 60, token, err);
}

static schloss_rc from_creds(gcp_t *g, const gcp_creds_t *c, io_t *io, buf_t *token, int64_t *expires,
                             schloss_error_t *err) {
    switch (c->kind) {
    case GCP_USER:
        return from_user(g, c, io, token, expires, err);
    case GCP_EXTERNAL:
        TRY(federated(g, c, io, token, expires, err));
        return c->impersonation_url == NULL ? SCHLOSS_OK : impersonate(g, c, io, token, expires, err);
    case GCP_ACCOUNT:
        break;
    }
    const gcp_account_t account = {c->client_email, c->private_key_id, c->private_key};
    return sign(g, &account, token, expires, err);
}

static schloss_rc from_file(gcp_t *g, const char *file, io_t *io, buf_t *token, int64_t *expires,
                            schloss_error_t *err) {
    buf_t text;
    buf_init(&text, REST_FILE_MAX, "credentials file", true);
    gcp_creds_t c = {0};
    schloss_rc rc = rest_file(g->key, "the Google credentials", file, &text, err);
    if (rc == SCHLOSS_OK) {
        rc = gcp_creds_read(g->key, buf_view(&text), &c, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = from_creds(g, &c, io, token, expires, err);
    }
    gcp_creds_clear(&c);
    buf_clear(&text);
    return rc;
}

static schloss_rc from_machine(const gcp_t *g, const char *host, io_t *io, buf_t *token, int64_t *expires,
                               schloss_error_t *err) {
    static const schloss_http_header_t header = {"Metadata-Flavor", "Google"};
    char url[REST_TEXT_MAX];
    (void)snprintf(url, sizeof url, "http://%s" METADATA_PATH, host);
    const http_service_t *svc = NULL;
    TRY(rest_metadata(&svc, err));
    const io_call_t call = {.method = "GET", .path = url, .sensitive = true, .headers = &header, .n_headers = 1};
    io_answer_t answer;
    schloss_error_t why = {0};
    schloss_rc rc = rest_call(g->key, io, svc, &call, &answer, &why);
    if (rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_TIMEOUT || rc == SCHLOSS_E_IO) {
        return rest_fail(g->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", NO_CREDENTIALS, err,
                         "no credentials are set, and no metadata server answers at %s", host);
    }
    if (rc != SCHLOSS_OK) {
        err_copy(err, &why);
        return rc;
    }
    if (answer.status != 200) {
        return gcp_login_refused(g->key, &answer, err);
    }
    json_span_t root;
    TRY(rest_object(g->key, &answer, &root, err));
    *expires = expiry_of(root, clk_now(&g->key->clock));
    return rest_string(g->key, root, "access_token", token, err);
}

/* Where gcloud keeps a developer's login; false: there is none. */
static bool gcloud_file(char *out, size_t cap) {
    const char *dir = env_of("CLOUDSDK_CONFIG");
    const char *home = env_of("HOME");
    int n = dir != NULL    ? snprintf(out, cap, "%s/application_default_credentials.json", dir)
            : home != NULL ? snprintf(out, cap, "%s/.config/gcloud/application_default_credentials.json", home)
                           : -1;
    return n > 0 && (size_t)n < cap && access(out, R_OK) == 0;
}

static schloss_rc settings(const kms_key_t *key, gcp_account_t *account, const char **type, schloss_error_t *err) {
    *type = kms_setting(key, "account.type", NULL);
    account->email = kms_setting(key, "client.email", NULL);
    account->key_id = kms_setting(key, "private.key.id", NULL);
    account->private_key = kms_setting(key, "private.key", NULL);
    if (*type != NULL && strcmp(*type, "service_account") != 0) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "set account.type to service_account, or leave it out", err,
                         "account.type '%s' is not supported in settings", *type);
    }
    if (account->private_key != NULL && (account->email == NULL || account->key_id == NULL)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "set client.email, private.key.id and private.key together",
                         err, "private.key is set without %s",
                         account->email == NULL ? "client.email" : "private.key.id");
    }
    return SCHLOSS_OK;
}

schloss_rc gcp_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err) {
    gcp_t *g = user;
    gcp_account_t account = {0};
    const char *type = NULL;
    TRY(settings(g->key, &account, &type, err));
    bool from_settings = account.private_key != NULL;
    const char *file = from_settings ? NULL : env_of("GOOGLE_APPLICATION_CREDENTIALS");
    char gcloud[REST_TEXT_MAX];
    if (!from_settings && file == NULL && gcloud_file(gcloud, sizeof gcloud)) {
        file = gcloud;
    }
    const char *host = env_of("GCE_METADATA_HOST");
    host = host != NULL ? host : "metadata.google.internal";
    const char *const parts[] = {account.email, account.key_id, account.private_key, file,
                                 from_settings || file != NULL ? NULL : host};
    char name[80];
    TRY(token_name(name, "gcp", parts, COUNT_OF(parts), err));
    g->signed_by_us = from_settings;
    if (again) {
        token_forget(name);
    } else if (token_get(name, clk_now(&g->key->clock), MARGIN_MS, token)) {
        return SCHLOSS_OK;
    }
    int64_t expires = 0;
    TRY(from_settings  ? sign(g, &account, token, &expires, err)
        : file != NULL ? from_file(g, file, io, token, &expires, err)
                       : from_machine(g, host, io, token, &expires, err));
    if (!again) { /* else it was made for this io already, and is the one that was refused */
        token_put(name, buf_view(token), expires);
    }
    return SCHLOSS_OK;
}
