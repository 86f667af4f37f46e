/* getrandom(2), whole or not at all. */
#include "base/random.h"
#include "base/metrics.h"
#include "base/time.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static int fill(uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

schloss_rc random_bytes(void *out, size_t n, schloss_error_t *err) {
    METRIC_ADD(random_calls, 1);
    int e = fill(out, n);
    if (e == 0) {
        return SCHLOSS_OK;
    }
    schloss_rc rc = FAIL(err, RANDOM, "getrandom failed: %s", strerrorname_np(e));
    err_hint(err, "let the process call getrandom(2): look at its seccomp profile");
    return rc;
}

uint32_t random_below(uint32_t n) {
    uint32_t r;
    if (fill((uint8_t *)&r, sizeof r) != 0) {
        r = (uint32_t)time_thread_cpu_ns() * 2654435761u; /* jitter of retries may be poor, never absent */
    }
    return (uint32_t)((uint64_t)r * n >> 32);
}
