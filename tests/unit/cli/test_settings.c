/* Which source of configuration wins, how names find their owner, and that secrets are not repeated in errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/args.c"
#include "cli/commands.c"
#include "cli/settings.c"
#include "serde/conf.h"

static args_t a;
static settings_t s;
static schloss_error_t err;
static char path[64];

static char *get_env(const char *name) {
    return strcmp(name, "SCHLOSS_REGISTRY") == 0 ? (char *)(uintptr_t) "http://env:1" : NULL;
}

static schloss_rc load_line(const char *line, bool env) {
    static char text[4096];
    char *argv[64] = {(char *)(uintptr_t) "schloss"};
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    memset(&err, 0, sizeof(err));
    assert_int_equal(args_parse(&a, argc, argv, env ? get_env : NULL, &err), 0);
    return settings_load(&s, &a, &err);
}

static void put_file(const char *text) {
    (void)snprintf(path, sizeof(path), "/tmp/schloss-settings-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static const char *url(void) {
    return schloss_conf_get(s.conf, "schema.registry.url");
}

static void test_later_sources_win(void **state) {
    (void)state;
    put_file("# comment\n\n schema.registry.url = http://file:1 \r\nbootstrap.servers=file:1\nsasl.username=u\n");
    char line[256];
    (void)snprintf(line, sizeof(line), "kek list -F %s", path);
    assert_int_equal(load_line(line, false), 0);
    assert_string_equal(url(), "http://file:1");
    assert_string_equal(s.bootstrap, "file:1");
    settings_clear(&s);
    assert_int_equal(load_line(line, true), 0);
    assert_string_equal(url(), "http://env:1");
    settings_clear(&s);
    strcat(line, " --registry http://flag:1 -b flag:2");
    assert_int_equal(load_line(line, true), 0);
    assert_string_equal(url(), "http://flag:1");
    assert_string_equal(s.bootstrap, "flag:2");
    settings_clear(&s);
    strcat(line, " -X schema.registry.url=http://x:1 -X kafka.bootstrap.servers=x:2");
    assert_int_equal(load_line(line, true), 0);
    assert_string_equal(url(), "http://x:1");
    assert_string_equal(s.bootstrap, "x:2");
    settings_clear(&s);
    (void)unlink(path);
}

static void test_names_find_their_owner(void **state) {
    (void)state;
    assert_int_equal(load_line("version -X client.id=me -X kafka.linger.ms=7 --kafka acks=1", false), 0);
    char value[64];
    size_t n = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(s.kafka, "client.id", value, &n), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "me");
    n = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(s.kafka, "linger.ms", value, &n), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "7");
    settings_clear(&s);
}

/* Verbs that run KMS drivers and no Kafka client: what the library does not know is a driver's setting. */
static void test_settings_of_drivers(void **state) {
    (void)state;
    assert_int_equal(load_line("kms test --kms-type t --kms-key-id k -X client.id=me -X some.thing=1 -X secret=s "
                               "-X kafka.linger.ms=7 -X rule.executors._ENCRYPT_.param.a=b",
                               false),
                     0);
    assert_string_equal(conf_str(s.conf, "rule.executors._default_.param.client.id"), "me");
    assert_string_equal(conf_str(s.conf, "rule.executors._default_.param.some.thing"), "1");
    assert_null(conf_str(s.conf, "rule.executors._default_.param.secret")); /* the library knows it */
    assert_string_equal(conf_str(s.conf, "rule.executors._ENCRYPT_.param.a"), "b");
    char value[64];
    size_t n = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(s.kafka, "linger.ms", value, &n), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "7");
    settings_clear(&s);
    assert_int_equal(load_line("dek rewrap k -X schloss.no.such=1", false), SCHLOSS_E_CONF_UNKNOWN);
    assert_int_equal(load_line("dek register s -X max.retries=x", false), SCHLOSS_E_CONF_VALUE);
    assert_int_equal(load_line("version -X some.thing=1", false), SCHLOSS_E_CONF_UNKNOWN);
}

static void test_unknown_names(void **state) {
    (void)state;
    assert_int_equal(load_line("version -X schema.registry.ulr=x", false), SCHLOSS_E_CONF_UNKNOWN);
    assert_non_null(strstr(err.hint, "schema.registry.url"));
    assert_int_equal(load_line("version --kafka no.such=1", false), SCHLOSS_E_CONF_UNKNOWN);
    assert_int_equal(load_line("version -X novalue", false), SCHLOSS_E_CONF_VALUE);
    put_file("ok=1\n");
    char line[128];
    (void)snprintf(line, sizeof(line), "version -F %s", path);
    assert_int_equal(load_line(line, false), SCHLOSS_E_CONF_UNKNOWN);
    assert_non_null(strstr(err.message, "line 1"));
    (void)unlink(path);
    assert_int_equal(load_line("version -F /nonexistent/file", false), SCHLOSS_E_IO);
}

static void test_errors_do_not_repeat_values(void **state) {
    (void)state;
    assert_int_equal(load_line("version -X security.protocol=hunter2", false), SCHLOSS_E_CONF_VALUE);
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
}

static void test_credentials(void **state) {
    (void)state;
    assert_int_equal(load_line("version --basic-auth u:p", false), 0);
    assert_string_equal(schloss_conf_get(s.conf, "basic.auth.credentials.source"), "USER_INFO");
    assert_null(schloss_conf_get(s.conf, "basic.auth.user.info"));
    settings_clear(&s);
}

static void test_secret_file(void **state) {
    (void)state;
    char *secret = NULL;
    put_file("my secret\n");
    assert_int_equal(settings_read_secret(&secret, path, &err), 0);
    assert_string_equal(secret, "my secret");
    mem_wipe_str(secret);
    (void)unlink(path);
    put_file("\n");
    assert_int_equal(settings_read_secret(&secret, path, &err), SCHLOSS_E_CONF_VALUE);
    (void)unlink(path);
    put_file("two\n\n");
    assert_int_equal(settings_read_secret(&secret, path, &err), 0);
    assert_string_equal(secret, "two\n");
    mem_wipe_str(secret);
    (void)unlink(path);
}

/* A NUL ends no copy before the length that is said with it. */
static void test_files_may_hold_zero_bytes(void **state) {
    (void)state;
    static const char bytes_[] = "max.retries=1\n#\0 and so on, behind what a string would hold\nmax.retries=2\n";
    char *text = NULL;
    size_t len = 0;
    put_file("");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, bytes_, sizeof(bytes_) - 1), sizeof(bytes_) - 1);
    (void)close(fd);
    assert_int_equal(settings_read_file(&text, &len, path, 1000, &err), 0);
    assert_int_equal(len, sizeof(bytes_) - 1);
    assert_memory_equal(text, bytes_, sizeof(bytes_));
    mem_free(text);
    assert_int_equal(settings_read_secret(&text, path, &err), SCHLOSS_E_CONF_VALUE);
    char line[128];
    (void)snprintf(line, sizeof(line), "version -F %s", path);
    assert_int_equal(load_line(line, false), SCHLOSS_E_CONF_VALUE);
    (void)unlink(path);
}

static void test_files_have_a_limit(void **state) {
    (void)state;
    char *text = NULL;
    size_t len = 0;
    put_file("0123456789");
    assert_int_equal(settings_read_file(&text, &len, path, 10, &err), 0);
    assert_int_equal(len, 10);
    mem_free(text);
    assert_int_equal(settings_read_file(&text, &len, path, 9, &err), SCHLOSS_E_LIMIT_EXCEEDED);
    assert_int_equal(settings_read_file(&text, &len, "/", 9, &err), SCHLOSS_E_IO);
    (void)unlink(path);
}

static void test_timeouts(void **state) {
    (void)state;
    assert_int_equal(load_line("version --timeout 5", false), 0);
    assert_int_equal(s.timeout_s, 5);
    assert_string_equal(schloss_conf_get(s.conf, "http.read.timeout.ms"), "5000");
    assert_string_equal(schloss_conf_get(s.conf, "http.connect.timeout.ms"), "5000");
    settings_clear(&s);
    assert_int_equal(load_line("version --timeout 60 -X http.read.timeout.ms=77", false), 0);
    assert_string_equal(schloss_conf_get(s.conf, "http.read.timeout.ms"), "77");
    assert_string_equal(schloss_conf_get(s.conf, "http.connect.timeout.ms"), "10000");
    settings_clear(&s);
    assert_int_equal(load_line("version --timeout 0", false), SCHLOSS_E_INVALID_ARGUMENT);
}

static void test_what_must_be_given(void **state) {
    (void)state;
    assert_int_equal(load_line("version", false), 0);
    assert_int_equal(settings_need_registry(&s, &err), SCHLOSS_E_CONF_MISSING);
    assert_non_null(strstr(err.hint, "--registry"));
    assert_int_equal(settings_need_bootstrap(&s, &err), SCHLOSS_E_CONF_MISSING);
    assert_non_null(strstr(err.hint, "--bootstrap"));
    settings_clear(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_sources_win),
        cmocka_unit_test(test_names_find_their_owner),
        cmocka_unit_test(test_settings_of_drivers),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_errors_do_not_repeat_values),
        cmocka_unit_test(test_files_may_hold_zero_bytes),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_files_have_a_limit),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_what_must_be_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
