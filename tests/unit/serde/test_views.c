/* Bounds: however many subjects, ids and topics pass by, the caches of a client stay as small as they were asked to be,
 * what is in use is not taken away, and keys that are given up are wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/secret.h"
#include "serde/views.h"
#include "testlib/world.h"
#include <stdio.h>
#include <string.h>

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

typedef struct counted {
    char kind;
    size_t n;
} counted_t;
static bool count_one(void *user, bytes_t key, void *value) {
    counted_t *k = user;
    (void)value;
    k->n += key.len > 0 && key.ptr[0] == (uint8_t)k->kind;
    return false;
}
static size_t count_kind(const core_t *c, char kind) {
    counted_t k = {kind, 0};
    map_sweep(c->views, count_one, &k);
    return k.n;
}

static void write_topic(world_t *w, const char *topic) {
    schloss_encoded_t enc;
    schloss_serializer_t *ser = NULL;
    w->target.topic = topic;
    assert_int_equal(schloss_serializer_new(w->client, NULL, &ser, w->err), 0);
    if (schloss_serialize(ser, &w->target, schloss_bytes(rec, rec_len), &enc, w->err) != 0) {
        fail_msg("%s: %s", topic, schloss_error_message(w->err));
    }
    schloss_serializer_free(ser);
}

static void views_are_bounded_by_kind(void **state) {
    (void)state;
    static const char *const conf[] = {
        "latest.cache.size", "4", "max.schemas.per.subject", "3", "subject.name.strategy.cache.size", "5", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    schloss_decoded_t dec;
    for (int i = 0; i < 40; i++) {
        char subject[64], topic[64];
        (void)snprintf(topic, sizeof(topic), "t%d", i);
        (void)snprintf(subject, sizeof(subject), "t%d-value", i);
        fake_registry_put_avro(w.fr, subject, 100 + i, FAKE_SCHEMA_PERSON, NULL);
        write_topic(&w, topic);
        schloss_deserializer_t *de = NULL;
        assert_int_equal(schloss_deserializer_new(w.client, NULL, &de, w.err), 0);
        uint8_t framed[300] = {0, 0, 0, 0, (uint8_t)(100 + i)};
        memcpy(framed + 5, rec, rec_len);
        assert_int_equal(schloss_deserialize(de, &w.target, schloss_bytes(framed, rec_len + 5), NULL, 0, &dec, w.err),
                         0);
        schloss_deserializer_free(de);
        assert_true(count_kind(w.client, 'w') <= 4);
        assert_true(count_kind(w.client, 'r') <= 3);
        assert_true(map_len(w.client->subjects) <= 5);
        assert_int_equal(map_len(w.client->flights), 0);
    }
    assert_int_equal(count_kind(w.client, 'w'), 4); /* and are used to their bound */
    assert_int_equal(count_kind(w.client, 'r'), 3);
    size_t before = fake_registry_count(w.fr, "GET /subjects/t39-value/versions/latest");
    write_topic(&w, "t39"); /* the newest is there */
    assert_int_equal(fake_registry_count(w.fr, "GET /subjects/t39-value/versions/latest"), before);
    write_topic(&w, "t0"); /* the oldest went first */
    assert_int_equal(fake_registry_count(w.fr, "GET /subjects/t0-value/versions/latest"), 2);
    world_close(&w);
}

/* A view that a handle holds is not taken from the cache; then new ones are not kept. */
static void what_is_in_use_stays(void **state) {
    (void)state;
    static const char *const conf[] = {"latest.cache.size", "1", NULL};
    world_t w;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    fake_registry_put_avro(w.fr, "a-value", 5, FAKE_SCHEMA_PERSON, NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    write_topic(&w, "a");
    write_topic(&w, "a");
    assert_int_equal(count_kind(w.client, 'w'), 1);
    assert_int_equal(fake_registry_count(w.fr, "GET /subjects/a-value/versions/latest"), 2);
    write_topic(&w, "orders");
    assert_int_equal(fake_registry_count(w.fr, "GET /subjects/orders-value/versions/latest"), 1);
    world_close(&w);
}

static void what_is_missing_is_bounded(void **state) {
    (void)state;
    static const char *const conf[] = {"missing.version.cache.ttl.sec", "60", "missing.cache.size", "3", NULL};
    world_t w;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    for (int i = 0; i < 20; i++) {
        char topic[32];
        (void)snprintf(topic, sizeof(topic), "none%d", i);
        w.target.topic = topic;
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err),
                         SCHLOSS_E_SCHEMA_NOT_FOUND);
        assert_true(map_len(w.client->missing) <= 3);
    }
    world_close(&w);
}

/* cache.size, of which the smallest is 64: more subjects than that leave no more keys in memory, and all still work. */
static void keys_are_bounded_and_wiped(void **state) {
    (void)state;
    static const char *const conf[] = {"cache.size", "1", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    size_t at_bound = 0;
    for (int i = 0; i < 3 * (int)CACHE_SIZE_MIN; i++) {
        char subject[64], topic[64];
        (void)snprintf(topic, sizeof(topic), "t%d", i);
        (void)snprintf(subject, sizeof(subject), "t%d-value", i);
        fake_registry_put_avro(w.fr, subject, 1000 + i, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""));
        write_topic(&w, topic);
        if (i == (int)CACHE_SIZE_MIN) {
            at_bound = secret_in_use();
        }
    }
    assert_true(at_bound > 0);
    assert_true(secret_in_use() <= at_bound + at_bound / 8);
    size_t asked = fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1/deks/t0-value");
    write_topic(&w, "t0"); /* given up long ago: fetched again, not made anew */
    assert_true(fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1/deks/t0-value") > asked);
    assert_int_equal(fake_registry_n_deks(w.fr), 3 * CACHE_SIZE_MIN);
    world_close(&w);
    assert_int_equal(secret_in_use(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(views_are_bounded_by_kind, setup),
        cmocka_unit_test_setup(what_is_in_use_stays, setup),
        cmocka_unit_test_setup(what_is_missing_is_bounded, setup),
        cmocka_unit_test_setup(keys_are_bounded_and_wiped, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
