/* SQLite for servers: one writer, some readers, each a connection with its prepared statements.
 *
 * A connection (db_t) belongs to one thread at a time, between begin and end. Failure is sticky: after the first failed
 * statement db_failed() is true, queries return no rows, and a write transaction can only be rolled back; callers check
 * once, at the end. So "no row" may be a lie until db_failed() was asked: whoever answers from it asks first.
 *
 * A commit has reached the disk when store_write_commit() returns true (WAL, synchronous=FULL). A full disk or an I/O
 * error fails the transaction and nothing else: the next one starts afresh. */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "base/err.h"
#include "base/mem.h"
#include <sqlite3.h>

typedef struct store store_t;
typedef struct db db_t;

typedef struct store_conf {
    const char *path;              /* file, or ":memory:" */
    int32_t application_id;        /* marks the file as ours */
    const char *const *migrations; /* migrations[i] takes a file from version i to i + 1 */
    int n_migrations;              /* = the newest version this build writes */
    unsigned readers;              /* connections for reading */
} store_conf_t;

/* @return CONF_VALUE (path), STORE, STORE_NEWER, STORE_CORRUPT, STORE_FULL, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc store_open(store_t **out, const store_conf_t *conf, schloss_error_t *err);
void store_close(store_t *s); /* checkpoints; no transaction may be open */

/* A snapshot for reading. Waits for a free connection. Never NULL; may be failed. */
db_t *store_read_begin(store_t *s);
void store_read_end(store_t *s, db_t *db);
/* The writer's connection, inside a transaction. Never NULL; may be failed. */
db_t *store_write_begin(store_t *s);
bool store_write_commit(store_t *s, db_t *db); /* false: rolled back, nothing was stored */
void store_write_rollback(store_t *s, db_t *db);
/* Part of a write transaction that can be undone alone. */
bool db_savepoint(db_t *db);
void db_release(db_t *db);
void db_rollback_to(db_t *db); /* also forgets a failure, when the transaction is still open */

bool db_failed(const db_t *db);
const char *db_failure(const db_t *db); /* text for the log */
/* Makes the transaction fail, for callers that met an error of their own (out of memory). */
void db_fail(db_t *db, const char *why);

/* Statements are prepared once per connection and found again by the address of their text: sql must be a literal.
 * types: t text (NULL binds null), i int64_t, b pointer and size_t. Bound memory must live until the statement ends.
 * A statement may not be started again while its rows are being read. */
sqlite3_stmt *db_query(db_t *db, const char *sql, const char *types, ...);
bool db_row(db_t *db, sqlite3_stmt *st); /* false: no more rows (statement is reset) */
void db_done(sqlite3_stmt *st);          /* ends early */
int64_t col_int(sqlite3_stmt *st, int i);
const char *col_text(sqlite3_stmt *st, int i); /* valid until the next step; NULL for null */
bytes_t col_bytes(sqlite3_stmt *st, int i);
/* Runs to the end; returns rows changed. */
int64_t db_exec(db_t *db, const char *sql, const char *types, ...);
/* First column of the first row, or dflt. */
int64_t db_int(db_t *db, int64_t dflt, const char *sql, const char *types, ...);

#endif
