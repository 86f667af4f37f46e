/* The command line's parser: any words, with and without an environment. What it accepts keeps its own promises. */
#include "cli/args.c"
#include "cli/commands.c"

static const char *variable;

static char *get_env(const char *name) {
    (void)name;
    return (char *)(uintptr_t)variable;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One word a line; the first line is the value of every environment variable. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static args_t a;
    char text[4096];
    char *argv[600];
    int argc = 0;
    if (size >= sizeof(text)) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *p = text; argc < (int)COUNT_OF(argv); p++) {
        argv[argc++] = p;
        p += strcspn(p, "\n");
        if (*p == '\0') {
            break;
        }
        *p = '\0';
    }
    variable = argv[0][0] != '\0' ? argv[0] : NULL;
    schloss_error_t err;
    schloss_rc rc = args_parse(&a, argc, argv, get_env, &err);
    if (rc != SCHLOSS_OK) {
        if (rc >= 0 || err.message[0] == '\0') {
            __builtin_trap();
        }
        return 0;
    }
    if (a.cmd == NULL || (!a.help && (a.n_args < a.cmd->min_args || a.n_args > a.cmd->max_args))) {
        __builtin_trap();
    }
    for (size_t i = 0; i < a.cmd->n_opts && !a.help; i++) {
        if (a.cmd->opts[i].required && a.text[a.cmd->opts[i].id] == NULL) {
            __builtin_trap();
        }
    }
    return 0;
}
