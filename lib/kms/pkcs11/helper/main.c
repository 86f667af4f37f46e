/* schloss-pkcs11-helper: runs the jobs of one parent, one after the other, in a process of its own, so that what a
 * vendor's module does wrong stays here. It speaks over descriptor 3 only (kms/pkcs11/wire.h) and ends when that
 * closes. No core dumps, no tracing: keys pass through. */
#include "kms/pkcs11/wire.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int serve_one(buf_t *in, buf_t *result, buf_t *frame) {
    struct schloss_error err = {0};
    p11_job_t job;
    if (p11_wire_recv(P11_HELPER_FD, in, -1) != 0 || !p11_wire_read_job(&job, buf_view(in))) {
        return -1;
    }
    schloss_rc rc = p11_run(&job, result, &err);
    p11_wire_put_result(frame, rc, &err, buf_view(result));
    int failed = frame->failed ? -1 : p11_wire_send(P11_HELPER_FD, buf_view(frame), -1);
    buf_reset(in);
    buf_reset(result);
    buf_reset(frame);
    return failed;
}

int main(int argc, char **argv) {
    const struct rlimit none = {0, 0};
    (void)argv;
    if (argc != 1 || setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
        fputs("schloss-pkcs11-helper is started by the Schloss library (pkcs11.isolation=process), not by hand.\n",
              stderr);
        return 2;
    }
    buf_t in, result, frame;
    buf_init(&in, P11_FRAME_MAX + 1, "PKCS#11 job", true);
    buf_init(&result, P11_WRAPPED_MAX, "PKCS#11 result", true);
    buf_init(&frame, P11_FRAME_MAX, "PKCS#11 result", true);
    while (serve_one(&in, &result, &frame) == 0) {
    }
    buf_clear(&in);
    buf_clear(&result);
    buf_clear(&frame);
    return 0;
}
