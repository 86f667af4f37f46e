/* kmip.c by way of curl.c: addresses and servers that fail before a KMIP message can be exchanged. What comes after a
 * handshake is tested against a server by someone else (tests/kms/kmip_test.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/time.h"
#include "http/curl.h"
#include "http/kmip_name.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static schloss_transport_t transport;
static const schloss_tls_t tls = {0};

static schloss_rc ask(const char *url, const char *server_name, uint32_t timeout_ms, schloss_error_t *err) {
    static const uint8_t message[8] = {0x42, 0, 0x78, 1};
    schloss_http_header_t name = {KMIP_SERVER_NAME, server_name};
    schloss_http_request_t req = {
        .method = "POST",
        .url = url,
        .headers = &name,
        .n_headers = server_name != NULL,
        .body = bytes(message, sizeof message),
        .timeout_ms = timeout_ms,
        .max_body = 1024,
        .tls = &tls,
        .protocol = SCHLOSS_KMIP,
        .direct = true,
    };
    schloss_http_response_t res = {0};
    schloss_rc rc = transport.perform(transport.user, &req, &res, err);
    assert_int_not_equal(rc, SCHLOSS_OK);
    assert_int_equal(rc, err->code);
    return rc;
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const urls[] = {"", "http://127.0.0.1:1", "kmips:/127.0.0.1:1", "kmips"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        schloss_error_t err = {0};
        assert_int_equal(ask(urls[i], NULL, 500, &err), SCHLOSS_E_INVALID_ARGUMENT);
    }
    static const char *const names[] = {"", "a:b", "a/b", "u@a", "a b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        schloss_error_t err = {0};
        assert_int_equal(ask("kmips://127.0.0.1:1", names[i], 500, &err), SCHLOSS_E_INVALID_ARGUMENT);
    }
    char longest[600] = "kmips://";
    memset(longest + 8, 'x', sizeof longest - 9);
    longest[sizeof longest - 1] = '\0';
    schloss_error_t err = {0};
    assert_int_equal(ask(longest, NULL, 500, &err), SCHLOSS_E_INVALID_ARGUMENT);
}

static int listener(unsigned *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void test_nobody_and_silence(void **state) {
    (void)state;
    unsigned port = 0;
    char url[64];
    int fd = listener(&port);
    (void)snprintf(url, sizeof url, "kmips://127.0.0.1:%u", port);
    for (int i = 0; i < 2; i++) { /* the backlog takes the connection, and nobody shakes hands */
        schloss_error_t err = {0};
        int64_t began = time_exact_ms();
        assert_int_equal(ask(url, i == 0 ? NULL : "kms.test", 200, &err), SCHLOSS_E_CONNECT);
        int64_t took = time_exact_ms() - began;
        assert_true(took >= 150 && took < 2000);
        assert_non_null(strstr(err.url, "kmips://"));
    }
    close(fd);
    schloss_error_t err = {0};
    assert_int_equal(ask(url, NULL, 2000, &err), SCHLOSS_E_CONNECT); /* nobody listens any more */
    assert_int_equal(ask("kmips://kms.invalid:5696", NULL, 3000, &err), SCHLOSS_E_CONNECT);
}

static int start(void **state) {
    (void)state;
    curl_conf_t conf = {0};
    return curl_transport_new(&transport, &conf, NULL);
}

static int stop(void **state) {
    (void)state;
    if (transport.destroy != NULL) { /* cmocka calls this after a failed start, too */
        transport.destroy(transport.user);
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_nobody_and_silence),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
