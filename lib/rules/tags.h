/* Which fields does a rule touch? Inline tags united with metadata.tags (spec client-encryption 3.6-3.8). */
#ifndef RULES_TAGS_H
#define RULES_TAGS_H

#include "rules/ruleset.h"

/* A rule without tags touches everything. full_name: for the patterns of metadata.tags. metadata: the schema's metadata
 * object or NULL. */
bool rule_matches_field(const rule_t *rule, const char *full_name, const char *const *tags, size_t n_tags,
                        const json_t *metadata);
/* The same by inline tags alone. */
bool rule_matches_tags(const rule_t *rule, const char *const *tags, size_t n_tags);
/* Does metadata entry list (an array of tag names) hold one of the rule's tags? */
bool rule_wants_list(const rule_t *rule, const json_t *list);

#endif
