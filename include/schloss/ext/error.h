/* Filling error objects, for code that the library calls: transports, KMS drivers, rule executors, dead letter sinks.
 *
 * Threads: an error object is used by one thread at a time. Since 0.1. */
#ifndef SCHLOSS_EXT_ERROR_H
#define SCHLOSS_EXT_ERROR_H

#include <schloss/error.h>

SCHLOSS_BEGIN_DECLS

/** Empties err (NULL is fine) and sets code and message (fmt as for printf; copied). Never put plaintext or
 * keys into it.
 * @return code, so that `return schloss_error_set(...)` reads well */
SCHLOSS_API schloss_rc schloss_error_set(schloss_error_t *err, schloss_rc code, const char *fmt, ...)
    SCHLOSS_PRINTF(3, 4);
/** Sets the hint: one sentence, what to do (fmt as for printf; copied). */
SCHLOSS_API void schloss_error_set_hint(schloss_error_t *err, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);

SCHLOSS_END_DECLS

#endif
