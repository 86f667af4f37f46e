/* The command line, parsed against the tables. Strings are borrowed from argv and the environment. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/err.h"
#include "cli/commands.h"

#define ARGS_MAX_LIST 256u /* values of all repeatable flags together, and arguments */

typedef struct args {
    const command_t *cmd;
    bool help;
    const char *text[OPT_COUNT_]; /* last value of a flag, NULL when not given */
    int64_t num[OPT_COUNT_];      /* INT; 1 or 0 of a FLAG */
    bool from_env[OPT_COUNT_];
    struct {
        opt_id_t id;
        const char *value;
    } list[ARGS_MAX_LIST]; /* LIST flags in the order given */
    size_t n_list;
    const char *arg[ARGS_MAX_LIST];
    size_t n_args;
} args_t;

/* Parses argv[1..]. Values that the command line does not give are taken from the environment (getenv may be NULL for
 * none). With --help nothing is required.
 * @return 0, INVALID_ARGUMENT whose hint names the nearest command or flag */
SCHLOSS_NODISCARD schloss_rc args_parse(args_t *out, int argc, char *const *argv, char *(*get_env)(const char *name),
                                        schloss_error_t *err);

static inline bool args_has(const args_t *a, opt_id_t id) {
    return a->text[id] != NULL;
}
static inline bool args_flag(const args_t *a, opt_id_t id) {
    return a->text[id] != NULL && a->num[id] != 0;
}
static inline const char *args_text(const args_t *a, opt_id_t id, const char *dflt) {
    return a->text[id] != NULL ? a->text[id] : dflt;
}
static inline int64_t args_int(const args_t *a, opt_id_t id, int64_t dflt) {
    return a->text[id] != NULL ? a->num[id] : dflt;
}

#endif
