/* A process forks while other threads hold every lock there is and fetch what is missing: each child goes on with what
 * it inherited, waits for no thread that is gone, and frees a client whose refresh thread it does not have. A child
 * that hangs is ended by its alarm, which fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <pthread.h>
#include <schloss/ext/prepare.h>
#include <schloss/ext/rule.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define CHILDREN 50
#define CHILD_SECONDS 12

/* The fake registry knows nothing of forks: its calls go through a lock that the forking thread holds meanwhile. So
 * forks meet threads that own flights and wait for their answer. */
typedef struct gate {
    pthread_mutex_t lock;
    _Atomic unsigned waiting;
    schloss_transport_t inner;
} gate_t;

static schloss_rc gate_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                               schloss_error_t *err) {
    gate_t *g = user;
    atomic_fetch_add(&g->waiting, 1);
    pthread_mutex_lock(&g->lock);
    atomic_fetch_sub(&g->waiting, 1);
    schloss_rc rc = g->inner.perform(g->inner.user, req, out, err);
    pthread_mutex_unlock(&g->lock);
    return rc;
}

static void gate_release(void *user, schloss_http_response_t *out) {
    gate_t *g = user;
    atomic_fetch_add(&g->waiting, 1);
    pthread_mutex_lock(&g->lock);
    atomic_fetch_sub(&g->waiting, 1);
    g->inner.release(g->inner.user, out);
    pthread_mutex_unlock(&g->lock);
}

typedef struct shared {
    fake_registry_t *fr;
    gate_t gate;
    schloss_client_t *client;
    _Atomic unsigned failures;
    _Atomic bool stop;
} shared_t;

static const char *const conf_busy[] = {
    "cache.expiry.secs", "0", "latest.cache.ttl.sec", "0", "schloss.refresh.thread", "true", NULL};

static schloss_client_t *open_client(gate_t *gate, const char *const *more) {
    schloss_conf_t *conf = world_conf(more);
    schloss_transport_t t = {
        .size = sizeof(t), .user = gate, .perform = gate_perform, .release = gate_release, .destroy = NULL};
    schloss_client_t *client = NULL;
    schloss_rc rc = schloss_client_new(conf, &t, &client, NULL);
    schloss_conf_free(conf);
    return rc == SCHLOSS_OK ? client : NULL;
}

static const char *const topics[THREADS] = {"orders", "payments", "people", "places"};

/* One record there and back; 0 or the number of the step that failed. */
static int round_trip(schloss_serializer_t *ser, schloss_deserializer_t *de, unsigned topic, int32_t n) {
    const schloss_target_t target = {.topic = topics[topic]};
    uint8_t rec[256];
    size_t len = world_person(rec, sizeof(rec), "Ada Lovelace", n, "note", 3, NULL);
    schloss_encoded_t e;
    schloss_decoded_t d;
    if (schloss_serialize(ser, &target, schloss_bytes(rec, len), &e, NULL) != SCHLOSS_OK) {
        return 1;
    }
    if (memmem(e.value.ptr, e.value.len, "Ada Lovelace", 12) != NULL) {
        return 2;
    }
    if (schloss_deserialize(de, &target, e.value, NULL, 0, &d, NULL) != SCHLOSS_OK) {
        return 3;
    }
    return d.value.len == len && memcmp(d.value.ptr, rec, len) == 0 ? 0 : 4;
}

typedef struct worker {
    shared_t *s;
    unsigned topic;
    pthread_t thread;
} worker_t;

static void *work(void *arg) {
    const worker_t *w = arg;
    shared_t *s = w->s;
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    if (schloss_serializer_new(s->client, NULL, &ser, NULL) != SCHLOSS_OK ||
        schloss_deserializer_new(s->client, NULL, &de, NULL) != SCHLOSS_OK) {
        atomic_fetch_add(&s->failures, 1);
    }
    for (int32_t i = 0; ser != NULL && de != NULL && !atomic_load(&s->stop); i++) {
        if (round_trip(ser, de, w->topic, i) != 0) {
            atomic_fetch_add(&s->failures, 1);
        }
        if (i % 3 == 0) {
            schloss_client_invalidate(s->client);
        }
    }
    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
    return NULL;
}

/* Both the shared client, in the middle of its work, and one of its own. */
static int child(shared_t *s, schloss_client_t *idle) {
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    alarm(CHILD_SECONDS);
    if (schloss_serializer_new(s->client, NULL, &ser, NULL) != SCHLOSS_OK ||
        schloss_deserializer_new(s->client, NULL, &de, NULL) != SCHLOSS_OK) {
        return 10;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        int failed = round_trip(ser, de, i, (int32_t)i);
        if (failed != 0) {
            return failed;
        }
    }
    schloss_client_invalidate(s->client);
    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
    schloss_client_free(idle); /* must not wait for the refresh thread, which stayed with the parent */
    return 0;
}

/* The allocators of GCC's sanitizers do not survive a fork of a thread that is inside: under them all threads wait for
 * an answer then. Else they are wherever they are. */
static void before_fork(shared_t *s) {
    (void)s;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    for (int i = 0; i < 2000 && atomic_load(&s->gate.waiting) < THREADS; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
#endif
}

/* ThreadSanitizer's pthread_once() does not begin anew in a child, as glibc's does: under it everything is initialised
 * before the first fork. */
static void warm_up(shared_t *s) {
    (void)s;
#ifdef __SANITIZE_THREAD__
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    assert_int_equal(schloss_serializer_new(s->client, NULL, &ser, NULL), 0);
    assert_int_equal(schloss_deserializer_new(s->client, NULL, &de, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(round_trip(ser, de, i, 0), 0);
    }
    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
#endif
}

static void children_go_on(void **state) {
    (void)state;
    static shared_t s;
    memset(&s, 0, sizeof(s));
    s.fr = fake_registry_new();
    static const char *const rules[THREADS] = {FAKE_RULES_PII("AES256_GCM", ""), FAKE_RULES_PII("AES256_SIV", ""),
                                               FAKE_RULES_PAYLOAD("AES128_GCM", ""),
                                               FAKE_RULES_PII("AES256_GCM", ",\"encrypt.dek.expiry.days\":\"1\"")};
    for (int i = 0; i < THREADS; i++) {
        char subject[64];
        snprintf(subject, sizeof(subject), "%s-value", topics[i]);
        fake_registry_put_avro(s.fr, subject, i + 1, FAKE_SCHEMA_PERSON, rules[i]);
    }
    pthread_mutex_init(&s.gate.lock, NULL);
    s.gate.inner = fake_registry_transport(s.fr);
    s.client = open_client(&s.gate, conf_busy);
    schloss_client_t *idle = open_client(&s.gate, conf_busy);
    assert_non_null(s.client);
    assert_non_null(idle);
    warm_up(&s);
    worker_t workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.s = &s, .topic = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    pid_t pids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        pthread_mutex_lock(&s.gate.lock);
        before_fork(&s);
        pids[i] = fork();
        pthread_mutex_unlock(&s.gate.lock);
        if (pids[i] == 0) {
            _exit(child(&s, idle));
        }
    }
    int bad = 0;
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        if (waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "child %d: %s %d\n", i, WIFSIGNALED(status) ? "signal" : "exit",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            bad++;
        }
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    schloss_client_free(s.client);
    schloss_client_free(idle);
    fake_registry_free(s.fr);
    pthread_mutex_destroy(&s.gate.lock);
    assert_int_equal(bad, 0);
    assert_int_equal(atomic_load(&s.failures), 0);
}

/* An event loop forks while its own prepare is under way: both sides finish it. */
static void a_prepare_under_way_survives_on_both_sides(void **state) {
    (void)state;
    static const char *const conf[] = {"value.subject.name.strategy", "TopicNameStrategy", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    schloss_prepare_t *p = NULL;
    schloss_serializer_t *other = NULL;
    uint8_t rec[64];
    size_t len = world_person(rec, sizeof(rec), "a", 1, "b", 1, NULL);
    schloss_encoded_t e;
    assert_int_equal(schloss_serializer_new(w.client, NULL, &other, w.err), 0);
    assert_int_equal(schloss_serializer_prepare_begin(w.ser, &w.target, &p, w.err), 0);
    assert_int_equal(schloss_prepare_step(p, w.err), SCHLOSS_NEED_IO);
    pid_t pid = fork();
    if (pid == 0) { /* the flight is nobody's here: another handle fetches instead of waiting for it */
        alarm(CHILD_SECONDS);
        int bad = schloss_serialize(other, &w.target, schloss_bytes(rec, len), &e, NULL) != SCHLOSS_OK;
        bad |= schloss_prepare_feed_failure(p, SCHLOSS_E_CONNECT, "child", NULL) != SCHLOSS_OK;
        schloss_prepare_free(p);
        bad |= schloss_serialize(w.ser, &w.target, schloss_bytes(rec, len), &e, NULL) != SCHLOSS_OK;
        _exit(bad);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    schloss_prepare_free(p);
    schloss_serializer_free(other);
    world_close(&w);
}

typedef struct reader {
    schloss_client_t *client;
    _Atomic bool inside;
} reader_t;

static bool read_slowly(void *user, const schloss_rule_counts_t *counts) {
    (void)counts;
    atomic_store(&((reader_t *)user)->inside, true);
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    return true;
}

static void *read_counts(void *arg) {
    reader_t *r = arg;
    schloss_client_rule_counts(r->client, read_slowly, r);
    return NULL;
}

/* Counters of rules have a lock of their own: a child that compiles a schema takes it. */
static void rule_counters_read_meanwhile_do_not_stop_a_child(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t e;
    uint8_t rec[64];
    size_t len = world_person(rec, sizeof(rec), "a", 1, "b", 1, NULL);
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, len), &e, w.err), 0);
    reader_t r = {.client = w.client};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_counts, &r), 0);
    while (!atomic_load(&r.inside)) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS / 4);
        schloss_client_invalidate(w.client);
        _exit(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, len), &e, NULL) != SCHLOSS_OK);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    pthread_join(thread, NULL);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_go_on),
        cmocka_unit_test(a_prepare_under_way_survives_on_both_sides),
        cmocka_unit_test(rule_counters_read_meanwhile_do_not_stop_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
