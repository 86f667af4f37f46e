/* The specification's worked example (7.8), request by request: topic t, Avro, AES256_SIV, local KMS. The random source
 * gives 00..3f for the key and the wrapping has the IV 000102030405060708090a0b, so that every byte is known. A
 * reader leaves fetchMaxId=false out, as it is the default of every registry. */
#include "rig.h"
#include "crypto/nonce.h"
#include <sys/random.h>

#define WRAPPED                                                                                                        \
    "AAECAwQFBgcICQoLsEpaky6/bc6Y/3g0j960f06P22tGgng0Vpi43C5AzkzUeDGXf1DuKDducbB63amSe3Zg5Guvj24WODv1aRFHez/5FRRaMe6u" \
    "cECMz/YeNPPCvQ=="

static const char *const schema =
    "{\"type\":\"record\",\"name\":\"f1Schema\",\"fields\":[{\"name\":\"f1\",\"type\":\"string\",\"confluent:tags\":["
    "\"PII\"]}]}";
static const char *const rules =
    "{\"domainRules\":[{\"name\":\"r1\",\"kind\":\"TRANSFORM\",\"mode\":\"WRITEREAD\",\"type\":\"ENCRYPT\",\"tags\":["
    "\"PII\"],\"params\":{\"encrypt.kek.name\":\"kek1\",\"encrypt.dek.algorithm\":\"AES256_SIV\"},\"onFailure\":"
    "\"ERROR,NONE\"}]}";

static bool counting; /* only while the key is made */

/* Stands in for libc's in this program. */
ssize_t getrandom(void *buf, size_t n, unsigned flags) {
    (void)flags;
    static uint64_t x = 88172645463325252ull;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ((uint8_t *)buf)[i] = counting ? (uint8_t)i : (uint8_t)(x >> 24);
    }
    return (ssize_t)n;
}

static schloss_rc iv_of_the_example(void *user, uint8_t out[12], schloss_error_t *err) {
    (void)user;
    (void)err;
    for (uint8_t i = 0; i < 12; i++) {
        out[i] = i;
    }
    return SCHLOSS_OK;
}

static void expect(rig_t *r, size_t i, const char *line, const char *body, int status) {
    assert_non_null(fake_registry_request(r->fr, i));
    assert_string_equal(fake_registry_request(r->fr, i), line);
    assert_int_equal(fake_registry_request_status(r->fr, i), status);
    json_t *got = json_loads(fake_registry_request_body(r->fr, i), 0, NULL), *want = json_loads(body, 0, NULL);
    assert_true((got == NULL && want == NULL) || json_equal(got, want));
    json_decref(got);
    json_decref(want);
}

static void request_by_request(void **state) {
    (void)state;
    static const rig_schema_t s = {"AVRO", schema, NULL};
    rig_t r;
    rig_value_t v;
    rig_open(&r, &s, rules);
    json_t *kek = json_pack("{s:s, s:s, s:s, s:b, s:I}", "name", "kek1", "kmsType", "local-kms", "kmsKeyId", "mykey",
                            "shared", 0, "ts", (json_int_t)1700000000000);
    fake_registry_put_kek(r.fr, kek);
    json_decref(kek);
    rig_at(&r, 1700000000001);

    nonce_set_source(iv_of_the_example, NULL);
    counting = true;
    schloss_rc rc = rig_write(&r, "{\"f1\":\"hello world\"}", &v);
    counting = false;
    nonce_set_source(NULL, NULL);
    assert_int_equal(rc, 0);
    expect(&r, 0, "GET /subjects/t-value/versions/latest", "", 200);
    expect(&r, 1, "GET /dek-registry/v1/keks/kek1?deleted=false", "", 200);
    expect(&r, 2, "GET /dek-registry/v1/keks/kek1/deks/t-value/versions/1?algorithm=AES256_SIV&deleted=false", "", 404);
    expect(&r, 3, "POST /dek-registry/v1/keks/kek1/deks/t-value",
           "{\"subject\":\"t-value\",\"version\":1,\"algorithm\":\"AES256_SIV\",\"encryptedKeyMaterial\":\"" WRAPPED
           "\"}",
           200);
    assert_int_equal(fake_registry_n_requests(r.fr), 4);
    rig_is(&v, "00 00000001 48 'Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/'");
    json_t *dek = fake_registry_get_dek(r.fr, "kek1", "t-value", 1, "AES256_SIV");
    assert_string_equal(json_string_value(json_object_get(dek, "encryptedKeyMaterial")), WRAPPED);
    assert_true(json_integer_value(json_object_get(dek, "ts")) == 1700000000001);
    json_decref(dek);

    fake_registry_clear_requests(r.fr); /* a reader */
    RIG_READS(&r, &v, "{\"f1\":\"hello world\"}");
    expect(&r, 0, "GET /schemas/ids/1?subject=t-value", "", 200);
    expect(&r, 1, "GET /dek-registry/v1/keks/kek1?deleted=true", "", 200);
    expect(&r, 2, "GET /dek-registry/v1/keks/kek1/deks/t-value/versions/1?algorithm=AES256_SIV&deleted=true", "", 200);
    assert_int_equal(fake_registry_n_requests(r.fr), 3);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(request_by_request)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
