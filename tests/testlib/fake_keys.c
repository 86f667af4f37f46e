/* Keys of the fake registry: made, wrapped and unwrapped with lib/kms and lib/crypto under the registry's own secret.
 */
#include "testlib/fake_registry_int.h"

#include "base/random.h"
#include "base/text.h"
#include "crypto/tink.h"
#include "kms/kms.h"
#include <stdlib.h>

static const char *secret_of(void *user, const char *name) {
    const fake_registry_t *fr = user;
    return strcmp(name, "secret") == 0 ? fr->secret : NULL;
}

static kms_key_t kms_key_of(fake_registry_t *fr, const json_t *kek) {
    const char *id = json_string_value(json_object_get(kek, "kmsKeyId"));
    return (kms_key_t){"local-kms", id == NULL ? "mykey" : id, {secret_of, fr}, {0}};
}

bool fake_key_make(fake_registry_t *fr, const json_t *kek, const char *algorithm, const uint8_t *raw, json_t *dek) {
    dek_alg_t alg;
    uint8_t made[64], message[TINK_MAX_LEN];
    if (!dek_alg_parse(algorithm, &alg)) {
        return false;
    }
    if (raw == NULL) {
        if (random_bytes(made, dek_alg_key_len(alg), NULL) != SCHLOSS_OK) {
            return false;
        }
        raw = made;
    }
    size_t n = tink_key_write(message, alg, raw);
    buf_t wrapped;
    buf_init(&wrapped, 1024, "wrapped DEK", false);
    kms_key_t key = kms_key_of(fr, kek);
    bool ok = kms_local.wrap(&key, NULL, bytes(message, n), &wrapped, NULL) == SCHLOSS_OK;
    if (ok) {
        char text[B64_LEN(1024) + 1];
        text[b64_encode((uint8_t *)text, wrapped.ptr, wrapped.len)] = 0;
        json_object_set_new(dek, "encryptedKeyMaterial", fake_own(json_string(text)));
    }
    buf_clear(&wrapped);
    mem_wipe(made, sizeof made);
    mem_wipe(message, sizeof message);
    return ok;
}

char *fake_key_open(fake_registry_t *fr, const json_t *kek, const json_t *dek) {
    const char *text = json_string_value(json_object_get(dek, "encryptedKeyMaterial"));
    uint8_t wrapped[1024], message[TINK_MAX_LEN];
    size_t n = 0, message_len = 0;
    if (text == NULL || strlen(text) > sizeof wrapped - 8 ||
        !b64_decode(wrapped, &n, (const uint8_t *)text, strlen(text))) {
        return NULL;
    }
    kms_key_t key = kms_key_of(fr, kek);
    if (kms_local.unwrap(&key, NULL, bytes(wrapped, n), message, sizeof message, &message_len, NULL) != SCHLOSS_OK) {
        return NULL;
    }
    char *out = fake_own(calloc(1, B64_LEN(TINK_MAX_LEN) + 1));
    b64_encode((uint8_t *)out, message, message_len);
    mem_wipe(message, sizeof message);
    return out;
}
