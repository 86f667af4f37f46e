/* What is left in memory of an answer that carried a key, and of the credentials that were sent: nothing, though the
 * connection and its handle live on. The server is another process, so that its memory is not looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"
#include "http/curl.h"
#include "http/io.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MASK 0x5a
#define MARK_LEN 24

/* The marks are only written down under a mask: in this process they exist in clear where the test puts them. */
static void mark(char out[MARK_LEN + 1], char which) {
    static const char letters[] = "QxZjKwVqYgPbHfMcNdRtLsBv";
    for (size_t i = 0; i < MARK_LEN; i++) {
        out[i] = (char)(letters[(i * 7 + (size_t)which) % MARK_LEN]);
    }
    out[MARK_LEN] = '\0';
}

static void masked(uint8_t out[MARK_LEN], char which) {
    char m[MARK_LEN + 1];
    mark(m, which);
    for (size_t i = 0; i < MARK_LEN; i++) {
        out[i] = (uint8_t)m[i] ^ MASK;
    }
    mem_wipe(m, sizeof m);
}

static bool found_in(const uint8_t *p, size_t n, const uint8_t m[MARK_LEN]) {
    const uint8_t *end = p + n;
    while ((p = memchr(p, m[0] ^ MASK, (size_t)(end - p))) != NULL && end - p >= MARK_LEN) {
        size_t k = 1;
        while (k < MARK_LEN && (p[k] ^ MASK) == m[k]) {
            k++;
        }
        if (k == MARK_LEN) {
            return true;
        }
        p++;
    }
    return false;
}

/* How many writable mappings of this process hold the mark. */
static int mappings_with(const uint8_t m[MARK_LEN]) {
    static uint8_t buf[65536 + MARK_LEN];
    FILE *maps = fopen("/proc/self/maps", "r");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(mem >= 0);
    char line[512];
    int found = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from;
        unsigned long to;
        char perms[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) != 3 || perms[0] != 'r' || perms[1] != 'w' ||
            to - from > 1ul << 30) { /* a sanitizer's shadow holds no data */
            continue;
        }
        bool here = false;
        for (unsigned long at = from; at < to && !here; at += 65536) {
            size_t n = to - at < sizeof buf ? to - at : sizeof buf;
            ssize_t got = pread(mem, buf, n, (off_t)at);
            here = got > 0 && found_in(buf, (size_t)got, m);
        }
        found += here;
        mem_wipe(buf, sizeof buf);
    }
    (void)fclose(maps);
    close(mem);
    return found;
}

static void serve(int listener) {
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        static char in[65536];
        size_t n = 0;
        for (ssize_t got; (got = read(fd, in + n, sizeof in - 1 - n)) > 0;) {
            n += (size_t)got;
            in[n] = '\0';
            if (strstr(in, "\r\n\r\n") == NULL) {
                continue;
            }
            char key[MARK_LEN + 1];
            char body[128];
            char out[512];
            mark(key, 1);
            (void)snprintf(body, sizeof body, "{\"keyMaterial\":\"%s\"}", key);
            int len = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
            n = 0;
            if (write(fd, out, (size_t)len) != len) {
                break;
            }
        }
    }
}

typedef struct job {
    http_service_t svc;
    bool seen;
} job_t;

static schloss_rc ask(void *arg, io_t *io, schloss_error_t *err) {
    job_t *j = arg;
    io_answer_t a;
    io_call_t call = {.method = "GET", .path = "/dek", .sensitive = true};
    TRY(io_call(io, &j->svc, &call, &a, err));
    uint8_t m[MARK_LEN];
    masked(m, 1);
    j->seen = found_in(a.body.ptr, a.body.len, m);
    return SCHLOSS_OK;
}

static void test_nothing_is_left(void **state) {
    (void)state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* when an assertion fails above it */
        serve(listener);
        _exit(0);
    }
    close(listener);

    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    char *urls[] = {url};
    uint8_t key[MARK_LEN];
    uint8_t token[MARK_LEN];
    masked(key, 1);
    masked(token, 2);
    assert_int_equal(mappings_with(key), 0);
    assert_int_equal(mappings_with(token), 0);

    schloss_transport_t t;
    schloss_error_t err = {0};
    curl_conf_t conf = {0};
    assert_int_equal(curl_transport_new(&t, &conf, &err), 0);
    job_t j = {.svc = {.urls = urls, .n_urls = 1, .connect_timeout_ms = 5000, .timeout_ms = 5000}};
    j.svc.authorization = mem_alloc(MARK_LEN + 8);
    assert_non_null(j.svc.authorization);
    memcpy(j.svc.authorization, "Bearer ", 7);
    mark(j.svc.authorization + 7, 2);
    for (int i = 0; i < 2; i++) {
        io_t *io = NULL;
        assert_int_equal(io_new(&io, &err), 0);
        assert_int_equal(io_run(io, &t, ask, &j, &err), 0);
        assert_true(j.seen);
        assert_true(mappings_with(key) >= 1); /* the test can see it */
        assert_true(mappings_with(token) >= 1);
        io_free(io);
        assert_int_equal(mappings_with(key), 0);
    }
    mem_wipe_str(j.svc.authorization);
    assert_int_equal(mappings_with(token), 0);
    t.destroy(t.user);
    assert_int_equal(kill(pid, SIGTERM), 0);
    (void)waitpid(pid, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
