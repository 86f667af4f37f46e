/* Prepare as a state machine: an event loop can drive it, it says what it wants, it never blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/ext/prepare.h>
#include <string.h>

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

/* Carries one request of p by hand. */
static void carry(world_t *w, schloss_prepare_t *p) {
    const schloss_http_request_t *req = schloss_prepare_request(p);
    assert_non_null(req);
    schloss_transport_t t = fake_registry_transport(w->fr);
    schloss_http_response_t resp;
    memset(&resp, 0, sizeof(resp));
    schloss_rc rc = t.perform(t.user, req, &resp, w->err);
    if (rc != 0) {
        assert_int_equal(schloss_prepare_feed_failure(p, rc, "by hand", w->err), 0);
        return;
    }
    assert_int_equal(
        schloss_prepare_feed(p, resp.status, schloss_bytes(resp.body, resp.body_len), resp.retry_after_ms, w->err), 0);
    t.release(t.user, &resp);
}

static void an_event_loop_can_drive_it(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    schloss_encoded_t enc;
    schloss_rc rc = 0;
    int prepares = 0, steps = 0;
    while ((rc = schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err)) ==
           SCHLOSS_NEED_KEY) {
        schloss_prepare_t *p = NULL;
        assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &p, w.err), 0);
        while ((rc = schloss_prepare_step(p, w.err)) > 0) {
            assert_int_equal(rc, SCHLOSS_NEED_IO);
            carry(&w, p);
            assert_true(++steps < 50);
        }
        assert_int_equal(rc, 0);
        schloss_prepare_free(p);
        assert_true(++prepares < 10);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(prepares, 2); /* the schema, then the key */
    world_close(&w);
}

static void a_second_prepare_waits_for_the_first(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    fake_registry_put_association(w.fr, "orders", false, WORLD_SUBJECT);
    schloss_serializer_t *other = NULL;
    schloss_prepare_t *a = NULL, *b = NULL;
    const schloss_schema_t *schema = NULL;
    assert_int_equal(schloss_serializer_new(w.client, NULL, &other, w.err), 0);
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &a, w.err), 0);
    assert_int_equal(schloss_serializer_prepare_begin(other, &w.target, &b, w.err), 0);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO); /* association */
    carry(&w, a);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO); /* schema: a flies */
    assert_int_equal(schloss_prepare_step(b, w.err), SCHLOSS_NEED_WAIT);
    assert_true(schloss_prepare_wait_ms(b) > 0);
    assert_null(schloss_prepare_request(b));
    carry(&w, a);
    assert_int_equal(schloss_prepare_step(a, w.err), 0);
    assert_int_equal(schloss_prepare_step(b, w.err), 0); /* finds the cache filled */
    schloss_prepare_free(a);
    schloss_prepare_free(b);
    assert_int_equal(schloss_serializer_prepare(other, &w.target, &schema, w.err), 0);
    assert_int_equal(schloss_schema_id(schema), 1);
    assert_int_equal(fake_registry_count(w.fr, "versions/latest"), 1);
    schloss_serializer_free(other);
    world_close(&w);
}

static void an_abandoned_prepare_lets_the_next_one_fly(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    schloss_prepare_t *a = NULL;
    schloss_encoded_t enc;
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &a, w.err), 0);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO);
    carry(&w, a);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO);
    schloss_prepare_free(a);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    world_close(&w);
}

static void a_waiter_shares_the_failure(void **state) {
    (void)state;
    world_t w;
    static const char *const conf[] = {"max.retries", "0", "value.subject.name.strategy", "TopicNameStrategy", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    schloss_serializer_t *other = NULL;
    schloss_prepare_t *a = NULL, *b = NULL;
    assert_int_equal(schloss_serializer_new(w.client, NULL, &other, w.err), 0);
    fake_registry_fault(w.fr, FAKE_FAILURE, NULL, 1, 0, SCHLOSS_E_CONNECT, NULL);
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &a, w.err), 0);
    assert_int_equal(schloss_serializer_prepare_begin(other, &w.target, &b, w.err), 0);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO);
    assert_int_equal(schloss_prepare_step(b, w.err), SCHLOSS_NEED_WAIT);
    carry(&w, a);
    assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_E_CONNECT);
    assert_int_equal(schloss_prepare_step(b, w.err), SCHLOSS_E_CONNECT);
    schloss_prepare_free(a);
    schloss_prepare_free(b);
    schloss_serializer_free(other);
    world_close(&w);
}

static void nothing_to_prepare_is_said(void **state) {
    (void)state;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    schloss_prepare_t *p = NULL;
    assert_int_equal(schloss_deserializer_prepare_begin(w.de, &p, w.err), SCHLOSS_E_INVALID_STATE);
    world_close(&w);
}

static void hostile_answers_end_in_errors(void **state) {
    (void)state;
    static const struct {
        fake_fault_t fault;
        int arg;
        const char *body;
        schloss_rc rc;
    } t[] = {
        {FAKE_GARBAGE, 0, NULL, SCHLOSS_E_REGISTRY_ANSWER},
        {FAKE_TRUNCATE, 0, NULL, SCHLOSS_E_REGISTRY_ANSWER},
        {FAKE_DEEP, 0, NULL, SCHLOSS_E_REGISTRY_ANSWER},
        {FAKE_BODY, 200, "{}", SCHLOSS_E_REGISTRY_ANSWER},
        {FAKE_BODY, 200, "", SCHLOSS_E_REGISTRY_ANSWER},
        {FAKE_BODY, 200, "{\"id\":1,\"version\":1,\"schema\":\"no schema\"}", SCHLOSS_E_SCHEMA_PARSE},
        {FAKE_BODY, 200, "{\"id\":1,\"version\":1,\"schemaType\":\"XML\",\"schema\":\"{}\"}", SCHLOSS_E_SCHEMA_TYPE},
        {FAKE_BODY, 200, "{\"id\":1,\"version\":1,\"schema\":\"\\\"int\\\"\",\"ruleSet\":{\"domainRules\":7}}",
         SCHLOSS_E_RULE_SET},
        {FAKE_STATUS, 404, NULL, SCHLOSS_E_SCHEMA_NOT_FOUND},
        {FAKE_STATUS, 401, NULL, SCHLOSS_E_UNAUTHENTICATED},
        {FAKE_STATUS, 403, NULL, SCHLOSS_E_FORBIDDEN},
        {FAKE_STATUS, 500, NULL, SCHLOSS_E_REGISTRY_BUSY},
        {FAKE_STATUS, 418, NULL, SCHLOSS_E_REGISTRY_STATUS},
        {FAKE_FAILURE, SCHLOSS_E_TIMEOUT, NULL, SCHLOSS_E_TIMEOUT},
        {FAKE_FAILURE, SCHLOSS_E_TLS, NULL, SCHLOSS_E_TLS},
    };
    static const char *const conf[] = {"max.retries", "0", "value.subject.name.strategy", "TopicNameStrategy", NULL};
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        world_t w;
        schloss_encoded_t enc;
        world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
        fake_registry_fault(w.fr, t[i].fault, "versions/latest", 1, 0, t[i].arg, t[i].body);
        schloss_rc rc = schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err);
        if (rc != t[i].rc) {
            fail_msg("case %zu: %s (%s), expected %s", i, schloss_rc_name(rc), schloss_error_message(w.err),
                     schloss_rc_name(t[i].rc));
        }
        assert_string_not_equal(schloss_error_message(w.err), "");
        fake_registry_clear_faults(w.fr); /* and the handle goes on */
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
        world_close(&w);
    }
}

static schloss_rc carry_on(world_t *w, schloss_prepare_t *p) {
    schloss_rc rc = 0;
    for (int i = 0; i < 30 && (rc = schloss_prepare_step(p, w->err)) == SCHLOSS_NEED_IO; i++) {
        carry(w, p);
    }
    return rc;
}

/* The view of a target changes, and with it the rule's algorithm, while a prepare makes a key for the old one: the key
 * must not be stored under the new algorithm, where nobody could ever use it. */
static void a_key_is_stored_for_what_it_was_made_for(void **state) {
    (void)state;
    world_t w;
    static const char *const conf[] = {"value.subject.name.strategy", "TopicNameStrategy", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    schloss_encoded_t enc;
    schloss_prepare_t *a = NULL, *b = NULL;
    assert_int_equal(schloss_serializer_prepare(w.ser, &w.target, NULL, w.err), 0);
    assert_int_equal(schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err),
                     SCHLOSS_NEED_KEY);
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &a, w.err), 0);
    for (int i = 0; i < 10; i++) { /* as far as the request that would create the DEK */
        assert_int_equal(schloss_prepare_step(a, w.err), SCHLOSS_NEED_IO);
        if (strcmp(schloss_prepare_request(a)->method, "POST") == 0 &&
            strstr(schloss_prepare_request(a)->url, "/deks/") != NULL) {
            break;
        }
        carry(&w, a);
    }
    fake_registry_put_avro(w.fr, WORLD_SUBJECT, 2, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""));
    schloss_client_invalidate(w.client);
    assert_int_equal(schloss_serialize_try(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err),
                     SCHLOSS_NEED_KEY);
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &b, w.err), 0);
    assert_int_equal(carry_on(&w, b), 0);
    assert_int_equal(carry_on(&w, a), 0);
    schloss_prepare_free(a);
    schloss_prepare_free(b);
    json_t *siv = fake_registry_get_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_SIV");
    json_t *gcm = fake_registry_get_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_GCM");
    assert_null(siv);
    assert_non_null(gcm);
    json_decref(gcm);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_loop_can_drive_it, setup),
        cmocka_unit_test_setup(a_second_prepare_waits_for_the_first, setup),
        cmocka_unit_test_setup(an_abandoned_prepare_lets_the_next_one_fly, setup),
        cmocka_unit_test_setup(a_waiter_shares_the_failure, setup),
        cmocka_unit_test_setup(nothing_to_prepare_is_said, setup),
        cmocka_unit_test_setup(hostile_answers_end_in_errors, setup),
        cmocka_unit_test_setup(a_key_is_stored_for_what_it_was_made_for, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
