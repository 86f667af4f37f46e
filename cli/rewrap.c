/* schloss dek rewrap, schloss dek register: what upstream's tools rewrap-deks and register-deks do. */
#include "cli/rest.h"
#include "cli/stop.h"
#include "cli/verbs.h"
#include "base/metrics.h"
#include "base/time.h"
#include "serde/core.h"
#include "serde/view.h"
#include <stdlib.h>
#include <string.h>

static const char *const algorithms[] = {"AES128_GCM", "AES256_GCM", "AES256_SIV"};

static schloss_rc get_list(rest_t *r, const char *pattern, const char *const *values, bool deleted, json_t **out,
                           schloss_error_t *err) {
    buf_t path;
    buf_init(&path, 65536, "length of a path", false);
    rest_path(&path, pattern, values);
    buf_printf(&path, "%sdeleted=%s", strchr(pattern, '?') != NULL ? "&" : "?", deleted ? "true" : "false");
    schloss_rc rc = buf_check(&path, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(r, "GET", buf_cstr(&path), NULL, out, err);
    }
    buf_clear(&path);
    if (rc == SCHLOSS_OK && !json_is_array(*out)) {
        json_decref(*out);
        *out = NULL;
        rc = FAIL(err, REGISTRY_ANSWER, "the registry's list cannot be understood");
    }
    return rc;
}

/* ---- rewrap ---- */

typedef struct rewrap {
    cli_t *cli;
    rest_t rest;
    const char *kek;
    bool deleted;
    json_t *rows;
    size_t n_failed;
    schloss_error_t first; /* failure */
    /* the one at hand */
    dek_spec_t spec;
    int32_t version;
    dek_fill_t fill;
} rewrap_t;

static schloss_rc rewrap_logic(void *arg, io_t *io, schloss_error_t *err) {
    rewrap_t *w = arg;
    return env_rewrap(&w->rest.client->env, &w->spec, w->version, w->deleted, &w->fill, io, err);
}

/* A row of the table; a failure is noted and does not end the run. */
static void note(rewrap_t *w, const char *subject, const char *algorithm, int32_t version, schloss_rc rc,
                 const schloss_error_t *err) {
    json_t *row = json_pack("{s:s, s:s, s:o*, s:s, s:s, s:s}", "subject", subject, "algorithm", algorithm, "version",
                            version > 0 ? json_integer(version) : NULL, "result",
                            rc == SCHLOSS_OK ? "rewrapped" : schloss_rc_name(rc), "error",
                            rc == SCHLOSS_OK ? "" : schloss_error_message(err), "hint",
                            rc == SCHLOSS_OK ? "" : schloss_error_hint(err));
    if (row != NULL) {
        (void)json_array_append_new(w->rows, row);
    }
    if (rc != SCHLOSS_OK && w->n_failed++ == 0) {
        err_copy(&w->first, err);
    }
}

static bool is_fatal(schloss_rc rc) {
    return rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_MEMORY_LOCK || rc == SCHLOSS_E_CANCELLED;
}

static schloss_rc rewrap_version(rewrap_t *w, const char *subject, const char *algorithm, int32_t version) {
    w->spec = (dek_spec_t){.kek = w->kek, .subject = subject, .conf_scope = "", .conf_type = "ENCRYPT"};
    w->version = version;
    ENSURE(dek_alg_parse(algorithm, &w->spec.alg), w->cli->err, INVALID_ARGUMENT, "unknown algorithm %s", algorithm);
    dek_fill_init(&w->fill);
    schloss_rc rc = rest_run(&w->rest, rewrap_logic, w, w->cli->err);
    dek_fill_clear(&w->fill);
    note(w, subject, algorithm, version, rc, w->cli->err);
    return is_fatal(rc) ? rc : SCHLOSS_OK;
}

static schloss_rc rewrap_subject(rewrap_t *w, const char *subject) {
    for (size_t a = 0; a < COUNT_OF(algorithms) && !stop_requested(); a++) {
        const char *const values[] = {w->kek, subject, algorithms[a]};
        json_t *versions = NULL;
        schloss_rc rc = get_list(&w->rest, "/dek-registry/v1/keks/%/deks/%/versions?algorithm=%", values, w->deleted,
                                 &versions, w->cli->err);
        if (rc == SCHLOSS_E_SCHEMA_NOT_FOUND) {
            continue; /* no DEK of this algorithm */
        }
        if (rc != SCHLOSS_OK) {
            note(w, subject, algorithms[a], 0, rc, w->cli->err);
            TRY(is_fatal(rc) ? rc : SCHLOSS_OK);
            continue;
        }
        for (size_t i = 0; rc == SCHLOSS_OK && i < json_array_size(versions) && !stop_requested(); i++) {
            json_int_t v = json_integer_value(json_array_get(versions, i));
            if (v >= 1 && v <= INT32_MAX) {
                rc = rewrap_version(w, subject, algorithms[a], (int32_t)v);
            }
        }
        json_decref(versions);
        TRY(rc);
    }
    return SCHLOSS_OK;
}

static schloss_rc rewrap_all(rewrap_t *w) {
    json_t *subjects = NULL;
    const char *only = w->cli->args->text[OPT_SUBJECT];
    TRY(get_list(&w->rest, "/dek-registry/v1/keks/%/deks", &w->kek, w->deleted, &subjects, w->cli->err));
    schloss_rc rc = SCHLOSS_OK;
    bool found = only == NULL;
    for (size_t i = 0; rc == SCHLOSS_OK && i < json_array_size(subjects) && !stop_requested(); i++) {
        const char *subject = json_string_value(json_array_get(subjects, i));
        if (subject != NULL && (only == NULL || strcmp(only, subject) == 0)) {
            found = true;
            rc = rewrap_subject(w, subject);
        }
    }
    json_decref(subjects);
    if (rc == SCHLOSS_OK && !found && !stop_requested()) {
        rc = FAIL(w->cli->err, DEK_NOT_FOUND, "subject %s has no DEK under KEK %s", only, w->kek);
        err_hint(w->cli->err, "'schloss dek subject list --kek-name %s --all' shows the subjects.", w->kek);
    }
    return rc;
}

int verb_dek_rewrap(cli_t *cli) {
    static const out_column_t columns[] = {{"Subject", "subject"},
                                           {"Algorithm", "algorithm"},
                                           {"Version", "version"},
                                           {"Result", "result"},
                                           {"Error", "error"}};
    rewrap_t w = {.cli = cli, .kek = cli->args->arg[0], .deleted = args_flag(cli->args, OPT_INCLUDE_DELETED)};
    if (rest_open(&w.rest, &cli->settings, cli->err) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    w.rows = json_array();
    schloss_rc rc = w.rows == NULL ? NO_MEMORY(cli->err) : rewrap_all(&w);
    if (rc == SCHLOSS_OK || json_array_size(w.rows) > 0) {
        out_table(stdout, cli->form, w.rows, columns, COUNT_OF(columns) - (w.n_failed == 0), "No DEKs.");
    }
    size_t n = json_array_size(w.rows);
    json_decref(w.rows);
    rest_close(&w.rest);
    if (rc != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    if (w.n_failed != 0) {
        err_wrap(&w.first, "%zu of %zu DEKs could not be wrapped anew and are as they were; the first", w.n_failed, n);
        err_copy(cli->err, &w.first);
        return verb_fail(cli);
    }
    return stop_requested() ? stop_exit_code() : CLI_EXIT_OK;
}

/* ---- register ---- */

typedef struct registering {
    cli_t *cli;
    rest_t rest;
    const char *subject;
    int32_t schema_id; /* -1: the latest version */
    view_t *view;
    dek_slot_t *slot; /* the one at hand */
    dek_fill_t fill;
} registering_t;

static schloss_rc view_logic(void *arg, io_t *io, schloss_error_t *err) {
    registering_t *g = arg;
    core_t *c = g->rest.client;
    sr_schema_t *sr = NULL;
    schloss_rc rc = g->schema_id < 0 ? sr_get_latest(io, &c->service, g->subject, &sr, err)
                                     : sr_get_by_id(io, &c->service, g->schema_id, g->subject, &sr, err);
    if (rc == SCHLOSS_ABSENT) {
        rc = FAIL(err, SCHEMA_NOT_FOUND, "the registry has no schema of subject '%s'", g->subject);
        err_hint(err, "'schloss subject list' shows what there is.");
    }
    if (rc == SCHLOSS_OK) {
        rc = view_new(c, "w|cli", g->subject, sr, &(view_want_t){.writing = true}, &g->view, err);
    }
    sr_schema_unref(sr);
    return rc;
}

static schloss_rc fill_logic(void *arg, io_t *io, schloss_error_t *err) {
    registering_t *g = arg;
    return env_fill(&g->rest.client->env, g->slot, 0, &g->fill, io, err);
}

/* Id of the schema that --version names. */
static schloss_rc find_version(registering_t *g, schloss_error_t *err) {
    const char *version = args_text(g->cli->args, OPT_VERSION, "latest");
    g->schema_id = -1;
    if (strcmp(version, "latest") == 0 || strcmp(version, "-1") == 0) {
        return SCHLOSS_OK;
    }
    const char *const values[] = {g->subject, version};
    json_t *answer = NULL;
    buf_t path;
    buf_init(&path, 65536, "length of a path", false);
    rest_path(&path, "/subjects/%/versions/%", values);
    schloss_rc rc = buf_check(&path, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(&g->rest, "GET", buf_cstr(&path), NULL, &answer, err);
    }
    buf_clear(&path);
    json_int_t id = json_integer_value(json_object_get(answer, "id"));
    json_decref(answer);
    TRY(rc);
    ENSURE(id > 0 && id <= INT32_MAX, err, REGISTRY_ANSWER, "the registry's answer has no schema id");
    g->schema_id = (int32_t)id;
    return SCHLOSS_OK;
}

/* Makes what the rule wants and says which version it uses now. */
static schloss_rc register_run(registering_t *g, const rule_run_t *run, json_t *rows, schloss_error_t *err) {
    if (run->broken != NULL) {
        err_copy(err, run->broken);
        err_rule(err, run->rule->name);
        return schloss_error_code(run->broken);
    }
    if (run->slot == NULL) {
        return SCHLOSS_OK; /* no rule of ours */
    }
    env_t *env = &g->rest.client->env;
    uint64_t made = metrics_get("deks_created");
    int64_t began = time_mono_ms();
    const dek_key_t *key = NULL;
    g->slot = run->slot;
    dek_fill_init(&g->fill);
    schloss_rc rc = rest_run(&g->rest, fill_logic, g, err);
    dek_fill_clear(&g->fill);
    dek_use_t use = {.env = env, .slot = run->slot};
    if (rc == SCHLOSS_OK) {
        rc = dek_use_get(&use, 0, began, &key, err);
        use.n_sealed = 0; /* nothing was encrypted */
    }
    if (rc == SCHLOSS_OK) {
        const dek_spec_t *spec = &run->slot->spec;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "rule", run->rule->name, "kek", spec->kek, "subject",
                                spec->subject, "algorithm", dek_alg_name(spec->alg), "version", (int)key->version,
                                "result", metrics_get("deks_created") != made ? "created" : "exists");
        rc = row == NULL || json_array_append_new(rows, row) != 0 ? NO_MEMORY(err) : SCHLOSS_OK;
    } else if (rc > 0) {
        rc = FAIL(err, INVALID_STATE, "the DEK of rule %s is not usable", run->rule->name);
    }
    dek_use_drop(&use);
    if (rc != SCHLOSS_OK) {
        err_rule(err, run->rule->name);
    }
    return rc;
}

int verb_dek_register(cli_t *cli) {
    static const out_column_t columns[] = {{"Rule", "rule"},           {"KEK", "kek"},         {"Subject", "subject"},
                                           {"Algorithm", "algorithm"}, {"Version", "version"}, {"Result", "result"}};
    registering_t g = {.cli = cli, .subject = cli->args->arg[0]};
    if (rest_open(&g.rest, &cli->settings, cli->err) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    json_t *rows = json_array();
    schloss_rc rc = rows == NULL ? NO_MEMORY(cli->err) : find_version(&g, cli->err);
    if (rc == SCHLOSS_OK) {
        rc = rest_run(&g.rest, view_logic, &g, cli->err);
    }
    schloss_error_t first;
    memset(&first, 0, sizeof(first));
    for (size_t i = 0; rc == SCHLOSS_OK && i < g.view->n_runs && !stop_requested(); i++) {
        schloss_rc one = register_run(&g, &g.view->runs[i], rows, cli->err);
        if (one != SCHLOSS_OK && first.code == 0) { /* the other rules get theirs */
            err_copy(&first, cli->err);
        }
    }
    if (rc == SCHLOSS_OK && (first.code == 0 || json_array_size(rows) > 0)) {
        out_table(stdout, cli->form, rows, columns, COUNT_OF(columns), "No rule wants a DEK.");
    }
    if (rc == SCHLOSS_OK && first.code != 0) {
        err_copy(cli->err, &first);
        rc = first.code;
    }
    view_unref(g.view);
    json_decref(rows);
    rest_close(&g.rest);
    return rc == SCHLOSS_OK ? (stop_requested() ? stop_exit_code() : CLI_EXIT_OK) : verb_fail(cli);
}
