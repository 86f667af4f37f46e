/* See file.h. */
#include "server/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

schloss_rc file_read_text(char **out, const char *path, size_t max, schloss_error_t *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ENSURE(fd >= 0, err, IO, "cannot read %s: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return FAIL(err, IO, "cannot read %s: it is no regular file", path);
    }
    if (st.st_size < 0 || (size_t)st.st_size > max) {
        (void)close(fd);
        return FAIL(err, LIMIT_EXCEEDED, "%s is longer than %zu bytes", path, max);
    }
    size_t size = (size_t)st.st_size, n = 0;
    char *text = mem_alloc(size + 1);
    if (text == NULL) {
        (void)close(fd);
        return NO_MEMORY(err);
    }
    while (n < size) {
        ssize_t got = read(fd, text + n, size - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            int e = errno;
            (void)close(fd);
            text[n] = '\0';
            mem_wipe_str(text);
            return FAIL(err, IO, "cannot read %s: %s", path, strerror(e));
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    (void)close(fd);
    text[n] = '\0';
    *out = text;
    return 0;
}
