/* Log lines: levels, cleaning, standard error, threads that log while the target changes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

typedef struct got {
    _Atomic unsigned n;
    int level;
    char component[32], message[2000];
} got_t;

static void collect(int level, const char *component, const char *message, void *user) {
    got_t *g = user;
    g->level = level;
    strncpy(g->component, component, sizeof g->component - 1);
    strncpy(g->message, message, sizeof g->message - 1);
    g->n++;
}

static void levels(void **state) {
    (void)state;
    static got_t g;
    assert_true(log_enabled(SCHLOSS_LOG_WARN));
    assert_false(log_enabled(SCHLOSS_LOG_INFO));
    schloss_log_set(collect, &g, SCHLOSS_LOG_INFO);
    LOG_DEBUG("a", "not seen");
    assert_int_equal(g.n, 0);
    LOG_INFO("b", "x %d", 1);
    assert_int_equal(g.n, 1);
    assert_int_equal(g.level, SCHLOSS_LOG_INFO);
    assert_string_equal(g.component, "b");
    assert_string_equal(g.message, "x 1");
    LOG_WARN("c", "forged\nline \x1b[2J");
    assert_string_equal(g.message, "forged?line ?[2J");
    log_line(SCHLOSS_LOG_ERROR, "d", "%02000d", 1);
    assert_int_equal(strlen(g.message), 1023);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
}

/* Applications decode lines: a long one ends with a whole character. */
static void long_lines_end_with_a_character(void **state) {
    (void)state;
    static got_t g;
    char text[1200];
    for (size_t n = 1000; n < 1040; n++) {
        memset(g.message, 0, sizeof g.message);
        memset(text, 'x', sizeof text);
        memcpy(text + n, "\xe2\x82\xac", 4);
        schloss_log_set(collect, &g, SCHLOSS_LOG_WARN);
        LOG_WARN("t", "%s", text);
        assert_true(utf8_valid((const uint8_t *)g.message, strlen(g.message)));
    }
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
}

static void standard_error(void **state) {
    (void)state;
    int fd[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(fd), 0);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_DEBUG);
    dup2(fd[1], STDERR_FILENO);
    log_line(SCHLOSS_LOG_ERROR, "w", "one");
    LOG_WARN("x", "two");
    LOG_INFO("y", "three");
    LOG_DEBUG("z", "four");
    dup2(saved, STDERR_FILENO);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
    close(saved);
    close(fd[1]);
    char text[400] = "";
    ssize_t n = read(fd[0], text, sizeof text - 1);
    assert_true(n > 0);
    close(fd[0]);
    assert_string_equal(text, "schloss: error: w: one\nschloss: warning: x: two\nschloss: info: y: three\n"
                              "schloss: debug: z: four\n");
}

static void count(int level, const char *component, const char *message, void *user) {
    (void)level;
    (void)component;
    (void)message;
    atomic_fetch_add((_Atomic unsigned *)user, 1);
}

static void *chatter(void *arg) {
    (void)arg;
    for (unsigned i = 0; i < 2000; i++) {
        LOG_WARN("t", "line %u", i);
    }
    return NULL;
}

static void threads(void **state) {
    (void)state;
    static _Atomic unsigned a, b;
    schloss_log_set(count, &a, SCHLOSS_LOG_WARN);
    pthread_t t[3];
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, chatter, NULL), 0);
    }
    for (unsigned i = 0; i < 500; i++) {
        schloss_log_set(count, i % 2 ? &a : &b, SCHLOSS_LOG_WARN);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }
    assert_int_equal(a + b, 6000);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_WARN);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(long_lines_end_with_a_character),
                                       cmocka_unit_test(standard_error), cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
