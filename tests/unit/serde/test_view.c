/* Views: which rules stand for others, metadata that is malformed, what guard mode covers, when a view is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/view.h"
#include "testlib/fault.h"
#include "testlib/world.h"
#include <string.h>

#define RULE(name, more)                                                                                               \
    "{\"name\":\"" name "\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":\"kek1\","        \
    "\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\"}" more "}"
#define BROKEN(name, more)                                                                                             \
    "{\"name\":\"" name "\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":\"1bad\"}" more "}"
#define NONE ",\"onFailure\":\"NONE\""

static uint8_t rec[256];
static size_t rec_len;

static void quiet(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)message;
    (void)user;
}

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    schloss_log_set(quiet, NULL, SCHLOSS_LOG_WARN);
    return 0;
}

static schloss_rc write_with(world_t *w, const char *rules) {
    schloss_encoded_t enc;
    world_open(w, FAKE_SCHEMA_PERSON, rules, NULL);
    return schloss_serialize(w->ser, &w->target, schloss_bytes(rec, rec_len), &enc, w->err);
}

/* A rule that may fail must not stand for one that may not: its data would go out in clear. */
static void a_lax_rule_does_not_stand_for_a_strict_one(void **state) {
    (void)state;
    world_t w;
    assert_int_equal(write_with(&w, "{\"domainRules\":[" BROKEN("lax", NONE) "," RULE("strict", "") "]}"),
                     SCHLOSS_E_BAD_RULE_PARAM);
    world_close(&w);
    assert_int_equal(write_with(&w, "{\"domainRules\":[" BROKEN("lax", NONE) "," RULE("lax2", NONE) "]}"), 0);
    world_close(&w);
    assert_int_equal(write_with(&w, "{\"domainRules\":[" RULE("r", NONE) "," RULE("strict", "") "]}"), 0);
    world_close(&w);
}

/* Tags and parameters that are not what they must be are errors, not absent. */
static void malformed_metadata_and_parameters_are_refused(void **state) {
    (void)state;
    static const char *const metadata[] = {
        "{\"tags\":{\"**.note\":\"PII\"}}",
        "{\"tags\":[\"PII\"]}",
        "{\"tags\":{\"**.note\":[7]}}",
        "{\"properties\":{\"encrypt.dek.expiry.days\":30}}",
        "{\"properties\":[]}",
    };
    for (size_t i = 0; i <= COUNT_OF(metadata); i++) {
        world_t w;
        schloss_encoded_t enc;
        world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
        fault_pause();
        json_t *md = i < COUNT_OF(metadata) ? json_loads(metadata[i], 0, NULL) : json_null();
        json_t *rules = json_loads(FAKE_RULES_PII("AES256_GCM", ""), 0, NULL);
        json_t *s = json_pack("{s:s,s:i,s:i,s:s,s:o,s:o}", "subject", WORLD_SUBJECT, "version", 2, "id", 2, "schema",
                              FAKE_SCHEMA_PERSON, "metadata", md, "ruleSet", rules);
        if (i == COUNT_OF(metadata)) { /* a number where official registries have a text */
            json_t *params = json_object_get(json_array_get(json_object_get(rules, "domainRules"), 0), "params");
            json_object_set_new(params, "encrypt.dek.expiry.days", json_integer(30));
        }
        fake_registry_put_schema(w.fr, s);
        json_decref(s);
        fault_resume();
        schloss_rc rc = schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err);
        if (rc != SCHLOSS_E_RULE_SET) {
            fail_msg("case %zu: %s", i, schloss_rc_name(rc));
        }
        assert_string_equal(schloss_error_subject(w.err), WORLD_SUBJECT);
        world_close(&w);
    }
}

static unsigned n_brackets;
static void count_brackets(int level, const char *component, const char *message, void *user) {
    (void)component;
    (void)user;
    n_brackets += level == SCHLOSS_LOG_WARN && strstr(message, "$.items[*].ssn") != NULL;
}

/* Who writes an index means one; to every client it is a set of characters, and the field leaves in clear. */
static void brackets_in_patterns_are_told(void **state) {
    (void)state;
    static const struct {
        const char *tag;
        unsigned n;
    } rows[] = {{"PII", 1}, {"OTHER", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_t w;
        schloss_encoded_t enc;
        world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
        fault_pause();
        json_t *rules = json_loads(FAKE_RULES_PII("AES256_GCM", ""), 0, NULL);
        json_t *s = json_pack("{s:s,s:i,s:i,s:s,s:{s:{s:[s],s:[s]}},s:o}", "subject", WORLD_SUBJECT, "version", 2, "id",
                              2, "schema", FAKE_SCHEMA_PERSON, "metadata", "tags", "$.items[*].ssn", rows[i].tag,
                              "$.items*.ssn", "PII", "ruleSet", rules);
        fake_registry_put_schema(w.fr, s);
        json_decref(s);
        fault_resume();
        n_brackets = 0;
        schloss_log_set(count_brackets, NULL, SCHLOSS_LOG_WARN);
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
        assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
        assert_int_equal(n_brackets, rows[i].n);
        world_close(&w);
    }
}

static void guards(void **state) {
    (void)state;
    assert_true(view_is_guarded("orders-value", "true"));
    assert_true(view_is_guarded("orders-value", " TRUE "));
    assert_true(view_is_guarded("orders-value", "x,true"));
    assert_true(view_is_guarded("a.b-value", "a*"));
    assert_true(view_is_guarded("a.b-value", "z,a**"));
    assert_true(view_is_guarded("orders-value", "order?-value"));
    assert_false(view_is_guarded("orders-value", "false"));
    assert_false(view_is_guarded("orders-value", ""));
    assert_false(view_is_guarded("orders-value", NULL));
    assert_false(view_is_guarded("orders-value", "payments-*, , x"));
    char huge[700];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_true(view_is_guarded("orders-value", huge));
}

/* A failure names rule, subject, field and KEK. */
static void failures_name_the_kek(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, rec_len), &enc, w.err), 0);
    uint8_t copy[512];
    memcpy(copy, enc.value.ptr, enc.value.len);
    copy[9] = copy[9] == 'A' ? 'B' : 'A';
    schloss_rc rc = schloss_deserialize(w.de, &w.target, schloss_bytes(copy, enc.value.len), NULL, 0, &dec, w.err);
    assert_int_equal(rc, SCHLOSS_E_AUTH_FAILED);
    assert_string_equal(schloss_error_kek(w.err), "kek1");
    assert_string_equal(schloss_error_rule(w.err), "encryptPII");
    assert_string_equal(schloss_error_field(w.err), "shop.test.Person.name");
    assert_string_equal(schloss_error_subject(w.err), WORLD_SUBJECT);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lax_rule_does_not_stand_for_a_strict_one, setup),
        cmocka_unit_test_setup(brackets_in_patterns_are_told, setup),
        cmocka_unit_test_setup(malformed_metadata_and_parameters_are_refused, setup),
        cmocka_unit_test_setup(guards, setup),
        cmocka_unit_test_setup(failures_name_the_kek, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
