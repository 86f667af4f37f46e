/* Path patterns of metadata.tags. */
#ifndef RULES_WILDCARD_H
#define RULES_WILDCARD_H

#include <stdbool.h>

/* Does name as a whole match pattern? `**` any characters, `*` any but '.', `?` one but '.', `**.*` is `**`; `[...]` is
 * a character class, as in every official client; case-sensitive (spec client-encryption 3.8). Time is bounded by
 * length of pattern x length of name. */
bool rule_wildcard_match(const char *pattern, const char *name);

#endif
