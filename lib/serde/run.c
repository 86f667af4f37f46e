/* Running a view's rules over one record, rule by rule: each takes the record as the one before left it. A rule that
 * fails under onFailure NONE leaves it exactly as it was (all or nothing). */
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "rules/value.h"
#include "serde/executor.h"
#include "serde/handle.h"
#include <stdatomic.h>

/* Failures that are not the rule's: they end the record whatever onFailure says. Random and cipher failures are among
 * them, so that a sick machine never sends plaintext. */
static bool beyond_rule(schloss_rc rc) {
    switch (rc) {
    case SCHLOSS_E_NO_MEMORY:
    case SCHLOSS_E_LIMIT_EXCEEDED:
    case SCHLOSS_E_MEMORY_LOCK:
    case SCHLOSS_E_DATA_MISMATCH:
    case SCHLOSS_E_RANDOM:
    case SCHLOSS_E_CRYPTO:
    case SCHLOSS_E_CANCELLED:
        return true;
    default:
        return false;
    }
}

static schloss_rc no_action(const view_t *v, const rule_run_t *run, const char *name, schloss_error_t *err) {
    schloss_rc rc = FAIL(err, NO_ACTION, "Could not find rule action of type %s", name);
    err_hint(err, "ERROR, NONE and DLQ are known");
    err_rule(err, run->rule->name);
    err_subject(err, v->schema.subject);
    return rc;
}

typedef struct pass {
    handle_t *h;
    target_entry_t *e;
    const run_call_t *call;
    const uint8_t *ptr; /* the record as it is now: two members, not a pair, because a 16-byte load of what was just */
    size_t len;         /* stored in halves stalls the CPU at every hand-over */
    unsigned next;      /* buffer that the next pass writes */
    bool checked;       /* cur has been walked to its end */
    bool is_plain;      /* cur is a domain record, not an encoded payload */
    bytes_t first;      /* the record before the first rule */
} pass_t;

static void count_action(const rule_run_t *run, action_t a) {
    if (a <= ACTION_DLQ) {
        atomic_fetch_add_explicit(&run->stats->actions[a], 1, memory_order_relaxed);
    }
}

/* The record goes to its dead letter topic and the call fails: with what failed, or because of onSuccess. */
static schloss_rc dead_letter(const pass_t *p, size_t i, schloss_rc rc, schloss_error_t *err) {
    const rule_run_t *run = &p->e->view->runs[i];
    schloss_error_t failed = {.code = 0};
    bool sent = false;
    const char *why = rc == SCHLOSS_OK ? NULL : err != NULL ? schloss_error_message(err) : schloss_rc_name(rc);
    if (dead_letter_send(p->h, p->e, i, p->first, p->call, why, &sent, &failed) != SCHLOSS_OK) {
        err_copy(err, &failed);
        return failed.code;
    }
    if (rc == SCHLOSS_OK) {
        rc = FAIL(err, RULE_ACTION, "rule %s succeeded and its onSuccess is DLQ", run->rule->name);
        err_rule(err, run->rule->name);
        return rc;
    }
    err_wrap(err, "Rule failed: %s (%s)", run->rule->name,
             sent ? "sent to the dead letter topic" : "the dead letter could not be sent");
    return rc;
}

/* 0: go on with the next rule. */
static schloss_rc failed(const pass_t *p, size_t i, schloss_rc rc, schloss_error_t *err) {
    const handle_t *h = p->h;
    const view_t *v = p->e->view;
    rule_run_t *run = &p->e->view->runs[i];
    p->e->counts[i].failure++;
    p->e->counts[i].last = RAN_BADLY;
    METRIC_ADD(rule_failures, 1);
    err_rule(err, run->rule->name);
    err_subject(err, v->schema.subject);
    err_kek(err, run->slot == NULL ? NULL : run->slot->spec.kek);
    if (beyond_rule(rc)) {
        return rc;
    }
    count_action(run, run->on_failure);
    if (run->on_failure == ACTION_ERROR) {
        return rc;
    }
    if (run->on_failure == ACTION_DLQ) {
        return dead_letter(p, i, rc, err);
    }
    if (run->on_failure == ACTION_UNKNOWN) {
        return no_action(v, run, run->on_failure_name, err);
    }
    if (h->writing && view_is_guarded(v->schema.subject, h->require)) {
        err_wrap(err, "guard mode forbids to skip the failed rule");
        return rc;
    }
    if (h->writing) {
        METRIC_ADD(none_on_write, 1);
    } else {
        METRIC_ADD(none_on_read, 1);
    }
    if (!atomic_exchange_explicit(&run->complained, true, memory_order_relaxed)) {
        LOG_WARN("rules", "rule %s of subject %s failed (%s) and is skipped by onFailure NONE: %s", run->rule->name,
                 v->schema.subject, schloss_rc_name(rc),
                 h->writing ? "its fields are SENT IN CLEAR" : "its fields stay encrypted");
    }
    return SCHLOSS_OK;
}

static schloss_rc succeeded(const pass_t *p, size_t i, schloss_error_t *err) {
    const view_t *v = p->e->view;
    const rule_run_t *run = &v->runs[i];
    p->e->counts[i].success++;
    p->e->counts[i].last = RAN_WELL;
    if (__builtin_expect(run->on_success == ACTION_NONE, 1)) {
        return SCHLOSS_OK;
    }
    count_action(run, run->on_success);
    if (run->on_success == ACTION_UNKNOWN) {
        return no_action(v, run, run->on_success_name, err);
    }
    if (run->on_success == ACTION_DLQ) {
        return dead_letter(p, i, SCHLOSS_OK, err);
    }
    schloss_rc rc = FAIL(err, RULE_ACTION, "rule %s succeeded and its onSuccess is ERROR", run->rule->name);
    err_rule(err, run->rule->name);
    return rc;
}

/* The record will run again from its first rule: what it has counted so far is taken back. */
static __attribute__((cold)) void uncount(const pass_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        run_counts_t *c = &p->e->counts[i];
        c->success -= c->last == RAN_WELL;
        c->failure -= c->last == RAN_BADLY;
        if (c->last == RAN_BADLY) { /* and was skipped by NONE, else it had been the end */
            atomic_fetch_sub_explicit(&p->e->view->runs[i].stats->actions[ACTION_NONE], 1, memory_order_relaxed);
        }
    }
}

/* Empties the next buffer, keeping room for the prefix. */
static buf_t *begin(pass_t *p) {
    buf_t *b = &p->h->out[p->next];
    buf_rewind(b);
    if (buf_reserve(b, p->call->prefix_len + p->len + 64)) {
        b->len = p->call->prefix_len;
    }
    return b;
}

static void end(pass_t *p, const buf_t *b) {
    p->ptr = b->ptr + p->call->prefix_len;
    p->len = b->len - p->call->prefix_len;
    p->next ^= 1;
}

static schloss_rc encrypt_or_decrypt(pass_t *p, size_t i, buf_t *b, schloss_error_t *err) {
    handle_t *h = p->h;
    const rule_run_t *run = &p->e->view->runs[i];
    plan_crypt_t crypt = {
        .writing = h->writing,
        .versioned = run->versioned,
        .alg = run->alg,
        .use = &p->e->uses[i],
        .mono_ms = p->call->mono_ms,
        .scratch = &h->scratch,
        .plain = &h->plain,
    };
    schloss_rc rc = run->plan != NULL ? plan_run(run->plan, bytes(p->ptr, p->len), b, &crypt, err)
                    : h->writing      ? payload_encrypt(&crypt, bytes(p->ptr, p->len), b, err)
                                      : payload_decrypt(&crypt, bytes(p->ptr, p->len), b, err);
    if (rc == SCHLOSS_NEED_KEY) {
        h->need = (need_t){.entry = p->e, .run = i, .version = crypt.missing};
    } else if (rc == SCHLOSS_OK) {
        h->n_values += crypt.n_values;
        if (__builtin_expect(crypt.n_passed > 0, 0)) {
            METRIC_ADD(passed_through, crypt.n_passed);
        }
    }
    return rc;
}

static schloss_rc run_one(pass_t *p, size_t i, schloss_error_t *err) {
    const rule_run_t *run = &p->e->view->runs[i];
    if (run->broken != NULL) {
        err_copy(err, run->broken);
        return failed(p, i, schloss_error_code(run->broken), err);
    }
    buf_t *b = begin(p);
    TRY(buf_check(b, err));
    bool replaced = true;
    schloss_rc rc = run->executor == NULL
                        ? encrypt_or_decrypt(p, i, b, err)
                        : executor_run(p->h, p->e, run, bytes(p->ptr, p->len), p->call, b, &replaced, err);
    if (rc == SCHLOSS_NEED_KEY) {
        uncount(p, i);
        return rc;
    }
    if (rc < 0) {
        return failed(p, i, rc, err);
    }
    if (replaced) {
        end(p, b);
        p->checked = run->plan != NULL;
    }
    return succeeded(p, i, err);
}

/* Root type bytes: the payload is the bare bytes, a domain record has Avro's length in front. */
static schloss_rc strip_length(pass_t *p, schloss_error_t *err) {
    cur_t c = cur_of(bytes(p->ptr, p->len));
    int64_t n = cur_varlong(&c);
    ENSURE(!c.failed && n >= 0 && (uint64_t)n == cur_left(&c), err, DATA_MISMATCH,
           "the record does not fit its schema: the length of the root bytes is wrong");
    p->ptr = c.p;
    p->len = (size_t)n;
    return SCHLOSS_OK;
}

static schloss_rc add_length(pass_t *p, schloss_error_t *err) {
    buf_t *b = begin(p);
    buf_put_varlong(b, (int64_t)p->len);
    buf_put(b, p->ptr, p->len);
    TRY(buf_check(b, err));
    end(p, b);
    return SCHLOSS_OK;
}

static schloss_rc check_record(pass_t *p, schloss_error_t *err) {
    if (!p->checked) {
        schloss_rc rc = plan_run(p->e->view->check, bytes(p->ptr, p->len), NULL, NULL, err);
        if (rc != SCHLOSS_OK) {
            err_subject(err, p->e->view->schema.subject);
            return rc;
        }
        p->checked = true;
    }
    return SCHLOSS_OK;
}

/* Between the phases: what domain rules see and what encoding rules see. */
static schloss_rc change_phase(pass_t *p, schloss_error_t *err) {
    const view_t *v = p->e->view;
    if (p->h->writing) {
        TRY(check_record(p, err));
        p->is_plain = false;
        return v->root_is_bytes ? strip_length(p, err) : SCHLOSS_OK;
    }
    p->is_plain = true;
    p->checked = false;
    return v->root_is_bytes ? add_length(p, err) : SCHLOSS_OK;
}

static bool is_skipped(const rule_run_t *run, bytes_t skip) {
    return skip.len > 0 && strlen(run->rule->name) == skip.len && memcmp(run->rule->name, skip.ptr, skip.len) == 0;
}

schloss_rc handle_run(handle_t *h, target_entry_t *e, bytes_t in, const run_call_t *call, bytes_t *out,
                      schloss_error_t *err) {
    view_t *v = e->view;
    pass_t p = {.h = h, .e = e, .call = call, .ptr = in.ptr, .len = in.len, .is_plain = h->writing};
    p.first.ptr = in.ptr;
    p.first.len = in.len;
    if (in.len > h->max_record + (h->writing ? 0 : RECORD_GROWTH)) { /* what was written can be read */
        schloss_rc rc = FAIL(err, LIMIT_EXCEEDED, "the record has %zu bytes, limit schloss.limit.record.bytes is %zu",
                             in.len, h->max_record);
        err_subject(err, v->schema.subject);
        return rc;
    }
    for (size_t i = 0; i < v->n_runs; i++) {
        if (v->runs[i].is_payload == p.is_plain) {
            TRY(change_phase(&p, err));
        }
        e->counts[i].last = RAN_NOT;
        if (!is_skipped(&v->runs[i], call->skip_rule)) {
            TRY(run_one(&p, i, err));
        }
    }
    if (p.is_plain == h->writing) {
        TRY(change_phase(&p, err));
    }
    if (!h->writing) {
        TRY(check_record(&p, err));
    }
    size_t prefix_len = call->prefix_len;
    const buf_t *last = &h->out[p.next ^ 1]; /* where the last pass has written, if there was one */
    if (last->ptr == NULL || p.ptr != last->ptr + prefix_len || last->len != prefix_len + p.len) {
        /* nothing was transformed, or the payload lies behind a length: bring it behind the prefix */
        const uint8_t *from = p.ptr;
        buf_t *b = begin(&p);
        buf_put(b, from, p.len);
        TRY(buf_check(b, err));
        end(&p, b);
    }
    h->buf_done = p.next ^ 1;
    h->n_records++;
    e->n_records++;
    if ((h->n_records & 63) == 0) {
        handle_flush_metrics(h);
    }
    if ((e->n_records & 63) == 0 || e->n_records < 64) {
        handle_flush_entry(e);
    }
    out->ptr = p.ptr;
    out->len = p.len;
    return SCHLOSS_OK;
}
