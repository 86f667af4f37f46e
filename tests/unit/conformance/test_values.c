/* Single values in whole records of all three formats: checklist 1, 7, 10-12, 15-22. */
#include "rig.h"
#include "base/metrics.h"
#include "crypto/aead.h"
#include "crypto/nonce.h"
#include "kms/kms.h"

static schloss_rc given_nonce(void *user, uint8_t out[12], schloss_error_t *err) {
    (void)user;
    (void)err;
    for (uint8_t i = 0; i < 12; i++) {
        out[i] = (uint8_t)(0xa0 + i);
    }
    return SCHLOSS_OK;
}

#define PARAMS(algorithm) RIG_LOCAL ",\"encrypt.dek.algorithm\":\"" algorithm "\""
static const struct {
    const char *name, *rules, *head;
    size_t overhead, message;
} algorithms[] = {
    {"AES128_GCM", RIG_PII_RULE(PARAMS("AES128_GCM")), "\x1a\x10", 28, 18},
    {"AES256_GCM", RIG_PII_RULE(PARAMS("AES256_GCM")), "\x1a\x20", 28, 34},
    {"AES256_SIV", RIG_PII_RULE(PARAMS("AES256_SIV")), "\x12\x40", 16, 66},
};

static const char *secret(void *user, const char *name) {
    (void)user;
    return strcmp(name, "secret") == 0 ? "mysecret" : NULL;
}

/* spec 8: 1, 10 */
static void generated_keys_are_key_messages(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        rig_t r;
        rig_value_t v;
        uint8_t raw[256];
        rig_open(&r, &rig_one[0], algorithms[i].rules);
        fake_registry_put_local_kek(r.fr, "kek1", "mykey", false);
        RIG_WRITES(&r, "{\"f1\":\"hello world\"}", &v);
        json_t *dek = fake_registry_get_dek(r.fr, "kek1", RIG_SUBJECT, 1, algorithms[i].name);
        const char *wrapped = json_string_value(json_object_get(dek, "encryptedKeyMaterial"));
        size_t n = 0;
        assert_non_null(wrapped);
        assert_true(b64_decode(raw, &n, (const uint8_t *)wrapped, strlen(wrapped)));
        assert_int_equal(n, 28 + algorithms[i].message); /* IV, key message, tag of the local KMS */
        json_decref(dek);
        kms_key_t kek = {"local-kms", "mykey", {secret, NULL}, {0}};
        uint8_t message[128];
        size_t len = 0;
        assert_int_equal(kms_unwrap(&kek, NULL, bytes(raw, n), message, sizeof(message), &len, NULL), 0);
        assert_int_equal(len, algorithms[i].message);
        assert_memory_equal(message, algorithms[i].head, 2);
        n = rig_base64(&v, 6, v.n - 6, raw);
        assert_int_equal(n, 11 + algorithms[i].overhead); /* no five bytes of Tink in front */
        rig_close(&r);
    }
}

/* spec 8: 7 */
static void gcm_varies_and_siv_does_not(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        rig_t r;
        rig_value_t a, b;
        rig_open(&r, &rig_one[0], algorithms[i].rules);
        RIG_WRITES(&r, "{\"f1\":\"same\"}", &a);
        RIG_WRITES(&r, "{\"f1\":\"same\"}", &b);
        assert_int_equal(a.n, b.n);
        assert_int_equal(memcmp(a.p, b.p, a.n) == 0, algorithms[i].overhead == 16);
        RIG_READS(&r, &a, "{\"f1\":\"same\"}");
        RIG_READS(&r, &b, "{\"f1\":\"same\"}");
        rig_close(&r);
    }
}

/* spec 8: 11 */
static void without_an_expiry_there_is_no_prefix(void **state) {
    (void)state;
    static const char *const rules[] = {
        RIG_PII_RULE(RIG_LOCAL),
        RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":null"),
        RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":\"\""),
        RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":\"0\""),
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rig_t r;
        rig_value_t v;
        uint8_t raw[256];
        rig_open(&r, &rig_one[0], rules[i]);
        RIG_WRITES(&r, "{\"f1\":\"hello world\"}", &v);
        assert_int_equal(rig_base64(&v, 6, v.n - 6, raw), 11 + 28);
        assert_int_equal(fake_registry_count(r.fr, "/versions/1?"), 1);
        assert_int_equal(fake_registry_count(r.fr, "/versions/-1"), 0);
        rig_at(&r, RIG_NOW + 1000 * RIG_DAY); /* for ever */
        rig_forget(&r);
        RIG_WRITES(&r, "{\"f1\":\"hello world\"}", &v);
        assert_int_equal(fake_registry_n_deks(r.fr), 1);
        RIG_READS(&r, &v, "{\"f1\":\"hello world\"}");
        rig_close(&r);
    }
}

/* spec 8: 12 */
static void the_prefix_is_a_zero_and_the_version(void **state) {
    (void)state;
    static const struct {
        const char *algorithm, *rules, *json, *record;
        int32_t version;
    } t[] = {
        {"AES256_GCM", RIG_PII_RULE(RIG_LOCAL RIG_DAILY), "{\"f1\":\"hello world\"}",
         "00 00000001 78 'AAAAAAKgoaKjpKWmp6ipqquOfRBBKut10BAJ46wmsEbTHG5HKEZvsV0QyFo='", 2},
        {"AES256_SIV", RIG_PII_RULE(RIG_LOCAL RIG_DAILY RIG_SIV), "{\"f1\":\"testUser\"}",
         "00 00000001 50 'AAAAAAPPUAI+Tq0mKYHPDnf2FoEGAGs37erkXbs='", 3},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_one[0], t[i].rules);
        rig_known_key(&r, t[i].algorithm, t[i].version);
        RIG_WRITES(&r, t[i].json, &v); /* fetches the key */
        nonce_set_source(given_nonce, NULL);
        schloss_rc rc = rig_write(&r, t[i].json, &v);
        nonce_set_source(NULL, NULL);
        assert_int_equal(rc, 0);
        rig_is(&v, t[i].record);
        RIG_READS(&r, &v, t[i].json);
        rig_close(&r);
    }
}

/* spec 8: 15 */
static void an_expiry_is_a_number_of_days(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":\"-1\""),
         "Invalid value for encrypt.dek.expiry.days: -1"},
        {RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":\"x\""), "Invalid value for encrypt.dek.expiry.days: x"},
        {RIG_PII_RULE(RIG_LOCAL ",\"encrypt.dek.expiry.days\":\"1.5\""),
         "Invalid value for encrypt.dek.expiry.days: 1.5"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        rig_t r;
        rig_open(&r, &rig_one[0], bad[i][0]);
        assert_int_equal(rig_write(&r, "{\"f1\":\"x\"}", NULL), SCHLOSS_E_BAD_RULE_PARAM);
        RIG_SAYS(&r, bad[i][1]);
        rig_close(&r);
    }
}

/* hello world under AES256_SIV and 00..3f */
#define HELLO_TEXT "Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/"
#define HELLO_HEX "1dce5df7ac48c6edaeb5ed516c5b9e9c47ed1b1c3e3fffe6d55bff"

/* spec 8: 16 */
static void strings_become_base64_and_bytes_stay_bytes(void **state) {
    (void)state;
    static const char *const json[] = {"{\"f1\":\"hello world\",\"f2\":\"hello world\"}", "{\"f1\":\"hello world\"}",
                                       "{\"f1\":\"hello world\",\"f2\":\"aGVsbG8gd29ybGQ=\"}"};
    static const char *const record[] = {"00 00000001 02 48 '" HELLO_TEXT "' 02 36 " HELLO_HEX,
                                         "00 00000001 '{\"f1\":\"" HELLO_TEXT "\"}'",
                                         "00 00000001 00 0a 24 '" HELLO_TEXT "' 12 1b " HELLO_HEX};
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_two[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        RIG_WRITES(&r, json[i], &v);
        rig_is(&v, record[i]);
        RIG_READS(&r, &v, json[i]);
        rig_close(&r);
    }
}

/* spec 8: 17 */
static void nulls_and_absent_values_need_no_key(void **state) {
    (void)state;
    static const struct {
        size_t format;
        const char *json, *record;
    } t[] = {
        {0, "{\"f1\":null,\"f2\":null}", "00 00000001 00 00"},
        {1, "{\"f1\":null}", "00 00000001 '{\"f1\":null}'"},
        {1, "{}", "00 00000001 '{}'"},
        {1, "{\"other\":1}", "00 00000001 '{\"other\":1}'"},
        {2, "{}", "00 00000001 00"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_two[t[i].format], RIG_PII_RULE(RIG_LOCAL));
        uint64_t before = metrics_get("kms_calls");
        RIG_WRITES(&r, t[i].json, &v);
        rig_is(&v, t[i].record);
        RIG_READS(&r, &v, t[i].json);
        assert_int_equal(fake_registry_count(r.fr, "/deks"), 0);
        assert_int_equal(metrics_get("kms_calls"), before);
        rig_close(&r);
    }
}

/* spec 8: 18 */
static void empty_values_are_encrypted(void **state) {
    (void)state;
    static const char *const json[] = {"{\"f1\":\"\",\"f2\":\"\"}", "{\"f1\":\"\"}", "{\"f1\":\"\",\"f2\":\"\"}"};
    static const char *const record[] = {
        "00 00000001 02 30 'b/W471P8NlYGzT6gRzdIhQ==' 02 20 6ff5b8ef53fc365606cd3ea047374885",
        "00 00000001 '{\"f1\":\"b/W471P8NlYGzT6gRzdIhQ==\"}'",
        "00 00000001 00 0a 18 'b/W471P8NlYGzT6gRzdIhQ==' 12 10 6ff5b8ef53fc365606cd3ea047374885"};
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_two[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        RIG_WRITES(&r, json[i], &v);
        rig_is(&v, record[i]);
        RIG_READS(&r, &v, json[i]);
        rig_close(&r);
        rig_open(&r, &rig_two[i], RIG_PII_RULE(RIG_LOCAL));
        RIG_WRITES(&r, json[i], &v);
        RIG_READS(&r, &v, json[i]);
        assert_true(v.n >= 5 + 40);
        rig_close(&r);
    }
}

/* spec 8: 19 */
static void other_alphabets_come_back(void **state) {
    (void)state;
    static const char *const json = "{\"f1\":\"\xe6\x97\xa5\xe6\x9c\xac\"}";
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &rig_one[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        RIG_WRITES(&r, json, &v);
        assert_true(rig_holds(&v, "rxq4VPCwZzT3M1vX/aIlRRjpwrjKKA=="));
        RIG_READS(&r, &v, json);
        rig_close(&r);
    }
}

/* A record of format i whose f1 is text as it stands. */
static void put_text(rig_value_t *v, size_t i, const char *text) {
    size_t n = strlen(text);
    assert_true(n < 64);
    memcpy(v->p, "\0\0\0\0\1", 5);
    v->n = 5;
    if (i == 0) {
        v->p[v->n++] = (uint8_t)(2 * n);
    } else if (i == 1) {
        memcpy(v->p + v->n, "{\"f1\":\"", 7);
        v->n += 7;
    } else {
        uint8_t head[3] = {0, 0x0a, (uint8_t)n};
        memcpy(v->p + v->n, head, 3);
        v->n += 3;
    }
    memcpy(v->p + v->n, text, n);
    v->n += n;
    if (i == 1) {
        memcpy(v->p + v->n, "\"}", 2);
        v->n += 2;
    }
}

static const char *const field_names[] = {"f1Schema.f1", "$.f1", "c.R.f1"};

/* spec 8: 19 */
static void what_is_no_text_is_refused(void **state) {
    (void)state;
    uint8_t raw[64], sealed[64];
    char text[128];
    aead_key_t *key = NULL;
    for (uint8_t k = 0; k < 64; k++) {
        raw[k] = k;
    }
    assert_int_equal(aead_key_new(&key, DEK_AES256_SIV, bytes(raw, 64), AEAD_AUTO, NULL), 0);
    assert_int_equal(aead_seal(key, (const uint8_t *)"abc\xff\xfe", 5, NULL, sealed, NULL), 0);
    aead_key_free(key);
    text[b64_encode((uint8_t *)text, sealed, 21)] = '\0';
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        char json[4096];
        rig_open(&r, &rig_one[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        put_text(&v, i, text);
        assert_int_equal(rig_read(&r, &v, json), SCHLOSS_E_BAD_UTF8);
        assert_string_equal(schloss_error_field(r.err), field_names[i]);
        assert_null(strstr(schloss_error_message(r.err), "abc"));
        rig_close(&r);
    }
}

/* spec 8: 13 */
static void a_rotated_rule_wants_its_prefix(void **state) {
    (void)state;
    static const struct {
        const char *text;
        schloss_rc rc;
    } t[] = {
        {HELLO_TEXT, SCHLOSS_E_BAD_VERSION_MAGIC}, /* written before the rule had an expiry */
        {"AQAAAAECAwQFBgcICQoLDA0ODxAREhMU", SCHLOSS_E_BAD_VERSION_MAGIC},
        {"AAAAAA==", SCHLOSS_E_CIPHERTEXT_TOO_SHORT}, /* four bytes */
        {"AA==", SCHLOSS_E_CIPHERTEXT_TOO_SHORT},
        {"", SCHLOSS_E_CIPHERTEXT_TOO_SHORT},
        {"AAAAAAE=", SCHLOSS_E_CIPHERTEXT_TOO_SHORT}, /* a prefix and nothing behind it */
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < COUNT_OF(t); k++) {
            rig_t r;
            rig_value_t v;
            char json[4096];
            rig_open(&r, &rig_one[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV RIG_DAILY));
            rig_known_key(&r, "AES256_SIV", 1);
            put_text(&v, i, t[k].text);
            assert_int_equal(rig_read(&r, &v, json), t[k].rc);
            assert_string_equal(schloss_error_field(r.err), field_names[i]);
            rig_close(&r);
        }
    }
    static const char *const rules =
        RIG_ENCODING(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", RIG_LOCAL RIG_SIV RIG_DAILY, ""));
    rig_t r;
    char json[4096];
    rig_value_t magic = {.n = 40, .p = {0, 0, 0, 0, 1, 7}}, cut = {.n = 9, .p = {0, 0, 0, 0, 1, 0}};
    rig_open(&r, &rig_one[0], rules);
    rig_known_key(&r, "AES256_SIV", 1);
    assert_int_equal(rig_read(&r, &magic, json), SCHLOSS_E_BAD_VERSION_MAGIC);
    RIG_SAYS(&r, "Unknown magic byte!");
    assert_int_equal(rig_read(&r, &cut, json), SCHLOSS_E_CIPHERTEXT_TOO_SHORT);
    rig_close(&r);
}

/* spec 8: 20 */
static void base64_may_lack_its_padding_only(void **state) {
    (void)state;
    static const struct {
        const char *text;
        schloss_rc rc;
    } t[] = {{"b/W471P8NlYGzT6gRzdIhQ==", 0},
             {"b/W471P8NlYGzT6gRzdIhQ", 0},
             {"b/W471P8NlYGzT6gRzdIhQ=", SCHLOSS_E_BAD_BASE64},
             {"b_W471P8NlYGzT6gRzdIhQ==", SCHLOSS_E_BAD_BASE64},
             {"b/W4 71P8NlYGzT6gRzdIhQ==", SCHLOSS_E_BAD_BASE64},
             {"b/W471P8NlYG!T6gRzdIhQ==", SCHLOSS_E_BAD_BASE64}};
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        rig_t r;
        rig_value_t v;
        char json[4096];
        rig_open(&r, &rig_one[1], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        v.n = 5 + (size_t)snprintf((char *)v.p + 5, 200, "{\"f1\":\"%s\"}", t[i].text);
        memcpy(v.p, "\0\0\0\0\1", 5);
        assert_int_equal(rig_read(&r, &v, json), t[i].rc);
        if (t[i].rc == 0) {
            assert_string_equal(json, "{\"f1\":\"\"}");
        } else {
            assert_string_equal(schloss_error_field(r.err), "$.f1");
        }
        rig_close(&r);
    }
}

/* spec 8: 21 */
static void other_types_are_refused_on_writing_only(void **state) {
    (void)state;
    static const struct {
        const char *type, *json, *name;
    } t[] = {
        {"\"int\"", "7", "'INT'"},
        {"\"long\"", "7", "'LONG'"},
        {"\"float\"", "0.5", "'FLOAT'"},
        {"\"double\"", "0.5", "'DOUBLE'"},
        {"\"boolean\"", "true", "'BOOLEAN'"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", "'ENUM'"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"ab\"", "'FIXED'"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        char schema[512], json[64];
        (void)snprintf(schema, sizeof(schema), RIG_AVRO("{\"name\":\"f1\",\"type\":%s," RIG_PII "}"), t[i].type);
        (void)snprintf(json, sizeof(json), "{\"f1\":%s}", t[i].json);
        rig_schema_t s = {"AVRO", schema, NULL};
        rig_t r;
        rig_value_t v;
        rig_open(&r, &s, RIG_PII_RULE(RIG_LOCAL));
        assert_int_equal(rig_write(&r, json, NULL), SCHLOSS_E_UNSUPPORTED_TYPE);
        RIG_SAYS(&r, t[i].name);
        assert_string_equal(schloss_error_field(r.err), "c.R.f1");
        rig_close(&r);
        rig_open(&r, &s, RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, RIG_LOCAL, ",\"mode\":\"READ\"")));
        RIG_WRITES(&r, json, &v);
        RIG_READS(&r, &v, json);
        rig_close(&r);
    }
}

/* spec 8: 22 */
static void unions_of_several_types_leave_other_types_alone(void **state) {
    (void)state;
    static const rig_schema_t schemas[] = {
        {"AVRO", RIG_AVRO(RIG_FIELD("f1", "[\"string\",\"int\"]")), NULL},
        {"AVRO", RIG_AVRO(RIG_FIELD("f1", "[\"null\",\"string\",\"int\"]")), NULL},
        {"JSON",
         "{\"type\":\"object\",\"properties\":{\"f1\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"},"
         "{\"type\":\"null\"}]," RIG_PII "}}}",
         NULL},
    };
    static const char *const plain[] = {"00 00000001 02 18", "00 00000001 04 18", "00 00000001 '{\"f1\":12}'"};
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        rig_t r;
        rig_value_t v;
        rig_open(&r, &schemas[i], RIG_PII_RULE(RIG_LOCAL RIG_SIV));
        rig_known_key(&r, "AES256_SIV", 1);
        RIG_WRITES(&r, "{\"f1\":12}", &v);
        rig_is(&v, plain[i]);
        RIG_READS(&r, &v, "{\"f1\":12}");
        RIG_WRITES(&r, "{\"f1\":\"hello world\"}", &v);
        assert_true(rig_holds(&v, HELLO_TEXT));
        RIG_READS(&r, &v, "{\"f1\":\"hello world\"}");
        rig_close(&r);
    }
    static const rig_schema_t nullable = {"AVRO", RIG_AVRO(RIG_FIELD("f1", "[\"null\",\"int\"]")), NULL};
    rig_t r;
    rig_open(&r, &nullable, RIG_PII_RULE(RIG_LOCAL));
    assert_int_equal(rig_write(&r, "{\"f1\":12}", NULL), SCHLOSS_E_UNSUPPORTED_TYPE);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_keys_are_key_messages),
        cmocka_unit_test(gcm_varies_and_siv_does_not),
        cmocka_unit_test(without_an_expiry_there_is_no_prefix),
        cmocka_unit_test(the_prefix_is_a_zero_and_the_version),
        cmocka_unit_test(an_expiry_is_a_number_of_days),
        cmocka_unit_test(strings_become_base64_and_bytes_stay_bytes),
        cmocka_unit_test(nulls_and_absent_values_need_no_key),
        cmocka_unit_test(empty_values_are_encrypted),
        cmocka_unit_test(other_alphabets_come_back),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(a_rotated_rule_wants_its_prefix),
        cmocka_unit_test(base64_may_lack_its_padding_only),
        cmocka_unit_test(other_types_are_refused_on_writing_only),
        cmocka_unit_test(unions_of_several_types_leave_other_types_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
