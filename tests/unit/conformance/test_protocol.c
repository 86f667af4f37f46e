/* The KEK and DEK protocol, request by request, with a KMS that notes its calls: checklist 14, 23-34, 37-46. */
#include "rig.h"
#include <time.h>

#define WATCHED ",\"encrypt.kms.type\":\"watched-kms\",\"encrypt.kms.key.id\":\"key1\""
#define JSON "{\"f1\":\"hello world\"}"
#define KEKS "/dek-registry/v1/keks"
#define DEKS KEKS "/kek1/deks/" RIG_SUBJECT
#define KEK_W "GET " KEKS "/kek1?deleted=false\n"
#define KEK_R "GET " KEKS "/kek1?deleted=true\n"
#define KEK_POST "POST " KEKS "\n"
#define DEK_W "GET " DEKS "/versions/1?algorithm=AES256_GCM&deleted=false\n"
#define DEK_R "GET " DEKS "/versions/1?algorithm=AES256_GCM&deleted=true\n"
#define LATEST "GET " DEKS "/versions/-1?algorithm=AES256_GCM&deleted=false\n"
#define DEK_POST "POST " DEKS "\n"
#define SCHEMA_W "GET /subjects/" RIG_SUBJECT "/versions/latest\n"
#define SCHEMA_R "GET /schemas/ids/1?subject=" RIG_SUBJECT "\n"

static const char *body_of(const rig_t *r, const char *request) {
    for (size_t i = fake_registry_n_requests(r->fr); i-- > 0;) {
        if (strcmp(fake_registry_request(r->fr, i), request) == 0) {
            return fake_registry_request_body(r->fr, i);
        }
    }
    fail_msg("no %s", request);
    return "";
}

/* spec 8: 23, 24, 34 */
static void first_write_second_write_and_read(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(""));
    rig_put_watched_kek(&r, NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_string_equal(r.log, SCHEMA_W KEK_W DEK_W "encrypt key1\ndecrypt key1\n" DEK_POST);
    r.log[0] = '\0';
    RIG_WRITES(&r, JSON, NULL);
    RIG_WRITES(&r, JSON, NULL);
    assert_string_equal(r.log, "");
    RIG_READS(&r, &v, JSON);
    assert_string_equal(r.log, SCHEMA_R KEK_R DEK_R "decrypt key1\n");
    r.log[0] = '\0';
    RIG_READS(&r, &v, JSON);
    assert_string_equal(r.log, "");
    rig_close(&r);
}

/* spec 8: 25 */
static void a_missing_kek_is_registered(void **state) {
    (void)state;
    rig_t r;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(WATCHED));
    rig_watched = &r;
    RIG_WRITES(&r, JSON, NULL);
    assert_string_equal(r.log, SCHEMA_W KEK_W KEK_POST DEK_W "encrypt key1\ndecrypt key1\n" DEK_POST);
    json_t *body = json_loads(body_of(&r, "POST " KEKS), 0, NULL);
    assert_true(json_is_false(json_object_get(body, "shared")));
    assert_string_equal(json_string_value(json_object_get(body, "name")), "kek1");
    assert_string_equal(json_string_value(json_object_get(body, "kmsType")), "watched-kms");
    assert_string_equal(json_string_value(json_object_get(body, "kmsKeyId")), "key1");
    json_decref(body);
    rig_close(&r);

    rig_open(&r, &rig_one[0], RIG_PII_RULE(WATCHED));
    rig_watched = &r;
    fake_registry_fault(r.fr, FAKE_LOSE_RACE, "POST " KEKS, 1, 1, 0, NULL);
    RIG_WRITES(&r, JSON, NULL);
    assert_string_equal(r.log, SCHEMA_W KEK_W KEK_POST KEK_W DEK_W "encrypt key1\ndecrypt key1\n" DEK_POST);
    rig_close(&r);
}

/* spec 8: 26 */
static void a_kek_needs_type_and_key_id(void **state) {
    (void)state;
    static const char *const t[][2] = {
        {RIG_PII_RULE(""), "No kms type found for kek1 during produce"},
        {RIG_PII_RULE(",\"encrypt.kms.key.id\":\"mykey\""), "No kms type found for kek1 during produce"},
        {RIG_PII_RULE(",\"encrypt.kms.type\":\"local-kms\""), "No kms key id found for kek1 during produce"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        rig_t r;
        rig_open(&r, &rig_one[0], t[i][0]);
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_BAD_RULE_PARAM);
        RIG_SAYS(&r, t[i][1]);
        assert_int_equal(fake_registry_count(r.fr, "POST"), 0);
        rig_close(&r);
    }
}

/* spec 8: 27, 28 */
static void reading_creates_nothing(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    char json[4096];
    rig_open(&r, &rig_one[0], RIG_PII_RULE(RIG_LOCAL));
    RIG_WRITES(&r, JSON, &v);
    fake_registry_delete_dek(r.fr, "kek1", RIG_SUBJECT, 0, false);
    rig_forget(&r);
    fake_registry_clear_requests(r.fr);
    assert_int_equal(rig_read(&r, &v, json), SCHLOSS_E_DEK_NOT_FOUND);
    RIG_SAYS(&r, "No dek found for kek1 during consume");
    fake_registry_delete_kek(r.fr, "kek1", false);
    rig_forget(&r);
    assert_int_equal(rig_read(&r, &v, json), SCHLOSS_E_KEK_NOT_FOUND);
    RIG_SAYS(&r, "No kek found for kek1 during consume");
    assert_int_equal(fake_registry_count(r.fr, "POST"), 0);
    rig_close(&r);
}

/* spec 8: 29 */
static void the_loser_takes_the_winners_key(void **state) {
    (void)state;
    rig_t winner, loser;
    rig_value_t a, b;
    rig_open(&winner, &rig_one[0], RIG_PII_RULE(RIG_LOCAL));
    memset(&loser, 0, sizeof(loser));
    loser.fr = winner.fr;
    loser.now_ms = RIG_NOW;
    rig_connect(&loser, NULL);
    RIG_WRITES(&winner, JSON, &a);
    /* the loser is told that there is no DEK, as before the winner's creation */
    fake_registry_fault(winner.fr, FAKE_STATUS, "GET " DEKS, 1, 1, 404, NULL);
    RIG_WRITES(&loser, JSON, &b);
    assert_string_equal(loser.log, SCHEMA_W KEK_W DEK_W DEK_POST DEK_W);
    assert_int_equal(fake_registry_n_deks(winner.fr), 1);
    RIG_READS(&winner, &a, JSON);
    RIG_READS(&winner, &b, JSON);
    RIG_READS(&loser, &a, JSON);
    RIG_READS(&loser, &b, JSON);
    rig_disconnect(&loser);
    rig_close(&winner);
}

/* spec 8: 30 */
static void older_servers_take_the_subject_in_the_body(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(""));
    rig_put_watched_kek(&r, NULL);
    fake_registry_fault(r.fr, FAKE_STATUS, "POST " DEKS, 1, 0, 405, NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_string_equal(r.log,
                        SCHEMA_W KEK_W DEK_W "encrypt key1\ndecrypt key1\n" DEK_POST "POST " KEKS "/kek1/deks\n");
    assert_string_equal(body_of(&r, "POST " DEKS), body_of(&r, "POST " KEKS "/kek1/deks"));
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
}

/* spec 8: 33 */
static void the_rule_must_fit_the_kek(void **state) {
    (void)state;
    static const char *const t[][2] = {
        {RIG_PII_RULE(",\"encrypt.kms.type\":\"aws-kms\""),
         "Found kek1 with kms type 'watched-kms' which differs from rule kms type 'aws-kms'"},
        {RIG_PII_RULE(",\"encrypt.kms.type\":\"Watched-kms\""),
         "Found kek1 with kms type 'watched-kms' which differs from rule kms type 'Watched-kms'"},
        {RIG_PII_RULE(",\"encrypt.kms.type\":\"watched-kms\",\"encrypt.kms.key.id\":\"key2\""),
         "Found kek1 with kms key id 'key1' which differs from rule kms key id 'key2'"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        rig_t r;
        rig_open(&r, &rig_one[0], t[i][0]);
        rig_put_watched_kek(&r, NULL);
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_KEK_MISMATCH);
        RIG_SAYS(&r, t[i][1]);
        assert_int_equal(fake_registry_count(r.fr, "/deks"), 0);
        rig_close(&r);
    }
}

/* spec 8: 37 */
static void each_algorithm_has_its_own_keys(void **state) {
    (void)state;
    static const struct {
        const char *name, *rules;
    } t[] = {{"AES128_GCM", RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.algorithm\":\"AES128_GCM\"")},
             {"AES256_GCM", RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.algorithm\":\"AES256_GCM\"")},
             {"AES256_SIV", RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.algorithm\":\"AES256_SIV\"")}};
    rig_t r;
    rig_open(&r, &rig_one[0], NULL);
    for (int i = 0; i < 3; i++) { /* later versions of one subject */
        char question[256];
        rig_value_t v;
        rig_put(r.fr, RIG_SUBJECT, i + 2, i + 2, &rig_one[0], t[i].rules, NULL);
        rig_forget(&r);
        fake_registry_clear_requests(r.fr);
        RIG_WRITES(&r, JSON, &v);
        (void)snprintf(question, sizeof(question), "/versions/1?algorithm=%s&", t[i].name);
        assert_int_equal(fake_registry_count(r.fr, question), 1);
        json_t *body = json_loads(body_of(&r, "POST " DEKS), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(body, "algorithm")), t[i].name);
        assert_int_equal(json_integer_value(json_object_get(body, "version")), 1);
        json_decref(body);
        assert_int_equal(fake_registry_n_deks(r.fr), i + 1);
        RIG_READS(&r, &v, JSON);
    }
    rig_close(&r);
}

/* spec 8: 38 */
static void a_shared_kek_needs_no_driver(void **state) {
    (void)state;
    static const char *const rules[] = {RIG_PII_RULE(""), RIG_PII_RULE(RIG_DAILY)};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_one[0], rules[i]);
        json_t *kek = json_pack("{s:s, s:s, s:s, s:b, s:I}", "name", "kek1", "kmsType", "nobodys-kms", "kmsKeyId", "k",
                                "shared", 1, "ts", (json_int_t)RIG_NOW);
        fake_registry_put_kek(r.fr, kek);
        json_decref(kek);
        uint64_t before = schloss_metric_get("kms_calls");
        RIG_WRITES(&r, JSON, &v);
        assert_null(strstr(body_of(&r, "POST " DEKS), "encryptedKeyMaterial"));
        RIG_READS(&r, &v, JSON);
        rig_forget(&r);
        RIG_WRITES(&r, JSON, NULL); /* and from a DEK that is there */
        assert_int_equal(schloss_metric_get("kms_calls"), before);
        rig_close(&r);
    }
}

/* spec 8: 39 */
static void an_alias_answers_with_its_own_subject(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(RIG_LOCAL));
    fake_registry_put_local_kek(r.fr, "kek1", "mykey", false);
    fake_registry_make_dek(r.fr, "kek1", "elsewhere-value", 1, "AES256_GCM", NULL);
    json_t *dek = fake_registry_get_dek(r.fr, "kek1", "elsewhere-value", 1, "AES256_GCM");
    char *text = json_dumps(dek, 0);
    fake_registry_fault(r.fr, FAKE_BODY, "GET " DEKS, 1, 0, 200, text);
    RIG_WRITES(&r, JSON, &v);
    RIG_READS(&r, &v, JSON);
    assert_int_equal(fake_registry_count(r.fr, "POST"), 0);
    free(text);
    json_decref(dek);
    rig_close(&r);
}

/* spec 8: 14, 40, 41 */
static void versions_follow_each_other_and_stay_readable(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v[4];
    rig_open(&r, &rig_one[0], RIG_PII_RULE(RIG_DAILY));
    rig_put_watched_kek(&r, NULL);
    for (int i = 0; i < 4; i++) {
        r.log[0] = '\0';
        RIG_WRITES(&r, JSON, &v[i]);
        assert_non_null(strstr(r.log, LATEST));
        json_t *body = json_loads(body_of(&r, "POST " DEKS), 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(body, "version")), i + 1);
        json_decref(body);
        uint8_t raw[256];
        assert_true(rig_base64(&v[i], 6, v[i].n - 6, raw) == 5 + 28 + 11);
        assert_int_equal(raw[4], i + 1);
        rig_at(&r, r.now_ms + RIG_DAY - 1);
        RIG_WRITES(&r, JSON, NULL);
        assert_int_equal(fake_registry_n_deks(r.fr), i + 1);
        rig_at(&r, r.now_ms + 1);
    }
    rig_forget(&r);
    for (int i = 0; i < 4; i++) { /* each asks for its own version, whatever the latest is */
        char question[256];
        r.log[0] = '\0';
        RIG_READS(&r, &v[i], JSON);
        (void)snprintf(question, sizeof(question), "GET " DEKS "/versions/%d?algorithm=AES256_GCM&deleted=true\n",
                       i + 1);
        assert_non_null(strstr(r.log, question));
        assert_null(strstr(r.log, "/versions/-1"));
        assert_null(strstr(r.log, "POST"));
    }
    rig_close(&r);
}

/* spec 8: 42 */
static void a_soft_deleted_dek_reads_but_does_not_write(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(RIG_LOCAL));
    RIG_WRITES(&r, JSON, &v);
    fake_registry_delete_dek(r.fr, "kek1", RIG_SUBJECT, 0, true);
    rig_forget(&r);
    RIG_READS(&r, &v, JSON);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_DEK_NOT_FOUND);
    RIG_SAYS(&r, "No dek found for kek1 during produce");
    rig_close(&r);
}

/* Specification 1.9: the newest version is soft-deleted, so the latest live one goes on, also when the version after it
 * cannot be created because its number is taken. */
/* spec 8: 42 */
static void a_soft_deleted_version_lets_the_one_before_it_go_on(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v[3];
    rig_open(&r, &rig_one[0], RIG_PII_RULE(RIG_LOCAL RIG_DAILY));
    RIG_WRITES(&r, JSON, &v[0]);
    rig_at(&r, r.now_ms + 2 * RIG_DAY);
    RIG_WRITES(&r, JSON, &v[1]);
    fake_registry_delete_dek(r.fr, "kek1", RIG_SUBJECT, 2, true);
    rig_forget(&r);
    RIG_WRITES(&r, JSON, &v[2]);
    uint8_t raw[256];
    (void)rig_base64(&v[2], 6, v[2].n - 6, raw);
    assert_int_equal(raw[4], 1);
    assert_int_equal(fake_registry_n_deks(r.fr), 2);
    for (int i = 0; i < 3; i++) {
        RIG_READS(&r, &v[i], JSON);
    }
    rig_close(&r);
}

/* spec 8: 43 */
static void a_soft_deleted_kek_reads_and_is_revived(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v, w;
    rig_open(&r, &rig_one[0], RIG_PII_RULE(WATCHED));
    rig_put_watched_kek(&r, NULL);
    RIG_WRITES(&r, JSON, &v);
    fake_registry_delete_kek(r.fr, "kek1", true);
    rig_forget(&r);
    RIG_READS(&r, &v, JSON);
    assert_null(strstr(r.log, "POST"));
    r.log[0] = '\0';
    RIG_WRITES(&r, JSON, &w);
    assert_string_equal(r.log, SCHEMA_W KEK_W KEK_POST DEK_W "decrypt key1\n");
    rig_forget(&r);
    r.log[0] = '\0';
    RIG_WRITES(&r, JSON, NULL); /* it is there again */
    assert_string_equal(r.log, SCHEMA_W KEK_W DEK_W "decrypt key1\n");
    RIG_READS(&r, &w, JSON);
    /* other attributes: not revived */
    fake_registry_delete_kek(r.fr, "kek1", true);
    rig_put(r.fr, RIG_SUBJECT, 2, 2, &rig_one[0], RIG_PII_RULE(RIG_LOCAL), NULL);
    rig_forget(&r);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_KEK_NOT_FOUND);
    RIG_SAYS(&r, "No kek found for kek1 during produce");
    rig_close(&r);
}

/* spec 8: 45 */
static void keys_are_asked_for_again_after_their_time(void **state) {
    (void)state;
    static const char *const conf[] = {"cache.expiry.secs", "1", "schloss.refresh.thread", "false", NULL};
    rig_t r;
    rig_open_with(&r, &rig_one[0], RIG_PII_RULE(""), NULL, conf);
    rig_put_watched_kek(&r, NULL);
    RIG_WRITES(&r, JSON, NULL);
    r.log[0] = '\0';
    for (int i = 0; i < 100; i++) {
        RIG_WRITES(&r, JSON, NULL);
    }
    assert_string_equal(r.log, "");
    struct timespec second = {.tv_sec = 1, .tv_nsec = 100000000};
    nanosleep(&second, NULL);
    RIG_WRITES(&r, JSON, NULL);
    assert_string_equal(r.log, KEK_W DEK_W "decrypt key1\n");
    r.log[0] = '\0';
    RIG_WRITES(&r, JSON, NULL);
    assert_string_equal(r.log, "");
    rig_close(&r);
}

/* spec 8: 46 */
static void refusals_surface_and_busy_servers_are_asked_again(void **state) {
    (void)state;
    static const char *const conf[] = {"max.retries", "3", "retries.wait.ms", "1", NULL};
    static const char *const calls[] = {"GET " KEKS, "GET " DEKS, "POST " DEKS};
    rig_t r;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        rig_open_with(&r, &rig_one[0], RIG_PII_RULE(""), NULL, conf);
        rig_put_watched_kek(&r, NULL);
        fake_registry_fault(r.fr, FAKE_STATUS, calls[i], 1, 0, 403, NULL);
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_FORBIDDEN);
        assert_int_equal(schloss_error_http_status(r.err), 403);
        assert_false(schloss_error_is_retriable(r.err));
        fake_registry_clear_faults(r.fr);
        rig_forget(&r);
        fake_registry_clear_requests(r.fr);
        fake_registry_fault(r.fr, FAKE_STATUS, calls[i], 1, 3, 503, NULL); /* then it answers */
        RIG_WRITES(&r, JSON, NULL);
        fake_registry_fault(r.fr, FAKE_STATUS, "GET " KEKS, 1, 0, 503, NULL);
        rig_forget(&r);
        fake_registry_clear_requests(r.fr);
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_REGISTRY_BUSY);
        assert_true(schloss_error_is_retriable(r.err));
        assert_int_equal(fake_registry_count(r.fr, "GET " KEKS), 4);
        rig_close(&r);
    }
    rig_open(&r, &rig_one[0], RIG_PII_RULE(""));
    rig_put_watched_kek(&r, NULL);
    rig_kms_refuses = SCHLOSS_E_KMS_DENIED;
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_KMS_DENIED);
    assert_int_equal(fake_registry_count(r.fr, "POST"), 0);
    rig_kms_refuses = 0;
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_write_second_write_and_read),
        cmocka_unit_test(a_missing_kek_is_registered),
        cmocka_unit_test(a_kek_needs_type_and_key_id),
        cmocka_unit_test(reading_creates_nothing),
        cmocka_unit_test(the_loser_takes_the_winners_key),
        cmocka_unit_test(older_servers_take_the_subject_in_the_body),
        cmocka_unit_test(the_rule_must_fit_the_kek),
        cmocka_unit_test(each_algorithm_has_its_own_keys),
        cmocka_unit_test(a_shared_kek_needs_no_driver),
        cmocka_unit_test(an_alias_answers_with_its_own_subject),
        cmocka_unit_test(versions_follow_each_other_and_stay_readable),
        cmocka_unit_test(a_soft_deleted_dek_reads_but_does_not_write),
        cmocka_unit_test(a_soft_deleted_version_lets_the_one_before_it_go_on),
        cmocka_unit_test(a_soft_deleted_kek_reads_and_is_revived),
        cmocka_unit_test(keys_are_asked_for_again_after_their_time),
        cmocka_unit_test(refusals_surface_and_busy_servers_are_asked_again),
    };
    return cmocka_run_group_tests(tests, rig_register_kms, NULL);
}
