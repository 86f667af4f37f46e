/* Records byte for byte, framing in front and in the header, which schema is asked for: checklist 84-86, 89. */
#include "rig.h"
#include "serde/framing.h"
#include <time.h>

#define JSON "{\"f1\":\"hello world\"}"
#define FIELDS RIG_PII_RULE(RIG_LOCAL RIG_SIV)
#define PAYLOAD RIG_ENCODING(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", RIG_LOCAL RIG_SIV, ""))
#define PAYLOAD_DAILY RIG_ENCODING(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", RIG_LOCAL RIG_SIV RIG_DAILY, ""))

static const rig_schema_t bytes_schema = {
    "AVRO", "{\"type\":\"record\",\"name\":\"f1Schema\",\"fields\":[" RIG_FIELD("f1", "\"bytes\"") "]}", NULL};

/* V13a to V13d, V14a to V14d: key 00..3f, schema id 1. */
static const struct {
    const rig_schema_t *schema;
    const char *rules, *record;
    size_t index_len;
    int32_t version;
} vectors[] = {
    {&rig_one[0], FIELDS, "00 00000001 48 'Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/'", 0, 1},
    {&bytes_schema, FIELDS, "00 00000001 36 1dce5df7ac48c6edaeb5ed516c5b9e9c47ed1b1c3e3fffe6d55bff", 0, 1},
    {&rig_one[1], FIELDS, "00 00000001 '{\"f1\":\"Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/\"}'", 0, 1},
    {&rig_one[2], FIELDS, "00 00000001 00 0a 24 'Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/'", 1, 1},
    {&rig_one[1], PAYLOAD, "00 00000001 6f04a08cdade8318fc8c7751bdc193b882e7ffa9bbd0b999fce400a18b759d7420095cbf", 0,
     1},
    {&rig_one[0], PAYLOAD, "00 00000001 5f69d774764dfae4910fc607239e77e6be742684ae49c608a0cbdc07", 0, 1},
    {&rig_one[2], PAYLOAD, "00 00000001 00 79ce7a87ed55a0276357ee098d6e173107b1a28d07c6bb91444f7d770b", 1, 1},
    {&rig_one[1], PAYLOAD_DAILY,
     "00 00000001 00 00000002 6f04a08cdade8318fc8c7751bdc193b882e7ffa9bbd0b999fce400a18b759d7420095cbf", 0, 2},
};

/* spec 8: 53, 84 */
static void whole_records_byte_for_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, vectors[i].schema, vectors[i].rules);
        rig_known_key(&r, "AES256_SIV", vectors[i].version);
        RIG_WRITES(&r, JSON, &v);
        rig_is(&v, vectors[i].record);
        RIG_READS(&r, &v, JSON);
        rig_close(&r);
    }
}

/* spec 8: 84, 85 */
static void framing_in_the_header_leaves_the_payload_bare(void **state) {
    (void)state;
    static const char *const conf[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        rig_t r;
        rig_value_t prefixed, guid = {.n = 0}, id = {.n = 5};
        rig_open(&r, vectors[i].schema, vectors[i].rules);
        rig_known_key(&r, "AES256_SIV", vectors[i].version);
        RIG_WRITES(&r, JSON, &prefixed);
        rig_reopen(&r, conf);
        const schloss_schema_t *schema = NULL;
        schloss_bytes_t record;
        schloss_encoded_t enc;
        schloss_decoded_t dec;
        assert_int_equal(schloss_serializer_prepare(r.ser, &r.target, &schema, r.err), 0);
        assert_int_equal(schloss_record_from_json(schema, JSON, strlen(JSON), 0, r.buf, &record, r.err), 0);
        assert_int_equal(schloss_serialize(r.ser, &r.target, record, &enc, r.err), 0);
        size_t skip = 5 + vectors[i].index_len;
        assert_int_equal(enc.value.len, prefixed.n - skip);
        assert_memory_equal(enc.value.ptr, prefixed.p + skip, enc.value.len);
        assert_string_equal(enc.header_name, "__value_schema_id");
        memcpy(guid.p, enc.header.ptr, enc.header.len);
        guid.n = enc.header.len;
        rig_is(&guid, vectors[i].index_len == 0 ? "01 897917622336186f9674299b90a8e8e2"
                                                : "01 897917622336186f9674299b90a8e8e2 00");
        /* both forms in the header, the bare payload behind them */
        memcpy(id.p, "\0\0\0\0\1\0", 6);
        id.n += vectors[i].index_len;
        const rig_value_t *heads[] = {&guid, &id};
        for (size_t k = 0; k < 2; k++) {
            schloss_header_t h = {"__value_schema_id", schloss_bytes(heads[k]->p, heads[k]->n)};
            schloss_bytes_t bare = schloss_bytes(prefixed.p + skip, prefixed.n - skip);
            assert_int_equal(schloss_deserialize(r.de, &r.target, bare, &h, 1, &dec, r.err), 0);
            assert_int_equal(dec.value.len, record.len);
            assert_memory_equal(dec.value.ptr, record.ptr, record.len);
        }
        /* both forms in front of the payload */
        rig_value_t framed = guid;
        memcpy(framed.p + framed.n, prefixed.p + skip, prefixed.n - skip);
        framed.n += prefixed.n - skip;
        RIG_READS(&r, &prefixed, JSON);
        RIG_READS(&r, &framed, JSON);
        /* the header beats the prefix: what follows it is all payload */
        schloss_header_t h = {"__value_schema_id", schloss_bytes(guid.p, guid.n)};
        schloss_rc rc = schloss_deserialize(r.de, &r.target, schloss_bytes(prefixed.p, prefixed.n), &h, 1, &dec, r.err);
        assert_true(rc < 0);
        h.value = schloss_bytes("\2\0\0\0\1", 5);
        rc = schloss_deserialize(r.de, &r.target, schloss_bytes(prefixed.p, prefixed.n), &h, 1, &dec, r.err);
        assert_int_equal(rc, SCHLOSS_E_UNKNOWN_MAGIC);
        RIG_SAYS(&r, "Unknown magic byte!");
        char json[4096];
        prefixed.p[0] = 2;
        assert_int_equal(rig_read(&r, &prefixed, json), SCHLOSS_E_UNKNOWN_MAGIC);
        RIG_SAYS(&r, "Unknown magic byte!");
        rig_close(&r);
    }
}

/* V16: the table of message indexes. */
/* spec 8: 84 */
static void message_indexes_of_the_table(void **state) {
    (void)state;
    static const struct {
        int32_t path[3];
        size_t n;
        const char *hex;
    } t[] = {
        {{0}, 1, "00"},        {{63}, 1, "027e"},       {{1}, 1, "0202"},      {{64}, 1, "028001"},
        {{0, 0}, 2, "040000"}, {{8192}, 1, "02808001"}, {{1, 0}, 2, "040200"}, {{2, 1, 3}, 3, "06040206"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        uint8_t out[FRAMING_INDEX_MAX], want[16];
        int32_t back[PB_INDEX_MAX];
        size_t n = framing_write_indexes(out, t[i].path, t[i].n), len = 0, n_back = 0;
        assert_int_equal(n, strlen(t[i].hex) / 2);
        assert_true(hex_decode(want, t[i].hex, n));
        assert_memory_equal(out, want, n);
        assert_int_equal(framing_parse_indexes(bytes(out, n), back, &n_back, &len, NULL), 0);
        assert_int_equal(len, n);
        assert_int_equal(n_back, t[i].n);
        assert_memory_equal(back, t[i].path, t[i].n * sizeof(int32_t));
    }
}

/* spec 8: 86 */
static void the_serializer_refuses_null_and_reads_it_without_asking(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        schloss_encoded_t enc;
        schloss_decoded_t dec;
        rig_open(&r, &rig_one[i], FIELDS);
        assert_int_equal(schloss_serialize(r.ser, &r.target, schloss_bytes(NULL, 0), &enc, r.err),
                         SCHLOSS_E_EMPTY_MESSAGE);
        assert_int_equal(schloss_deserialize(r.de, &r.target, schloss_bytes(NULL, 0), NULL, 0, &dec, r.err), 0);
        assert_null(dec.value.ptr);
        assert_string_equal(r.log, "");
        rig_close(&r);
    }
}

/* spec 8: 89 */
static void the_latest_version_is_read_and_nothing_registered(void **state) {
    (void)state;
    static const char *const conf[] = {"auto.register.schemas",
                                       "false",
                                       "use.latest.version",
                                       "true",
                                       "latest.cache.ttl.sec",
                                       "1",
                                       "schloss.refresh.thread",
                                       "false",
                                       NULL};
    rig_t r;
    rig_value_t v;
    rig_open_with(&r, &rig_one[0], NULL, NULL, conf);
    assert_int_equal(schloss_serializer_set_schema(r.ser, rig_one[0].text, strlen(rig_one[0].text), NULL, 0, r.err), 0);
    for (int i = 0; i < 50; i++) {
        RIG_WRITES(&r, JSON, &v);
    }
    assert_int_equal(fake_registry_count(r.fr, "/versions/latest"), 1);
    rig_put(r.fr, RIG_SUBJECT, 2, 2, &rig_one[0], FIELDS, NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_int_equal(v.p[4], 1);
    struct timespec second = {.tv_sec = 1, .tv_nsec = 100000000};
    nanosleep(&second, NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_int_equal(v.p[4], 2);
    assert_false(rig_holds(&v, "hello world"));
    assert_int_equal(fake_registry_count(r.fr, "/versions/latest"), 2);
    assert_int_equal(fake_registry_count(r.fr, "POST /subjects"), 0);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_records_byte_for_byte),
        cmocka_unit_test(framing_in_the_header_leaves_the_payload_bare),
        cmocka_unit_test(message_indexes_of_the_table),
        cmocka_unit_test(the_serializer_refuses_null_and_reads_it_without_asking),
        cmocka_unit_test(the_latest_version_is_read_and_nothing_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
