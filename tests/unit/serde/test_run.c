/* Rules at work over whole records: order, actions, overrides, guard mode, what is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <stdlib.h>
#include <string.h>

#define RULE(name, type, tags, more)                                                                                   \
    "{\"name\":\"" name "\",\"type\":\"" type "\",\"tags\":[" tags "],\"params\":{\"encrypt.kek.name\":\"kek1\","      \
    "\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\",\"encrypt.dek.algorithm\":\"AES256_"          \
    "SIV\"}" more "}"
#define DOMAIN(rules) "{\"domainRules\":[" rules "]}"
#define ENCODING(rules) "{\"encodingRules\":[" rules "]}"
#define PII "\"PII\""

static uint8_t rec[256];
static size_t rec_len;
static char last_log[512];

static void keep_log(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)user;
    strncpy(last_log, message, sizeof(last_log) - 1);
}

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "plain note", 3, "annie");
    schloss_log_set(keep_log, NULL, SCHLOSS_LOG_WARN);
    last_log[0] = '\0';
    return 0;
}

static schloss_rc write_with(world_t *w, const char *rules, const char *const *conf, schloss_encoded_t *enc) {
    world_open(w, FAKE_SCHEMA_PERSON, rules, conf);
    return schloss_serialize(w->ser, &w->target, schloss_bytes(rec, rec_len), enc, w->err);
}

static bool holds(schloss_bytes_t v, const char *text) {
    return memmem(v.ptr, v.len, text, strlen(text)) != NULL;
}

static bool is_clear(const schloss_encoded_t *enc) {
    return enc->value.len == rec_len + 5 && memcmp(enc->value.ptr + 5, rec, rec_len) == 0;
}

/* A reader of its own configuration for what w has written. */
static schloss_rc read_with(world_t *w, schloss_bytes_t value, const char *key, const char *val, uint8_t *out,
                            size_t *n) {
    schloss_conf_t *conf = schloss_conf_new();
    schloss_deserializer_t *de = NULL;
    schloss_decoded_t dec;
    uint8_t *copy = malloc(value.len);
    memcpy(copy, value.ptr, value.len);
    assert_int_equal(key == NULL ? 0 : schloss_conf_set(conf, key, val, w->err), 0);
    assert_int_equal(schloss_deserializer_new(w->client, conf, &de, w->err), 0);
    schloss_rc rc = schloss_deserialize(de, &w->target, schloss_bytes(copy, value.len), NULL, 0, &dec, w->err);
    if (rc == 0) {
        *n = dec.value.len;
        memcpy(out, dec.value.ptr, dec.value.len);
    }
    schloss_deserializer_free(de);
    schloss_conf_free(conf);
    free(copy);
    return rc;
}

static void encrypts_tagged_fields_and_reads_them_back(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    uint8_t out[1024];
    size_t n = 0;
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "")), NULL, &enc), 0);
    assert_false(holds(enc.value, "annie"));
    assert_true(holds(enc.value, "plain note"));
    assert_int_equal(read_with(&w, enc.value, NULL, NULL, out, &n), 0);
    assert_int_equal(n, rec_len);
    assert_memory_equal(out, rec, n);
    world_close(&w);
}

/* spec 8: 55, 56, 57 */
static void rules_that_do_not_run_leave_the_record_in_clear(void **state) {
    (void)state;
    static const char *const rules[] = {
        DOMAIN(RULE("r", "ENCRYPT", PII, ",\"disabled\":true")),
        DOMAIN(RULE("r", "ENCRYPT", PII, ",\"mode\":\"READ\"")),
        DOMAIN(RULE("r", "ENCRYPT", PII, ",\"mode\":\"UPDOWN\"")),
        "{\"enableAt\":\"GATEWAY\",\"domainRules\":[" RULE("r", "ENCRYPT", PII, "") "]}",
        "{\"enableAt\":\"NONE\",\"domainRules\":[" RULE("r", "ENCRYPT", PII, "") "]}",
        DOMAIN(RULE("r", "ENCRYPT", "\"OTHER\"", "")),
        NULL,
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        world_t w;
        schloss_encoded_t enc;
        assert_int_equal(write_with(&w, rules[i], NULL, &enc), 0);
        assert_true(is_clear(&enc));
        world_close(&w);
        /* guard mode refuses every one of them */
        static const char *const guard[] = {"schloss.require.rules", "true", NULL};
        assert_int_equal(write_with(&w, rules[i], guard, &enc), SCHLOSS_E_RULES_REQUIRED);
        assert_string_equal(schloss_error_subject(w.err), WORLD_SUBJECT);
        world_close(&w);
    }
}

/* spec 8: 56, 57 */
static void overrides_switch_rules(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const off[] = {"rule.executors._ENCRYPT_.disabled", "true", NULL};
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "")), off, &enc), 0);
    assert_true(is_clear(&enc));
    world_close(&w);
    static const char *const on[] = {"rule.executors._ENCRYPT_.disabled", "true", "rule.executors.r.disabled", "false",
                                     NULL};
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, ",\"disabled\":true")), on, &enc), 0);
    assert_false(is_clear(&enc));
    world_close(&w);
    static const char *const forced[] = {"rule.executors.r.disabled", "false", NULL};
    assert_int_equal(
        write_with(&w, "{\"enableAt\":\"GATEWAY\",\"domainRules\":[" RULE("r", "ENCRYPT", PII, "") "]}", forced, &enc),
        0);
    assert_false(is_clear(&enc));
    world_close(&w);
    static const char *const gateway[] = {"execution.environment", "GATEWAY", NULL};
    assert_int_equal(
        write_with(&w, "{\"enableAt\":\"GATEWAY\",\"domainRules\":[" RULE("r", "ENCRYPT", PII, "") "]}", gateway, &enc),
        0);
    assert_false(is_clear(&enc));
    world_close(&w);
}

static void guard_takes_patterns(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const hit[] = {"schloss.require.rules", "payments-value, ord*", NULL};
    assert_int_equal(write_with(&w, NULL, hit, &enc), SCHLOSS_E_RULES_REQUIRED);
    world_close(&w);
    static const char *const miss[] = {"schloss.require.rules", "payments-value,*-key", NULL};
    assert_int_equal(write_with(&w, NULL, miss, &enc), 0);
    world_close(&w);
    static const char *const no[] = {"schloss.require.rules", "false", NULL};
    assert_int_equal(write_with(&w, NULL, no, &enc), 0);
    world_close(&w);
}

/* spec 8: 60, 61, 63 */
static void failing_rules_follow_on_failure(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
#define MISMATCHED(more) DOMAIN(RULE("r", "ENCRYPT", PII, more))
    static const struct {
        const char *rules;
        schloss_rc rc;
    } t[] = {
        {DOMAIN(RULE("r", "CEL", "", "")), SCHLOSS_E_NO_EXECUTOR},
        {DOMAIN(RULE("r", "CEL", "", ",\"onFailure\":\"NONE\"")), 0},
        {DOMAIN(RULE("r", "CEL", "", ",\"onFailure\":\"NONE,ERROR\"")), 0},
        {DOMAIN(RULE("r", "CEL", "", ",\"onFailure\":\"ERROR,NONE\"")), SCHLOSS_E_NO_EXECUTOR},
        {DOMAIN(RULE("r", "CEL", "", ",\"onFailure\":\"none\"")), SCHLOSS_E_NO_ACTION},
        {DOMAIN(RULE("r", "CEL", "", ",\"onFailure\":\"DLQ\"")), SCHLOSS_E_DEAD_LETTER},
        {DOMAIN(RULE("r", "ENCRYPT_PAYLOAD", "", "")), SCHLOSS_E_RULE_SET},
        {ENCODING(RULE("r", "ENCRYPT", PII, "")), SCHLOSS_E_RULE_SET},
        {DOMAIN(RULE("r", "ENCRYPT", PII, ",\"kind\":\"CONDITION\"")), SCHLOSS_E_RULE_SET},
        {DOMAIN(RULE("r", "ENCRYPT", PII, ",\"onSuccess\":\"ERROR\"")), SCHLOSS_E_RULE_ACTION},
        {DOMAIN(RULE("r", "ENCRYPT", PII, ",\"onSuccess\":\"MAIL\"")), SCHLOSS_E_NO_ACTION},
        {DOMAIN(RULE("r", "ENCRYPT", "", "")), SCHLOSS_E_UNSUPPORTED_TYPE}, /* no tags: n is an int */
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        schloss_rc rc = write_with(&w, t[i].rules, NULL, &enc);
        if (rc != t[i].rc) {
            fail_msg("%s: %s, expected %s", t[i].rules, schloss_rc_name(rc), schloss_rc_name(t[i].rc));
        }
        if (rc != 0) {
            assert_string_equal(schloss_error_rule(w.err), "r");
        }
        world_close(&w);
    }
}

static void skipped_failure_on_write_is_told_and_guard_forbids_it(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    const char *rules = DOMAIN(RULE("enc", "ENCRYPT", PII, "") "," RULE("r", "CEL", "", ",\"onFailure\":\"NONE\""));
    uint64_t before = schloss_metric_get("none_on_write");
    assert_int_equal(write_with(&w, rules, NULL, &enc), 0);
    assert_false(holds(enc.value, "annie")); /* the rule before still ran */
    assert_int_equal(schloss_metric_get("none_on_write"), before + 1);
    assert_non_null(strstr(last_log, "SENT IN CLEAR"));
    world_close(&w);
    static const char *const guard[] = {"schloss.require.rules", "true", NULL};
    assert_int_equal(write_with(&w, rules, guard, &enc), SCHLOSS_E_NO_EXECUTOR);
    world_close(&w);
}

static void reader_may_override_failure(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    uint8_t out[1024];
    size_t n = 0;
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "")), NULL, &enc), 0);
    uint8_t value[1024];
    size_t len = enc.value.len;
    memcpy(value, enc.value.ptr, len);
    schloss_bytes_t v = schloss_bytes(value, len);
    assert_int_equal(read_with(&w, v, "rule.executors._default_.param.secret", "wrong, test-only", out, &n),
                     SCHLOSS_E_UNWRAP_FAILED);
    assert_int_equal(read_with(&w, v, "rule.executors._ENCRYPT_.disabled", "true", out, &n), 0);
    assert_int_equal(n, len - 5);
    assert_memory_equal(out, value + 5, n); /* ciphertext as it lies on the topic */
    world_close(&w);
}

/* spec 8: 64 */
static void two_rules_encrypt_in_order_and_equal_tags_once(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    uint8_t out[2048];
    size_t n = 0, once, twice;
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "")), NULL, &enc), 0);
    once = enc.value.len;
    world_close(&w);
    assert_int_equal(
        write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "") "," RULE("s", "ENCRYPT", PII, "")), NULL, &enc), 0);
    assert_int_equal(enc.value.len, once);
    world_close(&w);
    assert_int_equal(
        write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "") "," RULE("s", "ENCRYPT", PII ",\"X\"", "")), NULL, &enc),
        0);
    twice = enc.value.len;
    assert_true(twice > once);
    assert_int_equal(read_with(&w, enc.value, NULL, NULL, out, &n), 0);
    assert_int_equal(n, rec_len);
    assert_memory_equal(out, rec, n);
    world_close(&w);
    /* a disabled rule does not stand for an enabled one */
    assert_int_equal(
        write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, ",\"disabled\":true") "," RULE("s", "ENCRYPT", PII, "")), NULL,
                   &enc),
        0);
    assert_int_equal(enc.value.len, once);
    world_close(&w);
}

static void payload_rule_hides_everything(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    uint8_t out[1024];
    size_t n = 0;
    assert_int_equal(write_with(&w, FAKE_RULES_PAYLOAD("AES128_GCM", ",\"encrypt.dek.expiry.days\":\"1\""), NULL, &enc),
                     0);
    assert_false(holds(enc.value, "plain note"));
    assert_int_equal(enc.value.len, 5 + 5 + 28 + rec_len);
    assert_int_equal(read_with(&w, enc.value, NULL, NULL, out, &n), 0);
    assert_memory_equal(out, rec, n);
    world_close(&w);
}

/* spec 8: 66 */
static void dead_letter_header_skips_on_reading_only(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    assert_int_equal(write_with(&w, DOMAIN(RULE("r", "ENCRYPT", PII, "")), NULL, &enc), 0);
    uint8_t value[1024];
    size_t len = enc.value.len;
    memcpy(value, enc.value.ptr, len);
    schloss_header_t h[] = {{"__rule.name", schloss_bytes("r", 1)}};
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(value, len), h, 1, &dec, w.err), 0);
    assert_int_equal(dec.value.len, len - 5);
    h[0].value = schloss_bytes("other", 5);
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(value, len), h, 1, &dec, w.err), 0);
    assert_int_equal(dec.value.len, rec_len);
    world_close(&w);
}

/* spec 8: 86 */
static void wrong_records_are_refused_before_anything_is_sent(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const rules[] = {DOMAIN(RULE("r", "ENCRYPT", PII, ",\"onFailure\":\"NONE\"")), NULL};
    for (size_t i = 0; i < 2; i++) {
        world_open(&w, FAKE_SCHEMA_PERSON, rules[i], NULL);
        for (size_t n = 0; n < rec_len; n++) {
            assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err),
                             SCHLOSS_E_DATA_MISMATCH);
        }
        uint8_t longer[300];
        memcpy(longer, rec, rec_len);
        longer[rec_len] = 0;
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(longer, rec_len + 1), &enc, w.err),
                         SCHLOSS_E_DATA_MISMATCH);
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(NULL, 0), &enc, w.err),
                         SCHLOSS_E_EMPTY_MESSAGE);
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
        world_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(encrypts_tagged_fields_and_reads_them_back, setup),
        cmocka_unit_test_setup(rules_that_do_not_run_leave_the_record_in_clear, setup),
        cmocka_unit_test_setup(overrides_switch_rules, setup),
        cmocka_unit_test_setup(guard_takes_patterns, setup),
        cmocka_unit_test_setup(failing_rules_follow_on_failure, setup),
        cmocka_unit_test_setup(skipped_failure_on_write_is_told_and_guard_forbids_it, setup),
        cmocka_unit_test_setup(reader_may_override_failure, setup),
        cmocka_unit_test_setup(two_rules_encrypt_in_order_and_equal_tags_once, setup),
        cmocka_unit_test_setup(payload_rule_hides_everything, setup),
        cmocka_unit_test_setup(dead_letter_header_skips_on_reading_only, setup),
        cmocka_unit_test_setup(wrong_records_are_refused_before_anything_is_sent, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
