/* Serializers and deserializers as applications use them: subjects, framing, caches, records of keys, forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/avro.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

static schloss_bytes_t person(void) {
    return schloss_bytes(rec, rec_len);
}

/* spec 8: 88 */
static void subjects_follow_the_strategy(void **state) {
    (void)state;
    static const struct {
        const char *strategy;
        const char *subject;
    } t[] = {
        {"TopicNameStrategy", "orders-value"},
        {"RecordNameStrategy", "shop.test.Person"},
        {"TopicRecordNameStrategy", "orders-shop.test.Person"},
        {"AssociatedNameStrategy", "orders-value"},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        world_t w;
        schloss_encoded_t enc;
        schloss_decoded_t dec;
        const char *conf[] = {"value.subject.name.strategy", t[i].strategy, "use.latest.version", "true", NULL};
        world_open(&w, "\"string\"", NULL, conf);
        fake_registry_put_avro(w.fr, t[i].subject, 77, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""));
        assert_int_equal(
            schloss_serializer_set_schema(w.ser, FAKE_SCHEMA_PERSON, strlen(FAKE_SCHEMA_PERSON), NULL, 0, w.err), 0);
        assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
        assert_memory_equal(enc.value.ptr, "\0\0\0\0\x4d", 5);
        assert_true(fake_registry_count(w.fr, t[i].subject) > 0);
        assert_int_equal(schloss_deserialize(w.de, &w.target, enc.value, NULL, 0, &dec, w.err), 0);
        assert_int_equal(dec.value.len, rec_len);
        assert_memory_equal(dec.value.ptr, rec, rec_len);
        assert_string_equal(schloss_schema_subject(dec.schema), t[i].subject);
        world_close(&w);
    }
}

static void record_strategy_needs_the_schema(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const conf[] = {"value.subject.name.strategy", "RecordNameStrategy", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), SCHLOSS_E_SUBJECT_NAME);
    world_close(&w);
}

/* spec 8: 88 */
static void associations_are_followed_and_cached(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    world_open(&w, "\"string\"", NULL, NULL);
    fake_registry_put_avro(w.fr, "elsewhere", 9, FAKE_SCHEMA_PERSON, NULL);
    fake_registry_put_association(w.fr, "orders", false, "elsewhere");
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 9);
    schloss_decoded_t dec;
    assert_int_equal(schloss_deserialize(w.de, &w.target, enc.value, NULL, 0, &dec, w.err), 0);
    assert_int_equal(fake_registry_count(w.fr, "/associations/"), 1);
    world_close(&w);

    world_open(&w, "\"string\"", NULL, NULL);
    fake_registry_put_association(w.fr, "orders", false, "one");
    fake_registry_put_association(w.fr, "orders", false, "two");
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), SCHLOSS_E_SUBJECT_NAME);
    assert_non_null(strstr(schloss_error_message(w.err), "Multiple associated subjects"));
    world_close(&w);

    static const char *const none[] = {"subject.name.strategy.fallback.type", "NONE", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, none);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), SCHLOSS_E_SUBJECT_NAME);
    world_close(&w);
}

static void own_schema_is_looked_up(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const own[] = {"use.latest.version", "false", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, own);
    fake_registry_put_avro(w.fr, WORLD_SUBJECT, 2, "\"string\"", NULL); /* latest is another one */
    assert_int_equal(
        schloss_serializer_set_schema(w.ser, FAKE_SCHEMA_PERSON, strlen(FAKE_SCHEMA_PERSON), NULL, 0, w.err), 0);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 1);
    assert_int_equal(fake_registry_count(w.fr, "POST /subjects/orders-value?normalize=false&deleted=false"), 1);
    assert_int_equal(schloss_serializer_set_schema(w.ser, "\"int\"", 5, NULL, 0, w.err), SCHLOSS_E_INVALID_STATE);
    world_close(&w);

    world_open(&w, FAKE_SCHEMA_PERSON, NULL, own);
    assert_int_equal(schloss_serializer_set_schema(w.ser, "\"int\"", 5, NULL, 0, w.err), 0);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes("\2", 1), &enc, w.err),
                     SCHLOSS_E_SCHEMA_NOT_FOUND);
    world_close(&w);

    world_open(&w, FAKE_SCHEMA_PERSON, NULL, own);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), SCHLOSS_E_CONF_VALUE);
    world_close(&w);
}

/* spec 8: 84 */
static void guid_goes_into_a_header(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    static const char *const conf[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""), conf);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_string_equal(enc.header_name, "__value_schema_id");
    assert_int_equal(enc.header.len, 17);
    schloss_header_t h[] = {{"__value_schema_id", schloss_bytes("\7", 1)}, {enc.header_name, enc.header}};
    assert_int_equal(schloss_deserialize(w.de, &w.target, enc.value, h, 2, &dec, w.err), 0); /* the last one counts */
    assert_memory_equal(dec.value.ptr, rec, rec_len);
    assert_int_equal(schloss_deserialize(w.de, &w.target, enc.value, h, 1, &dec, w.err), SCHLOSS_E_UNKNOWN_MAGIC);
    world_close(&w);
}

/* spec 8: 44 */
static void keys_have_subjects_of_their_own(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    schloss_target_t key = {.topic = "orders", .is_key = true};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""), NULL);
    fake_registry_put_avro(w.fr, "orders-key", 5, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""));
    assert_int_equal(schloss_serialize(w.ser, &key, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 5);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 1);
    assert_int_equal(fake_registry_n_deks(w.fr), 2);
    world_close(&w);
}

/* spec 8: 86 */
static void null_reads_as_null(void **state) {
    (void)state;
    world_t w;
    schloss_decoded_t dec;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(NULL, 0), NULL, 0, &dec, w.err), 0);
    assert_null(dec.value.ptr);
    assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes("", 0), NULL, 0, &dec, w.err), 0);
    assert_null(dec.value.ptr);
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    world_close(&w);
}

/* spec 8: 89 */
static void latest_is_asked_for_again_after_its_time(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const conf[] = {
        "latest.cache.ttl.sec", "1", "schloss.cache.stale.secs", "0", "max.retries", "0", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    fake_registry_put_avro(w.fr, WORLD_SUBJECT, 2, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""));
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 1);
    usleep(1100000);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 2); /* and its rule runs */
    assert_true(enc.value.len > rec_len + 5);
    usleep(1100000); /* the registry is away and nothing may be served longer */
    fake_registry_fault(w.fr, FAKE_FAILURE, NULL, 1, 0, SCHLOSS_E_CONNECT, NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), SCHLOSS_E_CONNECT);
    world_close(&w);
}

static void invalidate_asks_again_at_once(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    fake_registry_put_avro(w.fr, WORLD_SUBJECT, 2, FAKE_SCHEMA_PERSON, NULL);
    schloss_client_invalidate(w.client);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    assert_int_equal(enc.value.ptr[4], 2);
    world_close(&w);
}

/* spec 8: 87 */
static void root_bytes_travel_without_length(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    schloss_decoded_t dec;
    world_open(&w, "\"bytes\"", NULL, NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes("\6abc", 4), &enc, w.err), 0);
    assert_int_equal(enc.value.len, 8);
    assert_memory_equal(enc.value.ptr + 5, "abc", 3);
    assert_int_equal(schloss_deserialize(w.de, &w.target, enc.value, NULL, 0, &dec, w.err), 0);
    assert_int_equal(dec.value.len, 4);
    assert_memory_equal(dec.value.ptr, "\6abc", 4);
    world_close(&w);
}

static void a_forked_child_goes_on(void **state) {
    (void)state;
    world_t w;
    schloss_encoded_t enc;
    static const char *const conf[] = {"schloss.refresh.thread", "true", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    assert_int_equal(schloss_serialize(w.ser, &w.target, person(), &enc, w.err), 0);
    uint8_t before[512];
    size_t n = enc.value.len;
    memcpy(before, enc.value.ptr, n);
    pid_t pid = fork();
    if (pid == 0) {
        schloss_rc rc = schloss_serialize(w.ser, &w.target, person(), &enc, w.err);
        schloss_decoded_t dec;
        bool ok = rc == 0 && enc.value.len == n && memcmp(enc.value.ptr, before, n) != 0 &&
                  schloss_deserialize(w.de, &w.target, schloss_bytes(before, n), NULL, 0, &dec, w.err) == 0 &&
                  dec.value.len == rec_len;
        world_close(&w); /* must not wait for a thread that the child does not have */
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    world_close(&w);
}

static void many_topics_and_ids_do_not_fill_the_memory(void **state) {
    (void)state;
    world_t w;
    schloss_decoded_t dec;
    static const char *const conf[] = {"value.subject.name.strategy", "TopicNameStrategy", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    for (uint32_t id = 1000; id < 6000; id++) {
        uint8_t v[6] = {0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0};
        assert_int_equal(schloss_deserialize(w.de, &w.target, schloss_bytes(v, 6), NULL, 0, &dec, w.err),
                         SCHLOSS_E_SCHEMA_NOT_FOUND);
    }
    world_close(&w);
}

static void avro_json_goes_both_ways(void **state) {
    (void)state;
    world_t w;
    const schloss_schema_t *schema = NULL;
    schloss_bytes_t bin, text;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, NULL);
    assert_int_equal(schloss_serializer_prepare(w.ser, &w.target, &schema, w.err), 0);
    schloss_avro_writer_t *a = schloss_avro_writer_new(0), *b = schloss_avro_writer_new(0);
    const char *json = "{\"name\":\"ann\",\"n\":7,\"note\":\"note\",\"blob\":\"\\u00b7\\u00b7\\u00b7\",\"alias\":null}";
    assert_int_equal(schloss_avro_from_json(schema, json, strlen(json), 0, a, &bin, w.err), 0);
    assert_int_equal(bin.len, rec_len);
    assert_memory_equal(bin.ptr, rec, rec_len);
    assert_int_equal(schloss_avro_to_json(schema, bin, 0, b, &text, w.err), 0);
    assert_non_null(memmem(text.ptr, text.len, "\"alias\":null", 12));
    assert_int_equal(schloss_avro_from_json(schema, "{\"name\":1}", 10, 0, a, &bin, w.err), SCHLOSS_E_DATA_MISMATCH);
    schloss_avro_writer_free(a);
    schloss_avro_writer_free(b);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(subjects_follow_the_strategy, setup),
        cmocka_unit_test_setup(record_strategy_needs_the_schema, setup),
        cmocka_unit_test_setup(associations_are_followed_and_cached, setup),
        cmocka_unit_test_setup(own_schema_is_looked_up, setup),
        cmocka_unit_test_setup(guid_goes_into_a_header, setup),
        cmocka_unit_test_setup(keys_have_subjects_of_their_own, setup),
        cmocka_unit_test_setup(null_reads_as_null, setup),
        cmocka_unit_test_setup(latest_is_asked_for_again_after_its_time, setup),
        cmocka_unit_test_setup(invalidate_asks_again_at_once, setup),
        cmocka_unit_test_setup(root_bytes_travel_without_length, setup),
        cmocka_unit_test_setup(a_forked_child_goes_on, setup),
        cmocka_unit_test_setup(many_topics_and_ids_do_not_fill_the_memory, setup),
        cmocka_unit_test_setup(avro_json_goes_both_ways, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
