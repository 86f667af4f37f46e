/* What the tests of the checklist share: a client over the fake registry with one schema of any format under id 1,
 * records as JSON text, a KMS that only these tests know, and one log of requests and KMS calls in their order. */
#ifndef TESTS_CONFORMANCE_RIG_H
#define TESTS_CONFORMANCE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/text.h"
#include "testlib/world.h"
#include <schloss/ext/kms.h>
#include <schloss/record.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_SUBJECT "t-value"
#define RIG_GUID "89791762-2336-186f-9674-299b90a8e8e2"
#define RIG_DAY 86400000ll
#define RIG_NOW 1700000000000ll

/* ---- schemas: one tagged string; a tagged string and tagged bytes that may be absent ---- */

typedef struct rig_schema {
    const char *type, *text, *serialized;
} rig_schema_t;

/* clang-format off */
#define RIG_PII "\"confluent:tags\":[\"PII\"]"
#define RIG_AVRO(fields) "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"c\",\"fields\":[" fields "]}"
#define RIG_FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "," RIG_PII "}"
#define RIG_PLAIN(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

static const rig_schema_t rig_one[] = {
    {"AVRO", "{\"type\":\"record\",\"name\":\"f1Schema\",\"fields\":[" RIG_FIELD("f1", "\"string\"") "]}", NULL},
    {"JSON", "{\"type\":\"object\",\"properties\":{\"f1\":{\"type\":\"string\"," RIG_PII "}}}", NULL},
    {"PROTOBUF", "syntax = \"proto3\";",
     "CgdyLnByb3RvEgFjGhRjb25mbHVlbnQvbWV0YS5wcm90byIZCgFSEhQKAmYxGAEgASgJQgiCRAUaA1BJSWIGcHJvdG8z"},
};
static const rig_schema_t rig_two[] = {
    {"AVRO", RIG_AVRO("{\"name\":\"f1\",\"type\":[\"null\",\"string\"],\"default\":null," RIG_PII "},"
                      "{\"name\":\"f2\",\"type\":[\"null\",\"bytes\"],\"default\":null," RIG_PII "}"), NULL},
    {"JSON", "{\"type\":\"object\",\"properties\":{\"f1\":{\"type\":[\"string\",\"null\"]," RIG_PII "}}}", NULL},
    {"PROTOBUF", "syntax = \"proto3\";",
     "CgdyLnByb3RvEgFjGhRjb25mbHVlbnQvbWV0YS5wcm90byJHCgFSEhkKAmYxGAEgASgJQgiCRAUaA1BJSUgAiAEBEhkKAmYyGAIgASgMQgiC"
     "RAUaA1BJSUgBiAEBQgUKA19mMUIFCgNfZjJiBnByb3RvMw=="},
};
/* clang-format on */

/* ---- rules; more: further members, params: further parameters, each with a comma in front, or "" ---- */

#define RIG_RULE(name, type, tags, params, more)                                                                       \
    "{\"name\":\"" name "\",\"type\":\"" type "\",\"tags\":[" tags                                                     \
    "],\"params\":{\"encrypt.kek.name\":\"kek1\"" params "}" more "}"
#define RIG_DOMAIN(rules) "{\"domainRules\":[" rules "]}"
#define RIG_ENCODING(rules) "{\"encodingRules\":[" rules "]}"
#define RIG_SIV ",\"encrypt.dek.algorithm\":\"AES256_SIV\""
#define RIG_GCM128 ",\"encrypt.dek.algorithm\":\"AES128_GCM\""
#define RIG_LOCAL ",\"encrypt.kms.type\":\"local-kms\",\"encrypt.kms.key.id\":\"mykey\""
#define RIG_DAILY ",\"encrypt.dek.expiry.days\":\"1\""
#define RIG_TAG "\"PII\""
/* One ENCRYPT rule r on PII under kek1. */
#define RIG_PII_RULE(params) RIG_DOMAIN(RIG_RULE("r", "ENCRYPT", RIG_TAG, params, ""))

/* ---- the rig ---- */

typedef struct rig {
    fake_registry_t *fr;
    schloss_transport_t inner;
    schloss_client_t *client;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_buffer_t *buf;
    schloss_error_t *err;
    schloss_target_t target; /* topic t, value */
    int64_t now_ms;
    char log[8192];
} rig_t;

/* A KMS of the tests, "watched-kms", turns bits round and notes each call in the log of this rig. */
static rig_t *rig_watched;
static schloss_rc rig_kms_refuses;  /* not 0: this */
static const char *rig_kms_bad_key; /* key id that it refuses */

static inline void rig_note(rig_t *r, const char *text, const char *more) {
    size_t at = strlen(r->log);
    assert_true(at + strlen(text) + strlen(more) + 3 < sizeof(r->log));
    (void)snprintf(r->log + at, sizeof(r->log) - at, "%s%s\n", text, more);
}

static inline schloss_rc rig_perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                                     schloss_error_t *err) {
    rig_t *r = user;
    char method[16];
    (void)snprintf(method, sizeof(method), "%s ", req->method);
    rig_note(r, method, req->url + strlen(FAKE_REGISTRY_URL));
    return r->inner.perform(r->inner.user, req, out, err);
}

static inline void rig_release(void *user, schloss_http_response_t *out) {
    rig_t *r = user;
    r->inner.release(r->inner.user, out);
}

static inline int64_t rig_clock(void *user) {
    return ((const rig_t *)user)->now_ms;
}

static inline void rig_at(rig_t *r, int64_t now_ms) {
    r->now_ms = now_ms;
    fake_registry_set_now(r->fr, now_ms);
}

static inline void rig_put(fake_registry_t *fr, const char *subject, int version, int id, const rig_schema_t *s,
                           const char *rules, const char *metadata) {
    json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "subject", subject, "version", version, "id", id, "guid",
                          RIG_GUID, "schemaType", s->type, "schema", s->text);
    assert_non_null(o);
    json_error_t why;
    if (s->serialized != NULL) {
        json_object_set_new(o, "serialized", json_string(s->serialized));
    }
    if (rules != NULL) {
        json_t *set = json_loads(rules, 0, &why);
        assert_non_null(set);
        json_object_set_new(o, "ruleSet", set);
    }
    if (metadata != NULL) {
        json_t *md = json_loads(metadata, 0, &why);
        assert_non_null(md);
        json_object_set_new(o, "metadata", md);
    }
    fake_registry_put_schema(fr, o);
    json_decref(o);
}

/* A client of its own over the registry that is there. conf: pairs, ended by NULL, or NULL. */
static inline void rig_connect(rig_t *r, const char *const *conf) {
    static const char *const basis[] = {"schloss.negative.cache.ms",
                                        "0",
                                        "max.retries",
                                        "0",
                                        "schloss.dek.rotate.grace.ms",
                                        "0",
                                        "value.subject.name.strategy",
                                        "TopicNameStrategy",
                                        NULL};
    r->inner = fake_registry_transport(r->fr);
    r->err = schloss_error_new();
    r->buf = schloss_buffer_new(0);
    r->target = (schloss_target_t){.topic = "t"};
    schloss_transport_t t = {sizeof(t), r, rig_perform, rig_release, NULL};
    schloss_conf_t *c = world_conf(basis);
    for (const char *const *p = conf; p != NULL && *p != NULL; p += 2) {
        if (schloss_conf_set(c, p[0], p[1], r->err) != 0) {
            fail_msg("%s: %s", p[0], schloss_error_message(r->err));
        }
    }
    assert_int_equal(schloss_client_new(c, &t, &r->client, r->err), 0);
    schloss_conf_free(c);
    schloss_client_set_clock(r->client, rig_clock, r);
    assert_int_equal(schloss_serializer_new(r->client, NULL, &r->ser, r->err), 0);
    assert_int_equal(schloss_deserializer_new(r->client, NULL, &r->de, r->err), 0);
}

static inline void rig_disconnect(rig_t *r) {
    schloss_serializer_free(r->ser);
    schloss_deserializer_free(r->de);
    schloss_client_free(r->client);
    schloss_buffer_free(r->buf);
    schloss_error_free(r->err);
}

/* Schema s with rules and metadata (JSON texts or NULL) under RIG_SUBJECT, id 1. */
static inline void rig_open_with(rig_t *r, const rig_schema_t *s, const char *rules, const char *metadata,
                                 const char *const *conf) {
    memset(r, 0, sizeof(*r));
    r->fr = fake_registry_new();
    rig_at(r, RIG_NOW);
    rig_put(r->fr, RIG_SUBJECT, 1, 1, s, rules, metadata);
    rig_connect(r, conf);
}

static inline void rig_open(rig_t *r, const rig_schema_t *s, const char *rules) {
    rig_open_with(r, s, rules, NULL, NULL);
}

static inline void rig_close(rig_t *r) {
    rig_watched = NULL;
    rig_disconnect(r);
    fake_registry_free(r->fr);
}

/* Another configuration over the same registry. */
static inline void rig_reopen(rig_t *r, const char *const *conf) {
    rig_disconnect(r);
    r->log[0] = '\0';
    rig_connect(r, conf);
}

static inline void rig_forget(rig_t *r) {
    schloss_client_invalidate(r->client);
    r->log[0] = '\0';
}

/* KEK kek1 of the local KMS, and a DEK of the subject whose key is 00 01 02 ... */
static inline void rig_known_key(rig_t *r, const char *algorithm, int32_t version) {
    uint8_t raw[64];
    for (size_t i = 0; i < sizeof(raw); i++) {
        raw[i] = (uint8_t)i;
    }
    fake_registry_put_local_kek(r->fr, "kek1", "mykey", false);
    fake_registry_make_dek(r->fr, "kek1", RIG_SUBJECT, version, algorithm, raw);
}

typedef struct rig_value {
    uint8_t p[4096];
    size_t n;
} rig_value_t;

static inline schloss_rc rig_write_record(rig_t *r, schloss_bytes_t record, rig_value_t *out) {
    schloss_encoded_t enc;
    schloss_rc rc = schloss_serialize(r->ser, &r->target, record, &enc, r->err);
    if (rc == 0 && out != NULL) {
        assert_true(enc.value.len <= sizeof(out->p));
        memcpy(out->p, enc.value.ptr, enc.value.len);
        out->n = enc.value.len;
    }
    return rc;
}

static inline schloss_rc rig_write(rig_t *r, const char *json, rig_value_t *out) {
    const schloss_schema_t *schema = NULL;
    schloss_bytes_t record;
    if (out != NULL) {
        out->n = 0;
    }
    schloss_rc rc = schloss_serializer_prepare(r->ser, &r->target, &schema, r->err);
    if (rc == 0) {
        rc = schloss_record_from_json(schema, json, strlen(json), SCHLOSS_RECORD_PLAIN, r->buf, &record, r->err);
        assert_int_equal(rc, 0);
        rc = rig_write_record(r, record, out);
    }
    return rc;
}

static inline schloss_rc rig_read_with(rig_t *r, schloss_deserializer_t *de, const rig_value_t *v, char json[4096]) {
    schloss_decoded_t dec;
    schloss_bytes_t text;
    schloss_rc rc = schloss_deserialize(de, &r->target, schloss_bytes(v->p, v->n), NULL, 0, &dec, r->err);
    if (rc == 0) {
        assert_int_equal(schloss_record_to_json(dec.schema, dec.value, SCHLOSS_RECORD_PLAIN, r->buf, &text, r->err), 0);
        assert_true(text.len < 4096);
        memcpy(json, text.ptr, text.len);
        json[text.len] = '\0';
    }
    return rc;
}

static inline schloss_rc rig_read(rig_t *r, const rig_value_t *v, char json[4096]) {
    return rig_read_with(r, r->de, v, json);
}

#define RIG_READS(r, v, expected)                                                                                      \
    do {                                                                                                               \
        char json_[4096];                                                                                              \
        schloss_rc rc_ = rig_read((r), (v), json_);                                                                    \
        if (rc_ != 0) {                                                                                                \
            fail_msg("%s: %s", schloss_rc_name(rc_), schloss_error_message((r)->err));                                 \
        }                                                                                                              \
        assert_string_equal(json_, (expected));                                                                        \
    } while (0)
#define RIG_WRITES(r, json, v)                                                                                         \
    do {                                                                                                               \
        schloss_rc rc_ = rig_write((r), (json), (v));                                                                  \
        if (rc_ != 0) {                                                                                                \
            fail_msg("%s: %s", schloss_rc_name(rc_), schloss_error_message((r)->err));                                 \
        }                                                                                                              \
    } while (0)
#define RIG_SAYS(r, text)                                                                                              \
    do {                                                                                                               \
        if (strstr(schloss_error_message((r)->err), (text)) == NULL) {                                                 \
            fail_msg("\"%s\" is not in \"%s\"", (text), schloss_error_message((r)->err));                              \
        }                                                                                                              \
    } while (0)

static inline bool rig_holds(const rig_value_t *v, const char *text) {
    return memmem(v->p, v->n, text, strlen(text)) != NULL;
}

/* The value as hex, without blanks in the expected text; what stands in quotes is ASCII. */
static inline void rig_is(const rig_value_t *v, const char *expected) {
    uint8_t want[4096];
    size_t n = 0;
    for (const char *p = expected; *p != '\0';) {
        if (*p == ' ') {
            p++;
        } else if (*p == '\'') {
            for (p++; *p != '\''; p++) {
                want[n++] = (uint8_t)*p;
            }
            p++;
        } else {
            assert_true(hex_decode(want + n++, p, 1));
            p += 2;
        }
    }
    assert_int_equal(v->n, n);
    assert_memory_equal(v->p, want, n);
}

/* Base64 at some place of a value, decoded: from skip bytes on. */
static inline size_t rig_base64(const rig_value_t *v, size_t skip, size_t len, uint8_t *out) {
    size_t n = 0;
    assert_true(skip + len <= v->n);
    assert_true(b64_decode(out, &n, v->p + skip, len));
    return n;
}

static inline schloss_rc rig_turn(schloss_kms_op_t *op, const char *what, schloss_bytes_t in, schloss_error_t *err) {
    uint8_t out[256];
    const char *id = schloss_kms_key_id(op);
    if (rig_watched != NULL) {
        rig_note(rig_watched, what, id);
    }
    if (rig_kms_refuses != 0 || (rig_kms_bad_key != NULL && strcmp(id, rig_kms_bad_key) == 0)) {
        return schloss_error_set(err, rig_kms_refuses != 0 ? rig_kms_refuses : SCHLOSS_E_KMS_KEY_DISABLED, "told to");
    }
    assert_true(in.len <= sizeof(out));
    for (size_t i = 0; i < in.len; i++) {
        out[i] = (uint8_t)~in.ptr[i];
    }
    return schloss_kms_put(op, out, in.len, err);
}

static inline schloss_rc rig_wrap(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err) {
    (void)user;
    return rig_turn(op, "encrypt ", in, err);
}

static inline schloss_rc rig_unwrap(void *user, schloss_kms_op_t *op, schloss_bytes_t in, schloss_error_t *err) {
    (void)user;
    return rig_turn(op, "decrypt ", in, err);
}

/* group setup */
static inline int rig_register_kms(void **state) {
    (void)state;
    schloss_kms_driver_t d = {sizeof(d), "watched-kms", NULL, rig_wrap, rig_unwrap};
    return schloss_kms_register(&d, NULL);
}

static inline void rig_put_watched_kek(rig_t *r, const json_t *props) {
    json_t *kek = json_pack("{s:s, s:s, s:s, s:b, s:I}", "name", "kek1", "kmsType", "watched-kms", "kmsKeyId", "key1",
                            "shared", 0, "ts", (json_int_t)RIG_NOW);
    if (props != NULL) {
        json_object_set(kek, "kmsProps", (json_t *)(uintptr_t)props);
    }
    fake_registry_put_kek(r->fr, kek);
    json_decref(kek);
    rig_watched = r;
    rig_kms_refuses = 0;
    rig_kms_bad_key = NULL;
}

#endif
