/* Glue to librdkafka (library libschloss-kafka).
 *
 * Threads: one thread at a time per serializer or deserializer. Since 0.1. */
#ifndef SCHLOSS_KAFKA_H
#define SCHLOSS_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <schloss/ext/rule.h>
#include <schloss/serde.h>

SCHLOSS_BEGIN_DECLS

/** Serializes key and value with the two serializers and enqueues the record with rd_kafka_producev().
 * Waits up to 60 s when librdkafka's queue is full, polling rk: its callbacks run inside and must not use these two
 * serializers.
 * @param topic             where the record goes; decides its subject, too
 * @param partition         RD_KAFKA_PARTITION_UA lets librdkafka choose
 * @param key_ser, val_ser  NULL: the bytes are sent as they are
 * @param key, value        records (or raw bytes); value.ptr NULL is a tombstone; key.ptr NULL is no key; copied
 * @param headers           copied; NULL for none
 * @param opaque            delivery report's msg opaque
 * @return 0 enqueued (delivery is reported by rk's callback), those of schloss_serialize(), KAFKA. On error nothing was
 * enqueued. */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kafka_produce(rd_kafka_t *rk, const char *topic, int32_t partition,
                                                               schloss_serializer_t *key_ser, schloss_bytes_t key,
                                                               schloss_serializer_t *val_ser, schloss_bytes_t value,
                                                               const rd_kafka_headers_t *headers, void *opaque,
                                                               schloss_error_t *err);

/** Deserializes the value (is_key false) or key of a consumed message msg, headers included. A null value decodes to
 * out->value.ptr NULL.
 * @param out borrowed from de until its next call
 * @return those of schloss_deserialize() */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kafka_decode(schloss_deserializer_t *de, const rd_kafka_message_t *msg,
                                                              bool is_key, schloss_decoded_t *out,
                                                              schloss_error_t *err);

/** Sends dead letters (onFailure DLQ, schloss/ext/rule.h) with a producer of its own, closed with the client. Before
 * the client's first record; not from several threads at once. Since 0.2.
 * @param conf  brokers and security of the producer; taken over on success. acks=all, enable.idempotence=false,
 *              max.in.flight=1 and message.timeout.ms=0 (for ever) are set unless conf sets them, as the Java client
 * does
 * @param flush wait up to 60 s for each letter to be delivered (dlq.auto.flush)
 * @return 0, INVALID_ARGUMENT, INVALID_STATE (the client has a sink), KAFKA, NO_MEMORY */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_kafka_dlq_open(schloss_client_t *client, rd_kafka_conf_t *conf,
                                                                bool flush, schloss_error_t *err);

SCHLOSS_END_DECLS

#endif
