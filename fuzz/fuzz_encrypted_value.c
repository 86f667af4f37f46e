/* What an encrypted field or payload can look like to a reader: base64, version prefix, nonce, ciphertext, tag. Byte 0
 * chooses algorithm, rotation and field or payload; the rest is the value of the tagged string (or bytes) field, or the
 * payload. It must be refused with an error of the reading side: nobody can forge a tag. */
#include "testlib/world.h"

#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

static const char schema[] = "{\"type\":\"record\",\"name\":\"V\",\"fields\":["
                             "{\"name\":\"s\",\"type\":\"string\",\"confluent:tags\":[\"PII\"]}]}";
static const char schema_bytes[] = "{\"type\":\"record\",\"name\":\"V\",\"fields\":["
                                   "{\"name\":\"b\",\"type\":\"bytes\",\"confluent:tags\":[\"PII\"]}]}";
#define ROTATED ",\"encrypt.dek.expiry.days\":\"30\""

static const struct {
    const char *schema, *rules, *algorithm;
    bool payload;
} kinds[] = {
    {schema, FAKE_RULES_PII("AES128_GCM", ""), "AES128_GCM", false},
    {schema, FAKE_RULES_PII("AES256_GCM", ROTATED), "AES256_GCM", false},
    {schema, FAKE_RULES_PII("AES256_SIV", ""), "AES256_SIV", false},
    {schema_bytes, FAKE_RULES_PII("AES256_SIV", ROTATED), "AES256_SIV", false},
    {schema_bytes, FAKE_RULES_PII("AES256_GCM", ""), "AES256_GCM", false},
    {schema, FAKE_RULES_PAYLOAD("AES256_GCM", ROTATED), "AES256_GCM", true},
    {schema, FAKE_RULES_PAYLOAD("AES256_SIV", ""), "AES256_SIV", true},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static world_t worlds[N_KINDS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    size_t k = data[0] % N_KINDS;
    world_t *w = &worlds[k];
    if (w->fr == NULL) {
        schloss_log_set(NULL, NULL, SCHLOSS_LOG_ERROR);
        world_open(w, kinds[k].schema, kinds[k].rules, NULL);
        fake_registry_put_local_kek(w->fr, "kek1", "mykey", false);
        fake_registry_make_dek(w->fr, "kek1", WORLD_SUBJECT, 1, kinds[k].algorithm, NULL);
    }
    if (fake_registry_n_requests(w->fr) > 500) {
        fake_registry_clear_requests(w->fr); /* unknown DEK versions are asked for; a long run must not grow */
    }
    uint8_t *value = malloc(size + 20);
    if (value == NULL) {
        return 0;
    }
    static const uint8_t prefix[5] = {0, 0, 0, 0, 1};
    memcpy(value, prefix, sizeof prefix);
    size_t at = 5;
    if (!kinds[k].payload) {
        at += varlong_write(value + at, (int64_t)(size - 1));
    }
    memcpy(value + at, data + 1, size - 1);
    at += size - 1;
    schloss_decoded_t d;
    schloss_rc rc = schloss_deserialize(w->de, &w->target, schloss_bytes(value, at), NULL, 0, &d, w->err);
    free(value);
    bool null_record = at == 5 && kinds[k].payload; /* the value is the prefix alone */
    if (rc >= 0 && !null_record) {
        abort();
    }
    return 0;
}
