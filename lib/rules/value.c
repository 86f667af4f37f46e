/* Encrypting and decrypting one value, or handing it to an application.
 *
 *     [00 | DEK version, 4 bytes big-endian]   iff the rule has an expiry
 *     IV 12 | ciphertext | tag 16              GCM
 *     synthetic IV 16 | ciphertext             SIV
 *
 * base64 of all that for a string, the bare bytes otherwise. Golden bytes: tests/vectors/data/field-avro.json. */
#include "rules/value.h"
#include "base/text.h"
#include "crypto/nonce.h"

#define PREFIX_LEN 5u

static schloss_rc key_for_writing(plan_crypt_t *c, const dek_key_t **key, schloss_error_t *err) {
    c->missing = 0;
    return dek_use_get(c->use, 0, c->mono_ms, key, err);
}

/* Seals plain into at, which has room for prefix + overhead + plain.len. */
static schloss_rc seal(plan_crypt_t *c, const dek_key_t *key, bytes_t plain, uint8_t *at, schloss_error_t *err) {
    uint8_t nonce[GCM_NONCE_LEN];
    if (c->versioned) {
        at[0] = 0;
        be32_write(at + 1, (uint32_t)key->version);
        at += PREFIX_LEN;
    }
    if (c->alg != DEK_AES256_SIV) {
        TRY(nonce_take(nonce, err));
    }
    c->n_values++;
    return aead_seal(key->aead, plain.ptr, plain.len, nonce, at, err);
}

static size_t sealed_len(const plan_crypt_t *c, size_t n) {
    return n + aead_overhead(c->alg) + (c->versioned ? PREFIX_LEN : 0);
}

schloss_rc payload_encrypt(plan_crypt_t *c, bytes_t plain, buf_t *out, schloss_error_t *err) {
    const dek_key_t *key = NULL;
    TRY(key_for_writing(c, &key, err));
    size_t n = sealed_len(c, plain.len);
    if (!buf_reserve(out, n)) {
        return buf_check(out, err);
    }
    TRY(seal(c, key, plain, out->ptr + out->len, err));
    out->len += n;
    return SCHLOSS_OK;
}

static size_t head_write(uint8_t *at, value_head_t head, size_t n) {
    switch (head) {
    case HEAD_NONE:
        return 0;
    case HEAD_ZIGZAG:
        return varlong_write(at, (int64_t)n);
    case HEAD_VARINT:
        return uvarlong_write(at, n);
    }
    return 0;
}

static schloss_rc value_encrypt(plan_crypt_t *c, bytes_t plain, bool is_string, value_head_t head, buf_t *out,
                                schloss_error_t *err) {
    const dek_key_t *key = NULL;
    /* no reader could give such a string back: better now than when the producer is gone */
    ENSURE(!is_string || utf8_valid(plain.ptr, plain.len), err, DATA_MISMATCH,
           "the record does not fit its schema: a string is not valid UTF-8");
    TRY(key_for_writing(c, &key, err));
    size_t n = sealed_len(c, plain.len);
    size_t text_len = is_string ? B64_LEN(n) : n;
    if (!buf_reserve(out, text_len + 10)) {
        return buf_check(out, err);
    }
    uint8_t *at = out->ptr + out->len;
    at += head_write(at, head, text_len);
    if (is_string) {
        buf_rewind(c->scratch); /* ciphertext: nothing to wipe */
        if (!buf_reserve(c->scratch, n)) {
            return buf_check(c->scratch, err);
        }
        TRY(seal(c, key, plain, c->scratch->ptr, err));
        at += b64_encode(at, c->scratch->ptr, n);
    } else {
        TRY(seal(c, key, plain, at, err));
        at += n;
    }
    out->len = (size_t)(at - out->ptr);
    return SCHLOSS_OK;
}

/* Takes the version prefix off and finds the key. */
static schloss_rc key_for_reading(plan_crypt_t *c, bytes_t *cipher, const dek_key_t **key, schloss_error_t *err) {
    int32_t version = 1;
    if (c->versioned) {
        ENSURE(cipher->len == 0 || cipher->ptr[0] == 0, err, BAD_VERSION_MAGIC,
               "Unknown magic byte! The rule has an expiry, the ciphertext no version prefix");
        ENSURE(cipher->len >= PREFIX_LEN, err, CIPHERTEXT_TOO_SHORT,
               "ciphertext of %zu bytes has no room for the DEK "
               "version",
               cipher->len);
        version = (int32_t)be32_read(cipher->ptr + 1);
        *cipher = bytes(cipher->ptr + PREFIX_LEN, cipher->len - PREFIX_LEN);
    }
    ENSURE(cipher->len >= aead_overhead(c->alg), err, CIPHERTEXT_TOO_SHORT,
           "ciphertext of %zu bytes is too short for %s", cipher->len, dek_alg_name(c->alg));
    c->missing = version;
    return dek_use_get(c->use, version, c->mono_ms, key, err);
}

/* A KEK that is not shared, and a reader that takes ciphertext for an answer: the value stays as it lies there. */
static schloss_rc pass_through(plan_crypt_t *c, bytes_t in, value_head_t head, buf_t *out, schloss_error_t *err) {
    uint8_t len[10];
    c->n_passed++;
    buf_put(out, len, head_write(len, head, in.len));
    buf_put(out, in.ptr, in.len);
    return buf_check(out, err);
}

schloss_rc payload_decrypt(plan_crypt_t *c, bytes_t cipher, buf_t *out, schloss_error_t *err) {
    const dek_key_t *key = NULL;
    bytes_t in = cipher;
    schloss_rc rc = key_for_reading(c, &cipher, &key, err);
    if (rc == ENV_PASSTHROUGH) {
        return pass_through(c, in, HEAD_NONE, out, err);
    }
    TRY(rc);
    size_t n = cipher.len - aead_overhead(c->alg);
    if (!buf_reserve(out, n + 1)) {
        return buf_check(out, err);
    }
    c->n_values++;
    TRY(aead_open(key->aead, cipher.ptr, cipher.len, out->ptr + out->len, err));
    out->len += n;
    return SCHLOSS_OK;
}

static schloss_rc value_decrypt(plan_crypt_t *c, bytes_t cipher, bool is_string, value_head_t head, buf_t *out,
                                schloss_error_t *err) {
    const dek_key_t *key = NULL;
    bytes_t in = cipher;
    if (is_string) {
        size_t n = 0;
        buf_rewind(c->scratch); /* ciphertext: nothing to wipe */
        if (!buf_reserve(c->scratch, cipher.len / 4 * 3 + 6)) {
            return buf_check(c->scratch, err);
        }
        if (!b64_decode(c->scratch->ptr, &n, cipher.ptr, cipher.len)) {
            schloss_rc rc = FAIL(err, BAD_BASE64, "the value is no base64, so it is no ciphertext of this rule");
            err_hint(err, "was the record written before the rule existed, or by a producer without it?");
            return rc;
        }
        cipher = bytes(c->scratch->ptr, n);
    }
    schloss_rc rc = key_for_reading(c, &cipher, &key, err);
    if (__builtin_expect(rc == ENV_PASSTHROUGH, 0)) {
        return pass_through(c, in, head, out, err);
    }
    TRY(rc);
    size_t n = cipher.len - aead_overhead(c->alg);
    if (!buf_reserve(out, n + 11)) {
        return buf_check(out, err);
    }
    uint8_t *at = out->ptr + out->len;
    size_t before = head_write(at, head, n);
    c->n_values++;
    TRY(aead_open(key->aead, cipher.ptr, cipher.len, at + before, err));
    if (is_string && !utf8_valid(at + before, n)) {
        mem_wipe(at, before + n);
        return FAIL(err, BAD_UTF8, "the decrypted string is not valid UTF-8");
    }
    out->len += before + n;
    return SCHLOSS_OK;
}

/* What an application makes of a value; its length is known only afterwards. */
static schloss_rc value_custom(plan_crypt_t *c, const char *field, bytes_t in, bool is_string, value_head_t head,
                               buf_t *out, schloss_error_t *err) {
    uint8_t len[10];
    buf_t *made = c->custom_out;
    buf_reset(made);
    TRY(c->custom(c->custom_user, field, in, is_string, made, err));
    TRY(buf_check(made, err));
    ENSURE(!is_string || utf8_valid(made->ptr, made->len), err, DATA_MISMATCH,
           "the rule's executor made a string that is not valid UTF-8");
    c->n_values++;
    buf_put(out, len, head_write(len, head, made->len));
    buf_put(out, made->ptr, made->len);
    return buf_check(out, err);
}

schloss_rc value_transform(plan_crypt_t *c, const char *field, bytes_t in, bool is_string, value_head_t head,
                           buf_t *out, schloss_error_t *err) {
    if (__builtin_expect(c->custom != NULL, 0)) {
        return value_custom(c, field, in, is_string, head, out, err);
    }
    return c->writing ? value_encrypt(c, in, is_string, head, out, err)
                      : value_decrypt(c, in, is_string, head, out, err);
}
