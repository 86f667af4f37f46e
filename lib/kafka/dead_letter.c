/* The sink of dead letters: a producer of its own, so that a letter waits neither behind the application's records nor
 * for its polling. */
#include <schloss/ext/error.h>
#include <schloss/kafka.h>
#include <schloss/log.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS 60000
#define CLOSE_MS 10000
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

typedef struct sink {
    rd_kafka_t *rk;
    bool flush;
} sink_t;

static schloss_rc copy_headers(const schloss_dead_letter_t *letter, rd_kafka_headers_t **out, schloss_error_t *err) {
    *out = rd_kafka_headers_new(letter->n_headers);
    if (*out == NULL) {
        return schloss_error_set(err, SCHLOSS_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < letter->n_headers; i++) {
        const schloss_header_t *h = &letter->headers[i];
        rd_kafka_resp_err_t e = rd_kafka_header_add(*out, h->name, -1, h->value.ptr, (ssize_t)h->value.len);
        if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(*out);
            return schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot add a header: %s", rd_kafka_err2str(e));
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc send_letter(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err) {
    const sink_t *s = user;
    rd_kafka_headers_t *headers = NULL;
    schloss_rc rc = copy_headers(letter, &headers, err);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = letter->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)letter->key.ptr, letter->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)letter->value.ptr, letter->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *ke = rd_kafka_produceva(s->rk, vus, COUNT_OF(vus));
    if (ke != NULL) {
        rc = schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot enqueue: %s", rd_kafka_error_string(ke));
        rd_kafka_error_destroy(ke);
        rd_kafka_headers_destroy(headers);
        return rc;
    }
    rd_kafka_poll(s->rk, 0);
    if (s->flush && rd_kafka_flush(s->rk, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return schloss_error_set(err, SCHLOSS_E_KAFKA, "not delivered within %d s; it stays queued", FLUSH_MS / 1000);
    }
    return SCHLOSS_OK;
}

static void close_sink(void *user) {
    sink_t *s = user;
    (void)rd_kafka_flush(s->rk, CLOSE_MS);
    rd_kafka_destroy(s->rk);
    free(s);
}

/* What the Java client sets, where the application has not. */
static schloss_rc set_defaults(rd_kafka_conf_t *conf, schloss_error_t *err) {
    static const char *const defaults[][3] = {
        /* name, librdkafka's own default, ours */
        {"acks", "-1", "-1"},
        {"enable.idempotence", "false", "false"},
        {"max.in.flight.requests.per.connection", "1000000", "1"},
        {"message.timeout.ms", "300000", "0"},
    };
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        char now[64] = "", text[256];
        size_t n = sizeof(now);
        bool untouched =
            rd_kafka_conf_get(conf, defaults[i][0], now, &n) != RD_KAFKA_CONF_OK || strcmp(now, defaults[i][1]) == 0;
        if (untouched &&
            rd_kafka_conf_set(conf, defaults[i][0], defaults[i][2], text, sizeof(text)) != RD_KAFKA_CONF_OK) {
            return schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot set %s: %s", defaults[i][0], text);
        }
    }
    return SCHLOSS_OK;
}

schloss_rc schloss_kafka_dlq_open(schloss_client_t *client, rd_kafka_conf_t *conf, bool flush, schloss_error_t *err) {
    if (client == NULL || conf == NULL) {
        return schloss_error_set(err, SCHLOSS_E_INVALID_ARGUMENT, "client and conf must not be NULL");
    }
    schloss_rc rc = set_defaults(conf, err);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    sink_t *s = calloc(1, sizeof(*s));
    rd_kafka_conf_t *copy = s == NULL ? NULL : rd_kafka_conf_dup(conf); /* conf stays the caller's until all is well */
    if (copy == NULL) {
        free(s);
        return schloss_error_set(err, SCHLOSS_E_NO_MEMORY, "out of memory");
    }
    char text[512] = "";
    s->flush = flush;
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, copy, text, sizeof(text));
    if (s->rk == NULL) {
        rd_kafka_conf_destroy(copy);
        free(s);
        return schloss_error_set(err, SCHLOSS_E_KAFKA, "cannot make a producer for dead letters: %s", text);
    }
    schloss_dead_letter_sink_t sink = {.size = sizeof(sink), .user = s, .send = send_letter, .destroy = close_sink};
    rc = schloss_client_set_dead_letter_sink(client, &sink, err);
    if (rc != SCHLOSS_OK) {
        close_sink(s);
        return rc;
    }
    rd_kafka_conf_destroy(conf);
    return SCHLOSS_OK;
}
