/* Drivers of the application (schloss/ext/kms.h), and what they see of an operation.
 *
 * The table only grows, and is read without a lock. A driver that is replaced stays in memory: it may be at work. */
#include "base/limits.h"
#include "kms/builtin.h"
#include "kms/service.h"
#include <pthread.h>
#include <schloss/ext/kms.h>
#include <stdatomic.h>
#include <strings.h>

#define OWN_MAX 32u
#define UNWRAPPED_MAX 128u

typedef struct own {
    kms_driver_t adapter; /* type: a copy */
    schloss_kms_driver_t driver;
    struct own *replaced;
} own_t;

static own_t *_Atomic table[OWN_MAX];

struct schloss_kms_op {
    const kms_key_t *key;
    io_t *io;
    /* the result goes to one of them */
    buf_t *wrapped;
    uint8_t *plain;
    size_t cap, plain_len;
    bool has_result;
};

static own_t *find(const char *type) {
    for (size_t i = 0; i < OWN_MAX; i++) {
        own_t *o = atomic_load(&table[i]);
        if (o != NULL && strcasecmp(o->adapter.type, type) == 0) {
            return o;
        }
    }
    return NULL;
}

const kms_driver_t *kms_own_find(const char *type) {
    const own_t *o = find(type);
    return o == NULL ? NULL : &o->adapter;
}

const char *kms_own_type(size_t n) {
    const own_t *o = n < OWN_MAX ? atomic_load(&table[n]) : NULL;
    return o == NULL ? NULL : o->adapter.type;
}

/* What a driver may return, made into what the library expects. */
static schloss_rc outcome(schloss_rc rc, schloss_rc failed, const schloss_kms_op_t *op, schloss_error_t *err) {
    if (rc == SCHLOSS_OK && op->has_result) {
        return rc;
    }
    if (rc == SCHLOSS_NEED_IO || rc == SCHLOSS_NEED_WAIT) {
        return rc;
    }
    const char *what = failed == SCHLOSS_E_WRAP_FAILED ? "wrap" : "unwrap";
    if (rc == SCHLOSS_OK) {
        err_set(err, failed, "the driver of %s://%s has no result for %s", op->key->kms_type, op->key->key_id, what);
        err_hint(err, "it must call schloss_kms_put() before it returns 0");
        return failed;
    }
    if (rc > 0 || strcmp(schloss_rc_category(rc), "UNKNOWN") == 0) {
        err_set(err, failed, "the driver of %s://%s returned %d for %s, which is no error code", op->key->kms_type,
                op->key->key_id, (int)rc, what);
        err_hint(err, "it must return 0, a code of schloss/error_codes.h, or what schloss_kms_call() returned");
        return failed;
    }
    if (err != NULL && err->code != rc) {
        err_set(err, rc, "the driver of %s://%s cannot %s: %s", op->key->kms_type, op->key->key_id, what,
                schloss_rc_text(rc));
    }
    return rc;
}

static schloss_rc own_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    const own_t *o = find(key->kms_type);
    ENSURE(o != NULL, err, WRAP_FAILED, "No KMS driver supports: %s://%s", key->kms_type, key->key_id);
    schloss_kms_op_t op = {.key = key, .io = io, .wrapped = out};
    schloss_error_t mine = {0};
    schloss_rc rc = outcome(o->driver.wrap(o->driver.user, &op, plain, &mine), SCHLOSS_E_WRAP_FAILED, &op, &mine);
    if (rc < 0) {
        err_copy(err, &mine);
    }
    return rc;
}

static schloss_rc own_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap, size_t *out_len,
                             schloss_error_t *err) {
    const own_t *o = find(key->kms_type);
    ENSURE(o != NULL, err, UNWRAP_FAILED, "No KMS driver supports: %s://%s", key->kms_type, key->key_id);
    schloss_kms_op_t op = {.key = key, .io = io, .plain = out, .cap = cap};
    schloss_error_t mine = {0};
    schloss_rc rc = outcome(o->driver.unwrap(o->driver.user, &op, wrapped, &mine), SCHLOSS_E_UNWRAP_FAILED, &op, &mine);
    if (rc == SCHLOSS_OK) {
        *out_len = op.plain_len;
    } else if (op.has_result) {
        mem_wipe(out, op.plain_len);
    }
    if (rc < 0) {
        err_copy(err, &mine);
    }
    return rc;
}

/* ---- what drivers call ---- */

const char *schloss_kms_key_id(const schloss_kms_op_t *op) {
    return op == NULL ? NULL : op->key->key_id;
}

const char *schloss_kms_setting(const schloss_kms_op_t *op, const char *name) {
    return op == NULL || name == NULL ? NULL : kms_setting(op->key, name, NULL);
}

int64_t schloss_kms_now_ms(const schloss_kms_op_t *op) {
    return op == NULL ? time_now_ms() : clk_now(&op->key->clock);
}

schloss_rc schloss_kms_call(schloss_kms_op_t *op, const schloss_http_request_t *req, int *status, schloss_bytes_t *body,
                            schloss_error_t *err) {
    ENSURE(op != NULL && req != NULL && status != NULL && body != NULL && req->method != NULL && req->url != NULL, err,
           INVALID_ARGUMENT, "schloss_kms_call needs an operation, a request with method and URL, and where to answer");
    ENSURE(strstr(req->url, "://") != NULL, err, INVALID_ARGUMENT, "the URL of a KMS request must be absolute: %s",
           req->url);
    ENSURE(op->io != NULL, err, INVALID_STATE, "this operation has no transport");
    kms_service_conf_t conf = {
        .protocol = req->protocol,
        .direct = req->direct,
        .connect_timeout_ms = req->connect_timeout_ms,
        .timeout_ms = req->timeout_ms,
    };
    if (req->tls != NULL) {
        conf.tls = *req->tls;
    }
    const http_service_t *svc = NULL;
    TRY(kms_service(&svc, &conf, err));
    io_call_t call = {
        .method = req->method,
        .path = req->url,
        .body = req->body,
        .sensitive = true,
        .headers = req->headers,
        .n_headers = req->n_headers,
    };
    io_answer_t answer;
    TRY(io_call(op->io, svc, &call, &answer, err));
    *status = answer.status;
    *body = answer.body;
    return SCHLOSS_OK;
}

schloss_rc schloss_kms_put(schloss_kms_op_t *op, const void *ptr, size_t len, schloss_error_t *err) {
    ENSURE(op != NULL && (ptr != NULL || len == 0), err, INVALID_ARGUMENT,
           "schloss_kms_put needs an operation and bytes");
    ENSURE(!op->has_result, err, INVALID_STATE, "schloss_kms_put was called before for this operation");
    if (op->wrapped != NULL) {
        ENSURE(len <= LIMIT_WRAPPED_DEK, err, LIMIT_EXCEEDED, "a wrapped key has at most %u bytes, not %zu",
               LIMIT_WRAPPED_DEK, len);
        buf_put(op->wrapped, ptr, len);
        TRY(buf_check(op->wrapped, err));
    } else {
        ENSURE(len <= UNWRAPPED_MAX && len <= op->cap, err, LIMIT_EXCEEDED,
               "an unwrapped key has at most %u bytes, not %zu", UNWRAPPED_MAX, len);
        if (len != 0) {
            memcpy(op->plain, ptr, len);
        }
        op->plain_len = len;
    }
    op->has_result = true;
    return SCHLOSS_OK;
}

static schloss_rc own_new(own_t **out, const schloss_kms_driver_t *driver, schloss_error_t *err) {
    own_t *o = MEM_NEW(own_t);
    char *type = mem_strdup(driver->type);
    if (o == NULL || type == NULL) {
        mem_free(o);
        mem_free(type);
        return NO_MEMORY(err);
    }
    memcpy(&o->driver, driver, driver->size < sizeof o->driver ? driver->size : sizeof o->driver);
    o->driver.type = type;
    o->adapter = (kms_driver_t){type, own_wrap, own_unwrap};
    *out = o;
    return SCHLOSS_OK;
}

schloss_rc schloss_kms_register(const schloss_kms_driver_t *driver, schloss_error_t *err) {
    ENSURE(driver != NULL && driver->size >= sizeof *driver && driver->type != NULL && *driver->type != '\0' &&
               driver->wrap != NULL && driver->unwrap != NULL,
           err, INVALID_ARGUMENT, "a KMS driver needs its size, a type, and functions that wrap and unwrap");
    ENSURE(strstr(driver->type, "://") == NULL, err, INVALID_ARGUMENT, "%s is no kmsType: it has no :// in it",
           driver->type);
    own_t *o = NULL;
    TRY(own_new(&o, driver, err));
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    own_t *_Atomic *slot = NULL;
    for (size_t i = 0; i < OWN_MAX && slot == NULL; i++) {
        own_t *there = atomic_load(&table[i]);
        if (there == NULL || strcasecmp(there->adapter.type, driver->type) == 0) {
            slot = &table[i];
            o->replaced = there;
        }
    }
    if (slot != NULL) {
        atomic_store(slot, o);
    }
    pthread_mutex_unlock(&lock);
    if (slot == NULL) {
        mem_free((void *)(uintptr_t)o->adapter.type);
        mem_free(o);
        return FAIL(err, LIMIT_EXCEEDED, "more than %u KMS drivers of the application", OWN_MAX);
    }
    return SCHLOSS_OK;
}
