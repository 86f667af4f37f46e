/* Parsing rule sets: every member is checked, an unknown kind or mode is an error (fail closed), unknown members are
 * ignored. */
#include "rules/ruleset.h"
#include "base/limits.h"
#include "codec/json/load.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool parse_name(const char *text, const char *const *names, size_t n, int *out) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

/* A text that a C string holds whole. */
static bool is_text(const json_t *v) {
    return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
}

/* Name of the first member that is neither text nor null, NULL when there is none. */
static const char *not_text(const json_t *object) {
    const char *name = NULL;
    json_t *v = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, name, v) {
        if (!is_text(v) && !json_is_null(v)) {
            return name;
        }
    }
    return NULL;
}

static schloss_rc check_tags(const char *pattern, const json_t *list, schloss_error_t *err) {
    if (json_is_null(list)) {
        return SCHLOSS_OK;
    }
    ENSURE(json_is_array(list), err, RULE_SET, "metadata: tags of '%s' are no list", pattern);
    for (size_t i = 0; i < json_array_size(list); i++) {
        ENSURE(is_text(json_array_get(list, i)), err, RULE_SET, "metadata: a tag of '%s' is no text", pattern);
    }
    return SCHLOSS_OK;
}

schloss_rc metadata_check(const json_t *metadata, schloss_error_t *err) {
    json_t *tags = json_object_get(metadata, "tags");
    const json_t *properties = json_object_get(metadata, "properties");
    if (tags != NULL && !json_is_null(tags)) {
        ENSURE(json_is_object(tags), err, RULE_SET, "metadata: tags is no object");
        const char *pattern = NULL;
        json_t *list = NULL;
        json_object_foreach(tags, pattern, list) {
            TRY(check_tags(pattern, list, err));
        }
    }
    if (properties != NULL && !json_is_null(properties)) {
        ENSURE(json_is_object(properties), err, RULE_SET, "metadata: properties is no object");
        const char *odd = not_text(properties);
        ENSURE(odd == NULL, err, RULE_SET, "metadata: property '%s' is no text", odd);
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_tags(ruleset_t *rs, rule_t *r, const json_t *tags, schloss_error_t *err) {
    if (tags == NULL || json_is_null(tags)) {
        return SCHLOSS_OK;
    }
    ENSURE(json_is_array(tags), err, RULE_SET, "rule '%s': tags is no list", r->name);
    size_t n = json_array_size(tags);
    ENSURE(n <= LIMIT_RULE_TAGS, err, LIMIT_EXCEEDED, "rule '%s': %zu tags exceed the limit LIMIT_RULE_TAGS (%u)",
           r->name, n, LIMIT_RULE_TAGS);
    r->tags = ARENA_ARRAY(&rs->arena, const char *, n == 0 ? 1 : n);
    ENSURE(r->tags != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const json_t *tag = json_array_get(tags, i);
        ENSURE(is_text(tag), err, RULE_SET, "rule '%s': a tag is no text", r->name);
        r->tags[r->n_tags++] = json_string_value(tag);
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_rule(ruleset_t *rs, rule_t *r, const json_t *o, bool encoding, schloss_error_t *err) {
    static const char *const kinds[] = {"TRANSFORM", "CONDITION"};
    static const char *const modes[] = {"UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD"};
    bool bad = false;
    int value = 0;
    ENSURE(json_is_object(o), err, RULE_SET, "a rule is no object");
    r->name = json_opt_str(o, "name", NULL, &bad);
    ENSURE(r->name != NULL && r->name[0] != '\0', err, RULE_SET, "a rule has no name");
    r->doc = json_opt_str(o, "doc", NULL, &bad);
    r->expr = json_opt_str(o, "expr", NULL, &bad);
    r->type_name = json_opt_str(o, "type", NULL, &bad);
    ENSURE(r->type_name != NULL && r->type_name[0] != '\0', err, RULE_SET, "rule '%s' has no type", r->name);
    const char *kind = json_opt_str(o, "kind", "TRANSFORM", &bad);
    ENSURE(!bad && parse_name(kind, kinds, COUNT_OF(kinds), &value), err, RULE_SET, "rule '%s': unknown kind", r->name);
    r->kind = (rule_kind_t)value;
    const char *mode = json_opt_str(o, "mode", "WRITEREAD", &bad);
    ENSURE(!bad && parse_name(mode, modes, COUNT_OF(modes), &value), err, RULE_SET, "rule '%s': unknown mode", r->name);
    r->mode = (rule_mode_t)value;
    r->on_success = json_opt_str(o, "onSuccess", NULL, &bad);
    r->on_failure = json_opt_str(o, "onFailure", NULL, &bad);
    r->disabled = json_opt_bool(o, "disabled", false, &bad);
    r->is_encoding = encoding;
    ENSURE(!bad, err, RULE_SET, "rule '%s': a member has the wrong type", r->name);
    char *upper = arena_strdup(&rs->arena, r->type_name);
    ENSURE(upper != NULL, err, NO_MEMORY, "out of memory");
    for (char *p = upper; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    r->type_upper = upper;
    r->type = strcmp(upper, "ENCRYPT") == 0           ? RULE_TYPE_ENCRYPT
              : strcmp(upper, "ENCRYPT_PAYLOAD") == 0 ? RULE_TYPE_ENCRYPT_PAYLOAD
                                                      : RULE_TYPE_OTHER;
    json_t *params = json_object_get(o, "params");
    if (params != NULL && !json_is_null(params)) {
        ENSURE(json_is_object(params), err, RULE_SET, "rule '%s': params is no object", r->name);
        const char *odd = not_text(params);
        ENSURE(odd == NULL, err, RULE_SET, "rule '%s': parameter '%s' is no text", r->name, odd);
        r->params = params;
    }
    return parse_tags(rs, r, json_object_get(o, "tags"), err);
}

static schloss_rc parse_list(ruleset_t *rs, const json_t *o, const char *member, bool encoding, rule_t **out,
                             size_t *n_out, schloss_error_t *err) {
    const json_t *list = json_object_get(o, member);
    if (list == NULL || json_is_null(list)) {
        return SCHLOSS_OK;
    }
    ENSURE(json_is_array(list), err, RULE_SET, "%s is no list", member);
    size_t n = json_array_size(list);
    ENSURE(n <= LIMIT_RULES, err, LIMIT_EXCEEDED, "%s: %zu rules exceed the limit LIMIT_RULES (%u)", member, n,
           LIMIT_RULES);
    rule_t *rules = ARENA_ARRAY(&rs->arena, rule_t, n == 0 ? 1 : n);
    ENSURE(rules != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        TRY(parse_rule(rs, &rules[i], json_array_get(list, i), encoding, err));
    }
    *out = rules;
    *n_out = n;
    return SCHLOSS_OK;
}

schloss_rc ruleset_parse(ruleset_t **out, json_t *rule_set, schloss_error_t *err) {
    static const char *const envs[] = {"ALL", "CLIENT", "GATEWAY", "SERVER", "NONE"};
    ruleset_t *rs = MEM_NEW(ruleset_t);
    ENSURE(rs != NULL, err, NO_MEMORY, "out of memory");
    arena_init(&rs->arena, LIMIT_SCHEMA_BYTES, false);
    schloss_rc rc = SCHLOSS_OK;
    if (rule_set != NULL && !json_is_null(rule_set)) {
        bool bad = !json_is_object(rule_set);
        int env = 0;
        rs->json = json_incref(rule_set);
        const char *at = bad ? "ALL" : json_opt_str(rule_set, "enableAt", "ALL", &bad);
        if (bad || !parse_name(at, envs, COUNT_OF(envs), &env)) {
            rc = FAIL(err, RULE_SET, "the rule set is malformed (enableAt)");
            goto fail;
        }
        rs->enable_at = (rule_env_t)env;
        TRY_TO(fail, rc, parse_list(rs, rule_set, "domainRules", false, &rs->domain, &rs->n_domain, err));
        TRY_TO(fail, rc, parse_list(rs, rule_set, "encodingRules", true, &rs->encoding, &rs->n_encoding, err));
    }
    *out = rs;
    return SCHLOSS_OK;
fail:
    ruleset_free(rs);
    return rc;
}

void ruleset_free(ruleset_t *rs) {
    if (rs != NULL) {
        arena_clear(&rs->arena);
        json_decref(rs->json);
        mem_free(rs);
    }
}

static bool has_tag(const rule_t *r, const char *tag) {
    for (size_t i = 0; i < r->n_tags; i++) {
        if (strcmp(r->tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

bool rule_same_tags(const rule_t *a, const rule_t *b) {
    if (a->n_tags == 0 || b->n_tags == 0) {
        return false;
    }
    for (size_t i = 0; i < a->n_tags; i++) {
        if (!has_tag(b, a->tags[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < b->n_tags; i++) {
        if (!has_tag(a, b->tags[i])) {
            return false;
        }
    }
    return true;
}

bool rule_mode_runs(rule_mode_t mode, bool writing) {
    return mode == RULE_WRITEREAD || mode == (writing ? RULE_WRITE : RULE_READ);
}

const char *rule_param(const rule_t *rule, const json_t *metadata, const char *name) {
    const char *own = json_string_value(json_object_get(rule->params, name));
    if (own != NULL) {
        return own;
    }
    return json_string_value(json_object_get(json_object_get(metadata, "properties"), name));
}

const char *rule_action(const rule_t *rule, const char *text, bool writing, char buf[64]) {
    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    const char *start = text;
    size_t len = strlen(text);
    const char *comma = strchr(text, ',');
    if (comma != NULL && rule->mode == RULE_WRITEREAD) {
        if (writing) {
            len = (size_t)(comma - text);
        } else {
            start = comma + 1;
            len = strlen(start);
        }
    }
    while (len > 0 && start[0] == ' ') {
        start++;
        len--;
    }
    while (len > 0 && start[len - 1] == ' ') {
        len--;
    }
    if (len == 0) {
        return NULL; /* "NONE," on reading: the default action, never a silent pass */
    }
    if (len > 63) {
        len = 63;
    }
    memcpy(buf, start, len);
    buf[len] = '\0';
    return buf;
}
