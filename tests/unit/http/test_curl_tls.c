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

static void server_spawn(tls_server_t *s, const char *const *argv) {
    int fds[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 1), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, fds[0]), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawnp(&s->pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    s->out = fdopen(fds[0], "r");
    assert_non_null(s->out);
}

/* Starts s_server with the certificate and one more option or two; it says on which port it listens. It ends by itself
 * when an assertion fails before server_stop(). */
static void server_start(tls_server_t *s, const char *cert, const char *option, const char *value) {
    char pem[128];
    char key[128];
    (void)snprintf(pem, sizeof pem, "%s/%s.pem", dir, cert);
    (void)snprintf(key, sizeof key, "%s/%s.key", dir, cert);
    const char *argv[] = {"timeout", "60", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www",
                          "-cert",   pem,  "-key",    key,        option,    value,         NULL};
    server_spawn(s, argv);
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

/* ---- settings of one request ---- */

static schloss_rc ask(schloss_transport_t *t, const char *url, const schloss_tls_t *tls, char body[64],
                      schloss_error_t *err) {
    schloss_http_request_t req = {
        .method = "GET", .url = url, .connect_timeout_ms = 5000, .timeout_ms = 10000, .max_body = 1 << 20, .tls = tls};
    schloss_http_response_t res = {0};
    schloss_rc rc = t->perform(t->user, &req, &res, err);
    (void)snprintf(body, 64, "%.*s", (int)(rc == 0 ? res.body_len : 0), rc == 0 ? (const char *)res.body : "");
    t->release(t->user, &res);
    return rc;
}

static void test_override(void **state) {
    (void)state;
    tls_server_t s;
    schloss_error_t err = {0};
    schloss_transport_t t;
    char body[64];
    curl_conf_t conf = {
        .ca_file = in_dir("good.pem"), .cert_file = in_dir("other.pem"), .key_file = in_dir("other.key")};
    assert_int_equal(curl_transport_new(&t, &conf, &err), 0);
    server_start(&s, "good", NULL, NULL);
    assert_int_equal(ask(&t, s.url, NULL, body, &err), 0);
    schloss_tls_t own = {.ca_file = in_dir("good.pem")};
    assert_int_equal(ask(&t, s.url, &own, body, &err), 0);
    schloss_tls_t system = {0}; /* the transport's CA file does not count: the override is complete */
    assert_int_equal(ask(&t, s.url, &system, body, &err), SCHLOSS_E_TLS);
    schloss_tls_t careless = {.skip_verify_host = true};
    assert_int_equal(ask(&t, s.url, &careless, body, &err), SCHLOSS_E_TLS);
    schloss_tls_t missing = {.ca_file = "/nonexistent.pem"};
    assert_int_equal(ask(&t, s.url, &missing, body, &err), SCHLOSS_E_TLS);
    server_stop(&s);
    server_start(&s, "good", "-Verify", "1");
    assert_int_equal(ask(&t, s.url, NULL, body, &err), 0);
    assert_int_not_equal(ask(&t, s.url, &own, body, &err), 0); /* nor its client certificate */
    server_stop(&s);
    t.destroy(t.user);
}

/* A server that keeps connections open and answers with the number of the connection. */
static const char kept_open[] = "import http.server, ssl, sys\n"
                                "n = 0\n"
                                "class H(http.server.BaseHTTPRequestHandler):\n"
                                "    protocol_version = 'HTTP/1.1'\n"
                                "    def setup(self):\n"
                                "        global n\n"
                                "        n += 1\n"
                                "        self.number = str(n).encode()\n"
                                "        super().setup()\n"
                                "    def do_GET(self):\n"
                                "        self.send_response(200)\n"
                                "        self.send_header('Content-Length', str(len(self.number)))\n"
                                "        self.end_headers()\n"
                                "        self.wfile.write(self.number)\n"
                                "    def log_message(self, *_):\n"
                                "        pass\n"
                                "s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)\n"
                                "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
                                "c.load_cert_chain(sys.argv[1] + '.pem', sys.argv[1] + '.key')\n"
                                "s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)\n"
                                "print(s.server_port, flush=True)\n"
                                "s.serve_forever()\n";

static void test_connections_are_not_shared(void **state) {
    (void)state;
    const char *cert = in_dir("good");
    char script[128];
    (void)snprintf(script, sizeof script, "%s/kept.py", dir);
    FILE *f = fopen(script, "w");
    assert_non_null(f);
    assert_true(fputs(kept_open, f) >= 0);
    assert_int_equal(fclose(f), 0);
    tls_server_t server;
    const char *argv[] = {"timeout", "60", "python3", script, cert, NULL};
    server_spawn(&server, argv);
    char line[32];
    const char *url = server.url;
    assert_non_null(fgets(line, sizeof line, server.out));
    (void)snprintf(server.url, sizeof server.url, "https://localhost:%lu/", strtoul(line, NULL, 10));

    schloss_error_t err = {0};
    schloss_transport_t t;
    char body[64];
    curl_conf_t conf = {.ca_file = in_dir("good.pem")};
    assert_int_equal(curl_transport_new(&t, &conf, &err), 0);
    assert_int_equal(ask(&t, url, NULL, body, &err), 0);
    assert_string_equal(body, "1");
    assert_int_equal(ask(&t, url, NULL, body, &err), 0);
    assert_string_equal(body, "1"); /* the same settings: the connection is used again */
    schloss_tls_t same = {.ca_file = in_dir("good.pem")};
    assert_int_equal(ask(&t, url, &same, body, &err), 0);
    assert_string_equal(body, "1");
    schloss_tls_t system = {0}; /* who trusts other CAs does not get a connection that was checked with these */
    assert_int_equal(ask(&t, url, &system, body, &err), SCHLOSS_E_TLS);
    schloss_tls_t client = {
        .ca_file = in_dir("good.pem"), .cert_file = in_dir("other.pem"), .key_file = in_dir("other.key")};
    assert_int_equal(ask(&t, url, &client, body, &err), 0); /* nor who has another name */
    assert_true(strtoul(body, NULL, 10) > 1);
    char of_client[64];
    memcpy(of_client, body, sizeof of_client);
    schloss_tls_t careless = {.ca_file = in_dir("good.pem"), .skip_verify_host = true};
    assert_int_equal(ask(&t, url, &careless, body, &err), 0);
    assert_true(strcmp(body, of_client) != 0 && strcmp(body, "1") != 0);
    char of_careless[64];
    memcpy(of_careless, body, sizeof of_careless);
    assert_int_equal(ask(&t, url, NULL, body, &err), 0); /* above all: not one whose host name nobody looked at */
    assert_true(strcmp(body, of_careless) != 0 && strcmp(body, of_client) != 0);
    t.destroy(t.user);
    server_stop(&server);
    (void)unlink(script);
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
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_connections_are_not_shared),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
