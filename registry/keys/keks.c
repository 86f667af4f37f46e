/* KEKs: create, read, update, delete, test (dek-registry-api 4.4, 6.1-6.7, 7.1, 7.2). */
#include "base/secret.h"
#include "registry/keys/handlers.h"
#include "registry/schema/meta.h"
#include "registry/schema/name.h"
#include "registry/schema/unicode.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEK_COLUMNS "name, kms_type, kms_key_id, kms_props, doc, shared, ts, deleted"

rest_rc key_invalid(request_t *rq, const char *field) {
    return rest_fail(rq, REST_INVALID_KEY, field);
}

rest_rc kek_check_name(request_t *rq, const char *name) {
    bool ok = name != NULL && *name != '\0' && utf16_length(name) <= 256 && name_check(name) == NAME_OK;
    return ok ? 0 : key_invalid(rq, "name");
}

/* ---- reading ---- */
static const char GET_SQL[] = "SELECT " KEK_COLUMNS " FROM keks WHERE name=?";

static rest_rc copy_text(request_t *rq, sqlite3_stmt *st, int i, const char **out) {
    const char *s = col_text(st, i);
    *out = s == NULL ? NULL : arena_strdup(&rq->arena, s);
    return s != NULL && *out == NULL ? rest_oom(rq) : 0;
}

static rest_rc copy_kek(request_t *rq, sqlite3_stmt *st, kek_t *k) {
    TRY(copy_text(rq, st, 0, &k->name));
    TRY(copy_text(rq, st, 1, &k->kms_type));
    TRY(copy_text(rq, st, 2, &k->kms_key_id));
    TRY(copy_text(rq, st, 3, &k->kms_props));
    TRY(copy_text(rq, st, 4, &k->doc));
    k->shared = col_int(st, 5) != 0;
    k->ts = col_int(st, 6);
    k->deleted = col_int(st, 7) != 0;
    return 0;
}

static rest_rc kek_load(request_t *rq, db_t *db, const char *name, kek_t *out, bool *found) {
    sqlite3_stmt *st = db_query(db, GET_SQL, "t", name);
    *found = db_row(db, st);
    if (!*found) {
        return 0;
    }
    rest_rc rc = copy_kek(rq, st, out);
    db_done(st);
    return rc;
}

rest_rc kek_find(request_t *rq, db_t *db, const char *name, bool deleted, kek_t *out) {
    bool found;
    TRY(kek_check_name(rq, name));
    TRY(kek_load(rq, db, name, out, &found));
    return found && (deleted || !out->deleted) ? 0 : rest_fail(rq, REST_KEY_NOT_FOUND, name);
}

static void put_kek(buf_t *b, const kek_t *k, bool stored_form) {
    buf_put_u8(b, '{');
    put_str(b, "name", k->name);
    put_str(b, "kmsType", k->kms_type);
    put_str(b, "kmsKeyId", k->kms_key_id);
    put_raw(b, "kmsProps", k->kms_props);
    if (k->doc != NULL) {
        put_str(b, "doc", k->doc);
    }
    put_bool(b, "shared", k->shared);
    if (stored_form) {
        put_bool(b, "deleted", k->deleted);
        put_str(b, "type", "KEK");
        put_int(b, "offset", 0);
        put_int(b, "ts", k->ts);
    } else {
        put_int(b, "ts", k->ts);
        if (k->deleted) {
            put_bool(b, "deleted", true);
        }
    }
    buf_put_u8(b, '}');
}

static rest_rc put_names(request_t *rq, db_t *db, sqlite3_stmt *st) {
    buf_put_u8(&rq->out, '[');
    while (db_row(db, st)) {
        put_comma(&rq->out);
        put_text(&rq->out, col_text(st, 0));
    }
    buf_put_u8(&rq->out, ']');
    return 0;
}

static const char LIST_SQL[] = "SELECT name FROM keks WHERE deleted=0 OR ?1 ORDER BY name LIMIT ?3 OFFSET ?2";
/* The prefixes come as one JSON list; an unqualified prefix also matches qualified subjects textually. */
static const char PREFIX_SQL[] =
    "SELECT DISTINCT d.kek FROM deks d WHERE (d.deleted=0 OR ?1) AND EXISTS (SELECT 1 FROM json_each(?4) p WHERE"
    " substr(d.subject, 1, length(p.value))=p.value) ORDER BY d.kek LIMIT ?3 OFFSET ?2";

rest_rc keys_kek_list(void *service, request_t *rq, db_t *db) {
    (void)service;
    int64_t offset, limit, deleted = request_flag(rq, "deleted");
    TRY(request_page(rq, INT32_MAX, &offset, &limit));
    if (request_param(rq, "subjectPrefix") == NULL) {
        return put_names(rq, db, db_query(db, LIST_SQL, "iii", deleted, offset, limit));
    }
    json_t *prefixes = request_adopt(rq, json_array());
    for (size_t i = 0; i < rq->n_params; i++) {
        if (strcmp(rq->params[i].name, "subjectPrefix") == 0 &&
            json_array_append_new(prefixes, json_string(rq->params[i].value)) != 0) {
            return rest_oom(rq);
        }
    }
    const char *text;
    TRY(json_text(rq, prefixes, &text));
    return put_names(rq, db, db_query(db, PREFIX_SQL, "iiit", deleted, offset, limit, text));
}

rest_rc keys_kek_get(void *service, request_t *rq, db_t *db) {
    (void)service;
    kek_t k;
    TRY(kek_find(rq, db, rq->arg[0], request_flag(rq, "deleted"), &k));
    put_kek(&rq->out, &k, false);
    return 0;
}

/* ---- writing ---- */
/* Values as text, keys in Java's order; null values stay. */
static rest_rc props_text(request_t *rq, const json_t *in, const char **out) {
    json_t *wrapper = request_adopt(rq, json_object());
    json_t *normal;
    if (wrapper == NULL) {
        return rest_oom(rq);
    }
    if (in == NULL) {
        *out = "{}";
        return 0;
    }
    if (json_object_set_nocheck(wrapper, "properties", (json_t *)(uintptr_t)in) != 0) {
        return rest_oom(rq);
    }
    TRY(metadata_normalize(rq, wrapper, &normal));
    const json_t *props = json_object_get(normal, "properties");
    if (props == NULL) {
        *out = "{}";
        return 0;
    }
    return json_text(rq, props, out);
}

static bool starts_with(const char *s, const char *prefix, bool any_case) {
    size_t n = strlen(prefix);
    return any_case ? strncasecmp(s, prefix, n) == 0 : strncmp(s, prefix, n) == 0;
}

/* "arn:aws" [a-z-]* ":kms:" */
static bool is_aws_key(const char *id) {
    if (!starts_with(id, "arn:aws", false)) {
        return false;
    }
    const char *p = id + 7;
    while ((*p >= 'a' && *p <= 'z') || *p == '-') {
        p++;
    }
    return starts_with(p, ":kms:", false);
}

static rest_rc check_kms(request_t *rq, kek_t *k) {
    if (k->kms_key_id == NULL || *k->kms_key_id == '\0') {
        return key_invalid(rq, "kmsKeyId");
    }
    if (k->kms_type == NULL) {
        return key_invalid(rq, "kmsType");
    }
    const char *t = k->kms_type, *id = k->kms_key_id;
    bool ok = strcmp(t, "aws-kms") == 0     ? is_aws_key(id)
              : strcmp(t, "azure-kms") == 0 ? starts_with(id, "https://", false)
              : strcmp(t, "gcp-kms") == 0   ? starts_with(id, "projects/", false)
              : strcmp(t, "hcvault") == 0   ? starts_with(id, "http://", false) || starts_with(id, "https://", false)
                                            : true;
    if (!ok) {
        return key_invalid(rq, "kmsKeyId");
    }
    k->kms_type = starts_with(t, "aws", true)     ? "aws-kms"
                  : starts_with(t, "azure", true) ? "azure-kms"
                  : starts_with(t, "gcp", true)   ? "gcp-kms"
                                                  : t;
    return 0;
}

/* Wraps a key and throws it away: may the server use the KMS key at all? */
static rest_rc test_kms(const service_t *s, request_t *rq, const kek_t *k) {
    void *message = NULL;
    size_t len;
    const char *wrapped;
    if (secret_alloc(KEY_MESSAGE_MAX, &message, NULL) != 0) {
        return rest_oom(rq);
    }
    rest_rc rc = dek_generate(rq, DEK_AES256_GCM, message, &len);
    rc = rc != 0 ? rc : dek_wrap(s, rq, k, "__TEST", bytes(message, len), &wrapped);
    secret_free(message);
    return rc;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}
static bool equivalent(const kek_t *a, const kek_t *b) {
    return same_text(a->kms_type, b->kms_type) && same_text(a->kms_key_id, b->kms_key_id) &&
           same_text(a->kms_props, b->kms_props) && same_text(a->doc, b->doc) && a->shared == b->shared;
}

rest_rc keys_too_many(request_t *rq, int64_t max) {
    const char *number = arena_printf(&rq->arena, "%lld", (long long)max);
    return number == NULL ? rest_oom(rq) : rest_fail(rq, REST_TOO_MANY_KEYS, number);
}

static const char COUNT_SQL[] = "SELECT count(*) FROM keks";
static const char PUT_SQL[] = "INSERT OR REPLACE INTO keks(" KEK_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
static const char LIVE_DEK_SQL[] = "SELECT 1 FROM deks WHERE kek=? AND deleted=0 LIMIT 1";
static const char ANY_DEK_SQL[] = "SELECT 1 FROM deks WHERE kek=? LIMIT 1";
static const char DROP_SQL[] = "DELETE FROM keks WHERE name=?";

/* ts is strictly later than that of the record it replaces: clients compare. */
static void store(db_t *db, kek_t *k, int64_t old_ts) {
    int64_t now = service_now_ms();
    k->ts = now > old_ts ? now : old_ts + 1;
    (void)db_exec(db, PUT_SQL, "tttttiii", k->name, k->kms_type, k->kms_key_id, k->kms_props, k->doc,
                  (int64_t)k->shared, k->ts, (int64_t)k->deleted);
}

rest_rc keys_kek_create(void *service, request_t *rq, db_t *db) {
    const service_t *s = service;
    json_t *body, *props;
    kek_t k = {0}, old;
    bool exists;
    TRY(request_object(rq, "registerKek.request", &body));
    TRY(member_str(rq, body, "name", &k.name));
    TRY(member_str(rq, body, "kmsType", &k.kms_type));
    TRY(member_str(rq, body, "kmsKeyId", &k.kms_key_id));
    TRY(member_object(rq, body, "kmsProps", &props));
    TRY(member_str(rq, body, "doc", &k.doc));
    TRY(member_bool(rq, body, "shared", &k.shared));
    TRY(member_bool(rq, body, "deleted", &k.deleted));
    TRY(props_text(rq, props, &k.kms_props));
    TRY(kek_check_name(rq, k.name));
    TRY(check_kms(rq, &k));
    if (k.shared && request_flag(rq, "testSharing")) {
        TRY(test_kms(s, rq, &k));
    }
    TRY(kek_load(rq, db, k.name, &old, &exists));
    if (!exists && db_int(db, 0, COUNT_SQL, "") >= s->max_keys) {
        return keys_too_many(rq, s->max_keys);
    }
    if (exists && (k.deleted == old.deleted || !equivalent(&k, &old))) {
        return rest_fail(rq, REST_KEY_EXISTS, k.name);
    }
    if (exists && k.deleted && db_int(db, 0, LIVE_DEK_SQL, "t", k.name) != 0) {
        return rest_fail(rq, REST_KEY_REFERENCED, k.name);
    }
    store(db, &k, exists ? old.ts : 0);
    put_kek(&rq->out, &k, false);
    return 0;
}

rest_rc keys_kek_update(void *service, request_t *rq, db_t *db) {
    const service_t *s = service;
    json_t *body, *props;
    kek_t old, k;
    TRY(request_object(rq, "putKek.request", &body));
    TRY(kek_find(rq, db, rq->arg[0], false, &old));
    k = old;
    TRY(member_object(rq, body, "kmsProps", &props));
    if (json_object_get(body, "kmsProps") != NULL) {
        TRY(props_text(rq, props, &k.kms_props));
    }
    if (json_object_get(body, "doc") != NULL) {
        k.doc = NULL;
        TRY(member_str(rq, body, "doc", &k.doc));
    }
    TRY(member_bool(rq, body, "shared", &k.shared));
    if (k.shared && request_flag(rq, "testSharing")) {
        TRY(test_kms(s, rq, &k));
    }
    if (!equivalent(&k, &old)) {
        store(db, &k, old.ts);
    }
    put_kek(&rq->out, &k, false);
    return 0;
}

rest_rc keys_kek_delete(void *service, request_t *rq, db_t *db) {
    (void)service;
    kek_t k;
    bool permanent = request_flag(rq, "permanent");
    TRY(kek_find(rq, db, rq->arg[0], true, &k));
    if (db_int(db, 0, permanent ? ANY_DEK_SQL : LIVE_DEK_SQL, "t", k.name) != 0) {
        return rest_fail(rq, REST_KEY_REFERENCED, k.name);
    }
    if (permanent && !k.deleted) {
        return rest_fail(rq, REST_KEY_NOT_SOFT_DELETED, k.name);
    }
    if (permanent) {
        (void)db_exec(db, DROP_SQL, "t", k.name);
    } else if (!k.deleted) {
        k.deleted = true;
        store(db, &k, k.ts);
    }
    rq->status = 204;
    return 0;
}

rest_rc keys_kek_undelete(void *service, request_t *rq, db_t *db) {
    (void)service;
    kek_t k;
    TRY(kek_find(rq, db, rq->arg[0], true, &k));
    if (k.deleted) {
        k.deleted = false;
        store(db, &k, k.ts);
    }
    rq->status = 204;
    return 0;
}

rest_rc keys_kek_test(void *service, request_t *rq, db_t *db) {
    kek_t k;
    TRY(kek_find(rq, db, rq->arg[0], false, &k));
    if (!k.shared) {
        return key_invalid(rq, "shared");
    }
    TRY(test_kms(service, rq, &k));
    put_kek(&rq->out, &k, true);
    return 0;
}
