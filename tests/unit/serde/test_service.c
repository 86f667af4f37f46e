/* What a client sends to the registry: addresses, credentials, headers, from the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/mem.h"
#include "serde/core.h"
#include "testlib/world.h"
#include <string.h>

#define URL "schema.registry.url"

static schloss_error_t *err;

static int setup(void **state) {
    (void)state;
    err = schloss_error_new();
    return err == NULL ? -1 : 0;
}
static int teardown(void **state) {
    (void)state;
    schloss_error_free(err);
    return 0;
}

static schloss_rc client_with(const char *const *pairs, fake_registry_t *fr, schloss_client_t **out) {
    schloss_conf_t *conf = schloss_conf_new();
    assert_non_null(conf);
    for (const char *const *p = pairs; *p != NULL; p += 2) {
        assert_int_equal(schloss_conf_set(conf, p[0], p[1], err), 0);
    }
    schloss_transport_t t = fake_registry_transport(fr);
    schloss_rc rc = schloss_client_new(conf, &t, out, err);
    schloss_conf_free(conf);
    return rc;
}

/* Headers of the first request that a client with these keys sends. */
static char *first_headers(const char *const *pairs) {
    static char headers[4096];
    fake_registry_t *fr = fake_registry_new();
    schloss_client_t *c = NULL;
    schloss_serializer_t *ser = NULL;
    schloss_target_t target = {.topic = "orders", .subject = "s"};
    assert_int_equal(client_with(pairs, fr, &c), 0);
    assert_int_equal(schloss_serializer_new(c, NULL, &ser, err), 0);
    assert_int_equal(schloss_serializer_prepare(ser, &target, NULL, err), SCHLOSS_E_SCHEMA_NOT_FOUND);
    strncpy(headers, fake_registry_request_headers(fr, 0), sizeof(headers) - 1);
    schloss_serializer_free(ser);
    schloss_client_free(c);
    fake_registry_free(fr);
    return headers;
}

static void credentials_and_headers_are_sent(void **state) {
    (void)state;
    const char *user[] = {URL, FAKE_REGISTRY_URL, "schema.registry.basic.auth.user.info", "ann:pw", NULL};
    assert_non_null(strstr(first_headers(user), "Authorization: Basic YW5uOnB3"));
    const char *in_url[] = {URL, "http://bob:p%40w@registry.test", NULL};
    assert_non_null(strstr(first_headers(in_url), "Authorization: Basic Ym9iOnBAdw=="));
    const char *token[] = {URL,
                           FAKE_REGISTRY_URL,
                           "bearer.auth.credentials.source",
                           "STATIC_TOKEN",
                           "bearer.auth.token",
                           "tok",
                           "bearer.auth.logical.cluster",
                           "lsrc-1",
                           "bearer.auth.identity.pool.id",
                           "pool-1",
                           "request.header.X-Team",
                           "shop",
                           NULL};
    const char *h = first_headers(token);
    assert_non_null(strstr(h, "Authorization: Bearer tok"));
    assert_non_null(strstr(h, "target-sr-cluster: lsrc-1"));
    assert_non_null(strstr(h, "Confluent-Identity-Pool-Id: pool-1"));
    assert_non_null(strstr(h, "X-Team: shop"));
}

static void what_a_source_needs_is_demanded(void **state) {
    (void)state;
    static const struct {
        const char *pairs[10];
        const char *says;
    } t[] = {
        {{"max.retries", "1"}, URL},
        {{URL, FAKE_REGISTRY_URL, "basic.auth.credentials.source", "USER_INFO"}, "basic.auth.user.info"},
        {{URL, FAKE_REGISTRY_URL, "bearer.auth.credentials.source", "STATIC_TOKEN"}, "bearer.auth.token"},
        {{URL, FAKE_REGISTRY_URL, "bearer.auth.credentials.source", "OAUTHBEARER"}, "bearer.auth.issuer.endpoint.url"},
        {{URL, FAKE_REGISTRY_URL, "bearer.auth.credentials.source", "OAUTHBEARER", "bearer.auth.issuer.endpoint.url",
          "https://i/t"},
         "bearer.auth.client.id"},
        {{URL, FAKE_REGISTRY_URL, "bearer.auth.credentials.source", "OAUTHBEARER", "bearer.auth.issuer.endpoint.url",
          "https://i/t", "bearer.auth.client.id", "me"},
         "bearer.auth.client.secret"},
        {{URL, FAKE_REGISTRY_URL, "bearer.auth.credentials.source", "UAMI"}, "bearer.auth.uami.endpoint.query"},
        {{URL, FAKE_REGISTRY_URL, "rule.executors", "cel"}, "rule.executors.cel.class"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        fake_registry_t *fr = fake_registry_new();
        schloss_client_t *c = NULL;
        assert_int_equal(client_with(t[i].pairs, fr, &c), SCHLOSS_E_CONF_MISSING);
        if (strstr(schloss_error_message(err), t[i].says) == NULL) {
            fail_msg("case %zu: %s", i, schloss_error_message(err));
        }
        fake_registry_free(fr);
    }
    const char *bad[] = {URL,
                         FAKE_REGISTRY_URL,
                         "bearer.auth.credentials.source",
                         "OAUTHBEARER",
                         "bearer.auth.issuer.endpoint.url",
                         "file:///t",
                         "bearer.auth.client.id",
                         "me",
                         "bearer.auth.client.secret",
                         "s",
                         NULL};
    fake_registry_t *fr = fake_registry_new();
    schloss_client_t *c = NULL;
    assert_int_equal(client_with(bad, fr, &c), SCHLOSS_E_CONF_VALUE);
    fake_registry_free(fr);
}

/* As in Java: a header of the application's own stands in place of the library's. */
static void an_own_authorization_is_the_only_one(void **state) {
    (void)state;
    const char *basic[] = {
        URL, FAKE_REGISTRY_URL, "basic.auth.user.info", "ann:pw", "request.header.authorization", "Own", NULL};
    const char *oauth[] = {URL,
                           FAKE_REGISTRY_URL,
                           "bearer.auth.credentials.source",
                           "OAUTHBEARER",
                           "bearer.auth.issuer.endpoint.url",
                           "http://i.test/t",
                           "bearer.auth.client.id",
                           "me",
                           "bearer.auth.client.secret",
                           "s",
                           "request.header.Authorization",
                           "Own",
                           NULL};
    const char *const *const cases[] = {basic, oauth};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *h = first_headers(cases[i]);
        const char *first = strcasestr(h, "authorization: ");
        assert_non_null(first);
        assert_memory_equal(first + 15, "Own", 3);
        assert_null(strcasestr(first + 1, "authorization: "));
    }
}

/* A user of one host is no other host's business. */
static void users_of_urls_stay_with_their_hosts(void **state) {
    (void)state;
    static const struct {
        const char *urls;
        schloss_rc rc;
    } t[] = {
        {"http://ann:pw@a.test,http://bob:pw2@b.test", SCHLOSS_E_CONF_VALUE},
        {"http://ann:pw@a.test,http://b.test", SCHLOSS_E_CONF_VALUE},
        {"http://a.test,http://ann:pw@b.test", SCHLOSS_E_CONF_VALUE},
        {"http://ann:pw@a.test,http://ann:pw@b.test", 0},
        {"http://a.test,http://b.test", 0},
    };
    fake_registry_t *fr = fake_registry_new();
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        schloss_client_t *c = NULL;
        const char *pairs[] = {URL, t[i].urls, NULL, NULL, NULL};
        if (client_with(pairs, fr, &c) != t[i].rc) {
            fail_msg("%s", t[i].urls);
        }
        if (t[i].rc != 0) {
            assert_null(strstr(schloss_error_message(err), "pw"));
            assert_non_null(strstr(schloss_error_hint(err), "basic.auth.user.info"));
        }
        schloss_client_free(c);
    }
    const char *given[] = {URL,
                           "http://ann:pw@a.test,http://b.test",
                           "basic.auth.credentials.source",
                           "USER_INFO",
                           "basic.auth.user.info",
                           "zoe:z",
                           NULL};
    schloss_client_t *c = NULL;
    assert_int_equal(client_with(given, fr, &c), 0); /* of which nothing is taken from the URLs */
    assert_string_equal(c->service.authorization, "Basic em9lOno=");
    schloss_client_free(c);
    fake_registry_free(fr);
}

/* The address of a token endpoint is named in errors. */
static void a_token_endpoint_has_no_user_in_its_url(void **state) {
    (void)state;
    const char *oauth[] = {URL,
                           FAKE_REGISTRY_URL,
                           "bearer.auth.credentials.source",
                           "OAUTHBEARER",
                           "bearer.auth.issuer.endpoint.url",
                           "https://ann:hunter2@i.test/t",
                           "bearer.auth.client.id",
                           "me",
                           "bearer.auth.client.secret",
                           "s",
                           NULL};
    fake_registry_t *fr = fake_registry_new();
    schloss_client_t *c = NULL;
    assert_int_equal(client_with(oauth, fr, &c), SCHLOSS_E_CONF_VALUE);
    assert_null(strstr(schloss_error_message(err), "hunter2"));
    oauth[5] = "https://i.test/t@home";
    assert_int_equal(client_with(oauth, fr, &c), 0);
    schloss_client_free(c);
    fake_registry_free(fr);
}

static void urls_begin_at_random_when_asked(void **state) {
    (void)state;
    const char *pairs[] = {URL, "http://a.test/ , http://b.test", "schema.registry.url.randomize", "true", NULL};
    fake_registry_t *fr = fake_registry_new();
    unsigned first_a = 0;
    for (int i = 0; i < 64; i++) {
        schloss_client_t *c = NULL;
        assert_int_equal(client_with(pairs, fr, &c), 0);
        assert_int_equal(c->service.n_urls, 2);
        first_a += strcmp(c->service.urls[0], "http://a.test") == 0;
        schloss_client_free(c);
    }
    assert_true(first_a > 0 && first_a < 64);
    pairs[3] = "false";
    schloss_client_t *c = NULL;
    assert_int_equal(client_with(pairs, fr, &c), 0);
    assert_string_equal(c->service.urls[0], "http://a.test");
    schloss_client_free(c);
    fake_registry_free(fr);
}

static void tls_goes_by_both_names(void **state) {
    (void)state;
    const char *java[] = {URL,
                          FAKE_REGISTRY_URL,
                          "schema.registry.ssl.truststore.location",
                          "/t.pem",
                          "schema.registry.ssl.keystore.location",
                          "/k.pem",
                          "schema.registry.ssl.key.password",
                          "p",
                          "schema.registry.ssl.endpoint.identification.algorithm",
                          "",
                          NULL};
    const char *ours[] = {URL,
                          FAKE_REGISTRY_URL,
                          "schema.registry.ssl.truststore.location",
                          "/t.pem",
                          "schema.registry.ssl.ca.location",
                          "/ca.pem",
                          NULL};
    fake_registry_t *fr = fake_registry_new();
    schloss_client_t *c = NULL;
    assert_int_equal(client_with(java, fr, &c), 0);
    assert_string_equal(c->tls.ca_file, "/t.pem");
    assert_string_equal(c->tls.cert_file, "/k.pem");
    assert_string_equal(c->tls.key_file, "/k.pem");
    assert_string_equal(c->tls.key_password, "p");
    assert_true(c->tls.skip_verify_host);
    schloss_client_free(c);
    assert_int_equal(client_with(ours, fr, &c), 0);
    assert_string_equal(c->tls.ca_file, "/ca.pem");
    assert_false(c->tls.skip_verify_host);
    schloss_client_free(c);
    fake_registry_free(fr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(credentials_and_headers_are_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_source_needs_is_demanded, setup, teardown),
        cmocka_unit_test_setup_teardown(an_own_authorization_is_the_only_one, setup, teardown),
        cmocka_unit_test_setup_teardown(users_of_urls_stay_with_their_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_endpoint_has_no_user_in_its_url, setup, teardown),
        cmocka_unit_test_setup_teardown(urls_begin_at_random_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_goes_by_both_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
