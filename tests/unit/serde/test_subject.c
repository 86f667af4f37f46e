/* Subject name strategies: writing, reading, the fallback of associations, and that handles of different strategies do
 * not share what only one of them may use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "serde/subject.h"
#include "testlib/world.h"
#include <string.h>

#define RECORD "shop.test.Person"

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

static const char *subject_read(world_t *w, const char *strategy, const char *fallback, schloss_deserializer_t **de) {
    schloss_conf_t *over = schloss_conf_new();
    assert_int_equal(schloss_conf_set(over, "value.subject.name.strategy", strategy, w->err), 0);
    assert_int_equal(schloss_conf_set(over, "subject.name.strategy.fallback.type", fallback, w->err), 0);
    assert_int_equal(schloss_deserializer_new(w->client, over, de, w->err), 0);
    schloss_conf_free(over);
    uint8_t framed[300] = {0, 0, 0, 0, 1};
    memcpy(framed + 5, rec, rec_len);
    schloss_decoded_t dec;
    schloss_rc rc = schloss_deserialize(*de, &w->target, schloss_bytes(framed, rec_len + 5), NULL, 0, &dec, w->err);
    return rc == 0 ? schloss_schema_subject(dec.schema) : schloss_rc_name(rc);
}

static void readers_of_one_client_keep_their_strategies_apart(void **state) {
    (void)state;
    static const struct {
        const char *strategy, *fallback, *subject;
    } t[] = {
        {"RecordNameStrategy", "TOPIC", RECORD},
        {"TopicRecordNameStrategy", "TOPIC", "orders-" RECORD},
        {"TopicNameStrategy", "TOPIC", "orders-value"},
        {"AssociatedNameStrategy", "TOPIC", "orders-value"},
        {"AssociatedNameStrategy", "RECORD", RECORD},
        {"AssociatedNameStrategy", "TOPIC_RECORD", "orders-" RECORD},
        {"AssociatedNameStrategy", "NONE", "SUBJECT_NAME"},
    };
    world_t w;
    schloss_deserializer_t *de[COUNT_OF(t)];
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        assert_string_equal(subject_read(&w, t[i].strategy, t[i].fallback, &de[i]), t[i].subject);
    }
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        schloss_deserializer_free(de[i]);
    }
    world_close(&w);
}

/* The same id under the record's subject carries rules that the first subject has not. */
static void rules_are_those_of_the_subject(void **state) {
    (void)state;
    world_t w;
    schloss_deserializer_t *de = NULL;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    (void)subject_read(&w, "RecordNameStrategy", "TOPIC", &de);
    assert_int_equal(fake_registry_count(w.fr, "GET /schemas/ids/1?subject=" RECORD), 1);
    schloss_deserializer_free(de);
    world_close(&w);
}

/* Contexts and clusters, too: the record's subject of one is not that of another. */
static void readers_of_one_client_keep_their_contexts_apart(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *strategy, *fallback, *subject;
    } t[] = {
        {"schloss.context", "", "RecordNameStrategy", "TOPIC", RECORD},
        {"schloss.context", "eu", "RecordNameStrategy", "TOPIC", ":.eu:" RECORD},
        {"schloss.context", "us", "RecordNameStrategy", "TOPIC", ":.us:" RECORD},
        {"subject.name.strategy.kafka.cluster.id", "lkc-1", "AssociatedNameStrategy", "RECORD", RECORD},
        {"subject.name.strategy.kafka.cluster.id", "lkc-2", "AssociatedNameStrategy", "RECORD", "theirs"},
    };
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    fake_registry_fault(w.fr, FAKE_BODY, "resources/lkc-2/", 1, 0, 200, "[{\"subject\":\"theirs\"}]");
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        schloss_conf_t *over = schloss_conf_new();
        schloss_deserializer_t *de = NULL;
        schloss_decoded_t dec;
        uint8_t framed[300] = {0, 0, 0, 0, 1};
        memcpy(framed + 5, rec, rec_len);
        assert_int_equal(schloss_conf_set(over, t[i].key, t[i].value, w.err), 0);
        assert_int_equal(schloss_conf_set(over, "value.subject.name.strategy", t[i].strategy, w.err), 0);
        assert_int_equal(schloss_conf_set(over, "subject.name.strategy.fallback.type", t[i].fallback, w.err), 0);
        assert_int_equal(schloss_deserializer_new(w.client, over, &de, w.err), 0);
        assert_int_equal(schloss_deserialize(de, &w.target, schloss_bytes(framed, rec_len + 5), NULL, 0, &dec, w.err),
                         0);
        assert_string_equal(schloss_schema_subject(dec.schema), t[i].subject);
        schloss_deserializer_free(de);
        schloss_conf_free(over);
    }
    world_close(&w);
}

static void writers_need_the_record_only_where_its_name_counts(void **state) {
    (void)state;
    schloss_conf_t *conf = schloss_conf_new();
    assert_false(subject_needs_record(conf, false));
    assert_int_equal(schloss_conf_set(conf, "subject.name.strategy.fallback.type", "TOPIC_RECORD", NULL), 0);
    assert_true(subject_needs_record(conf, false));
    assert_int_equal(schloss_conf_set(conf, "value.subject.name.strategy", "TopicNameStrategy", NULL), 0);
    assert_false(subject_needs_record(conf, false));
    assert_int_equal(schloss_conf_set(conf, "key.subject.name.strategy", "io.x.TopicRecordNameStrategy", NULL), 0);
    assert_true(subject_needs_record(conf, true));
    schloss_conf_free(conf);
}

/* Serializers whose schemas differ in their references only must not share an id; a refused schema leaves its handle as
 * it was. */
static void references_tell_schemas_apart(void **state) {
    (void)state;
    static const char text[] = "{\"type\":\"record\",\"name\":\"X\",\"fields\":[]}";
    static const char *const conf[] = {"use.latest.version", "false", "value.subject.name.strategy",
                                       "TopicNameStrategy", NULL};
#define ANSWER(id)                                                                                                     \
    "{\"id\":" id                                                                                                      \
    ",\"version\":1,\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"X\\\",\\\"fields\\\":[]}\","            \
    "\"references\":[]}"
    world_t w;
    schloss_serializer_t *other = NULL;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    schloss_schema_ref_t one = {"R", "r", 1}, two = {"R", "r", 2}, bad[2] = {{"R", "r", 1}, {NULL, "r", 1}};
    assert_int_equal(schloss_serializer_new(w.client, NULL, &other, w.err), 0);
    assert_int_equal(schloss_serializer_set_schema(w.ser, text, strlen(text), bad, 2, w.err),
                     SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(schloss_serializer_set_schema(w.ser, text, strlen(text), &one, 1, w.err), 0);
    assert_int_equal(schloss_serializer_set_schema(w.ser, text, strlen(text), &one, 1, w.err), SCHLOSS_E_INVALID_STATE);
    assert_int_equal(schloss_serializer_set_schema(other, text, strlen(text), &two, 1, w.err), 0);
    fake_registry_fault(w.fr, FAKE_BODY, "POST /subjects", 1, 1, 200, ANSWER("11"));
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes("", 0), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 11);
    fake_registry_fault(w.fr, FAKE_BODY, "POST /subjects", 1, 1, 200, ANSWER("12"));
    assert_int_equal(schloss_serialize(other, &w.target, schloss_bytes("", 0), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 12);
    schloss_serializer_free(other);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(readers_of_one_client_keep_their_strategies_apart, setup),
        cmocka_unit_test_setup(rules_are_those_of_the_subject, setup),
        cmocka_unit_test_setup(readers_of_one_client_keep_their_contexts_apart, setup),
        cmocka_unit_test(writers_need_the_record_only_where_its_name_counts),
        cmocka_unit_test(references_tell_schemas_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
