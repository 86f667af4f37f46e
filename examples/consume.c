/* Reads customers from a topic and prints them; who lacks the key gets an error per record and no plaintext.
 *
 *     consume TOPIC [COUNT]     environment: SCHLOSS_REGISTRY, SCHLOSS_BOOTSTRAP, LOCAL_SECRET
 *
 * Bytes that the library returns are borrowed from the deserializer until its next call: use or copy them at once. */
#include "example.h"
#include <schloss/kafka.h>

static rd_kafka_t *new_consumer(const char *topic) {
    const char *const settings[][2] = {
        {"bootstrap.servers", env("SCHLOSS_BOOTSTRAP")},
        {"group.id", "schloss-examples"},
        {"auto.offset.reset", "earliest"},
    };
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) != 0) {
            (void)fprintf(stderr, "%s\n", text);
            exit(1);
        }
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL) {
        (void)fprintf(stderr, "%s\n", text);
        exit(1);
    }
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return rk;
}

/* Fields in the order of the schema that the record was written with (decoded.schema). */
static schloss_rc print_customer(schloss_avro_reader_t *r, schloss_bytes_t record, schloss_error_t *err) {
    schloss_avro_reader_reset(r, record);
    long long id = schloss_avro_get_long(r);
    schloss_bytes_t name = schloss_avro_get_string(r);
    schloss_bytes_t email = schloss_avro_get_string(r);
    schloss_bytes_t ssn = schloss_avro_get_string(r);
    schloss_bytes_t city = schloss_avro_get_string(r);
    schloss_rc rc = schloss_avro_reader_finish(r, err);
    if (rc == SCHLOSS_OK) {
        (void)printf("%lld: %.*s, %.*s, %.*s, %.*s\n", id, (int)name.len, (const char *)name.ptr, (int)email.len,
                     (const char *)email.ptr, (int)ssn.len, (const char *)ssn.ptr, (int)city.len,
                     (const char *)city.ptr);
    }
    return rc;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("consume TOPIC [COUNT]\n", stderr);
        return 2;
    }
    int count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3;
    int failed = 0;
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_deserializer_t *de = NULL;
    must(schloss_deserializer_new(client, NULL, &de, err), err);
    schloss_avro_reader_t *reader = schloss_avro_reader_new();
    rd_kafka_t *consumer = new_consumer(argv[1]);

    for (int seen = 0, quiet = 0; seen < count && quiet < 60;) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(consumer, 500);
        if (msg == NULL) {
            quiet++;
            continue;
        }
        if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            schloss_decoded_t decoded;
            schloss_rc rc = schloss_kafka_decode(de, msg, false, &decoded, err);
            if (rc == SCHLOSS_OK && decoded.value.ptr == NULL) {
                (void)printf("offset %lld: a tombstone\n", (long long)msg->offset);
            } else if (rc == SCHLOSS_OK) {
                rc = print_customer(reader, decoded.value, err);
            }
            if (rc != SCHLOSS_OK) { /* retriable (registry or KMS away): ask again; else set the record aside */
                (void)printf("offset %lld: %s, field %s%s\n", (long long)msg->offset, schloss_rc_name(rc),
                             schloss_error_field(err), schloss_error_is_retriable(err) ? " (try again later)" : "");
                failed++;
            }
            seen++;
        }
        rd_kafka_message_destroy(msg);
    }

    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    schloss_avro_reader_free(reader);
    schloss_deserializer_free(de);
    schloss_client_free(client);
    schloss_error_free(err);
    return failed == 0 ? 0 : 1;
}
