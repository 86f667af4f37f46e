/* The benchmark's record as a C struct, and what the codecs by hand share: views, a cursor, sealing one string.
 *
 * A codec is written for exactly this record. It encrypts the first `fields` of email, name, account and the extra
 * strings; with fields 0 it is the plain encoder and decoder of an application. Everything is inlined with a constant
 * cipher, so that the calls into the back-end are direct. */
#ifndef BENCH_HAND_CUSTOMER_H
#define BENCH_HAND_CUSTOMER_H

#include "hand/aead.h"
#include "hand/base64.h"
#include "measure.h"
#include "record.h"

#define INLINE static inline __attribute__((always_inline))

typedef struct view {
    const uint8_t *ptr;
    size_t len;
} view_t;

typedef struct customer {
    int64_t id;
    view_t email, name, account, street, city;
    int country;
    int64_t created;
    double balance;
    bool active;
    view_t note; /* ptr NULL: null */
    view_t labels[8];
    size_t n_labels;
    view_t extra[17];
    size_t n_extra; /* 0 or 17 */
} customer_t;

/* String literal or C string as a view. */
static inline view_t view_of(const char *s) {
    return (view_t){(const uint8_t *)s, strlen(s)};
}

static inline bool view_same(view_t a, view_t b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline customer_t customer_make(bool wide) {
    static const char *const extra[] = REC_EXTRA;
    customer_t c = {.id = REC_ID,
                    .email = view_of(REC_EMAIL),
                    .name = view_of(REC_NAME),
                    .account = view_of(REC_ACCOUNT),
                    .street = view_of(REC_STREET),
                    .city = view_of(REC_CITY),
                    .country = REC_COUNTRY,
                    .created = REC_CREATED,
                    .balance = REC_BALANCE,
                    .active = REC_ACTIVE,
                    .note = view_of(REC_NOTE),
                    .labels = {view_of(REC_LABELS_0), view_of(REC_LABELS_1), view_of(REC_LABELS_2)},
                    .n_labels = 3,
                    .n_extra = wide ? 17 : 0};
    for (size_t i = 0; i < c.n_extra; i++) {
        c.extra[i] = view_of(extra[i]);
    }
    return c;
}

static inline bool customer_same(const customer_t *a, const customer_t *b) {
    bool same = a->id == b->id && view_same(a->email, b->email) && view_same(a->name, b->name) &&
                view_same(a->account, b->account) && view_same(a->street, b->street) && view_same(a->city, b->city) &&
                a->country == b->country && a->created == b->created && !(a->balance < b->balance) &&
                !(a->balance > b->balance) && a->active == b->active && view_same(a->note, b->note) &&
                a->n_labels == b->n_labels && a->n_extra == b->n_extra;
    for (size_t i = 0; same && i < a->n_labels; i++) {
        same = view_same(a->labels[i], b->labels[i]);
    }
    for (size_t i = 0; same && i < a->n_extra; i++) {
        same = view_same(a->extra[i], b->extra[i]);
    }
    return same;
}

/* What is read: the rest of the record, and room for what was decrypted or unescaped. */
typedef struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    uint8_t *room; /* as large as the record: nothing grows when it is read */
    bool bad;
} cursor_t;

enum { BOX_MAX = 128 }; /* one sealed string of this record */

/* Seals v into box; its length, 0 when that failed. */
INLINE size_t seal_view(floor_key_t *k, cipher_t cipher, uint8_t box[BOX_MAX], view_t v) {
    size_t n = v.len + cipher.overhead;
    return n <= BOX_MAX && cipher.seal(k, box, v.ptr, v.len) ? n : 0;
}

/* Decrypts base64 text into the room. */
INLINE view_t open_view(floor_key_t *k, cipher_t cipher, cursor_t *c, view_t text) {
    uint8_t box[BOX_MAX];
    size_t n = 0;
    if (text.len > BOX_MAX / 3 * 4 || !base64_decode(box, &n, text.ptr, text.len) || n < cipher.overhead ||
        !cipher.open(k, c->room, box, n - cipher.overhead)) {
        c->bad = true;
        return (view_t){NULL, 0};
    }
    view_t plain = {c->room, n - cipher.overhead};
    c->room += plain.len;
    return plain;
}

#endif
