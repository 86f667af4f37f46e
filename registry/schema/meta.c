/* See meta.h: normal forms and merging. Rule validation is in rules.c. */
#include "registry/schema/meta.h"
#include "codec/json/load.h"
#include "registry/schema/name.h"
#include <stdlib.h>
#include <string.h>

/* jansson's setters steal the value even when they fail; NULL values make them fail. */
static bool set(json_t *o, const char *name, json_t *v) {
    return json_object_set_new_nocheck(o, name, v) == 0;
}

rest_rc json_text(request_t *rq, const json_t *v, const char **out) {
    *out = NULL;
    if (v == NULL) {
        return 0;
    }
    char *s = json_print(v);
    char *copy = s == NULL ? NULL : arena_strdup(&rq->arena, s);
    mem_free(s);
    if (copy == NULL) {
        return rest_oom(rq);
    }
    *out = copy;
    return 0;
}

rest_rc json_stored(request_t *rq, const char *text, json_t **out) {
    *out = NULL;
    if (text == NULL) {
        return 0;
    }
    json_t *v = NULL;
    if (json_load(&v, "stored value", text, strlen(text), NULL) != 0) {
        return rest_oom(rq);
    }
    *out = request_adopt(rq, v);
    return *out == NULL ? rest_oom(rq) : 0;
}

static rest_rc new_object(request_t *rq, json_t **out) {
    *out = request_adopt(rq, json_object());
    return *out == NULL ? rest_oom(rq) : 0;
}

static int by_utf16(const void *a, const void *b) {
    return utf16_compare(*(const char *const *)a, *(const char *const *)b);
}

/* Keys of o in Java's order. */
static rest_rc sorted_keys(request_t *rq, const json_t *o, const char ***keys, size_t *n) {
    *n = json_object_size(o);
    *keys = arena_alloc_n(&rq->arena, *n + 1, sizeof(char *));
    if (*keys == NULL) {
        return rest_oom(rq);
    }
    size_t i = 0;
    for (void *it = json_object_iter((json_t *)(uintptr_t)o); it != NULL && i < *n;
         it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
        (*keys)[i++] = json_object_iter_key(it);
    }
    qsort((void *)*keys, i, sizeof(char *), by_utf16);
    *n = i;
    return 0;
}

/* A list of texts as a sorted set: a new reference, or NULL with rq answered. */
static rest_rc text_set(request_t *rq, const json_t *list, const char *name, json_t **out) {
    size_t n = json_array_size(list), m = 0;
    const char **texts = arena_alloc_n(&rq->arena, n + 1, sizeof(char *));
    if (texts == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < n; i++) {
        const char *s;
        TRY(scalar_str(rq, json_array_get(list, i), name, &s));
        if (s != NULL) {
            texts[m++] = s;
        }
    }
    qsort((void *)texts, m, sizeof(char *), by_utf16);
    json_t *a = json_array();
    for (size_t i = 0; a != NULL && i < m; i++) {
        if ((i == 0 || strcmp(texts[i - 1], texts[i]) != 0) &&
            json_array_append_new(a, json_string_nocheck(texts[i])) != 0) {
            json_decref(a);
            a = NULL;
        }
    }
    *out = a;
    return a == NULL ? rest_oom(rq) : 0;
}

/* o[name] = sorted map of texts from in[name], when that is not empty. */
static rest_rc take_text_map(request_t *rq, json_t *o, const json_t *in, const char *name) {
    json_t *from, *to;
    const char **keys;
    size_t n;
    TRY(member_object(rq, in, name, &from));
    if (from == NULL || json_object_size(from) == 0) {
        return 0;
    }
    TRY(new_object(rq, &to));
    TRY(sorted_keys(rq, from, &keys, &n));
    for (size_t i = 0; i < n; i++) {
        const char *s;
        TRY(scalar_str(rq, json_object_get(from, keys[i]), name, &s));
        if (!set(to, keys[i], s == NULL ? json_null() : json_string_nocheck(s))) {
            return rest_oom(rq);
        }
    }
    return json_object_set_nocheck(o, name, to) == 0 ? 0 : rest_oom(rq);
}

static rest_rc take_text_set(request_t *rq, json_t *o, const json_t *in, const char *name) {
    json_t *from, *to;
    TRY(member_array(rq, in, name, &from));
    if (from == NULL || json_array_size(from) == 0) {
        return 0;
    }
    TRY(text_set(rq, from, name, &to));
    if (json_array_size(to) == 0) {
        json_decref(to);
        return 0;
    }
    return set(o, name, to) ? 0 : rest_oom(rq);
}

/* o[name] = in[name] as text, when not empty. */
static rest_rc take_text(request_t *rq, json_t *o, const json_t *in, const char *name) {
    const char *s = NULL;
    TRY(member_str(rq, in, name, &s));
    return s == NULL || *s == '\0' || set(o, name, json_string_nocheck(s)) ? 0 : rest_oom(rq);
}

static rest_rc take_enum(request_t *rq, json_t *o, const json_t *in, const char *name, const char *const *values,
                         const char *dflt) {
    const char *s = dflt;
    TRY(member_str(rq, in, name, &s));
    if (s == NULL) {
        return 0;
    }
    for (size_t i = 0; values[i] != NULL; i++) {
        if (strcmp(values[i], s) == 0) {
            return set(o, name, json_string_nocheck(s)) ? 0 : rest_oom(rq);
        }
    }
    return rest_failf(rq, REST_BAD_REQUEST, "Cannot deserialize member \"%s\": \"%.100s\" is none of its values", name,
                      s);
}

/* ---- metadata ---- */
rest_rc metadata_normalize(request_t *rq, const json_t *in, json_t **out) {
    *out = NULL;
    if (in == NULL) {
        return 0;
    }
    json_t *o, *tags;
    TRY(new_object(rq, &o));
    TRY(member_object(rq, in, "tags", &tags));
    if (tags != NULL && json_object_size(tags) != 0) {
        json_t *to;
        const char **keys;
        size_t n;
        TRY(new_object(rq, &to));
        TRY(sorted_keys(rq, tags, &keys, &n));
        for (size_t i = 0; i < n; i++) {
            json_t *list, *set_of;
            TRY(member_array(rq, tags, keys[i], &list));
            TRY(text_set(rq, list, keys[i], &set_of));
            if (!set(to, keys[i], set_of)) {
                return rest_oom(rq);
            }
        }
        if (json_object_set_nocheck(o, "tags", to) != 0) {
            return rest_oom(rq);
        }
    }
    TRY(take_text_map(rq, o, in, "properties"));
    TRY(take_text_set(rq, o, in, "sensitive"));
    *out = o;
    return 0;
}

const char *metadata_property(const json_t *metadata, const char *name) {
    return json_string_value(json_object_get(json_object_get(metadata, "properties"), name));
}

rest_rc metadata_with_property(request_t *rq, const json_t *metadata, const char *name, const char *value,
                               json_t **out) {
    json_t *copy = metadata == NULL ? json_object() : json_deep_copy(metadata);
    copy = request_adopt(rq, copy);
    json_t *props = json_object_get(copy, "properties");
    if (copy != NULL && props == NULL && set(copy, "properties", json_object())) {
        props = json_object_get(copy, "properties");
    }
    if (props == NULL) {
        return rest_oom(rq);
    }
    if (value == NULL) {
        (void)json_object_del(props, name);
    } else if (!set(props, name, json_string_nocheck(value))) {
        return rest_oom(rq);
    }
    return metadata_normalize(rq, copy, out);
}

static bool update_member(json_t *into, const json_t *from, const char *name) {
    json_t *f = json_object_get(from, name), *t = json_object_get(into, name);
    if (f == NULL) {
        return true;
    }
    if (t == NULL) {
        return json_object_set_nocheck(into, name, f) == 0;
    }
    return json_is_array(f) ? json_array_extend(t, f) == 0 : json_object_update(t, f) == 0;
}

rest_rc metadata_merge(request_t *rq, json_t *older, json_t *newer, json_t **out) {
    if (older == NULL || newer == NULL) {
        *out = older == NULL ? newer : older;
        return 0;
    }
    json_t *merged = request_adopt(rq, json_deep_copy(older));
    if (merged == NULL || !update_member(merged, newer, "tags") || !update_member(merged, newer, "properties") ||
        !update_member(merged, newer, "sensitive")) {
        return rest_oom(rq);
    }
    return metadata_normalize(rq, merged, out);
}

/* ---- rule sets ---- */
static const char *const lists[] = {"migrationRules", "domainRules", "encodingRules"};

static rest_rc rule_normalize(request_t *rq, const json_t *in, json_t **out) {
    static const char *const kinds[] = {"TRANSFORM", "CONDITION", NULL};
    static const char *const modes[] = {"UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD", NULL};
    if (!json_is_object(in)) {
        return rest_fail(rq, REST_BAD_REQUEST, "Cannot deserialize a rule: an object is expected");
    }
    json_t *o;
    const char *name = NULL;
    bool disabled = false;
    TRY(new_object(rq, &o));
    TRY(member_str(rq, in, "name", &name));
    if (name != NULL && !set(o, "name", json_string_nocheck(name))) { /* an empty one is kept for the validation */
        return rest_oom(rq);
    }
    TRY(take_text(rq, o, in, "doc"));
    TRY(take_enum(rq, o, in, "kind", kinds, "TRANSFORM"));
    TRY(take_enum(rq, o, in, "mode", modes, "WRITEREAD"));
    TRY(take_text(rq, o, in, "type"));
    TRY(take_text_set(rq, o, in, "tags"));
    TRY(take_text_map(rq, o, in, "params"));
    TRY(take_text(rq, o, in, "expr"));
    TRY(take_text(rq, o, in, "onSuccess"));
    TRY(take_text(rq, o, in, "onFailure"));
    TRY(member_bool(rq, in, "disabled", &disabled));
    if (!set(o, "disabled", json_boolean(disabled))) {
        return rest_oom(rq);
    }
    *out = o;
    return 0;
}

rest_rc ruleset_normalize(request_t *rq, const json_t *in, json_t **out) {
    static const char *const phases[] = {"ALL", "CLIENT", "GATEWAY", "SERVER", "NONE", NULL};
    *out = NULL;
    if (in == NULL) {
        return 0;
    }
    json_t *o;
    TRY(new_object(rq, &o));
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        json_t *from;
        TRY(member_array(rq, in, lists[l], &from));
        if (from == NULL || json_array_size(from) == 0) {
            continue;
        }
        json_t *to = json_array();
        if (to == NULL || !set(o, lists[l], to)) {
            return rest_oom(rq);
        }
        for (size_t i = 0; i < json_array_size(from); i++) {
            json_t *rule;
            TRY(rule_normalize(rq, json_array_get(from, i), &rule));
            if (json_array_append(to, rule) != 0) {
                return rest_oom(rq);
            }
        }
    }
    TRY(take_enum(rq, o, in, "enableAt", phases, NULL));
    *out = o;
    return 0;
}

static bool has_rule_named(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *n = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (n != NULL && strcmp(n, name) == 0) {
            return true;
        }
    }
    return false;
}

rest_rc ruleset_merge(request_t *rq, json_t *older, json_t *newer, json_t **out) {
    if (older == NULL || newer == NULL) {
        *out = older == NULL ? newer : older;
        return 0;
    }
    json_t *merged;
    TRY(new_object(rq, &merged));
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        const json_t *o = json_object_get(older, lists[l]), *n = json_object_get(newer, lists[l]);
        json_t *list = json_array();
        if (list == NULL || !set(merged, lists[l], list)) {
            return rest_oom(rq);
        }
        for (size_t i = 0; i < json_array_size(o); i++) {
            json_t *rule = json_array_get(o, i);
            const char *name = json_string_value(json_object_get(rule, "name"));
            if ((name == NULL || !has_rule_named(n, name)) && json_array_append(list, rule) != 0) {
                return rest_oom(rq);
            }
        }
        if (n != NULL && json_array_extend(list, (json_t *)(uintptr_t)n) != 0) {
            return rest_oom(rq);
        }
    }
    json_t *at = json_object_get(newer, "enableAt");
    at = at != NULL ? at : json_object_get(older, "enableAt");
    if (at != NULL && json_object_set_nocheck(merged, "enableAt", at) != 0) {
        return rest_oom(rq);
    }
    return ruleset_normalize(rq, merged, out);
}
