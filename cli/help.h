/* Texts that come from the tables: --help, man pages, shell completion, docs/cli.md. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/commands.h"
#include <stdio.h>

/* Help of one command or group. */
void help_print(FILE *out, const command_t *cmd, bool color);
/* Man page (roff) of a top-level word with everything below it; "" for schloss itself. */
void help_man(FILE *out, const command_t *top, const char *version);
/* "bash" or "zsh"; false for another shell. */
bool help_completion(FILE *out, const char *shell);
/* Markdown: every command and flag, environment, exit codes. */
void help_markdown(FILE *out);

#endif
