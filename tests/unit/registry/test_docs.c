/* docs/registry.md lists exactly the routes and codes that the server has. */
#include "registry/registry.h"
#include "server/file.h"
#include "server/request.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state) {
    char *text = NULL;
    if (file_read_text(&text, SOURCE_DIR "/docs/registry.md", FILE_MAX_BYTES, NULL) != 0) {
        return -1;
    }
    *state = text;
    return 0;
}
static int tear_down(void **state) {
    mem_free(*state);
    return 0;
}

static size_t rows_of(const char *text, const char *heading) {
    const char *p = strstr(text, heading);
    assert_non_null(p);
    p = strstr(p, "|---|");
    assert_non_null(p);
    size_t n = 0;
    for (p = strchr(p, '\n'); p != NULL && p[1] == '|'; p = strchr(p + 1, '\n')) {
        n++;
    }
    return n;
}

static void expect_line(const char *text, const char *line) {
    if (strstr(text, line) == NULL) {
        fail_msg("docs/registry.md lacks: %s", line);
    }
}

static void routes(void **state) {
    const char *method, *path, *about;
    char line[512];
    unsigned n = 0;
    for (; registry_route(n, &method, &path, &about); n++) {
        (void)snprintf(line, sizeof line, "| %s | `%s` | %s |\n", method, path, about);
        expect_line(*state, line);
    }
    assert_int_equal(rows_of(*state, "\n## Routes\n"), n);
}

static void codes(void **state) {
    char line[1024];
    for (rest_code_t c = REST_OK + 1; c < REST_N_CODES; c++) {
        (void)snprintf(line, sizeof line, "| %d | %d | %s | %s |\n", rest_code_http(c), rest_code_number(c),
                       rest_code_name(c), rest_code_text(c));
        expect_line(*state, line);
    }
    assert_int_equal(rows_of(*state, "\n## Errors\n"), REST_N_CODES - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(codes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
