/* schloss consume: records of a topic as JSON lines. Plaintext lives in wiped buffers until it is written. */
#include "base/limits.h"
#include "base/text.h"
#include "cli/kafka.h"
#include "cli/session.h"
#include "cli/stop.h"
#include <errno.h>
#include <inttypes.h>
#include <schloss/kafka.h>
#include <schloss/record.h>
#include <string.h>
#include <unistd.h>

typedef struct consume {
    cli_t *cli;
    schloss_client_t *client;
    schloss_deserializer_t *value_de, *key_de; /* key_de NULL: raw keys */
    schloss_buffer_t *value_buf, *key_buf;
    unsigned json_flags;
    bool raw;
    bool reader_gone; /* whoever read our output has closed it, as head does: nothing to complain about */
    buf_t line;
} consume_t;

/* Switches every executor off in which something would be decrypted. */
static schloss_rc disable_rules(cli_t *cli) {
    static const char *const names[] = {"rule.executors._ENCRYPT_.disabled",
                                        "rule.executors._ENCRYPT_PAYLOAD_.disabled"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        TRY(settings_set(&cli->settings, names[i], "true", cli->err));
    }
    return SCHLOSS_OK;
}

static schloss_rc open_all(consume_t *c) {
    cli_t *cli = c->cli;
    c->raw = args_flag(cli->args, OPT_RAW);
    if (c->raw) {
        TRY(disable_rules(cli));
    }
    c->json_flags = args_flag(cli->args, OPT_PLAIN_JSON) ? SCHLOSS_RECORD_PLAIN : 0;
    TRY(settings_need_bootstrap(&cli->settings, cli->err));
    TRY(session_client(cli, &c->client));
    TRY(schloss_deserializer_new(c->client, NULL, &c->value_de, cli->err));
    c->value_buf = schloss_buffer_new(0);
    c->key_buf = schloss_buffer_new(0);
    if (c->value_buf == NULL || c->key_buf == NULL) {
        return NO_MEMORY(cli->err);
    }
    return args_flag(cli->args, OPT_AVRO_KEY) ? schloss_deserializer_new(c->client, NULL, &c->key_de, cli->err)
                                              : SCHLOSS_OK;
}

static void close_all(consume_t *c) {
    buf_clear(&c->line);
    schloss_buffer_free(c->value_buf);
    schloss_buffer_free(c->key_buf);
    schloss_deserializer_free(c->value_de);
    schloss_deserializer_free(c->key_de);
    schloss_client_free(c->client);
}

/* ---- one record ---- */

static schloss_rc decode(consume_t *c, const rd_kafka_message_t *msg, bool is_key) {
    schloss_error_t *err = c->cli->err;
    schloss_decoded_t decoded;
    bytes_t json = bytes("null", 4);
    schloss_target_t target = session_target(c->cli, c->cli->args->arg[0], is_key);
    schloss_deserializer_t *de = is_key ? c->key_de : c->value_de;
    schloss_buffer_t *w = is_key ? c->key_buf : c->value_buf;
    if (target.subject == NULL) {
        TRY(schloss_kafka_decode(de, msg, is_key, &decoded, err));
    } else {
        schloss_header_t header[LIMIT_HEADERS];
        size_t n = 0;
        rd_kafka_headers_t *headers = NULL;
        if (rd_kafka_message_headers(msg, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const void *value = NULL;
            size_t len = 0;
            while (n < LIMIT_HEADERS &&
                   rd_kafka_header_get_all(headers, n, &header[n].name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR) {
                header[n++].value = bytes(value, len);
            }
        }
        bytes_t data = is_key ? bytes(msg->key, msg->key_len) : bytes(msg->payload, msg->len);
        TRY(schloss_deserialize(de, &target, data, header, n, &decoded, err));
    }
    if (decoded.value.ptr != NULL) {
        TRY(schloss_record_to_json(decoded.schema, decoded.value, c->json_flags, w, &json, err));
    }
    buf_put(&c->line, json.ptr, json.len);
    return SCHLOSS_OK;
}

/* With --raw a value that is no record under its schema (an encrypted payload) is shown as its bytes. */
static schloss_rc put_value(consume_t *c, const rd_kafka_message_t *msg) {
    size_t at = c->line.len;
    schloss_rc rc = decode(c, msg, false);
    bool undecodable = rc == SCHLOSS_E_DATA_MISMATCH || rc == SCHLOSS_E_UNKNOWN_MAGIC || rc == SCHLOSS_E_SHORT_PREFIX;
    if (c->raw && undecodable) {
        c->line.len = at;
        session_put_json(&c->line, bytes(msg->payload, msg->len));
        rc = SCHLOSS_OK;
    }
    return rc;
}

static schloss_rc put_key(consume_t *c, const rd_kafka_message_t *msg, bool json) {
    if (msg->key == NULL) {
        buf_put_str(&c->line, "null");
        return SCHLOSS_OK;
    }
    if (c->key_de != NULL) {
        return decode(c, msg, true);
    }
    bytes_t key = bytes(msg->key, msg->key_len);
    json ? session_put_json(&c->line, key) : session_put_text(&c->line, key);
    return SCHLOSS_OK;
}

static void put_headers(consume_t *c, const rd_kafka_message_t *msg, bool json) {
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(msg, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        buf_put_str(&c->line, json ? "[]" : "");
        return;
    }
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;
    buf_put_str(&c->line, json ? "[" : "");
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        buf_put_str(&c->line, i != 0 ? "," : "");
        bytes_t n = bytes(name, strlen(name));
        bytes_t v = bytes(value, value != NULL ? len : 0);
        if (json) { /* a list: names may repeat and their order counts */
            buf_put_str(&c->line, "{\"name\":");
            session_put_json(&c->line, n);
            buf_put_str(&c->line, ",\"value\":");
            if (value != NULL) {
                session_put_json(&c->line, v);
            } else {
                buf_put_str(&c->line, "null");
            }
            buf_put_u8(&c->line, '}');
        } else {
            session_put_text(&c->line, n);
            buf_put_u8(&c->line, '=');
            session_put_text(&c->line, v);
        }
    }
    buf_put_str(&c->line, json ? "]" : "");
}

static schloss_rc format_human(consume_t *c, const rd_kafka_message_t *msg) {
    const args_t *a = c->cli->args;
    const char *delimiter = args_text(a, OPT_DELIMITER, "\t");
    if (args_flag(a, OPT_PRINT_HEADERS)) {
        put_headers(c, msg, false);
        buf_put_str(&c->line, delimiter);
    }
    if (args_flag(a, OPT_PRINT_KEY)) {
        TRY(put_key(c, msg, false));
        buf_put_str(&c->line, delimiter);
    }
    TRY(put_value(c, msg));
    buf_put_u8(&c->line, '\n');
    return SCHLOSS_OK;
}

static schloss_rc format_whole(consume_t *c, const rd_kafka_message_t *msg) {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ts = rd_kafka_message_timestamp(msg, &type);
    if (c->cli->form == OUT_YAML) {
        buf_put_str(&c->line, "---\n"); /* JSON is YAML: one document a record */
    }
    buf_printf(&c->line,
               "{\"partition\":%d,\"offset\":%" PRId64 ",\"timestamp\":%" PRId64 ",\"key\":", (int)msg->partition,
               msg->offset, ts);
    TRY(put_key(c, msg, true));
    buf_put_str(&c->line, ",\"headers\":");
    put_headers(c, msg, true);
    buf_put_str(&c->line, ",\"value\":");
    TRY(put_value(c, msg));
    buf_put_str(&c->line, "}\n");
    return SCHLOSS_OK;
}

/* write(2) and not stdio: a stdio buffer would keep plaintext. */
static schloss_rc write_line(consume_t *c) {
    schloss_error_t *err = c->cli->err;
    TRY(buf_check(&c->line, err));
    for (size_t at = 0; at < c->line.len;) {
        ssize_t n = write(STDOUT_FILENO, c->line.ptr + at, c->line.len - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (n < 0 && errno == EINTR && !stop_requested()) {
            continue;
        } else {
            c->reader_gone = n < 0 && errno == EPIPE;
            return FAIL(err, IO, "cannot write to standard output: %s", strerror(errno));
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc print_record(consume_t *c, const rd_kafka_message_t *msg) {
    buf_reset(&c->line);
    TRY(c->cli->form == OUT_HUMAN ? format_human(c, msg) : format_whole(c, msg));
    return SCHLOSS_OK;
}

/* ---- all of them ---- */

static schloss_rc run(consume_t *c, reader_t *reader) {
    const args_t *a = c->cli->args;
    int64_t left = args_int(a, OPT_COUNT, INT64_MAX);
    bool skip = strcmp(args_text(a, OPT_ON_ERROR, "stop"), "skip") == 0;
    uint64_t skipped = 0;
    schloss_rc rc = SCHLOSS_OK;
    while (rc == SCHLOSS_OK && left > 0) {
        rd_kafka_message_t *msg = NULL;
        rc = reader_next(reader, &msg, c->cli->err);
        if (rc != SCHLOSS_OK) {
            break;
        }
        rc = print_record(c, msg);
        if (rc != SCHLOSS_OK) {
            err_wrap(c->cli->err, "partition %d offset %" PRId64, (int)msg->partition, msg->offset);
            if (skip && !stop_requested()) {
                out_error(stderr, c->cli->err, args_flag(a, OPT_VERBOSE));
                skipped++;
                rc = SCHLOSS_OK;
                reader_done(reader, msg);
            }
        } else if ((rc = write_line(c)) == SCHLOSS_OK) {
            left--;
            reader_done(reader, msg);
        }
        rd_kafka_message_destroy(msg);
    }
    if (skipped != 0) {
        (void)fprintf(stderr, "%" PRIu64 " record%s left out.\n", skipped, skipped == 1 ? "" : "s");
    }
    return rc == SCHLOSS_ABSENT ? SCHLOSS_OK : rc;
}

int verb_consume(cli_t *cli) {
    consume_t c = {.cli = cli};
    buf_init(&c.line, LIMIT_JSON_BYTES * 2, "length of a line", true);
    reader_t *reader = NULL;
    schloss_rc rc = open_all(&c);
    if (rc == SCHLOSS_OK) {
        rc = reader_open(&reader, cli, cli->args->arg[0], !args_flag(cli->args, OPT_EXIT_AT_END));
    }
    if (rc == SCHLOSS_OK) {
        rc = run(&c, reader);
    }
    int code = rc == SCHLOSS_OK ? CLI_EXIT_OK : c.reader_gone ? CLI_EXIT_FAILED : verb_fail(cli);
    reader_close(reader);
    close_all(&c);
    return code;
}
