/* Canonical text of a descriptor (schema-registry-api 16.2, 16.3). Works on the wire form that libprotobuf wrote.
 *
 * Names are printed as the descriptor has them: relative where a .proto file said so, with leading dots where protoc
 * has resolved them. A map field of the first kind is printed as map<k, v>, of the second kind with its entry message:
 * this is what other registries store, and the hash of the text is the schema's identity. */
#include "registry/schema/proto.h"
#include "base/text.h"
#include "codec/json/scan.h"
#include <math.h>
#include <stdio.h>

typedef struct printer {
    buf_t *out;
    unsigned depth; /* two blanks each, in front of every line, of empty ones, too */
    bool line_begun;
    bool proto3, plain;
    bool limit; /* one was exceeded */
} printer_t;

/* ---- wire ---- */
static uint64_t varint(cur_t *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *b = cur_take(c, 1);
        if (b == NULL) {
            return 0;
        }
        v |= (uint64_t)(*b & 0x7f) << shift;
        if (*b < 0x80) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

bool proto_next(cur_t *cur, proto_field_t *out) {
    if (cur->failed || cur_left(cur) == 0) {
        return false;
    }
    uint64_t key = varint(cur), n;
    out->number = (uint32_t)(key >> 3);
    out->value = 0;
    out->data = bytes(NULL, 0);
    switch (key & 7) {
    case 0:
        out->value = varint(cur);
        break;
    case 1:
        out->data = bytes(cur_take(cur, 8), 8);
        break;
    case 2:
        n = varint(cur);
        if (n > cur_left(cur)) {
            cur->failed = true;
            break;
        }
        out->data = bytes(cur_take(cur, (size_t)n), (size_t)n);
        break;
    case 5:
        out->data = bytes(cur_take(cur, 4), 4);
        break;
    default:
        cur->failed = true;
    }
    return !cur->failed;
}

static bool find(bytes_t message, uint32_t number, proto_field_t *f) {
    cur_t c = cur_of(message);
    while (proto_next(&c, f)) {
        if (f->number == number) {
            return true;
        }
    }
    return false;
}

bytes_t proto_bytes(bytes_t message, uint32_t number) {
    proto_field_t f;
    return find(message, number, &f) ? f.data : bytes(NULL, 0);
}

uint64_t proto_int(bytes_t message, uint32_t number, uint64_t dflt) {
    proto_field_t f;
    return find(message, number, &f) ? f.value : dflt;
}

bool proto_has(bytes_t message, uint32_t number) {
    proto_field_t f;
    return find(message, number, &f);
}

#define EACH(f, message, n)                                                                                            \
    for (cur_t c_##f = cur_of(message); proto_next(&c_##f, &(f));)                                                     \
        if ((f).number == (n))

/* ---- text ---- */
static void put_n(printer_t *p, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!p->line_begun) {
            for (unsigned d = 0; d < p->depth; d++) {
                buf_put(p->out, "  ", 2);
            }
        }
        buf_put_u8(p->out, (uint8_t)s[i]);
        p->line_begun = s[i] != '\n';
    }
}

static void put(printer_t *p, const char *s) {
    put_n(p, s, strlen(s));
}

static void put_span(printer_t *p, bytes_t b) {
    put_n(p, (const char *)b.ptr, b.len);
}

static void put_long(printer_t *p, int64_t v) {
    char digits[24];
    put_n(p, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)v));
}

/* Control characters and bytes that are no UTF-8 in octal, so that the text is text. */
static void put_quoted(printer_t *p, bytes_t s) {
    static const char from[] = "\a\b\f\n\r\t\v\\'\"", to[] = "abfnrtv\\'\"";
    bool text = utf8_valid(s.ptr, s.len);
    put(p, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t ch = s.ptr[i];
        const char *at = ch == 0 ? NULL : strchr(from, (char)ch);
        if (at != NULL) {
            char escape[2] = {'\\', to[at - from]};
            put_n(p, escape, 2);
        } else if (ch < 0x20 || ch == 0x7f || (ch >= 0x80 && !text)) {
            char octal[5];
            put_n(p, octal, (size_t)snprintf(octal, sizeof octal, "\\%03o", ch));
        } else {
            put_n(p, (const char *)&ch, 1);
        }
    }
    put(p, "\"");
}

static bool same(bytes_t a, bytes_t b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_text(bytes_t b, const char *s) {
    return same(b, bytes(s, strlen(s)));
}

/* The text of an aggregate option value, as the tokenizer left it: tokens between blanks. */
typedef struct tokens {
    const char *p, *end;
} tokens_t;

static bytes_t token_peek(const tokens_t *t, const char **after) {
    const char *p = t->p;
    while (p < t->end && (*p == ' ' || *p == '\n')) {
        p++;
    }
    const char *from = p;
    if (p < t->end && (*p == '"' || *p == '\'')) {
        char quote = *p++;
        while (p < t->end && *p != quote) {
            p += *p == '\\' && p + 1 < t->end ? 2 : 1;
        }
        p += p < t->end;
    } else if (p < t->end && strchr("{}[]<>:;,-./", *p) != NULL) {
        p++;
    } else {
        while (p < t->end && strchr(" \n{}[]<>:;,\"'", *p) == NULL) {
            p++;
        }
    }
    *after = p;
    return bytes(from, (size_t)(p - from));
}

static bytes_t token_take(tokens_t *t) {
    const char *after;
    bytes_t b = token_peek(t, &after);
    t->p = after;
    return b;
}

static bool token_is(const tokens_t *t, const char *one_of) {
    const char *after;
    bytes_t b = token_peek(t, &after);
    return b.len == 1 && strchr(one_of, b.ptr[0]) != NULL;
}

static void put_aggregate(printer_t *p, tokens_t *t, unsigned depth);

/* Adjacent strings are one; other scalars go as they are. */
static void put_scalar(printer_t *p, tokens_t *t) {
    bytes_t b = token_take(t);
    if (b.len != 0 && (b.ptr[0] == '"' || b.ptr[0] == '\'')) {
        put(p, "\"");
        for (;;) {
            for (size_t i = 1; i + 1 < b.len; i++) { /* its own quote may be the other one */
                if (b.ptr[i] == '\\' && i + 2 < b.len) {
                    put_n(p, (const char *)b.ptr + i++, 2);
                } else if (b.ptr[i] == '"' || b.ptr[i] == '\'') {
                    char escape[2] = {'\\', (char)b.ptr[i]};
                    put_n(p, escape, 2);
                } else {
                    put_n(p, (const char *)b.ptr + i, 1);
                }
            }
            const char *after;
            bytes_t next = token_peek(t, &after);
            if (next.len == 0 || (next.ptr[0] != '"' && next.ptr[0] != '\'')) {
                break;
            }
            b = token_take(t);
        }
        put(p, "\"");
        return;
    }
    put_span(p, b);
    if (is_text(b, "-")) {
        put_span(p, token_take(t));
    }
}

static void put_value(printer_t *p, tokens_t *t, unsigned depth) {
    if (depth > LIMIT_PROTO_DEPTH) {
        t->p = t->end;
    } else if (token_is(t, "{<")) {
        (void)token_take(t);
        put(p, "{\n");
        put_aggregate(p, t, depth + 1);
        (void)token_take(t);
        put(p, "}");
    } else if (token_is(t, "[")) {
        (void)token_take(t);
        put(p, "[\n");
        p->depth++;
        while (t->p < t->end && !token_is(t, "]")) {
            put_value(p, t, depth + 1);
            if (token_is(t, ",")) {
                (void)token_take(t);
                put(p, ",");
            }
            put(p, "\n");
        }
        p->depth--;
        (void)token_take(t);
        put(p, "]");
    } else {
        put_scalar(p, t);
    }
}

/* key: value lines, up to the closing bracket. */
static void put_aggregate(printer_t *p, tokens_t *t, unsigned depth) {
    const char *after;
    p->depth++;
    while (token_peek(t, &after).len != 0 && !token_is(t, "}>")) {
        bytes_t key = token_take(t);
        put_span(p, key);
        if (is_text(key, "[")) { /* [extension.name] */
            while (token_peek(t, &after).len != 0 && !token_is(t, "]")) {
                put_span(p, token_take(t));
            }
            put_span(p, token_take(t));
        }
        if (token_is(t, ":")) {
            (void)token_take(t);
        }
        put(p, ": ");
        put_value(p, t, depth);
        while (token_is(t, ",;")) {
            (void)token_take(t);
        }
        bool more = token_peek(t, &after).len != 0 && !token_is(t, "}>");
        put(p, more ? ",\n" : "\n");
    }
    p->depth--;
}

/* ---- options ---- */
typedef enum { O_BOOL, O_STRING, O_ENUM } option_kind_t;
typedef struct option_row {
    uint32_t number;
    option_kind_t kind;
    const char *name;
    const char *const *values; /* of an enum, by number */
} option_row_t;

static const char *const optimize[] = {NULL, "SPEED", "CODE_SIZE", "LITE_RUNTIME"};
static const char *const ctypes[] = {"STRING", "CORD", "STRING_PIECE", NULL};
static const char *const jstypes[] = {"JS_NORMAL", "JS_STRING", "JS_NUMBER", NULL};
static const char *const idempotency[] = {"IDEMPOTENCY_UNKNOWN", "NO_SIDE_EFFECTS", "IDEMPOTENT", NULL};

static const option_row_t file_options[] = {{1, O_STRING, "java_package", NULL},
                                            {8, O_STRING, "java_outer_classname", NULL},
                                            {10, O_BOOL, "java_multiple_files", NULL},
                                            {20, O_BOOL, "java_generate_equals_and_hash", NULL},
                                            {27, O_BOOL, "java_string_check_utf8", NULL},
                                            {9, O_ENUM, "optimize_for", optimize},
                                            {11, O_STRING, "go_package", NULL},
                                            {16, O_BOOL, "cc_generic_services", NULL},
                                            {17, O_BOOL, "java_generic_services", NULL},
                                            {18, O_BOOL, "py_generic_services", NULL},
                                            {23, O_BOOL, "deprecated", NULL},
                                            {31, O_BOOL, "cc_enable_arenas", NULL},
                                            {36, O_STRING, "objc_class_prefix", NULL},
                                            {37, O_STRING, "csharp_namespace", NULL},
                                            {39, O_STRING, "swift_prefix", NULL},
                                            {40, O_STRING, "php_class_prefix", NULL},
                                            {41, O_STRING, "php_namespace", NULL},
                                            {44, O_STRING, "php_metadata_namespace", NULL},
                                            {45, O_STRING, "ruby_package", NULL},
                                            {0, O_BOOL, NULL, NULL}};
static const option_row_t message_options[] = {{2, O_BOOL, "no_standard_descriptor_accessor", NULL},
                                               {3, O_BOOL, "deprecated", NULL},
                                               {7, O_BOOL, "map_entry", NULL},
                                               {0, O_BOOL, NULL, NULL}};
static const option_row_t field_options[] = {{1, O_ENUM, "ctype", ctypes},
                                             {2, O_BOOL, "packed", NULL},
                                             {6, O_ENUM, "jstype", jstypes},
                                             {3, O_BOOL, "deprecated", NULL},
                                             {0, O_BOOL, NULL, NULL}};
static const option_row_t enum_options[] = {
    {2, O_BOOL, "allow_alias", NULL}, {3, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
static const option_row_t value_options[] = {{1, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
static const option_row_t method_options[] = {
    {33, O_BOOL, "deprecated", NULL}, {34, O_ENUM, "idempotency_level", idempotency}, {0, O_BOOL, NULL, NULL}};
static const option_row_t service_options[] = {{33, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
static const option_row_t no_options[] = {{0, O_BOOL, NULL, NULL}};

enum { UNINTERPRETED = 999 };

/* How many options will be printed, and how: a list in brackets or statements. */
typedef struct options {
    printer_t *p;
    const char *meta; /* name of confluent's extension here, or NULL */
    size_t total, done;
    bool bracket;
} options_t;

static void option_begin(options_t *o) {
    put(o->p, o->bracket ? (o->total > 1 && o->done == 0 ? "\n" : "") : "");
    o->p->depth += o->bracket && o->total > 1;
    put(o->p, o->bracket ? "" : "option ");
}

static void option_end(options_t *o) {
    o->done++;
    if (!o->bracket) {
        put(o->p, ";\n");
        return;
    }
    if (o->total > 1) {
        put(o->p, o->done < o->total ? ",\n" : "\n");
        o->p->depth--;
    }
}

static void put_option_name(printer_t *p, bytes_t option) {
    proto_field_t part;
    bool first = true;
    EACH(part, option, 2) {
        bool extension = proto_int(part.data, 2, 0) != 0;
        put(p, first ? "" : ".");
        put(p, extension ? "(" : "");
        put_span(p, proto_bytes(part.data, 1));
        put(p, extension ? ")" : "");
        first = false;
    }
}

static void put_double(printer_t *p, bytes_t le) {
    double d = 0;
    uint64_t bits = 0;
    for (size_t i = 0; i < 8 && le.len == 8; i++) {
        bits |= (uint64_t)le.ptr[i] << (8 * i);
    }
    memcpy(&d, &bits, sizeof d);
    if (isinf(d) || isnan(d)) {
        put(p, isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    put(p, "");
    json_put_double(p->out, d);
}

static void put_uninterpreted(printer_t *p, bytes_t option) {
    proto_field_t f;
    put_option_name(p, option);
    put(p, " = ");
    cur_t c = cur_of(option);
    while (proto_next(&c, &f)) {
        switch (f.number) {
        case 3:
            put_span(p, f.data);
            break;
        case 4: {
            char digits[24];
            put_n(p, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)f.value));
            break;
        }
        case 5:
            put_long(p, (int64_t)f.value);
            break;
        case 6:
            put_double(p, f.data);
            break;
        case 7:
            put_quoted(p, f.data);
            break;
        case 8: {
            tokens_t t = {(const char *)f.data.ptr, (const char *)f.data.ptr + f.data.len};
            put(p, "{\n");
            put_aggregate(p, &t, 1);
            put(p, "}");
            break;
        }
        default:
            break;
        }
    }
}

/* Custom options other than confluent's are left out of the plain form. */
static bool is_printed(const printer_t *p, bytes_t option) {
    bytes_t part = proto_bytes(option, 2), name = proto_bytes(part, 1);
    bool confluent = (name.len > 10 && memcmp(name.ptr, "confluent.", 10) == 0) ||
                     (name.len > 11 && memcmp(name.ptr, ".confluent.", 11) == 0);
    return !p->plain || proto_int(part, 2, 0) == 0 || confluent;
}

static bool row_value(bytes_t options, const option_row_t *row, proto_field_t *f) {
    if (!find(options, row->number, f)) {
        return false;
    }
    if (row->kind != O_ENUM) {
        return true;
    }
    size_t n = row->values[0] == NULL ? 4 : 3;
    return f->value < n && row->values[f->value] != NULL;
}

/* ---- confluent.Meta as a map literal ---- */
static void literal_key(printer_t *p, const char *name, bool *begun) {
    put(p, *begun ? ",\n" : "");
    *begun = true;
    put(p, name);
    put(p, ": ");
}

static void literal_text(printer_t *p, const char *name, bytes_t message, uint32_t number, bool *begun) {
    bytes_t b = proto_bytes(message, number);
    if (b.len != 0) {
        literal_key(p, name, begun);
        put_quoted(p, b);
    }
}

static void put_param(printer_t *p, bytes_t entry) {
    bytes_t key = proto_bytes(entry, 1), value = proto_bytes(entry, 2);
    bool value_first = is_text(key, "precision") || is_text(key, "scale"); /* an order that others are bound to */
    put(p, "{\n");
    p->depth++;
    put(p, value_first ? "value: " : "key: ");
    put_quoted(p, value_first ? value : key);
    put(p, value_first ? ",\nkey: " : ",\nvalue: ");
    put_quoted(p, value_first ? key : value);
    p->depth--;
    put(p, "\n}");
}

static void put_rule(printer_t *p, bytes_t rule) {
    static const char *const names[] = {"name", "doc", "expr", "sql"};
    bool begun = false;
    put(p, "{\n");
    p->depth++;
    for (uint32_t i = 0; i < 4; i++) {
        literal_text(p, names[i], rule, i + 1, &begun);
    }
    p->depth--;
    put(p, begun ? "\n}" : "}");
}

static void put_tag(printer_t *p, bytes_t tag) {
    put_quoted(p, tag);
}

static void literal_list(printer_t *p, const char *name, bytes_t meta, uint32_t number, bool *begun,
                         void (*one)(printer_t *p, bytes_t item)) {
    proto_field_t f;
    if (!proto_has(meta, number)) {
        return;
    }
    literal_key(p, name, begun);
    put(p, "[\n");
    p->depth++;
    bool first = true;
    EACH(f, meta, number) {
        put(p, first ? "" : ",\n");
        one(p, f.data);
        first = false;
    }
    p->depth--;
    put(p, "\n]");
}

static void put_meta(printer_t *p, bytes_t meta) {
    bool begun = false;
    put(p, "{\n");
    p->depth++;
    literal_text(p, "doc", meta, 1, &begun);
    literal_list(p, "params", meta, 2, &begun, put_param);
    literal_list(p, "tags", meta, META_TAGS, &begun, put_tag);
    literal_list(p, "rules", meta, 4, &begun, put_rule);
    p->depth--;
    put(p, begun ? "\n}" : "}");
}

/* Set more than once, its parts are one message: the concatenation. */
static void put_merged_meta(printer_t *p, bytes_t options) {
    buf_t merged;
    proto_field_t f;
    buf_init(&merged, options.len, "Protobuf options", false);
    EACH(f, options, OPTIONS_META) {
        buf_put(&merged, f.data.ptr, f.data.len);
    }
    if (merged.failed) {
        p->out->failed = merged.failed;
    }
    put_meta(p, buf_view(&merged));
    buf_clear(&merged);
}

static size_t count_options(const printer_t *p, bytes_t options, const option_row_t *rows, const char *meta) {
    size_t n = 0;
    proto_field_t f;
    EACH(f, options, UNINTERPRETED) {
        n += is_printed(p, f.data);
    }
    for (const option_row_t *row = rows; row->name != NULL; row++) {
        n += row_value(options, row, &f);
    }
    return n + (meta != NULL && proto_has(options, OPTIONS_META));
}

static void put_options(options_t *o, bytes_t options, const option_row_t *rows) {
    printer_t *p = o->p;
    proto_field_t f;
    EACH(f, options, UNINTERPRETED) {
        if (is_printed(p, f.data)) {
            option_begin(o);
            put_uninterpreted(p, f.data);
            option_end(o);
        }
    }
    for (const option_row_t *row = rows; row->name != NULL; row++) {
        if (!row_value(options, row, &f)) {
            continue;
        }
        option_begin(o);
        put(p, row->name);
        put(p, " = ");
        if (row->kind == O_STRING) {
            put_quoted(p, f.data);
        } else {
            put(p, row->kind == O_ENUM ? row->values[f.value] : f.value != 0 ? "true" : "false");
        }
        option_end(o);
    }
    if (o->meta != NULL && find(options, OPTIONS_META, &f)) {
        option_begin(o);
        put(p, "(confluent.");
        put(p, o->meta);
        put(p, ") = ");
        put_merged_meta(p, options);
        option_end(o);
    }
}

/* As statements. block: an empty line (or the end of the line) in front, and one level deeper. */
static void put_statements(printer_t *p, bytes_t options, const option_row_t *rows, const char *meta, bool block) {
    options_t o = {.p = p, .meta = meta, .total = count_options(p, options, rows, meta)};
    if (o.total != 0 && block) {
        put(p, "\n");
        p->depth++;
    }
    put_options(&o, options, rows);
    p->depth -= o.total != 0 && block;
}

/* ---- fields ---- */
static const char *const scalar_names[] = {NULL,      "double",   "float",    "int64",  "uint64", "int32", "fixed64",
                                           "fixed32", "bool",     "string",   NULL,     NULL,     "bytes", "uint32",
                                           NULL,      "sfixed32", "sfixed64", "sint32", "sint64"};
enum { LABEL_REQUIRED = 2, LABEL_REPEATED = 3, TYPE_STRING = 9, TYPE_GROUP = 10, TYPE_BYTES = 12 };

static bool is_relative(bytes_t name) {
    return name.len != 0 && name.ptr[0] != '.';
}

static void put_type(printer_t *p, bytes_t field) {
    uint64_t type = proto_int(field, 5, 0);
    bytes_t name = proto_bytes(field, 6);
    if (name.len != 0 || type >= COUNT_OF(scalar_names) || scalar_names[type] == NULL) {
        put_span(p, name);
    } else {
        put(p, scalar_names[type]);
    }
}

/* The entry message that a map<k, v> of a .proto file stands for; empty when the field is none. */
static bytes_t map_entry_of(bytes_t message, bytes_t field) {
    bytes_t type = proto_bytes(field, 6);
    proto_field_t f;
    if (is_relative(type) && proto_int(field, 4, 0) == LABEL_REPEATED) {
        EACH(f, message, MESSAGE_NESTED) {
            bytes_t name = proto_bytes(f.data, MESSAGE_NAME);
            if (same(name, type)) {
                return proto_int(proto_bytes(f.data, MESSAGE_OPTIONS), 7, 0) != 0 ? f.data : bytes(NULL, 0);
            }
        }
    }
    return bytes(NULL, 0);
}

/* Messages that a field's declaration holds: entries of map<k, v>, groups. */
static bool is_implied(bytes_t message, bytes_t nested) {
    proto_field_t f;
    bytes_t name = proto_bytes(nested, MESSAGE_NAME);
    bool entry = proto_int(proto_bytes(nested, MESSAGE_OPTIONS), 7, 0) != 0;
    EACH(f, message, MESSAGE_FIELD) {
        bytes_t type = proto_bytes(f.data, 6);
        if ((entry || proto_int(f.data, 5, 0) == TYPE_GROUP) && is_relative(type) && same(type, name)) {
            return true;
        }
    }
    return false;
}

/* Some loops here are quadratic in these. */
static size_t count_items(bytes_t message) {
    size_t n = 0;
    proto_field_t f;
    cur_t c = cur_of(message);
    while (proto_next(&c, &f)) {
        n += f.number == MESSAGE_FIELD || f.number == MESSAGE_NESTED || f.number == 6 || f.number == 8;
    }
    return n;
}

static void put_message(printer_t *p, bytes_t message);

static void put_label(printer_t *p, bytes_t field, bool bare) {
    uint64_t label = proto_int(field, 4, 1);
    if (label == LABEL_REPEATED) {
        put(p, "repeated ");
    } else if (label == LABEL_REQUIRED) {
        put(p, "required ");
    } else if (!bare && (!p->proto3 || proto_int(field, 17, 0) != 0)) {
        put(p, "optional ");
    }
}

static void put_field_options(printer_t *p, bytes_t field) {
    bytes_t options = proto_bytes(field, FIELD_OPTIONS);
    bool has_default = proto_has(field, 7), has_json = proto_has(field, 10);
    options_t o = {.p = p, .meta = "field_meta", .bracket = true};
    o.total = count_options(p, options, field_options, o.meta) + has_default + has_json;
    if (o.total == 0) {
        return;
    }
    put(p, " [");
    put_options(&o, options, field_options);
    if (has_default) {
        uint64_t type = proto_int(field, 5, 0);
        option_begin(&o);
        put(p, "default = ");
        if (type == TYPE_STRING) {
            put_quoted(p, proto_bytes(field, 7));
        } else if (type == TYPE_BYTES) { /* escaped already */
            put(p, "\"");
            put_span(p, proto_bytes(field, 7));
            put(p, "\"");
        } else {
            put_span(p, proto_bytes(field, 7));
        }
        option_end(&o);
    }
    if (has_json) {
        option_begin(&o);
        put(p, "json_name = ");
        put_quoted(p, proto_bytes(field, 10));
        option_end(&o);
    }
    put(p, "]");
}

/* message: the one that the field is in, or empty (extensions). bare: in a oneof, without a label. */
static void put_field(printer_t *p, bytes_t message, bytes_t field, bool bare) {
    bytes_t entry = map_entry_of(message, field);
    if (entry.len != 0) {
        proto_field_t part;
        put(p, "map<");
        EACH(part, entry, MESSAGE_FIELD) {
            put(p, proto_int(part.data, 3, 0) == 1 ? "" : ", ");
            put_type(p, part.data);
        }
        put(p, "> ");
    } else {
        put_label(p, field, bare);
        put_type(p, field);
        put(p, " ");
    }
    put_span(p, proto_bytes(field, FIELD_NAME));
    put(p, " = ");
    put_long(p, (int32_t)proto_int(field, 3, 0));
    put_field_options(p, field);
    put(p, ";\n");
}

/* optional group Name = 1 { ... }: the message of that name is its body. Resolved ones are left out, as elsewhere. */
static void put_group(printer_t *p, bytes_t message, bytes_t field, bool bare);

static bool is_group(bytes_t field) {
    return proto_int(field, 5, 0) == TYPE_GROUP;
}

/* The real oneof that a field is in, or -1. */
static int64_t oneof_of(bytes_t field) {
    return proto_has(field, 9) && proto_int(field, 17, 0) == 0 ? (int64_t)proto_int(field, 9, 0) : -1;
}

/* ---- ranges ---- */
static void put_range(printer_t *p, const char *word, int64_t from, int64_t to, int64_t max) {
    put(p, word);
    put(p, " ");
    put_long(p, from);
    if (to >= max) {
        put(p, " to max");
    } else if (to != from) {
        put(p, " to ");
        put_long(p, to);
    }
    put(p, ";\n");
}

/* exclusive: 1 when ends are exclusive. */
static void put_ranges(printer_t *p, const char *word, bytes_t message, uint32_t number, int64_t exclusive,
                       int64_t max) {
    proto_field_t f;
    EACH(f, message, number) {
        int64_t from = (int32_t)proto_int(f.data, 1, 0), to = (int32_t)proto_int(f.data, 2, 0);
        put_range(p, word, from, to - exclusive, max);
    }
}

static void put_reserved_names(printer_t *p, bytes_t message, uint32_t number) {
    proto_field_t f;
    EACH(f, message, number) {
        put(p, "reserved ");
        put_quoted(p, f.data);
        put(p, ";\n");
    }
}

static void put_enum(printer_t *p, bytes_t e) {
    proto_field_t f;
    put(p, "enum ");
    put_span(p, proto_bytes(e, 1));
    put(p, " {\n");
    p->depth++;
    put_ranges(p, "reserved", e, 4, 0, INT32_MAX);
    put_reserved_names(p, e, 5);
    put_statements(p, proto_bytes(e, 3), enum_options, "enum_meta", false);
    EACH(f, e, 2) {
        bytes_t options = proto_bytes(f.data, 3);
        options_t o = {.p = p, .meta = "enum_value_meta", .bracket = true};
        o.total = count_options(p, options, value_options, o.meta);
        put_span(p, proto_bytes(f.data, 1));
        put(p, " = ");
        put_long(p, (int32_t)proto_int(f.data, 2, 0));
        if (o.total != 0) {
            put(p, " [");
            put_options(&o, options, value_options);
            put(p, "]");
        }
        put(p, ";\n");
    }
    p->depth--;
    put(p, "}\n");
}

/* Once per extendee, in order of first appearance. */
static void put_extends(printer_t *p, bytes_t scope, uint32_t number) {
    proto_field_t f, g;
    EACH(f, scope, number) {
        bytes_t extendee = proto_bytes(f.data, 2);
        bool seen = false;
        cur_t before = cur_of(scope);
        while (!seen && proto_next(&before, &g) && g.data.ptr != f.data.ptr) {
            seen = g.number == number && same(proto_bytes(g.data, 2), extendee);
        }
        if (seen) {
            continue;
        }
        put(p, "extend ");
        put_span(p, extendee);
        put(p, " {\n");
        p->depth++;
        EACH(g, scope, number) {
            if (same(proto_bytes(g.data, 2), extendee)) {
                put_field(p, bytes(NULL, 0), g.data, false);
            }
        }
        p->depth--;
        put(p, "}\n");
    }
}

/* Every block begins with a line end: the first one ends "message A {", later ones leave an empty line. */
static bool block(printer_t *p, bool has) {
    if (has) {
        put(p, "\n");
        p->depth++;
    }
    return has;
}

static void put_oneofs(printer_t *p, bytes_t message) {
    proto_field_t f, g;
    int64_t index = -1;
    bool begun = false;
    EACH(f, message, 8) {
        bool real = false;
        index++;
        EACH(g, message, MESSAGE_FIELD) {
            real = real || oneof_of(g.data) == index;
        }
        if (!real) {
            continue;
        }
        if (!begun) {
            begun = block(p, true);
        }
        put(p, "oneof ");
        put_span(p, proto_bytes(f.data, 1));
        put(p, " {");
        put_statements(p, proto_bytes(f.data, 2), no_options, NULL, true);
        put(p, "\n");
        p->depth++;
        EACH(g, message, MESSAGE_FIELD) {
            if (oneof_of(g.data) == index && !is_group(g.data)) {
                put_field(p, message, g.data, true);
            }
        }
        EACH(g, message, MESSAGE_FIELD) {
            if (oneof_of(g.data) == index && is_group(g.data)) {
                put_group(p, message, g.data, true);
            }
        }
        p->depth--;
        put(p, "}\n");
    }
    p->depth -= begun;
}

static void put_fields(printer_t *p, bytes_t message, bool groups) {
    proto_field_t f;
    bool begun = false;
    EACH(f, message, MESSAGE_FIELD) {
        if (oneof_of(f.data) >= 0 || is_group(f.data) != groups || (groups && !is_relative(proto_bytes(f.data, 6)))) {
            continue;
        }
        if (!begun) {
            begun = block(p, true);
        }
        if (groups) {
            put_group(p, message, f.data, false);
        } else {
            put_field(p, message, f.data, false);
        }
    }
    p->depth -= begun;
}

static void put_nested(printer_t *p, bytes_t message) {
    proto_field_t f;
    bool begun = false;
    EACH(f, message, MESSAGE_NESTED) {
        if (is_implied(message, f.data)) {
            continue;
        }
        if (!begun) {
            begun = block(p, true);
        }
        put_message(p, f.data);
    }
    EACH(f, message, 4) {
        if (!begun) {
            begun = block(p, true);
        }
        put_enum(p, f.data);
    }
    p->depth -= begun;
}

/* From "{" to "}". */
static void put_body(printer_t *p, bytes_t message) {
    put(p, "{");
    if (p->depth > LIMIT_PROTO_DEPTH || count_items(message) > LIMIT_PROTO_ITEMS) {
        p->limit = true;
    } else {
        if (block(p, proto_has(message, 9) || proto_has(message, 10))) {
            put_ranges(p, "reserved", message, 9, 1, 536870911);
            put_reserved_names(p, message, 10);
            p->depth--;
        }
        put_statements(p, proto_bytes(message, MESSAGE_OPTIONS), message_options, "message_meta", true);
        put_fields(p, message, false);
        put_oneofs(p, message);
        put_fields(p, message, true);
        if (block(p, !p->plain && proto_has(message, 5))) {
            put_ranges(p, "extensions", message, 5, 1, 536870911);
            p->depth--;
        }
        if (block(p, !p->plain && proto_has(message, 6))) {
            put_extends(p, message, 6);
            p->depth--;
        }
        put_nested(p, message);
    }
    put(p, "}");
}

static void put_group(printer_t *p, bytes_t message, bytes_t field, bool bare) {
    bytes_t type = proto_bytes(field, 6);
    proto_field_t f;
    if (!is_relative(type)) {
        return;
    }
    put_label(p, field, bare);
    put(p, "group ");
    put_span(p, type);
    put(p, " = ");
    put_long(p, (int32_t)proto_int(field, 3, 0));
    put_field_options(p, field);
    put(p, " ");
    EACH(f, message, MESSAGE_NESTED) {
        if (same(proto_bytes(f.data, MESSAGE_NAME), type)) {
            put_body(p, f.data);
            break;
        }
    }
    put(p, "\n");
}

static void put_message(printer_t *p, bytes_t message) {
    put(p, "message ");
    put_span(p, proto_bytes(message, MESSAGE_NAME));
    put(p, " ");
    put_body(p, message);
    put(p, "\n");
}

/* ---- file ---- */
static void put_service(printer_t *p, bytes_t service) {
    proto_field_t f;
    put(p, "service ");
    put_span(p, proto_bytes(service, 1));
    put(p, " {");
    put_statements(p, proto_bytes(service, 3), service_options, NULL, true);
    if (block(p, proto_has(service, 2))) {
        EACH(f, service, 2) {
            put(p, "rpc ");
            put_span(p, proto_bytes(f.data, 1));
            put(p, proto_int(f.data, 5, 0) != 0 ? " (stream " : " (");
            put_span(p, proto_bytes(f.data, 2));
            put(p, proto_int(f.data, 6, 0) != 0 ? ") returns (stream " : ") returns (");
            put_span(p, proto_bytes(f.data, 3));
            put(p, ")");
            bytes_t options = proto_bytes(f.data, 4);
            options_t o = {.p = p, .total = count_options(p, options, method_options, NULL)};
            if (o.total != 0) {
                put(p, " {\n");
                p->depth++;
                put_options(&o, options, method_options);
                p->depth--;
                put(p, "}");
            }
            put(p, ";\n");
        }
        p->depth--;
    }
    put(p, "}\n");
}

static bool listed(bytes_t file, uint32_t number, uint64_t index) {
    proto_field_t f;
    EACH(f, file, number) {
        if (f.value == index) {
            return true;
        }
    }
    return false;
}

/* Weak imports are left out. */
static void put_imports(printer_t *p, bytes_t file) {
    proto_field_t f;
    bool begun = false;
    for (int publics = 0; publics < 2; publics++) {
        uint64_t index = 0;
        EACH(f, file, 3) {
            bool is_public = listed(file, 10, index);
            if (is_public == (publics != 0) && !listed(file, 11, index)) {
                put(p, begun ? "" : "\n");
                begun = true;
                put(p, publics ? "import public " : "import ");
                put_quoted(p, f.data);
                put(p, ";\n");
            }
            index++;
        }
    }
}

schloss_rc proto_print(bytes_t wire, bool plain, buf_t *text, schloss_error_t *err) {
    printer_t printer = {.out = text, .plain = plain}, *p = &printer;
    bytes_t syntax = proto_bytes(wire, 12), package = proto_bytes(wire, FILE_PACKAGE);
    proto_field_t f;
    p->proto3 = is_text(syntax, "proto3");
    if (syntax.len != 0) {
        put(p, "syntax = ");
        put_quoted(p, syntax);
        put(p, ";\n");
    }
    if (package.len != 0) {
        put(p, "package ");
        put_span(p, package);
        put(p, ";\n");
    }
    put_imports(p, wire);
    bytes_t options = proto_bytes(wire, 8);
    options_t o = {.p = p, .meta = "file_meta", .total = count_options(p, options, file_options, "file_meta")};
    put(p, o.total != 0 ? "\n" : "");
    put_options(&o, options, file_options);
    put(p, proto_has(wire, FILE_MESSAGE) || proto_has(wire, 5) ? "\n" : "");
    EACH(f, wire, FILE_MESSAGE) {
        put_message(p, f.data);
    }
    EACH(f, wire, 5) {
        put_enum(p, f.data);
    }
    if (!plain && proto_has(wire, 7)) {
        put(p, "\n");
        put_extends(p, wire, 7);
    }
    if (proto_has(wire, 6)) {
        put(p, "\n");
        EACH(f, wire, 6) {
            put_service(p, f.data);
        }
    }
    ENSURE(!p->limit, err, LIMIT_EXCEEDED, "messages nest deeper than %u or hold more than %u fields",
           LIMIT_PROTO_DEPTH, LIMIT_PROTO_ITEMS);
    return buf_check(text, err);
}
