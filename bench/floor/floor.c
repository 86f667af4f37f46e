/* The floor: the benchmark's records encoded and encrypted by hand (hand/), in each format, with each algorithm. No
 * rules, no plan, no schema: what a programmer would write who knows this one record and nothing else. It is honest:
 * every length is checked when reading, every tag is verified, every nonce is fresh, all fields are decoded. Payloads:
 * the bare cipher plus one copy of the record.
 *
 *   bench_floor SECONDS           measures; one JSON line per back-end, case and direction
 *   bench_floor plain BENCH       prints the record of avro, json or protobuf without encryption, in hex
 *   bench_floor emit BENCH CASE   prints one encrypted record in hex (bench_schloss must be able to read it) */
#include "cases.h"
#include "hand/avro.h"
#include "hand/json.h"
#include "hand/protobuf.h"

enum { RECORD_MAX = 4096 };

typedef struct bench {
    const bench_case_t *c;
    floor_key_t key;
    customer_t in;
    customer_t back;
    uint8_t out[RECORD_MAX];
    size_t out_len;
    uint8_t room[RECORD_MAX]; /* decrypted fields of the record that was read last */
    uint8_t *payload, *copy, *sealed;
    size_t sealed_len;
} bench_t;

INLINE bool serialize(bench_t *b, format_t format, int fields, cipher_t cipher) {
    uint8_t *p = b->out + case_prefix(b->c, b->out);
    p = format == AVRO   ? avro_put(p, &b->in, fields, &b->key, cipher)
        : format == JSON ? json_put(p, &b->in, fields, &b->key, cipher)
                         : pb_put(p, &b->in, fields, &b->key, cipher);
    if (p == NULL) {
        return false;
    }
    b->out_len = (size_t)(p - b->out);
    bench_keep(b->out);
    return true;
}

INLINE bool deserialize(bench_t *b, format_t format, int fields, cipher_t cipher) {
    cursor_t c = {b->out, b->out + b->out_len, b->room, false};
    uint8_t prefix[6];
    size_t n = case_prefix(b->c, prefix);
    if (b->out_len < n || memcmp(c.p, prefix, n) != 0) {
        return false;
    }
    c.p += n;
    bool wide = fields == 20;
    bool ok = format == AVRO   ? avro_get(&c, &b->back, fields, wide, &b->key, cipher)
              : format == JSON ? json_get(&c, &b->back, fields, wide, &b->key, cipher)
                               : pb_get(&c, &b->back, fields, wide, &b->key, cipher);
    bench_keep(&b->back);
    return ok;
}

INLINE bool seal_payload(bench_t *b, cipher_t cipher) {
    memcpy(b->copy, b->payload, b->c->size);
    bench_keep(b->copy);
    size_t n = case_prefix(b->c, b->sealed);
    bool ok = cipher.seal(&b->key, b->sealed + n, b->copy, b->c->size);
    b->sealed_len = n + b->c->size + cipher.overhead;
    bench_keep(b->sealed);
    return ok;
}

INLINE bool open_payload(bench_t *b, cipher_t cipher) {
    uint8_t prefix[6];
    size_t n = case_prefix(b->c, prefix);
    bool ok = memcmp(b->sealed, prefix, n) == 0 &&
              cipher.open(&b->key, b->copy, b->sealed + n, b->sealed_len - n - cipher.overhead);
    bench_keep(b->copy);
    memcpy(b->payload, b->copy, b->c->size);
    bench_keep(b->payload);
    return ok;
}

/* ---- one function per cipher, format and number of fields, so that nothing is decided at run time ---- */

#define PAIR(name, write, read)                                                                                        \
    static bool name##_ser(void *user) {                                                                               \
        return write;                                                                                                  \
    }                                                                                                                  \
    static bool name##_de(void *user) {                                                                                \
        return read;                                                                                                   \
    }
#define FIELDS(cipher, format, n)                                                                                      \
    PAIR(cipher##_##format##_##n, serialize(user, format, n, cipher), deserialize(user, format, n, cipher))
#define CIPHER(cipher)                                                                                                 \
    FIELDS(cipher, AVRO, 0)                                                                                            \
    FIELDS(cipher, AVRO, 1)                                                                                            \
    FIELDS(cipher, AVRO, 3)                                                                                            \
    FIELDS(cipher, AVRO, 20)                                                                                           \
    FIELDS(cipher, JSON, 0)                                                                                            \
    FIELDS(cipher, JSON, 1)                                                                                            \
    FIELDS(cipher, JSON, 3)                                                                                            \
    FIELDS(cipher, JSON, 20)                                                                                           \
    FIELDS(cipher, PROTOBUF, 0)                                                                                        \
    FIELDS(cipher, PROTOBUF, 1)                                                                                        \
    FIELDS(cipher, PROTOBUF, 3)                                                                                        \
    FIELDS(cipher, PROTOBUF, 20)                                                                                       \
    PAIR(cipher##_payload, seal_payload(user, cipher), open_payload(user, cipher))

typedef struct pair {
    bench_call_t ser, de;
} pair_t;

typedef struct suite {
    pair_t fields[3][4]; /* by format; 0, 1, 3, 20 */
    pair_t payload;
} suite_t;

#define ENTRY(cipher, format, n)                                                                                       \
    { cipher##_##format##_##n##_ser, cipher##_##format##_##n##_de }
#define ROW(cipher, format)                                                                                            \
    { ENTRY(cipher, format, 0), ENTRY(cipher, format, 1), ENTRY(cipher, format, 3), ENTRY(cipher, format, 20) }
#define SUITE(cipher)                                                                                                  \
    CIPHER(cipher)                                                                                                     \
    static const suite_t cipher##_suite = {{ROW(cipher, AVRO), ROW(cipher, JSON), ROW(cipher, PROTOBUF)},              \
                                           {cipher##_payload_ser, cipher##_payload_de}};
SUITE(openssl_gcm)
SUITE(openssl_siv)
#ifdef SCHLOSS_HAVE_IPSECMB
SUITE(ipsecmb_gcm128)
SUITE(ipsecmb_gcm256)
#endif

static pair_t pair_of(const suite_t *s, const bench_case_t *c) {
    return c->size ? s->payload : s->fields[c->format][c->fields == 20 ? 3 : c->fields == 3 ? 2 : c->fields];
}

/* ---- driver ---- */

static void open_case(bench_t *b, const bench_case_t *c) {
    static const uint8_t raw[64] = BENCH_RAW_KEY;
    *b = (bench_t){.c = c, .in = customer_make(c->fields == 20)};
    bench_check(floor_key_init(&b->key, c->algorithm, raw), "key setup");
    if (c->size) {
        b->payload = malloc(c->size);
        b->copy = malloc(c->size);
        b->sealed = malloc(c->size + 64);
        bench_check(b->payload && b->copy && b->sealed, "memory");
        size_t n = (size_t)(avro_put_long(b->payload, (int64_t)c->body) - b->payload);
        bench_check(n + c->body == c->size, "the length of the body");
        case_fill(b->payload + n, c->body);
    }
}

static void close_case(bench_t *b) {
    floor_key_free(&b->key);
    free(b->payload);
    free(b->copy);
    free(b->sealed);
}

static void check_round_trip(bench_t *b, pair_t pair) {
    bench_check(pair.ser(b) && pair.de(b), "round trip");
    if (b->c->size) {
        bench_check(b->payload[b->c->size - 1] == (uint8_t)((b->c->body - 1) * 31), "payload read back");
        b->sealed[100] ^= 1;
        bench_check(!pair.de(b), "a changed ciphertext must be refused");
        open_case((close_case(b), b), b->c);
        bench_check(pair.ser(b), "serialize again");
        return;
    }
    bench_check(customer_same(&b->in, &b->back), "fields read back");
    if (b->c->fields > 0) {
        b->out[60] ^= 1;
        bench_check(!pair.de(b), "a changed ciphertext must be refused");
        bench_check(pair.ser(b), "serialize again");
    }
}

static void measure_case(const bench_case_t *c, const char *impl, const suite_t *suite, double seconds) {
    static bench_t b;
    pair_t pair = pair_of(suite, c);
    bench_line_t line = {c->bench, c->name, impl};
    open_case(&b, c);
    check_round_trip(&b, pair);
    bench_measure(line, "serialize", seconds, pair.ser, &b);
    bench_measure(line, "deserialize", seconds, pair.de, &b);
    close_case(&b);
}

static void print_hex(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        printf("%02x", p[i]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static bench_t b;
    base64_init();
    if (argc >= 3 && (strcmp(argv[1], "plain") == 0 || strcmp(argv[1], "emit") == 0)) {
        const bench_case_t *c = case_find(argv[2], argv[1][0] == 'e' && argc >= 4 ? argv[3] : "0f/AES256_GCM");
        open_case(&b, c);
        bench_check(pair_of(c->algorithm == AES256_SIV ? &openssl_siv_suite : &openssl_gcm_suite, c).ser(&b),
                    "serialize");
        if (c->size) {
            print_hex(b.sealed, b.sealed_len);
        } else {
            print_hex(b.out, b.out_len);
        }
        close_case(&b);
        return 0;
    }
    double seconds = argc >= 2 ? atof(argv[1]) : 0;
    bench_check(seconds > 0, "usage: bench_floor SECONDS | plain BENCH | emit BENCH CASE");
    for (const bench_case_t *c = bench_cases; c < bench_cases + N_CASES; c++) {
        measure_case(c, "floor-openssl", c->algorithm == AES256_SIV ? &openssl_siv_suite : &openssl_gcm_suite, seconds);
#ifdef SCHLOSS_HAVE_IPSECMB
        if (c->algorithm != AES256_SIV) { /* neither we nor the floor have another SIV */
            measure_case(c, "floor-ipsecmb", c->algorithm == AES128_GCM ? &ipsecmb_gcm128_suite : &ipsecmb_gcm256_suite,
                         seconds);
        }
#endif
    }
    return 0;
}
