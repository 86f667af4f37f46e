/* Every scalar of a record with its field, in the order of the bytes. Keys of maps are left out: no rule can touch
 * them. */
#include "base/limits.h"
#include "codec/protobuf/model.h"

typedef struct leaves {
    bool (*each)(void *user, const pb_leaf_t *leaf);
    void *user;
    bool stop;
    schloss_error_t *err;
} leaves_t;

static void give(leaves_t *l, const pb_field_t *f, bytes_t value) {
    pb_leaf_t leaf = {.full_name = f->full_name,
                      .type = pb_type_name(f->type),
                      .is_string = f->type == PB_STRING,
                      .is_bytes = f->type == PB_BYTES,
                      .tags = f->tags,
                      .n_tags = f->n_tags,
                      .value = value};
    l->stop = l->stop || !l->each(l->user, &leaf);
}

static bool give_packed(leaves_t *l, const pb_field_t *f, bytes_t run) {
    wire_type_t wire = pb_type_wire(f->type);
    cur_t c = cur_of(run);
    while (!l->stop && c.p != c.end) {
        const uint8_t *p = c.p;
        if (wire == WIRE_VARINT) {
            (void)wire_varint(&c);
        } else {
            (void)cur_take(&c, wire == WIRE_FIX64 ? 8 : 4);
        }
        if (c.failed) {
            return false;
        }
        give(l, f, bytes(p, (size_t)(c.p - p)));
    }
    return true;
}

static schloss_rc walk(leaves_t *l, const pb_message_t *m, bytes_t record, unsigned depth) {
    ENSURE(depth < LIMIT_RECORD_DEPTH, l->err, LIMIT_EXCEEDED,
           "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)", LIMIT_RECORD_DEPTH);
    cur_t c = cur_of(record);
    wire_field_t w;
    while (!l->stop && wire_next(&c, &w)) {
        const pb_field_t *f = pb_field_by_number(m, w.number);
        if (f == NULL || (m->map_entry && f->number == 1)) {
            continue;
        }
        bool packed = f->repeated && pb_type_packs(f->type) && w.type == WIRE_LEN;
        schloss_rc rc = SCHLOSS_OK;
        if (!packed && w.type != pb_type_wire(f->type)) {
            rc = FAIL(l->err, DATA_MISMATCH, "the wire type is not that of the field");
        } else if (f->message != NULL) {
            rc = walk(l, f->message, w.data, depth + 1);
        } else if (!packed) {
            give(l, f, w.data);
        } else if (!give_packed(l, f, w.data)) {
            rc = FAIL(l->err, DATA_MISMATCH, "packed numbers are malformed");
        }
        if (rc != SCHLOSS_OK) {
            err_field(l->err, f->full_name);
            return rc;
        }
    }
    ENSURE(!c.failed, l->err, DATA_MISMATCH, "the record does not fit its schema: %s is malformed at byte %zu", m->name,
           (size_t)(c.p - record.ptr));
    return SCHLOSS_OK;
}

schloss_rc pb_each_leaf(const pb_message_t *m, bytes_t record, bool (*each)(void *user, const pb_leaf_t *leaf),
                        void *user, schloss_error_t *err) {
    leaves_t l = {.each = each, .user = user, .err = err};
    return walk(&l, m, record, 0);
}
