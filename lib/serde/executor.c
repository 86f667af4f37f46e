/* The bridge from a rule of the view to an application's function: what it may know, where its result goes. */
#include "serde/executor.h"
#include <stdio.h>

/* The public part comes first: the library finds its own behind it. */
typedef struct info {
    schloss_rule_info_t pub;
    const rule_t *rule;
    const json_t *metadata;
} info_t;

struct schloss_rule_out {
    buf_t *buf;
    bool is_condition, holds, judged;
};

const char *schloss_rule_param(const schloss_rule_info_t *info, const char *name) {
    const info_t *i = (const info_t *)info;
    return rule_param(i->rule, i->metadata, name);
}

schloss_rc schloss_rule_put(schloss_rule_out_t *out, const void *ptr, size_t len, schloss_error_t *err) {
    ENSURE(out != NULL && (ptr != NULL || len == 0), err, INVALID_ARGUMENT, "out and ptr must not be NULL");
    buf_put(out->buf, ptr, len);
    return buf_check(out->buf, err);
}

void schloss_rule_set_condition(schloss_rule_out_t *out, bool holds) {
    out->holds = holds;
    out->judged = true;
}

static info_t info_of(const target_entry_t *e, const rule_run_t *run, const run_call_t *call) {
    const view_t *v = e->view;
    const rule_t *r = run->rule;
    return (info_t){
        .pub = {.size = sizeof(schloss_rule_info_t),
                .rule = r->name,
                .type = r->type_name,
                .mode = v->writing ? "WRITE" : "READ",
                .subject = v->schema.subject,
                .topic = call->target->topic,
                .is_key = call->target->is_key,
                .is_encoding = r->is_encoding,
                .expr = r->expr,
                .doc = r->doc,
                .schema = &v->schema},
        .rule = r,
        .metadata = v->schema.sr->metadata,
    };
}

/* What the executor says, made one of our codes with a text. */
static schloss_rc outcome(const rule_run_t *run, schloss_rc rc, schloss_error_t *err) {
    if (rc == SCHLOSS_OK) {
        return rc;
    }
    if (rc > 0 || strcmp(schloss_rc_name(rc), "UNKNOWN") == 0) {
        return FAIL(err, EXECUTOR, "the executor of type %s answered with code %d", run->executor->type, (int)rc);
    }
    if (err != NULL && schloss_error_code(err) != rc) {
        err_set(err, rc, "the executor of type %s failed", run->executor->type);
    }
    return rc;
}

typedef struct field_call {
    info_t info;
    const rule_run_t *run;
} field_call_t;

static schloss_rc transform_field(void *user, const char *field, bytes_t in, bool is_string, buf_t *out,
                                  schloss_error_t *err) {
    field_call_t *f = user;
    f->info.pub.field = field;
    f->info.pub.is_string = is_string;
    schloss_rule_out_t result = {.buf = out};
    const schloss_rule_executor_t *x = f->run->executor;
    return outcome(f->run, x->transform_field(x->user, &f->info.pub, in, &result, err), err);
}

static schloss_rc condition_failed(const rule_t *r, schloss_error_t *err) {
    schloss_rc rc = r->doc != NULL    ? FAIL(err, RULE_CONDITION, "%s", r->doc)
                    : r->expr != NULL ? FAIL(err, RULE_CONDITION, "Expr failed: '%s'", r->expr)
                                      : FAIL(err, RULE_CONDITION, "Condition failed: '%s'", r->name);
    return rc;
}

schloss_rc executor_run(handle_t *h, const target_entry_t *e, const rule_run_t *run, bytes_t message,
                        const run_call_t *call, buf_t *b, bool *replaced, schloss_error_t *err) {
    const schloss_rule_executor_t *x = run->executor;
    field_call_t f = {.info = info_of(e, run, call), .run = run};
    *replaced = run->rule->kind == RULE_TRANSFORM;
    if (run->plan != NULL) {
        plan_crypt_t crypt = {.writing = h->writing,
                              .mono_ms = call->mono_ms,
                              .scratch = &h->scratch,
                              .plain = &h->plain,
                              .custom = transform_field,
                              .custom_user = &f,
                              .custom_out = &h->made};
        return plan_run(run->plan, message, b, &crypt, err);
    }
    size_t before = b->len;
    schloss_rule_out_t result = {.buf = b, .is_condition = !*replaced};
    TRY(outcome(run, x->transform(x->user, &f.info.pub, message, &result, err), err));
    TRY(buf_check(b, err));
    if (run->rule->kind == RULE_CONDITION) {
        b->high = b->len > b->high ? b->len : b->high; /* it may have put something: to be wiped */
        b->len = before;
        ENSURE(result.judged, err, EXECUTOR, "the executor of type %s gave no verdict", x->type);
        return result.holds ? SCHLOSS_OK : condition_failed(run->rule, err);
    }
    ENSURE(b->len > before, err, EXECUTOR, "the executor of type %s made an empty message", x->type);
    return SCHLOSS_OK;
}
