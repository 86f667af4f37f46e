/* DEKs: create, rewrap, read, delete, undelete (dek-registry-api 4.5, 6.8-6.17, 7.3-7.5).
 *
 * A DEK of a shared KEK is stored only after the KMS wrapped and unwrapped it. Plaintext key material exists in secret
 * memory and in the answer's buffer, which is wiped after sending; it is never stored and never logged. */
#include "base/secret.h"
#include "base/text.h"
#include "registry/api/data.h"
#include "registry/keys/handlers.h"
#include <string.h>

typedef struct dek {
    const char *kek, *subject;
    dek_alg_t alg;
    int64_t version, ts;
    const char *material;
    bool deleted;
} dek_t;

/* ---- parameters ---- */
static rest_rc check_subject(request_t *rq, const char *given, const char **out) {
    qname_t q;
    if (given == NULL || *given == '\0' || has_control_char(given)) {
        return key_invalid(rq, "subject");
    }
    TRY(qname_parse(rq, given, &q));
    if (*q.full == '\0') {
        return key_invalid(rq, "subject");
    }
    *out = q.full;
    return 0;
}

static rest_rc param_algorithm(request_t *rq, dek_alg_t *out) {
    const char *name = request_param(rq, "algorithm");
    *out = DEK_AES256_GCM;
    if (name == NULL || *name == '\0' || dek_alg_parse(name, out)) {
        return 0;
    }
    return rest_fail(rq, REST_NOT_FOUND, NULL); /* a query value that does not convert */
}

static rest_rc body_algorithm(request_t *rq, const json_t *body, dek_alg_t *out) {
    const json_t *v = json_object_get(body, "algorithm");
    *out = DEK_AES256_GCM;
    if (v == NULL || json_is_null(v) || (json_is_string(v) && dek_alg_parse(json_string_value(v), out))) {
        return 0;
    }
    return rest_failf(
        rq, REST_BAD_REQUEST,
        "Cannot deserialize value of type `DekFormat` from \"%.100s\": not one of the values accepted for "
        "Enum class: [AES128_GCM, AES256_GCM, AES256_SIV]",
        json_is_string(v) ? json_string_value(v) : "a value that is no text");
}

/* ---- rows ---- */
#define DEK_COLUMNS "kek, subject, algorithm, version, material, ts, deleted"
static const char AT_SQL[] = "SELECT " DEK_COLUMNS " FROM deks WHERE kek=? AND subject=? AND algorithm=? AND version=?";
/* ?4: 0 live, 1 all, 2 deleted only */
static const char HIGHEST_SQL[] =
    "SELECT " DEK_COLUMNS " FROM deks WHERE kek=?1 AND subject=?2 AND algorithm=?3 AND (?4=1 OR deleted=(?4=2))"
    " ORDER BY version DESC LIMIT 1";
static const char PUT_SQL[] = "INSERT OR REPLACE INTO deks(" DEK_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?)";
/* No more than ?1 of each range are counted. "/" follows "." */
#define COUNT_RANGE(where)                                                                                             \
    "(SELECT count(*) FROM (SELECT 1 FROM deks INDEXED BY deks_subject WHERE " where " LIMIT ?1))"
static const char COUNT_GATEWAY_SQL[] = "SELECT " COUNT_RANGE(
    "subject>='gateway-key.' AND subject<'gateway-key/'") "+" COUNT_RANGE("subject>='gateway.' AND subject<'gateway/'");
static const char COUNT_SQL[] = "SELECT " COUNT_RANGE("subject<'gateway-key.'") "+" COUNT_RANGE(
    "subject>='gateway-key/' AND subject<'gateway.'") "+" COUNT_RANGE("subject>='gateway/'");

static rest_rc take(request_t *rq, db_t *db, sqlite3_stmt *st, dek_t *out, bool *found) {
    *found = db_row(db, st);
    if (!*found) {
        return 0;
    }
    out->kek = arena_strdup(&rq->arena, col_text(st, 0));
    out->subject = arena_strdup(&rq->arena, col_text(st, 1));
    int64_t alg = col_int(st, 2);
    out->alg = alg == DEK_AES128_GCM ? DEK_AES128_GCM : alg == DEK_AES256_SIV ? DEK_AES256_SIV : DEK_AES256_GCM;
    out->version = col_int(st, 3);
    out->material = arena_strdup(&rq->arena, col_text(st, 4));
    out->ts = col_int(st, 5);
    out->deleted = col_int(st, 6) != 0;
    db_done(st);
    return out->kek == NULL || out->subject == NULL || out->material == NULL ? rest_oom(rq) : 0;
}

static rest_rc dek_at(request_t *rq, db_t *db, const char *kek, const char *subject, dek_alg_t alg, int64_t version,
                      dek_t *out, bool *found) {
    return take(rq, db, db_query(db, AT_SQL, "ttii", kek, subject, (int64_t)alg, version), out, found);
}
static rest_rc dek_highest(request_t *rq, db_t *db, const char *kek, const char *subject, dek_alg_t alg, int64_t which,
                           dek_t *out, bool *found) {
    return take(rq, db, db_query(db, HIGHEST_SQL, "ttii", kek, subject, (int64_t)alg, which), out, found);
}

/* ts only grows: clients count a key's age from it. */
static void store(db_t *db, dek_t *d, int64_t old_ts) {
    int64_t now = service_now_ms();
    d->ts = now > old_ts ? now : old_ts + 1;
    (void)db_exec(db, PUT_SQL, "ttiitii", d->kek, d->subject, (int64_t)d->alg, d->version, d->material, d->ts,
                  (int64_t)d->deleted);
}

/* ---- answers ---- */
/* plain: the key message, or empty. */
static void put_dek(request_t *rq, const dek_t *d, bytes_t plain) {
    buf_t *b = &rq->out;
    buf_put_u8(b, '{');
    put_str(b, "kekName", d->kek);
    put_str(b, "subject", d->subject);
    put_int(b, "version", d->version);
    put_str(b, "algorithm", dek_alg_name(d->alg));
    put_str(b, "encryptedKeyMaterial", d->material);
    if (plain.len != 0) {
        rq->sensitive = true;
        put_name(b, "keyMaterial");
        buf_put_u8(b, '"');
        if (buf_reserve(b, B64_LEN(plain.len))) {
            b->len += b64_encode(b->ptr + b->len, plain.ptr, plain.len);
            b->high = b->high < b->len ? b->len : b->high;
        }
        buf_put_u8(b, '"');
    }
    put_int(b, "ts", d->ts);
    if (d->deleted) {
        put_bool(b, "deleted", true);
    }
    buf_put_u8(b, '}');
}

/* Answers with the DEK; the key in clear when the KEK is shared. */
static rest_rc answer_dek(const service_t *s, request_t *rq, const kek_t *kek, const dek_t *d) {
    if (!kek->shared) {
        put_dek(rq, d, bytes(NULL, 0));
        return 0;
    }
    void *message = NULL;
    size_t len = 0;
    if (secret_alloc(KEY_MESSAGE_MAX, &message, NULL) != 0) {
        return rest_oom(rq);
    }
    rest_rc rc = dek_unwrap(s, rq, kek, d->subject, d->material, message, &len);
    if (rc == 0) {
        put_dek(rq, d, bytes(message, len));
    }
    secret_free(message);
    return rc;
}

/* ---- create and rewrap ---- */
typedef struct creation {
    const service_t *s;
    request_t *rq;
    db_t *db;
    kek_t kek;
    dek_t d, old;
    bool exists, rewrap;
} creation_t;

static rest_rc read_creation(creation_t *c, const json_t *body, const char *subject) {
    request_t *rq = c->rq;
    c->d.version = 1;
    TRY(member_int(rq, body, "version", &c->d.version));
    TRY(body_algorithm(rq, body, &c->d.alg));
    TRY(member_str(rq, body, "encryptedKeyMaterial", &c->d.material));
    TRY(member_bool(rq, body, "deleted", &c->d.deleted));
    if (c->d.material != NULL && *c->d.material == '\0') {
        c->d.material = NULL;
    }
    TRY(kek_check_name(rq, rq->arg[0]));
    TRY(check_subject(rq, subject, &c->d.subject));
    TRY(kek_find(rq, c->db, rq->arg[0], c->d.deleted, &c->kek));
    c->d.kek = c->kek.name;
    if (c->d.version < 1 || c->d.version >= INT32_MAX) {
        const char *text = arena_printf(&rq->arena, "%lld", (long long)c->d.version);
        return text == NULL ? rest_oom(rq) : rest_fail(rq, REST_INVALID_VERSION, text);
    }
    return 0;
}

/* Standard base64 of something. */
static rest_rc check_material(request_t *rq, const char *material) {
    size_t n = strlen(material), len = 0;
    uint8_t *raw = arena_alloc(&rq->arena, n / 4 * 3 + 4);
    if (raw == NULL) {
        return rest_oom(rq);
    }
    return b64_decode(raw, &len, (const uint8_t *)material, n) && len != 0 ? 0
                                                                           : key_invalid(rq, "encryptedKeyMaterial");
}

static rest_rc check_conflict(creation_t *c) {
    TRY(dek_at(c->rq, c->db, c->d.kek, c->d.subject, c->d.alg, c->d.version, &c->old, &c->exists));
    bool equivalent = c->exists && c->d.material != NULL && strcmp(c->d.material, c->old.material) == 0;
    if (c->exists && !c->rewrap && (c->d.deleted == c->old.deleted || !equivalent)) {
        return rest_fail(c->rq, REST_KEY_EXISTS, c->d.subject);
    }
    if (c->d.material == NULL && !c->kek.shared) {
        return key_invalid(c->rq, "encryptedKeyMaterial");
    }
    if (c->d.material != NULL && c->kek.shared && c->exists) {
        return rest_fail(c->rq, REST_KEY_EXISTS, c->d.subject);
    }
    return c->d.material == NULL ? 0 : check_material(c->rq, c->d.material);
}

/* A new record needs room; a key that is there can be wrapped again, however many there are. */
static rest_rc check_count(creation_t *c) {
    bool gateway = strncmp(c->d.subject, "gateway.", 8) == 0 || strncmp(c->d.subject, "gateway-key.", 12) == 0;
    int64_t max = gateway ? GATEWAY_KEYS_MAX : c->s->max_keys;
    if (c->exists || db_int(c->db, 0, gateway ? COUNT_GATEWAY_SQL : COUNT_SQL, "i", max) < max) {
        return 0;
    }
    return keys_too_many(c->rq, max);
}

/* Under a shared KEK: makes what is missing, and proves by unwrapping that the KMS can give it back. The key message
 * ends in out[KEY_MESSAGE_MAX]. */
static rest_rc make_shared(creation_t *c, uint8_t *out, size_t *len) {
    request_t *rq = c->rq;
    if (c->d.material == NULL) {
        if (c->exists) {
            TRY(dek_unwrap(c->s, rq, &c->kek, c->d.subject, c->old.material, out, len));
        } else {
            TRY(dek_generate(rq, c->d.alg, out, len));
        }
        TRY(dek_wrap(c->s, rq, &c->kek, c->d.subject, bytes(out, *len), &c->d.material));
    }
    void *check = NULL;
    size_t check_len = 0;
    bool generated = *len != 0;
    if (secret_alloc(KEY_MESSAGE_MAX, &check, NULL) != 0) {
        return rest_oom(rq);
    }
    rest_rc rc = dek_unwrap(c->s, rq, &c->kek, c->d.subject, c->d.material, check, &check_len);
    if (rc == 0 && generated && (check_len != *len || !secret_equal(check, out, *len))) {
        rc = rest_failf(rq, REST_KMS_FAILED, "Could not generate raw dek for %.300s: the KMS gave back another key",
                        c->d.subject);
    }
    if (rc == 0) {
        memcpy(out, check, check_len);
        *len = check_len;
    }
    secret_free(check);
    return rc;
}

static rest_rc create(const service_t *s, request_t *rq, db_t *db, const json_t *body, const char *subject,
                      bool rewrap) {
    creation_t c = {.s = s, .rq = rq, .db = db, .rewrap = rewrap};
    qname_t q;
    const char *mode;
    TRY(read_creation(&c, body, subject));
    TRY(check_conflict(&c));
    TRY(check_count(&c));
    TRY(qname_parse(rq, c.d.subject, &q));
    TRY(mode_effective(rq, db, &q, &mode));
    /* While a subject is imported, supplied material is taken as it is; what the server makes is always proved. */
    if (!c.kek.shared || (strcmp(mode, "IMPORT") == 0 && c.d.material != NULL)) {
        store(db, &c.d, c.exists ? c.old.ts : 0);
        put_dek(rq, &c.d, bytes(NULL, 0));
        return 0;
    }
    void *message = NULL;
    size_t len = 0;
    if (secret_alloc(KEY_MESSAGE_MAX, &message, NULL) != 0) {
        return rest_oom(rq);
    }
    rest_rc rc = make_shared(&c, message, &len);
    if (rc == 0) {
        store(db, &c.d, c.exists ? c.old.ts : 0);
        put_dek(rq, &c.d, strcmp(mode, "IMPORT") == 0 ? bytes(NULL, 0) : bytes(message, len));
    }
    secret_free(message);
    return rc;
}

rest_rc keys_dek_create(void *service, request_t *rq, db_t *db) {
    json_t *body;
    const char *subject = NULL, *ctx = request_param(rq, "context");
    TRY(request_object(rq, "registerDek.request", &body));
    TRY(member_str(rq, body, "subject", &subject));
    /* Behind /contexts/{c}/ the prefix rewriting noted the context, with a dot; clients' ?context= is ignored. */
    if (subject != NULL && ctx != NULL && rq->in_context && !is_qualified(subject)) {
        qname_t q;
        TRY(qname_make(rq, ctx, subject, &q));
        subject = q.full;
    }
    return create(service, rq, db, body, subject, false);
}

rest_rc keys_dek_create_for_subject(void *service, request_t *rq, db_t *db) {
    json_t *body;
    TRY(request_object(rq, "registerDekWithSubject.request", &body));
    return create(service, rq, db, body, rq->arg[1], request_flag(rq, "rewrap"));
}

/* ---- reading ---- */
static const char SUBJECTS_SQL[] = "SELECT DISTINCT subject FROM deks WHERE kek=?1 AND (deleted=0 OR ?2)"
                                   " ORDER BY subject LIMIT ?4 OFFSET ?3";
static const char VERSIONS_SQL[] = "SELECT version FROM deks WHERE kek=?1 AND subject=?2 AND algorithm=?3 AND"
                                   " (deleted=0 OR ?4) ORDER BY version LIMIT ?6 OFFSET ?5";

rest_rc keys_dek_subjects(void *service, request_t *rq, db_t *db) {
    (void)service;
    kek_t kek;
    int64_t offset, limit;
    bool deleted = request_flag(rq, "deleted");
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    TRY(kek_find(rq, db, rq->arg[0], deleted, &kek));
    sqlite3_stmt *st = db_query(db, SUBJECTS_SQL, "tiii", kek.name, (int64_t)deleted, offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        put_text(&rq->out, col_text(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* What every route below .../deks/{subject} starts with. */
typedef struct target {
    kek_t kek;
    const char *subject;
    dek_alg_t alg;
    int64_t version;
} target_t;

static rest_rc read_target(request_t *rq, db_t *db, bool deleted, bool with_version, target_t *t) {
    TRY(param_algorithm(rq, &t->alg));
    TRY(kek_check_name(rq, rq->arg[0]));
    TRY(check_subject(rq, rq->arg[1], &t->subject));
    if (with_version) {
        TRY(version_parse(rq, rq->arg[2], &t->version));
    }
    return kek_find(rq, db, rq->arg[0], deleted, &t->kek);
}

static rest_rc get(const service_t *s, request_t *rq, db_t *db, bool with_version) {
    bool deleted = request_flag(rq, "deleted"), found;
    target_t t = {.version = 1}; /* without a version: the first, whatever came since */
    dek_t d;
    TRY(read_target(rq, db, deleted, with_version, &t));
    if (t.version == -1) {
        TRY(dek_highest(rq, db, t.kek.name, t.subject, t.alg, deleted, &d, &found));
    } else {
        TRY(dek_at(rq, db, t.kek.name, t.subject, t.alg, t.version, &d, &found));
    }
    if (!found || (d.deleted && !deleted)) {
        return rest_fail(rq, REST_KEY_NOT_FOUND, t.subject);
    }
    return answer_dek(s, rq, &t.kek, &d);
}

rest_rc keys_dek_get(void *service, request_t *rq, db_t *db) {
    return get(service, rq, db, false);
}
rest_rc keys_dek_version_get(void *service, request_t *rq, db_t *db) {
    return get(service, rq, db, true);
}

rest_rc keys_dek_versions(void *service, request_t *rq, db_t *db) {
    (void)service;
    target_t t;
    int64_t offset, limit;
    bool deleted = request_flag(rq, "deleted");
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    TRY(read_target(rq, db, deleted, false, &t));
    sqlite3_stmt *st =
        db_query(db, VERSIONS_SQL, "ttiiii", t.kek.name, t.subject, (int64_t)t.alg, (int64_t)deleted, offset, limit);
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        buf_printf(&rq->out, "%lld", (long long)col_int(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

/* ---- delete and undelete: never ask the KMS ---- */
static const char ANY_SQL[] = "SELECT 1 FROM deks WHERE kek=? AND subject=? AND algorithm=? LIMIT 1";
static const char LIVE_SQL[] = "SELECT 1 FROM deks WHERE kek=? AND subject=? AND algorithm=? AND deleted=0 LIMIT 1";
static const char MARK_ALL_SQL[] = "UPDATE deks SET deleted=?1, ts=max(?2, ts+1) WHERE kek=?3 AND subject=?4 AND"
                                   " algorithm=?5 AND deleted<>?1";
static const char DROP_ALL_SQL[] = "DELETE FROM deks WHERE kek=? AND subject=? AND algorithm=?";
static const char DROP_SQL[] = "DELETE FROM deks WHERE kek=? AND subject=? AND algorithm=? AND version=?";

static void mark_all(db_t *db, const target_t *t, bool deleted) {
    (void)db_exec(db, MARK_ALL_SQL, "iitti", (int64_t)deleted, service_now_ms(), t->kek.name, t->subject,
                  (int64_t)t->alg);
}

static rest_rc require_any(request_t *rq, db_t *db, const target_t *t) {
    return db_int(db, 0, ANY_SQL, "tti", t->kek.name, t->subject, (int64_t)t->alg) != 0
               ? 0
               : rest_fail(rq, REST_KEY_NOT_FOUND, t->subject);
}

rest_rc keys_dek_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    target_t t;
    TRY(read_target(rq, db, true, false, &t));
    TRY(require_any(rq, db, &t));
    if (request_flag(rq, "permanent")) {
        if (db_int(db, 0, LIVE_SQL, "tti", t.kek.name, t.subject, (int64_t)t.alg) != 0) {
            return rest_fail(rq, REST_KEY_NOT_SOFT_DELETED, t.subject);
        }
        (void)db_exec(db, DROP_ALL_SQL, "tti", t.kek.name, t.subject, (int64_t)t.alg);
    } else {
        mark_all(db, &t, true);
    }
    rq->status = 204;
    return 0;
}

/* The version meant: "latest" is the highest live one, or the highest deleted one where deleted ones are worked on. */
static rest_rc pick(request_t *rq, db_t *db, const target_t *t, bool among_deleted, dek_t *d) {
    bool found;
    if (t->version == -1) {
        TRY(dek_highest(rq, db, t->kek.name, t->subject, t->alg, among_deleted ? 2 : 0, d, &found));
    } else {
        TRY(dek_at(rq, db, t->kek.name, t->subject, t->alg, t->version, d, &found));
    }
    return found ? 0 : rest_fail(rq, REST_KEY_NOT_FOUND, t->subject);
}

rest_rc keys_dek_version_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    target_t t;
    dek_t d;
    bool permanent = request_flag(rq, "permanent");
    TRY(read_target(rq, db, true, true, &t));
    TRY(pick(rq, db, &t, permanent, &d));
    if (permanent && !d.deleted) {
        return rest_fail(rq, REST_KEY_NOT_SOFT_DELETED, t.subject);
    }
    if (permanent) {
        (void)db_exec(db, DROP_SQL, "ttii", d.kek, d.subject, (int64_t)d.alg, d.version);
    } else if (!d.deleted) {
        d.deleted = true;
        store(db, &d, d.ts);
    }
    rq->status = 204;
    return 0;
}

rest_rc keys_dek_undelete(void *service, request_t *rq, db_t *db) {
    (void)service;
    target_t t;
    TRY(read_target(rq, db, true, false, &t));
    TRY(require_any(rq, db, &t));
    if (t.kek.deleted) {
        return rest_fail(rq, REST_KEY_UNDELETE_FIRST, t.kek.name);
    }
    mark_all(db, &t, false);
    rq->status = 204;
    return 0;
}

rest_rc keys_dek_version_undelete(void *service, request_t *rq, db_t *db) {
    (void)service;
    target_t t;
    dek_t d;
    TRY(read_target(rq, db, true, true, &t));
    TRY(pick(rq, db, &t, true, &d));
    if (t.kek.deleted) {
        return rest_fail(rq, REST_KEY_UNDELETE_FIRST, t.kek.name);
    }
    if (d.deleted) {
        d.deleted = false;
        store(db, &d, d.ts);
    }
    rq->status = 204;
    return 0;
}
