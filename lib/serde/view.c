/* Compiling views: which rules run, in which order, with which keys (spec client-encryption 3.2-3.6). */
#include "serde/view.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "rules/tags.h"
#include "rules/wildcard.h"
#include "serde/conf.h"
#include "serde/framing.h"
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

view_t *view_ref(view_t *v) {
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void view_unref(view_t *v) {
    if (v == NULL || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < v->n_runs; i++) {
        plan_free(v->runs[i].plan);
        schloss_error_free(v->runs[i].broken);
    }
    mem_free(v->runs);
    mem_free(v->skipped);
    plan_free(v->check);
    plan_free(v->redact);
    ruleset_free(v->rules);
    avro_schema_free(v->schema.avro);
    json_schema_free(v->schema.json);
    pb_schema_free(v->schema.protobuf);
    sr_schema_unref(v->schema.sr);
    mem_free(v->schema.subject);
    mem_free(v->key);
    mem_free(v);
}

void view_unref_void(void *v) {
    view_unref(v);
}

/* ---- does a rule run? ---- */

static bool environment_runs(rule_env_t at, const char *environment) {
    switch (at) {
    case ENABLE_ALL:
        return true;
    case ENABLE_NONE:
        return false;
    case ENABLE_CLIENT:
        return strcmp(environment, "CLIENT") == 0;
    case ENABLE_GATEWAY:
        return strcmp(environment, "GATEWAY") == 0;
    case ENABLE_SERVER:
        return strcmp(environment, "SERVER") == 0;
    }
    return false;
}

static bool rule_runs(const core_t *c, const ruleset_t *rs, const rule_t *r, bool writing) {
    if (!rule_mode_runs(r->mode, writing)) {
        return false;
    }
    const char *disabled = conf_rule(c->conf, r->name, r->type_upper, "disabled");
    if (disabled != NULL) { /* the client's word comes first, before enableAt too (spec 3.3) */
        return strcasecmp(disabled, "true") != 0;
    }
    return !r->disabled && environment_runs(rs->enable_at, conf_str(c->conf, "execution.environment"));
}

/* Two rules of one list with the same tags, type and mode encrypt once: the first listed one acts, in both directions.
 * A rule that does not run does not stand for another (unlike upstream, where data would go out in clear).
 * @return the rule that stands for list[i], NULL: none */
static const rule_t *shadow_of(const core_t *c, const ruleset_t *rs, const rule_t *list, size_t i, bool writing) {
    for (size_t k = 0; k < i; k++) {
        if (list[k].kind == RULE_TRANSFORM && list[k].type == list[i].type && list[k].mode == list[i].mode &&
            list[i].type == RULE_TYPE_ENCRYPT && rule_same_tags(&list[k], &list[i]) &&
            rule_runs(c, rs, &list[k], writing)) {
            return &list[k];
        }
    }
    return NULL;
}

/* ---- actions ---- */

static action_t action_of(const core_t *c, const rule_t *r, const char *which, const char *own, bool writing,
                          action_t dflt, char name[64]) {
    const char *over = conf_rule(c->conf, r->name, r->type_upper, which);
    const char *text = rule_action(r, over != NULL ? over : own, writing, name);
    if (text == NULL) {
        name[0] = '\0';
        return dflt;
    }
    return strcmp(text, "NONE") == 0      ? ACTION_NONE
           : strcmp(text, "ERROR") == 0   ? ACTION_ERROR
           : strcasecmp(text, "DLQ") == 0 ? ACTION_DLQ
                                          : ACTION_UNKNOWN;
}

/* ---- parameters ---- */

static schloss_rc check_kek_name(const char *name, schloss_error_t *err) {
    ENSURE(name != NULL, err, BAD_RULE_PARAM, "No kek name found");
    ENSURE(name[0] != '\0', err, BAD_RULE_PARAM, "Empty kek name");
    ENSURE(strlen(name) <= 256 * 3, err, BAD_RULE_PARAM, "kek name longer than 256 characters");
    for (const char *p = name; *p != '\0'; p++) {
        unsigned char ch = (unsigned char)*p;
        bool letter = ch >= 0x80 || ch == '_' || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
        bool other = (ch >= '0' && ch <= '9') || ch == '-';
        if (!letter && (p == name || !other)) {
            return FAIL(err, BAD_RULE_PARAM, "Illegal %scharacter in kek name: %s", p == name ? "initial " : "", name);
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_days(const char *text, int32_t *days, schloss_error_t *err) {
    *days = 0;
    if (text == NULL || text[0] == '\0') {
        return SCHLOSS_OK;
    }
    int64_t v = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || (v = v * 10 + (*p - '0')) > INT32_MAX) {
            schloss_rc rc = FAIL(err, BAD_RULE_PARAM, "Invalid value for encrypt.dek.expiry.days: %s", text);
            err_hint(err, "whole days, 0 or more");
            return rc;
        }
    }
    *days = (int32_t)v;
    return SCHLOSS_OK;
}

static schloss_rc find_slot(core_t *c, view_t *v, rule_run_t *run, schloss_error_t *err) {
    const rule_t *r = run->rule;
    const json_t *md = v->schema.sr->metadata;
    const char *alg = rule_param(r, md, "encrypt.dek.algorithm");
    char scope[CONF_NAME_MAX];
    conf_executor_scope(c->conf, v->schema.subject, r->name, r->type_upper, scope);
    dek_spec_t spec = {
        .kek = rule_param(r, md, "encrypt.kek.name"),
        .subject = v->schema.subject,
        .kms_type = rule_param(r, md, "encrypt.kms.type"),
        .kms_key_id = rule_param(r, md, "encrypt.kms.key.id"),
        .alg = DEK_AES256_GCM,
        .writing = v->writing,
        .conf_scope = scope,
        .conf_type = r->type_upper,
    };
    TRY(check_kek_name(spec.kek, err));
    if (alg != NULL && alg[0] != '\0' && !dek_alg_parse(alg, &spec.alg)) {
        schloss_rc rc = FAIL(err, BAD_RULE_PARAM, "Invalid value for encrypt.dek.algorithm: %s", alg);
        err_hint(err, "AES128_GCM, AES256_GCM or AES256_SIV");
        return rc;
    }
    TRY(parse_days(rule_param(r, md, "encrypt.dek.expiry.days"), &spec.expiry_days, err));
    run->alg = spec.alg;
    run->versioned = spec.expiry_days > 0;
    return env_slot(&c->env, &spec, &run->slot, err);
}

/* ---- one rule ---- */

static bool is_builtin(const rule_t *r) {
    return r->type == RULE_TYPE_ENCRYPT || r->type == RULE_TYPE_ENCRYPT_PAYLOAD;
}

static schloss_rc find_executor(core_t *c, rule_run_t *run, schloss_error_t *err) {
    const rule_t *r = run->rule;
    if (!is_builtin(r)) {
        run->executor = rule_ext_executor(c, r->type_name);
    }
    if (is_builtin(r) ? !conf_has_executor(c->conf, r->type_upper) : run->executor == NULL) {
        schloss_rc rc = FAIL(err, NO_EXECUTOR, "Could not find rule executor of type %s", r->type_name);
        err_hint(err, "this client executes ENCRYPT and ENCRYPT_PAYLOAD; add an executor of your own "
                      "(schloss/ext/rule.h), let the rule run elsewhere (enableAt) or disable it here");
        return rc;
    }
    if (is_builtin(r) && (r->type == RULE_TYPE_ENCRYPT_PAYLOAD) != r->is_encoding) {
        return FAIL(err, RULE_SET, "a rule of type %s cannot stand among the %s rules", r->type_upper,
                    r->is_encoding ? "encoding" : "domain");
    }
    ENSURE(!is_builtin(r) || r->kind == RULE_TRANSFORM, err, RULE_SET, "a rule of type %s must be of kind TRANSFORM",
           r->type_upper);
    if (run->executor != NULL && run->executor->transform_field != NULL) {
        ENSURE(!r->is_encoding && r->kind == RULE_TRANSFORM, err, RULE_SET,
               "a rule of type %s works field by field: it must be a domain rule of kind TRANSFORM", r->type_upper);
    }
    return SCHLOSS_OK;
}

static plan_spec_t spec_of(const core_t *c, const view_t *v, const rule_t *r) {
    return (plan_spec_t){
        .rule = r,
        .metadata = v->schema.sr->metadata,
        .writing = v->writing,
        .inherit_tags = conf_bool(c->conf, "schloss.tag.inheritance"),
        .lax_branches = conf_bool(c->conf, "schloss.json.branch.lax"),
    };
}

/* Finds executor, plan and key slot. A failure breaks the rule, not the view. */
static schloss_rc equip(core_t *c, view_t *v, rule_run_t *run, schloss_error_t *why) {
    TRY(find_executor(c, run, why));
    bool by_field = !run->is_payload && (run->executor == NULL || run->executor->transform_field != NULL);
    if (by_field) {
        plan_spec_t spec = spec_of(c, v, run->rule);
        spec.leave_others = run->executor != NULL;
        TRY(plan_compile(&run->plan, &v->type, &spec, why));
    }
    return run->executor == NULL ? find_slot(c, v, run, why) : SCHLOSS_OK;
}

/* "$.items[0].ssn" looks like a path and is a set of characters, to all clients: it covers nothing. */
static void warn_of_brackets(const view_t *v, const rule_t *r) {
    const char *pattern = NULL;
    json_t *list = NULL;
    json_object_foreach(json_object_get(v->schema.sr->metadata, "tags"), pattern, list) {
        if (strchr(pattern, '[') != NULL && rule_wants_list(r, list)) {
            LOG_WARN(
                "rules",
                "rule %s of subject %s: brackets in the pattern '%.200s' of metadata.tags are a set of characters, "
                "no index; leave the index out, or write * there",
                r->name, v->schema.subject, pattern);
        }
    }
}

static schloss_rc init_run(core_t *c, view_t *v, rule_run_t *run, const rule_t *r, schloss_error_t *err) {
    run->rule = r;
    run->is_payload = r->is_encoding;
    run->on_success = action_of(c, r, "onSuccess", r->on_success, v->writing, ACTION_NONE, run->on_success_name);
    run->on_failure = action_of(c, r, "onFailure", r->on_failure, v->writing, ACTION_ERROR, run->on_failure_name);
    run->stats = rule_ext_stats(c, v->schema.subject, r->name, r->type_upper, v->writing);
    ENSURE(run->stats != NULL, err, NO_MEMORY, "out of memory");
    if (v->writing && is_builtin(r) && run->on_failure == ACTION_NONE && conf_bool(c->conf, "schloss.rules.strict")) {
        LOG_WARN("rules", "rule %s of subject %s has onFailure NONE on write: schloss.rules.strict makes it ERROR",
                 r->name, v->schema.subject);
        run->on_failure = ACTION_ERROR;
    }
    schloss_error_t *why = schloss_error_new();
    ENSURE(why != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = equip(c, v, run, why);
    if (rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_LIMIT_EXCEEDED) {
        err_copy(err, why);
    } else if (rc != SCHLOSS_OK) {
        run->broken = why;
        return SCHLOSS_OK;
    }
    schloss_error_free(why);
    TRY(rc);
    if (run->executor != NULL) {
        return SCHLOSS_OK;
    }
    if (v->writing && !run->is_payload) {
        warn_of_brackets(v, r);
    }
    if (v->writing && run->plan != NULL && run->plan->n_unreached > 0) {
        METRIC_ADD(tags_unreached, 1);
        LOG_WARN("rules",
                 "rule %s of subject %s: %zu tagged field(s) hold records, messages or objects; a tag does not reach "
                 "into them: tag the fields inside",
                 r->name, v->schema.subject, run->plan->n_unreached);
    }
    if (run->is_payload || plan_n_fields(run->plan) > 0) {
        v->n_effective++;
    } else if (v->writing ||
               v->type.protobuf == NULL) { /* a reader of Protobuf looks at the first message to begin with */
        METRIC_ADD(rules_without_field, 1);
        LOG_WARN("rules", "rule %s of subject %s matches no string or bytes field: it encrypts nothing", r->name,
                 v->schema.subject);
    }
    return SCHLOSS_OK;
}

/* rule stands for other when writing: where it fails under NONE, other would have encrypted or failed. So it must not
 * be laxer than the rules that it stands for. */
static void stand_for(const core_t *c, view_t *v, const rule_t *rule, const rule_t *other) {
    char name[64];
    action_t strict = action_of(c, other, "onFailure", other->on_failure, true, ACTION_ERROR, name);
    for (size_t i = 0; i < v->n_runs && strict != ACTION_NONE; i++) {
        if (v->runs[i].rule == rule) {
            v->runs[i].on_failure = ACTION_ERROR;
        }
    }
}

static schloss_rc init_runs(core_t *c, view_t *v, schloss_error_t *err) {
    const ruleset_t *rs = v->rules;
    size_t n = rs->n_domain + rs->n_encoding;
    v->runs = mem_calloc(n == 0 ? 1 : n, sizeof(rule_run_t));
    v->skipped = mem_calloc(n == 0 ? 1 : n, sizeof(*v->skipped));
    ENSURE(v->runs != NULL && v->skipped != NULL, err, NO_MEMORY, "out of memory");
    for (int phase = 0; phase < 2; phase++) {
        bool domain = (phase == 0) == v->writing;
        const rule_t *list = domain ? rs->domain : rs->encoding;
        size_t len = domain ? rs->n_domain : rs->n_encoding;
        for (size_t k = 0; k < len; k++) {
            size_t i = v->writing ? k : len - 1 - k;
            const rule_t *shadow = shadow_of(c, rs, list, i, v->writing);
            bool runs = rule_runs(c, rs, &list[i], v->writing);
            if (!runs || shadow != NULL) {
                rule_stats_t *skipped =
                    rule_ext_stats(c, v->schema.subject, list[i].name, list[i].type_upper, v->writing);
                ENSURE(skipped != NULL, err, NO_MEMORY, "out of memory");
                v->skipped[v->n_skipped++] = skipped;
            }
            if (!runs) {
                continue;
            }
            if (shadow == NULL) { /* counted first, so that view_unref frees it */
                TRY(init_run(c, v, &v->runs[v->n_runs++], &list[i], err));
            } else if (v->writing) { /* then the list is gone through forwards: the shadow's run is there */
                stand_for(c, v, shadow, &list[i]);
            }
        }
    }
    return SCHLOSS_OK;
}

/* ---- dead letters ---- */

/* What a dead letter may show of a record that could not be written: a plan that redacts everything that the list's
 * encryption rules cover. A rule that covers what cannot be redacted (a payload, a number, a root without fields)
 * leaves nothing to show. */
static bool is_redacted(const core_t *c, const rule_t *r) {
    const char *types = conf_action(c->conf, r->name, "DLQ", "dlq.redact.rule.types"); /* ENCRYPT always */
    for (const char *p = types == NULL ? "" : types; *p != '\0';) {
        size_t n = strcspn(p, ", ");
        if (n == strlen(r->type_upper) && strncasecmp(p, r->type_upper, n) == 0) {
            return true;
        }
        p += n + (p[n] != '\0');
    }
    return r->type == RULE_TYPE_ENCRYPT;
}

static schloss_rc init_redaction(const core_t *c, view_t *v, schloss_error_t *err) {
    bool wanted = false, all = false;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < v->n_runs; i++) {
        wanted = wanted || v->runs[i].on_failure == ACTION_DLQ || v->runs[i].on_success == ACTION_DLQ;
    }
    for (size_t i = 0; v->writing && i < v->rules->n_encoding; i++) {
        wanted = wanted && v->rules->encoding[i].type == RULE_TYPE_OTHER; /* one that stands in the wrong list, too */
    }
    for (size_t i = 0; i < v->rules->n_domain; i++) {
        wanted = wanted && v->rules->domain[i].type != RULE_TYPE_ENCRYPT_PAYLOAD;
        cap += v->rules->domain[i].n_tags;
    }
    if (!v->writing || !wanted) {
        return SCHLOSS_OK;
    }
    const char **tags = mem_calloc(cap + 1, sizeof(*tags));
    ENSURE(tags != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < v->rules->n_domain; i++) { /* those that do not run here, too: their fields are as secret */
        const rule_t *r = &v->rules->domain[i];
        if (is_redacted(c, r)) {
            all = all || r->n_tags == 0;
            for (size_t k = 0; k < r->n_tags; k++) {
                tags[n++] = r->tags[k];
            }
        }
    }
    rule_t redact = {.name = "REDACT", .type_name = "REDACT", .type_upper = "REDACT", .tags = tags, .n_tags = n};
    redact.n_tags = all ? 0 : n;
    plan_spec_t spec = spec_of(c, v, &redact);
    schloss_rc rc = plan_compile(&v->redact, &v->type, &spec, NULL);
    mem_free(tags);
    return rc == SCHLOSS_E_NO_MEMORY ? NO_MEMORY(err) : SCHLOSS_OK;
}

/* ---- schema ---- */

static schloss_rc parse_avro(view_t *v, schloss_error_t *err) {
    const sr_schema_t *sr = v->schema.sr;
    avro_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (avro_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    schloss_rc rc = avro_schema_parse(&v->schema.avro, sr->text, strlen(sr->text), refs, sr->n_references, 0, err);
    mem_free(refs);
    TRY(rc);
    v->root_is_bytes = avro_schema_root(v->schema.avro)->kind == AVRO_BYTES;
    v->type.avro = v->schema.avro;
    return SCHLOSS_OK;
}

static schloss_rc parse_json(view_t *v, schloss_error_t *err) {
    const sr_schema_t *sr = v->schema.sr;
    json_schema_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (json_schema_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    schloss_rc rc = json_schema_parse(&v->schema.json, sr->text, strlen(sr->text), refs, sr->n_references, err);
    mem_free(refs);
    v->type.json = v->schema.json;
    return rc;
}

static schloss_rc parse_protobuf(view_t *v, const view_want_t *want, schloss_error_t *err) {
    const sr_schema_t *sr = v->schema.sr;
    int32_t path[PB_INDEX_MAX];
    size_t n = want->n_path;
    pb_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (pb_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    schloss_rc rc = pb_schema_parse(&v->schema.protobuf, sr->text, strlen(sr->text), refs, sr->n_references, err);
    mem_free(refs);
    TRY(rc);
    if (want->n_path > 0) {
        memcpy(path, want->path, n * sizeof(path[0]));
        v->schema.message = pb_schema_message(v->schema.protobuf, path, n);
        ENSURE(v->schema.message != NULL, err, BAD_MESSAGE_INDEX, "the schema has no message at index %d%s",
               (int)path[0], n > 1 ? " ..." : "");
    } else {
        v->schema.message = pb_schema_find(v->schema.protobuf, want->message, path, &n);
        ENSURE(v->schema.message != NULL, err, BAD_MESSAGE_INDEX, "the schema declares no message%s%s",
               want->message == NULL ? "" : " ", want->message == NULL ? "" : want->message);
    }
    v->type.protobuf = v->schema.message;
    size_t len = framing_write_indexes(v->prefix + FRAMING_ID_LEN, path, n);
    memcpy(v->guid + FRAMING_GUID_LEN, v->prefix + FRAMING_ID_LEN, len);
    v->prefix_len = FRAMING_ID_LEN + len;
    v->guid_len = FRAMING_GUID_LEN + len;
    return SCHLOSS_OK;
}

static schloss_rc parse_schema(view_t *v, const view_want_t *want, schloss_error_t *err) {
    const char *type = v->schema.sr->type;
    v->prefix_len = FRAMING_ID_LEN;
    v->guid_len = FRAMING_GUID_LEN;
    if (strcmp(type, "AVRO") == 0) {
        TRY(parse_avro(v, err));
    } else if (strcmp(type, "JSON") == 0) {
        TRY(parse_json(v, err));
    } else if (strcmp(type, "PROTOBUF") == 0) {
        TRY(parse_protobuf(v, want, err));
    } else {
        return FAIL(err, SCHEMA_TYPE, "schema %d is of type %s; AVRO, JSON and PROTOBUF are known",
                    (int)v->schema.sr->id, type);
    }
    return plan_compile(&v->check, &v->type, &(plan_spec_t){.writing = v->writing}, err);
}

schloss_rc view_new(core_t *c, const char *key, const char *subject, sr_schema_t *sr, const view_want_t *want,
                    view_t **out, schloss_error_t *err) {
    view_t *v = MEM_NEW(view_t);
    ENSURE(v != NULL, err, NO_MEMORY, "out of memory");
    atomic_init(&v->refs, 1);
    v->writing = want->writing;
    v->schema.sr = sr_schema_ref(sr);
    v->schema.subject = mem_strdup(subject);
    v->key = mem_strdup(key);
    schloss_rc rc = v->key == NULL || v->schema.subject == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        rc = parse_schema(v, want, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = ruleset_parse(&v->rules, sr->rule_set, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = metadata_check(sr->metadata, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = init_runs(c, v, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = init_redaction(c, v, err);
    }
    if (rc != SCHLOSS_OK) {
        err_subject(err, subject);
        view_unref(v);
        return rc;
    }
    uint8_t guid[16];
    framing_write_id(v->prefix, sr->id);
    if (uuid_parse(guid, sr->guid)) {
        framing_write_guid(v->guid, guid);
    } else {
        v->guid_len = 0;
    }
    *out = v;
    return SCHLOSS_OK;
}

static bool json_same(const json_t *a, const json_t *b) {
    return a == b || (a != NULL && b != NULL && json_equal(a, b));
}

static bool same_references(const sr_schema_t *a, const sr_schema_t *b) {
    bool same = a->n_references == b->n_references;
    for (size_t i = 0; same && i < a->n_references; i++) {
        same = strcmp(a->references[i].name, b->references[i].name) == 0 &&
               strcmp(a->references[i].text, b->references[i].text) == 0;
    }
    return same;
}

bool view_same(const view_t *v, const sr_schema_t *sr) {
    const sr_schema_t *o = v->schema.sr;
    return o->id == sr->id && o->version == sr->version && strcmp(o->type, sr->type) == 0 &&
           strcmp(o->text, sr->text) == 0 && json_same(o->metadata, sr->metadata) &&
           json_same(o->rule_set, sr->rule_set) && same_references(o, sr);
}

/* ---- guard ---- */

bool view_is_guarded(const char *subject, const char *require) {
    if (require == NULL || require[0] == '\0' || strcasecmp(require, "false") == 0) {
        return false;
    }
    for (const char *p = require; *p != '\0';) {
        size_t n = strcspn(p, ",");
        char pattern[512];
        size_t len = 0;
        for (size_t i = 0; i < n; i++) { /* here a star spans dots too: a guard errs on the side of guarding */
            if (p[i] == ' ') {
                continue;
            }
            if (len + 3 >= sizeof(pattern)) {
                return true; /* a pattern that cannot be judged guards everything */
            }
            pattern[len++] = p[i];
            if (p[i] == '*') {
                pattern[len++] = '*';
                i += i + 1 < n && p[i + 1] == '*';
            }
        }
        pattern[len] = '\0';
        if (len > 0 && (strcasecmp(pattern, "true") == 0 || rule_wildcard_match(pattern, subject))) {
            return true;
        }
        p += n + (p[n] == ',');
    }
    return false;
}

schloss_rc view_guard(const view_t *v, const char *require, schloss_error_t *err) {
    if (v->n_effective > 0 || !view_is_guarded(v->schema.subject, require)) {
        return SCHLOSS_OK;
    }
    schloss_rc rc = FAIL(err, RULES_REQUIRED, "subject '%s' must have an encryption rule that runs here and none does",
                         v->schema.subject);
    err_hint(err, "register a rule set with ENCRYPT (whose tags match a field) or ENCRYPT_PAYLOAD; see "
                  "schloss.require.rules");
    err_subject(err, v->schema.subject);
    return rc;
}

/* ---- public accessors ---- */

const char *schloss_schema_text(const schloss_schema_t *s) {
    return s->sr->text;
}
const char *schloss_schema_type(const schloss_schema_t *s) {
    return s->sr->type;
}
const char *schloss_schema_record_name(const schloss_schema_t *s) {
    return s->avro != NULL      ? avro_schema_root(s->avro)->name
           : s->message != NULL ? pb_message_name(s->message)
                                : json_schema_title(s->json);
}
const char *schloss_schema_subject(const schloss_schema_t *s) {
    return s->subject;
}
int32_t schloss_schema_id(const schloss_schema_t *s) {
    return s->sr->id;
}
int32_t schloss_schema_version(const schloss_schema_t *s) {
    return s->sr->version;
}
const char *schloss_schema_guid(const schloss_schema_t *s) {
    return s->sr->guid;
}
