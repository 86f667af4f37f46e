/* TTLV, the encoding of KMIP: tag (3 bytes), type (1), length (4), value padded to a multiple of 8. Control-plane 6.2.
 *
 * Reading: ttlv_check() once over a whole message, then ttlv_next() and ttlv_find() over the values of structures. All
 * views are borrowed from the message. */
#ifndef KMS_KMIP_TTLV_H
#define KMS_KMIP_TTLV_H

#include "base/buf.h"

#define TTLV_DEPTH 32u
#define TTLV_MESSAGE_MAX ((size_t)64 * 1024)

enum ttlv_type {
    TTLV_STRUCTURE = 1,
    TTLV_INTEGER = 2,
    TTLV_LONG = 3,
    TTLV_BIG = 4,
    TTLV_ENUM = 5,
    TTLV_BOOLEAN = 6,
    TTLV_TEXT = 7,
    TTLV_BYTES = 8,
    TTLV_DATE = 9,
    TTLV_INTERVAL = 10,
};

/* ---- writing; failure sticks to the buffer ---- */

/* Opens a structure; its mark goes to ttlv_end() once the children are written. */
size_t ttlv_begin(buf_t *out, uint32_t tag);
void ttlv_end(buf_t *out, size_t mark);
void ttlv_put_int(buf_t *out, uint32_t tag, int32_t v);
void ttlv_put_enum(buf_t *out, uint32_t tag, uint32_t v);
void ttlv_put_text(buf_t *out, uint32_t tag, const char *s);
void ttlv_put_bytes(buf_t *out, uint32_t tag, bytes_t b);

/* ---- reading ---- */

typedef struct ttlv {
    uint32_t tag;
    uint8_t type;
    bytes_t value; /* of a structure: its children */
} ttlv_t;

/* Is msg one structure of which every length lies inside its parent, no deeper than TTLV_DEPTH, and nothing behind it?
 * NULL when it is, else what is wrong. */
const char *ttlv_check(bytes_t msg);
/* The next item; false at the end. Of checked bytes only. */
bool ttlv_next(cur_t *c, ttlv_t *out);
/* The first item of this tag among the children of a structure; false: none, or of another type. */
bool ttlv_find(bytes_t children, uint32_t tag, enum ttlv_type type, ttlv_t *out);
uint32_t ttlv_u32(const ttlv_t *t); /* of INTEGER and ENUM */

#endif
