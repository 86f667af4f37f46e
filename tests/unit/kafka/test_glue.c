/* The librdkafka glue against librdkafka's own mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <schloss/kafka.h>

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

typedef struct cluster {
    rd_kafka_t *owner, *producer, *consumer;
    rd_kafka_mock_cluster_t *mock;
} cluster_t;

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (bootstrap != NULL) {
        assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why)), RD_KAFKA_CONF_OK);
    }
    if (type == RD_KAFKA_CONSUMER) {
        assert_int_equal(rd_kafka_conf_set(conf, "group.id", "g", why, sizeof(why)), RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
    assert_non_null(rk);
    return rk;
}

static void open_cluster(cluster_t *c) {
    c->owner = client(RD_KAFKA_PRODUCER, NULL);
    c->mock = rd_kafka_mock_cluster_new(c->owner, 1);
    assert_non_null(c->mock);
    rd_kafka_mock_topic_create(c->mock, "orders", 1, 1);
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(c->mock);
    c->producer = client(RD_KAFKA_PRODUCER, bootstrap);
    c->consumer = client(RD_KAFKA_CONSUMER, bootstrap);
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(parts, "orders", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(c->consumer, parts), 0);
    rd_kafka_topic_partition_list_destroy(parts);
}

static void close_cluster(cluster_t *c) {
    rd_kafka_consumer_close(c->consumer);
    rd_kafka_destroy(c->consumer);
    rd_kafka_destroy(c->producer);
    rd_kafka_mock_cluster_destroy(c->mock);
    rd_kafka_destroy(c->owner);
}

static rd_kafka_message_t *next(cluster_t *c) {
    for (int i = 0; i < 100; i++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->consumer, 200);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return m;
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
    }
    fail_msg("no message");
    return NULL;
}

static void round_trip(const char *const *conf, const char *header) {
    world_t w;
    cluster_t c;
    uint8_t rec[256];
    schloss_decoded_t dec;
    schloss_serializer_t *key_ser = NULL;
    size_t n = world_person(rec, sizeof(rec), "secretive ann", 7, "note", 3, NULL);
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), conf);
    fake_registry_put_avro(w.fr, "orders-key", 5, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_SIV", ""));
    assert_int_equal(schloss_serializer_new(w.client, NULL, &key_ser, w.err), 0);
    open_cluster(&c);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, "trace", -1, "1", 1);
    assert_int_equal(schloss_kafka_produce(c.producer, "orders", RD_KAFKA_PARTITION_UA, key_ser, schloss_bytes(rec, n),
                                           w.ser, schloss_bytes(rec, n), headers, NULL, w.err),
                     0);
    rd_kafka_headers_destroy(headers); /* the caller's own */
    assert_int_equal(rd_kafka_flush(c.producer, 10000), 0);
    rd_kafka_message_t *m = next(&c);
    assert_null(memmem(m->payload, m->len, "secretive", 9));
    assert_null(memmem(m->key, m->key_len, "secretive", 9));
    rd_kafka_headers_t *got = NULL;
    const void *v = NULL;
    size_t len = 0;
    assert_int_equal(rd_kafka_message_headers(m, &got), 0);
    assert_int_equal(rd_kafka_header_get_last(got, "trace", &v, &len), 0);
    assert_int_equal(rd_kafka_header_get_last(got, "__value_schema_id", &v, &len) == 0, header != NULL);
    assert_int_equal(schloss_kafka_decode(w.de, m, false, &dec, w.err), 0);
    assert_int_equal(dec.value.len, n);
    assert_memory_equal(dec.value.ptr, rec, n);
    assert_int_equal(schloss_kafka_decode(w.de, m, true, &dec, w.err), 0);
    assert_memory_equal(dec.value.ptr, rec, n);
    rd_kafka_message_destroy(m);
    close_cluster(&c);
    schloss_serializer_free(key_ser);
    world_close(&w);
}

static void records_go_and_come_back(void **state) {
    (void)state;
    round_trip(NULL, NULL);
}

static void guid_headers_are_added(void **state) {
    (void)state;
    static const char *const conf[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    round_trip(conf, "__value_schema_id");
}

/* spec 8: 86 */
static void tombstones_pass_and_errors_enqueue_nothing(void **state) {
    (void)state;
    world_t w;
    cluster_t c;
    schloss_decoded_t dec;
    schloss_bytes_t none = {NULL, 0};
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    open_cluster(&c);
    assert_int_equal(
        schloss_kafka_produce(c.producer, "orders", 0, NULL, none, w.ser, schloss_bytes("\1", 1), NULL, NULL, w.err),
        SCHLOSS_E_DATA_MISMATCH);
    assert_int_equal(rd_kafka_outq_len(c.producer), 0);
    schloss_client_invalidate(w.client);
    fake_registry_clear_requests(w.fr);
    assert_int_equal(
        schloss_kafka_produce(c.producer, "orders", 0, NULL, schloss_bytes("k", 1), w.ser, none, NULL, NULL, w.err), 0);
    assert_int_equal(rd_kafka_flush(c.producer, 10000), 0); /* from here on the partitions are known */
    assert_int_equal(
        schloss_kafka_produce(c.producer, "orders", 99, NULL, none, NULL, schloss_bytes("v", 1), NULL, NULL, w.err),
        SCHLOSS_E_KAFKA);
    rd_kafka_message_t *m = next(&c);
    assert_null(m->payload);
    assert_int_equal(schloss_kafka_decode(w.de, m, false, &dec, w.err), 0);
    assert_null(dec.value.ptr);
    assert_int_equal(fake_registry_n_requests(w.fr), 0); /* nobody is asked for a tombstone's sake */
    rd_kafka_message_destroy(m);
    assert_int_equal(schloss_kafka_produce(c.producer, NULL, 0, NULL, none, w.ser, none, NULL, NULL, w.err),
                     SCHLOSS_E_INVALID_ARGUMENT);
    close_cluster(&c);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_and_come_back),
        cmocka_unit_test(guid_headers_are_added),
        cmocka_unit_test(tombstones_pass_and_errors_enqueue_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
