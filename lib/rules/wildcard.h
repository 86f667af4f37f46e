/* Path patterns of metadata.tags. */
#ifndef RULES_WILDCARD_H
#define RULES_WILDCARD_H

#include <stdbool.h>
#include <stddef.h>

/* One element of a pattern, for who matches step by step (plan_json_path.c). */
typedef struct wildcard_token {
    enum { T_DEEP, T_STAR, T_ONE, T_CHAR, T_CLASS } kind;
    unsigned char ch;
    const char *set; /* T_CLASS: first character inside the brackets */
    size_t set_len;
} wildcard_token_t;

wildcard_token_t rule_wildcard_next(const char **p);                /* at *p, which is not the end; moves it */
bool rule_wildcard_has(const wildcard_token_t *t, unsigned char c); /* may c be (the first byte of) its character? */

/* Does name as a whole match pattern? `**` any characters, `*` any but '.', `?` one but '.', `**.*` is `**`; `[...]` is
 * a character class, as in every official client; case-sensitive (spec client-encryption 3.8). Time is bounded by
 * length of pattern x length of name. */
bool rule_wildcard_match(const char *pattern, const char *name);

#endif
