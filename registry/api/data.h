/* Rows of the store as the Schema Registry's handlers see them, and how they are printed. */
#ifndef REGISTRY_API_DATA_H
#define REGISTRY_API_DATA_H

#include "registry/schema/canon.h"
#include "registry/schema/name.h"
#include "registry/service.h"

/* One version with its schema. Strings: see row_view and row_copy. */
typedef struct row {
    const char *ctx, *subject;
    int64_t version, id, ts;
    bool deleted;
    char guid[37];
    uint8_t guid_bytes[16];
    const schema_type_t *type;
    const char *text, *refs, *metadata, *ruleset; /* JSON texts but text; NULL when none */
} row_t;

#define ROW_COLUMNS                                                                                                    \
    "v.ctx, v.subject, v.version, v.schema_id, v.ts, v.deleted, s.guid, s.text, s.refs, s.metadata, s.ruleset, "       \
    "s.type"
#define ROW_FROM " FROM versions v JOIN schemas s ON s.ctx=v.ctx AND s.id=v.schema_id "
/* The planner has no statistics and would take the primary key's first column: said where the id is what is known. */
#define ROW_FROM_BY_ID " FROM versions v INDEXED BY versions_id JOIN schemas s ON s.ctx=v.ctx AND s.id=v.schema_id "

void row_view(sqlite3_stmt *st, row_t *out);                   /* borrowed until the next step */
SCHLOSS_NODISCARD rest_rc row_copy(request_t *rq, row_t *row); /* makes a viewed row last as long as the request */

/* The subject's version: version > 0, or -1 for the latest that is not deleted (deleted: the highest at all).
 * *found false: no such. The row lasts as long as the request. */
SCHLOSS_NODISCARD rest_rc row_find(request_t *rq, db_t *db, const qname_t *q, int64_t version, bool deleted, row_t *out,
                                   bool *found);
bool subject_exists(db_t *db, const qname_t *q, bool deleted); /* deleted: deleted versions count */
/* 40401 or 40402. */
rest_rc version_missing(request_t *rq, db_t *db, const qname_t *q, const char *version, bool deleted);
/* "latest", "-1", "3" -> -1 or 3; 42202. */
SCHLOSS_NODISCARD rest_rc version_parse(request_t *rq, const char *s, int64_t *out);
/* 32-bit integer of a path; anything else is 404. */
SCHLOSS_NODISCARD rest_rc id_parse(request_t *rq, const char *s, int64_t *out);

/* Schema entity of a row: subject, version, id, guid, ... ; with stored members ts and deleted. */
SCHLOSS_NODISCARD rest_rc put_row(request_t *rq, db_t *db, const row_t *row, bool with_stored);
/* The row's schema as what canon.h works on. */
stored_schema_t row_stored(const row_t *row);
/* Text of the row's schema in the request's format (?format=serialized), in the arena or the row. */
SCHLOSS_NODISCARD rest_rc row_text(request_t *rq, db_t *db, const row_t *row, const char **out);
/* references member, subjects qualified when ?referenceFormat=qualified asks for it. */
SCHLOSS_NODISCARD rest_rc put_refs(request_t *rq, const char *ctx, const char *refs);
/* schemaTags member when ?findTags asks for it. */
SCHLOSS_NODISCARD rest_rc put_tags(request_t *rq, db_t *db, const row_t *row);

/* Effective settings (10.2, 11). */
SCHLOSS_NODISCARD rest_rc config_effective(request_t *rq, db_t *db, const qname_t *q, json_t **out);
SCHLOSS_NODISCARD rest_rc mode_effective(request_t *rq, db_t *db, const qname_t *q, const char **out);
/* 42205 "... is in read-only mode". */
SCHLOSS_NODISCARD rest_rc mode_check_writable(request_t *rq, db_t *db, const qname_t *q);
rest_rc mode_refuse(request_t *rq, const qname_t *q, const char *what);

/* The subject's version that a request's schema is (8): *found false: none. N is canonical.
 * latest_only: only the newest version is compared. from_request: found by hash, so the answer shows the request's. */
SCHLOSS_NODISCARD rest_rc lookup_in_subject(request_t *rq, db_t *db, const qname_t *q, const candidate_t *n,
                                            bool deleted, bool latest_only, row_t *out, bool *found,
                                            bool *from_request);
/* Fills metadata and rule set from config and the previous version (7.3), and says whether anything changed.
 * new_version 0: confluent:version is left alone. */
SCHLOSS_NODISCARD rest_rc candidate_populate(request_t *rq, const json_t *config, const row_t *previous,
                                             int64_t new_version, candidate_t *c, bool *changed);
/* Parts of a stored row as a candidate. */
SCHLOSS_NODISCARD rest_rc row_candidate(request_t *rq, const row_t *row, candidate_t *out);

/* Removes one version for good, with its schema when nobody else has it. */
void version_remove(db_t *db, const char *ctx, const char *subject, int64_t version, int64_t id);
/* Is the version referred to? by_others: versions of the same subject do not count. */
bool version_referenced(db_t *db, const qname_t *q, int64_t version, bool deleted_count, bool by_others);

#endif
