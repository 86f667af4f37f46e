/* JSON Schema: a record is its JSON text. Outside of what is encrypted it lies on the topic byte for byte as it was
 * given: order of properties, spaces, spelling of numbers.
 *
 *     json TOPIC     environment: SCHLOSS_REGISTRY, LOCAL_SECRET
 */
#include "example.h"

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("json TOPIC\n", stderr);
        return 2;
    }
    static const char record[] =
        "{ \"total\": 1.50e2, \"card\": {\"number\": \"4012888888881881\", \"cvc\": \"123\"},\n"
        "  \"id\": \"o-1\", \"notes\": [\"ring twice\", \"gate code 0815\"] }";
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(NULL, err);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);

    schloss_target_t target = {.topic = argv[1]};
    schloss_encoded_t encoded;
    schloss_decoded_t decoded;
    must(schloss_serialize(ser, &target, schloss_bytes(record, strlen(record)), &encoded, err), err);
    /* behind the five bytes of the schema id */
    (void)printf("on the topic:\n%.*s\n", (int)encoded.value.len - 5, (const char *)encoded.value.ptr + 5);
    if (holds(encoded.value, "4012888888881881") || holds(encoded.value, "gate code") ||
        !holds(encoded.value, "{ \"total\": 1.50e2, \"card\": {\"number\": \"")) {
        (void)fputs("that is not what the rule says\n", stderr);
        return 1;
    }
    must(schloss_deserialize(de, &target, encoded.value, NULL, 0, &decoded, err), err);
    bool same = decoded.value.len == strlen(record) && memcmp(decoded.value.ptr, record, decoded.value.len) == 0;
    (void)printf("read again, byte for byte: %s\n", same ? "yes" : "NO");

    schloss_deserializer_free(de);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return same ? 0 : 1;
}
