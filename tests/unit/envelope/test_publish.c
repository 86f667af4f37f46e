/* What a slot remembers of a fetch without a key: pass-through of unshared KEKs (spec 1.12), missing KEKs and DEKs by
 * their own time (spec 1.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/time.h"
#include "envelope/set.h"
#include "testlib/fake_registry.h"
#include "testlib/world.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bench {
    fake_registry_t *fr;
    schloss_transport_t transport;
    char *url;
    http_service_t service;
    env_t env;
    const char *passthrough;
} bench_t;

static const char *conf_of(void *user, const char *scope, const char *type, const char *name) {
    const bench_t *b = user;
    (void)scope;
    assert_string_equal(type, "ENCRYPT");
    if (strcmp(name, "encrypt.nonshared.kek.passthrough") == 0) {
        return b->passthrough;
    }
    return strcmp(name, "secret") == 0 ? "mysecret" : NULL;
}

static void open_bench(bench_t *b, int64_t negative_ms, int64_t missing_kek_ms, int64_t missing_dek_ms) {
    memset(b, 0, sizeof(*b));
    b->fr = fake_registry_new();
    b->transport = fake_registry_transport(b->fr);
    static char url[] = FAKE_REGISTRY_URL;
    b->url = url;
    b->service = (http_service_t){.urls = &b->url, .n_urls = 1};
    env_conf_t conf = {.service = &b->service,
                       .ttl_ms = 60000,
                       .negative_ms = negative_ms,
                       .missing_kek_ttl_ms = missing_kek_ms,
                       .missing_dek_ttl_ms = missing_dek_ms,
                       .conf = conf_of,
                       .conf_user = b};
    assert_int_equal(env_init(&b->env, &conf, NULL), 0);
}

static void close_bench(bench_t *b) {
    env_clear(&b->env);
    fake_registry_free(b->fr);
}

static const dek_spec_t reading = {
    .kek = "kek1", .subject = "s", .alg = DEK_AES256_GCM, .conf_scope = "", .conf_type = "ENCRYPT"};

static dek_slot_t *slot_of(bench_t *b, bool writing, const char *subject) {
    dek_spec_t spec = reading;
    dek_slot_t *slot = NULL;
    spec.writing = writing;
    spec.subject = subject;
    spec.kms_type = writing ? "local-kms" : NULL;
    spec.kms_key_id = writing ? "mykey" : NULL;
    assert_int_equal(env_slot(&b->env, &spec, &slot, NULL), 0);
    return slot;
}

typedef struct job {
    bench_t *b;
    dek_slot_t *slot;
    int32_t version;
    dek_fill_t fill;
} job_t;

static schloss_rc logic(void *arg, io_t *io, schloss_error_t *err) {
    job_t *j = arg;
    return env_fill(&j->b->env, j->slot, j->version, &j->fill, io, err);
}

/* Uses the slot, filling it when it wants that. */
static schloss_rc use(bench_t *b, dek_slot_t *slot, int32_t version) {
    dek_use_t u = {.env = &b->env, .slot = slot};
    const dek_key_t *key = NULL;
    int64_t began = time_mono_ms();
    schloss_rc rc = dek_use_get(&u, version, began, &key, NULL);
    if (rc == SCHLOSS_NEED_KEY) {
        job_t j = {.b = b, .slot = slot, .version = version};
        io_t *io = NULL;
        dek_fill_init(&j.fill);
        assert_int_equal(io_new(&io, NULL), 0);
        assert_int_equal(io_run(io, &b->transport, logic, &j, NULL), 0);
        io_free(io);
        dek_fill_clear(&j.fill);
        rc = dek_use_get(&u, version, began, &key, NULL);
    }
    dek_use_drop(&u);
    return rc;
}

static void unshared_keks_pass_through(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, 0, 0, 0);
    b.passthrough = "TRUE";
    fake_registry_put_local_kek(b.fr, "kek1", "mykey", false);
    fake_registry_make_dek(b.fr, "kek1", "s", 1, "AES256_GCM", NULL);
    dek_slot_t *r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), ENV_PASSTHROUGH);
    assert_true(ENV_PASSTHROUGH < 0);                    /* who does not know it must fail */
    assert_int_equal(fake_registry_n_requests(b.fr), 1); /* the KEK, no DEK */
    assert_int_equal(use(&b, r, 7), ENV_PASSTHROUGH);    /* for every version */
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    assert_int_equal(use(&b, slot_of(&b, true, "s"), 0), 0); /* writers are not meant */
    /* shared now: back to keys, once the KEK has been asked for again */
    fake_registry_put_local_kek(b.fr, "kek1", "mykey", true);
    env_invalidate(&b.env);
    assert_int_equal(use(&b, r, 1), 0);
    fake_registry_put_local_kek(b.fr, "kek1", "mykey", false);
    env_invalidate(&b.env);
    assert_int_equal(use(&b, r, 1), ENV_PASSTHROUGH);
    b.passthrough = "false";
    env_invalidate(&b.env);
    assert_int_equal(use(&b, r, 1), 0);
    close_bench(&b);
}

static void a_pass_through_entry_is_alone(void **state) {
    (void)state;
    dek_set_t *a = NULL, *b = NULL, *c = NULL;
    schloss_error_t *err = schloss_error_new();
    (void)err_set(err, SCHLOSS_E_DEK_NOT_FOUND, "test");
    assert_int_equal(dek_set_with(&a, NULL, &(dek_entry_t){.version = 3, .error = err}, false, NULL), 0);
    assert_int_equal(dek_set_with(&b, a, &(dek_entry_t){.version = 4, .passes = true}, false, NULL), 0);
    assert_int_equal(b->n, 1);
    assert_true(dek_set_find(b, 3, false)->passes);
    err = schloss_error_new();
    (void)err_set(err, SCHLOSS_E_DEK_NOT_FOUND, "test");
    assert_int_equal(dek_set_with(&c, b, &(dek_entry_t){.version = 5, .error = err}, false, NULL), 0);
    assert_int_equal(c->n, 1);
    assert_null(dek_set_find(c, 3, false));
    dek_set_unref(a);
    dek_set_unref(b);
    dek_set_unref(c);
}

static void missing_keks_have_their_own_time(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, 0, 60000, 0);
    dek_slot_t *r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    usleep(20000);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    /* another subject: the KEK is known to be missing */
    assert_int_equal(use(&b, slot_of(&b, false, "t"), 1), SCHLOSS_E_KEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    /* any creation ends it */
    assert_int_equal(use(&b, slot_of(&b, true, "s"), 0), 0);
    assert_int_equal(use(&b, r, 1), 0);
    close_bench(&b);

    open_bench(&b, 0, 0, 60000); /* not of this kind: asked again */
    r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    usleep(20000);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 2);
    close_bench(&b);

    open_bench(&b, 60000, 0, 0); /* the general time is the least */
    r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    usleep(20000);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_KEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    close_bench(&b);
}

static void missing_deks_have_their_own_time(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, 0, 0, 60000);
    fake_registry_put_local_kek(b.fr, "kek1", "mykey", false);
    dek_slot_t *r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_DEK_NOT_FOUND);
    usleep(20000);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_DEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 2);
    fake_registry_clear_requests(b.fr);
    /* created by this client, although for another subject: all that was missing is asked for again */
    assert_int_equal(use(&b, slot_of(&b, true, "other"), 0), 0);
    fake_registry_clear_requests(b.fr);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_DEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_DEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 1);
    assert_int_equal(use(&b, slot_of(&b, true, "s"), 0), 0);
    assert_int_equal(use(&b, r, 1), 0);
    close_bench(&b);
}

/* A soft-deleted DEK stops writing. The failed creation, the client's own, must not make every record try again. */
static void a_failed_creation_does_not_end_its_own_failure(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, 0, 0, 60000);
    dek_slot_t *w = slot_of(&b, true, "s");
    assert_int_equal(use(&b, w, 0), 0);
    fake_registry_delete_dek(b.fr, "kek1", "s", 0, true);
    env_invalidate(&b.env);
    assert_int_equal(use(&b, w, 0), SCHLOSS_E_DEK_NOT_FOUND);
    fake_registry_clear_requests(b.fr);
    usleep(20000);
    assert_int_equal(use(&b, w, 0), SCHLOSS_E_DEK_NOT_FOUND);
    assert_int_equal(fake_registry_n_requests(b.fr), 0);
    close_bench(&b);
}

static void other_failures_keep_to_the_general_time(void **state) {
    (void)state;
    bench_t b;
    open_bench(&b, 0, 60000, 60000);
    fake_registry_put_local_kek(b.fr, "kek1", "mykey", false);
    fake_registry_make_dek(b.fr, "kek1", "s", 1, "AES256_GCM", NULL);
    fake_registry_fault(b.fr, FAKE_STATUS, "/deks/", 1, 1, 403, NULL);
    dek_slot_t *r = slot_of(&b, false, "s");
    assert_int_equal(use(&b, r, 1), SCHLOSS_E_FORBIDDEN);
    usleep(20000);
    assert_int_equal(use(&b, r, 1), 0);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unshared_keks_pass_through),
        cmocka_unit_test(a_pass_through_entry_is_alone),
        cmocka_unit_test(missing_keks_have_their_own_time),
        cmocka_unit_test(missing_deks_have_their_own_time),
        cmocka_unit_test(a_failed_creation_does_not_end_its_own_failure),
        cmocka_unit_test(other_failures_keep_to_the_general_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
