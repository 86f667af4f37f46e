/* The servers: `schloss registry`, and `schloss dev`, which puts a registry and librdkafka's mock cluster into one
 * process. */
#include "cli/stop.h"
#include "cli/verbs.h"
#include "registry/registry.h"
#include "server/auth.h"
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEV_PARTITIONS_MAX 1000

/* Keys of shared KEKs pass through this process, some of them through OpenSSL's heap: no core file, no ptrace.
 * (The leak checker of the sanitizers traces its own process.) */
static void harden(void) {
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef SCHLOSS_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static schloss_rc start_registry(cli_t *cli, const char *listen, const char *store, registry_t **out) {
    const args_t *a = cli->args;
    if (args_has(a, OPT_TLS_CERT) != args_has(a, OPT_TLS_KEY)) {
        return FAIL(cli->err, INVALID_ARGUMENT, "--tls-cert and --tls-key go together");
    }
    char *secret = NULL;
    if (args_has(a, OPT_KMS_SECRET_FILE)) {
        TRY(settings_read_secret(&secret, a->text[OPT_KMS_SECRET_FILE], cli->err));
    }
    registry_conf_t conf = {
        .listen = listen,
        .store = store,
        .tls_cert_file = a->text[OPT_TLS_CERT],
        .tls_key_file = a->text[OPT_TLS_KEY],
        .users_file = a->text[OPT_USERS],
        .kms_secret = secret,
        .threads = (unsigned)args_int(a, OPT_THREADS, 0),
        .log_requests = args_flag(a, OPT_LOG_REQUESTS),
    };
    schloss_rc rc = registry_start(out, &conf, cli->err);
    mem_wipe_str(secret);
    return rc;
}

int verb_registry(cli_t *cli) {
    harden();
    registry_t *registry = NULL;
    if (start_registry(cli, args_text(cli->args, OPT_LISTEN, "127.0.0.1:8081"),
                       args_text(cli->args, OPT_STORE, "sqlite:schloss.db"), &registry) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    (void)printf("schloss registry ready on %s\n", registry_url(registry));
    (void)fflush(stdout);
    stop_wait();
    registry_stop(registry);
    return CLI_EXIT_OK;
}

/* ---- dev ---- */

typedef struct dev {
    registry_t *registry;
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
} dev_server_t;

static void quiet_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static schloss_rc start_broker(cli_t *cli, dev_server_t *dev) {
    char why[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (conf == NULL) {
        return NO_MEMORY(cli->err);
    }
    (void)rd_kafka_conf_set(conf, "client.id", "schloss-dev", NULL, 0);
    if (!args_flag(cli->args, OPT_VERBOSE)) {
        rd_kafka_conf_set_log_cb(conf, quiet_log);
    }
    dev->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (dev->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return FAIL(cli->err, KAFKA, "librdkafka: %s", why);
    }
    dev->cluster = rd_kafka_mock_cluster_new(dev->rk, 1);
    ENSURE(dev->cluster != NULL, cli->err, KAFKA, "librdkafka cannot start its mock cluster");
    return SCHLOSS_OK;
}

static schloss_rc make_topics(const cli_t *cli, dev_server_t *dev) {
    const args_t *a = cli->args;
    for (size_t i = 0; i < a->n_list; i++) {
        if (a->list[i].id != OPT_TOPIC) {
            continue;
        }
        const char *colon = strrchr(a->list[i].value, ':');
        char *end = NULL;
        long partitions = colon != NULL ? strtol(colon + 1, &end, 10) : 1;
        ENSURE(partitions >= 1 && partitions <= DEV_PARTITIONS_MAX && (end == NULL || *end == '\0'), cli->err,
               INVALID_ARGUMENT, "--topic %s: partitions are a number from 1 to %d", a->list[i].value,
               DEV_PARTITIONS_MAX);
        char *name = mem_strndup(a->list[i].value,
                                 colon != NULL ? (size_t)(colon - a->list[i].value) : strlen(a->list[i].value));
        if (name == NULL) {
            return NO_MEMORY(cli->err);
        }
        rd_kafka_resp_err_t e = rd_kafka_mock_topic_create(dev->cluster, name, (int)partitions, 1);
        schloss_rc rc = e == RD_KAFKA_RESP_ERR_NO_ERROR
                            ? SCHLOSS_OK
                            : FAIL(cli->err, KAFKA, "cannot make the topic %s: %s", name, rd_kafka_err2str(e));
        mem_free(name);
        TRY(rc);
    }
    return SCHLOSS_OK;
}

static schloss_rc start_dev(cli_t *cli, dev_server_t *dev) {
    const args_t *a = cli->args;
    const char *listen = args_text(a, OPT_LISTEN, "127.0.0.1:0");
    char *with_port = NULL;
    if (args_has(a, OPT_REGISTRY_PORT)) {
        const char *colon = strrchr(listen, ':');
        with_port = mem_printf("%.*s:%d", (int)(colon != NULL ? colon - listen : (long)strlen(listen)), listen,
                               (int)a->num[OPT_REGISTRY_PORT]);
        if (with_port == NULL) {
            return NO_MEMORY(cli->err);
        }
        listen = with_port;
    }
    schloss_rc rc = start_registry(cli, listen, args_text(a, OPT_STORE, "sqlite::memory:"), &dev->registry);
    mem_free(with_port);
    TRY(rc);
    TRY(start_broker(cli, dev));
    return make_topics(cli, dev);
}

static void stop_dev(dev_server_t *dev) {
    if (dev->cluster != NULL) {
        rd_kafka_mock_cluster_destroy(dev->cluster);
    }
    if (dev->rk != NULL) {
        rd_kafka_destroy(dev->rk);
    }
    if (dev->registry != NULL) {
        registry_stop(dev->registry);
    }
}

int verb_dev(cli_t *cli) {
    harden();
    dev_server_t dev = {0};
    if (start_dev(cli, &dev) != SCHLOSS_OK) {
        int code = verb_fail(cli);
        stop_dev(&dev);
        return code;
    }
    (void)fputs("The broker is librdkafka's mock cluster: in memory (a few MB per partition, the oldest records go "
                "first), topics are made on first use, not for Java clients. Ctrl-C ends it.\n",
                stderr);
    (void)printf("registry=%s\nbootstrap=%s\nready\n", registry_url(dev.registry),
                 rd_kafka_mock_cluster_bootstraps(dev.cluster));
    (void)fflush(stdout);
    stop_wait();
    stop_dev(&dev);
    return CLI_EXIT_OK;
}

/* ---- registry hash-password ---- */

int verb_hash_password(cli_t *cli) {
    if (isatty(STDIN_FILENO)) {
        (void)fputs("Password (it will be shown): ", stderr);
    }
    char *password = NULL;
    if (settings_read_secret(&password, "-", cli->err) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    char hash[AUTH_HASH_LEN];
    schloss_rc rc = auth_hash_password(password, AUTH_ITERATIONS, hash, cli->err);
    mem_wipe_str(password);
    if (rc != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    (void)printf("%s\n", hash);
    return CLI_EXIT_OK;
}
