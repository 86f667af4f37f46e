/* Typed reader: a cursor over one record. After the first failure everything reads as 0, false or empty; finish says
 * where it was. */
#include "base/buf.h"
#include "base/limits.h"
#include <schloss/avro.h>

struct schloss_avro_reader {
    cur_t cur; /* first: p and end are what avro_inline.h sees */
    const uint8_t *start;
    const char *what; /* kind that failed; NULL while all is well */
    size_t at;        /* its offset */
};

_Static_assert(offsetof(struct schloss_avro_reader, cur.p) == 0 &&
                   offsetof(struct schloss_avro_reader, cur.end) == sizeof(void *),
               "avro_inline.h");

schloss_avro_reader_t *schloss_avro_reader_new(void) {
    return MEM_NEW(schloss_avro_reader_t);
}

void schloss_avro_reader_free(schloss_avro_reader_t *r) {
    mem_free(r);
}

void schloss_avro_reader_reset(schloss_avro_reader_t *r, schloss_bytes_t record) {
    r->cur = cur_of(record);
    r->start = record.ptr;
    r->what = NULL;
    r->at = 0;
}

static __attribute__((cold)) void fail(schloss_avro_reader_t *r, const char *what) {
    if (r->what == NULL) {
        r->what = what;
        r->at = r->start == NULL ? 0 : (size_t)(r->cur.p - r->start);
        r->cur.failed = true;
        r->cur.end = r->cur.p; /* the inline readers find nothing more */
    }
}

static inline int64_t get_varint(schloss_avro_reader_t *r, int64_t min, int64_t max, const char *what) {
    if (r->cur.failed) {
        return 0;
    }
    int64_t v = cur_varlong(&r->cur);
    if (r->cur.failed || v < min || v > max) {
        fail(r, what);
        return 0;
    }
    return v;
}

static inline const uint8_t *get_raw(schloss_avro_reader_t *r, size_t n, const char *what) {
    if (r->cur.failed) {
        return NULL;
    }
    const uint8_t *p = cur_take(&r->cur, n);
    if (r->cur.failed) {
        fail(r, what);
        return NULL;
    }
    return p;
}

static inline schloss_bytes_t get_run(schloss_avro_reader_t *r, const char *what) {
    const uint8_t *q = r->cur.p;
    size_t left = cur_left(&r->cur);
    if (__builtin_expect(left > 0 && !(q[0] & 0x81) && !r->cur.failed, 1)) {
        size_t len = q[0] >> 1;
        if (len < left) {
            r->cur.p = q + 1 + len;
            return bytes(q + 1, len);
        }
    }
    size_t n = (size_t)get_varint(r, 0, INT64_MAX, what);
    const uint8_t *p = get_raw(r, n, what);
    return bytes(p, p == NULL ? 0 : n);
}

bool schloss_avro_get_boolean(schloss_avro_reader_t *r) {
    const uint8_t *p = get_raw(r, 1, "boolean");
    if (p != NULL && *p > 1) {
        fail(r, "boolean");
        return false;
    }
    return p != NULL && *p == 1;
}

int32_t schloss_avro_get_int(schloss_avro_reader_t *r) {
    return (int32_t)get_varint(r, INT32_MIN, INT32_MAX, "int");
}

int64_t schloss_avro_get_long(schloss_avro_reader_t *r) {
    return get_varint(r, INT64_MIN, INT64_MAX, "long");
}

float schloss_avro_get_float(schloss_avro_reader_t *r) {
    const uint8_t *p = get_raw(r, 4, "float");
    float v = 0;
    if (p != NULL) {
        uint32_t bits = (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
        memcpy(&v, &bits, sizeof v);
    }
    return v;
}

double schloss_avro_get_double(schloss_avro_reader_t *r) {
    const uint8_t *p = get_raw(r, 8, "double");
    double v = 0;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && p != NULL) {
        memcpy(&v, p, sizeof v);
    } else if (p != NULL) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 8; i++) {
            bits |= (uint64_t)p[i] << (8 * i);
        }
        memcpy(&v, &bits, sizeof v);
    }
    return v;
}

schloss_bytes_t schloss_avro_get_bytes(schloss_avro_reader_t *r) {
    return get_run(r, "bytes");
}

schloss_bytes_t schloss_avro_get_string(schloss_avro_reader_t *r) {
    return get_run(r, "string");
}

schloss_bytes_t schloss_avro_get_fixed(schloss_avro_reader_t *r, size_t len) {
    const uint8_t *p = get_raw(r, len, "fixed");
    return bytes(p, p == NULL ? 0 : len);
}

int32_t schloss_avro_get_enum(schloss_avro_reader_t *r) {
    return (int32_t)get_varint(r, 0, INT32_MAX, "enum");
}

int32_t schloss_avro_get_union(schloss_avro_reader_t *r) {
    return (int32_t)get_varint(r, 0, INT32_MAX, "union");
}

size_t schloss_avro_get_block(schloss_avro_reader_t *r) {
    int64_t n = get_varint(r, -INT64_MAX, INT64_MAX, "block of an array or map");
    if (n < 0) {
        n = -n;
        int64_t size = get_varint(r, 0, INT64_MAX, "block of an array or map");
        if (r->cur.failed || (uint64_t)size > cur_left(&r->cur)) {
            fail(r, "block of an array or map");
            return 0;
        }
    }
    /* More items than bytes: they take none. A caller must not be made to loop 2^60 times. */
    if ((uint64_t)n > cur_left(&r->cur) && (uint64_t)n > LIMIT_RECORD_ITEMS) {
        fail(r, "block of an array or map");
        return 0;
    }
    return (size_t)n;
}

schloss_rc schloss_avro_reader_finish(schloss_avro_reader_t *r, schloss_error_t *err) {
    ENSURE(r != NULL, err, INVALID_ARGUMENT, "the reader is NULL");
    ENSURE(r->what == NULL, err, DATA_MISMATCH, "the record does not hold a valid %s at byte %zu", r->what, r->at);
    size_t left = cur_left(&r->cur);
    ENSURE(left == 0, err, DATA_MISMATCH, "%zu bytes of the record were not read", left);
    return SCHLOSS_OK;
}
