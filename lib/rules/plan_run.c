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
        buf_put(r->out, r->pending, (size_t)(upto - r->pending));
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

static schloss_rc run_value(run_t *r, const op_t *op) {
    const uint8_t *at = r->in.p;
    int64_t len = cur_varlong(&r->in);
    if (r->in.failed || len < 0 || (uint64_t)len > cur_left(&r->in)) {
        return mismatch(r, op, "a length exceeds the record");
    }
    bytes_t value = bytes(r->in.p, (size_t)len);
    flush(r, at);
    bool is_string = op->code == OP_STRING;
    schloss_rc rc = r->crypt->writing ? value_encrypt(r->crypt, value, is_string, r->out, r->err)
                                      : value_decrypt(r->crypt, value, is_string, r->out, r->err);
    if (rc != SCHLOSS_OK) {
        return value_failed(r, op, rc);
    }
    r->in.p += len;
    r->pending = r->in.p;
    return SCHLOSS_OK;
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

static schloss_rc run_block(run_t *r, uint32_t block) {
    if (++r->depth > LIMIT_RECORD_DEPTH) {
        return FAIL(r->err, LIMIT_EXCEEDED, "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)",
                    LIMIT_RECORD_DEPTH);
    }
    for (const op_t *op = &r->p->ops[r->p->blocks[block]];; op++) {
        int64_t v = 0;
        switch (op->code) {
        case OP_END:
            r->depth--;
            return SCHLOSS_OK;
        case OP_BOOL:
            if (r->in.p >= r->in.end || *r->in.p > 1) {
                return mismatch(r, op, "a boolean is neither 0 nor 1");
            }
            r->in.p++;
            break;
        case OP_INT:
            v = cur_varlong(&r->in);
            if (r->in.failed || v > INT32_MAX || v < INT32_MIN) {
                return mismatch(r, op, "an int is malformed");
            }
            break;
        case OP_LONG:
            (void)cur_varlong(&r->in);
            if (r->in.failed) {
                return mismatch(r, op, "a long is malformed");
            }
            break;
        case OP_FIX:
            if (op->a > cur_left(&r->in)) {
                return mismatch(r, op, "the record ends inside a value");
            }
            r->in.p += op->a;
            break;
        case OP_LEN:
            v = cur_varlong(&r->in);
            if (r->in.failed || v < 0 || (uint64_t)v > cur_left(&r->in)) {
                return mismatch(r, op, "a length exceeds the record");
            }
            r->in.p += v;
            break;
        case OP_ENUM:
            v = cur_varlong(&r->in);
            if (r->in.failed || v < 0 || v >= (int64_t)op->a) {
                return mismatch(r, op, "an enum symbol does not exist");
            }
            break;
        case OP_OPT:
            v = cur_varlong(&r->in);
            if (r->in.failed || v < 0 || v > 1) {
                return mismatch(r, op, "a union branch does not exist");
            }
            op += v == (int64_t)op->a; /* null: the value's instruction is skipped */
            break;
        case OP_UNION:
            v = cur_varlong(&r->in);
            if (r->in.failed || v < 0 || v >= (int64_t)op->b) {
                return mismatch(r, op, "a union branch does not exist");
            }
            TRY(run_block(r, r->p->branches[op->a + (uint64_t)v]));
            break;
        case OP_ARRAY:
        case OP_MAP:
            TRY(run_items(r, op));
            break;
        case OP_CALL:
            TRY(run_block(r, op->a));
            break;
        case OP_STRING:
        case OP_BYTES:
            TRY(run_value(r, op));
            break;
        case OP_REJECT: {
            schloss_rc rc = FAIL(r->err, UNSUPPORTED_TYPE, "Type '%s' not supported for encryption",
                                 avro_kind_name((avro_kind_t)op->a));
            err_hint(r->err, "only string and bytes can be encrypted: take the tag off the field or change its type");
            return value_failed(r, op, rc);
        }
        }
    }
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
