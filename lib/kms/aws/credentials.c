/* Which credentials sign: spec client-encryption 4.3.
 *
 *   access.key.id + secret.access.key, else profile, else the default chain: environment, web identity, shared profile,
 *   container, instance. With role.arn (or AWS_ROLE_ARN, unless a web identity token is configured) they only serve to
 *   get a session of that role. */
#include "kms/aws/aws.h"

#include "kms/token.h"
#include <stdio.h>
#include <stdlib.h>

#define MARGIN_MS ((int64_t)300000) /* sessions are renewed five minutes before they end */
#define PROFILE_DEPTH 5u            /* source_profile of source_profile ... */
#define SESSION_DEFAULT "confluent-encrypt"

/* ---- a set of credentials ---- */

void aws_cred_init(aws_cred_t *c) {
    memset(c, 0, sizeof *c);
    buf_init(&c->id, AWS_SECRET_MAX, "AWS access key id", true);
    buf_init(&c->secret, AWS_SECRET_MAX, "AWS secret access key", true);
    buf_init(&c->token, AWS_SECRET_MAX, "AWS session token", true);
}

void aws_cred_clear(aws_cred_t *c) {
    buf_clear(&c->id);
    buf_clear(&c->secret);
    buf_clear(&c->token);
}

static void cred_reset(aws_cred_t *c) {
    buf_reset(&c->id);
    buf_reset(&c->secret);
    buf_reset(&c->token);
    c->name[0] = '\0';
}

/* Three lines. */
bool aws_cred_recall(const kms_key_t *key, aws_cred_t *c, const char *name) {
    buf_t line;
    buf_init(&line, 3 * AWS_SECRET_MAX, "AWS session", true);
    buf_t *parts[] = {&c->id, &c->secret, &c->token};
    bool ok = token_get(name, clk_now(&key->clock), MARGIN_MS, &line);
    cur_t cur = cur_of(buf_view(&line));
    cred_reset(c);
    for (size_t i = 0; ok && i < COUNT_OF(parts); i++) {
        const uint8_t *end = memchr(cur.p, '\n', cur_left(&cur));
        ok = end != NULL;
        if (ok) {
            buf_put(parts[i], cur.p, (size_t)(end - cur.p));
            cur.p = end + 1;
            ok = !parts[i]->failed;
        }
    }
    buf_clear(&line);
    if (ok) {
        memcpy(c->name, name, strlen(name) + 1);
    } else {
        cred_reset(c);
    }
    return ok;
}

void aws_cred_remember(aws_cred_t *c, const char *name) {
    buf_t line;
    buf_init(&line, 3 * AWS_SECRET_MAX, "AWS session", true);
    const buf_t *parts[] = {&c->id, &c->secret, &c->token};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_put(&line, parts[i]->ptr, parts[i]->len);
        buf_put_u8(&line, '\n');
    }
    if (!line.failed) {
        token_put(name, buf_view(&line), c->expires_ms);
    }
    buf_clear(&line);
    memcpy(c->name, name, strlen(name) + 1);
}

static schloss_rc cred_set(aws_cred_t *c, const char *id, const char *secret, const char *token, schloss_error_t *err) {
    cred_reset(c);
    buf_put_str(&c->id, id);
    buf_put_str(&c->secret, secret);
    buf_put_str(&c->token, token == NULL ? "" : token);
    TRY(buf_check(&c->id, err));
    TRY(buf_check(&c->secret, err));
    return buf_check(&c->token, err);
}

/* ---- places to look ---- */

typedef struct where {
    const kms_key_t *key;
    const aws_place_t *place;
    const char *profile; /* of a profile's source */
    unsigned depth;
} where_t;

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v == NULL || *v == '\0' ? NULL : v;
}

static schloss_rc from_environment(aws_cred_t *out, schloss_error_t *err) {
    const char *id = env("AWS_ACCESS_KEY_ID");
    const char *secret = env("AWS_SECRET_ACCESS_KEY");
    return id == NULL || secret == NULL ? SCHLOSS_ABSENT : cred_set(out, id, secret, env("AWS_SESSION_TOKEN"), err);
}

static schloss_rc web_identity(const where_t *w, io_t *io, bool again, const char *arn, const char *session,
                               const char *file, aws_cred_t *out, schloss_error_t *err) {
    char name[80];
    const char *const parts[] = {arn,
                                 session,
                                 file,
                                 w->place->region,
                                 env("AWS_ENDPOINT_URL_STS"),
                                 env("AWS_ENDPOINT_URL"),
                                 kms_setting(w->key, "aws.sts.endpoint.url", NULL)};
    TRY(token_name(name, "aws-web", parts, COUNT_OF(parts), err));
    const aws_role_t role = {.arn = arn, .session = session, .token_file = file, .name = name};
    return aws_sts(w->key, w->place, io, &role, NULL, again, out, err);
}

static schloss_rc from_web_identity(const where_t *w, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const char *file = env("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *arn = env("AWS_ROLE_ARN");
    if (file == NULL || arn == NULL) {
        return SCHLOSS_ABSENT;
    }
    const char *session = env("AWS_ROLE_SESSION_NAME");
    return web_identity(w, io, again, arn, session != NULL ? session : SESSION_DEFAULT, file, out, err);
}

static schloss_rc from_profile(const where_t *w, io_t *io, bool again, const char *name, bool must, aws_cred_t *out,
                               schloss_error_t *err);

/* credential_source of a profile. */
static schloss_rc from_named_source(const where_t *w, io_t *io, bool again, const char *source, aws_cred_t *out,
                                    schloss_error_t *err) {
    schloss_rc rc = strcmp(source, "Environment") == 0           ? from_environment(out, err)
                    : strcmp(source, "EcsContainer") == 0        ? aws_container(w->key, io, again, out, err)
                    : strcmp(source, "Ec2InstanceMetadata") == 0 ? aws_instance(w->key, io, again, out, err)
                                                                 : SCHLOSS_ABSENT;
    if (rc == SCHLOSS_ABSENT) {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
                         "credential_source is Environment, EcsContainer or Ec2InstanceMetadata", err,
                         "the AWS profile's credential_source gives nothing: %.64s", source);
    }
    return rc;
}

static schloss_rc get_profile_source(void *user, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const where_t *w = user;
    if (strncmp(w->profile, "source:", 7) == 0) {
        return from_named_source(w, io, again, w->profile + 7, out, err);
    }
    return from_profile(w, io, again, w->profile, true, out, err);
}

static schloss_rc profile_role(const where_t *w, io_t *io, bool again, const char *name, aws_profile_t *p,
                               aws_cred_t *out, schloss_error_t *err) {
    const char *arn = aws_profile_get(p, AWS_P_ROLE);
    const char *session = aws_profile_get(p, AWS_P_SESSION);
    const char *external = aws_profile_get(p, AWS_P_EXTERNAL_ID);
    const char *source = aws_profile_get(p, AWS_P_SOURCE);
    const char *kind = aws_profile_get(p, AWS_P_CREDENTIAL_SOURCE);
    const char *file = aws_profile_get(p, AWS_P_TOKEN_FILE);
    session = *session == '\0' ? SESSION_DEFAULT : session;
    if (*file != '\0') {
        return web_identity(w, io, again, arn, session, file, out, err);
    }
    if (*source == '\0' && *kind == '\0') {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", "add source_profile or credential_source to it", err,
                         "the AWS profile %.64s has a role_arn and nothing to assume it with", name);
    }
    /* A profile may be its own source: its keys assume its role. */
    if (strcmp(source, name) == 0 && *aws_profile_get(p, AWS_P_ID) == '\0') {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", "add keys to it, or name another source_profile",
                         err, "the AWS profile %.64s is its own source and has no keys", name);
    }
    char from[160];
    char token[80];
    (void)snprintf(from, sizeof from, "%s%.140s", *source == '\0' ? "source:" : "", *source == '\0' ? kind : source);
    where_t next = {w->key, w->place, from, w->depth + 1};
    const char *const parts[] = {name,
                                 arn,
                                 session,
                                 external,
                                 from,
                                 aws_profile_get(p, AWS_P_ID),
                                 env("AWS_SHARED_CREDENTIALS_FILE"),
                                 env("AWS_CONFIG_FILE"),
                                 env("AWS_ACCESS_KEY_ID"),
                                 env("AWS_ENDPOINT_URL"),
                                 w->place->region};
    TRY(token_name(token, "aws-profile", parts, COUNT_OF(parts), err));
    const aws_role_t role = {
        .arn = arn, .session = session, .external_id = *external == '\0' ? NULL : external, .name = token};
    const aws_source_t get = {get_profile_source, &next};
    return aws_sts(w->key, w->place, io, &role, &get, again, out, err);
}

static schloss_rc profile_use(const where_t *w, io_t *io, bool again, const char *name, aws_profile_t *p,
                              aws_cred_t *out, schloss_error_t *err) {
    bool own_source = w->depth != 0 && strcmp(aws_profile_get(p, AWS_P_SOURCE), name) == 0;
    if (*aws_profile_get(p, AWS_P_ROLE) != '\0' && !own_source) {
        return profile_role(w, io, again, name, p, out, err);
    }
    const char *id = aws_profile_get(p, AWS_P_ID);
    const char *secret = aws_profile_get(p, AWS_P_SECRET);
    if (*id != '\0' && *secret != '\0') {
        return cred_set(out, id, secret, aws_profile_get(p, AWS_P_TOKEN), err);
    }
    if (*aws_profile_get(p, AWS_P_PROCESS) != '\0' || *aws_profile_get(p, AWS_P_SSO) != '\0') {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
                         "export its keys: eval \"$(aws configure export-credentials --format env --profile NAME)\"",
                         err, "the AWS profile %.64s runs a program or logs in by SSO, which this library does not do",
                         name);
    }
    return SCHLOSS_ABSENT;
}

static schloss_rc from_profile(const where_t *w, io_t *io, bool again, const char *name, bool must, aws_cred_t *out,
                               schloss_error_t *err) {
    if (w->depth > PROFILE_DEPTH) {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", "source_profile may not run in a circle", err,
                         "more than %u AWS profiles are one another's source", PROFILE_DEPTH);
    }
    aws_profile_t p;
    aws_profile_init(&p);
    schloss_rc rc = aws_profile_load(w->key, &p, name, err);
    if (rc == SCHLOSS_OK) {
        rc = profile_use(w, io, again, name, &p, out, err);
    }
    bool found = p.found;
    aws_profile_clear(&p);
    if (rc == SCHLOSS_ABSENT && must) {
        return rest_fail(
            w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
            "look into ~/.aws/credentials and ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE)", err,
            found ? "the AWS profile %.64s has no keys" : "there is no AWS profile %.64s", name);
    }
    return rc;
}

static schloss_rc from_chain(const where_t *w, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const char *profile = env("AWS_PROFILE");
    schloss_rc rc = from_environment(out, err);
    if (rc == SCHLOSS_ABSENT) {
        rc = from_web_identity(w, io, again, out, err);
    }
    if (rc == SCHLOSS_ABSENT) {
        rc = from_profile(w, io, again, profile != NULL ? profile : "default", profile != NULL, out, err);
    }
    if (rc == SCHLOSS_ABSENT) {
        rc = aws_container(w->key, io, again, out, err);
    }
    if (rc == SCHLOSS_ABSENT) {
        rc = aws_instance(w->key, io, again, out, err);
    }
    if (rc == SCHLOSS_ABSENT) {
        return rest_fail(w->key, SCHLOSS_E_KMS_CREDENTIALS, 0, "", AWS_HINT_CREDENTIALS, err,
                         "no AWS credentials are found");
    }
    return rc;
}

/* Without the role. */
static schloss_rc get_base(void *user, io_t *io, bool again, aws_cred_t *out, schloss_error_t *err) {
    const where_t *w = user;
    const char *id = kms_setting(w->key, "access.key.id", NULL);
    const char *secret = kms_setting(w->key, "secret.access.key", NULL);
    if ((id == NULL) != (secret == NULL)) {
        return rest_fail(w->key, SCHLOSS_E_KMS_CONF, 0, "", "set both, or neither", err, "%s is set without %s",
                         id != NULL ? "access.key.id" : "secret.access.key",
                         id != NULL ? "secret.access.key" : "access.key.id");
    }
    if (id != NULL) {
        return cred_set(out, id, secret, NULL, err);
    }
    const char *profile = kms_setting(w->key, "profile", NULL);
    return profile != NULL ? from_profile(w, io, again, profile, true, out, err) : from_chain(w, io, again, out, err);
}

schloss_rc aws_credentials(const kms_key_t *key, const aws_place_t *place, io_t *io, bool again, aws_cred_t *out,
                           schloss_error_t *err) {
    where_t w = {key, place, NULL, 0};
    const char *web = env("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *arn = kms_setting(key, "role.arn", web == NULL ? "AWS_ROLE_ARN" : NULL);
    if (arn == NULL) {
        return get_base(&w, io, again, out, err);
    }
    const char *session = kms_setting(key, "role.session.name", "AWS_ROLE_SESSION_NAME");
    const char *external = kms_setting(key, "role.external.id", "AWS_ROLE_EXTERNAL_ID");
    session = session == NULL ? SESSION_DEFAULT : session;
    /* Whatever decides what get_base() finds. */
    const char *const parts[] = {arn,
                                 session,
                                 external,
                                 place->region,
                                 kms_setting(key, "access.key.id", NULL),
                                 kms_setting(key, "secret.access.key", NULL),
                                 kms_setting(key, "profile", NULL),
                                 kms_setting(key, "aws.sts.endpoint.url", NULL),
                                 env("AWS_ACCESS_KEY_ID"),
                                 env("AWS_SECRET_ACCESS_KEY"),
                                 env("AWS_SESSION_TOKEN"),
                                 web,
                                 env("AWS_ROLE_ARN"),
                                 env("AWS_PROFILE"),
                                 env("AWS_SHARED_CREDENTIALS_FILE"),
                                 env("AWS_CONFIG_FILE"),
                                 env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                                 env("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                                 env("AWS_ENDPOINT_URL_STS"),
                                 env("AWS_ENDPOINT_URL")};
    char name[80];
    TRY(token_name(name, "aws-role", parts, COUNT_OF(parts), err));
    const aws_role_t role = {.arn = arn, .session = session, .external_id = external, .name = name};
    const aws_source_t source = {get_base, &w};
    return aws_sts(key, place, io, &role, &source, again, out, err);
}
