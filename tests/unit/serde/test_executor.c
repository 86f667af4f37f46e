/* Rules that an application executes: whole messages, fields, conditions, what goes wrong in them; and rule counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/ext/rule.h>
#include <stdlib.h>
#include <string.h>

#define RULE(name, type, more) "{\"name\":\"" name "\",\"type\":\"" type "\"" more "}"
#define DOMAIN(rules) "{\"domainRules\":[" rules "]}"
#define ENCODING(rules) "{\"encodingRules\":[" rules "]}"
#define PII ",\"tags\":[\"PII\"]"

static uint8_t rec[256];
static size_t rec_len;

typedef struct seen {
    char rule[32], mode[8], field[64], expr[32], param[32], topic[32];
    unsigned calls, destroyed;
    schloss_rc answer;
    bool holds;
} seen_t;

static void note(seen_t *s, const schloss_rule_info_t *info) {
    s->calls++;
    strncpy(s->rule, info->rule, sizeof(s->rule) - 1);
    strncpy(s->mode, info->mode, sizeof(s->mode) - 1);
    strncpy(s->topic, info->topic, sizeof(s->topic) - 1);
    strncpy(s->field, info->field == NULL ? "" : info->field, sizeof(s->field) - 1);
    strncpy(s->expr, info->expr == NULL ? "" : info->expr, sizeof(s->expr) - 1);
    const char *param = schloss_rule_param(info, "by");
    strncpy(s->param, param == NULL ? "" : param, sizeof(s->param) - 1);
}

/* Upper case; its own inverse it is not. */
static schloss_rc shout(void *user, const schloss_rule_info_t *info, schloss_bytes_t in, schloss_rule_out_t *out,
                        schloss_error_t *err) {
    seen_t *s = user;
    note(s, info);
    if (s->answer != 0) {
        return s->answer < -1 ? schloss_error_set(err, s->answer, "told to") : s->answer;
    }
    for (size_t i = 0; i < in.len; i++) {
        char ch = (char)in.ptr[i];
        ch = ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch;
        schloss_rc rc = schloss_rule_put(out, &ch, 1, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static schloss_rc same(void *user, const schloss_rule_info_t *info, schloss_bytes_t in, schloss_rule_out_t *out,
                       schloss_error_t *err) {
    note(user, info);
    return schloss_rule_put(out, in.ptr, in.len, err);
}

static schloss_rc judge(void *user, const schloss_rule_info_t *info, schloss_bytes_t in, schloss_rule_out_t *out,
                        schloss_error_t *err) {
    (void)in;
    (void)err;
    seen_t *s = user;
    note(s, info);
    if (s->answer == 0) {
        schloss_rule_set_condition(out, s->holds);
    }
    return 0;
}

static void destroyed(void *user) {
    ((seen_t *)user)->destroyed++;
}

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "plain note", 3, "annie");
    return 0;
}

static void add(world_t *w, const char *type, seen_t *s, bool by_field,
                schloss_rc (*f)(void *, const schloss_rule_info_t *, schloss_bytes_t, schloss_rule_out_t *,
                                schloss_error_t *)) {
    schloss_rule_executor_t x = {
        .size = sizeof(x), .type = type, .user = s, .destroy = destroyed, .transform = by_field ? NULL : f};
    x.transform_field = by_field ? f : NULL;
    assert_int_equal(schloss_client_add_executor(w->client, &x, w->err), 0);
}

static bool holds(schloss_bytes_t v, const char *text) {
    return memmem(v.ptr, v.len, text, strlen(text)) != NULL;
}

static schloss_rc write_one(world_t *w, schloss_encoded_t *enc) {
    return schloss_serialize(w->ser, &w->target, schloss_bytes(rec, rec_len), enc, w->err);
}

static void fields_are_transformed_by_tag(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.calls = 0};
    world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("up", "Shout", PII ",\"expr\":\"x\",\"params\":{\"by\":\"hand\"}")),
               NULL);
    add(&w, "SHOUT", &s, true, shout);
    assert_int_equal(write_one(&w, &enc), 0);
    assert_true(holds(enc.value, "ANNIE") || holds(enc.value, "ANN"));
    assert_true(holds(enc.value, "plain note"));
    assert_true(s.calls >= 1);
    assert_string_equal(s.rule, "up");
    assert_string_equal(s.mode, "WRITE");
    assert_string_equal(s.topic, "orders");
    assert_string_equal(s.expr, "x");
    assert_string_equal(s.param, "hand");
    assert_true(s.field[0] != '\0');
    world_close(&w);
    assert_int_equal(s.destroyed, 1);
}

static void whole_messages_are_transformed_and_checked(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.calls = 0};
    world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("m", "ALL", "")), NULL);
    add(&w, "all", &s, false, same);
    assert_int_equal(write_one(&w, &enc), 0);
    assert_int_equal(enc.value.len, rec_len + 5);
    assert_memory_equal(enc.value.ptr + 5, rec, rec_len);
    world_close(&w);
    /* what an executor makes must still be a record */
    world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("m", "ALL", "")), NULL);
    seen_t bad = {.calls = 0};
    add(&w, "ALL", &bad, false, shout);
    rec[1] = 'a';
    schloss_bytes_t cut = schloss_bytes(rec, rec_len - 1);
    assert_int_equal(schloss_serialize(w.ser, &w.target, cut, &enc, w.err), SCHLOSS_E_DATA_MISMATCH);
    world_close(&w);
}

static void payloads_are_transformed(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.calls = 0};
    world_open(&w, FAKE_SCHEMA_PERSON, ENCODING(RULE("p", "SHOUT", "")), NULL);
    add(&w, "SHOUT", &s, false, shout);
    assert_int_equal(write_one(&w, &enc), 0);
    assert_true(holds(enc.value, "PLAIN NOTE"));
    world_close(&w);
}

/* spec 8: 62 */
static void conditions_hold_or_fail(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.holds = true};
    world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("c", "CEL", ",\"kind\":\"CONDITION\",\"expr\":\"a > 1\"")), NULL);
    add(&w, "CEL", &s, false, judge);
    assert_int_equal(write_one(&w, &enc), 0);
    assert_memory_equal(enc.value.ptr + 5, rec, rec_len);
    s.holds = false;
    assert_int_equal(write_one(&w, &enc), SCHLOSS_E_RULE_CONDITION);
    assert_string_equal(schloss_error_message(w.err), "Expr failed: 'a > 1'");
    assert_string_equal(schloss_error_rule(w.err), "c");
    s.answer = 1; /* no verdict */
    assert_int_equal(write_one(&w, &enc), SCHLOSS_E_EXECUTOR);
    world_close(&w);
}

/* spec 8: 62 */
static void condition_texts(void **state) {
    (void)state;
    static const char *const rules[][2] = {
        {DOMAIN(RULE("c", "CEL", ",\"kind\":\"CONDITION\",\"doc\":\"must be so\",\"expr\":\"e\"")), "must be so"},
        {DOMAIN(RULE("c", "CEL", ",\"kind\":\"CONDITION\"")), "Condition failed: 'c'"},
    };
    for (size_t i = 0; i < 2; i++) {
        world_t w;
        schloss_encoded_t enc;
        seen_t s = {.holds = false};
        world_open(&w, FAKE_SCHEMA_PERSON, rules[i][0], NULL);
        add(&w, "CEL", &s, false, judge);
        assert_int_equal(write_one(&w, &enc), SCHLOSS_E_RULE_CONDITION);
        assert_string_equal(schloss_error_message(w.err), rules[i][1]);
        world_close(&w);
    }
}

static void failures_are_errors_and_obey_on_failure(void **state) {
    (void)state;
    static const schloss_rc answers[][2] = {
        {SCHLOSS_E_UNSUPPORTED_TYPE, SCHLOSS_E_UNSUPPORTED_TYPE}, {-1, SCHLOSS_E_EXECUTOR}, {7, SCHLOSS_E_EXECUTOR}};
    world_t w;
    schloss_encoded_t enc;
    for (size_t i = 0; i < 3; i++) {
        seen_t s = {.answer = answers[i][0]};
        world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("up", "SHOUT", PII)), NULL);
        add(&w, "SHOUT", &s, true, shout);
        assert_int_equal(write_one(&w, &enc), answers[i][1]);
        world_close(&w);
        world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("up", "SHOUT", PII ",\"onFailure\":\"NONE\"")), NULL);
        add(&w, "SHOUT", &s, true, shout);
        assert_int_equal(write_one(&w, &enc), 0);
        assert_memory_equal(enc.value.ptr + 5, rec, rec_len);
        world_close(&w);
    }
}

static void executors_are_checked_when_added(void **state) {
    (void)state;
    world_t w;
    seen_t s = {.calls = 0};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    schloss_rule_executor_t x = {.size = sizeof(x), .type = "encrypt", .user = &s, .transform = same};
    assert_int_equal(schloss_client_add_executor(w.client, &x, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    x.type = "A";
    x.transform_field = same;
    assert_int_equal(schloss_client_add_executor(w.client, &x, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    x.transform_field = NULL;
    assert_int_equal(schloss_client_add_executor(w.client, &x, w.err), 0);
    assert_int_equal(schloss_client_add_executor(w.client, &x, w.err), SCHLOSS_E_INVALID_ARGUMENT); /* twice */
    x.size = 1;
    assert_int_equal(schloss_client_add_executor(w.client, &x, w.err), SCHLOSS_E_INVALID_ARGUMENT);
    world_close(&w);
}

typedef struct counts {
    uint64_t success, failure, skipped, none;
    int64_t last;
    unsigned n;
} counts_t;

static bool keep(void *user, const schloss_rule_counts_t *c) {
    counts_t *k = user;
    if (strcmp(c->rule, "up") == 0 && strcmp(c->mode, "WRITE") == 0) {
        *k = (counts_t){c->success, c->failure, c->skipped, c->actions_none, c->last_success_ms, k->n + 1};
    } else if (strcmp(c->rule, "off") == 0 && strcmp(c->mode, "WRITE") == 0) {
        k->skipped = c->skipped;
        k->n++;
    }
    return true;
}

static void rules_are_counted(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.calls = 0};
    counts_t c = {.n = 0};
    world_open(
        &w, FAKE_SCHEMA_PERSON,
        DOMAIN(RULE("off", "SHOUT", ",\"disabled\":true") "," RULE("up", "SHOUT", PII ",\"onFailure\":\"NONE\"")),
        NULL);
    add(&w, "SHOUT", &s, true, shout);
    for (int i = 0; i < 10; i++) {
        s.answer = i < 7 ? 0 : SCHLOSS_E_UNSUPPORTED_TYPE;
        assert_int_equal(write_one(&w, &enc), 0);
    }
    schloss_client_rule_counts(w.client, keep, &c);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.success, 7);
    assert_int_equal(c.failure, 3);
    assert_int_equal(c.none, 3);
    assert_true(c.last > 0);
    schloss_serializer_free(w.ser);
    w.ser = NULL;
    world_close(&w);
}

static schloss_rc drop_letter(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err) {
    (void)user;
    (void)letter;
    (void)err;
    return 0;
}

/* A key that is missed behind an executor makes the record run again from the first rule: it is one record still. */
static void a_record_that_runs_again_is_counted_once(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.answer = SCHLOSS_E_UNSUPPORTED_TYPE};
    for (unsigned failing = 0; failing < 2; failing++) {
        counts_t c = {.n = 0};
        s.answer = failing ? SCHLOSS_E_UNSUPPORTED_TYPE : 0;
        s.calls = 0;
        world_open(&w, FAKE_SCHEMA_PERSON,
                   DOMAIN(RULE("up", "SHOUT", PII ",\"onFailure\":\"NONE\"") "," RULE(
                       "r", "ENCRYPT",
                       PII ",\"params\":{\"encrypt.kek.name\":\"kek1\","
                           "\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\"}")),
                   NULL);
        add(&w, "SHOUT", &s, true, shout);
        assert_int_equal(write_one(&w, &enc), 0);
        assert_true(s.calls >= 2); /* the executor did run again */
        schloss_client_rule_counts(w.client, keep, &c);
        assert_int_equal(c.success, failing ? 0 : 1);
        assert_int_equal(c.failure, failing ? 1 : 0);
        world_close(&w);
    }
}

/* A handle with settings of its own has a core of its own, which outlives the client that it was made from; executors
 * and sink are the client's and go last. */
static void executors_outlive_their_client(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    seen_t s = {.calls = 0}, sunk = {.calls = 0};
    world_open(&w, FAKE_SCHEMA_PERSON, DOMAIN(RULE("up", "SHOUT", PII)), NULL);
    add(&w, "SHOUT", &s, true, shout);
    schloss_dead_letter_sink_t sink = {.size = sizeof(sink), .user = &sunk, .send = drop_letter, .destroy = destroyed};
    assert_int_equal(schloss_client_set_dead_letter_sink(w.client, &sink, w.err), 0);
    schloss_conf_t *over = schloss_conf_new();
    assert_int_equal(schloss_conf_set(over, "schloss.tag.inheritance", "true", w.err), 0);
    schloss_serializer_t *own = NULL;
    assert_int_equal(schloss_serializer_new(w.client, over, &own, w.err), 0);
    schloss_conf_free(over);
    schloss_serializer_free(w.ser);
    schloss_deserializer_free(w.de);
    schloss_client_free(w.client);
    w.ser = NULL;
    w.de = NULL;
    w.client = NULL;
    assert_int_equal(schloss_serialize(own, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    assert_true(s.calls > 0);
    assert_int_equal(s.destroyed + sunk.destroyed, 0);
    schloss_serializer_free(own);
    assert_int_equal(s.destroyed, 1);
    assert_int_equal(sunk.destroyed, 1);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fields_are_transformed_by_tag, setup),
        cmocka_unit_test_setup(whole_messages_are_transformed_and_checked, setup),
        cmocka_unit_test_setup(payloads_are_transformed, setup),
        cmocka_unit_test_setup(conditions_hold_or_fail, setup),
        cmocka_unit_test_setup(condition_texts, setup),
        cmocka_unit_test_setup(failures_are_errors_and_obey_on_failure, setup),
        cmocka_unit_test_setup(executors_are_checked_when_added, setup),
        cmocka_unit_test_setup(rules_are_counted, setup),
        cmocka_unit_test_setup(executors_outlive_their_client, setup),
        cmocka_unit_test_setup(a_record_that_runs_again_is_counted_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
