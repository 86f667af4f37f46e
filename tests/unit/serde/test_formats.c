/* JSON Schema and Protobuf through whole handles: messages by name and by index, header framing, records from and to
 * JSON, inspection. The descriptor is that of tests/vectors/data/field-protobuf.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/record.h>
#include <stdlib.h>
#include <string.h>

#define RULES                                                                                                          \
    "{\"domainRules\":[{\"name\":\"r\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":"      \
    "\"kek1\",\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\"}}]}"

static char *vector_text(const char *file, const char *member) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/vectors/data/%s", SOURCE_DIR, file);
    json_t *doc = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(doc);
    const json_t *v = json_array_get(json_object_get(doc, "vectors"), 0);
    char *text = strdup(json_string_value(json_object_get(json_object_get(v, "schema"), member)));
    json_decref(doc);
    return text;
}

typedef struct formats {
    world_t w;
    schloss_buffer_t *buf;
} formats_t;

/* A world whose subject orders-value holds a schema of type. */
static void open_type(formats_t *f, const char *type, const char *text, const char *serialized,
                      const char *const *conf) {
    world_open(&f->w, FAKE_SCHEMA_PERSON, NULL, conf);
    json_t *rules = json_loads(RULES, 0, NULL);
    json_t *s = json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:o}", "subject", WORLD_SUBJECT, "version", 2, "id", 2, "guid",
                          "89791762-2336-186f-9674-299b90a8e8e2", "schemaType", type, "schema", text, "ruleSet", rules);
    assert_non_null(s);
    if (serialized != NULL) {
        json_object_set_new(s, "serialized", json_string(serialized));
    }
    fake_registry_put_schema(f->w.fr, s);
    json_decref(s);
    f->buf = schloss_buffer_new(0);
    assert_non_null(f->buf);
}

static void open_protobuf(formats_t *f, const char *const *conf) {
    char *text = vector_text("field-protobuf.json", "schema"), *ser = vector_text("field-protobuf.json", "serialized");
    open_type(f, "PROTOBUF", text, ser, conf);
    free(text);
    free(ser);
}

static void close_formats(formats_t *f) {
    schloss_buffer_free(f->buf);
    world_close(&f->w);
}

/* Serializes json with a serializer of its own; the value is copied to out. */
static schloss_rc write_message(formats_t *f, const char *message, const char *json, uint8_t *out, size_t *n,
                                uint8_t header[64], size_t *n_header) {
    schloss_serializer_t *ser = NULL;
    schloss_error_t *err = f->w.err;
    const schloss_schema_t *schema = NULL;
    schloss_bytes_t record = {NULL, 0};
    schloss_encoded_t enc;
    assert_int_equal(schloss_serializer_new(f->w.client, NULL, &ser, err), 0);
    if (message != NULL) {
        assert_int_equal(schloss_serializer_set_message(ser, message, err), 0);
    }
    schloss_rc rc = schloss_serializer_prepare(ser, &f->w.target, &schema, err);
    if (rc == 0) {
        rc = schloss_record_from_json(schema, json, strlen(json), 0, f->buf, &record, err);
    }
    if (rc == 0) {
        rc = schloss_serialize(ser, &f->w.target, record, &enc, err);
    }
    if (rc == 0) {
        memcpy(out, enc.value.ptr, enc.value.len);
        *n = enc.value.len;
        if (enc.header_name != NULL && header != NULL) {
            memcpy(header, enc.header.ptr, enc.header.len);
            *n_header = enc.header.len;
        }
    }
    schloss_serializer_free(ser);
    return rc;
}

static void reads_as(formats_t *f, const uint8_t *value, size_t n, const schloss_header_t *headers, size_t n_headers,
                     const char *name, const char *json) {
    schloss_decoded_t dec;
    schloss_bytes_t text;
    schloss_rc rc =
        schloss_deserialize(f->w.de, &f->w.target, schloss_bytes(value, n), headers, n_headers, &dec, f->w.err);
    if (rc != 0) {
        print_error("%s: %s\n", schloss_rc_name(rc), schloss_error_message(f->w.err));
    }
    assert_int_equal(rc, 0);
    if (name != NULL) {
        assert_string_equal(schloss_schema_record_name(dec.schema), name);
    }
    assert_int_equal(schloss_record_to_json(dec.schema, dec.value, 0, f->buf, &text, f->w.err), 0);
    assert_int_equal(text.len, strlen(json));
    assert_memory_equal(text.ptr, json, text.len);
}

static bool holds(const uint8_t *v, size_t n, const char *text) {
    return memmem(v, n, text, strlen(text)) != NULL;
}

/* spec 8: 73 */
static void messages_of_one_schema_take_turns(void **state) {
    (void)state;
    static const struct {
        const char *message, *json, *secret;
        size_t index_len;
    } m[] = {
        {NULL, "{\"ssn\":\"078-05-1120\",\"nickname\":\"ann\"}", "078-05", 1},
        {"shop.crm.Order", "{\"orderNo\":\"o1\",\"card\":\"4111-1111\"}", "4111", 2},
        {"shop.crm.Order.Line.Note", "{\"text\":\"secret text\"}", "secret text", 4},
    };
    formats_t f;
    uint8_t value[3][512];
    size_t n[3];
    open_protobuf(&f, NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(write_message(&f, m[i].message, m[i].json, value[i], &n[i], NULL, NULL), 0);
        assert_false(holds(value[i], n[i], m[i].secret));
    }
    assert_int_equal(value[0][5], 0);
    assert_memory_equal(value[1] + 5, "\x02\x04", 2);
    assert_memory_equal(value[2] + 5, "\x06\x04\x00\x00", 4);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            const char *name = m[i].message == NULL ? "shop.crm.Customer" : m[i].message;
            if (i == 0) {
                continue; /* implicit fields: below */
            }
            reads_as(&f, value[i], n[i], NULL, 0, name, m[i].json);
        }
    }
    close_formats(&f);
}

static void message_indexes_are_checked(void **state) {
    (void)state;
    formats_t f;
    uint8_t value[512];
    size_t n = 0;
    schloss_decoded_t dec;
    open_protobuf(&f, NULL);
    assert_int_equal(write_message(&f, "shop.crm.Nobody", "{}", value, &n, NULL, NULL), SCHLOSS_E_BAD_MESSAGE_INDEX);
    static const char *const bad[] = {"\x02\x14", "\x01", "\x06\x04", "\x7f", "\x02\x01", "\x04\x04\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(value, "\0\0\0\0\x02", 5);
        memcpy(value + 5, bad[i], strlen(bad[i]));
        assert_int_equal(
            schloss_deserialize(f.w.de, &f.w.target, schloss_bytes(value, 5 + strlen(bad[i])), NULL, 0, &dec, f.w.err),
            SCHLOSS_E_BAD_MESSAGE_INDEX);
    }
    memcpy(value, "\0\0\0\0\x02", 5); /* no indexes at all */
    assert_int_equal(schloss_deserialize(f.w.de, &f.w.target, schloss_bytes(value, 5), NULL, 0, &dec, f.w.err),
                     SCHLOSS_E_BAD_MESSAGE_INDEX);
    close_formats(&f);
}

static void the_header_carries_the_indexes(void **state) {
    (void)state;
    static const char *const conf[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    formats_t f;
    uint8_t value[512], header[64];
    size_t n = 0, n_header = 0;
    open_protobuf(&f, conf);
    const char *json = "{\"text\":\"secret text\"}";
    assert_int_equal(write_message(&f, "shop.crm.Order.Line.Note", json, value, &n, header, &n_header), 0);
    assert_int_equal(n_header, 21);
    assert_memory_equal(header + 17, "\x06\x04\x00\x00", 4);
    schloss_header_t h = {"__value_schema_id", schloss_bytes(header, n_header)};
    reads_as(&f, value, n, &h, 1, "shop.crm.Order.Line.Note", json);
    close_formats(&f);
}

static void json_keeps_what_it_does_not_encrypt(void **state) {
    (void)state;
    static const char schema[] =
        "{\"type\":\"object\",\"title\":\"Person\",\"properties\":{\"ssn\":{\"type\":\"string\","
        "\"confluent:tags\":[\"PII\"]},\"n\":{\"type\":\"number\"}}}";
    formats_t f;
    uint8_t value[512];
    size_t n = 0;
    open_type(&f, "JSON", schema, NULL, NULL);
    const char *json = "{ \"z\": 1.50,\n \"ssn\" : \"078-\\u00e4\" , \"n\":1e2 }";
    assert_int_equal(write_message(&f, NULL, json, value, &n, NULL, NULL), 0);
    assert_false(holds(value, n, "078"));
    assert_true(holds(value, n, "{ \"z\": 1.50,\n \"ssn\" : \""));
    assert_true(holds(value, n, "\" , \"n\":1e2 }"));
    reads_as(&f, value, n, NULL, 0, "Person", "{\"z\":1.50,\"ssn\":\"078-\xc3\xa4\",\"n\":1e2}");
    assert_int_equal(write_message(&f, NULL, "{\"ssn\":\"x\"", value, &n, NULL, NULL), SCHLOSS_E_BAD_JSON);
    close_formats(&f);
}

typedef struct look {
    unsigned n, encrypted;
    char encrypted_path[64];
} look_t;

static bool each(void *user, const schloss_field_info_t *info) {
    look_t *l = user;
    l->n++;
    if (info->is_encrypted) {
        l->encrypted++;
        assert_true(info->looks_valid);
        snprintf(l->encrypted_path, sizeof(l->encrypted_path), "%s", info->path);
    }
    return true;
}

static void inspection_names_fields(void **state) {
    (void)state;
    formats_t f;
    uint8_t value[512];
    size_t n = 0;
    look_t l = {0};
    open_protobuf(&f, NULL);
    const char *json = "{\"orderNo\":\"o1\",\"card\":\"4111-1111\"}";
    assert_int_equal(write_message(&f, "shop.crm.Order", json, value, &n, NULL, NULL), 0);
    assert_int_equal(schloss_inspect(f.w.de, &f.w.target, schloss_bytes(value, n), NULL, 0, each, &l, f.w.err), 0);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.encrypted, 1);
    assert_string_equal(l.encrypted_path, "shop.crm.Order.card");
    close_formats(&f);
    l = (look_t){0};
    open_type(&f, "JSON",
              "{\"type\":\"object\",\"properties\":{\"ssn\":{\"type\":\"string\",\"confluent:tags\":[\"PII\"]}}}", NULL,
              NULL);
    assert_int_equal(write_message(&f, NULL, "{\"a\":1,\"ssn\":\"x\"}", value, &n, NULL, NULL), 0);
    assert_int_equal(schloss_inspect(f.w.de, &f.w.target, schloss_bytes(value, n), NULL, 0, each, &l, f.w.err), 0);
    assert_int_equal(l.encrypted, 1);
    assert_string_equal(l.encrypted_path, "$.ssn");
    close_formats(&f);
}

static char last_log[512];

static void keep_log(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)user;
    strncpy(last_log, message, sizeof(last_log) - 1);
}

/* A tag on a container does nothing by the specification; somebody should hear of it. */
static void tags_on_containers_are_told(void **state) {
    (void)state;
    static const char *const schemas[][2] = {
        {"AVRO", "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"in\",\"type\":[\"null\",{\"type\":"
                 "\"array\",\"items\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"s\",\"type\":"
                 "\"string\"}]}}],\"confluent:tags\":[\"PII\"]}]}"},
        {"JSON", "{\"type\":\"object\",\"properties\":{\"in\":{\"type\":\"object\",\"confluent:tags\":[\"PII\"],"
                 "\"properties\":{\"s\":{\"type\":\"string\"}}}}}"},
    };
    for (size_t i = 0; i < 2; i++) {
        formats_t f;
        const schloss_schema_t *schema = NULL;
        open_type(&f, schemas[i][0], schemas[i][1], NULL, NULL);
        schloss_log_set(keep_log, NULL, SCHLOSS_LOG_WARN);
        uint64_t before = schloss_metric_get("tags_unreached");
        assert_int_equal(schloss_serializer_prepare(f.w.ser, &f.w.target, &schema, f.w.err), 0);
        assert_int_equal(schloss_metric_get("tags_unreached"), before + 1);
        schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
        close_formats(&f);
    }
}

static void unknown_types_are_refused(void **state) {
    (void)state;
    formats_t f;
    uint8_t value[64];
    size_t n = 0;
    open_type(&f, "XML", "<a/>", NULL, NULL);
    assert_int_equal(write_message(&f, NULL, "{}", value, &n, NULL, NULL), SCHLOSS_E_SCHEMA_TYPE);
    close_formats(&f);
}

/* So many topics and messages that the handle begins anew, at whatever moment: entries and their variants go together.
 */
static void many_topics_with_messages(void **state) {
    (void)state;
    formats_t f;
    uint8_t first[512], other[512];
    size_t n_first = 0, n_other = 0;
    open_protobuf(&f, NULL);
    assert_int_equal(write_message(&f, NULL, "{}", first, &n_first, NULL, NULL), 0);
    /* the same payload as of message 0, spelled with a count of one: another entry for the same message */
    memcpy(other, first, 5);
    memcpy(other + 5, "\x02\x00", 2);
    memcpy(other + 7, first + 6, n_first - 6);
    n_other = n_first + 1;
    for (unsigned i = 0; i < 9001; i++) {
        char topic[32];
        schloss_decoded_t d, e;
        snprintf(topic, sizeof(topic), "t%u", i);
        schloss_target_t t = {.topic = topic, .subject = WORLD_SUBJECT};
        bool swap = i % 7 == 3;
        assert_int_equal(schloss_deserialize(f.w.de, &t, schloss_bytes(swap ? other : first, swap ? n_other : n_first),
                                             NULL, 0, &d, f.w.err),
                         0);
        assert_int_equal(schloss_deserialize(f.w.de, &t, schloss_bytes(swap ? first : other, swap ? n_first : n_other),
                                             NULL, 0, &e, f.w.err),
                         0);
        assert_int_equal(e.value.len, d.value.len);
    }
    close_formats(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_topics_with_messages),           cmocka_unit_test(messages_of_one_schema_take_turns),
        cmocka_unit_test(message_indexes_are_checked),         cmocka_unit_test(the_header_carries_the_indexes),
        cmocka_unit_test(json_keeps_what_it_does_not_encrypt), cmocka_unit_test(inspection_names_fields),
        cmocka_unit_test(tags_on_containers_are_told),         cmocka_unit_test(unknown_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
