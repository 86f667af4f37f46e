/* Letters and digits as Java sees them, for names of KEKs and rules. Characters outside the basic plane are neither:
 * the reference judges UTF-16 units. */
#ifndef REGISTRY_SCHEMA_UNICODE_H
#define REGISTRY_SCHEMA_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool is_letter(uint32_t c);
bool is_digit(uint32_t c);
/* Decodes the first character of valid, non-empty UTF-8; returns its length. */
size_t utf8_next(const char *s, uint32_t *c);
size_t utf16_length(const char *s);

typedef enum { NAME_OK, NAME_BAD_FIRST, NAME_BAD_CHAR } name_check_t;
/* (letter | _) (letter | digit | _ | -)* of a non-empty name. */
name_check_t name_check(const char *s);

#endif
