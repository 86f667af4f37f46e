/* Options of a descriptor: as a .proto file has them (uninterpreted), or as a linked one has them (by number, in the
 * order of schema-registry-api 16.2), and confluent.Meta as a map literal. See proto_printer.h. */
#include "codec/json/scan.h"
#include "registry/schema/proto_printer.h"
#include <math.h>
#include <stdio.h>

static const char *const optimize[] = {NULL, "SPEED", "CODE_SIZE", "LITE_RUNTIME"};
static const char *const ctypes[] = {"STRING", "CORD", "STRING_PIECE", NULL};
static const char *const jstypes[] = {"JS_NORMAL", "JS_STRING", "JS_NUMBER", NULL};
static const char *const idempotency[] = {"IDEMPOTENCY_UNKNOWN", "NO_SIDE_EFFECTS", "IDEMPOTENT", NULL};

const option_row_t printer_file_options[] = {{1, O_STRING, "java_package", NULL},
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
const option_row_t printer_message_options[] = {{2, O_BOOL, "no_standard_descriptor_accessor", NULL},
                                                {3, O_BOOL, "deprecated", NULL},
                                                {7, O_BOOL, "map_entry", NULL},
                                                {0, O_BOOL, NULL, NULL}};
const option_row_t printer_field_options[] = {{1, O_ENUM, "ctype", ctypes},
                                              {2, O_BOOL, "packed", NULL},
                                              {6, O_ENUM, "jstype", jstypes},
                                              {3, O_BOOL, "deprecated", NULL},
                                              {0, O_BOOL, NULL, NULL}};
const option_row_t printer_enum_options[] = {
    {2, O_BOOL, "allow_alias", NULL}, {3, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
const option_row_t printer_value_options[] = {{1, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
const option_row_t printer_method_options[] = {
    {33, O_BOOL, "deprecated", NULL}, {34, O_ENUM, "idempotency_level", idempotency}, {0, O_BOOL, NULL, NULL}};
const option_row_t printer_service_options[] = {{33, O_BOOL, "deprecated", NULL}, {0, O_BOOL, NULL, NULL}};
const option_row_t printer_no_options[] = {{0, O_BOOL, NULL, NULL}};

enum { UNINTERPRETED = 999 };

void printer_option_begin(printer_options_t *o) {
    printer_put(o->p, o->bracket ? (o->total > 1 && o->done == 0 ? "\n" : "") : "");
    o->p->depth += o->bracket && o->total > 1;
    printer_put(o->p, o->bracket ? "" : "option ");
}

void printer_option_end(printer_options_t *o) {
    o->done++;
    if (!o->bracket) {
        printer_put(o->p, ";\n");
        return;
    }
    if (o->total > 1) {
        printer_put(o->p, o->done < o->total ? ",\n" : "\n");
        o->p->depth--;
    }
}

static void put_option_name(printer_t *p, bytes_t option) {
    proto_field_t part;
    bool first = true;
    PROTO_EACH(part, option, 2) {
        bool extension = proto_int(part.data, 2, 0) != 0;
        printer_put(p, first ? "" : ".");
        printer_put(p, extension ? "(" : "");
        printer_put_span(p, proto_bytes(part.data, 1));
        printer_put(p, extension ? ")" : "");
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
        printer_put(p, isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    printer_put(p, "");
    json_put_double(p->out, d);
}

static void put_uninterpreted(printer_t *p, bytes_t option) {
    proto_field_t f;
    put_option_name(p, option);
    printer_put(p, " = ");
    cur_t c = cur_of(option);
    while (proto_next(&c, &f)) {
        switch (f.number) {
        case 3:
            printer_put_span(p, f.data);
            break;
        case 4: {
            char digits[24];
            printer_put_n(p, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)f.value));
            break;
        }
        case 5:
            printer_put_long(p, (int64_t)f.value);
            break;
        case 6:
            put_double(p, f.data);
            break;
        case 7:
            printer_put_quoted(p, f.data);
            break;
        case 8:
            printer_put_aggregate(p, f.data);
            break;
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
    if (!proto_find(options, row->number, f)) {
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
    printer_put(p, *begun ? ",\n" : "");
    *begun = true;
    printer_put(p, name);
    printer_put(p, ": ");
}

static void literal_text(printer_t *p, const char *name, bytes_t message, uint32_t number, bool *begun) {
    bytes_t b = proto_bytes(message, number);
    if (b.len != 0) {
        literal_key(p, name, begun);
        printer_put_quoted(p, b);
    }
}

static void put_param(printer_t *p, bytes_t entry) {
    bytes_t key = proto_bytes(entry, 1), value = proto_bytes(entry, 2);
    bool value_first = proto_is(key, "precision") || proto_is(key, "scale"); /* an order that others are bound to */
    printer_put(p, "{\n");
    p->depth++;
    printer_put(p, value_first ? "value: " : "key: ");
    printer_put_quoted(p, value_first ? value : key);
    printer_put(p, value_first ? ",\nkey: " : ",\nvalue: ");
    printer_put_quoted(p, value_first ? key : value);
    p->depth--;
    printer_put(p, "\n}");
}

static void put_rule(printer_t *p, bytes_t rule) {
    static const char *const names[] = {"name", "doc", "expr", "sql"};
    bool begun = false;
    printer_put(p, "{\n");
    p->depth++;
    for (uint32_t i = 0; i < 4; i++) {
        literal_text(p, names[i], rule, i + 1, &begun);
    }
    p->depth--;
    printer_put(p, begun ? "\n}" : "}");
}

static void put_tag(printer_t *p, bytes_t tag) {
    printer_put_quoted(p, tag);
}

static void literal_list(printer_t *p, const char *name, bytes_t meta, uint32_t number, bool *begun,
                         void (*one)(printer_t *p, bytes_t item)) {
    proto_field_t f;
    if (!proto_has(meta, number)) {
        return;
    }
    literal_key(p, name, begun);
    printer_put(p, "[\n");
    p->depth++;
    bool first = true;
    PROTO_EACH(f, meta, number) {
        printer_put(p, first ? "" : ",\n");
        one(p, f.data);
        first = false;
    }
    p->depth--;
    printer_put(p, "\n]");
}

static void put_meta(printer_t *p, bytes_t meta) {
    bool begun = false;
    printer_put(p, "{\n");
    p->depth++;
    literal_text(p, "doc", meta, 1, &begun);
    literal_list(p, "params", meta, 2, &begun, put_param);
    literal_list(p, "tags", meta, META_TAGS, &begun, put_tag);
    literal_list(p, "rules", meta, 4, &begun, put_rule);
    p->depth--;
    printer_put(p, begun ? "\n}" : "}");
}

/* Set more than once, its parts are one message: the concatenation. */
static void put_merged_meta(printer_t *p, bytes_t options) {
    buf_t merged;
    proto_field_t f;
    buf_init(&merged, options.len, "Protobuf options", false);
    PROTO_EACH(f, options, OPTIONS_META) {
        buf_put(&merged, f.data.ptr, f.data.len);
    }
    if (merged.failed) {
        p->out->failed = merged.failed;
    }
    put_meta(p, buf_view(&merged));
    buf_clear(&merged);
}

size_t printer_count_options(const printer_t *p, bytes_t options, const option_row_t *rows, const char *meta) {
    size_t n = 0;
    proto_field_t f;
    PROTO_EACH(f, options, UNINTERPRETED) {
        n += is_printed(p, f.data);
    }
    for (const option_row_t *row = rows; row->name != NULL; row++) {
        n += row_value(options, row, &f);
    }
    return n + (meta != NULL && proto_has(options, OPTIONS_META));
}

void printer_put_options(printer_options_t *o, bytes_t options, const option_row_t *rows) {
    printer_t *p = o->p;
    proto_field_t f;
    PROTO_EACH(f, options, UNINTERPRETED) {
        if (is_printed(p, f.data)) {
            printer_option_begin(o);
            put_uninterpreted(p, f.data);
            printer_option_end(o);
        }
    }
    for (const option_row_t *row = rows; row->name != NULL; row++) {
        if (!row_value(options, row, &f)) {
            continue;
        }
        printer_option_begin(o);
        printer_put(p, row->name);
        printer_put(p, " = ");
        if (row->kind == O_STRING) {
            printer_put_quoted(p, f.data);
        } else {
            printer_put(p, row->kind == O_ENUM ? row->values[f.value] : f.value != 0 ? "true" : "false");
        }
        printer_option_end(o);
    }
    if (o->meta != NULL && proto_find(options, OPTIONS_META, &f)) {
        printer_option_begin(o);
        printer_put(p, "(confluent.");
        printer_put(p, o->meta);
        printer_put(p, ") = ");
        put_merged_meta(p, options);
        printer_option_end(o);
    }
}

/* As statements. block: an empty line (or the end of the line) in front, and one level deeper. */
void printer_put_statements(printer_t *p, bytes_t options, const option_row_t *rows, const char *meta, bool block) {
    printer_options_t o = {.p = p, .meta = meta, .total = printer_count_options(p, options, rows, meta)};
    if (o.total != 0 && block) {
        printer_put(p, "\n");
        p->depth++;
    }
    printer_put_options(&o, options, rows);
    p->depth -= o.total != 0 && block;
}
