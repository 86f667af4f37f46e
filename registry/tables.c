/* See tables.h.
 *
 * contexts.last_id is the high-water mark of schema ids: an id is never given twice, whatever was deleted since.
 * hidden: the context was deleted; its mark stays. schemas holds each different schema of a context once (text,
 * references, metadata, rule set: all that the guid covers); versions says which subject has it under which number.
 * refs is the index of who refers to a version. config and modes are keyed by scope: "" is the global level, ":.ctx:" a
 * context, else a qualified subject. deks never holds plaintext key material. */
#include "registry/tables.h"
#include "base/mem.h"

static const char version_1[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;"
    "INSERT INTO meta VALUES('cluster_id', lower(hex(randomblob(11))));"
    "CREATE TABLE contexts(name TEXT PRIMARY KEY, last_id INTEGER NOT NULL, hidden INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID, STRICT;"
    "CREATE TABLE schemas("
    " ctx TEXT NOT NULL, id INTEGER NOT NULL, guid BLOB NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,"
    " refs TEXT, metadata TEXT, ruleset TEXT) STRICT;"
    "CREATE UNIQUE INDEX schemas_id ON schemas(ctx, id);"
    "CREATE INDEX schemas_guid ON schemas(guid, ctx);"
    "CREATE TABLE versions("
    " ctx TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, schema_id INTEGER NOT NULL,"
    " ts INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY(ctx, subject, version)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX versions_id ON versions(ctx, schema_id);"
    "CREATE TABLE refs("
    " target_ctx TEXT NOT NULL, target_subject TEXT NOT NULL, target_version INTEGER NOT NULL,"
    " ctx TEXT NOT NULL, id INTEGER NOT NULL,"
    " PRIMARY KEY(target_ctx, target_subject, target_version, ctx, id)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX refs_owner ON refs(ctx, id);"
    "CREATE TABLE config(scope TEXT PRIMARY KEY, body TEXT NOT NULL, alias TEXT, alias_deks TEXT)"
    " WITHOUT ROWID, STRICT;"
    "CREATE TABLE modes(scope TEXT PRIMARY KEY, mode TEXT NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE associations("
    " resource_ns TEXT NOT NULL, resource_name TEXT NOT NULL, resource_id TEXT NOT NULL, resource_type TEXT NOT NULL,"
    " type TEXT NOT NULL, ctx TEXT NOT NULL, subject TEXT NOT NULL, guid TEXT NOT NULL, lifecycle TEXT NOT NULL,"
    " frozen INTEGER NOT NULL, create_ts INTEGER NOT NULL, update_ts INTEGER NOT NULL,"
    " PRIMARY KEY(resource_id, resource_type, type)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX associations_name ON associations(resource_name, resource_ns);"
    "CREATE INDEX associations_subject ON associations(ctx, subject);"
    "CREATE TABLE keks("
    " name TEXT PRIMARY KEY, kms_type TEXT NOT NULL, kms_key_id TEXT NOT NULL, kms_props TEXT NOT NULL, doc TEXT,"
    " shared INTEGER NOT NULL, ts INTEGER NOT NULL, deleted INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE deks("
    " kek TEXT NOT NULL, subject TEXT NOT NULL, algorithm INTEGER NOT NULL, version INTEGER NOT NULL,"
    " material TEXT NOT NULL, ts INTEGER NOT NULL, deleted INTEGER NOT NULL,"
    " PRIMARY KEY(kek, subject, algorithm, version)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX deks_subject ON deks(subject, kek)";

const char *const registry_migrations[] = {version_1};
const int registry_n_migrations = (int)COUNT_OF(registry_migrations);
