/* Framing and local ciphers of the KMIP driver's blobs. */
#include "kms/kmip/blob.h"

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/ossl.h"

#define CHECK_PREFIX "schloss-kcv"
#define BLOCK_LEN 16u

const char *kmip_blob_read(kmip_blob_t *out, bytes_t wrapped) {
    cur_t c = cur_of(wrapped);
    const uint8_t *head = cur_take(&c, 2);
    if (head == NULL || head[0] < KMIP_MODE_GCM || head[0] > KMIP_MODE_LOCAL) {
        return "its first byte names no mode of this driver";
    }
    *out = (kmip_blob_t){.mode = (enum kmip_mode)head[0]};
    const uint8_t *uid = head[1] == 0 ? NULL : cur_take(&c, head[1]);
    if (uid == NULL) {
        return "it names no key";
    }
    out->uid = bytes(uid, head[1]);
    bool is_cbc = out->mode == KMIP_MODE_CBC;
    size_t iv_len = is_cbc ? KMIP_CBC_IV_LEN : KMIP_GCM_IV_LEN;
    size_t tag_len = is_cbc ? 0 : KMIP_TAG_LEN;
    size_t left = cur_left(&c);
    if (left <= iv_len + tag_len || left > iv_len + tag_len + KMIP_PLAIN_MAX) {
        return "it is cut short or too long";
    }
    if (is_cbc && (left - iv_len) % BLOCK_LEN != 0) {
        return "its ciphertext is no whole number of blocks";
    }
    out->iv = bytes(c.p, iv_len);
    out->data = bytes(c.p + iv_len, left - iv_len - tag_len);
    out->tag = bytes(c.p + left - tag_len, tag_len);
    return NULL;
}

void kmip_blob_write(buf_t *out, const kmip_blob_t *b) {
    buf_put_u8(out, (uint8_t)b->mode);
    buf_put_u8(out, (uint8_t)b->uid.len);
    buf_put(out, b->uid.ptr, b->uid.len);
    buf_put(out, b->iv.ptr, b->iv.len);
    buf_put(out, b->data.ptr, b->data.len);
    buf_put(out, b->tag.ptr, b->tag.len);
}

schloss_rc kmip_check_value(uint8_t out[KMIP_CHECK_LEN], bytes_t plain, schloss_error_t *err) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    ossl_lock();
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = md != NULL && ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
              EVP_DigestUpdate(ctx, CHECK_PREFIX, sizeof CHECK_PREFIX - 1) == 1 &&
              EVP_DigestUpdate(ctx, plain.ptr, plain.len) == 1 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
    ossl_unlock();
    if (!ok) {
        return ossl_fail("SHA-256", err);
    }
    memcpy(out, digest, KMIP_CHECK_LEN);
    mem_wipe(digest, sizeof digest);
    return SCHLOSS_OK;
}

schloss_rc kmip_check_strip(const uint8_t *data, size_t *n, schloss_error_t *err) {
    ENSURE(*n > KMIP_CHECK_LEN, err, AUTH_FAILED, "the decrypted bytes are too few to hold a key");
    size_t len = *n - KMIP_CHECK_LEN;
    uint8_t check[KMIP_CHECK_LEN];
    TRY(kmip_check_value(check, bytes(data, len), err));
    bool same = secret_equal(check, data + len, KMIP_CHECK_LEN);
    mem_wipe(check, sizeof check);
    ENSURE(same, err, AUTH_FAILED, "the check value of the decrypted key does not verify");
    *n = len;
    return SCHLOSS_OK;
}

static schloss_rc gcm_key(aead_key_t **out, bytes_t key, schloss_error_t *err) {
    ENSURE(key.len == 16 || key.len == 32, err, BAD_KEY, "the key has %zu bits; only 128 and 256 can be used here",
           key.len * 8);
    return aead_key_new(out, key.len == 16 ? DEK_AES128_GCM : DEK_AES256_GCM, key, AEAD_AUTO, err);
}

schloss_rc kmip_local_seal(uint8_t *out, bytes_t key, bytes_t plain, const uint8_t *iv, schloss_error_t *err) {
    aead_key_t *k = NULL;
    TRY(gcm_key(&k, key, err));
    schloss_rc rc = aead_seal(k, plain.ptr, plain.len, iv, out, err);
    aead_key_free(k);
    return rc;
}

static schloss_rc open_gcm(uint8_t *out, size_t *n, bytes_t key, const kmip_blob_t *b, schloss_error_t *err) {
    aead_key_t *k = NULL;
    TRY(gcm_key(&k, key, err));
    /* iv, ciphertext and tag lie one behind the other in the blob */
    schloss_rc rc = aead_open(k, b->iv.ptr, b->iv.len + b->data.len + b->tag.len, out, err);
    aead_key_free(k);
    *n = b->data.len;
    return rc;
}

static schloss_rc open_cbc(uint8_t *out, size_t *n, bytes_t key, const kmip_blob_t *b, schloss_error_t *err) {
    const char *cipher = key.len == 16   ? "AES-128-CBC"
                         : key.len == 24 ? "AES-192-CBC"
                         : key.len == 32 ? "AES-256-CBC"
                                         : NULL;
    ENSURE(cipher != NULL, err, BAD_KEY, "the key has %zu bytes, which no AES key has", key.len);
    EVP_CIPHER_CTX *ctx = ossl_cipher_new(cipher, key.ptr, false);
    if (ctx == NULL) {
        return ossl_fail(cipher, err);
    }
    uint8_t plain[KMIP_PLAIN_MAX + BLOCK_LEN];
    int len = 0, last = 0;
    bool ok = EVP_CipherInit_ex2(ctx, NULL, NULL, b->iv.ptr, 0, NULL) == 1 &&
              EVP_CipherUpdate(ctx, plain, &len, b->data.ptr, (int)b->data.len) == 1;
    bool fits = ok && EVP_CipherFinal_ex(ctx, plain + len, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    schloss_rc rc = SCHLOSS_OK;
    if (!ok) {
        rc = ossl_fail(cipher, err);
    } else if (!fits) {
        (void)ossl_fail(cipher, NULL); /* empties the queue */
        rc = FAIL(err, AUTH_FAILED, "the padding of the decrypted key is wrong");
    } else {
        *n = (size_t)len + (size_t)last;
        rc = kmip_check_strip(plain, n, err);
        memcpy(out, plain, rc == SCHLOSS_OK ? *n : 0);
    }
    mem_wipe(plain, sizeof plain);
    return rc;
}

schloss_rc kmip_local_open(uint8_t *out, size_t *n, bytes_t key, const kmip_blob_t *b, schloss_error_t *err) {
    return b->mode == KMIP_MODE_CBC ? open_cbc(out, n, key, b, err) : open_gcm(out, n, key, b, err);
}
