/* libschloss on the benchmark's record, through the public API alone. A registry in this process (transport hook)
 * answers from fixed texts; after the first record no request is made, which the program checks.
 *
 *   bench_schloss SECONDS IMPL        measures typed fields; bytes instead when IMPL is schloss-bytes
 *   bench_schloss plain               prints the record without encryption, in hex
 *   bench_schloss read FIELDS HEX     reads a record that the floor wrote
 * Typed: schloss_avro_put_* of twelve fields, then schloss_serialize; schloss_deserialize, then schloss_avro_get_* of
 * all. Bytes: the encoded record goes in and comes out. The environment chooses the back-end (SCHLOSS_CRYPTO_BACKEND).
 */
#include "measure.h"
#include "record.h"
#include <schloss/schloss.h>
#include <string.h>

#define LIT(s) (s), sizeof(s) - 1

/* ---- registry ---- */

static unsigned requests;

typedef struct canned {
    const char *path; /* what the URL contains */
    const char *body;
} canned_t;

#define SCHEMA_ANSWER(n, id)                                                                                           \
    "{\"subject\":\"bench" n "-value\",\"version\":1,\"id\":" id ",\"guid\":\"00000000-0000-4000-8000-00000000000" id  \
    "\",\"schema\":" BENCH_SCHEMA_JSON ",\"ruleSet\":"
#define DEK_ANSWER(n)                                                                                                  \
    "{\"kekName\":\"bench-kek\",\"subject\":\"bench" n "-value\",\"version\":1,\"algorithm\":\"" BENCH_ALGORITHM       \
    "\",\"encryptedKeyMaterial\":\"" BENCH_WRAPPED_KEY "\",\"ts\":1764000000000}"

static const canned_t answers[] = {
    {"/subjects/bench0-value/versions/latest", SCHEMA_ANSWER("0", "1") BENCH_RULES_0 "}"},
    {"/subjects/bench1-value/versions/latest", SCHEMA_ANSWER("1", "2") BENCH_RULES_1 "}"},
    {"/subjects/bench3-value/versions/latest", SCHEMA_ANSWER("3", "4") BENCH_RULES_3 "}"},
    {"/schemas/ids/1", SCHEMA_ANSWER("0", "1") BENCH_RULES_0 "}"},
    {"/schemas/ids/2", SCHEMA_ANSWER("1", "2") BENCH_RULES_1 "}"},
    {"/schemas/ids/4", SCHEMA_ANSWER("3", "4") BENCH_RULES_3 "}"},
    {"/deks/bench1-value/", DEK_ANSWER("1")},
    {"/deks/bench3-value/", DEK_ANSWER("3")},
    {"/keks/bench-kek", "{\"name\":\"bench-kek\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"bench-key\",\"kmsProps\":{},"
                        "\"shared\":false,\"ts\":1764000000000}"},
};

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    (void)user;
    (void)err;
    static const char absent[] = "{\"error_code\":40401,\"message\":\"not found\"}";
    const char *body = absent;
    requests++;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0] && strcmp(req->method, "GET") == 0; i++) {
        if (strstr(req->url, answers[i].path)) {
            body = answers[i].body;
            break;
        }
    }
    memset(out, 0, sizeof *out);
    out->status = body == absent ? 404 : 200;
    out->body_len = strlen(body);
    out->body = (uint8_t *)strdup(body);
    return out->body ? SCHLOSS_OK : SCHLOSS_E_NO_MEMORY;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    free(out->body);
    out->body = NULL;
}

/* ---- one case ---- */

typedef struct bench {
    schloss_error_t *err;
    schloss_client_t *client;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_avro_writer_t *writer;
    schloss_avro_reader_t *reader;
    schloss_target_t target;
    uint8_t encoded[512]; /* Avro binary of the record */
    size_t encoded_len;
    uint8_t framed[1024]; /* as it would lie on the topic */
    size_t framed_len;
} bench_t;

static void check(const bench_t *b, schloss_rc rc, const char *what) {
    if (rc != SCHLOSS_OK) {
        fprintf(stderr, "bench: %s: %s: %s. %s\n", what, schloss_rc_name(rc), schloss_error_message(b->err),
                schloss_error_hint(b->err));
        exit(1);
    }
}

static bool encode(bench_t *b, schloss_bytes_t *record) {
    schloss_avro_writer_t *w = b->writer;
    schloss_avro_writer_reset(w);
    schloss_avro_put_long(w, REC_ID);
    schloss_avro_put_string(w, LIT(REC_EMAIL));
    schloss_avro_put_string(w, LIT(REC_NAME));
    schloss_avro_put_string(w, LIT(REC_ACCOUNT));
    schloss_avro_put_string(w, LIT(REC_STREET));
    schloss_avro_put_string(w, LIT(REC_CITY));
    schloss_avro_put_enum(w, REC_COUNTRY);
    schloss_avro_put_long(w, REC_CREATED);
    schloss_avro_put_double(w, REC_BALANCE);
    schloss_avro_put_boolean(w, REC_ACTIVE);
    schloss_avro_put_union(w, 1);
    schloss_avro_put_string(w, LIT(REC_NOTE));
    schloss_avro_put_array(w, 3);
    schloss_avro_put_string(w, LIT(REC_LABELS_0));
    schloss_avro_put_string(w, LIT(REC_LABELS_1));
    schloss_avro_put_string(w, LIT(REC_LABELS_2));
    schloss_avro_put_end(w);
    return schloss_avro_writer_finish(w, record, b->err) == SCHLOSS_OK;
}

typedef struct customer {
    int64_t id;
    schloss_bytes_t email;
    schloss_bytes_t name;
    schloss_bytes_t account;
    schloss_bytes_t street;
    schloss_bytes_t city;
    int32_t country;
    int64_t created;
    double balance;
    bool active;
    schloss_bytes_t note;
    schloss_bytes_t labels[8];
    size_t n_labels;
} customer_t;

static bool decode(bench_t *b, schloss_bytes_t record, customer_t *c) {
    schloss_avro_reader_t *r = b->reader;
    schloss_avro_reader_reset(r, record);
    c->id = schloss_avro_get_long(r);
    c->email = schloss_avro_get_string(r);
    c->name = schloss_avro_get_string(r);
    c->account = schloss_avro_get_string(r);
    c->street = schloss_avro_get_string(r);
    c->city = schloss_avro_get_string(r);
    c->country = schloss_avro_get_enum(r);
    c->created = schloss_avro_get_long(r);
    c->balance = schloss_avro_get_double(r);
    c->active = schloss_avro_get_boolean(r);
    c->note = schloss_avro_get_union(r) == 1 ? schloss_avro_get_string(r) : schloss_bytes(NULL, 0);
    c->n_labels = 0;
    for (size_t n = schloss_avro_get_block(r); n != 0; n = schloss_avro_get_block(r)) {
        for (size_t i = 0; i < n; i++) {
            schloss_bytes_t label = schloss_avro_get_string(r);
            if (c->n_labels < sizeof c->labels / sizeof c->labels[0]) {
                c->labels[c->n_labels++] = label;
            }
        }
    }
    bench_keep(c);
    return schloss_avro_reader_finish(r, b->err) == SCHLOSS_OK;
}

static bool serialize_bytes(void *user) {
    bench_t *b = user;
    schloss_encoded_t out;
    schloss_bytes_t record = schloss_bytes(b->encoded, b->encoded_len);
    bool ok = schloss_serialize(b->ser, &b->target, record, &out, b->err) == SCHLOSS_OK;
    bench_keep(out.value.ptr);
    return ok;
}

static bool serialize_typed(void *user) {
    bench_t *b = user;
    schloss_encoded_t out;
    schloss_bytes_t record;
    bool ok = encode(b, &record) && schloss_serialize(b->ser, &b->target, record, &out, b->err) == SCHLOSS_OK;
    bench_keep(out.value.ptr);
    return ok;
}

static bool deserialize_bytes(void *user) {
    bench_t *b = user;
    schloss_decoded_t out;
    schloss_bytes_t value = schloss_bytes(b->framed, b->framed_len);
    bool ok = schloss_deserialize(b->de, &b->target, value, NULL, 0, &out, b->err) == SCHLOSS_OK;
    bench_keep(out.value.ptr);
    return ok;
}

static bool deserialize_typed(void *user) {
    bench_t *b = user;
    schloss_decoded_t out;
    customer_t c;
    schloss_bytes_t value = schloss_bytes(b->framed, b->framed_len);
    return schloss_deserialize(b->de, &b->target, value, NULL, 0, &out, b->err) == SCHLOSS_OK &&
           decode(b, out.value, &c);
}

static bool is(schloss_bytes_t v, const char *text) {
    return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0;
}

/* Reads b->framed and compares the fields with the record. */
static void check_read(bench_t *b) {
    schloss_decoded_t out;
    customer_t c;
    schloss_bytes_t value = schloss_bytes(b->framed, b->framed_len);
    check(b, schloss_deserialize(b->de, &b->target, value, NULL, 0, &out, b->err), "deserialize");
    bench_check(decode(b, out.value, &c), "decode");
    bench_check(c.id == REC_ID && is(c.email, REC_EMAIL) && is(c.name, REC_NAME) && is(c.account, REC_ACCOUNT) &&
                    is(c.street, REC_STREET) && is(c.city, REC_CITY) && c.country == REC_COUNTRY &&
                    c.created == REC_CREATED && c.balance == REC_BALANCE && c.active == REC_ACTIVE &&
                    is(c.note, REC_NOTE) && c.n_labels == 3 && is(c.labels[2], REC_LABELS_2),
                "fields read back");
}

static void open_case(bench_t *b, int fields) {
    static const char *const topics[] = {"bench0", "bench1", "", "bench3"};
    schloss_bytes_t record;
    schloss_encoded_t out;
    b->target = (schloss_target_t){.topic = topics[fields]};
    check(b, schloss_serializer_new(b->client, NULL, &b->ser, b->err), "serializer");
    check(b, schloss_deserializer_new(b->client, NULL, &b->de, b->err), "deserializer");
    bench_check(encode(b, &record) && record.len <= sizeof b->encoded, "encode");
    memcpy(b->encoded, record.ptr, record.len);
    b->encoded_len = record.len;
    check(b, schloss_serialize(b->ser, &b->target, record, &out, b->err), "serialize");
    bench_check(out.value.len <= sizeof b->framed, "size of the record");
    memcpy(b->framed, out.value.ptr, out.value.len);
    b->framed_len = out.value.len;
}

static void close_case(bench_t *b) {
    schloss_serializer_free(b->ser);
    schloss_deserializer_free(b->de);
}

static void measure_case(bench_t *b, int fields, double seconds, const char *impl) {
    bool bytes = strcmp(impl, "schloss-bytes") == 0;
    open_case(b, fields);
    check_read(b);
    unsigned before = requests;
    bench_measure(impl, fields, "serialize", seconds, bytes ? serialize_bytes : serialize_typed, b);
    bench_measure(impl, fields, "deserialize", seconds, bytes ? deserialize_bytes : deserialize_typed, b);
    bench_check(requests == before, "no request once caches are warm");
    close_case(b);
}

static size_t from_hex(const char *text, uint8_t *out, size_t room) {
    size_t n = strlen(text) / 2;
    bench_check(n <= room, "length of the hex text");
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

int main(int argc, char **argv) {
    bench_t b = {.err = schloss_error_new()};
    schloss_conf_t *conf = schloss_conf_new();
    schloss_transport_t transport = {.size = sizeof transport, .perform = perform, .release = release};
    bench_check(b.err && conf && argc >= 2, "usage: bench_schloss SECONDS IMPL | plain | read FIELDS HEX");
    check(&b, schloss_conf_set(conf, "schema.registry.url", "http://127.0.0.1:1", b.err), "url");
    check(&b, schloss_conf_set(conf, "secret", BENCH_SECRET, b.err), "secret");
    check(&b, schloss_client_new(conf, &transport, &b.client, b.err), "client");
    b.writer = schloss_avro_writer_new(0);
    b.reader = schloss_avro_reader_new();
    bench_check(b.writer && b.reader, "writer and reader");
    if (strcmp(argv[1], "plain") == 0) {
        open_case(&b, 0);
        for (size_t i = 0; i < b.framed_len; i++) {
            printf("%02x", b.framed[i]);
        }
        printf("\n");
        close_case(&b);
    } else if (strcmp(argv[1], "read") == 0 && argc >= 4) {
        open_case(&b, atoi(argv[2]) & 3);
        b.framed_len = from_hex(argv[3], b.framed, sizeof b.framed);
        check_read(&b);
        close_case(&b);
    } else {
        double seconds = atof(argv[1]);
        bench_check(seconds > 0 && argc >= 3, "usage: bench_schloss SECONDS IMPL");
        static const int cases[] = {0, 1, 3};
        for (size_t i = 0; i < 3; i++) {
            measure_case(&b, cases[i], seconds, argv[2]);
        }
    }
    schloss_avro_writer_free(b.writer);
    schloss_avro_reader_free(b.reader);
    schloss_client_free(b.client);
    schloss_conf_free(conf);
    schloss_error_free(b.err);
    return 0;
}
