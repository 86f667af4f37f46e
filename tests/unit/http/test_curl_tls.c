/* curl.c over TLS: a server is only talked to when its certificate is trusted and names it. The server is
 * `openssl s_server`; keys and certificates are made for the test and live in a temporary folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"
#include "http/curl.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char dir[] = "/tmp/schloss-tls-XXXXXX";

static const char *in_dir(const char *name) {
    static char paths[4][128];
    static unsigned at;
    char *p = paths[at++ % 4];
    (void)snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

static void make_certificate(const char *name, const char *host) {
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
                   "-addext subjectAltName=DNS:%s -keyout %s/%s.key -out %s/%s.pem 2>/dev/null",
                   host, host, dir, name, dir, name);
    assert_int_equal(system(command), 0);
}

typedef struct tls_server {
    pid_t pid;
    FILE *out;
    char url[64];
} tls_server_t;

/* Starts s_server with the certificate and one more option or two; it says on which port it listens. It ends by itself
 * when an assertion fails before server_stop(). */
static void server_start(tls_server_t *s, const char *cert, const char *option, const char *value) {
    char pem[128];
    char key[128];
    (void)snprintf(pem, sizeof pem, "%s/%s.pem", dir, cert);
    (void)snprintf(key, sizeof key, "%s/%s.key", dir, cert);
    const char *argv[] = {"timeout", "60", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www",
                          "-cert",   pem,  "-key",    key,        option,    value,         NULL};
    int fds[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 1), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, fds[0]), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawnp(&s->pid, "timeout", &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    s->out = fdopen(fds[0], "r");
    assert_non_null(s->out);
    char line[256];
    unsigned port = 0;
    while (port == 0 && fgets(line, sizeof line, s->out) != NULL) {
        const char *colon = strncmp(line, "ACCEPT ", 7) == 0 ? strrchr(line, ':') : NULL;
        port = colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
    }
    assert_true(port != 0);
    (void)snprintf(s->url, sizeof s->url, "https://localhost:%u/", port);
}

static void server_stop(tls_server_t *s) {
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    (void)waitpid(s->pid, NULL, 0);
    (void)fclose(s->out);
}

static schloss_rc get(const curl_conf_t *conf, const char *url, int *status, schloss_error_t *err) {
    schloss_transport_t t;
    schloss_http_request_t req = {
        .method = "GET", .url = url, .connect_timeout_ms = 5000, .timeout_ms = 10000, .max_body = 1 << 20};
    schloss_http_response_t res = {0};
    assert_int_equal(curl_transport_new(&t, conf, err), 0);
    schloss_rc rc = t.perform(t.user, &req, &res, err);
    *status = res.status;
    t.release(t.user, &res);
    t.destroy(t.user);
    return rc;
}

static void test_trust(void **state) {
    (void)state;
    tls_server_t s;
    schloss_error_t err = {0};
    int status = 0;
    server_start(&s, "good", NULL, NULL);
    curl_conf_t trusting = {.ca_file = in_dir("good.pem")};
    assert_int_equal(get(&trusting, s.url, &status, &err), 0);
    assert_int_equal(status, 200);
    curl_conf_t plain = {0}; /* the system's CAs do not know it */
    assert_int_equal(get(&plain, s.url, &status, &err), SCHLOSS_E_TLS);
    assert_true(strlen(err.message) > 0);
    curl_conf_t other = {.ca_file = in_dir("other.pem")};
    assert_int_equal(get(&other, s.url, &status, &err), SCHLOSS_E_TLS);
    curl_conf_t careless = {.skip_verify_host = true}; /* the name is not looked at, the chain is */
    assert_int_equal(get(&careless, s.url, &status, &err), SCHLOSS_E_TLS);
    server_stop(&s);
}

static void test_host_name(void **state) {
    (void)state;
    tls_server_t s;
    schloss_error_t err = {0};
    int status = 0;
    server_start(&s, "other", NULL, NULL);
    curl_conf_t conf = {.ca_file = in_dir("other.pem")};
    assert_int_equal(get(&conf, s.url, &status, &err), SCHLOSS_E_TLS);
    conf.skip_verify_host = true;
    assert_int_equal(get(&conf, s.url, &status, &err), 0);
    assert_int_equal(status, 200);
    server_stop(&s);
}

static void test_client_certificate(void **state) {
    (void)state;
    tls_server_t s;
    schloss_error_t err = {0};
    int status = 0;
    server_start(&s, "good", "-Verify", "1"); /* asks for a certificate and insists on one */
    curl_conf_t conf = {.ca_file = in_dir("good.pem")};
    assert_int_not_equal(get(&conf, s.url, &status, &err), 0);
    conf.cert_file = in_dir("other.pem");
    conf.key_file = in_dir("other.key");
    assert_int_equal(get(&conf, s.url, &status, &err), 0);
    assert_int_equal(status, 200);
    server_stop(&s);
}

static void test_old_protocols(void **state) {
    (void)state;
    tls_server_t s;
    schloss_error_t err = {0};
    int status = 0;
    server_start(&s, "good", "-tls1_1", NULL);
    curl_conf_t conf = {.ca_file = in_dir("good.pem")};
    assert_int_equal(get(&conf, s.url, &status, &err), SCHLOSS_E_TLS);
    server_stop(&s);
}

static void test_damaged_ca_file(void **state) {
    (void)state;
    FILE *f = fopen(in_dir("bad.pem"), "w");
    assert_non_null(f);
    (void)fputs("no certificate\n", f);
    (void)fclose(f);
    schloss_error_t err = {0};
    int status = 0;
    curl_conf_t conf = {.ca_file = in_dir("bad.pem")};
    tls_server_t s;
    server_start(&s, "good", NULL, NULL);
    assert_int_equal(get(&conf, s.url, &status, &err), SCHLOSS_E_TLS);
    server_stop(&s);
}

static int set_up(void **state) {
    (void)state;
    assert_non_null(mkdtemp(dir));
    make_certificate("good", "localhost");
    make_certificate("other", "other.test");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const files[] = {"good.pem", "good.key", "other.pem", "other.key", "bad.pem"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        (void)unlink(in_dir(files[i]));
    }
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_host_name),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_old_protocols),
        cmocka_unit_test(test_damaged_ca_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
