/* schloss kek ... */
#include "cli/rest.h"
#include "cli/verbs.h"
#include <string.h>

#define KEKS "/dek-registry/v1/keks"
#define KEK KEKS "/%"

static const out_column_t columns[] = {
    {"Name", "name"}, {"KMS Type", "kmsType"}, {"KMS Key", "kmsKeyId"}, {"KMS Properties", "kmsProps"},
    {"Doc", "doc"},   {"Shared", "shared"},    {"Timestamp", "ts"},     {"Deleted", "deleted"},
};
static const out_column_t list_columns[] = {
    {"Name", "name"}, {"KMS Type", "kmsType"}, {"KMS Key", "kmsKeyId"}, {"Shared", "shared"}, {"Deleted", "deleted"},
};

static schloss_rc call_one(rest_t *r, const char *method, const char *pattern, const char *name, const json_t *body,
                           json_t **out, schloss_error_t *err) {
    buf_t path;
    buf_init(&path, 65536, "length of a path", false);
    rest_path(&path, pattern, &name);
    schloss_rc rc = buf_check(&path, err);
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(r, method, buf_cstr(&path), body, out, err);
        if (rc != SCHLOSS_OK) {
            err_kek(err, name);
        }
    }
    buf_clear(&path);
    return rc;
}

/* The values of --kms-properties as an object of strings; an empty value clears what came before. */
static schloss_rc add_properties(const args_t *args, json_t *body, schloss_error_t *err) {
    if (!args_has(args, OPT_KMS_PROPERTIES)) {
        return SCHLOSS_OK;
    }
    json_t *props = json_object();
    int bad = json_object_set_new(body, "kmsProps", props);
    for (size_t i = 0; i < args->n_list && bad == 0; i++) {
        if (args->list[i].id != OPT_KMS_PROPERTIES) {
            continue;
        }
        for (const char *p = args->list[i].value; *p != '\0' && bad == 0;) {
            size_t n = strcspn(p, ",");
            const char *eq = memchr(p, '=', n);
            ENSURE(eq != NULL && eq != p, err, INVALID_ARGUMENT, "--kms-properties wants name=value,...");
            char *name = mem_strndup(p, (size_t)(eq - p));
            bad = name == NULL || json_object_set_new(props, name, json_stringn(eq + 1, n - (size_t)(eq + 1 - p)));
            mem_free(name);
            p += n;
            p += *p == ',';
        }
    }
    return bad == 0 ? SCHLOSS_OK : NO_MEMORY(err);
}

static schloss_rc add_common(const args_t *args, json_t *body, schloss_error_t *err) {
    int bad = 0;
    if (args_has(args, OPT_DOC)) {
        bad |= json_object_set_new(body, "doc", json_string(args->text[OPT_DOC]));
    }
    if (args_has(args, OPT_SHARED)) {
        bad |= json_object_set_new(body, "shared", json_boolean(args_flag(args, OPT_SHARED)));
    }
    ENSURE(bad == 0, err, INVALID_ARGUMENT, "--doc is not UTF-8");
    return add_properties(args, body, err);
}

static int finish(cli_t *cli, rest_t *r, schloss_rc rc, json_t *answer) {
    if (rc == SCHLOSS_OK && answer != NULL) {
        out_record(stdout, cli->form, answer, columns, COUNT_OF(columns));
    }
    json_decref(answer);
    rest_close(r);
    return rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
}

#define OPEN(cli, r)                                                                                                   \
    do {                                                                                                               \
        if (rest_open((r), &(cli)->settings, (cli)->err) != SCHLOSS_OK) {                                              \
            return verb_fail(cli);                                                                                     \
        }                                                                                                              \
    } while (0)

int verb_kek_create(cli_t *cli) {
    const args_t *a = cli->args;
    rest_t r;
    OPEN(cli, &r);
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", a->arg[0], "kmsType", a->text[OPT_KMS_TYPE], "kmsKeyId",
                             a->text[OPT_KMS_KEY]);
    schloss_rc rc = body != NULL ? add_common(a, body, cli->err)
                                 : FAIL(cli->err, INVALID_ARGUMENT, "name, KMS type and key id must be UTF-8");
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(&r, "POST", args_flag(a, OPT_TEST_SHARING) ? KEKS "?testSharing=true" : KEKS, body, &answer,
                      cli->err);
        if (rc != SCHLOSS_OK) {
            err_kek(cli->err, a->arg[0]);
        }
    }
    json_decref(body);
    return finish(cli, &r, rc, answer);
}

int verb_kek_describe(cli_t *cli) {
    rest_t r;
    OPEN(cli, &r);
    json_t *answer = NULL;
    schloss_rc rc = call_one(&r, "GET", args_flag(cli->args, OPT_ALL) ? KEK "?deleted=true" : KEK, cli->args->arg[0],
                             NULL, &answer, cli->err);
    return finish(cli, &r, rc, answer);
}

int verb_kek_update(cli_t *cli) {
    const args_t *a = cli->args;
    if (!args_has(a, OPT_DOC) && !args_has(a, OPT_SHARED) && !args_has(a, OPT_KMS_PROPERTIES)) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "kek update wants --doc, --shared or --kms-properties");
        return verb_fail(cli);
    }
    rest_t r;
    OPEN(cli, &r);
    json_t *answer = NULL;
    json_t *body = json_object();
    schloss_rc rc = body != NULL ? add_common(a, body, cli->err) : NO_MEMORY(cli->err);
    if (rc == SCHLOSS_OK) {
        rc = call_one(&r, "PUT", args_flag(a, OPT_TEST_SHARING) ? KEK "?testSharing=true" : KEK, a->arg[0], body,
                      &answer, cli->err);
    }
    json_decref(body);
    return finish(cli, &r, rc, answer);
}

int verb_kek_list(cli_t *cli) {
    bool all = args_flag(cli->args, OPT_ALL);
    rest_t r;
    OPEN(cli, &r);
    json_t *names = NULL;
    json_t *list = json_array();
    schloss_rc rc = list != NULL ? rest_ask(&r, "GET", all ? KEKS "?deleted=true" : KEKS, NULL, &names, cli->err)
                                 : NO_MEMORY(cli->err);
    for (size_t i = 0; rc == SCHLOSS_OK && i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        json_t *kek = NULL;
        if (name != NULL) {
            rc = call_one(&r, "GET", all ? KEK "?deleted=true" : KEK, name, NULL, &kek, cli->err);
        }
        if (rc == SCHLOSS_E_SCHEMA_NOT_FOUND) { /* deleted since the list was made */
            rc = SCHLOSS_OK;
            continue;
        }
        if (rc == SCHLOSS_OK && (kek == NULL || json_array_append_new(list, kek) != 0)) {
            rc = FAIL(cli->err, REGISTRY_ANSWER, "the registry's list of KEKs cannot be understood");
        }
    }
    if (rc == SCHLOSS_OK) {
        out_table(stdout, cli->form, list, list_columns, COUNT_OF(list_columns) - (all ? 0 : 1), "No KEKs.");
    }
    json_decref(names);
    json_decref(list);
    rest_close(&r);
    return rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
}

/* Each name in turn; the first failure ends it, and what was done before has been said. */
static int for_each_name(cli_t *cli, const char *method, const char *pattern, const char *done) {
    rest_t r;
    OPEN(cli, &r);
    schloss_rc rc = SCHLOSS_OK;
    for (size_t i = 0; rc == SCHLOSS_OK && i < cli->args->n_args; i++) {
        rc = call_one(&r, method, pattern, cli->args->arg[i], NULL, NULL, cli->err);
        if (rc == SCHLOSS_OK) {
            (void)fprintf(stderr, "%s KEK %s.\n", done, cli->args->arg[i]);
        }
    }
    rest_close(&r);
    return rc == SCHLOSS_OK ? CLI_EXIT_OK : verb_fail(cli);
}

int verb_kek_delete(cli_t *cli) {
    bool permanent = args_flag(cli->args, OPT_PERMANENT);
    int no = verb_confirm(cli, "Delete KEK %s%s%s?", cli->args->arg[0], cli->args->n_args > 1 ? " and others" : "",
                          permanent ? " for good" : "");
    if (no != 0) {
        return no;
    }
    return for_each_name(cli, "DELETE", permanent ? KEK "?permanent=true" : KEK,
                         permanent ? "Deleted for good" : "Deleted");
}

int verb_kek_undelete(cli_t *cli) {
    return for_each_name(cli, "POST", KEK "/undelete", "Brought back");
}
