/* Avro binary -> compact Avro JSON in one pass. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/avro/json.h"
#include "codec/avro/model.h"
#include "codec/avro/walk.h"
#include "codec/json/few.h"
#include "codec/json/scan.h"
#include <math.h>

typedef struct decoder {
    avro_walk_t w;
    buf_t *out;
    bool plain;
    schloss_error_t *err;
} decoder_t;

static schloss_rc decode(decoder_t *d, const avro_type_t *t);

static schloss_rc mismatch(const decoder_t *d, const avro_type_t *t, const char *what) {
    size_t at = d->w.start == NULL ? 0 : (size_t)(d->w.cur.p - d->w.start);
    return FAIL(d->err, DATA_MISMATCH, "%s at byte %zu: %s", avro_type_label(t), at, what);
}

static schloss_rc enter(decoder_t *d) {
    ENSURE(d->w.depth < d->w.max_depth, d->err, LIMIT_EXCEEDED, "the record is nested deeper than %u levels",
           d->w.max_depth);
    d->w.depth++;
    return SCHLOSS_OK;
}

static const char *const ends = "the data ends within it";

static const uint8_t *take_run(cur_t *c, size_t *n) {
    int64_t len = cur_varlong(c);
    if (c->failed || len < 0) {
        c->failed = true;
        return NULL;
    }
    *n = (size_t)len;
    return cur_take(c, *n);
}

/* Bytes as characters U+0000..U+00FF. */
static void put_bytes(buf_t *out, const uint8_t *p, size_t n) {
    static const char hex[] = "0123456789ABCDEF";
    static const char shorts[] = "btn?fr"; /* U+0008..U+000D */
    buf_put_u8(out, '"');
    for (size_t i = 0; i < n;) {
        size_t run = i;
        while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\') {
            i++;
        }
        buf_put(out, p + run, i - run);
        if (i == n) {
            break;
        }
        uint8_t c = p[i++];
        if (c >= 0x80) {
            buf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
            buf_put_u8(out, 0x80 | (c & 0x3f));
        } else if (c >= 0x20) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c >= 8 && c <= 13 && c != 11) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)shorts[c - 8]);
        } else {
            char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buf_put_few(out, esc, 6);
        }
    }
    buf_put_u8(out, '"');
}

static schloss_rc decode_text(decoder_t *d, const avro_type_t *t) {
    size_t n = t->size;
    const uint8_t *p = t->kind == AVRO_FIXED ? cur_take(&d->w.cur, n) : take_run(&d->w.cur, &n);
    if (d->w.cur.failed) {
        return mismatch(d, t, ends);
    }
    if (t->kind != AVRO_STRING) {
        put_bytes(d->out, p, n);
    } else if (n == 0) {
        buf_put_str(d->out, "\"\"");
    } else if (utf8_valid(p, n)) {
        json_put_string(d->out, (const char *)p, n);
    } else {
        return mismatch(d, t, "the text is not valid UTF-8");
    }
    return SCHLOSS_OK;
}

static schloss_rc decode_real(decoder_t *d, const avro_type_t *t) {
    size_t n = t->kind == AVRO_FLOAT ? 4 : 8;
    const uint8_t *p = cur_take(&d->w.cur, n);
    if (p == NULL) {
        return mismatch(d, t, ends);
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    double v;
    float f = 0;
    if (n == 4) {
        uint32_t small = (uint32_t)bits;
        memcpy(&f, &small, 4);
        v = (double)f;
    } else {
        memcpy(&v, &bits, 8);
    }
    bool quoted = !isfinite(v);
    if (quoted) {
        buf_put_u8(d->out, '"');
    }
    if (n == 4) {
        json_put_float(d->out, f);
    } else {
        json_put_double(d->out, v);
    }
    if (quoted) {
        buf_put_u8(d->out, '"');
    }
    return SCHLOSS_OK;
}

static void put_int(buf_t *out, int64_t v) {
    char text[20];
    size_t at = sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    if (v < 0) {
        buf_put_u8(out, '-');
    }
    buf_put_few(out, text + at, sizeof text - at);
}

static schloss_rc decode_record(decoder_t *d, const avro_type_t *t) {
    TRY(enter(d));
    buf_put_u8(d->out, '{');
    for (size_t i = 0; i < t->n_fields; i++) {
        const avro_field_t *f = &t->fields[i];
        if (i > 0) {
            buf_put_u8(d->out, ',');
        }
        json_put_string(d->out, f->name, strlen(f->name));
        buf_put_u8(d->out, ':');
        schloss_rc rc = decode(d, f->type);
        if (rc != SCHLOSS_OK) {
            err_field(d->err, f->full_name);
            return rc;
        }
    }
    buf_put_u8(d->out, '}');
    d->w.depth--;
    return SCHLOSS_OK;
}

static schloss_rc decode_block(decoder_t *d, const avro_type_t *t, uint64_t n, bool *first) {
    static const avro_type_t key_type = {.kind = AVRO_STRING};
    for (; n > 0; n--) {
        if (!*first) {
            buf_put_u8(d->out, ',');
        }
        *first = false;
        if (t->kind == AVRO_MAP) {
            TRY(decode_text(d, &key_type));
            buf_put_u8(d->out, ':');
        }
        TRY(decode(d, t->items));
    }
    return SCHLOSS_OK;
}

static schloss_rc decode_blocks(decoder_t *d, const avro_type_t *t) {
    cur_t *c = &d->w.cur;
    bool first = true;
    TRY(enter(d));
    buf_put_u8(d->out, t->kind == AVRO_MAP ? '{' : '[');
    for (;;) {
        int64_t n = cur_varlong(c);
        if (c->failed) {
            return mismatch(d, t, ends);
        }
        if (n == 0) {
            break;
        }
        if (n > 0) {
            TRY(decode_block(d, t, (uint64_t)n, &first));
            continue;
        }
        int64_t size = cur_varlong(c);
        if (c->failed || size < 0 || (uint64_t)size > cur_left(c)) {
            return mismatch(d, t, ends);
        }
        const uint8_t *stop = c->p + size;
        TRY(decode_block(d, t, 0 - (uint64_t)n, &first));
        if (c->p != stop) {
            return mismatch(d, t, "the byte size of a block is not that of its items");
        }
    }
    buf_put_u8(d->out, t->kind == AVRO_MAP ? '}' : ']');
    d->w.depth--;
    return SCHLOSS_OK;
}

static schloss_rc decode_union(decoder_t *d, const avro_type_t *t) {
    int64_t i = cur_varlong(&d->w.cur);
    if (d->w.cur.failed || i < 0 || (uint64_t)i >= t->n_branches) {
        return mismatch(d, t, "no such branch, or the data ends");
    }
    const avro_type_t *b = t->branches[i];
    if (d->plain || b->kind == AVRO_NULL) {
        return decode(d, b);
    }
    const char *label = avro_type_label(b);
    buf_put_u8(d->out, '{');
    json_put_string(d->out, label, strlen(label));
    buf_put_u8(d->out, ':');
    TRY(decode(d, b));
    buf_put_u8(d->out, '}');
    return SCHLOSS_OK;
}

static schloss_rc decode_integer(decoder_t *d, const avro_type_t *t) {
    int64_t v = cur_varlong(&d->w.cur);
    bool ok = !d->w.cur.failed;
    if (t->kind == AVRO_ENUM) {
        ok = ok && v >= 0 && (uint64_t)v < t->n_symbols;
    } else if (t->kind == AVRO_INT) {
        ok = ok && v >= INT32_MIN && v <= INT32_MAX;
    }
    if (!ok) {
        return mismatch(d, t, "out of range, or the data ends");
    }
    if (t->kind == AVRO_ENUM) {
        json_put_string(d->out, t->symbols[v], strlen(t->symbols[v]));
    } else {
        put_int(d->out, v);
    }
    return SCHLOSS_OK;
}

static schloss_rc decode_boolean(decoder_t *d, const avro_type_t *t) {
    const uint8_t *p = cur_take(&d->w.cur, 1);
    if (p == NULL || *p > 1) {
        return mismatch(d, t, "neither 0 nor 1, or the data ends");
    }
    buf_put_str(d->out, *p ? "true" : "false");
    return SCHLOSS_OK;
}

static schloss_rc decode(decoder_t *d, const avro_type_t *t) {
    if (d->out->failed) { /* also what ends a count of 2^60 nulls */
        return buf_check(d->out, d->err);
    }
    switch (t->kind) {
    case AVRO_NULL:
        buf_put_str(d->out, "null");
        return SCHLOSS_OK;
    case AVRO_BOOLEAN:
        return decode_boolean(d, t);
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM:
        return decode_integer(d, t);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return decode_real(d, t);
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_FIXED:
        return decode_text(d, t);
    case AVRO_RECORD:
        return decode_record(d, t);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return decode_blocks(d, t);
    case AVRO_UNION:
        return decode_union(d, t);
    }
    return mismatch(d, t, "unknown kind of type");
}

schloss_rc avro_to_json(const avro_type_t *type, bytes_t data, unsigned flags, buf_t *out, schloss_error_t *err) {
    decoder_t d = {.out = out, .plain = (flags & SCHLOSS_AVRO_JSON_PLAIN) != 0, .err = err};
    avro_walk_init(&d.w, data);
    TRY(decode(&d, type));
    size_t left = cur_left(&d.w.cur);
    ENSURE(left == 0, err, DATA_MISMATCH, "%zu bytes are left over after the value of type %s", left,
           avro_type_label(type));
    return buf_check(out, err);
}
