/* schloss kms ... */
#include "cli/rest.h"
#include "cli/stop.h"
#include "cli/verbs.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/tink.h"
#include "kms/kms.h"
#include "serde/core.h"
#include <dlfcn.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define RAW_LEN 32u
#define OPENED_MAX 1024u

/* ---- where drivers come from ---- */

/* The driver is an object of the program or library that holds it. */
static const char *home_of(const kms_driver_t *d) {
    Dl_info it;
    Dl_info self;
    if (dladdr(d, &it) == 0 || it.dli_fname == NULL) {
        return "unknown";
    }
    return dladdr(&kms_local, &self) != 0 && it.dli_fbase == self.dli_fbase ? "built in" : it.dli_fname;
}

int verb_kms_list(cli_t *cli) {
    static const out_column_t columns[] = {{"Type", "type"}, {"From", "from"}};
    json_t *list = json_array();
    bool bad = list == NULL;
    for (const char *const *t = kms_driver_types(); *t != NULL && !bad; t++) {
        const kms_driver_t *d = kms_driver_find(*t);
        json_t *row = json_pack("{s:s, s:s}", "type", *t, "from", d == NULL ? "cannot be loaded" : home_of(d));
        bad = row == NULL || json_array_append_new(list, row) != 0;
    }
    if (!bad) {
        out_table(stdout, cli->form, list, columns, COUNT_OF(columns), "No drivers.");
    } else {
        (void)NO_MEMORY(cli->err);
    }
    json_decref(list);
    return bad ? verb_fail(cli) : CLI_EXIT_OK;
}

/* ---- one key, end to end ---- */

typedef struct trial {
    kms_key_t key;
    uint8_t *message, *opened; /* secret memory */
    size_t message_len, opened_len;
    buf_t wrapped;
    json_t *steps;
} trial_t;

static schloss_rc wrap_logic(void *arg, io_t *io, schloss_error_t *err) {
    trial_t *t = arg;
    buf_reset(&t->wrapped);
    TRY(kms_wrap(&t->key, io, bytes(t->message, t->message_len), &t->wrapped, err));
    return buf_check(&t->wrapped, err);
}

static schloss_rc unwrap_logic(void *arg, io_t *io, schloss_error_t *err) {
    trial_t *t = arg;
    return kms_unwrap(&t->key, io, buf_view(&t->wrapped), t->opened, OPENED_MAX, &t->opened_len, err);
}

static double ms_now(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Rows are what the user sees whatever happens; without memory for one the run goes on without it. */
static void note(trial_t *t, const char *step, bool ok, double ms, const char *detail) {
    char time[32] = "";
    if (ms >= 0) {
        (void)snprintf(time, sizeof(time), "%.1f ms", ms);
    }
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:s}", "step", step, "result", ok ? "ok" : "failed", "time", time, "detail", detail);
    if (row != NULL && ms >= 0) { /* the same for programs */
        (void)json_object_set_new(row, "ms", json_real((double)(int64_t)(ms * 1e3) / 1e3));
    }
    if (row != NULL) {
        (void)json_array_append_new(t->steps, row);
    }
}

static const char *setting(void *user, const char *name) {
    const schloss_client_t *c = user;
    return c->env.conf.conf(c->env.conf.conf_user, "", "ENCRYPT", name);
}

static schloss_rc prepare_trial(trial_t *t, schloss_error_t *err) {
    uint8_t *raw = NULL;
    TRY(secret_alloc(TINK_MAX_LEN, (void **)&t->message, err));
    TRY(secret_alloc(OPENED_MAX, (void **)&t->opened, err));
    TRY(secret_alloc(RAW_LEN, (void **)&raw, err));
    schloss_rc rc = random_bytes(raw, RAW_LEN, err);
    if (rc == SCHLOSS_OK) {
        t->message_len = tink_key_write(t->message, DEK_AES256_GCM, raw);
    }
    secret_free(raw);
    return rc;
}

static schloss_rc timed(rest_t *r, trial_t *t, const char *step, schloss_error_t *err) {
    bool wrapping = strcmp(step, "wrap") == 0;
    double began = ms_now();
    schloss_rc rc = rest_run(r, wrapping ? wrap_logic : unwrap_logic, t, err);
    double ms = ms_now() - began;
    char detail[80] = "";
    if (rc != SCHLOSS_OK) {
        (void)snprintf(detail, sizeof(detail), "%s", schloss_rc_name(rc));
    } else if (wrapping) {
        (void)snprintf(detail, sizeof(detail), "a test key of %zu bytes wraps to %zu bytes", t->message_len,
                       t->wrapped.len);
    } else {
        (void)snprintf(detail, sizeof(detail), "%zu bytes came back", t->opened_len);
    }
    note(t, step, rc == SCHLOSS_OK, ms, detail);
    return rc;
}

static schloss_rc try_key(rest_t *r, trial_t *t, schloss_error_t *err) {
    const kms_driver_t *d = kms_driver_find(t->key.kms_type);
    if (d != NULL) { /* without one kms_wrap says why */
        note(t, "driver", true, -1, home_of(d));
    }
    TRY(timed(r, t, "wrap", err));
    TRY(timed(r, t, "unwrap", err));
    bool same = t->opened_len == t->message_len && secret_equal(t->opened, t->message, t->message_len);
    note(t, "compare", same, -1, same ? "it is the key that was wrapped" : "it is another one");
    if (!same) {
        schloss_rc rc =
            FAIL(err, WRAP_FAILED, "%s://%s unwraps the test key to other bytes", t->key.kms_type, t->key.key_id);
        err_hint(err, "The key cannot be trusted with data; check the KMS.");
        return rc;
    }
    return SCHLOSS_OK;
}

int verb_kms_test(cli_t *cli) {
    static const out_column_t columns[] = {
        {"Step", "step"}, {"Result", "result"}, {"Time", "time"}, {"Detail", "detail"}};
    rest_t r;
    if (rest_open_without(&r, &cli->settings, cli->err) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    trial_t t = {.key = {.kms_type = cli->args->text[OPT_KMS_TYPE],
                         .key_id = cli->args->text[OPT_KMS_KEY_ID],
                         .conf = {.get = setting, .user = r.client}},
                 .steps = json_array()};
    buf_init(&t.wrapped, LIMIT_WRAPPED_DEK, "LIMIT_WRAPPED_DEK", false);
    schloss_rc rc = t.steps == NULL ? NO_MEMORY(cli->err) : prepare_trial(&t, cli->err);
    if (rc == SCHLOSS_OK) {
        rc = try_key(&r, &t, cli->err);
        if (!stop_requested()) {
            out_table(stdout, cli->form, t.steps, columns, COUNT_OF(columns), "Nothing was tried.");
        }
    }
    json_decref(t.steps);
    secret_free(t.message);
    secret_free(t.opened);
    buf_clear(&t.wrapped);
    rest_close(&r);
    return rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
}
