/* What goes to standard output and standard error: results as table, JSON or YAML; errors with a hint. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/err.h"
#include <jansson.h>
#include <stdio.h>

typedef enum { OUT_HUMAN, OUT_JSON, OUT_YAML } out_form_t;

out_form_t out_form(const char *name); /* NULL is human */
/* True when f is a terminal and NO_COLOR is not set. */
bool out_is_colored(FILE *f);

/* One column of a table or line of a record: heading and member of the JSON object. A dotted member goes deeper. */
typedef struct out_column {
    const char *heading, *member;
} out_column_t;

/* An object: one "Heading  value" line per column that is there. JSON and YAML print v as it is. */
void out_record(FILE *f, out_form_t form, const json_t *v, const out_column_t *columns, size_t n_columns);
/* A list of objects, or of strings and numbers (then with one column): a table. An empty one says so for humans. */
void out_table(FILE *f, out_form_t form, const json_t *list, const out_column_t *columns, size_t n_columns,
               const char *nothing);
void out_json(FILE *f, const json_t *v, bool indent);
void out_yaml(FILE *f, const json_t *v);
/* Untrusted text with control characters replaced, so that a record or a registry cannot steer a terminal. */
void out_clean(FILE *f, const char *s, size_t n);
/* The same for text of several lines: line ends and tabs stay. */
void out_clean_lines(FILE *f, const char *s, size_t n);

/* "schloss: message", then hint and context, each on its line. detail adds code and HTTP status. */
void out_error(FILE *f, const schloss_error_t *err, bool detail);

#endif
