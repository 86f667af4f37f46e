/* Rule types of one's own. MASK leaves the last characters of tagged fields, a lossy companion of ENCRYPT; CEL here is
 * a condition that understands one expression. Without an executor a rule of such a type fails the record.
 *
 *     rule_executor TOPIC     environment: SCHLOSS_REGISTRY
 *
 * The library walks the record: an executor that works field by field sees only what the rule's tags cover. */
#include "example.h"
#include <schloss/ext/rule.h>

/* transform_field: everything but the last `keep` bytes becomes *. */
static schloss_rc mask(void *user, const schloss_rule_info_t *info, schloss_bytes_t value, schloss_rule_out_t *out,
                       schloss_error_t *err) {
    (void)user;
    if (strcmp(info->mode, "READ") == 0) { /* what is masked stays masked */
        return schloss_rule_put(out, value.ptr, value.len, err);
    }
    const char *param = schloss_rule_param(info, "keep");
    size_t keep = param == NULL ? 0 : strtoul(param, NULL, 10);
    size_t hidden = value.len > keep ? value.len - keep : 0;
    for (size_t i = 0; i < hidden; i++) {
        schloss_rc rc = schloss_rule_put(out, "*", 1, err);
        if (rc != SCHLOSS_OK) {
            return rc;
        }
    }
    return schloss_rule_put(out, value.ptr + hidden, value.len - hidden, err);
}

/* transform of a rule of kind CONDITION: a verdict on the whole message. */
static schloss_rc judge(void *user, const schloss_rule_info_t *info, schloss_bytes_t message, schloss_rule_out_t *out,
                        schloss_error_t *err) {
    schloss_avro_reader_t *reader = user;
    if (info->expr == NULL || strcmp(info->expr, "message.id > 0") != 0) {
        return schloss_error_set(err, SCHLOSS_E_EXECUTOR, "this CEL knows one expression: message.id > 0");
    }
    schloss_avro_reader_reset(reader, message);
    schloss_rule_set_condition(out, schloss_avro_get_long(reader) > 0);
    return SCHLOSS_OK;
}

static void free_reader(void *user) {
    schloss_avro_reader_free(user);
}

static bool print_counts(void *user, const schloss_rule_counts_t *c) {
    (void)user;
    (void)printf("%s (%s, %s): %llu succeeded, %llu failed\n", c->rule, c->type, c->mode,
                 (unsigned long long)c->success, (unsigned long long)c->failure);
    return true;
}

static schloss_bytes_t customer(schloss_avro_writer_t *w, int64_t id, schloss_error_t *err) {
    schloss_bytes_t record;
    schloss_avro_writer_reset(w);
    schloss_avro_put_long(w, id);
    schloss_avro_put_string(w, "Ada", 3);
    schloss_avro_put_string(w, "ada@example.org", 15);
    schloss_avro_put_string(w, "078-05-1120", 11);
    schloss_avro_put_string(w, "London", 6);
    must(schloss_avro_writer_finish(w, &record, err), err);
    return record;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("rule_executor TOPIC\n", stderr);
        return 2;
    }
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_rule_executor_t masks = {.size = sizeof(masks), .type = "MASK", .transform_field = mask};
    schloss_rule_executor_t cel = {
        .size = sizeof(cel),
        .type = "CEL",
        .user = schloss_avro_reader_new(), /* fine with one thread; several need one each */
        .transform = judge,
        .destroy = free_reader,
    };
    must(schloss_client_add_executor(client, &masks, err), err);
    must(schloss_client_add_executor(client, &cel, err), err);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);

    schloss_target_t target = {.topic = argv[1]};
    schloss_encoded_t encoded;
    schloss_decoded_t decoded;
    schloss_bytes_t text;
    must(schloss_serialize(ser, &target, customer(w, 1, err), &encoded, err), err);
    must(schloss_deserialize(de, &target, encoded.value, NULL, 0, &decoded, err), err);
    must(schloss_avro_to_json(decoded.schema, decoded.value, 0, w, &text, err), err);
    (void)printf("%.*s\n", (int)text.len, (const char *)text.ptr);

    schloss_rc rc = schloss_serialize(ser, &target, customer(w, -1, err), &encoded, err);
    (void)printf("id -1: %s: %s\n", schloss_rc_name(rc), schloss_error_message(err));

    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
    schloss_client_rule_counts(client, print_counts, NULL);
    schloss_avro_writer_free(w);
    schloss_client_free(client);
    schloss_error_free(err);
    return rc == SCHLOSS_E_RULE_CONDITION ? 0 : 1;
}
