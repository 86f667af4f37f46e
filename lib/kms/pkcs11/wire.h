/* What the driver and its helper process tell each other over a socket pair: length (4 bytes, big-endian), then a body
 * of counted strings. Both sides read the other's bytes as hostile. */
#ifndef KMS_PKCS11_WIRE_H
#define KMS_PKCS11_WIRE_H

#include "kms/pkcs11/job.h"

#define P11_FRAME_MAX ((size_t)32 * 1024)
#define P11_HELPER_FD 3 /* in the helper */

/* Appends a whole frame. */
void p11_wire_put_job(buf_t *out, const p11_job_t *job);
void p11_wire_put_result(buf_t *out, schloss_rc rc, const schloss_error_t *err, bytes_t result);

/* Reads the body of a frame. Views are borrowed from it; strings in it end in NUL. false: malformed. */
SCHLOSS_NODISCARD bool p11_wire_read_job(p11_job_t *job, bytes_t body);
/* Only codes that p11_run() may return are taken. */
SCHLOSS_NODISCARD bool p11_wire_read_result(schloss_rc *rc, schloss_error_t *err, bytes_t *result, bytes_t body);

/* Whole frames over fd, until deadline (time_mono_ms(); negative: none). 0, or ETIMEDOUT, EPIPE (the other side is
 * gone), EBADMSG (longer than P11_FRAME_MAX), ENOMEM. */
SCHLOSS_NODISCARD int p11_wire_send(int fd, bytes_t frame, int64_t deadline);
SCHLOSS_NODISCARD int p11_wire_recv(int fd, buf_t *body, int64_t deadline);

#endif
