/* See rewrite.h. */
#include "registry/api/rewrite.h"
#include "registry/schema/name.h"
#include <string.h>

static bool seg_is(const request_t *rq, size_t i, const char *name) {
    return i < rq->n_seg && strcmp(rq->seg[i], name) == 0;
}

static rest_rc qualify(request_t *rq, const char *ctx, const char *s, const char **out) {
    if (is_qualified(s) || strcmp(ctx, CTX_DEFAULT) == 0) {
        *out = s;
        return 0;
    }
    *out = arena_printf(&rq->arena, ":%s:%s", ctx, s);
    return *out == NULL ? rest_oom(rq) : 0;
}

static rest_rc qualify_prefixes(request_t *rq, const char *ctx) {
    bool any = false;
    for (size_t i = 0; i < rq->n_params; i++) {
        if (strcmp(rq->params[i].name, "subjectPrefix") == 0) {
            any = true;
            const char *p = rq->params[i].value;
            if (!is_qualified(p)) {
                rq->params[i].value = arena_printf(&rq->arena, ":%s:%s", ctx, p);
                if (rq->params[i].value == NULL) {
                    return rest_oom(rq);
                }
            }
        }
    }
    if (any) {
        return 0;
    }
    const char *p = arena_printf(&rq->arena, ":%s:", ctx);
    return p == NULL ? rest_oom(rq) : request_set_param(rq, "subjectPrefix", p);
}

static rest_rc rewrite_params(request_t *rq, const char *ctx) {
    if (seg_is(rq, 0, "schemas") && (seg_is(rq, 1, "ids") || seg_is(rq, 1, "guids"))) {
        const char *given = request_param(rq, "subject"), *q;
        TRY(qualify(rq, ctx, given == NULL ? "" : given, &q));
        return request_set_param(rq, "subject", q);
    }
    if (rq->n_seg == 1 && (seg_is(rq, 0, "schemas") || seg_is(rq, 0, "subjects"))) {
        return qualify_prefixes(rq, ctx);
    }
    if (seg_is(rq, 0, "dek-registry") && seg_is(rq, 2, "keks") && rq->n_seg == 3) {
        /* [D-1] of dek-registry-api: prefixes are qualified when given, no prefix lists everything. */
        return request_param(rq, "subjectPrefix") == NULL ? 0 : qualify_prefixes(rq, ctx);
    }
    if (seg_is(rq, 0, "associations") || (seg_is(rq, 0, "dek-registry") && seg_is(rq, 4, "deks"))) {
        return request_set_param(rq, "context", ctx);
    }
    return 0;
}

rest_rc rewrite_context(request_t *rq) {
    if (!seg_is(rq, 0, "contexts") || rq->n_seg < 2) {
        return 0;
    }
    const char *ctx;
    TRY(context_normalize(rq, rq->seg[1], &ctx));
    if (rq->n_seg == 2) {
        rq->seg[1] = arena_printf(&rq->arena, ":%s:", ctx);
        return rq->seg[1] == NULL ? rest_oom(rq) : 0;
    }
    rq->in_context = true;
    rq->n_seg -= 2;
    memmove(rq->seg, rq->seg + 2, rq->n_seg * sizeof rq->seg[0]);
    for (size_t i = 0; i + 1 < rq->n_seg; i++) {
        if (strcmp(rq->seg[i], "subjects") == 0 || strcmp(rq->seg[i], "deks") == 0) {
            TRY(qualify(rq, ctx, rq->seg[i + 1], &rq->seg[i + 1]));
            i++; /* a subject called "subjects" is a subject */
        }
    }
    if ((seg_is(rq, 0, "config") || seg_is(rq, 0, "mode")) && strcmp(ctx, CTX_DEFAULT) != 0) {
        if (rq->n_seg == 1) {
            rq->seg[1] = "";
            rq->n_seg = 2;
        }
        TRY(qualify(rq, ctx, rq->seg[1], &rq->seg[1]));
    }
    return rewrite_params(rq, ctx);
}

/* ---- aliases ---- */
static rest_rc alias_of(request_t *rq, db_t *db, bool deks, const char *subject, const char **out) {
    static const char sql[] = "SELECT alias, alias_deks FROM config WHERE scope=? AND (alias IS NOT NULL OR"
                              " alias_deks IS NOT NULL)";
    qname_t q, target;
    TRY(qname_parse(rq, subject, &q));
    *out = NULL;
    sqlite3_stmt *st = db_query(db, sql, "t", qname_scope(&q));
    if (!db_row(db, st)) {
        return 0;
    }
    const char *alias = deks ? col_text(st, 1) : NULL;
    alias = alias != NULL ? alias : col_text(st, 0);
    char *copy = alias == NULL ? NULL : arena_strdup(&rq->arena, alias);
    bool oom = alias != NULL && copy == NULL;
    db_done(st);
    if (oom) {
        return rest_oom(rq);
    }
    if (copy == NULL) {
        return 0;
    }
    TRY(qname_parse_in(rq, q.ctx, copy, &target));
    *out = target.full;
    return 0;
}

rest_rc rewrite_alias(request_t *rq, db_t *db) {
    bool deks = seg_is(rq, 0, "dek-registry");
    if (!deks && !seg_is(rq, 0, "subjects") && !seg_is(rq, 0, "schemas") && !seg_is(rq, 0, "compatibility")) {
        return 0;
    }
    const char *alias;
    if (seg_is(rq, 0, "schemas")) {
        const char *subject = seg_is(rq, 1, "ids") ? request_param(rq, "subject") : NULL;
        if (subject == NULL || *subject == '\0') {
            return 0;
        }
        TRY(alias_of(rq, db, false, subject, &alias));
        return alias == NULL ? 0 : request_set_param(rq, "subject", alias);
    }
    for (size_t i = 0; i + 1 < rq->n_seg; i++) {
        if (strcmp(rq->seg[i], deks ? "deks" : "subjects") == 0) {
            TRY(alias_of(rq, db, deks, rq->seg[i + 1], &alias));
            for (size_t a = 0; alias != NULL && a < REQUEST_MAX_ARGS; a++) {
                if (rq->arg[a] == rq->seg[i + 1]) {
                    rq->arg[a] = alias;
                }
            }
            return 0;
        }
    }
    return 0;
}
