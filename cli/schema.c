/* schloss schema ... and schloss subject ... */
#include "base/limits.h"
#include "cli/rest.h"
#include "cli/verbs.h"
#include "codec/json/load.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static schloss_rc call(cli_t *cli, const char *method, const char *pattern, const char *const *values,
                       const json_t *body, json_t **out) {
    rest_t r;
    TRY(rest_open(&r, &cli->settings, cli->err));
    buf_t path;
    buf_init(&path, 65536, "length of a path", false);
    rest_path(&path, pattern, values);
    schloss_rc rc = buf_check(&path, cli->err);
    if (rc == SCHLOSS_OK) {
        rc = rest_ask(&r, method, buf_cstr(&path), body, out, cli->err);
    }
    buf_clear(&path);
    rest_close(&r);
    return rc;
}

/* ---- register ---- */

static schloss_rc read_json(const char *path, json_t **out, schloss_error_t *err) {
    char *text = NULL;
    size_t len = 0;
    TRY(settings_read_file(&text, &len, path, LIMIT_SCHEMA_BYTES, err));
    schloss_rc rc = json_load(out, path, text, len, err);
    mem_free(text);
    return rc;
}

static schloss_rc add_json_file(const args_t *a, opt_id_t id, const char *member, bool array, json_t *body,
                                schloss_error_t *err) {
    if (!args_has(a, id)) {
        return SCHLOSS_OK;
    }
    json_t *v = NULL;
    TRY(read_json(a->text[id], &v, err));
    if (array ? !json_is_array(v) : !json_is_object(v)) {
        json_decref(v);
        return FAIL(err, BAD_JSON, "%s must hold a JSON %s", a->text[id], array ? "array" : "object");
    }
    return json_object_set_new(body, member, v) == 0 ? SCHLOSS_OK : NO_MEMORY(err);
}

static schloss_rc build_registration(const args_t *a, json_t *body, schloss_error_t *err) {
    char *text = NULL;
    size_t len = 0;
    TRY(settings_read_file(&text, &len, a->text[OPT_SCHEMA], LIMIT_SCHEMA_BYTES, err));
    json_t *schema = json_stringn(text, len);
    mem_free(text);
    ENSURE(schema != NULL, err, SCHEMA_PARSE, "%s is not UTF-8", a->text[OPT_SCHEMA]);
    int bad = json_object_set_new(body, "schema", schema);
    char type[16] = "AVRO";
    const char *given = args_text(a, OPT_TYPE, "avro");
    for (size_t i = 0; i < sizeof(type); i++) {
        type[i] = (char)toupper((unsigned char)given[i]);
        if (given[i] == '\0') {
            break;
        }
    }
    bad |= json_object_set_new(body, "schemaType", json_string(type));
    if (bad != 0) {
        return NO_MEMORY(err);
    }
    TRY(add_json_file(a, OPT_REFERENCES, "references", true, body, err));
    TRY(add_json_file(a, OPT_METADATA, "metadata", false, body, err));
    return add_json_file(a, OPT_RULESET, "ruleSet", false, body, err);
}

int verb_schema_create(cli_t *cli) {
    static const out_column_t columns[] = {
        {"ID", "id"}, {"Subject", "subject"}, {"Version", "version"}, {"GUID", "guid"}, {"Type", "schemaType"},
    };
    const args_t *a = cli->args;
    json_t *answer = NULL;
    json_t *body = json_object();
    schloss_rc rc = body != NULL ? build_registration(a, body, cli->err) : NO_MEMORY(cli->err);
    if (rc == SCHLOSS_OK) {
        rc = call(cli, "POST",
                  args_flag(a, OPT_NORMALIZE) ? "/subjects/%/versions?normalize=true" : "/subjects/%/versions",
                  &a->text[OPT_SUBJECT], body, &answer);
    }
    json_decref(body);
    if (rc != SCHLOSS_OK) {
        err_subject(cli->err, a->text[OPT_SUBJECT]);
        return verb_fail(cli);
    }
    if (json_is_object(answer) && json_object_get(answer, "subject") == NULL) {
        (void)json_object_set_new(answer, "subject", json_string(a->text[OPT_SUBJECT]));
    }
    out_record(stdout, cli->form, answer, columns, COUNT_OF(columns));
    json_decref(answer);
    return CLI_EXIT_OK;
}

/* ---- read ---- */

static void put_part(const char *heading, const json_t *v) {
    if (v == NULL || json_is_null(v)) {
        return;
    }
    (void)printf("%s:\n", heading);
    if (json_is_string(v)) { /* schema text: indented when it is JSON, as it is otherwise */
        json_error_t ignored;
        json_t *parsed = json_loads(json_string_value(v), JSON_DECODE_ANY, &ignored);
        if (parsed != NULL) {
            out_json(stdout, parsed, true);
        } else {
            out_clean_lines(stdout, json_string_value(v), json_string_length(v));
            (void)putchar('\n');
        }
        json_decref(parsed);
    } else {
        out_json(stdout, v, true);
    }
}

static void put_schema(cli_t *cli, const json_t *v) {
    static const out_column_t columns[] = {
        {"ID", "id"},     {"Subject", "subject"}, {"Version", "version"},
        {"GUID", "guid"}, {"Type", "schemaType"}, {"Deleted", "deleted"},
    };
    out_record(stdout, cli->form, v, columns, COUNT_OF(columns));
    if (cli->form == OUT_HUMAN) {
        put_part("Schema", json_object_get(v, "schema"));
        put_part("References", json_object_get(v, "references"));
        put_part("Metadata", json_object_get(v, "metadata"));
        put_part("Rule set", json_object_get(v, "ruleSet"));
    }
}

int verb_schema_describe(cli_t *cli) {
    const args_t *a = cli->args;
    const char *subject = a->text[OPT_SUBJECT];
    const char *id = a->n_args != 0 ? a->arg[0] : a->text[OPT_ID];
    if ((id == NULL) == (subject == NULL)) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "schema describe wants an id, or --subject");
        return verb_fail(cli);
    }
    if (id != NULL && (id[0] == '\0' || id[strspn(id, "0123456789")] != '\0')) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "a schema id is a number, not '%s'", id);
        return verb_fail(cli);
    }
    json_t *answer = NULL;
    schloss_rc rc = SCHLOSS_OK;
    if (id != NULL) {
        rc = call(cli, "GET", "/schemas/ids/%", &id, NULL, &answer);
        if (rc == SCHLOSS_OK && json_is_object(answer) && json_object_get(answer, "id") == NULL) {
            (void)json_object_set_new(answer, "id", json_integer(atoll(id)));
        }
    } else {
        const char *values[] = {subject, args_text(a, OPT_VERSION, "latest")};
        rc = call(cli, "GET", args_flag(a, OPT_ALL) ? "/subjects/%/versions/%?deleted=true" : "/subjects/%/versions/%",
                  values, NULL, &answer);
    }
    if (rc != SCHLOSS_OK) {
        err_subject(cli->err, subject);
        return verb_fail(cli);
    }
    put_schema(cli, answer);
    json_decref(answer);
    return CLI_EXIT_OK;
}

int verb_schema_list(cli_t *cli) {
    static const out_column_t columns[] = {
        {"ID", "id"}, {"Subject", "subject"}, {"Version", "version"}, {"Type", "schemaType"}, {"Deleted", "deleted"},
    };
    const args_t *a = cli->args;
    bool all = args_flag(a, OPT_ALL);
    const char *prefix = args_text(a, OPT_SUBJECT_PREFIX, "");
    json_t *answer = NULL;
    if (call(cli, "GET", all ? "/schemas?subjectPrefix=%&deleted=true" : "/schemas?subjectPrefix=%", &prefix, NULL,
             &answer) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    out_table(stdout, cli->form, answer, columns, COUNT_OF(columns) - (all ? 0 : 1), "No schemas.");
    json_decref(answer);
    return CLI_EXIT_OK;
}

/* ---- delete ---- */

int verb_schema_delete(cli_t *cli) {
    const args_t *a = cli->args;
    bool permanent = args_flag(a, OPT_PERMANENT);
    const char *values[] = {a->text[OPT_SUBJECT], a->text[OPT_VERSION]};
    bool every = strcmp(values[1], "all") == 0;
    int no = verb_confirm(cli, "Delete %s%s of %s%s?", every ? "all versions" : "version ", every ? "" : values[1],
                          values[0], permanent ? " for good" : "");
    if (no != 0) {
        return no;
    }
    json_t *answer = NULL;
    const char *pattern = every ? (permanent ? "/subjects/%?permanent=true" : "/subjects/%")
                                : (permanent ? "/subjects/%/versions/%?permanent=true" : "/subjects/%/versions/%");
    if (call(cli, "DELETE", pattern, values, NULL, &answer) != SCHLOSS_OK) {
        err_subject(cli->err, values[0]);
        return verb_fail(cli);
    }
    json_t *list = json_is_array(answer) ? json_incref(answer) : json_pack("[O]", answer);
    static const out_column_t column = {"Version", ""};
    out_table(stdout, cli->form, list, &column, 1, "No versions.");
    json_decref(list);
    json_decref(answer);
    return CLI_EXIT_OK;
}

/* ---- subjects ---- */

int verb_subject_list(cli_t *cli) {
    static const out_column_t column = {"Subject", ""};
    const args_t *a = cli->args;
    const char *prefix = args_text(a, OPT_PREFIX, ":*:");
    json_t *answer = NULL;
    if (call(cli, "GET", args_flag(a, OPT_ALL) ? "/subjects?subjectPrefix=%&deleted=true" : "/subjects?subjectPrefix=%",
             &prefix, NULL, &answer) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    out_table(stdout, cli->form, answer, &column, 1, "No subjects.");
    json_decref(answer);
    return CLI_EXIT_OK;
}

int verb_subject_describe(cli_t *cli) {
    static const out_column_t column = {"Version", ""};
    const args_t *a = cli->args;
    json_t *answer = NULL;
    if (call(cli, "GET", args_flag(a, OPT_ALL) ? "/subjects/%/versions?deleted=true" : "/subjects/%/versions",
             &a->arg[0], NULL, &answer) != SCHLOSS_OK) {
        err_subject(cli->err, a->arg[0]);
        return verb_fail(cli);
    }
    out_table(stdout, cli->form, answer, &column, 1, "No versions.");
    json_decref(answer);
    return CLI_EXIT_OK;
}

int verb_subject_update(cli_t *cli) {
    const args_t *a = cli->args;
    bool level = args_has(a, OPT_COMPATIBILITY);
    if (level == args_has(a, OPT_MODE)) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "subject update wants either --compatibility or --mode");
        return verb_fail(cli);
    }
    char value[64] = "";
    const char *given = a->text[level ? OPT_COMPATIBILITY : OPT_MODE];
    for (size_t i = 0; given[i] != '\0' && i < sizeof(value) - 1; i++) {
        value[i] = (char)(given[i] == '-' ? '_' : toupper((unsigned char)given[i]));
    }
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s}", level ? "compatibility" : "mode", value);
    schloss_rc rc = body != NULL ? call(cli, "PUT", level ? "/config/%" : "/mode/%", &a->arg[0], body, &answer)
                                 : FAIL(cli->err, INVALID_ARGUMENT, "the value must be UTF-8");
    json_decref(body);
    if (rc != SCHLOSS_OK) {
        err_subject(cli->err, a->arg[0]);
        return verb_fail(cli);
    }
    static const out_column_t columns[] = {{"Compatibility", "compatibility"}, {"Mode", "mode"}};
    out_record(stdout, cli->form, answer, columns, COUNT_OF(columns));
    json_decref(answer);
    return CLI_EXIT_OK;
}
