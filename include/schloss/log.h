/* Where the library's few log lines go. They never hold plaintext or keys. */
#ifndef SCHLOSS_LOG_H
#define SCHLOSS_LOG_H

#include <schloss/export.h>

SCHLOSS_BEGIN_DECLS

enum { SCHLOSS_LOG_ERROR = 3, SCHLOSS_LOG_WARN = 4, SCHLOSS_LOG_INFO = 6, SCHLOSS_LOG_DEBUG = 7 }; /* syslog levels */

typedef void (*schloss_log_cb)(int level, const char *component, const char *message, void *user);

/** Sends log lines of level <= max_level to cb (NULL: standard error), with user handed through. Default: warnings to
 * standard error. Thread-safe against logging; call it before the first client is made. Since 0.1. */
SCHLOSS_API void schloss_log_set(schloss_log_cb cb, void *user, int max_level);

SCHLOSS_END_DECLS

#endif
