/* Running a plan over Avro binary: one pass over the record. Verbatim stretches are copied in one piece, when a
 * transform (or the end) makes it necessary. */
#include "base/limits.h"
#include "rules/plan_avro.h"
#include "rules/value.h"
#include <endian.h>

typedef struct run {
    const avro_plan_t *p;
    cur_t in;
    const uint8_t *start;   /* of the record, for offsets in error texts */
    const uint8_t *pending; /* from here to in.p is still to be copied */
    buf_t *out;             /* NULL: check only */
    plan_crypt_t *crypt;
    uint64_t empty_items; /* items of zero bytes seen */
    unsigned depth;
    schloss_error_t *err;
} run_t;

static schloss_rc mismatch(const run_t *r, const op_t *op, const char *what) {
    schloss_rc rc = FAIL(r->err, DATA_MISMATCH, "the record does not fit its schema: %s at byte %zu", what,
                         (size_t)(r->in.p - r->start));
    if (op != NULL && op->field != NULL) {
        err_field(r->err, op->field->full_name);
    }
    return rc;
}

static schloss_rc too_many_empty(run_t *r) {
    return FAIL(r->err, LIMIT_EXCEEDED, "more than %llu values without bytes: limit LIMIT_RECORD_ITEMS",
                (unsigned long long)LIMIT_RECORD_ITEMS);
}

static void flush(run_t *r, const uint8_t *upto) {
    if (r->out != NULL) {
        buf_put_short(r->out, r->pending, (size_t)(upto - r->pending));
    }
}

/* A failing value: name the field, leave the caller's code. */
static schloss_rc value_failed(run_t *r, const op_t *op, schloss_rc rc) {
    if (op->field != NULL) {
        r->crypt->field = op->field->full_name;
        if (rc < 0) {
            err_field(r->err, op->field->full_name);
        }
    }
    return rc;
}

/* What failed inside the value of a field: items and union branches do not know whose they are. */
static schloss_rc within(run_t *r, const op_t *op, schloss_rc rc) {
    if (op->field != NULL) {
        if (rc < 0) {
            err_field(r->err, op->field->full_name);
        }
        if (r->crypt != NULL && r->crypt->field == NULL) {
            r->crypt->field = op->field->full_name;
        }
    }
    return rc;
}

/* A value of len bytes at p; its length begins at start. */
static schloss_rc run_value(run_t *r, const op_t *op, const uint8_t *start, const uint8_t *p, size_t len) {
    flush(r, start);
    bool is_string = op->code == OP_STRING;
    const char *field = op->field == NULL ? "" : op->field->full_name;
    schloss_rc rc = value_transform(r->crypt, field, bytes(p, len), is_string, HEAD_ZIGZAG, r->out, r->err);
    if (rc != SCHLOSS_OK) {
        return value_failed(r, op, rc);
    }
    r->pending = p + len;
    return SCHLOSS_OK;
}

static schloss_rc reject(run_t *r, const op_t *op) {
    char type[16] = ""; /* in capitals, as other clients and the other formats say it */
    const char *name = avro_kind_name((avro_kind_t)op->a);
    for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof(type); i++) {
        type[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    }
    schloss_rc rc = FAIL(r->err, UNSUPPORTED_TYPE, "Type '%s' not supported for encryption", type);
    err_hint(r->err, "only string and bytes can be encrypted: take the tag off the field or change its type");
    return value_failed(r, op, rc);
}

static schloss_rc run_block(run_t *r, uint32_t block);

/* Blocks of an array or map. A touched one is written anew with positive counts: byte sizes would no longer fit. */
static schloss_rc run_items(run_t *r, const op_t *op) {
    bool is_map = op->code == OP_MAP;
    for (;;) {
        const uint8_t *at = r->in.p;
        int64_t count = cur_varlong(&r->in);
        const uint8_t *block_end = NULL;
        if (r->in.failed || count == INT64_MIN) {
            return mismatch(r, op, "a block count is malformed");
        }
        if (count < 0) {
            int64_t size = cur_varlong(&r->in);
            if (r->in.failed || size < 0 || (uint64_t)size > cur_left(&r->in)) {
                return mismatch(r, op, "a block size exceeds the record");
            }
            block_end = r->in.p + size;
            count = -count;
            if (op->b && r->out != NULL) {
                flush(r, at);
                buf_put_varlong(r->out, count);
                r->pending = r->in.p;
            }
        }
        if (count == 0) {
            return SCHLOSS_OK;
        }
        for (; count > 0; count--) {
            const uint8_t *before = r->in.p;
            if (is_map) {
                int64_t len = cur_varlong(&r->in);
                if (r->in.failed || len < 0 || (uint64_t)len > cur_left(&r->in)) {
                    return mismatch(r, op, "a map key exceeds the record");
                }
                r->in.p += len;
            }
            uint64_t spent = r->empty_items;
            TRY(run_block(r, op->a));
            if (r->in.p == before) { /* an item without bytes: the others are like it and cost as much */
                uint64_t price = r->empty_items - spent + 1;
                if ((uint64_t)count > (LIMIT_RECORD_ITEMS - spent) / price) {
                    return too_many_empty(r);
                }
                r->empty_items = spent + (uint64_t)count * price;
                break;
            }
        }
        if (block_end != NULL && r->in.p != block_end) {
            return mismatch(r, op, "a block size does not fit its items");
        }
    }
}

/* Reads a zigzag varint at p into v without letting the cursor out of its register: up to three bytes here, longer or
 * malformed ones by the general reader. */
#define READ_VARLONG(v)                                                                                                \
    do {                                                                                                               \
        if (end - p >= 3 && (p[0] < 0x80 || p[1] < 0x80 || p[2] < 0x80)) {                                             \
            uint64_t z_ = p[0] & 0x7fu;                                                                                \
            if (p[0] >= 0x80) {                                                                                        \
                z_ |= (uint64_t)(p[1] & 0x7fu) << 7;                                                                   \
                if (p[1] >= 0x80) {                                                                                    \
                    z_ |= (uint64_t)p[2] << 14;                                                                        \
                    p++;                                                                                               \
                }                                                                                                      \
                p++;                                                                                                   \
            }                                                                                                          \
            p++;                                                                                                       \
            (v) = (int64_t)(z_ >> 1) ^ -(int64_t)(z_ & 1);                                                             \
        } else {                                                                                                       \
            r->in.p = p;                                                                                               \
            (v) = cur_varlong_slow(&r->in);                                                                            \
            p = r->in.p;                                                                                               \
            if (r->in.failed) {                                                                                        \
                what = "a number is malformed";                                                                        \
                goto bad;                                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* A length: as READ_VARLONG, but the usual one, of a single byte, is on its way to the next instruction sooner. */
#define READ_LEN(v)                                                                                                    \
    do {                                                                                                               \
        if (__builtin_expect(p < end && (*p & 0x81u) == 0, 1)) {                                                       \
            (v) = *p >> 1;                                                                                             \
            p++;                                                                                                       \
        } else {                                                                                                       \
            READ_VARLONG(v);                                                                                           \
        }                                                                                                              \
    } while (0)

/* The end of a long of 3 bytes and more, without its value; NULL when malformed. */
static const uint8_t *skip_varlong(run_t *r, const uint8_t *p) {
    uint64_t w = 0;
    if (r->in.end - p >= 8) {
        memcpy(&w, p, 8);
        uint64_t ends = ~w & 0x8080808080808080u; /* bytes without a continuation bit */
        if (ends != 0) {
            return p + (__builtin_ctzll(le64toh(ends)) / 8 + 1);
        }
    }
    r->in.p = p;
    (void)cur_varlong_slow(&r->in);
    return r->in.failed ? NULL : r->in.p;
}

/* Threaded code: each instruction jumps to the next one itself, so that the branch predictor learns the record. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values */
#define NEXT()                                                                                                         \
    do {                                                                                                               \
        op++;                                                                                                          \
        goto *go[op->code];                                                                                            \
    } while (0)
#define REFUSE(text)                                                                                                   \
    do {                                                                                                               \
        what = (text);                                                                                                 \
        goto bad;                                                                                                      \
    } while (0)
/* Runs what goes on elsewhere and takes the cursor back. */
#define ELSEWHERE(call)                                                                                                \
    do {                                                                                                               \
        r->in.p = p;                                                                                                   \
        rc = (call);                                                                                                   \
        if (rc != SCHLOSS_OK) {                                                                                        \
            return within(r, op, rc);                                                                                  \
        }                                                                                                              \
        p = r->in.p;                                                                                                   \
    } while (0)

static schloss_rc run_block(run_t *r, uint32_t block) {
    static const void *const go[] = {
        [OP_END] = &&op_end,      [OP_BOOL] = &&op_bool,   [OP_INT] = &&op_int,       [OP_LONG] = &&op_long,
        [OP_FIX] = &&op_fix,      [OP_LEN] = &&op_len,     [OP_ENUM] = &&op_enum,     [OP_OPT] = &&op_opt,
        [OP_UNION] = &&op_union,  [OP_ARRAY] = &&op_items, [OP_MAP] = &&op_items,     [OP_CALL] = &&op_call,
        [OP_STRING] = &&op_value, [OP_BYTES] = &&op_value, [OP_REJECT] = &&op_reject,
    };
    if (++r->depth > LIMIT_RECORD_DEPTH) {
        return FAIL(r->err, LIMIT_EXCEEDED, "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)",
                    LIMIT_RECORD_DEPTH);
    }
    const uint8_t *p = r->in.p;
    const uint8_t *const end = r->in.end;
    const uint8_t *start;
    const char *what = NULL;
    int64_t v = 0;
    schloss_rc rc = SCHLOSS_OK;
    const op_t *op = &r->p->ops[r->p->blocks[block]];
    goto *go[op->code];

op_end:
    r->in.p = p;
    r->depth--;
    return SCHLOSS_OK;
op_bool:
    if (p >= end || *p > 1) {
        REFUSE("a boolean is neither 0 nor 1");
    }
    p++;
    NEXT();
op_int:
    READ_VARLONG(v);
    if (v > INT32_MAX || v < INT32_MIN) {
        REFUSE("an int is out of range");
    }
    NEXT();
op_long:
    if (end - p >= 2 &&
        (p[0] < 0x80 || p[1] < 0x80)) { /* guessed by the predictor: the next instruction need not wait */
        p += p[0] < 0x80 ? 1 : 2;
        NEXT();
    }
    start = p;
    p = skip_varlong(r, p);
    if (p == NULL) {
        p = start;
        REFUSE("a long is malformed");
    }
    NEXT();
op_fix:
    if (op->a > (size_t)(end - p)) {
        REFUSE("the record ends inside a value");
    }
    p += op->a;
    NEXT();
op_len:
    READ_LEN(v);
    if (v < 0 || v > end - p) {
        REFUSE("a length exceeds the record");
    }
    p += v;
    NEXT();
op_enum:
    READ_VARLONG(v);
    if (v < 0 || v >= (int64_t)op->a) {
        REFUSE("an enum symbol does not exist");
    }
    NEXT();
op_opt:
    READ_VARLONG(v);
    if (v < 0 || v > 1) {
        REFUSE("a union branch does not exist");
    }
    op += v == (int64_t)op->a; /* null: the value's instruction is skipped */
    NEXT();
op_union:
    READ_VARLONG(v);
    if (v < 0 || v >= (int64_t)op->b) {
        REFUSE("a union branch does not exist");
    }
    ELSEWHERE(run_block(r, r->p->branches[op->a + (uint64_t)v]));
    NEXT();
op_items:
    ELSEWHERE(run_items(r, op));
    NEXT();
op_call:
    start = p;
    ELSEWHERE(run_block(r, op->a));
    if (p == start && ++r->empty_items > LIMIT_RECORD_ITEMS) { /* nested empty records multiply without a byte */
        return too_many_empty(r);
    }
    NEXT();
op_value:
    start = p;
    READ_LEN(v);
    if (v < 0 || v > end - p) {
        REFUSE("a length exceeds the record");
    }
    TRY(run_value(r, op, start, p, (size_t)v));
    p += v;
    NEXT();
op_reject:
    r->in.p = p;
    return reject(r, op);
bad:
    r->in.p = p;
    return mismatch(r, op, what);
}
#pragma GCC diagnostic pop

schloss_rc plan_avro_run(const plan_t *plan, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err) {
    const avro_plan_t *p = (const avro_plan_t *)plan;
    run_t r = {.p = p, .in = cur_of(in), .start = in.ptr, .pending = in.ptr, .out = out, .crypt = crypt, .err = err};
    TRY(run_block(&r, p->root));
    if (r.in.p != r.in.end) {
        return mismatch(&r, NULL, "bytes are left over");
    }
    if (out != NULL) {
        flush(&r, r.in.end);
        return buf_check(out, err);
    }
    return SCHLOSS_OK;
}
