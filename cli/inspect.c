/* schloss inspect: what is encrypted in records, with which key, as the schema, the rules and the bytes say. No key is
 * asked for. */
#include "cli/kafka.h"
#include "cli/session.h"
#include "base/limits.h"
#include <inttypes.h>
#include <schloss/kafka.h>
#include <string.h>

#define DEFAULT_COUNT 10

static const out_column_t columns[] = {
    {"Field", "field"},         {"Type", "type"}, {"Encrypted", "state"}, {"KEK", "kek"}, {"DEK version", "dekVersion"},
    {"Algorithm", "algorithm"}, {"Rule", "rule"}, {"Bytes", "bytes"},
};

static const char *state_of(const schloss_field_info_t *f) {
    if (!f->is_encrypted) {
        return "no";
    }
    return f->looks_valid ? "yes" : "NOT A CIPHERTEXT";
}

static bool add_field(void *user, const schloss_field_info_t *f) {
    json_t *o = json_pack("{s:s, s:s, s:b, s:s}", "field", f->path[0] != '\0' ? f->path : "(value)", "type", f->type,
                          "encrypted", f->is_encrypted, "state", state_of(f));
    if (o != NULL && f->is_encrypted) {
        (void)json_object_set_new(o, "rule", json_string(f->rule));
        (void)json_object_set_new(o, "kek", json_string(f->kek));
        (void)json_object_set_new(o, "algorithm", json_string(f->algorithm));
        (void)json_object_set_new(o, "dekVersion", f->dek_version > 0 ? json_integer(f->dek_version) : json_null());
        (void)json_object_set_new(o, "looksValid", json_boolean(f->looks_valid));
    }
    if (o != NULL) {
        (void)json_object_set_new(o, "bytes", json_integer((json_int_t)f->len));
    }
    return o != NULL && json_array_append_new(user, o) == 0;
}

static schloss_rc inspect_one(cli_t *cli, schloss_deserializer_t *de, const rd_kafka_message_t *msg, json_t *fields) {
    bool is_key = args_flag(cli->args, OPT_AVRO_KEY);
    schloss_target_t target = session_target(cli, cli->args->arg[0], is_key);
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
    if (data.ptr == NULL) {
        return SCHLOSS_OK;
    }
    return schloss_inspect(de, &target, data, header, n, add_field, fields, cli->err);
}

static void print_one(const cli_t *cli, const rd_kafka_message_t *msg, json_t *fields) {
    if (cli->form == OUT_HUMAN) {
        (void)printf("partition %d offset %" PRId64 "\n", (int)msg->partition, msg->offset);
        bool null = args_flag(cli->args, OPT_AVRO_KEY) ? msg->key == NULL : msg->payload == NULL;
        out_table(stdout, OUT_HUMAN, fields, columns, COUNT_OF(columns), null ? "null" : "No fields.");
        (void)fputc('\n', stdout);
        return;
    }
    json_t *o = json_pack("{s:i, s:I, s:O}", "partition", (int)msg->partition, "offset", (json_int_t)msg->offset,
                          "fields", fields);
    if (cli->form == OUT_YAML) {
        (void)fputs("---\n", stdout);
        out_yaml(stdout, o);
    } else {
        out_json(stdout, o, false); /* one line a record */
    }
    json_decref(o);
}

static schloss_rc run(cli_t *cli, schloss_deserializer_t *de, reader_t *reader) {
    schloss_rc rc = SCHLOSS_OK;
    for (int64_t left = args_int(cli->args, OPT_COUNT, DEFAULT_COUNT); rc == SCHLOSS_OK && left > 0; left--) {
        rd_kafka_message_t *msg = NULL;
        rc = reader_next(reader, &msg, cli->err);
        if (rc != SCHLOSS_OK) {
            break;
        }
        json_t *fields = json_array();
        rc = fields != NULL ? inspect_one(cli, de, msg, fields) : NO_MEMORY(cli->err);
        if (rc == SCHLOSS_OK) {
            print_one(cli, msg, fields);
        } else {
            err_wrap(cli->err, "partition %d offset %" PRId64, (int)msg->partition, msg->offset);
        }
        json_decref(fields);
        rd_kafka_message_destroy(msg);
    }
    return rc == SCHLOSS_ABSENT ? SCHLOSS_OK : rc;
}

int verb_inspect(cli_t *cli) {
    schloss_client_t *client = NULL;
    schloss_deserializer_t *de = NULL;
    reader_t *reader = NULL;
    schloss_rc rc = settings_need_bootstrap(&cli->settings, cli->err);
    if (rc == SCHLOSS_OK) {
        rc = session_client(cli, &client);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_deserializer_new(client, NULL, &de, cli->err);
    }
    if (rc == SCHLOSS_OK) {
        rc = reader_open(&reader, cli, cli->args->arg[0], false);
    }
    if (rc == SCHLOSS_OK) {
        rc = run(cli, de, reader);
    }
    int code = rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
    reader_close(reader);
    schloss_deserializer_free(de);
    schloss_client_free(client);
    return code;
}
