/* schloss produce: JSON lines in, encrypted records out. Nothing is sent that was not serialised without an error. */
#include "base/limits.h"
#include "base/time.h"
#include "cli/kafka.h"
#include "cli/lines.h"
#include "cli/session.h"
#include "cli/stop.h"
#include <inttypes.h>
#include <schloss/kafka.h>
#include <schloss/record.h>
#include <string.h>
#include <unistd.h>

typedef struct produce {
    cli_t *cli;
    const char *topic;
    kafka_t kafka;
    schloss_client_t *client;
    schloss_serializer_t *value_ser, *key_ser; /* key_ser NULL: raw keys */
    schloss_buffer_t *value_buf, *key_buf;
    rd_kafka_topic_t *rkt;
    rd_kafka_headers_t *headers;
    int32_t partition;
    unsigned json_flags;
    uint64_t queued, delivered, failed, skipped;
    rd_kafka_resp_err_t first_failure;
    schloss_error_t first_skip; /* gives the exit code with --continue */
} produce_t;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque) {
    (void)rk;
    kafka_t *k = opaque;
    produce_t *p = k->user;
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->delivered++;
        return;
    }
    p->failed++;
    if (p->first_failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->first_failure = msg->err;
    }
}

/* --headers a=b,c=d; the first of = and : divides. */
static schloss_rc make_headers(produce_t *p) {
    const args_t *a = p->cli->args;
    if (!args_has(a, OPT_HEADERS)) {
        return SCHLOSS_OK;
    }
    p->headers = rd_kafka_headers_new(8);
    for (size_t i = 0; i < a->n_list; i++) {
        for (const char *s = a->list[i].id == OPT_HEADERS ? a->list[i].value : ""; *s != '\0';) {
            size_t n = strcspn(s, ",");
            size_t name = strcspn(s, "=:,");
            ENSURE(name != 0 && name < n, p->cli->err, INVALID_ARGUMENT, "--headers wants name=value,...");
            if (rd_kafka_header_add(p->headers, s, (ssize_t)name, s + name + 1, (ssize_t)(n - name - 1)) !=
                RD_KAFKA_RESP_ERR_NO_ERROR) {
                return NO_MEMORY(p->cli->err);
            }
            s += n;
            s += *s == ',';
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc open_all(produce_t *p) {
    cli_t *cli = p->cli;
    const args_t *a = cli->args;
    ENSURE(!(args_has(a, OPT_KEY) && args_flag(a, OPT_PARSE_KEY)), cli->err, INVALID_ARGUMENT,
           "--key and --parse-key exclude each other");
    ENSURE(args_text(a, OPT_DELIMITER, ":")[0] != '\0', cli->err, INVALID_ARGUMENT, "--delimiter must not be empty");
    p->partition = (int32_t)args_int(a, OPT_PARTITION, RD_KAFKA_PARTITION_UA);
    p->json_flags = args_flag(a, OPT_PLAIN_JSON) ? SCHLOSS_RECORD_PLAIN : 0;
    TRY(make_headers(p));
    TRY(settings_need_bootstrap(&cli->settings, cli->err));
    TRY(session_client(cli, &p->client));
    TRY(schloss_serializer_new(p->client, NULL, &p->value_ser, cli->err));
    if (args_has(a, OPT_MESSAGE)) {
        TRY(schloss_serializer_set_message(p->value_ser, a->text[OPT_MESSAGE], cli->err));
    }
    p->value_buf = schloss_buffer_new(0);
    p->key_buf = schloss_buffer_new(0);
    if (p->value_buf == NULL || p->key_buf == NULL) {
        return NO_MEMORY(cli->err);
    }
    if (args_flag(a, OPT_AVRO_KEY)) {
        TRY(schloss_serializer_new(p->client, NULL, &p->key_ser, cli->err));
    }
    p->kafka.user = p;
    TRY(kafka_open(&p->kafka, RD_KAFKA_PRODUCER, cli, on_delivery));
    /* A broker that cannot be reached is said before the first line is read. */
    p->rkt = rd_kafka_topic_new(p->kafka.rk, p->topic, NULL);
    if (p->rkt == NULL) {
        return kafka_error(&p->kafka, rd_kafka_last_error(), cli->err, "topic %s", p->topic);
    }
    const struct rd_kafka_metadata *meta = NULL;
    TRY(kafka_metadata(&p->kafka, p->rkt, &meta, cli->err));
    rd_kafka_metadata_destroy(meta);
    return SCHLOSS_OK;
}

static void close_all(produce_t *p) {
    if (p->kafka.rk != NULL) {
        (void)rd_kafka_purge(p->kafka.rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
    kafka_close(&p->kafka);
    if (p->headers != NULL) {
        rd_kafka_headers_destroy(p->headers);
    }
    schloss_buffer_free(p->value_buf);
    schloss_buffer_free(p->key_buf);
    schloss_serializer_free(p->value_ser);
    schloss_serializer_free(p->key_ser);
    schloss_client_free(p->client);
}

/* JSON to a record under the schema that the subject has now. */
static schloss_rc encode(produce_t *p, bool is_key, bytes_t json, bytes_t *out) {
    schloss_target_t target = session_target(p->cli, p->topic, is_key);
    const schloss_schema_t *schema = NULL;
    TRY(schloss_serializer_prepare(is_key ? p->key_ser : p->value_ser, &target, &schema, p->cli->err));
    return schloss_record_from_json(schema, (const char *)json.ptr, json.len, p->json_flags,
                                    is_key ? p->key_buf : p->value_buf, out, p->cli->err);
}

static bool is_null(bytes_t json) {
    while (json.len != 0 && (json.ptr[0] == ' ' || json.ptr[0] == '\t')) {
        json = bytes(json.ptr + 1, json.len - 1);
    }
    while (json.len != 0 && (json.ptr[json.len - 1] == ' ' || json.ptr[json.len - 1] == '\t')) {
        json.len--;
    }
    return json.len == 4 && memcmp(json.ptr, "null", 4) == 0;
}

static bool is_blank(bytes_t line) {
    while (line.len != 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t')) {
        line.len--;
    }
    return line.len == 0;
}

static schloss_rc send_line(produce_t *p, bytes_t line) {
    cli_t *cli = p->cli;
    const args_t *a = cli->args;
    bytes_t key = bytes(NULL, 0);
    if (args_has(a, OPT_KEY)) {
        key = bytes(a->text[OPT_KEY], strlen(a->text[OPT_KEY]));
    } else if (args_flag(a, OPT_PARSE_KEY)) {
        const char *delimiter = args_text(a, OPT_DELIMITER, ":");
        const uint8_t *at = memmem(line.ptr, line.len, delimiter, strlen(delimiter));
        ENSURE(at != NULL, cli->err, DATA_MISMATCH, "no delimiter '%s' between key and value", delimiter);
        key = bytes(line.ptr, (size_t)(at - line.ptr));
        size_t skip = key.len + strlen(delimiter);
        line = bytes(line.ptr + skip, line.len - skip);
    }
    if (p->key_ser != NULL && key.ptr != NULL) {
        TRY(encode(p, true, key, &key));
    }
    bytes_t value = bytes(NULL, 0);
    if (!is_null(line)) {
        TRY(encode(p, false, line, &value));
        if (value.ptr == NULL) { /* a record of zero bytes is a value, not a tombstone */
            value = bytes("", 0);
        }
    }
    TRY(schloss_kafka_produce(p->kafka.rk, p->topic, p->partition, p->key_ser, key, p->value_ser, value, p->headers,
                              NULL, cli->err));
    p->queued++;
    return SCHLOSS_OK;
}

/* An error that is about one line, and not about the world: only these may be skipped. */
static bool is_about_line(schloss_rc rc) {
    switch (rc) {
    case SCHLOSS_E_BAD_JSON:
    case SCHLOSS_E_DATA_MISMATCH:
    case SCHLOSS_E_LIMIT_EXCEEDED:
    case SCHLOSS_E_UNSUPPORTED_TYPE:
    case SCHLOSS_E_EMPTY_MESSAGE:
        return true;
    default:
        return false;
    }
}

static schloss_rc read_all(produce_t *p, lines_t *lines) {
    cli_t *cli = p->cli;
    for (;;) {
        bytes_t line;
        schloss_rc rc = lines_next(lines, &line, cli->err);
        if (rc == SCHLOSS_ABSENT) {
            return SCHLOSS_OK;
        }
        TRY(rc);
        if (is_blank(line)) {
            continue;
        }
        rc = send_line(p, line);
        (void)rd_kafka_poll(p->kafka.rk, 0);
        if (p->first_failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return SCHLOSS_OK; /* reported with the counts */
        }
        if (rc == SCHLOSS_OK) {
            continue;
        }
        err_wrap(cli->err, "line %" PRIu64, lines->number);
        if (!args_flag(cli->args, OPT_CONTINUE) || !is_about_line(rc)) {
            return rc;
        }
        if (p->skipped++ == 0) {
            err_copy(&p->first_skip, cli->err);
        }
        out_error(stderr, cli->err, args_flag(cli->args, OPT_VERBOSE));
    }
}

/* Waits for the delivery reports of what was queued. */
static schloss_rc deliver(produce_t *p) {
    while (rd_kafka_outq_len(p->kafka.rk) > 0 && !stop_requested()) {
        (void)rd_kafka_flush(p->kafka.rk, 100);
    }
    if (stop_requested()) {
        (void)rd_kafka_flush(p->kafka.rk, 300);
        return FAIL(p->cli->err, CANCELLED, "interrupted");
    }
    if (p->first_failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(&p->kafka, p->first_failure, p->cli->err, "topic %s: a record was not delivered", p->topic);
    }
    return SCHLOSS_OK;
}

static void report(const produce_t *p) {
    (void)fprintf(stderr, "%" PRIu64 " record%s delivered to %s", p->delivered, p->delivered == 1 ? "" : "s", p->topic);
    uint64_t lost = p->queued - p->delivered;
    if (lost != 0) {
        (void)fprintf(stderr, ", %" PRIu64 " not delivered or unknown", lost);
    }
    if (p->skipped != 0) {
        (void)fprintf(stderr, ", %" PRIu64 " line%s left out", p->skipped, p->skipped == 1 ? "" : "s");
    }
    (void)fputs(".\n", stderr);
}

int verb_produce(cli_t *cli) {
    static produce_t p; /* callbacks point to it */
    lines_t lines;
    p.cli = cli;
    p.topic = cli->args->arg[0];
    schloss_rc rc = lines_open(&lines, cli->args->text[OPT_FILE], LIMIT_JSON_BYTES, cli->err);
    if (rc != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    rc = open_all(&p);
    if (rc == SCHLOSS_OK) {
        if (lines.fd == STDIN_FILENO && isatty(STDIN_FILENO)) {
            (void)fputs("One JSON value a line; Ctrl-D ends.\n", stderr);
        }
        rc = read_all(&p, &lines);
        schloss_error_t first;
        err_copy(&first, cli->err);
        schloss_rc delivered = deliver(&p);
        if (rc != SCHLOSS_OK) {
            err_copy(cli->err, &first);
        } else {
            rc = delivered;
        }
        report(&p);
    }
    lines_close(&lines);
    int code = rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
    if (rc == SCHLOSS_OK && p.skipped != 0) {
        code = exit_code_of(p.first_skip.code, 0, 0);
    }
    close_all(&p);
    return code;
}
