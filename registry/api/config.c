/* Settings of the registry, of contexts and of subjects (schema-registry-api 10). A record is stored as the JSON of a
 * ConfigUpdateRequest. Compatibility is not checked by this version, so no level but NONE is accepted. */
#include "registry/api/handlers.h"
#include "registry/schema/meta.h"
#include <string.h>
#include <strings.h>

#define LEVEL "compatibility"

typedef enum { TEXT, FLAG, POLICY, METADATA, RULESET, LEVEL_FIELD } kind_t;

/* Members in output order; inherited: taken from the global record when the subject's lacks it. */
static const struct {
    const char *name;
    kind_t kind;
    bool inherited;
} members[] = {
    {"alias", TEXT, false},
    {"aliasForDeks", TEXT, false},
    {"normalize", FLAG, true},
    {"validateFields", FLAG, true},
    {"validateNewSchemas", FLAG, true},
    {"validateRules", FLAG, true},
    {LEVEL, LEVEL_FIELD, false},
    {"compatibilityPolicy", POLICY, true},
    {"compatibilityGroup", TEXT, true},
    {"defaultMetadata", METADATA, false},
    {"overrideMetadata", METADATA, false},
    {"defaultRuleSet", RULESET, false},
    {"overrideRuleSet", RULESET, false},
};

static const char GET_SQL[] = "SELECT body FROM config WHERE scope=?";
static const char PUT_SQL[] = "INSERT OR REPLACE INTO config(scope, body, alias, alias_deks) VALUES(?, ?, ?, ?)";
static const char DELETE_SQL[] = "DELETE FROM config WHERE scope=?";

static rest_rc load(request_t *rq, db_t *db, const char *scope, json_t **out) {
    *out = NULL;
    sqlite3_stmt *st = db_query(db, GET_SQL, "t", scope);
    if (!db_row(db, st)) {
        return 0;
    }
    rest_rc rc = json_stored(rq, col_text(st, 0), out);
    db_done(st);
    return rc;
}

static rest_rc with_level(request_t *rq, json_t *config) {
    if (json_object_get(config, LEVEL) == NULL &&
        json_object_set_new_nocheck(config, LEVEL, json_string_nocheck("NONE")) != 0) {
        return rest_oom(rq);
    }
    return 0;
}

rest_rc config_effective(request_t *rq, db_t *db, const qname_t *q, json_t **out) {
    const char *ctx_scope;
    TRY(qname_context_scope(rq, q, &ctx_scope));
    if (*q->subject != '\0') {
        TRY(load(rq, db, qname_scope(q), out));
        if (*out != NULL) {
            json_t *global;
            TRY(load(rq, db, "", &global));
            for (size_t i = 0; global != NULL && i < COUNT_OF(members); i++) {
                json_t *v = json_object_get(global, members[i].name);
                if (members[i].inherited && v != NULL && json_object_get(*out, members[i].name) == NULL &&
                    json_object_set_nocheck(*out, members[i].name, v) != 0) {
                    return rest_oom(rq);
                }
            }
            return with_level(rq, *out);
        }
    }
    TRY(load(rq, db, ctx_scope, out));
    if (*out == NULL) {
        TRY(load(rq, db, SCOPE_GLOBAL, out));
    }
    if (*out == NULL) {
        *out = request_adopt(rq, json_object());
    }
    return *out == NULL ? rest_oom(rq) : with_level(rq, *out);
}

/* Config entity: the level is called compatibilityLevel here. */
static rest_rc put_config(request_t *rq, const json_t *config, const char *level_name) {
    buf_t *b = &rq->out;
    buf_put_u8(b, '{');
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *text;
        TRY(json_text(rq, json_object_get(config, members[i].name), &text));
        put_raw(b, members[i].kind == LEVEL_FIELD ? level_name : members[i].name, text);
    }
    buf_put_u8(b, '}');
    return 0;
}

/* Scope of the request: "" is the global level. */
static rest_rc scope_of(request_t *rq, qname_t *q) {
    return qname_parse(rq, rq->arg[0] == NULL ? "" : rq->arg[0], q);
}

rest_rc api_config_get(void *service, request_t *rq, db_t *db) {
    (void)service;
    qname_t q;
    json_t *config;
    TRY(scope_of(rq, &q));
    TRY(load(rq, db, qname_scope(&q), &config));
    if (request_flag(rq, "defaultToGlobal") || (config == NULL && *qname_scope(&q) == '\0')) {
        if (*qname_scope(&q) == '\0' && !request_flag(rq, "defaultToGlobal")) {
            config = request_adopt(rq, json_object());
            TRY(config == NULL ? rest_oom(rq) : with_level(rq, config));
        } else {
            TRY(config_effective(rq, db, &q, &config));
        }
    }
    if (config == NULL) {
        return rest_fail(rq, REST_NO_SUBJECT_CONFIG, q.full);
    }
    TRY(with_level(rq, config));
    return put_config(rq, config, "compatibilityLevel");
}

/* ---- PUT ---- */
static rest_rc check_level(request_t *rq, const json_t *body) {
    static const char *const levels[] = {"BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE",
                                         "FULL",     "FULL_TRANSITIVE"};
    const char *level = NULL;
    TRY(member_str(rq, body, LEVEL, &level));
    if (level == NULL || strcasecmp(level, "NONE") == 0) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (strcasecmp(level, levels[i]) == 0) {
            return rest_fail(rq, REST_LEVEL_UNSUPPORTED, levels[i]);
        }
    }
    return rest_fail(rq, REST_INVALID_LEVEL, NULL);
}

/* New value of a member, in normal form; a new reference. */
static rest_rc read_member(request_t *rq, const json_t *body, size_t i, json_t **out) {
    const char *name = members[i].name, *text = NULL;
    json_t *object = NULL, *normal = NULL;
    bool flag = false;
    switch (members[i].kind) {
    case FLAG:
        TRY(member_bool(rq, body, name, &flag));
        *out = json_boolean(flag);
        return 0;
    case METADATA:
        TRY(member_object(rq, body, name, &object));
        TRY(metadata_normalize(rq, object, &normal));
        *out = json_incref(normal);
        return 0;
    case RULESET:
        TRY(member_object(rq, body, name, &object));
        TRY(ruleset_normalize(rq, object, &normal));
        *out = json_incref(normal);
        return 0;
    case LEVEL_FIELD:
        *out = json_string_nocheck("NONE");
        break;
    case POLICY:
        TRY(member_str(rq, body, name, &text));
        if (strcmp(text, "STRICT") != 0 && strcmp(text, "LENIENT") != 0 && strcmp(text, "LOGICAL") != 0) {
            return rest_fail(rq, REST_BAD_REQUEST, "compatibilityPolicy is none of STRICT, LENIENT, LOGICAL");
        }
        *out = json_string_nocheck(text);
        break;
    case TEXT:
    default:
        TRY(member_str(rq, body, name, &text));
        *out = json_string_nocheck(text);
        break;
    }
    return *out == NULL ? rest_oom(rq) : 0;
}

/* Absent keeps, null clears, a value replaces. */
static rest_rc merge(request_t *rq, json_t *config, const json_t *body) {
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const json_t *v = json_object_get(body, members[i].name);
        if (v == NULL) {
            continue;
        }
        if (json_is_null(v)) {
            (void)json_object_del(config, members[i].name);
            continue;
        }
        json_t *value;
        TRY(read_member(rq, body, i, &value));
        if (json_object_set_new_nocheck(config, members[i].name, value) != 0) {
            return rest_oom(rq);
        }
    }
    return 0;
}

static rest_rc check_rulesets(request_t *rq, const json_t *body) {
    static const char *const names[] = {"defaultRuleSet", "overrideRuleSet"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_t *in, *normal;
        TRY(member_object(rq, body, names[i], &in));
        TRY(ruleset_normalize(rq, in, &normal));
        if (normal != NULL) {
            TRY(ruleset_validate(rq, normal));
        }
    }
    return 0;
}

rest_rc api_config_put(void *service, request_t *rq, db_t *db) {
    (void)service;
    json_t *body, *config;
    qname_t q;
    const char *text;
    TRY(request_object(rq, "updateConfig.request", &body));
    TRY(check_level(rq, body));
    TRY(check_rulesets(rq, body));
    TRY(scope_of(rq, &q));
    TRY(qname_check(rq, &q, true));
    TRY(mode_check_writable(rq, db, &q));
    TRY(load(rq, db, qname_scope(&q), &config));
    if (config == NULL) {
        config = request_adopt(rq, json_object());
        if (config == NULL) {
            return rest_oom(rq);
        }
    }
    TRY(merge(rq, config, body));
    TRY(json_text(rq, config, &text));
    (void)db_exec(db, PUT_SQL, "tttt", qname_scope(&q), text, json_string_value(json_object_get(config, "alias")),
                  json_string_value(json_object_get(config, "aliasForDeks")));
    return put_config(rq, config, LEVEL);
}

rest_rc api_config_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    json_t *config;
    qname_t q;
    TRY(scope_of(rq, &q));
    TRY(mode_check_writable(rq, db, &q));
    TRY(load(rq, db, qname_scope(&q), &config));
    if (config == NULL && *qname_scope(&q) != '\0') {
        return rest_fail(rq, REST_SUBJECT_NOT_FOUND, q.full);
    }
    if (config == NULL) {
        config = request_adopt(rq, json_object());
        if (config == NULL) {
            return rest_oom(rq);
        }
    }
    TRY(with_level(rq, config));
    (void)db_exec(db, DELETE_SQL, "t", qname_scope(&q));
    return put_config(rq, config, "compatibilityLevel");
}
