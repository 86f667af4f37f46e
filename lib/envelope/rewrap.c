/* Wrapping a stored DEK anew under its KEK: the KMS key has a new version, or another one of its alternates is first
 * now. The DEK stays the same. What the registry gets has been unwrapped again and compared before. */
#include "base/secret.h"
#include "crypto/tink.h"
#include "envelope/kek.h"
#include "envelope/scope.h"

/* The key message as it lies under the old wrapping, into f. */
static schloss_rc open_old(dek_fill_t *f, const kms_key_t *key, dek_alg_t alg, const sr_dek_t *dek, io_t *io,
                           schloss_error_t *err) {
    if (f->material != NULL) {
        return SCHLOSS_OK;
    }
    uint8_t *opened = NULL;
    bytes_t raw = bytes(NULL, 0);
    size_t n = 0;
    TRY(secret_alloc(KEY_MESSAGE_MAX, (void **)&opened, err));
    schloss_rc rc = kms_unwrap(key, io, bytes(dek->wrapped, dek->wrapped_len), opened, KEY_MESSAGE_MAX, &n, err);
    if (rc == SCHLOSS_OK) {
        rc = tink_key_parse(&raw, alg, bytes(opened, n), err);
    }
    if (rc != SCHLOSS_OK) {
        secret_free(opened);
        return rc;
    }
    f->material = opened;
    f->material_len = n;
    return SCHLOSS_OK;
}

static schloss_rc wrap_anew(dek_fill_t *f, kms_scope_t *scope, const sr_dek_t *dek, io_t *io, schloss_error_t *err) {
    kms_key_t key = kms_key_of(scope);
    TRY(open_old(f, &key, scope->spec->alg, dek, io, err));
    if (!f->has_wrapped) {
        buf_reset(&f->wrapped);
        TRY(kms_wrap(&key, io, bytes(f->material, f->material_len), &f->wrapped, err));
        TRY(buf_check(&f->wrapped, err));
        f->has_wrapped = true;
    }
    return kms_prove(&key, f, scope->spec->subject, io, err);
}

schloss_rc env_rewrap(env_t *env, const dek_spec_t *spec, int32_t version, bool deleted, dek_fill_t *f, io_t *io,
                      schloss_error_t *err) {
    const char *alg = dek_alg_name(spec->alg);
    const http_service_t *svc = env->conf.service;
    sr_kek_t kek;
    sr_dek_t dek;
    memset(&kek, 0, sizeof(kek));
    memset(&dek, 0, sizeof(dek));
    kms_scope_t scope = {.env = env, .spec = spec, .kek = &kek};
    char *context = NULL;
    TRY(kek_context(spec->subject, &context, err));
    schloss_rc rc = sr_get_kek(io, svc, spec->kek, context, deleted, &kek, err);
    if (rc == SCHLOSS_ABSENT) {
        rc = FAIL(err, KEK_NOT_FOUND, "there is no KEK %s", spec->kek);
        err_hint(err, deleted ? "is its name spelled right?" : "is it soft-deleted? Then --include-deleted finds it");
    }
    if (rc == SCHLOSS_OK) {
        rc = sr_get_dek(io, svc, spec->kek, spec->subject, alg, version, deleted, &dek, err);
        if (rc == SCHLOSS_ABSENT) {
            rc = FAIL(err, DEK_NOT_FOUND, "version %d of the %s DEK of %s does not exist", (int)version, alg,
                      spec->subject);
        }
    }
    if (rc == SCHLOSS_OK && !kek.shared) {
        rc = wrap_anew(f, &scope, &dek, io, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = sr_rewrap_dek(io, svc, spec->kek, spec->subject, alg, version, dek.deleted,
                           kek.shared ? bytes(NULL, 0) : buf_view(&f->wrapped), err);
        if (rc == SCHLOSS_ABSENT) {
            rc = FAIL(err, DEK_NOT_FOUND, "version %d of the %s DEK of %s is gone", (int)version, alg, spec->subject);
        }
    }
    if (rc < 0) {
        err_kek(err, spec->kek);
        err_subject(err, spec->subject);
    }
    mem_free(context);
    sr_kek_clear(&kek);
    sr_dek_clear(&dek);
    return rc;
}
