/* What commands do. Each returns an exit code, and has printed what there is to say. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "base/buf.h"
#include "cli/args.h"
#include "cli/exit.h"
#include "cli/out.h"
#include "cli/settings.h"

typedef struct cli {
    const args_t *args;
    settings_t settings;
    schloss_error_t *err;
    out_form_t form;
} cli_t;

typedef int (*verb_fn)(cli_t *cli);

int verb_dev(cli_t *cli);
int verb_registry(cli_t *cli);
int verb_hash_password(cli_t *cli);
int verb_kek_create(cli_t *cli);
int verb_kek_describe(cli_t *cli);
int verb_kek_list(cli_t *cli);
int verb_kek_update(cli_t *cli);
int verb_kek_delete(cli_t *cli);
int verb_kek_undelete(cli_t *cli);
int verb_dek_create(cli_t *cli);
int verb_dek_describe(cli_t *cli);
int verb_dek_delete(cli_t *cli);
int verb_dek_undelete(cli_t *cli);
int verb_dek_subject_list(cli_t *cli);
int verb_dek_version_list(cli_t *cli);
int verb_dek_rewrap(cli_t *cli);
int verb_dek_register(cli_t *cli);
int verb_kms_test(cli_t *cli);
int verb_kms_list(cli_t *cli);
int verb_schema_create(cli_t *cli);
int verb_schema_describe(cli_t *cli);
int verb_schema_list(cli_t *cli);
int verb_schema_delete(cli_t *cli);
int verb_subject_list(cli_t *cli);
int verb_subject_describe(cli_t *cli);
int verb_subject_update(cli_t *cli);
int verb_produce(cli_t *cli);
int verb_consume(cli_t *cli);
int verb_inspect(cli_t *cli);
int verb_version(cli_t *cli);

/* Prints cli->err and returns its exit code. */
int verb_fail(const cli_t *cli);
int verb_exit_code(const schloss_error_t *err);
/* Asks on the terminal unless --force. @return 0, or an exit code (no terminal, or no). */
int verb_confirm(cli_t *cli, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);

#endif
