/* Which fields does a rule touch? Inline tags united with metadata.tags (spec client-encryption 3.6-3.8). */
#ifndef RULES_TAGS_H
#define RULES_TAGS_H

#include "codec/avro/schema.h"
#include "rules/ruleset.h"

/* metadata: the schema's metadata object or NULL. */
bool rule_matches_field(const rule_t *rule, const avro_field_t *field, const json_t *metadata);

#endif
