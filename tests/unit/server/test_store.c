/* Transactions, savepoints, versions of the file, a full disk. */
#include "server/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char first[] = "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)";
static const char second[] = "CREATE TABLE u(a INTEGER)";
static const char *const migrations[] = {first, second};
static const char INSERT[] = "INSERT INTO t(a, b) VALUES(?, ?)";
static const char COUNT[] = "SELECT count(*) FROM t";
static const char BAD[] = "SELECT nothing FROM nowhere";

static char folder[64], path[128];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/schloss-store-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/s.db", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[160];
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static store_t *opened(const char *file, int version) {
    store_conf_t conf = {
        .path = file, .application_id = 7, .migrations = migrations, .n_migrations = version, .readers = 2};
    store_t *s = NULL;
    assert_int_equal(store_open(&s, &conf, NULL), 0);
    return s;
}

static int64_t count(store_t *s) {
    db_t *db = store_read_begin(s);
    int64_t n = db_int(db, -1, COUNT, "");
    store_read_end(s, db);
    return n;
}

static void insert(db_t *db, int64_t a) {
    (void)db_exec(db, INSERT, "ib", a, "x", (size_t)1);
}

static void commit_and_rollback(void **state) {
    (void)state;
    for (int memory = 0; memory < 2; memory++) {
        store_t *s = opened(memory ? ":memory:" : path, 1);
        db_t *db = store_write_begin(s);
        insert(db, 1);
        assert_true(store_write_commit(s, db));
        db = store_write_begin(s);
        insert(db, 2);
        store_write_rollback(s, db);
        assert_int_equal(count(s), 1);
        store_close(s);
    }
}

static void savepoints_undo_a_part(void **state) {
    (void)state;
    store_t *s = opened(path, 1);
    db_t *db = store_write_begin(s);
    assert_true(db_savepoint(db));
    insert(db, 1);
    db_release(db);
    assert_true(db_savepoint(db));
    insert(db, 2);
    insert(db, 1); /* doubled key */
    assert_true(db_failed(db));
    db_rollback_to(db);
    assert_false(db_failed(db));
    assert_true(db_savepoint(db));
    insert(db, 3);
    db_release(db);
    assert_true(store_write_commit(s, db));
    assert_int_equal(count(s), 2);
    store_close(s);
}

static void failure_is_sticky_until_the_next_transaction(void **state) {
    (void)state;
    store_t *s = opened(path, 1);
    db_t *db = store_write_begin(s);
    insert(db, 1);
    assert_int_equal(db_int(db, 5, BAD, ""), 5);
    assert_true(db_failed(db));
    assert_true(strlen(db_failure(db)) > 0);
    insert(db, 2);
    assert_false(store_write_commit(s, db));
    assert_int_equal(count(s), 0);
    db = store_write_begin(s);
    insert(db, 1);
    assert_true(store_write_commit(s, db));
    assert_int_equal(count(s), 1);
    store_close(s);
}

static void readers_see_a_snapshot_and_cannot_write(void **state) {
    (void)state;
    store_t *s = opened(path, 1);
    db_t *r = store_read_begin(s);
    assert_int_equal(db_int(r, -1, COUNT, ""), 0);
    db_t *w = store_write_begin(s);
    insert(w, 1);
    assert_true(store_write_commit(s, w));
    assert_int_equal(db_int(r, -1, COUNT, ""), 0);
    insert(r, 9);
    assert_true(db_failed(r));
    store_read_end(s, r);
    assert_int_equal(count(s), 1);
    store_close(s);
}

static void files_of_other_versions_and_programs(void **state) {
    (void)state;
    struct schloss_error err = {0};
    store_t *s = opened(path, 1);
    store_close(s);
    s = opened(path, 2); /* older: brought up to date, content kept */
    store_close(s);
    store_conf_t older = {.path = path, .application_id = 7, .migrations = migrations, .n_migrations = 1};
    assert_int_equal(store_open(&s, &older, &err), SCHLOSS_E_STORE_NEWER);
    assert_non_null(strstr(err.message, "version 2"));
    store_conf_t other = {.path = path, .application_id = 8, .migrations = migrations, .n_migrations = 2};
    assert_int_equal(store_open(&s, &other, &err), SCHLOSS_E_STORE_CORRUPT);
}

static void files_that_are_no_store(void **state) {
    (void)state;
    struct schloss_error err = {0};
    store_t *s;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database. ", f);
    }
    (void)fclose(f);
    store_conf_t conf = {.path = path, .application_id = 7, .migrations = migrations, .n_migrations = 1};
    assert_int_equal(store_open(&s, &conf, &err), SCHLOSS_E_STORE_CORRUPT);
    conf.path = "/nonexistent/folder/s.db";
    assert_int_equal(store_open(&s, &conf, &err), SCHLOSS_E_STORE);
    conf.path = "";
    assert_int_equal(store_open(&s, &conf, &err), SCHLOSS_E_CONF_VALUE);
}

static void file_is_private(void **state) {
    (void)state;
    struct stat st;
    store_t *s = opened(path, 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    store_close(s);
}

/* max_page_count makes SQLite say "full" as a full disk would. */
static void full_disk_fails_writes_and_service_resumes(void **state) {
    static const char LIMIT[] = "PRAGMA max_page_count=4";
    static const char MORE[] = "PRAGMA max_page_count=100000";
    static char big[100000];
    (void)state;
    store_t *s = opened(path, 1);
    db_t *db = store_write_begin(s);
    insert(db, 1);
    assert_true(store_write_commit(s, db));
    db = store_write_begin(s);
    (void)db_exec(db, LIMIT, "");
    (void)db_exec(db, INSERT, "ib", (int64_t)2, big, sizeof big);
    assert_false(store_write_commit(s, db));
    assert_int_equal(count(s), 1);
    db = store_write_begin(s);
    (void)db_exec(db, MORE, "");
    (void)db_exec(db, INSERT, "ib", (int64_t)2, big, sizeof big);
    assert_true(store_write_commit(s, db));
    assert_int_equal(count(s), 2);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commit_and_rollback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(savepoints_undo_a_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_is_sticky_until_the_next_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_see_a_snapshot_and_cannot_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_other_versions_and_programs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_no_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_is_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_fails_writes_and_service_resumes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
