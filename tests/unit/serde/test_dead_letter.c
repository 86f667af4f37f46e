/* Dead letters: what is in them, what never is, where they go, and that the record fails either way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/ext/error.h>
#include <schloss/ext/rule.h>
#include <stdlib.h>
#include <string.h>

/* no KEK of this name, and no KMS to make one with */
#define RULE(name, type, tags, more)                                                                                   \
    "{\"name\":\"" name "\",\"type\":\"" type "\",\"tags\":[" tags "],\"params\":{\"encrypt.kek.name\":\"nokek\"" more \
    "},\"onFailure\":\"DLQ\"}"
#define DOMAIN(rules) "{\"domainRules\":[" rules "]}"
#define PII "\"PII\""
#define TOPIC ",\"dlq.topic\":\"dead\""

static uint8_t rec[256];
static size_t rec_len;

typedef struct mail {
    char topic[64], key[64], value[1024], headers[2048];
    bool has_value;
    unsigned n, n_headers;
    schloss_rc answer;
} mail_t;

static schloss_rc post(void *user, const schloss_dead_letter_t *l, schloss_error_t *err) {
    mail_t *m = user;
    m->n++;
    m->n_headers = (unsigned)l->n_headers;
    strncpy(m->topic, l->topic, sizeof(m->topic) - 1);
    memcpy(m->key, l->key.ptr == NULL ? (const uint8_t *)"" : l->key.ptr, l->key.len);
    m->has_value = l->value.ptr != NULL;
    if (m->has_value) {
        memcpy(m->value, l->value.ptr, l->value.len);
    }
    m->headers[0] = '\0';
    for (size_t i = 0; i < l->n_headers; i++) {
        size_t at = strlen(m->headers);
        snprintf(m->headers + at, sizeof(m->headers) - at, "%s=%.*s\n", l->headers[i].name,
                 (int)l->headers[i].value.len, (const char *)l->headers[i].value.ptr);
    }
    return m->answer == 0 ? 0 : schloss_error_set(err, m->answer, "no brokers");
}

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "plain note", 3, "annie");
    return 0;
}

static void open_with(world_t *w, mail_t *m, const char *rules, const char *const *conf) {
    world_open(w, FAKE_SCHEMA_PERSON, rules, conf);
    schloss_dead_letter_sink_t sink = {.size = sizeof(sink), .user = m, .send = post};
    if (m != NULL) {
        assert_int_equal(schloss_client_set_dead_letter_sink(w->client, &sink, w->err), 0);
    }
}

static schloss_rc write_one(world_t *w) {
    schloss_encoded_t enc;
    return schloss_serialize(w->ser, &w->target, schloss_bytes(rec, rec_len), &enc, w->err);
}

/* spec 8: 67 */
static void a_failed_write_is_redacted(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.n = 0};
    schloss_header_t headers[] = {{"trace", schloss_bytes("t1", 2)}, {"__rule.name", schloss_bytes("old", 3)}};
    open_with(&w, &m, DOMAIN(RULE("r", "ENCRYPT", PII, TOPIC)), NULL);
    w.target.other = schloss_bytes("k1", 2);
    w.target.headers = headers;
    w.target.n_headers = 2;
    assert_int_equal(write_one(&w), SCHLOSS_E_BAD_RULE_PARAM);
    assert_non_null(strstr(schloss_error_message(w.err), "Rule failed: r"));
    assert_int_equal(m.n, 1);
    assert_string_equal(m.topic, "dead");
    assert_string_equal(m.key, "k1");
    assert_non_null(strstr(m.value, "<REDACTED>"));
    assert_non_null(strstr(m.value, "plain note"));
    assert_null(strstr(m.value, "annie"));
    assert_non_null(strstr(m.headers, "trace=t1\n"));
    assert_null(strstr(m.headers, "=old"));
    assert_non_null(strstr(m.headers, "__rule.name=r\n__rule.mode=WRITE\n__rule.subject=orders-value\n"
                                      "__rule.topic=orders\n__rule.exception="));
    assert_int_equal(m.n_headers, 6);
    world_close(&w);
}

/* spec 8: 67 */
static void a_rule_that_covers_everything_shows_nothing(void **state) {
    (void)state;
    static const char *const rules[] = {
        DOMAIN(RULE("r", "ENCRYPT", "", TOPIC)), /* without tags: numbers are covered and cannot be redacted */
        "{\"encodingRules\":[" RULE("r", "ENCRYPT_PAYLOAD", "", TOPIC) "]}",
        "{\"domainRules\":[" RULE("r", "ENCRYPT", PII, TOPIC) "],\"encodingRules\":[" RULE("p", "ENCRYPT_PAYLOAD", "",
                                                                                           TOPIC) "]}",
    };
    for (size_t i = 0; i < 3; i++) {
        world_t w;
        mail_t m = {.n = 0};
        open_with(&w, &m, rules[i], NULL);
        assert_true(write_one(&w) < 0);
        assert_int_equal(m.n, 1);
        assert_false(m.has_value);
        world_close(&w);
    }
}

/* A rule that stands in the wrong list encrypts nothing, and is meant to all the same. */
static void misplaced_encryption_rules_show_nothing(void **state) {
    (void)state;
    static const char *const conf[] = {"rule.actions._DLQ_.param.dlq.redact.rule.types", "ENCRYPT", NULL};
    static const char *const rules[] = {
        "{\"domainRules\":[" RULE("o", "ENCRYPT", "\"NOBODY\"", TOPIC) "],\"encodingRules\":[" RULE("r", "ENCRYPT", PII,
                                                                                                    TOPIC) "]}",
        DOMAIN(RULE("r", "ENCRYPT_PAYLOAD", PII, TOPIC) "," RULE("o", "ENCRYPT", "\"NOBODY\"", TOPIC)),
    };
    for (size_t i = 0; i < 2; i++) {
        world_t w;
        mail_t m = {.n = 0};
        open_with(&w, &m, rules[i], conf);
        assert_true(write_one(&w) < 0);
        assert_int_equal(m.n, 1);
        assert_false(m.has_value);
        world_close(&w);
    }
}

/* spec 8: 67 */
static void tags_of_all_encryption_rules_are_redacted(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.n = 0};
    open_with(&w, &m, DOMAIN(RULE("first", "ENCRYPT", "\"NOBODY\"", TOPIC) "," RULE("second", "ENCRYPT", PII, TOPIC)),
              NULL);
    (void)write_one(&w);
    assert_int_equal(m.n, 1);
    assert_null(strstr(m.value, "annie"));
    world_close(&w);
}

static void the_topic_of_the_configuration_wins(void **state) {
    (void)state;
    static const char *const conf[] = {"rule.actions._DLQ_.param.dlq.topic", "from-conf", NULL};
    world_t w;
    mail_t m = {.n = 0};
    open_with(&w, &m, DOMAIN(RULE("r", "ENCRYPT", PII, TOPIC)), conf);
    (void)write_one(&w);
    assert_string_equal(m.topic, "from-conf");
    world_close(&w);
}

/* spec 8: 67 */
static void without_topic_or_sink_the_record_fails(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.n = 0};
    open_with(&w, &m, DOMAIN(RULE("r", "ENCRYPT", PII, "")), NULL);
    assert_int_equal(write_one(&w), SCHLOSS_E_DEAD_LETTER);
    assert_string_equal(schloss_error_message(w.err), "Could not send to DLQ as no topic is configured");
    assert_int_equal(m.n, 0);
    world_close(&w);
    open_with(&w, NULL, DOMAIN(RULE("r", "ENCRYPT", PII, TOPIC)), NULL);
    assert_int_equal(write_one(&w), SCHLOSS_E_DEAD_LETTER);
    world_close(&w);
}

static void a_letter_that_cannot_be_sent_changes_nothing(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.answer = SCHLOSS_E_KAFKA};
    open_with(&w, &m, DOMAIN(RULE("r", "ENCRYPT", PII, TOPIC)), NULL);
    assert_int_equal(write_one(&w), SCHLOSS_E_BAD_RULE_PARAM);
    assert_int_equal(m.n, 1);
    assert_non_null(strstr(schloss_error_message(w.err), "could not be sent"));
    m.headers[0] = '\0';
    schloss_encoded_t enc; /* nobody looks at the error: the letter says why all the same */
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, NULL),
                     SCHLOSS_E_BAD_RULE_PARAM);
    assert_non_null(strstr(m.headers, "__rule.exception=BAD_RULE_PARAM"));
    world_close(&w);
}

#define GOOD(more)                                                                                                     \
    DOMAIN("{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[" PII "],\"params\":{\"encrypt.kek.name\":\"kek1\","        \
           "\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\"" TOPIC "}" more "}")

static void a_failed_read_goes_out_as_it_lies(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.n = 0};
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    uint8_t copy[512];
    open_with(&w, &m, GOOD(",\"onFailure\":\"ERROR,DLQ\""), NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    memcpy(copy, enc.value.ptr, enc.value.len);
    size_t n = enc.value.len;
    fake_registry_delete_kek(w.fr, "kek1", false);
    schloss_client_invalidate(w.client);
    assert_true(schloss_deserialize(w.de, &w.target, schloss_bytes(copy, n), NULL, 0, &dec, w.err) < 0);
    assert_int_equal(m.n, 1);
    assert_memory_equal(m.value, copy, n);
    assert_non_null(strstr(m.headers, "__rule.mode=READ"));
    /* read again from there: the rule named in the header is left out, the value stays encrypted */
    schloss_header_t h = {"__rule.name", schloss_bytes("r", 1)};
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(copy, n), &h, 1, &dec, w.err), 0);
    world_close(&w);
}

static void dlq_on_success_ends_the_record(void **state) {
    (void)state;
    world_t w;
    mail_t m = {.n = 0};
    open_with(&w, &m, GOOD(",\"onSuccess\":\"DLQ\""), NULL);
    assert_int_equal(write_one(&w), SCHLOSS_E_RULE_ACTION);
    assert_int_equal(m.n, 1);
    assert_null(strstr(m.value, "annie"));
    assert_null(strstr(m.headers, "__rule.exception"));
    world_close(&w);
}

static void strict_rules_forbid_none_on_write(void **state) {
    (void)state;
    static const char *const conf[] = {"schloss.rules.strict", "true", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON,
               DOMAIN("{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[" PII
                      "],\"params\":{\"encrypt.kek.name\":\"nokek\"},\"onFailure\":\"NONE\"}"),
               conf);
    assert_int_equal(write_one(&w), SCHLOSS_E_BAD_RULE_PARAM);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_failed_write_is_redacted, setup),
        cmocka_unit_test_setup(a_rule_that_covers_everything_shows_nothing, setup),
        cmocka_unit_test_setup(misplaced_encryption_rules_show_nothing, setup),
        cmocka_unit_test_setup(tags_of_all_encryption_rules_are_redacted, setup),
        cmocka_unit_test_setup(the_topic_of_the_configuration_wins, setup),
        cmocka_unit_test_setup(without_topic_or_sink_the_record_fails, setup),
        cmocka_unit_test_setup(a_letter_that_cannot_be_sent_changes_nothing, setup),
        cmocka_unit_test_setup(a_failed_read_goes_out_as_it_lies, setup),
        cmocka_unit_test_setup(dlq_on_success_ends_the_record, setup),
        cmocka_unit_test_setup(strict_rules_forbid_none_on_write, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
