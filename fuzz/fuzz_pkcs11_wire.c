/* What the PKCS#11 driver reads from its helper, and the helper from its driver: any bytes. What is read lies inside
 * the frame, its texts end, and it writes the same bytes again. */
#include "kms/pkcs11/wire.h"

#include <stdlib.h>

static void inside(bytes_t body, const void *p, size_t n) {
    const uint8_t *b = p;
    if (n != 0 && (b < body.ptr || b + n > body.ptr + body.len)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes_t body = bytes(data, size);
    p11_job_t job;
    if (p11_wire_read_job(&job, body)) {
        inside(body, job.module, strlen(job.module) + 1);
        inside(body, job.key_id, strlen(job.key_id) + 1);
        inside(body, job.pin.ptr, job.pin.len);
        inside(body, job.in.ptr, job.in.len);
    }
    schloss_rc rc = 0;
    bytes_t result;
    struct schloss_error err = {0};
    if (p11_wire_read_result(&rc, &err, &result, body)) {
        inside(body, result.ptr, result.len);
        if (rc > 0 || result.len > P11_WRAPPED_MAX || (rc != SCHLOSS_OK && err.code != rc)) {
            abort();
        }
    }
    return 0;
}
