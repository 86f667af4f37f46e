/* Lines from a file: every kind of ending, long lines over several reads, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/lines.c"

static int stop;

int stop_requested(void) {
    return stop;
}

static char path[64];

static void put_file(const char *text, size_t n) {
    (void)snprintf(path, sizeof(path), "/tmp/schloss-lines-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    (void)close(fd);
}

static void expect(lines_t *l, const char *want) {
    bytes_t line;
    assert_int_equal(lines_next(l, &line, NULL), 0);
    assert_int_equal(line.len, strlen(want));
    assert_memory_equal(line.ptr, want, line.len);
}

static void test_endings(void **state) {
    (void)state;
    put_file("a\r\n\nb\nlast", 10);
    lines_t l;
    bytes_t line;
    assert_int_equal(lines_open(&l, path, 100, NULL), 0);
    expect(&l, "a");
    expect(&l, "");
    expect(&l, "b");
    expect(&l, "last");
    assert_int_equal(l.number, 4);
    assert_int_equal(lines_next(&l, &line, NULL), SCHLOSS_ABSENT);
    assert_int_equal(lines_next(&l, &line, NULL), SCHLOSS_ABSENT);
    lines_close(&l);
    (void)unlink(path);
}

static void test_long_lines_over_several_reads(void **state) {
    (void)state;
    size_t n = 3 * CHUNK + 17;
    char *text = malloc(2 * n + 2);
    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\n';
    memset(text + n + 1, 'y', n);
    text[2 * n + 1] = '\n';
    put_file(text, 2 * n + 2);
    lines_t l;
    bytes_t line;
    assert_int_equal(lines_open(&l, path, 4 * CHUNK, NULL), 0);
    assert_int_equal(lines_next(&l, &line, NULL), 0);
    assert_int_equal(line.len, n);
    assert_int_equal(line.ptr[n - 1], 'x');
    assert_int_equal(lines_next(&l, &line, NULL), 0);
    assert_int_equal(line.len, n);
    assert_int_equal(line.ptr[0], 'y');
    assert_int_equal(lines_next(&l, &line, NULL), SCHLOSS_ABSENT);
    lines_close(&l);
    (void)unlink(path);
    free(text);
}

static void test_a_line_over_the_limit(void **state) {
    (void)state;
    size_t n = 4 * CHUNK;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    put_file(text, n);
    lines_t l;
    bytes_t line;
    schloss_error_t err;
    assert_int_equal(lines_open(&l, path, CHUNK, NULL), 0);
    assert_int_equal(lines_next(&l, &line, &err), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_non_null(strstr(err.message, "line"));
    lines_close(&l);
    (void)unlink(path);
    free(text);
}

static void test_a_missing_file(void **state) {
    (void)state;
    lines_t l;
    schloss_error_t err;
    assert_int_equal(lines_open(&l, "/nonexistent/x", 10, &err), SCHLOSS_E_IO);
    assert_non_null(strstr(err.message, "/nonexistent/x"));
}

static void test_a_signal_ends_the_wait(void **state) {
    (void)state;
    put_file("a\n", 2);
    lines_t l;
    bytes_t line;
    assert_int_equal(lines_open(&l, path, 10, NULL), 0);
    stop = 2;
    assert_int_equal(lines_next(&l, &line, NULL), SCHLOSS_E_CANCELLED);
    stop = 0;
    expect(&l, "a");
    lines_close(&l);
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_long_lines_over_several_reads),
        cmocka_unit_test(test_a_line_over_the_limit),
        cmocka_unit_test(test_a_missing_file),
        cmocka_unit_test(test_a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
