/* KEKs of the DEK Registry. Calls are sensitive: kmsProps may hold credentials of a KMS. */
#include "client/exchange.h"

void sr_kek_clear(sr_kek_t *k) {
    mem_free(k->name);
    mem_free(k->kms_type);
    mem_free(k->kms_key_id);
    mem_free(k->doc);
    json_decref(k->kms_props);
    memset(k, 0, sizeof *k);
}

static schloss_rc props_check(const sr_exchange_t *x, json_t *props, schloss_error_t *err) {
    const char *name;
    json_t *v;
    void *next;
    json_object_foreach_safe(props, next, name, v) {
        if (json_is_null(v)) {
            (void)json_object_del(props, name); /* the registry keeps nulls; they mean unset */
        } else if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v)) {
            return answer_bad(x, err, "a value of member 'kmsProps' is no string");
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc kek_members(const sr_exchange_t *x, const json_t *root, const char *name, sr_kek_t *k,
                              schloss_error_t *err) {
    const char *type = NULL;
    const char *id = NULL;
    const char *doc = NULL;
    TRY(answer_str(x, root, "name", false, &name, err));
    TRY(answer_str(x, root, "kmsType", true, &type, err));
    TRY(answer_str(x, root, "kmsKeyId", true, &id, err));
    TRY(answer_str(x, root, "doc", false, &doc, err));
    TRY(answer_bool(x, root, "shared", &k->shared, err));
    TRY(answer_bool(x, root, "deleted", &k->deleted, err));
    TRY(answer_int(x, root, "ts", false, 0, INT64_MAX, &k->ts, err));
    TRY(answer_object(x, root, "kmsProps", &k->kms_props, err));
    if (k->kms_props != NULL) {
        TRY(props_check(x, k->kms_props, err));
    }
    TRY(copy_str(&k->name, name, err));
    TRY(copy_str(&k->kms_type, type, err));
    TRY(copy_str(&k->kms_key_id, id, err));
    return doc == NULL ? SCHLOSS_OK : copy_str(&k->doc, doc, err);
}

static schloss_rc kek_ask(sr_exchange_t *x, io_t *io, const http_service_t *svc, const char *name, sr_kek_t *out,
                          schloss_error_t *err) {
    schloss_rc rc = exchange_run(x, io, svc, err);
    if (rc == SCHLOSS_OK) {
        json_t *root = NULL;
        rc = answer_load(x, JSON_OBJECT, &root, err);
        if (rc == SCHLOSS_OK) {
            sr_kek_t kek = {0};
            rc = kek_members(x, root, name, &kek, err);
            if (rc == SCHLOSS_OK) {
                *out = kek;
            } else {
                sr_kek_clear(&kek);
            }
            json_decref(root);
        }
    }
    if (rc < 0) {
        err_kek(err, name);
    }
    exchange_clear(x);
    return rc;
}

static void kek_path(sr_exchange_t *x, const char *name, const char *context, bool deleted) {
    path_text(x, DEKS_BASE "/");
    path_value(x, name);
    path_bool(x, "?deleted=", deleted);
    if (context != NULL) {
        path_text(x, "&context=");
        path_value(x, context);
    }
}

schloss_rc sr_get_kek(io_t *io, const http_service_t *svc, const char *name, const char *context, bool deleted,
                      sr_kek_t *out, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", true);
    kek_path(&x, name, context, deleted);
    return kek_ask(&x, io, svc, name, out, err);
}

schloss_rc sr_create_kek(io_t *io, const http_service_t *svc, const char *name, const char *context,
                         const char *kms_type, const char *kms_key_id, sr_kek_t *out, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "POST", true);
    path_text(&x, DEKS_BASE);
    if (context != NULL) {
        path_text(&x, "?context=");
        path_value(&x, context);
    }
    buf_put_str(&x.body, "{");
    body_str(&x, "name", name);
    body_str(&x, "kmsType", kms_type);
    body_str(&x, "kmsKeyId", kms_key_id);
    buf_put_str(&x.body, ",\"shared\":false}");
    return kek_ask(&x, io, svc, name, out, err);
}

schloss_rc sr_forget_kek(io_t *io, const char *name, const char *context, bool deleted, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", true);
    kek_path(&x, name, context, deleted);
    schloss_rc rc = exchange_forget(&x, io, err);
    exchange_clear(&x);
    return rc;
}
