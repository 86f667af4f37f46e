/* Parsing of the command line. Flags may stand before, between and after the words; "--" ends them. A word is a
 * command as long as the table has it below the words so far, an argument otherwise. */
#include "cli/args.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH 64u

static bool option_fits(const command_t *cmd, opt_id_t id) {
    return (unsigned)id < OPT_N_GLOBAL || cmd_option(cmd, id) != NULL;
}

/* The spelling that the confluent CLI has for one of our flags. */
static const char *canonical_name(const char *name, size_t *len) {
    static const char alias[] = "schema-registry-endpoint";
    if (*len == sizeof(alias) - 1 && memcmp(name, alias, *len) == 0) {
        *len = strlen("registry");
        return "registry";
    }
    return name;
}

static bool find_long(const char *name, size_t len, opt_id_t *id) {
    name = canonical_name(name, &len);
    for (unsigned i = 0; i < OPT_N; i++) {
        if (strlen(opt_table[i].name) == len && memcmp(opt_table[i].name, name, len) == 0) {
            *id = (opt_id_t)i;
            return true;
        }
    }
    return false;
}

static bool find_letter(char letter, opt_id_t *id) {
    for (unsigned i = 0; i < OPT_N; i++) {
        if (opt_table[i].letter == letter) {
            *id = (opt_id_t)i;
            return true;
        }
    }
    return false;
}

static const char *command_name(const command_t *cmd) {
    return cmd->path[0] == '\0' ? "schloss" : cmd->path;
}

static void hint_help(const command_t *cmd, schloss_error_t *err) {
    err_hint(err, "See 'schloss%s%s --help'.", cmd->path[0] == '\0' ? "" : " ", cmd->path);
}

static schloss_rc unknown_flag(const command_t *cmd, const char *flag, size_t len, schloss_error_t *err) {
    const char *names[OPT_COUNT_];
    size_t n = 0;
    for (unsigned i = 0; i < OPT_N; i++) {
        if (option_fits(cmd, (opt_id_t)i)) {
            names[n++] = opt_table[i].name;
        }
    }
    char word[64];
    size_t skip = len > 2 && flag[0] == '-' && flag[1] == '-' ? 2 : 1;
    size_t word_len = len - skip < sizeof(word) ? len - skip : sizeof(word) - 1;
    memcpy(word, flag + skip, word_len);
    word[word_len] = '\0';
    const char *near = skip == 2 ? text_nearest(word, names, n) : NULL;
    schloss_rc rc =
        FAIL(err, INVALID_ARGUMENT, "unknown flag %.*s of %s", (int)(len < 64 ? len : 64), flag, command_name(cmd));
    if (near != NULL) {
        err_hint(err, "Did you mean --%s?", near);
    } else {
        hint_help(cmd, err);
    }
    return rc;
}

static schloss_rc unknown_command(const command_t *parent, const char *word, schloss_error_t *err) {
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < cmd_count && n < COUNT_OF(names); i++) {
        if (cmd_is_child(parent, &cmd_table[i])) {
            names[n++] = cmd_word(&cmd_table[i]);
        }
    }
    const char *near = text_nearest(word, names, n);
    schloss_rc rc = parent->path[0] == '\0'
                        ? FAIL(err, INVALID_ARGUMENT, "unknown command '%s'", word)
                        : FAIL(err, INVALID_ARGUMENT, "unknown command '%s' of %s", word, command_name(parent));
    if (near != NULL) {
        err_hint(err, "Did you mean 'schloss%s%s %s'?", parent->path[0] == '\0' ? "" : " ", parent->path, near);
    } else {
        hint_help(parent, err);
    }
    return rc;
}

static bool choice_has(const char *choices, const char *value) {
    size_t n = strlen(value);
    for (const char *p = choices; p != NULL; p = strchr(p, '|')) {
        p += *p == '|';
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, value, n) == 0) {
            return true;
        }
    }
    return false;
}

static schloss_rc set_value(args_t *a, opt_id_t id, const char *value, const char *from, schloss_error_t *err) {
    const opt_def_t *def = &opt_table[id];
    switch (def->kind) {
    case OPT_FLAG:
        ENSURE(value == NULL || strcmp(value, "true") == 0 || strcmp(value, "false") == 0, err, INVALID_ARGUMENT,
               "%s takes no value but true or false", from);
        a->num[id] = value == NULL || strcmp(value, "true") == 0;
        a->text[id] = a->num[id] ? "true" : "false";
        return SCHLOSS_OK;
    case OPT_INT: {
        char *end = NULL;
        errno = 0;
        long long n = strtoll(value, &end, 10);
        ENSURE(end != value && *end == '\0' && errno == 0 && n >= 0 && n <= INT32_MAX && *value != ' ', err,
               INVALID_ARGUMENT, "%s wants a whole number from 0 to 2147483647, not '%s'", from, value);
        a->num[id] = n;
        break;
    }
    case OPT_CHOICE:
        if (!choice_has(def->value, value)) {
            schloss_rc rc = FAIL(err, INVALID_ARGUMENT, "%s cannot be '%s'", from, value);
            err_hint(err, "It is one of %s.", def->value);
            return rc;
        }
        break;
    case OPT_LIST:
        ENSURE(a->n_list < ARGS_MAX_LIST, err, LIMIT_EXCEEDED, "more than %u values on the command line",
               ARGS_MAX_LIST);
        a->list[a->n_list].id = id;
        a->list[a->n_list++].value = value;
        break;
    case OPT_TEXT:
    case OPT_PATH:
        break;
    }
    a->text[id] = value;
    return SCHLOSS_OK;
}

/* The word commands come first of all: flags are checked against the command, wherever they stand. */
static schloss_rc find_command(args_t *a, int argc, char *const *argv, schloss_error_t *err) {
    char path[MAX_PATH] = "";
    a->cmd = cmd_find("");
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        opt_id_t id;
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
            continue;
        }
        if (!only_arguments && word[0] == '-' && word[1] != '\0') {
            size_t len = strcspn(word, "=");
            bool known = word[1] == '-' ? find_long(word + 2, len - 2, &id) : find_letter(word[1], &id);
            bool has_value = word[1] == '-' ? word[len] == '=' : word[2] != '\0';
            if (known && opt_table[id].kind != OPT_FLAG && !has_value) {
                i++;
            }
            continue;
        }
        char next[MAX_PATH];
        int n = snprintf(next, sizeof(next), "%s%s%s", path, path[0] == '\0' ? "" : " ", word);
        const command_t *child =
            n > 0 && (size_t)n < sizeof(next) && a->n_args == 0 && !only_arguments && strchr(word, ' ') == NULL
                ? cmd_find(next)
                : NULL;
        if (child != NULL && child->path[0] != '\0') {
            a->cmd = child;
            memcpy(path, next, sizeof(path));
            continue;
        }
        if (a->cmd->max_args == 0 && cmd_has_children(a->cmd)) {
            return unknown_command(a->cmd, word, err);
        }
        ENSURE(a->n_args < ARGS_MAX_LIST, err, LIMIT_EXCEEDED, "more than %u arguments", ARGS_MAX_LIST);
        a->arg[a->n_args++] = word;
    }
    return SCHLOSS_OK;
}

static schloss_rc parse_flags(args_t *a, int argc, char *const *argv, schloss_error_t *err) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            continue;
        }
        bool is_long = word[1] == '-';
        size_t len = is_long ? strcspn(word, "=") : 2;
        opt_id_t id;
        bool known = is_long ? find_long(word + 2, len - 2, &id) : find_letter(word[1], &id);
        if (!known || !option_fits(a->cmd, id)) {
            return unknown_flag(a->cmd, word, len, err);
        }
        const char *value = NULL;
        if (is_long ? word[len] == '=' : word[2] != '\0') {
            value = word + len + (is_long || word[2] == '=' ? 1 : 0);
        } else if (opt_table[id].kind != OPT_FLAG) {
            if (++i >= argc) {
                schloss_rc rc =
                    FAIL(err, INVALID_ARGUMENT, "%.*s wants a value: %s", (int)len, word, opt_table[id].value);
                hint_help(a->cmd, err);
                return rc;
            }
            value = argv[i];
        }
        char from[80];
        (void)snprintf(from, sizeof(from), "--%s", opt_table[id].name);
        TRY(set_value(a, id, value, from, err));
    }
    return SCHLOSS_OK;
}

static schloss_rc check_counts(const args_t *a, schloss_error_t *err) {
    const command_t *cmd = a->cmd;
    bool named = args_has(a, OPT_NAME);
    schloss_rc rc = SCHLOSS_OK;
    if (a->n_args < cmd->min_args || (cmd_option(cmd, OPT_NAME) != NULL && a->n_args == 0 && !named)) {
        rc = FAIL(err, INVALID_ARGUMENT, "%s wants %s", command_name(cmd), cmd->args);
    } else if (a->n_args > cmd->max_args || (named && a->n_args != 0)) {
        rc = FAIL(err, INVALID_ARGUMENT, "too many arguments for %s: '%s'", command_name(cmd), a->arg[a->n_args - 1]);
    }
    for (size_t i = 0; i < cmd->n_opts && rc == SCHLOSS_OK; i++) {
        if (cmd->opts[i].required && !args_has(a, cmd->opts[i].id)) {
            rc = FAIL(err, INVALID_ARGUMENT, "%s wants --%s", command_name(cmd), opt_table[cmd->opts[i].id].name);
        }
    }
    if (rc != SCHLOSS_OK) {
        hint_help(cmd, err);
    }
    return rc;
}

schloss_rc args_parse(args_t *a, int argc, char *const *argv, char *(*get_env)(const char *name),
                      schloss_error_t *err) {
    memset(a, 0, sizeof(*a));
    TRY(find_command(a, argc, argv, err));
    TRY(parse_flags(a, argc, argv, err));
    for (unsigned i = 0; i < OPT_N; i++) {
        const char *value = opt_table[i].env != NULL && get_env != NULL ? get_env(opt_table[i].env) : NULL;
        if (value != NULL && value[0] != '\0' && a->text[i] == NULL) {
            TRY(set_value(a, (opt_id_t)i, value, opt_table[i].env, err));
            a->from_env[i] = true;
        }
    }
    a->help = args_flag(a, OPT_HELP) || a->cmd->id == CMD_NONE;
    if (a->help) {
        return SCHLOSS_OK;
    }
    TRY(check_counts(a, err));
    if (a->n_args == 0 && args_has(a, OPT_NAME)) {
        a->arg[a->n_args++] = a->text[OPT_NAME];
    }
    return SCHLOSS_OK;
}
