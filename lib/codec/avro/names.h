/* Parts of the Avro parser: names, memory that reports its own failure, text, second pass. */
#ifndef CODEC_AVRO_NAMES_H
#define CODEC_AVRO_NAMES_H

#include "codec/avro/model.h"

typedef struct avro_name {
    const char *full, *name_space, *short_name;
} avro_name_t;

/* n items of size bytes, zeroed; NULL with p->err filled (NO_MEMORY, or LIMIT_EXCEEDED at LIMIT_SCHEMA_MEMORY). */
void *avro_take(avro_parser_t *p, size_t n, size_t size, schloss_rc *rc);
/* Copy of a jansson string that may not hold U+0000 when it is a name. */
schloss_rc avro_copy(avro_parser_t *p, const json_t *v, const char **out);
/* "name" with "namespace" of a definition; a dot in name beats name_space. */
schloss_rc avro_name_make(avro_parser_t *p, const char *name, const char *name_space, avro_name_t *out);
/* Is text a legal name (one part, no dots) under the parser's flags? */
bool avro_name_ok(const avro_parser_t *p, const char *text);
/* Checks the parts of a type's or alias's name. what is "name" or "alias". */
schloss_rc avro_name_check(const avro_parser_t *p, const avro_name_t *n, const char *what);
/* First text that stands twice in list (sorted copy), or NULL. */
schloss_rc avro_find_double(avro_parser_t *p, const char *const *list, size_t n, const char **twice);

/* ---- text.c, resolve.c: what parse.c is made of ---- */
/* Reads the text; a new reference in *out. */
schloss_rc avro_load_text(const char *text, size_t len, json_t **out, schloss_error_t *err);
/* A named type: the enclosing namespace first, then none; NULL when it is not defined (yet). */
avro_type_t *avro_look_up(const avro_parser_t *p, const avro_name_t *qualified, const char *name);
/* Fills in the types that were used before their definition. */
schloss_rc avro_resolve(avro_parser_t *p);
/* Unions, and with p->strict defaults, of the types from index first on. */
schloss_rc avro_check_types(avro_parser_t *p, size_t first);

#endif
