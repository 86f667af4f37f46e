/* See store.h. */
#include "server/store.h"
#include "base/log.h"
#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_STATEMENTS 256u /* power of two; a server has some hundred different ones */
#define MAX_READERS 16u

struct db {
    sqlite3 *handle;
    bool failed;
    char failure[128];
    struct {
        const char *sql;
        sqlite3_stmt *st;
    } cache[MAX_STATEMENTS];
};

struct store {
    db_t writer;
    pthread_mutex_t write_lock;
    bool memory; /* one connection for everything: an in-memory database belongs to its connection */
    db_t *readers;
    unsigned n_readers;
    unsigned n_free;
    db_t *free_readers[MAX_READERS];
    pthread_mutex_t read_lock;
    pthread_cond_t read_free;
};

/* ---- failures ---- */
static void note_failure(db_t *db, const char *what) {
    if (!db->failed) {
        db->failed = true;
        (void)snprintf(db->failure, sizeof db->failure, "%s: %s", what,
                       db->handle == NULL ? "no connection" : sqlite3_errmsg(db->handle));
        /* A full disk fails every request: one line per second says so. */
        static atomic_llong last_ms;
        long long now = time_mono_ms(), last = atomic_load(&last_ms);
        if ((last == 0 || now - last >= 1000) && atomic_compare_exchange_strong(&last_ms, &last, now)) {
            LOG_WARN("store", "%s", db->failure);
        }
    }
}

bool db_failed(const db_t *db) {
    return db->failed;
}
const char *db_failure(const db_t *db) {
    return db->failure;
}
void db_fail(db_t *db, const char *why) {
    if (!db->failed) {
        db->failed = true;
        (void)snprintf(db->failure, sizeof db->failure, "%s", why);
    }
}

static schloss_rc sqlite_error(sqlite3 *handle, int rc, const char *path, const char *what, schloss_error_t *err) {
    const char *text = handle == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(handle);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return FAIL(err, STORE_FULL, "%s of store %s: %s", what, path, text);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return FAIL(err, STORE_CORRUPT, "%s of store %s: %s", what, path, text);
    case SQLITE_NOMEM:
        return NO_MEMORY(err);
    default:
        return FAIL(err, STORE, "%s of store %s: %s", what, path, text);
    }
}

/* ---- statements ---- */
static sqlite3_stmt *prepared(db_t *db, const char *sql) {
    size_t slot = ((uintptr_t)sql >> 3) * 2654435761u % MAX_STATEMENTS;
    for (unsigned i = 0; i < MAX_STATEMENTS; i++, slot = (slot + 1) % MAX_STATEMENTS) {
        if (db->cache[slot].sql == sql) {
            return db->cache[slot].st;
        }
        if (db->cache[slot].sql == NULL) {
            sqlite3_stmt *st = NULL;
            if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
                note_failure(db, "prepare");
                return NULL;
            }
            db->cache[slot].sql = sql;
            db->cache[slot].st = st;
            return st;
        }
    }
    db_fail(db, "too many different statements");
    return NULL;
}

static sqlite3_stmt *query_va(db_t *db, const char *sql, const char *types, va_list ap) {
    if (db->failed) {
        return NULL;
    }
    sqlite3_stmt *st = prepared(db, sql);
    if (st == NULL) {
        return NULL;
    }
    int rc = SQLITE_OK;
    for (int i = 1; types[i - 1] != '\0' && rc == SQLITE_OK; i++) {
        switch (types[i - 1]) {
        case 'i':
            rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
            break;
        case 't': {
            const char *text = va_arg(ap, const char *);
            rc = text == NULL ? sqlite3_bind_null(st, i) : sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
            break;
        }
        default: {
            const void *p = va_arg(ap, const void *);
            size_t n = va_arg(ap, size_t);
            rc = sqlite3_bind_blob64(st, i, p, n, SQLITE_STATIC);
            break;
        }
        }
    }
    if (rc != SQLITE_OK) {
        note_failure(db, "bind");
        return NULL;
    }
    return st;
}

sqlite3_stmt *db_query(db_t *db, const char *sql, const char *types, ...) {
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = query_va(db, sql, types, ap);
    va_end(ap);
    return st;
}

bool db_row(db_t *db, sqlite3_stmt *st) {
    if (st == NULL || db->failed) {
        db_done(st);
        return false;
    }
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        note_failure(db, "step");
    }
    sqlite3_reset(st);
    return false;
}

void db_done(sqlite3_stmt *st) {
    if (st != NULL) {
        sqlite3_reset(st);
    }
}

int64_t col_int(sqlite3_stmt *st, int i) {
    return sqlite3_column_int64(st, i);
}
const char *col_text(sqlite3_stmt *st, int i) {
    return (const char *)sqlite3_column_text(st, i);
}
bytes_t col_bytes(sqlite3_stmt *st, int i) {
    const void *p = sqlite3_column_blob(st, i);
    return bytes(p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(st, i));
}

int64_t db_exec(db_t *db, const char *sql, const char *types, ...) {
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = query_va(db, sql, types, ap);
    va_end(ap);
    while (db_row(db, st)) {
    }
    return db->failed ? 0 : sqlite3_changes64(db->handle);
}

int64_t db_int(db_t *db, int64_t dflt, const char *sql, const char *types, ...) {
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = query_va(db, sql, types, ap);
    va_end(ap);
    int64_t v = dflt;
    if (db_row(db, st)) {
        v = sqlite3_column_type(st, 0) == SQLITE_NULL ? dflt : col_int(st, 0);
        db_done(st);
    }
    return v;
}

/* ---- connections ---- */
static void db_close(db_t *db) {
    for (unsigned i = 0; i < MAX_STATEMENTS; i++) {
        sqlite3_finalize(db->cache[i].st);
        db->cache[i].sql = NULL;
        db->cache[i].st = NULL;
    }
    sqlite3_close_v2(db->handle);
    db->handle = NULL;
}

static schloss_rc run(sqlite3 *handle, const char *path, const char *sql, schloss_error_t *err) {
    int rc = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_error(handle, rc, path, "set-up", err);
}

static schloss_rc connect(db_t *db, const char *path, int flags, const char *pragmas, schloss_error_t *err) {
    int rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK) {
        schloss_rc e = sqlite_error(db->handle, rc, path, "opening", err);
        err_hint(err, "check that the folder exists and may be written");
        return e;
    }
    sqlite3_busy_timeout(db->handle, 10000); /* somebody takes a backup */
    return run(db->handle, path, pragmas, err);
}

static int one_int(sqlite3 *handle, const char *sql, int64_t *out) {
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(handle, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW) {
            *out = sqlite3_column_int64(st, 0);
            rc = SQLITE_OK;
        }
    }
    sqlite3_finalize(st);
    return rc;
}

/* Refuses foreign and newer files. Runs before anything that writes, so that they stay as they are. */
static schloss_rc identify(sqlite3 *handle, const store_conf_t *conf, int64_t *version, schloss_error_t *err) {
    int64_t id = 0, tables = 0;
    *version = 0;
    int rc = one_int(handle, "PRAGMA application_id", &id);
    rc = rc != SQLITE_OK ? rc : one_int(handle, "PRAGMA user_version", version);
    rc = rc != SQLITE_OK ? rc : one_int(handle, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) {
        return sqlite_error(handle, rc, conf->path, "reading", err);
    }
    if (id != conf->application_id && (id != 0 || *version != 0 || tables != 0)) {
        schloss_rc e = FAIL(err, STORE_CORRUPT, "%s is a SQLite database of another program", conf->path);
        err_hint(err, "name another file");
        return e;
    }
    if (*version > conf->n_migrations) {
        schloss_rc e = FAIL(err, STORE_NEWER, "store %s has version %lld, this schloss knows up to %d", conf->path,
                            (long long)*version, conf->n_migrations);
        err_hint(err, "upgrade schloss, or restore a backup made by this version");
        return e;
    }
    return 0;
}

/* Brings an older file up to date, in one transaction per step. */
static schloss_rc migrate(sqlite3 *handle, const store_conf_t *conf, int64_t version, schloss_error_t *err) {
    for (int v = (int)version; v < conf->n_migrations; v++) {
        char mark[96];
        (void)snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                       (int)conf->application_id, v + 1);
        schloss_rc e = run(handle, conf->path, "BEGIN IMMEDIATE", err);
        e = e != 0 ? e : run(handle, conf->path, conf->migrations[v], err);
        e = e != 0 ? e : run(handle, conf->path, mark, err);
        if (e != 0) {
            (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
            return e;
        }
    }
    return 0;
}

/* The file may hold kmsProps: nobody but its owner reads it. SQLite gives -wal and -shm the same mode. */
static schloss_rc make_file(const char *path, schloss_error_t *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        int e = errno;
        schloss_rc rc = e == ENOSPC ? FAIL(err, STORE_FULL, "opening store %s: %s", path, strerror(e))
                                    : FAIL(err, STORE, "opening store %s: %s", path, strerror(e));
        err_hint(err, "check that the folder exists and may be written");
        return rc;
    }
    (void)close(fd);
    return 0;
}

/* journal_size_limit: a burst of writes does not leave a large -wal behind. cell_size_check and trusted_schema: the
 * file is input, too. */
#define PRAGMAS_COMMON                                                                                                 \
    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
#define PRAGMAS_WRITER                                                                                                 \
    "PRAGMA cache_size=-1024; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"                                       \
    "PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=16777216"
#define PRAGMAS_READER PRAGMAS_COMMON "PRAGMA cache_size=-1024; PRAGMA query_only=ON"

static schloss_rc open_all(store_t *s, const store_conf_t *conf, schloss_error_t *err) {
    if (!s->memory) {
        TRY(make_file(conf->path, err));
    }
    int64_t version = 0;
    TRY(connect(&s->writer, conf->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, PRAGMAS_COMMON, err));
    TRY(identify(s->writer.handle, conf, &version, err));
    TRY(run(s->writer.handle, conf->path, PRAGMAS_WRITER, err));
    TRY(migrate(s->writer.handle, conf, version, err));
    for (unsigned i = 0; i < s->n_readers; i++) {
        TRY(connect(&s->readers[i], conf->path, SQLITE_OPEN_READWRITE, PRAGMAS_READER, err));
        s->free_readers[s->n_free++] = &s->readers[i];
    }
    return 0;
}

schloss_rc store_open(store_t **out, const store_conf_t *conf, schloss_error_t *err) {
    ENSURE(conf->path != NULL && conf->path[0] != '\0', err, CONF_VALUE, "the store has no file name");
    store_t *s = MEM_NEW(store_t);
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    s->memory = strcmp(conf->path, ":memory:") == 0;
    s->n_readers = s->memory ? 0 : conf->readers == 0 ? 1 : conf->readers > MAX_READERS ? MAX_READERS : conf->readers;
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_mutex_init(&s->read_lock, NULL);
    pthread_cond_init(&s->read_free, NULL);
    s->readers = mem_calloc(s->n_readers + 1, sizeof *s->readers);
    schloss_rc rc = s->readers == NULL ? NO_MEMORY(err) : open_all(s, conf, err);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_close(store_t *s) {
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; s->readers != NULL && i < s->n_readers; i++) {
        db_close(&s->readers[i]);
    }
    db_close(&s->writer); /* the last connection to close checkpoints and removes the -wal file */
    mem_free(s->readers);
    pthread_mutex_destroy(&s->write_lock);
    pthread_mutex_destroy(&s->read_lock);
    pthread_cond_destroy(&s->read_free);
    mem_free(s);
}

/* ---- transactions ---- */
static void begin(db_t *db, const char *sql) {
    db->failed = false;
    db->failure[0] = '\0';
    /* A transaction that an earlier error left open would swallow this one. */
    if (!sqlite3_get_autocommit(db->handle)) {
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
    (void)db_exec(db, sql, "");
}

static const char BEGIN_READ[] = "BEGIN";
static const char BEGIN_WRITE[] = "BEGIN IMMEDIATE";
static const char COMMIT[] = "COMMIT";
static const char SAVEPOINT[] = "SAVEPOINT part";
static const char RELEASE[] = "RELEASE part";
static const char ROLLBACK_TO[] = "ROLLBACK TO part";

db_t *store_read_begin(store_t *s) {
    if (s->memory) {
        return store_write_begin(s);
    }
    pthread_mutex_lock(&s->read_lock);
    while (s->n_free == 0) {
        pthread_cond_wait(&s->read_free, &s->read_lock);
    }
    db_t *db = s->free_readers[--s->n_free];
    pthread_mutex_unlock(&s->read_lock);
    begin(db, BEGIN_READ);
    return db;
}

static void end_transaction(db_t *db) {
    if (!sqlite3_get_autocommit(db->handle)) {
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

void store_read_end(store_t *s, db_t *db) {
    if (s->memory) {
        store_write_rollback(s, db);
        return;
    }
    if (!db->failed) {
        (void)db_exec(db, COMMIT, "");
    }
    end_transaction(db);
    pthread_mutex_lock(&s->read_lock);
    s->free_readers[s->n_free++] = db;
    pthread_cond_signal(&s->read_free);
    pthread_mutex_unlock(&s->read_lock);
}

db_t *store_write_begin(store_t *s) {
    pthread_mutex_lock(&s->write_lock);
    begin(&s->writer, BEGIN_WRITE);
    return &s->writer;
}

bool store_write_commit(store_t *s, db_t *db) {
    if (!db->failed) {
        (void)db_exec(db, COMMIT, "");
    }
    bool ok = !db->failed;
    end_transaction(db);
    pthread_mutex_unlock(&s->write_lock);
    return ok;
}

void store_write_rollback(store_t *s, db_t *db) {
    end_transaction(db);
    pthread_mutex_unlock(&s->write_lock);
}

bool db_savepoint(db_t *db) {
    (void)db_exec(db, SAVEPOINT, "");
    return !db->failed;
}
void db_release(db_t *db) {
    (void)db_exec(db, RELEASE, "");
}
void db_rollback_to(db_t *db) {
    /* Some errors (full disk, I/O) end the whole transaction: then the failure stays. */
    if (sqlite3_get_autocommit(db->handle)) {
        note_failure(db, "transaction");
        return;
    }
    db->failed = false;
    (void)db_exec(db, ROLLBACK_TO, "");
    (void)db_exec(db, RELEASE, "");
}
