/* Message vectors: the fake registry holds what the vector lists; a fresh client reads the value, another writes the
 * message at the vector's time, with the nonces that its steps recorded. Negative vectors: one thing changed, and the
 * error (or the value) that must follow. Each direction has its own client, so that caches are cold. */
#include "runner.h"

#include "crypto/nonce.h"
#include "crypto/tink.h"
#include "testlib/fake_registry.h"
#include <schloss/record.h>
#include <schloss/schloss.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADERS 8

/* A client of the vector's configuration over its own registry. */
typedef struct world {
    fake_registry_t *fr;
    schloss_client_t *client;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_buffer_t *writer;
    schloss_error_t *err;
    schloss_target_t target;
    int64_t now;
} world_t;

static int64_t clock_of(void *user) {
    return ((const world_t *)user)->now;
}

static bool set(vec_t *t, schloss_conf_t *conf, schloss_error_t *err, const char *name, const char *value) {
    CHECK(t, schloss_conf_set(conf, name, value, err) == SCHLOSS_OK, "conf %s: %s", name, schloss_error_message(err));
    return true;
}

static bool configure(vec_t *t, schloss_conf_t *conf, schloss_error_t *err, const char *disabled_type) {
    const json_t *v = t->v;
    bool key = json_is_true(json_object_get(v, "isKey"));
    static const char *const strategies[][2] = {
        {"TOPIC", "TopicNameStrategy"}, {"RECORD", "RecordNameStrategy"}, {"TOPIC_RECORD", "TopicRecordNameStrategy"}};
    bool ok = set(t, conf, err, "schema.registry.url", FAKE_REGISTRY_URL) &&
              set(t, conf, err, "auto.register.schemas", "false") && set(t, conf, err, "use.latest.version", "true");
    for (size_t i = 0; i < COUNT_OF(strategies); i++) {
        if (ok && strcmp(vec_str(v, "subjectNameStrategy", "DEFAULT"), strategies[i][0]) == 0) {
            ok = set(t, conf, err, key ? "key.subject.name.strategy" : "value.subject.name.strategy", strategies[i][1]);
        }
    }
    if (ok && strcmp(vec_str(v, "framing", ""), "header-guid") == 0) {
        ok = set(t, conf, err, key ? "key.schema.id.serializer" : "value.schema.id.serializer",
                 "HeaderSchemaIdSerializer");
    }
    if (ok && json_is_true(json_object_get(v, "noExecutors"))) {
        ok = set(t, conf, err, "schloss.rule.executors.builtin", "false");
    }
    const char *secret = vec_str(v, "secret", NULL);
    if (ok && secret != NULL) {
        ok = set(t, conf, err, "rule.executors._default_.param.secret", secret);
    }
    if (ok && disabled_type != NULL) {
        ok = set(t, conf, err, disabled_type, "true");
    }
    return ok;
}

static void fill_registry(fake_registry_t *fr, const json_t *v) {
    size_t i;
    json_t *item;
    fake_registry_set_now(fr, json_integer_value(json_object_get(v, "now")));
    if (json_is_string(json_object_get(v, "serverSecret"))) {
        fake_registry_set_secret(fr, vec_str(v, "serverSecret", ""));
    }
    json_array_foreach(json_object_get(v, "referencedSchemas"), i, item) {
        fake_registry_put_schema(fr, item);
    }
    fake_registry_put_schema(fr, json_object_get(v, "schema"));
    json_array_foreach(json_object_get(v, "keks"), i, item) {
        fake_registry_put_kek(fr, item);
    }
    json_array_foreach(json_object_get(v, "deks"), i, item) {
        fake_registry_put_dek(fr, item);
    }
}

static bool world_open(world_t *w, vec_t *t, const char *disabled_type) {
    const json_t *v = t->v;
    *w = (world_t){.err = schloss_error_new(), .fr = fake_registry_new(), .writer = schloss_buffer_new(0)};
    w->now = json_integer_value(json_object_get(v, "now"));
    fill_registry(w->fr, v);
    schloss_conf_t *conf = schloss_conf_new();
    bool ok = configure(t, conf, w->err, disabled_type);
    schloss_transport_t transport = fake_registry_transport(w->fr);
    if (ok && schloss_client_new(conf, &transport, &w->client, w->err) != SCHLOSS_OK) {
        ok = wrong(t, "client: %s", schloss_error_message(w->err));
    }
    schloss_conf_free(conf);
    if (!ok) {
        return false;
    }
    schloss_client_set_clock(w->client, clock_of, w);
    bool custom = strcmp(vec_str(v, "subjectNameStrategy", ""), "CUSTOM") == 0;
    w->target = (schloss_target_t){.topic = vec_str(v, "topic", ""),
                                   .is_key = json_is_true(json_object_get(v, "isKey")),
                                   .subject = custom ? vec_str(v, "subject", NULL) : NULL};
    CHECK(t, schloss_serializer_new(w->client, NULL, &w->ser, w->err) == SCHLOSS_OK, "serializer: %s",
          schloss_error_message(w->err));
    CHECK(t, schloss_deserializer_new(w->client, NULL, &w->de, w->err) == SCHLOSS_OK, "deserializer: %s",
          schloss_error_message(w->err));
    return true;
}

static void world_close(world_t *w) {
    schloss_serializer_free(w->ser);
    schloss_deserializer_free(w->de);
    schloss_client_free(w->client);
    schloss_buffer_free(w->writer);
    schloss_error_free(w->err);
    fake_registry_free(w->fr);
}

/* ---- reading ---- */

static size_t headers_of(const json_t *v, schloss_header_t out[MAX_HEADERS]) {
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(v, "headers"), name, value) {
        if (n < MAX_HEADERS) {
            bytes_t b = json_is_string(value) ? vec_decode(json_string_value(value), json_string_length(value))
                                              : bytes(NULL, 0);
            out[n++] = (schloss_header_t){name, b};
        }
    }
    return n;
}

static schloss_rc read_value(world_t *w, const json_t *v, schloss_decoded_t *out) {
    schloss_header_t headers[MAX_HEADERS];
    size_t n = headers_of(v, headers);
    return schloss_deserialize(w->de, &w->target, vec_bytes(v, "value"), headers, n, out, w->err);
}

/* ProtoJSON may or may not spell defaults out: what counts is the message that it stands for. */
static bool same_message(vec_t *t, world_t *w, const schloss_decoded_t *d, const json_t *want) {
    schloss_bytes_t record;
    char *text = json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT);
    schloss_rc rc = schloss_record_from_json(d->schema, text, strlen(text), 0, w->writer, &record, w->err);
    bool ok = rc == SCHLOSS_OK ? vec_same(t, "message", d->value, record)
                               : wrong(t, "from JSON: %s", schloss_error_message(w->err));
    free(text);
    schloss_bytes_t json;
    return ok && (schloss_record_to_json(d->schema, d->value, 0, w->writer, &json, w->err) == SCHLOSS_OK ||
                  wrong(t, "to JSON: %s", schloss_error_message(w->err)));
}

/* Compares what was read with a JSON value. */
static bool same_value(vec_t *t, world_t *w, const schloss_decoded_t *d, const json_t *want) {
    if (d->value.ptr == NULL) {
        CHECK(t, json_is_null(want), "read null");
        return true;
    }
    if (strcmp(schloss_schema_type(d->schema), "PROTOBUF") == 0) {
        return same_message(t, w, d, want);
    }
    schloss_bytes_t text;
    CHECK(t, schloss_record_to_json(d->schema, d->value, 0, w->writer, &text, w->err) == SCHLOSS_OK, "to JSON: %s",
          schloss_error_message(w->err));
    json_t *got = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    CHECK(t, got != NULL, "what was read is no JSON: %.*s", (int)text.len, (const char *)text.ptr);
    bool ok =
        json_same(got, want) || wrong(t, "read %.*s", (int)(text.len < 600 ? text.len : 600), (const char *)text.ptr);
    json_decref(got);
    return ok;
}

static bool check_read(vec_t *t, const char *disabled_type, const json_t *want) {
    world_t w;
    schloss_decoded_t d;
    bool ok = world_open(&w, t, disabled_type);
    if (ok) {
        schloss_rc rc = read_value(&w, t->v, &d);
        ok = rc == SCHLOSS_OK ? same_value(t, &w, &d, want)
                              : wrong(t, "%s: %s: %s", disabled_type == NULL ? "read" : "read without rules",
                                      schloss_rc_name(rc), schloss_error_message(w.err));
    }
    world_close(&w);
    return ok;
}

/* ---- writing ---- */

/* Nonces of the recorded encryptions, in order. */
typedef struct nonces {
    const json_t *steps;
    size_t next;
} nonces_t;

static bool is_gcm(const json_t *step) {
    return strcmp(vec_str(step, "algorithm", ""), "AES256_SIV") != 0;
}

static schloss_rc next_nonce(void *user, uint8_t out[12], schloss_error_t *err) {
    nonces_t *n = user;
    while (n->next < json_array_size(n->steps) && !is_gcm(json_array_get(n->steps, n->next))) {
        n->next++;
    }
    const json_t *step = json_array_get(n->steps, n->next);
    bytes_t cipher = vec_bytes(step, "ciphertext");
    size_t at = json_is_true(json_object_get(step, "versionPrefix")) ? 5 : 0;
    if (cipher.len < at + 12) {
        return FAIL(err, RANDOM, "more encryptions than the vector's steps");
    }
    memcpy(out, cipher.ptr + at, 12);
    n->next++;
    return SCHLOSS_OK;
}

static bool all_taken(const nonces_t *n) {
    for (size_t i = n->next; i < json_array_size(n->steps); i++) {
        if (is_gcm(json_array_get(n->steps, i))) {
            return false;
        }
    }
    return true;
}

/* A subject that is named after the record needs the writer's schema to be known beforehand. */
static schloss_rc give_schema(world_t *w, const json_t *v) {
    const json_t *schema = json_object_get(v, "schema");
    const char *text = vec_str(schema, "schema", ""), *message = vec_str(schema, "messageName", NULL);
    if (message != NULL) {
        return schloss_serializer_set_message(w->ser, message, w->err);
    }
    return strstr(vec_str(v, "subjectNameStrategy", ""), "RECORD") == NULL
               ? SCHLOSS_OK
               : schloss_serializer_set_schema(w->ser, text, strlen(text), NULL, 0, w->err);
}

/* message as a record under the schema that the serializer will use. */
static schloss_rc encode(world_t *w, const json_t *message, schloss_bytes_t *out) {
    const schloss_schema_t *schema = NULL;
    schloss_rc rc = schloss_serializer_prepare(w->ser, &w->target, &schema, w->err);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    char *text = json_dumps(message, JSON_ENCODE_ANY | JSON_COMPACT);
    rc = schloss_record_from_json(schema, text, strlen(text), 0, w->writer, out, w->err);
    free(text);
    return rc;
}

static bool same_output(vec_t *t, const schloss_encoded_t *e) {
    schloss_header_t headers[MAX_HEADERS];
    size_t n = headers_of(t->v, headers);
    if (!vec_same(t, "value", e->value, vec_bytes(t->v, "value"))) {
        return false;
    }
    if (n == 0) {
        CHECK(t, e->header_name == NULL, "wrote a header %s", e->header_name);
        return true;
    }
    CHECK(t, n == 1 && e->header_name != NULL && strcmp(e->header_name, headers[0].name) == 0, "header %s, expected %s",
          e->header_name == NULL ? "(none)" : e->header_name, headers[0].name);
    return vec_same(t, "header", e->header, headers[0].value);
}

static bool write_in(vec_t *t, world_t *w) {
    schloss_bytes_t record;
    schloss_rc rc = give_schema(w, t->v);
    CHECK(t, rc == SCHLOSS_OK, "set schema: %s", schloss_error_message(w->err));
    rc = encode(w, json_object_get(t->v, "message"), &record);
    CHECK(t, rc == SCHLOSS_OK, "encode: %s: %s", schloss_rc_name(rc), schloss_error_message(w->err));
    nonces_t nonces = {json_object_get(t->v, "steps"), 0};
    schloss_encoded_t out;
    /* Once with random nonces: it fetches the keys, rule by rule, and begins anew for each. */
    rc = schloss_serialize(w->ser, &w->target, record, &out, w->err);
    CHECK(t, rc == SCHLOSS_OK, "write: %s: %s", schloss_rc_name(rc), schloss_error_message(w->err));
    nonce_set_source(next_nonce, &nonces);
    rc = schloss_serialize(w->ser, &w->target, record, &out, w->err);
    nonce_set_source(NULL, NULL);
    CHECK(t, rc == SCHLOSS_OK, "write: %s: %s", schloss_rc_name(rc), schloss_error_message(w->err));
    CHECK(t, all_taken(&nonces), "fewer encryptions than the vector's steps");
    return same_output(t, &out);
}

static bool check_write(vec_t *t) {
    world_t w;
    bool ok = world_open(&w, t, NULL) && write_in(t, &w);
    world_close(&w);
    return ok;
}

/* ---- steps: the cipher without any schema code ---- */

static const json_t *dek_of(const json_t *v, const json_t *step) {
    size_t i;
    json_t *d;
    json_array_foreach(json_object_get(v, "deks"), i, d) {
        if (strcmp(vec_str(d, "kekName", ""), vec_str(step, "kekName", "?")) == 0 &&
            strcmp(vec_str(d, "algorithm", ""), vec_str(step, "algorithm", "?")) == 0 &&
            json_equal(json_object_get(d, "version"), json_object_get(step, "dekVersion"))) {
            return d;
        }
    }
    return NULL;
}

static bool check_step(vec_t *t, const json_t *step) {
    const json_t *dek = dek_of(t->v, step);
    dek_alg_t alg;
    CHECK(t, dek != NULL && dek_alg_parse(vec_str(step, "algorithm", ""), &alg), "a step without its DEK");
    bytes_t cipher = vec_bytes(step, "ciphertext"), plain = vec_bytes(step, "plaintext");
    size_t at = json_is_true(json_object_get(step, "versionPrefix")) ? 5 : 0;
    CHECK(t, cipher.len == plain.len + at + aead_overhead(alg), "a step's ciphertext has %zu bytes", cipher.len);
    aead_key_t *key = NULL;
    CHECK(t, aead_key_new(&key, alg, vec_bytes(dek, "rawKey"), AEAD_AUTO, NULL) == SCHLOSS_OK, "a step's key");
    uint8_t *out = malloc(cipher.len + 1);
    bool ok = out != NULL && aead_seal(key, plain.ptr, plain.len, cipher.ptr + at, out, NULL) == SCHLOSS_OK &&
              vec_same(t, "step sealed", bytes(out, cipher.len - at), bytes(cipher.ptr + at, cipher.len - at)) &&
              aead_open(key, cipher.ptr + at, cipher.len - at, out, NULL) == SCHLOSS_OK &&
              vec_same(t, "step opened", bytes(out, plain.len), plain);
    free(out);
    aead_key_free(key);
    return ok || wrong(t, "a step cannot be sealed or opened");
}

/* spec 8: 6, 16, 84 */
bool check_message(vec_t *t) {
    const json_t *want = json_object_get(t->v, "expectRead");
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(t->v, "steps"), i, step) {
        if (!check_step(t, step)) {
            return false;
        }
    }
    if (!check_read(t, NULL, want != NULL ? want : json_object_get(t->v, "message"))) {
        return false;
    }
    const json_t *cipher = json_object_get(t->v, "cipherMessage");
    if (cipher != NULL && !check_read(t, "rule.executors._ENCRYPT_.disabled", cipher)) {
        return false;
    }
    return json_is_false(json_object_get(t->v, "recreate")) || check_write(t);
}

/* ---- negative ---- */

static bool is_one_of(const char *kind, const char *const *list) {
    for (; *list != NULL; list++) {
        if (strcmp(kind, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* The error must be of the kind and say where: the field, the KEK, the subject. */
static bool same_error(vec_t *t, schloss_rc rc, const schloss_error_t *err) {
    static const char *const of_field[] = {"AUTH_FAILED",       "CIPHERTEXT_TOO_SHORT", "BAD_BASE64",
                                           "BAD_VERSION_MAGIC", "UNSUPPORTED_TYPE",     NULL};
    static const char *const of_kek[] = {
        "DEK_NOT_FOUND", "KEK_NOT_FOUND", "KEK_MISMATCH", "UNWRAP_FAILED", "WRAP_FAILED", "BAD_KEY", NULL};
    const char *kind = vec_str(json_object_get(t->v, "expect"), "kind", "?");
    CHECK(t, strcmp(schloss_rc_name(rc), kind) == 0, "%s (%s), expected %s", schloss_rc_name(rc),
          schloss_error_message(err), kind);
    CHECK(t, schloss_error_code(err) == rc && *schloss_error_message(err) != 0, "the error object is not filled");
    const char *type = json_string_value(json_array_get(json_object_get(t->v, "ruleTypes"), 0));
    bool payload = type != NULL && strstr(type, "PAYLOAD") != NULL;
    CHECK(t, payload || !is_one_of(kind, of_field) || *schloss_error_field(err) != 0, "%s names no field", kind);
    CHECK(t, !is_one_of(kind, of_kek) || *schloss_error_kek(err) != 0, "%s names no KEK", kind);
    CHECK(t, !(is_one_of(kind, of_field) || is_one_of(kind, of_kek)) || *schloss_error_subject(err) != 0,
          "%s names no subject", kind);
    return true;
}

static schloss_rc negative_write(world_t *w, const json_t *v) {
    const json_t *message = json_object_get(v, "message");
    schloss_bytes_t record = {NULL, 0};
    schloss_encoded_t out;
    if (message != NULL && !json_is_null(message)) {
        schloss_rc rc = encode(w, message, &record);
        if (rc != SCHLOSS_OK) {
            return rc;
        }
    }
    return schloss_serialize(w->ser, &w->target, record, &out, w->err);
}

static bool negative_in(vec_t *t, world_t *w) {
    const json_t *expect = json_object_get(t->v, "expect");
    bool reads = strcmp(vec_str(t->v, "op", "deserialize"), "deserialize") == 0;
    const char *outcome = vec_str(expect, "outcome", "error");
    schloss_decoded_t d;
    schloss_rc rc = reads ? read_value(w, t->v, &d) : negative_write(w, t->v);
    if (strcmp(outcome, "either") == 0) {
        CHECK(t, rc <= 0, "%s", schloss_rc_name(rc));
        return true;
    }
    if (strcmp(outcome, "error") == 0) {
        CHECK(t, rc != SCHLOSS_OK, "succeeds, expected %s", vec_str(expect, "kind", "?"));
        return same_error(t, rc, w->err);
    }
    CHECK(t, rc == SCHLOSS_OK, "%s: %s, expected a value", schloss_rc_name(rc), schloss_error_message(w->err));
    return !reads || same_value(t, w, &d, json_object_get(expect, "read"));
}

bool check_negative(vec_t *t) {
    world_t w;
    bool ok = world_open(&w, t, NULL) && negative_in(t, &w);
    world_close(&w);
    return ok;
}
