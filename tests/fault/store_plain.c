/* The store itself: rows written one transaction at a time on a disk that fails. */
#include "store_faults.h"
#include "vfs.h"

#include "server/store.h"
#include <string.h>

#define ROWS 6

static const char *const migrations[] = {"CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)"};

static schloss_rc open_store(store_t **out, schloss_error_t *err) {
    char path[128];
    store_path(path);
    store_conf_t conf = {
        .path = path, .application_id = 0x5C41, .migrations = migrations, .n_migrations = 1, .readers = 2};
    return store_open(out, &conf, err);
}

static bool insert(store_t *s, int64_t id) {
    static const uint8_t value[3000] = {1}; /* most of a page: a transaction touches more than one */
    db_t *db = store_write_begin(s);
    (void)db_exec(db, "INSERT OR REPLACE INTO t (id, v) VALUES (?, ?)", "ib", id, value, sizeof value);
    return store_write_commit(s, db);
}

static int64_t count_of(store_t *s, int64_t id, bool *failed) {
    db_t *db = store_read_begin(s);
    int64_t n = db_int(db, -1, "SELECT count(*) FROM t WHERE id = ?", "i", id);
    *failed = db_failed(db);
    store_read_end(s, db);
    return n;
}

static bool sound(store_t *s) {
    db_t *db = store_read_begin(s);
    sqlite3_stmt *st = db_query(db, "PRAGMA integrity_check", "");
    bool ok = db_row(db, st) && strcmp(col_text(st, 0), "ok") == 0;
    db_done(st);
    store_read_end(s, db);
    return ok;
}

/* Everything acknowledged is there, and the store takes more. */
static bool check(store_t *s, const char *what, const char *when, const bool acknowledged[ROWS]) {
    for (int64_t i = 0; i < ROWS; i++) {
        bool failed = false;
        int64_t n = count_of(s, i, &failed);
        if (acknowledged[i] && (failed || n != 1)) {
            return finding("%s: row %d was acknowledged and is not there %s", what, (int)i, when);
        }
    }
    return insert(s, ROWS) || finding("%s: the store takes no more %s", what, when);
}

bool store_once(const char *what) {
    struct schloss_error err;
    store_t *s = NULL;
    bool acknowledged[ROWS] = {false}, ok = true;
    schloss_rc rc = open_store(&s, &err);
    if (rc == SCHLOSS_OK) {
        for (int64_t i = 0; i < ROWS; i++) {
            bool failed = false;
            acknowledged[i] = insert(s, i);
            int64_t n = count_of(s, i, &failed);
            if (!failed && acknowledged[i] && n != 1) {
                ok = finding("%s: row %d was acknowledged and is not read", what, (int)i);
            }
        }
        vfs_disarm();
        ok = ok && check(s, what, "without a restart", acknowledged);
        store_close(s);
    } else if (!vfs_fired() || (rc != SCHLOSS_E_STORE && rc != SCHLOSS_E_STORE_FULL)) {
        ok = finding("%s: open: %s: %s", what, schloss_rc_name(rc), err.message);
    }
    vfs_disarm();
    rc = open_store(&s, &err);
    if (rc != SCHLOSS_OK) {
        return finding("%s: cannot be opened again: %s: %s", what, schloss_rc_name(rc), err.message);
    }
    ok = ok && check(s, what, "after a restart", acknowledged) && (sound(s) || finding("%s: damaged", what));
    store_close(s);
    return ok;
}
