/* Running a plan over Protobuf wire bytes: one pass, no state beside the stack. Verbatim stretches are copied in one
 * piece, when a transform (or the end) makes it necessary. A message whose content changes gets room for its length
 * first and is closed up when the length is known.
 *
 * Fields are expected by number, each singular one once, as every canonical encoder writes them. Where that does not
 * hold and it matters, the record is walked anew, carefully (plan_protobuf_merge.c). */
#include "base/limits.h"
#include "rules/plan_protobuf.h"
#include "rules/value.h"

/* ---- errors ---- */

__attribute__((cold)) schloss_rc pb_run_mismatch(pb_run_t *r, const uint8_t *at, const pb_field_t *f,
                                                 const char *what) {
    schloss_rc rc = FAIL(r->err, DATA_MISMATCH, "the record does not fit its schema: %s at byte %zu", what,
                         (size_t)(at - r->start));
    if (f != NULL) {
        err_field(r->err, f->full_name);
    }
    return rc;
}

__attribute__((cold)) schloss_rc pb_run_too_deep(pb_run_t *r) {
    return FAIL(r->err, LIMIT_EXCEEDED, "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)",
                LIMIT_RECORD_DEPTH);
}

/* A failing value: name the field, leave the caller's code. */
static schloss_rc value_failed(pb_run_t *r, const pb_op_t *op, schloss_rc rc) {
    if (r->crypt != NULL) {
        r->crypt->field = op->field->full_name;
    }
    if (rc < 0) {
        err_field(r->err, op->field->full_name);
    }
    return rc;
}

__attribute__((cold)) schloss_rc pb_run_reject(pb_run_t *r, const pb_op_t *op) {
    schloss_rc rc = FAIL(r->err, UNSUPPORTED_TYPE, "Type '%s' not supported for encryption", op->java_type);
    err_hint(r->err, "only string and bytes can be encrypted: take the tag off the field or change its type");
    return value_failed(r, op, rc);
}

/* ---- output ---- */

static inline void flush(pb_run_t *r, const uint8_t *upto) {
    if (r->out != NULL && upto != r->copied) {
        buf_put_short(r->out, r->copied, (size_t)(upto - r->copied));
    }
    r->copied = upto;
}

/* Takes back what was appended since len. It may be plaintext: the buffer remembers that it was there. */
static void take_back(buf_t *out, size_t len) {
    out->high = out->len > out->high ? out->len : out->high;
    out->len = len;
}

schloss_rc pb_run_value(pb_run_t *r, const pb_op_t *op, const uint8_t *tag, size_t n_tag, bytes_t value,
                        bool may_drop) {
    size_t before = r->out->len;
    buf_put_short(r->out, tag, n_tag);
    size_t body = r->out->len;
    schloss_rc rc =
        value_transform(r->crypt, op->field->full_name, value, op->code == PB_OP_STRING, HEAD_VARINT, r->out, r->err);
    if (rc != SCHLOSS_OK) {
        return value_failed(r, op, rc);
    }
    if (may_drop && r->out->len == body + 1) {
        take_back(r->out, before);
    }
    return SCHLOSS_OK;
}

size_t pb_run_open(pb_run_t *r, size_t n_in) {
    size_t mark = r->out->len;
    if (buf_reserve(r->out, 10)) {
        r->out->len += wire_varint_size(n_in + n_in / 2 + 64); /* a guess */
    }
    return mark;
}

void pb_run_close(pb_run_t *r, size_t mark, size_t n_in) {
    buf_t *out = r->out;
    size_t guess = wire_varint_size(n_in + n_in / 2 + 64);
    if (out->failed || out->len < mark + guess) {
        return;
    }
    size_t n = out->len - mark - guess, size = wire_varint_size(n);
    if (size != guess) {
        if (size > guess && !buf_reserve(out, size - guess)) {
            return;
        }
        memmove(out->ptr + mark + size, out->ptr + mark + guess, n);
        take_back(out, mark + size + n);
    }
    (void)uvarlong_write(out->ptr + mark, n);
}

/* ---- input ---- */

const uint8_t *pb_run_varint(const uint8_t *p, const uint8_t *end, uint64_t *v) {
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        uint8_t b = *p++;
        out |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *v = out;
            return p;
        }
    }
    return NULL;
}

/* The end of a varint without its value; NULL when malformed. */
static inline const uint8_t *varint_end(const uint8_t *p, const uint8_t *end) {
    const uint8_t *stop = end - p > 10 ? p + 10 : end;
    while (p < stop) {
        if (*p++ < 0x80) {
            return p;
        }
    }
    return NULL;
}

const uint8_t *pb_run_group(const uint8_t *p, const uint8_t *end, uint32_t number, unsigned depth,
                            const uint8_t **content_end) {
    while (p != NULL && depth < LIMIT_RECORD_DEPTH) {
        uint64_t tag = 0;
        *content_end = p;
        p = pb_run_varint(p, end, &tag);
        if (p == NULL || tag > UINT32_MAX || tag < 8) {
            return NULL;
        }
        if ((tag & 7) == WIRE_END) {
            return tag >> 3 == number ? p : NULL;
        }
        p = pb_run_skip(p, end, (uint32_t)tag, depth + 1);
    }
    return NULL;
}

const uint8_t *pb_run_skip(const uint8_t *p, const uint8_t *end, uint32_t tag, unsigned depth) {
    uint64_t v = 0;
    const uint8_t *content_end = NULL;
    switch ((wire_type_t)(tag & 7)) {
    case WIRE_VARINT:
        return varint_end(p, end);
    case WIRE_FIX64:
        return end - p >= 8 ? p + 8 : NULL;
    case WIRE_FIX32:
        return end - p >= 4 ? p + 4 : NULL;
    case WIRE_LEN:
        p = pb_run_varint(p, end, &v);
        return p != NULL && v <= (size_t)(end - p) ? p + v : NULL;
    case WIRE_GROUP:
        return pb_run_group(p, end, tag >> 3, depth, &content_end);
    case WIRE_END:
        return NULL;
    }
    return NULL;
}

const pb_op_t *pb_block_op(const pb_block_t *b, uint32_t tag) {
    if (tag < b->n_table) {
        return b->table[tag] == 0 ? NULL : &b->ops[b->table[tag] - 1];
    }
    size_t lo = 0, hi = b->n_ops;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->ops[mid].tag < tag) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < b->n_ops && b->ops[lo].tag == tag ? &b->ops[lo] : NULL;
}

/* ---- messages ---- */

schloss_rc pb_run_absent(pb_run_t *r, const pb_block_t *b, uint32_t single) {
    const pb_single_t *s = &b->singles[single];
    const pb_op_t *op = &b->ops[s->op];
    uint8_t tag[10];
    size_t n_tag = uvarlong_write(tag, op->tag);
    switch (op->code) {
    case PB_OP_STRING:
    case PB_OP_BYTES:
        return pb_run_value(r, op, tag, n_tag, bytes("", 0), !s->keep);
    case PB_OP_CALL: { /* value of a map entry: an empty message, whose fields have defaults as well */
        static const uint8_t none[1] = {0};
        const uint8_t *copied = r->copied;
        buf_put(r->out, tag, n_tag);
        size_t mark = pb_run_open(r, 0);
        r->copied = none;
        TRY(pb_run_message(r, &r->p->blocks[op->block], none, none, 0));
        pb_run_close(r, mark, 0);
        r->copied = copied;
        return SCHLOSS_OK;
    }
    case PB_OP_REJECT:
        return pb_run_reject(r, op);
    case PB_OP_VARINT:
    case PB_OP_FIX32:
    case PB_OP_FIX64:
    case PB_OP_LEN:
    case PB_OP_PACKED:
    case PB_OP_GROUP:
        break;
    }
    return SCHLOSS_OK;
}

static schloss_rc walk_again(pb_run_t *r) {
    r->again = true;
    return SCHLOSS_E_DATA_MISMATCH; /* seen by plan_protobuf_run() only */
}

/* Adds what is absent among the singles from *next on with numbers below number; the record goes on at tag. */
static __attribute__((noinline)) schloss_rc add_absent(pb_run_t *r, const pb_block_t *b, uint32_t *next,
                                                       uint32_t number, const uint8_t *tag) {
    flush(r, tag);
    for (; *next < b->n_singles && b->singles[*next].number < number; ++*next) {
        if (b->singles[*next].always) {
            schloss_rc rc = pb_run_absent(r, b, *next);
            if (rc != SCHLOSS_OK) { /* reading: it may still come, further behind */
                return rc < 0 && rc != SCHLOSS_E_NO_MEMORY && rc != SCHLOSS_E_LIMIT_EXCEEDED ? walk_again(r) : rc;
            }
        }
    }
    return SCHLOSS_OK;
}

schloss_rc pb_run_packed(pb_run_t *r, const pb_op_t *op, const uint8_t *p, size_t n) {
    wire_type_t wire = pb_type_wire(op->field->type);
    bool ok = wire == WIRE_FIX64 ? n % 8 == 0 : wire == WIRE_FIX32 ? n % 4 == 0 : wire_varints_valid(bytes(p, n));
    return ok ? SCHLOSS_OK : pb_run_mismatch(r, p, op->field, "packed numbers are malformed");
}

/* A message behind a length, its content in [p, end). */
static schloss_rc run_inner(pb_run_t *r, const pb_op_t *op, const uint8_t *p, const uint8_t *end,
                            const uint8_t *after_tag) {
    const pb_block_t *inner = &r->p->blocks[op->block];
    if (!op->touched || r->out == NULL) {
        return pb_run_message(r, inner, p, end, 0);
    }
    flush(r, after_tag);
    r->copied = p;
    size_t mark = pb_run_open(r, (size_t)(end - p));
    TRY(pb_run_message(r, inner, p, end, 0));
    flush(r, end);
    pb_run_close(r, mark, (size_t)(end - p));
    return SCHLOSS_OK;
}

static __attribute__((noinline)) schloss_rc run_unknown(pb_run_t *r, const pb_block_t *b, const uint8_t **p,
                                                        const uint8_t *end, const uint8_t *tag_at, uint32_t tag) {
    const pb_field_t *f = pb_field_by_number(b->message, tag >> 3);
    if (f != NULL) {
        return pb_run_mismatch(r, tag_at, f, "the wire type is not that of the field");
    }
    *p = pb_run_skip(*p, end, tag, r->depth);
    return *p == NULL ? pb_run_mismatch(r, tag_at, NULL, "an unknown field is malformed") : SCHLOSS_OK;
}

#define REFUSE(text)                                                                                                   \
    do {                                                                                                               \
        what = (text);                                                                                                 \
        goto bad;                                                                                                      \
    } while (0)
#define READ_LEN(n)                                                                                                    \
    do {                                                                                                               \
        if (__builtin_expect(p < end && *p < 0x80, 1)) {                                                               \
            (n) = *p++;                                                                                                \
        } else {                                                                                                       \
            const uint8_t *q_ = pb_run_varint(p, end, &(n));                                                           \
            if (q_ == NULL) {                                                                                          \
                REFUSE("a length is malformed");                                                                       \
            }                                                                                                          \
            p = q_;                                                                                                    \
        }                                                                                                              \
        if ((n) > (uint64_t)(end - p)) {                                                                               \
            REFUSE("a length exceeds what is left");                                                                   \
        }                                                                                                              \
    } while (0)

/* The content of one message; r->at is where it ended. group: the field number whose end tag closes it, 0 for a message
 * that ends at end. */
schloss_rc pb_run_message(pb_run_t *r, const pb_block_t *b, const uint8_t *p, const uint8_t *end, uint32_t group) {
    if (++r->depth > LIMIT_RECORD_DEPTH) {
        return pb_run_too_deep(r);
    }
    const uint8_t *tag_at = p;
    const pb_field_t *field = NULL;
    const char *what = NULL;
    uint32_t next = 0, due = b->first_due; /* next: first single that has not been seen; due: see pb_single_t */
    uint64_t n = 0;
    while (p < end) {
        uint32_t tag;
        tag_at = p;
        if (__builtin_expect(*p < 0x80, 1)) {
            tag = *p++;
        } else {
            p = pb_run_varint(p, end, &n);
            if (p == NULL || n > UINT32_MAX) {
                REFUSE("a tag is malformed");
            }
            tag = (uint32_t)n;
        }
        if (__builtin_expect(tag < 8, 0)) {
            REFUSE("a field has the number 0");
        }
        if ((tag & 7) == WIRE_END) {
            if (tag >> 3 != group) {
                REFUSE("a group ends that has not begun");
            }
            goto done;
        }
        if (tag >> 3 > due) {
            TRY(add_absent(r, b, &next, tag >> 3, tag_at));
            due = b->singles[next].due;
        }
        const pb_op_t *op = pb_block_op(b, tag);
        if (__builtin_expect(op == NULL, 0)) {
            TRY(run_unknown(r, b, &p, end, tag_at, tag));
            continue;
        }
        field = op->field;
        if (op->single != PB_NO_SINGLE) {
            if (op->single < next) {
                return walk_again(r);
            }
            next = op->single + 1;
            due = b->singles[next].due;
        }
        switch (op->code) {
        case PB_OP_VARINT:
            p = varint_end(p, end);
            if (p == NULL) {
                REFUSE("a number is malformed");
            }
            break;
        case PB_OP_FIX32:
            if (end - p < 4) {
                REFUSE("the record ends inside a value");
            }
            p += 4;
            break;
        case PB_OP_FIX64:
            if (end - p < 8) {
                REFUSE("the record ends inside a value");
            }
            p += 8;
            break;
        case PB_OP_LEN:
            READ_LEN(n);
            p += n;
            break;
        case PB_OP_PACKED:
            READ_LEN(n);
            TRY(pb_run_packed(r, op, p, (size_t)n));
            p += n;
            break;
        case PB_OP_STRING:
        case PB_OP_BYTES: {
            const uint8_t *after_tag = p;
            READ_LEN(n);
            bool may_drop = op->single != PB_NO_SINGLE && b->singles[op->single].always && !b->singles[op->single].keep;
            flush(r, tag_at);
            TRY(pb_run_value(r, op, tag_at, (size_t)(after_tag - tag_at), bytes(p, (size_t)n), may_drop));
            p += n;
            r->copied = p;
            break;
        }
        case PB_OP_CALL: {
            const uint8_t *after_tag = p;
            READ_LEN(n);
            TRY(run_inner(r, op, p, p + n, after_tag));
            p += n;
            break;
        }
        case PB_OP_GROUP:
            TRY(pb_run_message(r, &r->p->blocks[op->block], p, end, tag >> 3));
            p = r->at;
            break;
        case PB_OP_REJECT:
            return pb_run_reject(r, op);
        }
    }
    if (group != 0) {
        REFUSE("a group does not end");
    }
    tag_at = end;
done:
    if (due != UINT32_MAX) {
        TRY(add_absent(r, b, &next, UINT32_MAX, tag_at));
    }
    r->at = p;
    r->depth--;
    return SCHLOSS_OK;
bad:
    return pb_run_mismatch(r, tag_at, field, what);
}

schloss_rc plan_protobuf_run(const plan_t *plan, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err) {
    static const uint8_t nothing[1] = {0};
    const pb_plan_t *p = (const pb_plan_t *)plan;
    if (in.len == 0) {
        in = bytes(nothing, 0);
    }
    pb_run_t r = {.p = p, .start = in.ptr, .copied = in.ptr, .out = out, .crypt = crypt, .err = err};
    ENSURE(!p->blocks[p->root].touched || (out != NULL && crypt != NULL), err, DATA_MISMATCH,
           "a plan that touches fields was run without an output");
    size_t before = out == NULL ? 0 : out->len;
    uint64_t n_values = crypt == NULL ? 0 : crypt->n_values;
    schloss_rc rc = pb_run_message(&r, &p->blocks[p->root], in.ptr, in.ptr + in.len, 0);
    if (__builtin_expect(r.again, 0)) {
        take_back(out, before);
        crypt->n_values = n_values;
        crypt->field = NULL;
        schloss_error_clear(err);
        r = (pb_run_t){.p = p, .start = in.ptr, .copied = in.ptr, .out = out, .crypt = crypt, .err = err};
        return pb_run_carefully(&r, in);
    }
    TRY(rc);
    if (out != NULL) {
        flush(&r, in.ptr + in.len);
        return buf_check(out, err);
    }
    return SCHLOSS_OK;
}
