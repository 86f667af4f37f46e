/* JSON plans with a mark around each value instead of encryption: what is covered, and how often, can be read off. */
#ifndef TESTS_RULES_MARKED_H
#define TESTS_RULES_MARKED_H

#include "rules/plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct marked {
    buf_t out, scratch, plain, custom;
    char names[1024]; /* full names in order, each with a space behind */
    size_t n_fields;
    schloss_error_t err;
} marked_t;

typedef struct marked_case {
    const char *schema, *record;
    const char *tags, *metadata; /* tags: one, or "" for a rule without tags; NULL: PII */
    bool reading, leave_others, inherit, lax, check;
} marked_case_t;

typedef struct marker {
    marked_t *m;
    bool writing;
} marker_t;

static schloss_rc marked_mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out,
                              schloss_error_t *err) {
    const marker_t *k = user;
    size_t n = strlen(k->m->names);
    snprintf(k->m->names + n, sizeof k->m->names - n, "%s ", field);
    assert_true(is_string);
    if (k->writing) {
        buf_put_str(out, "E(");
        buf_put(out, in.ptr, in.len);
        buf_put_u8(out, ')');
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 3 && memcmp(in.ptr, "E(", 2) == 0 && in.ptr[in.len - 1] == ')', err, AUTH_FAILED, "no mark");
    buf_put(out, in.ptr + 2, in.len - 3);
    return SCHLOSS_OK;
}

static inline void marked_open(marked_t *m) {
    memset(m, 0, sizeof *m);
    buf_init(&m->out, 1 << 24, "test", true);
    buf_init(&m->scratch, 1 << 20, "test", false);
    buf_init(&m->plain, 1 << 24, "test", true);
    buf_init(&m->custom, 1 << 24, "test", true);
}

static inline void marked_close(marked_t *m) {
    buf_clear(&m->out);
    buf_clear(&m->scratch);
    buf_clear(&m->plain);
    buf_clear(&m->custom);
}

static inline schloss_rc marked_compile(const marked_case_t *c, json_schema_t **s, plan_t **plan,
                                        schloss_error_t *err) {
    const char *tags[] = {c->tags == NULL ? "PII" : c->tags};
    rule_t rule = {.name = "r", .tags = tags, .n_tags = tags[0][0] != '\0'};
    json_t *metadata = c->metadata == NULL ? NULL : json_loads(c->metadata, 0, NULL);
    schloss_rc rc = json_schema_parse(s, c->schema, strlen(c->schema), NULL, 0, err);
    if (rc == SCHLOSS_OK) {
        record_type_t type = {.json = *s};
        rc = plan_compile(plan, &type,
                          &(plan_spec_t){.rule = c->check ? NULL : &rule,
                                         .metadata = metadata,
                                         .writing = !c->reading,
                                         .leave_others = c->leave_others,
                                         .inherit_tags = c->inherit,
                                         .lax_branches = c->lax},
                          err);
        if (rc != SCHLOSS_OK) {
            json_schema_free(*s);
        }
    }
    json_decref(metadata);
    return rc;
}

/* Compiles and runs; m->out holds the result. */
static inline schloss_rc marked_run(marked_t *m, const marked_case_t *c, bytes_t record) {
    json_schema_t *s = NULL;
    plan_t *plan = NULL;
    m->names[0] = '\0';
    buf_reset(&m->out);
    schloss_error_clear(&m->err);
    schloss_rc rc = marked_compile(c, &s, &plan, &m->err);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    marker_t k = {m, !c->reading};
    plan_crypt_t crypt = {.writing = !c->reading,
                          .scratch = &m->scratch,
                          .plain = &m->plain,
                          .custom = marked_mark,
                          .custom_user = &k,
                          .custom_out = &m->custom};
    m->n_fields = plan_n_fields(plan);
    rc = plan_run(plan, record, &m->out, &crypt, &m->err);
    plan_free(plan);
    json_schema_free(s);
    return rc;
}

#endif
