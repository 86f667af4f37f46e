/* Writes customers to a topic; email and ssn, which the schema tags PII, leave this process encrypted.
 *
 *     produce TOPIC [COUNT]     environment: SCHLOSS_REGISTRY, SCHLOSS_BOOTSTRAP, LOCAL_SECRET
 *
 * Order matters at the end: flush the producer, free serializers, then the client. */
#include "example.h"
#include <schloss/kafka.h>

/* Called from rd_kafka_poll and rd_kafka_flush: a record has arrived, or never will. */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque) {
    (void)rk;
    int *arrived = opaque;
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++*arrived;
    } else {
        (void)fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(msg->err));
    }
}

static rd_kafka_t *new_producer(int *arrived) {
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", env("SCHLOSS_BOOTSTRAP"), text, sizeof(text)) != 0) {
        (void)fprintf(stderr, "%s\n", text);
        exit(1);
    }
    rd_kafka_conf_set_opaque(conf, arrived);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        (void)fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return rk;
}

/* Fields in the order of the schema; the serializer refuses bytes that do not fit it. */
static schloss_bytes_t customer(schloss_avro_writer_t *w, int id, schloss_error_t *err) {
    char name[32], email[64], ssn[32];
    int name_len = snprintf(name, sizeof(name), "Customer %d", id);
    int email_len = snprintf(email, sizeof(email), "customer%d@example.org", id);
    int ssn_len = snprintf(ssn, sizeof(ssn), "078-05-%04d", id);
    schloss_bytes_t record;
    schloss_avro_writer_reset(w);
    schloss_avro_put_long(w, id);
    schloss_avro_put_string(w, name, (size_t)name_len);
    schloss_avro_put_string(w, email, (size_t)email_len);
    schloss_avro_put_string(w, ssn, (size_t)ssn_len);
    schloss_avro_put_string(w, "Berlin", 6);
    must(schloss_avro_writer_finish(w, &record, err), err);
    return record;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("produce TOPIC [COUNT]\n", stderr);
        return 2;
    }
    int count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3;
    int arrived = 0;
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_serializer_t *ser = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    rd_kafka_t *producer = new_producer(&arrived);

    for (int id = 1; id <= count; id++) {
        char key[16];
        int key_len = snprintf(key, sizeof(key), "%d", id);
        schloss_bytes_t record = customer(w, id, err);
        /* An error here means that nothing was enqueued: there is no way for the record to go out in clear. */
        must(schloss_kafka_produce(producer, argv[1], RD_KAFKA_PARTITION_UA, NULL, schloss_bytes(key, (size_t)key_len),
                                   ser, record, NULL, NULL, err),
             err);
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, 30000);

    rd_kafka_destroy(producer);
    schloss_avro_writer_free(w);
    schloss_serializer_free(ser); /* counts what it has done */
    (void)printf("%d of %d records are on %s; %llu values were encrypted\n", arrived, count, argv[1],
                 (unsigned long long)schloss_metric_get("encryptions"));
    schloss_client_free(client);
    schloss_error_free(err);
    return arrived == count ? 0 : 1;
}
