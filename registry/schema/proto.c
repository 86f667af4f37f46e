/* See proto.h: bounds and the C side around libprotobuf. */
#include "registry/schema/proto.h"
#include "base/text.h"

/* Depth of brackets outside of strings and comments: libprotobuf parses by recursion. Counts more rather than less; a
 * bracket of another kind closes nothing, as the parser goes on behind errors. */
static bool is_flat_enough(const char *p, size_t len) {
    unsigned braces = 0, others = 0;
    for (const char *end = p + len; p < end; p++) {
        if (*p == '"' || *p == '\'') {
            char quote = *p++;
            while (p < end && *p != quote && *p != '\n') {
                p += *p == '\\' && p + 1 < end && p[1] != '\n' ? 2 : 1; /* a line end ends it in any case */
            }
        } else if (*p == '/' && p + 1 < end && p[1] == '/') {
            while (p < end && *p != '\n') {
                p++;
            }
        } else if (*p == '/' && p + 1 < end && p[1] == '*') {
            for (p += 2; p + 1 < end && !(p[0] == '*' && p[1] == '/'); p++) {
            }
            p++;
        } else if (*p == '{') {
            braces++;
        } else if (*p == '}') {
            braces -= braces > 0;
        } else if (*p == '[' || *p == '(' || *p == '<') {
            others++;
        } else if (*p == ']' || *p == ')' || *p == '>') {
            others -= others > 0;
        }
        if (braces > LIMIT_PROTO_DEPTH || others > LIMIT_PROTO_DEPTH) {
            return false;
        }
    }
    return true;
}

static bool to_buf(void *user, const void *data, size_t len) {
    buf_t *b = user;
    buf_put(b, data, len);
    return b->failed == 0;
}

static schloss_rc answer(proto_rc rc, const buf_t *out, const char *why, schloss_error_t *err) {
    switch (rc) {
    case PROTO_OK:
        return SCHLOSS_OK;
    case PROTO_INVALID:
        return FAIL(err, SCHEMA_PARSE, "Could not parse Protobuf - %.300s", why);
    case PROTO_NO_MEMORY:
    default:
        return out->failed != 0 ? buf_check(out, err) : NO_MEMORY(err);
    }
}

/* Is it base64 of a descriptor? Source always has characters that base64 has not. */
static schloss_rc read_serialized(const char *text, size_t len, buf_t *wire, bool *done, schloss_error_t *err) {
    buf_t raw;
    size_t n;
    char why[400] = "";
    *done = false;
    buf_init(&raw, LIMIT_PROTO_BYTES * 2, "Protobuf descriptor", false);
    if (!buf_reserve(&raw, len / 4 * 3 + 3)) {
        return buf_check(&raw, err);
    }
    schloss_rc rc = SCHLOSS_OK;
    if (b64_decode(raw.ptr, &n, (const uint8_t *)text, len)) {
        proto_rc parsed = proto_parse_wire(raw.ptr, n, to_buf, wire, why, sizeof why);
        *done = parsed != PROTO_INVALID;
        rc = *done ? answer(parsed, wire, why, err) : SCHLOSS_OK;
    }
    buf_clear(&raw);
    return rc;
}

/* libprotobuf takes ever longer for each. */
static schloss_rc check_imports(bytes_t wire, schloss_error_t *err) {
    unsigned n = 0;
    proto_field_t f;
    PROTO_EACH(f, wire, 3) {
        n++;
    }
    ENSURE(n <= LIMIT_PROTO_IMPORTS, err, LIMIT_EXCEEDED, "a Protobuf schema has more than %u imports",
           LIMIT_PROTO_IMPORTS);
    return SCHLOSS_OK;
}

schloss_rc proto_read(const char *text, size_t len, buf_t *wire, schloss_error_t *err) {
    char why[400] = "";
    bool done;
    ENSURE(len <= LIMIT_PROTO_BYTES, err, LIMIT_EXCEEDED, "a Protobuf schema is longer than %zu bytes",
           LIMIT_PROTO_BYTES);
    TRY(read_serialized(text, len, wire, &done, err));
    if (done) {
        return check_imports(buf_view(wire), err);
    }
    ENSURE(is_flat_enough(text, len), err, LIMIT_EXCEEDED, "a Protobuf schema nests deeper than %u", LIMIT_PROTO_DEPTH);
    ENSURE(utf8_valid((const uint8_t *)text, len), err, SCHEMA_PARSE, "Could not parse Protobuf - not UTF-8");
    TRY(answer(proto_parse_text(text, len, to_buf, wire, why, sizeof why), wire, why, err));
    return check_imports(buf_view(wire), err);
}

schloss_rc proto_linked(bytes_t wire, const proto_file_t *files, size_t n_files, unsigned flags, buf_t *out,
                        schloss_error_t *err) {
    char why[400] = "";
    return answer(proto_link(wire.ptr, wire.len, files, n_files, flags, to_buf, out, why, sizeof why), out, why, err);
}

schloss_rc proto_text(bytes_t wire, buf_t *text, schloss_error_t *err) {
    buf_t again_wire, again_text;
    char why[400] = "";
    buf_init(&again_wire, LIMIT_PROTO_BYTES * 4, "Protobuf descriptor", false);
    buf_init(&again_text, text->max, "canonical schema", false);
    schloss_rc rc = proto_print(wire, false, text, err);
    if (rc == SCHLOSS_OK && text->len > LIMIT_PROTO_BYTES) { /* what is stored must be readable */
        rc = FAIL(err, LIMIT_EXCEEDED, "a Protobuf schema is longer than %zu bytes", LIMIT_PROTO_BYTES);
    }
    if (rc == SCHLOSS_OK && text->len == 0) {
        rc = FAIL(err, SCHEMA_PARSE, "Could not parse Protobuf - the descriptor is empty");
    }
    if (rc == SCHLOSS_OK && !(is_flat_enough((const char *)text->ptr, text->len) && utf8_valid(text->ptr, text->len) &&
                              memchr(text->ptr, 0, text->len) == NULL)) {
        rc = FAIL(err, SCHEMA_PARSE, "Could not parse Protobuf - a name is none, or it nests too deep");
    }
    if (rc == SCHLOSS_OK) {
        rc = answer(proto_parse_text((const char *)text->ptr, text->len, to_buf, &again_wire, why, sizeof why),
                    &again_wire, why, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = proto_print(buf_view(&again_wire), false, &again_text, err);
    }
    if (rc == SCHLOSS_OK && (again_text.len != text->len || memcmp(again_text.ptr, text->ptr, text->len) != 0)) {
        rc = FAIL(err, SCHEMA_PARSE, "Could not parse Protobuf - the descriptor has no .proto form");
    }
    buf_clear(&again_wire);
    buf_clear(&again_text);
    return rc;
}

/* ---- tags ---- */
typedef struct tagged {
    proto_tagged_fn each;
    void *user;
    buf_t path, names; /* names: NUL-terminated tags one after the other */
} tagged_t;

enum { MAX_TAGS = 64 };

static schloss_rc report(tagged_t *t, bytes_t options, const char *type, schloss_error_t *err) {
    const char *tags[MAX_TAGS];
    size_t n = 0;
    proto_field_t meta, tag;
    buf_reset(&t->names);
    cur_t o = cur_of(options);
    while (proto_next(&o, &meta)) {
        cur_t m = cur_of(meta.data);
        while (meta.number == OPTIONS_META && proto_next(&m, &tag)) {
            if (tag.number == META_TAGS && n < MAX_TAGS) {
                buf_put(&t->names, tag.data.ptr, tag.data.len);
                buf_put_u8(&t->names, 0);
                n++;
            }
        }
    }
    if (n == 0) {
        return SCHLOSS_OK;
    }
    const char *path = buf_cstr(&t->path);
    TRY(buf_check(&t->path, err));
    TRY(buf_check(&t->names, err));
    const char *p = (const char *)t->names.ptr;
    for (size_t i = 0; i < n; i++) {
        tags[i] = p;
        p += strlen(p) + 1;
    }
    t->each(t->user, path, type, tags, n);
    return SCHLOSS_OK;
}

static schloss_rc walk_message(tagged_t *t, bytes_t message, unsigned depth, schloss_error_t *err) {
    ENSURE(depth <= LIMIT_PROTO_DEPTH, err, LIMIT_EXCEEDED, "messages nest deeper than %u", LIMIT_PROTO_DEPTH);
    proto_field_t f;
    size_t outer = t->path.len;
    bytes_t name = proto_bytes(message, MESSAGE_NAME);
    buf_put_str(&t->path, outer == 0 ? "" : ".");
    buf_put(&t->path, name.ptr, name.len);
    size_t own = t->path.len;
    TRY(report(t, proto_bytes(message, MESSAGE_OPTIONS), "sr_record", err));
    cur_t c = cur_of(message);
    while (proto_next(&c, &f)) {
        if (f.number == MESSAGE_FIELD) {
            bytes_t field = proto_bytes(f.data, FIELD_NAME);
            buf_put_u8(&t->path, '.');
            buf_put(&t->path, field.ptr, field.len);
            TRY(report(t, proto_bytes(f.data, FIELD_OPTIONS), "sr_field", err));
            t->path.len = own < t->path.len ? own : t->path.len;
        } else if (f.number == MESSAGE_NESTED) {
            TRY(walk_message(t, f.data, depth + 1, err));
        }
    }
    t->path.len = outer < t->path.len ? outer : t->path.len;
    return SCHLOSS_OK;
}

schloss_rc proto_each_tagged(bytes_t linked, proto_tagged_fn each, void *user, schloss_error_t *err) {
    tagged_t t = {.each = each, .user = user};
    buf_init(&t.path, LIMIT_PROTO_BYTES, "path of a field", false);
    buf_init(&t.names, LIMIT_PROTO_BYTES, "tags of a field", false);
    schloss_rc rc = SCHLOSS_OK;
    proto_field_t f;
    cur_t c = cur_of(linked);
    while (rc == SCHLOSS_OK && proto_next(&c, &f)) {
        if (f.number == FILE_MESSAGE) {
            rc = walk_message(&t, f.data, 0, err);
        }
    }
    buf_clear(&t.path);
    buf_clear(&t.names);
    return rc;
}
