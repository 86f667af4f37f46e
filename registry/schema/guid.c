/* See guid.h. Order and separators are the interface: nothing here may change. */
#include "registry/schema/guid.h"
#include "crypto/kdf.h"
#include <string.h>

static const uint8_t one = 1;

static void add_text(md5_t *m, const json_t *v) {
    if (json_is_string(v)) {
        md5_update(m, json_string_value(v), json_string_length(v));
    }
}

static void add_list(md5_t *m, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        add_text(m, json_array_get(list, i));
    }
}

/* Normal forms are sorted already. */
static void add_map(md5_t *m, const json_t *map) {
    json_t *o = (json_t *)(uintptr_t)map;
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);
        md5_update(m, key, strlen(key));
        if (json_is_array(value)) {
            add_list(m, value);
        } else {
            add_text(m, value);
        }
    }
}

static void add_rules(md5_t *m, const json_t *rules) {
    static const char *const head[] = {"name", "doc", "kind", "mode", "type"};
    static const char *const tail[] = {"expr", "onSuccess", "onFailure"};
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        for (size_t j = 0; j < COUNT_OF(head); j++) {
            add_text(m, json_object_get(rule, head[j]));
        }
        add_list(m, json_object_get(rule, "tags"));
        add_map(m, json_object_get(rule, "params"));
        for (size_t j = 0; j < COUNT_OF(tail); j++) {
            add_text(m, json_object_get(rule, tail[j]));
        }
        if (json_is_true(json_object_get(rule, "disabled"))) {
            md5_update(m, &one, 1);
        }
    }
}

rest_rc schema_guid(request_t *rq, uint8_t out[16], const char *text, const json_t *refs, const json_t *metadata,
                    const json_t *ruleset) {
    md5_t *m = md5_new();
    if (m == NULL) {
        return rest_oom(rq);
    }
    md5_update(m, text, strlen(text));
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *ref = json_array_get(refs, i);
        uint8_t version[4];
        be32_write(version, (uint32_t)json_integer_value(json_object_get(ref, "version")));
        add_text(m, json_object_get(ref, "name"));
        add_text(m, json_object_get(ref, "subject"));
        md5_update(m, version, sizeof version);
    }
    if (metadata != NULL) {
        md5_update(m, &one, 1);
        add_map(m, json_object_get(metadata, "tags"));
        add_map(m, json_object_get(metadata, "properties"));
        add_list(m, json_object_get(metadata, "sensitive"));
    }
    if (ruleset != NULL) {
        md5_update(m, &one, 1);
        add_rules(m, json_object_get(ruleset, "migrationRules"));
        add_rules(m, json_object_get(ruleset, "domainRules"));
        add_rules(m, json_object_get(ruleset, "encodingRules"));
        add_text(m, json_object_get(ruleset, "enableAt"));
    }
    return md5_finish(m, out) ? 0 : rest_oom(rq);
}
