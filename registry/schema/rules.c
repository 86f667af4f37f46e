/* Validation of rule sets at registration, and what registration adds to encryption rules. See meta.h. */
#include "registry/schema/meta.h"
#include "registry/schema/unicode.h"
#include <string.h>

static rest_rc invalid(request_t *rq, const char *text) {
    return rest_fail(rq, REST_INVALID_RULE_SET, text);
}

static rest_rc check_name(request_t *rq, const json_t *rule, json_t *seen) {
    const char *name = json_string_value(json_object_get(rule, "name"));
    if (name != NULL && json_object_get(seen, name) != NULL) {
        return rest_failf(rq, REST_INVALID_RULE_SET, "Found rule with duplicate name '%s'", name);
    }
    if (name == NULL) {
        return invalid(rq, "Missing rule name");
    }
    if (*name == '\0') {
        return invalid(rq, "Empty rule name");
    }
    if (json_object_set_new_nocheck(seen, name, json_true()) != 0) {
        return rest_oom(rq);
    }
    if (utf16_length(name) > 256) {
        return invalid(rq, "Rule name too long");
    }
    switch (name_check(name)) {
    case NAME_BAD_FIRST:
        return rest_failf(rq, REST_INVALID_RULE_SET, "Illegal initial character in rule name: %s", name);
    case NAME_BAD_CHAR:
        return rest_failf(rq, REST_INVALID_RULE_SET, "Illegal character in rule name: %s", name);
    case NAME_OK:
    default:
        return 0;
    }
}

static bool is_one_of(const char *s, const char *const *values) {
    for (size_t i = 0; values[i] != NULL; i++) {
        if (strcmp(s, values[i]) == 0) {
            return true;
        }
    }
    return false;
}

static rest_rc check_rule(request_t *rq, const json_t *rule, bool migration, const char *list, json_t *seen) {
    static const char *const migration_modes[] = {"UPGRADE", "DOWNGRADE", "UPDOWN", NULL};
    static const char *const data_modes[] = {"WRITE", "READ", "WRITEREAD", NULL};
    static const char *const double_modes[] = {"WRITEREAD", "UPDOWN", NULL};
    TRY(check_name(rq, rule, seen));
    if (json_object_get(rule, "type") == NULL) {
        return invalid(rq, "Missing rule type");
    }
    const char *mode = json_string_value(json_object_get(rule, "mode"));
    const char *success = json_string_value(json_object_get(rule, "onSuccess"));
    const char *failure = json_string_value(json_object_get(rule, "onFailure"));
    bool several =
        (success != NULL && strchr(success, ',') != NULL) || (failure != NULL && strchr(failure, ',') != NULL);
    if (several && !is_one_of(mode, double_modes)) {
        return invalid(rq, "Multiple actions only valid with WRITEREAD and UPDOWN");
    }
    if (migration && !is_one_of(mode, migration_modes)) {
        return invalid(rq, "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN");
    }
    if (!migration && !is_one_of(mode, data_modes)) {
        return rest_failf(rq, REST_INVALID_RULE_SET, "%s rules can only be WRITE, READ, WRITEREAD", list);
    }
    return 0;
}

rest_rc ruleset_validate(request_t *rq, const json_t *ruleset) {
    static const struct {
        const char *member, *name;
    } lists[] = {{"migrationRules", "Migration"}, {"domainRules", "Domain"}, {"encodingRules", "Encoding"}};
    json_t *seen = request_adopt(rq, json_object());
    if (seen == NULL) {
        return rest_oom(rq);
    }
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        const json_t *list = json_object_get(ruleset, lists[l].member);
        for (size_t i = 0; i < json_array_size(list); i++) {
            TRY(check_rule(rq, json_array_get(list, i), l == 0, lists[l].name, seen));
        }
    }
    return 0;
}

/* ---- encrypt.kms.key.id ---- */
static char *kek_name_of(request_t *rq, const char *key_id) {
    const char *id = strncmp(key_id, "arn:", 4) == 0 ? key_id + 4 : key_id;
    char *name = arena_strdup(&rq->arena, id);
    if (name == NULL) {
        return NULL;
    }
    char *to = name;
    for (const char *p = id; *p != '\0';) {
        uint32_t c;
        size_t n = utf8_next(p, &c);
        if (c == '_' || c == '-' || is_letter(c) || is_digit(c)) {
            memcpy(to, p, n);
            to += n;
        } else {
            *to++ = '-';
        }
        p += n;
    }
    *to = '\0';
    return name;
}

rest_rc ruleset_complete_kek(request_t *rq, json_t *ruleset) {
    json_t *rules = json_object_get(ruleset, "domainRules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *params = json_object_get(json_array_get(rules, i), "params");
        const char *key_id = json_string_value(json_object_get(params, "encrypt.kms.key.id"));
        if (key_id == NULL) {
            continue;
        }
        if (json_object_get(params, "encrypt.kek.name") == NULL) {
            const char *name = kek_name_of(rq, key_id);
            if (name == NULL ||
                json_object_set_new_nocheck(params, "encrypt.kek.name", json_string_nocheck(name)) != 0) {
                return rest_oom(rq);
            }
        }
        if (json_object_get(params, "encrypt.kms.type") == NULL && strncmp(key_id, "arn:", 4) == 0 &&
            json_object_set_new_nocheck(params, "encrypt.kms.type", json_string_nocheck("aws-kms")) != 0) {
            return rest_oom(rq);
        }
    }
    return 0;
}
