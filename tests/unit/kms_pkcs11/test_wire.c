/* wire.c: jobs and results come through whole; nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/time.h"
#include "kms/pkcs11/wire.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static bytes_t body_of(const buf_t *frame) {
    assert_int_equal(buf_check(frame, NULL), 0);
    assert_int_equal(be32_read(frame->ptr), frame->len - 4);
    return bytes(frame->ptr + 4, frame->len - 4);
}

static void test_job(void **state) {
    (void)state;
    const p11_job_t jobs[] = {
        {"/usr/lib/x.so", "pkcs11:object=a",
         bytes("12\0"
               "4",
               4),
         true, bytes("key", 3)},
        {"/usr/lib/x.so", "pkcs11:object=a", bytes(NULL, 0), false, bytes("\x01wrapped", 8)},
    };
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        buf_t b;
        p11_job_t got;
        buf_init(&b, P11_FRAME_MAX, "test", false);
        p11_wire_put_job(&b, &jobs[i]);
        bytes_t body = body_of(&b);
        assert_true(p11_wire_read_job(&got, body));
        assert_string_equal(got.module, jobs[i].module);
        assert_string_equal(got.key_id, jobs[i].key_id);
        assert_int_equal(got.is_wrap, jobs[i].is_wrap);
        assert_int_equal(got.pin.len, jobs[i].pin.len);
        assert_int_equal(got.pin.ptr == NULL, jobs[i].pin.ptr == NULL);
        assert_int_equal(got.in.len, jobs[i].in.len);
        assert_memory_equal(got.in.ptr, jobs[i].in.ptr, got.in.len);
        for (size_t n = 0; n < body.len; n++) { /* cut anywhere */
            assert_false(p11_wire_read_job(&got, bytes(body.ptr, n)));
        }
        buf_clear(&b);
    }
}

static void test_result(void **state) {
    (void)state;
    buf_t b;
    schloss_rc rc = 0;
    bytes_t result;
    struct schloss_error err = {0}, got = {0};
    buf_init(&b, P11_FRAME_MAX, "test", false);
    p11_wire_put_result(&b, SCHLOSS_OK, &err, bytes("key", 3));
    assert_true(p11_wire_read_result(&rc, &got, &result, body_of(&b)));
    assert_int_equal(rc, 0);
    assert_int_equal(result.len, 3);
    for (size_t n = 0; n < b.len - 4; n++) {
        assert_false(p11_wire_read_result(&rc, &got, &result, bytes(b.ptr + 4, n)));
    }
    buf_reset(&b);
    err_set(&err, SCHLOSS_E_KMS_DENIED, "no %%s way");
    err_hint(&err, "ask");
    p11_wire_put_result(&b, SCHLOSS_E_KMS_DENIED, &err, bytes("secret", 6));
    assert_true(p11_wire_read_result(&rc, &got, &result, body_of(&b)));
    assert_int_equal(rc, SCHLOSS_E_KMS_DENIED);
    assert_int_equal(result.len, 0); /* of a failure nothing is told */
    assert_string_equal(got.message, "no %s way");
    assert_string_equal(got.hint, "ask");
    static const schloss_rc others[] = {1, 2, SCHLOSS_E_CANCELLED, SCHLOSS_E_INVALID_ARGUMENT, -99999, INT32_MIN};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        buf_reset(&b);
        p11_wire_put_result(&b, others[i], &err, bytes(NULL, 0));
        assert_false(p11_wire_read_result(&rc, &got, &result, body_of(&b)));
    }
    buf_clear(&b);
}

static void test_frames(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    buf_t b;
    buf_init(&b, P11_FRAME_MAX + 1, "test", true);
    int64_t soon = time_mono_ms() + 50;
    assert_int_equal(p11_wire_recv(fds[1], &b, soon), ETIMEDOUT);
    assert_int_equal(p11_wire_send(fds[0], bytes("\0\0\0\3abc\0\0\0\0\0\0\0\5ab", 17), -1), 0);
    assert_int_equal(p11_wire_recv(fds[1], &b, -1), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.ptr, "abc", 3);
    assert_int_equal(p11_wire_recv(fds[1], &b, -1), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(p11_wire_recv(fds[1], &b, time_mono_ms() + 50), ETIMEDOUT);
    close(fds[0]);
    assert_int_equal(p11_wire_recv(fds[1], &b, -1), EPIPE);
    assert_int_equal(p11_wire_send(fds[1], bytes("x", 1), -1), EPIPE);
    close(fds[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(p11_wire_send(fds[0], bytes("\xff\xff\xff\xff", 4), -1), 0);
    assert_int_equal(p11_wire_recv(fds[1], &b, -1), EBADMSG);
    static uint8_t big[1024 * 1024];
    assert_int_equal(p11_wire_send(fds[0], bytes(big, sizeof big), time_mono_ms() + 50), ETIMEDOUT);
    close(fds[0]);
    close(fds[1]);
    buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
