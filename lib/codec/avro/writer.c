/* Typed writer: appends Avro binary to one buffer that keeps its memory between records. */
#include "codec/avro/writer.h"

/* Longest varint: reserved before each, and so the buffer may overshoot a record's limit by it; finish checks. */
#define VARINT_MAX 10u

schloss_avro_writer_t *schloss_avro_writer_new(size_t max_len) {
    schloss_avro_writer_t *w = MEM_NEW(schloss_avro_writer_t);
    if (w != NULL) {
        w->max_len = max_len == 0 ? LIMIT_RECORD_BYTES : max_len;
        size_t max = w->max_len < SIZE_MAX - VARINT_MAX ? w->max_len + VARINT_MAX : w->max_len;
        buf_init(&w->buf, max, "schloss.limit.record.bytes", true);
    }
    return w;
}

void schloss_avro_writer_free(schloss_avro_writer_t *w) {
    if (w != NULL) {
        buf_clear(&w->buf);
        mem_free(w);
    }
}

void schloss_avro_writer_reset(schloss_avro_writer_t *w) {
    buf_reset(&w->buf);
    w->depth = 0;
    w->failed = SCHLOSS_OK;
}

static __attribute__((cold)) void misuse(schloss_avro_writer_t *w, schloss_rc rc) {
    if (w->failed == SCHLOSS_OK) {
        w->failed = rc;
    }
}

static inline void put_varint(buf_t *b, int64_t v) {
    if (buf_reserve(b, VARINT_MAX)) {
        uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
        uint8_t *p = b->ptr + b->len;
        while (z > 0x7f) {
            *p++ = (uint8_t)(z | 0x80);
            z >>= 7;
        }
        *p++ = (uint8_t)z;
        b->len = (size_t)(p - b->ptr);
    }
}

static inline void put_run(buf_t *b, const void *ptr, size_t len) {
    if (len > PTRDIFF_MAX) {
        (void)buf_grow(b, SIZE_MAX); /* fails by its limit */
        return;
    }
    put_varint(b, (int64_t)len);
    buf_put_short(b, ptr, len);
}

void schloss_avro_put_null(schloss_avro_writer_t *w) {
    (void)w; /* takes no byte */
}

void schloss_avro_put_boolean(schloss_avro_writer_t *w, bool v) {
    buf_put_u8(&w->buf, v ? 1 : 0);
}

void schloss_avro_put_int(schloss_avro_writer_t *w, int32_t v) {
    put_varint(&w->buf, v);
}

void schloss_avro_put_long(schloss_avro_writer_t *w, int64_t v) {
    put_varint(&w->buf, v);
}

void schloss_avro_put_float(schloss_avro_writer_t *w, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t raw[4];
    for (unsigned i = 0; i < sizeof raw; i++) {
        raw[i] = (uint8_t)(bits >> (8 * i));
    }
    buf_put(&w->buf, raw, sizeof raw);
}

void schloss_avro_put_double(schloss_avro_writer_t *w, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t raw[8];
    for (unsigned i = 0; i < sizeof raw; i++) {
        raw[i] = (uint8_t)(bits >> (8 * i));
    }
    buf_put(&w->buf, raw, sizeof raw);
}

void schloss_avro_put_bytes(schloss_avro_writer_t *w, const void *ptr, size_t len) {
    put_run(&w->buf, ptr, len);
}

void schloss_avro_put_string(schloss_avro_writer_t *w, const char *ptr, size_t len) {
    put_run(&w->buf, ptr, len);
}

void schloss_avro_put_fixed(schloss_avro_writer_t *w, const void *ptr, size_t len) {
    buf_put(&w->buf, ptr, len);
}

void schloss_avro_put_enum(schloss_avro_writer_t *w, int32_t symbol_index) {
    if (symbol_index < 0) {
        misuse(w, SCHLOSS_E_INVALID_ARGUMENT);
    }
    put_varint(&w->buf, symbol_index);
}

void schloss_avro_put_union(schloss_avro_writer_t *w, int32_t branch_index) {
    if (branch_index < 0) {
        misuse(w, SCHLOSS_E_INVALID_ARGUMENT);
    }
    put_varint(&w->buf, branch_index);
}

void schloss_avro_put_array(schloss_avro_writer_t *w, size_t n) {
    if (w->depth >= LIMIT_RECORD_DEPTH) {
        misuse(w, SCHLOSS_E_LIMIT_EXCEEDED);
        return;
    }
    if (n > PTRDIFF_MAX) {
        misuse(w, SCHLOSS_E_INVALID_ARGUMENT);
        return;
    }
    put_varint(&w->buf, (int64_t)n);
    w->is_empty[w->depth++] = n == 0;
}

void schloss_avro_put_map(schloss_avro_writer_t *w, size_t n) {
    schloss_avro_put_array(w, n);
}

void schloss_avro_put_end(schloss_avro_writer_t *w) {
    if (w->depth == 0) {
        misuse(w, SCHLOSS_E_INVALID_STATE);
        return;
    }
    if (!w->is_empty[--w->depth]) {
        buf_put_u8(&w->buf, 0);
    }
}

schloss_rc schloss_avro_writer_finish(schloss_avro_writer_t *w, schloss_bytes_t *out, schloss_error_t *err) {
    ENSURE(w != NULL && out != NULL, err, INVALID_ARGUMENT, "writer or output is NULL");
    TRY(buf_check(&w->buf, err));
    if (w->failed == SCHLOSS_E_LIMIT_EXCEEDED) {
        return FAIL(err, LIMIT_EXCEEDED, "arrays and maps are nested deeper than %u levels", LIMIT_RECORD_DEPTH);
    }
    ENSURE(w->failed != SCHLOSS_E_INVALID_ARGUMENT, err, INVALID_ARGUMENT,
           "a negative branch or symbol, or a count out of range, was put");
    ENSURE(w->failed == SCHLOSS_OK, err, INVALID_STATE, "put_end without an open array or map");
    ENSURE(w->depth == 0, err, INVALID_STATE, "%u arrays or maps are still open: put_end is missing", w->depth);
    if (w->buf.len > w->max_len) {
        schloss_rc rc = FAIL(err, LIMIT_EXCEEDED, "the record has more than %zu bytes", w->max_len);
        err_hint(err, "raise schloss.limit.record.bytes or the writer's max_len if the data is what you expect");
        return rc;
    }
    *out = buf_view(&w->buf);
    return SCHLOSS_OK;
}
