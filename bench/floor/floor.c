/* The floor: the benchmark's record encoded and encrypted by hand, for zero, one or three fields. No rules, no plan, no
 * schema: what a programmer would write who knows this one record and nothing else. It is honest: every length is
 * checked when reading, every tag is verified, every nonce is fresh, all twelve fields are decoded.
 *
 *   bench_floor SECONDS          measures; one JSON line per back-end, case and direction
 *   bench_floor plain            prints the record without encryption, in hex (the driver compares it with the others)
 *   bench_floor emit FIELDS      prints one encrypted record in hex (bench_schloss must be able to read it) */
#include "floor/aead.h"
#include "floor/base64.h"
#include "measure.h"
#include "record.h"

/* String literal as pointer and length. */
#define LIT(s) (const uint8_t *)(s), sizeof(s) - 1

typedef bool (*seal_t)(floor_key_t *k, uint8_t *box, const uint8_t *text, size_t n);
typedef bool (*open_t)(floor_key_t *k, uint8_t *text, const uint8_t *box, size_t n);

typedef struct view {
    const uint8_t *ptr;
    size_t len;
} view_t;

typedef struct customer {
    int64_t id;
    view_t email;
    view_t name;
    view_t account;
    view_t street;
    view_t city;
    int country;
    int64_t created;
    double balance;
    bool active;
    view_t note; /* ptr NULL: null */
    view_t labels[8];
    size_t n_labels;
} customer_t;

typedef struct bench {
    floor_key_t key;
    int fields;        /* how many are encrypted */
    uint8_t prefix[5]; /* magic byte and schema id, which is fields + 1 */
    seal_t seal;
    open_t open;
    customer_t in;
    uint8_t out[1024];
    size_t out_len;
    uint8_t plain[512]; /* decrypted fields of the record that was read last */
} bench_t;

/* ---- writing ---- */

static inline uint8_t *put_long(uint8_t *p, int64_t v) {
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    while (z >= 0x80) {
        *p++ = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    *p++ = (uint8_t)z;
    return p;
}

static inline uint8_t *put_text(uint8_t *p, view_t v) {
    p = put_long(p, (int64_t)v.len);
    memcpy(p, v.ptr, v.len);
    return p + v.len;
}

static inline uint8_t *put_sealed(bench_t *b, uint8_t *p, view_t v, seal_t seal) {
    uint8_t box[128];
    if (v.len > sizeof box - NONCE_LEN - TAG_LEN || !seal(&b->key, box, v.ptr, v.len)) {
        return NULL;
    }
    size_t n = v.len + NONCE_LEN + TAG_LEN;
    p = put_long(p, (int64_t)base64_length(n));
    return base64_encode(p, box, n);
}

/* Inlined into one function per back-end, so that seal is a direct call. */
static inline __attribute__((always_inline)) bool serialize(bench_t *b, seal_t seal) {
    const customer_t *c = &b->in;
    uint8_t *p = b->out;
    memcpy(p, b->prefix, sizeof b->prefix);
    p = put_long(p + sizeof b->prefix, c->id);
    p = b->fields >= 1 ? put_sealed(b, p, c->email, seal) : put_text(p, c->email);
    p = p && b->fields >= 3 ? put_sealed(b, p, c->name, seal) : p ? put_text(p, c->name) : NULL;
    p = p && b->fields >= 3 ? put_sealed(b, p, c->account, seal) : p ? put_text(p, c->account) : NULL;
    if (!p) {
        return false;
    }
    p = put_text(p, c->street);
    p = put_text(p, c->city);
    p = put_long(p, c->country);
    p = put_long(p, c->created);
    memcpy(p, &c->balance, 8); /* little-endian machines only, as the back-ends */
    p += 8;
    *p++ = c->active;
    if (c->note.ptr) {
        *p++ = 2;
        p = put_text(p, c->note);
    } else {
        *p++ = 0;
    }
    if (c->n_labels) {
        p = put_long(p, (int64_t)c->n_labels);
        for (size_t i = 0; i < c->n_labels; i++) {
            p = put_text(p, c->labels[i]);
        }
    }
    *p++ = 0;
    b->out_len = (size_t)(p - b->out);
    bench_keep(b->out);
    return true;
}

/* ---- reading ---- */

typedef struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
} cursor_t;

static inline int64_t get_long(cursor_t *c) {
    uint64_t z = 0;
    for (unsigned shift = 0; shift < 70 && c->p < c->end; shift += 7) {
        uint8_t byte = *c->p++;
        z |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return (int64_t)(z >> 1 ^ (0 - (z & 1)));
        }
    }
    c->bad = true;
    return 0;
}

static inline view_t get_text(cursor_t *c) {
    int64_t n = get_long(c);
    if (n < 0 || n > c->end - c->p) {
        c->bad = true;
        n = 0;
    }
    view_t v = {c->p, (size_t)n};
    c->p += n;
    return v;
}

static inline view_t get_sealed(bench_t *b, cursor_t *c, uint8_t **room, open_t open) {
    uint8_t box[256];
    size_t n = 0;
    view_t v = get_text(c);
    if (v.len > sizeof box || !base64_decode(box, &n, v.ptr, v.len) || n < NONCE_LEN + TAG_LEN ||
        !open(&b->key, *room, box, n - NONCE_LEN - TAG_LEN)) {
        c->bad = true;
        return (view_t){NULL, 0};
    }
    view_t plain = {*room, n - NONCE_LEN - TAG_LEN};
    *room += plain.len;
    return plain;
}

static inline __attribute__((always_inline)) bool deserialize(bench_t *b, customer_t *out, open_t open) {
    cursor_t c = {b->out, b->out + b->out_len, false};
    uint8_t *room = b->plain;
    if (b->out_len < sizeof b->prefix || memcmp(c.p, b->prefix, sizeof b->prefix) != 0) {
        return false;
    }
    c.p += sizeof b->prefix;
    out->id = get_long(&c);
    out->email = b->fields >= 1 ? get_sealed(b, &c, &room, open) : get_text(&c);
    out->name = b->fields >= 3 ? get_sealed(b, &c, &room, open) : get_text(&c);
    out->account = b->fields >= 3 ? get_sealed(b, &c, &room, open) : get_text(&c);
    out->street = get_text(&c);
    out->city = get_text(&c);
    out->country = (int)get_long(&c);
    out->created = get_long(&c);
    if (c.end - c.p < 9) {
        return false;
    }
    memcpy(&out->balance, c.p, 8);
    out->active = c.p[8] == 1;
    c.p += 9;
    int64_t branch = get_long(&c);
    out->note = branch == 1 ? get_text(&c) : (view_t){NULL, 0};
    out->n_labels = 0;
    for (int64_t n = get_long(&c); n != 0; n = get_long(&c)) {
        if (c.bad || n < 0 || n > (int64_t)(sizeof out->labels / sizeof out->labels[0] - out->n_labels)) {
            return false; /* this record never has that many, nor blocks with a size */
        }
        for (int64_t i = 0; i < n; i++) {
            out->labels[out->n_labels++] = get_text(&c);
        }
    }
    bench_keep(out);
    return !c.bad && c.p == c.end && branch >= 0 && branch <= 1;
}

#define BACK_END(name)                                                                                                 \
    static bool name##_serialize(void *user) {                                                                         \
        return serialize(user, name##_seal);                                                                           \
    }                                                                                                                  \
    static bool name##_deserialize(void *user) {                                                                       \
        customer_t c;                                                                                                  \
        return deserialize(user, &c, name##_open);                                                                     \
    }
BACK_END(openssl)
#ifdef SCHLOSS_HAVE_IPSECMB
BACK_END(ipsecmb)
#endif

/* ---- driver ---- */

static bool same(view_t a, view_t b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void check_round_trip(bench_t *b, bench_call_t ser) {
    customer_t c;
    bench_check(ser(b) && deserialize(b, &c, openssl_open), "round trip");
    bench_check(c.id == b->in.id && same(c.email, b->in.email) && same(c.name, b->in.name) &&
                    same(c.account, b->in.account) && same(c.street, b->in.street) && same(c.city, b->in.city) &&
                    c.country == b->in.country && c.created == b->in.created && c.balance == b->in.balance &&
                    c.active == b->in.active && same(c.note, b->in.note) && c.n_labels == b->in.n_labels &&
                    same(c.labels[2], b->in.labels[2]),
                "fields read back");
    if (b->fields > 0) {
        b->out[60] ^= 1;
        bench_check(!deserialize(b, &c, openssl_open), "a changed ciphertext must be refused");
        bench_check(ser(b), "serialize again");
    }
}

static void choose_case(bench_t *b, int fields) {
    b->fields = fields;
    b->prefix[4] = (uint8_t)(fields + 1);
}

static void print_hex(const bench_t *b) {
    for (size_t i = 0; i < b->out_len; i++) {
        printf("%02x", b->out[i]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static const uint8_t raw[32] = BENCH_RAW_KEY;
    static bench_t b = {.in = {.id = REC_ID,
                               .email = {LIT(REC_EMAIL)},
                               .name = {LIT(REC_NAME)},
                               .account = {LIT(REC_ACCOUNT)},
                               .street = {LIT(REC_STREET)},
                               .city = {LIT(REC_CITY)},
                               .country = REC_COUNTRY,
                               .created = REC_CREATED,
                               .balance = REC_BALANCE,
                               .active = REC_ACTIVE,
                               .note = {LIT(REC_NOTE)},
                               .labels = {{LIT(REC_LABELS_0)}, {LIT(REC_LABELS_1)}, {LIT(REC_LABELS_2)}},
                               .n_labels = 3}};
    base64_init();
    bench_check(floor_key_init(&b.key, raw), "key setup");
    if (argc >= 2 && strcmp(argv[1], "plain") == 0) {
        choose_case(&b, 0);
        bench_check(openssl_serialize(&b), "serialize");
        print_hex(&b);
        return 0;
    }
    if (argc >= 3 && strcmp(argv[1], "emit") == 0) {
        choose_case(&b, atoi(argv[2]));
        bench_check(openssl_serialize(&b), "serialize");
        print_hex(&b);
        return 0;
    }
    double seconds = argc >= 2 ? atof(argv[1]) : 0.5;
    bench_check(seconds > 0, "usage: bench_floor SECONDS | plain | emit FIELDS");
    static const int cases[] = {0, 1, 3};
    for (size_t i = 0; i < 3; i++) {
        choose_case(&b, cases[i]);
#ifdef SCHLOSS_HAVE_IPSECMB
        check_round_trip(&b, ipsecmb_serialize);
        bench_measure("floor-ipsecmb", b.fields, "serialize", seconds, ipsecmb_serialize, &b);
        bench_measure("floor-ipsecmb", b.fields, "deserialize", seconds, ipsecmb_deserialize, &b);
#endif
        check_round_trip(&b, openssl_serialize);
        bench_measure("floor-openssl", b.fields, "serialize", seconds, openssl_serialize, &b);
        bench_measure("floor-openssl", b.fields, "deserialize", seconds, openssl_deserialize, &b);
    }
    return 0;
}
