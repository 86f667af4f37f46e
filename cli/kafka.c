/* librdkafka clients: configuration, errors, and the two ways of reading a topic.
 *
 * Without -G the legacy queue interface is used: it needs no group id and no coordinator, so it works for principals
 * that may not read any group, and leaves no trace on the cluster. */
#include "cli/kafka.h"
#include "base/time.h"
#include "cli/stop.h"
#include <string.h>

/* ---- clients ---- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    const kafka_t *k = rd_kafka_opaque(rk);
    (void)level;
    if (k != NULL && k->verbose) {
        (void)fprintf(stderr, "kafka: %s: %s\n", facility, text);
    }
}

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque) {
    (void)rk;
    kafka_t *k = opaque;
    if (e != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || k->last_error[0] == '\0') {
        err_clean_text(k->last_error, sizeof(k->last_error), reason, strlen(reason));
    }
}

static schloss_rc set_default(rd_kafka_conf_t *conf, const char *name, const char *value, schloss_error_t *err) {
    char why[256] = "";
    ENSURE(rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK, err, KAFKA, "librdkafka: %s",
           why);
    return SCHLOSS_OK;
}

static schloss_rc configure(rd_kafka_conf_t *conf, rd_kafka_type_t type, const cli_t *cli, const settings_t *s) {
    bool wait_at_end = cli->args->cmd->id == CMD_CONSUME && !args_flag(cli->args, OPT_EXIT_AT_END);
    schloss_error_t *err = cli->err;
    if (!s->has_client_id) {
        TRY(set_default(conf, "client.id", "schloss", err));
    }
    char ms[16];
    (void)snprintf(ms, sizeof(ms), "%u", s->timeout_s * 1000u);
    if (type == RD_KAFKA_PRODUCER) {
        TRY(set_default(conf, "acks", "all", err));
        if (!s->has_message_timeout) {
            TRY(set_default(conf, "message.timeout.ms", ms, err));
        }
        return SCHLOSS_OK;
    }
    TRY(set_default(conf, "enable.partition.eof", "true", err));
    TRY(set_default(conf, "enable.auto.offset.store", "false", err));
    if (!wait_at_end) { /* the end is seen when a fetch comes back empty: let it come back soon */
        TRY(set_default(conf, "fetch.wait.max.ms", "20", err));
    }
    if (args_has(cli->args, OPT_GROUP)) {
        TRY(set_default(conf, "group.id", cli->args->text[OPT_GROUP], err));
        if (!s->has_offset_reset) {
            TRY(set_default(conf, "auto.offset.reset", "earliest", err));
        }
    } else {
        TRY(set_default(conf, "auto.offset.reset", "error", err));
    }
    return SCHLOSS_OK;
}

schloss_rc kafka_open(kafka_t *k, rd_kafka_type_t type, cli_t *cli,
                      void (*dr_cb)(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque)) {
    k->verbose = args_flag(cli->args, OPT_VERBOSE);
    k->timeout_ms = cli->settings.timeout_s * 1000;
    TRY(settings_need_bootstrap(&cli->settings, cli->err));
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(cli->settings.kafka);
    if (conf == NULL) {
        return NO_MEMORY(cli->err);
    }
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (dr_cb != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, dr_cb);
    }
    char why[256] = "";
    schloss_rc rc = configure(conf, type, cli, &cli->settings);
    if (rc == SCHLOSS_OK) {
        k->rk = rd_kafka_new(type, conf, why, sizeof(why));
        rc = k->rk != NULL ? SCHLOSS_OK : FAIL(cli->err, CONF_VALUE, "librdkafka: %s", why);
    }
    if (rc != SCHLOSS_OK) {
        rd_kafka_conf_destroy(conf);
    }
    return rc;
}

void kafka_close(kafka_t *k) {
    if (k->rk != NULL) {
        rd_kafka_destroy_flags(k->rk, stop_requested() ? RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE : 0);
        k->rk = NULL;
    }
}

schloss_rc kafka_error(const kafka_t *k, rd_kafka_resp_err_t e, schloss_error_t *err, const char *fmt, ...) {
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    schloss_rc rc = SCHLOSS_E_KAFKA;
    const char *hint = "Check --bootstrap, the network and that the broker runs.";
    switch (e) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        rc = SCHLOSS_E_SCHEMA_NOT_FOUND;
        hint = "Create the topic, or check its name.";
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        rc = SCHLOSS_E_INVALID_ARGUMENT;
        hint = "Topic names are letters, digits, dot, underscore and hyphen, at most 249.";
        break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        rc = SCHLOSS_E_UNAUTHENTICATED;
        hint = "Check sasl.username and sasl.password (-X or -F).";
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        rc = SCHLOSS_E_FORBIDDEN;
        hint = "This principal needs another ACL.";
        break;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        rc = SCHLOSS_E_CONNECT;
        break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        rc = SCHLOSS_E_LIMIT_EXCEEDED;
        hint = "Raise message.max.bytes (-X) and max.message.bytes of the topic.";
        break;
    default:
        break;
    }
    bool reason = k->last_error[0] != '\0' && rc == SCHLOSS_E_CONNECT;
    (void)err_set(err, rc, "%s: %s%s%s", what, rd_kafka_err2str(e), reason ? ": " : "", reason ? k->last_error : "");
    err_hint(err, "%s", hint);
    return rc;
}

schloss_rc kafka_metadata(kafka_t *k, rd_kafka_topic_t *rkt, const struct rd_kafka_metadata **out,
                          schloss_error_t *err) {
    int64_t until = time_mono_ms() + k->timeout_ms;
    for (;;) {
        if (stop_requested()) {
            return FAIL(err, CANCELLED, "interrupted");
        }
        (void)rd_kafka_poll(k->rk, 0);
        rd_kafka_resp_err_t e = rd_kafka_metadata(k->rk, 0, rkt, out, 500);
        if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return SCHLOSS_OK;
        }
        bool passes = e == RD_KAFKA_RESP_ERR__TIMED_OUT || e == RD_KAFKA_RESP_ERR__TRANSPORT;
        if (!passes || time_mono_ms() > until) {
            return kafka_error(k, e, err, "cannot ask a broker for topic %s", rd_kafka_topic_name(rkt));
        }
        (void)rd_kafka_poll(k->rk, e == RD_KAFKA_RESP_ERR__TRANSPORT ? 100 : 0);
    }
}
