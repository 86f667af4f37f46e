/* Running a plan: one pass over the record. Verbatim stretches are copied in one piece, when a transform (or the end)
 * makes it necessary. */
#include "base/limits.h"
#include "rules/plan_ops.h"
#include "rules/value.h"

typedef struct run {
    const plan_t *p;
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

/* A value of len bytes at p; its length begins at start. */
static schloss_rc run_value(run_t *r, const op_t *op, const uint8_t *start, const uint8_t *p, size_t len) {
    flush(r, start);
    bool is_string = op->code == OP_STRING;
    schloss_rc rc = r->crypt->writing ? value_encrypt(r->crypt, bytes(p, len), is_string, r->out, r->err)
                                      : value_decrypt(r->crypt, bytes(p, len), is_string, r->out, r->err);
    if (rc != SCHLOSS_OK) {
        return value_failed(r, op, rc);
    }
    r->in.p = p + len;
    r->pending = r->in.p;
    return SCHLOSS_OK;
}

static schloss_rc reject(run_t *r, const op_t *op) {
    schloss_rc rc =
        FAIL(r->err, UNSUPPORTED_TYPE, "Type '%s' not supported for encryption", avro_kind_name((avro_kind_t)op->a));
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
            TRY(run_block(r, op->a));
            if (r->in.p == before && ++r->empty_items > LIMIT_RECORD_ITEMS) {
                return FAIL(r->err, LIMIT_EXCEEDED, "more than %llu items without bytes: limit LIMIT_RECORD_ITEMS",
                            (unsigned long long)LIMIT_RECORD_ITEMS);
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

static schloss_rc run_block(run_t *r, uint32_t block) {
    if (++r->depth > LIMIT_RECORD_DEPTH) {
        return FAIL(r->err, LIMIT_EXCEEDED, "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)",
                    LIMIT_RECORD_DEPTH);
    }
    const uint8_t *p = r->in.p;
    const uint8_t *const end = r->in.end;
    const char *what = NULL;
    const op_t *op = &r->p->ops[r->p->blocks[block]];
    for (;; op++) {
        int64_t v = 0;
        schloss_rc rc = SCHLOSS_OK;
        switch (op->code) {
        case OP_END:
            r->in.p = p;
            r->depth--;
            return SCHLOSS_OK;
        case OP_BOOL:
            if (p >= end || *p > 1) {
                what = "a boolean is neither 0 nor 1";
                goto bad;
            }
            p++;
            continue;
        case OP_INT:
            READ_VARLONG(v);
            if (v > INT32_MAX || v < INT32_MIN) {
                what = "an int is out of range";
                goto bad;
            }
            continue;
        case OP_LONG:
            READ_VARLONG(v);
            continue;
        case OP_FIX:
            if (op->a > (size_t)(end - p)) {
                what = "the record ends inside a value";
                goto bad;
            }
            p += op->a;
            continue;
        case OP_LEN:
            READ_VARLONG(v);
            if (v < 0 || v > end - p) {
                what = "a length exceeds the record";
                goto bad;
            }
            p += v;
            continue;
        case OP_ENUM:
            READ_VARLONG(v);
            if (v < 0 || v >= (int64_t)op->a) {
                what = "an enum symbol does not exist";
                goto bad;
            }
            continue;
        case OP_OPT:
            READ_VARLONG(v);
            if (v < 0 || v > 1) {
                what = "a union branch does not exist";
                goto bad;
            }
            op += v == (int64_t)op->a; /* null: the value's instruction is skipped */
            continue;
        case OP_UNION:
            READ_VARLONG(v);
            if (v < 0 || v >= (int64_t)op->b) {
                what = "a union branch does not exist";
                goto bad;
            }
            r->in.p = p;
            rc = run_block(r, r->p->branches[op->a + (uint64_t)v]);
            break;
        case OP_ARRAY:
        case OP_MAP:
            r->in.p = p;
            rc = run_items(r, op);
            break;
        case OP_CALL:
            r->in.p = p;
            rc = run_block(r, op->a);
            break;
        case OP_STRING:
        case OP_BYTES: {
            const uint8_t *start = p;
            READ_VARLONG(v);
            if (v < 0 || v > end - p) {
                what = "a length exceeds the record";
                goto bad;
            }
            rc = run_value(r, op, start, p, (size_t)v);
            break;
        }
        case OP_REJECT:
            r->in.p = p;
            rc = reject(r, op);
            break;
        }
        if (rc != SCHLOSS_OK) {
            return rc;
        }
        p = r->in.p;
    }
bad:
    r->in.p = p;
    return mismatch(r, op, what);
}

schloss_rc plan_run(const plan_t *p, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err) {
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
