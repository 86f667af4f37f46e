/* The registry as a holder of KMS credentials: wrapping and unwrapping DEKs of shared KEKs (dek-registry-api 8). */
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/text.h"
#include "codec/json/load.h"
#include "crypto/tink.h"
#include "kms/kms.h"
#include "registry/keys/handlers.h"
#include <string.h>

rest_rc dek_generate(request_t *rq, dek_alg_t alg, uint8_t *out, size_t *len) {
    void *raw = NULL;
    size_t n = dek_alg_key_len(alg);
    if (secret_alloc(n, &raw, NULL) != 0 || random_bytes(raw, n, NULL) != 0) {
        secret_free(raw);
        return rest_oom(rq);
    }
    *len = tink_key_write(out, alg, raw);
    secret_free(raw);
    return 0;
}

/* kmsProps first, then the server's own secret; the driver looks into the environment last. */
typedef struct props {
    const json_t *kms_props;
    const char *kms_type, *server_secret;
} props_t;

static const char *props_get(void *user, const char *name) {
    const props_t *p = user;
    const char *v = json_string_value(json_object_get(p->kms_props, name));
    if (v == NULL && strcmp(name, "secret") == 0 && strcmp(p->kms_type, "local-kms") == 0) {
        v = p->server_secret;
    }
    return v;
}

/* The KMS's failure as the REST answer; what: "encrypted" or "raw". */
static rest_rc kms_failure(request_t *rq, schloss_rc rc, const struct schloss_error *err, const char *what,
                           const char *subject) {
    LOG_WARN("kms", "could not generate %s dek: %s", what, schloss_rc_name(rc));
    return rest_failf(rq, rc == SCHLOSS_E_KMS_DENIED ? REST_KMS_DENIED : REST_KMS_FAILED,
                      "Could not generate %s dek for %.300s: %s", what, subject, err->message);
}

typedef struct call {
    props_t props;
    json_t *tree;
    kms_key_t key;
    io_t *io;
} call_t;

static rest_rc call_begin(const service_t *s, request_t *rq, const kek_t *kek, call_t *c) {
    memset(c, 0, sizeof *c);
    if (json_load(&c->tree, "kmsProps", kek->kms_props, strlen(kek->kms_props), NULL) != 0 ||
        io_new(&c->io, NULL) != 0) {
        json_decref(c->tree);
        return rest_oom(rq);
    }
    c->props = (props_t){c->tree, kek->kms_type, s->kms_secret};
    c->key = (kms_key_t){kek->kms_type, kek->kms_key_id, {props_get, &c->props}, {0}};
    return 0;
}

static void call_end(call_t *c) {
    io_free(c->io);
    json_decref(c->tree);
}

rest_rc dek_wrap(const service_t *s, request_t *rq, const kek_t *kek, const char *subject, bytes_t plain,
                 const char **out) {
    call_t c;
    struct schloss_error err = {0};
    buf_t wrapped;
    TRY(call_begin(s, rq, kek, &c));
    buf_init(&wrapped, LIMIT_WRAPPED_DEK, "wrapped DEK", false);
    schloss_rc rc = kms_wrap(&c.key, c.io, plain, &wrapped, &err);
    rc = rc != 0 ? rc : buf_check(&wrapped, &err);
    rest_rc result = 0;
    if (rc != 0) {
        result = kms_failure(rq, rc, &err, "encrypted", subject);
    } else {
        char *text = arena_alloc(&rq->arena, B64_LEN(wrapped.len) + 1);
        if (text == NULL) {
            result = rest_oom(rq);
        } else {
            text[b64_encode((uint8_t *)text, wrapped.ptr, wrapped.len)] = '\0';
            *out = text;
        }
    }
    buf_clear(&wrapped);
    call_end(&c);
    return result;
}

rest_rc dek_unwrap(const service_t *s, request_t *rq, const kek_t *kek, const char *subject, const char *material,
                   uint8_t *out, size_t *len) {
    size_t n = strlen(material), wrapped_len = 0;
    uint8_t *wrapped = arena_alloc(&rq->arena, n / 4 * 3 + 4);
    if (wrapped == NULL) {
        return rest_oom(rq);
    }
    if (n > 2 * LIMIT_WRAPPED_DEK || !b64_decode(wrapped, &wrapped_len, (const uint8_t *)material, n)) {
        return rest_failf(rq, REST_KMS_FAILED, "Could not generate raw dek for %.300s: the material is no base64",
                          subject);
    }
    call_t c;
    struct schloss_error err = {0};
    TRY(call_begin(s, rq, kek, &c));
    schloss_rc rc = kms_unwrap(&c.key, c.io, bytes(wrapped, wrapped_len), out, KEY_MESSAGE_MAX, len, &err);
    call_end(&c);
    return rc == 0 ? 0 : kms_failure(rq, rc, &err, "raw", subject);
}
