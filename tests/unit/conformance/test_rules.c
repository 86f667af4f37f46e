/* Which rules run, in which order, over which values, and what their failures do: checklist 48, 51, 53-61, 64-66, 68,
 * 70, 72, 75, 76. */
#include "rig.h"
#include "crypto/aead.h"

#define JSON "{\"f1\":\"hello world\"}"
#define HELLO_TEXT "Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/" /* hello world under AES256_SIV and 00..3f */
#define TWICE "4jxTiT1rQi4u9n/nI1Llu3hpAxxGoR02VzBX0xfjfdUktTTED4erd1FAaGN/Jt9e9CurAQ==" /* and again */
#define SIV RIG_LOCAL RIG_SIV
/* nobody has such a KEK, and the rule does not say how to make one */
#define BROKEN(name, more)                                                                                             \
    "{\"name\":\"" name                                                                                                \
    "\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{\"encrypt.kek.name\":\"nokek\"" RIG_SIV "}" more "}"

static void open_known(rig_t *r, const rig_schema_t *s, const char *rules, const char *metadata) {
    rig_open_with(r, s, rules, metadata, NULL);
    rig_known_key(r, "AES256_SIV", 1);
}

/* spec 8: 48 */
static void parameters_come_from_rule_and_metadata_never_from_the_client(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    /* both: the rule's */
    open_known(&r, &rig_one[0], RIG_PII_RULE(SIV), "{\"properties\":{\"encrypt.dek.algorithm\":\"AES128_GCM\"}}");
    RIG_WRITES(&r, JSON, &v);
    assert_true(rig_holds(&v, HELLO_TEXT));
    rig_close(&r);
    /* the property alone */
    open_known(&r, &rig_one[0], RIG_PII_RULE(RIG_LOCAL), "{\"properties\":{\"encrypt.dek.algorithm\":\"AES256_SIV\"}}");
    RIG_WRITES(&r, JSON, &v);
    assert_true(rig_holds(&v, HELLO_TEXT));
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
    /* client configuration alone */
    static const char *const conf[] = {"rule.executors._default_.param.encrypt.kms.type",
                                       "local-kms",
                                       "rule.executors._ENCRYPT_.param.encrypt.kms.key.id",
                                       "mykey",
                                       "rule.executors.r.param.encrypt.dek.algorithm",
                                       "AES256_SIV",
                                       NULL};
    rig_open_with(&r, &rig_one[0], RIG_PII_RULE(""), NULL, conf);
    assert_int_equal(rig_write(&r, JSON, &v), SCHLOSS_E_BAD_RULE_PARAM);
    RIG_SAYS(&r, "No kms type found for kek1 during produce");
    rig_known_key(&r, "AES256_SIV", 1);
    rig_forget(&r);
    RIG_WRITES(&r, JSON, &v);
    assert_false(rig_holds(&v, HELLO_TEXT)); /* AES256_GCM, the default */
    rig_close(&r);
}

/* spec 8: 51 */
static void alternate_key_ids_are_tried_in_order(void **state) {
    (void)state;
    static const char *const conf[] = {"encrypt.alternate.kms.key.ids", " key2 ,, key3", NULL};
    rig_t r;
    rig_value_t v;
    rig_open_with(&r, &rig_one[0], RIG_PII_RULE(""), NULL, conf);
    rig_put_watched_kek(&r, NULL);
    rig_kms_bad_key = "key1";
    r.log[0] = '\0';
    RIG_WRITES(&r, JSON, &v);
    assert_non_null(strstr(r.log, "encrypt key1\nencrypt key2\ndecrypt key1\ndecrypt key2\nPOST"));
    RIG_READS(&r, &v, JSON);
    /* those of the KEK beat those of the client */
    json_t *props = json_pack("{s:s}", "encrypt.alternate.kms.key.ids", "key9");
    rig_put_watched_kek(&r, props);
    json_decref(props);
    rig_kms_bad_key = "key1";
    rig_forget(&r);
    RIG_WRITES(&r, JSON, &v);
    assert_non_null(strstr(r.log, "decrypt key1\ndecrypt key9\n"));
    rig_kms_refuses = SCHLOSS_E_KMS_KEY_DISABLED;
    rig_forget(&r);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_KMS_KEY_DISABLED);
    RIG_SAYS(&r, "Failed to decrypt with all KEKs");
    fake_registry_delete_dek(r.fr, "kek1", RIG_SUBJECT, 0, false);
    rig_forget(&r);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_KMS_KEY_DISABLED);
    RIG_SAYS(&r, "Failed to encrypt with all KEKs");
    rig_kms_refuses = 0;
    rig_close(&r);
}

/* spec 8: 53 */
static void fields_are_inside_payloads_and_framing_outside(void **state) {
    (void)state;
    static const char *const rules = "{\"domainRules\":[" RIG_RULE(
        "f", "ENCRYPT", RIG_TAG, SIV, "") "],\"encodingRules\":[" RIG_RULE("p", "ENCRYPT_PAYLOAD", "", SIV, "") "]}";
    static const size_t framing[] = {5, 5, 6}; /* the message indexes of Protobuf stay outside too */
    static const char *const inner[] = {"\x48" HELLO_TEXT, "{\"f1\":\"" HELLO_TEXT "\"}", "\x0a\x24" HELLO_TEXT};
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        uint8_t raw[64], payload[256];
        aead_key_t *key = NULL;
        open_known(&r, &rig_one[i], rules, NULL);
        RIG_WRITES(&r, JSON, &v);
        assert_memory_equal(v.p, "\0\0\0\0\1\0", framing[i]);
        for (uint8_t k = 0; k < 64; k++) {
            raw[k] = k;
        }
        assert_int_equal(aead_key_new(&key, DEK_AES256_SIV, bytes(raw, 64), AEAD_AUTO, NULL), 0);
        assert_int_equal(v.n, framing[i] + 16 + strlen(inner[i]));
        assert_int_equal(aead_open(key, v.p + framing[i], v.n - framing[i], payload, NULL), 0);
        assert_memory_equal(payload, inner[i], strlen(inner[i]));
        aead_key_free(key);
        RIG_READS(&r, &v, JSON);
        rig_close(&r);
    }
}

/* spec 8: 54, 65 */
static void lists_run_in_order_and_back_in_reverse(void **state) {
    (void)state;
    /* two algorithms do not commute: the outer layer must be the second rule's */
    static const char *const both = RIG_DOMAIN(RIG_RULE("inner", "ENCRYPT", RIG_TAG, RIG_LOCAL RIG_GCM128,
                                                        "") "," RIG_RULE("outer", "ENCRYPT", "\"PII\",\"X\"", SIV, ""));
    for (size_t i = 0; i < 3; i++) {
        rig_t r;
        rig_value_t v;
        uint8_t raw[64], text[256];
        size_t head = i == 0 ? 7 : i == 1 ? 12 : 8, n; /* where the text begins */
        open_known(&r, &rig_one[i], both, NULL);
        RIG_WRITES(&r, JSON, &v);
        size_t len = v.n - head - (i == 1 ? 2 : 0);
        n = rig_base64(&v, head, len, text);
        for (uint8_t k = 0; k < 64; k++) {
            raw[k] = k;
        }
        aead_key_t *key = NULL;
        uint8_t layer[256], plain[256];
        assert_int_equal(aead_key_new(&key, DEK_AES256_SIV, bytes(raw, 64), AEAD_AUTO, NULL), 0);
        assert_int_equal(aead_open(key, text, n, layer, NULL), 0);
        aead_key_free(key);
        size_t n_inner = 0;
        assert_true(b64_decode(plain, &n_inner, layer, n - 16));
        assert_int_equal(n_inner, 11 + 28);
        RIG_READS(&r, &v, JSON);
        rig_close(&r);
    }
    /* V15: the same algorithm and DEK */
    rig_t r;
    rig_value_t v;
    open_known(
        &r, &rig_one[0],
        RIG_DOMAIN(RIG_RULE("a", "ENCRYPT", RIG_TAG, SIV, "") "," RIG_RULE("b", "ENCRYPT", "\"PII\",\"X\"", SIV, "")),
        NULL);
    RIG_WRITES(&r, JSON, &v);
    rig_is(&v, "00 00000001 9001 '" TWICE "'");
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
    /* encoding rules, too */
    open_known(&r, &rig_one[0],
               RIG_ENCODING(RIG_RULE("a", "ENCRYPT_PAYLOAD", "", RIG_LOCAL RIG_GCM128,
                                     "") "," RIG_RULE("b", "ENCRYPT_PAYLOAD", "\"X\"", SIV, "")),
               NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_int_equal(v.n, 5 + 16 + 28 + 12);
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
}

/* spec 8: 55 */
static void rules_run_in_their_mode_only(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v, w;
    open_known(&r, &rig_one[0], RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, ",\"mode\":\"WRITE\"")), NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_true(rig_holds(&v, HELLO_TEXT));
    RIG_READS(&r, &v, "{\"f1\":\"" HELLO_TEXT "\"}");
    rig_close(&r);
    open_known(&r, &rig_one[0], RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, ",\"mode\":\"READ\"")), NULL);
    RIG_WRITES(&r, JSON, &w);
    assert_true(rig_holds(&w, "hello world"));
    RIG_READS(&r, &v, JSON); /* what the other wrote */
    rig_close(&r);
    open_known(&r, &rig_one[0], RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, ",\"mode\":\"UPDOWN\"")), NULL);
    RIG_WRITES(&r, JSON, &w);
    assert_true(rig_holds(&w, "hello world"));
    RIG_READS(&r, &v, "{\"f1\":\"" HELLO_TEXT "\"}");
    rig_close(&r);
}

/* spec 8: 57 */
static void rules_run_where_enable_at_says(void **state) {
    (void)state;
#define AT(where) "{" where "\"domainRules\":[" RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, "") "]}"
    static const struct {
        const char *rules;
        bool client, gateway;
    } t[] = {
        {AT(""), true, true},
        {AT("\"enableAt\":null,"), true, true},
        {AT("\"enableAt\":\"ALL\","), true, true},
        {AT("\"enableAt\":\"CLIENT\","), true, false},
        {AT("\"enableAt\":\"GATEWAY\","), false, true},
        {AT("\"enableAt\":\"SERVER\","), false, false},
        {AT("\"enableAt\":\"NONE\","), false, false},
    };
    static const char *const gateway[] = {"execution.environment", "GATEWAY", NULL};
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        for (int g = 0; g < 2; g++) {
            rig_t r;
            rig_value_t v;
            rig_open_with(&r, &rig_one[0], t[i].rules, NULL, g ? gateway : NULL);
            rig_known_key(&r, "AES256_SIV", 1);
            RIG_WRITES(&r, JSON, &v);
            assert_int_equal(rig_holds(&v, HELLO_TEXT), g ? t[i].gateway : t[i].client);
            assert_int_equal(rig_holds(&v, "hello world"), g ? !t[i].gateway : !t[i].client);
            RIG_READS(&r, &v, JSON);
            rig_close(&r);
        }
    }
}

/* spec 8: 58, 59 */
static void actions_of_both_directions(void **state) {
    (void)state;
    static const struct {
        const char *action;
        schloss_rc write, read;
    } t[] = {
        {"\"ERROR,NONE\"", SCHLOSS_E_BAD_RULE_PARAM, 0},
        {"\"NONE,ERROR\"", 0, SCHLOSS_E_KEK_NOT_FOUND},
        {"\"NONE\"", 0, 0},
        {"\"ERROR\"", SCHLOSS_E_BAD_RULE_PARAM, SCHLOSS_E_KEK_NOT_FOUND},
        {"null", SCHLOSS_E_BAD_RULE_PARAM, SCHLOSS_E_KEK_NOT_FOUND},
        {"\"\"", SCHLOSS_E_BAD_RULE_PARAM, SCHLOSS_E_KEK_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        char rules[512], json[4096];
        rig_t r;
        rig_value_t v, cipher = {.n = 0};
        (void)snprintf(rules, sizeof(rules), RIG_DOMAIN(BROKEN("r", ",\"onFailure\":%s")), t[i].action);
        rig_open(&r, &rig_one[0], rules);
        assert_int_equal(rig_write(&r, JSON, &v), t[i].write);
        if (t[i].write == 0) {
            assert_true(rig_holds(&v, "hello world"));
        }
        cipher.n = (size_t)snprintf((char *)cipher.p + 5, 100, "\x48" HELLO_TEXT) + 5;
        cipher.p[4] = 1;
        assert_int_equal(rig_read(&r, &cipher, json), t[i].read);
        if (t[i].read == 0) {
            assert_string_equal(json, "{\"f1\":\"" HELLO_TEXT "\"}");
        }
        rig_close(&r);
    }
    rig_t r;
    rig_open(&r, &rig_one[0], RIG_DOMAIN(BROKEN("r", ",\"mode\":\"WRITE\",\"onFailure\":\"NONE,ERROR\"")));
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_NO_ACTION);
    RIG_SAYS(&r, "Could not find rule action of type NONE,ERROR");
    rig_close(&r);
}

/* spec 8: 60, 61 */
static void unknown_actions_and_types(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    rig_open(&r, &rig_one[0], RIG_DOMAIN(BROKEN("r", ",\"onFailure\":\"MAIL\"")));
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_NO_ACTION);
    RIG_SAYS(&r, "Could not find rule action of type MAIL");
    rig_close(&r);
    open_known(&r, &rig_one[0], RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, ",\"onSuccess\":\"MAIL\"")), NULL);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_NO_ACTION);
    RIG_SAYS(&r, "Could not find rule action of type MAIL");
    rig_close(&r);
    open_known(&r, &rig_one[0],
               RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, ",\"onSuccess\":\"\",\"onFailure\":\"\"")), NULL);
    RIG_WRITES(&r, JSON, &v);
    rig_close(&r);
#define CEL(more) "{\"name\":\"c\",\"type\":\"CEL_FIELD\",\"expr\":\"x\"" more "}"
    static const char *const next = RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, "");
    char rules[1024];
    (void)snprintf(rules, sizeof(rules), RIG_DOMAIN("%s,%s"), CEL(""), next);
    open_known(&r, &rig_one[0], rules, NULL);
    assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_NO_EXECUTOR);
    RIG_SAYS(&r, "CEL_FIELD");
    assert_string_equal(schloss_error_rule(r.err), "c");
    rig_close(&r);
    (void)snprintf(rules, sizeof(rules), RIG_DOMAIN("%s,%s"), CEL(",\"onFailure\":\"NONE\""), next);
    open_known(&r, &rig_one[0], rules, NULL);
    RIG_WRITES(&r, JSON, &v);
    assert_true(rig_holds(&v, HELLO_TEXT));
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
}

/* spec 8: 63 */
static void rules_of_the_wrong_list_send_nothing(void **state) {
    (void)state;
    static const char *const rules[] = {
        RIG_DOMAIN(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", SIV, "")),
        RIG_DOMAIN(RIG_RULE("r", "ENCRYPT_PAYLOAD", RIG_TAG, SIV, "")),
        RIG_ENCODING(RIG_RULE("r", "ENCRYPT", "", SIV, "")),
        RIG_ENCODING(RIG_RULE("r", "ENCRYPT", RIG_TAG, SIV, "")),
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        for (size_t f = 0; f < 3; f++) {
            rig_t r;
            open_known(&r, &rig_one[f], rules[i], NULL);
            assert_int_equal(rig_write(&r, JSON, NULL), SCHLOSS_E_RULE_SET);
            assert_string_equal(schloss_error_rule(r.err), "r");
            rig_close(&r);
        }
    }
}

/* spec 8: 64 */
static void the_first_of_equal_tag_sets_acts(void **state) {
    (void)state;
#define PAIR(a, b)                                                                                                     \
    RIG_DOMAIN(RIG_RULE("first", "ENCRYPT", a, SIV, "") "," RIG_RULE("second", "ENCRYPT", b, RIG_LOCAL RIG_GCM128, ""))
    static const char *const rules[] = {PAIR(RIG_TAG, RIG_TAG), PAIR("\"PII\",\"X\"", "\"X\",\"PII\""),
                                        PAIR("\"X\",\"PII\"", "\"PII\",\"X\",\"PII\"")};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rig_t r;
        rig_value_t v;
        open_known(&r, &rig_one[0], rules[i], NULL);
        RIG_WRITES(&r, JSON, &v);
        rig_is(&v, "00 00000001 48 '" HELLO_TEXT "'");
        assert_int_equal(fake_registry_count(r.fr, "AES128_GCM"), 0);
        RIG_READS(&r, &v, JSON);
        assert_int_equal(fake_registry_count(r.fr, "AES128_GCM"), 0);
        rig_close(&r);
    }
    rig_t r; /* without tags two rules are not the same */
    rig_value_t v;
    open_known(&r, &rig_one[0],
               RIG_DOMAIN(RIG_RULE("a", "ENCRYPT", "", SIV, "") "," RIG_RULE("b", "ENCRYPT", "", SIV, "")), NULL);
    RIG_WRITES(&r, JSON, &v);
    rig_is(&v, "00 00000001 9001 '" TWICE "'");
    RIG_READS(&r, &v, JSON);
    rig_close(&r);
}

/* spec 8: 66 */
static void the_header_of_a_dead_letter_never_stops_a_write(void **state) {
    (void)state;
    rig_t r;
    rig_value_t v;
    schloss_decoded_t dec;
    schloss_header_t h[] = {{"__rule.name", schloss_bytes("other", 5)}, {"__rule.name", schloss_bytes("r", 1)}};
    open_known(&r, &rig_one[0], RIG_PII_RULE(SIV), NULL);
    r.target.headers = h;
    r.target.n_headers = 2;
    RIG_WRITES(&r, JSON, &v);
    rig_is(&v, "00 00000001 48 '" HELLO_TEXT "'");
    r.target.headers = NULL;
    r.target.n_headers = 0;
    assert_int_equal(schloss_deserialize(r.de, &r.target, schloss_bytes(v.p, v.n), h, 2, &dec, r.err), 0);
    assert_int_equal(dec.value.len, v.n - 5); /* the last header counts */
    assert_int_equal(schloss_deserialize(r.de, &r.target, schloss_bytes(v.p, v.n), h, 1, &dec, r.err), 0);
    assert_int_equal(dec.value.len, 12);
    rig_close(&r);
}

/* spec 8: 68 */
static void records_are_read_under_the_rules_that_they_were_written_with(void **state) {
    (void)state;
    static const char *const payload = "{\"domainRules\":[" RIG_RULE(
        "f", "ENCRYPT", RIG_TAG, SIV, "") "],\"encodingRules\":[" RIG_RULE("p", "ENCRYPT_PAYLOAD", "", SIV, "") "]}";
    rig_t r;
    rig_value_t plain, fields, all;
    open_known(&r, &rig_one[0], NULL, NULL);
    RIG_WRITES(&r, JSON, &plain);
    rig_put(r.fr, RIG_SUBJECT, 2, 2, &rig_one[0], RIG_PII_RULE(SIV), NULL);
    rig_forget(&r);
    RIG_WRITES(&r, JSON, &fields);
    rig_put(r.fr, RIG_SUBJECT, 3, 3, &rig_one[0], payload, NULL);
    rig_forget(&r);
    RIG_WRITES(&r, JSON, &all);
    rig_put(r.fr, RIG_SUBJECT, 4, 4, &rig_one[0], NULL, NULL);
    rig_forget(&r); /* the latest version has no rule */
    assert_int_equal(plain.p[4], 1);
    assert_int_equal(fields.p[4], 2);
    assert_int_equal(all.p[4], 3);
    RIG_READS(&r, &plain, JSON);
    RIG_READS(&r, &fields, JSON);
    RIG_READS(&r, &all, JSON);
    rig_close(&r);
}

/* spec 8: 70 */
static void a_rule_without_tags_covers_everything(void **state) {
    (void)state;
    static const char *const rules = RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", "", SIV, ""));
    static const rig_schema_t texts = {"AVRO",
                                       RIG_AVRO(RIG_PLAIN("s", "\"string\"") "," RIG_PLAIN(
                                           "b", "\"bytes\"") "," RIG_PLAIN("n", "[\"null\",\"string\"]")),
                                       NULL};
    static const rig_schema_t numbers = {
        "AVRO", RIG_AVRO(RIG_PLAIN("s", "\"string\"") "," RIG_PLAIN("n", "[\"null\",\"long\"]")), NULL};
    rig_t r;
    rig_value_t v;
    const char *json = "{\"s\":\"hello world\",\"b\":\"hello world\",\"n\":null}";
    open_known(&r, &texts, rules, NULL);
    RIG_WRITES(&r, json, &v);
    rig_is(&v, "00 00000001 48 '" HELLO_TEXT "' 36 1dce5df7ac48c6edaeb5ed516c5b9e9c47ed1b1c3e3fffe6d55bff 00");
    RIG_READS(&r, &v, json);
    rig_close(&r);
    open_known(&r, &numbers, rules, NULL);
    RIG_WRITES(&r, "{\"s\":\"x\",\"n\":null}", &v);
    RIG_READS(&r, &v, "{\"s\":\"x\",\"n\":null}");
    assert_int_equal(rig_write(&r, "{\"s\":\"x\",\"n\":7}", NULL), SCHLOSS_E_UNSUPPORTED_TYPE);
    assert_string_equal(schloss_error_field(r.err), "c.R.n");
    RIG_SAYS(&r, "'LONG'");
    rig_close(&r);
}

/* spec 8: 72 */
static void avro_fields_are_named_by_the_record_that_declares_them(void **state) {
    (void)state;
#define INNER(ns, name)                                                                                                \
    "{\"type\":\"record\",\"name\":\"" name "\",\"namespace\":\"" ns "\",\"fields\":[{\"name\":\"f\",\"type\":"        \
    "\"string\"}]," RIG_PII "}"
    static const rig_schema_t s = {
        "AVRO",
        RIG_AVRO("{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":" INNER(
            "in.array", "A") "}},"
                             "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":" INNER(
                                 "in.map", "M") "}},"
                                                "{\"name\":\"u\",\"type\":[\"null\"," INNER(
                                                    "in.union", "U") "]},"
                                                                     "{\"name\":\"r\",\"type\":" INNER("in.record",
                                                                                                       "N") "}"),
        NULL};
    static const char *const json = "{\"a\":[{\"f\":\"array\"}],\"m\":{\"k\":{\"f\":\"map\"}},\"u\":{\"f\":\"union\"},"
                                    "\"r\":{\"f\":\"record\"}}";
    static const char *const words[] = {"array", "map", "union", "record"};
    static const char *const patterns[] = {"in.array.A.f", "in.map.M.f", "in.union.U.f", "in.record.N.f"};
    rig_t r;
    rig_value_t v;
    open_known(&r, &s, RIG_PII_RULE(SIV), NULL); /* tags of records count for nothing */
    RIG_WRITES(&r, json, &v);
    for (size_t i = 0; i < 4; i++) {
        assert_true(rig_holds(&v, words[i]));
    }
    assert_int_equal(fake_registry_count(r.fr, "/deks"), 0);
    rig_close(&r);
    for (size_t i = 0; i < 4; i++) {
        char metadata[256];
        (void)snprintf(metadata, sizeof(metadata), "{\"tags\":{\"%s\":[\"PII\"]}}", patterns[i]);
        open_known(&r, &s, RIG_PII_RULE(SIV), metadata);
        RIG_WRITES(&r, json, &v);
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(rig_holds(&v, words[k]), k != i);
        }
        RIG_READS(&r, &v, json);
        rig_close(&r);
    }
    static const char *const none[] = {"c.R.a.f", "c.R.r.f", "N.f", "c.R.*", "in.*.f"}; /* not by position */
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        char metadata[256];
        (void)snprintf(metadata, sizeof(metadata), "{\"tags\":{\"%s\":[\"PII\"]}}", none[i]);
        open_known(&r, &s, RIG_PII_RULE(SIV), metadata);
        RIG_WRITES(&r, json, &v);
        assert_true(rig_holds(&v, "array") && rig_holds(&v, "record"));
        rig_close(&r);
    }
}

/* spec 8: 75 */
static void tags_of_enclosing_records_reach_nothing_unless_asked_to(void **state) {
    (void)state;
    static const char *const inherit[] = {"schloss.tag.inheritance", "true", NULL};
#define OUTER(field)                                                                                                   \
    RIG_AVRO("{\"name\":\"o\",\"type\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[" field "]}," RIG_PII "}")
    static const rig_schema_t text = {
        "AVRO", OUTER(RIG_PLAIN("s", "\"string\"") "," RIG_PLAIN("n", "[\"null\",\"string\"]")), NULL};
    static const rig_schema_t number = {"AVRO", OUTER(RIG_PLAIN("i", "\"int\"")), NULL};
    static const char *const json = "{\"o\":{\"s\":\"hello world\",\"n\":\"nullable\"}}";
    rig_t r;
    rig_value_t v;
    open_known(&r, &text, RIG_PII_RULE(SIV), NULL);
    RIG_WRITES(&r, json, &v);
    assert_true(rig_holds(&v, "hello world"));
    rig_reopen(&r, inherit);
    RIG_WRITES(&r, json, &v);
    assert_true(rig_holds(&v, HELLO_TEXT));
    assert_true(rig_holds(&v, "nullable")); /* what may be null is no primitive field: Java leaves it, too */
    RIG_READS(&r, &v, json);
    rig_close(&r);
    open_known(&r, &number, RIG_PII_RULE(SIV), NULL);
    RIG_WRITES(&r, "{\"o\":{\"i\":7}}", &v);
    rig_reopen(&r, inherit);
    assert_int_equal(rig_write(&r, "{\"o\":{\"i\":7}}", NULL), SCHLOSS_E_UNSUPPORTED_TYPE);
    rig_close(&r);
}

/* spec 8: 76 */
static void a_root_string_is_no_field(void **state) {
    (void)state;
    static const rig_schema_t roots[] = {{"AVRO", "\"string\"", NULL}, {"JSON", "{\"type\":\"string\"}", NULL}};
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        rig_t r;
        rig_value_t v;
        open_known(&r, &roots[i], RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", "", SIV, "")), NULL);
        RIG_WRITES(&r, "\"hello world\"", &v);
        assert_true(rig_holds(&v, "hello world"));
        RIG_READS(&r, &v, "\"hello world\"");
        rig_close(&r);
        open_known(&r, &roots[i], RIG_ENCODING(RIG_RULE("r", "ENCRYPT_PAYLOAD", "", SIV, "")), NULL);
        RIG_WRITES(&r, "\"hello world\"", &v);
        assert_false(rig_holds(&v, "hello"));
        assert_int_equal(v.n, 5 + 16 + (i == 0 ? 12 : 13));
        RIG_READS(&r, &v, "\"hello world\"");
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_come_from_rule_and_metadata_never_from_the_client),
        cmocka_unit_test(alternate_key_ids_are_tried_in_order),
        cmocka_unit_test(fields_are_inside_payloads_and_framing_outside),
        cmocka_unit_test(lists_run_in_order_and_back_in_reverse),
        cmocka_unit_test(rules_run_in_their_mode_only),
        cmocka_unit_test(rules_run_where_enable_at_says),
        cmocka_unit_test(actions_of_both_directions),
        cmocka_unit_test(unknown_actions_and_types),
        cmocka_unit_test(rules_of_the_wrong_list_send_nothing),
        cmocka_unit_test(the_first_of_equal_tag_sets_acts),
        cmocka_unit_test(the_header_of_a_dead_letter_never_stops_a_write),
        cmocka_unit_test(records_are_read_under_the_rules_that_they_were_written_with),
        cmocka_unit_test(a_rule_without_tags_covers_everything),
        cmocka_unit_test(avro_fields_are_named_by_the_record_that_declares_them),
        cmocka_unit_test(tags_of_enclosing_records_reach_nothing_unless_asked_to),
        cmocka_unit_test(a_root_string_is_no_field),
    };
    return cmocka_run_group_tests(tests, rig_register_kms, NULL);
}
