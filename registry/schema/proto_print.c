/* Canonical text of a descriptor (schema-registry-api 16.2, 16.3). Works on the wire form that libprotobuf wrote.
 *
 * Names are printed as the descriptor has them: relative where a .proto file said so, with leading dots where protoc
 * has resolved them. A map field of the first kind is printed as map<k, v>, of the second kind with its entry message:
 * this is what other registries store, and the hash of the text is the schema's identity. */
#include "registry/schema/proto_printer.h"

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
        printer_put_span(p, name);
    } else {
        printer_put(p, scalar_names[type]);
    }
}

/* Counts one step of a quadratic loop; false: too many, go no further. */
static bool spend(printer_t *p) {
    p->limit = p->limit || ++p->work > LIMIT_PROTO_WORK;
    return !p->limit;
}

/* The entry message that a map<k, v> of a .proto file stands for; empty when the field is none. */
static bytes_t map_entry_of(printer_t *p, bytes_t message, bytes_t field) {
    bytes_t type = proto_bytes(field, 6);
    proto_field_t f;
    if (is_relative(type) && proto_int(field, 4, 0) == LABEL_REPEATED) {
        PROTO_EACH(f, message, MESSAGE_NESTED) {
            if (!spend(p)) {
                break;
            }
            bytes_t name = proto_bytes(f.data, MESSAGE_NAME);
            if (proto_same(name, type)) {
                return proto_int(proto_bytes(f.data, MESSAGE_OPTIONS), 7, 0) != 0 ? f.data : bytes(NULL, 0);
            }
        }
    }
    return bytes(NULL, 0);
}

/* Messages that a field's declaration holds: entries of map<k, v>, groups. */
static bool is_implied(printer_t *p, bytes_t message, bytes_t nested) {
    proto_field_t f;
    bytes_t name = proto_bytes(nested, MESSAGE_NAME);
    bool entry = proto_int(proto_bytes(nested, MESSAGE_OPTIONS), 7, 0) != 0;
    PROTO_EACH(f, message, MESSAGE_FIELD) {
        if (!spend(p)) {
            break;
        }
        bytes_t type = proto_bytes(f.data, 6);
        if ((entry || proto_int(f.data, 5, 0) == TYPE_GROUP) && is_relative(type) && proto_same(type, name)) {
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
        printer_put(p, "repeated ");
    } else if (label == LABEL_REQUIRED) {
        printer_put(p, "required ");
    } else if (!bare && (!p->proto3 || proto_int(field, 17, 0) != 0)) {
        printer_put(p, "optional ");
    }
}

static void put_field_options(printer_t *p, bytes_t field) {
    bytes_t options = proto_bytes(field, FIELD_OPTIONS);
    bool has_default = proto_has(field, 7), has_json = proto_has(field, 10);
    printer_options_t o = {.p = p, .meta = "field_meta", .bracket = true};
    o.total = printer_count_options(p, options, printer_field_options, o.meta) + has_default + has_json;
    if (o.total == 0) {
        return;
    }
    printer_put(p, " [");
    printer_put_options(&o, options, printer_field_options);
    if (has_default) {
        uint64_t type = proto_int(field, 5, 0);
        printer_option_begin(&o);
        printer_put(p, "default = ");
        if (type == TYPE_STRING) {
            printer_put_quoted(p, proto_bytes(field, 7));
        } else if (type == TYPE_BYTES) { /* escaped already */
            printer_put(p, "\"");
            printer_put_span(p, proto_bytes(field, 7));
            printer_put(p, "\"");
        } else {
            printer_put_span(p, proto_bytes(field, 7));
        }
        printer_option_end(&o);
    }
    if (has_json) {
        printer_option_begin(&o);
        printer_put(p, "json_name = ");
        printer_put_quoted(p, proto_bytes(field, 10));
        printer_option_end(&o);
    }
    printer_put(p, "]");
}

/* message: the one that the field is in, or empty (extensions). bare: in a oneof, without a label. */
static void put_field(printer_t *p, bytes_t message, bytes_t field, bool bare) {
    bytes_t entry = map_entry_of(p, message, field);
    if (entry.len != 0) {
        proto_field_t part;
        printer_put(p, "map<");
        PROTO_EACH(part, entry, MESSAGE_FIELD) {
            printer_put(p, proto_int(part.data, 3, 0) == 1 ? "" : ", ");
            put_type(p, part.data);
        }
        printer_put(p, "> ");
    } else {
        put_label(p, field, bare);
        put_type(p, field);
        printer_put(p, " ");
    }
    printer_put_span(p, proto_bytes(field, FIELD_NAME));
    printer_put(p, " = ");
    printer_put_long(p, (int32_t)proto_int(field, 3, 0));
    put_field_options(p, field);
    printer_put(p, ";\n");
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
    printer_put(p, word);
    printer_put(p, " ");
    printer_put_long(p, from);
    if (to >= max) {
        printer_put(p, " to max");
    } else if (to != from) {
        printer_put(p, " to ");
        printer_put_long(p, to);
    }
    printer_put(p, ";\n");
}

/* exclusive: 1 when ends are exclusive. */
static void put_ranges(printer_t *p, const char *word, bytes_t message, uint32_t number, int64_t exclusive,
                       int64_t max) {
    proto_field_t f;
    PROTO_EACH(f, message, number) {
        int64_t from = (int32_t)proto_int(f.data, 1, 0), to = (int32_t)proto_int(f.data, 2, 0);
        put_range(p, word, from, to - exclusive, max);
    }
}

static void put_reserved_names(printer_t *p, bytes_t message, uint32_t number) {
    proto_field_t f;
    PROTO_EACH(f, message, number) {
        printer_put(p, "reserved ");
        printer_put_quoted(p, f.data);
        printer_put(p, ";\n");
    }
}

static void put_enum(printer_t *p, bytes_t e) {
    proto_field_t f;
    printer_put(p, "enum ");
    printer_put_span(p, proto_bytes(e, 1));
    printer_put(p, " {\n");
    p->depth++;
    put_ranges(p, "reserved", e, 4, 0, INT32_MAX);
    put_reserved_names(p, e, 5);
    printer_put_statements(p, proto_bytes(e, 3), printer_enum_options, "enum_meta", false);
    PROTO_EACH(f, e, 2) {
        bytes_t options = proto_bytes(f.data, 3);
        printer_options_t o = {.p = p, .meta = "enum_value_meta", .bracket = true};
        o.total = printer_count_options(p, options, printer_value_options, o.meta);
        printer_put_span(p, proto_bytes(f.data, 1));
        printer_put(p, " = ");
        printer_put_long(p, (int32_t)proto_int(f.data, 2, 0));
        if (o.total != 0) {
            printer_put(p, " [");
            printer_put_options(&o, options, printer_value_options);
            printer_put(p, "]");
        }
        printer_put(p, ";\n");
    }
    p->depth--;
    printer_put(p, "}\n");
}

/* Once per extendee, in order of first appearance. */
static void put_extends(printer_t *p, bytes_t scope, uint32_t number) {
    proto_field_t f, g;
    PROTO_EACH(f, scope, number) {
        bytes_t extendee = proto_bytes(f.data, 2);
        bool seen = false;
        cur_t before = cur_of(scope);
        while (!seen && spend(p) && proto_next(&before, &g) && g.data.ptr != f.data.ptr) {
            seen = g.number == number && proto_same(proto_bytes(g.data, 2), extendee);
        }
        if (seen) {
            continue;
        }
        printer_put(p, "extend ");
        printer_put_span(p, extendee);
        printer_put(p, " {\n");
        p->depth++;
        PROTO_EACH(g, scope, number) {
            if (!spend(p)) {
                return;
            }
            if (proto_same(proto_bytes(g.data, 2), extendee)) {
                put_field(p, bytes(NULL, 0), g.data, false);
            }
        }
        p->depth--;
        printer_put(p, "}\n");
    }
}

/* Every block begins with a line end: the first one ends "message A {", later ones leave an empty line. */
static bool block(printer_t *p, bool has) {
    if (has) {
        printer_put(p, "\n");
        p->depth++;
    }
    return has;
}

static void put_oneofs(printer_t *p, bytes_t message) {
    proto_field_t f, g;
    int64_t index = -1;
    bool begun = false;
    PROTO_EACH(f, message, 8) {
        bool real = false;
        index++;
        PROTO_EACH(g, message, MESSAGE_FIELD) {
            if (!spend(p)) {
                return;
            }
            real = real || oneof_of(g.data) == index;
        }
        if (!real) {
            continue;
        }
        if (!begun) {
            begun = block(p, true);
        }
        printer_put(p, "oneof ");
        printer_put_span(p, proto_bytes(f.data, 1));
        printer_put(p, " {");
        printer_put_statements(p, proto_bytes(f.data, 2), printer_no_options, NULL, true);
        printer_put(p, "\n");
        p->depth++;
        PROTO_EACH(g, message, MESSAGE_FIELD) {
            if (!spend(p)) {
                return;
            }
            if (oneof_of(g.data) == index && !is_group(g.data)) {
                put_field(p, message, g.data, true);
            }
        }
        PROTO_EACH(g, message, MESSAGE_FIELD) {
            if (!spend(p)) {
                return;
            }
            if (oneof_of(g.data) == index && is_group(g.data)) {
                put_group(p, message, g.data, true);
            }
        }
        p->depth--;
        printer_put(p, "}\n");
    }
    p->depth -= begun;
}

static void put_fields(printer_t *p, bytes_t message, bool groups) {
    proto_field_t f;
    bool begun = false;
    PROTO_EACH(f, message, MESSAGE_FIELD) {
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
    PROTO_EACH(f, message, MESSAGE_NESTED) {
        if (is_implied(p, message, f.data)) {
            continue;
        }
        if (!begun) {
            begun = block(p, true);
        }
        put_message(p, f.data);
    }
    PROTO_EACH(f, message, 4) {
        if (!begun) {
            begun = block(p, true);
        }
        put_enum(p, f.data);
    }
    p->depth -= begun;
}

/* From "{" to "}". */
static void put_body(printer_t *p, bytes_t message) {
    printer_put(p, "{");
    if (p->depth > LIMIT_PROTO_DEPTH || count_items(message) > LIMIT_PROTO_ITEMS) {
        p->limit = true;
    } else {
        if (block(p, proto_has(message, 9) || proto_has(message, 10))) {
            put_ranges(p, "reserved", message, 9, 1, 536870911);
            put_reserved_names(p, message, 10);
            p->depth--;
        }
        printer_put_statements(p, proto_bytes(message, MESSAGE_OPTIONS), printer_message_options, "message_meta", true);
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
    printer_put(p, "}");
}

static void put_group(printer_t *p, bytes_t message, bytes_t field, bool bare) {
    bytes_t type = proto_bytes(field, 6);
    proto_field_t f;
    if (!is_relative(type)) {
        return;
    }
    put_label(p, field, bare);
    printer_put(p, "group ");
    printer_put_span(p, type);
    printer_put(p, " = ");
    printer_put_long(p, (int32_t)proto_int(field, 3, 0));
    put_field_options(p, field);
    printer_put(p, " ");
    PROTO_EACH(f, message, MESSAGE_NESTED) {
        if (proto_same(proto_bytes(f.data, MESSAGE_NAME), type)) {
            put_body(p, f.data);
            break;
        }
    }
    printer_put(p, "\n");
}

static void put_message(printer_t *p, bytes_t message) {
    printer_put(p, "message ");
    printer_put_span(p, proto_bytes(message, MESSAGE_NAME));
    printer_put(p, " ");
    put_body(p, message);
    printer_put(p, "\n");
}

/* ---- file ---- */
static void put_service(printer_t *p, bytes_t service) {
    proto_field_t f;
    printer_put(p, "service ");
    printer_put_span(p, proto_bytes(service, 1));
    printer_put(p, " {");
    printer_put_statements(p, proto_bytes(service, 3), printer_service_options, NULL, true);
    if (block(p, proto_has(service, 2))) {
        PROTO_EACH(f, service, 2) {
            printer_put(p, "rpc ");
            printer_put_span(p, proto_bytes(f.data, 1));
            printer_put(p, proto_int(f.data, 5, 0) != 0 ? " (stream " : " (");
            printer_put_span(p, proto_bytes(f.data, 2));
            printer_put(p, proto_int(f.data, 6, 0) != 0 ? ") returns (stream " : ") returns (");
            printer_put_span(p, proto_bytes(f.data, 3));
            printer_put(p, ")");
            bytes_t options = proto_bytes(f.data, 4);
            printer_options_t o = {.p = p, .total = printer_count_options(p, options, printer_method_options, NULL)};
            if (o.total != 0) {
                printer_put(p, " {\n");
                p->depth++;
                printer_put_options(&o, options, printer_method_options);
                p->depth--;
                printer_put(p, "}");
            }
            printer_put(p, ";\n");
        }
        p->depth--;
    }
    printer_put(p, "}\n");
}

enum { IMPORT_PUBLIC = 1, IMPORT_WEAK = 2 };

/* What a file says of its imports, by index, in one pass: it may say it very often. */
static void note_imports(bytes_t file, uint8_t kinds[LIMIT_PROTO_IMPORTS]) {
    proto_field_t f;
    cur_t c = cur_of(file);
    while (proto_next(&c, &f)) {
        if ((f.number == 10 || f.number == 11) && f.value < LIMIT_PROTO_IMPORTS) {
            kinds[f.value] |= f.number == 10 ? IMPORT_PUBLIC : IMPORT_WEAK;
        }
    }
}

/* Weak imports are left out. */
static void put_imports(printer_t *p, bytes_t file) {
    proto_field_t f;
    uint8_t kinds[LIMIT_PROTO_IMPORTS] = {0};
    bool begun = false;
    note_imports(file, kinds);
    for (unsigned wanted = 0; wanted <= IMPORT_PUBLIC; wanted++) {
        size_t index = 0;
        PROTO_EACH(f, file, 3) {
            if (index == LIMIT_PROTO_IMPORTS) {
                p->limit = true;
                return;
            }
            if (kinds[index++] == wanted) {
                printer_put(p, begun ? "" : "\n");
                begun = true;
                printer_put(p, wanted == IMPORT_PUBLIC ? "import public " : "import ");
                printer_put_quoted(p, f.data);
                printer_put(p, ";\n");
            }
        }
    }
}

schloss_rc proto_print(bytes_t wire, bool plain, buf_t *text, schloss_error_t *err) {
    printer_t printer = {.out = text, .plain = plain}, *p = &printer;
    bytes_t syntax = proto_bytes(wire, 12), package = proto_bytes(wire, FILE_PACKAGE);
    proto_field_t f;
    p->proto3 = proto_is(syntax, "proto3");
    if (syntax.len != 0) {
        printer_put(p, "syntax = ");
        printer_put_quoted(p, syntax);
        printer_put(p, ";\n");
    }
    if (package.len != 0) {
        printer_put(p, "package ");
        printer_put_span(p, package);
        printer_put(p, ";\n");
    }
    put_imports(p, wire);
    bytes_t options = proto_bytes(wire, 8);
    printer_options_t o = {
        .p = p, .meta = "file_meta", .total = printer_count_options(p, options, printer_file_options, "file_meta")};
    printer_put(p, o.total != 0 ? "\n" : "");
    printer_put_options(&o, options, printer_file_options);
    printer_put(p, proto_has(wire, FILE_MESSAGE) || proto_has(wire, 5) ? "\n" : "");
    PROTO_EACH(f, wire, FILE_MESSAGE) {
        put_message(p, f.data);
    }
    PROTO_EACH(f, wire, 5) {
        put_enum(p, f.data);
    }
    if (!plain && proto_has(wire, 7)) {
        printer_put(p, "\n");
        put_extends(p, wire, 7);
    }
    if (proto_has(wire, 6)) {
        printer_put(p, "\n");
        PROTO_EACH(f, wire, 6) {
            put_service(p, f.data);
        }
    }
    ENSURE(!p->limit, err, LIMIT_EXCEEDED,
           "messages nest deeper than %u, hold more than %u fields or take too much work", LIMIT_PROTO_DEPTH,
           LIMIT_PROTO_ITEMS);
    return buf_check(text, err);
}
