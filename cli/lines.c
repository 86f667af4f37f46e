/* Reading lines with read(2), so that no stdio buffer keeps plaintext. */
#include "cli/lines.h"
#include "cli/stop.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK 65536u

schloss_rc lines_open(lines_t *l, const char *path, size_t max, schloss_error_t *err) {
    memset(l, 0, sizeof(*l));
    buf_init(&l->buf, max + CHUNK, "length of a line", true);
    if (path == NULL || strcmp(path, "-") == 0) {
        l->fd = STDIN_FILENO;
        return SCHLOSS_OK;
    }
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    ENSURE(l->fd >= 0, err, IO, "cannot read %s: %s", path, strerror(errno));
    return SCHLOSS_OK;
}

void lines_close(lines_t *l) {
    buf_clear(&l->buf);
    if (l->fd > STDIN_FILENO) {
        (void)close(l->fd);
    }
    l->fd = -1;
}

/* Moves what is left to the front and reads more behind it. */
static schloss_rc fill(lines_t *l, schloss_error_t *err) {
    size_t left = l->buf.len - l->begin;
    if (l->begin != 0 && left != 0) {
        memmove(l->buf.ptr, l->buf.ptr + l->begin, left);
    }
    l->buf.len = left;
    l->begin = 0;
    if (!buf_reserve(&l->buf, CHUNK)) {
        return buf_check(&l->buf, err);
    }
    for (;;) {
        if (stop_requested()) {
            return FAIL(err, CANCELLED, "interrupted");
        }
        ssize_t n = read(l->fd, l->buf.ptr + l->buf.len, l->buf.cap - l->buf.len);
        if (n >= 0) {
            l->end = n == 0;
            l->buf.len += (size_t)n;
            l->buf.high = l->buf.len > l->buf.high ? l->buf.len : l->buf.high;
            return SCHLOSS_OK;
        }
        ENSURE(errno == EINTR, err, IO, "cannot read the input: %s", strerror(errno));
    }
}

schloss_rc lines_next(lines_t *l, bytes_t *out, schloss_error_t *err) {
    const uint8_t *newline = NULL;
    for (;;) {
        size_t left = l->buf.len - l->begin;
        newline = left > l->seen ? memchr(l->buf.ptr + l->begin + l->seen, '\n', left - l->seen) : NULL;
        if (newline != NULL || l->end) {
            break;
        }
        l->seen = left;
        TRY(fill(l, err));
    }
    size_t len = newline != NULL ? (size_t)(newline - (l->buf.ptr + l->begin)) : l->buf.len - l->begin;
    if (newline == NULL && len == 0) {
        return SCHLOSS_ABSENT;
    }
    *out = bytes(l->buf.ptr + l->begin, len);
    if (len != 0 && out->ptr[len - 1] == '\r') {
        out->len--;
    }
    l->begin += len + (newline != NULL);
    l->seen = 0;
    l->number++;
    return SCHLOSS_OK;
}
