/* Help, man pages, completion and markdown: everything of the table appears, and lines are not too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "cli/commands.c"
#include "cli/exit.c"
#include "cli/generate.c"
#include "cli/help.c"

typedef struct page {
    char *text;
    size_t len;
    FILE *f;
} page_t;

static page_t page_open(void) {
    page_t p = {NULL, 0, NULL};
    return p;
}

#define PAGE(p, call)                                                                                                  \
    page_t p = page_open();                                                                                            \
    (p).f = open_memstream(&(p).text, &(p).len);                                                                       \
    assert_non_null((p).f);                                                                                            \
    call;                                                                                                              \
    (void)fclose((p).f)

static void test_help_shows_every_flag(void **state) {
    (void)state;
    for (size_t i = 0; i < cmd_count; i++) {
        const command_t *c = &cmd_table[i];
        PAGE(p, help_print(p.f, c, false));
        char flag[64];
        for (size_t k = 0; k < c->n_opts; k++) {
            (void)snprintf(flag, sizeof(flag), "--%s", opt_table[c->opts[k].id].name);
            assert_non_null(strstr(p.text, flag));
        }
        for (unsigned k = 0; k < OPT_N_GLOBAL; k++) {
            (void)snprintf(flag, sizeof(flag), "--%s", opt_table[k].name);
            assert_non_null(strstr(p.text, flag));
        }
        assert_null(strchr(p.text, '\x1b'));
        free(p.text);
    }
}

static void test_help_shows_children_and_stays_narrow(void **state) {
    (void)state;
    for (size_t i = 0; i < cmd_count; i++) {
        PAGE(p, help_print(p.f, &cmd_table[i], false));
        for (size_t k = 0; k < cmd_count; k++) {
            if (cmd_is_child(&cmd_table[i], &cmd_table[k])) {
                assert_non_null(strstr(p.text, cmd_word(&cmd_table[k])));
            }
        }
        for (char *line = p.text; *line != '\0';) {
            size_t n = strcspn(line, "\n");
            bool example = strncmp(line, "  schloss", 9) == 0 || strncmp(line, "  echo", 6) == 0;
            assert_true(example || n <= WIDTH);
            line += n;
            line += *line == '\n';
        }
        free(p.text);
    }
}

static void test_color_only_when_asked(void **state) {
    (void)state;
    PAGE(p, help_print(p.f, cmd_find("kek"), true));
    assert_non_null(strstr(p.text, "\x1b[1m"));
    free(p.text);
}

static void test_man_pages_cover_the_table(void **state) {
    (void)state;
    PAGE(root, help_man(root.f, cmd_find(""), "1.2.3"));
    assert_non_null(strstr(root.text, ".TH SCHLOSS 1"));
    assert_non_null(strstr(root.text, "schloss 1.2.3"));
    assert_non_null(strstr(root.text, "\\fB130\\fR"));
    free(root.text);
    PAGE(kek, help_man(kek.f, cmd_find("kek"), "1.2.3"));
    assert_non_null(strstr(kek.text, ".SS schloss kek create"));
    assert_non_null(strstr(kek.text, "kms\\-type"));
    assert_null(strstr(kek.text, "dek create"));
    free(kek.text);
}

static void test_roff_is_escaped(void **state) {
    (void)state;
    PAGE(p, roff(p.f, ".a\\b-c"));
    assert_string_equal(p.text, "\\&.a\\eb\\-c");
    free(p.text);
}

static void test_completion_covers_the_table(void **state) {
    (void)state;
    static const char *const shells[] = {"bash", "zsh"};
    for (size_t s = 0; s < 2; s++) {
        PAGE(p, assert_true(help_completion(p.f, shells[s])));
        char text[96];
        for (size_t i = 0; i < cmd_count; i++) {
            (void)snprintf(text, sizeof(text), "    \"%s\")\n", cmd_table[i].path);
            assert_non_null(strstr(p.text, text));
        }
        for (unsigned i = 0; i < OPT_N; i++) {
            (void)snprintf(text, sizeof(text), "--%s", opt_table[i].name);
            assert_non_null(strstr(p.text, text));
        }
        free(p.text);
    }
    PAGE(none, assert_false(help_completion(none.f, "fish")));
    free(none.text);
}

static void test_markdown_covers_the_table(void **state) {
    (void)state;
    PAGE(p, help_markdown(p.f));
    char text[96];
    for (size_t i = 0; i < cmd_count; i++) {
        if (cmd_table[i].id != CMD_NONE) {
            (void)snprintf(text, sizeof(text), "### `schloss %s", cmd_table[i].path);
            assert_non_null(strstr(p.text, text));
        }
    }
    assert_non_null(strstr(p.text, "| 7 | A rule, a key or the KMS failed"));
    free(p.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_shows_every_flag),     cmocka_unit_test(test_help_shows_children_and_stays_narrow),
        cmocka_unit_test(test_color_only_when_asked),     cmocka_unit_test(test_man_pages_cover_the_table),
        cmocka_unit_test(test_roff_is_escaped),           cmocka_unit_test(test_completion_covers_the_table),
        cmocka_unit_test(test_markdown_covers_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
