/* Tokens of Vault: AppRole, Kubernetes or JWT, else the operator's own token.
 *
 * A token is renewed at the first use after two thirds of its lease (an entry of its own in the token cache says when);
 * one that cannot be renewed is replaced by a new log-in, or, the operator's own, used as long as it lasts.
 *
 * Server and role may come from a KEK of the registry. The pod's token is therefore sent only where the operator has
 * set something that a KEK cannot: its file, or the servers that are allowed. */
#include "kms/vault/vault.h"

#include "kms/token.h"
#include <stdio.h>
#include <stdlib.h>

#define MARGIN_MS ((int64_t)5000)
#define DAY_MS ((int64_t)86400000)
#define NOT_RENEWABLE_MS ((int64_t)600000) /* until a token that was not renewed is tried again */
#define JWT_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"
#define CREDENTIALS_HINT                                                                                               \
    "set token.id, or approle.role.id and approle.secret.id, or kubernetes.role (docs/kms/vault.md)"

typedef enum { BY_TOKEN, BY_APPROLE, BY_JWT } method_t;

typedef struct creds {
    method_t method;
    const char *role, *secret; /* secret: secret id, token, or the path of the JWT's file */
    const char *path;          /* below auth/ */
    char name[80], lease[80];  /* in the token cache: the token, and until when it needs no renewal */
} creds_t;

static bool path_is_good(const char *p) {
    return *p != '\0' && strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == strlen(p) &&
           strstr(p, "..") == NULL;
}

static void by_approle(const kms_key_t *key, creds_t *c) {
    const char *role = kms_setting(key, "approle.role.id", NULL);
    const char *secret = kms_setting(key, "approle.secret.id", NULL);
    if (role == NULL || secret == NULL) { /* the environment's pair, or none: never half of each */
        role = getenv("VAULT_APPROLE_ROLE_ID");
        secret = getenv("VAULT_APPROLE_SECRET_ID");
    }
    if (role != NULL && secret != NULL && *role != '\0' && *secret != '\0') {
        const char *path = kms_setting(key, "approle.auth.path", NULL);
        *c = (creds_t){.method = BY_APPROLE, .role = role, .secret = secret, .path = path != NULL ? path : "approle"};
    }
}

static schloss_rc creds_find(const vault_t *v, creds_t *c, schloss_error_t *err) {
    memset(c, 0, sizeof *c);
    by_approle(v->key, c);
    const char *role = kms_setting(v->key, "kubernetes.role", NULL);
    if (c->role == NULL && role != NULL) {
        const char *file = kms_setting(v->key, "kubernetes.jwt.file", NULL);
        const char *path = kms_setting(v->key, "jwt.auth.path", NULL);
        if (file == NULL && kms_setting(v->key, "vault.allowed.urls", "VAULT_ADDR") == NULL) {
            return rest_fail(v->key, SCHLOSS_E_KMS_CONF, 0, "", "set vault.allowed.urls, or name kubernetes.jwt.file",
                             err, "this server is not known to be one that may see the pod's token");
        }
        *c = (creds_t){.method = BY_JWT,
                       .role = role,
                       .secret = file != NULL ? file : JWT_FILE,
                       .path = path != NULL ? path : "kubernetes"};
    }
    if (c->role == NULL) {
        c->secret = kms_setting(v->key, "token.id", "VAULT_TOKEN");
    }
    if (c->secret == NULL) {
        return rest_fail(v->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", CREDENTIALS_HINT, err, "no credentials are set");
    }
    if (c->path != NULL && !path_is_good(c->path)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_CONF, 0, "", "give the path without auth/, as in kubernetes", err,
                         "%s is malformed", c->method == BY_JWT ? "jwt.auth.path" : "approle.auth.path");
    }
    const char *const parts[] = {v->id.base, v->ns, c->path, c->role, c->secret};
    TRY(token_name(c->name, "vault", parts, COUNT_OF(parts), err));
    return token_name(c->lease, "vault-lease", parts, COUNT_OF(parts), err);
}

/* ---- answers ---- */

/* {"auth":{"client_token","lease_duration","renewable"}}: remembers token and lease. */
static schloss_rc keep(const vault_t *v, const creds_t *c, const io_answer_t *answer, buf_t *token,
                       schloss_error_t *err) {
    json_span_t root, auth;
    TRY(rest_object(v->key, answer, &root, err));
    if (!rest_member(root, "auth", &auth)) {
        return rest_fail(v->key, SCHLOSS_E_KMS_ANSWER, answer->status, "", "does the key id name a Vault?", err,
                         "the answer to the log-in holds no token");
    }
    buf_reset(token);
    TRY(rest_string(v->key, auth, "client_token", token, err));
    int64_t seconds = 0;
    if (!rest_number(auth, "lease_duration", &seconds) || seconds == 0 || seconds > DAY_MS / 1000) {
        seconds = DAY_MS / 1000;
    }
    int64_t now = clk_now(&v->key->clock);
    if (c->method != BY_TOKEN) {
        token_put(c->name, buf_view(token), now + seconds * 1000);
    }
    token_put(c->lease, bytes("1", 1), now + seconds * 1000 / 3 * 2);
    return SCHLOSS_OK;
}

/* ---- renewal and log-in ---- */

static schloss_rc this_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err) {
    (void)io;
    (void)again;
    const buf_t *t = user;
    buf_reset(token);
    buf_put(token, t->ptr, t->len);
    return buf_check(token, err);
}

/* Renews what token holds. A refusal is no error, *renewed says how it went; a server that cannot answer is one. */
static schloss_rc renew(const vault_t *v, const creds_t *c, io_t *io, buf_t *token, bool *renewed,
                        schloss_error_t *err) {
    const rest_auth_t auth = {this_token, token, "X-Vault-Token", "", 0};
    io_answer_t answer;
    *renewed = false;
    TRY(vault_call(v, io, "POST", "auth/token/renew-self", bytes("{}", 2), &auth, &answer, err));
    if (answer.status == 429 || answer.status >= 500) {
        return vault_refused(v, false, &answer, err);
    }
    if (answer.status == 200) {
        buf_t fresh;
        buf_init(&fresh, REST_TOKEN_MAX, "token", true);
        *renewed = keep(v, c, &answer, &fresh, NULL) == SCHLOSS_OK;
        buf_clear(&fresh);
    }
    return SCHLOSS_OK;
}

static schloss_rc login_body(const vault_t *v, const creds_t *c, buf_t *body, schloss_error_t *err) {
    bool jwt = c->method == BY_JWT;
    buf_t file;
    buf_init(&file, REST_FILE_MAX, "token file", true);
    schloss_rc rc = jwt ? rest_file(v->key, "kubernetes.jwt.file", c->secret, &file, err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        buf_put_str(body, jwt ? "{\"role\":" : "{\"role_id\":");
        json_put_string(body, c->role, strlen(c->role));
        buf_put_str(body, jwt ? ",\"jwt\":" : ",\"secret_id\":");
        json_put_string(body, jwt ? (const char *)file.ptr : c->secret, jwt ? file.len : strlen(c->secret));
        buf_put_u8(body, '}');
        rc = buf_check(body, err);
    }
    buf_clear(&file);
    return rc;
}

static schloss_rc login(const vault_t *v, const creds_t *c, io_t *io, buf_t *token, schloss_error_t *err) {
    buf_t body;
    char path[VAULT_PART_MAX];
    (void)snprintf(path, sizeof path, "auth/%s/login", c->path);
    buf_init(&body, 8 * REST_FILE_MAX, "log-in", true);
    io_answer_t answer;
    schloss_rc rc = login_body(v, c, &body, err);
    if (rc == SCHLOSS_OK) {
        rc = vault_call(v, io, "POST", path, buf_view(&body), NULL, &answer, err);
    }
    buf_clear(&body);
    TRY(rc);
    return answer.status == 200 ? keep(v, c, &answer, token, err) : vault_login_refused(v, &answer, err);
}

static bool lease_is_fresh(const creds_t *c, int64_t now) {
    buf_t mark;
    buf_init(&mark, 16, "lease", false);
    bool fresh = token_get(c->lease, now, 0, &mark);
    buf_clear(&mark);
    return fresh;
}

/* The operator's own token: renewed as long as Vault does so; what it says is left to the operation that follows. */
static schloss_rc own_token(const vault_t *v, const creds_t *c, io_t *io, buf_t *token, schloss_error_t *err) {
    int64_t now = clk_now(&v->key->clock);
    buf_put_str(token, c->secret);
    TRY(buf_check(token, err));
    if (lease_is_fresh(c, now)) {
        return SCHLOSS_OK;
    }
    bool renewed = false;
    TRY(renew(v, c, io, token, &renewed, err));
    if (!renewed) {
        token_put(c->lease, bytes("0", 1), now + NOT_RENEWABLE_MS);
    }
    return SCHLOSS_OK;
}

schloss_rc vault_token(void *user, io_t *io, bool again, buf_t *token, schloss_error_t *err) {
    vault_t *v = user;
    creds_t c;
    TRY(creds_find(v, &c, err));
    int64_t now = clk_now(&v->key->clock);
    if (c.method == BY_TOKEN) {
        memcpy(v->marker, c.name, sizeof v->marker);
        if (again) {
            buf_put_str(token, c.secret);
            return buf_check(token, err);
        }
        return own_token(v, &c, io, token, err);
    }
    if (again) {
        token_forget(c.name);
    } else if (token_get(c.name, now, MARGIN_MS, token)) {
        bool renewed = lease_is_fresh(&c, now);
        if (!renewed) {
            TRY(renew(v, &c, io, token, &renewed, err));
        }
        if (renewed) {
            return SCHLOSS_OK;
        }
        token_forget(c.name);
    }
    buf_reset(token);
    TRY(login(v, &c, io, token, err));
    if (again) {
        token_forget(c.name); /* given over this io already, so it is the one that was refused */
    }
    return SCHLOSS_OK;
}

void vault_token_worked(const vault_t *v) {
    if (v->marker[0] != '\0') {
        token_put(v->marker, bytes("1", 1), clk_now(&v->key->clock) + 30 * DAY_MS);
    }
}

bool vault_token_has_worked(const vault_t *v) {
    buf_t mark;
    buf_init(&mark, 16, "mark", false);
    bool worked = v->marker[0] != '\0' && token_get(v->marker, clk_now(&v->key->clock), 0, &mark);
    buf_clear(&mark);
    return worked;
}
