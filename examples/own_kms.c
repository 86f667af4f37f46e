/* A KMS of one's own: kmsType "key-file" wraps DEKs with a 256-bit key that lies in the file which the key id names
 * (AES key wrap with padding, RFC 5649). Once it is registered, rules and KEKs may name it like any other.
 *
 *     own_kms TOPIC     environment: SCHLOSS_REGISTRY, KEY_DIR (folder of the key files)
 *
 * A driver that speaks HTTP uses schloss_kms_call(), and returns at once when that returns SCHLOSS_NEED_IO: it is then
 * run again with the answer. This one has all it needs at hand. Links libcrypto. */
#include "example.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <schloss/ext/kms.h>

#define KEY_LEN 32
#define MAX_LEN 512

static schloss_rc read_key(void *user, const schloss_kms_op_t *op, uint8_t key[KEY_LEN], schloss_error_t *err) {
    char path[1024];
    const char *id = schloss_kms_key_id(op);
    if (strchr(id, '/') != NULL || snprintf(path, sizeof(path), "%s/%s", (const char *)user, id) >= (int)sizeof(path)) {
        return schloss_error_set(err, SCHLOSS_E_KMS_CONF, "%s is no name of a key file", id);
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return schloss_error_set(err, SCHLOSS_E_KMS_KEY_UNKNOWN, "there is no key file %s", id);
    }
    size_t n = fread(key, 1, KEY_LEN, f);
    (void)fclose(f);
    return n == KEY_LEN ? SCHLOSS_OK : schloss_error_set(err, SCHLOSS_E_KMS_KEY_TYPE, "%s is shorter than a key", id);
}

/* Both directions; the key is wiped before it returns. */
static schloss_rc run(void *user, schloss_kms_op_t *op, schloss_bytes_t in, bool wrapping, schloss_error_t *err) {
    uint8_t key[KEY_LEN], out[MAX_LEN + 16];
    if (in.len > MAX_LEN) {
        return schloss_error_set(err, SCHLOSS_E_LIMIT_EXCEEDED, "more than %d bytes to wrap or unwrap", MAX_LEN);
    }
    schloss_rc rc = read_key(user, op, key, err);
    int len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (rc == SCHLOSS_OK && ctx != NULL) {
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        if (EVP_CipherInit_ex(ctx, EVP_aes_256_wrap_pad(), NULL, key, NULL, wrapping) != 1 ||
            EVP_CipherUpdate(ctx, out, &len, in.ptr, (int)in.len) != 1) {
            rc = wrapping ? SCHLOSS_E_WRAP_FAILED : SCHLOSS_E_UNWRAP_FAILED;
            schloss_error_set(err, rc, "the key file does not fit what it should %s", wrapping ? "wrap" : "unwrap");
        } else {
            rc = schloss_kms_put(op, out, (size_t)len, err);
        }
    }
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(out, sizeof(out));
    return ctx == NULL ? schloss_error_set(err, SCHLOSS_E_NO_MEMORY, "out of memory") : rc;
}

static schloss_rc wrap(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err) {
    return run(user, op, in, true, err);
}

static schloss_rc unwrap(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err) {
    return run(user, op, in, false, err);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("own_kms TOPIC\n", stderr);
        return 2;
    }
    schloss_error_t *err = schloss_error_new();
    schloss_kms_driver_t driver = {
        .size = sizeof(driver),
        .type = "key-file",
        .user = (void *)(uintptr_t)env("KEY_DIR"),
        .wrap = wrap,
        .unwrap = unwrap,
    };
    must(schloss_kms_register(&driver, err), err); /* before the first client */
    schloss_client_t *client = connect_client(NULL, err);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);

    static const uint8_t record[] = "\2\6Ada\36ada@example.org\026078-05-1120\14London"; /* a customer, Avro binary */
    schloss_target_t target = {.topic = argv[1]};
    schloss_encoded_t encoded;
    schloss_decoded_t decoded;
    must(schloss_serialize(ser, &target, schloss_bytes(record, sizeof(record) - 1), &encoded, err), err);
    must(schloss_deserialize(de, &target, encoded.value, NULL, 0, &decoded, err), err);
    bool secret = !holds(encoded.value, "078-05-1120");
    bool same = decoded.value.len == sizeof(record) - 1 && memcmp(decoded.value.ptr, record, decoded.value.len) == 0;
    (void)printf("ssn on the topic: %s; read again: %s; KMS calls: %llu\n", secret ? "ciphertext" : "IN CLEAR",
                 same ? "the same record" : "ANOTHER RECORD", (unsigned long long)schloss_metric_get("kms_calls"));

    schloss_deserializer_free(de);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return secret && same ? 0 : 1;
}
