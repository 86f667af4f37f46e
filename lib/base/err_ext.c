/* The public side of filling errors (schloss/ext/error.h). */
#include "base/err.h"
#include <schloss/ext/error.h>
#include <stdio.h>

schloss_rc schloss_error_set(schloss_error_t *err, schloss_rc code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    schloss_rc rc = err_vset(err, code, fmt, ap);
    va_end(ap);
    return rc;
}

void schloss_error_set_hint(schloss_error_t *err, const char *fmt, ...) {
    char text[sizeof(err->hint)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_hint(err, "%s", text);
}
