/* Vectors of single parts: AEAD, local KMS, framing, wildcard patterns. */
#include "runner.h"

#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/nonce.h"
#include "crypto/tink.h"
#include "kms/kms.h"
#include "rules/wildcard.h"
#include "serde/framing.h"
#include <stdlib.h>
#include <string.h>

static bool check_backend(vec_t *t, dek_alg_t alg, aead_backend_t backend) {
    const char *name = aead_backend_name(backend);
    bytes_t plain = vec_bytes(t->v, "plaintext"), cipher = vec_bytes(t->v, "ciphertext"), iv = vec_bytes(t->v, "iv");
    schloss_error_t err;
    aead_key_t *key = NULL;
    CHECK(t, aead_key_new(&key, alg, vec_bytes(t->v, "rawKey"), backend, &err) == SCHLOSS_OK, "%s: %s", name,
          err.message);
    size_t n = plain.len + aead_overhead(alg);
    uint8_t *sealed = malloc(n), *opened = malloc(plain.len + 1);
    bool ok = sealed != NULL && opened != NULL;
    if (ok) {
        ok = aead_seal(key, plain.ptr, plain.len, iv.ptr, sealed, &err) == SCHLOSS_OK
                 ? vec_same(t, name, bytes(sealed, n), cipher)
                 : wrong(t, "%s: %s", name, err.message);
    }
    if (ok) {
        ok = aead_open(key, cipher.ptr, cipher.len, opened, &err) == SCHLOSS_OK
                 ? vec_same(t, name, bytes(opened, plain.len), plain)
                 : wrong(t, "%s: %s", name, err.message);
    }
    free(sealed);
    free(opened);
    aead_key_free(key);
    return ok;
}

/* spec 8: 5 */
bool check_aead(vec_t *t) {
    dek_alg_t alg;
    CHECK(t, dek_alg_parse(vec_str(t->v, "algorithm", ""), &alg), "unknown algorithm");
    CHECK(t, vec_bytes(t->v, "aad").len == 0, "associated data is not empty");
    uint8_t message[TINK_MAX_LEN];
    bytes_t raw = vec_bytes(t->v, "rawKey"), parsed = {NULL, 0}, material = vec_bytes(t->v, "keyMaterial");
    CHECK(t, raw.len == dek_alg_key_len(alg), "raw key of %zu bytes", raw.len);
    size_t n = tink_key_write(message, alg, raw.ptr);
    if (!vec_same(t, "key message", bytes(message, n), material)) {
        return false;
    }
    CHECK(t, tink_key_parse(&parsed, alg, material, NULL) == SCHLOSS_OK, "the key message is refused");
    return vec_same(t, "raw key", parsed, raw) && check_backend(t, alg, AEAD_OPENSSL) &&
           (!aead_backend_usable(AEAD_IPSECMB) || check_backend(t, alg, AEAD_IPSECMB));
}

static const char *secret_of(void *user, const char *name) {
    return strcmp(name, "secret") == 0 ? vec_str(user, "secret", NULL) : NULL;
}

static schloss_rc take_iv(void *user, uint8_t out[12], schloss_error_t *err) {
    (void)err;
    memcpy(out, ((const bytes_t *)user)->ptr, 12);
    return SCHLOSS_OK;
}

/* spec 8: 3, 4 */
bool check_kms_local(vec_t *t) {
    uint8_t kek[16], opened[128];
    bytes_t secret = vec_bytes(t->v, "secretUtf8"), material = vec_bytes(t->v, "keyMaterial");
    bytes_t wrapped = vec_bytes(t->v, "encryptedKeyMaterial"), iv = vec_bytes(t->v, "iv");
    CHECK(t, kdf_local_secret(kek, secret, NULL) == SCHLOSS_OK, "the secret gives no key");
    if (!vec_same(t, "key of the secret", bytes(kek, sizeof kek), vec_bytes(t->v, "kekKey"))) {
        return false;
    }
    kms_key_t key = {"local-kms", "any", {secret_of, (void *)t->v}, {0}};
    schloss_error_t err;
    size_t n = 0;
    CHECK(t, kms_local.unwrap(&key, NULL, wrapped, opened, sizeof opened, &n, &err) == SCHLOSS_OK, "unwrap: %s",
          err.message);
    if (!vec_same(t, "unwrapped", bytes(opened, n), material)) {
        return false;
    }
    CHECK(t, iv.len == GCM_NONCE_LEN, "IV of %zu bytes", iv.len);
    buf_t out;
    buf_init(&out, 4096, "wrapped DEK", false);
    nonce_set_source(take_iv, &iv);
    schloss_rc rc = kms_local.wrap(&key, NULL, material, &out, &err);
    nonce_set_source(NULL, NULL);
    bool ok = rc == SCHLOSS_OK ? vec_same(t, "wrapped", buf_view(&out), wrapped) : wrong(t, "wrap: %s", err.message);
    buf_clear(&out);
    return ok;
}

static bool check_parse(vec_t *t, bytes_t prefix, bool is_guid, int32_t id, const uint8_t guid[16]) {
    uint8_t value[64];
    CHECK(t, prefix.len + 2 <= sizeof value, "prefix of %zu bytes", prefix.len);
    memcpy(value, prefix.ptr, prefix.len);
    memset(value + prefix.len, 0xAB, 2);
    framing_t f;
    schloss_error_t err;
    CHECK(t, framing_parse(bytes(value, prefix.len + 2), &f, &err) == SCHLOSS_OK, "parse: %s", err.message);
    CHECK(t, f.is_guid == is_guid && f.prefix_len == prefix.len, "parsed as another framing");
    CHECK(t, is_guid || f.id == id, "parsed id %d", f.id);
    CHECK(t, !is_guid || memcmp(f.guid, guid, 16) == 0, "parsed another GUID");
    for (size_t n = 0; n < prefix.len; n++) {
        CHECK(t, framing_parse(bytes(value, n), &f, NULL) != SCHLOSS_OK, "%zu bytes of a prefix are accepted", n);
    }
    return true;
}

/* The indexes behind a prefix, read back. */
static bool same_path(vec_t *t, bytes_t in, const int32_t *path, size_t n) {
    int32_t got[PB_INDEX_MAX];
    size_t n_got = 0, len = 0;
    CHECK(t,
          framing_parse_indexes(in, got, &n_got, &len, NULL) == SCHLOSS_OK && len == in.len && n_got == n &&
              memcmp(got, path, n * sizeof(path[0])) == 0,
          "the message indexes are not read back");
    return true;
}

/* spec 8: 84 */
bool check_framing(vec_t *t) {
    uint8_t out[FRAMING_GUID_LEN + FRAMING_INDEX_MAX], guid[16], tail[FRAMING_INDEX_MAX];
    int32_t id = (int32_t)json_integer_value(json_object_get(t->v, "schemaId")), path[PB_INDEX_MAX];
    bytes_t id_prefix = vec_bytes(t->v, "idPrefix"), guid_prefix = vec_bytes(t->v, "guidPrefix");
    const json_t *indexes = json_object_get(t->v, "messageIndexes");
    size_t n_path = json_array_size(indexes), n_tail = 0;
    for (size_t i = 0; i < n_path && i < PB_INDEX_MAX; i++) {
        path[i] = (int32_t)json_integer_value(json_array_get(indexes, i));
    }
    if (json_is_array(indexes)) {
        n_tail = framing_write_indexes(tail, path, n_path);
    }
    CHECK(t, uuid_parse(guid, vec_str(t->v, "guid", "")), "the GUID is refused");
    size_t n = framing_write_id(out, id);
    memcpy(out + n, tail, n_tail);
    if (!vec_same(t, "id prefix", bytes(out, n + n_tail), id_prefix)) {
        return false;
    }
    n = framing_write_guid(out, guid);
    memcpy(out + n, tail, n_tail);
    return vec_same(t, "GUID prefix", bytes(out, n + n_tail), guid_prefix) &&
           check_parse(t, bytes(id_prefix.ptr, FRAMING_ID_LEN), false, id, guid) &&
           check_parse(t, bytes(guid_prefix.ptr, FRAMING_GUID_LEN), true, id, guid) &&
           (n_tail == 0 || same_path(t, bytes(tail, n_tail), path, n_path));
}

/* spec 8: 69 */
bool check_wildcard(vec_t *t) {
    bool want = json_is_true(json_object_get(t->v, "match"));
    bool got = rule_wildcard_match(vec_str(t->v, "pattern", ""), vec_str(t->v, "name", ""));
    CHECK(t, got == want, "%s, expected %s", got ? "matches" : "does not match", want ? "a match" : "none");
    return true;
}
