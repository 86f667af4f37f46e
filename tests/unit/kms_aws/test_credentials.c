/* credentials.c, sts.c, metadata.c, profile.c: who signs, which session, when it is renewed. Spec 8.78 and 4.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "kms/aws/aws.h"
#include "unit/kms_aws/script.h"
#include <sys/stat.h>
#include <unistd.h>

#define ARN "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define ENCRYPTED "{\"CiphertextBlob\":\"d3JhcHBlZA==\",\"KeyId\":\"" ARN "\"}"
#define SESSION(id, expires)                                                                                           \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" id "</AccessKeyId>\n<SecretAccessKey>SECRET-"   \
    "session</SecretAccessKey><SessionToken> TOKEN-" id "== </SessionToken><Expiration>" expires                       \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define METADATA(id, expires)                                                                                          \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"SECRET-meta\",\"Token\":\"TOKEN-" id       \
    "\",\"Expiration\":\"" expires "\"}"
#define IN_AN_HOUR "2026-01-01T01:00:00Z"
#define IN_TWO_HOURS "2026-01-01T02:00:00.500Z"
#define EXPIRED "{\"__type\":\"ExpiredTokenException\",\"message\":\"The security token is expired\"}"
#define ROLE "arn:aws:iam::111122223333:role/schloss"

static char dir[] = "/tmp/schloss-aws-XXXXXX";

static const char *file(const char *name, const char *text) {
    static char paths[4][128];
    static unsigned at;
    char *path = paths[at++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void env(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static void assert_signed_by(const asked_t *a, const char *id, const char *service) {
    char want[128];
    (void)snprintf(want, sizeof want, "Credential=%s/20260101/us-west-2/%s/", id, service);
    if (strstr(a->headers, want) == NULL) {
        print_error("%s is not in:\n%s", want, a->headers);
    }
    assert_non_null(strstr(a->headers, want));
}

static void assert_token(const asked_t *a, const char *token) {
    char want[128];
    (void)snprintf(want, sizeof want, "X-Amz-Security-Token: %s\n", token);
    assert_non_null(strstr(a->headers, want));
    assert_non_null(strstr(a->headers, ";x-amz-security-token"));
}

/* Each test has its own role, for sessions are remembered by the process. */
static const char *unique(const char *prefix) {
    static char names[8][128];
    static unsigned n;
    char *name = names[n % 8];
    (void)snprintf(name, sizeof names[0], "%s-%u", prefix, n++);
    return name;
}

static void test_environment(void **state) {
    script_t *s = *state;
    SETTINGS(s, "none", "x");
    env("AWS_ACCESS_KEY_ID", "AKIDENV");
    env("AWS_SECRET_ACCESS_KEY", "SECRET-env");
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDENV", "kms");
    env("AWS_SESSION_TOKEN", "TOKEN-env");
    assert_int_equal(script_run(s, true), 0);
    assert_token(&s->asked[0], "TOKEN-env");
    SETTINGS(s, "access.key.id", "AKIDSET", "secret.access.key", "SECRET-set");
    assert_int_equal(script_run(s, true), 0); /* settings beat it, and have no token */
    assert_signed_by(&s->asked[0], "AKIDSET", "kms");
    assert_null(strstr(s->asked[0].headers, "Security-Token"));
    SETTINGS(s, "access.key.id", "AKIDSET");
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CONF);
}

static void test_nothing(void **state) {
    script_t *s = *state;
    SETTINGS(s, "none", "x");
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 0);
    assert_false(schloss_error_is_retriable(&s->err));
}

/* spec 8: 78 */
static void test_role_precedence(void **state) {
    script_t *s = *state;
    const char *role = unique(ROLE);
    STEPS(s, {200, SESSION("ASIAONE", IN_AN_HOUR)}, {200, ENCRYPTED});
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", role);
    env("AWS_ROLE_ARN", "arn:aws:iam::1:role/of-the-environment");
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 2);
    assert_string_equal(s->asked[0].url, "https://sts.us-west-2.amazonaws.com/"); /* the key's region */
    assert_signed_by(&s->asked[0], "AKIDBASE", "sts");
    assert_non_null(strstr(s->asked[0].headers, "Content-Type: application/x-www-form-urlencoded\n"));
    assert_non_null(strstr(s->asked[0].body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
                                             "111122223333%3Arole%2Fschloss-"));
    assert_non_null(strstr(s->asked[0].body, "&RoleSessionName=confluent-encrypt"));
    assert_null(strstr(s->asked[0].body, "ExternalId"));
    assert_signed_by(&s->asked[1], "ASIAONE", "kms");
    assert_token(&s->asked[1], "TOKEN-ASIAONE==");

    /* The environment's role, session name and external id count when the settings have none. */
    env("AWS_ROLE_ARN", unique(ROLE));
    env("AWS_ROLE_SESSION_NAME", "from-env");
    env("AWS_ROLE_EXTERNAL_ID", "ext env");
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET");
    assert_int_equal(script_run(s, true), 0);
    assert_non_null(strstr(s->asked[0].body, "&RoleSessionName=from-env&ExternalId=ext%20env"));
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.session.name", "mine",
             "role.external.id", "ext");
    assert_int_equal(script_run(s, true), 0);
    assert_non_null(strstr(s->asked[0].body, "&RoleSessionName=mine&ExternalId=ext"));

    /* A web identity token in the environment switches AWS_ROLE_ARN off as a role to be assumed with other keys ... */
    env("AWS_WEB_IDENTITY_TOKEN_FILE", file("token", "eyJ.web.identity\n"));
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET");
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDBASE", "kms");
    /* ... but an explicit role.arn is honoured. */
    STEPS(s, {200, SESSION("ASIATWO", IN_AN_HOUR)}, {200, ENCRYPTED});
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", unique(ROLE));
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDBASE", "sts");
    assert_signed_by(&s->asked[1], "ASIATWO", "kms");
}

static void test_web_identity(void **state) {
    script_t *s = *state;
    SETTINGS(s, "none", "x");
    env("AWS_ROLE_ARN", unique(ROLE));
    env("AWS_WEB_IDENTITY_TOKEN_FILE", file("web", "eyJ.web.identity\n"));
    STEPS(s, {200, SESSION("ASIAWEB", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_non_null(strstr(s->asked[0].body, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(s->asked[0].body, "&WebIdentityToken=eyJ.web.identity"));
    assert_null(strstr(s->asked[0].headers, "Authorization")); /* the token is the proof */
    assert_signed_by(&s->asked[1], "ASIAWEB", "kms");
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0); /* the session is kept */
    env("AWS_ROLE_ARN", unique(ROLE));
    STEPS(s,
          {400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>x</Message></Error></ErrorResponse>"});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    assert_int_equal(s->n_asked, 0);
}

static void test_sessions_are_kept_and_renewed(void **state) {
    script_t *s = *state;
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", unique(ROLE));
    STEPS(s, {200, SESSION("ASIAONE", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    STEPS(s, {200, ENCRYPTED});
    s->now_ms += 54 * 60000;
    assert_int_equal(script_run(s, true), 0); /* six minutes left */
    assert_int_equal(s->n_asked, 1);
    s->now_ms += 60001;
    STEPS(s, {200, SESSION("ASIATWO", IN_TWO_HOURS)}, {200, ENCRYPTED}); /* less than five */
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 2);
    assert_token(&s->asked[1], "TOKEN-ASIATWO==");

    /* Expired all the same: one new session, then the truth. */
    STEPS(s, {400, EXPIRED}, {200, SESSION("ASIATHREE", IN_TWO_HOURS)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_int_equal(s->n_asked, 3);
    assert_token(&s->asked[0], "TOKEN-ASIATWO==");
    assert_token(&s->asked[2], "TOKEN-ASIATHREE==");
    STEPS(s, {400, EXPIRED}, {200, SESSION("ASIAFOUR", IN_TWO_HOURS)}, {400, EXPIRED});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_EXPIRED);
    assert_int_equal(s->n_asked, 3);
    assert_false(schloss_error_is_retriable(&s->err));
}

static void test_same_endpoint_for_both(void **state) {
    script_t *s = *state;
    env("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
    SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", unique(ROLE));
    STEPS(s, {200, SESSION("ASIAONE", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    STEPS(s, {400, EXPIRED}, {200, SESSION("ASIATWO", IN_AN_HOUR)}, {400, EXPIRED});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_EXPIRED);
    assert_int_equal(s->n_asked, 3);
}

static void test_static_keys_do_not_renew(void **state) {
    script_t *s = *state;
    STEPS(s, {400, EXPIRED});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_EXPIRED);
    assert_int_equal(s->n_asked, 1);
}

static void test_sts_refuses(void **state) {
    script_t *s = *state;
    static const struct {
        int status;
        const char *body;
        schloss_rc rc;
    } cases[] = {
        {403,
         "<Error><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message></Error>",
         SCHLOSS_E_KMS_DENIED},
        {403, "<Error><Code>InvalidClientTokenId</Code></Error>", SCHLOSS_E_KMS_CREDENTIALS},
        {400, "<Error><Code>ExpiredTokenException</Code></Error>", SCHLOSS_E_KMS_EXPIRED},
        {400, "<Error><Code>ValidationError</Code></Error>", SCHLOSS_E_KMS_CONF},
        {403, "<Error><Code>RegionDisabledException</Code></Error>", SCHLOSS_E_KMS_REGION},
        {200, "{}", SCHLOSS_E_KMS_ANSWER},
        {200, SESSION("ASIA", "tomorrow"), SCHLOSS_E_KMS_ANSWER},
        {200, SESSION("", IN_AN_HOUR), SCHLOSS_E_KMS_ANSWER},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", unique(ROLE));
        STEPS(s, {cases[i].status, cases[i].body});
        assert_int_equal(script_run(s, true), cases[i].rc);
        assert_int_equal(s->n_asked, 1);
    }
}

static void test_profiles(void **state) {
    script_t *s = *state;
    env("AWS_SHARED_CREDENTIALS_FILE",
        file("credentials", "# keys\r\n[default]\r\naws_access_key_id = AKIDDEFAULT\r\naws_secret_access_key=SECRET\r\n"
                            "\n[ team ]\n; more\naws_access_key_id=AKIDTEAM\naws_secret_access_key=SECRET=/+x\n"
                            "aws_session_token = TOKEN-team\n[half]\naws_access_key_id=AKIDHALF\n"));
    env("AWS_CONFIG_FILE",
        file("config", "[default]\nregion = eu-west-1\n[profile roled]\nrole_arn = " ROLE "/p1\nsource_profile = team\n"
                       "external_id = e\nrole_session_name = n\ns3 =\n  role_arn = nested\n"
                       "[team]\nrole_arn = not-a-profile-section\n"
                       "[profile sso]\nsso_account_id = 1\n[profile run]\ncredential_process = /bin/false\n"
                       "[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = x\nsource_profile = a\n"
                       "[profile self]\nrole_arn = x\nsource_profile = self\n[profile alone]\nrole_arn = x\n"
                       "[profile envd]\nrole_arn = " ROLE "/p2\ncredential_source = Environment\n"
                       "[profile what]\nrole_arn = x\ncredential_source = Magic\n"));
    SETTINGS(s, "none", "x");
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDDEFAULT", "kms");
    env("AWS_PROFILE", "team");
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDTEAM", "kms");
    assert_token(&s->asked[0], "TOKEN-team");
    SETTINGS(s, "profile", "default"); /* the setting beats the variable */
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDDEFAULT", "kms");
    SETTINGS(s, "profile", "roled");
    STEPS(s, {200, SESSION("ASIAP", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDTEAM", "sts");
    assert_non_null(strstr(s->asked[0].body, "role%2Fschloss%2Fp1&RoleSessionName=n&ExternalId=e"));
    assert_signed_by(&s->asked[1], "ASIAP", "kms");
    env("AWS_ACCESS_KEY_ID", "AKIDENV");
    env("AWS_SECRET_ACCESS_KEY", "SECRET-env");
    SETTINGS(s, "profile", "envd");
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "AKIDENV", "sts");
    static const char *const bad[] = {"nobody", "half", "sso", "run", "a", "self", "alone", "what"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        SETTINGS(s, "profile", bad[i]);
        assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
        assert_int_equal(s->n_asked, 0);
    }
}

static void test_container(void **state) {
    script_t *s = *state;
    SETTINGS(s, "none", "x");
    env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    STEPS(s, {200, METADATA("ASIACONT", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[0].url, "http://169.254.170.2/v2/credentials/1");
    assert_true(s->asked[0].direct);
    assert_false(s->asked[1].direct);
    assert_signed_by(&s->asked[1], "ASIACONT", "kms");
    assert_token(&s->asked[1], "TOKEN-ASIACONT");
    assert_int_equal(unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), 0);
    env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("pod", "pod-token\n"));
    assert_int_equal(script_run(s, true), 0);
    assert_non_null(strstr(s->asked[0].headers, "Authorization: pod-token\n"));
    env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/denied");
    STEPS(s, {403, "no"});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {SCHLOSS_E_CONNECT, NULL}, {SCHLOSS_E_CONNECT, NULL});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {200, "{\"AccessKeyId\":\"x\"}"});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_ANSWER);
    static const char *const bad[] = {"http://169.254.170.2.evil.test/", "http://evil.test/",
                                      "http://169.254.170.2@evil/", "file:///etc/passwd"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        env("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i]);
        assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CONF);
        assert_int_equal(s->n_asked, 0);
    }
}

static void test_instance(void **state) {
    script_t *s = *state;
    SETTINGS(s, "none", "x");
    assert_int_equal(unsetenv("AWS_EC2_METADATA_DISABLED"), 0);
    STEPS(s, {200, "imds-token"}, {200, "my-role\n"}, {200, METADATA("ASIAEC2", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_string_equal(s->asked[0].method, "PUT");
    assert_string_equal(s->asked[0].url, "http://169.254.169.254/latest/api/token");
    assert_non_null(strstr(s->asked[0].headers, "X-aws-ec2-metadata-token-ttl-seconds: 21600\n"));
    assert_string_equal(s->asked[2].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role");
    assert_non_null(strstr(s->asked[2].headers, "X-aws-ec2-metadata-token: imds-token\n"));
    assert_true(s->asked[0].direct && s->asked[1].direct && s->asked[2].direct);
    assert_signed_by(&s->asked[3], "ASIAEC2", "kms");
    STEPS(s, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0); /* kept */

    /* They have expired early: asked for once more, then kept again. */
    STEPS(s, {400, EXPIRED}, {200, "t"}, {200, "my-role"}, {200, METADATA("ASIANEW", IN_TWO_HOURS)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[4], "ASIANEW", "kms");

    env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/");
    STEPS(s, {SCHLOSS_E_CONNECT, NULL}, {SCHLOSS_E_CONNECT, NULL});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS); /* not on EC2: none are found */
    STEPS(s, {200, "t"}, {404, ""});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {200, "t"}, {200, "../other"});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
    STEPS(s, {403, "IMDSv1 only"});
    assert_int_equal(script_run(s, true), SCHLOSS_E_KMS_CREDENTIALS);
}

/* A role is assumed with what the instance gives; that has expired, and STS is the one who says so. */
static void test_expired_source(void **state) {
    script_t *s = *state;
    assert_int_equal(unsetenv("AWS_EC2_METADATA_DISABLED"), 0);
    env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1339");
    const char *role = unique(ROLE);
    SETTINGS(s, "role.arn", role);
    STEPS(s, {200, "t"}, {200, "r"}, {200, METADATA("ASIAOLD", IN_AN_HOUR)}, {200, SESSION("ASIAROLE", IN_AN_HOUR)},
          {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[3], "ASIAOLD", "sts");
    SETTINGS(s, "role.arn", unique(ROLE));
    STEPS(s, {403, "<Error><Code>ExpiredToken</Code></Error>"}, {200, "t"}, {200, "r"},
          {200, METADATA("ASIAFRESH", IN_AN_HOUR)}, {200, SESSION("ASIAROLE", IN_AN_HOUR)}, {200, ENCRYPTED});
    assert_int_equal(script_run(s, true), 0);
    assert_signed_by(&s->asked[0], "ASIAOLD", "sts");
    assert_signed_by(&s->asked[4], "ASIAFRESH", "sts");
    assert_signed_by(&s->asked[5], "ASIAROLE", "kms");
}

/* Every allocation fails once: an error, never a crash, a leak or a wrong key. */
typedef struct fault {
    uint64_t at, seen;
} fault_t;

static bool fail_nth(void *user) {
    fault_t *f = user;
    return f->seen++ == f->at;
}

static void test_every_allocation_fails(void **state) {
    script_t *s = *state;
    for (uint64_t n = 0;; n++) {
        SETTINGS(s, "access.key.id", "AKIDBASE", "secret.access.key", "SECRET", "role.arn", unique(ROLE));
        STEPS(s, {200, SESSION("ASIAF", IN_AN_HOUR)}, {200, ENCRYPTED});
        io_t *io = NULL;
        assert_int_equal(io_new(&io, &s->err), 0);
        const schloss_transport_t t = {sizeof t, s, script_perform, script_release, NULL};
        s->n_asked = 0;
        buf_clear(&s->wrapped);
        memset(&s->err, 0, sizeof s->err);
        fault_t f = {n, 0};
        mem_set_fault(fail_nth, &f);
        schloss_rc rc = io_run(io, &t, script_wrap, s, &s->err);
        mem_set_fault(NULL, NULL);
        io_free(io);
        if (f.seen <= n) {
            assert_int_equal(rc, 0);
            assert_true(n > 30);
            break;
        }
        if (rc != SCHLOSS_OK && rc != SCHLOSS_E_NO_MEMORY && rc != SCHLOSS_E_CRYPTO) {
            print_error("allocation %d: %s %s\n", (int)n, schloss_rc_name(rc), s->err.message);
        }
        assert_true(rc == SCHLOSS_OK || rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_CRYPTO);
    }
}

static int group_set_up(void **state) {
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int group_tear_down(void **state) {
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, script_set_up, script_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_environment),
        T(test_nothing),
        T(test_role_precedence),
        T(test_web_identity),
        T(test_sessions_are_kept_and_renewed),
        T(test_same_endpoint_for_both),
        T(test_static_keys_do_not_renew),
        T(test_sts_refuses),
        T(test_profiles),
        T(test_container),
        T(test_instance),
        T(test_expired_source),
        T(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
