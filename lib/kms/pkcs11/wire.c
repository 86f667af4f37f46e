/* Frames between driver and helper. */
#include "kms/pkcs11/wire.h"

#include "base/time.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HAS_PIN 1u
#define IS_WRAP 2u

static void put_counted(buf_t *out, const void *p, size_t n) {
    buf_put_be32(out, (uint32_t)n);
    buf_put(out, p, n);
}

static void put_text(buf_t *out, const char *s) {
    put_counted(out, s, strlen(s) + 1);
}

static void finish(buf_t *out, size_t start) {
    if (!out->failed) {
        be32_write(out->ptr + start, (uint32_t)(out->len - start - 4));
    }
}

void p11_wire_put_job(buf_t *out, const p11_job_t *job) {
    size_t start = out->len;
    buf_put_be32(out, 0);
    buf_put_u8(out, (uint8_t)((job->pin.ptr != NULL ? HAS_PIN : 0) | (job->is_wrap ? IS_WRAP : 0)));
    put_text(out, job->module);
    put_text(out, job->key_id);
    put_counted(out, job->pin.ptr, job->pin.len);
    put_counted(out, job->in.ptr, job->in.len);
    finish(out, start);
}

void p11_wire_put_result(buf_t *out, schloss_rc rc, const schloss_error_t *err, bytes_t result) {
    size_t start = out->len;
    buf_put_be32(out, 0);
    buf_put_be32(out, (uint32_t)rc);
    put_text(out, rc == SCHLOSS_OK ? "" : err->message);
    put_text(out, rc == SCHLOSS_OK ? "" : err->hint);
    put_counted(out, result.ptr, rc == SCHLOSS_OK ? result.len : 0);
    finish(out, start);
}

static bytes_t take_counted(cur_t *c) {
    const uint8_t *n = cur_take(c, 4);
    size_t len = n == NULL ? 0 : be32_read(n);
    const uint8_t *p = cur_take(c, len);
    return bytes(p, p == NULL ? 0 : len);
}

static const char *take_text(cur_t *c) {
    bytes_t b = take_counted(c);
    if (b.len == 0 || b.ptr[b.len - 1] != 0 || memchr(b.ptr, 0, b.len) != b.ptr + b.len - 1) {
        c->failed = true;
        return "";
    }
    return (const char *)b.ptr;
}

bool p11_wire_read_job(p11_job_t *job, bytes_t body) {
    cur_t c = cur_of(body);
    const uint8_t *flags = cur_take(&c, 1);
    *job = (p11_job_t){.is_wrap = flags != NULL && (*flags & IS_WRAP) != 0};
    job->module = take_text(&c);
    job->key_id = take_text(&c);
    bytes_t pin = take_counted(&c);
    job->in = take_counted(&c);
    job->pin = flags != NULL && (*flags & HAS_PIN) != 0 ? pin : bytes(NULL, 0);
    return !c.failed && cur_left(&c) == 0 && pin.len <= P11_PIN_MAX;
}

static bool may_return(schloss_rc rc) {
    return rc == SCHLOSS_OK || rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_MEMORY_LOCK ||
           rc == SCHLOSS_E_LIMIT_EXCEEDED || rc == SCHLOSS_E_RANDOM ||
           (rc <= SCHLOSS_E_WRAP_FAILED && rc >= SCHLOSS_E_KMS_CONF);
}

bool p11_wire_read_result(schloss_rc *rc, schloss_error_t *err, bytes_t *result, bytes_t body) {
    cur_t c = cur_of(body);
    const uint8_t *code = cur_take(&c, 4);
    *rc = code == NULL ? SCHLOSS_OK : (schloss_rc)(int32_t)be32_read(code);
    const char *message = take_text(&c);
    const char *hint = take_text(&c);
    *result = take_counted(&c);
    if (c.failed || cur_left(&c) != 0 || !may_return(*rc) || result->len > P11_WRAPPED_MAX) {
        return false;
    }
    if (*rc != SCHLOSS_OK) {
        err_set(err, *rc, "%s", message);
        err_hint(err, "%s", hint);
    }
    return true;
}

/* ---- frames ---- */

static int wait_for(int fd, short events, int64_t deadline) {
    int wait = -1;
    if (deadline >= 0) {
        int64_t left = deadline - time_mono_ms();
        if (left <= 0) {
            return ETIMEDOUT;
        }
        wait = left > 1000 ? 1000 : (int)left;
    }
    struct pollfd p = {.fd = fd, .events = events};
    (void)poll(&p, 1, wait); /* an error shows in what follows */
    return 0;
}

int p11_wire_send(int fd, bytes_t frame, int64_t deadline) {
    size_t at = 0;
    while (at < frame.len) {
        ssize_t n = send(fd, frame.ptr + at, frame.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            at += (size_t)n;
        } else if (errno == EAGAIN) {
            int failed = wait_for(fd, POLLOUT, deadline);
            if (failed != 0) {
                return failed;
            }
        } else if (errno != EINTR) {
            return EPIPE;
        }
    }
    return 0;
}

static int recv_all(int fd, uint8_t *p, size_t len, int64_t deadline) {
    size_t at = 0;
    while (at < len) {
        ssize_t n = recv(fd, p + at, len - at, MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            int failed = wait_for(fd, POLLIN, deadline);
            if (failed != 0) {
                return failed;
            }
        } else if (n == 0 || errno != EINTR) {
            return EPIPE;
        }
    }
    return 0;
}

int p11_wire_recv(int fd, buf_t *body, int64_t deadline) {
    uint8_t head[4];
    int failed = recv_all(fd, head, sizeof head, deadline);
    if (failed != 0) {
        return failed;
    }
    size_t len = be32_read(head);
    if (len > P11_FRAME_MAX) {
        return EBADMSG;
    }
    buf_reset(body);
    if (!buf_reserve(body, len + 1)) {
        return ENOMEM;
    }
    failed = recv_all(fd, body->ptr, len, deadline);
    body->len = failed == 0 ? len : 0;
    return failed;
}
