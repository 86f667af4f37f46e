/* Small configuration files. */
#ifndef SERVER_FILE_H
#define SERVER_FILE_H

#include "base/err.h"
#include "base/mem.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* Whole file as a NUL-terminated string (mem_free, or mem_wipe_str when secret). @return IO, LIMIT_EXCEEDED */
SCHLOSS_NODISCARD schloss_rc file_read_text(char **out, const char *path, size_t max, schloss_error_t *err);

#endif
