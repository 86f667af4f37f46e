/* Every command of `schloss`, in one table: words, arguments, flags, help. What a command does stands elsewhere
 * (cli/verbs.h), so that the table can be read by tests and generators alone. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/options.h"

typedef enum {
    CMD_NONE, /* a group: only help */
    CMD_DEV,
    CMD_REGISTRY,
    CMD_REGISTRY_HASH_PASSWORD,
    CMD_KEK_CREATE,
    CMD_KEK_DESCRIBE,
    CMD_KEK_LIST,
    CMD_KEK_UPDATE,
    CMD_KEK_DELETE,
    CMD_KEK_UNDELETE,
    CMD_DEK_CREATE,
    CMD_DEK_DESCRIBE,
    CMD_DEK_DELETE,
    CMD_DEK_UNDELETE,
    CMD_DEK_SUBJECT_LIST,
    CMD_DEK_VERSION_LIST,
    CMD_DEK_REWRAP,
    CMD_DEK_REGISTER,
    CMD_KMS_TEST,
    CMD_KMS_LIST,
    CMD_SCHEMA_CREATE,
    CMD_SCHEMA_DESCRIBE,
    CMD_SCHEMA_LIST,
    CMD_SCHEMA_DELETE,
    CMD_SUBJECT_LIST,
    CMD_SUBJECT_DESCRIBE,
    CMD_SUBJECT_UPDATE,
    CMD_PRODUCE,
    CMD_CONSUME,
    CMD_INSPECT,
    CMD_VERSION,
    CMD_COUNT_
} cmd_id_t;

typedef struct cmd_opt {
    opt_id_t id;
    bool required;
    const char *help; /* NULL: that of the option */
} cmd_opt_t;

typedef struct command {
    cmd_id_t id;
    const char *path; /* "kek create"; "" is schloss itself */
    const char *args; /* "<name>", "" when none */
    unsigned min_args, max_args;
    const char *summary; /* one sentence */
    const char *text;    /* more, or NULL */
    const cmd_opt_t *opts;
    size_t n_opts;
    const char *examples; /* lines "schloss ..." and "# comment", or NULL */
} command_t;

/* The whole table, parents before children. */
extern const command_t cmd_table[];
extern const size_t cmd_count;

/* Command with exactly this path; NULL when there is none. */
const command_t *cmd_find(const char *path);
/* True when child's path is parent's plus one word. */
bool cmd_is_child(const command_t *parent, const command_t *child);
/* Does the command run KMS drivers? Then a name that -X sets and the library does not know is a driver's setting. */
static inline bool cmd_runs_drivers(const command_t *c) {
    return c->id == CMD_DEK_REWRAP || c->id == CMD_DEK_REGISTER || c->id == CMD_KMS_TEST;
}
bool cmd_has_children(const command_t *c);
/* Last word of the path. */
const char *cmd_word(const command_t *c);
/* The entry of an option in a command, NULL when the command has no such option. Globals have none. */
const cmd_opt_t *cmd_option(const command_t *c, opt_id_t id);

#endif
