/* Tag look-up; runs when a plan is compiled, never per record. */
#include "rules/tags.h"
#include "rules/wildcard.h"
#include <string.h>

static bool wants(const rule_t *rule, const char *tag) {
    for (size_t i = 0; i < rule->n_tags; i++) {
        if (strcmp(rule->tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

bool rule_wants_list(const rule_t *rule, const json_t *list) {
    size_t i = 0;
    json_t *tag = NULL;
    json_array_foreach(list, i, tag) {
        const char *text = json_string_value(tag);
        if (text != NULL && wants(rule, text)) {
            return true;
        }
    }
    return false;
}

bool rule_matches_tags(const rule_t *rule, const char *const *tags, size_t n_tags) {
    for (size_t i = 0; i < n_tags; i++) {
        if (wants(rule, tags[i])) {
            return true;
        }
    }
    return false;
}

bool rule_matches_field(const rule_t *rule, const char *full_name, const char *const *tags, size_t n_tags,
                        const json_t *metadata) {
    if (rule->n_tags == 0 || rule_matches_tags(rule, tags, n_tags)) {
        return true;
    }
    const char *pattern = NULL;
    json_t *list = NULL;
    json_t *external = json_object_get(metadata, "tags");
    json_object_foreach(external, pattern, list) {
        if (rule_wants_list(rule, list) && rule_wildcard_match(pattern, full_name)) {
            return true;
        }
    }
    return false;
}
