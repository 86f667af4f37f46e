/* The walker: one recursion per record, array or map; primitives are skipped in the loop of what holds them.
 *
 * Every step is paid for by a byte of data or, where a value has none (null, fixed of size 0, empty record), by one of
 * items_left: neither a count of 2^60 nulls nor a schema that fans out over empty records can spin. */
#include "codec/avro/walk.h"
#include "base/limits.h"

void avro_walk_init(avro_walk_t *w, bytes_t data) {
    w->cur = cur_of(data);
    w->start = w->cur.p;
    w->depth = 0;
    w->max_depth = LIMIT_RECORD_DEPTH;
    w->items_left = LIMIT_RECORD_ITEMS;
}

static __attribute__((cold, noinline)) schloss_rc mismatch(const avro_walk_t *w, const avro_type_t *t, const char *what,
                                                           schloss_error_t *err) {
    size_t at = w->start == NULL ? 0 : (size_t)(w->cur.p - w->start);
    if (t->name != NULL) {
        return FAIL(err, DATA_MISMATCH, "%s \"%s\" at byte %zu: %s", avro_kind_name(t->kind), t->name, at, what);
    }
    return FAIL(err, DATA_MISMATCH, "%s at byte %zu: %s", avro_kind_name(t->kind), at, what);
}

static __attribute__((cold, noinline)) schloss_rc too_many(const avro_walk_t *w, schloss_error_t *err) {
    (void)w;
    return FAIL(err, LIMIT_EXCEEDED, "the record has more than %llu items that take no bytes",
                (unsigned long long)LIMIT_RECORD_ITEMS);
}

static const char *const truncated = "the data ends within it, or its length is no length";

/* A length and that many bytes. */
static inline bool skip_run(cur_t *c) {
    int64_t n = cur_varlong(c);
    if (c->failed || n < 0 || (uint64_t)n > cur_left(c)) {
        return false;
    }
    c->p += n;
    return true;
}

static inline bool pay(avro_walk_t *w, uint64_t n) {
    if (n > w->items_left) {
        return false;
    }
    w->items_left -= n;
    return true;
}

static inline bool skip_bytes(cur_t *c, size_t n) {
    if (n > cur_left(c)) {
        return false;
    }
    c->p += n;
    return true;
}

static schloss_rc skip_record(avro_walk_t *w, const avro_type_t *t, schloss_error_t *err);
static schloss_rc skip_blocks(avro_walk_t *w, const avro_type_t *t, schloss_error_t *err);

static inline schloss_rc enter(avro_walk_t *w, schloss_error_t *err) {
    if (w->depth >= w->max_depth) {
        return FAIL(err, LIMIT_EXCEEDED, "the record is nested deeper than %u levels", w->max_depth);
    }
    w->depth++;
    return SCHLOSS_OK;
}

static inline __attribute__((always_inline)) schloss_rc skip_one(avro_walk_t *w, const avro_type_t *t,
                                                                 schloss_error_t *err) {
    cur_t *c = &w->cur;
    for (;;) {
        int64_t v;
        switch (t->kind) {
        case AVRO_STRING:
        case AVRO_BYTES:
            return skip_run(c) ? SCHLOSS_OK : mismatch(w, t, truncated, err);
        case AVRO_UNION:
            v = cur_varlong(c);
            if (c->failed || v < 0 || (uint64_t)v >= t->n_branches) {
                return mismatch(w, t, "no such branch, or the data ends", err);
            }
            t = t->branches[v];
            continue; /* a branch is no union */
        case AVRO_LONG:
            (void)cur_varlong(c);
            return c->failed ? mismatch(w, t, "the data ends, or more than 64 bits", err) : SCHLOSS_OK;
        case AVRO_INT:
            v = cur_varlong(c);
            return c->failed || v < INT32_MIN || v > INT32_MAX
                       ? mismatch(w, t, "the data ends, or more than 32 bits", err)
                       : SCHLOSS_OK;
        case AVRO_ENUM:
            v = cur_varlong(c);
            return c->failed || v < 0 || (uint64_t)v >= t->n_symbols
                       ? mismatch(w, t, "no such symbol, or the data ends", err)
                       : SCHLOSS_OK;
        case AVRO_FLOAT:
            return skip_bytes(c, 4) ? SCHLOSS_OK : mismatch(w, t, "the data ends", err);
        case AVRO_DOUBLE:
            return skip_bytes(c, 8) ? SCHLOSS_OK : mismatch(w, t, "the data ends", err);
        case AVRO_FIXED:
            if (t->size == 0 && !pay(w, 1)) {
                return too_many(w, err);
            }
            return skip_bytes(c, t->size) ? SCHLOSS_OK : mismatch(w, t, "the data ends", err);
        case AVRO_BOOLEAN:
            if (cur_left(c) == 0 || *c->p > 1) {
                return mismatch(w, t, "neither 0 nor 1", err);
            }
            c->p++;
            return SCHLOSS_OK;
        case AVRO_NULL:
            return pay(w, 1) ? SCHLOSS_OK : too_many(w, err);
        case AVRO_RECORD:
            return skip_record(w, t, err);
        case AVRO_ARRAY:
        case AVRO_MAP:
            return skip_blocks(w, t, err);
        }
        return mismatch(w, t, "unknown kind of type", err);
    }
}

static schloss_rc skip_record(avro_walk_t *w, const avro_type_t *t, schloss_error_t *err) {
    TRY(enter(w, err));
    if (t->n_fields == 0 && !pay(w, 1)) {
        return too_many(w, err);
    }
    const avro_field_t *f = t->fields, *end = f + t->n_fields;
    for (; f < end; f++) {
        schloss_rc rc = skip_one(w, f->type, err);
        if (__builtin_expect(rc != SCHLOSS_OK, 0)) {
            err_field(err, f->full_name);
            return rc;
        }
    }
    w->depth--;
    return SCHLOSS_OK;
}

/* n items of one block. An item that took no byte is of a type whose values never do: what it cost is paid for the
 * others at once. */
static schloss_rc skip_items(avro_walk_t *w, const avro_type_t *t, uint64_t n, schloss_error_t *err) {
    const avro_type_t *item = t->items;
    bool is_map = t->kind == AVRO_MAP;
    const uint8_t *before = w->cur.p;
    uint64_t credit = w->items_left;
    for (uint64_t left = n; left > 0; left--) {
        if (is_map && !skip_run(&w->cur)) {
            return mismatch(w, t, "a key ends after the data", err);
        }
        TRY(skip_one(w, item, err));
        if (w->cur.p == before) {
            uint64_t price = credit - w->items_left;
            price = price == 0 ? 1 : price;
            return left - 1 <= w->items_left / price && pay(w, (left - 1) * price) ? SCHLOSS_OK : too_many(w, err);
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc skip_blocks(avro_walk_t *w, const avro_type_t *t, schloss_error_t *err) {
    TRY(enter(w, err));
    for (;;) {
        int64_t n = cur_varlong(&w->cur);
        if (w->cur.failed) {
            return mismatch(w, t, "the data ends within the count of a block", err);
        }
        if (n == 0) {
            break;
        }
        if (n > 0) {
            TRY(skip_items(w, t, (uint64_t)n, err));
            continue;
        }
        int64_t size = cur_varlong(&w->cur);
        if (w->cur.failed || size < 0 || (uint64_t)size > cur_left(&w->cur)) {
            return mismatch(w, t, "the data ends within a block", err);
        }
        const uint8_t *stop = w->cur.p + size;
        TRY(skip_items(w, t, 0 - (uint64_t)n, err));
        if (w->cur.p != stop) {
            return mismatch(w, t, "the byte size of a block is not that of its items", err);
        }
    }
    w->depth--;
    return SCHLOSS_OK;
}

schloss_rc avro_skip(avro_walk_t *w, const avro_type_t *type, schloss_error_t *err) {
    return skip_one(w, type, err);
}

schloss_rc avro_check(bytes_t data, const avro_type_t *type, schloss_error_t *err) {
    avro_walk_t w;
    avro_walk_init(&w, data);
    TRY(skip_one(&w, type, err));
    size_t left = cur_left(&w.cur);
    ENSURE(left == 0, err, DATA_MISMATCH, "%zu bytes are left over after the value of type %s", left,
           type->name != NULL ? type->name : avro_kind_name(type->kind));
    return SCHLOSS_OK;
}
