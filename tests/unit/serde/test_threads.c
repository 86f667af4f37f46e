/* Many threads, one client: each has its own serializer and deserializer, while caches expire, a thread refreshes ahead
 * of time, and another invalidates everything again and again. Run under TSan it looks for races; everywhere it checks
 * that each record comes back, that concurrent first users cause one request and one DEK, and that nothing is sent in
 * clear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testlib/world.h"
#include <schloss/ext/rule.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define THREADS 8
#define SUBJECTS 3
#define RECORDS 150

typedef struct shared {
    fake_registry_t *fr;
    schloss_client_t *client;
    pthread_barrier_t start;
    _Atomic unsigned failures;
    _Atomic bool stop;
} shared_t;

typedef struct worker {
    shared_t *s;
    unsigned number, records;
    pthread_t thread;
} worker_t;

static const char *const topics[SUBJECTS] = {"orders", "payments", "people"};

static void fail_note(shared_t *s, const char *what, const schloss_error_t *err) {
    if (atomic_fetch_add(&s->failures, 1) < 5) {
        fprintf(stderr, "%s: %s: %s\n", what, schloss_rc_name(schloss_error_code(err)), schloss_error_message(err));
    }
}

static void one_record(shared_t *s, schloss_serializer_t *ser, schloss_deserializer_t *de, const char *topic,
                       const uint8_t *record, size_t len, schloss_error_t *err) {
    schloss_target_t target = {.topic = topic};
    schloss_encoded_t e;
    schloss_decoded_t d;
    if (schloss_serialize(ser, &target, schloss_bytes(record, len), &e, err) != SCHLOSS_OK) {
        fail_note(s, "serialize", err);
    } else if (memmem(e.value.ptr, e.value.len, "Ada Lovelace", 12) != NULL) {
        fail_note(s, "sent in clear", err);
    } else if (schloss_deserialize(de, &target, e.value, NULL, 0, &d, err) != SCHLOSS_OK) {
        fail_note(s, "deserialize", err);
    } else if (d.value.len != len || memcmp(d.value.ptr, record, len) != 0) {
        fail_note(s, "another record came back", err);
    }
}

static void *work(void *arg) {
    worker_t *w = arg;
    schloss_error_t *err = schloss_error_new();
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    if (schloss_serializer_new(w->s->client, NULL, &ser, err) != SCHLOSS_OK ||
        schloss_deserializer_new(w->s->client, NULL, &de, err) != SCHLOSS_OK) {
        fail_note(w->s, "handle", err);
    }
    uint8_t record[512];
    pthread_barrier_wait(&w->s->start);
    for (unsigned i = 0; i < w->records && ser != NULL && de != NULL; i++) {
        size_t len = world_person(record, sizeof record, "Ada Lovelace", (int32_t)(w->number * 1000 + i), "note",
                                  i % 99, i % 2 ? "ada" : NULL);
        one_record(w->s, ser, de, topics[i % SUBJECTS], record, len, err);
    }
    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
    schloss_error_free(err);
    return NULL;
}

static void pause_us(long us) {
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

static void *invalidate(void *arg) {
    shared_t *s = arg;
    while (!atomic_load(&s->stop)) {
        schloss_client_invalidate(s->client);
        pause_us(700);
    }
    return NULL;
}

static void open_shared(shared_t *s, const char *const *conf) {
    static const char *const rules[SUBJECTS] = {FAKE_RULES_PII("AES256_GCM", ""), FAKE_RULES_PAYLOAD("AES128_GCM", ""),
                                                FAKE_RULES_PII("AES256_SIV", ",\"encrypt.dek.expiry.days\":\"1\"")};
    *s = (shared_t){.fr = fake_registry_new()};
    for (int i = 0; i < SUBJECTS; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "%s-value", topics[i]);
        fake_registry_put_avro(s->fr, subject, i + 1, FAKE_SCHEMA_PERSON, rules[i]);
    }
    schloss_conf_t *c = world_conf(conf);
    schloss_transport_t transport = fake_registry_transport(s->fr);
    schloss_error_t *err = schloss_error_new();
    assert_int_equal(schloss_client_new(c, &transport, &s->client, err), SCHLOSS_OK);
    schloss_error_free(err);
    schloss_conf_free(c);
    assert_int_equal(pthread_barrier_init(&s->start, NULL, THREADS), 0);
}

static void close_shared(shared_t *s) {
    schloss_client_free(s->client);
    pthread_barrier_destroy(&s->start);
    fake_registry_free(s->fr);
}

static void run(shared_t *s, unsigned records, void *(*beside)(void *)) {
    worker_t workers[THREADS];
    pthread_t other;
    if (beside != NULL) {
        assert_int_equal(pthread_create(&other, NULL, beside, s), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.s = s, .number = i, .records = records};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    atomic_store(&s->stop, true);
    if (beside != NULL) {
        pthread_join(other, NULL);
    }
    assert_int_equal(atomic_load(&s->failures), 0);
}

/* The first users of all subjects come at once, and the registry is slow: one of them asks, the others wait. */
static void test_single_flight(void **state) {
    (void)state;
    shared_t s;
    open_shared(&s, NULL);
    fake_registry_fault(s.fr, FAKE_DELAY, NULL, 1, 0, 5, NULL);
    run(&s, SUBJECTS, NULL);
    assert_int_equal(fake_registry_n_deks(s.fr), SUBJECTS);
    assert_int_equal(fake_registry_count(s.fr, "POST /dek-registry/v1/keks/kek1/deks"), SUBJECTS);
    assert_int_equal(fake_registry_count(s.fr, "GET /subjects/orders-value/versions/latest"), 1);
    close_shared(&s);
}

static void test_invalidate_races(void **state) {
    (void)state;
    shared_t s;
    open_shared(&s, NULL);
    run(&s, RECORDS, invalidate);
    assert_int_equal(fake_registry_n_deks(s.fr), SUBJECTS);
    close_shared(&s);
}

/* Entries live one second and the refresh thread renews them; records flow for longer than that. */
static void test_expiry_and_refresh(void **state) {
    (void)state;
    static const char *const conf[] = {
        "cache.expiry.secs", "1", "latest.cache.ttl.sec", "1", "schloss.refresh.thread", "true", NULL};
    shared_t s;
    open_shared(&s, conf);
    for (int round = 0; round < 6; round++) {
        run(&s, SUBJECTS * 4, NULL);
        pause_us(400 * 1000);
    }
    assert_int_equal(fake_registry_n_deks(s.fr), SUBJECTS);
    close_shared(&s);
}

/* A registry that fails now and then while caches are dropped: calls may fail with I/O errors but never send in clear,
 * and afterwards everything works. */
static void test_flaky_registry(void **state) {
    (void)state;
    static const char *const conf[] = {"max.retries", "0", "schloss.negative.cache.ms", "1", NULL};
    shared_t s;
    open_shared(&s, conf);
    run(&s, SUBJECTS, NULL);
    fake_registry_fault(s.fr, FAKE_FAILURE, NULL, 3, 1, SCHLOSS_E_CONNECT, NULL);
    fake_registry_fault(s.fr, FAKE_STATUS, NULL, 7, 1, 503, NULL);
    fake_registry_fault(s.fr, FAKE_GARBAGE, NULL, 11, 1, 0, NULL);
    worker_t w = {.s = &s, .records = 30};
    pthread_barrier_destroy(&s.start);
    assert_int_equal(pthread_barrier_init(&s.start, NULL, 1), 0);
    atomic_store(&s.stop, false);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, invalidate, &s), 0);
    work(&w);
    atomic_store(&s.stop, true);
    pthread_join(other, NULL);
    assert_true(atomic_load(&s.failures) <= 3 * SUBJECTS);
    fake_registry_clear_faults(s.fr);
    pause_us(20 * 1000);
    atomic_store(&s.failures, 0);
    work(&w);
    assert_int_equal(atomic_load(&s.failures), 0);
    close_shared(&s);
}

/* ---- executors, a sink, counters ---- */

typedef struct shop {
    shared_t s;
    _Atomic uint64_t fields, messages, letters, destroyed;
} shop_t;

static schloss_rc same_field(void *user, const schloss_rule_info_t *info, schloss_bytes_t in, schloss_rule_out_t *out,
                             schloss_error_t *err) {
    (void)info;
    atomic_fetch_add(&((shop_t *)user)->fields, 1);
    return schloss_rule_put(out, in.ptr, in.len, err);
}

static schloss_rc holds_always(void *user, const schloss_rule_info_t *info, schloss_bytes_t in, schloss_rule_out_t *out,
                               schloss_error_t *err) {
    (void)info;
    (void)in;
    (void)err;
    atomic_fetch_add(&((shop_t *)user)->messages, 1);
    schloss_rule_set_condition(out, true);
    return 0;
}

static void gone(void *user) {
    atomic_fetch_add(&((shop_t *)user)->destroyed, 1);
}

static schloss_rc post(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err) {
    (void)letter;
    (void)err;
    atomic_fetch_add(&((shop_t *)user)->letters, 1);
    return 0;
}

static bool add_up(void *user, const schloss_rule_counts_t *c) {
    *(uint64_t *)user += strcmp(c->mode, "WRITE") == 0 && strcmp(c->rule, "cond") == 0 ? c->success : 0;
    return true;
}

/* Beside the records: counters are read, executors of other types come, everything is forgotten now and then. */
static void *bother(void *arg) {
    shared_t *s = arg;
    schloss_error_t *err = schloss_error_new();
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        uint64_t n = 0;
        char type[16];
        schloss_client_rule_counts(s->client, add_up, &n);
        if (i < 20) {
            snprintf(type, sizeof type, "OTHER%u", i);
            schloss_rule_executor_t x = {.size = sizeof x, .type = type, .user = s, .transform = holds_always};
            if (schloss_client_add_executor(s->client, &x, err) != 0) {
                fail_note(s, "executor", err);
            }
        }
        if (i % 8 == 7) {
            schloss_client_invalidate(s->client);
        }
        pause_us(500);
    }
    schloss_error_free(err);
    return NULL;
}

static void test_executors(void **state) {
    (void)state;
#define MINE(name, kind, more) "{\"name\":\"" name "\",\"kind\":\"" kind "\"," more "}"
#define KEK                                                                                                            \
    "\"params\":{\"encrypt.kek.name\":\"kek1\",\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\"}"
    static const char rules[] = "{\"domainRules\":[" MINE("cond", "CONDITION", "\"type\":\"Holds\"") "," MINE(
        "mark", "TRANSFORM",
        "\"type\":\"SAME\",\"tags\":[\"PII\"]") "," MINE("enc", "TRANSFORM",
                                                         "\"type\":\"ENCRYPT\",\"tags\":[\"PII\"]," KEK) "]}";
    shop_t shop = {.fields = 0};
    shared_t *s = &shop.s;
    open_shared(s, NULL);
    for (int i = 0; i < SUBJECTS; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "%s-value", topics[i]);
        fake_registry_put_avro(s->fr, subject, 10 + i, FAKE_SCHEMA_PERSON, rules);
    }
    schloss_error_t *err = schloss_error_new();
    schloss_rule_executor_t x = {
        .size = sizeof x, .type = "SAME", .user = &shop, .transform_field = same_field, .destroy = gone};
    schloss_rule_executor_t y = {
        .size = sizeof y, .type = "HOLDS", .user = &shop, .transform = holds_always, .destroy = gone};
    schloss_dead_letter_sink_t sink = {.size = sizeof sink, .user = &shop, .send = post, .destroy = gone};
    assert_int_equal(schloss_client_add_executor(s->client, &x, err), 0);
    assert_int_equal(schloss_client_add_executor(s->client, &y, err), 0);
    assert_int_equal(schloss_client_set_dead_letter_sink(s->client, &sink, err), 0);
    run(s, RECORDS, bother);
    uint64_t n = 0;
    schloss_client_rule_counts(s->client, add_up, &n);
    assert_int_equal(n, THREADS * RECORDS); /* each record once, however often it ran */
    assert_true(atomic_load(&shop.fields) > 0);
    schloss_error_free(err);
    close_shared(s);
    assert_int_equal(atomic_load(&shop.destroyed), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_flight),      cmocka_unit_test(test_invalidate_races),
        cmocka_unit_test(test_expiry_and_refresh), cmocka_unit_test(test_flaky_registry),
        cmocka_unit_test(test_executors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
