/* Kafka clients of the command line: a producer, and a consumer that joins no group unless told to. */
#ifndef CLI_KAFKA_H
#define CLI_KAFKA_H

#include "cli/verbs.h"
#include <librdkafka/rdkafka.h>

/* Client with the user's configuration over our defaults. It is its own opaque: callbacks get it. */
typedef struct kafka {
    rd_kafka_t *rk;
    void *user; /* for dr_cb */
    char last_error[256];
    bool verbose;
    uint32_t timeout_ms;
} kafka_t;

/* dr_cb may be NULL. The handle must not move while it is open. */
SCHLOSS_NODISCARD schloss_rc kafka_open(kafka_t *k, rd_kafka_type_t type, cli_t *cli,
                                        void (*dr_cb)(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque));
void kafka_close(kafka_t *k);
/* Maps an error of librdkafka, with what the client knows of the reason. */
schloss_rc kafka_error(const kafka_t *k, rd_kafka_resp_err_t e, schloss_error_t *err, const char *fmt, ...)
    SCHLOSS_PRINTF(4, 5);

/* Asks a broker for the topic, in slices so that Ctrl-C is heard, until one answers or the time limit is over. What the
 * broker says of the topic itself is for the caller to judge. *out is freed with rd_kafka_metadata_destroy. */
SCHLOSS_NODISCARD schloss_rc kafka_metadata(kafka_t *k, rd_kafka_topic_t *rkt, const struct rd_kafka_metadata **out,
                                            schloss_error_t *err);

/* ---- reading a topic ---- */

typedef struct reader reader_t;

/* Begins to read the topic as --group, --partition, --offset, --from-beginning say. wait_at_end: go on waiting for
 * records at the end. */
SCHLOSS_NODISCARD schloss_rc reader_open(reader_t **out, cli_t *cli, const char *topic, bool wait_at_end);
void reader_close(reader_t *r);
/* Next record, to be freed with rd_kafka_message_destroy.
 * @return 0; ABSENT: the end was reached; CANCELLED: Ctrl-C; TIMEOUT: silence for longer than --timeout; KAFKA ... */
SCHLOSS_NODISCARD schloss_rc reader_next(reader_t *r, rd_kafka_message_t **out, schloss_error_t *err);
/* Says that the record was printed: its offset is committed when a group was joined. */
void reader_done(reader_t *r, const rd_kafka_message_t *msg);

#endif
