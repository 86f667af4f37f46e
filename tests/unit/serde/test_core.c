/* Clients: private cores of serdes with keys of their own, invalidation, what a client refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "serde/handle.h"
#include "testlib/world.h"
#include <schloss/ext/prepare.h>
#include <string.h>

static uint8_t rec[256];
static size_t rec_len;
static bool destroyed;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    destroyed = false;
    return 0;
}

static schloss_transport_t inner;

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    return inner.perform(user, req, out, err);
}

static void release(void *user, schloss_http_response_t *out) {
    inner.release(user, out);
}

static void destroy(void *user) {
    (void)user;
    destroyed = true;
}

static schloss_serializer_t *private_serializer(schloss_client_t *client, schloss_error_t *err) {
    schloss_conf_t *over = schloss_conf_new();
    schloss_serializer_t *ser = NULL;
    assert_int_equal(schloss_conf_set(over, "schloss.negative.cache.ms", "7", err), 0);
    assert_int_equal(schloss_serializer_new(client, over, &ser, err), 0);
    schloss_conf_free(over);
    return ser;
}

static void a_private_core_keeps_the_transport_alive(void **state) {
    (void)state;
    world_t w;
    schloss_client_t *client = NULL;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    inner = fake_registry_transport(w.fr);
    schloss_transport_t t = {
        .size = sizeof(t), .user = inner.user, .perform = perform, .release = release, .destroy = destroy};
    schloss_conf_t *conf = world_conf(NULL);
    assert_int_equal(schloss_client_new(conf, &t, &client, w.err), 0);
    schloss_serializer_t *ser = private_serializer(client, w.err);
    assert_ptr_not_equal(ser->h.core, client);
    schloss_client_free(client);
    assert_false(destroyed); /* the serializer still sends through it */
    assert_int_equal(schloss_serialize(ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    schloss_serializer_free(ser);
    assert_true(destroyed);
    schloss_conf_free(conf);
    world_close(&w);
}

static int64_t tomorrow(void *user) {
    return *(int64_t *)user;
}

static void invalidation_and_clock_reach_private_cores(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    int64_t now = 4242;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    schloss_serializer_t *ser = private_serializer(w.client, w.err);
    assert_int_equal(schloss_serialize(ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    assert_int_equal(schloss_serialize_try(ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    schloss_client_invalidate(w.client);
    assert_int_equal(schloss_serialize_try(ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), SCHLOSS_NEED_KEY);
    schloss_client_set_clock(w.client, tomorrow, &now);
    assert_int_equal(clk_now(&ser->h.core->env.conf.clock), 4242);
    schloss_serializer_free(ser);
    world_close(&w);
}

static schloss_rc drive(world_t *w, schloss_prepare_t *p, schloss_client_t *invalidated) {
    schloss_transport_t t = fake_registry_transport(w->fr);
    schloss_rc rc = 0;
    for (int i = 0; i < 30 && (rc = schloss_prepare_step(p, w->err)) == SCHLOSS_NEED_IO; i++) {
        schloss_http_response_t resp = {0};
        assert_int_equal(t.perform(t.user, schloss_prepare_request(p), &resp, w->err), 0);
        assert_int_equal(schloss_prepare_feed(p, resp.status, schloss_bytes(resp.body, resp.body_len), 0, w->err), 0);
        t.release(t.user, &resp);
        if (invalidated != NULL) {
            schloss_client_invalidate(invalidated);
        }
    }
    return rc;
}

/* What was asked for before an invalidation is not found in the caches after it: neither schema, KEK nor DEK. */
static void what_is_in_flight_is_invalidated_too(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    for (int round = 0; round < 2; round++) {
        schloss_prepare_t *p = NULL;
        while (round == 1 &&
               schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err) == SCHLOSS_NEED_KEY &&
               w.ser->h.need.run == SIZE_MAX) { /* bring the view in, so that the key is missing */
            assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &p, w.err), 0);
            assert_int_equal(drive(&w, p, NULL), 0);
            schloss_prepare_free(p);
        }
        assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &p, w.err), 0);
        assert_int_equal(drive(&w, p, w.client), 0);
        schloss_prepare_free(p);
        assert_int_equal(map_len(w.client->views), 0);
        assert_int_equal(map_len(w.client->subjects), 0);
        assert_int_equal(map_len(w.client->env.keks), 0);
        assert_int_equal(schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err),
                         SCHLOSS_NEED_KEY);
    }
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    world_close(&w);
}

static void refused_configurations(void **state) {
    (void)state;
    static const struct {
        const char *key, *value;
        schloss_rc rc;
    } t[] = {
        {"schema.registry.url", "registry.test", SCHLOSS_E_CONF_VALUE},
        {"schema.registry.url", "http://", SCHLOSS_E_CONF_VALUE},
        {"schema.registry.url", " , ", SCHLOSS_E_CONF_VALUE},
        {"schema.registry.url", "", SCHLOSS_E_CONF_MISSING},
        {"schema.registry.url", "http://a%zz@registry.test", SCHLOSS_E_CONF_VALUE},
        {"basic.auth.credentials.source", "USER_INFO", SCHLOSS_E_CONF_MISSING},
    };
    schloss_error_t *err = schloss_error_new();
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        const char *more[] = {t[i].key, t[i].value, NULL};
        schloss_conf_t *conf = world_conf(more);
        schloss_client_t *client = NULL;
        schloss_rc rc = schloss_client_new(conf, NULL, &client, err);
        if (rc != t[i].rc) {
            fail_msg("%s=%s: %s", t[i].key, t[i].value, schloss_rc_name(rc));
        }
        assert_null(client);
        schloss_conf_free(conf);
    }
    schloss_error_free(err);
}

/* Credentials of the URL go into the header and leave the URL. */
static void userinfo_becomes_a_header(void **state) {
    (void)state;
    static const char *const more[] = {"schema.registry.url",
                                       "http://ann:p%40ss@registry.test/base/, http://ann:p%40ss@b.test", NULL};
    static const char *const one[] = {"schema.registry.url", "http://ann:p%40ss@registry.test/base/, http://b.test",
                                      NULL};
    schloss_conf_t *conf = world_conf(one); /* whoever is at b.test is not told ann's password */
    schloss_client_t *client = NULL;
    assert_int_equal(schloss_client_new(conf, NULL, &client, NULL), SCHLOSS_E_CONF_VALUE);
    schloss_conf_free(conf);
    conf = world_conf(more);
    assert_int_equal(schloss_client_new(conf, NULL, &client, NULL), 0);
    assert_int_equal(client->service.n_urls, 2);
    assert_string_equal(client->service.urls[0], "http://registry.test/base");
    assert_string_equal(client->service.urls[1], "http://b.test");
    assert_string_equal(client->service.authorization, "Basic YW5uOnBAc3M="); /* ann:p@ss, test-only */
    schloss_client_free(client);
    schloss_conf_free(conf);
}

/* One client's demand for locked key memory is not undone by the next client. */
static void required_locking_stays_required(void **state) {
    (void)state;
    static const char *const strict[] = {"schloss.memory.lock", "required", NULL};
    schloss_conf_t *conf = world_conf(strict), *lax = world_conf(NULL);
    schloss_client_t *a = NULL, *b = NULL;
    assert_int_equal(schloss_client_new(conf, NULL, &a, NULL), 0);
    assert_int_equal(schloss_client_new(lax, NULL, &b, NULL), 0);
    assert_true(secret_lock_is_required());
    secret_require_lock(false);
    schloss_client_free(a);
    schloss_client_free(b);
    schloss_conf_free(conf);
    schloss_conf_free(lax);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_private_core_keeps_the_transport_alive, setup),
        cmocka_unit_test_setup(invalidation_and_clock_reach_private_cores, setup),
        cmocka_unit_test_setup(what_is_in_flight_is_invalidated_too, setup),
        cmocka_unit_test_setup(refused_configurations, setup),
        cmocka_unit_test_setup(userinfo_becomes_a_header, setup),
        cmocka_unit_test_setup(required_locking_stays_required, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
