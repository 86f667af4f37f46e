/* Wire bytes -> ProtoJSON. The fields of a message are gathered and put in order by number; of a singular field the
 * last occurrence counts, several occurrences of a message are one, the last member of a oneof wins, of equal keys the
 * last. Fields that the schema does not know are left out. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include "codec/protobuf/json.h"
#include "codec/protobuf/json_out.h"
#include <stdlib.h>

typedef struct found {
    const pb_field_t *field;
    size_t order;
    bytes_t data; /* content, or the bytes of a number */
    bool packed;
} found_t;

schloss_rc pb_json_unfit(pb_json_out_t *j, const pb_field_t *f, const char *what) {
    schloss_rc rc = FAIL(j->err, DATA_MISMATCH, "%s: %s", f == NULL ? "the message" : f->full_name, what);
    err_field(j->err, f == NULL ? NULL : f->full_name);
    return rc;
}

/* ---- scalars ---- */

static uint64_t fixed(bytes_t b) {
    uint64_t v = 0;
    for (size_t i = b.len; i > 0; i--) {
        v = v << 8 | b.ptr[i - 1];
    }
    return v;
}

uint64_t pb_json_number(const pb_field_t *f, bytes_t data) {
    cur_t c = cur_of(data);
    uint64_t v = 0;
    if (pb_type_wire(f->type) != WIRE_VARINT) {
        return fixed(data);
    }
    v = data.len == 0 ? 0 : wire_varint(&c);
    switch (f->type) { /* as readers cut numbers that are longer than their type */
    case PB_INT32:
    case PB_ENUM:
        return (uint64_t)(int64_t)(int32_t)(uint32_t)v;
    case PB_UINT32:
        return (uint32_t)v;
    case PB_SINT32:
        return (uint64_t)(int64_t)(int32_t)wire_zigzag((uint32_t)v);
    case PB_SINT64:
        return (uint64_t)wire_zigzag(v);
    case PB_BOOL:
        return v != 0;
    case PB_DOUBLE:
    case PB_FLOAT:
    case PB_INT64:
    case PB_UINT64:
    case PB_FIXED64:
    case PB_FIXED32:
    case PB_STRING:
    case PB_GROUP:
    case PB_MESSAGE:
    case PB_BYTES:
    case PB_SFIXED32:
    case PB_SFIXED64:
        break;
    }
    return v;
}

static void put_enum(pb_json_out_t *j, const pb_field_t *f, int32_t n) {
    const pb_enum_t *e = f->enumeration;
    size_t lo = 0, hi = e->n_values;
    if (strcmp(e->name, "google.protobuf.NullValue") == 0) {
        buf_put_str(j->out, "null");
        return;
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->values[mid].number < n) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo < e->n_values && e->values[lo].number == n) {
        buf_printf(j->out, "\"%s\"", e->values[lo].name);
    } else {
        buf_printf(j->out, "%d", n);
    }
}

static void put_real(pb_json_out_t *j, double d, bool is_float) {
    if (__builtin_isnan(d)) {
        buf_put_str(j->out, "\"NaN\"");
    } else if (__builtin_isinf(d)) {
        buf_put_str(j->out, d < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    } else if (is_float) {
        json_put_float(j->out, (float)d);
    } else {
        json_put_double(j->out, d);
    }
}

static schloss_rc put_text(pb_json_out_t *j, const pb_field_t *f, bytes_t data) {
    if (data.len > 0 && !utf8_valid(data.ptr, data.len)) {
        return pb_json_unfit(j, f, "a string is not valid UTF-8");
    }
    json_put_string(j->out, data.len == 0 ? "" : (const char *)data.ptr, data.len);
    return SCHLOSS_OK;
}

static void put_base64(pb_json_out_t *j, bytes_t data) {
    buf_put_u8(j->out, '"');
    if (data.len > 0 && buf_reserve(j->out, B64_LEN(data.len))) {
        j->out->len += b64_encode(j->out->ptr + j->out->len, data.ptr, data.len);
    }
    buf_put_u8(j->out, '"');
}

schloss_rc pb_json_put(pb_json_out_t *j, const pb_field_t *f, bytes_t data) {
    uint64_t v = f->message == NULL && pb_type_wire(f->type) != WIRE_LEN ? pb_json_number(f, data) : 0;
    double d = 0;
    float x = 0;
    uint32_t bits = (uint32_t)v;
    switch (f->type) {
    case PB_STRING:
        return put_text(j, f, data);
    case PB_BYTES:
        put_base64(j, data);
        break;
    case PB_BOOL:
        buf_put_str(j->out, v != 0 ? "true" : "false");
        break;
    case PB_ENUM:
        put_enum(j, f, (int32_t)(int64_t)v);
        break;
    case PB_DOUBLE:
        memcpy(&d, &v, 8);
        put_real(j, d, false);
        break;
    case PB_FLOAT:
        memcpy(&x, &bits, 4);
        put_real(j, (double)x, true);
        break;
    case PB_INT32:
    case PB_SINT32:
    case PB_SFIXED32:
        buf_printf(j->out, "%d", (int)(int32_t)bits);
        break;
    case PB_UINT32:
    case PB_FIXED32:
        buf_printf(j->out, "%u", bits);
        break;
    case PB_INT64:
    case PB_SINT64:
    case PB_SFIXED64:
        buf_printf(j->out, "\"%lld\"", (long long)(int64_t)v);
        break;
    case PB_UINT64:
    case PB_FIXED64:
        buf_printf(j->out, "\"%llu\"", (unsigned long long)v);
        break;
    case PB_GROUP:
    case PB_MESSAGE:
        return pb_json_message(j, f->message, f, data);
    }
    return buf_check(j->out, j->err);
}

static bool is_default(const pb_field_t *f, bytes_t data) {
    return f->type == PB_STRING || f->type == PB_BYTES ? data.len == 0 : pb_json_number(f, data) == 0;
}

/* ---- gathering ---- */

typedef struct list {
    found_t *items;
    size_t n, cap;
} list_t;

static schloss_rc add(pb_json_out_t *j, list_t *l, found_t item) {
    if (l->n == l->cap) {
        size_t want = l->cap == 0 ? 16 : 2 * l->cap;
        found_t *grown = mem_realloc(l->items, want * sizeof(*grown));
        ENSURE(grown != NULL, j->err, NO_MEMORY, "out of memory");
        l->items = grown;
        l->cap = want;
    }
    item.order = l->n;
    l->items[l->n++] = item;
    return SCHLOSS_OK;
}

static schloss_rc gather(pb_json_out_t *j, const pb_message_t *m, bytes_t record, list_t *l) {
    cur_t c = cur_of(record);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        const pb_field_t *f = pb_field_by_number(m, w.number);
        if (f == NULL || f->extension) {
            continue;
        }
        bool packed = f->repeated && pb_type_packs(f->type) && w.type == WIRE_LEN;
        if (!packed && w.type != pb_type_wire(f->type)) {
            return pb_json_unfit(j, f, "the wire type is not that of the field");
        }
        TRY(add(j, l, (found_t){.field = f, .data = w.data, .packed = packed}));
    }
    ENSURE(!c.failed, j->err, DATA_MISMATCH, "the record does not fit its schema: %s is malformed", m->name);
    return SCHLOSS_OK;
}

/* Setting a member of a oneof clears what was set before; of equal members the last run stays, and is one. */
static schloss_rc settle_oneofs(pb_json_out_t *j, const pb_message_t *m, list_t *l) {
    typedef struct run {
        const pb_field_t *member;
        bool over;
    } run_t;
    if (m->n_oneofs == 0) {
        return SCHLOSS_OK;
    }
    run_t *runs = mem_calloc(m->n_oneofs, sizeof(*runs));
    ENSURE(runs != NULL, j->err, NO_MEMORY, "out of memory");
    for (size_t i = l->n; i > 0; i--) {
        found_t *item = &l->items[i - 1];
        if (item->field->oneof < 0) {
            continue;
        }
        run_t *run = &runs[item->field->oneof];
        run->member = run->member == NULL ? item->field : run->member;
        run->over = run->over || run->member != item->field;
        item->field = run->over ? NULL : item->field;
    }
    mem_free(runs);
    return SCHLOSS_OK;
}

static int by_number(const void *a, const void *b) {
    const found_t *x = a, *y = b;
    if (x->field->number != y->field->number) {
        return x->field->number < y->field->number ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

/* ---- fields ---- */

static schloss_rc put_packed(pb_json_out_t *j, const pb_field_t *f, bytes_t run, bool *first) {
    wire_type_t wire = pb_type_wire(f->type);
    cur_t c = cur_of(run);
    while (c.p != c.end) {
        const uint8_t *p = c.p;
        if (wire == WIRE_VARINT) {
            (void)wire_varint(&c);
        } else {
            (void)cur_take(&c, wire == WIRE_FIX64 ? 8 : 4);
        }
        if (c.failed) {
            return pb_json_unfit(j, f, "packed numbers are malformed");
        }
        if (!*first) {
            buf_put_u8(j->out, ',');
        }
        *first = false;
        TRY(pb_json_put(j, f, bytes(p, (size_t)(c.p - p))));
    }
    return SCHLOSS_OK;
}

static schloss_rc put_list(pb_json_out_t *j, const found_t *items, size_t n) {
    bool first = true;
    buf_put_u8(j->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (items[i].packed) {
            TRY(put_packed(j, items[i].field, items[i].data, &first));
            continue;
        }
        if (!first) {
            buf_put_u8(j->out, ',');
        }
        first = false;
        TRY(pb_json_put(j, items[i].field, items[i].data));
    }
    buf_put_u8(j->out, ']');
    return buf_check(j->out, j->err);
}

/* Key as JSON text, value as its bytes; several pieces of a message are one. */
static schloss_rc read_entry(pb_json_out_t *j, const pb_field_t *f, bytes_t entry, buf_t *key, buf_t *value) {
    const pb_field_t *k = &f->message->fields[0], *v = &f->message->fields[1];
    bytes_t key_data = bytes(NULL, 0);
    cur_t c = cur_of(entry);
    wire_field_t w;
    buf_t *out = j->out;
    buf_reset(value);
    while (wire_next(&c, &w)) {
        const pb_field_t *g = w.number == 1 ? k : w.number == 2 ? v : NULL;
        if (g != NULL && w.type != pb_type_wire(g->type)) {
            return pb_json_unfit(j, g, "the wire type is not that of the field");
        }
        if (g == k) {
            key_data = w.data;
        } else if (g == v) {
            if (v->message == NULL) {
                buf_reset(value);
            }
            buf_put(value, w.data.ptr, w.data.len);
        }
    }
    if (c.failed) {
        return pb_json_unfit(j, f, "an entry is malformed");
    }
    TRY(buf_check(value, j->err));
    buf_reset(key);
    j->out = key;
    schloss_rc rc = pb_json_put(j, k, key_data);
    j->out = out;
    TRY(rc);
    if (key->len > 0 && key->ptr[0] != '"') {
        size_t n = key->len;
        if (buf_reserve(key, 2)) {
            memmove(key->ptr + 1, key->ptr, n);
            key->ptr[0] = '"';
            key->ptr[n + 1] = '"';
            key->len += 2;
        }
    }
    return buf_check(key, j->err);
}

static schloss_rc put_entries(pb_json_out_t *j, const pb_field_t *f, found_t *items, size_t n, map_t *last, buf_t *key,
                              buf_t *value) {
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        TRY(read_entry(j, f, items[i].data, key, value));
        ENSURE(map_put(last, buf_view(key), &items[i]), j->err, NO_MEMORY, "out of memory");
    }
    buf_put_u8(j->out, '{');
    for (size_t i = 0; i < n; i++) {
        TRY(read_entry(j, f, items[i].data, key, value));
        if (map_get(last, buf_view(key)) != &items[i]) {
            continue;
        }
        if (!first) {
            buf_put_u8(j->out, ',');
        }
        first = false;
        buf_put(j->out, key->ptr, key->len);
        buf_put_u8(j->out, ':');
        TRY(pb_json_put(j, &f->message->fields[1], buf_view(value)));
    }
    buf_put_u8(j->out, '}');
    return buf_check(j->out, j->err);
}

static schloss_rc put_map(pb_json_out_t *j, const pb_field_t *f, found_t *items, size_t n) {
    map_t *last = map_new(NULL);
    buf_t key, value;
    buf_init(&key, LIMIT_JSON_BYTES, "LIMIT_JSON_BYTES", true);
    buf_init(&value, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    schloss_rc rc = last == NULL ? NO_MEMORY(j->err) : put_entries(j, f, items, n, last, &key, &value);
    map_free(last);
    buf_clear(&key);
    buf_clear(&value);
    return rc;
}

static schloss_rc put_single(pb_json_out_t *j, const found_t *items, size_t n) {
    const pb_field_t *f = items->field;
    if (f->message == NULL || n == 1) {
        return pb_json_put(j, f, items[n - 1].data);
    }
    buf_t whole;
    buf_init(&whole, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    for (size_t i = 0; i < n; i++) {
        buf_put(&whole, items[i].data.ptr, items[i].data.len);
    }
    schloss_rc rc = buf_check(&whole, j->err);
    if (rc == SCHLOSS_OK) {
        rc = pb_json_put(j, f, buf_view(&whole));
    }
    buf_clear(&whole);
    return rc;
}

static schloss_rc put_fields(pb_json_out_t *j, list_t *l, bool first) {
    for (size_t i = 0, n = 0; i < l->n; i += n) {
        const pb_field_t *f = l->items[i].field;
        for (n = 1; i + n < l->n && l->items[i + n].field == f; n++) {
        }
        if (!f->repeated && !f->presence && is_default(f, l->items[i + n - 1].data)) {
            continue;
        }
        if (!first) {
            buf_put_u8(j->out, ',');
        }
        first = false;
        json_put_string(j->out, f->json_name, strlen(f->json_name));
        buf_put_u8(j->out, ':');
        TRY(f->is_map     ? put_map(j, f, l->items + i, n)
            : f->repeated ? put_list(j, l->items + i, n)
                          : put_single(j, l->items + i, n));
    }
    return buf_check(j->out, j->err);
}

schloss_rc pb_json_fields(pb_json_out_t *j, const pb_message_t *m, bytes_t record, bool first) {
    list_t l = {.items = NULL};
    schloss_rc rc = gather(j, m, record, &l);
    if (rc == SCHLOSS_OK) {
        rc = settle_oneofs(j, m, &l);
    }
    if (rc == SCHLOSS_OK) {
        size_t kept = 0;
        for (size_t i = 0; i < l.n; i++) {
            if (l.items[i].field != NULL) {
                l.items[kept++] = l.items[i];
            }
        }
        l.n = kept;
        if (kept > 1) {
            qsort(l.items, kept, sizeof(*l.items), by_number);
        }
        rc = put_fields(j, &l, first);
    }
    mem_free(l.items);
    return rc;
}

schloss_rc pb_to_json(const pb_message_t *m, bytes_t record, buf_t *out, schloss_error_t *err) {
    pb_json_out_t j = {.out = out, .err = err};
    TRY(pb_json_message(&j, m, NULL, record));
    return buf_check(out, err);
}
