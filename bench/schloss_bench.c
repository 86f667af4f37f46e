/* libschloss on the benchmark's records, through the public API alone, with a registry in the process (answers.h).
 *
 *   bench_schloss SECONDS IMPL [BENCH CASE]
 *                                         measures typed records; bytes instead when IMPL is schloss-bytes
 *   bench_schloss plain BENCH             prints the record of avro, json or protobuf without encryption, in hex
 *   bench_schloss read BENCH CASE HEX     reads a record that the floor wrote
 *   bench_schloss flat MILLIONS           resident memory after as many records of each format
 * Typed: from a C struct to a record for the topic, and back. Avro through schloss_avro_put_* and _get_*; JSON and
 * Protobuf with the plain codecs by hand (hand/), since libschloss has no encoders of its own for these. Bytes: the
 * encoded record goes in and comes out. The environment chooses the back-end (SCHLOSS_CRYPTO_BACKEND). */
#include "answers.h"
#include "hand/json.h"
#include "hand/protobuf.h"

/* ---- one case, one thread ---- */

typedef struct bench {
    const bench_case_t *c;
    schloss_error_t *err;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_avro_writer_t *writer;
    schloss_avro_reader_t *reader;
    schloss_target_t target;
    customer_t in, back;
    view_t body, body_back; /* of a payload record */
    uint8_t *room;          /* for the codecs by hand */
    uint8_t *encoded;       /* the plain record */
    size_t encoded_len;
    uint8_t *framed; /* as it would lie on the topic */
    size_t framed_len;
} bench_t;

static inline void put_text(schloss_avro_writer_t *w, view_t v) {
    schloss_avro_put_string(w, (const char *)v.ptr, v.len);
}

static void avro_encode(bench_t *b) {
    schloss_avro_writer_t *w = b->writer;
    const customer_t *c = &b->in;
    schloss_avro_put_long(w, c->id);
    put_text(w, c->email);
    put_text(w, c->name);
    put_text(w, c->account);
    put_text(w, c->street);
    put_text(w, c->city);
    schloss_avro_put_enum(w, c->country);
    schloss_avro_put_long(w, c->created);
    schloss_avro_put_double(w, c->balance);
    schloss_avro_put_boolean(w, c->active);
    schloss_avro_put_union(w, 1);
    put_text(w, c->note);
    schloss_avro_put_array(w, c->n_labels);
    for (size_t i = 0; i < c->n_labels; i++) {
        put_text(w, c->labels[i]);
    }
    schloss_avro_put_end(w);
    for (size_t i = 0; i < c->n_extra; i++) {
        put_text(w, c->extra[i]);
    }
}

/* The record as its application encodes it. */
static inline bool encode(bench_t *b, schloss_bytes_t *record) {
    floor_key_t *no_key = NULL;
    if (b->c->format == AVRO) {
        schloss_avro_writer_reset(b->writer);
        if (b->c->size) {
            schloss_avro_put_bytes(b->writer, b->body.ptr, b->body.len);
        } else {
            avro_encode(b);
        }
        return schloss_avro_writer_finish(b->writer, record, b->err) == SCHLOSS_OK;
    }
    const uint8_t *end = b->c->format == JSON ? json_put(b->room, &b->in, 0, no_key, no_cipher)
                                              : pb_put(b->room, &b->in, 0, no_key, no_cipher);
    *record = schloss_bytes(b->room, (size_t)(end - b->room));
    return true;
}

static inline view_t get_text(schloss_avro_reader_t *r) {
    schloss_bytes_t v = schloss_avro_get_string(r);
    return (view_t){v.ptr, v.len};
}

static void avro_decode(bench_t *b) {
    schloss_avro_reader_t *r = b->reader;
    customer_t *c = &b->back;
    c->id = schloss_avro_get_long(r);
    c->email = get_text(r);
    c->name = get_text(r);
    c->account = get_text(r);
    c->street = get_text(r);
    c->city = get_text(r);
    c->country = schloss_avro_get_enum(r);
    c->created = schloss_avro_get_long(r);
    c->balance = schloss_avro_get_double(r);
    c->active = schloss_avro_get_boolean(r);
    c->note = schloss_avro_get_union(r) == 1 ? get_text(r) : (view_t){NULL, 0};
    c->n_labels = 0;
    for (size_t n = schloss_avro_get_block(r); n != 0; n = schloss_avro_get_block(r)) {
        for (size_t i = 0; i < n; i++) {
            view_t label = get_text(r);
            if (c->n_labels < sizeof c->labels / sizeof c->labels[0]) {
                c->labels[c->n_labels++] = label;
            }
        }
    }
    c->n_extra = b->in.n_extra;
    for (size_t i = 0; i < c->n_extra; i++) {
        c->extra[i] = get_text(r);
    }
}

static inline bool decode(bench_t *b, schloss_bytes_t record) {
    floor_key_t *no_key = NULL;
    cursor_t c = {record.ptr, record.ptr + record.len, b->room, false};
    bool wide = b->in.n_extra > 0, ok;
    if (b->c->format == AVRO) {
        schloss_avro_reader_reset(b->reader, record);
        if (b->c->size) {
            schloss_bytes_t body = schloss_avro_get_bytes(b->reader);
            b->body_back = (view_t){body.ptr, body.len};
        } else {
            avro_decode(b);
        }
        ok = schloss_avro_reader_finish(b->reader, b->err) == SCHLOSS_OK;
    } else {
        ok = b->c->format == JSON ? json_get(&c, &b->back, 0, wide, no_key, no_cipher)
                                  : pb_get(&c, &b->back, 0, wide, no_key, no_cipher);
    }
    bench_keep(&b->back);
    return ok;
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
    schloss_bytes_t value = schloss_bytes(b->framed, b->framed_len);
    return schloss_deserialize(b->de, &b->target, value, NULL, 0, &out, b->err) == SCHLOSS_OK && decode(b, out.value);
}

/* Reads b->framed and compares with the record. */
static void check_read(bench_t *b) {
    schloss_decoded_t out;
    schloss_bytes_t value = schloss_bytes(b->framed, b->framed_len);
    must(schloss_deserialize(b->de, &b->target, value, NULL, 0, &out, b->err), b->err, "deserialize");
    bench_check(decode(b, out.value), "decode");
    bench_check(b->c->size ? view_same(b->body, b->body_back) : customer_same(&b->in, &b->back), "fields read back");
}

static void open_case(bench_t *b, const bench_case_t *c, schloss_client_t *client) {
    size_t room = c->size ? c->size + 1024 : 4096;
    *b = (bench_t){.c = c, .target = {.topic = c->topic}, .in = customer_make(c->fields == 20)};
    b->err = schloss_error_new();
    b->writer = schloss_avro_writer_new(0);
    b->reader = schloss_avro_reader_new();
    b->room = malloc(room);
    b->encoded = malloc(room);
    b->framed = malloc(room);
    uint8_t *body = malloc(c->body + 1);
    bench_check(b->err && b->writer && b->reader && b->room && b->encoded && b->framed && body, "memory");
    case_fill(body, c->body);
    b->body = (view_t){body, c->body};
    schloss_bytes_t record;
    schloss_encoded_t out;
    must(schloss_serializer_new(client, NULL, &b->ser, b->err), b->err, "serializer");
    must(schloss_deserializer_new(client, NULL, &b->de, b->err), b->err, "deserializer");
    bench_check(encode(b, &record) && record.len <= room, "encode");
    memcpy(b->encoded, record.ptr, record.len);
    b->encoded_len = record.len;
    must(schloss_serialize(b->ser, &b->target, record, &out, b->err), b->err, "serialize");
    bench_check(out.value.len <= room, "size of the record");
    memcpy(b->framed, out.value.ptr, out.value.len);
    b->framed_len = out.value.len;
}

static void close_case(bench_t *b) {
    schloss_serializer_free(b->ser);
    schloss_deserializer_free(b->de);
    schloss_avro_writer_free(b->writer);
    schloss_avro_reader_free(b->reader);
    schloss_error_free(b->err);
    free(b->room);
    free(b->encoded);
    free(b->framed);
    free((uint8_t *)b->body.ptr);
}

/* ---- driver ---- */

static void measure_case(const bench_case_t *c, schloss_client_t *client, const answers_t *answers, double seconds,
                         const char *impl) {
    static bench_t b[BENCH_THREADS];
    void *users[BENCH_THREADS];
    bool bytes = strcmp(impl, "schloss-bytes") == 0;
    bench_line_t line = {c->bench, c->name, impl};
    for (size_t i = 0; i < BENCH_THREADS; i++) {
        users[i] = &b[i];
        open_case(&b[i], c, client);
        check_read(&b[i]);
    }
    bench_call_t ser = bytes ? serialize_bytes : serialize_typed, de = bytes ? deserialize_bytes : deserialize_typed;
    unsigned before = answers->requests;
    bench_measure(line, "serialize", seconds, ser, &b[0]);
    bench_measure(line, "deserialize", seconds, de, &b[0]);
    if (c->two_threads) {
        bench_measure_threads(line, "serialize", seconds, ser, users);
        bench_measure_threads(line, "deserialize", seconds, de, users);
    }
    bench_check(answers->requests == before, "no request once caches are warm");
    for (size_t i = 0; i < BENCH_THREADS; i++) {
        close_case(&b[i]);
    }
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    bench_check(f != NULL && fscanf(f, "%ld %ld", &pages, &resident) == 2, "/proc/self/statm");
    fclose(f);
    return resident * 4;
}

/* Resident memory after a hundredth of the records and after all of them. */
static void flat(schloss_client_t *client, double millions) {
    static const char *const benches[] = {"avro", "json", "protobuf"};
    for (size_t i = 0; i < 3; i++) {
        bench_t b;
        uint64_t n = (uint64_t)(millions * 5e5); /* each writes a record and reads one */
        open_case(&b, case_find(benches[i], "3f/AES256_GCM"), client);
        long first = 0;
        for (uint64_t k = 0; k < n; k++) {
            bench_check(serialize_typed(&b) && deserialize_typed(&b), "a record");
            if (k == n / 100) {
                first = resident_kib();
            }
        }
        printf("{\"bench\":\"%s\",\"records\":%llu,\"first_kib\":%ld,\"last_kib\":%ld}\n", benches[i],
               (unsigned long long)n * 2, first, resident_kib());
        close_case(&b);
    }
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
    static answers_t answers;
    schloss_transport_t transport = {
        .size = sizeof transport, .user = &answers, .perform = answers_perform, .release = answers_release};
    schloss_error_t *err = schloss_error_new();
    bench_check(err && argc >= 3,
                "usage: bench_schloss SECONDS IMPL | plain BENCH | read BENCH CASE HEX | flat MILLIONS");
    schloss_client_t *client = bench_client(&transport, err);
    bool plain = strcmp(argv[1], "plain") == 0, read = strcmp(argv[1], "read") == 0;
    if (plain || (read && argc >= 5)) {
        const bench_case_t *c = case_find(argv[2], read ? argv[3] : "0f/AES256_GCM");
        bench_t b;
        open_case(&b, c, client);
        if (read) {
            b.framed_len = from_hex(argv[4], b.framed, c->size ? c->size + 1024 : 4096);
            check_read(&b);
        } else {
            for (size_t i = 0; i < b.framed_len; i++) {
                printf("%02x", b.framed[i]);
            }
            printf("\n");
        }
        close_case(&b);
    } else if (strcmp(argv[1], "flat") == 0) {
        flat(client, atof(argv[2]));
    } else {
        double seconds = atof(argv[1]);
        bench_check(seconds > 0, "SECONDS must be a number");
        for (const bench_case_t *c = bench_cases; c < bench_cases + N_CASES; c++) {
            if (argc < 5 || c == case_find(argv[3], argv[4])) {
                measure_case(c, client, &answers, seconds, argv[2]);
            }
        }
    }
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
