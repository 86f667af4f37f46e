/* Printing descriptors: indentation, literals, options. Used by proto_print.c only. */
#ifndef REGISTRY_SCHEMA_PROTO_PRINTER_H
#define REGISTRY_SCHEMA_PROTO_PRINTER_H

#include "registry/schema/proto.h"

typedef struct printer {
    buf_t *out;
    unsigned depth; /* two blanks each, in front of every line, of empty ones, too */
    bool line_begun;
    bool proto3, plain;
    bool limit; /* one was exceeded */
    unsigned work;
} printer_t;

void printer_put_n(printer_t *p, const char *s, size_t n);
void printer_put(printer_t *p, const char *s);
void printer_put_span(printer_t *p, bytes_t b);
void printer_put_long(printer_t *p, int64_t v);
/* Control characters and bytes that are no UTF-8 in octal, so that the text is text. */
void printer_put_quoted(printer_t *p, bytes_t s);
/* An aggregate option value, given as the tokenizer left it (tokens between blanks). */
void printer_put_aggregate(printer_t *p, bytes_t value);

bool proto_same(bytes_t a, bytes_t b);
bool proto_is(bytes_t b, const char *s);

/* ---- options ---- */
typedef enum { O_BOOL, O_STRING, O_ENUM } option_kind_t;
typedef struct option_row {
    uint32_t number;
    option_kind_t kind;
    const char *name;
    const char *const *values; /* of an enum, by number */
} option_row_t;

extern const option_row_t printer_file_options[], printer_message_options[], printer_field_options[],
    printer_enum_options[], printer_value_options[], printer_method_options[], printer_service_options[],
    printer_no_options[];

/* How many options will be printed, and how: a list in brackets or statements. */
typedef struct printer_options {
    printer_t *p;
    const char *meta; /* name of confluent's extension here, or NULL */
    size_t total, done;
    bool bracket;
} printer_options_t;

size_t printer_count_options(const printer_t *p, bytes_t options, const option_row_t *rows, const char *meta);
/* total must have been set. */
void printer_put_options(printer_options_t *o, bytes_t options, const option_row_t *rows);
/* Around one option that the caller prints. */
void printer_option_begin(printer_options_t *o);
void printer_option_end(printer_options_t *o);
/* As statements. block: an empty line (or the end of the line) in front, and one level deeper. */
void printer_put_statements(printer_t *p, bytes_t options, const option_row_t *rows, const char *meta, bool block);

#endif
