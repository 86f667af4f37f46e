/* The blocking driver: performs what the io asks for, in the caller's thread. */
#include "http/io.h"

#include "base/metrics.h"
#include <errno.h>
#include <time.h>

#define SLICE_MS 100u /* longest sleep before the logic is asked again */
#define NAP_MS 2u     /* the logic waits for something else than a back-off: another thread's fetch */

static void sleep_ms(uint32_t ms) {
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static schloss_rc perform(io_t *io, const schloss_transport_t *transport, schloss_error_t *err) {
    const schloss_http_request_t *req = io_request(io);
    ENSURE(req != NULL, err, INVALID_STATE, "the logic asks for I/O, but no request is pending");
    schloss_error_t failed = {0};
    schloss_http_response_t res = {0};
    schloss_rc rc = transport->perform(transport->user, req, &res, &failed);
    if (rc != SCHLOSS_OK) {
        return io_feed_failure(io, rc < 0 ? rc : SCHLOSS_E_IO, failed.message, err);
    }
    rc = io_feed(io, res.status, bytes(res.body, res.body_len), res.retry_after_ms, err);
    transport->release(transport->user, &res);
    return rc;
}

schloss_rc io_run(io_t *io, const schloss_transport_t *transport,
                  schloss_rc (*logic)(void *arg, io_t *io, schloss_error_t *err), void *arg, schloss_error_t *err) {
    for (;;) {
        schloss_rc rc = logic(arg, io, err);
        if (rc == SCHLOSS_NEED_IO) {
            TRY(perform(io, transport, err));
        } else if (rc == SCHLOSS_NEED_WAIT) {
            uint32_t wait = io_wait_ms(io, time_mono_ms());
            wait = wait == 0 ? NAP_MS : wait;
            sleep_ms(wait < SLICE_MS ? wait : SLICE_MS);
        } else {
            return rc;
        }
    }
}
