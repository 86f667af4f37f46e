/* Root, metadata, contexts, health and metrics. */
#include "registry/api/handlers.h"
#include "base/metrics.h"
#include "server/media.h"
#include <schloss/version.h>
#include <string.h>

#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define VERSION TEXT_OF(SCHLOSS_VERSION_MAJOR) "." TEXT_OF(SCHLOSS_VERSION_MINOR) "." TEXT_OF(SCHLOSS_VERSION_PATCH)

rest_rc api_root(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)db;
    if (strcmp(rq->method, "POST") == 0) {
        json_t *body;
        TRY(request_object(rq, "post.request", &body));
    }
    buf_put_str(&rq->out, "{}");
    return 0;
}

rest_rc api_metadata_id(void *service, request_t *rq, db_t *db) {
    const service_t *s = service;
    (void)db;
    buf_put_str(&rq->out, "{\"scope\":{\"path\":[],\"clusters\":{");
    put_str(&rq->out, "kafka-cluster", s->cluster_id);
    put_str(&rq->out, "schema-registry-cluster", "schema-registry");
    buf_put_str(&rq->out, "}}}");
    return 0;
}

rest_rc api_metadata_version(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)db;
    buf_put_u8(&rq->out, '{');
    put_str(&rq->out, "version", VERSION);
    put_str(&rq->out, "commitId", "");
    buf_put_u8(&rq->out, '}');
    return 0;
}

rest_rc api_metadata_deployment(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)db;
    buf_put_str(&rq->out, "{\"attributes\":[]}");
    return 0;
}

/* ---- contexts ---- */
static const char CONTEXTS_SQL[] =
    "SELECT name FROM (SELECT '.' AS name UNION SELECT name FROM contexts WHERE hidden=0)"
    " WHERE substr(name, 1, length(?1))=?1 ORDER BY name<>'.', name LIMIT ?3 OFFSET ?2";

rest_rc api_contexts(void *service, request_t *rq, db_t *db) {
    (void)service;
    const char *prefix = request_param(rq, "contextPrefix");
    int64_t offset, limit;
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    sqlite3_stmt *st = db_query(db, CONTEXTS_SQL, "tii", prefix == NULL ? "" : prefix, offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        put_text(&rq->out, col_text(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* The row in contexts stays: its high-water mark keeps ids from being given again. */
rest_rc api_context_delete(void *service, request_t *rq, db_t *db) {
    static const char used_sql[] = "SELECT 1 FROM versions WHERE ctx=? LIMIT 1";
    static const char hide_sql[] = "UPDATE contexts SET hidden=1 WHERE name=? AND name<>'.'";
    (void)service;
    qname_t q;
    TRY(qname_parse(rq, rq->arg[0], &q));
    if (db_int(db, 0, used_sql, "t", q.ctx) != 0) {
        return rest_fail(rq, REST_CONTEXT_NOT_EMPTY, q.ctx);
    }
    (void)db_exec(db, hide_sql, "t", q.ctx);
    rq->status = 204;
    return 0;
}

/* ---- operation ---- */
rest_rc api_live(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)db;
    buf_put_str(&rq->out, "{\"status\":\"up\"}");
    return 0;
}

rest_rc api_ready(void *service, request_t *rq, db_t *db) {
    static const char sql[] = "SELECT count(*) FROM meta";
    (void)service;
    if (db_int(db, 0, sql, "") == 0) {
        db_fail(db, "the store cannot be read");
    }
    buf_put_str(&rq->out, "{\"status\":\"ready\"}");
    return 0;
}

static void put_gauge(buf_t *b, const char *name, const char *text, int64_t value) {
    buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", name, text, name, name, (long long)value);
}

rest_rc api_metrics(void *service, request_t *rq, db_t *db) {
    static const char subjects[] = "SELECT count(*) FROM (SELECT DISTINCT ctx, subject FROM versions WHERE deleted=0)";
    static const char versions[] = "SELECT count(*) FROM versions WHERE deleted=0";
    static const char schemas[] = "SELECT count(*) FROM schemas";
    static const char keks[] = "SELECT count(*) FROM keks";
    static const char shared[] = "SELECT count(*) FROM keks WHERE shared<>0";
    static const char deks[] = "SELECT count(*) FROM deks";
    const service_t *s = service;
    buf_t *b = &rq->out;
    rq->media = MEDIA_METRICS;
    put_gauge(b, "schloss_registry_subjects", "Subjects with a live version.", db_int(db, 0, subjects, ""));
    put_gauge(b, "schloss_registry_versions", "Live versions.", db_int(db, 0, versions, ""));
    put_gauge(b, "schloss_registry_schemas", "Different schemas.", db_int(db, 0, schemas, ""));
    put_gauge(b, "schloss_dek_registry_keks", "KEKs, soft-deleted ones included.", db_int(db, 0, keks, ""));
    put_gauge(b, "schloss_dek_registry_keks_shared", "Shared KEKs.", db_int(db, 0, shared, ""));
    put_gauge(b, "schloss_dek_registry_deks", "DEKs, soft-deleted ones included.", db_int(db, 0, deks, ""));
    stats_print(s->stats, b);
    const char *text, *name;
    for (unsigned i = 0; (name = metrics_name(i, &text)) != NULL; i++) {
        buf_printf(b, "# HELP schloss_%s_total %s\n# TYPE schloss_%s_total counter\nschloss_%s_total %llu\n", name,
                   text, name, name, (unsigned long long)metrics_get(name));
    }
    return 0;
}
