/* Whole calls under failing allocations: from a cold client to a record and back. */
#include "scenarios.h"
#include "testlib/fault.h"
#include "testlib/world.h"

#include <schloss/ext/prepare.h>
#include <stdlib.h>
#include <string.h>

/* What the scenarios of this file share: a world, a record, and what the step made of it. */
typedef struct call {
    world_t w;
    uint8_t record[1024];
    size_t len;
    uint8_t out[4096];
    size_t out_len;
    uint8_t header[32];
    size_t header_len;
    bool has_header;
    unsigned seen;
    bool has_schema;
} call_t;

static call_t *open_call(const char *rules, const char *const *conf) {
    fault_pause();
    call_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        abort();
    }
    world_open(&c->w, FAKE_SCHEMA_PERSON, rules, conf);
    c->len = world_person(c->record, sizeof c->record, "Ada Lovelace", 7, "plain note", 300, "ada");
    fault_resume();
    return c;
}

static void close_call(void *ctx) {
    call_t *c = ctx;
    world_close(&c->w);
    free(c);
}

/* ---- writing ---- */

static schloss_rc keep(call_t *c, const schloss_encoded_t *out) {
    if (out->value.len > sizeof c->out || out->header.len > sizeof c->header) {
        return SCHLOSS_E_LIMIT_EXCEEDED;
    }
    memcpy(c->out, out->value.ptr, out->value.len);
    c->out_len = out->value.len;
    c->has_header = out->header_name != NULL;
    if (c->has_header) {
        memcpy(c->header, out->header.ptr, out->header.len);
        c->header_len = out->header.len;
    }
    return SCHLOSS_OK;
}

static schloss_rc step_serialize(void *ctx, schloss_error_t *err) {
    call_t *c = ctx;
    schloss_encoded_t untouched, out;
    memset(&out, 0xA5, sizeof out);
    untouched = out;
    schloss_rc rc = schloss_serialize(c->w.ser, &c->w.target, schloss_bytes(c->record, c->len), &out, err);
    if (rc != SCHLOSS_OK) {
        return out.value.ptr == untouched.value.ptr && out.value.len == untouched.value.len
                   ? rc
                   : FAIL(err, INVALID_STATE, "the output was touched on failure");
    }
    return keep(c, &out);
}

static schloss_rc read_back(call_t *c, schloss_decoded_t *d, schloss_error_t *err) {
    schloss_header_t header = {"__value_schema_id", schloss_bytes(c->header, c->header_len)};
    return schloss_deserialize(c->w.de, &c->w.target, schloss_bytes(c->out, c->out_len), &header, c->has_header, d,
                               err);
}

static bool contains(const uint8_t *p, size_t n, const char *text) {
    return memmem(p, n, text, strlen(text)) != NULL;
}

/* What was written holds no plaintext and reads as the record. */
static bool check_serialized(void *ctx) {
    call_t *c = ctx;
    schloss_decoded_t d;
    return !contains(c->out, c->out_len, "Ada Lovelace") && read_back(c, &d, c->w.err) == SCHLOSS_OK &&
           d.value.len == c->len && memcmp(d.value.ptr, c->record, c->len) == 0;
}

static void *open_gcm(void) {
    return open_call(FAKE_RULES_PII("AES256_GCM", ""), NULL);
}

static void *open_siv(void) {
    return open_call(FAKE_RULES_PII("AES256_SIV", ""), NULL);
}

static void *open_rotated(void) {
    call_t *c = open_call(FAKE_RULES_PII("AES128_GCM", ",\"encrypt.dek.expiry.days\":\"30\""), NULL);
    fake_registry_put_local_kek(c->w.fr, "kek1", "mykey", false);
    fault_pause();
    fake_registry_make_dek(c->w.fr, "kek1", WORLD_SUBJECT, 1, "AES128_GCM", NULL);
    fault_resume();
    fake_registry_age_deks(c->w.fr, WORLD_SUBJECT, 1000);
    return c;
}

static void *open_shared(void) {
    call_t *c = open_call(FAKE_RULES_PII("AES256_GCM", ""), NULL);
    fake_registry_put_local_kek(c->w.fr, "kek1", "mykey", true);
    return c;
}

static void *open_payload(void) {
    return open_call(FAKE_RULES_PAYLOAD("AES256_GCM", ""), NULL);
}

static void *open_header(void) {
    static const char *const conf[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    return open_call(FAKE_RULES_PII("AES256_GCM", ""), conf);
}

static void *open_metadata(void) {
    static const char *const conf[] = {"use.latest.with.metadata", "major=2", NULL};
    call_t *c = open_call(FAKE_RULES_PII("AES256_GCM", ""), conf);
    fault_pause();
    json_t *rules = json_loads(FAKE_RULES_PII("AES256_GCM", ""), 0, NULL);
    json_t *s = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:{s:{s:s}}, s:o}", "subject", WORLD_SUBJECT, "version", 2,
                          "id", 9, "guid", "00000000-0000-4000-8000-000000000009", "schemaType", "AVRO", "schema",
                          FAKE_SCHEMA_PERSON, "metadata", "properties", "major", "2", "ruleSet", rules);
    fake_registry_put_schema(c->w.fr, s);
    json_decref(s);
    fault_resume();
    return c;
}

static void *open_by_id(void) { /* the application's schema is compared with it */
    static const char *const conf[] = {"use.schema.id", "1", "missing.id.cache.ttl.sec", "60", NULL};
    return open_call(FAKE_RULES_PII("AES256_GCM", ""), conf);
}

static void *open_register(void) {
    static const char *const conf[] = {"auto.register.schemas", "true", "schloss.context", "", NULL};
    return open_call(FAKE_RULES_PII("AES256_GCM", ""), conf);
}

static void *open_lost_race(void) {
    call_t *c = open_call(FAKE_RULES_PII("AES256_GCM", ""), NULL);
    fake_registry_fault(c->w.fr, FAKE_LOSE_RACE, "POST /dek-registry/v1/keks", 1, 0, 0, NULL);
    return c;
}

/* ---- reading: written by a first client, read by a second, cold one ---- */

static void *to_reader(void *ctx) {
    call_t *c = ctx;
    fault_pause();
    if (step_serialize(c, c->w.err) != SCHLOSS_OK) {
        abort();
    }
    schloss_serializer_free(c->w.ser);
    schloss_deserializer_free(c->w.de);
    schloss_client_free(c->w.client);
    schloss_conf_t *conf = world_conf(NULL);
    schloss_transport_t transport = fake_registry_transport(c->w.fr);
    c->w.ser = NULL;
    if (schloss_client_new(conf, &transport, &c->w.client, c->w.err) != SCHLOSS_OK ||
        schloss_deserializer_new(c->w.client, NULL, &c->w.de, c->w.err) != SCHLOSS_OK) {
        abort();
    }
    schloss_conf_free(conf);
    fault_resume();
    return c;
}

static void *open_read_gcm(void) {
    return to_reader(open_gcm());
}

static void *open_read_rotated(void) {
    return to_reader(open_rotated());
}

static void *open_read_payload(void) {
    return to_reader(open_payload());
}

static void *open_read_header(void) {
    return to_reader(open_header());
}

static schloss_rc step_read(void *ctx, schloss_error_t *err) {
    schloss_decoded_t d;
    return read_back(ctx, &d, err);
}

static bool check_read(void *ctx) {
    call_t *c = ctx;
    schloss_decoded_t d;
    return read_back(c, &d, c->w.err) == SCHLOSS_OK && d.value.len == c->len &&
           memcmp(d.value.ptr, c->record, c->len) == 0;
}

/* ---- the state machine, driven by hand ---- */

static schloss_rc drive(call_t *c, schloss_error_t *err) {
    schloss_prepare_t *p = NULL;
    schloss_transport_t t = fake_registry_transport(c->w.fr);
    schloss_rc rc = schloss_serializer_prepare_begin(c->w.ser, &c->w.target, &p, err);
    while (rc == SCHLOSS_OK && (rc = schloss_prepare_step(p, err)) > 0) {
        if (rc == SCHLOSS_NEED_WAIT) {
            rc = SCHLOSS_OK;
            continue;
        }
        schloss_http_response_t answer;
        rc = t.perform(t.user, schloss_prepare_request(p), &answer, err);
        if (rc == SCHLOSS_OK) {
            rc = schloss_prepare_feed(p, answer.status, schloss_bytes(answer.body, answer.body_len), 0, err);
            t.release(t.user, &answer);
        }
    }
    schloss_prepare_free(p);
    return rc;
}

static schloss_rc step_prepare(void *ctx, schloss_error_t *err) {
    call_t *c = ctx;
    schloss_encoded_t out;
    schloss_rc rc;
    while ((rc = schloss_serialize_try(c->w.ser, &c->w.target, schloss_bytes(c->record, c->len), &out, err)) ==
           SCHLOSS_NEED_KEY) {
        TRY(drive(c, err));
    }
    return rc == SCHLOSS_OK ? keep(c, &out) : rc;
}

/* ---- a writer that brings its own schema ---- */

static schloss_rc step_set_schema(void *ctx, schloss_error_t *err) {
    call_t *c = ctx;
    if (!c->has_schema) { /* it is given once; when that fails, once more */
        TRY(schloss_serializer_set_schema(c->w.ser, FAKE_SCHEMA_PERSON, strlen(FAKE_SCHEMA_PERSON), NULL, 0, err));
        c->has_schema = true;
    }
    return step_serialize(c, err);
}

/* ---- conf, client, handles ---- */

static schloss_rc step_objects(void *ctx, schloss_error_t *err) {
    call_t *c = ctx;
    schloss_conf_t *conf = schloss_conf_new(), *dup = NULL;
    schloss_client_t *client = NULL;
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    schloss_error_t *own = schloss_error_new();
    schloss_rc rc = conf == NULL || own == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    static const char *const pairs[][2] = {{"schema.registry.url", FAKE_REGISTRY_URL},
                                           {"rule.executors._ENCRYPT_.param.secret", "mysecret"},
                                           {"rule.executors.encryptPII.onFailure", "NONE"},
                                           {"schloss.require.rules", "orders*,pay*"},
                                           {"schema.registry.url.randomize", "true"},
                                           {"bearer.auth.credentials.source", "OAUTHBEARER"},
                                           {"bearer.auth.issuer.endpoint.url", "https://issuer.test/token"},
                                           {"bearer.auth.client.id", "me"},
                                           {"bearer.auth.client.secret", "test-only"},
                                           {"request.header.X-Team", "shop"}};
    for (size_t i = 0; rc == SCHLOSS_OK && i < sizeof pairs / sizeof *pairs; i++) {
        rc = schloss_conf_set(conf, pairs[i][0], pairs[i][1], err);
    }
    if (rc == SCHLOSS_OK) {
        dup = schloss_conf_dup(conf);
        rc = dup == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    schloss_transport_t transport = fake_registry_transport(c->w.fr);
    if (rc == SCHLOSS_OK) {
        rc = schloss_client_new(dup, &transport, &client, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_serializer_new(client, conf, &ser, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_deserializer_new(client, NULL, &de, err);
    }
    schloss_client_free(client);
    schloss_serializer_free(ser);
    schloss_deserializer_free(de);
    schloss_conf_free(conf);
    schloss_conf_free(dup);
    schloss_error_free(own);
    return rc;
}

static schloss_rc step_curl_client(void *ctx, schloss_error_t *err) {
    (void)ctx;
    fault_pause();
    schloss_conf_t *conf = world_conf(NULL);
    fault_resume();
    schloss_client_t *client = NULL;
    schloss_rc rc = schloss_client_new(conf, NULL, &client, err);
    schloss_client_free(client);
    schloss_conf_free(conf);
    return rc;
}

static bool check_nothing(void *ctx) {
    (void)ctx;
    return true;
}

/* ---- inspect, JSON ---- */

static bool count_field(void *user, const schloss_field_info_t *info) {
    call_t *c = user;
    c->seen += info->is_encrypted;
    return true;
}

static schloss_rc step_inspect(void *ctx, schloss_error_t *err) {
    call_t *c = ctx;
    c->seen = 0;
    return schloss_inspect(c->w.de, &c->w.target, schloss_bytes(c->out, c->out_len), NULL, 0, count_field, c, err);
}

static bool check_inspect(void *ctx) {
    return ((call_t *)ctx)->seen == 3;
}

static schloss_rc step_json(void *ctx, schloss_error_t *err) {
    static const char text[] = "{\"name\":\"Ada\\u0000\",\"n\":-3,\"note\":\"n\",\"blob\":\"\xc3\xbf\","
                               "\"alias\":{\"string\":\"a\"}}";
    call_t *c = ctx;
    const schloss_schema_t *schema = NULL;
    schloss_bytes_t out;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0), *print = schloss_avro_writer_new(0);
    schloss_rc rc =
        w == NULL || print == NULL ? NO_MEMORY(err) : schloss_serializer_prepare(c->w.ser, &c->w.target, &schema, err);
    if (rc == SCHLOSS_OK) {
        rc = schloss_avro_from_json(schema, text, sizeof text - 1, 0, w, &out, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_avro_to_json(schema, out, 0, print, &out, err);
    }
    if (rc == SCHLOSS_OK) {
        c->seen = out.len == sizeof text - 1;
    }
    schloss_avro_writer_free(w);
    schloss_avro_writer_free(print);
    return rc;
}

static bool check_json(void *ctx) {
    return ((call_t *)ctx)->seen == 1;
}

#define WRITES(name, open)                                                                                             \
    { name, open, step_serialize, check_serialized, close_call }
#define READS(name, open)                                                                                              \
    { name, open, step_read, check_read, close_call }

const scenario_t scenarios_serde[] = {
    {"objects", open_gcm, step_objects, check_nothing, close_call},
    {"client over libcurl", open_gcm, step_curl_client, check_nothing, close_call},
    WRITES("serialize, first GCM record", open_gcm),
    WRITES("serialize, first SIV record", open_siv),
    WRITES("serialize, DEK to be rotated", open_rotated),
    WRITES("serialize, shared KEK", open_shared),
    WRITES("serialize, payload rule", open_payload),
    WRITES("serialize, GUID header", open_header),
    WRITES("serialize, race for the keys lost", open_lost_race),
    READS("deserialize, GCM", open_read_gcm),
    READS("deserialize, rotated", open_read_rotated),
    READS("deserialize, payload rule", open_read_payload),
    READS("deserialize, GUID header", open_read_header),
    {"prepare driven by hand", open_gcm, step_prepare, check_serialized, close_call},
    {"serialize, own schema", open_gcm, step_set_schema, check_serialized, close_call},
    {"serialize, own schema beside an id", open_by_id, step_set_schema, check_serialized, close_call},
    {"serialize, registered schema", open_register, step_set_schema, check_serialized, close_call},
    WRITES("serialize, latest with metadata", open_metadata),
    {"inspect", open_read_gcm, step_inspect, check_inspect, close_call},
    {"Avro JSON", open_gcm, step_json, check_json, close_call},
};
const size_t n_scenarios_serde = sizeof scenarios_serde / sizeof *scenarios_serde;
