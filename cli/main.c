/* schloss: parse, prepare what the command needs, run it, turn the outcome into an exit code. */
#include "cli/help.h"
#include "cli/stop.h"
#include "cli/verbs.h"
#include <schloss/log.h>
#include <schloss/version.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const verb_fn verbs[CMD_COUNT_] = {
    [CMD_DEV] = verb_dev,
    [CMD_REGISTRY] = verb_registry,
    [CMD_REGISTRY_HASH_PASSWORD] = verb_hash_password,
    [CMD_KEK_CREATE] = verb_kek_create,
    [CMD_KEK_DESCRIBE] = verb_kek_describe,
    [CMD_KEK_LIST] = verb_kek_list,
    [CMD_KEK_UPDATE] = verb_kek_update,
    [CMD_KEK_DELETE] = verb_kek_delete,
    [CMD_KEK_UNDELETE] = verb_kek_undelete,
    [CMD_DEK_CREATE] = verb_dek_create,
    [CMD_DEK_DESCRIBE] = verb_dek_describe,
    [CMD_DEK_DELETE] = verb_dek_delete,
    [CMD_DEK_UNDELETE] = verb_dek_undelete,
    [CMD_DEK_SUBJECT_LIST] = verb_dek_subject_list,
    [CMD_DEK_VERSION_LIST] = verb_dek_version_list,
    [CMD_DEK_REWRAP] = verb_dek_rewrap,
    [CMD_DEK_REGISTER] = verb_dek_register,
    [CMD_KMS_TEST] = verb_kms_test,
    [CMD_KMS_LIST] = verb_kms_list,
    [CMD_SCHEMA_CREATE] = verb_schema_create,
    [CMD_SCHEMA_DESCRIBE] = verb_schema_describe,
    [CMD_SCHEMA_LIST] = verb_schema_list,
    [CMD_SCHEMA_DELETE] = verb_schema_delete,
    [CMD_SUBJECT_LIST] = verb_subject_list,
    [CMD_SUBJECT_DESCRIBE] = verb_subject_describe,
    [CMD_SUBJECT_UPDATE] = verb_subject_update,
    [CMD_PRODUCE] = verb_produce,
    [CMD_CONSUME] = verb_consume,
    [CMD_INSPECT] = verb_inspect,
    [CMD_VERSION] = verb_version,
};

int verb_exit_code(const schloss_error_t *err) {
    if (schloss_error_code(err) == SCHLOSS_E_IO && schloss_error_url(err)[0] != '\0') {
        return CLI_EXIT_UNREACHABLE; /* a broken connection, not a file */
    }
    return exit_code_of(schloss_error_code(err), schloss_error_http_status(err), schloss_error_rest_code(err));
}

int verb_fail(const cli_t *cli) {
    (void)fflush(stdout);
    if (stop_requested()) {
        return stop_exit_code();
    }
    out_error(stderr, cli->err, args_flag(cli->args, OPT_VERBOSE));
    return verb_exit_code(cli->err);
}

int verb_confirm(cli_t *cli, const char *fmt, ...) {
    if (args_flag(cli->args, OPT_FORCE)) {
        return 0;
    }
    char question[320];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(question, sizeof(question), fmt, ap);
    va_end(ap);
    if (!isatty(STDIN_FILENO)) {
        (void)FAIL(cli->err, INVALID_ARGUMENT, "nobody can be asked: standard input is no terminal");
        err_hint(cli->err, "Add --force.");
        return verb_fail(cli);
    }
    char answer[8] = "";
    (void)fprintf(stderr, "%s (y/n) ", question);
    if (fgets(answer, sizeof(answer), stdin) == NULL && stop_requested()) {
        return stop_exit_code();
    }
    if (answer[0] != 'y' && answer[0] != 'Y') {
        (void)fputs("Nothing was changed.\n", stderr);
        return CLI_EXIT_FAILED;
    }
    return 0;
}

/* Outputs for packaging: `schloss --generate man|man:WORD|bash|zsh|markdown`. Not in the table of flags. */
static int generate(const char *what) {
    if (strncmp(what, "man", 3) == 0) {
        const command_t *c = cmd_find(what[3] == ':' ? what + 4 : "");
        if (c == NULL) {
            return CLI_EXIT_USAGE;
        }
        help_man(stdout, c, schloss_version());
    } else if (strcmp(what, "markdown") == 0) {
        help_markdown(stdout);
    } else if (strcmp(what, "words") == 0) {
        for (size_t i = 0; i < cmd_count; i++) {
            if (cmd_is_child(&cmd_table[0], &cmd_table[i])) {
                (void)printf("%s\n", cmd_table[i].path);
            }
        }
    } else if (!help_completion(stdout, what)) {
        return CLI_EXIT_USAGE;
    }
    return CLI_EXIT_OK;
}

/* A result that could not be written is no success. */
static int flush_output(int code) {
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_EXIT_OK) {
        if (errno != EPIPE) {
            (void)fprintf(stderr, "schloss: cannot write to standard output: %s\n", strerror(errno));
        }
        return CLI_EXIT_FAILED;
    }
    return code;
}

static int run(cli_t *cli) {
    const args_t *a = cli->args;
    if (a->help) {
        help_print(stdout, a->cmd, out_is_colored(stdout));
        return CLI_EXIT_OK;
    }
    bool is_server = a->cmd->id == CMD_DEV || a->cmd->id == CMD_REGISTRY;
    stop_install(is_server ? STOP_SERVER : STOP_CLIENT);
    cli->form = out_form(a->text[OPT_OUTPUT]);
    if (args_flag(a, OPT_VERBOSE)) {
        schloss_log_set(NULL, NULL, SCHLOSS_LOG_INFO);
    }
    if (settings_load(&cli->settings, a, cli->err) != SCHLOSS_OK) {
        return verb_fail(cli);
    }
    int code = verbs[a->cmd->id](cli);
    settings_clear(&cli->settings);
    return code;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--generate") == 0) {
        return flush_output(generate(argv[2]));
    }
    static args_t args;
    cli_t cli = {.args = &args, .err = schloss_error_new()};
    if (cli.err == NULL) {
        (void)fputs("schloss: out of memory\n", stderr);
        return CLI_EXIT_FAILED;
    }
    int code = CLI_EXIT_USAGE;
    if (args_parse(&args, argc, argv, getenv, cli.err) == SCHLOSS_OK) {
        if (argc == 1) { /* help because nothing was asked for */
            help_print(stderr, args.cmd, out_is_colored(stderr));
        } else {
            code = run(&cli);
        }
    } else {
        out_error(stderr, cli.err, false);
    }
    code = flush_output(code);
    schloss_error_free(cli.err);
    return code;
}
