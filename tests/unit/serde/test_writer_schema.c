/* Which schema a serializer writes with: latest, by metadata, by id, by GUID, the application's own, registered; that
 * it has the form of the records; that what the registry lacks is remembered as long as was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/time.h"
#include "schloss/log.h"
#include "testlib/world.h"
#include <stdio.h>
#include <string.h>

#define TOPIC_NAMES "value.subject.name.strategy", "TopicNameStrategy"

static uint8_t rec[256];
static size_t rec_len;

static int setup(void **state) {
    (void)state;
    rec_len = world_person(rec, sizeof(rec), "ann", 7, "note", 3, NULL);
    return 0;
}

/* A serializer with these keys and, unless NULL, this schema; what writing one record gives. */
static schloss_rc write_with(world_t *w, const char *const *conf, const char *schema, int32_t *id) {
    schloss_conf_t *over = schloss_conf_new();
    for (const char *const *p = conf; *p != NULL; p += 2) {
        assert_int_equal(schloss_conf_set(over, p[0], p[1], w->err), 0);
    }
    schloss_serializer_t *ser = NULL;
    assert_int_equal(schloss_serializer_new(w->client, over, &ser, w->err), 0);
    schloss_conf_free(over);
    if (schema != NULL) {
        assert_int_equal(schloss_serializer_set_schema(ser, schema, strlen(schema), NULL, 0, w->err), 0);
    }
    schloss_encoded_t enc;
    schloss_rc rc = schloss_serialize(ser, &w->target, schloss_bytes(rec, rec_len), &enc, w->err);
    if (rc == 0 && id != NULL) {
        *id = enc.header_name != NULL
                  ? 0
                  : enc.value.ptr[1] << 24 | enc.value.ptr[2] << 16 | enc.value.ptr[3] << 8 | enc.value.ptr[4];
    }
    schloss_serializer_free(ser);
    return rc;
}

static const char *const topic_names[] = {TOPIC_NAMES, NULL};

static void open_two(world_t *w, const char *const *conf) {
    world_open(w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    json_t *s = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:{s:{s:s}}}", "subject", WORLD_SUBJECT, "version", 2, "id",
                          9, "guid", "00000000-0000-4000-8000-000000000009", "schemaType", "AVRO", "schema",
                          FAKE_SCHEMA_PERSON, "metadata", "properties", "major", "2");
    fake_registry_put_schema(w->fr, s);
    json_decref(s);
    fake_registry_put_avro(w->fr, WORLD_SUBJECT, 10, FAKE_SCHEMA_PERSON, NULL);
}

static void every_way_finds_its_schema(void **state) {
    (void)state;
    static const struct {
        const char *conf[6];
        const char *schema;
        int32_t id;
        const char *request;
    } t[] = {
        {{"use.latest.version", "true"}, NULL, 10, "GET /subjects/orders-value/versions/latest"},
        {{"use.schema.id", "1"}, NULL, 1, "GET /schemas/ids/1?subject=orders-value"},
        {{"use.latest.with.metadata", "major=2"},
         NULL,
         9,
         "GET /subjects/orders-value/metadata?key=major&value=2&deleted=true"},
        {{"use.latest.version", "false"}, FAKE_SCHEMA_PERSON, 10, "POST /subjects/orders-value?normalize=false"},
        {{"use.latest.version", "false", "normalize.schemas", "true"},
         FAKE_SCHEMA_PERSON,
         10,
         "POST /subjects/orders-value?normalize=true"},
        {{"auto.register.schemas", "true"},
         FAKE_SCHEMA_PERSON,
         10,
         "POST /subjects/orders-value/versions?normalize=false"},
        /* the first that is asked for counts, in the order of the Java client */
        {{"use.schema.id", "1", "use.latest.with.metadata", "major=2"}, NULL, 1, "GET /schemas/ids/1"},
        {{"use.latest.with.metadata", "major=2", "use.latest.version", "true"}, NULL, 9, "/metadata?"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        world_t w;
        int32_t id = -1;
        open_two(&w, topic_names);
        schloss_rc rc = write_with(&w, t[i].conf, t[i].schema, &id);
        if (rc != 0 || id != t[i].id || fake_registry_count(w.fr, t[i].request) != 1) {
            fail_msg("case %zu: %s %s, id %d, first request %s", i, schloss_rc_name(rc), schloss_error_message(w.err),
                     (int)id, fake_registry_request(w.fr, 0));
        }
        world_close(&w);
    }
}

static void a_guid_is_written_in_a_header(void **state) {
    (void)state;
    world_t w;
    open_two(&w, topic_names);
    static const char *const plain[] = {"use.schema.guid", "00000000-0000-4000-8000-000000000009", NULL};
    static const char *const header[] = {"use.schema.guid", "00000000-0000-4000-8000-000000000009",
                                         "value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    assert_int_equal(write_with(&w, plain, NULL, NULL), SCHLOSS_E_REGISTRY_ANSWER); /* it gives no id for it */
    assert_non_null(strstr(schloss_error_hint(w.err), "HeaderSchemaIdSerializer"));
    int32_t id = -1;
    assert_int_equal(write_with(&w, header, NULL, &id), 0);
    assert_int_equal(id, 0);
    world_close(&w);
}

static void a_schema_is_missing_that_the_way_needs(void **state) {
    (void)state;
    world_t w;
    open_two(&w, topic_names);
    static const char *const reg[] = {"auto.register.schemas", "true", NULL};
    static const char *const own[] = {"use.latest.version", "false", NULL};
    assert_int_equal(write_with(&w, reg, NULL, NULL), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(write_with(&w, own, NULL, NULL), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(fake_registry_n_requests(w.fr), 0);
    world_close(&w);
}

static int n_warnings;
static void count_warnings(int level, const char *component, const char *message, void *user) {
    (void)user;
    (void)component;
    n_warnings += level == SCHLOSS_LOG_WARN && strstr(message, "registers a schema without rules") != NULL;
}

static void registering_warns_when_nothing_encrypts(void **state) {
    (void)state;
    world_t w;
    static const char *const reg[] = {"auto.register.schemas", "true", NULL};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), topic_names);
    n_warnings = 0;
    schloss_log_set(count_warnings, NULL, SCHLOSS_LOG_WARN);
    int32_t id = 0;
    w.target.topic = "fresh";
    assert_int_equal(write_with(&w, reg, FAKE_SCHEMA_PERSON, &id), 0);
    assert_int_equal(write_with(&w, reg, FAKE_SCHEMA_PERSON, &id), 0);
    assert_int_equal(id, 2);
    assert_int_equal(n_warnings, 1); /* once per subject */
    assert_int_equal(fake_registry_count(w.fr, "POST /subjects/fresh-value/versions"), 1);
    w.target.topic = "orders"; /* has a version of this schema, with rules: they run */
    assert_int_equal(write_with(&w, reg, FAKE_SCHEMA_PERSON, &id), 0);
    assert_int_equal(id, 1);
    assert_int_equal(n_warnings, 1);
    assert_int_equal(fake_registry_n_deks(w.fr), 1);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
    world_close(&w);
}

#define REC(fields) "{\"type\":\"record\",\"name\":\"P\",\"fields\":[" fields "]}"
#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define PERSON_TAIL "," F("note", "\"string\"") "," F("blob", "\"bytes\"") "," F("alias", "[\"null\",\"string\"]")

/* Records are bytes: what the application has encoded is read back by the schema that is written, field by field. */
static void schemas_of_another_form_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *schema, *where; /* NULL: accepted */
    } t[] = {
        {REC(F("name", "\"string\"") "," F("n", "\"int\"") PERSON_TAIL), NULL}, /* no tags, no docs, another name */
        {REC(F("n", "\"int\"") "," F("name", "\"string\"") PERSON_TAIL), "P.n"},
        {REC(F("name", "\"bytes\"") "," F("n", "\"int\"") PERSON_TAIL), "P.name"},
        {REC(F("name", "\"string\"") "," F("n", "\"long\"") PERSON_TAIL), "P.n"},
        {REC(F("name", "\"string\"")), "the root"},
        {REC(F("name", "\"string\"") "," F("n", "\"int\"") "," F("note", "\"string\"") "," F("blob", "\"bytes\"") "," F(
             "alias", "[\"string\",\"null\"]")),
         "P.alias"},
        {"\"string\"", "the root"},
    };
    static const char *const strict[] = {"use.latest.version", "true", NULL};
    static const char *const lax[] = {"use.latest.version", "true", "latest.compatibility.strict", "false", NULL};
    static const char *const by_id[] = {"use.schema.id", "1", NULL};
    static const char *const by_id_lax[] = {"use.schema.id", "1", "id.compatibility.strict", "false", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, topic_names);
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        schloss_rc want = t[i].where == NULL ? 0 : SCHLOSS_E_DATA_MISMATCH;
        schloss_rc rc = write_with(&w, strict, t[i].schema, NULL);
        if (rc != want || (rc != 0 && strstr(schloss_error_message(w.err), t[i].where) == NULL)) {
            fail_msg("case %zu: %s (%s)", i, schloss_rc_name(rc), schloss_error_message(w.err));
        }
        assert_int_equal(write_with(&w, by_id, t[i].schema, NULL), want);
        assert_int_equal(write_with(&w, lax, t[i].schema, NULL), 0);
        assert_int_equal(write_with(&w, by_id_lax, t[i].schema, NULL), 0);
    }
    world_close(&w);
}

/* Recursive types end the comparison. */
static void recursive_schemas_are_compared(void **state) {
    (void)state;
#define LIST(extra)                                                                                                    \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"" extra                           \
    "},{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"
    static const char *const strict[] = {"use.latest.version", "true", NULL};
    world_t w;
    world_open(&w, LIST(",\"doc\":\"d\""), NULL, topic_names);
    memcpy(rec, "\x02\x00", 2);
    rec_len = 2;
    assert_int_equal(write_with(&w, strict, LIST(""), NULL), 0);
    world_close(&w);
}

static void what_is_missing_is_remembered_by_kind(void **state) {
    (void)state;
    static const struct {
        const char *key;
        const char *conf[4];
        const char *schema, *request;
    } t[] = {
        {"missing.version.cache.ttl.sec", {"use.latest.version", "true"}, NULL, "versions/latest"},
        {"missing.version.cache.ttl.sec", {"use.latest.with.metadata", "a=b"}, NULL, "/metadata"},
        {"missing.schema.cache.ttl.sec", {"use.latest.version", "false"}, FAKE_SCHEMA_PERSON, "POST /subjects/none"},
        {"missing.id.cache.ttl.sec", {"use.schema.id", "77"}, NULL, "/schemas/ids/77"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        for (int on = 0; on < 2; on++) {
            world_t w;
            const char *conf[] = {TOPIC_NAMES, t[i].key, on ? "60" : "0", NULL};
            world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
            w.target.topic = "none";
            for (int k = 0; k < 3; k++) {
                assert_int_equal(write_with(&w, t[i].conf, t[i].schema, NULL), SCHLOSS_E_SCHEMA_NOT_FOUND);
            }
            assert_int_equal(fake_registry_count(w.fr, t[i].request), on ? 1 : 3);
            schloss_client_invalidate(w.client);
            assert_int_equal(write_with(&w, t[i].conf, t[i].schema, NULL), SCHLOSS_E_SCHEMA_NOT_FOUND);
            assert_int_equal(fake_registry_count(w.fr, t[i].request), on ? 2 : 4);
            world_close(&w);
        }
    }
}

static void a_context_qualifies_subjects(void **state) {
    (void)state;
    static const char *const conf[] = {TOPIC_NAMES, "schloss.context", "eu", NULL};
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, conf);
    fake_registry_put_avro(w.fr, ":.eu:orders-value", 44, FAKE_SCHEMA_PERSON, NULL);
    static const char *const latest[] = {"use.latest.version", "true", NULL};
    int32_t id = 0;
    assert_int_equal(write_with(&w, latest, NULL, &id), 0);
    assert_int_equal(id, 44);
    w.target.subject = WORLD_SUBJECT; /* a subject that is given stays as given */
    assert_int_equal(write_with(&w, latest, NULL, &id), 0);
    assert_int_equal(id, 1);
    world_close(&w);
}

/* One record of the application's against types that lead to each other along 2^LEVELS ways. */
enum { LEVELS = 40 };

static void put_level(buf_t *b, unsigned n) {
    static const char other[] =
        "{\"type\":\"record\",\"name\":\"C%u\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\",\"%s%u\"]},"
        "{\"name\":\"y\",\"type\":[\"null\",\"%s%u\"]}]}";
    buf_printf(b, "{\"type\":\"record\",\"name\":\"B%u\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\",", n);
    if (n < LEVELS) {
        put_level(b, n + 1);
        buf_put_str(b, "]},{\"name\":\"y\",\"type\":[\"null\",");
        if (n + 1 < LEVELS) {
            buf_printf(b, other, n + 1, "C", n + 2, "B", n + 2);
        } else {
            buf_printf(b, other, n + 1, "C", n + 1, "C", n + 1);
        }
        buf_put_str(b, "]}]}");
    } else {
        buf_printf(b, "\"B%u\"]},{\"name\":\"y\",\"type\":[\"null\",\"B%u\"]}]}", n, n);
    }
}

static void a_form_is_compared_in_the_size_of_the_schemas(void **state) {
    (void)state;
    static const char *const latest[] = {"use.latest.version", "true", NULL};
    static const char tree[] =
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\",\"A\"]},"
        "{\"name\":\"y\",\"type\":[\"null\",\"A\"]}]}";
    world_t w;
    buf_t b;
    buf_init(&b, 1 << 20, "schema", false);
    put_level(&b, 0);
    world_open(&w, FAKE_SCHEMA_PERSON, NULL, topic_names);
    fake_registry_put_avro(w.fr, WORLD_SUBJECT, 11, buf_cstr(&b), NULL);
    rec[0] = rec[1] = 0; /* null, null */
    rec_len = 2;
    uint64_t began = time_thread_cpu_ns();
    int32_t id = 0;
    assert_int_equal(write_with(&w, latest, tree, &id), 0);
    assert_int_equal(id, 11);
    assert_true(time_thread_cpu_ns() - began < UINT64_C(3000000000));
    buf_clear(&b);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_way_finds_its_schema, setup),
        cmocka_unit_test_setup(a_guid_is_written_in_a_header, setup),
        cmocka_unit_test_setup(a_schema_is_missing_that_the_way_needs, setup),
        cmocka_unit_test_setup(registering_warns_when_nothing_encrypts, setup),
        cmocka_unit_test_setup(schemas_of_another_form_are_refused, setup),
        cmocka_unit_test_setup(recursive_schemas_are_compared, setup),
        cmocka_unit_test_setup(what_is_missing_is_remembered_by_kind, setup),
        cmocka_unit_test_setup(a_context_qualifies_subjects, setup),
        cmocka_unit_test_setup(a_form_is_compared_in_the_size_of_the_schemas, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
