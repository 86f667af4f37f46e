/* Dead letters: a rule with onFailure DLQ fails its record, and a letter tells what happened without showing anything
 * that an encryption rule covers.
 *
 *     dead_letters TOPIC     environment: SCHLOSS_REGISTRY; without a key (LOCAL_SECRET), so that the rule fails
 *
 * With Kafka, schloss_kafka_dlq_open() sends the letters with a producer of its own; here they are printed. */
#include "example.h"
#include <schloss/ext/rule.h>

static schloss_rc print_letter(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err) {
    (void)err;
    int *letters = user;
    ++*letters;
    (void)printf("a letter for topic %s, key %.*s\n", letter->topic, (int)letter->key.len,
                 (const char *)letter->key.ptr);
    for (size_t i = 0; i < letter->n_headers; i++) {
        const schloss_header_t *h = &letter->headers[i];
        (void)printf("  %s: %.*s\n", h->name, (int)h->value.len, (const char *)h->value.ptr);
    }
    if (letter->value.ptr != NULL) {
        (void)printf("  %.*s\n", (int)letter->value.len, (const char *)letter->value.ptr);
    }
    return holds(letter->value, "078-05-1120") ? SCHLOSS_E_IO : SCHLOSS_OK;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("dead_letters TOPIC\n", stderr);
        return 2;
    }
    int letters = 0;
    schloss_error_t *err = schloss_error_new();
    /* dlq.topic may also stand in the rule's params. */
    const char *const settings[] = {"rule.actions._DLQ_.param.dlq.topic", "customers.dead", NULL};
    schloss_client_t *client = connect_client(settings, err);
    schloss_dead_letter_sink_t sink = {.size = sizeof(sink), .user = &letters, .send = print_letter};
    must(schloss_client_set_dead_letter_sink(client, &sink, err), err);
    schloss_serializer_t *ser = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);

    static const char text[] = "{\"id\":1,\"name\":\"Ada\",\"email\":\"ada@example.org\",\"ssn\":\"078-05-1120\","
                               "\"city\":\"London\"}";
    schloss_header_t source = {"source", schloss_bytes("import", 6)};
    schloss_target_t target = {.topic = argv[1], .other = schloss_bytes("1", 1), .headers = &source, .n_headers = 1};
    const schloss_schema_t *schema = NULL;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    schloss_bytes_t record;
    schloss_encoded_t encoded;
    must(schloss_serializer_prepare(ser, &target, &schema, err), err);
    must(schloss_avro_from_json(schema, text, strlen(text), 0, w, &record, err), err);
    schloss_rc rc = schloss_serialize(ser, &target, record, &encoded, err);
    (void)printf("the record itself: %s: %s\n", schloss_rc_name(rc), schloss_error_message(err));

    schloss_avro_writer_free(w);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return rc != SCHLOSS_OK && letters == 1 ? 0 : 1;
}
