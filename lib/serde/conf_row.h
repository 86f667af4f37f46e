/* The table of keys as data, and what a value must look like. Internal to the configuration. */
#ifndef SERDE_CONF_ROW_H
#define SERDE_CONF_ROW_H

#include "base/err.h"

typedef enum { CONF_K_STR, CONF_K_SECRET, CONF_K_BOOL, CONF_K_INT, CONF_K_INT1, CONF_K_ENUM } conf_kind_t;
typedef enum { CONF_CORE, CONF_SERDE, CONF_DRIVER } conf_scope_t;
typedef enum { CONF_DONE, CONF_ACCEPTED, CONF_REFUSED_KEY } conf_status_t;

typedef struct conf_row {
    const char *name, *dflt;
    conf_kind_t kind;
    const char *words; /* CONF_K_ENUM */
    conf_scope_t scope;
    conf_status_t status;
    const char *text;
} conf_row_t;

/* All rows, in the order of the table. */
const conf_row_t *conf_rows(size_t *n);
/* Row of a key. Keys of the client may have the prefix schema.registry. in front; NULL: none. */
const conf_row_t *conf_row(const char *name);
/* A key of a family, such as rule.executors.NAME.param.KEY? */
bool conf_is_family(const char *name);
/* @return 0, CONF_UNKNOWN (hint: the nearest name), CONF_VALUE, UNSUPPORTED (with the reason) */
SCHLOSS_NODISCARD schloss_rc conf_check(const conf_row_t *row, const char *name, const char *value,
                                        schloss_error_t *err);

#endif
