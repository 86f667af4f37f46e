/* Regular expressions of schemas (ECMA-262 dialect as far as PCRE2 goes along), with limits on time and memory. */
#ifndef CODEC_JSON_REGEX_H
#define CODEC_JSON_REGEX_H

#include "base/err.h"
#include "base/mem.h"

typedef struct json_regex json_regex_t;

/* @return SCHEMA_PARSE (what is wrong, where), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_regex_new(json_regex_t **out, const char *pattern, size_t len, schloss_error_t *err);
void json_regex_free(json_regex_t *r); /* with all that r->next chains */
void json_regex_chain(json_regex_t **head, json_regex_t *r);
/* Does it match somewhere in text (valid UTF-8)? Allocates nothing after a thread's first matches.
 * @return LIMIT_EXCEEDED (a pattern that backtracks too much), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_regex_search(const json_regex_t *r, const char *text, size_t len, bool *found,
                                               schloss_error_t *err);

#endif
