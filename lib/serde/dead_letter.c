/* Dead letters: a record whose rule ends under the action DLQ goes to a topic for people to look at, without a byte of
 * plaintext that an encryption rule covers (spec client-encryption 3.5).
 *
 * Reading: the record as it lay on the topic, still encrypted. Writing: JSON in which covered values are <REDACTED>;
 * where that cannot be made (a payload rule, a covered number, a root that is no record) the letter has headers only.
 */
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/avro/json.h"
#include "serde/conf.h"
#include "serde/handle.h"
#include <schloss/avro.h>
#include <stdio.h>

#define REDACTED "<REDACTED>"
#define N_OWN 5u

static schloss_rc redact_value(void *user, const char *field, bytes_t in, bool is_string, buf_t *out,
                               schloss_error_t *err) {
    (void)user;
    (void)field;
    (void)in;
    (void)is_string;
    buf_put(out, REDACTED, sizeof(REDACTED) - 1);
    return buf_check(out, err);
}

static bool root_has_fields(const view_t *v, bytes_t record) {
    if (v->type.avro != NULL) {
        return avro_schema_root(v->type.avro)->kind == AVRO_RECORD;
    }
    if (v->type.json == NULL) {
        return true;
    }
    size_t i = 0;
    while (i < record.len && (record.ptr[i] == ' ' || (record.ptr[i] >= '\t' && record.ptr[i] <= '\r'))) {
        i++;
    }
    return i < record.len && record.ptr[i] == '{';
}

static schloss_rc to_json(const view_t *v, bytes_t record, buf_t *out) {
    if (v->type.avro != NULL) {
        return avro_to_json(avro_schema_root(v->type.avro), record, SCHLOSS_AVRO_JSON_PLAIN, out, NULL);
    }
    if (v->type.protobuf != NULL) {
        return pb_to_json(v->type.protobuf, record, out, NULL);
    }
    buf_put(out, record.ptr, record.len);
    return buf_check(out, NULL);
}

/* Fills out with the record as JSON, redacted; leaves it empty when it must not be shown. */
static void redact(handle_t *h, const view_t *v, bytes_t record, buf_t *out) {
    if (v->redact == NULL || !root_has_fields(v, record)) {
        return;
    }
    buf_t bare;
    buf_init(&bare, h->max_record + RECORD_GROWTH, "schloss.limit.record.bytes", true);
    plan_crypt_t crypt = {
        .writing = true, .scratch = &h->scratch, .plain = &h->plain, .custom = redact_value, .custom_out = &h->made};
    if (plan_run(v->redact, record, &bare, &crypt, NULL) != SCHLOSS_OK ||
        to_json(v, buf_view(&bare), out) != SCHLOSS_OK) {
        buf_reset(out);
    }
    buf_clear(&bare);
}

static schloss_header_t header(const char *name, const char *value) {
    return (schloss_header_t){name, schloss_bytes(value, strlen(value))};
}

/* Headers of the record, then ours; a header of a former dead letter gives way. */
static size_t headers_of(const run_call_t *call, const view_t *v, const rule_run_t *run, const char *exception,
                         schloss_header_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < call->n_headers; i++) {
        if (call->headers[i].name != NULL && strncmp(call->headers[i].name, "__rule.", 7) != 0) {
            out[n++] = call->headers[i];
        }
    }
    out[n++] = header("__rule.name", run->rule->name);
    out[n++] = header("__rule.mode", v->writing ? "WRITE" : "READ");
    out[n++] = header("__rule.subject", v->schema.subject);
    out[n++] = header("__rule.topic", call->target->topic);
    if (exception != NULL) {
        out[n++] = header("__rule.exception", exception);
    }
    return n;
}

static schloss_rc address(const handle_t *h, const view_t *v, const rule_run_t *run, const char **topic,
                          const schloss_dead_letter_sink_t **sink, schloss_error_t *err) {
    *topic = conf_action(h->core->conf, run->rule->name, "DLQ", "dlq.topic");
    if (*topic == NULL) {
        *topic = rule_param(run->rule, v->schema.sr->metadata, "dlq.topic");
    }
    *sink = rule_ext_sink(h->core);
    schloss_rc rc = SCHLOSS_OK;
    if (*topic == NULL || **topic == '\0') {
        rc = FAIL(err, DEAD_LETTER, "Could not send to DLQ as no topic is configured");
        err_hint(err, "set rule.actions._DLQ_.param.dlq.topic, or the parameter dlq.topic of the rule");
    } else if (*sink == NULL) {
        rc = FAIL(err, DEAD_LETTER, "Could not send to DLQ as the client has no dead letter sink");
        err_hint(err, "call schloss_kafka_dlq_open() or schloss_client_set_dead_letter_sink()");
    }
    if (rc != SCHLOSS_OK) {
        err_rule(err, run->rule->name);
        err_subject(err, v->schema.subject);
    }
    return rc;
}

schloss_rc dead_letter_send(handle_t *h, const target_entry_t *e, size_t i, bytes_t record, const run_call_t *call,
                            const char *why, bool *sent, schloss_error_t *err) {
    const view_t *v = e->view;
    const rule_run_t *run = &v->runs[i];
    const schloss_dead_letter_sink_t *sink = NULL;
    schloss_dead_letter_t letter = {.size = sizeof(letter), .rule = run->rule->name};
    TRY(address(h, v, run, &letter.topic, &sink, err));
    schloss_header_t *headers = mem_calloc(call->n_headers + N_OWN, sizeof(*headers));
    ENSURE(headers != NULL, err, NO_MEMORY, "out of memory");
    buf_t json;
    buf_init(&json, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    letter.n_headers = headers_of(call, v, run, why, headers);
    letter.headers = headers;
    letter.key = call->target->other;
    if (h->writing) {
        redact(h, v, record, &json);
        letter.value = json.len == 0 ? bytes(NULL, 0) : buf_view(&json);
    } else {
        letter.value = call->raw;
    }
    schloss_error_t failed = {.code = 0};
    *sent = sink->send(sink->user, &letter, &failed) == SCHLOSS_OK;
    if (!*sent) {
        LOG_WARN("rules", "rule %s of subject %s: the dead letter for topic %s could not be sent: %s", run->rule->name,
                 v->schema.subject, letter.topic, failed.message);
    } else {
        METRIC_ADD(dead_letters, 1);
    }
    buf_clear(&json);
    mem_free(headers);
    return SCHLOSS_OK;
}
