/* token.c: what is kept, for how long, where, and what is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/secret.h"
#include "kms/token.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static buf_t out;

static void put(const char *name, const char *value, int64_t expires_ms) {
    token_put(name, bytes(value, strlen(value)), expires_ms);
}

static bool has(const char *name, int64_t now_ms, int64_t margin_ms, const char *value) {
    return token_get(name, now_ms, margin_ms, &out) && out.len == strlen(value) && memcmp(out.ptr, value, out.len) == 0;
}

static int set_up(void **state) {
    (void)state;
    buf_init(&out, 1 << 16, "token", true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buf_clear(&out);
    return 0;
}

static void test_kept_until_expiry(void **state) {
    (void)state;
    put("a", "secret-a", 1000);
    assert_true(has("a", 0, 0, "secret-a"));
    assert_true(has("a", 899, 100, "secret-a"));
    assert_false(token_get("a", 900, 100, &out)); /* within the margin: fetch a new one, but it is not dropped yet */
    assert_int_equal(out.len, 0);
    assert_true(has("a", 999, 0, "secret-a"));
    size_t before = secret_in_use();
    assert_false(token_get("a", 1000, 0, &out)); /* expired: wiped */
    assert_true(secret_in_use() < before);
    assert_false(token_get("a", 0, 0, &out));
}

static void test_replaced_and_forgotten(void **state) {
    (void)state;
    put("b", "one", 1000);
    put("b", "two!", 2000);
    assert_true(has("b", 1500, 0, "two!"));
    token_forget("b");
    token_forget("b");
    token_forget("");
    assert_false(token_get("b", 0, 0, &out));
}

static void test_what_is_not_kept(void **state) {
    (void)state;
    static char big[8193];
    memset(big, 'x', sizeof big - 1);
    put("empty", "", 1000);
    assert_false(token_get("empty", 0, 0, &out));
    token_put("big", bytes(big, sizeof big), 1000);
    assert_false(token_get("big", 0, 0, &out));
    token_put("fits", bytes(big, sizeof big - 1), 1000);
    assert_true(token_get("fits", 0, 0, &out));
    assert_int_equal(out.len, 8192);
    token_forget("fits");
    put("", "nameless", 1000);
    assert_false(token_get("", 0, 0, &out));
    put("a-name-that-is-longer-than-eighty-characters-is-no-name-that-token-name-could-ever-have-made", "x", 1000);
    assert_false(token_get(
        "a-name-that-is-longer-than-eighty-characters-is-no-name-that-token-name-could-ever-have-made", 0, 0, &out));
}

static void test_bounded(void **state) {
    (void)state;
    char name[16];
    size_t before = secret_in_use();
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        put(name, "v", 10000 + i);
    }
    assert_true(secret_in_use() - before <= 64 * 64);
    assert_true(has("n199", 0, 0, "v")); /* the ones that live longest stay */
    assert_false(token_get("n0", 0, 0, &out));
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        token_forget(name);
    }
    assert_int_equal(secret_in_use(), before);
}

static void test_names(void **state) {
    (void)state;
    char one[80];
    char two[80];
    const char *ab_c[] = {"ab", "c"};
    const char *a_bc[] = {"a", "bc"};
    const char *a_null[] = {"a", NULL};
    const char *a_empty[] = {"a", ""};
    assert_int_equal(token_name(one, "aws-sts", ab_c, 2, NULL), 0);
    assert_int_equal(strlen(one), 7 + 1 + 64);
    assert_memory_equal(one, "aws-sts-", 8);
    assert_int_equal(token_name(two, "aws-sts", ab_c, 2, NULL), 0);
    assert_string_equal(one, two);
    assert_int_equal(token_name(two, "aws-sts", a_bc, 2, NULL), 0);
    assert_string_not_equal(one, two);
    assert_int_equal(token_name(one, "aws-sts", a_null, 2, NULL), 0);
    assert_int_equal(token_name(two, "aws-sts", a_empty, 2, NULL), 0);
    assert_string_not_equal(one, two);
    schloss_error_t err = {0};
    assert_int_equal(token_name(one, "", a_null, 2, &err), SCHLOSS_E_INVALID_ARGUMENT);
    assert_int_equal(token_name(one, "a-kind-of-far-too-many-characters", a_null, 2, &err), SCHLOSS_E_INVALID_ARGUMENT);
}

static void *hammer(void *arg) {
    buf_t mine;
    buf_init(&mine, 1 << 16, "token", true);
    char name[16];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "t%d", (i + *(int *)arg) % 70);
        put(name, name, 1000);
        if (token_get(name, 0, 0, &mine)) {
            assert_int_equal(mine.len, strlen(name));
            assert_memory_equal(mine.ptr, name, mine.len);
        }
        if (i % 7 == 0) {
            token_forget(name);
        }
    }
    buf_clear(&mine);
    return NULL;
}

static void test_threads_and_forks(void **state) {
    (void)state;
    pthread_t threads[3];
    int starts[3] = {0, 20, 40};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &starts[i]), 0);
    }
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(20); /* a lock that stayed taken would hang */
            put("child", "v", 1000);
            _exit(has("child", 0, 0, "v") ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_until_expiry),
        cmocka_unit_test(test_replaced_and_forgotten),
        cmocka_unit_test(test_what_is_not_kept),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_threads_and_forks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
