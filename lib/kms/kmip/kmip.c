/* kmsType kmip: wraps and unwraps with a symmetric key of a KMIP server. Control-plane 6.5, without associated data.
 *
 * One operation is a chain of exchanges, each remembered by the io: which version to speak, the key's attributes, then
 * Encrypt or Decrypt, or Get where the server cannot encrypt. The IV of a wrap must be the same whenever the logic runs
 * again, so it is kept beside the remembered attributes. Errors: fail.c. */
#include "kms/kmip/blob.h"
#include "kms/kmip/fail.h"
#include "kms/kmip/session.h"

#include "base/random.h"
#include "base/secret.h"

/* ---- the IV of a wrap ---- */

typedef struct wrap_iv {
    uint8_t iv[KMIP_CBC_IV_LEN];
    uint8_t check[KMIP_CHECK_LEN]; /* of the key that it is for */
} wrap_iv_t;

static void wrap_iv_free(void *p) {
    mem_free(p);
}

static schloss_rc iv_for(const kmip_session_t *s, bytes_t plain, const uint8_t **out, schloss_error_t *err) {
    wrap_iv_t fresh = {0};
    TRY(kmip_check_value(fresh.check, plain, err));
    wrap_iv_t *kept = io_parsed(&s->anchor);
    if (kept == NULL || !secret_equal(kept->check, fresh.check, sizeof fresh.check)) {
        TRY(random_bytes(fresh.iv, sizeof fresh.iv, err));
        kept = MEM_NEW(wrap_iv_t);
        if (kept == NULL) {
            return NO_MEMORY(err);
        }
        *kept = fresh;
        io_keep_parsed(&s->anchor, kept, wrap_iv_free);
    }
    *out = kept->iv;
    return SCHLOSS_OK;
}

/* ---- wrapping ---- */

static void put_blob(const kmip_session_t *s, buf_t *out, const kmip_blob_t *b) {
    kmip_blob_t whole = *b;
    whole.uid = bytes(s->profile.uid, strlen(s->profile.uid));
    kmip_blob_write(out, &whole);
}

static schloss_rc wrap_gcm(kmip_session_t *s, bytes_t plain, const uint8_t *iv, buf_t *out, schloss_error_t *err) {
    kmip_crypt_t c = {.mode = KMIP_GCM, .data = plain, .iv = bytes(iv, KMIP_GCM_IV_LEN)};
    kmip_crypted_t got;
    TRY(kmip_session_crypt(s, KMIP_ENCRYPT, &c, &got, err));
    if (got.data.len != plain.len || got.tag.len != KMIP_TAG_LEN) {
        return kmip_bad_answer(s, "Encrypt", "ciphertext or tag have not the length that AES-GCM gives", err);
    }
    put_blob(s, out, &(kmip_blob_t){.mode = KMIP_MODE_GCM, .iv = c.iv, .data = got.data, .tag = got.tag});
    return buf_check(out, err);
}

static schloss_rc wrap_cbc(kmip_session_t *s, bytes_t plain, const uint8_t *iv, buf_t *out, schloss_error_t *err) {
    void *checked = NULL;
    TRY(secret_alloc(plain.len + KMIP_CHECK_LEN, &checked, err));
    memcpy(checked, plain.ptr, plain.len);
    schloss_rc rc = kmip_check_value((uint8_t *)checked + plain.len, plain, err);
    kmip_crypt_t c = {
        .mode = KMIP_CBC, .data = bytes(checked, plain.len + KMIP_CHECK_LEN), .iv = bytes(iv, KMIP_CBC_IV_LEN)};
    kmip_crypted_t got;
    if (rc == SCHLOSS_OK) {
        rc = kmip_session_crypt(s, KMIP_ENCRYPT, &c, &got, err);
    }
    size_t expected = (c.data.len / KMIP_CBC_IV_LEN + 1) * KMIP_CBC_IV_LEN;
    secret_free(checked);
    TRY(rc);
    if (got.data.len != expected) {
        return kmip_bad_answer(s, "Encrypt", "the ciphertext has not the length that AES-CBC gives", err);
    }
    put_blob(s, out, &(kmip_blob_t){.mode = KMIP_MODE_CBC, .iv = c.iv, .data = got.data});
    return buf_check(out, err);
}

static schloss_rc wrap_local(kmip_session_t *s, bytes_t plain, const uint8_t *iv, buf_t *out, schloss_error_t *err) {
    bytes_t key = {0};
    TRY(kmip_session_get(s, &key, err));
    uint8_t sealed[KMIP_PLAIN_MAX + KMIP_GCM_IV_LEN + KMIP_TAG_LEN];
    schloss_rc rc = kmip_local_seal(sealed, key, plain, iv, err);
    if (rc != SCHLOSS_OK) {
        return kmip_local_failed(s, rc, err);
    }
    put_blob(s, out,
             &(kmip_blob_t){.mode = KMIP_MODE_LOCAL,
                            .iv = bytes(sealed, KMIP_GCM_IV_LEN),
                            .data = bytes(sealed + KMIP_GCM_IV_LEN, plain.len + KMIP_TAG_LEN)});
    return buf_check(out, err);
}

/* The best mode of the version; the next when the server lacks its operation. */
static schloss_rc wrap_best(kmip_session_t *s, bytes_t plain, const uint8_t *iv, buf_t *out, schloss_error_t *err) {
    schloss_rc rc = SCHLOSS_E_UNSUPPORTED;
    if (s->head.minor >= KMIP_GCM_MINOR) {
        rc = wrap_gcm(s, plain, iv, out, err);
    }
    if (rc == SCHLOSS_E_UNSUPPORTED && s->head.minor >= KMIP_CRYPT_MINOR) {
        rc = wrap_cbc(s, plain, iv, out, err);
    }
    return rc == SCHLOSS_E_UNSUPPORTED ? wrap_local(s, plain, iv, out, err) : rc;
}

static schloss_rc kmip_wrap(const kms_key_t *key, io_t *io, bytes_t plain, buf_t *out, schloss_error_t *err) {
    if (plain.len == 0 || plain.len > KMIP_PLAIN_MAX - KMIP_CBC_IV_LEN * 2) {
        FAIL(err, WRAP_FAILED, "%s://%s: a key message of %zu bytes cannot be wrapped", key->kms_type, key->key_id,
             plain.len);
        err_hint(err, "a DEK's key message has 18, 34 or 66 bytes");
        return SCHLOSS_E_WRAP_FAILED;
    }
    kmip_session_t s;
    TRY(kmip_session_open(&s, key, io, true, err));
    const uint8_t *iv = NULL;
    schloss_rc rc = kmip_session_begin(&s, err);
    if (rc == SCHLOSS_OK) {
        rc = iv_for(&s, plain, &iv, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = wrap_best(&s, plain, iv, out, err);
    }
    kmip_session_close(&s);
    return rc;
}

/* ---- unwrapping ---- */

static schloss_rc give(const kmip_session_t *s, bytes_t plain, uint8_t *out, size_t cap, size_t *out_len,
                       schloss_error_t *err) {
    if (plain.len > cap) {
        FAIL(err, UNWRAP_FAILED, "the wrapped key of %s://%s holds %zu bytes, a DEK has at most %zu", s->key->kms_type,
             s->key->key_id, plain.len, cap);
        err_hint(err, "was it wrapped by another program?");
        return SCHLOSS_E_UNWRAP_FAILED;
    }
    memcpy(out, plain.ptr, plain.len);
    *out_len = plain.len;
    return SCHLOSS_OK;
}

static schloss_rc unwrap_remote(kmip_session_t *s, const kmip_blob_t *b, uint8_t *out, size_t cap, size_t *out_len,
                                schloss_error_t *err) {
    kmip_crypt_t c = {
        .mode = b->mode == KMIP_MODE_GCM ? KMIP_GCM : KMIP_CBC, .data = b->data, .iv = b->iv, .tag = b->tag};
    kmip_crypted_t got;
    TRY(kmip_session_crypt(s, KMIP_DECRYPT, &c, &got, err));
    if (got.data.len > b->data.len || (b->mode == KMIP_MODE_GCM && got.data.len != b->data.len)) {
        return kmip_bad_answer(s, "Decrypt", "the plaintext has not the length that the ciphertext says", err);
    }
    if (b->mode == KMIP_MODE_CBC) {
        schloss_rc rc = kmip_check_strip(got.data.ptr, &got.data.len, err);
        if (rc != SCHLOSS_OK) {
            return kmip_local_failed(s, rc, err);
        }
    }
    return give(s, got.data, out, cap, out_len, err);
}

static schloss_rc unwrap_local(kmip_session_t *s, const kmip_blob_t *b, uint8_t *out, size_t cap, size_t *out_len,
                               schloss_error_t *err) {
    bytes_t key = {0};
    TRY(kmip_session_get(s, &key, err));
    void *plain = NULL;
    size_t n = 0;
    TRY(secret_alloc(KMIP_PLAIN_MAX, &plain, err));
    schloss_rc rc = kmip_local_open(plain, &n, key, b, err);
    rc = rc == SCHLOSS_OK ? give(s, bytes(plain, n), out, cap, out_len, err) : kmip_local_failed(s, rc, err);
    secret_free(plain);
    return rc;
}

/* By the blob's mode, whatever version is spoken today: where that version has no Decrypt for it, Get serves. */
static schloss_rc unwrap_blob(kmip_session_t *s, const kmip_blob_t *b, uint8_t *out, size_t cap, size_t *out_len,
                              schloss_error_t *err) {
    schloss_rc rc = SCHLOSS_E_UNSUPPORTED;
    uint32_t needed = b->mode == KMIP_MODE_GCM ? KMIP_GCM_MINOR : KMIP_CRYPT_MINOR;
    if (b->mode != KMIP_MODE_LOCAL && s->head.minor >= needed) {
        rc = unwrap_remote(s, b, out, cap, out_len, err);
    }
    return rc == SCHLOSS_E_UNSUPPORTED ? unwrap_local(s, b, out, cap, out_len, err) : rc;
}

static schloss_rc kmip_unwrap(const kms_key_t *key, io_t *io, bytes_t wrapped, uint8_t *out, size_t cap,
                              size_t *out_len, schloss_error_t *err) {
    kmip_blob_t b;
    const char *wrong = kmip_blob_read(&b, wrapped);
    if (wrong != NULL) {
        FAIL(err, UNWRAP_FAILED, "the wrapped key of %s://%s is none of this driver: %s", key->kms_type, key->key_id,
             wrong);
        err_hint(err, "the DEK in the registry is damaged, or was wrapped by another KMS");
        return SCHLOSS_E_UNWRAP_FAILED;
    }
    kmip_session_t s;
    TRY(kmip_session_open(&s, key, io, false, err));
    const char *uid = s.profile.uid;
    if (b.uid.len != strlen(uid) || memcmp(b.uid.ptr, uid, b.uid.len) != 0) {
        kmip_session_close(&s);
        return kmip_other_key(key, b.uid, err);
    }
    schloss_rc rc = kmip_session_begin(&s, err);
    if (rc == SCHLOSS_OK) {
        rc = unwrap_blob(&s, &b, out, cap, out_len, err);
    }
    kmip_session_close(&s);
    return rc;
}

const kms_driver_t kms_kmip = {"kmip", kmip_wrap, kmip_unwrap};
