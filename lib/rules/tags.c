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

static bool list_wanted(const rule_t *rule, const json_t *list) {
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

bool rule_matches_field(const rule_t *rule, const avro_field_t *field, const json_t *metadata) {
    if (rule->n_tags == 0) {
        return true;
    }
    for (size_t i = 0; i < field->n_tags; i++) {
        if (wants(rule, field->tags[i])) {
            return true;
        }
    }
    const char *pattern = NULL;
    json_t *list = NULL;
    json_t *external = json_object_get(metadata, "tags");
    json_object_foreach(external, pattern, list) {
        if (list_wanted(rule, list) && rule_wildcard_match(pattern, field->full_name)) {
            return true;
        }
    }
    return false;
}
