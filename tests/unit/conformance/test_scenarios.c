/* Scenarios of the official clients' own tests (specification 7.7): same inputs, same outcome, in all three formats
 * where they have one. Those that stand elsewhere: wrong KMS type or key id, shared KEK, enableAt, same tag twice,
 * alternate key ids, unions (the other files of this folder). */
#include "rig.h"

#define JSON "{\"f1\":\"hello world\"}"

/* Basic, every format: the value differs, the reader gets the original; a consumer without the executor sees
 * ciphertext. */
static void basic(void **state) {
    (void)state;
    static const char *const rules = RIG_DOMAIN(
        RIG_RULE("r", "ENCRYPT", RIG_TAG, RIG_LOCAL, ",\"mode\":\"WRITEREAD\",\"onFailure\":\"ERROR,NONE\""));
    static const char *const none[] = {"schloss.rule.executors.builtin", "false", NULL};
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        char json[4096];
        rig_open(&r, &rig_one[i], rules);
        RIG_WRITES(&r, JSON, &v);
        assert_false(rig_holds(&v, "hello world"));
        RIG_READS(&r, &v, JSON);
        rig_reopen(&r, none);
        assert_int_equal(rig_read(&r, &v, json), 0);
        assert_null(strstr(json, "hello world"));
        assert_int_equal(strlen(json), strlen("{\"f1\":\"\"}") + 52); /* base64 of 28 + 11 bytes */
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_NO_EXECUTOR);
        rig_close(&r);
    }
}

/* The clock goes two days on before the second and the third record. */
static void rotation(void **state) {
    (void)state;
    static const char *const rules[] = {RIG_PII_RULE(RIG_LOCAL RIG_DAILY), RIG_PII_RULE(RIG_LOCAL RIG_DAILY RIG_GCM128),
                                        RIG_PII_RULE(RIG_LOCAL RIG_DAILY RIG_SIV)};
    for (size_t i = 0; i < 3; i++) {
        for (size_t a = 0; a < 3; a++) {
            rig_t r;
            rig_value_t v[3];
            rig_open(&r, &rig_one[i], rules[a]);
            for (int k = 0; k < 3; k++) {
                RIG_WRITES(&r, JSON, &v[k]);
                assert_int_equal(fake_registry_n_deks(r.fr), k + 1);
                rig_at(&r, r.now_ms + 2 * RIG_DAY);
            }
            rig_forget(&r);
            for (int k = 0; k < 3; k++) {
                RIG_READS(&r, &v[k], JSON);
            }
            rig_close(&r);
        }
    }
}

/* Two layers, the second one rotated: its newest DEK has version 3 after two advances, the first one's stays 1. */
static void double_encryption_with_rotation(void **state) {
    (void)state;
    static const char *const rules = "{\"domainRules\":[" RIG_RULE(
        "a", "ENCRYPT", RIG_TAG, RIG_LOCAL, "") ","
                                                "{\"name\":\"b\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\",\"PII2\"],"
                                                "\"params\":{\"encrypt.kek.name\":\"kek2\"" RIG_LOCAL RIG_DAILY "}}]}";
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v[3];
        rig_open(&r, &rig_one[i], rules);
        for (int k = 0; k < 3; k++) {
            RIG_WRITES(&r, JSON, &v[k]);
            rig_at(&r, r.now_ms + 2 * RIG_DAY);
        }
        for (int version = 1; version <= 4; version++) {
            json_t *first = fake_registry_get_dek(r.fr, "kek1", RIG_SUBJECT, version, "AES256_GCM");
            json_t *second = fake_registry_get_dek(r.fr, "kek2", RIG_SUBJECT, version, "AES256_GCM");
            assert_int_equal(first != NULL, version == 1);
            assert_int_equal(second != NULL, version <= 3);
            json_decref(first);
            json_decref(second);
        }
        rig_forget(&r);
        for (int k = 0; k < 3; k++) {
            RIG_READS(&r, &v[k], JSON);
        }
        rig_close(&r);
    }
}

/* Executors named <subject>:<rule> beat those of the rule's name; those beat the first one of the list. */
/* spec 8: 49 */
static void qualified_executors(void **state) {
    (void)state;
#define CLASS "io.confluent.kafka.schemaregistry.encryption.FieldEncryptionExecutor"
#define EXECUTOR(name, secret) "rule.executors." name ".class", CLASS, "rule.executors." name ".param.secret", secret
    static const char *const of_subjects[] = {"rule.executors", "test-key:r,test-value:r",
                                              EXECUTOR("test-key:r", "of the key, test-only"),
                                              EXECUTOR("test-value:r", "of the value, test-only"), NULL};
    static const char *const of_rule[] = {"rule.executors", "first,r", EXECUTOR("first", "of none, test-only"),
                                          EXECUTOR("r", "of the value, test-only"), NULL};
    static const char *const of_first[] = {"rule.executors", "first,second",
                                           EXECUTOR("first", "of the value, test-only"),
                                           EXECUTOR("second", "of none, test-only"), NULL};
    static const char *const all[] = {"rule.executors",
                                      "first, r, test-value:r",
                                      EXECUTOR("first", "of none, test-only"),
                                      EXECUTOR("r", "of none either, test-only"),
                                      EXECUTOR("test-value:r", "of the value, test-only"),
                                      NULL};
    static const char *const by_type[] = {"rule.executors._ENCRYPT_.param.secret", "of the value, test-only", NULL};
    rig_t r;
    rig_value_t value, key;
    char json[4096];
    rig_open_with(&r, &rig_one[0], NULL, NULL, of_subjects);
    rig_put(r.fr, "test-key", 1, 5, &rig_one[0], RIG_PII_RULE(RIG_LOCAL), NULL);
    rig_put(r.fr, "test-value", 1, 6, &rig_one[0], RIG_PII_RULE(RIG_LOCAL), NULL);
    r.target = (schloss_target_t){.topic = "test", .subject = "test-key"};
    RIG_WRITES(&r, JSON, &key);
    r.target.subject = "test-value";
    RIG_WRITES(&r, JSON, &value);
    RIG_READS(&r, &value, JSON);
    const char *const *const same[] = {of_subjects, of_rule, of_first, all, by_type};
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        rig_reopen(&r, same[i]);
        r.target = (schloss_target_t){.topic = "test", .subject = "test-value"};
        RIG_READS(&r, &value, JSON);
        r.target.subject = "test-key"; /* wrapped under the key's own secret */
        assert_int_equal(rig_read(&r, &key, json), i == 0 ? 0 : SCHLOSS_E_UNWRAP_FAILED);
    }
    rig_close(&r);
}

static void bad_kek_names(void **state) {
    (void)state;
    static const struct {
        const char *name, *says;
    } t[] = {{"\"encrypt.kek.name\":\"kek$1\"", "Illegal character in kek name: kek$1"},
             {"\"encrypt.kek.name\":\"1kek\"", "Illegal initial character in kek name: 1kek"},
             {"\"encrypt.kek.name\":\"\"", "Empty kek name"},
             {"\"x\":\"y\"", "No kek name found"}};
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        char rules[512];
        rig_t r;
        (void)snprintf(
            rules, sizeof(rules),
            "{\"domainRules\":[{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{%s" RIG_LOCAL "}}]}",
            t[i].name);
        rig_open(&r, &rig_one[0], rules);
        assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_BAD_RULE_PARAM);
        RIG_SAYS(&r, t[i].says);
        assert_int_equal(fake_registry_count(r.fr, "/dek-registry/"), 0);
        rig_close(&r);
    }
}

/* preserve.source.fields: what the caller gave is never changed, with the parameter and without it. */
static void the_source_is_preserved(void **state) {
    (void)state;
    static const char *const rules[] = {RIG_PII_RULE(RIG_LOCAL ",\"preserve.source.fields\":\"true\""),
                                        RIG_PII_RULE(RIG_LOCAL)};
    static const char record[] = "\x16hello world";
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rig_t r;
        rig_value_t v;
        char mine[sizeof(record)];
        memcpy(mine, record, sizeof(record));
        rig_open(&r, &rig_one[0], rules[i]);
        assert_int_equal(rig_write_record(&r, schloss_bytes(mine, sizeof(mine) - 1), &v), 0);
        assert_memory_equal(mine, record, sizeof(record));
        assert_false(rig_holds(&v, "hello world"));
        rig_close(&r);
    }
}

/* A reader that may not use the KMS hands ciphertext on, fields and payload, and counts them. */
static void unshared_keks_pass_through(void **state) {
    (void)state;
    static const char *const passing[] = {"encrypt.nonshared.kek.passthrough", "true", NULL};
    rig_t r;
    rig_value_t v;
    char json[4096];
    rig_open(&r, &rig_one[0], RIG_PII_RULE(""));
    rig_put_watched_kek(&r, NULL);
    RIG_WRITES(&r, JSON, &v);
    rig_reopen(&r, passing);
    uint64_t before = schloss_metric_get("passed_through");
    assert_int_equal(rig_read(&r, &v, json), 0);
    assert_int_equal(strlen(json), strlen("{\"f1\":\"\"}") + 52);
    assert_null(strstr(r.log, "/deks"));
    assert_null(strstr(r.log, "decrypt"));
    schloss_deserializer_free(r.de); /* counters reach the process at the latest now */
    r.de = NULL;
    assert_true(schloss_metric_get("passed_through") > before);
    rig_close(&r);
}

/* A WRITE-only rule on one subject, a READ-only one on another whose DEKs are an alias of the first one's. */
static void one_subject_writes_and_its_alias_reads(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_DOMAIN(RIG_RULE("w", "ENCRYPT", RIG_TAG, RIG_LOCAL, ",\"mode\":\"WRITE\"")));
    rig_put(r.fr, "subject2", 1, 2, &rig_one[0],
            RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, RIG_LOCAL, ",\"mode\":\"READ\"")), NULL);
    RIG_WRITES(&r, JSON, &v);
    json_t *dek = fake_registry_get_dek(r.fr, "kek1", RIG_SUBJECT, 1, "AES256_GCM");
    char *text = json_dumps(dek, 0);
    fake_registry_fault(r.fr, FAKE_BODY, "GET /dek-registry/v1/keks/kek1/deks/subject2", 1, 0, 200, text);
    r.target.subject = "subject2";
    v.p[4] = 2; /* the record on the other topic */
    RIG_READS(&r, &v, JSON);
    assert_int_equal(fake_registry_count(r.fr, "/deks/subject2"), 1);
    free(text);
    json_decref(dek);
    rig_close(&r);
}

/* Payload encryption: opaque payload, clear framing; with an expiry the prefix follows the framing. */
static void whole_payloads(void **state) {
    (void)state;
#define PAYLOAD(more) RIG_ENCODING(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", RIG_LOCAL more, ""))
    static const struct {
        const char *rules;
        size_t overhead;
    } t[] = {{PAYLOAD(""), 28},        {PAYLOAD(RIG_GCM128), 28},           {PAYLOAD(RIG_SIV), 16},
             {PAYLOAD(RIG_DAILY), 33}, {PAYLOAD(RIG_DAILY RIG_GCM128), 33}, {PAYLOAD(RIG_DAILY RIG_SIV), 21}};
    static const size_t plain[] = {12, 20, 13}, framing[] = {5, 5, 6};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < COUNT_OF(t); k++) {
            rig_t r;
            rig_value_t v;
            rig_open(&r, &rig_one[i], t[k].rules);
            RIG_WRITES(&r, JSON, &v);
            assert_int_equal(v.n, framing[i] + t[k].overhead + plain[i]);
            assert_memory_equal(v.p, "\0\0\0\0\1\0", framing[i]);
            assert_false(rig_holds(&v, "hello"));
            if (k >= 3) {
                assert_memory_equal(v.p + framing[i], "\0\0\0\0\1", 5);
            }
            RIG_READS(&r, &v, JSON);
            rig_at(&r, r.now_ms + 2 * RIG_DAY);
            rig_value_t w;
            RIG_WRITES(&r, JSON, &w);
            assert_int_equal(fake_registry_n_deks(r.fr), k >= 3 ? 2 : 1);
            RIG_READS(&r, &v, JSON);
            RIG_READS(&r, &w, JSON);
            rig_close(&r);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic),
        cmocka_unit_test(rotation),
        cmocka_unit_test(double_encryption_with_rotation),
        cmocka_unit_test(qualified_executors),
        cmocka_unit_test(bad_kek_names),
        cmocka_unit_test(the_source_is_preserved),
        cmocka_unit_test(unshared_keks_pass_through),
        cmocka_unit_test(one_subject_writes_and_its_alias_reads),
        cmocka_unit_test(whole_payloads),
    };
    return cmocka_run_group_tests(tests, rig_register_kms, NULL);
}
