/* The configuration of a run: file, then environment, then flags, then -X and --kafka, later ones winning. Names that
 * libschloss does not know are tried as librdkafka's, so that one client.properties serves both. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/buf.h"
#include "cli/args.h"
#include <librdkafka/rdkafka.h>
#include <schloss/conf.h>

typedef struct settings {
    schloss_conf_t *conf;
    rd_kafka_conf_t *kafka;
    char *bootstrap;
    uint32_t timeout_s;
    bool has_client_id, has_message_timeout, has_offset_reset; /* of librdkafka: given by the user */
} settings_t;

SCHLOSS_NODISCARD schloss_rc settings_load(settings_t *out, const args_t *args, schloss_error_t *err);
void settings_clear(settings_t *s); /* wipes */
/* One key. Public for the verbs that set keys themselves (--raw). */
SCHLOSS_NODISCARD schloss_rc settings_set(settings_t *s, const char *name, const char *value, schloss_error_t *err);

/* CONF_MISSING with a hint when there is no registry / no broker. */
SCHLOSS_NODISCARD schloss_rc settings_need_registry(const settings_t *s, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc settings_need_bootstrap(const settings_t *s, schloss_error_t *err);

/* Reads a small file (at most max bytes; "-" is standard input) into a NUL-terminated string; mem_wipe_str it. */
SCHLOSS_NODISCARD schloss_rc settings_read_file(char **out, size_t *len, const char *path, size_t max,
                                                schloss_error_t *err);
/* The same with one trailing newline cut off: a secret, which must not be empty. */
SCHLOSS_NODISCARD schloss_rc settings_read_secret(char **out, const char *path, schloss_error_t *err);

#endif
