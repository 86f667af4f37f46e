/* Glue to librdkafka: serialize and enqueue, decode what was consumed. A null value is a tombstone and passes through.
 */
#include <schloss/ext/error.h>
#include <schloss/kafka.h>
#include <string.h>
#include <time.h>

/* Uses the public API only: it is a library of its own. */

#define QUEUE_WAIT_MS 60000
#define MAX_HEADERS_SEEN 1024
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static schloss_rc bad_argument(schloss_error_t *err, const char *what) {
    return schloss_error_set(err, SCHLOSS_E_INVALID_ARGUMENT, "%s", what);
}

static schloss_rc no_memory(schloss_error_t *err) {
    return schloss_error_set(err, SCHLOSS_E_NO_MEMORY, "out of memory");
}

typedef struct part {
    schloss_bytes_t bytes;
    const char *header_name;
    schloss_bytes_t header;
} part_t;

static schloss_rc encode(schloss_serializer_t *ser, const schloss_target_t *target, schloss_bytes_t in, part_t *out,
                         schloss_error_t *err) {
    *out = (part_t){.bytes = in};
    if (ser == NULL || in.ptr == NULL) {
        return SCHLOSS_OK;
    }
    schloss_encoded_t enc;
    schloss_rc rc = schloss_serialize(ser, target, in, &enc, err);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    *out = (part_t){.bytes = enc.value, .header_name = enc.header_name, .header = enc.header};
    return SCHLOSS_OK;
}

static schloss_rc add_header(rd_kafka_headers_t **headers, const part_t *p, schloss_error_t *err) {
    if (p->header_name == NULL) {
        return SCHLOSS_OK;
    }
    if (*headers == NULL && (*headers = rd_kafka_headers_new(2)) == NULL) {
        return no_memory(err);
    }
    rd_kafka_resp_err_t e = rd_kafka_header_add(*headers, p->header_name, -1, p->header.ptr, (ssize_t)p->header.len);
    return e == RD_KAFKA_RESP_ERR_NO_ERROR
               ? SCHLOSS_OK
               : schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot add a header: %s", rd_kafka_err2str(e));
}

static int64_t mono_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* librdkafka copies key and value; it takes the headers over only when it succeeds. */
static schloss_rc enqueue(rd_kafka_t *rk, const char *topic, int32_t partition, const part_t *key, const part_t *value,
                          rd_kafka_headers_t **headers, void *opaque, schloss_error_t *err) {
    int64_t give_up = mono_ms() + QUEUE_WAIT_MS;
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
    do {
        rd_kafka_vu_t vus[] = {
            {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
            {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key->bytes.ptr, key->bytes.len}},
            {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value->bytes.ptr, value->bytes.len}},
            {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
            {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = *headers},
        };
        rd_kafka_error_t *ke = rd_kafka_produceva(rk, vus, *headers == NULL ? COUNT_OF(vus) - 1 : COUNT_OF(vus));
        if (ke == NULL) {
            *headers = NULL;
            return SCHLOSS_OK;
        }
        e = rd_kafka_error_code(ke);
        rd_kafka_error_destroy(ke);
        if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(rk, 50);
        }
    } while (e == RD_KAFKA_RESP_ERR__QUEUE_FULL && mono_ms() < give_up);
    schloss_rc rc =
        schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot enqueue a record for topic %s: %s", topic, rd_kafka_err2str(e));
    if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        schloss_error_set_hint(err, "the brokers do not take records; poll the producer, check the connection");
    }
    return rc;
}

#define MAX_HEADERS 64

static size_t collect_all(const rd_kafka_headers_t *hs, schloss_header_t out[MAX_HEADERS]) {
    size_t n = 0;
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;
    while (hs != NULL && n < MAX_HEADERS &&
           rd_kafka_header_get_all(hs, n, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out[n++] = (schloss_header_t){name, schloss_bytes(value, len)};
    }
    return n;
}

schloss_rc schloss_kafka_produce(rd_kafka_t *rk, const char *topic, int32_t partition, schloss_serializer_t *key_ser,
                                 schloss_bytes_t key, schloss_serializer_t *val_ser, schloss_bytes_t value,
                                 const rd_kafka_headers_t *headers, void *opaque, schloss_error_t *err) {
    if (rk == NULL || topic == NULL) {
        return bad_argument(err, "rk and topic must not be NULL");
    }
    if (key_ser != NULL && key_ser == val_ser && key.ptr != NULL && value.ptr != NULL) {
        return bad_argument(err, "key and value need serializers of their own: each keeps its last result");
    }
    part_t k, v;
    schloss_header_t seen[MAX_HEADERS]; /* for dead letters */
    schloss_target_t target = {.topic = topic, .is_key = true, .headers = seen};
    target.n_headers = collect_all(headers, seen);
    schloss_rc rc = encode(key_ser, &target, key, &k, err);
    if (rc == SCHLOSS_OK) { /* the key as it would go out: encrypted where its rules say so */
        target.is_key = false;
        target.other = k.bytes;
        rc = encode(val_ser, &target, value, &v, err);
    }
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    rd_kafka_headers_t *own = headers == NULL ? NULL : rd_kafka_headers_copy(headers);
    rc = headers != NULL && own == NULL ? no_memory(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        rc = add_header(&own, &k, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = add_header(&own, &v, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = enqueue(rk, topic, partition, &k, &v, &own, opaque, err);
    }
    if (own != NULL) {
        rd_kafka_headers_destroy(own);
    }
    return rc;
}

/* All headers of a message, for dead letters; of more than MAX only the last ones that a deserializer looks at. */
static size_t collect(const rd_kafka_message_t *msg, schloss_header_t out[MAX_HEADERS]) {
    rd_kafka_headers_t *hs = NULL;
    size_t n = 0;
    if (rd_kafka_message_headers(msg, &hs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    bool few = rd_kafka_header_cnt(hs) <= MAX_HEADERS;
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;
    for (size_t i = 0;
         i < MAX_HEADERS_SEEN && rd_kafka_header_get_all(hs, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (!few && strncmp(name, "__", 2) != 0) {
            continue;
        }
        if (n == MAX_HEADERS) {
            memmove(out, out + 1, (MAX_HEADERS - 1) * sizeof(out[0]));
            n--;
        }
        out[n++] = (schloss_header_t){name, schloss_bytes(value, len)};
    }
    return n;
}

schloss_rc schloss_kafka_decode(schloss_deserializer_t *de, const rd_kafka_message_t *msg, bool is_key,
                                schloss_decoded_t *out, schloss_error_t *err) {
    if (de == NULL || msg == NULL || out == NULL) {
        return bad_argument(err, "de, msg and out must not be NULL");
    }
    if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return schloss_error_set(err, SCHLOSS_E_KAFKA, "the message carries an error: %s", rd_kafka_err2str(msg->err));
    }
    schloss_header_t headers[MAX_HEADERS];
    size_t n = collect(msg, headers);
    schloss_target_t target = {.topic = rd_kafka_topic_name(msg->rkt), .is_key = is_key};
    if (!is_key && msg->key != NULL) { /* as on the topic: for a dead letter */
        target.other = schloss_bytes(msg->key, msg->key_len);
    }
    schloss_bytes_t value = is_key ? schloss_bytes(msg->key, msg->key_len) : schloss_bytes(msg->payload, msg->len);
    return schloss_deserialize(de, &target, value, headers, n, out, err);
}
