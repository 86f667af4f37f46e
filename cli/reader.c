/* Reading a topic: assigned partitions without a group, or a subscription with one. */
#include "cli/kafka.h"
#include "cli/stop.h"
#include "base/time.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 100

struct reader {
    kafka_t kafka;
    bool in_group, wait_at_end;
    char *topic;
    rd_kafka_topic_t *rkt;   /* without a group */
    rd_kafka_queue_t *queue; /* without a group */
    int32_t *partitions;
    bool *at_end;
    bool *started;
    size_t n, n_at_end;
    uint32_t silence_ms; /* 0: wait for ever */
    int64_t quiet_since;
    rd_kafka_topic_partition_list_t *assigned; /* with a group: whose end was seen */
};

/* Which partitions there are. A topic that is being made has no leader for a moment. */
static schloss_rc find_partitions(reader_t *r, schloss_error_t *err) {
    const struct rd_kafka_metadata *meta = NULL;
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    for (int64_t until = time_mono_ms() + r->kafka.timeout_ms;
         e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && time_mono_ms() < until;) {
        if (meta != NULL) {
            rd_kafka_metadata_destroy(meta);
            (void)rd_kafka_poll(r->kafka.rk, POLL_MS);
        }
        TRY(kafka_metadata(&r->kafka, r->rkt, &meta, err));
        e = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(meta);
        return kafka_error(&r->kafka, e, err, "topic %s", r->topic);
    }
    schloss_rc rc = SCHLOSS_OK;
    const struct rd_kafka_metadata_topic *t = meta->topics;
    if (meta->topic_cnt != 1 || t->partition_cnt <= 0) {
        rc = kafka_error(&r->kafka, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, err, "topic %s", r->topic);
    } else {
        r->partitions = mem_calloc((size_t)t->partition_cnt, sizeof(*r->partitions));
        r->at_end = mem_calloc((size_t)t->partition_cnt, sizeof(*r->at_end));
        r->started = mem_calloc((size_t)t->partition_cnt, sizeof(*r->started));
        rc = r->partitions != NULL && r->at_end != NULL && r->started != NULL ? SCHLOSS_OK : NO_MEMORY(err);
    }
    for (int i = 0; rc == SCHLOSS_OK && i < t->partition_cnt; i++) {
        r->partitions[r->n++] = t->partitions[i].id;
    }
    rd_kafka_metadata_destroy(meta);
    return rc;
}

static schloss_rc parse_offset(const args_t *a, int64_t *out, schloss_error_t *err) {
    const char *text = a->text[OPT_OFFSET];
    *out = RD_KAFKA_OFFSET_BEGINNING;
    if (text == NULL || strcmp(text, "beginning") == 0) {
        return SCHLOSS_OK;
    }
    ENSURE(!args_flag(a, OPT_FROM_BEGINNING), err, INVALID_ARGUMENT,
           "--offset and --from-beginning exclude each other");
    if (strcmp(text, "end") == 0) {
        *out = RD_KAFKA_OFFSET_END;
        return SCHLOSS_OK;
    }
    char *end = NULL;
    long long n = strtoll(text, &end, 10);
    ENSURE(end != text && *end == '\0' && n > -INT32_MAX, err, INVALID_ARGUMENT,
           "--offset is beginning, end, a number, or -N for the last N records; not '%s'", text);
    *out = n >= 0 ? n : RD_KAFKA_OFFSET_TAIL(-n);
    return SCHLOSS_OK;
}

static schloss_rc start_assigned(reader_t *r, cli_t *cli) {
    const args_t *a = cli->args;
    int64_t offset = 0;
    TRY(parse_offset(a, &offset, cli->err));
    r->rkt = rd_kafka_topic_new(r->kafka.rk, r->topic, NULL);
    if (r->rkt == NULL) {
        return kafka_error(&r->kafka, rd_kafka_last_error(), cli->err, "topic %s", r->topic);
    }
    r->queue = rd_kafka_queue_new(r->kafka.rk);
    TRY(find_partitions(r, cli->err));
    if (args_has(a, OPT_PARTITION)) {
        bool found = false;
        for (size_t i = 0; i < r->n && !found; i++) {
            found = r->partitions[i] == a->num[OPT_PARTITION];
        }
        ENSURE(found, cli->err, SCHEMA_NOT_FOUND, "topic %s has no partition %" PRId64, r->topic,
               a->num[OPT_PARTITION]);
        r->partitions[0] = (int32_t)a->num[OPT_PARTITION];
        r->n = 1;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (rd_kafka_consume_start_queue(r->rkt, r->partitions[i], offset, r->queue) != 0) {
            return kafka_error(&r->kafka, rd_kafka_last_error(), cli->err, "topic %s partition %d", r->topic,
                               (int)r->partitions[i]);
        }
        r->started[i] = true;
    }
    return SCHLOSS_OK;
}

static schloss_rc start_group(reader_t *r, cli_t *cli) {
    const args_t *a = cli->args;
    ENSURE(!args_has(a, OPT_PARTITION) && !args_has(a, OPT_OFFSET) && !args_flag(a, OPT_FROM_BEGINNING), cli->err,
           INVALID_ARGUMENT,
           "with -G the group says where to begin: --partition, --offset, --from-beginning do not go "
           "with it");
    (void)rd_kafka_poll_set_consumer(r->kafka.rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(topics, r->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(r->kafka.rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(&r->kafka, e, cli->err, "cannot subscribe to topic %s", r->topic);
    }
    r->assigned = rd_kafka_topic_partition_list_new(8);
    return SCHLOSS_OK;
}

schloss_rc reader_open(reader_t **out, cli_t *cli, const char *topic, bool wait_at_end) {
    reader_t *r = MEM_NEW(reader_t);
    if (r == NULL) {
        return NO_MEMORY(cli->err);
    }
    r->wait_at_end = wait_at_end;
    r->in_group = args_has(cli->args, OPT_GROUP);
    r->silence_ms = args_has(cli->args, OPT_TIMEOUT) ? cli->settings.timeout_s * 1000 : 0;
    r->topic = mem_strdup(topic);
    schloss_rc rc = r->topic != NULL ? kafka_open(&r->kafka, RD_KAFKA_CONSUMER, cli, NULL) : NO_MEMORY(cli->err);
    if (rc == SCHLOSS_OK) {
        rc = r->in_group ? start_group(r, cli) : start_assigned(r, cli);
    }
    if (rc != SCHLOSS_OK) {
        reader_close(r);
        return rc;
    }
    r->quiet_since = time_mono_ms();
    *out = r;
    return SCHLOSS_OK;
}

void reader_close(reader_t *r) {
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n && r->started != NULL; i++) {
        if (r->started[i] && !stop_requested()) {
            (void)rd_kafka_consume_stop(r->rkt, r->partitions[i]);
        }
    }
    if (r->in_group && r->kafka.rk != NULL) {
        (void)rd_kafka_consumer_close(r->kafka.rk); /* commits what was stored */
    }
    if (r->assigned != NULL) {
        rd_kafka_topic_partition_list_destroy(r->assigned);
    }
    if (r->queue != NULL) {
        rd_kafka_queue_destroy(r->queue);
    }
    if (r->rkt != NULL) {
        rd_kafka_topic_destroy(r->rkt);
    }
    kafka_close(&r->kafka);
    mem_free(r->partitions);
    mem_free(r->at_end);
    mem_free(r->started);
    mem_free(r->topic);
    mem_free(r);
}

/* Notes the end of one partition. True when all have been seen to their end. */
static bool note_end(reader_t *r, int32_t partition) {
    if (r->in_group) {
        if (rd_kafka_topic_partition_list_find(r->assigned, r->topic, partition) == NULL) {
            (void)rd_kafka_topic_partition_list_add(r->assigned, r->topic, partition);
        }
        rd_kafka_topic_partition_list_t *now = NULL;
        bool all = rd_kafka_assignment(r->kafka.rk, &now) == RD_KAFKA_RESP_ERR_NO_ERROR && now->cnt > 0;
        for (int i = 0; all && i < now->cnt; i++) {
            all = rd_kafka_topic_partition_list_find(r->assigned, r->topic, now->elems[i].partition) != NULL;
        }
        if (now != NULL) {
            rd_kafka_topic_partition_list_destroy(now);
        }
        return all;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (r->partitions[i] == partition && !r->at_end[i]) {
            r->at_end[i] = true;
            r->n_at_end++;
        }
    }
    return r->n_at_end == r->n;
}

schloss_rc reader_next(reader_t *r, rd_kafka_message_t **out, schloss_error_t *err) {
    for (;;) {
        if (stop_requested()) {
            return FAIL(err, CANCELLED, "interrupted");
        }
        if (!r->in_group) {
            (void)rd_kafka_poll(r->kafka.rk, 0);
        }
        rd_kafka_message_t *m =
            r->in_group ? rd_kafka_consumer_poll(r->kafka.rk, POLL_MS) : rd_kafka_consume_queue(r->queue, POLL_MS);
        if (m == NULL) {
            int64_t quiet = time_mono_ms() - r->quiet_since;
            if (r->silence_ms != 0 && quiet > r->silence_ms) {
                schloss_rc rc =
                    FAIL(err, TIMEOUT, "nothing came from topic %s for %u s%s%s", r->topic, r->silence_ms / 1000,
                         r->kafka.last_error[0] != '\0' ? ": " : "", r->kafka.last_error);
                return rc;
            }
            continue;
        }
        rd_kafka_resp_err_t e = m->err;
        if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
            r->quiet_since = time_mono_ms();
            *out = m;
            return SCHLOSS_OK;
        }
        if (e == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            bool all = note_end(r, m->partition);
            rd_kafka_message_destroy(m);
            if (all && !r->wait_at_end) {
                return SCHLOSS_ABSENT;
            }
            continue;
        }
        schloss_rc rc = SCHLOSS_OK;
        if (e == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
            rc = FAIL(err, INVALID_ARGUMENT, "the offset does not exist: %s",
                      rd_kafka_message_errstr(m) != NULL ? rd_kafka_message_errstr(m) : rd_kafka_err2str(e));
        } else if (e != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && e != RD_KAFKA_RESP_ERR__TRANSPORT &&
                   e != RD_KAFKA_RESP_ERR__RESOLVE) { /* those pass by themselves */
            rc = kafka_error(&r->kafka, e, err, "topic %s", r->topic);
        }
        rd_kafka_message_destroy(m);
        TRY(rc);
    }
}

void reader_done(reader_t *r, const rd_kafka_message_t *msg) {
    if (r->in_group) {
        (void)rd_kafka_offset_store(msg->rkt, msg->partition, msg->offset);
    }
}
