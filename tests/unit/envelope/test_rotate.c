/* Rotation with a grace, races between two producers, and the count of uses (issue 4; checklist 32, 40, 41). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/metrics.h"
#include "base/text.h"
#include "envelope/set.h"
#include "serde/core.h"
#include "testlib/world.h"
#include <string.h>
#include <unistd.h>

#define DAILY ",\"encrypt.dek.expiry.days\":\"1\""
#define DAY 86400000ll
#define DEK_POST "POST /dek-registry/v1/keks/kek1/deks/orders-value"
#define GRACE 2000

static int64_t now_ms;
static int64_t test_clock(void *user) {
    (void)user;
    return now_ms;
}

static void set_now(world_t *w, int64_t ms) {
    now_ms = ms;
    fake_registry_set_now(w->fr, ms);
}

static void open_world(world_t *w, const char *rules, int64_t grace) {
    static const char *const conf[] = {"schloss.negative.cache.ms", "0", "max.retries", "0", NULL};
    world_open(w, FAKE_SCHEMA_PERSON, rules, conf);
    set_now(w, 1700000000000);
    schloss_client_set_clock(w->client, test_clock, NULL);
    w->client->env.conf.rotate_grace_ms = grace;
}

/* DEK version that a record is written with, or the error. */
static int write_one(world_t *w) {
    uint8_t rec[256];
    size_t n = world_person(rec, sizeof(rec), "ann", 1, "note", 4, NULL);
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    schloss_rc rc = schloss_serialize(w->ser, &w->target, schloss_bytes(rec, n), &enc, w->err);
    if (rc != 0) {
        return rc;
    }
    assert_int_equal(schloss_deserialize(w->de, &w->target, enc.value, NULL, 0, &dec, w->err), 0);
    assert_int_equal(dec.value.len, n);
    assert_memory_equal(dec.value.ptr, rec, n);
    /* header 5, length of the base64 text 1 byte; then base64 of 00 | version */
    uint8_t head[6];
    size_t len = 0;
    assert_true(b64_decode(head, &len, enc.value.ptr + 6, 8));
    assert_int_equal(head[0], 0);
    return (int)be32_read(head + 1);
}

static bool first_writing(void *user, bytes_t key, void *value) {
    (void)key;
    dek_slot_t **out = user;
    if (((dek_slot_t *)value)->spec.writing) {
        *out = value;
    }
    return false;
}

static dek_slot_t *slot_of(world_t *w) {
    dek_slot_t *slot = NULL;
    map_sweep(w->client->env.slots, first_writing, (void *)&slot);
    assert_non_null(slot);
    return slot;
}

static bool wants(world_t *w) {
    pthread_mutex_lock(&w->client->env.lock);
    bool yes = env_slot_wants_rotation(&w->client->env, slot_of(w));
    pthread_mutex_unlock(&w->client->env.lock);
    return yes;
}

typedef struct job {
    env_t *env;
    dek_slot_t *slot;
    dek_fill_t fill;
} job_t;

static schloss_rc logic(void *arg, io_t *io, schloss_error_t *err) {
    job_t *j = arg;
    return env_fill(j->env, j->slot, 0, &j->fill, io, err);
}

/* What the refresh thread does. */
static schloss_rc rotate(world_t *w, const schloss_transport_t *t) {
    job_t j = {.env = &w->client->env, .slot = slot_of(w)};
    io_t *io = NULL;
    dek_fill_init(&j.fill);
    assert_int_equal(io_new(&io, NULL), 0);
    schloss_rc rc = io_run(io, t == NULL ? &w->client->transport : t, logic, &j, w->err);
    io_free(io);
    dek_fill_clear(&j.fill);
    return rc;
}

static void grace_goes_on_under_the_old_key(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    int64_t born = now_ms;
    assert_int_equal(env_next_rotation_ms(&w.client->env), INT64_MAX);
    assert_int_equal(write_one(&w), 1);
    assert_int_equal(env_next_rotation_ms(&w.client->env), DAY);
    set_now(&w, born + DAY - 1);
    assert_int_equal(write_one(&w), 1);
    assert_false(wants(&w)); /* exact: not before */
    assert_int_equal(env_next_rotation_ms(&w.client->env), 1);
    set_now(&w, born + DAY);
    assert_true(wants(&w)); /* records have been written near the end: no need to wait for one more */
    assert_int_equal(env_next_rotation_ms(&w.client->env), 0);
    fake_registry_clear_requests(w.fr);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_one(&w), 1);
    }
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    assert_int_equal(rotate(&w, NULL), 0);
    assert_int_equal(fake_registry_count(w.fr, DEK_POST), 1);
    assert_false(wants(&w));
    assert_int_equal(env_next_rotation_ms(&w.client->env), DAY);
    assert_int_equal(write_one(&w), 2);
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    world_close(&w);
}

/* spec 8: 40 */
static void without_a_refresh_thread_the_first_record_after_the_grace_rotates(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    int64_t born = now_ms;
    assert_int_equal(write_one(&w), 1);
    set_now(&w, born + DAY + GRACE - 1);
    assert_int_equal(write_one(&w), 1);
    set_now(&w, born + DAY + GRACE);
    assert_int_equal(write_one(&w), 2);
    world_close(&w);

    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), 0); /* none: exact */
    assert_int_equal(write_one(&w), 1);
    set_now(&w, now_ms + DAY - 1);
    assert_int_equal(write_one(&w), 1);
    set_now(&w, now_ms + 1);
    assert_false(wants(&w));
    assert_int_equal(env_next_rotation_ms(&w.client->env), INT64_MAX);
    assert_int_equal(write_one(&w), 2);
    world_close(&w);
}

static void nobody_writes_nothing_rotates(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    assert_int_equal(write_one(&w), 1);
    set_now(&w, now_ms + 3 * DAY);
    assert_false(wants(&w));
    assert_int_equal(env_next_rotation_ms(&w.client->env), INT64_MAX);
    assert_int_equal(write_one(&w), 2);
    set_now(&w, -5); /* a clock that is set far back is no reason to rotate, or to overflow */
    assert_int_equal(env_next_rotation_ms(&w.client->env), INT64_MAX);
    assert_int_equal(write_one(&w), 2);
    set_now(&w, INT64_MIN);
    assert_int_equal(write_one(&w), 2);
    world_close(&w);
}

static void a_failure_in_the_grace_is_no_records_failure(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    int64_t born = now_ms;
    assert_int_equal(write_one(&w), 1);
    set_now(&w, born + DAY + 5);
    assert_int_equal(write_one(&w), 1);
    assert_true(wants(&w));
    fake_registry_fault(w.fr, FAKE_STATUS, "GET /dek-registry", 1, 0, 403, NULL);
    assert_int_equal(rotate(&w, NULL), 0);
    assert_int_equal(write_one(&w), 1);
    assert_false(wants(&w)); /* a pause before the next attempt */
    int64_t pause = env_next_rotation_ms(&w.client->env);
    assert_true(pause > 0 && pause <= GRACE / 4 + 1);
    usleep((useconds_t)(pause + 10) * 1000);
    assert_true(wants(&w));
    assert_int_equal(rotate(&w, NULL), 0);
    assert_int_equal(write_one(&w), 1);
    set_now(&w, born + DAY + GRACE); /* now it is the record's: as without a grace */
    assert_int_equal(write_one(&w), SCHLOSS_E_FORBIDDEN);
    fake_registry_clear_faults(w.fr);
    usleep(20000);
    assert_int_equal(write_one(&w), 2);
    world_close(&w);
}

static void refused_creation_asks_for_the_latest_again(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), 0);
    assert_int_equal(write_one(&w), 1);
    set_now(&w, now_ms + DAY);
    fake_registry_fault(w.fr, FAKE_STATUS_AFTER, DEK_POST, 1, 1, 500, NULL); /* made, but the answer was lost */
    assert_int_equal(write_one(&w), 1);
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    usleep(20000);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(write_one(&w), 2);
    assert_int_equal(fake_registry_count(w.fr, "/versions/-1?"), 1);
    assert_int_equal(fake_registry_count(w.fr, "POST"), 0);
    world_close(&w);
}

/* ---- two producers ---- */

typedef struct racing {
    schloss_transport_t inner;
    world_t *rival; /* rotates just before our creation arrives; then NULL */
} racing_t;

static schloss_rc racing_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                                 schloss_error_t *err) {
    racing_t *r = user;
    world_t *rival = r->rival;
    if (rival != NULL && strcmp(req->method, "POST") == 0) {
        r->rival = NULL;
        assert_int_equal(rotate(rival, NULL), 0);
    }
    return r->inner.perform(r->inner.user, req, out, err);
}

static void racing_release(void *user, schloss_http_response_t *out) {
    racing_t *r = user;
    r->inner.release(r->inner.user, out);
}

/* spec 8: 29 */
static void two_producers_rotate_to_one_key(void **state) {
    (void)state;
    world_t a, b;
    open_world(&a, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    open_world(&b, FAKE_RULES_PII("AES256_GCM", DAILY), GRACE);
    schloss_serializer_free(b.ser); /* b: another client of a's registry */
    schloss_deserializer_free(b.de);
    schloss_client_free(b.client);
    static const char *const conf[] = {"max.retries", "0", NULL};
    schloss_conf_t *c = world_conf(conf);
    schloss_transport_t t = fake_registry_transport(a.fr);
    assert_int_equal(schloss_client_new(c, &t, &b.client, NULL), 0);
    schloss_conf_free(c);
    assert_int_equal(schloss_serializer_new(b.client, NULL, &b.ser, NULL), 0);
    assert_int_equal(schloss_deserializer_new(b.client, NULL, &b.de, NULL), 0);
    schloss_client_set_clock(b.client, test_clock, NULL);
    b.client->env.conf.rotate_grace_ms = GRACE;
    assert_int_equal(write_one(&a), 1);
    assert_int_equal(write_one(&b), 1);
    for (int round = 2; round <= 4; round++) {
        set_now(&a, now_ms + DAY);
        assert_int_equal(write_one(&a), round - 1);
        assert_int_equal(write_one(&b), round - 1);
        racing_t r = {fake_registry_transport(a.fr), &b};
        schloss_transport_t racing = {sizeof(racing), &r, racing_perform, racing_release, NULL};
        fake_registry_clear_requests(a.fr);
        assert_int_equal(rotate(&a, &racing), 0);
        assert_int_equal(fake_registry_count(a.fr, DEK_POST), 2); /* ours and the rival's */
        assert_int_equal(fake_registry_n_deks(a.fr), round);      /* but one key */
        fake_registry_clear_requests(a.fr);
        assert_int_equal(write_one(&a), round);
        assert_int_equal(write_one(&b), round);
        assert_int_equal(fake_registry_count(a.fr, "POST"), 0);
    }
    world_close(&b);
    world_close(&a);
}

/* ---- counting ---- */

static int warnings;
static void count_warnings(int level, const char *component, const char *line, void *user) {
    (void)user;
    (void)component;
    if (level == SCHLOSS_LOG_WARN && strstr(line, "encrypt.dek.expiry.days") != NULL) {
        warnings++;
    }
}

static void uses_are_counted_and_warned_about(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_GCM", DAILY), 0);
    warnings = 0;
    schloss_log_set(count_warnings, NULL, SCHLOSS_LOG_WARN);
    uint64_t before = metrics_get("deks_overused");
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(write_one(&w), 1);
    }
    dek_slot_t *slot = slot_of(&w);
    uint64_t counted = slot->n_sealed; /* two values a record; those since the last flush are not in it */
    assert_true(counted >= 5000 && counted <= 10000);
    dek_use_t use = {.env = &w.client->env, .slot = slot};
    const dek_key_t *key = NULL;
    assert_int_equal(dek_use_get(&use, 0, time_mono_ms(), &key, NULL), 0);
    dek_key_count(key, ((uint64_t)1 << 31) - counted - 1);
    assert_int_equal(warnings, 0);
    dek_key_count(key, 1);
    assert_int_equal(warnings, 1);
    dek_key_count(key, 1000);
    assert_int_equal(warnings, 1);
    dek_key_count(key, (uint64_t)1 << 31);
    dek_key_count(key, (uint64_t)1 << 31);
    assert_int_equal(warnings, 2);
    assert_int_equal(metrics_get("deks_overused"), before + 2);
    /* fetched again, it is still the same DEK */
    schloss_client_invalidate(w.client);
    assert_int_equal(write_one(&w), 1);
    assert_true(slot->n_sealed > (uint64_t)1 << 32);
    /* rotated: another one */
    set_now(&w, now_ms + DAY);
    assert_int_equal(write_one(&w), 2);
    assert_true(slot->n_sealed < 10);
    dek_key_count(key, (uint64_t)1 << 33); /* late: the old version is used no more */
    assert_true(slot->n_sealed < 10);
    assert_int_equal(warnings, 2);
    dek_use_drop(&use);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
    world_close(&w);
}

static void siv_is_not_counted(void **state) {
    (void)state;
    world_t w;
    open_world(&w, FAKE_RULES_PII("AES256_SIV", DAILY), 0);
    assert_int_equal(write_one(&w), 1);
    dek_slot_t *slot = slot_of(&w);
    dek_use_t use = {.env = &w.client->env, .slot = slot};
    const dek_key_t *key = NULL;
    assert_int_equal(dek_use_get(&use, 0, time_mono_ms(), &key, NULL), 0);
    dek_key_count(key, (uint64_t)1 << 40);
    assert_int_equal(slot->n_sealed, 0);
    dek_use_drop(&use);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grace_goes_on_under_the_old_key),
        cmocka_unit_test(without_a_refresh_thread_the_first_record_after_the_grace_rotates),
        cmocka_unit_test(nobody_writes_nothing_rotates),
        cmocka_unit_test(a_failure_in_the_grace_is_no_records_failure),
        cmocka_unit_test(refused_creation_asks_for_the_latest_again),
        cmocka_unit_test(two_producers_rotate_to_one_key),
        cmocka_unit_test(uses_are_counted_and_warned_about),
        cmocka_unit_test(siv_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
