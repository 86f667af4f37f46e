/* Protobuf: a record is the bytes of a message, as protobuf-c, nanopb or C++ make them. Here it is made from ProtoJSON
 * (schloss/record.h), which needs no generated code: descriptors come with the schema from the registry.
 *
 *     protobuf TOPIC MESSAGE JSON     environment: SCHLOSS_REGISTRY, LOCAL_SECRET
 *
 * MESSAGE is a full name such as shop.Payment; without schloss_serializer_set_message() records are the first message
 * of the file. */
#include "example.h"
#include <schloss/record.h>

static bool print_field(void *user, const schloss_field_info_t *info) {
    (void)user;
    (void)printf("  %-24s %-8s %s\n", info->path, info->type, info->is_encrypted ? info->kek : "");
    return true;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        (void)fputs("protobuf TOPIC MESSAGE JSON\n", stderr);
        return 2;
    }
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_serializer_set_message(ser, argv[2], err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);

    schloss_target_t target = {.topic = argv[1]};
    const schloss_schema_t *schema = NULL;
    schloss_buffer_t *buffer = schloss_buffer_new(0);
    schloss_bytes_t record, text;
    schloss_encoded_t encoded;
    schloss_decoded_t decoded;
    must(schloss_serializer_prepare(ser, &target, &schema, err), err);
    must(schloss_record_from_json(schema, argv[3], strlen(argv[3]), 0, buffer, &record, err), err);
    must(schloss_serialize(ser, &target, record, &encoded, err), err);
    (void)printf("fields, and the KEK of those that are ciphertext:\n");
    must(schloss_inspect(de, &target, encoded.value, NULL, 0, print_field, NULL, err), err);

    must(schloss_deserialize(de, &target, encoded.value, NULL, 0, &decoded, err), err);
    must(schloss_record_to_json(decoded.schema, decoded.value, 0, buffer, &text, err), err);
    (void)printf("%s: %.*s\n", schloss_schema_record_name(decoded.schema), (int)text.len, (const char *)text.ptr);

    schloss_buffer_free(buffer);
    schloss_deserializer_free(de);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
