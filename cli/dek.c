/* schloss dek ... */
#include "cli/rest.h"
#include "cli/verbs.h"
#include <stdlib.h>
#include <string.h>

static const out_column_t columns[] = {
    {"KEK", "kekName"},
    {"Subject", "subject"},
    {"Version", "version"},
    {"Algorithm", "algorithm"},
    {"Encrypted Key Material", "encryptedKeyMaterial"},
    {"Timestamp", "ts"},
    {"Deleted", "deleted"},
};

/* Calls /keks/KEK/deks[/SUBJECT[tail]]; % in tail is the version. The query always names the algorithm: the registry's
 * default is ours, but a log line that says it is easier to read. */
static schloss_rc call_dek(cli_t *cli, const char *method, const char *tail, const char *version, const json_t *body,
                           json_t **out) {
    const args_t *a = cli->args;
    rest_t r;
    TRY(rest_open(&r, &cli->settings, cli->err));
    const char *kek = a->text[OPT_KEK_NAME];
    const char *subject = a->text[OPT_SUBJECT];
    buf_t path;
    buf_init(&path, 65536, "length of a path", false);
    rest_path(&path, "/dek-registry/v1/keks/%/deks", &kek);
    if (subject != NULL) {
        rest_path(&path, "/%", &subject);
    }
    rest_path(&path, tail, &version);
    const char *separator = "?";
    if (subject != NULL && body == NULL) {
        const char *algorithm = args_text(a, OPT_ALGORITHM, "AES256_GCM");
        rest_path(&path, "?algorithm=%", &algorithm);
        separator = "&";
    }
    if (args_flag(a, OPT_ALL)) {
        buf_printf(&path, "%sdeleted=true", separator);
    } else if (args_flag(a, OPT_PERMANENT)) {
        buf_printf(&path, "%spermanent=true", separator);
    }
    schloss_rc rc = buf_check(&path, cli->err);
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(&r, method, buf_cstr(&path), body, out, cli->err);
        if (rc != SCHLOSS_OK) {
            err_kek(cli->err, kek);
            err_subject(cli->err, subject);
        }
    }
    buf_clear(&path);
    rest_close(&r);
    return rc;
}

static int show(cli_t *cli, schloss_rc rc, json_t *answer) {
    if (rc == SCHLOSS_OK && answer != NULL) {
        out_record(stdout, cli->form, answer, columns, COUNT_OF(columns));
    }
    json_decref(answer);
    return rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
}

int verb_dek_create(cli_t *cli) {
    const args_t *a = cli->args;
    const char *version = args_text(a, OPT_VERSION, "1");
    char *end = NULL;
    long n = strtol(version, &end, 10);
    if (*end != '\0' || n < 1 || n > INT32_MAX) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "--version of a new DEK is a number from 1, not '%s'", version);
        return verb_fail(cli);
    }
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:i, s:s, s:s*}", "subject", a->text[OPT_SUBJECT], "version", (int)n, "algorithm",
                             args_text(a, OPT_ALGORITHM, "AES256_GCM"), "encryptedKeyMaterial",
                             a->text[OPT_ENCRYPTED_KEY_MATERIAL]);
    schloss_rc rc = body != NULL ? call_dek(cli, "POST", "", NULL, body, &answer)
                                 : FAIL(cli->err, INVALID_ARGUMENT, "the subject must be UTF-8");
    if (rc != SCHLOSS_OK && cli->err->rest_code == 42271 && a->text[OPT_ENCRYPTED_KEY_MATERIAL] == NULL) {
        err_hint(cli->err, "The KEK is not shared: only a client can make the DEK (the first produce does), or give "
                           "--encrypted-key-material.");
    }
    json_decref(body);
    return show(cli, rc, answer);
}

int verb_dek_describe(cli_t *cli) {
    json_t *answer = NULL;
    schloss_rc rc = call_dek(cli, "GET", "/versions/%", args_text(cli->args, OPT_VERSION, "1"), NULL, &answer);
    return show(cli, rc, answer);
}

/* Without --version all of them. */
static schloss_rc each_version(cli_t *cli, const char *method, const char *all, const char *one) {
    const char *version = cli->args->text[OPT_VERSION];
    return call_dek(cli, method, version != NULL ? one : all, version, NULL, NULL);
}

static void say(const cli_t *cli, const char *done) {
    const char *version = cli->args->text[OPT_VERSION];
    (void)fprintf(stderr, "%s %s%s of the DEK of %s under KEK %s.\n", done,
                  version != NULL ? "version " : "all versions", version != NULL ? version : "",
                  cli->args->text[OPT_SUBJECT], cli->args->text[OPT_KEK_NAME]);
}

int verb_dek_delete(cli_t *cli) {
    bool permanent = args_flag(cli->args, OPT_PERMANENT);
    int no = verb_confirm(cli, "Delete the DEK of %s under KEK %s%s?", cli->args->text[OPT_SUBJECT],
                          cli->args->text[OPT_KEK_NAME], permanent ? " for good" : "");
    if (no != 0) {
        return no;
    }
    if (each_version(cli, "DELETE", "", "/versions/%") != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    say(cli, permanent ? "Deleted for good" : "Deleted");
    return CLI_EXIT_OK;
}

int verb_dek_undelete(cli_t *cli) {
    if (each_version(cli, "POST", "/undelete", "/versions/%/undelete") != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    say(cli, "Brought back");
    return CLI_EXIT_OK;
}

static int list(cli_t *cli, const char *tail, const char *heading, const char *nothing) {
    json_t *answer = NULL;
    if (call_dek(cli, "GET", tail, NULL, NULL, &answer) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    const out_column_t column = {heading, ""};
    out_table(stdout, cli->form, answer, &column, 1, nothing);
    json_decref(answer);
    return CLI_EXIT_OK;
}

int verb_dek_subject_list(cli_t *cli) {
    return list(cli, "", "Subject", "No subjects.");
}

int verb_dek_version_list(cli_t *cli) {
    return list(cli, "/versions", "Version", "No versions.");
}
