/* The command line: words, flags, values, environment, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/args.c"
#include "cli/commands.c"

static args_t a;
static schloss_error_t err;
static const char *variables[8][2];

static char *get_env(const char *name) {
    for (size_t i = 0; i < COUNT_OF(variables) && variables[i][0] != NULL; i++) {
        if (strcmp(variables[i][0], name) == 0) {
            return (char *)(uintptr_t)variables[i][1];
        }
    }
    return NULL;
}

/* Parses words that are separated by one space; '_' stands for an empty word. */
static schloss_rc parse(const char *line) {
    static char text[4096];
    char *argv[512] = {(char *)(uintptr_t) "schloss"};
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
    }
    memset(&err, 0, sizeof(err));
    return args_parse(&a, argc, argv, get_env, &err);
}

static int reset(void **state) {
    (void)state;
    memset(variables, 0, sizeof(variables));
    return 0;
}

static void test_words_choose_the_command(void **state) {
    (void)state;
    assert_int_equal(parse("kek create k1 --kms-type local-kms --kms-key x"), 0);
    assert_int_equal(a.cmd->id, CMD_KEK_CREATE);
    assert_int_equal(a.n_args, 1);
    assert_string_equal(a.arg[0], "k1");
    assert_int_equal(parse("dek version list --kek-name k --subject s"), 0);
    assert_int_equal(a.cmd->id, CMD_DEK_VERSION_LIST);
    assert_int_equal(parse("registry"), 0);
    assert_int_equal(a.cmd->id, CMD_REGISTRY);
    assert_int_equal(parse("registry hash-password"), 0);
    assert_int_equal(a.cmd->id, CMD_REGISTRY_HASH_PASSWORD);
}

static void test_every_command_is_found_by_its_words(void **state) {
    (void)state;
    for (size_t i = 0; i < cmd_count; i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "%s --help", cmd_table[i].path);
        assert_int_equal(parse(line), 0);
        assert_ptr_equal(a.cmd, &cmd_table[i]);
        assert_true(a.help);
    }
}

static void test_flags_may_stand_anywhere(void **state) {
    (void)state;
    assert_int_equal(parse("-o json --registry http://r kek list --all"), 0);
    assert_int_equal(a.cmd->id, CMD_KEK_LIST);
    assert_string_equal(a.text[OPT_OUTPUT], "json");
    assert_string_equal(a.text[OPT_REGISTRY], "http://r");
    assert_true(args_flag(&a, OPT_ALL));
    assert_int_equal(parse("consume -n 5 topic -e"), 0);
    assert_string_equal(a.arg[0], "topic");
    assert_int_equal(args_int(&a, OPT_COUNT, 0), 5);
    assert_true(args_flag(&a, OPT_EXIT_AT_END));
}

static void test_values_are_attached_or_follow(void **state) {
    (void)state;
    assert_int_equal(parse("consume t --count=7 -oyaml -bhost:1"), 0);
    assert_int_equal(args_int(&a, OPT_COUNT, 0), 7);
    assert_string_equal(a.text[OPT_OUTPUT], "yaml");
    assert_string_equal(a.text[OPT_BOOTSTRAP], "host:1");
    assert_int_equal(parse("consume t --offset -1"), 0);
    assert_string_equal(a.text[OPT_OFFSET], "-1");
    assert_int_equal(parse("kek update k --shared=false"), 0);
    assert_true(args_has(&a, OPT_SHARED));
    assert_false(args_flag(&a, OPT_SHARED));
    assert_int_equal(parse("kek update k --doc="), 0);
    assert_string_equal(a.text[OPT_DOC], "");
}

static void test_lists_keep_their_order(void **state) {
    (void)state;
    assert_int_equal(parse("consume t -X a=1 --kafka b=2 -X c=3"), 0);
    assert_int_equal(a.n_list, 3);
    assert_int_equal(a.list[0].id, OPT_CONFIG);
    assert_string_equal(a.list[1].value, "b=2");
    assert_int_equal(a.list[1].id, OPT_KAFKA);
    assert_string_equal(a.list[2].value, "c=3");
}

static void test_double_dash_ends_flags(void **state) {
    (void)state;
    assert_int_equal(parse("kek describe -- --odd"), 0);
    assert_string_equal(a.arg[0], "--odd");
    assert_int_equal(parse("produce -- produce"), 0);
    assert_string_equal(a.arg[0], "produce");
}

static void test_words_of_commands_may_be_arguments(void **state) {
    (void)state;
    assert_int_equal(parse("consume list"), 0);
    assert_string_equal(a.arg[0], "list");
    assert_int_equal(parse("kek describe create"), 0);
    assert_string_equal(a.arg[0], "create");
}

static void test_name_is_argument_or_flag(void **state) {
    (void)state;
    assert_int_equal(parse("kek describe --name k1"), 0);
    assert_int_equal(a.n_args, 1);
    assert_string_equal(a.arg[0], "k1");
    assert_int_equal(parse("kek describe k1 --name k2"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("kek describe"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "<name>"));
}

static void test_mistakes_name_the_nearest(void **state) {
    (void)state;
    assert_int_equal(parse("kek creat k1"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.hint, "schloss kek create"));
    assert_int_equal(parse("prodce"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.hint, "schloss produce"));
    assert_int_equal(parse("kek list --al"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.hint, "--all"));
    assert_int_equal(parse("zzzzzzzzzz"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.hint, "--help"));
    assert_int_equal(parse("kek list -Q"), SCHLOSS_E_INVALID_ARGUMENT);
}

static void test_flags_of_other_commands_are_refused(void **state) {
    (void)state;
    assert_int_equal(parse("kek list --raw"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("consume t --kms-type x"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("version -n 5"), SCHLOSS_E_INVALID_ARGUMENT);
}

static void test_values_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "version -o xml",         "version -o jso",          "version -o json|yaml",  "consume t -n x",
        "consume t -n -1",        "consume t -n 2147483648", "consume t -n",          "consume t -n _",
        "consume t --on-error _", "consume t --raw=yes",     "kek list --timeout=1x",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(parse(bad[i]), SCHLOSS_E_INVALID_ARGUMENT);
        assert_string_not_equal(err.message, "");
    }
    assert_int_equal(parse("consume t -n 2147483647"), 0);
}

static void test_counts_are_checked(void **state) {
    (void)state;
    assert_int_equal(parse("produce"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("produce a b"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("version x"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("registry x"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(parse("kek delete a b c"), 0);
    assert_int_equal(a.n_args, 3);
    assert_int_equal(parse("dek create --kek-name k"), SCHLOSS_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "--subject"));
}

static void test_environment_fills_what_is_missing(void **state) {
    (void)state;
    variables[0][0] = "SCHLOSS_REGISTRY";
    variables[0][1] = "http://env";
    variables[1][0] = "SCHLOSS_BOOTSTRAP";
    variables[1][1] = "";
    assert_int_equal(parse("kek list"), 0);
    assert_string_equal(a.text[OPT_REGISTRY], "http://env");
    assert_true(a.from_env[OPT_REGISTRY]);
    assert_false(args_has(&a, OPT_BOOTSTRAP));
    assert_int_equal(parse("kek list --registry http://flag"), 0);
    assert_string_equal(a.text[OPT_REGISTRY], "http://flag");
    assert_false(a.from_env[OPT_REGISTRY]);
    assert_int_equal(parse("kek list --schema-registry-endpoint http://alias"), 0);
    assert_string_equal(a.text[OPT_REGISTRY], "http://alias");
}

static void test_nothing_and_groups_show_help(void **state) {
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_true(a.help);
    assert_int_equal(parse("dek subject"), 0);
    assert_true(a.help);
    assert_string_equal(a.cmd->path, "dek subject");
    assert_int_equal(parse("produce --help"), 0); /* although the topic is missing */
    assert_true(a.help);
}

static void test_many_values_are_a_clear_error(void **state) {
    (void)state;
    char line[4096] = "kek delete";
    for (unsigned i = 0; i < ARGS_MAX_LIST; i++) {
        strcat(line, " k");
    }
    assert_int_equal(parse(line), SCHLOSS_E_INVALID_ARGUMENT); /* the command's own limit */
    strcat(line, " k");
    assert_int_equal(parse(line), SCHLOSS_E_LIMIT_EXCEEDED);
}

static void test_the_table_is_consistent(void **state) {
    (void)state;
    for (size_t i = 0; i < cmd_count; i++) {
        const command_t *c = &cmd_table[i];
        assert_ptr_equal(cmd_find(c->path), c);
        assert_true(c->id != CMD_NONE || cmd_has_children(c));
        assert_true(c->min_args <= c->max_args);
        assert_true((c->max_args == 0) == (c->args[0] == '\0'));
        for (size_t k = 0; k < c->n_opts; k++) {
            assert_true((unsigned)c->opts[k].id >= OPT_N_GLOBAL && (unsigned)c->opts[k].id < OPT_N);
            for (size_t m = 0; m < k; m++) {
                assert_int_not_equal(c->opts[k].id, c->opts[m].id);
            }
        }
    }
    for (unsigned i = 0; i < OPT_N; i++) {
        assert_int_equal(opt_table[i].kind == OPT_FLAG, opt_table[i].value == NULL);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(opt_table[i].name, opt_table[k].name);
            assert_true(opt_table[i].letter == 0 || opt_table[i].letter != opt_table[k].letter);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_words_choose_the_command, reset),
        cmocka_unit_test_setup(test_every_command_is_found_by_its_words, reset),
        cmocka_unit_test_setup(test_flags_may_stand_anywhere, reset),
        cmocka_unit_test_setup(test_values_are_attached_or_follow, reset),
        cmocka_unit_test_setup(test_lists_keep_their_order, reset),
        cmocka_unit_test_setup(test_double_dash_ends_flags, reset),
        cmocka_unit_test_setup(test_words_of_commands_may_be_arguments, reset),
        cmocka_unit_test_setup(test_name_is_argument_or_flag, reset),
        cmocka_unit_test_setup(test_mistakes_name_the_nearest, reset),
        cmocka_unit_test_setup(test_flags_of_other_commands_are_refused, reset),
        cmocka_unit_test_setup(test_values_are_checked, reset),
        cmocka_unit_test_setup(test_counts_are_checked, reset),
        cmocka_unit_test_setup(test_environment_fills_what_is_missing, reset),
        cmocka_unit_test_setup(test_nothing_and_groups_show_help, reset),
        cmocka_unit_test_setup(test_many_values_are_a_clear_error, reset),
        cmocka_unit_test_setup(test_the_table_is_consistent, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
