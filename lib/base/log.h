/* Log lines of the library: ids and lengths, never values. A function that returns an error does not log it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <schloss/log.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

void log_line(int level, const char *component, const char *fmt, ...) SCHLOSS_PRINTF(3, 4);
bool log_enabled(int level);
/* Registers the handlers that keep the room's lock usable in a forked child; false: out of memory. */
bool log_guard_fork(void);

#define LOG_WARN(comp, ...) log_line(SCHLOSS_LOG_WARN, comp, __VA_ARGS__)
#define LOG_INFO(comp, ...) log_line(SCHLOSS_LOG_INFO, comp, __VA_ARGS__)
#define LOG_DEBUG(comp, ...) log_line(SCHLOSS_LOG_DEBUG, comp, __VA_ARGS__)

#pragma GCC visibility pop

#endif
