/* Finding the driver of a kmsType, and the walk over a KEK's key id and its alternates. */
#include "kms/kms.h"

#include "base/metrics.h"
#include "kms/builtin.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ALTERNATES "encrypt.alternate.kms.key.ids"
#define KEY_IDS_MAX 64u /* key ids tried for one KEK */
#define TYPES_MAX 48u   /* of drivers: ours and 32 of the application */

/* Drivers of the application come first: they may replace ours. */
static const kms_driver_t *find(const char *type, char *why, size_t cap) {
    *why = '\0';
    const kms_driver_t *d = kms_own_find(type);
    for (size_t i = 0; d == NULL && kms_builtin[i] != NULL; i++) {
        d = strcasecmp(kms_builtin[i]->type, type) == 0 ? kms_builtin[i] : NULL;
    }
    return d != NULL ? d : kms_module_find(type, why, cap);
}

const kms_driver_t *kms_driver_find(const char *type) {
    char why[1];
    return find(type, why, sizeof why);
}

const char *const *kms_driver_types(void) {
    static _Thread_local const char *types[TYPES_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; n < TYPES_MAX && kms_builtin[i] != NULL; i++) {
        types[n++] = kms_builtin[i]->type;
    }
    const char *t = NULL;
    for (size_t i = 0; n < TYPES_MAX && (t = kms_module_type(&i)) != NULL;) {
        types[n++] = t;
    }
    for (size_t i = 0; n < TYPES_MAX && (t = kms_own_type(i)) != NULL; i++) {
        types[n++] = t;
    }
    types[n] = NULL;
    return types;
}

const char *kms_setting(const kms_key_t *key, const char *name, const char *env) {
    const char *value = key->conf.get == NULL ? NULL : key->conf.get(key->conf.user, name);
    if (value == NULL || *value == '\0') {
        value = env == NULL ? NULL : getenv(env);
    }
    return value == NULL || *value == '\0' ? NULL : value;
}

/* The key ids to try, in order, borrowed from one block that the caller frees. */
typedef struct key_ids {
    char *block;
    const char *ids[KEY_IDS_MAX];
    size_t n;
} key_ids_t;

static schloss_rc key_ids_of(const kms_key_t *key, key_ids_t *out, schloss_error_t *err) {
    out->block = NULL;
    out->ids[0] = key->key_id;
    out->n = 1;
    const char *list = key->conf.get == NULL ? NULL : key->conf.get(key->conf.user, ALTERNATES);
    if (list == NULL || *list == '\0') {
        return SCHLOSS_OK;
    }
    out->block = mem_strdup(list);
    if (out->block == NULL) {
        return NO_MEMORY(err);
    }
    for (char *p = out->block, *next = NULL; p != NULL; p = next) {
        next = strchr(p, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        while (isspace((unsigned char)*p)) {
            p++;
        }
        for (char *end = p + strlen(p); end > p && isspace((unsigned char)end[-1]);) {
            *--end = '\0';
        }
        if (*p == '\0') {
            continue;
        }
        if (out->n == KEY_IDS_MAX) {
            mem_free(out->block);
            return FAIL(err, LIMIT_EXCEEDED, "more than %u key ids in %s", KEY_IDS_MAX - 1, ALTERNATES);
        }
        out->ids[out->n++] = p;
    }
    return SCHLOSS_OK;
}

/* One operation on one key id: a wrap, or else an unwrap. */
typedef struct kms_op {
    bool is_wrap;
    bytes_t in;
    buf_t *wrapped;
    uint8_t *plain;
    size_t cap, *plain_len;
} kms_op_t;

static schloss_rc op_run(const kms_op_t *op, const kms_driver_t *d, const kms_key_t *key, io_t *io,
                         schloss_error_t *err) {
    if (!op->is_wrap) {
        return d->unwrap(key, io, op->in, op->plain, op->cap, op->plain_len, err);
    }
    size_t before = op->wrapped->len;
    schloss_rc rc = d->wrap(key, io, op->in, op->wrapped, err);
    if (rc != SCHLOSS_OK) {
        op->wrapped->len = before;
    }
    return rc;
}

/* Errors that another key id cannot cure. */
static bool is_hopeless(schloss_rc rc) {
    return rc == SCHLOSS_E_NO_MEMORY || rc == SCHLOSS_E_MEMORY_LOCK || rc == SCHLOSS_E_LIMIT_EXCEEDED ||
           rc == SCHLOSS_E_RANDOM || rc == SCHLOSS_E_CANCELLED;
}

static schloss_rc try_all(const kms_op_t *op, const kms_driver_t *d, const kms_key_t *key, io_t *io,
                          const key_ids_t *ids, schloss_error_t *err) {
    schloss_error_t denied = {0};
    schloss_error_t last = {0};
    for (size_t i = 0; i < ids->n; i++) {
        kms_key_t one = *key;
        one.key_id = ids->ids[i];
        schloss_rc rc = op_run(op, d, &one, io, &last);
        if (rc > 0) {
            return rc;
        }
        METRIC_ADD(kms_calls, 1);
        if (rc == SCHLOSS_OK) {
            return rc;
        }
        if (is_hopeless(rc)) {
            err_copy(err, &last);
            return rc;
        }
        /* A refusal tells more than whatever the alternates say after it. */
        if (rc == SCHLOSS_E_KMS_DENIED && denied.code == 0) {
            denied = last;
        }
    }
    const schloss_error_t *raised = denied.code != 0 ? &denied : &last;
    err_copy(err, raised);
    if (ids->n > 1) {
        err_wrap(err, "Failed to %s with all KEKs (%zu key ids tried)", op->is_wrap ? "encrypt" : "decrypt", ids->n);
    }
    return raised->code;
}

/* No driver: says which there are, or what keeps this one away. */
static void hint_types(schloss_error_t *err, const char *why) {
    if (*why != '\0') {
        err_hint(err, "%s", why);
        return;
    }
    char list[200] = "";
    size_t n = 0;
    for (const char *const *t = kms_driver_types(); *t != NULL && n + strlen(*t) + 3 < sizeof list; t++) {
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n == 0 ? "" : ", ", *t);
    }
    err_hint(err, "there are drivers for %s; is the KEK's kmsType spelled right?", list);
}

static schloss_rc kms_run(const kms_op_t *op, const kms_key_t *key, io_t *io, schloss_error_t *err) {
    char why[256];
    const kms_driver_t *d = find(key->kms_type, why, sizeof why);
    if (d == NULL) {
        schloss_rc rc = op->is_wrap ? SCHLOSS_E_WRAP_FAILED : SCHLOSS_E_UNWRAP_FAILED;
        err_set(err, rc, "No KMS driver supports: %s://%s", key->kms_type, key->key_id);
        hint_types(err, why);
        return rc;
    }
    key_ids_t ids;
    TRY(key_ids_of(key, &ids, err));
    schloss_rc rc = try_all(op, d, key, io, &ids, err);
    mem_free(ids.block);
    return rc;
}

schloss_rc kms_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    kms_op_t op = {.is_wrap = true, .in = plain, .wrapped = out};
    return kms_run(&op, key, io, err);
}

schloss_rc kms_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                      schloss_error_t *err) {
    kms_op_t op = {.is_wrap = false, .in = wrapped, .plain = out, .cap = cap, .plain_len = out_len};
    return kms_run(&op, key, io, err);
}
