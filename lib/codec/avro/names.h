/* Names of the Avro parser: rules, qualification, and memory that reports its own failure. */
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

#endif
