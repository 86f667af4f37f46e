/* See service.h. */
#include "registry/service.h"
#include "base/log.h"
#include "registry/api/rewrite.h"
#include "registry/tables.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t service_now_ms(void) {
    return time_exact_ms();
}

static schloss_rc read_cluster_id(service_t *s, schloss_error_t *err) {
    db_t *db = store_read_begin(s->store);
    sqlite3_stmt *st = db_query(db, "SELECT value FROM meta WHERE name='cluster_id'", "");
    if (db_row(db, st)) {
        (void)snprintf(s->cluster_id, sizeof s->cluster_id, "%s", col_text(st, 0));
        db_done(st);
    }
    schloss_rc rc = 0;
    if (db_failed(db)) {
        rc = FAIL(err, STORE, "the store cannot be read: %s", db_failure(db));
    } else if (s->cluster_id[0] == '\0') {
        rc = FAIL(err, STORE_CORRUPT, "the store has no cluster id");
    }
    store_read_end(s->store, db);
    return rc;
}

schloss_rc service_open(service_t **out, const service_conf_t *conf, schloss_error_t *err) {
    static const char scheme[] = "sqlite:";
    if (conf->store == NULL || strncmp(conf->store, scheme, sizeof scheme - 1) != 0) {
        schloss_rc rc = FAIL(err, CONF_VALUE, "store '%s' is not sqlite:FILE", conf->store == NULL ? "" : conf->store);
        err_hint(err, "for example sqlite:/var/lib/schloss/registry.db");
        return rc;
    }
    service_t *s = MEM_NEW(service_t);
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    s->log_requests = conf->log_requests;
    s->max_keys = conf->max_keys > 0 ? conf->max_keys : SERVICE_MAX_KEYS;
    store_conf_t store = {.path = conf->store + sizeof scheme - 1,
                          .application_id = REGISTRY_APPLICATION_ID,
                          .migrations = registry_migrations,
                          .n_migrations = registry_n_migrations,
                          .readers = conf->readers};
    schloss_rc rc;
    TRY_TO(failed, rc, store_open(&s->store, &store, err));
    TRY_TO(failed, rc, read_cluster_id(s, err));
    TRY_TO(failed, rc, stats_new(&s->stats, registry_routes, registry_n_routes, err));
    if (conf->users_file != NULL) {
        TRY_TO(failed, rc, auth_load(&s->auth, conf->users_file, err));
    }
    if (conf->kms_secret != NULL) {
        s->kms_secret = mem_strdup(conf->kms_secret);
        if (s->kms_secret == NULL) {
            rc = NO_MEMORY(err);
            goto failed;
        }
    }
    *out = s;
    return 0;

failed:
    service_close(s);
    return rc;
}

void service_close(service_t *s) {
    if (s == NULL) {
        return;
    }
    store_close(s->store);
    auth_free(s->auth);
    stats_free(s->stats);
    mem_wipe_str(s->kms_secret);
    mem_free(s);
}

/* ---- one request ---- */
rest_rc service_start(void *user, request_t *rq) {
    service_t *s = user;
    rest_rc rc = request_decode(rq);
    rc = rc != 0 ? rc : rewrite_context(rq);
    rest_rc found = rc != 0 ? rc : router_find(registry_routes, registry_n_routes, rq);
    /* Unknown paths answer 401, too: who is not let in learns nothing. */
    if (s->auth != NULL && (found != 0 || !(rq->route->flags & ROUTE_OPEN))) {
        rq->user = auth_check(s->auth, rq->authorization);
        if (rq->user == NULL) {
            return rest_fail(rq, REST_UNAUTHORIZED, NULL);
        }
    }
    return found;
}

bool service_is_write(void *user, const request_t *rq) {
    (void)user;
    return rq->route->flags & ROUTE_WRITE;
}

static rest_rc run(service_t *s, request_t *rq, db_t *db) {
    if (!(rq->route->flags & ROUTE_PLAIN)) {
        TRY(request_negotiate(rq));
    }
    if (db != NULL) {
        TRY(rewrite_alias(rq, db));
    }
    rest_rc rc = rq->route->handler(s, rq, db);
    /* "No such row" may have been a failed read. */
    if (db != NULL && db_failed(db)) {
        return rest_fail(rq, REST_STORE, NULL);
    }
    if (rc == 0 && buf_check(&rq->out, NULL) != 0) {
        return rest_oom(rq);
    }
    return rc;
}

void service_read(void *user, request_t *rq) {
    service_t *s = user;
    if (!(rq->route->flags & ROUTE_READ)) {
        (void)run(s, rq, NULL);
        return;
    }
    db_t *db = store_read_begin(s->store);
    (void)run(s, rq, db);
    store_read_end(s->store, db);
}

/* A group: each request is a savepoint of its own, so that one's error undoes only its own work. What a request
 * answered is true only if the commit succeeds. */
void service_write(void *user, request_t **rqs, size_t n) {
    service_t *s = user;
    db_t *db = store_write_begin(s->store);
    size_t done = 0;
    for (; done < n && db_savepoint(db); done++) {
        if (run(s, rqs[done], db) == 0 && !rqs[done]->undo) {
            db_release(db);
        } else {
            db_rollback_to(db);
        }
        if (db_failed(db)) {
            break;
        }
    }
    bool ok = store_write_commit(s->store, db);
    for (size_t i = 0; i < n; i++) {
        /* An error that was found is an answer whether or not others' work was stored. */
        bool refused = ok || (i < done && rqs[i]->error_code != 0);
        if (!refused) {
            (void)rest_fail(rqs[i], REST_STORE, NULL);
        }
    }
}

void service_done(void *user, const request_t *rq, uint64_t us) {
    service_t *s = user;
    stats_add(s->stats, rq, us);
    if (s->log_requests) {
        char target[512], user_name[128], when[32];
        err_clean_text(target, sizeof target, rq->target == NULL ? "" : rq->target,
                       rq->target == NULL ? 0 : strlen(rq->target));
        err_clean_text(user_name, sizeof user_name, rq->user == NULL ? "-" : rq->user,
                       rq->user == NULL ? 1 : strlen(rq->user));
        time_t now = time(NULL);
        struct tm tm;
        (void)gmtime_r(&now, &tm);
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
        fprintf(stderr, "%s %s %s \"%s %s\" %d %d %lluus\n", when, rq->peer == NULL ? "-" : rq->peer, user_name,
                rq->method, target, rq->status, rq->error_code, (unsigned long long)us);
    }
}

void service_handle(service_t *s, request_t *rq) {
    if (service_start(s, rq) != 0) {
        return;
    }
    if (service_is_write(s, rq)) {
        service_write(s, &rq, 1);
    } else {
        service_read(s, rq);
    }
}
