/* Access tokens of Microsoft Entra ID, for the driver's one resource.
 *
 * Settings first (tenant.id, client.id, client.secret), then what an Azure host puts into the environment, in the order
 * of Microsoft's default credential: client secret, workload identity (a token file), managed identity (the endpoint of
 * an app service, else the metadata service of a machine). */
#include "kms/azure/azure.h"

#include "base/text.h"
#include "kms/token.h"
#include <stdio.h>
#include <stdlib.h>

#define MARGIN_MS ((int64_t)120000)
#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define METADATA_HOST "http://169.254.169.254"
#define NO_CREDENTIALS                                                                                                 \
    "set tenant.id, client.id and client.secret, or run where Azure gives an identity (docs/kms/azure.md)"

typedef enum { FROM_SECRET, FROM_FILE, FROM_APP, FROM_MACHINE } source_t;

typedef struct creds {
    source_t source;
    const char *tenant, *client, *secret; /* secret: of the client, or of the identity endpoint */
    const char *file, *endpoint;
} creds_t;

static const char *env_of(const char *name) {
    const char *v = getenv(name);
    return v == NULL || *v == '\0' ? NULL : v;
}

static schloss_rc creds_find(const kms_key_t *key, creds_t *c, schloss_error_t *err) {
    const char *secret = kms_setting(key, "client.secret", NULL);
    const char *tenant = kms_setting(key, "tenant.id", NULL);
    const char *client = kms_setting(key, "client.id", NULL);
    if (secret != NULL && (tenant == NULL || client == NULL)) {
        return rest_fail(key, SCHLOSS_E_KMS_CONF, 0, "", "set tenant.id, client.id and client.secret together", err,
                         "client.secret is set without %s", tenant == NULL ? "tenant.id" : "client.id");
    }
    tenant = tenant != NULL ? tenant : env_of("AZURE_TENANT_ID");
    client = client != NULL ? client : env_of("AZURE_CLIENT_ID");
    *c = (creds_t){.source = FROM_SECRET, .tenant = tenant, .client = client, .secret = secret};
    c->secret = secret != NULL ? secret : env_of("AZURE_CLIENT_SECRET");
    if (c->secret != NULL && tenant != NULL && client != NULL) {
        return SCHLOSS_OK;
    }
    c->file = env_of("AZURE_FEDERATED_TOKEN_FILE");
    if (c->file != NULL && tenant != NULL && client != NULL) {
        c->source = FROM_FILE;
        return SCHLOSS_OK;
    }
    c->endpoint = env_of("IDENTITY_ENDPOINT");
    c->secret = env_of("IDENTITY_HEADER");
    if (c->endpoint != NULL && c->secret != NULL) {
        c->source = FROM_APP;
        return SCHLOSS_OK;
    }
    c->source = FROM_MACHINE;
    c->endpoint = env_of("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    c->endpoint = c->endpoint != NULL ? c->endpoint : METADATA_HOST;
    return SCHLOSS_OK;
}

/* The grant's form for the token endpoint. */
static schloss_rc grant_form(const azure_t *a, const creds_t *c, buf_t *form, schloss_error_t *err) {
    char scope[AZURE_PART_MAX + 16];
    (void)snprintf(scope, sizeof scope, "%s/.default", a->resource);
    rest_put_form(form, "grant_type", "client_credentials");
    rest_put_form(form, "client_id", c->client);
    rest_put_form(form, "scope", scope);
    if (c->source == FROM_SECRET) {
        rest_put_form(form, "client_secret", c->secret);
        return buf_check(form, err);
    }
    buf_t assertion;
    buf_init(&assertion, REST_FILE_MAX, "token file", true);
    schloss_rc rc = rest_file(a->key, "AZURE_FEDERATED_TOKEN_FILE", c->file, &assertion, err);
    if (rc == SCHLOSS_OK) {
        rest_put_form(form, "client_assertion_type", ASSERTION);
        rest_put_form(form, "client_assertion", buf_cstr(&assertion));
        rc = buf_check(form, err);
    }
    buf_clear(&assertion);
    return rc;
}

static schloss_rc ask_authority(const azure_t *a, const creds_t *c, io_t *io, io_answer_t *answer,
                                schloss_error_t *err) {
    buf_t form, url;
    buf_init(&form, 4 * REST_FILE_MAX, "token request", true);
    buf_init(&url, REST_TEXT_MAX, "token URL", false);
    buf_put_str(&url, a->authority);
    buf_put_u8(&url, '/');
    url_escape(&url, c->tenant, strlen(c->tenant));
    buf_put_str(&url, "/oauth2/v2.0/token");
    schloss_rc rc = grant_form(a, c, &form, err);
    if (rc == SCHLOSS_OK) {
        const char *path = buf_cstr(&url);
        rc = buf_check(&url, err);
        static const schloss_http_header_t headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                                        {"Accept", "application/json"}};
        const io_call_t call = {.method = "POST",
                                .path = path,
                                .body = buf_view(&form),
                                .sensitive = true,
                                .headers = headers,
                                .n_headers = COUNT_OF(headers)};
        if (rc == SCHLOSS_OK) {
            rc = rest_call(a->key, io, a->svc, &call, answer, err);
        }
    }
    buf_clear(&form);
    buf_clear(&url);
    return rc;
}

/* Managed identity: the host knows who we are. */
static schloss_rc ask_host(const azure_t *a, const creds_t *c, io_t *io, io_answer_t *answer, schloss_error_t *err) {
    bool app = c->source == FROM_APP;
    buf_t url;
    buf_init(&url, REST_TEXT_MAX, "identity URL", false);
    buf_put_str(&url, c->endpoint);
    buf_put_str(&url, app ? "?api-version=2019-08-01" : "/metadata/identity/oauth2/token?api-version=2018-02-01");
    rest_put_form(&url, "resource", a->resource);
    if (c->client != NULL) {
        rest_put_form(&url, "client_id", c->client);
    }
    const schloss_http_header_t header = {app ? "X-IDENTITY-HEADER" : "Metadata", app ? c->secret : "true"};
    const char *path = buf_cstr(&url);
    schloss_rc rc = buf_check(&url, err);
    const http_service_t *svc = NULL;
    if (rc == SCHLOSS_OK) {
        rc = rest_metadata(&svc, err);
    }
    if (rc == SCHLOSS_OK) {
        const io_call_t call = {.method = "GET", .path = path, .sensitive = true, .headers = &header, .n_headers = 1};
        schloss_error_t why = {0};
        rc = rest_call(a->key, io, svc, &call, answer, &why);
        if (rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_TIMEOUT || rc == SCHLOSS_E_IO) {
            rc = rest_fail(a->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", NO_CREDENTIALS, err,
                           "no credentials are set, and no managed identity answers at %.*s",
                           (int)strcspn(c->endpoint, "?"), c->endpoint);
        } else if (rc < 0) {
            err_copy(err, &why);
        }
    }
    buf_clear(&url);
    return rc;
}

/* Seconds from now, as a number or digits; absent where only expires_on is. */
static int64_t expiry_of(json_span_t root, int64_t now_ms) {
    int64_t v = 0;
    if (rest_number(root, "expires_in", &v)) {
        return now_ms + (v < 86400 ? v : 86400) * 1000;
    }
    if (rest_number(root, "expires_on", &v) && v < INT64_MAX / 1000) {
        return v * 1000;
    }
    return now_ms;
}

static schloss_rc fetch(const azure_t *a, const creds_t *c, io_t *io, const char *name, buf_t *token,
                        schloss_error_t *err) {
    io_answer_t answer;
    TRY(c->source == FROM_SECRET || c->source == FROM_FILE ? ask_authority(a, c, io, &answer, err)
                                                           : ask_host(a, c, io, &answer, err));
    if (answer.status != 200) {
        return azure_login_refused(a->key, &answer, err);
    }
    json_span_t root;
    TRY(rest_object(a->key, &answer, &root, err));
    TRY(rest_string(a->key, root, "access_token", token, err));
    token_put(name, buf_view(token), expiry_of(root, clk_now(&a->key->clock)));
    return SCHLOSS_OK;
}

schloss_rc azure_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err) {
    const azure_t *a = user;
    creds_t c = {0};
    TRY(creds_find(a->key, &c, err));
    const char *const parts[] = {a->resource, a->authority, c.tenant, c.client, c.secret, c.file, c.endpoint};
    char name[80];
    TRY(token_name(name, "azure", parts, COUNT_OF(parts), err));
    if (again) {
        token_forget(name);
    } else if (token_get(name, clk_now(&a->key->clock), MARGIN_MS, token)) {
        return SCHLOSS_OK;
    }
    TRY(fetch(a, &c, io, name, token, err));
    if (again) {
        token_forget(name); /* fetched over this io already, so it is the one that was refused */
    }
    return SCHLOSS_OK;
}
