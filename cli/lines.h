/* Lines of a file or of standard input, in a buffer that is wiped: they are plaintext. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "base/buf.h"

typedef struct lines {
    int fd;
    buf_t buf;
    size_t begin; /* of what was not returned yet */
    size_t seen;  /* bytes from begin on that hold no newline */
    bool end;
    uint64_t number; /* of the last line, from 1 */
} lines_t;

/* path NULL or "-": standard input. max: longest line in bytes. */
SCHLOSS_NODISCARD schloss_rc lines_open(lines_t *l, const char *path, size_t max, schloss_error_t *err);
void lines_close(lines_t *l);
/* Next line without its newline (and without a carriage return before it); borrowed until the next call.
 * @return 0, ABSENT at the end, CANCELLED when a signal ended the wait, IO, LIMIT_EXCEEDED */
SCHLOSS_NODISCARD schloss_rc lines_next(lines_t *l, bytes_t *out, schloss_error_t *err);

#endif
