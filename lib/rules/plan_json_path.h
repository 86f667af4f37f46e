/* Patterns of metadata.tags over the full names of JSON values, step by step: which of the rule's patterns may still
 * match, after "$", ".name", "[index]". A state is interned: equal states have one number, so that places of a
 * recursive schema that the patterns do not tell apart fall together. Both forms of a name are followed, with and
 * without indexes.
 *
 * Indexes are not known when a plan is made. Where what a pattern does next depends on the digits of one, the state
 * says so, and the step that would have to guess is refused. */
#ifndef RULES_PLAN_JSON_PATH_H
#define RULES_PLAN_JSON_PATH_H

#include "base/arena.h"
#include "base/map.h"
#include "rules/ruleset.h"
#include "rules/wildcard.h"

typedef struct json_paths {
    arena_t arena;
    wildcard_token_t *tokens; /* of all patterns, one behind the other, a place for the end behind each */
    size_t n_tokens, words;
    bool *is_end; /* [n_tokens] */
    map_t *by_state;
    uint64_t **states;
    size_t n_states, cap_states;
    uint64_t *next; /* scratch */
} json_paths_t;

SCHLOSS_NODISCARD schloss_rc json_paths_init(json_paths_t *jp, const rule_t *rule, const json_t *metadata,
                                             uint32_t *root, schloss_error_t *err);
void json_paths_clear(json_paths_t *jp);
/* The state behind ".name". @return UNSUPPORTED (depends on an index), LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_paths_member(json_paths_t *jp, uint32_t state, const char *name, uint32_t *out,
                                               schloss_error_t *err);
/* The state behind "[index]". */
SCHLOSS_NODISCARD schloss_rc json_paths_item(json_paths_t *jp, uint32_t state, uint32_t *out, schloss_error_t *err);
/* Does a pattern match the name so far? */
bool json_paths_hit(const json_paths_t *jp, uint32_t state);

#endif
