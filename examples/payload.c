/* A rule of type ENCRYPT_PAYLOAD hides the whole record: on the topic lie the schema id and one ciphertext.
 *
 *     payload TOPIC     environment: SCHLOSS_REGISTRY, LOCAL_SECRET
 *
 * Needs no broker: what a producer would send goes straight to a deserializer. */
#include "example.h"

static void print_hex(const char *label, schloss_bytes_t bytes) {
    (void)printf("%s%zu bytes:", label, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 24; i++) {
        (void)printf(" %02x", bytes.ptr[i]);
    }
    (void)printf(" ...\n");
}

static bool print_field(void *user, const schloss_field_info_t *info) {
    (void)user;
    (void)printf("rule %s, KEK %s, %s, DEK version %d: %s\n", info->rule, info->kek, info->algorithm,
                 (int)info->dek_version, info->looks_valid ? "looks like ciphertext" : "is no ciphertext");
    return true;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("payload TOPIC\n", stderr);
        return 2;
    }
    static const char text[] = "{\"id\":7,\"name\":\"Emmy\",\"email\":\"emmy@example.org\",\"ssn\":\"111-22-3333\","
                               "\"city\":\"Erlangen\"}";
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);

    /* The schema is not known to this program: it comes from the registry, and the record is made from JSON. */
    schloss_target_t target = {.topic = argv[1]};
    const schloss_schema_t *schema = NULL;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    schloss_bytes_t record;
    must(schloss_serializer_prepare(ser, &target, &schema, err), err);
    must(schloss_avro_from_json(schema, text, strlen(text), 0, w, &record, err), err);
    print_hex("record     ", record);

    schloss_encoded_t encoded;
    must(schloss_serialize(ser, &target, record, &encoded, err), err);
    print_hex("on the topic ", encoded.value);
    if (holds(encoded.value, "Erlangen") || holds(encoded.value, "Emmy")) {
        (void)fputs("plaintext lies on the topic\n", stderr);
        return 1;
    }

    /* Which key is it under? Asked without any key. */
    must(schloss_inspect(de, &target, encoded.value, NULL, 0, print_field, NULL, err), err);

    schloss_decoded_t decoded;
    must(schloss_deserialize(de, &target, encoded.value, NULL, 0, &decoded, err), err);
    must(schloss_avro_to_json(decoded.schema, decoded.value, 0, w, &record, err), err);
    (void)printf("read again: %.*s\n", (int)record.len, (const char *)record.ptr);

    schloss_avro_writer_free(w);
    schloss_deserializer_free(de);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
