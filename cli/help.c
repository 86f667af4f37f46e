/* --help. Everything here is read from the tables; layout is all that this file knows. */
#include "cli/help.h"
#include <string.h>

#define WIDTH 100u
#define FLAG_COLUMN 32u

/* Writes text wrapped at WIDTH; the cursor stands at column `at`, following lines are indented by indent. */
static void put_wrapped(FILE *out, const char *text, unsigned at, unsigned indent) {
    bool first = true;
    while (*text != '\0') {
        unsigned n = (unsigned)strcspn(text, " ");
        if (!first && at + 1 + n > WIDTH) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        (void)fprintf(out, "%s%.*s", first ? "" : " ", (int)n, text);
        at += n + (first ? 0 : 1);
        first = false;
        text += n;
        text += *text == ' ';
    }
    (void)fputc('\n', out);
}

static void put_heading(FILE *out, const char *text, bool color) {
    (void)fprintf(out, "\n%s%s:%s\n", color ? "\x1b[1m" : "", text, color ? "\x1b[0m" : "");
}

static void put_option(FILE *out, opt_id_t id, const char *help, bool required) {
    const opt_def_t *o = &opt_table[id];
    char left[80];
    char letter[8] = "    ";
    if (o->letter != 0) {
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    }
    int n = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
                     o->value != NULL ? o->value : "");
    (void)fputs(left, out);
    unsigned at = n > 0 ? (unsigned)n : 0;
    if (at + 1 > FLAG_COLUMN) {
        (void)fprintf(out, "\n%*s", (int)FLAG_COLUMN, "");
    } else {
        (void)fprintf(out, "%*s", (int)(FLAG_COLUMN - at), "");
    }
    char text[512];
    (void)snprintf(text, sizeof(text), "%s%s%s%s%s", required ? "Required. " : "", help, o->env != NULL ? " [" : "",
                   o->env != NULL ? o->env : "", o->env != NULL ? "]" : "");
    put_wrapped(out, text, FLAG_COLUMN, FLAG_COLUMN);
}

static void put_usage(FILE *out, const command_t *cmd) {
    const char *space = cmd->path[0] == '\0' ? "" : " ";
    if (cmd->id != CMD_NONE) {
        (void)fprintf(out, "  schloss%s%s%s%s", space, cmd->path, cmd->args[0] == '\0' ? "" : " ", cmd->args);
        for (size_t i = 0; i < cmd->n_opts; i++) {
            if (cmd->opts[i].required) {
                (void)fprintf(out, " --%s %s", opt_table[cmd->opts[i].id].name, opt_table[cmd->opts[i].id].value);
            }
        }
        (void)fputs(" [flags]\n", out);
    }
    if (cmd_has_children(cmd)) {
        (void)fprintf(out, "  schloss%s%s <command> [flags]\n", space, cmd->path);
    }
}

void help_print(FILE *out, const command_t *cmd, bool color) {
    const char *space = cmd->path[0] == '\0' ? "" : " ";
    (void)fprintf(out, "%sschloss%s%s%s: ", color ? "\x1b[1m" : "", space, cmd->path, color ? "\x1b[0m" : "");
    put_wrapped(out, cmd->summary, (unsigned)strlen(cmd->path) + 10, 0);
    if (cmd->text != NULL) {
        (void)fputc('\n', out);
        put_wrapped(out, cmd->text, 0, 0);
    }
    put_heading(out, "Usage", color);
    put_usage(out, cmd);
    if (cmd_has_children(cmd)) {
        put_heading(out, "Commands", color);
        for (size_t i = 0; i < cmd_count; i++) {
            if (cmd_is_child(cmd, &cmd_table[i])) {
                (void)fprintf(out, "  %-18s", cmd_word(&cmd_table[i]));
                put_wrapped(out, cmd_table[i].summary, 20, 20);
            }
        }
    }
    if (cmd->n_opts != 0) {
        put_heading(out, "Flags", color);
        for (size_t i = 0; i < cmd->n_opts; i++) {
            const cmd_opt_t *o = &cmd->opts[i];
            put_option(out, o->id, o->help != NULL ? o->help : opt_table[o->id].help, o->required);
        }
    }
    put_heading(out, "Global flags", color);
    for (unsigned i = 0; i < OPT_N_GLOBAL; i++) {
        put_option(out, (opt_id_t)i, opt_table[i].help, false);
    }
    if (cmd->examples != NULL) {
        put_heading(out, "Examples", color);
        for (const char *p = cmd->examples; *p != '\0';) {
            unsigned n = (unsigned)strcspn(p, "\n");
            (void)fprintf(out, "  %.*s\n", (int)n, p);
            p += n;
            p += *p == '\n';
        }
    }
}
