/* Configuration: name/value strings, with the names of the Java client where it has one (docs/configuration.md).
 *
 * Threads: a configuration is used by one thread at a time; clients and serdes copy it. Since 0.1. */
#ifndef SCHLOSS_CONF_H
#define SCHLOSS_CONF_H

#include <schloss/error.h>

SCHLOSS_BEGIN_DECLS

typedef struct schloss_conf schloss_conf_t;

/** New configuration with all defaults; NULL when memory is out. Owned by the caller. */
SCHLOSS_API schloss_conf_t *schloss_conf_new(void);
/** Independent copy of conf; NULL when memory is out. */
SCHLOSS_API schloss_conf_t *schloss_conf_dup(const schloss_conf_t *conf);
/** Frees conf and wipes the secrets in it; NULL is fine. */
SCHLOSS_API void schloss_conf_free(schloss_conf_t *conf);
/** Sets the key name to value; both strings are copied. Later calls win.
 * @return 0, CONF_UNKNOWN (hint: nearest key), CONF_VALUE, UNSUPPORTED (known key that this version refuses), NO_MEMORY
 */
SCHLOSS_API SCHLOSS_NODISCARD schloss_rc schloss_conf_set(schloss_conf_t *conf, const char *name, const char *value,
                                                          schloss_error_t *err);
/** Value of the key name as set, or the default, or NULL when neither. Borrowed until conf changes. Secret keys answer
 * NULL. */
SCHLOSS_API const char *schloss_conf_get(const schloss_conf_t *conf, const char *name);

SCHLOSS_END_DECLS

#endif
