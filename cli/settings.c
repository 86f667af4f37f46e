/* Collecting the configuration. Secrets end up in the two configuration objects and in this struct, wiped at the end.
 */
#include "cli/settings.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_FILE_MAX ((size_t)1 << 20)
#define SECRET_FILE_MAX ((size_t)1 << 16)
#define DEFAULT_TIMEOUT_S 30

static schloss_rc replace(char **slot, const char *value, schloss_error_t *err) {
    char *copy = mem_strdup(value);
    if (copy == NULL) {
        return NO_MEMORY(err);
    }
    mem_wipe_str(*slot);
    *slot = copy;
    return SCHLOSS_OK;
}

/* ---- files ---- */

schloss_rc settings_read_file(char **out, size_t *len, const char *path, size_t max, schloss_error_t *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "rbe");
    ENSURE(f != NULL, err, IO, "cannot read %s: %s", path, strerror(errno));
    /* Unbuffered: the contents may be secret and must not stay in a stdio buffer. */
    (void)setvbuf(f, NULL, _IONBF, 0);
    buf_t b;
    buf_init(&b, max + 1, "size of a file", true); /* one more: to see that there is more */
    size_t n = 1;
    while (n > 0 && b.len <= max && buf_reserve(&b, b.len + 4096 <= max ? 4096 : max + 1 - b.len)) {
        n = fread(b.ptr + b.len, 1, max + 1 - b.len < 4096 ? max + 1 - b.len : 4096, f);
        b.len += n;
        b.high = b.len > b.high ? b.len : b.high;
    }
    schloss_rc rc = ferror(f) ? FAIL(err, IO, "cannot read %s: %s", path, strerror(errno)) : SCHLOSS_OK;
    if (!is_stdin) {
        (void)fclose(f);
    }
    if (rc == SCHLOSS_OK && b.len > max) {
        rc = FAIL(err, LIMIT_EXCEEDED, "%s is larger than %zu bytes", path, max);
    }
    if (rc == SCHLOSS_OK) {
        rc = buf_check(&b, err);
    }
    if (rc == SCHLOSS_OK) {
        char *copy = mem_alloc(b.len + 1); /* there may be a NUL before the end */
        rc = copy == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
        if (copy != NULL) {
            memcpy(copy, b.ptr != NULL ? b.ptr : (const uint8_t *)"", b.len);
            copy[b.len] = '\0';
            *out = copy;
            *len = b.len;
        }
    }
    buf_clear(&b);
    return rc;
}

schloss_rc settings_read_secret(char **out, const char *path, schloss_error_t *err) {
    char *text = NULL;
    size_t len = 0;
    TRY(settings_read_file(&text, &len, path, SECRET_FILE_MAX, err));
    if (len > 0 && text[len - 1] == '\n') {
        text[--len] = '\0';
        if (len > 0 && text[len - 1] == '\r') {
            text[--len] = '\0';
        }
    }
    if (len == 0 || strlen(text) != len) {
        mem_wipe(text, len);
        mem_free(text);
        return FAIL(err, CONF_VALUE, "%s holds no secret: it is empty or has a zero byte", path);
    }
    *out = text;
    return SCHLOSS_OK;
}

/* ---- keys ---- */

static schloss_rc set_kafka(settings_t *s, const char *name, const char *value, schloss_error_t *err) {
    char why[256];
    if (strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0) {
        TRY(replace(&s->bootstrap, value, err));
    }
    switch (rd_kafka_conf_set(s->kafka, name, value, why, sizeof(why))) {
    case RD_KAFKA_CONF_OK:
        s->has_client_id |= strcmp(name, "client.id") == 0;
        s->has_message_timeout |= strcmp(name, "message.timeout.ms") == 0 || strcmp(name, "delivery.timeout.ms") == 0;
        s->has_offset_reset |= strcmp(name, "auto.offset.reset") == 0;
        return SCHLOSS_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return FAIL(err, CONF_UNKNOWN, "neither libschloss nor librdkafka has a configuration key %s", name);
    default: /* librdkafka quotes the value in its text: it may be a password */
        return FAIL(err, CONF_VALUE, "librdkafka refuses the value of %s", name);
    }
}

schloss_rc settings_set(settings_t *s, const char *name, const char *value, schloss_error_t *err) {
    if (strncmp(name, "kafka.", 6) == 0) {
        return set_kafka(s, name + 6, value, err);
    }
    schloss_rc rc = schloss_conf_set(s->conf, name, value, err);
    /* client.id is a driver's setting, too, and refused at top level for that reason: here Kafka is meant */
    if (rc == SCHLOSS_E_CONF_UNKNOWN || (rc != SCHLOSS_OK && strcmp(name, "client.id") == 0)) {
        schloss_error_t first;
        err_copy(&first, err);
        schloss_rc kafka = set_kafka(s, name, value, err);
        if (kafka == SCHLOSS_E_CONF_UNKNOWN && err != NULL) {
            err_hint(err, "%s", first.hint);
        }
        return kafka;
    }
    TRY(rc);
    /* Credentials that are given are meant to be used; Java wants the source said as well. */
    return strcmp(name, "basic.auth.user.info") == 0
               ? schloss_conf_set(s->conf, "basic.auth.credentials.source", "USER_INFO", err)
               : SCHLOSS_OK;
}

/* A setting of a KMS driver, where Kafka is not meant: names like client.id mean other things to both. */
static schloss_rc set_driver(settings_t *s, const char *name, const char *value, schloss_error_t *err) {
    schloss_rc rc = strncmp(name, "kafka.", 6) == 0 ? settings_set(s, name, value, err)
                                                    : schloss_conf_set(s->conf, name, value, err);
    if ((rc != SCHLOSS_E_CONF_UNKNOWN && rc != SCHLOSS_E_UNSUPPORTED) || strncmp(name, "schloss.", 8) == 0 ||
        strncmp(name, "rule.", 5) == 0) {
        return rc;
    }
    char *full = mem_printf("rule.executors._default_.param.%s", name);
    ENSURE(full != NULL, err, NO_MEMORY, "out of memory");
    rc = schloss_conf_set(s->conf, full, value, err);
    mem_free(full);
    return rc;
}

/* "name=value" with white space around both cut off. */
typedef schloss_rc (*set_fn)(settings_t *s, const char *name, const char *value, schloss_error_t *err);

static schloss_rc set_pair(settings_t *s, char *pair, set_fn set, const char *where, schloss_error_t *err) {
    char *eq = strchr(pair, '=');
    ENSURE(eq != NULL && eq != pair, err, CONF_VALUE, "%s wants name=value", where);
    *eq = '\0';
    char *value = eq + 1 + strspn(eq + 1, " \t");
    for (char *end = eq; end > pair && (end[-1] == ' ' || end[-1] == '\t');) {
        *--end = '\0';
    }
    schloss_rc rc = set(s, pair, value, err);
    if (rc != SCHLOSS_OK) {
        err_wrap(err, "%s", where);
    }
    return rc;
}

static schloss_rc load_file(settings_t *s, const char *path, schloss_error_t *err) {
    char *text = NULL;
    size_t len = 0;
    TRY(settings_read_file(&text, &len, path, CONFIG_FILE_MAX, err));
    schloss_rc rc = strlen(text) == len ? SCHLOSS_OK : FAIL(err, CONF_VALUE, "%s has a zero byte", path);
    unsigned number = 0;
    for (char *line = text; rc == SCHLOSS_OK && line < text + len;) {
        char *end = line + strcspn(line, "\n");
        char *next = end < text + len ? end + 1 : end;
        *end = '\0';
        for (; end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'); end--) {
            end[-1] = '\0';
        }
        line += strspn(line, " \t");
        number++;
        if (*line != '\0' && *line != '#') {
            char where[256];
            (void)snprintf(where, sizeof(where), "%s line %u", path, number);
            rc = set_pair(s, line, settings_set, where, err);
        }
        line = next;
    }
    mem_wipe(text, len);
    mem_free(text);
    return rc;
}

static schloss_rc set_secret(settings_t *s, const char *path, schloss_error_t *err) {
    char *secret = NULL;
    TRY(settings_read_secret(&secret, path, err));
    schloss_rc rc = schloss_conf_set(s->conf, "secret", secret, err);
    mem_wipe_str(secret);
    return rc;
}

static schloss_rc set_timeouts(settings_t *s, const args_t *args, schloss_error_t *err) {
    int64_t seconds = args_int(args, OPT_TIMEOUT, 0);
    ENSURE(!args_has(args, OPT_TIMEOUT) || (seconds >= 1 && seconds <= 86400), err, INVALID_ARGUMENT,
           "--timeout must be between 1 and 86400 seconds");
    s->timeout_s = seconds > 0 ? (uint32_t)seconds : DEFAULT_TIMEOUT_S;
    char read_ms[24];
    char connect_ms[24];
    (void)snprintf(read_ms, sizeof(read_ms), "%u", s->timeout_s * 1000u);
    (void)snprintf(connect_ms, sizeof(connect_ms), "%u", (s->timeout_s < 10 ? s->timeout_s : 10) * 1000u);
    /* Somebody waits at a terminal: give up sooner than a service would. */
    const char *const defaults[][2] = {
        {"http.read.timeout.ms", read_ms},
        {"http.connect.timeout.ms", connect_ms},
        {"max.retries", "2"},
        {"retries.wait.ms", "200"},
    };
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        TRY(schloss_conf_set(s->conf, defaults[i][0], defaults[i][1], err));
    }
    return SCHLOSS_OK;
}

static schloss_rc load(settings_t *s, const args_t *args, schloss_error_t *err) {
    s->conf = schloss_conf_new();
    s->kafka = rd_kafka_conf_new();
    if (s->conf == NULL || s->kafka == NULL) {
        return NO_MEMORY(err);
    }
    TRY(set_timeouts(s, args, err));
    if (args_has(args, OPT_CONFIG_FILE)) {
        TRY(load_file(s, args->text[OPT_CONFIG_FILE], err));
    }
    static const struct {
        opt_id_t id;
        const char *name;
    } named[] = {
        {OPT_REGISTRY, "schema.registry.url"},
        {OPT_BASIC_AUTH, "basic.auth.user.info"},
        {OPT_BOOTSTRAP, "kafka.bootstrap.servers"},
        {OPT_CA_LOCATION, "schema.registry.ssl.ca.location"},
    };
    for (unsigned pass = 0; pass < 2; pass++) { /* variables first, then flags */
        for (size_t i = 0; i < COUNT_OF(named); i++) {
            if (args_has(args, named[i].id) && args->from_env[named[i].id] == (pass == 0)) {
                TRY(settings_set(s, named[i].name, args->text[named[i].id], err));
            }
        }
    }
    if (args_has(args, OPT_SECRET_FILE)) {
        TRY(set_secret(s, args->text[OPT_SECRET_FILE], err));
    }
    for (size_t i = 0; i < args->n_list; i++) {
        opt_id_t id = args->list[i].id;
        if (id != OPT_CONFIG && id != OPT_KAFKA) {
            continue;
        }
        char *pair = mem_strdup(args->list[i].value);
        if (pair == NULL) {
            return NO_MEMORY(err);
        }
        size_t len = strlen(pair);
        bool drivers = args->cmd != NULL && cmd_runs_drivers(args->cmd);
        schloss_rc rc = set_pair(s, pair,
                                 id == OPT_KAFKA ? set_kafka
                                 : drivers       ? set_driver
                                                 : settings_set,
                                 id == OPT_KAFKA ? "--kafka" : "-X", err);
        mem_wipe(pair, len);
        mem_free(pair);
        TRY(rc);
    }
    return SCHLOSS_OK;
}

schloss_rc settings_load(settings_t *s, const args_t *args, schloss_error_t *err) {
    memset(s, 0, sizeof(*s));
    schloss_rc rc = load(s, args, err);
    if (rc != SCHLOSS_OK) {
        settings_clear(s);
    }
    return rc;
}

void settings_clear(settings_t *s) {
    schloss_conf_free(s->conf);
    if (s->kafka != NULL) {
        rd_kafka_conf_destroy(s->kafka);
    }
    mem_wipe_str(s->bootstrap);
    memset(s, 0, sizeof(*s));
}

schloss_rc settings_need_registry(const settings_t *s, schloss_error_t *err) {
    const char *url = schloss_conf_get(s->conf, "schema.registry.url");
    if (url != NULL && url[0] != '\0') {
        return SCHLOSS_OK;
    }
    schloss_rc rc = FAIL(err, CONF_MISSING, "no registry is given");
    err_hint(err, "Use --registry URL or SCHLOSS_REGISTRY; 'schloss dev' starts one to play with.");
    return rc;
}

schloss_rc settings_need_bootstrap(const settings_t *s, schloss_error_t *err) {
    if (s->bootstrap != NULL && s->bootstrap[0] != '\0') {
        return SCHLOSS_OK;
    }
    schloss_rc rc = FAIL(err, CONF_MISSING, "no Kafka broker is given");
    err_hint(err, "Use --bootstrap HOST:PORT or SCHLOSS_BOOTSTRAP; 'schloss dev' starts one to play with.");
    return rc;
}
